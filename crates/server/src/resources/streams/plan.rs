//! The difference between a stream that is declared and the one that is there, and how it is shown.

use super::{Consumer, Stream};
use crate::resources::plan::is_same;
use std::collections::BTreeMap;
use std::fmt;

/// What has to be done to one stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) name: String,
    /// The stream as it has to be made, if there is none.
    pub(crate) new: Option<Stream>,
    pub(crate) changes: Vec<Change>,
}

/// A change of a stream that is there, in the order in which they are made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Mode {
        from: String,
        to: String,
    },
    Shards {
        from: u32,
        to: u32,
    },
    Retention {
        from: u32,
        to: u32,
    },
    MaxRecordKib {
        from: u32,
        to: u32,
    },
    Distribution {
        from: String,
        to: String,
    },
    WarmMibps {
        from: u32,
        to: u32,
    },
    /// Empty for none.
    EncryptionKey {
        from: String,
        to: String,
    },
    Policy {
        to: String,
    },
    Tag(BTreeMap<String, String>),
    Untag(Vec<String>),
    Register {
        consumer: String,
    },
    ConsumerPolicy {
        consumer: String,
        to: String,
    },
    ConsumerTag {
        consumer: String,
        tags: BTreeMap<String, String>,
    },
    ConsumerUntag {
        consumer: String,
        keys: Vec<String>,
    },
}

impl Step {
    /// The difference, if there is one.
    pub(in crate::resources) fn new(name: &str, wanted: &Stream, found: Option<&Stream>) -> Option<Self> {
        let provisioned = wanted.shards.map(|_| "PROVISIONED".to_owned());
        let made = Stream {
            mode: wanted.mode.clone().or(provisioned),
            // What a stream is made with, which nobody needs to change then.
            retention_hours: Some(RETENTION_HOURS),
            encryption_key: Some(String::new()),
            policy: Some(String::new()),
            consumers: BTreeMap::new(),
            ..wanted.clone()
        };
        let changes = changes(wanted, found.unwrap_or(&made));
        let new = found.is_none().then(|| wanted.clone());
        let is_nothing = new.is_none() && changes.is_empty();
        (!is_nothing).then(|| Self { name: name.to_owned(), new, changes })
    }
}

/// For how long a new stream keeps records.
const RETENTION_HOURS: u32 = 24;

fn changes(wanted: &Stream, is: &Stream) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut number = |wanted: Option<u32>, is: Option<u32>, change: fn(u32, u32) -> Change| {
        let from = is.unwrap_or_default();
        changes.extend(wanted.filter(|to| *to != from).map(|to| change(from, to)));
    };
    // A number of shards asks for a stream that is provisioned, whether it says so or not.
    let provisioned = wanted.shards.map(|_| "PROVISIONED".to_owned());
    let mode = text(&wanted.mode.clone().or(provisioned), &is.mode);
    number(wanted.shards, is.shards, |from, to| Change::Shards { from, to });
    number(wanted.retention_hours, is.retention_hours, |from, to| Change::Retention { from, to });
    number(wanted.max_record_kib, is.max_record_kib, |from, to| Change::MaxRecordKib { from, to });
    number(wanted.warm_mibps, is.warm_mibps, |from, to| Change::WarmMibps { from, to });
    let distribution = text(&wanted.distribution, &is.distribution);
    changes.extend(distribution.map(|(from, to)| Change::Distribution { from, to }));
    let key = text(&wanted.encryption_key, &is.encryption_key);
    changes.extend(key.map(|(from, to)| Change::EncryptionKey { from, to }));
    changes.extend(policy(&wanted.policy, &is.policy).map(|to| Change::Policy { to }));
    let (tag, untag) = tags(wanted.tags.as_ref(), is.tags.as_ref());
    changes.extend((!tag.is_empty()).then_some(Change::Tag(tag)));
    changes.extend((!untag.is_empty()).then_some(Change::Untag(untag)));
    for (name, wanted) in &wanted.consumers {
        changes.extend(of_consumer(name, wanted, is.consumers.get(name)));
    }
    // Before anything that needs it.
    changes.splice(0..0, mode.map(|(from, to)| Change::Mode { from, to }));
    changes
}

fn of_consumer(name: &str, wanted: &Consumer, found: Option<&Consumer>) -> Vec<Change> {
    let nothing = Consumer { tags: Some(BTreeMap::new()), policy: Some(String::new()) };
    let (is, consumer) = (found.unwrap_or(&nothing), || name.to_owned());
    let (tag, keys) = tags(wanted.tags.as_ref(), is.tags.as_ref());
    let register = found.is_none().then(|| Change::Register { consumer: consumer() });
    let policy = policy(&wanted.policy, &is.policy).map(|to| Change::ConsumerPolicy { consumer: consumer(), to });
    let tag = (!tag.is_empty()).then(|| Change::ConsumerTag { consumer: consumer(), tags: tag });
    let untag = (!keys.is_empty()).then(|| Change::ConsumerUntag { consumer: consumer(), keys });
    [register, policy, tag, untag].into_iter().flatten().collect()
}

/// What a text is and should be, if that differs.
fn text(wanted: &Option<String>, is: &Option<String>) -> Option<(String, String)> {
    let (to, from) = (wanted.clone()?, is.clone().unwrap_or_default());
    (to != from).then_some((from, to))
}

fn policy(wanted: &Option<String>, is: &Option<String>) -> Option<String> {
    let (to, from) = (wanted.clone()?, is.as_deref().unwrap_or_default());
    (!is_same(from, &to)).then_some(to)
}

