//! Which consumer groups there are, and when their members were heard last.
//!
//! Groups stand beside their streams and end with them. When a member was heard is known here alone: a restart forgets it, and every
//! session begins anew, so that nobody is out because the server was. Whoever asks anything of a group finds out who has been silent for
//! too long; nobody waits for it. What the stream's shards are is looked up under the group's own lock, so it is never told of older
//! ones after newer ones.

use super::lag::Oldest;
use super::machine::{About, Command, Group, News, Reply, ShardNow};
use super::records::FAMILY;
use crate::catalog::{Catalog, StreamEntry, View};
use crate::limits;
use crate::refusal::Refusal;
use engine::{Partition, Pending, Recovery, Store, Unavailable};
use names::{Instant, PartitionId};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use stream::Shard;

/// A group that can be asked.
pub(crate) struct GroupEntry {
    pub(crate) name: Box<str>,
    pub(crate) partition: Arc<Partition<Group>>,
    /// Since when members are listened to.
    began: Instant,
    watch: Mutex<Watch>,
    /// The first record that is not done with, by shard, as far as it is known.
    pub(super) oldest: Mutex<HashMap<u32, Oldest>>,
}

/// What is known beside the group's state. Its lock is held while the group is told something.
#[derive(Default)]
struct Watch {
    heard: HashMap<Box<str>, Instant>,
    /// The stream as the group was last told of it.
    told: Weak<View>,
    /// How often it was told of all shards.
    #[cfg(test)]
    tellings: usize,
}

/// All groups of a server.
pub(crate) struct Groups(RwLock<Known>);

#[derive(Default)]
struct Known {
    by_name: BTreeMap<(PartitionId, Box<str>), Arc<GroupEntry>>,
    next: u64,
}

/// Whether the group has to be told of the stream's shards although they are as they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// Only what is new.
    News,
    /// The shards too: what is asked changes who reads what.
    Shards,
}

impl Groups {
    /// The groups that replay left; those of streams that are gone end here.
    pub(crate) fn recovered(store: &Store, recovery: Recovery<Group>, catalog: &Catalog) -> Self {
        let mut known = Known { next: recovery.next_ordinal(), ..Known::default() };
        let mut found = Vec::new();
        recovery.look(|id, group| found.extend(group.about().map(|about| (id, Arc::clone(about)))));
        recovery.finish(store);
        for (id, about) in found {
            let Some(partition) = store.partition::<Group>(id) else { continue };
            if catalog.find_partition(about.stream).is_some() {
                known.insert(GroupEntry::new(&about, partition, store.clock().now()), about.stream);
            } else if let Err(unavailable) = partition.execute(Command::Delete { with_members: true }) {
                tracing::warn!(%unavailable, "a consumer group of a stream that is gone stays until the next start");
            }
        }
        Self(RwLock::new(known))
    }

    pub(crate) fn find(&self, stream: &StreamEntry, name: &str) -> Option<Arc<GroupEntry>> {
        self.read().by_name.get(&(stream.partition.id(), name.into())).map(Arc::clone)
    }

    /// A stream's groups behind a name, in order.
    pub(crate) fn of_stream(&self, stream: PartitionId, after: Option<&str>) -> Vec<Arc<GroupEntry>> {
        let from = after.map_or(Bound::Included((stream, "".into())), |after| Bound::Excluded((stream, after.into())));
        let known = self.read();
        let own = known.by_name.range((from, Bound::Unbounded)).take_while(|((of, _), _)| *of == stream);
        own.map(|(_, entry)| Arc::clone(entry)).collect()
    }

    /// Makes a group unless there is one of this name.
    pub(crate) fn create(
        &self,
        catalog: &Catalog,
        stream: &Arc<StreamEntry>,
        about: About,
        places: Vec<(u32, u64)>,
    ) -> Result<Pending<Group>, Refusal> {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let key = (about.stream, about.name.clone());
        if known.by_name.contains_key(&key) {
            return Err(Refusal::in_use(format!("Group {} of stream {} already exists.", about.name, stream.key.name)));
        }
        let of_stream = known.by_name.range((about.stream, "".into())..).take_while(|((of, _), _)| *of == about.stream);
        if of_stream.count() >= limits::GROUPS_MAX {
            return Err(Refusal::limit(format!("A stream has {} consumer groups at the most.", limits::GROUPS_MAX)));
        }
        if !catalog.has(stream) {
            return Err(Refusal::no_stream(stream.key.account, &stream.key.name));
        }
        let store = catalog.store();
        let partition = Partition::new(store, PartitionId::of_family(FAMILY, known.next), Group::default());
        known.next += 1;
        let entry = GroupEntry::new(&about, Arc::clone(&partition), store.clock().now());
        let pending = partition.execute(Command::Create { about, places })?;
        known.insert(entry, key.0);
        Ok(pending)
    }

    /// A group is gone: its name is free.
    pub(crate) fn forget(&self, stream: PartitionId, entry: &Arc<GroupEntry>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let key = (stream, entry.name.clone());
        if known.by_name.get(&key).is_some_and(|found| Arc::ptr_eq(found, entry)) {
            known.by_name.remove(&key);
        }
    }

