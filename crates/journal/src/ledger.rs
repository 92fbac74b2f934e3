//! The books of the folder: which log files, checkpoints and segments belong to the log, and how one list gives way to
//! the next.
//!
//! Order, so that a crash between any two steps leaves either the old list or the new one, whole: segments are durable
//! and named, the checkpoint is durable, named and read back, the manifest is replaced, and only then files go. A full
//! disk undoes the attempt; any other failure of a write or sync ends the journal.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use names::{PartitionId, Position};

use crate::{
    aside::{self, SetAside},
    checkpoint::{self, CHECKPOINT_NEW, CheckpointFile, Header, Snapshot, checkpoint_name},
    error::{Fault, Stopped, StoreError},
    manifest::{self, MANIFEST_NEW, Manifest},
    segment::{Segments, Source},
    shelf::Shelf,
};

/// A log file that is written to its end. All its records are durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosedFile {
    /// Its number, which is its name.
    pub number: u64,
    /// Its first record's position.
    pub first: Position,
    /// Its last record's position; the one before `first` if it holds no record.
    pub last: Position,
    /// Bytes of the file.
    pub bytes: u64,
}

/// What `Journal::checkpoint` is to write and to let go.
pub struct Checkpoint<'a, 's> {
    /// The snapshots are those of all partitions, and every older checkpoint may go. Without it they are those of the
    /// partitions that changed since the last checkpoint; the very first one is complete in any case.
    pub complete: bool,
    /// At most one of each partition, in any order.
    pub snapshots: &'a mut dyn Iterator<Item = Snapshot<'s>>,
    /// The oldest closed log file, if nothing of it is needed any more.
    pub retire: Option<ClosedFile>,
    /// Segments that no snapshot refers to any more.
    pub drop_segments: &'a [u64],
    /// Files among those that go which are kept beside the log, because parts of them are damaged.
    pub set_aside: &'a [SetAside],
    /// Whether the caller stands by all of this; asked when it is written, before it counts.
    pub stands: &'a dyn Fn() -> bool,
}

/// The lists and what they stand for.
pub(crate) struct Ledger {
    shelf: Arc<Shelf>,
    segments: Segments,
    /// What the manifest says now.
    current: Mutex<Manifest>,
    /// One checkpoint or segment at a time.
    storing: Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these locks guard is changed in one assignment; a poisoned one says that some caller's thread died.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    /// The books as the manifest has them.
    pub(crate) fn new(shelf: Arc<Shelf>, segments: Segments, manifest: Manifest) -> Self {
        Self { shelf, segments, current: Mutex::new(manifest), storing: Mutex::new(()) }
    }

    pub(crate) fn shelf(&self) -> &Arc<Shelf> {
        &self.shelf
    }

    pub(crate) fn segments(&self) -> &Segments {
        &self.segments
    }

    /// Held while something is stored.
    pub(crate) fn one_at_a_time(&self) -> MutexGuard<'_, ()> {
        lock(&self.storing)
    }

    /// What the manifest says now.
    pub(crate) fn manifest(&self) -> Manifest {
        lock(&self.current).clone()
    }

    /// Bytes of the complete checkpoint, and of those after it.
    pub(crate) fn checkpoint_bytes(&self) -> (u64, u64) {
        let current = lock(&self.current);
        let mut bytes = current.checkpoints.iter().map(|file| file.bytes);
        (bytes.next().unwrap_or(0), bytes.sum())
    }

    /// Writes a checkpoint and lets go of what it makes needless. Returns the partitions that are over. The
    /// caller holds `one_at_a_time`; `ended` tells whether the journal has ended meanwhile. Then whoever makes the snapshots
    /// can no longer wait for what they contain, and may have given fewer than there are.
    pub(crate) fn checkpoint(
        &self,
        checkpoint: Checkpoint<'_, '_>,
        ended: &dyn Fn() -> Option<Stopped>,
    ) -> Result<Vec<PartitionId>, StoreError> {
        let Checkpoint { complete, snapshots, retire, drop_segments, set_aside, stands } = checkpoint;
        let old = lock(&self.current).clone();
        let base = self.shelf.base_without(retire.as_ref());
        let complete = complete || old.checkpoints.is_empty();
        let number = old.checkpoints.last().map_or(1, |last| last.number + 1);

        let mut over = Vec::new();
        let mut seen = snapshots.inspect(|snapshot| over.extend(snapshot.over.then_some(snapshot.partition)));
        let header = Header { log_id: old.base.chain.log_id, number, complete };
        let written =
            checkpoint::write(self.shelf.io(), header, &mut seen).map_err(|error| self.undo(number, error))?;
        if let Some(stopped) = ended() {
            return Err(StoreError::Stopped(stopped));
        }
        if !stands() {
            return Err(self.undo(number, StoreError::Withdrawn));
        }

        let mut new = Manifest { base, checkpoints: old.checkpoints, segments: self.segments.list() };
        new.segments.retain(|segment| !drop_segments.contains(&segment.number));
        let obsolete = if complete { std::mem::take(&mut new.checkpoints) } else { Vec::new() };
        new.checkpoints.push(written);
        for SetAside { source, why } in set_aside {
            aside::announce(self.shelf.io(), &source.file(), why).map_err(|fault| self.undo(number, fault.into()))?;
        }
        manifest::prepare(self.shelf.io(), &new).map_err(|fault| self.undo(number, fault.into()))?;
        // From here on nobody knows which of the two lists counts until the folder is synced, so nothing is undone.
        manifest::install(self.shelf.io()).map_err(StoreError::Fault)?;
        *lock(&self.current) = new;
        self.let_go(retire, drop_segments, &obsolete, set_aside).map_err(StoreError::Fault)?;
        Ok(over)
    }

    /// Takes half-made files away. After a failure that ends the journal the next open does it.
    fn undo(&self, number: u64, error: StoreError) -> StoreError {
        if matches!(error, StoreError::Fault(_)) {
            return error;
        }
        for name in [CHECKPOINT_NEW, MANIFEST_NEW, &checkpoint_name(number)] {
            match self.shelf.io().remove(name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return StoreError::Fault(Fault::of(name, "remove")(error));
                }
                _ => {}
            }
        }
        error
    }

    /// Unlinks and recycles what the new list does not name.
    fn let_go(
        &self,
        retire: Option<ClosedFile>,
        segments: &[u64],
        checkpoints: &[CheckpointFile],
        set_aside: &[SetAside],
    ) -> Result<(), Fault> {
        let is_kept = |source| set_aside.iter().any(|kept| kept.source == source);
        for file in checkpoints {
            let name = checkpoint_name(file.number);
            self.shelf.io().remove(&name).map_err(Fault::of(&name, "remove"))?;
        }
        let (kept, gone): (Vec<u64>, Vec<u64>) = segments.iter().partition(|number| is_kept(Source::Segment(**number)));
        self.segments.remove(&gone)?;
        self.segments.set_aside(&kept)?;
        match retire {
            Some(file) if is_kept(Source::Log(file.number)) => self.shelf.set_oldest_aside(),
            Some(_) => self.shelf.retire_oldest(),
            None => Ok(()),
        }
    }
}
