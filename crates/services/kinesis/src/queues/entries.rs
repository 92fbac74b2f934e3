//! Which queues there are: by name, by what their ARNs end with, and by stream.
//!
//! Queues of a stream change under the stream's `changing` (`catalog.rs`), as its consumers and its end do, so that they never are more
//! than it may have and none is left behind. A queue's view is made anew whenever its settings change.

use super::machine::{Change, Command, Queue, Reply};
use super::records::FAMILY;
use super::settings::{About, QueueKey, Start};
use crate::catalog::{StreamEntry, compile, facts_of};
use crate::refusal::Refusal;
use access::Policy;
use engine::{Partition, Pending, Recovery, Store};
use gateway::Facts;
use names::{AccountId, Instant, PartitionId, Region};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use stream::Shard;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// A queue that can be asked.
pub(crate) struct QueueEntry {
    pub(crate) arn: Box<str>,
    pub(crate) partition: Arc<Partition<Queue>>,
    /// Its stream, which stays as long as it does.
    stream: Weak<StreamEntry>,
    view: RwLock<Arc<QueueView>>,
    /// Held while settings change.
    changing: Mutex<()>,
    /// Counts receives: each begins at another shard.
    turn: AtomicUsize,
    /// Rung when the stream has something new.
    bell: Notify,
    /// Who waits for it.
    waiting: AtomicUsize,
    /// The shard that had something new last.
    newest: AtomicU32,
}

/// A queue as requests are answered by it.
pub(crate) struct QueueView {
    pub(crate) about: Arc<About>,
    pub(crate) policy: Option<Arc<Policy>>,
    pub(crate) facts: Option<Facts>,
}

impl QueueView {
    fn of(about: &Arc<About>) -> Arc<Self> {
        let policy = about.policy.as_deref().and_then(compile);
        Arc::new(Self { policy, facts: facts_of(&about.tags), about: Arc::clone(about) })
    }
}

/// Counts one who waits for the bell, for as long as it is not dropped.
pub(crate) struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl QueueEntry {
    fn new(about: &Arc<About>, partition: Arc<Partition<Queue>>, stream: &Arc<StreamEntry>) -> Arc<Self> {
        Arc::new(Self {
            arn: about.arn().into(),
            partition,
            stream: Arc::downgrade(stream),
            view: RwLock::new(QueueView::of(about)),
            changing: Mutex::new(()),
            turn: AtomicUsize::new(0),
            bell: Notify::new(),
            waiting: AtomicUsize::new(0),
            newest: AtomicU32::new(0),
        })
    }

    pub(crate) fn view(&self) -> Arc<QueueView> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The stream that it is on.
    pub(crate) fn stream(&self) -> Result<Arc<StreamEntry>, Refusal> {
        self.stream.upgrade().ok_or_else(|| Refusal::no_queue(&self.arn))
    }

    /// The number of a receive.
    pub(crate) fn next_turn(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    /// The shard that had something new last.
    pub(crate) fn newest(&self) -> u32 {
        self.newest.load(Ordering::Relaxed)
    }

    /// Waits for the bell from now on. Whoever looks for records does so after this, and misses none.
    pub(crate) fn listen(&self) -> (Waits<'_>, Notified<'_>) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        (Waits(&self.waiting), self.bell.notified())
    }

    /// Wakes as many of those who wait as there are new records in a shard.
    fn ring(&self, shard: u32, records: usize) {
        let waiting = self.waiting.load(Ordering::SeqCst);
        if waiting > 0 {
            self.newest.store(shard, Ordering::Relaxed);
            (0..records.min(waiting)).for_each(|_| self.bell.notify_one());
        }
    }

    /// Has another of those who wait look in place of one who could not be served.
    pub(crate) fn pass_on(&self) {
        self.bell.notify_one();
    }

    /// Changes what the queue is, and shows it from then on.
    pub(crate) async fn change(&self, change: Change) -> Result<Arc<About>, Refusal> {
        let pending = {
            let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
            let pending = self.partition.execute(Command::Change(change))?;
            if let Some(about) = self.partition.inspect(|queue| queue.about.clone()).flatten() {
                *self.view.write().unwrap_or_else(PoisonError::into_inner) = QueueView::of(&about);
            }
            pending
        };
        self.described(pending).await
    }

    /// Waits until all that its view shows is durable.
    pub(crate) async fn settled(&self) -> Result<(), Refusal> {
        let pending = self.partition.execute(Command::Describe)?;
        self.described(pending).await.map(drop)
    }

    pub(crate) async fn described(&self, pending: Pending<Queue>) -> Result<Arc<About>, Refusal> {
        match pending.await? {
            Reply::Described(about) => Ok(about),
            Reply::Refused(refusal) => Err(refusal),
            _ => Err(Refusal::no_queue(&self.arn)),
        }
    }

    /// Executes a command that the queue always carries out as long as it is there.
    pub(crate) async fn tell(&self, command: Command) -> Result<(), Refusal> {
        self.done(self.partition.execute(command)?).await
    }

    pub(crate) async fn done(&self, pending: Pending<Queue>) -> Result<(), Refusal> {
        match pending.await? {
            Reply::Done => Ok(()),
            _ => Err(Refusal::no_queue(&self.arn)),
        }
    }
}

