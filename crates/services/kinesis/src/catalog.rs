//! Which streams there are: account, region and name to partition, and the view of each that requests are routed by.
//!
//! Read off the partitions at start and kept beside them afterwards. A stream's view is made anew whenever the stream changes; a
//! record that is put by an old view goes to a shard that takes no more, and is put again by the new one. What a crash cut off
//! between a stream and its shards (children that were not opened, parents that were not closed, shards of a stream that is gone)
//! is completed here before anybody asks.

use crate::limits;
use crate::machine::{Change, Command, Reply, Reshard, Stream};
use crate::meters::Meter;
use crate::queues::{self, Queue, Queues};
use crate::records::FAMILY;
use crate::refusal::Refusal;
use crate::settings::{About, Consumer, Distribution, Mode, ShardEntry, Tags, pairs};
use access::{Policy, Sort};
use accounts::Account;
use engine::{Partition, Pending, Recovery, Store, Unavailable};
use gateway::{Fact, Facts};
use names::{AccountId, PartitionId, Region};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};
use stream::{HashRange, Shard};

mod accounts;
#[cfg(test)]
mod room;
#[cfg(test)]
mod tests;

/// What names a stream within a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StreamKey {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) name: Box<str>,
}

impl StreamKey {
    /// The stream's ARN.
    pub(crate) fn arn(&self) -> String {
        let Self { account, region, name } = self;
        format!("arn:{}:kinesis:{region}:{account}:stream/{name}", region.arn_partition())
    }
}

/// A stream that can be asked.
pub(crate) struct StreamEntry {
    pub(crate) key: StreamKey,
    pub(crate) arn: Arc<str>,
    pub(crate) partition: Arc<Partition<Stream>>,
    view: RwLock<Arc<View>>,
    /// Held while shards change, so that the partitions of one resharding stand in the log behind each other.
    changing: Mutex<()>,
    /// Whose turn it is where records are distributed by turns.
    turn: AtomicUsize,
    /// Whether its shards are not yet what it says, because the log took no more at that moment.
    is_behind: AtomicBool,
    pub(crate) queues: queues::OfStream,
    /// What counts it, from its first use on.
    pub(crate) meter: OnceLock<Arc<Meter>>,
}

/// A stream as requests are routed by it.
pub(crate) struct View {
    pub(crate) about: Arc<About>,
    /// The shards as the stream had them when `shards` was made: held, so that the stream changes a copy of them and never these.
    entries: Arc<Vec<ShardEntry>>,
    /// In the order of their numbers.
    pub(crate) shards: Handles,
    /// The open ones, in the order of their hashes.
    open: Handles,
    pub(crate) consumers: BTreeMap<Box<str>, Consumer>,
    pub(crate) policy: Option<Arc<Policy>>,
    pub(crate) facts: Option<Facts>,
    /// The key of KMS that records are sealed with, as the stream's owner named it.
    pub(crate) key: Option<Arc<str>>,
    pub(crate) warm_mibps: Option<u32>,
}

type Handles = Arc<Vec<Arc<ShardHandle>>>;

/// A shard, and where its records are.
pub(crate) struct ShardHandle {
    pub(crate) entry: ShardEntry,
    partition: Mutex<Weak<Partition<Shard>>>,
    /// The counter behind the last record that is known of; 0 if nobody has looked.
    tip: AtomicU64,
}

impl ShardHandle {
    fn new(entry: ShardEntry) -> Arc<Self> {
        Arc::new(Self { entry, partition: Mutex::default(), tip: AtomicU64::new(0) })
    }

    /// The counter that no record has yet, if somebody has looked. Every append is noted.
    pub(crate) fn tip(&self) -> Option<u64> {
        Some(self.tip.load(Ordering::Acquire)).filter(|tip| *tip > 0)
    }

    pub(crate) fn note_tip(&self, next: u64) {
        self.tip.fetch_max(next, Ordering::AcqRel);
    }

    /// The shard's partition, if it has not been put away since somebody used it.
    pub(crate) fn awake(&self) -> Option<Arc<Partition<Shard>>> {
        self.partition.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }

    /// The shard's partition; it may have been put away, and is woken then.
    pub(crate) fn partition(&self, store: &Store) -> Option<Arc<Partition<Shard>>> {
        let mut known = self.partition.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(partition) = known.upgrade() {
            return Some(partition);
        }
        let partition = store.partition(self.entry.partition)?;
        *known = Arc::downgrade(&partition);
        Some(partition)
    }
}

