//! Streams of Kinesis Data Streams in a history: what clients ask of them, and what the oracle holds against the answers.
//!
//! Clients put records of few keys, one or several in a request, split and merge shards, follow shards to their ends and from there to
//! their children, read from every other kind of place, change for how long records are kept, and delete streams and make them again.
//! `oracle/` says when a promise was broken; `ending.rs` reads everything at the end, from the first shards to the last.

mod ask;
mod ending;
mod number;
mod oracle;

pub(crate) use ask::Composer;
pub(crate) use oracle::{Streams, number_of};

use crate::dialect::Api;
use crate::plan::Sabotage;
use number::{Number, ShardKey};
use serde_json::Value;

/// A stream of the simulated customer.
pub(crate) struct StreamKind {
    pub(crate) name: &'static str,
    /// Deleted and made again while it is used.
    is_volatile: bool,
    /// How long its records are kept is changed.
    is_retained: bool,
    /// The shards that it begins with.
    shards: u32,
}

/// One that only changes its shards, one that comes and goes, and one whose retention changes.
pub(crate) const STREAMS: [StreamKind; 3] = [
    StreamKind { name: "lasting", is_volatile: false, is_retained: false, shards: 2 },
    StreamKind { name: "volatile", is_volatile: true, is_retained: false, shards: 2 },
    StreamKind { name: "kept", is_volatile: false, is_retained: true, shards: 1 },
];

/// A queue on a stream.
pub(crate) struct QueueKind {
    pub(crate) name: &'static str,
    stream: usize,
    visibility_secs: u64,
    /// Receives after which a record is a dead letter; none ever is without it.
    receives_max: Option<u64>,
}

/// One whose records come as often as it takes, and one that gives them up, on a stream that keeps them for longer and shorter.
pub(crate) const QUEUES: [QueueKind; 2] = [
    QueueKind { name: "patient", stream: 0, visibility_secs: 20, receives_max: None },
    QueueKind { name: "strict", stream: 2, visibility_secs: 3, receives_max: Some(2) },
];

/// The stream that the consumer group reads, and its name.
pub(crate) const GROUP_STREAM: usize = 0;
pub(crate) const GROUP: &str = "together";

/// Its members.
pub(crate) const MEMBERS: [&str; 3] = ["one", "two", "three"];

/// How long a member may be silent, in milliseconds: so that many are.
const SESSION_MILLIS: u64 = 10_000;

/// The lease table, and how many leases it has.
pub(crate) const TABLE: &str = "leases";
const LEASES: usize = 3;

/// What is done to a record that a queue has handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HowSettled {
    Acknowledged,
    /// For so many milliseconds.
    Hidden(u64),
    Restored,
}

/// Hours that records are kept unless it is said otherwise: the least there is.
const RETENTION_HOURS: u64 = 24;

const HOUR_MILLIS: u64 = 3_600_000;

/// How long a shard iterator is good for.
const ITERATOR_MILLIS: u64 = 300_000;

/// The greatest hash.
const LAST_HASH: u128 = u128::MAX;

/// Where a reader begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum From {
    /// At the oldest.
    Horizon,
    /// Behind everything. The events between which the place was found.
    Latest {
        asked: u64,
        answered: u64,
    },
    At(Number),
    After(Number),
    /// At what arrived at this moment or later, in milliseconds.
    Moment(u64),
}

/// Somebody who reads a shard, between two of its requests.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub(crate) stream: usize,
    pub(crate) index: u32,
    /// Which shard of that number it is, if that is sure.
    key: Option<ShardKey>,
    from: From,
    iterator: String,
    /// Between which moments the iterator was made, in milliseconds of the server's clock.
    made: (u64, u64),
    /// When its first iterator was asked for and answered, in order of events.
    began: (u64, u64),
    /// It follows shards to their children.
    follows: bool,
}

/// A change of the shards of a stream.
#[derive(Debug, Clone)]
pub(crate) enum Reshard {
    Split { shard: ShardKey, at: u128 },
    Merge { shards: [ShardKey; 2] },
    Count(u32),
}

impl Reshard {
    /// The shards that it names.
    fn shards(&self) -> &[ShardKey] {
        match self {
            Self::Split { shard, .. } => std::slice::from_ref(shard),
            Self::Merge { shards } => shards,
            Self::Count(_) => &[],
        }
    }
}

