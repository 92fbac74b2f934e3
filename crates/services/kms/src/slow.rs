//! What takes long is done elsewhere than on the thread that serves requests.
//!
//! An RSA key takes up to seconds to make and milliseconds to use; on the thread of its request everybody else would wait so
//! long. `kms` starts no threads: the server hands it something that runs work on others. Few of them at a time: more threads
//! than cores would take their time from those that serve. Whoever waits does so in a line of its account, and only the first
//! of each line stand in the common one: so however much an account asks for, another's turn comes after one of its works. A
//! line has a bound, of an account and of all together; who finds no place is throttled. What is quick is done at once, on the
//! thread that asks.

use crate::limits;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::spec::KeySpec;
use names::AccountId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

/// Something to be done.
pub type Work = Box<dyn FnOnce() + Send>;

/// Does work on a thread that serves nobody, soon. Work that is dropped undone refuses who waits for it.
pub type Elsewhere = Arc<dyn Fn(Work) + Send + Sync>;

/// The way there, and whose turn it is.
pub(crate) struct Slow {
    elsewhere: Elsewhere,
    making: Turns,
    using: Turns,
}

/// How many go at once, and how many wait.
struct Bounds {
    going: usize,
    /// Of one account.
    waiting: usize,
    /// Of all.
    waiting_in_all: usize,
}

/// Whose turn it is, and who may wait for one.
struct Turns {
    bounds: Bounds,
    going: Arc<Semaphore>,
    /// One for each that goes or waits.
    places: Semaphore,
    /// Of accounts of which somebody goes or waits.
    lines: Mutex<HashMap<AccountId, Line>>,
}

/// Those of one account.
struct Line {
    /// As many as may go at once stand in the common line.
    first: Arc<Semaphore>,
    /// How many go or wait.
    length: usize,
}

/// A place in an account's line, for as long as it is held.
struct Standing<'a> {
    turns: &'a Turns,
    account: AccountId,
    first: Arc<Semaphore>,
    _place: SemaphorePermit<'a>,
}

impl Turns {
    fn new(bounds: Bounds) -> Self {
        let places = Semaphore::new(bounds.going + bounds.waiting_in_all);
        Self { going: Arc::new(Semaphore::new(bounds.going)), places, lines: Mutex::default(), bounds }
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<AccountId, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place at the end of an account's line, if there is one.
    fn stand(&self, account: AccountId) -> Result<Standing<'_>, Refusal> {
        let place = self.places.try_acquire().map_err(|_| Refusal::throttled())?;
        let going = self.bounds.going;
        let mut lines = self.lines();
        let new = || Line { first: Arc::new(Semaphore::new(going)), length: 0 };
        let line = lines.entry(account).or_insert_with(new);
        if line.length >= going + self.bounds.waiting {
            return Err(Refusal::throttled());
        }
        line.length += 1;
        Ok(Standing { turns: self, account, first: Arc::clone(&line.first), _place: place })
    }
}

impl Drop for Standing<'_> {
    fn drop(&mut self) {
        let mut lines = self.turns.lines();
        if let Some(line) = lines.get_mut(&self.account) {
            line.length -= 1;
            if line.length == 0 {
                lines.remove(&self.account);
            }
        }
    }
}

impl Slow {
    pub(crate) fn new(elsewhere: Elsewhere) -> Self {
        let making = Bounds {
            going: limits::MAKING_MAX,
            waiting: limits::MAKING_WAITING_MAX,
            waiting_in_all: limits::MAKING_WAITING_IN_ALL_MAX,
        };
        let using = Bounds {
            going: limits::USING_MAX,
            waiting: limits::USING_WAITING_MAX,
            waiting_in_all: limits::USING_WAITING_IN_ALL_MAX,
        };
        Self { elsewhere, making: Turns::new(making), using: Turns::new(using) }
    }

    /// Whoever asks may go away meanwhile: work that has not begun is then not done, and what was begun keeps its turn.
    async fn run<T: Send + 'static>(
        &self,
        turns: &Turns,
        account: AccountId,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let standing = turns.stand(account)?;
        let closed = |_| Refusal::internal();
        let first = Arc::clone(&standing.first).acquire_owned().await.map_err(closed)?;
        let turn = Arc::clone(&turns.going).acquire_owned().await.map_err(closed)?;
        let (tell, told) = oneshot::channel();
        (self.elsewhere)(Box::new(move || {
            let _turn = (turn, first);
            if !tell.is_closed() {
                drop(tell.send(work()));
            }
        }));
        told.await.map_err(|_| Refusal::internal())?
    }
}

impl Inner {
    /// Makes what a key of this spec needs, for somebody of this account.
    pub(crate) async fn making<T: Send + 'static>(
        &self,
        account: AccountId,
        spec: KeySpec,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        if spec.is_slow() { self.slow.run(&self.slow.making, account, work).await } else { work() }
    }

    /// Works with a key of this spec, for somebody of this account.
    pub(crate) async fn using<T: Send + 'static>(
        self: &Arc<Self>,
        account: AccountId,
        spec: KeySpec,
        work: impl FnOnce(&Self) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        if !spec.is_slow() {
            return work(self);
        }
        let service = Arc::clone(self);
        self.slow.run(&self.slow.using, account, move || work(&service)).await
    }
}
