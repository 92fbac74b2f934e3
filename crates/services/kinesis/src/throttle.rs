//! AWS's throttles of a shard: so many records and bytes put within a second, so many calls and bytes read.
//!
//! They hold only where `limits = aws` asks for them; otherwise nothing is counted and there is no ceiling. Counts are of the newest second
//! on the clock: with a new one all of them go, so there are no more than shards that were used within one; what reads owe by a full answer
//! is forgotten when it is paid. Source: service model, PutRecords and GetRecords.

use crate::catalog::{ShardHandle, StreamEntry};
use crate::limits;
use crate::refusal::Refusal;
use names::{Instant, PartitionId};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What shards were asked for within the present second.
pub(crate) struct Throttle {
    is_on: bool,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    second: u64,
    shards: HashMap<PartitionId, Count>,
    /// Until when shards answer no more reads.
    owed: HashMap<PartitionId, Instant>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    records: u64,
    bytes: u64,
    reads: u64,
    read_bytes: u64,
    iterators: u64,
}

impl Throttle {
    pub(crate) fn new(is_on: bool) -> Self {
        Self { is_on, counts: Mutex::default() }
    }

    /// Counts a record that is put, or refuses it. One larger than what a second takes passes if nothing was put before it.
    pub(crate) fn put(&self, shard: PartitionId, bytes: usize, now: Instant) -> bool {
        self.passes(shard, now, |count| {
            let (records, sum) = (count.records + 1, count.bytes + bytes as u64);
            let passes =
                records <= limits::SHARD_RECORDS_PER_SEC && (sum <= limits::SHARD_BYTES_PER_SEC || count.bytes == 0);
            if passes {
                (count.records, count.bytes) = (records, sum);
            }
            passes
        })
    }

    /// Whether AWS's throttles hold.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on
    }

    /// Counts a GetShardIterator, or refuses it.
    pub(crate) fn iterate(&self, shard: PartitionId, now: Instant) -> bool {
        self.passes(shard, now, |count| {
            count.iterators += 1;
            count.iterators <= limits::SHARD_READS_PER_SEC
        })
    }

    /// Counts a GetRecords, or refuses it.
    pub(crate) fn read(&self, shard: PartitionId, now: Instant) -> bool {
        let is_owing = self.is_on && self.counts(now).owed.contains_key(&shard);
        !is_owing
            && self.passes(shard, now, |count| {
                count.reads += 1;
                count.reads <= limits::SHARD_READS_PER_SEC && count.read_bytes < limits::SHARD_READ_BYTES_PER_SEC
            })
    }

    /// Counts what was read: each two mebibytes are a second in which no more is answered.
    pub(crate) fn have_read(&self, shard: PartitionId, bytes: u64, now: Instant) {
        if self.is_on {
            let mut counts = self.counts(now);
            counts.shards.entry(shard).or_default().read_bytes += bytes;
            let secs = bytes / limits::SHARD_READ_BYTES_PER_SEC;
            if secs > 0 {
                counts.owed.insert(shard, now.plus_secs(secs));
            }
        }
    }

    fn passes(&self, shard: PartitionId, now: Instant, count: impl FnOnce(&mut Count) -> bool) -> bool {
        !self.is_on || count(self.counts(now).shards.entry(shard).or_default())
    }

    fn counts(&self, now: Instant) -> MutexGuard<'_, Counts> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.second < now.as_secs() {
            (counts.second, counts.shards) = (now.as_secs(), HashMap::new());
            counts.owed.retain(|_, until| *until > now);
        }
        counts
    }
}

/// The refusal of one who asks a shard for too much.
pub(crate) fn refused(entry: &StreamEntry, shard: &ShardHandle) -> Refusal {
    Refusal::new(
        &crate::api::errors::PROVISIONED_THROUGHPUT_EXCEEDED_EXCEPTION,
        format!(
            "Rate exceeded for shard {} in stream {} under account {}.",
            shard.entry.name(),
            entry.key.name,
            entry.key.account
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARD: PartitionId = PartitionId::of_family(5, 1);
    const OTHER: PartitionId = PartitionId::of_family(5, 2);
    const NOW: Instant = Instant::from_millis(10_000);

    #[test]
    fn a_shard_takes_a_thousand_records_or_a_mebibyte_in_a_second() {
        let throttle = Throttle::new(true);
        assert!((0..1000).all(|_| throttle.put(SHARD, 1, NOW)));
        assert!(!throttle.put(SHARD, 1, NOW) && throttle.put(OTHER, 1 << 20, NOW));
        assert!(!throttle.put(OTHER, 1, NOW), "the mebibyte is full");
        assert!(throttle.put(SHARD, 10 << 20, NOW.plus_secs(1)), "a large record alone");
    }

    #[test]
    fn a_shard_answers_five_reads_in_a_second_and_pays_for_a_full_one() {
        let throttle = Throttle::new(true);
        assert!((0..5).all(|_| throttle.read(SHARD, NOW) && throttle.iterate(SHARD, NOW)));
        assert!(!throttle.read(SHARD, NOW) && !throttle.iterate(SHARD, NOW));
        assert!(throttle.read(OTHER, NOW));
        throttle.have_read(OTHER, 10 << 20, NOW);
        assert!(!throttle.read(OTHER, NOW.plus_secs(4)) && throttle.read(OTHER, NOW.plus_secs(5)));
        throttle.have_read(SHARD, (2 << 20) - 1, NOW.plus_secs(6));
        assert!(throttle.read(SHARD, NOW.plus_secs(6)));
        throttle.have_read(SHARD, 1, NOW.plus_secs(6));
        assert!(!throttle.read(SHARD, NOW.plus_secs(6)));
    }

    #[test]
    fn without_awss_limits_nothing_is_counted() {
        let throttle = Throttle::new(false);
        throttle.have_read(SHARD, 1 << 40, NOW);
        assert!((0..5000).all(|_| throttle.put(SHARD, 1 << 20, NOW) && throttle.read(SHARD, NOW)));
        assert!(throttle.counts(NOW).shards.is_empty());
    }
}
