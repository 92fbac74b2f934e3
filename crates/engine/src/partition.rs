//! One machine, its place in the log, and the readers who wait for it.
//!
//! A command is decided and applied on the thread of the request that brought it, under the partition's lock; the
//! position its reply must wait for is taken under the same lock. So the order of records in the log is the order of
//! changes, and no reply can see a change without waiting for it. Why a lock and not a thread of its own: ADR 0002.

use crate::channels::Channels;
use crate::contents::{Contents, Found};
use crate::keyring::{Keyring, Label};
use crate::machine::{Durability, Effect, Machine, Stirred};
use crate::pending::Pending;
use crate::registry::{Mark, Tombstone};
use crate::resting::{LARGE_AGAIN_MILLIS, STATE_BYTES_MAX};
use crate::store::{Shared, Store};
use crate::timers::{Alarm, Tick};
use crate::unavailable::Unavailable;
use journal::{Entry, Snapshot, Urgency};
use names::{Instant, PartitionId, Position};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use tokio::sync::Notify;

/// Bytes of room for encoding that a partition keeps: a usual batch's. A queue that once took a megabyte shall not hold
/// one for ever.
const SCRATCH_BYTES_KEPT: usize = 16 * 1024;

/// How often a waiting reader looks again because its command changed something and found nothing. Each change is bounded,
/// so this bounds what one reader does at a stretch.
const LOOKS_MAX: usize = 1000;

/// A machine under the engine's care.
pub struct Partition<M: Machine> {
    id: PartitionId,
    store: Arc<Shared>,
    slot: Mutex<Slot<M>>,
    readable: Notify,
    waiting: AtomicUsize,
    channels: Channels,
    /// What a timer holds of this partition.
    this: Weak<Partition<M>>,
}

struct Slot<M: Machine> {
    machine: M,
    /// What the machine holds by key.
    contents: Contents<M::Content>,
    /// Of the last record; dense from 1, so a hole in the log is seen at replay.
    sequence: u64,
    /// Of the last record.
    last: Position,
    /// What the newest snapshot on disk contains.
    kept: Mark,
    /// The last position whose loss would contradict a reply.
    promised: Position,
    /// Keys that one command's effects let go of.
    gone: Vec<u64>,
    /// Reused for the payloads of one command's effects.
    scratch: Vec<u8>,
    /// The deadline a timer stands armed for.
    armed: Option<Alarm>,
    /// Whether a command came since somebody last asked.
    used: bool,
    /// The state was too large to be put away, and is not looked at again before this moment.
    large_until: Instant,
    /// The snapshot's bytes, as long as nothing has changed since they were made.
    encoded: Option<Vec<u8>>,
}

impl<M: Machine> Partition<M> {
    /// A partition that has no record yet.
    pub fn new(store: &Store, id: PartitionId, machine: M) -> Arc<Self> {
        let contents = Contents::new(Arc::clone(store.memory()));
        let (last, kept) = (Position::ZERO, Mark::default());
        Self::recovered(store, id, Recovered { machine, contents, sequence: 0, last, kept, encoded: None })
    }

    /// A partition as replay left it. The store knows it from now on.
    pub(crate) fn recovered(store: &Store, id: PartitionId, recovered: Recovered<M>) -> Arc<Self> {
        let partition = Self::build(store.shared(), id, recovered);
        store.registry.add(id, Arc::<Self>::clone(&partition));
        if partition.with(|machine, _| machine.has_outgoing()) == Some(true) {
            store.outbox().note(id);
        }
        partition
    }

    /// A partition that the store has to be told of.
    pub(crate) fn build(store: &Arc<Shared>, id: PartitionId, recovered: Recovered<M>) -> Arc<Self> {
        let Recovered { machine, contents, sequence, last, kept, encoded: _ } = recovered;
        let slot = Slot {
            machine,
            contents,
            sequence,
            last,
            kept,
            promised: last,
            gone: Vec::new(),
            scratch: Vec::new(),
            armed: None,
            used: true,
            large_until: Instant::EPOCH,
            encoded: None,
        };
        Arc::new_cyclic(|this| Self {
            id,
            store: Arc::clone(store),
            slot: Mutex::new(slot),
            readable: Notify::new(),
            waiting: AtomicUsize::new(0),
            channels: Channels::default(),
            this: this.clone(),
        })
    }

