//! Which queues there are: account, region and name to partition.
//!
//! Read off the partitions at start and kept beside them afterwards. Of a queue that nobody uses only its name and its
//! partition's number stand here; whoever asks for it makes the rest again. A name is taken from the moment its creation is
//! decided until its deletion is; whoever finds a queue here and waits for its answer thereby waits for its creation.

use crate::attributes::Attributes;
use crate::idle::Idle;
use crate::limits::{IDLE_AGAIN_MILLIS, IDLE_LOOKS_MAX, Limits};
use crate::machine::{About, Bounds, Command, Reply, SqsQueue};
use crate::meters::{Meter, Meters};
use crate::movers::Movers;
use crate::records::FAMILY;
use crate::sources::Sources;
use crate::tags::Tags;
use engine::{Partition, Pending, Recovery, Store, Unavailable};
use names::{AccountId, Instant, PartitionId, QueueName, Region};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

/// What names a queue within a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QueueKey {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) name: QueueName,
}

impl QueueKey {
    /// The queue's ARN.
    pub(crate) fn arn(&self) -> String {
        format!("arn:{}:sqs:{}:{}:{}", self.region.arn_partition(), self.region, self.account, self.name)
    }
}

/// A queue that can be asked.
pub(crate) struct QueueEntry {
    pub(crate) key: QueueKey,
    /// The same in one piece, as policies name it.
    pub(crate) arn: Arc<str>,
    pub(crate) partition: Arc<Partition<SqsQueue>>,
    /// The attributes that a request needs before it reaches the partition.
    pub(crate) bounds: Arc<Bounds>,
    /// Where what happens to it is counted.
    pub(crate) meter: Arc<Meter>,
    /// Whether somebody asked for it since the last look at who did.
    used: AtomicBool,
}

impl QueueEntry {
    fn new(key: QueueKey, partition: Arc<Partition<SqsQueue>>, meters: &Meters) -> Arc<Self> {
        let bounds = partition.inspect(SqsQueue::bounds).unwrap_or_default();
        let meter = meters.of(&key, partition.id());
        let arn = key.arn().into();
        Arc::new(Self { key, arn, partition, bounds, meter, used: AtomicBool::new(true) })
    }

    fn note_use(&self) {
        // Stored only where it changes something: requests for one queue from many threads share the line it stands on.
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
    }
}

/// What is known of a queue.
enum Known {
    /// It is used, or was a while ago.
    Awake(Arc<QueueEntry>),
    /// Its partition, which may be at rest.
    Resting(PartitionId),
}

impl Known {
    fn id(&self) -> PartitionId {
        match self {
            Self::Awake(entry) => entry.partition.id(),
            Self::Resting(id) => *id,
        }
    }

    /// Whether nobody has asked for it since this was last asked, and nobody holds it.
    fn is_idle(&self) -> bool {
        let Self::Awake(entry) = self else { return false };
        !entry.used.swap(false, Ordering::Relaxed) && Arc::strong_count(entry) == 1
    }
}

/// A queue in a list: its name, and itself if it may be that its creation is not durable yet.
pub(crate) type Listed = (QueueName, Option<Arc<QueueEntry>>);

/// All queues of a server.
pub(crate) struct Catalog {
    store: Arc<Store>,
    meters: Meters,
    queues: RwLock<Queues>,
    idle: Idle,
    sources: Sources,
    movers: Movers,
}

