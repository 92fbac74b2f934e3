//! How the partitions of one family come back: from their snapshots, and from the log after them. Those of which the log says
//! nothing stay at rest.
//!
//! Effects that a snapshot contains are passed over. The contents among them are noted all the same if the machine still
//! holds them: they stand in the log and in no segment yet.

use crate::contents::Contents;
use crate::machine::{Effect, Machine, MalformedRecord, Tally};
use crate::memory::Memory;
use crate::partition::{Partition, Recovered};
use crate::registry::{Mark, Tombstone};
use crate::resting::Resting;
use crate::store::Store;
use journal::{Record, Snapshot};
use names::{Instant, PartitionId, Position};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What a family keeps beside its partitions, under the ordinal that no partition has: `next ordinal 8 | written at 8`,
/// big-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FamilyState {
    /// The first ordinal that no partition has had.
    pub(crate) next_ordinal: u64,
    /// The clock when the checkpoint was written. Time does not go back behind it, whatever the next start's clock says.
    pub(crate) written_at: Instant,
}

impl FamilyState {
    pub(crate) const VERSION: u8 = 1;

    pub(crate) fn encode(self) -> Vec<u8> {
        [self.next_ordinal.to_be_bytes(), self.written_at.as_millis().to_be_bytes()].concat()
    }

    fn decode(version: u8, state: &[u8]) -> Option<Self> {
        let (next, written) = state.split_at_checked(8).filter(|_| version == Self::VERSION)?;
        Some(Self {
            next_ordinal: u64::from_be_bytes(next.try_into().ok()?),
            written_at: Instant::from_millis(u64::from_be_bytes(written.try_into().ok()?)),
        })
    }
}

