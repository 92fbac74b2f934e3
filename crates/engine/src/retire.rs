//! Shortens the log: what of its oldest file is still held goes into segments, a checkpoint stands for all the rest.
//!
//! Order, so that a crash between any two steps loses nothing: segments are written; snapshots are made, and waited for
//! until all that they contain is durable; the checkpoint is written and read back; the manifest moves; only then the log
//! file is used again and segments that nobody refers to go. All of it happens beside the serving of requests: a
//! partition is locked to choose what it holds and to copy its state, never while the disk works.

use crate::recovery::FamilyState;
use crate::registry::{Mark, Stored, Tombstone};
use crate::slices::{Lost, Slices};
use crate::store::Store;
use journal::backup::{BackupError, Copied, Terms};
use journal::{Checkpoint, ClosedFile, Io, Piece, SetAside, Snapshot, Source, StoreError, Unread};
use names::{PartitionId, Position};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard, PoisonError};

/// Closed log files that stay, so that what is consumed while one file fills is never written twice.
pub const CLOSED_FILES_KEPT: usize = 1;

/// Bytes of snapshots made before their durability is waited for: many small partitions share one wait.
const SNAPSHOT_BATCH_BYTES: usize = 4 << 20;

/// Incremental checkpoints may add up to this many bytes before a complete one is due, however small that is.
const DELTAS_BYTES_MIN: u64 = 1 << 20;

/// What a round of housekeeping did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tended {
    /// Log files that were retired.
    pub files: u64,
    /// Records that went from the log into segments.
    pub segmented: u64,
    /// Segments that nobody referred to any more.
    pub dropped_segments: u64,
    /// Segments that were written anew because little of them was held, or because they were small.
    pub compacted_segments: u64,
    /// Whether a checkpoint was written.
    pub checkpoint: bool,
    /// Partitions that were put away because nobody uses them.
    pub put_away: u64,
}

impl Store {
    /// Does what is due: retires closed log files, gives segments back that nobody refers to, compacts others. Blocks on
    /// the disk; for a thread of its own. On [`StoreError::NoSpace`] nothing is lost, and a later call tries again.
    pub fn tend(&self) -> Result<Tended, StoreError> {
        self.tend_while(|| true)
    }

    /// The same, as long as `goes_on` says so: it is asked before each log file, of which a busy server can have left many,
    /// and once before the rest. What is not done is done by a later call, or by the next start's.
    pub fn tend_while(&self, goes_on: impl Fn() -> bool) -> Result<Tended, StoreError> {
        let mut upto = self.housekeep();
        let mut tended = Tended::default();
        while self.journal().closed_files() > CLOSED_FILES_KEPT && !self.is_broken() && goes_on() {
            let Some(file) = self.journal().closed_file() else { break };
            tended.segmented += self.segment(&file)?;
            tended.dropped_segments += self.checkpoint_locked(Some(file), file.last, &self.garbage())?;
            // Not before: where a checkpoint fails, the file and its records stay, and tombstones with them.
            *upto = file.last;
            tended.files += 1;
            tended.checkpoint = true;
        }
        if self.is_broken() || !goes_on() {
            return Ok(tended);
        }
        let compacted = self.compact()?;
        tended.compacted_segments += compacted;
        let garbage = self.garbage();
        if !garbage.is_empty() {
            tended.dropped_segments += self.checkpoint_locked(None, *upto, &garbage)?;
            tended.checkpoint = true;
        }
        tended.put_away = self.put_away_idle();
        self.renew_key();
        Ok(tended)
    }

    /// Makes a new data key if the newest is old. One that cannot be made now is made in a later round.
    fn renew_key(&self) {
        let now = self.clock().now();
        let Some(keyring) = self.keyring().filter(|keyring| keyring.is_due(now)) else { return };
        match keyring.rotate(now) {
            Ok(id) => tracing::info!(key = format!("{id:08x}"), "a new data key seals from now on"),
            Err(error) => tracing::error!(%error, "the data key is due to be replaced and was not"),
        }
    }