/// Tags that are laid on, and keys of those that go.
fn tags(
    wanted: Option<&BTreeMap<String, String>>,
    is: Option<&BTreeMap<String, String>>,
) -> (BTreeMap<String, String>, Vec<String>) {
    let (Some(wanted), nothing) = (wanted, BTreeMap::new()) else { return Default::default() };
    let is = is.unwrap_or(&nothing);
    let laid = wanted.iter().filter(|(key, value)| is.get(*key) != Some(*value));
    let gone = is.keys().filter(|key| !wanted.contains_key(*key));
    (laid.map(|(key, value)| (key.clone(), value.clone())).collect(), gone.cloned().collect())
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} stream {}", if self.new.is_some() { '+' } else { '~' }, self.name)?;
        if let Some(new) = &self.new {
            made(f, new)?;
        }
        self.changes.iter().try_for_each(|change| writeln!(f, "    {change}"))
    }
}

/// What a stream is made with.
fn made(f: &mut fmt::Formatter<'_>, new: &Stream) -> fmt::Result {
    let number = |number: Option<u32>| number.map(|number| number.to_string());
    for (name, value) in [
        ("mode", new.mode.clone()),
        ("shards", number(new.shards)),
        ("max_record_kib", number(new.max_record_kib)),
        ("distribution", new.distribution.clone()),
        ("warm_mibps", number(new.warm_mibps)),
    ] {
        if let Some(value) = value {
            writeln!(f, "    {name} = {value}")?;
        }
    }
    new.tags.iter().flatten().try_for_each(|(key, value)| writeln!(f, "    tag {key} = {value}"))
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &String| if text.is_empty() { "none".to_owned() } else { text.clone() };
        let list = |tags: &BTreeMap<String, String>| {
            tags.iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Mode { from, to } => write!(f, "mode: {from} -> {to}"),
            Self::Shards { from, to } => write!(f, "shards: {from} -> {to}"),
            Self::Retention { from, to } => write!(f, "retention_hours: {from} -> {to}"),
            Self::MaxRecordKib { from, to } => write!(f, "max_record_kib: {from} -> {to}"),
            Self::Distribution { from, to } => write!(f, "distribution: {from} -> {to}"),
            Self::WarmMibps { from, to } => write!(f, "warm_mibps: {from} -> {to}"),
            Self::EncryptionKey { from, to } => write!(f, "encryption_key: {} -> {}", shown(from), shown(to)),
            Self::Policy { to } => write!(f, "policy = {}", shown(to)),
            Self::Tag(tags) => write!(f, "tags: {}", list(tags)),
            Self::Untag(keys) => write!(f, "tags that go: {}", keys.join(", ")),
            Self::Register { consumer } => write!(f, "+ consumer {consumer}"),
            Self::ConsumerPolicy { consumer, to } => write!(f, "consumer {consumer}: policy = {}", shown(to)),
            Self::ConsumerTag { consumer, tags } => write!(f, "consumer {consumer}: tags: {}", list(tags)),
            Self::ConsumerUntag { consumer, keys } => {
                write!(f, "consumer {consumer}: tags that go: {}", keys.join(", "))
            }
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

    fn wanted() -> Stream {
        let reports = Consumer { tags: Some(map(&[("by", "nobody")])), policy: None };
        Stream {
            shards: Some(4),
            retention_hours: Some(48),
            encryption_key: Some("alias/k".into()),
            tags: Some(map(&[("team", "billing")])),
            consumers: [("reports".to_owned(), reports)].into(),
            ..Stream::default()
        }
    }

    fn is() -> Stream {
        Stream {
            mode: Some("PROVISIONED".into()),
            max_record_kib: Some(1024),
            distribution: Some("USER_PARTITION_KEY".into()),
            policy: Some(r#"{"a": 1}"#.into()),
            ..wanted()
        }
    }

    #[test]
    fn what_is_as_declared_needs_nothing_and_what_is_not_named_stays() {
        assert_eq!(Step::new("s", &wanted(), Some(&is())), None);
        let same = Stream { policy: Some(r#"{"a":1}"#.into()), ..wanted() };
        assert_eq!(Step::new("s", &same, Some(&is())), None, "policies mean the same however they are laid out");
        assert_eq!(Step::new("s", &Stream::default(), Some(&is())), None);
    }

    #[test]
    fn a_difference_is_shown_line_by_line() {
        let found = Stream {
            mode: Some("ON_DEMAND".into()),
            shards: None,
            retention_hours: Some(24),
            encryption_key: Some(String::new()),
            tags: Some(map(&[("team", "x"), ("old", "y")])),
            consumers: BTreeMap::new(),
            ..is()
        };
        let declared = Stream { policy: Some(String::new()), ..wanted() };
        expect![[r#"
            ~ stream s
                mode: ON_DEMAND -> PROVISIONED
                shards: 0 -> 4
                retention_hours: 24 -> 48
                encryption_key: none -> alias/k
                policy = none
                tags: team = billing
                tags that go: old
                + consumer reports
                consumer reports: tags: by = nobody
        "#]]
        .assert_eq(&Step::new("s", &declared, Some(&found)).unwrap().to_string());
        expect![[r#"
            + stream s
                shards = 4
                tag team = billing
                retention_hours: 24 -> 48
                encryption_key: none -> alias/k
                + consumer reports
                consumer reports: tags: by = nobody
        "#]]
        .assert_eq(&Step::new("s", &wanted(), None).unwrap().to_string());
    }
}
