//! What is counted of streams and shards, in CloudWatch's terms, for metrics.
//!
//! The first so many streams that are used have a meter of their own until they are deleted; all others share one, so that sums are
//! exact however many streams there are. A stream holds its meter: counting is an addition, and nothing is looked up. Shards are
//! counted only where EnableEnhancedMonitoring asked for it, and as many as there is place for; what they come to is in their stream's
//! counts in any case. Source: "Amazon Kinesis Data Streams dimensions and metrics", developer guide.

use crate::catalog::StreamKey;
use names::PartitionId;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// What is counted of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// Bytes put, by whichever operation.
    IncomingBytes,
    /// Records put, by whichever operation.
    IncomingRecords,
    /// Records that were refused because their shard took no more within the second.
    WriteExceeded,
    /// GetRecords that were refused because their shard gave no more within the second.
    ReadExceeded,
    /// PutRecord that were asked for.
    PutRecordCalls,
    /// PutRecord that succeeded.
    PutRecordSuccess,
    /// Bytes put by PutRecord.
    PutRecordBytes,
    /// Milliseconds of PutRecord.
    PutRecordMillis,
    /// PutRecords that were asked for.
    PutRecordsCalls,
    /// PutRecords of which a record succeeded at the least.
    PutRecordsSuccess,
    /// Bytes put by PutRecords.
    PutRecordsBytes,
    /// Milliseconds of PutRecords.
    PutRecordsMillis,
    /// Records of PutRecords.
    PutRecordsTotal,
    /// Those that succeeded.
    PutRecordsSuccessful,
    /// Those that failed for another reason than the next.
    PutRecordsFailed,
    /// Those that were refused because their shard took no more.
    PutRecordsThrottled,
    /// GetRecords that were asked for.
    GetRecordsCalls,
    /// GetRecords that succeeded.
    GetRecordsSuccess,
    /// Bytes read by GetRecords.
    GetRecordsBytes,
    /// Records read by GetRecords.
    GetRecordsRecords,
    /// Milliseconds of GetRecords.
    GetRecordsMillis,
    /// SubscribeToShard that were asked for.
    SubscribeCalls,
    /// SubscribeToShard that succeeded.
    SubscribeSuccess,
    /// SubscribeToShard that were refused because the consumer had a subscription.
    SubscribeRateExceeded,
    /// Events that were to be pushed.
    EventCalls,
    /// Events that were pushed.
    EventSuccess,
    /// Bytes of events.
    EventBytes,
    /// Records of events.
    EventRecords,
}

/// The number of counters of a stream.
const COUNTERS: usize = Counter::EventRecords as usize + 1;

/// What is counted of a shard, in the order of the model's metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardCounter {
    /// IncomingBytes.
    IncomingBytes,
    /// IncomingRecords.
    IncomingRecords,
    /// OutgoingBytes.
    OutgoingBytes,
    /// OutgoingRecords.
    OutgoingRecords,
    /// WriteProvisionedThroughputExceeded.
    WriteExceeded,
    /// ReadProvisionedThroughputExceeded.
    ReadExceeded,
}

/// The number of counters of a shard. Behind them the model has IteratorAgeMilliseconds, which is no count.
const SHARD_COUNTERS: usize = ShardCounter::ReadExceeded as usize + 1;

/// The place of IteratorAgeMilliseconds among the model's metrics of shards.
pub(crate) const ITERATOR_AGE: usize = SHARD_COUNTERS;

/// Numbers since the start, and what was seen last.
#[derive(Debug)]
struct Numbers<const N: usize> {
    counts: [AtomicU64; N],
    /// How far behind the last GetRecords was, and the last event.
    iterator_age_millis: AtomicU64,
    event_behind_millis: AtomicU64,
}

impl<const N: usize> Default for Numbers<N> {
    fn default() -> Self {
        Self {
            counts: [const { AtomicU64::new(0) }; N],
            iterator_age_millis: AtomicU64::new(0),
            event_behind_millis: AtomicU64::new(0),
        }
    }
}

