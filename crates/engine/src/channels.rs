//! Readers who wait for one channel of a partition: each is woken by what becomes readable there, and by nothing else.
//!
//! A machine whose readers do not all want the same (virtual queues on one host) says by [`Stirred`] in which of its
//! channels something became readable. Only channels that somebody waits for stand here, so a partition without such readers
//! pays an empty map, and thousands of channels on one partition cost a waiting reader each and a look-up for each message.

use crate::machine::Stirred;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The channels of one partition that somebody waits for.
#[derive(Default)]
pub(crate) struct Channels {
    /// How many readers wait, so that whoever changes something need not lock a map that is empty.
    waiting: AtomicUsize,
    by_id: Mutex<BTreeMap<u128, Channel>>,
}

#[derive(Default)]
struct Channel {
    readable: Arc<Notify>,
    waiting: usize,
}

/// A reader who waits for a channel, for as long as it is not dropped.
pub(crate) struct Entered<'a> {
    channels: &'a Channels,
    id: u128,
    pub(crate) readable: Arc<Notify>,
}

impl Channels {
    /// Waits for a channel from now on.
    pub(crate) fn enter(&self, id: u128) -> Entered<'_> {
        let mut by_id = self.lock();
        let channel = by_id.entry(id).or_default();
        channel.waiting += 1;
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Entered { channels: self, id, readable: Arc::clone(&channel.readable) }
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0
    }

    /// Wakes a reader for each time that its channel stirred.
    pub(crate) fn wake(&self, stirred: &Stirred) {
        if self.is_empty() {
            return;
        }
        let by_id = self.lock();
        match stirred {
            Stirred::Nothing => {}
            Stirred::Channels(ids) => {
                ids.iter().filter_map(|id| by_id.get(id)).for_each(|channel| channel.readable.notify_one());
            }
            Stirred::All | Stirred::Everyone => by_id.values().for_each(Channel::wake_all),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u128, Channel>> {
        // Changes are single insertions and removals; a panic cannot leave one half done.
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channel {
    fn wake_all(&self) {
        for _ in 0..self.waiting {
            self.readable.notify_one();
        }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.channels.waiting.fetch_sub(1, Ordering::Relaxed);
        let mut by_id = self.channels.lock();
        let Some(channel) = by_id.get_mut(&self.id) else { return };
        channel.waiting -= 1;
        if channel.waiting == 0 {
            by_id.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    fn is_woken(entered: &Entered<'_>) -> bool {
        pin!(entered.readable.notified()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn only_readers_of_a_channel_that_stirred_are_woken() {
        let channels = Channels::default();
        let [one, other] = [1, 2].map(|id| channels.enter(id));
        channels.wake(&Stirred::Channels(vec![2, 9]));
        assert_eq!((is_woken(&one), is_woken(&other)), (false, true));
        channels.wake(&Stirred::All);
        assert_eq!((is_woken(&one), is_woken(&other)), (true, true));
        channels.wake(&Stirred::Nothing);
        assert_eq!((is_woken(&one), is_woken(&other)), (false, false));
    }

    #[test]
    fn nothing_is_left_of_readers_who_went() {
        let channels = Channels::default();
        let readers = [1, 1, 2].map(|id| channels.enter(id));
        assert!(!channels.is_empty());
        drop(readers);
        assert!(channels.is_empty() && channels.lock().is_empty());
    }
}
