//! AWS's throttle of FIFO queues: so many calls of one action within a second, unless the queue is of high throughput.
//!
//! It holds only where `limits = aws` asks for it; otherwise nothing is counted and there is no ceiling. Counts are of the second
//! on the clock: with a new one all of them go, so there are no more than queues that were used within one. Source: SQS quotas,
//! "FIFO queues".

use crate::catalog::QueueEntry;
use crate::limits::{FIFO_CALLS_PER_SEC_MAX, Limits};
use crate::refusal::Refusal;
use names::{Instant, PartitionId};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Send,
    Receive,
    Delete,
}

/// Calls of the present second.
pub(crate) struct Throttle {
    limits: Limits,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    second: u64,
    calls: HashMap<(PartitionId, Action), u32>,
}

impl Throttle {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, counts: Mutex::default() }
    }

    /// Counts a call, or refuses it.
    pub(crate) fn pass(&self, entry: &QueueEntry, action: Action, now: Instant) -> Result<(), Refusal> {
        if self.limits == Limits::Raised || !entry.bounds.is_throttled() {
            return Ok(());
        }
        match self.count(entry.partition.id(), action, now) {
            calls if calls > FIFO_CALLS_PER_SEC_MAX => Err(Refusal::throttled()),
            _ => Ok(()),
        }
    }

    fn count(&self, queue: PartitionId, action: Action, now: Instant) -> u32 {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.second != now.as_secs() {
            *counts = Counts { second: now.as_secs(), ..Counts::default() };
        }
        let calls = counts.calls.entry((queue, action)).or_default();
        *calls += 1;
        *calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_queue_action_and_second() {
        let throttle = Throttle::new(Limits::Aws);
        let count = |queue, action, millis| {
            throttle.count(PartitionId::of_family(1, queue), action, Instant::from_millis(millis))
        };
        assert_eq!((count(1, Action::Send, 1_000), count(1, Action::Send, 1_999)), (1, 2));
        assert_eq!((count(2, Action::Send, 1_999), count(1, Action::Delete, 1_999)), (1, 1));
        assert_eq!(count(1, Action::Send, 2_000), 1);
        assert_eq!(throttle.counts.lock().unwrap().calls.len(), 1, "what is over is forgotten");
    }
}
