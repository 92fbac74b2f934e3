//! Every attribute that a queue has, as data: its name, what it is kept as, who may set it and when, and whether `All` brings it.
//!
//! An attribute is one row of [`TABLE`], and one variant of [`Attribute`] if something of it is kept. Whatever asks about
//! attributes (CreateQueue, SetQueueAttributes, GetQueueAttributes, the records on disk) reads the rows; nothing else lists
//! attributes. Source: API reference, SetQueueAttributes and GetQueueAttributes; recorded answers of AWS where it is silent.
//!
//! An attribute whose effect this version does not have is refused when it is set to something, because one that is accepted
//! and ignored would be found out only by the loss it should have prevented (ADR 0005). tidewire's own begin with `Tidewire`;
//! whoever does not name them never meets them.

use crate::limits::{self, default};
use crate::machine::About;
use crate::meters::Counted;
use crate::policy;
use crate::redrive;
use crate::refusal::Refusal;
use crate::replay;
use crate::retry_backoff;
use crate::sealing;
use crate::unpark;
use names::Instant;
use queue::Counts;
use std::ops::RangeInclusive;

/// An attribute of which something is kept. Its number is the one that stands for it on disk, and is never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Attribute {
    Visibility = 1,
    MaximumMessageSize = 2,
    Retention = 3,
    Delay = 4,
    Wait = 5,
    /// tidewire's own: when what happens to messages is answered (ADR 0009).
    Durability = 6,
    Policy = 7,
    /// The KMS key that messages are sealed with.
    KmsKey = 8,
    /// How long a data key of it is used.
    KmsReuse = 9,
    /// Whether SQS's own key seals messages; with a KMS key it does not.
    ManagedSse = 10,
    Fifo = 16,
    ContentDedup = 17,
    DedupScope = 18,
    ThroughputLimit = 19,
    /// Kept with the partition that its queue was: redrive.rs.
    Redrive = 24,
    RedriveAllow = 25,
    /// tidewire's own: after how long without use the queue is removed; 0 is never.
    IdleLifetime = 32,
    /// tidewire's own: the longest delay that a message may ask for.
    DelayMax = 33,
    /// tidewire's own: the longest time in flight.
    VisibilityMax = 34,
    /// tidewire's own: how much later messages come back the more often they were received.
    RetryBackoff = 35,
    /// tidewire's own: whether messages of a FIFO queue may ask for a delay.
    FifoMessageDelay = 36,
    /// tidewire's own: for how long deleted messages are kept for a replay.
    KeepDeleted = 37,
    /// tidewire's own: after how many receives of its first message a group of a FIFO queue is parked.
    ParkAfter = 38,
    /// tidewire's own: the latest replay. Kept with the partition of its destination: replay.rs.
    Replay = 39,
    /// tidewire's own: what becomes of parked groups. Done at once; nothing of it is ever on disk.
    Unpark = 40,
    /// tidewire's own: how many times AWS's number of messages may be in flight.
    InFlightTimes = 41,
}

/// One attribute.
pub(crate) struct Row {
    /// What requests and answers call it.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) of: Queues,
    pub(crate) set: Settable,
    pub(crate) shown: Shown,
}

/// What an attribute is.
pub(crate) enum Kind {
    /// Set by the owner, and kept.
    Kept(Attribute, Values),
    /// Told by the queue; nobody sets it.
    Reported(fn(&About, &Counts) -> String),
    /// Told of what happens to the queue, where it is counted by itself; nobody sets it.
    Metered(Meter),
}

/// Reads a count: of the counters, if the queue has its own, of what it holds, now.
pub(crate) type Meter = fn(Option<Counted>, &Counts, Instant) -> Option<String>;

/// What a kept attribute's values are, and what holds where none is set.
pub(crate) enum Values {
    /// Whole numbers, in AWS's units.
    Number { default: u32, range: RangeInclusive<u32> },
    /// One of these words, kept as its place among them. The first is the default. Flags are `false` and `true`.
    Words(&'static [&'static str]),
    /// A text; by default none, and an empty one takes it away.
    Text(TextRule),
}