struct Queues {
    homes: BTreeMap<Home, BTreeMap<QueueName, Known>>,
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
    pub(crate) fn recovered(store: Arc<Store>, recovery: Recovery<SqsQueue>, meters: Meters, limits: Limits) -> Self {
        let mut queues = Queues { homes: BTreeMap::new(), next_ordinal: recovery.next_ordinal() };
        let idle = Idle::default();
        let (sources, movers) = (Sources::default(), Movers::new(limits));
        let now = store.clock().now();
        let mut redrives = Vec::new();
        recovery.look(|id, machine: &SqsQueue| {
            if let Some(about) = machine.about() {
                if let Some(at) = about.idle_at() {
                    idle.watch(id, about.key(), at);
                }
                if machine.move_under_way().is_some() {
                    movers.note(id, about.key(), now);
                }
                if let Some(redrive) = about.redrive() {
                    sources.set(&about.key(), Some(redrive.target.clone()));
                    let partition = about.attributes.settings().dead_letters.map(|kept| kept.destination);
                    redrives.push((about.key(), redrive, partition));
                }
                let home = queues.homes.entry((about.account, about.region.clone())).or_default();
                home.insert(about.name.clone(), Known::Resting(id));
                if machine.counts().oldest_sent_at.is_some() {
                    let (account, region, name) = (about.account, about.region.clone(), about.name.clone());
                    meters.of(&QueueKey { account, region, name }, id);
                }
            }
        });
        recovery.finish(&store);
        let catalog = Self { store, meters, queues: RwLock::new(queues), idle, sources, movers };
        for (source, redrive, partition) in redrives {
            let found = catalog.partition_of(&redrive.target);
            if let Some(found) = found.filter(|found| Some(*found) != partition) {
                catalog.redirect(&source, &redrive.target, found);
            }
        }
        catalog
    }

    /// The queue of this name in an account and region.
    pub(crate) fn find(&self, account: AccountId, region: &Region, name: &str) -> Option<Arc<QueueEntry>> {
        let home = (account, region.clone());
        let awake = self.read(|queues| match queues.homes.get(&home)?.get(name)? {
            Known::Awake(entry) => Some(Some(Arc::clone(entry))),
            Known::Resting(_) => Some(None),
        });
        match awake? {
            Some(entry) => {
                entry.note_use();
                Some(entry)
            }
            None => self.write().awake(self, &home, name),
        }
    }

    /// Creates a queue unless there is one of this key.
    pub(crate) fn create(&self, key: QueueKey, attributes: &Attributes, tags: &Tags) -> Result<Creation, Unavailable> {
        let mut queues = self.write();
        if let Some(existing) = queues.awake(self, &(key.account, key.region.clone()), key.name.as_str()) {
            return Ok(Creation::Existing(existing));
        }
        let id = PartitionId::of_family(FAMILY, queues.next_ordinal);
        let partition = Partition::new(&self.store, id, SqsQueue::unborn());
        let QueueKey { account, region, name } = key.clone();
        let (attributes, tags) = (attributes.clone(), tags.clone());
        let command = Command::Create { account, region, name, attributes, tags };
        let pending = partition.execute(command)?;
        queues.next_ordinal += 1;
        let entry = QueueEntry::new(key, partition, &self.meters);
        queues.insert(Arc::clone(&entry));
        drop(queues);
        self.watch(&entry);
        self.note_dead_letters(&entry);
        self.redirect_sources(&entry);
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
        self.remove(entry);
        Ok(pending)
    }

    /// Keeps in mind where a queue's dead letters go, after that was set or taken away. The queue that it was checked against may
    /// have been deleted and made anew meanwhile, unaware of this one.
    pub(crate) fn note_dead_letters(&self, entry: &QueueEntry) {
        self.sources.follow(&entry.key, || entry.partition.inspect(target_of).flatten());
        let target = entry.partition.inspect(target_of).flatten();
        let found = target.as_ref().and_then(|target| self.partition_of(target));
        if let (Some(target), Some(found)) = (target, found) {
            self.redirect(&entry.key, &target, found);
        }
    }

    /// The queues whose dead letters go to one, in order.
    pub(crate) fn dead_letter_sources(&self, target: &QueueKey) -> Vec<QueueKey> {
        self.sources.of(target)
    }

    /// A queue was created: those whose redrive policy names it send their dead letters there from now on. Decided behind its
    /// creation and waited for by nobody; what a crash cuts off is done at the next start.
    fn redirect_sources(&self, target: &QueueEntry) {
        for source in self.sources.of(&target.key) {
            self.redirect(&source, &target.key, target.partition.id());
        }
    }

    fn redirect(&self, source: &QueueKey, target: &QueueKey, partition: PartitionId) {
        if let Some(entry) = self.find(source.account, &source.region, source.name.as_str()) {
            // Refused only by a log that takes nothing more; then the next start does it.
            let _ = entry.partition.execute(Command::Redirect { target: target.clone(), partition });
        }
    }