impl View {
    fn of(stream: &Stream, before: Option<&View>) -> Option<Self> {
        let about = Arc::clone(stream.about.as_ref()?);
        // Most changes are of something else than the shards, which may be ten thousand.
        let unchanged = before.filter(|before| Arc::ptr_eq(&before.entries, &stream.shards));
        let (shards, open) = match unchanged {
            Some(before) => (Arc::clone(&before.shards), Arc::clone(&before.open)),
            None => Self::shards_of(stream, before),
        };
        let policy = match before.filter(|before| before.about.policy == about.policy) {
            Some(before) => before.policy.clone(),
            None => about.policy.as_deref().and_then(compile),
        };
        Some(Self {
            entries: Arc::clone(&stream.shards),
            shards,
            open,
            consumers: stream.consumers.clone(),
            policy,
            facts: facts_of(&about.tags),
            key: stream.encryption.key.clone(),
            warm_mibps: stream.warm_mibps,
            about,
        })
    }

    /// The shards in the order of their numbers, and the open ones in that of their hashes; those that stayed are the same.
    fn shards_of(stream: &Stream, before: Option<&Self>) -> (Handles, Handles) {
        let known: HashMap<u32, &Arc<ShardHandle>> =
            before.into_iter().flat_map(|view| view.shards.iter()).map(|shard| (shard.entry.index, shard)).collect();
        let handle = |entry: &ShardEntry| match known.get(&entry.index) {
            Some(known) if known.entry == *entry => Arc::clone(known),
            _ => ShardHandle::new(entry.clone()),
        };
        let shards: Vec<_> = stream.shards.iter().map(handle).collect();
        let mut open: Vec<_> = shards.iter().filter(|shard| shard.entry.is_open()).map(Arc::clone).collect();
        open.sort_unstable_by_key(|shard| shard.entry.first_hash);
        (Arc::new(shards), Arc::new(open))
    }

    /// The open shard that a hash falls to.
    pub(crate) fn shard_of(&self, hash: u128) -> Option<&Arc<ShardHandle>> {
        HashRange::find(&self.open, |shard| shard.entry.range(), hash)
    }

    pub(crate) fn open_shards(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn shard(&self, index: u32) -> Option<&Arc<ShardHandle>> {
        let place = self.shards.binary_search_by_key(&index, |shard| shard.entry.index).ok()?;
        self.shards.get(place)
    }
}

/// The condition keys of a resource's tags.
pub(crate) fn facts_of(tags: &Tags) -> Option<Facts> {
    let fact = |(key, value): (&str, &str)| {
        (format!("aws:resourcetag/{}", key.to_lowercase()).into(), Fact::Text(value.into()))
    };
    (!tags.is_empty()).then(|| pairs(tags).map(fact).collect())
}

/// A policy of a resource, as it is asked.
pub(crate) fn compile(text: &str) -> Option<Arc<Policy>> {
    Policy::parse("Policy", text, Sort::Resource).ok().map(Arc::new)
}

impl StreamEntry {
    fn new(key: StreamKey, partition: Arc<Partition<Stream>>, view: View) -> Arc<Self> {
        let (arn, view) = (key.arn().into(), RwLock::new(Arc::new(view)));
        let (turn, is_behind) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (queues, meter) = (queues::OfStream::default(), OnceLock::new());
        Arc::new(Self { key, arn, partition, view, changing: Mutex::new(()), turn, is_behind, queues, meter })
    }

    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The view of now, once a change of the shards that is under way has been carried out.
    pub(crate) fn view_after_changes(&self) -> Arc<View> {
        let _changing = self.changing();
        self.look_again();
        self.view()
    }

    /// Waits until all that its view shows is durable.
    pub(crate) async fn settled(&self) -> Result<(), Refusal> {
        let pending = self.partition.execute(Command::Describe)?;
        self.answer(pending).await.map(drop)
    }

    /// Makes the view anew after the stream has changed; by whoever holds `changing`.
    fn look_again(&self) {
        if let Some(after) = self.next_view() {
            *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(after);
        }
    }

    /// The view that the stream as it is gives.
    fn next_view(&self) -> Option<View> {
        let before = self.view();
        self.partition.inspect(|stream| View::of(stream, Some(&before))).flatten()
    }

