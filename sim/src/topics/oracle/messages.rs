//! Messages of topics: how often each was published, what came of that, and where it has to arrive.
//!
//! A message that was acknowledged has to arrive at every subscription that surely wanted it then, and may at every one that may have.
//! What repeats another one within five minutes has its id and is no message of its own; a message that does not has a new one.

use super::slots::wants;
use super::{Situation, Topics, text};
use crate::oracle::Verdict;
use crate::topics::{DEDUP_MILLIS, QUEUES, SLOTS, TOPICS, Target, slots_of};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What somebody is about to publish.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) topic: usize,
    pub(crate) group: Option<usize>,
    /// The deduplication id: none, one of its own if it is empty, or a shared one.
    pub(crate) dedup: Option<String>,
    pub(crate) of_attribute: &'static str,
    pub(crate) of_body: &'static str,
    pub(crate) filler: usize,
}

/// One message.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) draft: Draft,
    pub(super) body: String,
    pub(super) attempts: Vec<Attempt>,
    /// Subscriptions at which it has to arrive, and such whose queue for dead letters has to have it.
    pub(super) must: BTreeSet<usize>,
    pub(super) must_be_dead: BTreeSet<usize>,
    /// Subscriptions of which all have it or none.
    pub(super) together: Vec<usize>,
    /// Where it has arrived, and where it has been given up.
    pub(super) arrived: BTreeSet<usize>,
    pub(super) dead: BTreeSet<usize>,
    /// When it was acknowledged as none that repeats another.
    pub(super) accepted: Option<u64>,
    pub(super) ids: BTreeSet<String>,
    /// Sequence number of the topic.
    pub(super) sequence: Option<u128>,
}

/// One publish of a message.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) asked: u64,
    pub(super) asked_wall: u64,
    pub(super) fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Pending,
    /// It never arrived.
    Never,
    /// Until this event it may have been carried out.
    Unknown(u64),
    Accepted(u64),
    /// It was known to repeat another message.
    Repeats,
}

/// What makes a message the repetition of another.
pub(super) type Key = (usize, Option<usize>, String);

/// A message as a topic knows it, by the id that it gave.
#[derive(Debug)]
pub(super) struct Acceptance {
    key: Key,
    /// Which it is, if that is sure.
    number: Option<usize>,
    /// Between which moments it was published.
    at: (u64, u64),
    /// Since which event that is known.
    answered: u64,
    sequence: u128,
}

impl Message {
    pub(super) fn first_asked(&self) -> u64 {
        self.attempts.first().map_or(u64::MAX, |attempt| attempt.asked)
    }

    /// Whether somebody may have published it without having been told so.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.attempts.iter().any(|attempt| matches!(attempt.fate, Fate::Pending | Fate::Unknown(_)))
    }
}

impl Topics {
    /// A message that somebody is about to publish; its number.
    pub(crate) fn new_message(&mut self, draft: Draft) -> usize {
        let number = self.messages.len();
        let filler = "<&\u{e9}\n".repeat(draft.filler / 5);
        let body = json!({"number": number, "kind": draft.of_body, "filler": filler}).to_string();
        if let Some(group) = draft.group {
            self.groups.entry((draft.topic, group)).or_default().push(number);
        }
        self.messages.push(Message {
            draft,
            body,
            attempts: Vec::new(),
            must: BTreeSet::new(),
            must_be_dead: BTreeSet::new(),
            together: Vec::new(),
            arrived: BTreeSet::new(),
            dead: BTreeSet::new(),
            accepted: None,
            ids: BTreeSet::new(),
            sequence: None,
        });
        number
    }

    /// What a message says.
    pub(crate) fn message(&self, number: usize) -> (&Draft, &str) {
        let message = &self.messages[number];
        (&message.draft, &message.body)
    }

    /// The latest messages of a topic.
    pub(crate) fn latest(&self, topic: usize, count: usize) -> Vec<usize> {
        let of_topic = (0..self.messages.len()).rev().filter(|number| self.messages[*number].draft.topic == topic);
        of_topic.take(count).collect()
    }

    pub(super) fn key(&self, number: usize) -> Key {
        let Draft { topic, group, dedup, .. } = &self.messages[number].draft;
        let id = match dedup.as_deref() {
            None => format!("content-{number}"),
            Some("") => format!("own-{number}"),
            Some(shared) => shared.to_owned(),
        };
        (*topic, group.filter(|_| TOPICS[*topic].within_groups), id)
    }

