//! A catalog over a simulated disk: what a power cut left undone between a stream and its shards, views that follow their stream, and
//! shards that are forgotten when nothing of them is kept any more.

use super::*;
use crate::reshard::first_shards;
use crate::settings::Metrics;
use engine::ManualClock;
use journal::Options;
use journal::sim::SimDisk;
use names::Instant;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

const NOW: Instant = Instant::from_millis(1_700_000_000_000);

pub(super) fn key() -> StreamKey {
    StreamKey { account: AccountId::DEFAULT, region: Region::parse("us-east-1").unwrap(), name: "s".into() }
}

pub(super) fn about() -> About {
    About {
        key: key(),
        created_at: NOW,
        mode: Mode::Provisioned,
        retention_hours: 24,
        record_kib_max: 1024,
        distribution: Distribution::ByKey,
        metrics: Metrics::default(),
        tags: Tags::new(),
        policy: None,
    }
}

pub(super) fn wanted(shards: u32) -> Wanted {
    Wanted { about: about(), shards, warm_mibps: None }
}

fn named(name: &str) -> Wanted {
    Wanted { about: About { key: StreamKey { name: name.into(), ..key() }, ..about() }, ..wanted(1) }
}

fn open(disk: &Arc<SimDisk>) -> Catalog {
    open_with(disk, Options::small(1 << 18), NOW)
}

pub(super) fn open_with(disk: &Arc<SimDisk>, options: Options, now: Instant) -> Catalog {
    open_at(disk, options, Arc::new(ManualClock::at(now)))
}

pub(super) fn open_at(disk: &Arc<SimDisk>, options: Options, clock: Arc<ManualClock>) -> Catalog {
    let mut streams = Recovery::new(FAMILY, Stream::default);
    let mut shards = Recovery::new(stream::FAMILY, Shard::unborn);
    let disk = Arc::<SimDisk>::clone(disk);
    let mut queues = Recovery::new(queues::FAMILY, Queue::default);
    let recoveries: &mut [&mut dyn engine::Recover] = &mut [&mut streams, &mut shards, &mut queues];
    let store = Store::open(disk, options, clock, recoveries).unwrap();
    Catalog::recovered(store, streams, shards, queues)
}

/// A store with a stream of two shards, of which `decide` is all that was still decided before the power went.
fn cut_off(decide: impl FnOnce(&StreamEntry)) -> (Arc<StreamEntry>, Catalog) {
    let disk = Arc::new(SimDisk::new(1));
    let catalog = open(&disk);
    let made = catalog.create(wanted(2), |partition| first_shards(2, NOW, partition)).unwrap();
    let Creation::New(entry, _) = made else { panic!("there is no stream yet") };
    decide(&entry);
    catalog.store().journal().commit().unwrap();
    catalog.store().journal().close();
    (entry, open(&disk))
}

pub(super) fn state(catalog: &Catalog, partition: PartitionId) -> Option<stream::ShardState> {
    catalog.store().partition::<Shard>(partition)?.inspect(Shard::state).flatten()
}

#[test]
fn a_resharding_that_was_only_decided_is_carried_out_at_the_next_start() {
    let (before, catalog) = cut_off(|entry| {
        let partitions = PartitionId::of_family(stream::FAMILY, 50).get();
        let ask = Reshard::Split { index: 0, at: 1 << 100 };
        let command = Command::Reshard { ask, partitions: partitions..partitions + 2, room: 10 };
        drop(entry.partition.execute(command).unwrap());
    });
    let view = catalog.find(&key()).unwrap().view();
    assert_eq!((view.shards.len(), view.open_shards()), (4, 3));
    for shard in view.shards.iter() {
        let state = state(&catalog, shard.entry.partition).expect("each shard is there");
        assert_eq!((state.index, state.closed_at.is_none()), (shard.entry.index, shard.entry.is_open()));
    }
    assert_eq!(before.view().shards.len(), 2);
    // What comes next has numbers that nobody has.
    let Creation::New(next, _) = catalog.create(named("t"), |partition| first_shards(1, NOW, partition)).unwrap()
    else {
        panic!("the name is free")
    };
    assert_eq!(next.view().shards[0].entry.partition, PartitionId::of_family(stream::FAMILY, 52));
}

