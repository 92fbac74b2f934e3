//! What may be asked of a shard, and what it answers.
//!
//! Records are named by counters: 1 for the first that was ever appended, one more for each after it. What stands in sequence
//! numbers beside them is the service's to add (`sequence.rs`). Contents come beside a reply, in the order of their counters.

use bytes::Bytes;
use names::Instant;

/// What may be asked of a shard. Time arrives beside the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The first command of a partition. Answers [`Reply::Done`], and [`Reply::Exists`] if it was opened before.
    Open {
        /// What the shard is.
        about: About,
    },
    /// Appends records, all or none. Answers [`Reply::Appended`], [`Reply::NoMoreAppends`] or [`Reply::Ahead`].
    Append {
        /// A counter that what is appended has to be greater than (SequenceNumberForOrdering). Those that were given out always
        /// are; one that was not is refused.
        after: Option<u64>,
        /// What is appended, in this order.
        records: Vec<NewRecord>,
    },
    /// The same with records that their service has sealed.
    AppendSealed {
        /// As above.
        after: Option<u64>,
        /// What is appended, in this order.
        records: Vec<SealedRecord>,
    },
    /// Records from a counter on. Answers [`Reply::Records`], with their contents beside it.
    Read {
        /// The first counter that is wanted; those that are not held any more are passed over.
        from: u64,
        /// How many at the most; none just looks.
        records_max: usize,
        /// About how many bytes of data and partition keys. The index says what is fetched, and so it may be more by twice the
        /// distance of two marks, 64 KiB at the least and a 32,768th of the shard at the most; whoever asks trims it. One record
        /// comes in any case, however large.
        bytes_max: u64,
    },
    /// Where the records begin that arrived at or after a moment. Answers [`Reply::Seeked`].
    Seek {
        /// The moment.
        at: Instant,
    },
    /// Takes no more records from now on. Answers [`Reply::Closed`], however often.
    Close,
    /// Changes for how long records are held. Those that have expired stay expired. Answers [`Reply::Done`].
    SetRetention {
        /// How long.
        millis: u64,
    },
    /// The shard is gone, with all records. Answers [`Reply::Done`].
    Delete,
    /// Answers [`Reply::Described`].
    Describe,
}

/// What a shard is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// The id of its stream.
    pub stream: [u8; 16],
    /// Its number within the stream: what stands in `shardId-000000000000`.
    pub index: u32,
    /// When it was opened, as its sequence numbers say it; that may be some seconds ahead of the clock.
    pub opened_at: Instant,
    /// For how long records are held.
    pub retention_millis: u64,
}

/// A record to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// What the producer sent. If it stands alone, its buffer is kept as it is, and should not pin a larger one.
    pub data: Bytes,
    /// The partition key, which is absent where records are distributed automatically.
    pub partition_key: Option<Box<str>>,
    /// The hash key that took the place of the partition key's own.
    pub explicit_hash: Option<u128>,
}

/// A record of which the shard sees neither data nor partition key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRecord {
    /// Everything, sealed.
    pub bytes: Bytes,
    /// Bytes of data and partition key as they were before, which is what counts.
    pub size: u32,
}

/// What a shard answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Opened, changed or deleted.
    Done,
    /// The shard was opened before; nothing was changed.
    Exists,
    /// The records are there.
    Appended {
        /// The counter of the first; the others follow it without a gap.
        first: u64,
        /// When they arrived: now, or when the record before them did if the clock was set back.
        at: Instant,
    },
    /// What was appended could not have a greater counter than the given one, which nothing has yet. Nothing was changed.
    Ahead,
    /// Records, beside this reply. Each content has the next counter after the one before; one that is `None` is damaged on disk.
    Records {
        /// The counter of the first that is beside it: the one asked for, or the first that is still held.
        from: u64,
        /// The counter to read on from. Nothing is beside the reply if it is `from`.
        next: u64,
        /// Bytes of data and partition keys beside it: those of the runs of the index that it touches, so rather more.
        bytes: u64,
        /// Whether the shard is closed and nothing stands behind.
        is_end: bool,
        /// What arrived before this moment has expired, and has to be passed over.
        horizon: Instant,
        /// The shard as it is.
        state: ShardState,
    },
    /// The counter to read from: never later than that of the first record which arrived at or after the moment, and earlier by no
    /// more than what stands between two marks. If there is none, the next one's.
    Seeked(u64),
    /// The shard takes no more records.
    Closed,
    /// The shard as it is.
    Described(ShardState),
    /// The shard was deleted, or never opened.
    Gone,
    /// The shard is closed; nothing was appended.
    NoMoreAppends,
}

impl Reply {
    /// Whether there is nothing to read yet, and may be later: what a waiting reader waits on for.
    pub fn is_nothing_yet(&self) -> bool {
        matches!(self, Self::Records { from, next, is_end: false, .. } if from == next)
    }
}

/// A shard as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardState {
    /// The id of its stream.
    pub stream: [u8; 16],
    /// Its number within the stream.
    pub index: u32,
    /// When it was opened.
    pub opened_at: Instant,
    /// For how long records are held.
    pub retention_millis: u64,
    /// The first counter that is held: that of the next record if none is.
    pub first: u64,
    /// The counter of the next record.
    pub next: u64,
    /// What arrived before this moment has expired; some of it may still be held.
    pub horizon: Instant,
    /// When the last record arrived, if there ever was one.
    pub last_arrived_at: Option<Instant>,
    /// When it was closed.
    pub closed_at: Option<Instant>,
    /// How many records are held.
    pub records: u64,
    /// Bytes of their data and partition keys.
    pub bytes: u64,
}