    /// Puts every partition away that nobody has used since the last call, and nobody holds. Says how many.
    pub fn put_away(&self) -> u64 {
        let _upto = self.housekeep();
        self.put_away_idle()
    }

    /// Not while a checkpoint is written: what rests then has rested since it began, unless it was woken for good.
    fn put_away_idle(&self) -> u64 {
        self.bury_over();
        let idle = |(id, one): (PartitionId, Arc<dyn Stored>)| one.is_idle().then_some(id);
        let idle: Vec<_> = self.registry.active().into_iter().filter_map(idle).collect();
        idle.into_iter().filter(|id| self.registry.put_away(*id)).count() as u64
    }

    /// Lets go of partitions that are over: the next checkpoint tells of them by their tombstones. It may come hours later, and
    /// a hundred thousand temporary queues would be kept until then.
    fn bury_over(&self) {
        for (id, one) in self.registry.active() {
            if let Some(tombstone) = one.tombstone() {
                self.registry.bury(id, tombstone);
            }
        }
    }

    /// Writes a checkpoint without retiring anything.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        let upto = self.housekeep();
        if self.is_broken() {
            return Ok(());
        }
        self.checkpoint_locked(None, *upto, &self.garbage()).map(drop)
    }

    /// Whether a partition is broken. It can say neither what it holds nor what it is, so that until the next start has rebuilt
    /// it nothing may go that it needs: no log file, no segment, no older snapshot.
    fn is_broken(&self) -> bool {
        let broken = self.registry.broken();
        if let Some(partition) = broken {
            tracing::error!(%partition, "a partition stopped in the middle of a change; until a restart the log only grows");
        }
        broken.is_some()
    }

    /// Writes these segments anew although parts of them are damaged, and sets them aside: what is sound goes on, what is not
    /// is lost, and says so when it is asked for. What a repair does; a running server does it by itself when it compacts.
    pub fn salvage(&self, segments: &[u64]) -> Result<(), StoreError> {
        let upto = self.housekeep();
        segments.iter().for_each(|number| self.suspects.condemn(Source::Segment(*number), "a repair was asked for"));
        self.rewrite_all(segments)?;
        self.checkpoint_locked(None, *upto, &self.garbage()).map(drop)
    }

    /// Copies everything that is durable to `target` while requests are served. No file is retired, compacted or dropped
    /// until the copy is there, so the log grows by what is sent meanwhile. No checkpoint is written before: the log that
    /// is copied reaches back to the newest one, and so does what can be restored from it.
    pub fn backup(&self, target: &dyn Io, terms: Terms<'_>) -> Result<Copied, BackupError> {
        let _upto = self.housekeep();
        self.journal().backup(target, terms)
    }

    fn housekeep(&self) -> MutexGuard<'_, Position> {
        // What a panicking predecessor left half done, nobody refers to; a new round begins from the partitions' state.
        self.housekeeping.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is held of parts of a closed log file that cannot be read, as pieces that say so. An error as long as it may be
    /// read yet.
    fn lost(&self, file: &ClosedFile, unread: &[Unread]) -> Result<Lost, StoreError> {
        let source = Source::Log(file.number);
        let Some(first) = unread.first() else {
            self.suspects.acquit(source);
            return Ok(Lost::new());
        };
        if !self.suspects.accuse(source, &first.damage) {
            return Err(StoreError::Damage(first.damage.clone()));
        }
        let mut lost = Lost::new();
        for part in unread {
            let own = |(id, one): (PartitionId, Arc<dyn Stored>)| Some((id, one.lost(part)?));
            let pieces: Vec<_> = self.registry.active().into_iter().filter_map(own).collect();
            let messages: u64 = pieces.iter().map(|(_, piece)| u64::from(piece.records)).sum();
            let damage = &part.damage;
            tracing::error!(%damage, messages, "a part of the log cannot be read; what stood there and was still held is lost");
            for (id, piece) in pieces {
                lost.entry(id).or_default().push(piece);
            }
        }
        Ok(lost)
    }

    /// Puts what of a log file is still held into segments. Says how many records that were.
    fn segment(&self, file: &ClosedFile) -> Result<u64, StoreError> {
        let mut slices = Slices::new(self, None);
        let unread = self.journal().scan(file, &mut |record, place| slices.take(record, place));
        let mut lost = self.lost(file, &unread.map_err(StoreError::Damage)?)?;
        let done = if lost.is_empty() {
            slices.finish()?
        } else {
            // Pieces must not reach over what is lost, and only now is it known what that is.
            drop(slices);
            let mut slices = Slices::new(self, Some(&lost));
            self.journal().scan(file, &mut |record, place| slices.take(record, place)).map_err(StoreError::Damage)?;
            slices.finish()?
        };
        let (mut pieces, mut partitions) = (by_owner(done.pieces), done.partitions);
        let hurt = lost.keys().filter_map(|id| Some((*id, self.registry.get_active(*id)?)));
        partitions.extend(hurt.collect::<Vec<_>>());
        for (id, partition) in partitions {
            let mut own = pieces.remove(&id).unwrap_or_default();
            own.extend(lost.remove(&id).unwrap_or_default());
            partition.retire(own, file.last);
        }
        Ok(done.records)
    }

    /// Writes a checkpoint; `upto` is where the log will have been retired. Returns how many segments went.
    fn checkpoint_locked(
        &self,
        retire: Option<ClosedFile>,
        upto: Position,
        garbage: &[u64],
    ) -> Result<u64, StoreError> {
        self.registry.drop_unborn();
        let (complete, deltas) = self.journal().checkpoint_bytes();
        let log = retire.iter().map(|file| Source::Log(file.number));
        let set_aside = self.suspects.given_up(log.chain(garbage.iter().map(|number| Source::Segment(*number))));
        let mut snapshots = Snapshots::new(self, deltas >= complete.max(DELTAS_BYTES_MIN) || complete == 0);
        let complete = snapshots.complete;
        let result = self.journal().checkpoint(Checkpoint {
            complete,
            snapshots: &mut snapshots,
            retire,
            drop_segments: garbage,
            set_aside: &set_aside,
            // One that breaks meanwhile is missing from it, and from the list of what is referred to.
            stands: &|| !self.is_broken(),
        });
        let Snapshots { made, rested, buried, stopped, .. } = snapshots;
        if let Some(stopped) = stopped {
            return Err(StoreError::Stopped(stopped));
        }
        result?;
        for SetAside { source, why } in set_aside {
            tracing::error!(
                file = source.file(),
                why,
                "a damaged file was set aside; what of it was sound is still served"
            );
            self.suspects.acquit(source);
        }
        for (partition, mark) in made {
            partition.note_snapshot(mark);
        }
        self.registry.note_kept(&rested);
        for (id, tombstone) in buried {
            self.registry.bury(id, tombstone);
        }
        self.registry.drop_tombstones(upto);
        self.forget_origins();
        Ok(garbage.len() as u64)
    }

    /// Segments that no partition refers to.
    fn garbage(&self) -> Vec<u64> {
        let active = self.registry.active();
        let referred = active.iter().flat_map(|(_, one)| one.pieces()).map(|(piece, _)| piece.segment);
        let referred: BTreeSet<u64> = referred.chain(self.registry.uses().into_keys()).collect();
        let all = self.journal().segments().into_iter().map(|segment| segment.number);
        all.filter(|number| !referred.contains(number)).collect()
    }
}

