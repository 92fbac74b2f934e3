//! PutRecord and PutRecords: which shard a record goes to, and its sequence number.
//!
//! The records of a request that go to one shard are one change of that shard; all changes of a request ride in one block. A shard
//! that was split or merged while the request was on its way takes nothing more; its records are routed again by the new shards. A shard
//! that is too busy for a record takes none of the request behind it: whoever puts what was refused once more keeps the order of his keys.

use crate::catalog::{ShardHandle, StreamEntry, View};
use crate::limits;
use crate::meters::{Counter, ShardCounter};
use crate::refusal::Refusal;
use crate::sealing::Seal;
use crate::service::Inner;
use crate::shard_id;
use crate::throttle;
use bytes::Bytes;
use engine::Pending;
use names::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use stream::{Command, NewRecord, Reply, SequenceNumber, Shard, hash_of};

/// How often a record is routed anew because its shard had just been closed: each time a resharding came in between.
const ROUTES_MAX: usize = 16;

/// A record as a request has it.
#[derive(Debug, Clone)]
pub(crate) struct Put {
    pub(crate) data: Bytes,
    pub(crate) partition_key: Option<String>,
    pub(crate) explicit_hash_key: Option<String>,
}

/// Where a record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) shard_id: String,
    pub(crate) sequence_number: String,
}

/// The sequence number that a single record's has to be greater than: SequenceNumberForOrdering.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Behind(SequenceNumber);

/// Checks records before any of them is stored.
pub(crate) fn check(view: &View, records: &[Put]) -> Result<(), Refusal> {
    let most = view.about.record_bytes_max();
    for record in records {
        decider(view, record)?;
        if size_of(record) > most {
            return Err(Refusal::invalid(format!(
                "Record size {} exceeds the {} KiB that a record of this stream may have, data and partition key together.",
                size_of(record),
                view.about.record_kib_max
            )));
        }
    }
    match records.iter().map(size_of).sum::<usize>() > limits::PUT_BYTES_MAX {
        true => Err(Refusal::invalid("Records size exceeds 10 MB limit")),
        false => Ok(()),
    }
}

/// Bytes of data and partition key: what bounds count.
fn size_of(record: &Put) -> usize {
    record.data.len() + record.partition_key.as_ref().map_or(0, String::len)
}

/// Bytes of records, as bounds and metrics count them.
pub(crate) fn bytes_of<'a>(records: impl Iterator<Item = &'a Put>) -> u64 {
    records.map(|record| size_of(record) as u64).sum()
}

/// What decides about a record's shard.
enum Decider<'a> {
    /// Whose turn it is, whatever the record says.
    Turn,
    /// The hash that the record says itself.
    Hash(u128),
    /// The hash of its key, which is computed only where the record is placed.
    Key(&'a str),
}

fn decider<'a>(view: &View, record: &'a Put) -> Result<Decider<'a>, Refusal> {
    if StreamEntry::is_by_turns(view) {
        return Ok(Decider::Turn);
    }
    let Some(key) = &record.partition_key else {
        return Err(Refusal::invalid(
            "A record of a stream with the record distribution strategy USER_PARTITION_KEY needs a PartitionKey.",
        ));
    };
    match &record.explicit_hash_key {
        None => Ok(Decider::Key(key)),
        Some(text) => text.parse().map(Decider::Hash).map_err(|_| {
            Refusal::invalid(format!(
                "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {text}"
            ))
        }),
    }
}

/// A shard's part of a request: which records, in their order, and its answer.
struct Part {
    shard: Arc<ShardHandle>,
    numbers: Vec<usize>,
    pending: Pending<Shard>,
}

