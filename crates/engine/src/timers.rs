//! Wakes partitions at the moments their machines named.
//!
//! Time is applied lazily: a machine is advanced by the next command that reaches it. Only a partition on which a reader
//! waits has to be woken by the clock, so only those stand here, each with its earliest deadline: as many entries as
//! partitions with a waiting reader, not as messages. Whoever is armed holds an [`Alarm`]; when that is let go of, as with a
//! partition that is put away, nothing stands here for it.

use crate::clock::Clock;
use names::{Instant, PartitionId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use tokio::sync::Notify;

/// What a timer wakes.
pub(crate) trait Tick: Send + Sync {
    /// Lets time pass in the partition and wakes readers who can be served.
    fn tick(&self);
}

/// Deadlines of partitions, earliest first; at most one of each partition.
#[derive(Default)]
pub(crate) struct Timers {
    due: Mutex<Due>,
    earlier: Notify,
}

type Due = BTreeMap<(Instant, PartitionId), Weak<dyn Tick>>;

impl Timers {
    /// Wakes `partition` at `deadline`, for as long as the alarm is held.
    pub(crate) fn arm(self: &Arc<Self>, id: PartitionId, deadline: Instant, partition: Weak<dyn Tick>) -> Alarm {
        let mut due = self.lock();
        let is_earliest = due.first_key_value().is_none_or(|((first, _), _)| deadline < *first);
        due.insert((deadline, id), partition);
        drop(due);
        if is_earliest {
            self.earlier.notify_one();
        }
        Alarm { at: deadline, id, timers: Arc::clone(self) }
    }

    /// Fires deadlines for as long as the server runs.
    pub(crate) async fn run(&self, clock: Arc<dyn Clock>) {
        loop {
            let next = self.lock().first_key_value().map(|((deadline, _), _)| *deadline);
            match next {
                None => self.earlier.notified().await,
                Some(deadline) => tokio::select! {
                    () = clock.sleep_until(deadline) => self.fire(clock.now()),
                    () = self.earlier.notified() => {}
                },
            }
        }
    }

    /// Ticks every partition whose deadline is not after `now`.
    pub(crate) fn fire(&self, now: Instant) {
        while let Some(partition) = self.pop_due(now) {
            if let Some(partition) = partition.upgrade() {
                partition.tick();
            }
        }
    }

    fn pop_due(&self, now: Instant) -> Option<Weak<dyn Tick>> {
        let mut due = self.lock();
        let first = due.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    fn lock(&self) -> MutexGuard<'_, Due> {
        self.due.lock().expect("nothing panics while it holds the timers")
    }
}

/// A deadline that stands armed.
pub(crate) struct Alarm {
    /// When.
    pub(crate) at: Instant,
    id: PartitionId,
    timers: Arc<Timers>,
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.timers.lock().remove(&(self.at, self.id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Tick for Bell {
        fn tick(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_partition_stands_once_however_often_its_deadline_moves() {
        let (timers, bell) = (Arc::new(Timers::default()), Arc::new(Bell::default()));
        let at = Instant::from_millis;
        let mut armed = None;
        for deadline in (1..=1000).rev().map(at) {
            let weak: Weak<dyn Tick> = Arc::<Bell>::downgrade(&bell);
            armed.replace(timers.arm(PartitionId::new(1), deadline, weak));
        }
        assert_eq!(timers.lock().len(), 1);
        assert_eq!(armed.map(|alarm| alarm.at), Some(at(1)));
        assert_eq!(timers.lock().len(), 0, "nobody holds the alarm any more");
        let weak: Weak<dyn Tick> = Arc::<Bell>::downgrade(&bell);
        let armed = timers.arm(PartitionId::new(1), at(1), weak);
        timers.fire(at(0));
        assert_eq!(bell.0.load(Ordering::Relaxed), 0);
        timers.fire(at(2000));
        assert_eq!(bell.0.load(Ordering::Relaxed), 1);
        drop(armed);
        assert_eq!(Arc::weak_count(&bell), 0, "what is over pins nothing");
    }
}