/// Pieces by their partition, in their order.
pub(crate) fn by_owner(pieces: Vec<(PartitionId, Piece)>) -> BTreeMap<PartitionId, Vec<Piece>> {
    let mut owned: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (id, piece) in pieces {
        owned.entry(id).or_default().push(piece);
    }
    owned
}

/// Makes the snapshots of a checkpoint one after the other, and waits for the disk before it gives them away.
struct Snapshots<'a> {
    store: &'a Store,
    complete: bool,
    active: Option<std::vec::IntoIter<(PartitionId, Arc<dyn Stored>)>>,
    resting: std::vec::IntoIter<PartitionId>,
    ready: std::vec::IntoIter<Snapshot<'static>>,
    made: Vec<(Arc<dyn Stored>, Mark)>,
    rested: Vec<PartitionId>,
    buried: Vec<(PartitionId, Tombstone)>,
    stopped: Option<journal::Stopped>,
}

impl<'a> Snapshots<'a> {
    fn new(store: &'a Store, complete: bool) -> Self {
        let written_at = store.clock().now();
        let families = store.registry.next_ordinals().into_iter();
        let families =
            families.map(|(family, next_ordinal)| family_snapshot(family, FamilyState { next_ordinal, written_at }));
        let tombstones =
            store.registry.tombstones().into_iter().map(|(id, tombstone)| tombstone_snapshot(id, tombstone));
        Self {
            store,
            complete,
            resting: store.registry.resting(complete).into_iter(),
            active: None,
            ready: families.chain(tombstones).collect::<Vec<_>>().into_iter(),
            made: Vec::new(),
            rested: Vec::new(),
            buried: Vec::new(),
            stopped: None,
        }
    }

