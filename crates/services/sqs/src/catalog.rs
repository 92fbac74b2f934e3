//! Which queues there are: account, region and name to partition.
//!
//! Read off the partitions at start and kept beside them afterwards. A name is taken from the moment its creation is
//! decided until its deletion is; whoever finds a queue here and waits for its answer thereby waits for its creation.

use crate::attributes::Attributes;
use crate::machine::{Bounds, Command, SqsQueue};
use crate::records::FAMILY;
use crate::tags::Tags;
use engine::{Partition, Pending, Recovery, Store, Unavailable};
use names::{AccountId, PartitionId, QueueName, Region};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

/// What names a queue within a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QueueKey {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) name: QueueName,
}

/// A queue that can be asked.
pub(crate) struct QueueEntry {
    pub(crate) key: QueueKey,
    pub(crate) partition: Arc<Partition<SqsQueue>>,
    /// The attributes that a request needs before it reaches the partition.
    pub(crate) bounds: Arc<Bounds>,
}

impl QueueEntry {
    fn new(key: QueueKey, partition: Arc<Partition<SqsQueue>>) -> Arc<Self> {
        let bounds = partition.inspect(SqsQueue::bounds).unwrap_or_default();
        Arc::new(Self { key, partition, bounds })
    }
}

/// All queues of a server.
pub(crate) struct Catalog {
    store: Arc<Store>,
    queues: RwLock<Queues>,
}

struct Queues {
    homes: BTreeMap<Home, BTreeMap<QueueName, Arc<QueueEntry>>>,
    next_ordinal: u64,
}

/// An account in a region: where a queue's name is unique.
type Home = (AccountId, Region);

/// What came of asking for a queue to be created.
pub(crate) enum Creation {
    /// It is new; the reply opens when it is durable.
    New(Arc<QueueEntry>, Pending<SqsQueue>),
    /// There is one of this name.
    Existing(Arc<QueueEntry>),
}

impl Catalog {
    /// The queues that replay left.
    pub(crate) fn recovered(store: Arc<Store>, recovery: Recovery<SqsQueue>) -> Self {
        let about = |id| Some((id, recovery.machine(id)?.about()?.clone()));
        let abouts: Vec<_> = recovery.ids().into_iter().filter_map(about).collect();
        let next_ordinal = recovery.next_ordinal();
        let mut partitions = recovery.finish(&store);
        let mut queues = Queues { homes: BTreeMap::new(), next_ordinal };
        for (id, about) in abouts {
            let partition = partitions.remove(&id).expect("every machine that was replayed comes back as a partition");
            let key = QueueKey { account: about.account, region: about.region, name: about.name };
            queues.insert(QueueEntry::new(key, partition));
        }
        Self { store, queues: RwLock::new(queues) }
    }

    /// The queue of this name in an account and region.
    pub(crate) fn find(&self, account: AccountId, region: &Region, name: &str) -> Option<Arc<QueueEntry>> {
        self.read(|queues| queues.homes.get(&(account, region.clone()))?.get(name).cloned())
    }

    /// Creates a queue unless there is one of this key.
    pub(crate) fn create(&self, key: QueueKey, attributes: &Attributes, tags: &Tags) -> Result<Creation, Unavailable> {
        let mut queues = self.queues.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(existing) = queues.get(&key) {
            return Ok(Creation::Existing(Arc::clone(existing)));
        }
        let id = PartitionId::of_family(FAMILY, queues.next_ordinal);
        let partition = Partition::new(&self.store, id, SqsQueue::unborn());
        let QueueKey { account, region, name } = key.clone();
        let (attributes, tags) = (attributes.clone(), tags.clone());
        let command = Command::Create { account, region, name, attributes, tags };
        let pending = partition.execute(command)?;
        queues.next_ordinal += 1;
        let entry = QueueEntry::new(key, partition);
        queues.insert(Arc::clone(&entry));
        Ok(Creation::New(entry, pending))
    }

    /// Waits until everything that was decided up to now is durable: before it is said that a queue is not there, its
    /// deletion must be.
    pub(crate) async fn settled(&self) -> Result<(), Unavailable> {
        let journal = self.store.journal();
        journal.when_durable(journal.last()).await.map_err(|_| Unavailable::Stopped)
    }

    /// Deletes a queue. Its name is free as soon as the deletion is decided.
    pub(crate) fn delete(&self, entry: &Arc<QueueEntry>) -> Result<Pending<SqsQueue>, Unavailable> {
        // Decided before the map is locked, because letting go of many messages takes long and must hold up this queue alone.
        // Whoever creates the name meanwhile finds the queue gone and tries again.
        let pending = entry.partition.execute(Command::Delete)?;
        let mut queues = self.queues.write().unwrap_or_else(PoisonError::into_inner);
        // A queue of the same name may have taken the place of the one that was asked to go.
        if queues.get(&entry.key).is_some_and(|found| Arc::ptr_eq(found, entry)) {
            queues.remove(&entry.key);
        }
        Ok(pending)
    }

    /// Queues of an account in a region whose names begin with `prefix` and come after `after`, in order, `limit` at most.
    pub(crate) fn list(
        &self,
        account: AccountId,
        region: &Region,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<Arc<QueueEntry>> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        self.read(|queues| {
            let home = queues.homes.get(&(account, region.clone()));
            let from_there = home.into_iter().flat_map(|home| home.range::<str, _>((from, Bound::Unbounded)));
            let wanted = from_there.take_while(|(name, _)| name.as_str().starts_with(prefix));
            wanted.map(|(_, entry)| Arc::clone(entry)).take(limit).collect()
        })
    }

    /// Every queue there is.
    pub(crate) fn all(&self) -> Vec<Arc<QueueEntry>> {
        self.read(|queues| queues.homes.values().flat_map(BTreeMap::values).cloned().collect())
    }

    fn read<T>(&self, read: impl FnOnce(&Queues) -> T) -> T {
        // A panic cannot leave the map half changed: its changes are single inserts and removals.
        read(&self.queues.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Queues {
    fn get(&self, key: &QueueKey) -> Option<&Arc<QueueEntry>> {
        self.homes.get(&(key.account, key.region.clone()))?.get(&key.name)
    }

    fn insert(&mut self, entry: Arc<QueueEntry>) {
        let home = self.homes.entry((entry.key.account, entry.key.region.clone())).or_default();
        home.insert(entry.key.name.clone(), entry);
    }

    fn remove(&mut self, key: &QueueKey) {
        let home = (key.account, key.region.clone());
        let Some(queues) = self.homes.get_mut(&home) else { return };
        queues.remove(&key.name);
        if queues.is_empty() {
            self.homes.remove(&home);
        }
    }
}