/// The queues of one stream.
#[derive(Default)]
pub(crate) struct OfStream {
    count: AtomicUsize,
    all: RwLock<Vec<Arc<QueueEntry>>>,
}

impl OfStream {
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Tells all queues that a shard has new records.
    pub(crate) fn ring(&self, shard: u32, records: usize) {
        if self.count() > 0 {
            self.all.read().unwrap_or_else(PoisonError::into_inner).iter().for_each(|queue| queue.ring(shard, records));
        }
    }

    fn add(&self, queue: Arc<QueueEntry>) {
        self.change(|all| all.push(queue));
    }

    fn remove(&self, queue: &Arc<QueueEntry>) {
        self.change(|all| all.retain(|known| !Arc::ptr_eq(known, queue)));
    }

    fn change(&self, work: impl FnOnce(&mut Vec<Arc<QueueEntry>>)) {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        work(&mut all);
        self.count.store(all.len(), Ordering::Release);
    }
}

/// All queues of a server.
pub(crate) struct Queues(RwLock<Known>);

struct Known {
    by_name: BTreeMap<QueueKey, Arc<QueueEntry>>,
    by_id: HashMap<Box<str>, QueueKey>,
    next: u64,
}

impl Queues {
    /// The queues that replay left. `stream` finds a stream by its partition.
    pub(crate) fn recovered(
        store: &Store,
        queues: Recovery<Queue>,
        stream: impl Fn(PartitionId) -> Option<Arc<StreamEntry>>,
    ) -> Self {
        let mut known = Known { by_name: BTreeMap::new(), by_id: HashMap::new(), next: queues.next_ordinal() };
        let mut found = Vec::new();
        queues.look(|id, _| found.push(id));
        queues.finish(store);
        for id in found {
            let Some(partition) = store.partition::<Queue>(id) else { continue };
            let Some(about) = partition.inspect(|queue| queue.about.clone()).flatten() else { continue };
            match stream(about.stream) {
                Some(stream) => known.insert(&about, QueueEntry::new(&about, partition, &stream), &stream),
                // A stream is deleted after its queues, so no crash leaves this; a queue without one is good for nothing.
                None => {
                    tracing::warn!(queue = about.arn(), "a queue's stream is not there; the queue is deleted");
                    drop(partition.execute(Command::Delete));
                }
            }
        }
        Self(RwLock::new(known))
    }

    /// Makes a queue on a stream whose `changing` is held by the caller, with its cursors as the shards are now.
    pub(crate) fn create(
        &self,
        store: &Store,
        stream: &Arc<StreamEntry>,
        about: About,
        consumers_max: usize,
    ) -> Result<(Arc<QueueEntry>, Pending<Queue>), Refusal> {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.by_name.contains_key(&about.key) {
            let QueueKey { account, name, .. } = &about.key;
            return Err(Refusal::in_use(format!("Queue {name} under account {account} already exists.")));
        }
        if stream.view().consumers.len() + stream.queues.count() >= consumers_max {
            return Err(Refusal::limit(format!(
                "A stream has {consumers_max} consumers at the most, queues among them."
            )));
        }
        let cursors = cursors(store, stream, &about);
        let partition = Partition::new(store, PartitionId::of_family(FAMILY, known.next), Queue::default());
        known.next += 1;
        let pending = partition.execute(Command::Create { about: Box::new(about.clone()), cursors })?;
        let about = Arc::new(about);
        let entry = QueueEntry::new(&about, partition, stream);
        known.insert(&about, Arc::clone(&entry), stream);
        Ok((entry, pending))
    }

