//! The journal as its users see it.
//!
//! `append` gives a position at once, `when_durable` resolves when a crash can no longer take it back. Replies leave
//! only after that.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use names::Position;

use crate::{
    error::{AppendError, Fault, OpenError, ReplayError, Stopped},
    io::{Io, LockError, LockGuard},
    lane::Lane,
    options::{Drive, Options},
    pending::Pending,
    record::{Entry, Record},
    recover::{self, Opened, Recovery, Sequences},
    stats::Stats,
    threads,
    wait::{WhenDurable, WhenStopped},
};

/// How soon an append is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// With the next block.
    Now,
    /// With the block that `Journal::nudge` asks for, or that becomes due by `BATCH_RECORDS`, `BATCH_BYTES` or
    /// `BATCH_MICROS`. For callers that nudge when their thread runs out of work: under load a sync is then shared by all
    /// the requests that were ready, and without load nothing waits.
    WhenIdle,
    /// With the next block that something urgent asks for, at most `SOON_MILLIS` later.
    Soon,
}

/// A durable, ordered log of records.
pub struct Journal {
    lane: Arc<Lane>,
    recovery: Recovery,
    drive: Drive,
    threads: Mutex<Vec<JoinHandle<()>>>,
    lock: Mutex<Option<LockGuard>>,
}

impl Journal {
    /// Opens the log in `io`, or begins one, after replaying every record in order.
    ///
    /// The folder is locked until `close` or drop. A damaged log is not opened and not changed.
    #[expect(clippy::needless_pass_by_value, reason = "options are settled at the open and belong to the journal")]
    pub fn open(
        io: Arc<dyn Io>,
        options: Options,
        replay: &mut dyn FnMut(&Record<'_>) -> Result<(), ReplayError>,
    ) -> Result<Journal, OpenError> {
        options.check();
        let lock = io.lock().map_err(|error| match error {
            LockError::Held { pid } => OpenError::Locked { pid },
            LockError::Io(error) => OpenError::Io(Fault::of("lock", "lock")(error)),
        })?;
        let Opened { log, shelf, recovery, sequences, trimmed } = recover::open(io, &options, replay)?;
        let pending = Pending::new(&options, log.chain().position, sequences, trimmed);
        let lane = Arc::new(Lane::new(&options, pending, Some((log, shelf))));
        let threads = match options.drive {
            Drive::Thread => threads::start(&lane).map_err(Fault::of("journal", "start of a thread"))?,
            Drive::Manual => Vec::new(),
        };
        let (threads, lock) = (Mutex::new(threads), Mutex::new(Some(lock)));
        Ok(Journal { lane, recovery, drive: options.drive, threads, lock })
    }

    /// A journal that keeps nothing: every append is durable at once, in its own sense.
    pub fn ephemeral() -> Journal {
        let options = Options::default();
        let pending = Pending::new(&options, 1, Sequences::new(), false);
        let lane = Arc::new(Lane::new(&options, pending, None));
        let (threads, lock) = (Mutex::default(), Mutex::default());
        Journal { lane, recovery: Recovery::default(), drive: Drive::Manual, threads, lock }
    }

    /// Takes all entries into one block, so that replay shows all of them or none. Returns the position of the last.
    ///
    /// Nothing of it is durable yet. On an error nothing was taken.
    pub fn append(&self, entries: &[Entry<'_>], urgency: Urgency) -> Result<Position, AppendError> {
        self.lane.append(entries, urgency, false).map(Position::new)
    }

    /// Like `append`, for entries that let something be freed (deletes, acknowledgements): on a nearly full disk they
    /// may use the reserve.
    pub fn append_freeing(&self, entries: &[Entry<'_>], urgency: Urgency) -> Result<Position, AppendError> {
        self.lane.append(entries, urgency, true).map(Position::new)
    }

    /// Everything up to here survives a crash.
    pub fn durable(&self) -> Position {
        Position::new(self.lane.watch.durable())
    }

    /// The last position given, durable or not.
    pub fn last(&self) -> Position {
        Position::new(self.lane.last_position())
    }

    /// Has written now what was appended as [`Urgency::WhenIdle`]. One atomic load if there is nothing of that kind.
    pub fn nudge(&self) {
        self.lane.nudge();
    }

    /// Resolves when `position` is durable; ready at once, without a lock, if it is already.
    pub fn when_durable(&self, position: Position) -> WhenDurable {
        WhenDurable::new(Arc::clone(&self.lane.watch), position)
    }

    /// Resolves when a write or sync has failed. Final: open the journal again after the disk was repaired.
    pub fn stopped(&self) -> impl Future<Output = Stopped> + Send + 'static + use<> {
        WhenStopped::new(Arc::clone(&self.lane.watch))
    }

    /// Whether a write or sync has failed, or the journal was closed.
    pub fn is_stopped(&self) -> bool {
        self.lane.watch.stopped().is_some()
    }

    /// Lets go of the files that hold only records before `below`. Done by the keeper, soon.
    pub fn trim(&self, below: Position) {
        self.lane.request_trim(below.get());
    }

    /// What was done since the open.
    pub fn stats(&self) -> Stats {
        Stats {
            pending_bytes: self.lane.pending_bytes(),
            spares: self.lane.spares() as u64,
            log_files: self.lane.log_files() as u64,
            ..self.lane.counters.stats()
        }
    }

    /// What the open found.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// `Drive::Manual`: writes and syncs everything that waits. Returns the last durable position.
    pub fn commit(&self) -> Result<Position, Stopped> {
        self.assert_manual();
        self.lane.commit_all()?;
        Ok(self.durable())
    }

    /// `Drive::Manual`: what the commit thread does after `SEAL_MILLIS` without work. Attests everything written, so
    /// that damage to it can no longer pass for a torn write.
    pub fn seal(&self) -> Result<(), Stopped> {
        self.assert_manual();
        self.lane.seal(false)
    }

    /// `Drive::Manual`: what the keeper thread does. Trims what was asked for, zeroes spares, asks for the free space.
    pub fn tend(&self) -> Result<(), Stopped> {
        self.assert_manual();
        self.lane.tend(&mut || true)
    }

    fn assert_manual(&self) {
        assert!(self.drive == Drive::Manual, "the journal's own threads commit, seal and tend");
    }

    /// Writes everything that waits, closes the log in order, ends the threads and unlocks the folder. Idempotent.
    /// Later appends are refused as stopped.
    pub fn close(&self) {
        let first = self.lane.begin_close();
        if first && self.drive == Drive::Manual {
            // A fault here was logged and has reached everybody who waits.
            let _ = self.lane.commit_all().and_then(|()| self.lane.seal(true));
        }
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A thread that panicked has stopped the journal and said so.
            let _ = thread.join();
        }
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for Journal {
    /// Closes a journal with threads. A manual one is dropped as by a crash: its simulation decides what is written.
    fn drop(&mut self) {
        if self.drive == Drive::Thread {
            self.close();
        }
    }
}
