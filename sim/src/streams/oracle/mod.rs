//! What is known of streams by requests and answers alone, and which promises are broken by an answer.
//!
//! A record that was acknowledged, or that a reader was shown, is at its sequence number, whole, once, and nowhere else, until its
//! retention is over; one whose answer was lost may be there, once at the most; one that never arrived is not (`places.rs`). Numbers of a
//! shard rise; records of a key stand in the order in which they were put, over any split and merge. Whoever reads passes over nothing
//! that is there, and nothing appears behind him; what has expired is not shown, however long records are kept later (`reads.rs`). A
//! shard that was closed takes nothing more; the shards of a stream share all hashes out among them, children those of their parents
//! (`shards.rs`). Queues on streams have rules of their own (`queues.rs`), and so have a consumer group (`groups.rs`) and a lease table (`leases.rs`). What a refusal may say stands in `refusals.rs`.

mod groups;
mod leases;
mod places;
mod queues;
mod reads;
mod refusals;
mod shards;
mod stream;

use super::number::{Number, ShardKey};
use super::{HOUR_MILLIS, Intent, RETENTION_HOURS, Reader, Reshard, STREAMS};
use crate::client::Answer;
use crate::oracle::{Situation, Verdict};
use places::{Group, Record, State};
use queues::Queues;
pub(crate) use queues::number_of;
use serde_json::Value;
pub(crate) use shards::Listed;
use std::collections::BTreeMap;
use stream::Stream;

/// Readers of a stream that are remembered.
const READERS_MAX: usize = 8;

/// Seconds that a resharding's shards may be ahead of the clock: one for each step that it takes.
const AHEAD_SECS: u64 = 3;

/// Everything that is known of all streams.
pub(crate) struct Streams {
    records: Vec<Record>,
    streams: Vec<Stream>,
    /// Records of one hash in one stream.
    groups: BTreeMap<(usize, u128), Group>,
    readers: Vec<Vec<Reader>>,
    /// Children of shards that were read to their ends, and when they were told.
    children: Vec<Vec<(u32, u64)>>,
    queues: Queues,
    group: groups::Group,
    leases: BTreeMap<usize, leases::Lease>,
    /// Owners that were made up.
    owners: u64,
    /// Leases that were taken.
    pub(crate) takes: u64,
    /// The ids of records that queues have shown.
    ids_of: BTreeMap<usize, String>,
    /// Records that queues have handed out, and how many of them as dead letters.
    pub(crate) delivered: u64,
    /// Positions of the consumer group that were committed.
    pub(crate) commits: u64,
    pub(crate) dead_letters: u64,
    /// A bit has rotted: records may be missing, of so many bytes.
    pub(crate) is_rotten: bool,
    pub(crate) missing_bytes: usize,
    pub(crate) shown: u64,
    pub(crate) ended: u64,
    pub(crate) resharded: u64,
    pub(crate) expired: u64,
}

impl Streams {
    pub(crate) fn new() -> Self {
        Self {
            records: Vec::new(),
            streams: STREAMS.iter().map(|_| Stream::new()).collect(),
            groups: BTreeMap::new(),
            readers: STREAMS.iter().map(|_| Vec::new()).collect(),
            children: STREAMS.iter().map(|_| Vec::new()).collect(),
            queues: Queues::default(),
            group: groups::Group::default(),
            leases: BTreeMap::new(),
            owners: 0,
            takes: 0,
            commits: 0,
            ids_of: BTreeMap::new(),
            delivered: 0,
            dead_letters: 0,
            is_rotten: false,
            missing_bytes: 0,
            shown: 0,
            ended: 0,
            resharded: 0,
            expired: 0,
        }
    }

    /// The most that any server's clock has shown.
    pub(crate) fn time_is(&mut self, wall_max: u64) {
        self.streams.iter_mut().for_each(|stream| stream.time_is(wall_max));
    }

    /// A request is about to be sent.
    pub(crate) fn asked(&mut self, intent: &Intent, at: u64, wall: u64) {
        let stream = &mut self.streams[intent.stream()];
        match intent {
            Intent::Create { .. } => stream.creation_asked(),
            Intent::Delete { .. } => stream.deletion_asked(),
            Intent::Reshard { .. } => stream.reshard_asked(at),
            Intent::Retain { hours, .. } => stream.retention_asked(*hours),
            Intent::Put { records, .. } => {
                for number in records {
                    self.records[*number].asked_for(at, wall);
                }
            }
            Intent::Settle { queue, how, claims, .. } => self.settling(*queue, *how, claims, at),
            Intent::Commit { of: (index, _), number, .. } => self.commit_asked(*index, *number),
            Intent::Take { lease, from, owner } => self.take_asked(*lease, *from, owner),
            Intent::MakeTable | Intent::LookAtLease { .. } => {}
            Intent::MakeGroup | Intent::Join { .. } | Intent::Leave { .. } | Intent::DescribeGroup => {}
            Intent::List { .. }
            | Intent::Iterate { .. }
            | Intent::Read { .. }
            | Intent::MakeQueue { .. }
            | Intent::Receive { .. } => {}
        }
    }

    /// Nobody will read the answer. `whole` says whether all of the request may have arrived.
    pub(crate) fn given_up(&mut self, intent: &Intent, now: &Situation, whole: bool) {
        self.over(intent, now, false);
        if let Intent::Put { records, .. } = intent {
            let state = if whole { State::Unknown } else { State::Never };
            records.iter().for_each(|number| self.records[*number].becomes(state));
        }
    }

