//! Queues in a real store on the simulated disk: whatever a queue was told to have done it has done after every crash, and nothing that
//! nobody asked for; a queue is found again with its stream, and shards that went while nobody looked are forgotten.

use super::machine::{Change, Claim, Command, Letters, Queue, Receive, Reply, Sight};
use super::records::FAMILY;
use super::script::about;
use super::settings::{About, Start};
use super::{QueueEntry, QueueKey};
use crate::catalog::{Catalog, Creation, StreamEntry, StreamKey, Wanted};
use crate::limits::CONSUMERS_MAX;
use crate::machine::{Reshard, Stream};
use crate::reshard::first_shards;
use crate::settings::{About as OfStream, Distribution, Metrics, Mode, Tags};
use engine::{Clock, Keyring, Machine, ManualClock, Recovery, Store, StoreOptions};
use journal::sim::SimDisk;
use journal::{Io, Options};
use names::{AccountId, Instant, Region};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use stream::{NewRecord, Shard};

const NOW: Instant = Instant::from_millis(1_700_000_000_000);

struct House {
    disk: SimDisk,
    clock: Arc<ManualClock>,
    catalog: Catalog,
}

fn now_or_never<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

impl House {
    fn open(disk: &SimDisk) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let io: Arc<dyn Io> = Arc::new(disk.clone());
        let keyring = Some(Keyring::simulated(&io).unwrap());
        let mut streams = Recovery::new(crate::records::FAMILY, Stream::default);
        let mut shards = Recovery::new(stream::FAMILY, Shard::unborn);
        let mut queues = Recovery::new(FAMILY, Queue::default);
        let options = StoreOptions { journal: Options::small(128 << 10), memory_bytes: 8_000, keyring };
        let recoveries: &mut [&mut dyn engine::Recover] = &mut [&mut streams, &mut shards, &mut queues];
        let store = Store::open(io, options, shown, recoveries).unwrap();
        Self { disk: disk.clone(), clock, catalog: Catalog::recovered(store, streams, shards, queues) }
    }

    fn commit(&self) {
        self.catalog.store().journal().commit().unwrap();
    }

    fn stream(&self) -> Option<Arc<StreamEntry>> {
        self.catalog.find(&stream_about().key)
    }

    fn make_stream(&self) -> Arc<StreamEntry> {
        let wanted = Wanted { about: stream_about(), shards: 2, warm_mibps: None };
        let made = self.catalog.create(wanted, |partition| first_shards(2, NOW, partition)).unwrap();
        let Creation::New(entry, _) = made else { panic!("there is no stream yet") };
        entry
    }

    fn make(&self, start: Start) -> Arc<QueueEntry> {
        let stream = self.stream().unwrap();
        let about =
            About { stream: stream.partition.id(), start, from: self.clock.now(), receives_max: Some(2), ..about() };
        let (entry, pending) = self.catalog.queues.create(self.catalog.store(), &stream, about, CONSUMERS_MAX).unwrap();
        self.commit();
        now_or_never(entry.described(pending)).unwrap().unwrap();
        entry
    }

    fn queue(&self) -> Option<Arc<QueueEntry>> {
        let QueueKey { account, region, .. } = &about().key;
        self.catalog.queues.find(*account, region, &about().id)
    }

    fn put(&self, shard: u32, records: usize) {
        let view = self.stream().unwrap().view();
        let handle = view.shard(shard).unwrap();
        let record = || NewRecord { data: vec![7; 300].into(), partition_key: None, explicit_hash: None };
        let command = stream::Command::Append { after: None, records: (0..records).map(|_| record()).collect() };
        drop(handle.partition(self.catalog.store()).unwrap().execute(command).unwrap());
        self.commit();
    }

    /// What shards have, as a receive would be told.
    fn sights(&self, entry: &QueueEntry) -> Vec<Sight> {
        let view = entry.stream().unwrap().view();
        let cursors = entry.partition.inspect(|queue| queue.cursors.clone()).unwrap();
        let sight = |shard: &Arc<crate::catalog::ShardHandle>| {
            let index = shard.entry.index;
            let cursor = cursors.get(&index).copied().unwrap_or(0);
            let ahead = |shard: &Shard| shard.ahead_of(cursor, Instant::EPOCH);
            let (first, next) = self.catalog.store().peek(shard.entry.partition, ahead)??;
            Some(Sight { shard: index, first, next })
        };
        view.shards.iter().filter_map(sight).collect()
    }

    fn tell(&self, entry: &QueueEntry, command: Command) -> Reply {
        let pending = entry.partition.execute(command).unwrap();
        self.commit();
        now_or_never(pending).unwrap().unwrap()
    }

    fn receive(&self, entry: &QueueEntry, letters: Letters, limit: usize, receipt: u64) -> Vec<Claim> {
        let sights = self.sights(entry);
        let ask =
            Receive { letters, limit, visibility_millis: None, receipt, sights, new_first: receipt.is_multiple_of(2) };
        match self.tell(entry, Command::Receive(ask)) {
            Reply::Received(leased) => leased.into_iter().map(|one| Claim { place: one.place, receipt }).collect(),
            other => panic!("{other:?}"),
        }
    }
}

