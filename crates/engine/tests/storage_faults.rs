//! What a full, failing or rotten disk does to a store that has segments.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

mod album;

use album::{Album, Command, FAMILY};
use engine::{Clock, ManualClock, Partition, Recovery, Store, Unavailable};
use journal::sim::SimDisk;
use journal::{Options, StoreError};
use names::{Instant, PartitionId};
use std::future::Future;
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const ALBUM: PartitionId = PartitionId::of_family(FAMILY, 1);
const FILE_BYTES: u64 = 64 << 10;

struct House {
    disk: Arc<SimDisk>,
    store: Arc<Store>,
    album: Arc<Partition<Album>>,
}

impl House {
    fn open(disk: Arc<SimDisk>) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Instant::from_millis(1_000)));
        let mut recovery = Recovery::new(FAMILY, Album::default);
        let options = Options::small(FILE_BYTES);
        let store = Store::open(Arc::<SimDisk>::clone(&disk), options, clock, &mut [&mut recovery]).unwrap();
        recovery.finish(&store);
        let album = store.partition(ALBUM);
        let album = album.unwrap_or_else(|| Partition::new(&store, ALBUM, Album::default()));
        Self { disk, store, album }
    }

    /// Puts pictures of 1,000 bytes in, the number of each in its bytes.
    fn fill(&self, count: u64) {
        for _ in 0..count {
            let number = self.album.inspect(Album::last).unwrap() + 1;
            let picture = number.to_be_bytes().repeat(125);
            drop(self.album.execute(Command::Put(vec![picture])).unwrap());
            self.store.journal().commit().unwrap();
        }
    }

    fn look(&self) -> Vec<(u64, Option<Vec<u8>>)> {
        let pending = self.album.execute(Command::Look(usize::MAX)).unwrap();
        let waker = Context::from_waker(Waker::noop());
        let Poll::Ready(Ok((keys, pictures))) = pin!(pending.read()).poll(&mut { waker }) else {
            panic!("all is durable")
        };
        keys.into_iter().zip(pictures.into_iter().map(|picture| picture.map(|picture| picture.0.to_vec()))).collect()
    }

    fn reopen(self) -> Self {
        self.store.journal().close();
        Self::open(self.disk)
    }

    fn segment_names(&self) -> Vec<String> {
        self.store.journal().segments().into_iter().map(|info| journal::Source::Segment(info.number).file()).collect()
    }
}

fn house() -> House {
    House::open(Arc::new(SimDisk::new(5)))
}

#[test]
fn a_rotten_record_is_withheld_and_counted_and_all_others_are_handed_out() {
    let house = house();
    house.fill(200);
    house.store.tend().unwrap();
    let house = house.reopen();
    let name = house.segment_names().remove(0);
    // In the middle of the first page of records.
    house.disk.flip(&name, 4096 + 5000, 3);
    let found = house.look();
    let missing: Vec<u64> = found.iter().filter(|(_, picture)| picture.is_none()).map(|(key, _)| *key).collect();
    assert_eq!((found.len(), missing.len(), house.store.damaged_reads()), (200, 1, 1));
    let right = |(key, picture): &(u64, Option<Vec<u8>>)| {
        picture.as_ref().is_none_or(|picture| *picture == key.to_be_bytes().repeat(125))
    };
    assert!(found.iter().all(right));
    // It goes on: more is put in, the log is retired, the damaged segment stays where it is.
    let rest: Vec<u64> = (1..=60).filter(|key| !missing.contains(key)).collect();
    drop(house.album.execute(Command::Remove(rest)).unwrap());
    house.fill(200);
    house.store.tend().unwrap();
    house.store.tend().unwrap();
    assert!(house.segment_names().contains(&name));
    assert_eq!(house.look().len(), 341);
}

#[test]
fn a_disk_too_full_to_retire_the_log_keeps_everything_and_goes_on_later() {
    let house = house();
    house.fill(150);
    let used: u64 = used(&house.disk);
    house.disk.set_capacity(used + 4096);
    assert!(matches!(house.store.tend(), Err(StoreError::NoSpace)));
    assert!(matches!(house.store.tend(), Err(StoreError::NoSpace)), "and again");
    assert_eq!(house.look().len(), 150);
    drop(house.album.execute(Command::Remove(vec![1, 2])).unwrap());
    house.store.journal().commit().unwrap();
    house.disk.set_capacity(u64::MAX);
    assert!(house.store.tend().unwrap().files > 0);
    let house = house.reopen();
    assert!(house.look().iter().all(|(_, picture)| picture.is_some()));
    assert_eq!(house.look().len(), 148);
}

#[test]
fn a_disk_that_fails_while_the_log_is_retired_stops_the_store_and_loses_nothing() {
    let mut stopped = 0;
    for op in 1..40 {
        let house = house();
        house.fill(150);
        house.disk.fail_op(house.disk.ops() + op, ErrorKind::Other);
        match house.store.tend() {
            Ok(_) => {}
            Err(StoreError::Fault(_) | StoreError::Stopped(_)) => {
                stopped += 1;
                let put = house.album.execute(Command::Put(vec![vec![0]]));
                assert!(matches!(put, Err(Unavailable::Stopped)), "operation {op}");
            }
            Err(error) => panic!("operation {op}: {error}"),
        }
        let house = House::open(Arc::new(house.disk.crash()));
        let found = house.look();
        assert!(found.len() == 150 && found.iter().all(|(_, picture)| picture.is_some()), "operation {op}");
    }
    assert!(stopped > 10, "{stopped} failures were met");
}

#[test]
fn a_checkpoint_does_not_count_if_the_log_fails_while_it_is_made() {
    let house = house();
    house.fill(200);
    house.store.tend().unwrap();
    // Its segments are referred to by the last checkpoint only; the next one would let them go.
    drop(house.album.execute(Command::RemoveBelow(150)).unwrap());
    house.disk.fail_op(house.disk.ops() + 2, ErrorKind::Other);
    assert!(matches!(house.store.checkpoint(), Err(StoreError::Stopped(_) | StoreError::Fault(_))));
    let house = House::open(Arc::new(house.disk.crash()));
    assert_eq!(house.look().iter().filter(|(_, picture)| picture.is_some()).count(), 200);
}

fn used(disk: &SimDisk) -> u64 {
    journal::Io::list(disk).unwrap().iter().map(|name| disk.bytes(name).map_or(0, |bytes| bytes.len() as u64)).sum()
}
