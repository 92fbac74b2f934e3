//! Every partition of a store: those that are used, those that were put away, and the tombstones of those that are over.
//!
//! Whoever works through partitions works through the active ones alone; of those at rest (`resting.rs`) sums are kept here,
//! so that nothing costs by their number. A partition is in exactly one of the two maps. It is put away under the lock, and
//! only when nobody but the registry holds it, so that there are never two of one.
//!
//! A tombstone is kept until the log holds no record of its partition any more: until then a replay would find records
//! whose beginning is gone. The first ordinal never given stands beside, because of a partition whose tombstone is gone
//! nothing else remembers that its number was used.

use crate::contents::Contents;
use crate::keyring::content_of_sealed;
use crate::machine::{Effect, Machine, Tally};
use crate::outbox::Carried;
use crate::partition::Partition;
use crate::resting::{Resting, Revive, revive};
use crate::store::Shared;
use journal::{Kept, Piece, Record, Snapshot, Source, Unread};
use names::{Instant, PartitionId, Position};
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a checkpoint of a partition was made of, to tell whether another is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    pub(crate) position: Position,
    pub(crate) pieces_version: u64,
}

/// An active partition as housekeeping sees it.
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
    /// How many of these keys are held.
    fn held_within(&self, keys: Range<u64>) -> u64;
    /// What is held of a part of the log that cannot be read, as a piece that says so.
    fn lost(&self, unread: &Unread) -> Option<Piece>;
    /// Whether it differs from its last snapshot; `None` before its first record.
    fn has_changed(&self) -> Option<bool>;
    /// Everything but the contents.
    fn snapshot(&self) -> Option<(Snapshot<'static>, Mark)>;
    /// A snapshot made at `mark` is on disk.
    fn note_snapshot(&self, mark: Mark);
    /// Lets time pass.
    fn tick(&self);
    /// What its family adds up.
    fn tally(&self) -> Tally;
    /// See [`Partition::is_idle`].
    fn is_idle(&self) -> bool;
    /// What is left of it if it is over, and that is durable.
    fn tombstone(&self) -> Option<Tombstone>;
    /// See [`Partition::is_broken`].
    fn is_broken(&self) -> bool;
    /// What is left of it when it is put away, or itself if somebody else holds it.
    fn put_away(self: Arc<Self>) -> Result<(Resting, Tally, Revive), Arc<dyn Stored>>;
    /// Itself, for whoever knows its type.
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// Records held, and all, of one segment.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) held: u64,
    pub(crate) records: u64,
}

impl Use {
    pub(crate) fn add(&mut self, piece: &Piece, held: u64) {
        self.held += held;
        self.records += u64::from(piece.records);
    }
}