impl<const N: usize> Numbers<N> {
    fn read(&self) -> Counted<N> {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Counted {
            counts: self.counts.each_ref().map(read),
            iterator_age_millis: read(&self.iterator_age_millis),
            event_behind_millis: read(&self.event_behind_millis),
        }
    }

    fn add(&self, place: usize, number: u64) {
        self.counts[place].fetch_add(number, Ordering::Relaxed);
    }
}

/// Counts since the start, and what was seen last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted<const N: usize> {
    counts: [u64; N],
    /// How far behind the tip the last GetRecords was, in milliseconds.
    pub iterator_age_millis: u64,
    /// How far behind the tip the last event was, in milliseconds.
    pub event_behind_millis: u64,
}

/// What was counted of a stream.
pub type StreamCounts = Counted<COUNTERS>;

/// What was counted of a shard.
pub(crate) type ShardCounts = Counted<SHARD_COUNTERS>;

impl StreamCounts {
    /// One of the counts.
    pub fn of(&self, counter: Counter) -> u64 {
        self.counts[counter as usize]
    }
}

impl ShardCounts {
    /// The count at a place of the model's metrics.
    pub(crate) fn at(&self, place: usize) -> u64 {
        self.counts[place]
    }
}

/// The counters of a stream, or of all that have none of their own.
#[derive(Debug, Default)]
pub(crate) struct Meter(Numbers<COUNTERS>);

impl Meter {
    pub(crate) fn add(&self, counter: Counter, number: u64) {
        self.0.add(counter as usize, number);
    }

    /// Counts a call that began and one that succeeded, if it did.
    pub(crate) fn called(&self, calls: Counter, success: Counter, is_success: bool) {
        self.add(calls, 1);
        self.add(success, u64::from(is_success));
    }

    pub(crate) fn see_iterator_age(&self, millis: u64) {
        self.0.iterator_age_millis.store(millis, Ordering::Relaxed);
    }

    pub(crate) fn see_event_behind(&self, millis: u64) {
        self.0.event_behind_millis.store(millis, Ordering::Relaxed);
    }
}

/// The counters of a shard whose stream asks for some.
#[derive(Debug, Default)]
pub(crate) struct ShardMeter(Numbers<SHARD_COUNTERS>);

impl ShardMeter {
    pub(crate) fn add(&self, counter: ShardCounter, number: u64) {
        self.0.add(counter as usize, number);
    }

    pub(crate) fn see_iterator_age(&self, millis: u64) {
        self.0.iterator_age_millis.store(millis, Ordering::Relaxed);
    }
}

/// All meters.
pub(crate) struct Meters {
    streams_max: usize,
    shards_max: usize,
    own: RwLock<BTreeMap<StreamKey, (PartitionId, Arc<Meter>)>>,
    shared: Arc<Meter>,
    shards: RwLock<BTreeMap<PartitionId, Arc<ShardMeter>>>,
}

impl Meters {
    /// Meters for so many streams and shards; one for all other streams.
    pub(crate) fn new(streams_max: usize, shards_max: usize) -> Self {
        let (own, shards) = (RwLock::default(), RwLock::default());
        Self { streams_max, shards_max, own, shared: Arc::default(), shards }
    }

    /// The meter of a stream: its own if there is place.
    pub(crate) fn of(&self, key: &StreamKey, id: PartitionId) -> Arc<Meter> {
        let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
        match own.get(key) {
            Some((known, meter)) if *known == id => return Arc::clone(meter),
            // The stream that had this name is gone.
            Some((known, _)) => {
                let known = *known;
                self.sum_up(&mut own, key, known);
            }
            None => {}
        }
        if own.len() >= self.streams_max {
            return Arc::clone(&self.shared);
        }
        let meter = Arc::<Meter>::default();
        own.insert(key.clone(), (id, Arc::clone(&meter)));
        meter
    }

    /// A stream is deleted: what was counted of it stays in the sum, and its place is free.
    pub(crate) fn forget(&self, key: &StreamKey, id: PartitionId) {
        self.sum_up(&mut self.own.write().unwrap_or_else(PoisonError::into_inner), key, id);
    }

