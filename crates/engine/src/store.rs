//! The journal, the clock and the timers that all partitions of a server share, and how they come back after a stop.
//!
//! `Store::open` replays the log into the services' recoveries; each record's family says whose it is.

use crate::clock::Clock;
use crate::machine::{Effect, Machine, MalformedRecord};
use crate::partition::Partition;
use crate::timers::Timers;
use journal::{Io, Journal, OpenError, Options, Record, ReplayError, Urgency};
use names::{PartitionId, Position};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What every partition of a server shares.
pub struct Store {
    journal: Journal,
    clock: Arc<dyn Clock>,
    timers: Timers,
    /// Whether somebody nudges the journal when a thread runs out of work.
    nudged: AtomicBool,
}

impl Store {
    /// Opens the log and gives every record to the recovery that `recoveries` has for its family. A record of a family
    /// that nobody claims stops the open: a newer version wrote it, and to skip it would lose it.
    pub fn open(
        io: Arc<dyn Io>,
        options: Options,
        clock: Arc<dyn Clock>,
        recoveries: &mut [&mut dyn Recover],
    ) -> Result<Arc<Self>, OpenError> {
        let mut unknown = |_: &journal::Snapshot<'_>| Err("it was written by a newer version".into());
        let journal = Journal::open(io, options, &mut unknown, &mut |record| {
            let family = record.partition.family();
            let owner = recoveries.iter_mut().find(|recovery| recovery.family() == family);
            let owner = owner.ok_or_else(|| {
                ReplayError::from(format!("record family {family} is of a service that this version does not have"))
            })?;
            owner.record(record).map_err(|malformed| ReplayError::from(malformed.to_string()))
        })?;
        Ok(Arc::new(Self { journal, clock, timers: Timers::default(), nudged: AtomicBool::new(false) }))
    }

    /// A store that keeps nothing beyond the process.
    pub fn ephemeral(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            journal: Journal::ephemeral(),
            clock,
            timers: Timers::default(),
            nudged: AtomicBool::new(false),
        })
    }

    /// Says that from now on every thread that executes commands calls [`Store::out_of_work`] before it goes to sleep.
    /// Syncs are then begun by that call, so that all requests which are ready share one.
    pub fn expect_nudges(&self) {
        self.nudged.store(true, Ordering::Relaxed);
    }

    /// A thread that executes commands has none left to execute.
    pub fn out_of_work(&self) {
        self.journal.nudge();
    }

    /// How soon a change that a reply waits for is written.
    pub(crate) fn urgency(&self) -> Urgency {
        if self.nudged.load(Ordering::Relaxed) { Urgency::WhenIdle } else { Urgency::Now }
    }

    /// The log.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Wakes partitions at their deadlines, for as long as it is polled.
    pub async fn run_timers(&self) {
        self.timers.run(Arc::clone(&self.clock)).await;
    }

    /// Fires what is due at the clock's present moment: what simulations do in place of `run_timers`.
    pub fn fire_timers(&self) {
        self.timers.fire(self.clock.now());
    }

    pub(crate) fn timers(&self) -> &Timers {
        &self.timers
    }
}

/// A service's part of the replay.
pub trait Recover {
    /// The family of partitions whose records it takes.
    fn family(&self) -> u8;
    /// Takes the next record of the log.
    fn record(&mut self, record: &Record<'_>) -> Result<(), MalformedRecord>;
}

/// Rebuilds the partitions of one family by applying their effects in order.
pub struct Recovery<M: Machine> {
    family: u8,
    machine: fn() -> M,
    partitions: HashMap<PartitionId, Recovered<M>>,
    next_ordinal: u64,
}

struct Recovered<M> {
    machine: M,
    sequence: u64,
    last: Position,
}

impl<M: Machine> Recovery<M> {
    /// Nothing replayed yet. `machine` makes a machine as it is before its first record.
    pub fn new(family: u8, machine: fn() -> M) -> Self {
        Self { family, machine, partitions: HashMap::new(), next_ordinal: 1 }
    }

    /// The first ordinal that no partition in the log has had, deleted ones included.
    pub fn next_ordinal(&self) -> u64 {
        self.next_ordinal
    }

    /// Drops what is over, so that a log of many deleted partitions does not fill the memory.
    pub fn forget(&mut self, id: PartitionId) {
        self.partitions.remove(&id);
    }

    /// The machine of `id` as replayed so far.
    pub fn machine(&self, id: PartitionId) -> Option<&M> {
        self.partitions.get(&id).map(|recovered| &recovered.machine)
    }

    /// The ids replayed and not forgotten, in order of creation.
    pub fn ids(&self) -> Vec<PartitionId> {
        let mut ids: Vec<_> = self.partitions.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Brings every partition to life.
    pub fn finish(self, store: &Arc<Store>) -> HashMap<PartitionId, Arc<Partition<M>>> {
        let revive = |(id, Recovered { machine, sequence, last })| {
            (id, Partition::recovered(Arc::clone(store), id, machine, sequence, last))
        };
        self.partitions.into_iter().map(revive).collect()
    }
}

impl<M: Machine> Recover for Recovery<M> {
    fn family(&self) -> u8 {
        self.family
    }

    fn record(&mut self, record: &Record<'_>) -> Result<(), MalformedRecord> {
        self.next_ordinal = self.next_ordinal.max(record.partition.ordinal() + 1);
        let effect = M::Effect::decode(record.kind, record.version, record.payload)?;
        let recovered = self.partitions.entry(record.partition).or_insert_with(|| Recovered {
            machine: (self.machine)(),
            sequence: 0,
            last: Position::ZERO,
        });
        recovered.sequence = record.sequence;
        recovered.last = record.position;
        recovered.machine.apply(record.position, effect);
        Ok(())
    }
}