    /// Which partition this is.
    pub fn id(&self) -> PartitionId {
        self.id
    }

    /// Decides and applies `command` now. The reply is given when everything it saw is durable.
    pub fn execute(&self, command: M::Command) -> Result<Pending<M>, Unavailable> {
        let (mut slot, ready_before) = self.prepared(&command)?;
        slot.used = true;
        // Read under the lock: a command that had to wait for it must not be decided in the past.
        let now = self.store.clock().now();
        slot.advance(now);
        let decision = slot.machine.decide(now, command);
        // Looked up before the effects are applied: what a command reads and removes at once is still there.
        let reads = decision.reads.iter().map(|&key| (key, slot.contents.find(key))).collect();
        let promised = slot.promised;
        let changed = !decision.effects.is_empty();
        let refused = if changed { self.change(&mut slot, decision.effects, decision.durability).err() } else { None };
        // Also if it was refused: time has passed, and nobody else tells the readers.
        self.wake(&mut slot, ready_before);
        if let Some(refused) = refused {
            return Err(refused);
        }
        let wait_for = match decision.durability {
            Durability::BeforeReply => slot.promised,
            Durability::Lazy => promised,
        };
        drop(slot);
        let durable = self.store.journal().when_durable(wait_for);
        Ok(Pending::new(decision.reply, reads, durable, &self.this).noting_change(changed))
    }

    /// Executes what `command` gives until a reply is not `empty`, or `until` has come, or `stop` ends. A waiting reader
    /// costs nothing until a message for it becomes readable.
    pub async fn execute_when_ready(
        &self,
        until: Instant,
        stop: impl Future<Output = ()>,
        command: impl FnMut() -> M::Command,
        empty: impl Fn(&M::Reply) -> bool,
    ) -> Result<(M::Reply, Vec<Option<M::Content>>), Unavailable>
    where
        M::Reply: Unpin,
    {
        self.pending_when_ready(until, stop, command, empty).await?.read().await
    }

    /// The same, without waiting for the disk: whoever wants to know first what is to be read.
    pub async fn pending_when_ready(
        &self,
        until: Instant,
        stop: impl Future<Output = ()>,
        command: impl FnMut() -> M::Command,
        empty: impl Fn(&M::Reply) -> bool,
    ) -> Result<Pending<M>, Unavailable> {
        let _waiting = Waiting::enter(&self.waiting);
        // From its end on the answer waits for the disk alone, and no turn shall come to it.
        self.look_until_ready(&self.readable, until, stop, command, empty).await
    }

    /// The same for a reader of one channel ([`Machine::take_stirred`]), whom nothing else wakes.
    pub async fn execute_when_ready_in(
        &self,
        channel: u128,
        until: Instant,
        stop: impl Future<Output = ()>,
        command: impl FnMut() -> M::Command,
        empty: impl Fn(&M::Reply) -> bool,
    ) -> Result<(M::Reply, Vec<Option<M::Content>>), Unavailable>
    where
        M::Reply: Unpin,
    {
        let waiting = self.channels.enter(channel);
        let pending = self.look_until_ready(&waiting.readable, until, stop, command, empty).await?;
        drop(waiting);
        pending.read().await
    }

    async fn look_until_ready(
        &self,
        woken: &Notify,
        until: Instant,
        stop: impl Future<Output = ()>,
        mut command: impl FnMut() -> M::Command,
        empty: impl Fn(&M::Reply) -> bool,
    ) -> Result<Pending<M>, Unavailable> {
        let mut stop = pin!(stop);
        let mut expired = self.store.clock().sleep_until(until);
        let mut looks = 0;
        loop {
            let mut readable = pin!(woken.notified());
            // Registered before looking, so that what arrives between looking and waiting is not missed.
            readable.as_mut().enable();
            let pending = self.execute(command()).inspect_err(|_| {
                // A reader that cannot be served passes its turn on.
                woken.notify_one();
            })?;
            if !pending.is(&empty) {
                return Ok(pending);
            }
            if pending.has_changed() && looks < LOOKS_MAX {
                // It put something out of its way, and there may be an answer behind that.
                looks += 1;
                tokio::task::yield_now().await;
                continue;
            }
            // In this order, so that a reader who is woken at its last moment takes what woke it, and a seed repeats a run.
            tokio::select! {
                biased;
                () = readable => {}
                () = &mut expired => return Ok(pending),
                () = &mut stop => return Ok(pending),
            }
        }
    }