fn stream_about() -> OfStream {
    OfStream {
        key: StreamKey { account: AccountId::DEFAULT, region: Region::parse("eu-west-1").unwrap(), name: "s".into() },
        created_at: NOW,
        mode: Mode::OnDemand,
        retention_hours: 24,
        record_kib_max: 1024,
        distribution: Distribution::ByKey,
        metrics: Metrics::default(),
        tags: Tags::new(),
        policy: None,
    }
}

/// The queue when all that is in flight now is not any more: what it comes to whenever it is looked at.
fn at_rest(entry: &QueueEntry) -> Queue {
    let mut queue = entry.partition.inspect(Queue::clone).unwrap();
    queue.advance(Instant::FAR_FUTURE);
    queue
}

#[test]
fn every_answer_of_a_queue_holds_after_every_crash() {
    let house = House::open(&SimDisk::new(3));
    house.disk.record_moments();
    house.make_stream();
    house.commit();
    let entry = house.make(Start::TrimHorizon);
    let mut told = vec![(house.disk.ops(), at_rest(&entry))];
    let mut claims = Vec::new();
    for round in 0..60_u64 {
        house.put((round % 2) as u32, 1 + (round % 5) as usize);
        let got = house.receive(&entry, Letters::Alive, 3 + (round % 4) as usize, round + 1);
        told.push((house.disk.ops(), at_rest(&entry)));
        claims.extend(got);
        let some: Vec<Claim> = claims.iter().rev().take(3).copied().collect();
        let command = match round % 7 {
            0 | 3 => Command::Acknowledge { letters: Letters::Alive, claims: some },
            1 => Command::Hide { letters: Letters::Alive, claims: some.into_iter().map(|claim| (claim, 0)).collect() },
            2 => Command::Release(some),
            4 => Command::Restore(house.receive(&entry, Letters::Dead, 2, 1000 + round)),
            5 => Command::Change(Change::Attributes {
                visibility_secs: Some(20),
                receives_max: Some(Some(1 + (round % 3) as u32)),
            }),
            _ => Command::Trim { below: vec![(0, round / 2)], gone: Vec::new() },
        };
        told.push((house.disk.ops(), at_rest(&entry)));
        house.tell(&entry, command);
        told.push((house.disk.ops(), at_rest(&entry)));
        if round % 4 == 3 {
            house.clock.advance_millis(31_000);
        }
        match round {
            17 | 41 => house.catalog.store().checkpoint().unwrap(),
            _ if round % 3 == 0 => drop(house.catalog.store().tend().unwrap()),
            _ => {}
        }
    }
    let dead = entry.partition.inspect(|queue| queue.held.dead_letters()).unwrap();
    assert!(dead > 0, "some of it has to be dead letters");
    let moments = house.disk.take_moments();
    assert!(moments.len() > 100, "{} moments are no test", moments.len());
    for (nth, moment) in moments.iter().enumerate() {
        let seed = nth as u64;
        let disk = if nth % 4 == 0 { moment.kill(seed) } else { moment.crash(seed) };
        let house = House::open(&disk);
        let count = told.partition_point(|(ops, _)| *ops <= moment.op());
        let Some(entry) = house.queue() else {
            assert_eq!(count, 0, "boundary {}: the queue is gone", moment.op());
            continue;
        };
        let found = at_rest(&entry);
        // What somebody was told, or the change that was under way.
        let may_be = &told[count.saturating_sub(1)..told.len().min(count + 2)];
        assert!(may_be.iter().any(|(_, queue)| *queue == found), "boundary {}: {found:?}", moment.op());
    }
}

