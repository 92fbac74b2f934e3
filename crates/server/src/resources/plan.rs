//! The difference between what is declared and what is there, and how it is shown.

use super::actual::{self, Actual};
use super::declared::{DeadLetters, Declared, Queue};
use super::{streams, topics};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What has to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// Queues that go, and how many messages go with them.
    pub(crate) deletions: BTreeMap<String, u64>,
    pub(crate) streams: Vec<streams::plan::Step>,
    /// Streams that go.
    pub(crate) stream_deletions: BTreeSet<String>,
    pub(crate) topics: Vec<topics::plan::Step>,
    /// Topics that go, by their names: their ARNs.
    pub(crate) topic_deletions: BTreeMap<String, String>,
}

/// What has to be done to one queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) name: String,
    /// There is no such queue yet.
    pub(crate) is_new: bool,
    pub(crate) attributes: Vec<Change>,
    pub(crate) tags: Vec<Change>,
    /// Tags that go.
    pub(crate) untag: Vec<String>,
    pub(crate) dead_letters: Option<(Option<DeadLetters>, DeadLetters)>,
}

/// One value that is set, and what it was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) name: String,
    pub(crate) from: Option<String>,
    pub(crate) to: String,
}

impl Plan {
    /// The difference. With `prune`, what is there and not declared goes.
    pub(crate) fn new(declared: &Declared, actual: &Actual, prune: bool) -> Self {
        let step = |(name, queue): (&String, &Queue)| Step::new(name, queue, actual.queues.get(name));
        let deletions = if prune { actual.others.clone() } else { BTreeMap::new() };
        let of_stream = |(name, stream): (&String, &streams::Stream)| {
            streams::plan::Step::new(name, stream, actual.streams.get(name))
        };
        let of_topic = |(name, topic): (&String, &topics::Topic)| {
            topics::plan::Step::new(name, topic, actual.topics.get(name), prune)
        };
        Self {
            steps: declared.queues.iter().filter_map(step).collect(),
            deletions,
            streams: declared.streams.iter().flatten().filter_map(of_stream).collect(),
            stream_deletions: if prune { actual.other_streams.clone() } else { BTreeSet::new() },
            topics: declared.topics.iter().flatten().filter_map(of_topic).collect(),
            topic_deletions: if prune { actual.other_topics.clone() } else { BTreeMap::new() },
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Queues, topics and streams that change.
    pub(crate) fn len(&self) -> usize {
        let of_topics = self.topics.len() + self.topic_deletions.len();
        self.steps.len() + self.deletions.len() + self.streams.len() + self.stream_deletions.len() + of_topics
    }

    /// What is lost by it, in words that follow "this will".
    pub(crate) fn loss(&self) -> Option<String> {
        let messages: u64 = self.deletions.values().sum();
        let (queues, streams) = (self.deletions.len(), self.stream_deletions.len());
        let of_queues = (queues > 0).then(|| format!("{queues} queues with {messages} messages"));
        let of_streams = (streams > 0).then(|| format!("{streams} streams with all their records"));
        let topics = self.topic_deletions.len();
        let of_topics = (topics > 0).then(|| format!("{topics} topics with all their subscriptions"));
        let ends: usize = self.topics.iter().map(|step| step.ends.len()).sum();
        let of_ends = (ends > 0).then(|| format!("{ends} subscriptions"));
        let lost: Vec<_> = [of_queues, of_topics, of_ends, of_streams].into_iter().flatten().collect();
        (!lost.is_empty()).then(|| format!("delete {}", lost.join(" and ")))
    }
}

impl Step {
    fn new(name: &str, wanted: &Queue, found: Option<&actual::Queue>) -> Option<Self> {
        let nothing = actual::Queue::default();
        let is = found.unwrap_or(&nothing);
        let tags = wanted.tags.as_ref();
        let gone = is.tags.keys().filter(|key| tags.is_some_and(|tags| !tags.contains_key(*key)));
        let dead_letters = wanted.dead_letters.clone().filter(|wanted| is.dead_letters.as_ref() != Some(wanted));
        let step = Self {
            name: name.to_owned(),
            is_new: found.is_none(),
            attributes: changes(&wanted.attributes, &is.attributes),
            tags: tags.map(|tags| changes(tags, &is.tags)).unwrap_or_default(),
            untag: gone.cloned().collect(),
            dead_letters: dead_letters.map(|wanted| (is.dead_letters.clone(), wanted)),
        };
        let is_nothing = !step.is_new
            && step.attributes.is_empty()
            && step.tags.is_empty()
            && step.untag.is_empty()
            && step.dead_letters.is_none();
        (!is_nothing).then_some(step)
    }
}

pub(super) fn changes(wanted: &BTreeMap<String, String>, found: &BTreeMap<String, String>) -> Vec<Change> {
    let differs = |(name, to): &(&String, &String)| !found.get(*name).is_some_and(|from| is_same(from, to));
    let change =
        |(name, to): (&String, &String)| Change { name: name.clone(), from: found.get(name).cloned(), to: to.clone() };
    wanted.iter().filter(differs).map(change).collect()
}

/// Policies mean the same however their JSON is laid out.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    let object = |text: &str| serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
    a == b || object(a).is_some_and(|a| object(b).is_some_and(|b| a == b))
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "nothing to do: the server has what is declared");
        }
        self.steps.iter().try_for_each(|step| write!(f, "{step}"))?;
        self.topics.iter().try_for_each(|step| write!(f, "{step}"))?;
        self.streams.iter().try_for_each(|step| write!(f, "{step}"))?;
        self.deletions.iter().try_for_each(|(name, messages)| writeln!(f, "- queue {name} ({messages} messages)"))?;
        self.topic_deletions.keys().try_for_each(|name| writeln!(f, "- topic {name}"))?;
        self.stream_deletions.iter().try_for_each(|name| writeln!(f, "- stream {name}"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} queue {}", if self.is_new { '+' } else { '~' }, self.name)?;
        self.attributes.iter().try_for_each(|change| writeln!(f, "    {change}"))?;
        self.tags.iter().try_for_each(|change| writeln!(f, "    tag {change}"))?;
        self.untag.iter().try_for_each(|key| writeln!(f, "    tag {key} goes"))?;
        let Some((from, to)) = &self.dead_letters else { return Ok(()) };
        let shown = |dead: &DeadLetters| format!("{} after {} receives", dead.queue, dead.max_receives);
        let from = from.as_ref().map(|from| format!("{} -> ", shown(from))).unwrap_or_default();
        writeln!(f, "    dead letters: {from}{}", shown(to))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.from {
            Some(from) => write!(f, "{}: {from} -> {}", self.name, self.to),
            None => write!(f, "{} = {}", self.name, self.to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn dead(queue: &str, max_receives: u32) -> Option<DeadLetters> {
        Some(DeadLetters { queue: queue.into(), max_receives })
    }

    fn declared() -> Declared {
        let jobs = Queue {
            attributes: map(&[("VisibilityTimeout", "60"), ("Policy", r#"{ "b": 1, "a": 2 }"#)]),
            tags: Some(map(&[("team", "billing")])),
            dead_letters: dead("jobs-dead", 5),
        };
        let queues = [("jobs".to_owned(), jobs), ("jobs-dead".to_owned(), Queue::default())].into();
        Declared { queues, ..Declared::default() }
    }

    #[test]
    fn what_is_as_declared_needs_nothing_and_what_is_not_named_stays() {
        let is = actual::Queue {
            attributes: map(&[("VisibilityTimeout", "60"), ("Policy", r#"{"a":2,"b":1}"#), ("DelaySeconds", "7")]),
            tags: map(&[("team", "billing")]),
            dead_letters: dead("jobs-dead", 5),
        };
        let other = actual::Queue { tags: map(&[("by", "hand")]), ..actual::Queue::default() };
        let queues = [("jobs".to_owned(), is), ("jobs-dead".to_owned(), other)].into();
        let others = [("else".to_owned(), 3)].into();
        let actual = Actual { queues, others, ..Actual::default() };
        assert_eq!(Plan::new(&declared(), &actual, false), Plan::default());
        let pruned = Plan::new(&declared(), &actual, true);
        assert_eq!(pruned.to_string(), "- queue else (3 messages)\n");
        assert_eq!(pruned.loss().unwrap(), "delete 1 queues with 3 messages");
    }

    #[test]
    fn a_difference_is_shown_line_by_line() {
        let is = actual::Queue {
            attributes: map(&[("VisibilityTimeout", "30")]),
            tags: map(&[("team", "x"), ("old", "y")]),
            dead_letters: dead("elsewhere", 3),
        };
        let actual = Actual { queues: [("jobs".to_owned(), is)].into(), ..Actual::default() };
        expect![[r#"
            ~ queue jobs
                Policy = { "b": 1, "a": 2 }
                VisibilityTimeout: 30 -> 60
                tag team: x -> billing
                tag old goes
                dead letters: elsewhere after 3 receives -> jobs-dead after 5 receives
            + queue jobs-dead
        "#]]
        .assert_eq(&Plan::new(&declared(), &actual, false).to_string());
    }
}
