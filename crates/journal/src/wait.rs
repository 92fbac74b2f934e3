//! Who waits for the disk: one atomic number, and the wakers of those who came too early.
//!
//! A future registers under the lock after looking at the number again, and the writer stores the number before it takes
//! the lock, so no wake-up is lost. All waiters of a block are taken out under one lock and woken outside it.

use std::{
    cell::RefCell,
    future::Future,
    mem,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use names::Position;

use crate::error::Stopped;

/// What the disk has, and who wants to know.
#[derive(Default)]
pub(crate) struct Watch {
    durable: AtomicU64,
    stopped: OnceLock<Stopped>,
    waiters: Mutex<Waiters>,
}

#[derive(Default)]
struct Waiters {
    durable: Vec<(u64, Waker)>,
    stopped: Vec<Waker>,
}

/// Vectors kept from block to block, so that publishing allocates nothing.
#[derive(Default)]
pub(crate) struct Scratch {
    all: Vec<(u64, Waker)>,
    ready: Vec<Waker>,
}

impl Watch {
    pub(crate) fn new(durable: u64) -> Self {
        Self { durable: AtomicU64::new(durable), ..Self::default() }
    }

    fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything up to here survives.
    pub(crate) fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// The end, if it has come.
    pub(crate) fn stopped(&self) -> Option<&Stopped> {
        self.stopped.get()
    }

    /// Everything up to `position` survives; wakes those who waited for it.
    pub(crate) fn publish(&self, position: u64, scratch: &mut Scratch) {
        self.durable.store(position, Ordering::Release);
        let mut waiters = self.waiters();
        mem::swap(&mut waiters.durable, &mut scratch.all);
        for (wanted, waker) in scratch.all.drain(..) {
            if wanted <= position {
                scratch.ready.push(waker);
            } else {
                waiters.durable.push((wanted, waker));
            }
        }
        drop(waiters);
        scratch.ready.drain(..).for_each(Waker::wake);
    }

    /// Nothing more will become durable; wakes everybody. Says whether this was the first time.
    pub(crate) fn stop(&self, stopped: Stopped) -> bool {
        if self.stopped.set(stopped).is_err() {
            return false;
        }
        let Waiters { durable, stopped } = mem::take(&mut *self.waiters());
        durable.into_iter().map(|(_, waker)| waker).chain(stopped).for_each(Waker::wake);
        true
    }
}

/// Resolves when a position is durable, or never will be.
#[must_use = "a future does nothing until it is polled"]
pub struct WhenDurable {
    watch: Arc<Watch>,
    position: u64,
    registered: Option<Waker>,
}

impl WhenDurable {
    pub(crate) fn new(watch: Arc<Watch>, position: Position) -> Self {
        Self { watch, position: position.get(), registered: None }
    }

    /// Waits on this thread, without a runtime.
    pub fn wait(mut self) -> Result<(), Stopped> {
        let waker = thread_waker();
        let mut context = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut self).poll(&mut context) {
                Poll::Ready(result) => return result,
                Poll::Pending => thread::park(),
            }
        }
    }

    fn settled(&self) -> Option<Result<(), Stopped>> {
        if self.watch.durable() >= self.position {
            return Some(Ok(()));
        }
        self.watch.stopped().map(|stopped| Err(stopped.clone()))
    }
}

impl Future for WhenDurable {
    type Output = Result<(), Stopped>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(result) = self.settled() {
            return Poll::Ready(result);
        }
        let waker = context.waker();
        // The waker stays registered until the position is settled, so asking twice must not register twice.
        if self.registered.as_ref().is_some_and(|known| known.will_wake(waker)) {
            return Poll::Pending;
        }
        let mut waiters = self.watch.waiters();
        if let Some(result) = self.settled() {
            return Poll::Ready(result);
        }
        waiters.durable.push((self.position, waker.clone()));
        drop(waiters);
        self.registered = Some(waker.clone());
        Poll::Pending
    }
}

/// Resolves when the journal stops because its disk failed.
#[must_use = "a future does nothing until it is polled"]
pub(crate) struct WhenStopped {
    watch: Arc<Watch>,
    registered: Option<Waker>,
}

impl WhenStopped {
    pub(crate) fn new(watch: Arc<Watch>) -> Self {
        Self { watch, registered: None }
    }
}

impl Future for WhenStopped {
    type Output = Stopped;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Stopped> {
        let waker = context.waker();
        let known = self.registered.as_ref().is_some_and(|known| known.will_wake(waker));
        let mut waiters = self.watch.waiters();
        if let Some(stopped) = self.watch.stopped() {
            return Poll::Ready(stopped.clone());
        }
        if !known {
            waiters.stopped.push(waker.clone());
        }
        drop(waiters);
        self.registered = Some(waker.clone());
        Poll::Pending
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// One waker per thread for its whole life, so that waiting allocates nothing.
fn thread_waker() -> Waker {
    thread_local! {
        static WAKER: RefCell<Option<Waker>> = const { RefCell::new(None) };
    }
    let make = || Waker::from(Arc::new(Unpark(thread::current())));
    WAKER.with_borrow_mut(|waker| waker.get_or_insert_with(make).clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn poll(future: &mut WhenDurable, count: &Arc<Count>) -> bool {
        let waker = Waker::from(Arc::clone(count));
        Pin::new(future).poll(&mut Context::from_waker(&waker)).is_ready()
    }

    #[test]
    fn a_waiter_is_woken_once_by_the_block_that_reaches_it() {
        let (watch, count) = (Arc::new(Watch::new(3)), Arc::new(Count::default()));
        let mut early = WhenDurable::new(Arc::clone(&watch), Position::new(3));
        assert!(poll(&mut early, &count), "durable already");
        let mut waiting = WhenDurable::new(Arc::clone(&watch), Position::new(5));
        assert!(!poll(&mut waiting, &count) && !poll(&mut waiting, &count));
        let mut scratch = Scratch::default();
        watch.publish(4, &mut scratch);
        assert_eq!(count.0.load(Ordering::Relaxed), 0);
        watch.publish(5, &mut scratch);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(poll(&mut waiting, &count));
    }

    #[test]
    fn a_stop_ends_every_wait_except_for_what_is_durable() {
        let (watch, count) = (Arc::new(Watch::new(3)), Arc::new(Count::default()));
        let mut waiting = WhenDurable::new(Arc::clone(&watch), Position::new(5));
        assert!(!poll(&mut waiting, &count));
        assert!(watch.stop(Stopped::closed()) && !watch.stop(Stopped::closed()));
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(waiting.wait().is_err());
        assert!(WhenDurable::new(watch, Position::new(3)).wait().is_ok());
    }
}
