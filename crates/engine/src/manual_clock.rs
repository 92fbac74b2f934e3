//! A clock turned by hand, for tests and simulations: time stands still until somebody advances it.

use crate::clock::{Clock, Sleep};
use names::Instant;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

/// Time that moves only by [`ManualClock::advance_to`] and [`ManualClock::advance_millis`].
#[derive(Default)]
pub struct ManualClock(Arc<Mutex<Hands>>);

#[derive(Default)]
struct Hands {
    now: Instant,
    sleepers: Vec<(Instant, Waker)>,
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: Instant) -> Self {
        Self(Arc::new(Mutex::new(Hands { now, sleepers: Vec::new() })))
    }

    /// Moves on by `millis` and wakes who has slept long enough.
    pub fn advance_millis(&self, millis: u64) {
        let now = lock(&self.0).now;
        self.advance_to(now.plus_millis(millis));
    }

    /// Moves on to `moment`, or stays if that has passed.
    pub fn advance_to(&self, moment: Instant) {
        let mut hands = lock(&self.0);
        hands.now = hands.now.max(moment);
        let now = hands.now;
        let due = hands.sleepers.extract_if(.., |(deadline, _)| *deadline <= now).collect::<Vec<_>>();
        drop(hands);
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        lock(&self.0).now
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        Box::pin(Sleeper { hands: Arc::clone(&self.0), deadline })
    }
}

struct Sleeper {
    hands: Arc<Mutex<Hands>>,
    deadline: Instant,
}

impl Future for Sleeper {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut hands = lock(&self.hands);
        if hands.now >= self.deadline {
            return Poll::Ready(());
        }
        hands.sleepers.push((self.deadline, cx.waker().clone()));
        Poll::Pending
    }
}

fn lock(hands: &Mutex<Hands>) -> MutexGuard<'_, Hands> {
    hands.lock().expect("nothing panics while it holds the clock")
}
