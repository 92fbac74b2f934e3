//! What takes long is done elsewhere than on the thread that serves requests.
//!
//! An RSA key takes up to seconds to make and milliseconds to use; on the thread of its request everybody else would wait so
//! long. `kms` starts no threads: the server hands it something that runs work on others. Few of them at a time: more threads
//! than cores would take their time from those that serve; and few who wait for their turn, the others are throttled. What is
//! quick is done at once, on the thread that asks.

use crate::limits;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::spec::KeySpec;
use std::sync::Arc;
use tokio::sync::{Semaphore, oneshot};

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

/// Whose turn it is, and who may wait for one.
struct Turns {
    going: Arc<Semaphore>,
    /// One for each that goes or waits.
    places: Semaphore,
}

impl Turns {
    fn new(going: usize, waiting: usize) -> Self {
        Self { going: Arc::new(Semaphore::new(going)), places: Semaphore::new(going + waiting) }
    }
}

impl Slow {
    pub(crate) fn new(elsewhere: Elsewhere) -> Self {
        let making = Turns::new(limits::MAKING_MAX, limits::MAKING_WAITING_MAX);
        Self { elsewhere, making, using: Turns::new(limits::USING_MAX, limits::USING_WAITING_MAX) }
    }

    /// Whoever asks may go away meanwhile: work that has not begun is then not done, and what was begun keeps its turn.
    async fn run<T: Send + 'static>(
        &self,
        turns: &Turns,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let _place = turns.places.try_acquire().map_err(|_| Refusal::throttled())?;
        let turn = Arc::clone(&turns.going).acquire_owned().await.map_err(|_| Refusal::internal())?;
        let (tell, told) = oneshot::channel();
        (self.elsewhere)(Box::new(move || {
            let _turn = turn;
            if !tell.is_closed() {
                drop(tell.send(work()));
            }
        }));
        told.await.map_err(|_| Refusal::internal())?
    }
}

impl Inner {
    /// Makes what a key of this spec needs.
    pub(crate) async fn making<T: Send + 'static>(
        &self,
        spec: KeySpec,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        if spec.is_slow() { self.slow.run(&self.slow.making, work).await } else { work() }
    }

    /// Works with a key of this spec.
    pub(crate) async fn using<T: Send + 'static>(
        self: &Arc<Self>,
        spec: KeySpec,
        work: impl FnOnce(&Self) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        if !spec.is_slow() {
            return work(self);
        }
        let service = Arc::clone(self);
        self.slow.run(&self.slow.using, move || work(&service)).await
    }
}