#[test]
fn a_queue_begins_where_it_says_and_goes_on_there_after_a_crash() {
    let house = House::open(&SimDisk::new(5));
    house.make_stream();
    house.put(0, 3);
    let entry = house.make(Start::Latest);
    assert_eq!(house.receive(&entry, Letters::Alive, 9, 1), []);
    house.put(0, 2);
    house.put(1, 1);
    let first = house.receive(&entry, Letters::Alive, 1, 2);
    house.catalog.store().journal().close();
    let house = House::open(&house.disk);
    let entry = house.queue().unwrap();
    let rest = house.receive(&entry, Letters::Alive, 9, 3);
    let places: Vec<_> = first.iter().chain(&rest).map(|claim| claim.place).collect();
    assert_eq!(places, [(0, 4), (0, 5), (1, 1)]);
    // A name and an id are found, and no partition has two.
    assert_eq!(entry.view().about.key, about().key);
    assert_eq!(house.stream().unwrap().queues.count(), 1);
}

#[test]
fn what_a_stream_forgets_its_queues_forget() {
    let house = House::open(&SimDisk::new(6));
    let stream = house.make_stream();
    let entry = house.make(Start::TrimHorizon);
    house.put(0, 5);
    assert_eq!(house.receive(&entry, Letters::Alive, 4, 1).len(), 4);
    assert!(now_or_never(house.catalog.reshard(&stream, Reshard::Split { index: 0, at: 1 << 100 })).is_none());
    house.commit();
    // The children's records come behind the parent's.
    house.put(2, 1);
    assert_eq!(house.receive(&entry, Letters::Alive, 9, 2).len(), 2);
    assert_eq!(entry.partition.inspect(|queue| queue.held.len()), Some(6));
    house.clock.advance_millis(24 * 3_600_000 + 1);
    house.catalog.tend();
    house.catalog.tend();
    let left = entry.partition.inspect(|queue| (queue.held.len(), queue.cursors.clone())).unwrap();
    assert_eq!(left, (0, [(2, 2)].into()));
}

#[test]
fn a_queue_that_was_deleted_is_not_found_again() {
    let house = House::open(&SimDisk::new(7));
    let stream = house.make_stream();
    let entry = house.make(Start::TrimHorizon);
    let refused = house.catalog.queues.create(
        house.catalog.store(),
        &stream,
        About { id: "other".into(), ..about() },
        CONSUMERS_MAX,
    );
    assert_eq!(refused.map(|_| ()).unwrap_err().error.name, "ResourceInUseException");
    let pending = house.catalog.queues.delete(&stream, &entry).unwrap();
    house.commit();
    now_or_never(entry.done(pending)).unwrap().unwrap();
    assert!(matches!(house.tell(&entry, Command::Describe), Reply::Gone));
    assert!(house.queue().is_none() && stream.queues.count() == 0);
    house.catalog.store().journal().close();
    let house = House::open(&house.disk);
    assert!(house.queue().is_none());
    let again = house.make(Start::TrimHorizon);
    assert_ne!(again.partition.id(), entry.partition.id(), "no number is given twice");
}
