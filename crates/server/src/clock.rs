//! The machine's clock, as the engine and the gateway are shown it.
//!
//! The wall clock is read once, at start; from then on time is that moment plus what the monotonic clock has counted. So a
//! wall clock that is set while the server runs neither ends a lease early nor makes it last.

use engine::{Clock, Sleep};
use names::Instant;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Wall-clock time that never goes backwards.
pub(crate) struct SystemClock {
    started: std::time::Instant,
    started_at: Instant,
}

impl SystemClock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        Self { started: std::time::Instant::now(), started_at: Instant::from_millis(millis) }
    }

    /// Time since the start.
    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        self.started_at.plus_millis(self.uptime().as_millis() as u64)
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        // One millisecond more, since both sides are cut to whole milliseconds and waking early would find nothing due.
        let wait = deadline.since(self.now()) + Duration::from_millis(1);
        Box::pin(tokio::time::sleep(wait))
    }
}