    pub(super) fn publish_asked(&mut self, numbers: &[usize], asked: u64, asked_wall: u64) {
        for number in numbers {
            self.messages[*number].attempts.push(Attempt { asked, asked_wall, fate: Fate::Pending });
            let key = self.key(*number);
            self.of_key.entry(key).or_default().push(*number);
        }
    }

    /// What became of a publish that was asked at this event.
    fn ends(&mut self, number: usize, asked: u64, fate: Fate) {
        let mut attempts = self.messages[number].attempts.iter_mut();
        if let Some(attempt) = attempts.find(|attempt| attempt.asked == asked) {
            attempt.fate = fate;
        }
    }

    /// Nobody knows what became of it, or it never arrived.
    pub(super) fn publish_lost(&mut self, numbers: &[usize], now: &Situation, whole: bool) {
        let fate = if whole { Fate::Unknown(now.at) } else { Fate::Never };
        for number in numbers {
            self.ends(*number, now.asked, fate);
            let Message { draft, attempts, .. } = &self.messages[*number];
            let is_shared = draft.dedup.as_deref().is_some_and(|dedup| !dedup.is_empty());
            if whole && !now.unavailable && !is_shared && attempts.len() == 1 {
                let together = self.surely_wanted_by(*number, now);
                self.messages[*number].together = together;
            }
        }
    }

    /// Subscriptions of queues that are there for ever which surely wanted a message during a request.
    fn surely_wanted_by(&self, number: usize, now: &Situation) -> Vec<usize> {
        let is_lasting =
            |slot: &usize| matches!(SLOTS[*slot].target, Target::Queue(queue) if !QUEUES[queue].is_volatile);
        let topic = self.messages[number].draft.topic;
        slots_of(topic).filter(is_lasting).filter(|slot| self.surely_wants(*slot, number, now)).collect()
    }

    fn surely_wants(&self, slot: usize, number: usize, now: &Situation) -> bool {
        let draft = &self.messages[number].draft;
        self.slots[slot].known.within(now.asked, now.at).iter().all(|state| wants(state, draft))
    }

    /// Whether a subscription may have been sent a message.
    pub(super) fn may_have(&self, number: usize, slot: usize) -> bool {
        let message = &self.messages[number];
        message.draft.topic == SLOTS[slot].topic
            && message.attempts.iter().any(|attempt| {
                let until = match attempt.fate {
                    Fate::Pending => u64::MAX,
                    Fate::Unknown(at) | Fate::Accepted(at) => at,
                    Fate::Never | Fate::Repeats => return false,
                };
                let states = self.slots[slot].known.within(attempt.asked, until);
                states.iter().any(|state| wants(state, &message.draft))
            })
    }

    /// A publish was acknowledged, entry by entry.
    pub(super) fn published(&mut self, topic: usize, number: usize, now: &Situation, entry: &Value) -> Verdict {
        let id = text(entry, "MessageId")?.to_owned();
        self.messages[number].ids.insert(id.clone());
        let since = match TOPICS[topic].is_fifo {
            true => self.accepted_in_order(number, &id, now, entry)?,
            false => {
                if self.ids.insert(id.clone(), number).is_some() {
                    return Err(format!("message {number} has the id {id} of another"));
                }
                Some(now.asked)
            }
        };
        let Some(since) = since else { return Ok(()) };
        self.ends(number, now.asked, Fate::Accepted(now.at));
        self.messages[number].accepted.get_or_insert(now.at);
        self.has_to_arrive(number, &Situation { asked: since, ..*now });
        Ok(())
    }

    fn has_to_arrive(&mut self, number: usize, now: &Situation) {
        for slot in slots_of(self.messages[number].draft.topic) {
            if !self.surely_wants(slot, number, now) {
                continue;
            }
            let is_there = match SLOTS[slot].target {
                Target::Queue(queue) => self.queues[queue].within(now.asked, now.at),
                Target::Receiver(_) => BTreeSet::from([true]),
            };
            let message = &mut self.messages[number];
            match (is_there.contains(&true), is_there.contains(&false)) {
                (true, false) => _ = message.must.insert(slot),
                (false, true) if SLOTS[slot].dead.is_some() => _ = message.must_be_dead.insert(slot),
                _ => {}
            }
        }
    }