    /// The machine with all that it has to know for `command`, and how many could be served before: nobody, if it has learned
    /// something since, because what it learned may be for any of those who wait. What has to be read for it is read without
    /// the lock, and looked at again under it.
    fn prepared(&self, command: &M::Command) -> Result<(MutexGuard<'_, Slot<M>>, usize), Unavailable> {
        let mut read = BTreeMap::new();
        let (mut unreadable, mut learns, mut has_begun) = (None, false, false);
        loop {
            let mut slot = self.lock()?;
            let ready = slot.machine.ready();
            if !std::mem::replace(&mut has_begun, true) && slot.machine.wants(command).is_some() {
                // What is learned is judged by the machine's time, which after a start is none yet.
                slot.advance(self.store.clock().now());
            }
            let Some(missing) = slot.learn(command, &read, unreadable, &mut learns) else {
                return Ok((slot, if learns { 0 } else { ready }));
            };
            let needs_it = slot.machine.needs_every_content();
            drop(slot);
            let is_refused;
            (read, is_refused) = self.fetch(&[missing]);
            if is_refused && needs_it {
                return Err(Unavailable::Unreadable);
            }
            unreadable = (!read.contains_key(&missing)).then_some(missing);
        }
    }

    pub(crate) fn store(&self) -> &Shared {
        &self.store
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.store
    }

