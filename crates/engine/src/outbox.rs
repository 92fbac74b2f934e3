//! The way from one partition to another: what a machine has outgoing is brought to its destination, once.
//!
//! The courier reads a batch off the sender, has the receiver take it, and then has the sender let go of it. All three are
//! changes of one log, in that order, so whatever a crash keeps of them is a beginning: a batch that was taken and not let go
//! of is brought again, and the receiver, who remembers up to which number it has taken from whom, drops it. Nobody waits
//! for the disk here (ADR 0015). Nothing is kept of what is on its way but the machines themselves, so a start finds all of
//! it again. A destination that refuses is tried again later and holds nobody else up.

use crate::machine::{Arrival, Delivery, Machine, Outgoing};
use crate::partition::Partition;
use crate::store::{Shared, Store};
use crate::unavailable::Unavailable;
use names::{Instant, PartitionId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// How long a pair of partitions rests after the receiver or the disk refused: a full disk is not emptied sooner.
const RETRY_MILLIS: u64 = 500;

/// How often a content that the disk refuses to read is asked for before its parcel goes back as unreadable: a minute. What the
/// disk has damaged goes back at once.
const REFUSED_READS_MAX: u32 = 120;

/// Parcels that are brought at once take this fraction of a block of the log: what becomes of them is one change, which has to fit with
/// what it says of each, and requests ride along.
const BLOCK_PER_BATCH: usize = 8;

/// Partitions that have something outgoing.
#[derive(Default)]
pub(crate) struct Outbox {
    waiting: Mutex<BTreeSet<PartitionId>>,
    news: Notify,
}

impl Outbox {
    /// A partition has something outgoing.
    pub(crate) fn note(&self, origin: PartitionId) {
        if self.lock().insert(origin) {
            self.news.notify_one();
        }
    }

    fn take(&self) -> BTreeSet<PartitionId> {
        std::mem::take(&mut *self.lock())
    }

    fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<PartitionId>> {
        // Changes are single insertions and one replacement; a panic cannot leave one half done.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Pairs of sender and receiver whose last batch was refused.
pub(crate) type Resting = BTreeMap<(PartitionId, PartitionId), Rest>;

/// How a pair is left alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rest {
    until: Instant,
    /// How often in a row the disk has refused to read what is to be brought.
    refused_reads: u32,
}

/// What one round of deliveries did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delivered {
    /// Parcels that a receiver has now, those it had already included.
    pub parcels: u64,
    /// Parcels that went back to their sender because their destination is gone.
    pub returned: u64,
    /// Parcels that went back because their contents are damaged on disk.
    pub unreadable: u64,
    /// When the next refused batch may be tried again, if one was refused.
    pub retry_at: Option<Instant>,
}

impl Delivered {
    fn has_moved(&self) -> bool {
        self.parcels + self.returned + self.unreadable > 0
    }
}

/// A partition as couriers see it.
pub(crate) trait Carried: Send + Sync {
    /// See [`Machine::outgoing`].
    fn outgoing(&self, after: Option<PartitionId>) -> Option<Outgoing>;
    /// Parcels of a batch, an eighth of a block about; they end before the first one whose content cannot be read. And whether
    /// the disk refused to read one that may be sound.
    fn parcels(&self, outgoing: &Outgoing) -> (Vec<Vec<u8>>, bool);
    /// Takes parcels. Says whether this partition takes any.
    fn take_in(&self, arrival: Arrival) -> Result<bool, Unavailable>;
    /// Tells the sender what became of its parcels.
    fn conclude(&self, delivery: Delivery) -> Result<(), Unavailable>;
    /// Forgets what was remembered of senders that do not exist any more.
    fn forget_origins(&self, exists: &dyn Fn(PartitionId) -> bool);
}

impl<M: Machine> Carried for Partition<M> {
    fn outgoing(&self, after: Option<PartitionId>) -> Option<Outgoing> {
        self.with(|machine, _| machine.outgoing(after)).flatten()
    }

    fn parcels(&self, outgoing: &Outgoing) -> (Vec<Vec<u8>>, bool) {
        let (contents, is_refused) = self.fetch(&outgoing.keys);
        let numbered = (outgoing.first..).zip(&outgoing.keys);
        let readable = numbered.map_while(|(number, key)| Some((number, *key, contents.get(key)?)));
        let bytes_max = self.store().journal().append_bytes_max() / BLOCK_PER_BATCH;
        let parcels = self.with(|machine, _| {
            let mut bytes = 0;
            let mut parcels = Vec::new();
            for (number, key, content) in readable {
                if bytes >= bytes_max {
                    break;
                }
                let parcel = machine.parcel(outgoing.destination, number, key, content);
                bytes += parcel.len();
                parcels.push(parcel);
            }
            parcels
        });
        (parcels.unwrap_or_default(), is_refused)
    }

    fn take_in(&self, arrival: Arrival) -> Result<bool, Unavailable> {
        let Some(command) = M::arrive(arrival) else { return Ok(false) };
        if self.with(|machine, _| machine.is_over()).ok_or(Unavailable::Broken)? {
            return Ok(false);
        }
        self.execute(command).map(drop).map(|()| true)
    }

    fn conclude(&self, delivery: Delivery) -> Result<(), Unavailable> {
        match M::conclude(delivery) {
            Some(command) => self.execute(command).map(drop),
            None => Ok(()),
        }
    }

    fn forget_origins(&self, exists: &dyn Fn(PartitionId) -> bool) {
        self.with_mut(|machine| machine.forget_origins(exists));
    }
}

impl Store {
    /// Delivers whatever partitions have outgoing, for as long as it is polled.
    pub async fn run_couriers(&self) {
        loop {
            let delivered = self.deliver();
            if delivered.has_moved() && !self.outbox().is_empty() {
                // More of it, or the next hop. Requests that wait for this thread come in between.
                tokio::task::yield_now().await;
                continue;
            }
            let retry = async {
                match delivered.retry_at {
                    Some(at) => self.clock().sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.outbox().news.notified() => {}
                () = retry => {}
            }
        }
    }

    /// One batch from each partition that has something outgoing to each of its destinations: a round of
    /// [`Store::run_couriers`], and what simulations do in its place.
    pub fn deliver(&self) -> Delivered {
        // What a panicking predecessor left half done is brought again.
        let mut resting = self.delivering.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock().now();
        let mut delivered = Delivered::default();
        for origin in self.outbox().take() {
            self.deliver_from(origin, now, &mut resting, &mut delivered);
        }
        resting.retain(|_, rest| rest.until > now);
        delivered.retry_at = resting.values().map(|rest| rest.until).min();
        delivered
    }

    fn deliver_from(&self, origin: PartitionId, now: Instant, resting: &mut Resting, delivered: &mut Delivered) {
        let Some(sender) = self.registry.get_active(origin) else { return };
        let mut after = None;
        while let Some(outgoing) = sender.outgoing(after) {
            let destination = outgoing.destination;
            after = Some(destination);
            let before = resting.get(&(origin, destination)).copied();
            if before.is_some_and(|rest| rest.until > now) {
                continue;
            }
            let refused_reads = before.map_or(0, |rest| rest.refused_reads);
            let may_wait = refused_reads < REFUSED_READS_MAX;
            if let Err(unavailable) = self.carry(origin, &*sender, &outgoing, may_wait, delivered) {
                tracing::debug!(%origin, %destination, %unavailable, "a delivery was refused; it is tried again");
                let refused_reads = refused_reads + u32::from(unavailable == Unavailable::Unreadable);
                let rest = Rest { until: now.plus_millis(RETRY_MILLIS), refused_reads };
                resting.insert((origin, destination), rest);
            }
        }
        if sender.outgoing(None).is_some() {
            self.outbox().lock().insert(origin);
        }
    }

    /// Brings one batch. If it `may_wait`, what the disk refuses to read does.
    fn carry(
        &self,
        origin: PartitionId,
        sender: &dyn Carried,
        outgoing: &Outgoing,
        may_wait: bool,
        delivered: &mut Delivered,
    ) -> Result<(), Unavailable> {
        let &Outgoing { destination, first, ref keys } = outgoing;
        let Some(receiver) = self.registry.get(self.shared(), destination) else {
            delivered.returned += keys.len() as u64;
            return sender.conclude(Delivery::Gone { destination });
        };
        let (parcels, is_refused) = sender.parcels(outgoing);
        let count = parcels.len() as u64;
        if count == 0 && is_refused && may_wait {
            return Err(Unavailable::Unreadable);
        }
        if count == 0 {
            delivered.unreadable += 1;
            return sender.conclude(Delivery::Unreadable { destination, number: first });
        }
        if !receiver.take_in(Arrival { origin, first, parcels })? {
            delivered.returned += keys.len() as u64;
            return sender.conclude(Delivery::Gone { destination });
        }
        delivered.parcels += count;
        sender.conclude(Delivery::Taken { destination, below: first + count })
    }

    /// Has every active partition forget senders of which nothing is left, not even a tombstone: nothing of theirs can be under
    /// way, whatever the log is replayed from.
    pub(crate) fn forget_origins(&self) {
        for (_, partition) in self.registry.active() {
            partition.forget_origins(&|origin| self.registry.knows(origin));
        }
    }
}

impl Shared {
    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }
}