    /// The shard that a record without a say in it goes to.
    pub(crate) fn next_shard(&self, view: &View) -> Option<Arc<ShardHandle>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        view.open.get(turn % view.open.len().max(1)).map(Arc::clone)
    }

    /// Whether records go by turns.
    pub(crate) fn is_by_turns(view: &View) -> bool {
        view.about.distribution == Distribution::Auto
    }

    /// Held while shards, consumers and queues change.
    pub(crate) fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what the stream is, and shows it from then on.
    pub(crate) async fn ask(&self, command: Command) -> Result<Box<Stream>, Refusal> {
        self.ask_by(|_| Ok(command)).await
    }

    /// The same by a command that is made, or refused, when nothing else changes any more.
    pub(crate) async fn ask_by(
        &self,
        command: impl FnOnce(&Self) -> Result<Command, Refusal>,
    ) -> Result<Box<Stream>, Refusal> {
        let pending = {
            let _changing = self.changing();
            let pending = self.partition.execute(command(self)?)?;
            self.look_again();
            pending
        };
        self.answer(pending).await
    }

    pub(crate) async fn answer(&self, pending: Pending<Stream>) -> Result<Box<Stream>, Refusal> {
        match pending.await? {
            Reply::Described(stream) => Ok(stream),
            Reply::Refused(refusal) => Err(refusal),
            Reply::Gone => Err(Refusal::no_stream(self.key.account, &self.key.name)),
        }
    }
}

/// All streams of a server.
pub(crate) struct Catalog {
    store: Arc<Store>,
    streams: RwLock<Streams>,
    pub(crate) queues: Queues,
    /// Streams on demand that an account may have in a region.
    pub(crate) on_demand_max: usize,
}

struct Streams {
    by_name: BTreeMap<StreamKey, Arc<StreamEntry>>,
    by_partition: HashMap<PartitionId, StreamKey>,
    /// What accounts have committed themselves to.
    committed: BTreeMap<(AccountId, Region), Account>,
    next_stream: u64,
    next_shard: u64,
}

/// A stream that is to be made.
pub(crate) struct Wanted {
    pub(crate) about: About,
    pub(crate) shards: u32,
    pub(crate) warm_mibps: Option<u32>,
}

/// What came of asking for a stream to be made.
pub(crate) enum Creation {
    /// It is new; the reply opens when it is durable.
    New(Arc<StreamEntry>, Pending<Stream>),
    /// There is one of this name.
    Existing,
}

/// A stream's end, as it was decided; none of a stream that has queues.
#[must_use = "it is told once it is durable"]
pub(crate) struct Deletion(Option<Pending<Stream>>);

impl Deletion {
    /// Whether the stream is gone.
    pub(crate) fn is_decided(&self) -> bool {
        self.0.as_ref().is_some_and(|pending| pending.is(|reply| matches!(reply, Reply::Described(_))))
    }

    /// What is answered, once that is durable.
    pub(crate) async fn told(self, catalog: &Catalog, entry: &StreamEntry) -> Result<(), Refusal> {
        match self.0 {
            Some(pending) => entry.answer(pending).await.map(drop),
            None => {
                // What it is refused for has to be durable.
                catalog.settled().await?;
                Err(Refusal::has_queues(&entry.key, "DeleteStream can't delete"))
            }
        }
    }
}

impl Catalog {
    /// The streams that replay left, with their shards as they say.
    pub(crate) fn recovered(
        store: Arc<Store>,
        streams: Recovery<Stream>,
        shards: Recovery<Shard>,
        queues: Recovery<Queue>,
    ) -> Self {
        let (next_stream, next_shard) = (streams.next_ordinal(), shards.next_ordinal());
        let mut found = Vec::new();
        streams.look(|id, _| found.push(id));
        let mut orphans = HashSet::new();
        shards.look(|id, _| _ = orphans.insert(id));
        streams.finish(&store);
        shards.finish(&store);
        let mut known = Streams {
            by_name: BTreeMap::new(),
            by_partition: HashMap::new(),
            committed: BTreeMap::new(),
            next_stream,
            next_shard,
        };
        for id in found {
            let Some(partition) = store.partition::<Stream>(id) else { continue };
            known.note_commitment(&partition);
            let Some(view) = partition.inspect(|stream| View::of(stream, None)).flatten() else { continue };
            for shard in view.shards.iter() {
                orphans.remove(&shard.entry.partition);
                known.next_shard = known.next_shard.max(shard.entry.partition.ordinal() + 1);
            }
            let entry = StreamEntry::new(view.about.key.clone(), partition, view);
            carry_out(&store, &entry, &entry.view());
            known.insert(entry);
        }
        for orphan in orphans {
            let Some(partition) = store.partition::<Shard>(orphan) else { continue };
            if let Err(unavailable) = partition.execute(stream::Command::Delete) {
                tracing::warn!(%unavailable, "shards of a stream that is gone stay until the next start");
                break;
            }
        }
        let queues = Queues::recovered(&store, queues, |id| known.find(id));
        let on_demand_max = limits::ON_DEMAND_STREAMS_MAX;
        Self { store, streams: RwLock::new(known), queues, on_demand_max }
    }

