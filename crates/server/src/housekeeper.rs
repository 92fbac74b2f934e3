//! The thread that keeps the log short and gives disk space back, beside the serving of requests.
//!
//! It sleeps until a log file is full, and looks once a while for what only time leaves behind: segments of purged or
//! expired messages. A full disk is no end of it: the log stays as long as it is, sends are refused before the reserve is
//! touched, and the next round tries again. Damage in a file that should be gone through is said; after a few rounds the file
//! is set aside, and what of it is sound goes on. A round that panics is said, and the next one comes as usual: without rounds the
//! log would grow until the disk is full.

use engine::{Store, Tended};
use journal::StoreError;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// How long at the most until the next look: what a purge freed is given back to the disk within this time.
const LOOK: Duration = Duration::from_secs(10);

/// Bytes that the allocator counts as large. They are never touched, so they cost no memory.
const LARGE_BYTES: usize = 8 << 20;

/// The running thread.
pub(crate) struct Housekeeper {
    store: Arc<Store>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Housekeeper {
    /// Starts the thread.
    pub(crate) fn start(store: &Arc<Store>) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (its_store, its_stop) = (Arc::clone(store), Arc::clone(&stop));
        let thread = Builder::new().name("housekeeper".into()).spawn(move || {
            let mut full = false;
            while !its_stop.load(Ordering::Acquire) && !its_store.journal().is_stopped() {
                its_store.journal().wait_for_closed_file(LOOK);
                give_memory_back();
                full = unharmed(|| round(&its_store, &its_stop, full)).unwrap_or(full);
            }
        })?;
        Ok(Self { store: Arc::clone(store), stop, thread })
    }

    /// Lets the step under way end, and leaves the other steps to the next start. Before the journal is closed, because then the folder belongs to the next server.
    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Release);
        self.store.journal().wake_retirer();
        // A thread that panicked has said so, and has left nothing that a start does not clear away.
        let _ = self.thread.join();
    }
}

/// Does a round of work; none if it panicked. What it left half done nobody refers to, and a new round begins from the partitions'
/// state (`Store::tend`), so that nothing of it has to be mended.
fn unharmed<T>(work: impl FnOnce() -> T) -> Option<T> {
    // The panic itself, with its place, was printed by the hook.
    let done = catch_unwind(AssertUnwindSafe(work));
    done.inspect_err(|_| tracing::error!("a round of housekeeping panicked; the next one begins anew")).ok()
}

/// The allocator gives pages that were freed a while ago back to the system when large ones are freed, and never by itself: a
/// server that has just let go of much and is idle would keep it for ever.
fn give_memory_back() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGE_BYTES)));
}

/// One round, or what of it is done when the server stops. Says whether the disk was full, so that this is told once and not at
/// every look.
fn round(store: &Store, stop: &AtomicBool, was_full: bool) -> bool {
    match store.tend_while(|| !stop.load(Ordering::Acquire)) {
        Ok(Tended { files, segmented, dropped_segments, compacted_segments, checkpoint, put_away }) => {
            if put_away > 0 {
                tracing::debug!(put_away, "queues that nobody uses were put away");
            }
            if checkpoint {
                tracing::debug!(files, segmented, dropped_segments, compacted_segments, "the log was shortened");
            }
            if was_full {
                tracing::info!("the disk has space again; the log is shortened as usual");
            }
            false
        }
        Err(StoreError::NoSpace) => {
            if !was_full {
                tracing::warn!("the disk is too full to shorten the log; trying again until there is space");
            }
            true
        }
        // It has been said: the server is about to stop, or a partition broke.
        Err(StoreError::Fault(_) | StoreError::Stopped(_) | StoreError::Withdrawn) => was_full,
        Err(StoreError::Damage(damage)) => {
            tracing::error!(%damage, "a stored file is damaged; the log is not shortened in this round");
            was_full
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_that_panics_is_no_end() {
        let rounds = [false, true, false].map(|panics| {
            unharmed(|| {
                assert!(!panics, "planted");
                7
            })
        });
        assert_eq!(rounds, [Some(7), None, Some(7)]);
    }
}
