//! The journal as its users see it.
//!
//! `append` gives a position at once, `when_durable` resolves when a crash can no longer take it back. Replies leave
//! only after that. What is to outlive its log file goes into segments and checkpoints, by one thread of the caller's.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use names::{PartitionId, Position};

use crate::{
    aside, backup,
    checkpoint::Snapshot,
    error::{AppendError, Damage, Fault, OpenError, ReplayError, Stopped, StoreError},
    io::{Io, LockError, LockGuard},
    lane::Lane,
    ledger::{Checkpoint, ClosedFile, Ledger},
    log_reader::{self, Unread},
    options::{Drive, Options},
    pending::Pending,
    record::{Entry, Record},
    recover::{self, Opened, Recovery},
    restore::Sequences,
    segment::{Kept, Piece, Place, SegmentInfo, Segments},
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
    /// A journal that keeps nothing has none.
    ledger: Option<Ledger>,
    recovery: Recovery,
    drive: Drive,
    threads: Mutex<Vec<JoinHandle<()>>>,
    lock: Mutex<Option<LockGuard>>,
}

impl Journal {
    /// Opens the log in `io`, or begins one. `restore` gets the newest snapshot of every partition, in no order, those
    /// that are over too; then `replay` gets every record of the log in order, also those that snapshots contain.
    ///
    /// The folder is locked until `close` or drop. A damaged log is not opened and not changed; of damaged segments whatever is
    /// sound can be read, and `hurt_segments` says which they are.
    #[expect(clippy::needless_pass_by_value, reason = "options are settled at the open and belong to the journal")]
    pub fn open(
        io: Arc<dyn Io>,
        options: Options,
        restore: &mut dyn FnMut(&Snapshot<'_>) -> Result<(), ReplayError>,
        replay: &mut dyn FnMut(&Record<'_>) -> Result<(), ReplayError>,
    ) -> Result<Journal, OpenError> {
        options.check();
        let lock = io.lock().map_err(|error| match error {
            LockError::Held { pid } => OpenError::Locked { pid },
            LockError::Io(error) => OpenError::Io(Fault::of("lock", "lock")(error)),
        })?;
        let Opened { log, ledger, recovery, sequences, trimmed } = recover::open(io, &options, restore, replay)?;
        let pending = Pending::new(&options, log.chain().position, sequences, trimmed);
        let lane = Arc::new(Lane::new(&options, pending, Some((log, Arc::clone(ledger.shelf())))));
        let threads = match options.drive {
            Drive::Thread => threads::start(&lane).map_err(Fault::of("journal", "start of a thread"))?,
            Drive::Manual => Vec::new(),
        };
        let (threads, lock) = (Mutex::new(threads), Mutex::new(Some(lock)));
        Ok(Journal { lane, ledger: Some(ledger), recovery, drive: options.drive, threads, lock })
    }

    /// A journal that keeps nothing: every append is durable at once, in its own sense.
    pub fn ephemeral() -> Journal {
        let options = Options::default();
        let pending = Pending::new(&options, 1, Sequences::new(), false);
        let lane = Arc::new(Lane::new(&options, pending, None));
        let (threads, lock) = (Mutex::default(), Mutex::default());
        Journal { lane, ledger: None, recovery: Recovery::default(), drive: Drive::Manual, threads, lock }
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

    /// What one append may take, payloads and all that is said of them.
    pub fn append_bytes_max(&self) -> usize {
        self.lane.payload_bytes_max()
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

    /// The oldest log file, if the log has left it.
    pub fn closed_file(&self) -> Option<ClosedFile> {
        self.ledger.as_ref()?.shelf().closed_file()
    }

    /// Log files that could be retired one after the other.
    pub fn closed_files(&self) -> usize {
        self.lane.log_files().saturating_sub(1)
    }

    /// Waits until the log has rolled, [`Journal::wake_retirer`] was called, or the journal ends, since the last call; at
    /// most `timeout`. Says whether there is a closed file. For the thread that retires files: it does not return at once
    /// for a file that could not be retired, so that a full disk makes nobody spin.
    pub fn wait_for_closed_file(&self, timeout: Duration) -> bool {
        self.lane.await_roll(timeout);
        self.closed_files() > 0
    }

    /// Has [`Journal::wait_for_closed_file`] return.
    pub fn wake_retirer(&self) {
        self.lane.wake_retirer();
    }

    /// Visits every record of a closed file that can be read in order, each after its whole block was verified. Returns what
    /// cannot be read.
    pub fn scan(&self, file: &ClosedFile, visit: &mut dyn FnMut(&Record<'_>, Place)) -> Result<Vec<Unread>, Damage> {
        match &self.ledger {
            Some(ledger) => log_reader::scan(ledger.shelf(), file, visit),
            None => Ok(Vec::new()),
        }
    }

    /// Files that were set aside because parts of them cannot be read, and wait for the operator.
    pub fn damaged_files(&self) -> u64 {
        let names = self.ledger.as_ref().and_then(|ledger| ledger.shelf().io().list().ok()).unwrap_or_default();
        names.iter().filter(|name| aside::is_aside(name)).count() as u64
    }

    /// Visits the records at `positions`, which ascend and are durable. Those whose file was retired, or is retired while
    /// they are read, are passed over: where they stand now the caller has said himself when he retired it.
    pub fn read_log(&self, positions: &[Position], visit: &mut dyn FnMut(&Record<'_>)) -> Result<(), Damage> {
        match &self.ledger {
            Some(ledger) => log_reader::read(ledger.shelf(), positions, visit),
            None => Ok(()),
        }
    }

    /// Copies the records, sorted by partition and key, into new segments: durable and named when it returns, listed by
    /// the next checkpoint. The pieces come in the order of the partitions. After `NoSpace` nothing half-made is left.
    pub fn write_segments(&self, kept: &[Kept]) -> Result<Vec<(PartitionId, Piece)>, StoreError> {
        let Some(ledger) = &self.ledger else { return Ok(Vec::new()) };
        let _one_at_a_time = self.begin_storing(ledger)?;
        let mut written = ledger.segments().write(kept);
        while matches!(written, Err(StoreError::NoSpace)) && self.give_up_spare()? {
            written = ledger.segments().write(kept);
        }
        self.end_storing(written)
    }

    /// Visits records of a piece, from the first whose key is at least `from_key`, until at least `bytes` bytes of records
    /// were visited or the piece ends.
    pub fn read_piece(
        &self,
        piece: &Piece,
        from_key: u64,
        bytes: usize,
        visit: &mut dyn FnMut(&Record<'_>, Place),
    ) -> Result<(), Damage> {
        match &self.ledger {
            Some(ledger) => ledger.segments().read(piece, from_key, bytes, visit),
            None => Ok(()),
        }
    }

    /// Writes a checkpoint, reads it back, replaces the manifest, and then lets go of what the checkpoint makes needless.
    /// The caller makes sure that everything a snapshot contains is durable before he gives it; if the journal ends while
    /// he does, the checkpoint does not count, whatever it contains.
    ///
    /// On `NoSpace` and `Damage` nothing has changed, and the journal goes on. A `Fault` has stopped it.
    pub fn checkpoint(&self, checkpoint: Checkpoint<'_, '_>) -> Result<(), StoreError> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        let _one_at_a_time = self.begin_storing(ledger)?;
        let retires = checkpoint.retire.is_some();
        let over = self.end_storing(ledger.checkpoint(checkpoint, &|| self.lane.why_ended()))?;
        self.lane.forget(&over, retires);
        Ok(())
    }

    /// Copies what is durable now to `target`. Appends go on; the caller sees to it that nothing is retired or dropped
    /// meanwhile, which waits for the copy's end.
    pub fn backup(&self, target: &dyn Io, terms: backup::Terms<'_>) -> Result<backup::Copied, backup::BackupError> {
        let Some(ledger) = &self.ledger else {
            return Err(backup::BackupError::Refused("a server that keeps nothing has nothing to back up".into()));
        };
        let _one_at_a_time = self.begin_storing(ledger)?;
        let upto = self.durable().get();
        backup::copy(ledger.shelf().io(), &ledger.manifest(), upto, target, terms)
    }

    /// Segments that are there, those written since the last checkpoint included.
    pub fn segments(&self) -> Vec<SegmentInfo> {
        self.ledger.as_ref().map(Ledger::segments).map_or_else(Vec::new, Segments::list)
    }

    /// What the open found wrong with segments that it took all the same, by their numbers.
    pub fn hurt_segments(&self) -> &[(u64, Damage)] {
        self.ledger.as_ref().map_or(&[], |ledger| ledger.segments().hurt())
    }

    /// What is wrong now with the ends of a segment, if it is still listed.
    pub fn look_again_at(&self, segment: u64) -> Option<Damage> {
        self.ledger.as_ref()?.segments().look_again(segment)
    }

    /// Bytes of the complete checkpoint, and of those of changes after it.
    pub fn checkpoint_bytes(&self) -> (u64, u64) {
        self.ledger.as_ref().map_or((0, 0), Ledger::checkpoint_bytes)
    }

    /// Nothing is stored by a journal that has stopped, was closed, or is storing something else.
    fn begin_storing<'a>(&self, ledger: &'a Ledger) -> Result<MutexGuard<'a, ()>, StoreError> {
        let guard = ledger.one_at_a_time();
        match self.lane.why_ended() {
            Some(stopped) => Err(StoreError::Fault(stopped.fault().again())),
            None => Ok(guard),
        }
    }

    /// A fault ends the journal; a full disk gets a spare's space for the next attempt.
    fn end_storing<T>(&self, stored: Result<T, StoreError>) -> Result<T, StoreError> {
        match &stored {
            Err(StoreError::Fault(fault)) => drop(self.lane.stop(fault.again())),
            Err(StoreError::NoSpace) => drop(self.give_up_spare()?),
            _ => self.lane.ask_free_space(),
        }
        stored
    }

    fn give_up_spare(&self) -> Result<bool, StoreError> {
        self.lane.give_up_spare().map_err(|fault| {
            self.lane.stop(fault.again());
            StoreError::Fault(fault)
        })
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

    /// `Drive::Manual`: what the keeper thread does. Zeroes spares, asks for the free space.
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
        // A checkpoint that still runs is waited for; the next one is refused.
        let _stored = self.ledger.as_ref().map(Ledger::one_at_a_time);
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
