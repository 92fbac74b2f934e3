//! Deliveries to receivers that are no queues of this server: each such subscription has a queue of its own, out of which they are
//! made and tried again (ADR 0042).
//!
//! A publish puts a letter there as it puts one into a customer's queue, in the same block of the log. What is made of it is the work of
//! `serving.rs`: it takes letters whose turn it is (`board.rs`), has them attempted (`attempt.rs`), and lets go of those that arrived or
//! were given up. A crash forgets how often a letter was tried at the worst, never the letter.

mod attempt;
mod board;
mod deliveries;
mod ended;
mod letter;
mod limits;
mod look;
mod records;
mod serving;

pub(crate) use deliveries::{Deliveries, Whose};
pub(crate) use ended::{Ending, Last};
pub(crate) use letter::Kind;
pub use limits::ATTEMPTS_MAX;
pub(crate) use look::{Letters, Standing};
pub(crate) use records::Effect;
pub use records::FAMILY;
pub use serving::{ActingCaller, Hands, Spawn};
pub(crate) use serving::{Served, run};

use crate::api::errors;
use crate::topic_key::{SubscriptionId, TopicKey};
use board::Board;
use deliveries::{Command, Reply};
use ended::Endings;
use engine::{Clock, Partition, Pending, Recovery, Store, Unavailable};
use gateway::{NotPut, Putting, Refused};
use names::{Instant, PartitionId};
use queue::NewMessage;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::Notify;

/// The deliveries of all subscriptions.
pub(crate) struct Outboxes {
    store: Arc<Store>,
    kept: RwLock<Kept>,
    board: Mutex<Board>,
    /// Somebody was marked on the board, or an alarm was set.
    woken: Notify,
    coming_back: Mutex<()>,
}

#[derive(Default)]
struct Kept {
    /// In order, so that all that goes through them does the same on every machine.
    of: BTreeMap<SubscriptionId, (PartitionId, TopicKey)>,
    /// Those of them that are what is left of subscriptions that were ended.
    endings: Endings,
    next: u64,
}

impl Outboxes {
    /// The deliveries that replay left, of which no more than so many are attempted at one time.
    pub(crate) fn recovered(store: Arc<Store>, recovery: Recovery<Deliveries>, attempts_max: usize) -> Self {
        let mut kept = Kept { of: BTreeMap::new(), endings: Endings::default(), next: recovery.next_ordinal() };
        let mut board = Board::of_at_most(attempts_max);
        recovery.look(|id, deliveries| {
            if let Some(whose) = deliveries.whose() {
                kept.of.insert(whose.subscription, (id, whose.topic.clone()));
                let ending = deliveries.ended().and_then(|ended| Ending::of(whose, ended));
                ending.into_iter().for_each(|ending| kept.endings.put(whose.subscription, ending));
                if deliveries.waiting() != (0, 0) {
                    board.mark(whose.subscription);
                }
            }
        });
        recovery.finish(&store);
        let (kept, board) = (RwLock::new(kept), Mutex::new(board));
        Self { store, kept, board, woken: Notify::new(), coming_back: Mutex::new(()) }
    }

    /// Makes a place for a subscription's deliveries. Its record stands before that of the subscription, so nobody waits for it.
    pub(crate) fn open(&self, whose: Whose) -> Result<(), Unavailable> {
        self.begin(whose.clone(), Command::Open(whose))
    }

    /// Makes a place that begins with what is asked.
    fn begin(&self, whose: Whose, command: Command) -> Result<(), Unavailable> {
        let mut kept = self.write();
        let id = PartitionId::of_family(FAMILY, kept.next);
        let partition = Partition::new(&self.store, id, Deliveries::default());
        drop(partition.execute(command)?);
        // One that could not be made leaves its place to the next.
        kept.next += 1;
        kept.of.insert(whose.subscription, (id, whose.topic));
        Ok(())
    }

    /// Lets go of a subscription's deliveries, and of what still waits there. Its record stands behind that of the subscription's end;
    /// a crash between them leaves deliveries of nobody, which the next start finds.
    pub(crate) fn close(&self, subscription: SubscriptionId) {
        let gone = {
            let mut kept = self.write();
            kept.endings.remove(subscription);
            kept.of.remove(&subscription)
        };
        let Some((id, _)) = gone else { return };
        if let Some(partition) = self.store.partition::<Deliveries>(id)
            && let Err(error) = partition.execute(Command::Close).map(drop)
        {
            tracing::warn!(%error, "deliveries of a subscription that is gone are kept until the next start");
        }
        self.board().gone(subscription);
    }

    /// Closes what is of no subscription: a crash, or a restore, came between the two.
    pub(crate) fn close_unless(&self, is_there: impl Fn(&TopicKey, SubscriptionId) -> bool) {
        let orphans = self.all().into_iter().filter(|(topic, subscription)| !is_there(topic, *subscription));
        orphans.for_each(|(_, subscription)| self.close(subscription));
    }

    /// All subscriptions that have deliveries, with their topics.
    pub(crate) fn all(&self) -> Vec<(TopicKey, SubscriptionId)> {
        let kept = self.read();
        kept.of.iter().map(|(subscription, (_, topic))| (topic.clone(), *subscription)).collect()
    }

    /// The topic of a subscription that has deliveries.
    pub(crate) fn topic_of(&self, subscription: SubscriptionId) -> Option<TopicKey> {
        let kept = self.read();
        kept.of.get(&subscription).map(|(_, topic)| topic.clone())
    }

    pub(crate) fn partition(&self, subscription: SubscriptionId) -> Option<Arc<Partition<Deliveries>>> {
        let id = self.read().of.get(&subscription)?.0;
        self.store.partition(id)
    }

    /// Letters that wait for a subscription, those of a retry included; nothing if it has no deliveries.
    pub(crate) fn waiting(&self, subscription: SubscriptionId) -> Option<usize> {
        let (visible, hidden) = self.partition(subscription)?.inspect(Deliveries::waiting)?;
        Some(visible + hidden)
    }

    /// What tells the time.
    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        self.store.clock()
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Instant {
        self.store.clock().now()
    }

    fn read(&self) -> RwLockReadGuard<'_, Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Kept> {
        self.kept.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Posts a letter to a subscription. It is decided now; ready when it is durable.
    pub(crate) fn put(&self, subscription: SubscriptionId, id: u128, kind: Kind, envelope: &str) -> Putting {
        let sent = self.send(subscription, letter::posted(id, kind, envelope));
        Box::pin(async move {
            let unavailable = |why: Unavailable| {
                NotPut::Unavailable(Refused::new(&errors::INTERNAL_ERROR_EXCEPTION, why.to_string()))
            };
            let gone = || NotPut::Refused(Refused::new(&errors::NOT_FOUND_EXCEPTION, "Subscription does not exist"));
            match sent.ok_or_else(gone)?.map_err(unavailable)?.await.map_err(unavailable)? {
                Reply::Messages(_) => Ok(()),
                Reply::Gone | Reply::Done => Err(gone()),
            }
        })
    }

    fn send(
        &self,
        subscription: SubscriptionId,
        letter: NewMessage,
    ) -> Option<Result<Pending<Deliveries>, Unavailable>> {
        let partition = self.partition(subscription)?;
        let sent = partition.execute(Command::Messages(queue::Command::Send(vec![letter])));
        // Whoever takes it out waits until it is durable.
        self.mark(subscription);
        Some(sent)
    }

    fn mark(&self, subscription: SubscriptionId) {
        self.board().mark(subscription);
        self.woken.notify_one();
    }
}

#[cfg(test)]
pub(crate) mod tests;