/// How a text is taken.
pub(crate) struct TextRule {
    /// What is kept of a text that is not empty, or why it is refused.
    pub(crate) parse: fn(&str) -> Result<String, Refusal>,
    /// Whether two texts mean the same, so that a second CreateQueue with the one finds the queue of the other.
    pub(crate) same: fn(&str, &str) -> bool,
}

/// Which queues have an attribute. To the others it is an unknown name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queues {
    All,
    Fifo,
}

/// When an attribute may be set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settable {
    Always,
    /// By CreateQueue alone; to say later what it is already changes nothing.
    AtCreation,
    /// By SetQueueAttributes alone, which thereby does something once.
    ToAct,
    /// Never: its name is unknown to whoever sets.
    Never,
}

/// When `All` brings an attribute. Its own name always does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Always,
    /// Where it is not what it is by default.
    WhereSet,
    /// Never.
    ByName,
}

/// Every attribute, in the order in which answers have them.
pub(crate) static TABLE: &[Row] = &[
    reported("QueueArn", |about, _| about.arn()),
    reported("ApproximateNumberOfMessages", |_, counts| counts.visible.to_string()),
    reported("ApproximateNumberOfMessagesNotVisible", |_, counts| counts.in_flight.to_string()),
    reported("ApproximateNumberOfMessagesDelayed", |_, counts| counts.delayed.to_string()),
    reported("CreatedTimestamp", |about, _| about.created_at.as_secs().to_string()),
    reported("LastModifiedTimestamp", |about, _| about.modified_at.as_secs().to_string()),
    number(
        "VisibilityTimeout",
        Attribute::Visibility,
        default::VISIBILITY_SECS,
        0..=limits::VISIBILITY_SECS_MAX as u32,
    ),
    number(
        "MaximumMessageSize",
        Attribute::MaximumMessageSize,
        default::MESSAGE_BYTES,
        limits::MESSAGE_BYTES_LIMIT_MIN..=limits::MESSAGE_BYTES_MAX as u32,
    ),
    number("MessageRetentionPeriod", Attribute::Retention, default::RETENTION_SECS, limits::RETENTION_SECS),
    number("DelaySeconds", Attribute::Delay, default::DELAY_SECS, 0..=limits::DELAY_SECS_MAX as u32),
    number("ReceiveMessageWaitTimeSeconds", Attribute::Wait, default::WAIT_SECS, 0..=limits::WAIT_SECS_MAX as u32),
    kept(
        "Policy",
        Attribute::Policy,
        Values::Text(TextRule { parse: policy::parse_attribute, same: policy::same_json }),
    ),
    kept(
        "RedrivePolicy",
        Attribute::Redrive,
        Values::Text(TextRule { parse: redrive::parse_policy, same: redrive::same_policy }),
    ),
    kept(
        "RedriveAllowPolicy",
        Attribute::RedriveAllow,
        Values::Text(TextRule { parse: redrive::parse_allow, same: policy::same_json }),
    ),
    Row { set: Settable::AtCreation, ..fifo("FifoQueue", Attribute::Fifo, &["false", "true"]) },
    fifo("ContentBasedDeduplication", Attribute::ContentDedup, &["false", "true"]),
    fifo("DeduplicationScope", Attribute::DedupScope, &["queue", "messageGroup"]),
    fifo("FifoThroughputLimit", Attribute::ThroughputLimit, &["perQueue", "perMessageGroupId"]),
    kept(
        "KmsMasterKeyId",
        Attribute::KmsKey,
        Values::Text(TextRule { parse: sealing::parse_key, same: |a, b| a == b }),
    ),
    kept(
        "KmsDataKeyReusePeriodSeconds",
        Attribute::KmsReuse,
        Values::Number { default: default::KMS_REUSE_SECS, range: limits::KMS_REUSE_SECS },
    ),
    Row {
        shown: Shown::Always,
        ..kept("SqsManagedSseEnabled", Attribute::ManagedSse, Values::Words(&["true", "false"]))
    },
    kept(
        "TidewireIdleLifetimeSeconds",
        Attribute::IdleLifetime,
        Values::Number { default: 0, range: 0..=limits::IDLE_LIFETIME_SECS_MAX },
    ),
    kept(
        "TidewireMaximumDelaySeconds",
        Attribute::DelayMax,
        Values::Number { default: limits::DELAY_SECS_MAX as u32, range: limits::DELAY_SECS_RAISED },
    ),
    kept(
        "TidewireMaximumVisibilitySeconds",
        Attribute::VisibilityMax,
        Values::Number { default: limits::VISIBILITY_SECS_MAX as u32, range: limits::VISIBILITY_SECS_RAISED },
    ),
    kept(
        "TidewireRetryBackoff",
        Attribute::RetryBackoff,
        Values::Text(TextRule { parse: retry_backoff::parse_attribute, same: policy::same_json }),
    ),
    kept(
        "TidewireInFlightTimes",
        Attribute::InFlightTimes,
        Values::Number { default: 1, range: 1..=limits::IN_FLIGHT_TIMES_MAX },
    ),
    Row { shown: Shown::WhereSet, ..fifo("TidewireFifoMessageDelay", Attribute::FifoMessageDelay, &["false", "true"]) },
    kept(
        "TidewireKeepDeletedSeconds",
        Attribute::KeepDeleted,
        Values::Number { default: 0, range: 0..=limits::KEEP_DELETED_SECS_MAX },
    ),
    Row {
        of: Queues::Fifo,
        ..kept(
            "TidewireParkAfter",
            Attribute::ParkAfter,
            Values::Number { default: 0, range: 0..=limits::PARK_AFTER_MAX },
        )
    },
    deed("TidewireReplay", Attribute::Replay, Queues::All, replay::parse_attribute),
    deed("TidewireUnpark", Attribute::Unpark, Queues::Fifo, unpark::parse_attribute),
    metered("TidewireNumberOfMessagesKept", |_, counts, _| Some(counts.kept.to_string())),
    Row { of: Queues::Fifo, ..metered("TidewireParkedGroups", |_, counts, _| Some(counts.parked_groups.to_string())) },
    kept("TidewireDurability", Attribute::Durability, Values::Words(&["durable", "relaxed"])),
    metered("TidewireNumberOfMessagesSent", |counted, _, _| Some(counted?.sent.to_string())),
    metered("TidewireNumberOfMessagesReceived", |counted, _, _| Some(counted?.received.to_string())),
    metered("TidewireNumberOfMessagesDeleted", |counted, _, _| Some(counted?.deleted.to_string())),
    metered("TidewireNumberOfEmptyReceives", |counted, _, _| Some(counted?.empty_receives.to_string())),
    metered("TidewireAgeOfOldestMessage", |_, counts, now| {
        let age = |sent_at: Instant| now.as_millis().saturating_sub(sent_at.as_millis()) / 1000;
        Some(counts.oldest_sent_at.map_or(0, age).to_string())
    }),
];