/// All partitions.
#[derive(Default)]
pub(crate) struct Registry(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    active: BTreeMap<PartitionId, Arc<dyn Stored>>,
    resting: BTreeMap<PartitionId, Box<Resting>>,
    /// Of those at rest, by family: how to wake them, and what they add up to.
    families: BTreeMap<u8, (Revive, Tally)>,
    /// Of those at rest: whom time alone changes, and when.
    due: BTreeSet<(Instant, PartitionId)>,
    /// Of those at rest: whose newest snapshot is on no disk.
    unkept: BTreeSet<PartitionId>,
    /// What those at rest have of each segment.
    uses: BTreeMap<u64, Use>,
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
        // Nothing panics between the changes of two maps that belong together.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, id: PartitionId, partition: Arc<dyn Stored>) {
        let mut inner = self.inner();
        inner.active.insert(id, partition);
        inner.note_ordinal(id);
    }

    /// Takes a partition that was never active since the start.
    pub(crate) fn add_resting<M: Machine>(&self, id: PartitionId, resting: Resting, tally: Tally) {
        let mut inner = self.inner();
        inner.note_ordinal(id);
        inner.lay_down(id, resting, tally, revive::<M>);
    }

    pub(crate) fn note_next_ordinal(&self, family: u8, ordinal: u64) {
        let mut inner = self.inner();
        let next = inner.next_ordinals.entry(family).or_insert(1);
        *next = (*next).max(ordinal);
    }

    /// The partition is over; nothing but its tombstone is kept.
    pub(crate) fn bury(&self, id: PartitionId, tombstone: Tombstone) {
        let mut inner = self.inner();
        inner.active.remove(&id);
        inner.tombstones.insert(id, tombstone);
    }

    /// No record before or at `upto` is in the log any more.
    pub(crate) fn drop_tombstones(&self, upto: Position) {
        self.inner().tombstones.retain(|_, tombstone| tombstone.last > upto);
    }

    /// Drops partitions that never had a record and that nobody else holds: their creation was refused.
    pub(crate) fn drop_unborn(&self) {
        let stays = |one: &Arc<dyn Stored>| Arc::strong_count(one) > 1 || one.is_broken();
        self.inner().active.retain(|_, one| stays(one) || one.has_changed().is_some());
    }

    /// A partition in which a command panicked, if there is one.
    pub(crate) fn broken(&self) -> Option<PartitionId> {
        self.inner().active.iter().find(|(_, one)| one.is_broken()).map(|(id, _)| *id)
    }

    /// The partition, woken if it was at rest.
    pub(crate) fn get(&self, store: &Arc<Shared>, id: PartitionId) -> Option<Arc<dyn Stored>> {
        let mut inner = self.inner();
        inner.wake(store, id);
        inner.active.get(&id).cloned()
    }

    /// Whether anything is left of it, and be it a tombstone.
    pub(crate) fn knows(&self, id: PartitionId) -> bool {
        let inner = self.inner();
        inner.active.contains_key(&id) || inner.resting.contains_key(&id) || inner.tombstones.contains_key(&id)
    }

    /// The partition, if it is active.
    pub(crate) fn get_active(&self, id: PartitionId) -> Option<Arc<dyn Stored>> {
        self.inner().active.get(&id).cloned()
    }

    /// All active ones.
    pub(crate) fn active(&self) -> Vec<(PartitionId, Arc<dyn Stored>)> {
        self.inner().active.iter().map(|(id, one)| (*id, Arc::clone(one))).collect()
    }

    /// How many are active, and how many at rest.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let inner = self.inner();
        (inner.active.len(), inner.resting.len())
    }

    /// Looks at the machine of a partition at rest without waking it; `None` if it is not at rest. The machine is made without the
    /// lock: whoever looks at ten thousand of them holds nobody up.
    pub(crate) fn peek<M: Machine, T>(&self, id: PartitionId, look: impl FnOnce(&M) -> T) -> Option<T> {
        let machine = self.inner().resting.get(&id).map(|resting| resting.likeness::<M>())?;
        Some(look(&machine()))
    }

    /// Puts the partition away, unless somebody holds it. Says whether it did.
    pub(crate) fn put_away(&self, id: PartitionId) -> bool {
        let mut inner = self.inner();
        let Some(partition) = inner.active.remove(&id) else { return false };
        match partition.put_away() {
            Ok((resting, tally, revive)) => {
                inner.lay_down(id, resting, tally, revive);
                true
            }
            Err(partition) => {
                inner.active.insert(id, partition);
                false
            }
        }
    }

    /// Wakes whom time alone has changed by `now`.
    pub(crate) fn wake_due(&self, store: &Arc<Shared>, now: Instant) {
        let mut inner = self.inner();
        while let Some(&(_, id)) = inner.due.first().filter(|(at, _)| *at <= now) {
            inner.wake(store, id);
        }
    }

    /// Wakes those that have pieces in one of these segments.
    pub(crate) fn wake_users(&self, store: &Arc<Shared>, segments: &[u64]) {
        let mut inner = self.inner();
        if !segments.iter().any(|segment| inner.uses.contains_key(segment)) {
            return;
        }
        let uses = |resting: &Resting| resting.pieces.iter().any(|(piece, _)| segments.contains(&piece.segment));
        let users: Vec<_> = inner.resting.iter().filter(|(_, one)| uses(one)).map(|(id, _)| *id).collect();
        users.into_iter().for_each(|id| inner.wake(store, id));
    }

    /// What those at rest add up to.
    pub(crate) fn tally(&self, family: u8) -> Tally {
        self.inner().families.get(&family).map(|(_, tally)| *tally).unwrap_or_default()
    }

    /// What those at rest have of each segment.
    pub(crate) fn uses(&self) -> BTreeMap<u64, Use> {
        self.inner().uses.clone()
    }

    /// Those at rest that a checkpoint has to contain.
    pub(crate) fn resting(&self, complete: bool) -> Vec<PartitionId> {
        let inner = self.inner();
        if complete { inner.resting.keys().copied().collect() } else { inner.unkept.iter().copied().collect() }
    }

    /// The snapshot of a partition at rest.
    pub(crate) fn snapshot(&self, id: PartitionId) -> Option<Snapshot<'static>> {
        self.inner().resting.get(&id).map(|resting| resting.snapshot(id))
    }

    /// The snapshots of these, as they rested and rest still, are on disk. Nothing is put away while a checkpoint is
    /// written, so whatever rests has not been woken in between.
    pub(crate) fn note_kept(&self, ids: &[PartitionId]) {
        let mut inner = self.inner();
        for id in ids {
            inner.unkept.remove(id);
            if let Some(resting) = inner.resting.get_mut(id) {
                resting.is_kept = true;
            }
        }
    }

    pub(crate) fn tombstones(&self) -> Vec<(PartitionId, Tombstone)> {
        self.inner().tombstones.iter().map(|(id, tombstone)| (*id, *tombstone)).collect()
    }

    pub(crate) fn next_ordinals(&self) -> Vec<(u8, u64)> {
        self.inner().next_ordinals.iter().map(|(family, next)| (*family, *next)).collect()
    }
}