    /// Makes the next ones, so many that waiting for the disk is worth it. Says whether there were any.
    fn make(&mut self) -> Result<bool, journal::Stopped> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while bytes < SNAPSHOT_BATCH_BYTES
            && let Some(snapshot) = self.next_made()
        {
            bytes += snapshot.state.len() + snapshot.pieces.len() * Piece::BYTES;
            batch.push(snapshot);
        }
        self.store.settle(batch.iter().map(|snapshot| snapshot.position).max().unwrap_or(Position::ZERO))?;
        self.ready = batch.into_iter();
        Ok(self.ready.len() > 0)
    }

    /// First those at rest: one that is woken before its turn is found among the active.
    fn next_made(&mut self) -> Option<Snapshot<'static>> {
        for id in self.resting.by_ref() {
            if let Some(snapshot) = self.store.registry.snapshot(id) {
                self.rested.push(id);
                return Some(snapshot);
            }
        }
        loop {
            let active = self.active.get_or_insert_with(|| self.store.registry.active().into_iter());
            let (id, partition) = active.next()?;
            // A checkpoint has each partition once: who was written at rest and has woken since waits for the next one.
            let is_written = self.rested.binary_search(&id).is_ok();
            let is_wanted = partition.has_changed().is_some_and(|changed| changed || self.complete) && !is_written;
            let Some((snapshot, mark)) = is_wanted.then(|| partition.snapshot()).flatten() else { continue };
            if snapshot.over {
                self.buried.push((id, Tombstone { last: snapshot.position, sequence: snapshot.sequence }));
            } else {
                self.made.push((partition, mark));
            }
            return Some(snapshot);
        }
    }
}

impl Iterator for Snapshots<'_> {
    type Item = Snapshot<'static>;

    fn next(&mut self) -> Option<Snapshot<'static>> {
        while self.stopped.is_none() {
            if let Some(snapshot) = self.ready.next() {
                return Some(match self.store.keyring() {
                    Some(keyring) => keyring.seal_snapshot(snapshot),
                    None => snapshot,
                });
            }
            match self.make() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(stopped) => self.stopped = Some(stopped),
            }
        }
        None
    }
}

/// Stands under an ordinal that no partition has, and says which ordinals are free.
fn family_snapshot(family: u8, state: FamilyState) -> Snapshot<'static> {
    Snapshot {
        partition: PartitionId::of_family(family, 0),
        position: Position::ZERO,
        sequence: 0,
        version: FamilyState::VERSION,
        over: false,
        sealed: false,
        pieces: Cow::Borrowed(&[]),
        state: state.encode().into(),
    }
}

fn tombstone_snapshot(partition: PartitionId, tombstone: Tombstone) -> Snapshot<'static> {
    let Tombstone { last: position, sequence } = tombstone;
    let (pieces, state) = (Cow::Borrowed(&[][..]), Cow::Borrowed(&[][..]));
    Snapshot { partition, position, sequence, version: 0, over: true, sealed: false, pieces, state }
}
