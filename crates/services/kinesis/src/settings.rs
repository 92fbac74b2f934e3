//! What a stream is: its settings, its shards, its consumers, its key; and what an account has committed itself to.

use crate::api::enums::{metrics_name, record_distribution_strategy, stream_mode};
use crate::catalog::StreamKey;
use crate::limits::{DAY_MILLIS, HOUR_MILLIS, KEY_CHANGES_MAX};
use crate::shard_id;
use names::{AccountId, Instant, PartitionId, Region};
use std::collections::BTreeMap;
use std::sync::Arc;
use stream::HashRange;

/// Tags, by key.
pub(crate) type Tags = BTreeMap<Box<str>, Box<str>>;

/// Keys and values of tags, in the order of the keys.
pub(crate) fn pairs(tags: &Tags) -> impl ExactSizeIterator<Item = (&str, &str)> {
    tags.iter().map(|(key, value)| (&**key, &**value))
}

/// The settings of a stream: what is written as a whole when one of them changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) key: StreamKey,
    pub(crate) created_at: Instant,
    pub(crate) mode: Mode,
    pub(crate) retention_hours: u32,
    pub(crate) record_kib_max: u32,
    pub(crate) distribution: Distribution,
    pub(crate) metrics: Metrics,
    pub(crate) tags: Tags,
    pub(crate) policy: Option<Box<str>>,
}

impl About {
    pub(crate) fn retention_millis(&self) -> u64 {
        u64::from(self.retention_hours) * HOUR_MILLIS
    }

    pub(crate) fn record_bytes_max(&self) -> usize {
        usize::try_from(self.record_kib_max).unwrap_or(usize::MAX).saturating_mul(1024)
    }
}

/// How a stream's capacity is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Provisioned = 1,
    OnDemand = 2,
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Provisioned => stream_mode::PROVISIONED,
            Self::OnDemand => stream_mode::ON_DEMAND,
        }
    }

    /// The mode of a name that the model has.
    pub(crate) fn named(name: &str) -> Self {
        if name == stream_mode::ON_DEMAND { Self::OnDemand } else { Self::Provisioned }
    }

    pub(crate) fn numbered(number: u8) -> Option<Self> {
        [Self::Provisioned, Self::OnDemand].into_iter().find(|mode| *mode as u8 == number)
    }
}

/// Which shard a record goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Distribution {
    /// That of its partition key, or of the hash that it says.
    ByKey = 1,
    /// Each in its turn, whatever the record says.
    Auto = 2,
}

impl Distribution {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ByKey => record_distribution_strategy::USER_PARTITION_KEY,
            Self::Auto => record_distribution_strategy::AUTO,
        }
    }

    /// The distribution of a name that the model has.
    pub(crate) fn named(name: &str) -> Self {
        if name == record_distribution_strategy::AUTO { Self::Auto } else { Self::ByKey }
    }

    pub(crate) fn numbered(number: u8) -> Option<Self> {
        [Self::ByKey, Self::Auto].into_iter().find(|distribution| *distribution as u8 == number)
    }
}

/// Shard-level metrics that are switched on: a bit for each, in the order of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Metrics(pub(crate) u8);

impl Metrics {
    /// Those of names that the model has; ALL is all of them.
    pub(crate) fn named(names: &[String]) -> Self {
        let single = Self::names_in_order().collect::<Vec<_>>();
        let bit = |name: &String| match single.iter().position(|known| known == name) {
            Some(place) => 1 << place,
            None => (1 << single.len()) - 1,
        };
        Self(names.iter().map(bit).fold(0, |bits, bit: u8| bits | bit))
    }

    pub(crate) fn names(self) -> Vec<String> {
        let on = Self::names_in_order().enumerate().filter(|(place, _)| self.0 & 1 << place != 0);
        on.map(|(_, name)| name.to_owned()).collect()
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    fn names_in_order() -> impl Iterator<Item = &'static str> {
        metrics_name::VALUES.iter().copied().filter(|name| *name != metrics_name::ALL)
    }
}

/// With which key of KMS a stream's records are sealed, and when that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Encryption {
    /// The key as the stream's owner named it: id, alias, or ARN of either. None: records are sealed as everything on disk is.
    pub(crate) key: Option<Arc<str>>,
    /// When keys were applied, the newest last: as many as may be within a day.
    pub(crate) applied: Vec<Instant>,
    /// When encryption was stopped, likewise.
    pub(crate) stopped: Vec<Instant>,
}

impl Encryption {
    /// Takes a change in, and forgets the oldest of those that are more than can count.
    pub(crate) fn change(&mut self, at: Instant, key: Option<&str>) {
        self.key = key.map(Arc::from);
        let times = if key.is_some() { &mut self.applied } else { &mut self.stopped };
        times.push(at);
        let surplus = times.len().saturating_sub(KEY_CHANGES_MAX);
        times.drain(..surplus);
    }