    fn remove(&self, entry: &Arc<QueueEntry>) {
        self.idle.forget(entry.partition.id());
        let mut queues = self.write();
        // A queue of the same name may have taken the place of the one that was asked to go.
        if queues.get(&entry.key).is_some_and(|found| found.id() == entry.partition.id()) {
            queues.remove(&entry.key);
            self.sources.set(&entry.key, None);
        }
        self.meters.forget(&entry.key, entry.partition.id());
    }

    /// Watches a queue whose idle lifetime was set, and no longer one whose was taken away.
    pub(crate) fn watch(&self, entry: &QueueEntry) {
        match idle_at(entry) {
            Some(at) => self.idle.watch(entry.partition.id(), entry.key.clone(), at),
            None => self.idle.forget(entry.partition.id()),
        }
    }

    /// Removes queues whose idle lifetime is over, some hundred at once; says whether there may be more.
    pub(crate) fn remove_idle(&self) -> bool {
        let now = self.store.clock().now();
        for _ in 0..IDLE_LOOKS_MAX {
            let Some((id, key)) = self.idle.take_due(now) else { return false };
            let entry = self.find(key.account, &key.region, key.name.as_str());
            let Some(entry) = entry.filter(|entry| entry.partition.id() == id) else { continue };
            if let Some(at) = self.remove_if_idle(&entry, now) {
                self.idle.watch(id, key, at);
            }
        }
        true
    }

    /// When to look again, if it is still there. Whoever finds it gone waits for everything decided before, this too.
    fn remove_if_idle(&self, entry: &Arc<QueueEntry>, now: Instant) -> Option<Instant> {
        // Whoever waits for a message uses the queue for as long as that lasts.
        let command = if entry.partition.is_awaited() { Command::Wait } else { Command::DeleteIfIdle };
        let Ok(pending) = entry.partition.execute(command) else { return Some(now.plus_millis(IDLE_AGAIN_MILLIS)) };
        if pending.is(|reply| matches!(reply, Reply::Done | Reply::Gone)) {
            self.remove(entry);
            return None;
        }
        idle_at(entry)
    }

    /// Queues of an account in a region whose names begin with `prefix` and come after `after`, in order, `limit` at most.
    pub(crate) fn list(
        &self,
        account: AccountId,
        region: &Region,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<Listed> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        self.read(|queues| {
            let home = queues.homes.get(&(account, region.clone()));
            let from_there = home.into_iter().flat_map(|home| home.range::<str, _>((from, Bound::Unbounded)));
            let wanted = from_there.take_while(|(name, _)| name.as_str().starts_with(prefix));
            let listed = |(name, known): (&QueueName, &Known)| match known {
                Known::Awake(entry) => (name.clone(), Some(Arc::clone(entry))),
                Known::Resting(_) => (name.clone(), None),
            };
            wanted.map(listed).take(limit).collect()
        })
    }

    /// The partition that a queue is, if it is there.
    pub(crate) fn partition_of(&self, key: &QueueKey) -> Option<PartitionId> {
        self.read(|queues| queues.get(key).map(Known::id))
    }

    /// What makes message move tasks proceed.
    pub(crate) fn movers(&self) -> &Movers {
        &self.movers
    }

    /// The store that the queues are in.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// What every queue is called.
    pub(crate) fn names(&self) -> Vec<(AccountId, Region, QueueName)> {
        let of_home = |((account, region), queues): (&Home, &BTreeMap<QueueName, Known>)| {
            let named = |name: &QueueName| (*account, region.clone(), name.clone());
            queues.keys().map(named).collect::<Vec<_>>()
        };
        self.read(|queues| queues.homes.iter().flat_map(of_home).collect())
    }

    /// What is counted of queues.
    pub(crate) fn meters(&self) -> &Meters {
        &self.meters
    }

    /// How many queues there are.
    pub(crate) fn len(&self) -> usize {
        self.read(|queues| queues.homes.values().map(BTreeMap::len).sum())
    }

    /// Lets go of queues that nobody has asked for since the last time, so that their partitions can be put away.
    pub(crate) fn let_go(&self) {
        let is_durable = |known: &Known| match known {
            Known::Awake(entry) => entry.partition.is_durable(),
            Known::Resting(_) => true,
        };
        for known in self.write().homes.values_mut().flat_map(BTreeMap::values_mut) {
            if known.is_idle() && is_durable(known) {
                *known = Known::Resting(known.id());
            }
        }
    }