/// What a request is meant to do. Records are named by their numbers.
#[derive(Debug, Clone)]
pub(crate) enum Intent {
    Create {
        stream: usize,
    },
    Delete {
        stream: usize,
    },
    Put {
        stream: usize,
        records: Vec<usize>,
        /// The shard's place that it has to be behind.
        behind: Option<Number>,
    },
    /// By a listing that was asked for at this event.
    Reshard {
        stream: usize,
        reshard: Reshard,
        listed: u64,
    },
    List {
        stream: usize,
        only_open: bool,
    },
    Iterate {
        stream: usize,
        shard: (u32, Option<ShardKey>),
        from: From,
        /// When the shard was known to be there, in order of events.
        known: u64,
        follows: bool,
    },
    Read {
        reader: Reader,
        limit: usize,
    },
    Retain {
        stream: usize,
        hours: u64,
        is_more: bool,
    },
    MakeQueue {
        queue: usize,
    },
    /// Dead letters, or what is alive; in flight for so many milliseconds.
    Receive {
        queue: usize,
        is_dead: bool,
        hidden: u64,
    },
    MakeTable,
    /// A lease is taken from one number to the next.
    Take {
        lease: usize,
        from: u64,
        owner: String,
    },
    LookAtLease {
        lease: usize,
    },
    MakeGroup,
    /// A member comes, or says that it is there.
    Join {
        member: &'static str,
        comes: bool,
    },
    Leave {
        member: &'static str,
    },
    /// A position of a shard, by whom it was given to under a generation.
    Commit {
        member: &'static str,
        of: (u32, u64),
        number: Number,
    },
    DescribeGroup,
    /// Each record with the handle that it is named by.
    Settle {
        queue: usize,
        how: HowSettled,
        claims: Vec<(usize, String)>,
    },
}

impl Intent {
    /// Whose operation it is.
    pub(crate) fn api(&self) -> Api {
        match self {
            Self::MakeTable | Self::Take { .. } | Self::LookAtLease { .. } => Api::Leases,
            _ if self.is_native() => Api::Native,
            _ => Api::Streams,
        }
    }

    /// Whether it is one of tidewire's own operations.
    fn is_native(&self) -> bool {
        matches!(
            self,
            Self::MakeGroup | Self::Join { .. } | Self::Leave { .. } | Self::Commit { .. } | Self::DescribeGroup
        )
    }

    fn stream(&self) -> usize {
        match self {
            Self::Create { stream }
            | Self::Delete { stream }
            | Self::Put { stream, .. }
            | Self::Reshard { stream, .. }
            | Self::List { stream, .. }
            | Self::Iterate { stream, .. }
            | Self::Retain { stream, .. } => *stream,
            Self::Read { reader, .. } => reader.stream,
            // Of no stream: what holds for the first holds for them, as it is always there.
            Self::MakeTable | Self::Take { .. } | Self::LookAtLease { .. } => 0,
            Self::MakeGroup | Self::Join { .. } | Self::Leave { .. } | Self::Commit { .. } | Self::DescribeGroup => {
                GROUP_STREAM
            }
            Self::MakeQueue { queue } | Self::Receive { queue, .. } | Self::Settle { queue, .. } => {
                QUEUES[*queue].stream
            }
        }
    }
}

/// Changes a request on its way to the server, where that is the planted bug.
pub(crate) fn misdirect(input: &mut Value, sabotage: Sabotage) -> bool {
    let swap = |input: &mut Value, from: &str, to: &str| {
        let is_it = input["ShardIteratorType"] == from;
        if is_it {
            input["ShardIteratorType"] = to.into();
        }
        is_it
    };
    let hours = |input: &mut Value, more: u64, less: u64| match input["RetentionPeriodHours"].as_u64() {
        Some(hours) => {
            input["RetentionPeriodHours"] = (hours + more).saturating_sub(less).max(RETENTION_HOURS).into();
            true
        }
        None => false,
    };
    match sabotage {
        Sabotage::HashKeysAreIgnored => {
            let fields = input.as_object_mut();
            fields.is_some_and(|fields| fields.remove("ExplicitHashKey").is_some())
        }
        Sabotage::AfterIsAt => swap(input, "AFTER_SEQUENCE_NUMBER", "AT_SEQUENCE_NUMBER"),
        Sabotage::LatestIsOldest => swap(input, "LATEST", "TRIM_HORIZON"),
        Sabotage::MomentsAreLate => match input["Timestamp"].as_f64() {
            Some(_) => {
                drop(input.as_object_mut().and_then(|fields| fields.remove("Timestamp")));
                swap(input, "AT_TIMESTAMP", "LATEST")
            }
            None => false,
        },
        Sabotage::QueuesForgetAcknowledgements => {
            let entries = input["Entries"].as_array_mut();
            entries
                .filter(|entries| entries.iter().all(|entry| entry.get("VisibilityTimeoutSeconds").is_none()))
                .is_some_and(|entries| {
                    for entry in entries {
                        let handle = entry["ReceiptHandle"].as_str().unwrap_or_default();
                        entry["ReceiptHandle"] = format!("{handle}{FORGOTTEN}").into();
                    }
                    true
                })
        }
        Sabotage::ConditionsAreIgnored => input.as_object_mut().is_some_and(|fields| {
            let is_harmed = fields.remove("ConditionExpression").is_some();
            if let Some(values) = fields.get_mut("ExpressionAttributeValues").and_then(Value::as_object_mut) {
                drop(values.remove(":old"));
            }
            is_harmed
        }),
        Sabotage::QueuesForgetLeases => {
            let secs = input.get_mut("VisibilityTimeoutSeconds");
            secs.is_some_and(|secs| {
                *secs = 0.into();
                true
            })
        }
        Sabotage::QueuesGiveUpLate => {
            let most = input.pointer_mut("/QueueAttributes/DeadLetterConfiguration/MaxReceiveCount");
            most.is_some_and(|most| {
                *most = 3.into();
                true
            })
        }
        Sabotage::RetentionIsLonger => hours(input, 24, 0),
        Sabotage::RetentionIsShorter => hours(input, 0, 24),
        _ => false,
    }
}