    /// Deletes a queue of a stream whose `changing` is held by the caller. Whoever waits is told so.
    pub(crate) fn delete(&self, stream: &StreamEntry, entry: &Arc<QueueEntry>) -> Result<Pending<Queue>, Refusal> {
        let pending = entry.partition.execute(Command::Delete)?;
        let view = entry.view();
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.by_id.remove(&view.about.id).is_some() {
            known.by_name.remove(&view.about.key);
            stream.queues.remove(entry);
        }
        drop(known);
        entry.bell.notify_waiters();
        Ok(pending)
    }

    /// The queue of an ARN's account, region and id.
    pub(crate) fn find(&self, account: AccountId, region: &Region, id: &str) -> Option<Arc<QueueEntry>> {
        self.read(|known| {
            let key = known.by_id.get(id).filter(|key| key.account == account && key.region == *region)?;
            known.by_name.get(key).map(Arc::clone)
        })
    }

    /// Queues of an account in a region behind a name, in order, as far as they are wanted.
    pub(crate) fn list(
        &self,
        account: AccountId,
        region: &Region,
        after: Option<&str>,
        is_wanted: impl Fn(&About) -> bool,
        limit: usize,
    ) -> Vec<Arc<QueueEntry>> {
        let key = |name: &str| QueueKey { account, region: region.clone(), name: name.into() };
        let from = after.map_or(Bound::Included(key("")), |after| Bound::Excluded(key(after)));
        self.read(|known| {
            let behind = known.by_name.range((from, Bound::Unbounded));
            let own = behind.take_while(|(key, _)| key.account == account && key.region == *region);
            let wanted = own.filter(|(_, entry)| is_wanted(&entry.view().about));
            wanted.map(|(_, entry)| Arc::clone(entry)).take(limit).collect()
        })
    }

    /// Every queue there is.
    pub(crate) fn all(&self) -> Vec<Arc<QueueEntry>> {
        self.read(|known| known.by_name.values().map(Arc::clone).collect())
    }

    fn read<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Known {
    fn insert(&mut self, about: &Arc<About>, entry: Arc<QueueEntry>, stream: &StreamEntry) {
        self.by_id.insert(about.id.clone(), about.key.clone());
        stream.queues.add(Arc::clone(&entry));
        self.by_name.insert(about.key.clone(), entry);
    }
}

/// Where a queue begins in the shards that its stream has; those that come later are taken from their beginning.
fn cursors(store: &Store, stream: &StreamEntry, about: &About) -> Vec<(u32, u64)> {
    let view = stream.view();
    let begins = |shard: &Shard| match about.start {
        Start::TrimHorizon => None,
        Start::Latest => Some(shard.ahead_of(u64::MAX, about.from)?.1),
        // What is passed over because it came earlier is not counted one by one.
        Start::AtTimestamp => Some(shard.ahead_of(0, about.from)?.0),
    };
    let each = view.shards.iter().map(|shard| (shard.entry.index, shard.entry.partition));
    each.filter_map(|(index, id)| Some((index, store.peek(id, begins).flatten()?))).collect()
}

/// Trims what expired and drops shards that are gone. To be called every minute or so.
pub(crate) fn tend(store: &Store, entry: &QueueEntry) {
    let Ok(stream) = entry.stream() else { return };
    let seen =
        entry.partition.inspect(|queue| (queue.cursors.keys().copied().collect::<Vec<_>>(), queue.held.shards()));
    let Some((cursors, held)) = seen else { return };
    // Looked at after the cursors: a shard that is not there now will not be again.
    let view = stream.view();
    let gone = cursors.iter().chain(&held).copied().filter(|shard| view.shard(*shard).is_none()).collect();
    let first = |shard: u32| {
        let partition = view.shard(shard)?.entry.partition;
        Some((shard, store.peek(partition, |shard: &Shard| shard.ahead_of(0, Instant::EPOCH))??.0))
    };
    let below = held.iter().filter_map(|shard| first(*shard)).collect();
    if let Err(unavailable) = entry.partition.execute(Command::Trim { below, gone }) {
        tracing::warn!(queue = %entry.arn, %unavailable, "what expired is dropped from its queue a minute later");
    }
}