    fn write(&self) -> RwLockWriteGuard<'_, Queues> {
        self.queues.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, read: impl FnOnce(&Queues) -> T) -> T {
        // A panic cannot leave the map half changed: its changes are single inserts and removals.
        read(&self.queues.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// When a queue is idle if nobody uses it.
fn idle_at(entry: &QueueEntry) -> Option<Instant> {
    entry.partition.inspect(|machine| machine.about().and_then(About::idle_at)).flatten()
}

/// Where a queue's dead letters go.
fn target_of(machine: &SqsQueue) -> Option<QueueKey> {
    machine.about().and_then(About::redrive).map(|redrive| redrive.target)
}

impl Queues {
    fn get(&self, key: &QueueKey) -> Option<&Known> {
        self.homes.get(&(key.account, key.region.clone()))?.get(&key.name)
    }

    /// A queue that can be asked, of whatever is known of it.
    fn awake(&mut self, catalog: &Catalog, home: &Home, name: &str) -> Option<Arc<QueueEntry>> {
        let queues = self.homes.get_mut(home)?;
        let (name, known) = queues.get_key_value(name)?;
        let (name, id) = (name.clone(), known.id());
        if let Known::Awake(entry) = known {
            entry.note_use();
            return Some(Arc::clone(entry));
        }
        let partition =
            catalog.store.partition(id).expect("a queue is removed from here before its partition is forgotten");
        let key = QueueKey { account: home.0, region: home.1.clone(), name: name.clone() };
        let entry = QueueEntry::new(key, partition, &catalog.meters);
        queues.insert(name, Known::Awake(Arc::clone(&entry)));
        Some(entry)
    }

    fn insert(&mut self, entry: Arc<QueueEntry>) {
        let home = self.homes.entry((entry.key.account, entry.key.region.clone())).or_default();
        home.insert(entry.key.name.clone(), Known::Awake(entry));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute_table::Attribute;
    use crate::attributes::AttributeChanges;
    use crate::redrive::{RedrivePolicy, kept};
    use engine::ManualClock;
    use journal::Options;
    use journal::sim::SimDisk;

    fn key(name: &str) -> QueueKey {
        let (region, name) = (Region::parse("us-east-1").unwrap(), QueueName::parse(name).unwrap());
        QueueKey { account: AccountId::DEFAULT, region, name }
    }

    fn open(disk: &Arc<SimDisk>) -> Catalog {
        let mut recovery = Recovery::new(FAMILY, SqsQueue::unborn);
        let clock = Arc::new(ManualClock::at(Instant::from_millis(1_700_000_000_000)));
        let disk = Arc::<SimDisk>::clone(disk);
        let store = Store::open(disk, Options::small(1 << 18), clock, &mut [&mut recovery]).unwrap();
        Catalog::recovered(store, recovery, Meters::new(10), Limits::Raised)
    }

    #[test]
    fn a_start_sends_dead_letters_to_the_queue_that_has_the_name_now() {
        let disk = Arc::new(SimDisk::new(1));
        let catalog = open(&disk);
        for name in ["dead", "source"] {
            catalog.create(key(name), &Attributes::default(), &Tags::default()).unwrap();
        }
        let entry = |catalog: &Catalog, name| catalog.find(AccountId::DEFAULT, &key("x").region, name).unwrap();
        let dead = entry(&catalog, "dead").partition.id();
        // As after a crash behind the creation of the dead-letter queue: the policy means its predecessor.
        let policy = RedrivePolicy { target: key("dead"), max_receives: 3 };
        let stale = kept(&policy, PartitionId::of_family(FAMILY, 99));
        let changes = AttributeChanges::of_text(Attribute::Redrive, stale);
        drop(entry(&catalog, "source").partition.execute(Command::SetAttributes(changes)).unwrap());
        catalog.store().journal().commit().unwrap();
        catalog.store().journal().close();
        let catalog = open(&disk);
        let settings = |machine: &SqsQueue| machine.about().unwrap().attributes.settings().dead_letters.unwrap();
        let dead_letters = entry(&catalog, "source").partition.inspect(settings).unwrap();
        assert_eq!(dead_letters, queue::DeadLetters { max_receives: 3, destination: dead });
        assert_eq!(catalog.dead_letter_sources(&key("dead")), [key("source")]);
    }
}