    /// Works on machine and contents; `None` if the partition is broken.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&M, &mut Contents<M::Content>) -> T) -> Option<T> {
        let mut slot = self.lock().ok()?;
        let Slot { machine, contents, .. } = &mut *slot;
        Some(work(machine, contents))
    }

    /// Changes what no record tells.
    pub(crate) fn with_mut(&self, work: impl FnOnce(&mut M)) {
        if let Ok(mut slot) = self.lock() {
            slot.encoded = None;
            work(&mut slot.machine);
        }
    }

    /// Whether it differs from its last snapshot; `None` before its first record.
    pub(crate) fn has_changed(&self) -> Option<bool> {
        let slot = self.lock().ok().filter(|slot| slot.sequence > 0)?;
        Some(slot.mark() != slot.kept)
    }

    /// Everything but the contents, as of the last record, and what tells whether another snapshot would differ.
    pub(crate) fn snapshot(&self) -> Option<(Snapshot<'static>, Mark)> {
        let slot = self.lock().ok().filter(|slot| slot.sequence > 0)?;
        let over = slot.machine.is_over();
        let mut state = Vec::new();
        if !over {
            slot.machine.snapshot(&mut state);
        }
        let snapshot = Snapshot {
            partition: self.id,
            position: slot.last,
            sequence: slot.sequence,
            version: M::SNAPSHOT_VERSION,
            over,
            sealed: false,
            pieces: slot.contents.pieces().to_vec().into(),
            state: state.into(),
        };
        Some((snapshot, slot.mark()))
    }

    /// Whether everything decided up to now is durable.
    pub fn is_durable(&self) -> bool {
        self.lock().is_ok_and(|slot| slot.last <= self.store.journal().durable())
    }

    /// Whether nobody has used it since this was last asked, and its snapshot and pieces say all there is to it: small
    /// enough to be kept in memory, and on disk up to its last record. Who holds it is not looked at.
    pub(crate) fn is_idle(&self) -> bool {
        let Ok(mut slot) = self.lock() else { return false };
        let was_used = std::mem::replace(&mut slot.used, false);
        let is_durable = slot.last <= self.store.journal().durable();
        let now = self.store.clock().now();
        if was_used
            || !is_durable
            || slot.machine.has_outgoing()
            || slot.sequence == 0
            || slot.machine.is_over()
            || now < slot.large_until
        {
            return false;
        }
        if !slot.contents.is_at_rest() {
            return false;
        }
        let mut state = Vec::new();
        slot.machine.snapshot(&mut state);
        if state.len() > STATE_BYTES_MAX {
            slot.large_until = now.plus_millis(LARGE_AGAIN_MILLIS);
            return false;
        }
        // Whoever puts it away next needs just these bytes.
        slot.encoded = Some(state);
        true
    }

    /// What is left of it if it is over, and that is durable.
    pub(crate) fn tombstone(&self) -> Option<Tombstone> {
        let slot = self.lock().ok()?;
        let is_over = slot.sequence > 0 && slot.machine.is_over() && slot.last <= self.store.journal().durable();
        is_over.then_some(Tombstone { last: slot.last, sequence: slot.sequence })
    }

    /// Whether a command panicked in it: it refuses all others until the next start.
    pub(crate) fn is_broken(&self) -> bool {
        self.slot.is_poisoned()
    }

    /// What the partition is made of, once nobody else has it.
    pub(crate) fn dismantle(self) -> Recovered<M> {
        let slot = self.slot.into_inner().expect("a broken partition is not put away");
        let Slot { machine, contents, sequence, last, kept, encoded, .. } = slot;
        Recovered { machine, contents, sequence, last, kept, encoded }
    }

    /// A snapshot made at `mark` is on disk.
    pub(crate) fn note_snapshot(&self, mark: Mark) {
        if let Ok(mut slot) = self.lock() {
            slot.kept = mark;
        }
    }

    /// Where the content of `key` is now.
    pub(crate) fn locate(&self, key: u64) -> Found<M::Content> {
        self.lock().map_or(Found::Gone, |slot| slot.contents.find(key))
    }

    /// Positions in the log of the content of `key` and of those after it.
    pub(crate) fn logged_from(&self, key: u64, count: usize) -> Vec<Position> {
        self.lock().map_or_else(|_| Vec::new(), |slot| slot.contents.logged_from(key, count))
    }

    /// Keeps what was read, as far as it is still held and there is room.
    pub(crate) fn supply(&self, read: &BTreeMap<u64, M::Content>) {
        let Ok(mut slot) = self.lock() else { return };
        let durable = self.store.journal().durable();
        // Rising keys: what is not kept is followed by nothing that would be.
        for (&key, content) in read {
            if slot.machine.holds(key) && !slot.contents.supply(key, content.clone(), durable) {
                return;
            }
        }
    }

    /// Whether a reader waits for something to become readable.
    pub fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0 || !self.channels.is_empty()
    }

    /// Looks at the machine, for counters and gauges. What is seen may not be durable yet, so no reply is made of it.
    pub fn inspect<T>(&self, look: impl FnOnce(&M) -> T) -> Option<T> {
        let mut slot = self.lock().ok()?;
        let ready_before = slot.machine.ready();
        slot.advance(self.store.clock().now());
        self.wake(&mut slot, ready_before);
        Some(look(&slot.machine))
    }

    /// Lets time pass without a command: what is due ends, and readers who can be served are woken.
    pub fn tick(&self) {
        let Ok(mut slot) = self.lock() else { return };
        let now = self.store.clock().now();
        let ready_before = slot.machine.ready();
        slot.armed.take_if(|alarm| alarm.at <= now);
        slot.advance(now);
        slot.contents.rest();
        self.wake(&mut slot, ready_before);
    }

    /// Journals `effects` in one block, then applies them. Refused, nothing has changed.
    fn change(&self, slot: &mut Slot<M>, effects: Vec<M::Effect>, durability: Durability) -> Result<(), Unavailable> {
        let Slot { sequence, promised, scratch, .. } = slot;
        let frees = effects.iter().all(Effect::frees);
        let urgency = match durability {
            Durability::BeforeReply => self.store.urgency(),
            Durability::Lazy => Urgency::Soon,
        };
        scratch.clear();
        let (key_id, ends) = encode(self.store.keyring(), self.id, *sequence, &effects, scratch);
        let last = match (effects.as_slice(), ends.as_slice()) {
            ([only], [_]) => {
                let entry = entry(self.id, *sequence + 1, only, key_id, scratch);
                self.append(&[entry], urgency, frees)?
            }
            _ => {
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let entries: Vec<_> = effects
                    .iter()
                    .zip(starts.zip(&ends))
                    .zip(*sequence + 1..)
                    .map(|((effect, (start, &end)), sequence)| {
                        entry(self.id, sequence, effect, key_id, &scratch[start..end])
                    })
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
        let durable = self.store.journal().durable();
        for (at, effect) in (first..).zip(effects) {
            slot.apply(Position::new(at), effect, durable);
        }
        slot.let_go(durable);
        if slot.machine.has_outgoing() {
            self.store.outbox().note(self.id);
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
        let stirred = slot.machine.take_stirred();
        if waiting == 0 && self.channels.is_empty() {
            return;
        }
        self.channels.wake(&stirred);
        if stirred == Stirred::Everyone {
            // Who is not registered yet looks under this lock first.
            self.readable.notify_waiters();
        }
        let newly_ready = slot.machine.ready().saturating_sub(ready_before);
        for _ in 0..newly_ready.min(waiting) {
            self.readable.notify_one();
        }
        if let Some(deadline) = slot.machine.next_deadline()
            && slot.armed.as_ref().is_none_or(|alarm| deadline < alarm.at)
        {
            let this: Weak<dyn Tick> = self.this.clone();
            slot.armed = Some(self.store.timers().arm(self.id, deadline, this));
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

/// A partition as it comes out of replay.
pub(crate) struct Recovered<M: Machine> {
    pub(crate) machine: M,
    pub(crate) contents: Contents<M::Content>,
    pub(crate) sequence: u64,
    pub(crate) last: Position,
    pub(crate) kept: Mark,
    /// The snapshot's bytes, if they were made already.
    pub(crate) encoded: Option<Vec<u8>>,
}

impl<M: Machine> Slot<M> {
    fn mark(&self) -> Mark {
        Mark { position: self.last, pieces_version: self.contents.pieces_version() }
    }

    fn advance(&mut self, now: Instant) {
        self.encoded = None;
        self.machine.advance(now);
        self.contents.forget_below(self.machine.first_held());
    }

    /// Lets the machine learn what it wants to, from memory and from what was `read`; the first key that is in neither and
    /// not known to be `unreadable` is to be read next. Says in `learns` whether there was anything to learn.
    fn learn(
        &mut self,
        command: &M::Command,
        read: &BTreeMap<u64, M::Content>,
        unreadable: Option<u64>,
        learns: &mut bool,
    ) -> Option<u64> {
        while let Some(keys) = self.machine.wants(command) {
            *learns = true;
            for key in keys {
                if !self.machine.holds(key) {
                    continue;
                }
                match (self.contents.find(key), read.get(&key)) {
                    (Found::Here(content), _) => self.machine.learn(key, Some(&content)),
                    (_, Some(content)) => self.machine.learn(key, Some(content)),
                    _ if unreadable == Some(key) => self.machine.learn(key, None),
                    _ => return Some(key),
                }
            }
        }
        None
    }

    fn apply(&mut self, at: Position, effect: M::Effect, durable: Position) {
        self.encoded = None;
        self.last = at;
        self.machine.apply(at, &effect, &mut self.gone);
        if let Some((key, content)) = M::content(effect) {
            self.contents.put(key, at, content, durable);
        }
    }

    /// Lets go of what the machine no longer holds.
    fn let_go(&mut self, durable: Position) {
        for key in self.gone.drain(..) {
            self.contents.forget(key);
        }
        for key in self.machine.take_cold() {
            self.contents.unload(key, durable);
        }
        self.contents.forget_below(self.machine.first_held());
    }
}

/// Puts each effect's payload into `scratch`, sealed if there are keys, and tells under which key and where each ends.
/// `last` is the sequence of the record before them.
fn encode<E: Effect>(
    keyring: Option<&Keyring>,
    partition: PartitionId,
    last: u64,
    effects: &[E],
    scratch: &mut Vec<u8>,
) -> (u32, Vec<usize>) {
    let mut sealing = keyring.map(|keyring| keyring.begin(effects.len()));
    let mut end_of = |(effect, sequence): (&E, u64)| {
        match &mut sealing {
            Some(sealing) => {
                let (kind, version) = (effect.kind(), effect.version());
                let label = Label { partition, sequence, kind, version };
                sealing.seal(label, scratch, |out| effect.encode(out), |plain| E::content_key(kind, version, plain));
            }
            None => effect.encode(scratch),
        }
        scratch.len()
    };
    let ends = effects.iter().zip(last + 1..).map(&mut end_of).collect();
    (sealing.map_or(0, |sealing| sealing.key_id()), ends)
}

fn entry<'a, E: Effect>(
    partition: PartitionId,
    sequence: u64,
    effect: &E,
    key_id: u32,
    payload: &'a [u8],
) -> Entry<'a> {
    Entry { partition, sequence, kind: effect.kind(), version: effect.version(), key_id, payload }
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
