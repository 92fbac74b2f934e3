//! Which accounts keep something in which regions: account and region to partition.
//!
//! Read off the partitions at start and kept beside them afterwards. A room is begun by its first table or metric. What all of them take
//! has a bound, beside the bound of each: it is looked at before a room may grow, and counted afterwards, so it is passed by what is under
//! way at the most.

use crate::limits;
use crate::machine::{Command, Reply, Room, RoomKey};
use crate::metric::{Latest, Series};
use crate::records::FAMILY;
use crate::refusal::Refusal;
use crate::table::About;
use engine::{Partition, Recovery, Store, Unavailable};
use names::{AccountId, PartitionId, Region};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// All rooms of a server.
pub(crate) struct Rooms {
    store: Arc<Store>,
    known: RwLock<Known>,
    /// Memory that all of them take.
    weight: AtomicU64,
}

struct Known {
    by_key: BTreeMap<RoomKey, Arc<RoomEntry>>,
    next: u64,
}

impl Known {
    /// Those of an account, in all regions.
    fn of(&self, account: AccountId) -> impl Iterator<Item = &Arc<RoomEntry>> {
        let least = Region::parse("-").expect("one hyphen is a region's name, and none comes before it");
        let from = self.by_key.range(RoomKey { account, region: least }..);
        from.take_while(move |(key, _)| key.account == account).map(|(_, room)| room)
    }
}

/// A room that can be asked.
pub(crate) struct RoomEntry {
    account: AccountId,
    partition: Arc<Partition<Room>>,
    /// Memory that it took when it was looked at last.
    weight: AtomicU64,
}

