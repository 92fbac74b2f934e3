//! The journal, the clock, the timers and the memory that all partitions of a server share.
//!
//! `Store::open` hands the snapshots and the log after them to the services' recoveries; a partition's family says whose it
//! is. From then on the store knows every partition, so that the log can be shortened behind them (`retire.rs`).

use crate::clock::Clock;
use crate::keyring::{Keyring, open_record, open_snapshot};
use crate::machine::{Machine, Tally};
use crate::memory::Memory;
use crate::outbox::{Outbox, Resting};
use crate::partition::Partition;
use crate::reads::ColdReads;
use crate::recovery::Recover;
use crate::registry::Registry;
use crate::slices::SLICES_IN_A_SEGMENT;
use crate::suspects::Suspects;
use crate::timers::Timers;
use journal::{Drive, Io, Journal, OpenError, ReplayError, Urgency};
use names::{PartitionId, Position};
use std::cell::RefCell;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// What an opener may choose.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Of the log.
    pub journal: journal::Options,
    /// Bytes of contents that are kept in memory although the disk has them.
    pub memory_bytes: usize,
    /// Seals all that is written, and opens what was sealed; without it, what is written is plain.
    pub keyring: Option<Arc<Keyring>>,
}

impl From<journal::Options> for StoreOptions {
    fn from(journal: journal::Options) -> Self {
        Self { journal, memory_bytes: Memory::DEFAULT_BYTES, keyring: None }
    }
}

/// All partitions of a server, and what they share.
pub struct Store {
    shared: Arc<Shared>,
    pub(crate) registry: Registry,
    /// Held by whoever retires, compacts or writes a checkpoint: one at a time. Inside: up to where the log was retired.
    pub(crate) housekeeping: Mutex<Position>,
    /// Files in which housekeeping found damage.
    pub(crate) suspects: Suspects,
    /// Bytes of held records that are put into segments at once.
    pub(crate) slice_bytes: u64,
    /// Held by whoever delivers: one at a time, so that batches arrive in order.
    pub(crate) delivering: Mutex<Resting>,
}

/// What every partition holds on to.
pub struct Shared {
    journal: Journal,
    clock: Arc<dyn Clock>,
    timers: Arc<Timers>,
    memory: Arc<Memory>,
    keyring: Option<Arc<Keyring>>,
    pub(crate) outbox: Outbox,
    /// Whether somebody nudges the journal when a thread runs out of work.
    nudged: AtomicBool,
    /// Whether the caller moves the journal, as simulations do.
    manual: bool,
    damaged_reads: AtomicU64,
    pub(crate) cold_reads: ColdReads,
}

impl Deref for Store {
    type Target = Arc<Shared>;

