//! Wakes partitions at the moments their machines named.
//!
//! Time is applied lazily: a machine is advanced by the next command that reaches it. Only a partition on which a reader
//! waits has to be woken by the clock, so only those stand here, each with its earliest deadline. A heap is enough for
//! that: its size is the number of partitions with a waiting reader, not of messages.

use crate::clock::Clock;
use names::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use tokio::sync::Notify;

/// What a timer wakes.
pub(crate) trait Tick: Send + Sync {
    /// Lets time pass in the partition and wakes readers who can be served.
    fn tick(&self);
}

/// Deadlines of partitions, earliest first.
#[derive(Default)]
pub(crate) struct Timers {
    heap: Mutex<BinaryHeap<Reverse<Due>>>,
    earlier: Notify,
}

impl Timers {
    /// Wakes `partition` at `deadline`.
    pub(crate) fn arm(&self, deadline: Instant, partition: Weak<dyn Tick>) {
        let mut heap = self.lock();
        let is_earliest = heap.peek().is_none_or(|Reverse(first)| deadline < first.deadline);
        heap.push(Reverse(Due { deadline, partition }));
        drop(heap);
        if is_earliest {
            self.earlier.notify_one();
        }
    }

    /// Fires deadlines for as long as the server runs.
    pub(crate) async fn run(&self, clock: Arc<dyn Clock>) {
        loop {
            let next = self.lock().peek().map(|Reverse(due)| due.deadline);
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
        let mut heap = self.lock();
        let Reverse(first) = heap.peek()?;
        if first.deadline > now {
            return None;
        }
        heap.pop().map(|Reverse(due)| due.partition)
    }

    fn lock(&self) -> MutexGuard<'_, BinaryHeap<Reverse<Due>>> {
        self.heap.lock().expect("nothing panics while it holds the timers")
    }
}

struct Due {
    deadline: Instant,
    partition: Weak<dyn Tick>,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.deadline == other.deadline
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.deadline.cmp(&other.deadline)
    }
}
