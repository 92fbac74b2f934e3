//! Time and chance, as the gateway is handed them.

use crate::clock::SystemClock;
use engine::Clock;
use names::Instant;
use std::sync::Arc;

/// The machine's clock and a generator seeded from the system's entropy.
pub(crate) struct SystemSurroundings(pub(crate) Arc<SystemClock>);

impl gateway::Surroundings for SystemSurroundings {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn monotonic_nanos(&self) -> u64 {
        u64::try_from(self.0.uptime().as_nanos()).unwrap_or(u64::MAX)
    }

    fn random(&self) -> u128 {
        fastrand::u128(..)
    }
}