impl RoomEntry {
    fn new(account: AccountId, partition: Arc<Partition<Room>>) -> Arc<Self> {
        Arc::new(Self { account, partition, weight: AtomicU64::new(0) })
    }
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
        let entry = |(key, id): (RoomKey, _)| {
            let room = RoomEntry::new(key.account, store.partition::<Room>(id)?);
            Some((key, room))
        };
        let by_key: BTreeMap<_, _> = found.into_iter().filter_map(entry).collect();
        let entries: Vec<_> = by_key.values().map(Arc::clone).collect();
        let rooms = Self { store, known: RwLock::new(Known { by_key, next }), weight: AtomicU64::new(0) };
        entries.iter().for_each(|entry| rooms.weigh(entry));
        rooms
    }

    pub(crate) fn find(&self, key: &RoomKey) -> Option<Arc<RoomEntry>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.by_key.get(key).map(Arc::clone)
    }

    /// The room, begun if there is none yet.
    pub(crate) fn open(&self, key: &RoomKey) -> Result<Arc<RoomEntry>, Refusal> {
        if let Some(room) = self.find(key) {
            return Ok(room);
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(room) = known.by_key.get(key) {
            return Ok(Arc::clone(room));
        }
        if known.by_key.len() >= limits::ROOMS_MAX || known.of(key.account).count() >= limits::ROOMS_OF_ACCOUNT_MAX {
            return Err(Refusal::all_full());
        }
        let room = Partition::new(&self.store, PartitionId::of_family(FAMILY, known.next), Room::default());
        known.next += 1;
        // Nobody waits for it: what is asked next stands behind it in the log.
        drop(room.execute(Command::Open(key.clone()))?);
        let entry = RoomEntry::new(key.account, room);
        known.by_key.insert(key.clone(), Arc::clone(&entry));
        Ok(entry)
    }

    /// Asks a room, and waits until all that its answer saw is durable.
    pub(crate) async fn ask(&self, room: &RoomEntry, command: Command) -> Result<Reply, Refusal> {
        let is_read = matches!(command, Command::Describe(_) | Command::List | Command::Get { .. } | Command::Read(_));
        if command.may_grow() && self.is_full(room) {
            return Err(Refusal::all_full());
        }
        let pending = room.partition.execute(command)?;
        if !is_read {
            self.weigh(room);
        }
        match pending.await? {
            Reply::Refused(refusal) => Err(refusal),
            reply => Ok(reply),
        }
    }

    /// Whether all rooms take what they may, or those of this one's account do.
    fn is_full(&self, room: &RoomEntry) -> bool {
        let of_account = || {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            known.of(room.account).map(|room| room.weight.load(Ordering::Relaxed)).sum::<u64>()
        };
        self.weight.load(Ordering::Relaxed) >= limits::ALL_BYTES_MAX || of_account() >= limits::BYTES_OF_ACCOUNT_MAX
    }

    /// Counts what a room takes now.
    fn weigh(&self, room: &RoomEntry) {
        if let Some(now) = room.partition.inspect(Room::weight) {
            let before = room.weight.swap(now, Ordering::Relaxed);
            self.weight.fetch_add(now.wrapping_sub(before), Ordering::Relaxed);
        }
    }

    /// A table as policies are told of it; none where there is no such table.
    pub(crate) fn about(&self, key: &RoomKey, table: &str) -> Option<Arc<About>> {
        let room = self.find(key)?;
        room.partition.inspect(|room| room.tables.get(table).map(|table| Arc::clone(&table.about))).flatten()
    }

    /// Everything that metrics pages show, room by room.
    pub(crate) fn metrics(&self) -> Vec<Put> {
        let rooms: Vec<_> = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            known.by_key.iter().map(|(key, room)| (key.clone(), Arc::clone(room))).collect()
        };
        let mut all = Vec::new();
        for (RoomKey { account, region }, room) in rooms {
            let sink = room.partition.inspect(|room| room.metrics.all().clone()).unwrap_or_default();
            let put = |(series, latest)| Put { account, region: region.clone(), series, latest };
            all.extend(sink.into_iter().map(put));
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
            let cleared = room.partition.execute(Command::Clear)?;
            self.weigh(&room);
            if let Reply::Tables(tables) = cleared.await? {
                gone += tables.len();
            }
        }
        Ok(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Item, Value};
    use crate::write::{Action, Write};
    use engine::ManualClock;
    use names::Instant;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn rooms() -> Rooms {
        let store = Store::ephemeral(Arc::new(ManualClock::at(Instant::from_millis(1))));
        Rooms::recovered(store, Recovery::new(FAMILY, Room::default))
    }

    fn key(nth: usize) -> RoomKey {
        let account = AccountId::parse(&format!("{nth:012}")).unwrap();
        RoomKey { account, region: Region::parse("us-east-1").unwrap() }
    }

    fn done(rooms: &Rooms, room: &RoomEntry, command: Command) -> Result<Reply, Refusal> {
        let mut asked = pin!(rooms.ask(room, command));
        loop {
            if let Poll::Ready(reply) = asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return reply;
            }
            rooms.store.journal().commit().unwrap();
        }
    }

    #[test]
    fn as_many_accounts_keep_something_as_there_is_place_for() {
        let rooms = rooms();
        for nth in 0..limits::ROOMS_MAX {
            assert!(rooms.open(&key(nth)).is_ok());
        }
        let refusal = rooms.open(&key(limits::ROOMS_MAX)).err().expect("there is no place");
        assert_eq!(refusal.error.name, "RequestLimitExceeded");
        assert!(rooms.open(&key(7)).is_ok(), "one that is there is found");
    }

    #[test]
    fn an_account_has_a_bound_over_all_its_regions_and_leaves_room_to_others() {
        let rooms = rooms();
        let in_region = |nth: usize| RoomKey { region: Region::parse(&format!("r-{nth}")).unwrap(), ..key(1) };
        let all: Vec<_> = (0..limits::ROOMS_OF_ACCOUNT_MAX)
            .map(|nth| rooms.open(&in_region(nth)).expect("it may have these"))
            .collect();
        let refusal = rooms.open(&in_region(limits::ROOMS_OF_ACCOUNT_MAX)).err().expect("and no more");
        assert_eq!(refusal.error.name, "RequestLimitExceeded");
        let others = [0, 2].map(|nth| rooms.open(&key(nth)).expect("others may"));
        // As if two of its rooms held much.
        all[..2].iter().for_each(|room| room.weight.store(limits::BYTES_OF_ACCOUNT_MAX / 2, Ordering::Relaxed));
        assert!(all.iter().all(|room| rooms.is_full(room)) && others.iter().all(|room| !rooms.is_full(room)));
    }

    #[test]
    fn what_all_rooms_take_has_a_bound_and_what_makes_them_smaller_is_done() {
        let rooms = rooms();
        let room = rooms.open(&key(1)).unwrap();
        let latest = Latest { at: Instant::EPOCH, put_at: Instant::EPOCH, count: 1.0, sum: 1.0, min: 1.0, max: 1.0 };
        let series = |name: &str| Series {
            namespace: "n".into(),
            name: name.into(),
            dimensions: Vec::new(),
            unit: "None".into(),
        };
        let put = |name: &str| Command::PutMetrics(vec![(series(name), latest)]);
        done(&rooms, &room, put("a")).unwrap();
        let taken = rooms.weight.load(Ordering::Relaxed);
        assert_eq!(Some(taken), room.partition.inspect(Room::weight));
        // As if others took the rest.
        rooms.weight.fetch_add(limits::ALL_BYTES_MAX - taken, Ordering::Relaxed);
        assert_eq!(done(&rooms, &room, put("b")).unwrap_err().error.name, "RequestLimitExceeded");
        let delete = Write {
            table: "t".into(),
            action: Action::Delete(Item([("id".into(), Value::Null)].into())),
            condition: None,
            shows_item: false,
        };
        let asked = done(&rooms, &room, Command::Write(vec![delete], None)).unwrap_err();
        assert_eq!(asked.error.name, "ResourceNotFoundException", "it was asked");
        done(&rooms, &room, Command::Clear).unwrap();
        done(&rooms, &room, put("b")).unwrap();
    }
}
