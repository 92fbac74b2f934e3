//! Time as the simulated server is shown it, and chance from the seed.
//!
//! Time moves in two halves: first everybody sees the new moment, then those who slept until it wake. In between the
//! simulation lets queues reveal what became visible, so that a long poll never finds its message and its end at one
//! poll: tokio's `select!` would choose between them by a chance that no seed repeats.

use engine::{Clock, Sleep};
use names::Instant;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// One process's clock. Never goes backwards; a clock that was set shows in the next process.
pub(crate) struct SimClock(Arc<Mutex<Hands>>);

struct Hands {
    now: Instant,
    /// Who sleeps until here or earlier has been woken.
    woken_until: Instant,
    sleepers: BTreeMap<(Instant, u64), Waker>,
    next_sleeper: u64,
    /// A planted bug: nobody is ever woken.
    deaf: bool,
}

impl SimClock {
    pub(crate) fn at(now: Instant, deaf: bool) -> Self {
        let hands = Hands { now, woken_until: now, sleepers: BTreeMap::new(), next_sleeper: 0, deaf };
        Self(Arc::new(Mutex::new(hands)))
    }

    /// It is this moment at the least: a process goes on from the latest that its store knows.
    pub(crate) fn raise(&self, latest: Instant) {
        let mut hands = lock(&self.0);
        hands.now = hands.now.max(latest);
        hands.woken_until = hands.woken_until.max(latest);
    }

    /// First half: it is later.
    pub(crate) fn advance(&self, millis: u64) {
        let mut hands = lock(&self.0);
        hands.now = hands.now.plus_millis(millis);
    }

    /// Second half: whose time has come wakes.
    pub(crate) fn wake_sleepers(&self) {
        let mut hands = lock(&self.0);
        if hands.deaf {
            return;
        }
        hands.woken_until = hands.now;
        let after = (hands.now.plus_millis(1), 0);
        let later = hands.sleepers.split_off(&after);
        let due = std::mem::replace(&mut hands.sleepers, later);
        drop(hands);
        due.into_values().for_each(Waker::wake);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Instant {
        lock(&self.0).now
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        let mut hands = lock(&self.0);
        hands.next_sleeper += 1;
        Box::pin(Sleeper { key: (deadline, hands.next_sleeper), hands: Arc::clone(&self.0) })
    }
}

struct Sleeper {
    key: (Instant, u64),
    hands: Arc<Mutex<Hands>>,
}

impl Future for Sleeper {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut hands = lock(&self.hands);
        if hands.woken_until >= self.key.0 {
            return Poll::Ready(());
        }
        hands.sleepers.insert(self.key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        lock(&self.hands).sleepers.remove(&self.key);
    }
}

/// Time and chance for the gateway.
pub(crate) struct SimSurroundings {
    pub(crate) clock: Arc<SimClock>,
    pub(crate) chance: Mutex<fastrand::Rng>,
}

impl gateway::Surroundings for SimSurroundings {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn monotonic_nanos(&self) -> u64 {
        self.clock.now().as_millis().saturating_mul(1_000_000)
    }

    fn random(&self) -> u128 {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner).u128(..)
    }
}

fn lock(hands: &Mutex<Hands>) -> MutexGuard<'_, Hands> {
    hands.lock().unwrap_or_else(PoisonError::into_inner)
}