    pub(crate) fn find(&self, key: &StreamKey) -> Option<Arc<StreamEntry>> {
        self.read(|streams| streams.by_name.get(key).map(Arc::clone))
    }

    /// The stream that a partition is, as shard iterators name it.
    pub(crate) fn find_partition(&self, id: PartitionId) -> Option<Arc<StreamEntry>> {
        self.read(|streams| streams.find(id))
    }

    /// Makes a stream unless there is one of this name.
    pub(crate) fn create(
        &self,
        wanted: Wanted,
        shards: impl FnOnce(&mut dyn FnMut() -> PartitionId) -> Vec<ShardEntry>,
    ) -> Result<Creation, Refusal> {
        let Wanted { about, shards: count, warm_mibps } = wanted;
        let mut streams = self.streams.write().unwrap_or_else(PoisonError::into_inner);
        if streams.by_name.contains_key(&about.key) {
            return Ok(Creation::Existing);
        }
        let room = limits::ACCOUNT_SHARDS_MAX.saturating_sub(streams.open_shards(&about.key));
        if count as usize > room {
            return Err(Refusal::shard_limit(&about.key, room, count as usize));
        }
        if about.mode == Mode::OnDemand {
            streams.check_on_demand(&about.key, self.on_demand_max)?;
        }
        let mut next = streams.next_shard;
        let shards = shards(&mut || {
            next += 1;
            PartitionId::of_family(stream::FAMILY, next - 1)
        });
        let id = PartitionId::of_family(FAMILY, streams.next_stream);
        let partition = Partition::new(&self.store, id, Stream::default());
        streams.next_stream += 1;
        streams.next_shard = next;
        let key = about.key.clone();
        let pending = partition.execute(Command::Create { about: Box::new(about), shards, warm_mibps })?;
        let view = partition.inspect(|stream| View::of(stream, None)).flatten();
        let view = view.ok_or(Unavailable::Stopped)?;
        let entry = StreamEntry::new(key, partition, view);
        // From here on there is a stream of this name, whatever becomes of its shards.
        streams.insert(Arc::clone(&entry));
        drop(streams);
        let changing = entry.changing();
        carry_out(&self.store, &entry, &entry.view());
        drop(changing);
        Ok(Creation::New(entry, pending))
    }

    /// Deletes a stream with its shards and records, unless it has queues. Its name is free as soon as that is decided.
    pub(crate) fn delete(&self, entry: &Arc<StreamEntry>, with_consumers: bool) -> Result<Deletion, Unavailable> {
        let _changing = entry.changing();
        if entry.queues.count() > 0 {
            return Ok(Deletion(None));
        }
        let deletion = Deletion(Some(entry.partition.execute(Command::Delete { with_consumers })?));
        if deletion.is_decided() {
            self.write(|streams| streams.remove(entry));
            for shard in entry.view().shards.iter() {
                // Refused by a log that takes no more; the next start knows them by their stream's end.
                let _ = self.bury(shard);
            }
        }
        Ok(deletion)
    }

