//! Which consumer is subscribed to which shard: one subscription at a time, which the next one takes over after five seconds.
//!
//! Of each there is what ends it when another takes its place. Who was taken over is told so by his own stream. An entry goes with
//! its subscription, so there are no more than open streams of events, which the gateway bounds by connections.

use crate::limits::SUBSCRIPTION_OWN_MILLIS;
use names::{Instant, PartitionId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// A consumer, as it was registered, and a shard of its stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Seat {
    pub(crate) stream: PartitionId,
    pub(crate) consumer: Box<str>,
    pub(crate) registered_at: Instant,
    pub(crate) shard: u32,
}

/// All subscriptions of the server.
#[derive(Default)]
pub(crate) struct Subscriptions(Arc<Mutex<HashMap<Seat, Taken>>>);

struct Taken {
    since: Instant,
    ending: Arc<Notify>,
}

/// A subscription that is on: it ends when this is dropped.
pub(crate) struct Subscription {
    seat: Seat,
    ending: Arc<Notify>,
    all: Arc<Mutex<HashMap<Seat, Taken>>>,
}

impl Subscriptions {
    /// Takes a seat, and has whoever sits there leave; none if he sat down less than five seconds ago.
    pub(crate) fn begin(&self, seat: Seat, now: Instant) -> Option<Subscription> {
        let mut all = lock(&self.0);
        if let Some(taken) = all.get(&seat) {
            if now < taken.since.plus_millis(SUBSCRIPTION_OWN_MILLIS) {
                return None;
            }
            taken.ending.notify_one();
        }
        let ending = Arc::new(Notify::new());
        all.insert(seat.clone(), Taken { since: now, ending: Arc::clone(&ending) });
        Some(Subscription { seat, ending, all: Arc::clone(&self.0) })
    }
}

impl Subscription {
    /// Whether the seat is still this one's.
    pub(crate) fn is_on(&self) -> bool {
        lock(&self.all).get(&self.seat).is_some_and(|taken| Arc::ptr_eq(&taken.ending, &self.ending))
    }

    /// Ends when another takes the seat.
    pub(crate) async fn taken_over(&self) {
        self.ending.notified().await;
    }

    pub(crate) fn seat(&self) -> &Seat {
        &self.seat
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if self.is_on() {
            lock(&self.all).remove(&self.seat);
        }
    }
}

fn lock(all: &Mutex<HashMap<Seat, Taken>>) -> MutexGuard<'_, HashMap<Seat, Taken>> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(shard: u32) -> Seat {
        let (stream, registered_at) = (PartitionId::of_family(4, 1), Instant::EPOCH);
        Seat { stream, consumer: "c".into(), registered_at, shard }
    }

    #[test]
    fn a_seat_is_taken_over_after_five_seconds_and_free_at_once_when_it_is_left() {
        let (all, now) = (Subscriptions::default(), Instant::from_millis(1_000));
        let first = all.begin(seat(0), now).unwrap();
        assert!(all.begin(seat(0), now.plus_millis(4_999)).is_none() && all.begin(seat(1), now).is_some());
        let second = all.begin(seat(0), now.plus_millis(5_000)).unwrap();
        assert!(!first.is_on() && second.is_on());
        drop(first);
        assert!(second.is_on(), "who was taken over leaves nothing");
        drop(second);
        assert!(all.begin(seat(0), now.plus_millis(5_001)).is_some() && lock(&all.0).is_empty());
    }
}