impl Inner {
    /// Stores records that were checked, each in its shard, sealed where the stream has a key. A record that cannot be kept says so
    /// itself.
    pub(crate) async fn put(
        &self,
        entry: &Arc<StreamEntry>,
        records: Vec<Put>,
        behind: Option<Behind>,
        seal: Option<&Seal>,
    ) -> Result<Vec<Result<Placed, Refusal>>, Refusal> {
        let mut placed: Vec<Option<Result<Placed, Refusal>>> = vec![None; records.len()];
        let mut left: Vec<usize> = (0..records.len()).collect();
        let mut view = entry.view();
        for _ in 0..ROUTES_MAX {
            let (parts, homeless) = self.begin(entry, &view, (&records, &left), (behind, seal), &mut placed)?;
            left = homeless;
            for part in parts {
                match part.pending.await {
                    Ok(Reply::Appended { first, at }) => {
                        self.count_put(entry, &view, (&part.shard, &part.numbers), &records);
                        let ShardHandle { entry: shard, .. } = &*part.shard;
                        let shard_id = shard.name();
                        for (counter, number) in (first..).zip(part.numbers) {
                            let sequence_number =
                                SequenceNumber::new(shard.opened_at, shard.index, counter, at).to_string();
                            placed[number] = Some(Ok(Placed { shard_id: shard_id.clone(), sequence_number }));
                        }
                    }
                    // The shards have changed, or are about to.
                    Ok(Reply::NoMoreAppends | Reply::Gone) => left.extend(part.numbers),
                    Ok(Reply::Ahead) => return Err(behind.expect("only what was asked for is ahead").refused(entry)),
                    Ok(_) => return Err(Refusal::no_stream(entry.key.account, &entry.key.name)),
                    Err(unavailable) => {
                        let refusal = Refusal::from(unavailable);
                        part.numbers.iter().for_each(|number| placed[*number] = Some(Err(refusal.clone())));
                    }
                }
            }
            if left.is_empty() {
                break;
            }
            if !self.catalog.has(entry) {
                return Err(Refusal::no_stream(entry.key.account, &entry.key.name));
            }
            left.sort_unstable();
            self.catalog.catch_up(entry);
            view = entry.view_after_changes();
        }
        let lost = || Err(Refusal::in_use("The stream's shards change too often at this moment."));
        Ok(placed.into_iter().map(|one| one.unwrap_or_else(lost)).collect())
    }

    fn count_put(&self, entry: &StreamEntry, view: &View, (shard, numbers): (&ShardHandle, &[usize]), records: &[Put]) {
        let (count, bytes) = (numbers.len() as u64, bytes_of(numbers.iter().map(|number| &records[*number])));
        let meter = self.meter(entry);
        meter.add(Counter::IncomingRecords, count);
        meter.add(Counter::IncomingBytes, bytes);
        let counts = [(ShardCounter::IncomingRecords, count), (ShardCounter::IncomingBytes, bytes)];
        self.count_shard(view, shard, &counts);
    }