/// What is counted; tidewire's own, for whoever names it.
const fn metered(name: &'static str, report: Meter) -> Row {
    let kind = Kind::Metered(report);
    Row { name, kind, of: Queues::All, set: Settable::Never, shown: Shown::WhereSet }
}

/// What SetQueueAttributes does once; tidewire's own.
const fn deed(name: &'static str, attribute: Attribute, of: Queues, parse: fn(&str) -> Result<String, Refusal>) -> Row {
    let kind = Kind::Kept(attribute, Values::Text(TextRule { parse, same: policy::same_json }));
    Row { name, kind, of, set: Settable::ToAct, shown: Shown::ByName }
}

/// A number that `All` always brings.
const fn number(name: &'static str, attribute: Attribute, default: u32, range: RangeInclusive<u32>) -> Row {
    let kind = Kind::Kept(attribute, Values::Number { default, range });
    Row { name, kind, of: Queues::All, set: Settable::Always, shown: Shown::Always }
}

/// An attribute that `All` brings where it is set.
const fn kept(name: &'static str, attribute: Attribute, values: Values) -> Row {
    let kind = Kind::Kept(attribute, values);
    Row { name, kind, of: Queues::All, set: Settable::Always, shown: Shown::WhereSet }
}

/// An attribute of FIFO queues, which `All` always brings.
const fn fifo(name: &'static str, attribute: Attribute, words: &'static [&'static str]) -> Row {
    let kind = Kind::Kept(attribute, Values::Words(words));
    Row { name, kind, of: Queues::Fifo, set: Settable::Always, shown: Shown::Always }
}

const fn reported(name: &'static str, report: fn(&About, &Counts) -> String) -> Row {
    Row { name, kind: Kind::Reported(report), of: Queues::All, set: Settable::Never, shown: Shown::Always }
}

impl Row {
    /// The attribute that a request names, if queues of this type have it.
    pub(crate) fn named(name: &str, is_fifo: bool) -> Option<&'static Self> {
        TABLE.iter().find(|row| row.name == name && (is_fifo || row.of == Queues::All))
    }
}

