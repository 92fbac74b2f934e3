//! The machine's clock, as the engine and the gateway are shown it.
//!
//! The wall clock is read once, at start; from then on time is that moment plus what the monotonic clock has counted. So a
//! wall clock that is set while the server runs neither ends a lease early nor makes it last. Nor does one that was set
//! back between two runs, or that starts before the machine has asked for the time: what the store has seen is the floor.

use engine::{Clock, Sleep};
use names::Instant;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Wall-clock time that never goes backwards.
pub(crate) struct SystemClock {
    started: std::time::Instant,
    /// Milliseconds since the epoch at `started`.
    started_at: AtomicU64,
}

impl SystemClock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        Self { started: std::time::Instant::now(), started_at: AtomicU64::new(millis) }
    }

    /// Lets no moment be told that is earlier than `floor`; says by how much the wall clock was behind it.
    pub(crate) fn raise(&self, floor: Instant) -> Duration {
        let before = self.now();
        let behind = floor.since(before);
        self.started_at.fetch_add(behind.as_millis() as u64, Ordering::Relaxed);
        behind
    }

    /// Time since the start.
    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        let started_at = Instant::from_millis(self.started_at.load(Ordering::Relaxed));
        started_at.plus_millis(self.uptime().as_millis() as u64)
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        // One millisecond more, since both sides are cut to whole milliseconds and waking early would find nothing due.
        let wait = deadline.since(self.now()) + Duration::from_millis(1);
        Box::pin(tokio::time::sleep(wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_go_back_behind_what_the_store_has_seen() {
        let clock = SystemClock::start();
        assert_eq!(clock.raise(Instant::from_millis(5)), Duration::ZERO, "long ago");
        let later = clock.now().plus_secs(3600);
        assert!(clock.raise(later) > Duration::from_secs(3590));
        assert!(clock.now() >= later && clock.now() < later.plus_secs(60));
    }
}
