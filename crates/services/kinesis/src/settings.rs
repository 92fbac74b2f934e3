//! What a stream is: its settings, its shards, its consumers.

use crate::api::enums::{metrics_name, record_distribution_strategy, stream_mode};
use crate::catalog::StreamKey;
use crate::limits::HOUR_MILLIS;
use crate::shard_id;
use names::{Instant, PartitionId};
use std::collections::BTreeMap;

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

    pub(crate) fn takes(&self, hash: u128) -> bool {
        (self.first_hash..=self.last_hash).contains(&hash)
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
