//! Every partition of a store, for whoever shortens the log behind them, and the tombstones of those that are over.
//!
//! A tombstone is kept until the log holds no record of its partition any more: until then a replay would find records
//! whose beginning is gone. The first ordinal never given stands beside, because of a partition whose tombstone is gone
//! nothing else remembers that its number was used.

use crate::machine::{Effect, Machine};
use crate::outbox::Carried;
use crate::partition::Partition;
use journal::{Kept, Piece, Record, Snapshot};
use names::{Instant, PartitionId, Position};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a checkpoint of a partition was made of, to tell whether another is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    pub(crate) position: Position,
    pub(crate) pieces_version: u64,
}

/// A partition as housekeeping sees it.
pub(crate) trait Stored: Carried {
    /// Key and moment of the content that a record of this partition carries.
    fn content_key(&self, record: &Record<'_>) -> Option<(u64, Instant)>;
    /// Says of each of these, which are of this partition, whether it is to be kept.
    fn choose(&self, kept: &[Kept], choice: Choice, wanted: &mut Vec<bool>);
    /// The log up to `upto` goes; what of it is held stands in `pieces`.
    fn retire(&self, pieces: Vec<Piece>, upto: Position);
    /// Puts `new` in the place of the pieces in `old` segments.
    fn replace(&self, old: &[u64], new: Vec<Piece>);
    /// The pieces, each with the number of records that are still held.
    fn pieces(&self) -> Vec<(Piece, u64)>;
    /// Whether it differs from its last snapshot; `None` before its first record.
    fn has_changed(&self) -> Option<bool>;
    /// Everything but the contents.
    fn snapshot(&self) -> Option<(Snapshot<'static>, Mark)>;
    /// A snapshot made at `mark` is on disk.
    fn note_snapshot(&self, mark: Mark);
}

/// All partitions.
#[derive(Default)]
pub(crate) struct Registry(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    partitions: BTreeMap<PartitionId, Arc<dyn Stored>>,
    tombstones: BTreeMap<PartitionId, Tombstone>,
    /// By family: the first ordinal that no partition has had.
    next_ordinals: BTreeMap<u8, u64>,
}

/// What is left of a partition that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tombstone {
    pub(crate) last: Position,
    pub(crate) sequence: u64,
}

impl Registry {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Changes are single insertions and removals; a panic cannot leave one half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, id: PartitionId, partition: Arc<dyn Stored>) {
        let mut inner = self.inner();
        inner.partitions.insert(id, partition);
        let next = inner.next_ordinals.entry(id.family()).or_insert(1);
        *next = (*next).max(id.ordinal() + 1);
    }

    pub(crate) fn note_next_ordinal(&self, family: u8, ordinal: u64) {
        let mut inner = self.inner();
        let next = inner.next_ordinals.entry(family).or_insert(1);
        *next = (*next).max(ordinal);
    }

    /// The partition is over; nothing but its tombstone is kept.
    pub(crate) fn bury(&self, id: PartitionId, tombstone: Tombstone) {
        let mut inner = self.inner();
        inner.partitions.remove(&id);
        inner.tombstones.insert(id, tombstone);
    }

    /// No record before or at `upto` is in the log any more.
    pub(crate) fn drop_tombstones(&self, upto: Position) {
        self.inner().tombstones.retain(|_, tombstone| tombstone.last > upto);
    }

    /// Drops partitions that never had a record and that nobody else holds: their creation was refused.
    pub(crate) fn drop_unborn(&self) {
        self.inner().partitions.retain(|_, one| Arc::strong_count(one) > 1 || one.has_changed().is_some());
    }

    pub(crate) fn get(&self, id: PartitionId) -> Option<Arc<dyn Stored>> {
        self.inner().partitions.get(&id).cloned()
    }

    /// Whether anything is left of it, and be it a tombstone.
    pub(crate) fn knows(&self, id: PartitionId) -> bool {
        let inner = self.inner();
        inner.partitions.contains_key(&id) || inner.tombstones.contains_key(&id)
    }

    pub(crate) fn all(&self) -> Vec<(PartitionId, Arc<dyn Stored>)> {
        self.inner().partitions.iter().map(|(id, one)| (*id, Arc::clone(one))).collect()
    }

    pub(crate) fn tombstones(&self) -> Vec<(PartitionId, Tombstone)> {
        self.inner().tombstones.iter().map(|(id, tombstone)| (*id, *tombstone)).collect()
    }

    pub(crate) fn next_ordinals(&self) -> Vec<(u8, u64)> {
        self.inner().next_ordinals.iter().map(|(family, next)| (*family, *next)).collect()
    }
}

/// Keys that are asked about under one lock: a fraction of a millisecond, so that requests pass in between.
const KEYS_PER_LOCK: usize = 4096;

/// What is to be kept beyond a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// What its partition still holds.
    Held,
    /// Of that, what no segment has yet.
    HeldAndUnsegmented,
}

impl<M: Machine> Stored for Partition<M> {
    fn content_key(&self, record: &Record<'_>) -> Option<(u64, Instant)> {
        M::Effect::content_key(record.kind, record.version, record.payload)
    }

    fn choose(&self, kept: &[Kept], choice: Choice, wanted: &mut Vec<bool>) {
        for some in kept.chunks(KEYS_PER_LOCK) {
            let chosen = self.with(|machine, contents| {
                let is_new = |key| choice == Choice::Held || !contents.is_segmented(key);
                wanted.extend(some.iter().map(|one| machine.holds(one.key) && is_new(one.key)));
            });
            // A broken partition can say nothing; keeping what it may hold loses nothing.
            chosen.unwrap_or_else(|| wanted.extend(some.iter().map(|_| true)));
        }
    }

    fn retire(&self, pieces: Vec<Piece>, upto: Position) {
        self.with(|_, contents| contents.retire(pieces, upto));
    }

    fn replace(&self, old: &[u64], new: Vec<Piece>) {
        self.with(|_, contents| contents.replace(|segment| old.contains(&segment), new));
    }

    fn pieces(&self) -> Vec<(Piece, u64)> {
        let held = |machine: &M, piece: &Piece| machine.held_within(piece.first_key..piece.last_key.saturating_add(1));
        let pieces = self.with(|machine, contents| {
            contents.drop_pieces(|piece| held(machine, piece) == 0);
            contents.pieces().iter().map(|piece| (*piece, held(machine, piece))).collect()
        });
        pieces.unwrap_or_default()
    }

    fn has_changed(&self) -> Option<bool> {
        Partition::has_changed(self)
    }

    fn snapshot(&self) -> Option<(Snapshot<'static>, Mark)> {
        Partition::snapshot(self)
    }

    fn note_snapshot(&self, mark: Mark) {
        Partition::note_snapshot(self, mark);
    }
}
