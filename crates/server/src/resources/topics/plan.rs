//! The difference between a topic that is declared and the one that is there, and how it is shown.

use super::actual::{Found, FoundSubscription, beside};
use super::{Subscription, Topic};
use crate::resources::plan::{Change, changes, is_same};
use delivery::Endpoint;
use std::collections::BTreeMap;
use std::fmt;

/// What has to be done to one topic.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) name: String,
    /// The topic that is there, if there is one.
    pub(crate) arn: Option<String>,
    pub(crate) attributes: Vec<Change>,
    pub(crate) tags: Vec<Change>,
    /// Tags that go.
    pub(crate) untag: Vec<String>,
    pub(crate) data_protection: Option<String>,
    /// Subscriptions that are made or changed, by the file's names.
    pub(crate) subscriptions: Vec<(String, OfSubscription)>,
    /// Subscriptions that end: their ARNs, and who gets nothing any more.
    pub(crate) ends: Vec<(String, String)>,
}

/// What has to be done to one subscription.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OfSubscription {
    Make(Subscription),
    Change {
        arn: String,
        /// In the order in which they are set.
        attributes: Vec<Change>,
        /// Where dead letters go, by name or ARN.
        dead_letters: Option<(Option<String>, String)>,
    },
}

/// What of a subscription the server keeps to itself.
const SECRET: &str = "TidewireHmacKey";

impl Step {
    /// The difference, if there is one. With `prune`, subscriptions that are not declared end, if any are.
    pub(in crate::resources) fn new(name: &str, wanted: &Topic, found: Option<&Found>, prune: bool) -> Option<Self> {
        let nothing = Found::default();
        let is = found.unwrap_or(&nothing);
        let tags = wanted.tags.as_ref();
        let gone = is.tags.keys().filter(|key| tags.is_some_and(|tags| !tags.contains_key(*key)));
        let protection = wanted.data_protection.clone().filter(|wanted| !is_same(&is.data_protection, wanted));
        let step = Self {
            name: name.to_owned(),
            arn: found.map(|found| found.arn.clone()),
            attributes: of_topic(wanted, is),
            tags: tags.map(|tags| changes(tags, &is.tags)).unwrap_or_default(),
            untag: gone.cloned().collect(),
            data_protection: protection,
            subscriptions: subscriptions(wanted, is),
            ends: if prune { ends(wanted, is) } else { Vec::new() },
        };
        let is_nothing = step.arn.is_some()
            && step.attributes.is_empty()
            && step.tags.is_empty()
            && step.untag.is_empty()
            && step.data_protection.is_none()
            && step.subscriptions.is_empty()
            && step.ends.is_empty();
        (!is_nothing).then_some(step)
    }
}

fn of_topic(wanted: &Topic, is: &Found) -> Vec<Change> {
    let mut changes = changes(&wanted.attributes, &is.attributes);
    changes.retain(|change| match (change.name.as_str(), change.to.as_str(), &change.from) {
        // Without a value it is what it is by default.
        ("Policy", "", Some(from)) => !sns::is_default_policy(&is.arn, from),
        (_, to, from) => !to.is_empty() || from.as_ref().is_some_and(|from| !from.is_empty()),
    });
    changes
}

/// Whether a subscription that is there is the one that is meant.
fn is_of(topic: &str, wanted: &Subscription, found: &FoundSubscription) -> bool {
    wanted.protocol == found.is.protocol && shown(topic, wanted) == found.is.endpoint
}

/// An endpoint as the server shows it: without a password, and of a queue beside the topic its name.
fn shown(topic: &str, subscription: &Subscription) -> String {
    match subscription.protocol.as_str() {
        "http" | "https" => {
            let parsed = Endpoint::parse(&subscription.endpoint).map(|endpoint| endpoint.shown());
            parsed.unwrap_or_else(|_| subscription.endpoint.clone())
        }
        _ => beside(topic, &subscription.endpoint),
    }
}

fn subscriptions(wanted: &Topic, is: &Found) -> Vec<(String, OfSubscription)> {
    let of = |(name, wanted): (&String, &Subscription)| {
        let found = is.subscriptions.iter().find(|found| is_of(&is.arn, wanted, found));
        let change = match found {
            None => Some(OfSubscription::Make(wanted.clone())),
            Some(found) => change(&is.arn, wanted, found),
        };
        change.map(|change| (name.clone(), change))
    };
    wanted.subscriptions.iter().flatten().filter_map(of).collect()
}