impl Attribute {
    /// The attribute of this number on disk.
    pub(crate) fn numbered(on_disk: u8) -> Option<Self> {
        kept_rows().map(|(attribute, _, _)| attribute).find(|attribute| attribute.on_disk() == on_disk)
    }

    /// The number that stands for it on disk.
    pub(crate) fn on_disk(self) -> u8 {
        self as u8
    }

    /// What requests and answers call it.
    pub(crate) fn name(self) -> &'static str {
        self.row().1.name
    }

    /// What its values are.
    pub(crate) fn values(self) -> &'static Values {
        self.row().2
    }

    fn row(self) -> (Self, &'static Row, &'static Values) {
        kept_rows().find(|(attribute, ..)| *attribute == self).expect("every kept attribute has a row: a test says so")
    }
}

/// The names of all attributes that can be set on some queue, by CreateQueue at the least.
pub fn settable_attributes() -> impl Iterator<Item = &'static str> {
    TABLE.iter().filter(|row| matches!(row.set, Settable::Always | Settable::AtCreation)).map(|row| row.name)
}

/// What an attribute is where nobody has set it, in the words of an answer.
pub fn default_of(name: &str) -> Option<String> {
    match &Row::named(name, true)?.kind {
        Kind::Kept(_, Values::Number { default, .. }) => Some(default.to_string()),
        Kind::Kept(_, Values::Words(words)) => words.first().map(|word| (*word).to_owned()),
        Kind::Kept(_, Values::Text(_)) | Kind::Reported(_) | Kind::Metered(_) => None,
    }
}

/// The attributes of which something is kept.
pub(crate) fn kept_rows() -> impl Iterator<Item = (Attribute, &'static Row, &'static Values)> {
    TABLE.iter().filter_map(|row| match &row.kind {
        Kind::Kept(attribute, values) => Some((*attribute, row, values)),
        _ => None,
    })
}

impl Values {
    /// The number that holds where none is set; a text has none.
    pub(crate) fn default_number(&self) -> u32 {
        match self {
            Self::Number { default, .. } => *default,
            Self::Words(_) | Self::Text(_) => 0,
        }
    }

    /// Whether this number can be one of these values: what a record from a disk is asked.
    pub(crate) fn can_be(&self, number: u32) -> bool {
        match self {
            Self::Number { .. } => true,
            Self::Words(words) => (number as usize) < words.len(),
            Self::Text(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_attribute_of_the_model_has_a_row_and_only_tidewires_own_come_beside() {
        let of_model: BTreeSet<_> =
            crate::api::enums::queue_attribute_name::VALUES.iter().copied().filter(|name| *name != "All").collect();
        let rows: BTreeSet<_> = TABLE.iter().map(|row| row.name).filter(|name| !name.starts_with("Tidewire")).collect();
        assert_eq!(rows, of_model);
    }

    #[test]
    fn no_name_and_no_number_on_disk_is_used_twice() {
        let names: BTreeSet<_> = TABLE.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), TABLE.len());
        let numbers: BTreeSet<_> = kept_rows().map(|(attribute, ..)| attribute.on_disk()).collect();
        assert_eq!(numbers.len(), kept_rows().count());
    }

    #[test]
    fn every_number_on_disk_leads_back_to_its_attribute() {
        for (attribute, row, _) in kept_rows() {
            assert_eq!(Attribute::numbered(attribute.on_disk()), Some(attribute));
            assert_eq!(attribute.name(), row.name);
        }
        assert_eq!(Attribute::numbered(0), None);
    }
}