    /// Changes the shards of a stream: decided by the stream, then carried out by the shards, all in this order.
    pub(crate) async fn reshard(&self, entry: &Arc<StreamEntry>, ask: Reshard) -> Result<Box<Stream>, Refusal> {
        let pending = {
            let _changing = entry.changing();
            let view = entry.view();
            let count = match ask {
                // Each bound of the new division may cut a shard in two, and each piece but the first of a range is merged.
                Reshard::Count(count) => 4 * count as usize + view.open_shards(),
                Reshard::Warm { mibps, .. } => 4 * limits::shards_for(mibps) as usize + view.open_shards(),
                Reshard::Split { .. } | Reshard::Merge { .. } => 2,
            };
            let becomes_on_demand = matches!(ask, Reshard::Warm { becomes_on_demand: true, .. });
            let is_new = becomes_on_demand && view.about.mode == Mode::Provisioned;
            let (partitions, room) = self.write(|streams| {
                if is_new {
                    streams.check_on_demand(&entry.key, self.on_demand_max)?;
                }
                let first = PartitionId::of_family(stream::FAMILY, streams.next_shard).get();
                streams.next_shard += count as u64;
                let room = limits::ACCOUNT_SHARDS_MAX.saturating_sub(streams.open_shards(&entry.key));
                Ok::<_, Refusal>((first..first + count as u64, room))
            })?;
            let pending = entry.partition.execute(Command::Reshard { ask, partitions, room })?;
            if pending.is(|reply| matches!(reply, Reply::Described(_))) {
                // Seen by puts when the parents have closed.
                if let Some(after) = entry.next_view() {
                    carry_out(&self.store, entry, &after);
                }
                entry.look_again();
            }
            pending
        };
        let stream = entry.answer(pending).await?;
        self.settled().await?;
        Ok(stream)
    }

    /// Changes for how long a stream's records are kept, and tells its shards. Answered when they keep to it.
    pub(crate) async fn set_retention(&self, entry: &Arc<StreamEntry>, change: Change) -> Result<Box<Stream>, Refusal> {
        let pending = {
            let _changing = entry.changing();
            let pending = entry.partition.execute(Command::Change(change))?;
            if pending.is(|reply| matches!(reply, Reply::Described(_))) {
                // Seen by puts when the parents have closed.
                if let Some(after) = entry.next_view() {
                    carry_out(&self.store, entry, &after);
                }
                entry.look_again();
            }
            pending
        };
        let stream = entry.answer(pending).await?;
        if entry.is_behind.load(Ordering::Relaxed) {
            return Err(Unavailable::Busy.into());
        }
        self.settled().await?;
        Ok(stream)
    }

    /// Whether this is still the stream of its name.
    pub(crate) fn has(&self, entry: &Arc<StreamEntry>) -> bool {
        self.find(&entry.key).is_some_and(|found| Arc::ptr_eq(&found, entry))
    }

    /// Carries out what a stream says of its shards, where the log did not take all of it before.
    pub(crate) fn catch_up(&self, entry: &Arc<StreamEntry>) {
        if entry.is_behind.load(Ordering::Relaxed) {
            let _changing = entry.changing();
            carry_out(&self.store, entry, &entry.view());
        }
    }

    /// Forgets shards whose records have all expired.
    pub(crate) fn tend(&self) {
        let entries: Vec<_> = self.read(|streams| streams.by_name.values().map(Arc::clone).collect());
        for entry in entries {
            self.catch_up(&entry);
            let _changing = entry.changing();
            // Of a stream whose parents may still take records nothing is forgotten.
            if entry.is_behind.load(Ordering::Relaxed) || !self.has(&entry) {
                continue;
            }
            let before = entry.view();
            if entry.partition.execute(Command::Forget).is_err() {
                // A log that takes nothing more.
                return;
            }
            entry.look_again();
            let after = entry.view();
            for shard in before.shards.iter().filter(|shard| after.shard(shard.entry.index).is_none()) {
                // The next start knows it by its stream, which has forgotten it.
                let _ = self.bury(shard);
            }
        }
        self.queues.all().iter().for_each(|queue| queues::tend(&self.store, queue));
    }

    fn bury(&self, shard: &ShardHandle) -> Result<(), Unavailable> {
        match shard.partition(&self.store) {
            Some(partition) => partition.execute(stream::Command::Delete).map(drop),
            None => Ok(()),
        }
    }

