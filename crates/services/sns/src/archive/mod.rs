//! Archives of topics: every message that is published to a topic with an archive policy is kept for so many days, to be replayed.
//!
//! An archive is a partition of its own around the shard machine of crate `stream`: records without a gap, found by time, which leave
//! from the front when the retention ends, and of which the state holds no contents. A topic's attributes say which partition it is,
//! under a name that no attribute of AWS has and that nobody is shown:
//!
//! ```text
//! .Archive    the partition's ordinal, a space, since when it is there, in milliseconds since the epoch
//! ```
//! An archive is opened before the record of its topic that names it and deleted behind the one that no longer does; what a crash left
//! between them is of no topic, and goes at the next start. Messages are kept as `message/kept.rs` writes them. Sources: SNS developer
//! guide, "Message archiving for FIFO topic owners"; API reference of SetTopicAttributes. Standard topics have archives here, too.

use crate::catalog::TopicEntry;
use crate::limits;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::topic::Pairs;
use crate::topic_key::TopicKey;
use bytes::Bytes;
use engine::{Partition, Pending, Recovery, Store, Unavailable};
use names::{Instant, PartitionId};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use stream::{About, Command, NewRecord, Reply, Shard, ShardState};

/// The family of partitions that are archives.
pub const FAMILY: u8 = 11;

/// The attribute that says for how long messages are kept.
pub(crate) const ARCHIVE_POLICY: &str = "ArchivePolicy";
/// Since when they are there, in GetTopicAttributes.
pub(crate) const BEGINNING_ARCHIVE_TIME: &str = "BeginningArchiveTime";

const RETENTION: &str = "MessageRetentionPeriod";
const PLACE: &str = ".Archive";
const DAY_MILLIS: u64 = 86_400_000;

/// For how long an archive keeps messages, in milliseconds; nothing if the policy says that there is no archive.
pub(crate) fn retention_millis(policy: &str) -> Result<Option<u64>, Refusal> {
    let wrong = |why: &str| Refusal::invalid(format!("{ARCHIVE_POLICY}: {why}"));
    if policy.is_empty() {
        return Ok(None);
    }
    let members = match serde_json::from_str(policy) {
        Ok(Value::Object(members)) => members,
        Ok(_) => return Err(wrong("JSON is missing required fields")),
        Err(_) => return Err(wrong("Unable to parse JSON")),
    };
    if members.is_empty() {
        return Ok(None);
    }
    if let Some(name) = members.keys().find(|name| **name != RETENTION) {
        return Err(wrong(&format!("invalid JSON. Attribute {name} is unknown.")));
    }
    let days = match &members[RETENTION] {
        Value::String(text) => text.parse().ok(),
        value => value.as_u64(),
    };
    let days = days.filter(|days| limits::ARCHIVE_DAYS.contains(days));
    days.map(|days| Some(days * DAY_MILLIS)).ok_or_else(|| wrong(&format!("{RETENTION} value is invalid")))
}

/// Where a topic's archive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) partition: PartitionId,
    pub(crate) since: Instant,
}

impl Place {
    /// That of the topic with these attributes.
    pub(crate) fn of(topic: &Pairs) -> Option<Self> {
        let (ordinal, since) = topic.get(PLACE)?.split_once(' ')?;
        let partition = PartitionId::of_family(FAMILY, ordinal.parse().ok()?);
        Some(Self { partition, since: Instant::from_millis(since.parse().ok()?) })
    }

    /// Notes it among a topic's attributes.
    pub(crate) fn keep(self, topic: &mut Pairs) {
        let value = format!("{} {}", self.partition.ordinal(), self.since.as_millis());
        topic.insert(PLACE.into(), value.into());
    }

    /// Takes it out of a topic's attributes, with the policy.
    pub(crate) fn remove(topic: &mut Pairs) {
        topic.remove(PLACE);
        topic.remove(ARCHIVE_POLICY);
    }
}

/// The archives of all topics.
pub(crate) struct Archives {
    store: Arc<Store>,
    next: Mutex<u64>,
}

/// Archives that replay left, before it is known which topics they are of.
pub(crate) struct Found(HashMap<PartitionId, u64>);

impl Archives {
    /// The archives that replay left.
    pub(crate) fn recovered(store: Arc<Store>, recovery: Recovery<Shard>) -> (Self, Found) {
        let next = Mutex::new(recovery.next_ordinal());
        let mut found = HashMap::new();
        recovery.look(|id, shard| {
            let retention_millis = shard.state().map_or(0, |state| state.retention_millis);
            found.insert(id, retention_millis);
        });
        recovery.finish(&store);
        (Self { store, next }, Found(found))
    }