/// A service's part of the replay.
pub trait Recover {
    /// The family of partitions whose records it takes.
    fn family(&self) -> u8;
    /// Takes a partition's snapshot; all of them come before the log.
    fn snapshot(&mut self, snapshot: &Snapshot<'_>, memory: &Arc<Memory>) -> Result<(), MalformedRecord>;
    /// Takes the next record of the log.
    fn record(&mut self, record: &Record<'_>, memory: &Arc<Memory>) -> Result<(), MalformedRecord>;
}

/// Rebuilds the partitions of one family.
pub struct Recovery<M: Machine> {
    family: u8,
    machine: fn() -> M,
    partitions: HashMap<PartitionId, Recovered<M>>,
    /// Partitions as their snapshots have them, and what their machines count.
    resting: BTreeMap<PartitionId, (Box<Resting>, Tally)>,
    tombstones: HashMap<PartitionId, Tombstone>,
    next_ordinal: u64,
    latest: Instant,
    gone: Vec<u64>,
}

impl<M: Machine> Recovery<M> {
    /// Nothing replayed yet. `machine` makes a machine as it is before its first record.
    pub fn new(family: u8, machine: fn() -> M) -> Self {
        Self {
            family,
            machine,
            partitions: HashMap::new(),
            resting: BTreeMap::new(),
            tombstones: HashMap::new(),
            next_ordinal: 1,
            latest: Instant::EPOCH,
            gone: Vec::new(),
        }
    }

    /// The first ordinal that no partition has had, deleted ones included.
    pub fn next_ordinal(&self) -> u64 {
        self.next_ordinal
    }

    /// The latest moment that the store knows of: its clock was there before.
    pub fn latest(&self) -> Instant {
        self.latest
    }

    /// Looks at every machine that is not over, in order of creation.
    pub fn look(&self, mut look: impl FnMut(PartitionId, &M)) {
        let awake = self.partitions.iter().filter(|(_, recovered)| !recovered.machine.is_over());
        let awake: BTreeMap<_, _> = awake.map(|(id, recovered)| (*id, &recovered.machine)).collect();
        let mut awake = awake.into_iter().peekable();
        for (id, (resting, _)) in &self.resting {
            while let Some((id, machine)) = awake.next_if(|(before, _)| before < id) {
                look(id, machine);
            }
            look(*id, &resting.machine());
        }
        awake.for_each(|(id, machine)| look(id, machine));
    }

    /// Gives every partition that is not over to the store: at rest if nothing speaks against it.
    pub fn finish(self, store: &Store) {
        store.registry.note_next_ordinal(self.family, self.next_ordinal);
        for (id, tombstone) in self.tombstones {
            store.registry.bury(id, tombstone);
        }
        for (id, (resting, tally)) in self.resting {
            store.registry.add_resting::<M>(id, *resting, tally);
        }
        let start = u64::from(store.journal().recovery().incarnation);
        for (id, mut recovered) in self.partitions {
            if recovered.machine.is_over() {
                let tombstone = Tombstone { last: recovered.last, sequence: recovered.sequence };
                store.registry.bury(id, tombstone);
                continue;
            }
            recovered.machine.resume(start);
            match Resting::of(&mut recovered) {
                Some((resting, tally)) => store.registry.add_resting::<M>(id, resting, tally),
                None => drop(Partition::recovered(store, id, recovered)),
            }
        }
    }

    fn note_ordinal(&mut self, id: PartitionId) {
        self.next_ordinal = self.next_ordinal.max(id.ordinal() + 1);
    }

    fn family_snapshot(&mut self, snapshot: &Snapshot<'_>) -> Result<(), MalformedRecord> {
        let family = FamilyState::decode(snapshot.version, &snapshot.state);
        let family = family.ok_or_else(|| malformed(snapshot, "the family's own entry has another layout"))?;
        self.next_ordinal = self.next_ordinal.max(family.next_ordinal);
        self.latest = self.latest.max(family.written_at);
        Ok(())
    }

    /// Up to where a snapshot says what the log says.
    fn snapshot_position(&self, id: PartitionId) -> Option<Position> {
        let awake = self.partitions.get(&id).map(|recovered| recovered.kept.position);
        awake.or_else(|| self.resting.get(&id).map(|(resting, _)| resting.last()))
    }

    /// Makes a machine of a snapshot, because the log says something of it.
    fn wake(&mut self, id: PartitionId, memory: &Arc<Memory>) {
        if let Some((resting, _)) = self.resting.remove(&id) {
            self.partitions.insert(id, resting.recovered(memory));
        }
    }

    /// Applies an effect that no snapshot contains.
    fn apply(&mut self, record: &Record<'_>, memory: &Arc<Memory>) -> Result<(), MalformedRecord> {
        let effect = M::Effect::decode(record.kind, record.version, record.payload)?;
        self.wake(record.partition, memory);
        let recovered = self.partitions.entry(record.partition).or_insert_with(|| Recovered {
            machine: (self.machine)(),
            contents: Contents::new(Arc::clone(memory)),
            sequence: 0,
            last: Position::ZERO,
            kept: Mark::default(),
            encoded: None,
        });
        recovered.sequence = record.sequence;
        recovered.last = record.position;
        recovered.machine.apply(record.position, &effect, &mut self.gone);
        if let Some((key, content)) = M::content(effect) {
            recovered.contents.put(key, record.position, content, record.position);
        }
        for key in self.gone.drain(..) {
            recovered.contents.forget(key);
        }
        recovered.contents.forget_below(recovered.machine.first_held());
        Ok(())
    }

    /// A snapshot contains the effect; its content may still be asked for.
    fn note_content(&mut self, record: &Record<'_>, memory: &Arc<Memory>) -> Result<(), MalformedRecord> {
        let Some((key, _)) = M::Effect::content_key(record.kind, record.version, record.payload) else { return Ok(()) };
        if self.resting.get(&record.partition).is_some_and(|(resting, _)| resting.is_segmented(key)) {
            return Ok(());
        }
        self.wake(record.partition, memory);
        let Some(recovered) = self.partitions.get_mut(&record.partition) else { return Ok(()) };
        if !recovered.machine.holds(key) || recovered.contents.is_segmented(key) {
            return Ok(());
        }
        let effect = M::Effect::decode(record.kind, record.version, record.payload)?;
        if let Some((key, content)) = M::content(effect) {
            recovered.contents.put(key, record.position, content, record.position);
        }
        Ok(())
    }
}

/// A service's recovery by a name of its own, over a machine that nobody else may see:
/// `engine::recovery! { pub struct SqsRecovery(SqsQueue); }`.
#[macro_export]
macro_rules! recovery {
    ($(#[$doc:meta])* $vis:vis struct $name:ident($machine:ty);) => {
        $(#[$doc])*
        $vis struct $name($crate::Recovery<$machine>);

        impl $name {
            /// The latest moment that the store knows of; the clock that partitions are asked with must not be behind it.
            $vis fn latest(&self) -> ::names::Instant {
                self.0.latest()
            }

            /// Gives the partitions to the store, without a service that asks them anything: for tools.
            $vis fn finish(self, store: &$crate::Store) {
                self.0.finish(store);
            }
        }

        impl $crate::Recover for $name {
            fn family(&self) -> u8 {
                self.0.family()
            }

            fn snapshot(
                &mut self,
                snapshot: &::journal::Snapshot<'_>,
                memory: &::std::sync::Arc<$crate::Memory>,
            ) -> ::std::result::Result<(), $crate::MalformedRecord> {
                self.0.snapshot(snapshot, memory)
            }

            fn record(
                &mut self,
                record: &::journal::Record<'_>,
                memory: &::std::sync::Arc<$crate::Memory>,
            ) -> ::std::result::Result<(), $crate::MalformedRecord> {
                self.0.record(record, memory)
            }
        }
    };
}

impl<M: Machine> Recover for Recovery<M> {
    fn family(&self) -> u8 {
        self.family
    }

    fn snapshot(&mut self, snapshot: &Snapshot<'_>, memory: &Arc<Memory>) -> Result<(), MalformedRecord> {
        if snapshot.partition.ordinal() == 0 {
            return self.family_snapshot(snapshot);
        }
        self.note_ordinal(snapshot.partition);
        if snapshot.over {
            let tombstone = Tombstone { last: snapshot.position, sequence: snapshot.sequence };
            self.tombstones.insert(snapshot.partition, tombstone);
            return Ok(());
        }
        let machine = M::restore(snapshot.version, &snapshot.state)?;
        if let Some(resting) = Resting::of_snapshot(snapshot, &machine) {
            self.resting.insert(snapshot.partition, (Box::new(resting), machine.tally()));
            return Ok(());
        }
        let contents = Contents::with_pieces(Arc::clone(memory), snapshot.pieces.to_vec());
        let kept = Mark { position: snapshot.position, pieces_version: 0 };
        let (sequence, last) = (snapshot.sequence, snapshot.position);
        let recovered = Recovered { machine, contents, sequence, last, kept, encoded: None };
        self.partitions.insert(snapshot.partition, recovered);
        Ok(())
    }

    fn record(&mut self, record: &Record<'_>, memory: &Arc<Memory>) -> Result<(), MalformedRecord> {
        self.note_ordinal(record.partition);
        if let Some((_, time)) = M::Effect::content_key(record.kind, record.version, record.payload) {
            self.latest = self.latest.max(time);
        }
        if self.tombstones.get(&record.partition).is_some_and(|tombstone| record.position <= tombstone.last) {
            return Ok(());
        }
        if self.snapshot_position(record.partition).is_some_and(|position| record.position <= position) {
            return self.note_content(record, memory);
        }
        self.apply(record, memory)
    }
}

fn malformed(snapshot: &Snapshot<'_>, why: &'static str) -> MalformedRecord {
    MalformedRecord { kind: 0, version: snapshot.version, why }
}
