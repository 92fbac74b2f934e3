//! One machine, its place in the log, and the readers who wait for it.
//!
//! A command is decided and applied on the thread of the request that brought it, under the partition's lock; the
//! position its reply must wait for is taken under the same lock. So the order of records in the log is the order of
//! changes, and no reply can see a change without waiting for it. Why a lock and not a thread of its own: ADR 0002.

use crate::machine::{Durability, Effect, Machine};
use crate::pending::Pending;
use crate::store::Store;
use crate::timers::Tick;
use crate::unavailable::Unavailable;
use journal::{Entry, Urgency};
use names::{Instant, PartitionId, Position};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use tokio::sync::Notify;

/// Bytes of room for encoding that a partition keeps: a usual batch's. A queue that once took a megabyte shall not hold
/// one for ever.
const SCRATCH_BYTES_KEPT: usize = 16 * 1024;

/// A machine under the engine's care.
pub struct Partition<M: Machine> {
    id: PartitionId,
    store: Arc<Store>,
    slot: Mutex<Slot<M>>,
    readable: Notify,
    waiting: AtomicUsize,
    /// What a timer holds of this partition.
    this: Weak<Partition<M>>,
}

struct Slot<M: Machine> {
    machine: M,
    /// Of the last record; dense from 1, so a hole in the log is seen at replay.
    sequence: u64,
    /// The last position whose loss would contradict a reply.
    promised: Position,
    /// Reused for the payloads of one command's effects.
    scratch: Vec<u8>,
    /// The deadline a timer stands armed for.
    armed: Option<Instant>,
}

impl<M: Machine> Partition<M> {
    /// A partition that has no record yet.
    pub fn new(store: Arc<Store>, id: PartitionId, machine: M) -> Arc<Self> {
        Self::recovered(store, id, machine, 0, Position::ZERO)
    }

    /// A partition as replay left it, `sequence` records long.
    pub(crate) fn recovered(
        store: Arc<Store>,
        id: PartitionId,
        machine: M,
        sequence: u64,
        promised: Position,
    ) -> Arc<Self> {
        let slot = Slot { machine, sequence, promised, scratch: Vec::new(), armed: None };
        Arc::new_cyclic(|this| Self {
            id,
            store,
            slot: Mutex::new(slot),
            readable: Notify::new(),
            waiting: AtomicUsize::new(0),
            this: this.clone(),
        })
    }

    /// Which partition this is.
    pub fn id(&self) -> PartitionId {
        self.id
    }

    /// Decides and applies `command` now. The reply is given when everything it saw is durable.
    pub fn execute(&self, command: M::Command) -> Result<Pending<M::Reply>, Unavailable> {
        let mut slot = self.lock()?;
        // Read under the lock: a command that had to wait for it must not be decided in the past.
        let now = self.store.clock().now();
        let ready_before = slot.machine.ready();
        slot.machine.advance(now);
        let decision = slot.machine.decide(now, command);
        let promised = slot.promised;
        if !decision.effects.is_empty() {
            self.change(&mut slot, decision.effects, decision.durability)?;
        }
        let wait_for = match decision.durability {
            Durability::BeforeReply => slot.promised,
            Durability::Lazy => promised,
        };
        self.wake(&mut slot, ready_before);
        drop(slot);
        Ok(Pending::new(decision.reply, self.store.journal().when_durable(wait_for)))
    }

    /// Executes what `command` gives until a reply is not `empty`, or `until` has come, or `stop` ends. A waiting reader
    /// costs nothing until a message for it becomes readable.
    pub async fn execute_when_ready(
        &self,
        until: Instant,
        stop: impl Future<Output = ()>,
        mut command: impl FnMut() -> M::Command,
        empty: impl Fn(&M::Reply) -> bool,
    ) -> Result<M::Reply, Unavailable>
    where
        M::Reply: Unpin,
    {
        let mut stop = pin!(stop);
        let mut expired = self.store.clock().sleep_until(until);
        let waiting = Waiting::enter(&self.waiting);
        let pending = loop {
            let mut readable = pin!(self.readable.notified());
            // Registered before looking, so that what arrives between looking and waiting is not missed.
            readable.as_mut().enable();
            let pending = self.execute(command()).inspect_err(|_| {
                // A reader that cannot be served passes its turn on.
                self.readable.notify_one();
            })?;
            if !pending.is(&empty) {
                break pending;
            }
            tokio::select! {
                () = readable => {}
                () = &mut expired => break pending,
                () = &mut stop => break pending,
            }
        };
        // From here on it waits for the disk alone, and no turn shall come to it.
        drop(waiting);
        pending.await
    }