    fn sum_up(&self, own: &mut BTreeMap<StreamKey, (PartitionId, Arc<Meter>)>, key: &StreamKey, id: PartitionId) {
        if own.get(key).is_some_and(|(known, _)| *known == id)
            && let Some((_, meter)) = own.remove(key)
        {
            let counted = meter.0.read();
            counted.counts.iter().enumerate().for_each(|(place, count)| self.shared.0.add(place, *count));
        }
    }

    /// The meter of a shard, if there is place.
    pub(crate) fn of_shard(&self, shard: PartitionId) -> Option<Arc<ShardMeter>> {
        let known = self.shards.read().unwrap_or_else(PoisonError::into_inner).get(&shard).map(Arc::clone);
        if known.is_some() {
            return known;
        }
        let mut shards = self.shards.write().unwrap_or_else(PoisonError::into_inner);
        let has_room = shards.len() < self.shards_max;
        has_room.then(|| Arc::clone(shards.entry(shard).or_default()))
    }

    /// Forgets shards that nobody asks for any more.
    pub(crate) fn keep_shards(&self, is_asked: impl Fn(PartitionId) -> bool) {
        self.shards.write().unwrap_or_else(PoisonError::into_inner).retain(|shard, _| is_asked(*shard));
    }

    /// What was counted of each stream that has a meter, in order of their keys.
    pub(crate) fn read(&self) -> Vec<(StreamKey, StreamCounts)> {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        own.iter().map(|(key, (_, meter))| (key.clone(), meter.0.read())).collect()
    }

    /// What was counted of all others together.
    pub(crate) fn others(&self) -> StreamCounts {
        self.shared.0.read()
    }

    /// What was counted of a shard, if it has a meter.
    pub(crate) fn read_shard(&self, shard: PartitionId) -> Option<ShardCounts> {
        self.shards.read().unwrap_or_else(PoisonError::into_inner).get(&shard).map(|meter| meter.0.read())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::FAMILY;
    use names::{AccountId, Region};

    fn key(name: &str) -> StreamKey {
        StreamKey { account: AccountId::DEFAULT, region: Region::parse("us-east-1").unwrap(), name: name.into() }
    }

    fn id(ordinal: u64) -> PartitionId {
        PartitionId::of_family(FAMILY, ordinal)
    }

    #[test]
    fn streams_beyond_the_bound_share_a_meter_and_the_sum_loses_nothing() {
        let meters = Meters::new(2, 0);
        for (nth, name) in (0..).zip(["a", "b", "c", "d"]) {
            meters.of(&key(name), id(nth)).add(Counter::IncomingBytes, 10);
        }
        assert_eq!((meters.read().len(), meters.others().of(Counter::IncomingBytes)), (2, 20));
        meters.forget(&key("a"), id(0));
        assert_eq!(meters.others().of(Counter::IncomingBytes), 30, "what a deleted stream has counted stays");
        meters.of(&key("c"), id(2)).called(Counter::PutRecordCalls, Counter::PutRecordSuccess, false);
        let names: Vec<String> = meters.read().iter().map(|(key, _)| key.name.to_string()).collect();
        assert_eq!(names, ["b", "c"], "its place is the next one's");
        // A stream of an old name begins at zero, and the old one's end is none of the new one's.
        meters.of(&key("b"), id(9));
        assert_eq!(
            (meters.read()[0].1.of(Counter::IncomingBytes), meters.others().of(Counter::IncomingBytes)),
            (0, 40)
        );
        meters.forget(&key("b"), id(1));
        assert_eq!(meters.read().len(), 2);
    }

    #[test]
    fn as_many_shards_are_counted_as_there_is_place_for() {
        let meters = Meters::new(0, 2);
        for shard in 0..3 {
            if let Some(meter) = meters.of_shard(id(shard)) {
                meter.add(ShardCounter::OutgoingRecords, 1);
            }
        }
        let counted =
            |shard| meters.read_shard(id(shard)).map(|counts| counts.at(ShardCounter::OutgoingRecords as usize));
        assert_eq!([0, 1, 2].map(counted), [Some(1), Some(1), None]);
        meters.keep_shards(|shard| shard != id(0));
        assert!(meters.of_shard(id(2)).is_some() && counted(0).is_none());
    }
}
