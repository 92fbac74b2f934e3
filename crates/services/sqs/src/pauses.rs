//! AWS's pauses of sixty seconds: before a deleted queue's name can be taken again, and between two purges of a queue.
//!
//! They hold only where `limits = aws` asks for them; otherwise nothing is remembered. They are kept in memory alone: after a
//! restart nobody waits, since a deleted queue leaves nothing on the disk that could say when it went. Time comes with each
//! request. Sources: API reference, DeleteQueue and PurgeQueue.

use crate::catalog::QueueKey;
use crate::limits::{DELETED_NAMES_MAX, Limits, PAUSE_MILLIS};
use crate::refusal::Refusal;
use names::{Instant, PartitionId};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What happened within the last minute.
pub(crate) struct Pauses {
    limits: Limits,
    deleted: Mutex<Recent<QueueKey>>,
    purged: Mutex<Recent<PartitionId>>,
}

impl Pauses {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, deleted: Mutex::default(), purged: Mutex::default() }
    }

    /// Refuses a name whose queue was deleted within the last minute.
    pub(crate) fn check_name(&self, key: &QueueKey, now: Instant) -> Result<(), Refusal> {
        match self.limits == Limits::Aws && lock(&self.deleted).contains(key, now) {
            true => Err(Refusal::queue_deleted_recently()),
            false => Ok(()),
        }
    }

    /// A queue is about to be deleted: noted before it is, so that nobody takes the name in between.
    pub(crate) fn deleting(&self, key: &QueueKey, now: Instant) {
        if self.limits == Limits::Aws {
            lock(&self.deleted).insert(key.clone(), now);
        }
    }

    /// The queue was not deleted after all.
    pub(crate) fn not_deleted(&self, key: &QueueKey) {
        lock(&self.deleted).remove(key);
    }

    /// A queue is about to be purged, unless it was within the last minute.
    pub(crate) fn purging(&self, key: &QueueKey, partition: PartitionId, now: Instant) -> Result<(), Refusal> {
        if self.limits == Limits::Raised {
            return Ok(());
        }
        let mut purged = lock(&self.purged);
        if purged.contains(&partition, now) {
            return Err(Refusal::purge_in_progress(&key.name));
        }
        purged.insert(partition, now);
        Ok(())
    }

    /// The queue was not purged after all.
    pub(crate) fn not_purged(&self, partition: PartitionId) {
        lock(&self.purged).remove(&partition);
    }
}

/// A panic cannot leave them half changed in a way that matters: at worst a pause is forgotten.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keys of the last minute, with when.
#[derive(Debug)]
struct Recent<K> {
    since: BTreeMap<K, Instant>,
    in_order: VecDeque<(K, Instant)>,
}

impl<K> Default for Recent<K> {
    fn default() -> Self {
        Self { since: BTreeMap::new(), in_order: VecDeque::new() }
    }
}

impl<K: Ord + Clone> Recent<K> {
    fn contains(&mut self, key: &K, now: Instant) -> bool {
        self.forget_old(now);
        self.since.contains_key(key)
    }

    fn insert(&mut self, key: K, now: Instant) {
        self.forget_old(now);
        self.since.insert(key.clone(), now);
        self.in_order.push_back((key, now));
        if self.in_order.len() > DELETED_NAMES_MAX {
            self.forget_oldest();
        }
    }

    fn remove(&mut self, key: &K) {
        self.since.remove(key);
    }

    fn forget_old(&mut self, now: Instant) {
        while self.in_order.front().is_some_and(|(_, at)| at.plus_millis(PAUSE_MILLIS) <= now) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((key, at)) = self.in_order.pop_front() else { return };
        // It may have been noted again since.
        if self.since.get(&key) == Some(&at) {
            self.since.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use names::{AccountId, QueueName, Region};

    const NOW: Instant = Instant::from_millis(1_700_000_000_000);

    fn key(name: &str) -> QueueKey {
        let region = Region::parse("us-east-1").unwrap();
        QueueKey { account: AccountId::DEFAULT, region, name: QueueName::parse(name).unwrap() }
    }

    #[test]
    fn a_deleted_name_is_free_after_sixty_seconds_and_not_before() {
        let pauses = Pauses::new(Limits::Aws);
        pauses.deleting(&key("a"), NOW);
        for (millis, free) in [(0, false), (59_999, false), (60_000, true)] {
            assert_eq!(pauses.check_name(&key("a"), NOW.plus_millis(millis)).is_ok(), free, "{millis}");
        }
        assert!(pauses.check_name(&key("b"), NOW).is_ok());
    }

    #[test]
    fn a_name_deleted_again_waits_from_the_second_time() {
        let pauses = Pauses::new(Limits::Aws);
        pauses.deleting(&key("a"), NOW);
        pauses.deleting(&key("a"), NOW.plus_millis(30_000));
        assert!(pauses.check_name(&key("a"), NOW.plus_millis(70_000)).is_err());
        assert!(pauses.check_name(&key("a"), NOW.plus_millis(90_000)).is_ok());
    }

    #[test]
    fn what_was_not_done_after_all_pauses_nobody() {
        let (pauses, partition) = (Pauses::new(Limits::Aws), PartitionId::of_family(1, 7));
        pauses.deleting(&key("a"), NOW);
        pauses.not_deleted(&key("a"));
        assert!(pauses.check_name(&key("a"), NOW).is_ok());
        assert!(pauses.purging(&key("a"), partition, NOW).is_ok());
        pauses.not_purged(partition);
        assert!(pauses.purging(&key("a"), partition, NOW).is_ok());
    }

    #[test]
    fn a_second_purge_waits_for_a_minute_queue_by_queue() {
        let pauses = Pauses::new(Limits::Aws);
        let (one, other) = (PartitionId::of_family(1, 1), PartitionId::of_family(1, 2));
        assert!(pauses.purging(&key("a"), one, NOW).is_ok() && pauses.purging(&key("b"), other, NOW).is_ok());
        let refusal = pauses.purging(&key("a"), one, NOW.plus_millis(59_999)).unwrap_err();
        assert_eq!(refusal.message, "Only one PurgeQueue operation on a is allowed every 60 seconds.");
        assert!(pauses.purging(&key("a"), one, NOW.plus_millis(60_000)).is_ok());
    }

    #[test]
    fn raised_limits_remember_nothing() {
        let (pauses, partition) = (Pauses::new(Limits::Raised), PartitionId::of_family(1, 1));
        pauses.deleting(&key("a"), NOW);
        assert!(pauses.check_name(&key("a"), NOW).is_ok());
        assert!(pauses.purging(&key("a"), partition, NOW).is_ok() && pauses.purging(&key("a"), partition, NOW).is_ok());
        assert!(lock(&pauses.deleted).in_order.is_empty() && lock(&pauses.purged).in_order.is_empty());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut recent = Recent::default();
        (0..DELETED_NAMES_MAX + 5).for_each(|n| recent.insert(n, NOW));
        assert_eq!((recent.since.len(), recent.in_order.len()), (DELETED_NAMES_MAX, DELETED_NAMES_MAX));
        assert!(!recent.contains(&0, NOW) && recent.contains(&DELETED_NAMES_MAX, NOW));
    }
}