    /// Lets go of archives that are of no topic, and has the others keep what their topics say: a crash came between the two.
    pub(crate) fn settle(&self, Found(mut found): Found, topics: impl Iterator<Item = (Place, u64)>) {
        for (Place { partition, .. }, retention_millis) in topics {
            if found.remove(&partition).is_some_and(|known| known != retention_millis) {
                self.set_retention(partition, retention_millis);
            }
        }
        found.into_keys().for_each(|orphan| self.delete(orphan));
    }

    /// Makes an archive. Its record stands before that of its topic, so nobody waits for it.
    fn open(&self, now: Instant, retention_millis: u64) -> Result<Place, Unavailable> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let id = PartitionId::of_family(FAMILY, *next);
        let partition = Partition::new(&self.store, id, Shard::unborn());
        let about = About { stream: u128::from(id.get()).to_be_bytes(), index: 0, opened_at: now, retention_millis };
        drop(partition.execute(Command::Open { about })?);
        // One that could not be made leaves its place to the next.
        *next += 1;
        Ok(Place { partition: id, since: now })
    }

    /// Deletes an archive with all that it keeps. Its record stands behind that of the topic that lets it go.
    pub(crate) fn delete(&self, id: PartitionId) {
        self.change(id, Command::Delete);
    }

    /// Has an archive keep messages for another time. What has expired stays so.
    pub(crate) fn set_retention(&self, id: PartitionId, millis: u64) {
        self.change(id, Command::SetRetention { millis });
    }

    fn change(&self, id: PartitionId, command: Command) {
        let Some(partition) = self.partition(id) else { return };
        if let Err(error) = partition.execute(command).map(drop) {
            tracing::warn!(%error, "an archive of a topic follows what its topic says at the next start");
        }
    }

    pub(crate) fn partition(&self, id: PartitionId) -> Option<Arc<Partition<Shard>>> {
        self.store.partition(id)
    }

    /// An archive as it is now; what is seen may not be durable yet.
    pub(crate) fn state(&self, place: Place) -> Option<ShardState> {
        self.partition(place.partition)?.inspect(Shard::state).flatten()
    }

    /// From when on messages can be replayed.
    pub(crate) fn beginning(&self, place: Place) -> Instant {
        self.state(place).map_or(place.since, |state| state.horizon.max(place.since))
    }

    /// Appends a message; nothing if there is no such archive any more.
    fn append(&self, place: Place, data: Bytes) -> Result<Option<Pending<Shard>>, Unavailable> {
        let Some(partition) = self.partition(place.partition) else { return Ok(None) };
        let record = NewRecord { data, partition_key: None, explicit_hash: None };
        let pending = partition.execute(Command::Append { after: None, records: vec![record] })?;
        let is_there = pending.is(|reply| matches!(reply, Reply::Appended { .. }));
        Ok(is_there.then_some(pending))
    }
}

/// An archive for a topic that does not name it yet: when this is dropped it goes again, unless the topic does then. Whoever asked may go
/// away before that is durable; it is decided all the same.
pub(crate) struct Opened<'a> {
    service: &'a Inner,
    topic: TopicKey,
    pub(crate) place: Place,
}

/// Opens an archive for a topic.
pub(crate) fn open<'a>(
    service: &'a Inner,
    topic: &TopicKey,
    now: Instant,
    retention_millis: u64,
) -> Result<Opened<'a>, Unavailable> {
    let place = service.archives.open(now, retention_millis)?;
    Ok(Opened { service, topic: topic.clone(), place })
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        let topic = self.service.catalog.find(&self.topic);
        let place = topic.and_then(|entry| entry.look(|view| Place::of(&view.about.attributes)));
        if place != Some(self.place) {
            self.service.archives.delete(self.place.partition);
        }
    }
}

/// Puts a message into its topic's archive, if it has one. It is decided now, and durable when what is returned is ready.
pub(crate) fn keep(
    service: &Inner,
    topic: &TopicEntry,
    message: impl FnOnce() -> Bytes,
) -> Result<Option<Pending<Shard>>, Refusal> {
    let place = || topic.look(|view| Place::of(&view.about.attributes));
    let Some(mut known) = place() else { return Ok(None) };
    let data = message();
    loop {
        if let Some(pending) = service.archives.append(known, data.clone())? {
            return Ok(Some(pending));
        }
        // Whoever takes an archive away takes it from the topic first.
        match place() {
            None => return Ok(None),
            Some(same) if same == known => return Err(Refusal::unavailable("the topic's archive is not there")),
            Some(other) => known = other,
        }
    }
}

#[cfg(test)]
mod crash;
#[cfg(test)]
mod tests;