    /// Looks at the machine, for counters and gauges. What is seen may not be durable yet, so no reply is made of it.
    pub fn inspect<T>(&self, look: impl FnOnce(&M) -> T) -> Option<T> {
        let mut slot = self.lock().ok()?;
        slot.machine.advance(self.store.clock().now());
        Some(look(&slot.machine))
    }

    /// Lets time pass without a command: what is due ends, and readers who can be served are woken.
    pub fn tick(&self) {
        let Ok(mut slot) = self.lock() else { return };
        let now = self.store.clock().now();
        let ready_before = slot.machine.ready();
        if slot.armed.is_some_and(|deadline| deadline <= now) {
            slot.armed = None;
        }
        slot.machine.advance(now);
        self.wake(&mut slot, ready_before);
    }

    /// Journals `effects` in one block, then applies them. Refused, nothing has changed.
    fn change(&self, slot: &mut Slot<M>, effects: Vec<M::Effect>, durability: Durability) -> Result<(), Unavailable> {
        let Slot { machine, sequence, promised, scratch, .. } = slot;
        let frees = effects.iter().all(Effect::frees);
        let urgency = match durability {
            Durability::BeforeReply => self.store.urgency(),
            Durability::Lazy => Urgency::Soon,
        };
        scratch.clear();
        let ends = encode(&effects, scratch);
        let last = match (effects.as_slice(), ends.as_slice()) {
            ([only], [_]) => {
                let entry = entry(self.id, *sequence + 1, only, scratch);
                self.append(&[entry], urgency, frees)?
            }
            _ => {
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let entries: Vec<_> = effects
                    .iter()
                    .zip(starts.zip(&ends))
                    .zip(*sequence + 1..)
                    .map(|((effect, (start, &end)), sequence)| entry(self.id, sequence, effect, &scratch[start..end]))
                    .collect();
                self.append(&entries, urgency, frees)?
            }
        };
        let count = effects.len() as u64;
        *sequence += count;
        if durability == Durability::BeforeReply {
            *promised = last;
        }
        if scratch.capacity() > SCRATCH_BYTES_KEPT {
            *scratch = Vec::new();
        }
        let first = last.get() + 1 - count;
        for (at, effect) in (first..).zip(effects) {
            machine.apply(Position::new(at), effect);
        }
        Ok(())
    }

    /// What gives room back is taken even when the disk is nearly full.
    fn append(&self, entries: &[Entry<'_>], urgency: Urgency, frees: bool) -> Result<Position, Unavailable> {
        let journal = self.store.journal();
        let last = if frees { journal.append_freeing(entries, urgency) } else { journal.append(entries, urgency) };
        Ok(last?)
    }

    /// Wakes as many waiting readers as there are newly readable messages, and has the clock wake the rest.
    fn wake(&self, slot: &mut Slot<M>, ready_before: usize) {
        let waiting = self.waiting.load(Ordering::Relaxed);
        if waiting == 0 {
            return;
        }
        let newly_ready = slot.machine.ready().saturating_sub(ready_before);
        for _ in 0..newly_ready.min(waiting) {
            self.readable.notify_one();
        }
        if let Some(deadline) = slot.machine.next_deadline()
            && slot.armed.is_none_or(|armed| deadline < armed)
        {
            let before = slot.armed.replace(deadline);
            let this: Weak<dyn Tick> = self.this.clone();
            self.store.timers().arm(self.id, before, deadline, this);
        }
    }

    fn lock(&self) -> Result<MutexGuard<'_, Slot<M>>, Unavailable> {
        self.slot.lock().map_err(|_| Unavailable::Broken)
    }
}

impl<M: Machine> Tick for Partition<M> {
    fn tick(&self) {
        Partition::tick(self);
    }
}

/// Encodes each effect's payload into `scratch` and tells where each ends.
fn encode<E: Effect>(effects: &[E], scratch: &mut Vec<u8>) -> Vec<usize> {
    effects
        .iter()
        .map(|effect| {
            effect.encode(scratch);
            scratch.len()
        })
        .collect()
}

fn entry<'a, E: Effect>(partition: PartitionId, sequence: u64, effect: &E, payload: &'a [u8]) -> Entry<'a> {
    Entry { partition, sequence, kind: effect.kind(), version: effect.version(), payload }
}

/// Counts a waiting reader for as long as it waits, whatever ends the wait.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