fn change(topic: &str, wanted: &Subscription, found: &FoundSubscription) -> Option<OfSubscription> {
    // One that is not confirmed is let alone: nobody is told its ARN.
    let arn = found.arn.clone()?;
    let mut attributes = changes(&wanted.attributes, &found.is.attributes);
    let asks_for_nothing = |to: &str| to.is_empty() || is_same(to, "{}");
    attributes.retain(|change| change.name != SECRET && (change.from.is_some() || !asks_for_nothing(&change.to)));
    // A nested policy needs the scope of bodies: that comes before it, and goes after it.
    let widens = attributes.iter().any(|change| change.name == "FilterPolicyScope" && change.to == "MessageBody");
    attributes.sort_by_key(|change| (change.name == "FilterPolicyScope") != widens);
    let dead_letters = wanted.dead_letters.as_ref().map(|queue| beside(topic, queue));
    let dead_letters = dead_letters.filter(|queue| Some(queue) != found.is.dead_letters.as_ref());
    let dead_letters = dead_letters.filter(|queue| !queue.is_empty() || found.is.dead_letters.is_some());
    let dead_letters = dead_letters.map(|to| (found.is.dead_letters.clone(), to));
    let is_nothing = attributes.is_empty() && dead_letters.is_none();
    (!is_nothing).then_some(OfSubscription::Change { arn, attributes, dead_letters })
}

fn ends(wanted: &Topic, is: &Found) -> Vec<(String, String)> {
    let Some(declared) = &wanted.subscriptions else { return Vec::new() };
    let is_declared = |found: &FoundSubscription| declared.values().any(|wanted| is_of(&is.arn, wanted, found));
    let gone = is.subscriptions.iter().filter(|found| !is_declared(found));
    gone.filter_map(|found| Some((found.arn.clone()?, format!("{} {}", found.is.protocol, found.is.endpoint))))
        .collect()
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} topic {}", if self.arn.is_none() { '+' } else { '~' }, self.name)?;
        self.attributes.iter().try_for_each(|change| writeln!(f, "    {change}"))?;
        self.tags.iter().try_for_each(|change| writeln!(f, "    tag {change}"))?;
        self.untag.iter().try_for_each(|key| writeln!(f, "    tag {key} goes"))?;
        self.data_protection.iter().try_for_each(|to| writeln!(f, "    data_protection = {to}"))?;
        for (name, change) in &self.subscriptions {
            shown_change(f, name, change)?;
        }
        self.ends.iter().try_for_each(|(_, receiver)| writeln!(f, "    - subscription of {receiver}"))
    }
}

fn shown_change(f: &mut fmt::Formatter<'_>, name: &str, change: &OfSubscription) -> fmt::Result {
    match change {
        OfSubscription::Make(made) => {
            let endpoint = shown("", made);
            writeln!(f, "    + subscription {name} of {} {endpoint}", made.protocol)?;
            attributes_of(&made.attributes).try_for_each(|(name, value)| writeln!(f, "        {name} = {value}"))?;
            made.dead_letters.iter().try_for_each(|queue| writeln!(f, "        dead letters: {queue}"))
        }
        OfSubscription::Change { attributes, dead_letters, .. } => {
            writeln!(f, "    ~ subscription {name}")?;
            attributes.iter().try_for_each(|change| writeln!(f, "        {change}"))?;
            dead_letters.iter().try_for_each(|(from, to)| {
                let named = |queue: &str| if queue.is_empty() { "none".to_owned() } else { queue.to_owned() };
                writeln!(f, "        dead letters: {} -> {}", named(from.as_deref().unwrap_or_default()), named(to))
            })
        }
    }
}