    /// Ends the groups of a stream that is gone.
    pub(crate) fn end_of(&self, stream: PartitionId) {
        for entry in self.of_stream(stream, None) {
            // Refused by a log that takes no more; the next start knows it by its stream's end.
            let _ = entry.partition.execute(Command::Delete { with_members: true });
            self.forget(stream, &entry);
        }
    }

    /// Lets groups know of shards whose records have expired, and of members that were silent, if nobody asks.
    pub(crate) fn tend(&self, catalog: &Catalog) {
        let all: Vec<_> = self.read().by_name.iter().map(|((stream, _), entry)| (*stream, Arc::clone(entry))).collect();
        for (stream, entry) in all {
            let Some(stream) = catalog.find_partition(stream) else { continue };
            if entry.tell(catalog.store(), &stream, (Telling::Shards, None), Command::Tend).is_err() {
                // A log that takes nothing more.
                return;
            }
            entry.forget_oldest();
        }
    }

    pub(super) fn all(&self) -> Vec<(PartitionId, Arc<GroupEntry>)> {
        self.read().by_name.iter().map(|((stream, _), entry)| (*stream, Arc::clone(entry))).collect()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn insert(&mut self, entry: Arc<GroupEntry>, stream: PartitionId) {
        self.by_name.insert((stream, entry.name.clone()), entry);
    }
}

impl GroupEntry {
    fn new(about: &About, partition: Arc<Partition<Group>>, began: Instant) -> Arc<Self> {
        let (watch, oldest) = (Mutex::default(), Mutex::default());
        Arc::new(Self { name: about.name.clone(), partition, began, watch, oldest })
    }

    /// Asks the group something, with all that is new to it; whoever speaks is heard.
    pub(crate) fn tell(
        &self,
        store: &Store,
        stream: &StreamEntry,
        (telling, speaker): (Telling, Option<&str>),
        command: impl FnOnce(News) -> Command,
    ) -> Result<Pending<Group>, Unavailable> {
        let mut watch = self.watch();
        let now = store.clock().now();
        let silent = self.silent(&watch, now);
        let view = stream.view();
        let is_told = std::ptr::eq(watch.told.as_ptr(), Arc::as_ptr(&view));
        let is_due = telling == Telling::Shards || !silent.is_empty() || !is_told;
        let shards = is_due.then(|| view.shards.iter().map(|shard| shard_now(store, &shard.entry)).collect());
        let pending = self.partition.execute(command(News { silent, shards }))?;
        watch.told = Arc::downgrade(&view);
        #[cfg(test)]
        {
            watch.tellings += usize::from(is_due);
        }
        // Before anybody else looks: who has just come was never heard.
        if let Some(speaker) = speaker.filter(|_| pending.is(|reply| matches!(reply, Reply::Lent(_) | Reply::Done(_))))
        {
            watch.heard.insert(speaker.into(), now);
        }
        self.forget_others(&mut watch);
        Ok(pending)
    }

    /// Keeps no more than what is of members: whoever left or was silent is none.
    fn forget_others(&self, watch: &mut Watch) {
        self.partition.inspect(|group| {
            if watch.heard.len() > group.members.len() {
                watch.heard.retain(|name, _| group.members.contains_key(name));
            }
        });
    }

    /// How often it was told of all shards.
    #[cfg(test)]
    pub(crate) fn told_of_shards(&self) -> usize {
        self.watch().tellings
    }

    /// Of how many it is known when they were heard.
    #[cfg(test)]
    pub(crate) fn heard_of(&self) -> usize {
        self.watch().heard.len()
    }

    /// When a member was heard last.
    pub(crate) fn heard(&self, member: &str) -> Instant {
        self.watch().heard.get(member).copied().unwrap_or(self.began)
    }

    /// Members that have not been heard for longer than their sessions last.
    fn silent(&self, watch: &Watch, now: Instant) -> Vec<Box<str>> {
        let heard = |name: &str| watch.heard.get(name).copied().unwrap_or(self.began);
        let silent = self.partition.inspect(|group| {
            let is_silent = |name: &str, session: u32| heard(name).plus_millis(session.into()) < now;
            let silent = group.members.iter().filter(|(name, member)| is_silent(name, member.session_millis));
            silent.map(|(name, _)| name.clone()).collect()
        });
        silent.unwrap_or_default()
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A shard as it is. One that the stream has closed, and that is not closed yet, still takes records.
fn shard_now(store: &Store, entry: &crate::settings::ShardEntry) -> ShardNow {
    let state = match entry.is_open() {
        true => None,
        false => store.peek(entry.partition, Shard::state).flatten(),
    };
    ShardNow {
        index: entry.index,
        parents: [entry.parent, entry.adjacent_parent],
        first: state.map_or(1, |state| state.first),
        end: state.filter(|state| state.closed_at.is_some()).map(|state| state.next),
    }
}

/// A group's answer, if it is one that was asked for.
pub(crate) async fn answered(pending: Pending<Group>, group: &str, stream: &StreamEntry) -> Result<Reply, Refusal> {
    match pending.await? {
        Reply::Refused(refused) => Err(refused.worded(group)),
        Reply::Gone => Err(no_group(stream, group)),
        reply => Ok(reply),
    }
}

/// The refusal where there is no group of a name.
pub(crate) fn no_group(stream: &StreamEntry, name: &str) -> Refusal {
    let (stream, account) = (&stream.key.name, stream.key.account);
    Refusal::not_found(format!("Group {name} of stream {stream} under account {account} not found."))
}