/// Changes an answer on its way to the oracle, where that is the planted bug.
pub(crate) fn distort(answer: &mut Value, sabotage: Sabotage) {
    if sabotage == Sabotage::ChildrenAreHidden
        && let Some(fields) = answer.as_object_mut()
    {
        drop(fields.remove("ChildShards"));
    }
    if let Some(shards) = answer.get_mut("Shards").and_then(Value::as_array_mut) {
        match sabotage {
            Sabotage::ShardsAreHidden => drop(shards.pop()),
            Sabotage::ParentsAreHidden => shards.iter_mut().filter_map(Value::as_object_mut).for_each(|shard| {
                shard.remove("ParentShardId");
            }),
            _ => {}
        }
    }
    distort_queue(answer, sabotage);
    distort_group(answer, sabotage);
    if sabotage == Sabotage::LeasesGoBack
        && let Some(number) = answer.pointer_mut("/Item/leaseCounter/N")
    {
        *number = "1".into();
    }
    if !answer["MillisBehindLatest"].is_number() {
        return;
    }
    if sabotage == Sabotage::ReadersAreToldTheyHaveAll {
        answer["MillisBehindLatest"] = 0.into();
    }
    if let Some(records) = answer["Records"].as_array_mut() {
        distort_records(records, sabotage);
    }
}

/// What a handle ends with that the service does not get as it is.
const FORGOTTEN: &str = "~";

fn distort_queue(answer: &mut Value, sabotage: Sabotage) {
    if let Some(records) = answer.get_mut("QueueRecords").and_then(Value::as_array_mut) {
        match sabotage {
            Sabotage::QueuesForgetCounts => records.iter_mut().for_each(|record| record["ReceiveCount"] = 1.into()),
            Sabotage::QueuesHideRecords if records.len() > 1 => drop(records.remove(0)),
            _ => {}
        }
    }
    if sabotage != Sabotage::QueuesForgetAcknowledgements {
        return;
    }
    // What failed because its handle was spoiled is told to have succeeded.
    let spoiled = |entry: &Value| Some(entry["ReceiptHandle"].as_str()?.strip_suffix(FORGOTTEN)?.to_owned());
    let failed = answer.get_mut("Failed").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
    let (forgotten, others): (Vec<Value>, Vec<Value>) = failed.into_iter().partition(|entry| spoiled(entry).is_some());
    if answer.get("Failed").is_some() {
        answer["Failed"] = others.into();
    }
    if let Some(done) = answer.get_mut("Successful").and_then(Value::as_array_mut) {
        done.extend(forgotten.iter().filter_map(spoiled).map(|handle| serde_json::json!({"ReceiptHandle": handle})));
    }
}

/// The shards that a member is given, and those of a group, as if nothing had been committed, or as if nobody else had had them.
fn distort_group(answer: &mut Value, sabotage: Sabotage) {
    let is_described = answer.get("GroupName").is_some();
    let name = if is_described { "Shards" } else { "Assignments" };
    for shard in answer.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten() {
        let fields = shard.as_object_mut();
        match sabotage {
            Sabotage::PositionsAreForgotten => drop(fields.and_then(|fields| fields.remove("SequenceNumber"))),
            Sabotage::GenerationsStandStill => shard["Generation"] = 1.into(),
            _ => {}
        }
    }
}

fn distort_records(records: &mut Vec<Value>, sabotage: Sabotage) {
    if records.len() > 1 {
        match sabotage {
            Sabotage::RecordsAreSkipped => drop(records.remove(0)),
            Sabotage::RecordsAreRepeated => {
                let first = records[0].clone();
                ["Data", "PartitionKey"].into_iter().for_each(|name| records[1][name] = first[name].clone());
            }
            Sabotage::RecordsChangePlaces => records.swap(0, 1),
            _ => {}
        }
    }
    for record in records {
        match sabotage {
            Sabotage::KeysAreDamaged => record["PartitionKey"] = "another".into(),
            Sabotage::ArrivalsAreDamaged => {
                let arrived = record["ApproximateArrivalTimestamp"].as_f64().unwrap_or_default();
                record["ApproximateArrivalTimestamp"] = (arrived + 86_400.0).into();
            }
            _ => {}
        }
    }
}