    /// Whether a key may be applied once more, or encryption be stopped, where AWS's limits hold.
    pub(crate) fn has_room(&self, now: Instant, is_applied: bool) -> bool {
        let times = if is_applied { &self.applied } else { &self.stopped };
        let since = now.minus_millis(DAY_MILLIS);
        times.iter().filter(|at| **at > since).count() < KEY_CHANGES_MAX
    }
}

/// A commitment to pay for a throughput in any case (MinimumThroughputBillingCommitment), of an account in a region. Nobody pays
/// here; what it unlocks is there: warm throughput, and more consumers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commitment {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) started_at: Instant,
    /// When it ended or will end, if it was told to.
    pub(crate) ended_at: Option<Instant>,
}

impl Commitment {
    /// Whether it holds.
    pub(crate) fn is_on(&self, now: Instant) -> bool {
        self.ended_at.is_none_or(|ended| now < ended)
    }

    /// Before this moment it does not end.
    pub(crate) fn earliest_end(&self) -> Instant {
        self.started_at.plus_millis(DAY_MILLIS)
    }

    /// The same after it was switched: on again it goes on as if nobody had ended it, unless it is over.
    pub(crate) fn switched(&self, now: Instant, on: bool) -> Self {
        match (self.is_on(now), on) {
            (true, true) => Self { ended_at: None, ..self.clone() },
            (true, false) => {
                let ended_at = Some(self.ended_at.unwrap_or(now.max(self.earliest_end())));
                Self { ended_at, ..self.clone() }
            }
            (false, true) => Self { started_at: now, ended_at: None, ..self.clone() },
            (false, false) => self.clone(),
        }
    }
}

/// A shard of a stream, as the stream knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShardEntry {
    /// Its number within the stream.
    pub(crate) index: u32,
    /// Where its records are.
    pub(crate) partition: PartitionId,
    /// The hashes that it takes, both included.
    pub(crate) first_hash: u128,
    pub(crate) last_hash: u128,
    /// The shards that it came of.
    pub(crate) parent: Option<u32>,
    pub(crate) adjacent_parent: Option<u32>,
    pub(crate) opened_at: Instant,
    /// Since when it takes no records.
    pub(crate) closed_at: Option<Instant>,
}

impl ShardEntry {
    pub(crate) fn name(&self) -> String {
        shard_id::show(self.index)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }

    /// The hashes that it takes.
    pub(crate) fn range(&self) -> HashRange {
        HashRange { start: self.first_hash, end: self.last_hash }
    }

    pub(crate) fn is_child_of(&self, index: u32) -> bool {
        self.parent == Some(index) || self.adjacent_parent == Some(index)
    }
}

/// A consumer with throughput of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Consumer {
    pub(crate) name: Box<str>,
    pub(crate) created_at: Instant,
    pub(crate) tags: Tags,
    pub(crate) policy: Option<Box<str>>,
}

impl Consumer {
    pub(crate) fn arn(&self, stream_arn: &str) -> String {
        format!("{stream_arn}/consumer/{}:{}", self.name, self.created_at.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: u64) -> Instant {
        Instant::from_millis(hours * HOUR_MILLIS)
    }

    #[test]
    fn a_commitment_ends_a_day_after_it_began_at_the_earliest() {
        let region = Region::parse("us-east-1").unwrap();
        let on = Commitment { account: AccountId::DEFAULT, region, started_at: at(1), ended_at: None };
        let ending = on.switched(at(5), false);
        assert_eq!((ending.ended_at, ending.is_on(at(24)), ending.is_on(at(25))), (Some(at(25)), true, false));
        assert_eq!(ending.switched(at(6), false), ending, "told twice it ends no later");
        assert_eq!(ending.switched(at(24), true), on, "the end was taken back");
        let anew = ending.switched(at(25), true);
        assert_eq!((anew.started_at, anew.ended_at), (at(25), None));
        let late = on.switched(at(30), false);
        assert_eq!((late.ended_at, late.is_on(at(30))), (Some(at(30)), false));
        assert_eq!(late.switched(at(31), false), late);
    }

    #[test]
    fn a_key_is_applied_so_often_within_a_day() {
        let mut encryption = Encryption::default();
        for minute in 0..25 {
            let now = at(100).plus_millis(minute * 60_000);
            assert!(encryption.has_room(now, true));
            encryption.change(now, Some("k"));
        }
        let full = at(123).plus_millis(3_599_999);
        assert!(!encryption.has_room(full, true) && encryption.has_room(full, false));
        assert!(encryption.has_room(at(124), true), "the first was a day ago");
        encryption.change(at(124), Some("k"));
        assert_eq!(encryption.applied.len(), KEY_CHANGES_MAX);
    }

    #[test]
    fn metrics_are_named_one_by_one_or_all_at_once() {
        let all = Metrics::named(&["ALL".into()]);
        assert_eq!(all.names().len(), 7);
        let two = Metrics::named(&["OutgoingBytes".into(), "IncomingBytes".into()]);
        assert_eq!(two.names(), ["IncomingBytes", "OutgoingBytes"]);
        assert_eq!(all.without(two).names().len(), 5);
        assert_eq!(Metrics::default().with(two), two);
    }
}