    /// What holds once a request is over, however it ended.
    fn over(&mut self, intent: &Intent, now: &Situation, is_done: bool) {
        let stream = &mut self.streams[intent.stream()];
        match intent {
            Intent::Create { .. } => stream.creation_ended(now, is_done),
            Intent::Delete { .. } => stream.deletion_ended(now, is_done),
            Intent::Reshard { .. } => stream.reshard_ended(now),
            Intent::Retain { hours, .. } => stream.retention_ended(*hours, now, is_done),
            Intent::Settle { queue, how, claims, .. } => self.settled(*queue, *how, claims, now.at),
            _ => {}
        }
    }

    /// An answer was read to its end.
    pub(crate) fn answered(&mut self, intent: &Intent, now: &Situation, answer: &Answer) -> Verdict {
        let is_done = answer.status == 200;
        match is_done {
            true => self.succeeded(intent, now, &answer.body)?,
            false => self.refused(intent, now, answer)?,
        }
        self.over(intent, now, is_done);
        Ok(())
    }

    fn succeeded(&mut self, intent: &Intent, now: &Situation, body: &Value) -> Verdict {
        let (number, name) = (intent.stream(), STREAMS[intent.stream()].name);
        let stream = &mut self.streams[number];
        let is_gone = stream.is_gone(now.asked) && !matches!(intent, Intent::Create { .. } | Intent::Read { .. });
        if is_gone {
            return Err(format!("the stream {name} is gone, and {intent:?} is answered with {body}"));
        }
        if let Some(since) = now.stopped_since.filter(|since| now.asked > *since && changes(intent)) {
            return Err(format!("{intent:?} is acknowledged although the log stopped at event {since}"));
        }
        match intent {
            Intent::Create { .. } if stream.must_exist(now.asked) => {
                Err(format!("the stream {name} is there, and is made once more"))
            }
            Intent::Create { .. } | Intent::Delete { .. } => Ok(()),
            Intent::Retain { is_more, .. } => {
                if *is_more {
                    stream.retention_raised(now);
                }
                Ok(())
            }
            Intent::Put { records, behind, .. } => self.put(number, records, *behind, now, body),
            Intent::Reshard { reshard, listed, .. } => self.reshard_done(number, reshard, *listed, now, body),
            Intent::List { only_open, .. } => self.listed(number, *only_open, now, body),
            Intent::Iterate { .. } => self.iterated(intent, now, body),
            Intent::Read { reader, limit } => self.read(reader, *limit, now, body),
            Intent::Take { lease, from, owner } => self.taken(*lease, *from, owner, now),
            Intent::LookAtLease { lease } => self.lease_shown(*lease, now, body),
            Intent::MakeTable | Intent::MakeGroup => Ok(()),
            Intent::Join { member, .. } => self.lent(member, now, body),
            Intent::Commit { member, of, number } => self.committed(member, *of, *number, now),
            Intent::Leave { member } => self.left(member),
            Intent::DescribeGroup => self.group_described(now, body),
            Intent::MakeQueue { queue } => self.queue_made(*queue, body),
            Intent::Receive { queue, is_dead, hidden } => self.received((*queue, *is_dead), *hidden, now, body),
            Intent::Settle { queue, how, claims, .. } => self.settle_answered(*queue, *how, claims, now, body),
        }
    }

    fn reshard_done(
        &mut self,
        number: usize,
        reshard: &Reshard,
        listed: u64,
        now: &Situation,
        body: &Value,
    ) -> Verdict {
        let stream = &mut self.streams[number];
        self.resharded += 1;
        if let Reshard::Count(count) = reshard
            && body["TargetShardCount"] != *count
        {
            return Err(format!("UpdateShardCount to {count} is answered with {body}"));
        }
        // The shard of that number is the one that was meant, unless the stream may be another by now.
        if stream.must_exist(listed) {
            reshard.shards().iter().for_each(|key| stream.shard(*key).closes(now.at));
            if let Reshard::Split { shard, at } = reshard {
                stream.shard(*shard).split = Some((*at, now.at));
            }
        }
        Ok(())
    }

    /// Whether nobody can have a stream of this name.
    pub(crate) fn is_surely_gone(&self, stream: usize) -> bool {
        self.streams[stream].is_gone(u64::MAX)
    }

    /// Whether a stream that is made now is none that could be taken for one before it.
    pub(super) fn may_be_created(&self, stream: usize, wall: u64) -> bool {
        self.streams[stream].may_be_created(wall)
    }

    /// The most hours for which records may be kept.
    pub(super) fn hours_kept(&self, stream: usize) -> u64 {
        self.streams[stream].hours_max()
    }

    pub(super) fn readers(&self, stream: usize) -> &[Reader] {
        &self.readers[stream]
    }

    /// A child to go on with, and when it was told.
    pub(super) fn next_child(&mut self, stream: usize) -> Option<(u32, u64)> {
        self.children[stream].pop()
    }

    fn keep_reader(&mut self, reader: Reader) {
        let readers = &mut self.readers[reader.stream];
        if readers.len() == READERS_MAX {
            readers.remove(0);
        }
        readers.push(reader);
    }
}

/// Whether a request that succeeds has changed something for certain.
fn changes(intent: &Intent) -> bool {
    matches!(intent, Intent::Create { .. } | Intent::Delete { .. })
}

/// What an answer must have.
fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, String> {
    value[name].as_str().ok_or_else(|| format!("an answer without {name}: {value}"))
}

/// Milliseconds of a moment in seconds.
fn millis(value: &Value) -> Option<u64> {
    value.as_f64().map(|secs| (secs * 1000.0).round() as u64)
}
