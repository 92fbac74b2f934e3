//! Which accounts keep something in which regions: account and region to partition.
//!
//! Read off the partitions at start and kept beside them afterwards. A room is begun by its first table or metric.

use crate::machine::{Command, Reply, Room, RoomKey};
use crate::metric::{Latest, Series};
use crate::records::FAMILY;
use crate::refusal::Refusal;
use crate::table::About;
use engine::{Partition, Recovery, Store, Unavailable};
use names::{AccountId, PartitionId, Region};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// All rooms of a server.
pub(crate) struct Rooms {
    store: Arc<Store>,
    known: RwLock<Known>,
}

struct Known {
    by_key: BTreeMap<RoomKey, Arc<Partition<Room>>>,
    next: u64,
}

/// What was put of a series last, and whose it is.
#[derive(Debug, Clone)]
pub struct Put {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub region: Region,
    /// Which.
    pub series: Series,
    /// The numbers.
    pub latest: Latest,
}

impl Rooms {
    /// The rooms that replay left.
    pub(crate) fn recovered(store: Arc<Store>, recovery: Recovery<Room>) -> Self {
        let next = recovery.next_ordinal();
        let mut found = Vec::new();
        recovery.look(|id, room| found.extend(room.key.clone().map(|key| (key, id))));
        recovery.finish(&store);
        let by_key = found.into_iter().filter_map(|(key, id)| Some((key, store.partition::<Room>(id)?))).collect();
        Self { store, known: RwLock::new(Known { by_key, next }) }
    }

    pub(crate) fn find(&self, key: &RoomKey) -> Option<Arc<Partition<Room>>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.by_key.get(key).map(Arc::clone)
    }

    /// The room, begun if there is none yet.
    pub(crate) fn open(&self, key: &RoomKey) -> Result<Arc<Partition<Room>>, Unavailable> {
        if let Some(room) = self.find(key) {
            return Ok(room);
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(room) = known.by_key.get(key) {
            return Ok(Arc::clone(room));
        }
        let room = Partition::new(&self.store, PartitionId::of_family(FAMILY, known.next), Room::default());
        known.next += 1;
        // Nobody waits for it: what is asked next stands behind it in the log.
        drop(room.execute(Command::Open(key.clone()))?);
        known.by_key.insert(key.clone(), Arc::clone(&room));
        Ok(room)
    }

    /// Asks a room, and waits until all that its answer saw is durable.
    pub(crate) async fn ask(room: &Partition<Room>, command: Command) -> Result<Reply, Refusal> {
        match room.execute(command)?.await? {
            Reply::Refused(refusal) => Err(refusal),
            reply => Ok(reply),
        }
    }

    /// A table as policies are told of it; none where there is no such table.
    pub(crate) fn about(&self, key: &RoomKey, table: &str) -> Option<Arc<About>> {
        let room = self.find(key)?;
        room.inspect(|room| room.tables.get(table).map(|table| Arc::clone(&table.about))).flatten()
    }

    /// Everything that metrics pages show, room by room.
    pub(crate) fn metrics(&self) -> Vec<Put> {
        let rooms: Vec<_> = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            known.by_key.iter().map(|(key, room)| (key.clone(), Arc::clone(room))).collect()
        };
        let mut all = Vec::new();
        for (RoomKey { account, region }, room) in rooms {
            let sink = room.inspect(|room| room.metrics.clone()).unwrap_or_default();
            let put = |(series, latest)| Put { account, region: region.clone(), series, latest };
            all.extend(sink.0.into_iter().map(put));
        }
        all
    }

    /// Deletes every table and forgets every metric, and tells how many tables there were, once that is durable.
    pub(crate) async fn delete_all(&self) -> Result<usize, Unavailable> {
        let rooms: Vec<_> = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            known.by_key.values().map(Arc::clone).collect()
        };
        let mut gone = 0;
        for room in rooms {
            if let Reply::Tables(tables) = room.execute(Command::Clear)?.await? {
                gone += tables.len();
            }
        }
        Ok(gone)
    }
}