#[test]
fn a_change_of_something_else_keeps_the_shards_of_a_view_and_a_resharding_makes_them_anew() {
    let disk = Arc::new(SimDisk::new(1));
    let catalog = open(&disk);
    let made = catalog.create(wanted(2), |partition| first_shards(2, NOW, partition)).unwrap();
    let Creation::New(entry, _) = made else { panic!("there is no stream yet") };
    let before = entry.view();
    drop(entry.partition.execute(Command::Change(Change::RaiseRetention(48))).unwrap());
    entry.look_again();
    let after = entry.view();
    assert_eq!(after.about.retention_hours, 48);
    assert!(Arc::ptr_eq(&before.shards, &after.shards));
    let partitions = PartitionId::of_family(stream::FAMILY, 50).get();
    let ask = Reshard::Split { index: 0, at: 1 << 100 };
    let command = Command::Reshard { ask, partitions: partitions..partitions + 2, room: 10 };
    drop(entry.partition.execute(command).unwrap());
    entry.look_again();
    let split = entry.view();
    assert_eq!((after.open_shards(), split.open_shards(), split.shards.len()), (2, 3, 4));
    assert!(Arc::ptr_eq(&after.shards[1], &split.shards[1]), "a shard that stays is the same");
}

#[test]
fn the_shards_of_a_stream_that_is_gone_go_at_the_next_start() {
    let (before, catalog) = cut_off(|entry| {
        drop(entry.partition.execute(Command::Delete { with_consumers: false }).unwrap());
    });
    assert!(catalog.find(&key()).is_none());
    let shards = &before.view().shards;
    assert!(shards.iter().all(|shard| state(&catalog, shard.entry.partition).is_none()));
}

#[test]
fn a_retention_that_only_the_stream_knows_is_told_to_its_shards_at_the_next_start() {
    let (_, catalog) = cut_off(|entry| {
        drop(entry.partition.execute(Command::Change(Change::RaiseRetention(48))).unwrap());
    });
    let view = catalog.find(&key()).unwrap().view();
    let millis = |shard: &Arc<ShardHandle>| state(&catalog, shard.entry.partition).unwrap().retention_millis;
    assert!(view.shards.iter().all(|shard| millis(shard) == 48 * 3_600_000));
}

#[test]
fn however_often_shards_change_no_record_arrives_ahead_of_the_clock() {
    let disk = Arc::new(SimDisk::new(1));
    let catalog = open(&disk);
    let made = catalog.create(wanted(1), |partition| first_shards(1, NOW, partition)).unwrap();
    let Creation::New(entry, _) = made else { panic!("there is no stream yet") };
    for count in (0..50).flat_map(|_| [2, 1]) {
        let mut reshard = pin!(catalog.reshard(&entry, Reshard::Count(count)));
        let _pending = reshard.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
    let view = entry.view();
    let shard = view.shard_of(0).unwrap();
    assert!(shard.entry.opened_at > NOW.plus_secs(50), "its numbers are greater than its parents'");
    let record = stream::NewRecord { data: bytes::Bytes::from_static(b"x"), partition_key: None, explicit_hash: None };
    let command = stream::Command::Append { after: None, records: vec![record] };
    let appended = shard.partition(catalog.store()).unwrap().execute(command).unwrap();
    assert!(appended.is(|reply| matches!(reply, stream::Reply::Appended { at: NOW, .. })));
}

#[test]
fn a_shard_is_forgotten_when_all_its_records_have_expired() {
    let disk = Arc::new(SimDisk::new(1));
    let mut streams = Recovery::new(FAMILY, Stream::default);
    let mut shards = Recovery::new(stream::FAMILY, Shard::unborn);
    let clock = Arc::new(ManualClock::at(NOW));
    let shown: Arc<ManualClock> = Arc::clone(&clock);
    let mut queues = Recovery::new(queues::FAMILY, Queue::default);
    let recoveries: &mut [&mut dyn engine::Recover] = &mut [&mut streams, &mut shards, &mut queues];
    let store = Store::open(disk, Options::small(1 << 18), shown, recoveries).unwrap();
    let catalog = Catalog::recovered(store, streams, shards, queues);
    let made = catalog.create(wanted(1), |partition| first_shards(1, NOW, partition)).unwrap();
    let Creation::New(entry, _) = made else { panic!("there is no stream yet") };
    let parent = entry.view().shards[0].entry.partition;
    // Everything is decided at the first poll; the rest waits for the disk.
    let mut reshard = pin!(catalog.reshard(&entry, Reshard::Count(2)));
    assert!(reshard.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    clock.advance_millis(24 * 3_600_000);
    catalog.tend();
    assert_eq!(entry.view().shards.len(), 3, "its last record may be from the moment it was closed");
    clock.advance_millis(1);
    catalog.tend();
    assert_eq!(entry.view().shards.len(), 2);
    assert!(state(&catalog, parent).is_none());
}
