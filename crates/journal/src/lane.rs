//! The one code that commits, seals, trims and stops, whoever drives it: threads or the caller.
//!
//! Order of an append: checksums, lock, positions and copy, unlock, and a wake-up only if the commit thread sleeps.
//! Order of a commit: write, sync, publish, wake all waiters of the block. A fault anywhere is final: what was
//! published before stays true, everything after is refused.

use std::{
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use names::PartitionId;

use crate::{
    block::{BLOCK_HEADER_BYTES, CLOSING, SEAL},
    body::Body,
    error::{AppendError, Fault, Stopped},
    journal::Urgency,
    limits::{BATCH_BYTES, BATCH_MICROS, BATCH_RECORDS, SEAL_MILLIS, SOON_MILLIS},
    log::Log,
    options::Options,
    pending::{Checksums, Parked, Pending},
    record::{self, Entry},
    shelf::Shelf,
    space::Space,
    stats::Counters,
    wait::{Scratch, Watch},
};

/// A running journal, without its threads.
pub(crate) struct Lane {
    pub(crate) watch: Arc<Watch>,
    pub(crate) counters: Counters,
    pending: Mutex<Pending>,
    work: Condvar,
    /// Something waits for a nudge; lets a nudge that is not needed pass without the lock.
    awaits_nudge: AtomicBool,
    payload_bytes_max: usize,
    space: Space,
    closing: AtomicBool,
    /// A journal that keeps nothing has none.
    disk: Option<Disk>,
}

struct Disk {
    writer: Mutex<Writer>,
    shelf: Arc<Shelf>,
    poked: Mutex<bool>,
    poke: Condvar,
    /// Something happened that the thread which retires files may want to know.
    rolled: Mutex<bool>,
    roll: Condvar,
}

struct Writer {
    log: Log,
    scratch: Scratch,
}

/// What the commit thread does next.
pub(crate) enum Work {
    /// Write this block.
    Write(Body),
    /// Attest what was written.
    Seal,
    /// Everything is written; close the log.
    Finish,
    /// The disk failed.
    Quit,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code under these locks panics halfway through a change; a poisoned lock says that some caller's thread died.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long the commit thread parks; `None` is until it is woken. Shortly after a block others follow soon, so it looks
/// again by itself within `BATCH_MICROS` and nobody has to wake it for what is not urgent.
fn patience(pending: &mut Pending, due: &mut Option<Instant>, now: Instant) -> Option<Duration> {
    let batch = Duration::from_micros(BATCH_MICROS);
    pending.parked = if pending.is_empty() && !pending.unsealed { Parked::Idle } else { Parked::Briefly };
    if pending.is_empty() {
        return pending.unsealed.then_some(batch);
    }
    let due = *due.get_or_insert(now + Duration::from_millis(SOON_MILLIS));
    let wait = due.saturating_duration_since(now);
    // What waits for a nudge may arrive while this thread is parked for something less urgent.
    Some(wait.min(batch))
}

impl Lane {
    pub(crate) fn payload_bytes_max(&self) -> usize {
        self.payload_bytes_max
    }

    pub(crate) fn new(options: &Options, pending: Pending, disk: Option<(Log, Arc<Shelf>)>) -> Self {
        let lane = Self {
            watch: Arc::new(Watch::new(pending.last_position())),
            counters: Counters::default(),
            pending: Mutex::new(pending),
            work: Condvar::new(),
            awaits_nudge: AtomicBool::new(false),
            payload_bytes_max: options.block_bytes_max - BLOCK_HEADER_BYTES,
            space: Space::new(options),
            closing: AtomicBool::new(false),
            disk: disk.map(|(log, shelf)| Disk {
                writer: Mutex::new(Writer { log, scratch: Scratch::default() }),
                shelf,
                poked: Mutex::new(false),
                poke: Condvar::new(),
                // Files that were closed before the open are news, too.
                rolled: Mutex::new(true),
                roll: Condvar::new(),
            }),
        };
        lane.ask_free_space();
        lane
    }

    /// See `Journal::append`.
    pub(crate) fn append(&self, entries: &[Entry<'_>], urgency: Urgency, frees: bool) -> Result<u64, AppendError> {
        let bytes = entries.iter().map(record::encoded_bytes).sum();
        if bytes > self.payload_bytes_max {
            return Err(AppendError::TooLarge { bytes, bytes_max: self.payload_bytes_max });
        }
        if self.disk.is_none() {
            return self.append_to_nothing(entries);
        }
        let checksums = Checksums::of(entries);
        let mut pending = lock(&self.pending);
        self.refuse_when_over(&pending)?;
        if !self.space.allows(pending.bytes() + bytes, frees) {
            return Err(AppendError::NoSpace);
        }
        if entries.is_empty() {
            return Ok(pending.last_position());
        }
        let last = pending.push(entries, checksums.as_slice(), bytes)?;
        self.note_urgency(&mut pending, urgency, entries.len());
        self.wake_if_needed(pending);
        Ok(last)
    }

    /// Has written now what waits for a nudge.
    pub(crate) fn nudge(&self) {
        if !self.awaits_nudge.load(Ordering::Relaxed) {
            return;
        }
        let mut pending = lock(&self.pending);
        self.awaits_nudge.store(false, Ordering::Relaxed);
        pending.urgent |= pending.batched > 0;
        self.wake_if_needed(pending);
    }

    fn note_urgency(&self, pending: &mut Pending, urgency: Urgency, records: usize) {
        match urgency {
            Urgency::Now => pending.urgent = true,
            Urgency::Soon => {}
            Urgency::WhenIdle => {
                pending.batched += records;
                pending.urgent |= pending.batched >= BATCH_RECORDS || pending.waiting_bytes() >= BATCH_BYTES;
                // Stored under the lock, so that a nudge that takes the lock later sees both or neither.
                self.awaits_nudge.store(!pending.urgent, Ordering::Relaxed);
            }
        }
    }

    /// A thread that waits briefly comes by itself for what is not urgent; one that waits for anything does not.
    fn wake_if_needed(&self, mut pending: MutexGuard<'_, Pending>) {
        let wake = match pending.parked {
            Parked::No => false,
            Parked::Briefly => pending.urgent,
            Parked::Idle => !pending.is_empty(),
        };
        if wake {
            // Nothing was written for a while, so there is nothing to gather: what came first goes at once.
            pending.urgent |= pending.parked == Parked::Idle && pending.batched > 0;
            pending.parked = Parked::No;
        }
        drop(pending);
        if wake {
            self.work.notify_one();
        }
    }

    fn append_to_nothing(&self, entries: &[Entry<'_>]) -> Result<u64, AppendError> {
        let mut pending = lock(&self.pending);
        self.refuse_when_over(&pending)?;
        let last = pending.count_only(entries)?;
        // Published under the lock, so that the number never goes back. Nobody can wait: it is durable before it is known.
        self.watch.publish(last, &mut Scratch::default());
        Ok(last)
    }

    fn refuse_when_over(&self, pending: &Pending) -> Result<(), AppendError> {
        if let Some(stopped) = self.watch.stopped() {
            return Err(AppendError::Stopped(stopped.clone()));
        }
        if pending.closing {
            return Err(AppendError::Stopped(Stopped::closed()));
        }
        Ok(())
    }

    /// The position of the last entry appended.
    pub(crate) fn last_position(&self) -> u64 {
        lock(&self.pending).last_position()
    }

    /// Payload bytes that are not durable yet.
    pub(crate) fn pending_bytes(&self) -> u64 {
        lock(&self.pending).bytes() as u64
    }

    /// Waits until there is something to do; `written` is the block written last.
    pub(crate) fn next_work(&self, written: Option<Body>) -> Work {
        let mut pending = lock(&self.pending);
        if let Some(body) = written {
            pending.give_back(body);
        }
        let quiet_since = Instant::now();
        let mut due = None;
        loop {
            if self.watch.stopped().is_some() {
                return Work::Quit;
            }
            let now = Instant::now();
            pending.urgent |= pending.closing || due.is_some_and(|due| now >= due);
            if pending.urgent
                && let Some(body) = pending.take()
            {
                return Work::Write(body);
            }
            if pending.closing {
                return Work::Finish;
            }
            if pending.is_empty() && pending.unsealed && now >= quiet_since + Duration::from_millis(SEAL_MILLIS) {
                return Work::Seal;
            }
            let timeout = patience(&mut pending, &mut due, now);
            let timed_out;
            (pending, timed_out) = self.park(pending, timeout);
            pending.parked = Parked::No;
            pending.urgent |= timed_out && pending.batched > 0;
        }
    }

    fn park<'a>(&self, pending: MutexGuard<'a, Pending>, timeout: Option<Duration>) -> (MutexGuard<'a, Pending>, bool) {
        let Some(timeout) = timeout else {
            return (self.work.wait(pending).unwrap_or_else(PoisonError::into_inner), false);
        };
        let (pending, result) = self.work.wait_timeout(pending, timeout).unwrap_or_else(PoisonError::into_inner);
        (pending, result.timed_out())
    }

    /// Writes everything that waits, block by block.
    pub(crate) fn commit_all(&self) -> Result<(), Stopped> {
        while let Some(mut body) = self.take() {
            self.write(&mut body)?;
            lock(&self.pending).give_back(body);
        }
        self.end_if_stopped()
    }

    fn end_if_stopped(&self) -> Result<(), Stopped> {
        self.watch.stopped().cloned().map_or(Ok(()), Err)
    }

    fn take(&self) -> Option<Body> {
        lock(&self.pending).take()
    }

    /// Writes one block, makes it durable, and tells those who wait.
    pub(crate) fn write(&self, body: &mut Body) -> Result<(), Stopped> {
        let Some(disk) = &self.disk else { return Ok(()) };
        let mut writer = lock(&disk.writer);
        self.write_with(disk, &mut writer, |log| log.append(body, 0))?;
        self.counters.count_block(body.count(), body.payload_bytes());
        self.watch.publish(body.last_position(), &mut writer.scratch);
        Ok(())
    }

    /// Attests everything written, if that was not done yet.
    pub(crate) fn seal(&self, closing: bool) -> Result<(), Stopped> {
        let Some(disk) = &self.disk else { return Ok(()) };
        let unsealed = std::mem::take(&mut lock(&self.pending).unsealed);
        if !unsealed && !closing {
            return self.end_if_stopped();
        }
        let flags = if closing { SEAL | CLOSING } else { SEAL };
        self.write_with(disk, &mut lock(&disk.writer), |log| log.append_empty(flags))
    }

    /// Runs one write; the first fault ends the lane.
    fn write_with(
        &self,
        disk: &Disk,
        writer: &mut Writer,
        write: impl FnOnce(&mut Log) -> Result<(), Fault>,
    ) -> Result<(), Stopped> {
        self.end_if_stopped()?;
        let (file, started) = (writer.log.file_number(), Instant::now());
        write(&mut writer.log).map_err(|fault| self.stop(fault))?;
        self.counters.count_write(writer.log.written(), started.elapsed());
        self.space.note_owned(writer.log.room(), disk.shelf.ready(), disk.shelf.log_files().saturating_sub(1));
        if writer.log.file_number() != file {
            self.poke();
            self.wake_retirer();
        }
        Ok(())
    }

    /// The disk failed: nothing is retried, nothing more is taken.
    pub(crate) fn stop(&self, fault: Fault) -> Stopped {
        let stopped = Stopped::new(fault);
        if self.watch.stop(stopped.clone()) {
            let fault = stopped.fault();
            tracing::error!(
                file = fault.file,
                operation = fault.operation,
                offset = fault.offset,
                error = %fault.error,
                "journal stopped, nothing more is accepted: restart after the disk is repaired"
            );
        }
        self.work.notify_all();
        self.poke();
        self.wake_retirer();
        self.watch.stopped().cloned().unwrap_or(stopped)
    }

    /// A thread of the journal panicked.
    pub(crate) fn stop_after_panic(&self) {
        self.stop(Fault::of("journal", "run of a thread")(io::Error::other("it panicked, which is a bug")));
    }

    /// Zeroes missing spares, asks for the free space. `go_on` is asked between writes.
    pub(crate) fn tend(&self, go_on: &mut dyn FnMut() -> bool) -> Result<(), Stopped> {
        let Some(disk) = &self.disk else { return Ok(()) };
        self.end_if_stopped()?;
        while disk.shelf.prepare(go_on).map_err(|fault| self.stop(fault))? {}
        self.ask_free_space();
        Ok(())
    }

    pub(crate) fn ask_free_space(&self) {
        let Some(disk) = &self.disk else { return };
        // A disk that cannot say how full it is keeps its last answer; a full one still refuses the next spare.
        if let Ok(free) = disk.shelf.io().free_bytes() {
            self.space.note_free(free);
        }
        let writer = lock(&disk.writer);
        self.space.note_owned(writer.log.room(), disk.shelf.ready(), disk.shelf.log_files().saturating_sub(1));
    }

    /// Segments and checkpoints found no space: gives them a spare's, if what waits to be written can do without it.
    pub(crate) fn give_up_spare(&self) -> Result<bool, Fault> {
        let Some(disk) = &self.disk else { return Ok(false) };
        // Nobody appends meanwhile, so the space that was promised to what waits is not given away.
        let pending = lock(&self.pending);
        if !self.space.can_do_without_a_spare(pending.bytes()) || !disk.shelf.give_up_spare()? {
            return Ok(false);
        }
        self.ask_free_space();
        Ok(true)
    }

    /// See `Pending::forget`.
    pub(crate) fn forget(&self, over: &[PartitionId], trimmed: bool) {
        lock(&self.pending).forget(over, trimmed);
    }

    /// Has `await_roll` return.
    pub(crate) fn wake_retirer(&self) {
        if let Some(disk) = &self.disk {
            *lock(&disk.rolled) = true;
            disk.roll.notify_all();
        }
    }

    /// Waits until the log has rolled since the last call, somebody called `wake_retirer`, or the journal ends; at most
    /// `timeout`.
    pub(crate) fn await_roll(&self, timeout: Duration) {
        let Some(disk) = &self.disk else { return };
        let rolled = lock(&disk.rolled);
        let waited = disk.roll.wait_timeout_while(rolled, timeout, |rolled| !*rolled && !self.is_ending());
        let (mut rolled, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *rolled = false;
    }

    /// Spares that wait.
    pub(crate) fn spares(&self) -> usize {
        self.disk.as_ref().map_or(0, |disk| disk.shelf.ready())
    }

    /// Files of the log.
    pub(crate) fn log_files(&self) -> usize {
        self.disk.as_ref().map_or(0, |disk| disk.shelf.log_files())
    }

    fn poke(&self) {
        if let Some(disk) = &self.disk {
            *lock(&disk.poked) = true;
            disk.poke.notify_one();
        }
    }

    /// Waits until the keeper is asked for something, at most `timeout`.
    pub(crate) fn await_poke(&self, timeout: Duration) {
        let Some(disk) = &self.disk else { return };
        let poked = lock(&disk.poked);
        let waited = disk.poke.wait_timeout_while(poked, timeout, |poked| !*poked);
        let (mut poked, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *poked = false;
    }

    /// Takes no more appends; what waits is still written.
    pub(crate) fn begin_close(&self) -> bool {
        let mut pending = lock(&self.pending);
        let first = !std::mem::replace(&mut pending.closing, true);
        drop(pending);
        self.closing.store(true, Ordering::Release);
        self.work.notify_all();
        self.poke();
        self.wake_retirer();
        first
    }

    /// Why nothing may be stored any more.
    pub(crate) fn why_ended(&self) -> Option<Stopped> {
        let closed = self.closing.load(Ordering::Acquire).then(Stopped::closed);
        self.watch.stopped().cloned().or(closed)
    }

    /// Whether a close has begun or the disk has failed.
    pub(crate) fn is_ending(&self) -> bool {
        self.closing.load(Ordering::Acquire) || self.watch.stopped().is_some()
    }
}