/// Attributes without what is nobody's to read.
fn attributes_of(attributes: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    attributes.iter().map(|(name, value)| (name.as_str(), if name == SECRET { "****" } else { value.as_str() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    const ARN: &str = "arn:aws:sns:us-east-1:000000000000:t";

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn subscription(protocol: &str, endpoint: &str, attributes: &[(&str, &str)]) -> Subscription {
        let (protocol, endpoint) = (protocol.to_owned(), endpoint.to_owned());
        Subscription { protocol, endpoint, attributes: map(attributes), dead_letters: None }
    }

    fn of(subscriptions: Vec<(&str, Subscription)>) -> Topic {
        let named = subscriptions.into_iter().map(|(name, one)| (name.to_owned(), one)).collect();
        Topic { subscriptions: Some(named), ..Topic::default() }
    }

    fn found(subscriptions: Vec<Subscription>) -> Found {
        let confirmed = |is| FoundSubscription { arn: Some(format!("{ARN}:1")), is };
        Found { arn: ARN.into(), subscriptions: subscriptions.into_iter().map(confirmed).collect(), ..Found::default() }
    }

    #[test]
    fn what_is_as_declared_needs_nothing_whatever_way_it_is_said() {
        let shown = [
            ("RawMessageDelivery", "false"),
            ("FilterPolicy", r#"{"a":["b"]}"#),
            ("FilterPolicyScope", "MessageAttributes"),
        ];
        let is = found(vec![
            subscription("sqs", "q", &shown),
            subscription("https", "https://u:****@h/", &[("RawMessageDelivery", "false")]),
        ]);
        let queue =
            subscription("sqs", "arn:aws:sqs:us-east-1:000000000000:q", &[("FilterPolicy", r#"{ "a": ["b"] }"#)]);
        let hook =
            subscription("https", "https://u:secret@h/", &[(SECRET, "0123456789abcdef"), ("FilterPolicy", "{}")]);
        assert_eq!(Step::new("t", &of(vec![("x", queue.clone()), ("y", hook)]), Some(&is), true), None);
        let pruned = Step::new("t", &of(vec![("x", queue)]), Some(&is), true).unwrap();
        assert_eq!(pruned.ends, [(format!("{ARN}:1"), "https https://u:****@h/".to_owned())]);
        assert_eq!(
            Step::new("t", &Topic::default(), Some(&is), true),
            None,
            "a topic that says nothing of them keeps them"
        );
        let pending = FoundSubscription { arn: None, is: subscription("http", "http://h/", &[]) };
        let is = Found { subscriptions: vec![pending], ..found(Vec::new()) };
        let raw = subscription("http", "http://h/", &[("RawMessageDelivery", "true")]);
        assert_eq!(
            Step::new("t", &of(vec![("x", raw)]), Some(&is), true),
            None,
            "it is let alone until it is confirmed"
        );
    }

    #[test]
    fn a_scope_of_bodies_comes_before_a_nested_policy_and_goes_after_it() {
        let nested = [("FilterPolicy", r#"{"a":{"b":[1]}}"#), ("FilterPolicyScope", "MessageBody")];
        let flat = [("FilterPolicy", r#"{"a":[1]}"#), ("FilterPolicyScope", "MessageAttributes")];
        for (from, to, order) in [
            (flat, nested, ["FilterPolicyScope", "FilterPolicy"]),
            (nested, flat, ["FilterPolicy", "FilterPolicyScope"]),
        ] {
            let wanted = of(vec![("x", subscription("sqs", "q", &to))]);
            let step = Step::new("t", &wanted, Some(&found(vec![subscription("sqs", "q", &from)])), false).unwrap();
            let (_, OfSubscription::Change { attributes, .. }) = &step.subscriptions[0] else { panic!("{step:?}") };
            assert_eq!(attributes.iter().map(|change| change.name.as_str()).collect::<Vec<_>>(), order);
        }
    }

    #[test]
    fn a_difference_is_shown_line_by_line_and_no_secret_in_it() {
        let mut changed = subscription("sqs", "q", &[("RawMessageDelivery", "true")]);
        changed.dead_letters = Some("dead".into());
        let hook = subscription("https", "https://u:secret@h/", &[(SECRET, "0123456789abcdef")]);
        let wanted = Topic {
            attributes: map(&[("SignatureVersion", "2"), ("Policy", "")]),
            tags: Some(map(&[("team", "x")])),
            ..of(vec![("a", changed), ("b", hook)])
        };
        let is = Found {
            tags: map(&[("old", "y")]),
            attributes: map(&[("DisplayName", ""), ("Policy", "")]),
            ..found(vec![subscription("sqs", "q", &[("RawMessageDelivery", "false")])])
        };
        expect![[r#"
            ~ topic t
                SignatureVersion = 2
                tag team = x
                tag old goes
                ~ subscription a
                    RawMessageDelivery: false -> true
                    dead letters: none -> dead
                + subscription b of https https://u:****@h/
                    TidewireHmacKey = ****
        "#]]
        .assert_eq(&Step::new("t", &wanted, Some(&is), false).unwrap().to_string());
    }
}
