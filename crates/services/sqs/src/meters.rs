//! What is counted of queues, in CloudWatch's terms, for metrics.
//!
//! The first so many queues that are used, or hold messages at a start, have a meter of their own until they are deleted; all
//! others share one, so that sums are exact however many queues there are. Counting is an addition to a number that its queue
//! holds already: nothing is looked up. Gauges are read when somebody asks, of a queue at rest without waking it.
//! Source: "Available CloudWatch metrics for Amazon SQS", developer guide.

use crate::catalog::QueueKey;
use names::PartitionId;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Counts since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// NumberOfMessagesSent.
    pub sent: u64,
    /// The sum of SentMessageSize.
    pub sent_bytes: u64,
    /// NumberOfMessagesReceived.
    pub received: u64,
    /// NumberOfMessagesDeleted: deletions that succeeded, also of what was gone already.
    pub deleted: u64,
    /// NumberOfEmptyReceives.
    pub empty_receives: u64,
}

/// The counters of a queue, or of all that have none of their own.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    is_shared: bool,
    sent: AtomicU64,
    sent_bytes: AtomicU64,
    received: AtomicU64,
    deleted: AtomicU64,
    empty_receives: AtomicU64,
}

impl Meter {
    pub(crate) fn sent(&self, messages: usize, bytes: usize) {
        self.sent.fetch_add(messages as u64, Ordering::Relaxed);
        self.sent_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, messages: usize) {
        match messages {
            0 => self.empty_receives.fetch_add(1, Ordering::Relaxed),
            messages => self.received.fetch_add(messages as u64, Ordering::Relaxed),
        };
    }

    pub(crate) fn deleted(&self, messages: usize) {
        self.deleted.fetch_add(messages as u64, Ordering::Relaxed);
    }

    /// The counts, if they are of one queue.
    pub(crate) fn own(&self) -> Option<Counted> {
        (!self.is_shared).then(|| self.counted())
    }

    fn counted(&self) -> Counted {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counted {
            sent: read(&self.sent),
            sent_bytes: read(&self.sent_bytes),
            received: read(&self.received),
            deleted: read(&self.deleted),
            empty_receives: read(&self.empty_receives),
        }
    }
}

/// All meters.
pub(crate) struct Meters {
    max: usize,
    own: RwLock<BTreeMap<QueueKey, (PartitionId, Arc<Meter>)>>,
    shared: Arc<Meter>,
}

impl Meters {
    /// Meters for `max` queues, and one for the others.
    pub(crate) fn new(max: usize) -> Self {
        let shared = Arc::new(Meter { is_shared: true, ..Meter::default() });
        Self { max, own: RwLock::default(), shared }
    }

    /// The meter of a queue: its own if there is place.
    pub(crate) fn of(&self, key: &QueueKey, id: PartitionId) -> Arc<Meter> {
        let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
        match own.get(key) {
            Some((known, meter)) if *known == id => return Arc::clone(meter),
            // The queue that had this name is gone.
            Some(_) => drop(own.remove(key)),
            None => {}
        }
        if own.len() >= self.max {
            return Arc::clone(&self.shared);
        }
        let meter = Arc::new(Meter::default());
        own.insert(key.clone(), (id, Arc::clone(&meter)));
        meter
    }

    /// A queue is deleted: what was counted of it stays in the sum, and its place is free.
    pub(crate) fn forget(&self, key: &QueueKey, id: PartitionId) {
        let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
        if own.get(key).is_some_and(|(known, _)| *known == id)
            && let Some((_, meter)) = own.remove(key)
        {
            let Counted { sent, sent_bytes, received, deleted, empty_receives } = meter.counted();
            let shared = &self.shared;
            for (sum, count) in [
                (&shared.sent, sent),
                (&shared.sent_bytes, sent_bytes),
                (&shared.received, received),
                (&shared.deleted, deleted),
                (&shared.empty_receives, empty_receives),
            ] {
                sum.fetch_add(count, Ordering::Relaxed);
            }
        }
    }

    /// What was counted of each queue that has a meter, in order of their keys.
    pub(crate) fn read(&self) -> Vec<(QueueKey, PartitionId, Counted)> {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        own.iter().map(|(key, (id, meter))| (key.clone(), *id, meter.counted())).collect()
    }

    /// What was counted of all others together.
    pub(crate) fn others(&self) -> Counted {
        self.shared.counted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::FAMILY;
    use names::{AccountId, QueueName, Region};

    fn key(name: &str) -> QueueKey {
        let region = Region::parse("us-east-1").unwrap();
        QueueKey { account: AccountId::DEFAULT, region, name: QueueName::parse(name).unwrap() }
    }

    fn id(ordinal: u64) -> PartitionId {
        PartitionId::of_family(FAMILY, ordinal)
    }

    #[test]
    fn queues_beyond_the_bound_share_a_meter_and_the_sum_loses_nothing() {
        let meters = Meters::new(2);
        for (nth, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
            meters.of(&key(name), id(nth as u64)).sent(1, 10);
        }
        assert_eq!(meters.read().len(), 2);
        assert_eq!(meters.others(), Counted { sent: 2, sent_bytes: 20, ..Counted::default() });
        assert!(meters.of(&key("c"), id(2)).own().is_none());

        meters.forget(&key("a"), id(0));
        assert_eq!(meters.others().sent, 3, "what a deleted queue has counted stays in the sum");
        meters.of(&key("c"), id(2)).received(0);
        let names: Vec<String> = meters.read().iter().map(|(key, ..)| key.name.to_string()).collect();
        assert_eq!(names, ["b", "c"], "its place is the next one's");
    }

    #[test]
    fn a_queue_of_an_old_name_begins_at_zero() {
        let meters = Meters::new(2);
        meters.of(&key("a"), id(0)).sent(1, 10);
        assert_eq!(meters.of(&key("a"), id(1)).own(), Some(Counted::default()));
        meters.forget(&key("a"), id(0));
        assert_eq!(meters.read().len(), 1, "the old one's end is none of the new one's");
    }
}
