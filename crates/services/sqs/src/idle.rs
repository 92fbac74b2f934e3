//! When to look whether a queue with an idle lifetime is still used.
//!
//! One entry a queue, at the moment at which it would be idle if nobody used it: not moved by use, but looked at then, and put
//! to the next such moment. So use costs nothing here, and a queue is looked at about once a lifetime. Nothing of it is
//! kept on disk: the moments follow from the queues (`machine.rs`), at a start as well.

use crate::catalog::QueueKey;
use names::{Instant, PartitionId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The moments, earliest first.
#[derive(Default)]
pub(crate) struct Idle(Mutex<Moments>);

#[derive(Default)]
struct Moments {
    due: BTreeSet<(Instant, PartitionId)>,
    queues: BTreeMap<PartitionId, (Instant, QueueKey)>,
}

impl Idle {
    /// Looks at a queue at `at`, and at no other moment.
    pub(crate) fn watch(&self, id: PartitionId, key: QueueKey, at: Instant) {
        let mut moments = self.lock();
        if let Some((before, _)) = moments.queues.insert(id, (at, key)) {
            moments.due.remove(&(before, id));
        }
        moments.due.insert((at, id));
    }

    /// The queue is gone, or has no lifetime any more.
    pub(crate) fn forget(&self, id: PartitionId) {
        let mut moments = self.lock();
        if let Some((at, _)) = moments.queues.remove(&id) {
            moments.due.remove(&(at, id));
        }
    }

    /// A queue to look at now; it is watched no longer.
    pub(crate) fn take_due(&self, now: Instant) -> Option<(PartitionId, QueueKey)> {
        let mut moments = self.lock();
        let (_, id) = *moments.due.first().filter(|(at, _)| *at <= now)?;
        moments.due.pop_first();
        moments.queues.remove(&id).map(|(_, key)| (id, key))
    }

    fn lock(&self) -> MutexGuard<'_, Moments> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use names::{AccountId, QueueName, Region};

    fn key(name: &str) -> QueueKey {
        let (region, name) = (Region::parse("us-east-1").unwrap(), QueueName::parse(name).unwrap());
        QueueKey { account: AccountId::DEFAULT, region, name }
    }

    #[test]
    fn a_queue_stands_once_however_often_its_moment_moves() {
        let idle = Idle::default();
        let (at, id) = (Instant::from_millis, PartitionId::new(7));
        (1..=100).for_each(|millis| idle.watch(id, key("a"), at(millis)));
        assert_eq!(idle.lock().due.len(), 1);
        assert_eq!(idle.take_due(at(99)), None);
        assert_eq!(idle.take_due(at(100)), Some((id, key("a"))));
        assert_eq!(idle.take_due(at(200)), None);
        idle.watch(id, key("a"), at(1));
        idle.forget(id);
        assert!(idle.lock().due.is_empty() && idle.lock().queues.is_empty());
    }
}