    fn deref(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Store {
    /// Opens the store in `io`: snapshots first, then the log. A partition of a family that nobody claims stops the open:
    /// a newer version wrote it, and to skip it would lose it.
    pub fn open(
        io: Arc<dyn Io>,
        options: impl Into<StoreOptions>,
        clock: Arc<dyn Clock>,
        recoveries: &mut [&mut dyn Recover],
    ) -> Result<Arc<Self>, OpenError> {
        let StoreOptions { journal: options, memory_bytes, keyring } = options.into();
        let manual = options.drive == Drive::Manual;
        let slice_bytes = options.segments.bytes_max / SLICES_IN_A_SEGMENT;
        let memory = Arc::new(Memory::new(memory_bytes));
        let owners = Owners(RefCell::new(recoveries));
        let mut plain = Vec::new();
        let journal = Journal::open(
            io,
            options,
            &mut |snapshot| {
                let snapshot = &*open_snapshot(keyring.as_deref(), snapshot).map_err(|sealed| sealed.to_string())?;
                owners.of(snapshot.partition, |owner| owner.snapshot(snapshot, &memory))
            },
            &mut |record| {
                let record =
                    &open_record(keyring.as_deref(), record, &mut plain).map_err(|sealed| sealed.to_string())?;
                owners.of(record.partition, |owner| owner.record(record, &memory))
            },
        )?;
        if let Some(keyring) = &keyring {
            keyring.settle()?;
        }
        let store = Self::new(journal, clock, memory, keyring, manual, slice_bytes);
        for (number, damage) in store.journal().hurt_segments() {
            tracing::error!(%damage, "a segment is damaged; what of it is sound is served, and will be written anew");
            store.suspects.doubt_ends(*number, damage);
        }
        Ok(store)
    }

    /// A store that keeps nothing beyond the process, and so everything in memory.
    pub fn ephemeral(clock: Arc<dyn Clock>) -> Arc<Self> {
        Self::new(Journal::ephemeral(), clock, Arc::new(Memory::new(usize::MAX)), None, true, u64::MAX)
    }

    fn new(
        journal: Journal,
        clock: Arc<dyn Clock>,
        memory: Arc<Memory>,
        keyring: Option<Arc<Keyring>>,
        manual: bool,
        slice_bytes: u64,
    ) -> Arc<Self> {
        let shared = Arc::new(Shared {
            journal,
            clock,
            timers: Arc::default(),
            memory,
            keyring,
            outbox: Outbox::default(),
            nudged: AtomicBool::new(false),
            manual,
            damaged_reads: AtomicU64::new(0),
            cold_reads: ColdReads::default(),
        });
        Arc::new(Self {
            shared,
            registry: Registry::default(),
            housekeeping: Mutex::new(Position::ZERO),
            suspects: Suspects::default(),
            delivering: Mutex::default(),
            slice_bytes,
        })
    }

    /// The partition of this id, if there is one with such a machine; woken if it was at rest.
    pub fn partition<M: Machine>(&self, id: PartitionId) -> Option<Arc<Partition<M>>> {
        self.registry.get(&self.shared, id)?.into_any().downcast().ok()
    }

    /// Looks at a machine, and wakes nobody. Time is not let pass for one that is at rest.
    pub fn peek<M: Machine, T>(&self, id: PartitionId, look: impl Fn(&M) -> T) -> Option<T> {
        self.registry.peek(id, &look).or_else(|| self.partition::<M>(id)?.inspect(&look))
    }

    /// What the partitions of a family add up to.
    pub fn tally(&self, family: u8) -> Tally {
        let mut sum = self.registry.tally(family);
        let active = self.registry.active().into_iter().filter(|(id, _)| id.family() == family);
        active.for_each(|(_, one)| sum.add(one.tally()));
        sum
    }

    /// Partitions that are active, and partitions at rest.
    pub fn partitions(&self) -> (usize, usize) {
        self.registry.counts()
    }

    /// Lets time pass in all partitions that it changes.
    pub fn sweep(&self) {
        self.registry.wake_due(&self.shared, self.clock().now());
        self.registry.active().into_iter().for_each(|(_, one)| one.tick());
    }

    /// What the partitions share.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Shared {
    /// Says that from now on every thread that executes commands calls [`Shared::out_of_work`] before it goes to sleep.
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

    /// The folder's keys; a store that keeps nothing beyond the process has none.
    pub fn keyring(&self) -> Option<&Keyring> {
        self.keyring.as_deref()
    }

    /// The budget of contents in memory.
    pub fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// Wakes partitions at their deadlines, for as long as it is polled.
    pub async fn run_timers(&self) {
        self.timers.run(Arc::clone(&self.clock)).await;
    }

    /// Fires what is due at the clock's present moment: what simulations do in place of `run_timers`.
    pub fn fire_timers(&self) {
        self.timers.fire(self.clock.now());
    }

    pub(crate) fn timers(&self) -> &Arc<Timers> {
        &self.timers
    }

    /// Reads of contents that found damage since the start.
    pub fn damaged_reads(&self) -> u64 {
        self.damaged_reads.load(Ordering::Relaxed)
    }

    pub(crate) fn note_damaged_read(&self) {
        self.damaged_reads.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns when `position` is durable, on this thread.
    pub(crate) fn settle(&self, position: Position) -> Result<(), journal::Stopped> {
        if self.manual && self.journal.durable() < position {
            self.journal.commit()?;
        }
        self.journal.when_durable(position).wait()
    }
}

/// Finds the recovery that a partition belongs to.
struct Owners<'a, 'b>(RefCell<&'a mut [&'b mut dyn Recover]>);

impl Owners<'_, '_> {
    fn of<E: ToString>(
        &self,
        id: PartitionId,
        act: impl FnOnce(&mut dyn Recover) -> Result<(), E>,
    ) -> Result<(), ReplayError> {
        let mut recoveries = self.0.borrow_mut();
        let owner = recoveries.iter_mut().find(|recovery| recovery.family() == id.family());
        let owner = owner.ok_or_else(|| {
            let family = id.family();
            ReplayError::from(format!("record family {family} is of a service that this version does not have"))
        })?;
        act(&mut **owner).map_err(|error| ReplayError::from(error.to_string()))
    }
}