    /// Since when a message of a topic that keeps order may have been carried out, if it is surely a new one: an earlier publish of it
    /// that nobody was answered may be the one, and went to whom it found then.
    fn accepted_in_order(
        &mut self,
        number: usize,
        id: &str,
        now: &Situation,
        entry: &Value,
    ) -> Result<Option<u64>, String> {
        let key = self.key(number);
        let sequence = text(entry, "SequenceNumber")?;
        let sequence = sequence.parse::<u128>().map_err(|_| format!("a sequence number {sequence}"))?;
        if let Some(known) = self.acceptances.get(id) {
            let Acceptance { key: of, number: is_of, at, sequence: before, .. } = known;
            if *of != key {
                return Err(format!("message {number} has the id {id} of another: {of:?}"));
            }
            if *before != sequence {
                return Err(format!("message {number} has the sequence number {sequence}, and {before} before"));
            }
            if now.asked_wall > at.1 + DEDUP_MILLIS {
                return Err(format!("message {number} is taken for one of {} ms before", now.asked_wall - at.1));
            }
            self.repetitions += 1;
            let fate = if is_of.is_some() { Fate::Repeats } else { Fate::Unknown(now.at) };
            self.ends(number, now.asked, fate);
            return Ok(None);
        }
        self.check_is_new(number, &key, now)?;
        let (asked, at, others) = self.doubts(number, &key, now);
        self.check_rises(number, sequence, asked, now.at)?;
        let is_sure = !others;
        let acceptance = Acceptance {
            number: is_sure.then_some(number),
            at: (at, now.wall),
            answered: now.at,
            sequence,
            key: key.clone(),
        };
        self.acceptances.insert(id.to_owned(), acceptance);
        self.ids_of_key.entry(key).or_default().push(id.to_owned());
        if is_sure {
            self.messages[number].sequence.get_or_insert(sequence);
        } else {
            self.ends(number, now.asked, Fate::Unknown(now.at));
        }
        Ok(is_sure.then_some(asked))
    }

    /// Within five minutes of one that it repeats no message is new.
    fn check_is_new(&self, number: usize, key: &Key, now: &Situation) -> Verdict {
        let ids = self.ids_of_key.get(key).into_iter().flatten();
        let repeated = ids
            .filter_map(|id| Some((id, self.acceptances.get(id)?)))
            .find(|(_, known)| known.answered < now.asked && known.at.0 + DEDUP_MILLIS > now.wall);
        match repeated {
            None => Ok(()),
            Some((id, known)) => Err(format!(
                "message {number} is published twice: it is what {id} is, of {} ms before",
                now.wall - known.at.0
            )),
        }
    }

    /// Since when a publish that is acknowledged now may have been carried out, as an event and a moment, by an earlier one of the same
    /// deduplication id whose answer nobody has read, and whether that may have been another message.
    fn doubts(&self, number: usize, key: &Key, now: &Situation) -> (u64, u64, bool) {
        let (mut asked, mut since, mut is_other) = (now.asked, now.asked_wall, false);
        for other in self.of_key.get(key).into_iter().flatten() {
            for attempt in &self.messages[*other].attempts {
                let is_open = matches!(attempt.fate, Fate::Pending | Fate::Unknown(_));
                if is_open && attempt.asked != now.asked {
                    asked = asked.min(attempt.asked);
                    since = since.min(attempt.asked_wall);
                    is_other |= *other != number;
                }
            }
        }
        (asked, since, is_other)
    }

    /// Whoever asks when another has been answered gets a greater number.
    fn check_rises(&mut self, number: usize, sequence: u128, asked: u64, at: u64) -> Verdict {
        let known = self.sequences.entry(self.messages[number].draft.topic).or_default();
        let before = known.partition_point(|(answered, _)| *answered < asked);
        let most = before.checked_sub(1).map_or(0, |last| known[last].1);
        if sequence <= most {
            return Err(format!("message {number} has the sequence number {sequence} behind {most}"));
        }
        let most = known.last().map_or(sequence, |(_, most)| sequence.max(*most));
        known.push((at, most));
        Ok(())
    }
}