    /// Hands each shard its records, in their order; those of a shard that is not there yet are homeless.
    fn begin(
        &self,
        entry: &StreamEntry,
        view: &View,
        (records, left): (&[Put], &[usize]),
        (behind, seal): (Option<Behind>, Option<&Seal>),
        placed: &mut [Option<Result<Placed, Refusal>>],
    ) -> Result<(Vec<Part>, Vec<usize>), Refusal> {
        let now = self.catalog.store().clock().now();
        let mut parts: BTreeMap<u32, (Arc<ShardHandle>, Vec<usize>)> = BTreeMap::new();
        let mut busy = BTreeSet::new();
        for &number in left {
            let shard = match decider(view, &records[number])? {
                Decider::Turn => entry.next_shard(view),
                Decider::Hash(hash) => view.shard_of(hash).map(Arc::clone),
                Decider::Key(key) => view.shard_of(hash_of(key)).map(Arc::clone),
            };
            let shard = shard.ok_or_else(|| Refusal::no_stream(entry.key.account, &entry.key.name))?;
            let index = shard.entry.index;
            if busy.contains(&index) || !self.throttle.put(shard.entry.partition, size_of(&records[number]), now) {
                busy.insert(index);
                self.meter(entry).add(Counter::WriteExceeded, 1);
                self.count_shard(view, &shard, &[(ShardCounter::WriteExceeded, 1)]);
                placed[number] = Some(Err(throttle::refused(entry, &shard)));
                continue;
            }
            parts.entry(index).or_insert_with(|| (shard, Vec::new())).1.push(number);
        }
        let (mut begun, mut homeless) = (Vec::with_capacity(parts.len()), Vec::new());
        for (shard, numbers) in parts.into_values() {
            let after = behind.map(|behind| behind.counter_in(entry, &shard, now)).transpose()?.flatten();
            let record = |number: &usize| new_record(view, &records[*number]);
            let new = numbers.iter().map(record).collect::<Result<Vec<_>, _>>()?;
            let command = match seal {
                None => Command::Append { after, records: new },
                Some(seal) => {
                    Command::AppendSealed { after, records: new.iter().map(|record| seal.seal(record)).collect() }
                }
            };
            let Some(partition) = shard.partition(self.catalog.store()) else {
                homeless.extend(numbers);
                continue;
            };
            match partition.execute(command) {
                Ok(pending) => {
                    if pending.is(|reply| note_tip(&shard, reply, numbers.len())) {
                        entry.queues.ring(shard.entry.index, numbers.len());
                    }
                    begun.push(Part { shard, numbers, pending });
                }
                Err(unavailable) => {
                    let refusal = Refusal::from(unavailable);
                    numbers.iter().for_each(|number| placed[*number] = Some(Err(refusal.clone())));
                }
            }
        }
        Ok((begun, homeless))
    }
}

/// Notes how far a shard has come by what it was given, and whether it took that.
fn note_tip(shard: &ShardHandle, reply: &Reply, records: usize) -> bool {
    let Reply::Appended { first, .. } = reply else { return false };
    shard.note_tip(first + records as u64);
    true
}

/// A record as its shard keeps it: what did not decide is not kept.
fn new_record(view: &View, put: &Put) -> Result<NewRecord, Refusal> {
    let (partition_key, explicit_hash) = match decider(view, put)? {
        Decider::Turn => (None, None),
        Decider::Hash(hash) => (put.partition_key.as_deref().map(Box::from), Some(hash)),
        Decider::Key(key) => (Some(key.into()), None),
    };
    Ok(NewRecord { data: put.data.clone(), partition_key, explicit_hash })
}

impl Behind {
    /// Reads SequenceNumberForOrdering.
    pub(crate) fn parse(text: &str, entry: &StreamEntry) -> Result<Self, Refusal> {
        SequenceNumber::parse(text).map(Self).map_err(|_| refused_behind(text, entry))
    }

    /// The counter that it is of, if it is of the shard that the record goes to: whether it has been given out the shard knows. That of
    /// another shard, as after a split, is smaller as long as it is not of the future.
    fn counter_in(self, entry: &StreamEntry, shard: &ShardHandle, now: Instant) -> Result<Option<u64>, Refusal> {
        let ShardHandle { entry: of, .. } = shard;
        match self.0.place_in(of.opened_at, of.index, u64::MAX) {
            Ok(counter) => Ok(Some(counter)),
            Err(_) if self.0.arrived_at() <= now => Ok(None),
            Err(_) => Err(self.refused(entry)),
        }
    }

    fn refused(self, entry: &StreamEntry) -> Refusal {
        refused_behind(&self.0.to_string(), entry)
    }
}

fn refused_behind(text: &str, entry: &StreamEntry) -> Refusal {
    Refusal::invalid(format!(
        "ExclusiveMinimumSequenceNumber {text} used in PutRecord on stream {} under account {} is invalid.",
        entry.key.name, entry.key.account
    ))
}

/// The number of the shard that a request names.
pub(crate) fn shard_named(entry: &StreamEntry, view: &View, name: &str) -> Result<Arc<ShardHandle>, Refusal> {
    let index = shard_id::parse(name).ok_or_else(|| Refusal::no_shard(&entry.key, name))?;
    view.shard(index).map(Arc::clone).ok_or_else(|| Refusal::no_shard(&entry.key, &shard_id::show(index)))
}
