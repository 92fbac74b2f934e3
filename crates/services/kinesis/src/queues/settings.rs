//! What a queue is: its name, the stream that it is on, where it begins, for how long a record is in flight, and when it is given up.

use crate::api::enums::queue_starting_position_type;
use crate::settings::Tags;
use names::{AccountId, Instant, PartitionId, Region};

/// What names a queue to its owner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QueueKey {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) name: Box<str>,
}

/// The settings of a queue: what is written as a whole when one of them changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) key: QueueKey,
    /// What its ARN ends with, made when the queue was.
    pub(crate) id: Box<str>,
    /// The stream, which stays as long as the queue does.
    pub(crate) stream: PartitionId,
    pub(crate) created_at: Instant,
    pub(crate) start: Start,
    /// The moment from which on records are delivered, about: what `start` came to when the queue was made.
    pub(crate) from: Instant,
    pub(crate) visibility_secs: u32,
    /// Receives after which a record is a dead letter; without it none ever is.
    pub(crate) receives_max: Option<u32>,
    pub(crate) tags: Tags,
    pub(crate) policy: Option<Box<str>>,
}

impl About {
    pub(crate) fn arn(&self) -> String {
        arn(&self.key.region, self.key.account, &self.id)
    }

    pub(crate) fn visibility_millis(&self) -> u64 {
        u64::from(self.visibility_secs) * 1000
    }

    /// Records that arrived before this moment are passed over.
    pub(crate) fn not_before(&self) -> Instant {
        if self.start == Start::AtTimestamp { self.from } else { Instant::EPOCH }
    }
}

/// A queue's ARN.
pub(crate) fn arn(region: &Region, account: AccountId, id: &str) -> String {
    format!("arn:{}:kinesis:{region}:{account}:queue/{id}", region.arn_partition())
}

/// Where a queue begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    Latest = 1,
    TrimHorizon = 2,
    AtTimestamp = 3,
}

impl Start {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Latest => queue_starting_position_type::LATEST,
            Self::TrimHorizon => queue_starting_position_type::TRIM_HORIZON,
            Self::AtTimestamp => queue_starting_position_type::AT_TIMESTAMP,
        }
    }

    /// The start of a name that the model has.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            queue_starting_position_type::TRIM_HORIZON => Self::TrimHorizon,
            queue_starting_position_type::AT_TIMESTAMP => Self::AtTimestamp,
            _ => Self::Latest,
        }
    }

    pub(crate) fn numbered(number: u8) -> Option<Self> {
        [Self::Latest, Self::TrimHorizon, Self::AtTimestamp].into_iter().find(|start| *start as u8 == number)
    }
}