impl Inner {
    fn note_ordinal(&mut self, id: PartitionId) {
        let next = self.next_ordinals.entry(id.family()).or_insert(1);
        *next = (*next).max(id.ordinal() + 1);
    }

    fn lay_down(&mut self, id: PartitionId, resting: Resting, tally: Tally, revive: Revive) {
        self.families.entry(id.family()).or_insert((revive, Tally::default())).1.add(tally);
        if resting.due != Instant::FAR_FUTURE {
            self.due.insert((resting.due, id));
        }
        if !resting.is_kept {
            self.unkept.insert(id);
        }
        for (piece, held) in &*resting.pieces {
            self.uses.entry(piece.segment).or_default().add(piece, *held);
        }
        self.resting.insert(id, Box::new(resting));
    }

    /// Does nothing if it is not at rest.
    fn wake(&mut self, store: &Arc<Shared>, id: PartitionId) {
        let Some(resting) = self.resting.get(&id) else { return };
        let (revive, sum) = self.families.get_mut(&id.family()).expect("a partition at rest was counted");
        // First of all: if its machine cannot be made again, it rests on, and no checkpoint forgets it.
        let (partition, tally) = revive(store, id, resting);
        sum.take(tally);
        let Some(resting) = self.resting.remove(&id) else { return };
        self.due.remove(&(resting.due, id));
        self.unkept.remove(&id);
        for (piece, held) in &*resting.pieces {
            let one = self.uses.get_mut(&piece.segment).expect("a piece at rest was counted");
            one.held -= held;
            one.records -= u64::from(piece.records);
            if one.records == 0 {
                self.uses.remove(&piece.segment);
            }
        }
        self.active.insert(id, partition);
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
        match record.key_id {
            0 => M::Effect::content_key(record.kind, record.version, record.payload),
            _ => content_of_sealed(record),
        }
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

    fn held_within(&self, keys: Range<u64>) -> u64 {
        self.with(|machine, _| machine.held_within(keys)).unwrap_or(0)
    }

    fn lost(&self, unread: &Unread) -> Option<Piece> {
        let held = |machine: &M, contents: &mut Contents<M::Content>| -> Vec<u64> {
            let logged = contents.logged_within(unread.positions.clone());
            logged.filter(|key| machine.holds(*key) && !contents.is_segmented(*key)).collect()
        };
        let keys = self.with(held)?;
        let (first, last) = (*keys.first()?, *keys.last()?);
        let count = u32::try_from(keys.len()).expect("a block has few records");
        Some(Piece::lost(Source::Log(unread.file), unread.damage.offset, first..=last, count))
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

    fn tick(&self) {
        Partition::tick(self);
    }

    fn tally(&self) -> Tally {
        self.inspect(M::tally).unwrap_or_default()
    }

    fn is_idle(&self) -> bool {
        Partition::is_idle(self)
    }

    fn tombstone(&self) -> Option<Tombstone> {
        Partition::tombstone(self)
    }

    fn is_broken(&self) -> bool {
        Partition::is_broken(self)
    }

    fn put_away(self: Arc<Self>) -> Result<(Resting, Tally, Revive), Arc<dyn Stored>> {
        if self.is_broken() {
            return Err(self);
        }
        let (store, id) = (Arc::clone(self.shared()), self.id());
        let partition = Arc::try_unwrap(self).map_err(|held| held as Arc<dyn Stored>)?;
        let mut recovered = partition.dismantle();
        match Resting::of(&mut recovered) {
            Some((resting, tally)) => Ok((resting, tally, revive::<M>)),
            // It was used since it was found idle.
            None => Err(Partition::build(&store, id, recovered)),
        }
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}