    /// Streams of an account in a region behind a name, in order, `limit` at most.
    pub(crate) fn list(
        &self,
        account: AccountId,
        region: &Region,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<Arc<StreamEntry>> {
        let key = |name: &str| StreamKey { account, region: region.clone(), name: name.into() };
        let from = after.map_or(Bound::Included(key("")), |after| Bound::Excluded(key(after)));
        self.read(|streams| {
            let behind = streams.by_name.range((from, Bound::Unbounded));
            let own = behind.take_while(|(key, _)| key.account == account && key.region == *region);
            own.map(|(_, entry)| Arc::clone(entry)).take(limit).collect()
        })
    }

    /// Every stream there is.
    pub(crate) fn all(&self) -> Vec<Arc<StreamEntry>> {
        self.read(|streams| streams.by_name.values().map(Arc::clone).collect())
    }

    /// Waits until everything that was decided up to now is durable: before it is said that a stream is not there, its end must
    /// be.
    pub(crate) async fn settled(&self) -> Result<(), Unavailable> {
        let journal = self.store.journal();
        journal.when_durable(journal.last()).await.map_err(|_| Unavailable::Stopped)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    fn read<T>(&self, look: impl FnOnce(&Streams) -> T) -> T {
        look(&self.streams.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, work: impl FnOnce(&mut Streams) -> T) -> T {
        work(&mut self.streams.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Streams {
    fn find(&self, id: PartitionId) -> Option<Arc<StreamEntry>> {
        self.by_name.get(self.by_partition.get(&id)?).map(Arc::clone)
    }

    fn insert(&mut self, entry: Arc<StreamEntry>) {
        self.by_partition.insert(entry.partition.id(), entry.key.clone());
        self.by_name.insert(entry.key.clone(), entry);
    }

    fn remove(&mut self, entry: &Arc<StreamEntry>) {
        self.by_partition.remove(&entry.partition.id());
        // A stream of the same name may have taken the place of the one that was asked to go.
        if self.by_name.get(&entry.key).is_some_and(|found| Arc::ptr_eq(found, entry)) {
            self.by_name.remove(&entry.key);
        }
    }

    /// All streams of this one's account in its region.
    fn beside(&self, key: &StreamKey) -> impl Iterator<Item = &Arc<StreamEntry>> {
        let from = StreamKey { name: "".into(), ..key.clone() };
        let (account, region) = (key.account, key.region.clone());
        let own = self.by_name.range(from..);
        own.take_while(move |(other, _)| other.account == account && other.region == region).map(|(_, entry)| entry)
    }

    /// Their open shards.
    fn open_shards(&self, key: &StreamKey) -> usize {
        self.beside(key).map(|entry| entry.view().open_shards()).sum()
    }
}

/// Does to the shards what their stream says of them, and notes whether all of it was done; by whoever holds `changing`, or alone
/// knows the stream.
fn carry_out(store: &Store, entry: &StreamEntry, view: &View) {
    let done = complete(store, entry.partition.id(), view);
    entry.is_behind.store(done.is_err(), Ordering::Relaxed);
    if let Err(unavailable) = done {
        tracing::warn!(stream = %entry.arn, %unavailable, "shards are not yet what their stream says; they follow within a minute");
    }
}

/// Those that are missing open, in the order of their numbers; then those that the stream has closed close; all keep their records for as
/// long as it says. Done again it does nothing.
fn complete(store: &Store, stream: PartitionId, view: &View) -> Result<(), Unavailable> {
    let retention_millis = view.about.retention_millis();
    for shard in view.shards.iter() {
        let ShardEntry { index, partition, opened_at, .. } = shard.entry;
        if store.peek(partition, Shard::state).flatten().is_none() {
            let opened = shard.partition(store).unwrap_or_else(|| Partition::new(store, partition, Shard::unborn()));
            let about = stream::About { stream: id_of(stream), index, opened_at, retention_millis };
            drop(opened.execute(stream::Command::Open { about })?);
        }
    }
    for shard in view.shards.iter() {
        let Some(state) = store.peek(shard.entry.partition, Shard::state).flatten() else { continue };
        let (closes, keeps) =
            (state.closed_at.is_none() && !shard.entry.is_open(), state.retention_millis == retention_millis);
        let Some(partition) = (closes || !keeps).then(|| shard.partition(store)).flatten() else { continue };
        if closes {
            drop(partition.execute(stream::Command::Close)?);
        }
        if !keeps {
            drop(partition.execute(stream::Command::SetRetention { millis: retention_millis })?);
        }
    }
    Ok(())
}

/// What a shard knows its stream by.
fn id_of(stream: PartitionId) -> [u8; 16] {
    u128::from(stream.get()).to_be_bytes()
}
