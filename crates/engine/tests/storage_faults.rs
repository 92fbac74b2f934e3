//! What a full, failing or rotten disk does to a store that has segments.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

mod album;

use album::{Album, Command, FAMILY};
use engine::{Clock, ManualClock, Partition, Recovery, Store, Unavailable};
use journal::sim::SimDisk;
use journal::{OpenError, Options, StoreError};
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
    // It goes on: more is put in and little of the damaged segment is left, so it is written anew, after a few rounds in which
    // it might have been read after all. What was lost stays lost, by name, and the file stays for the operator.
    let rest: Vec<u64> = (1..=60).filter(|key| !missing.contains(key)).collect();
    drop(house.album.execute(Command::Remove(rest)).unwrap());
    house.fill(200);
    for _ in 0..engine::DAMAGED_ROUNDS + 2 {
        house.store.tend().unwrap();
    }
    assert!(!house.segment_names().contains(&name));
    assert_eq!(house.store.journal().damaged_files(), 1);
    assert!(house.disk.bytes(&format!("damaged-{name}")).is_some());
    assert_withheld(&house, 341, &missing);
    let house = House::open(Arc::new(house.disk.crash()));
    assert_withheld(&house, 341, &missing);
    let reads = house.store.damaged_reads();
    assert!(reads > 0, "it is told each time that somebody asks for it");
    drop(house.album.execute(Command::Remove(missing)).unwrap());
    house.store.journal().commit().unwrap();
    assert_withheld(&house, 340, &[]);
}

/// All pictures are there but these.
#[track_caller]
fn assert_withheld(house: &House, count: usize, missing: &[u64]) {
    let found = house.look();
    let withheld: Vec<u64> = found.iter().filter(|(_, picture)| picture.is_none()).map(|(key, _)| *key).collect();
    assert_eq!((found.len(), withheld.as_slice()), (count, missing));
    let right = |(key, picture): &(u64, Option<Vec<u8>>)| {
        picture.as_ref().is_none_or(|picture| *picture == key.to_be_bytes().repeat(125))
    };
    assert!(found.iter().all(right));
}

/// A house with 150 pictures in closed log files, the first of which has rotted at `offset` since it was written.
fn rotten_log(offset: u64) -> (House, String) {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Instant::from_millis(1_000)));
    let mut recovery = Recovery::new(FAMILY, Album::default);
    let options = engine::StoreOptions { journal: Options::small(FILE_BYTES), memory_bytes: 0, keyring: None };
    let disk = Arc::new(SimDisk::new(5));
    let store = Store::open(Arc::<SimDisk>::clone(&disk), options, clock, &mut [&mut recovery]).unwrap();
    recovery.finish(&store);
    let album = Partition::new(&store, ALBUM, Album::default());
    let house = House { disk, store, album };
    house.fill(150);
    let file = house.store.journal().closed_file().unwrap();
    let name = journal::Source::Log(file.number).file();
    house.disk.flip(&name, offset, 3);
    (house, name)
}

#[test]
fn a_log_file_that_rots_before_it_is_retired_costs_what_rotted_and_pins_nothing() {
    // Each picture has a block of its own: two pages from the second one on. Headers, payloads, and the padding behind them.
    let mut lost = 0;
    for offset in (0..60_000).step_by(991) {
        let (house, name) = rotten_log(offset);
        let mut rounds = 0;
        while house.store.journal().closed_files() > engine::CLOSED_FILES_KEPT {
            match house.store.tend() {
                Ok(_) | Err(StoreError::Damage(_)) => rounds += 1,
                Err(error) => panic!("{error}"),
            }
            assert!(rounds < 20, "damage at {offset} pins the log");
        }
        let missing: Vec<u64> = house.look().iter().filter(|(_, one)| one.is_none()).map(|(key, _)| *key).collect();
        assert!(missing.len() <= 1, "damage at {offset} costs {missing:?}");
        lost += missing.len();
        let aside = house.disk.bytes(&format!("damaged-{name}")).is_some();
        assert_eq!(aside, house.store.journal().damaged_files() == 1);
        assert!(aside || missing.is_empty(), "damage at {offset}: the file is kept");
        assert_withheld(&house, 150, &missing);
        house.store.checkpoint().unwrap();
        let house = House::open(Arc::new(house.disk.crash()));
        assert_withheld(&house, 150, &missing);
        assert_eq!(house.store.journal().damaged_files() == 1, aside);
    }
    assert!(lost > 10, "{lost} pictures were hit");
}

#[test]
fn a_crash_at_any_operation_while_a_damaged_file_is_set_aside_loses_no_more() {
    for op in 1..60 {
        let (house, name) = rotten_log(4096 + 200);
        for _ in 1..engine::DAMAGED_ROUNDS {
            assert!(matches!(house.store.tend(), Err(StoreError::Damage(_))));
        }
        house.disk.power_off_at(house.disk.ops() + op);
        let done = house.store.tend().is_ok();
        let disk = Arc::new(house.disk.crash());
        // A crash before the manifest let go of the file leaves a log that cannot be opened: its damage was there before.
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Instant::from_millis(1_000)));
        let mut recovery = Recovery::new(FAMILY, Album::default);
        let opened = Store::open(Arc::<SimDisk>::clone(&disk), Options::small(FILE_BYTES), clock, &mut [&mut recovery]);
        match opened {
            Err(OpenError::Corrupt { file, .. }) => assert!(!done && file == name, "operation {op}: {file}"),
            Err(error) => panic!("operation {op}: {error}"),
            Ok(store) => {
                recovery.finish(&store);
                let album = store.partition(ALBUM).unwrap();
                let house = House { disk, store, album };
                let missing: Vec<u64> =
                    house.look().iter().filter(|(_, one)| one.is_none()).map(|(key, _)| *key).collect();
                assert_eq!(missing.len(), 1, "operation {op}");
                assert!(house.disk.bytes(&format!("damaged-{name}")).is_some(), "operation {op}");
            }
        }
    }
}

#[test]
fn a_salvaged_segment_leaves_what_was_sound() {
    let house = house();
    house.fill(200);
    house.store.tend().unwrap();
    let house = house.reopen();
    let name = house.segment_names().remove(0);
    house.disk.flip(&name, 4096 + 5000, 3);
    let numbers: Vec<u64> = house.store.journal().segments().iter().map(|info| info.number).collect();
    house.store.salvage(&numbers[..1]).unwrap();
    let missing: Vec<u64> = house.look().iter().filter(|(_, one)| one.is_none()).map(|(key, _)| *key).collect();
    assert_eq!(missing.len(), 1);
    let house = house.reopen();
    assert_withheld(&house, 200, &missing);
    assert!(!house.segment_names().contains(&name));
}

/// A closed house with 200 pictures, most of them in its first segment.
fn closed_house() -> (Arc<SimDisk>, String) {
    let house = house();
    house.fill(200);
    house.store.tend().unwrap();
    let name = house.segment_names().remove(0);
    house.store.journal().close();
    (house.disk, name)
}

#[test]
fn a_segment_with_a_damaged_end_is_served_whole_written_anew_and_set_aside() {
    let (disk, name) = closed_house();
    let bytes = disk.bytes(&name).unwrap().len() as u64;
    for at in [0, 17, 40, 62, bytes - 4096, bytes - 4096 + 41, bytes - 4096 + 63] {
        let hurt = Arc::new(disk.kill());
        hurt.flip(&name, at, 2);
        let house = House::open(hurt);
        assert_withheld(&house, 200, &[]);
        assert!(house.segment_names().contains(&name), "byte {at}: it is served until it is written anew");
        assert_eq!(house.store.tend().unwrap().compacted_segments, 1, "byte {at}");
        assert!(!house.segment_names().contains(&name));
        let note = house.disk.bytes(&format!("damaged-{name}.txt")).unwrap();
        let part = if at < 4096 { "the header is damaged" } else { "the footer is damaged" };
        assert!(String::from_utf8_lossy(&note).contains(part), "byte {at}");
        assert!(house.disk.bytes(&format!("damaged-{name}")).is_some());
        assert_withheld(&house, 200, &[]);
        let house = House::open(Arc::new(house.disk.crash()));
        assert_withheld(&house, 200, &[]);
        assert_eq!((house.store.damaged_reads(), house.store.journal().damaged_files()), (0, 1));
        assert_eq!(house.store.tend().unwrap().compacted_segments, 0, "once is enough");
    }
}

#[test]
fn an_end_that_the_disk_refuses_to_read_once_costs_nothing_and_one_that_it_goes_on_refusing_is_given_up() {
    let (disk, name) = closed_house();
    let reads = {
        let whole = Arc::new(disk.kill());
        House::open(Arc::clone(&whole));
        whole.reads()
    };
    let mut met = 0;
    for lasting in [false, true] {
        for read in 0..=reads {
            let hurt = Arc::new(disk.kill());
            hurt.fail_read(read);
            let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Instant::from_millis(1_000)));
            let mut recovery = Recovery::new(FAMILY, Album::default);
            let opened =
                Store::open(Arc::<SimDisk>::clone(&hurt), Options::small(FILE_BYTES), clock, &mut [&mut recovery]);
            // What else is read at a start has to be read.
            let Ok(store) = opened else { continue };
            recovery.finish(&store);
            let of_ends =
                store.journal().hurt_segments().iter().any(|(_, damage)| damage.may_pass && damage.file == name);
            let album = store.partition(ALBUM).unwrap();
            let house = House { disk: hurt, store, album };
            if lasting && !of_ends {
                continue;
            }
            met += u32::from(of_ends);
            for round in 2..=engine::DAMAGED_ROUNDS {
                if lasting {
                    house.disk.fail_read(house.disk.reads() + 1);
                }
                let given_up = u64::from(lasting && round == engine::DAMAGED_ROUNDS);
                assert_eq!(house.store.tend().unwrap().compacted_segments, given_up, "read {read}, round {round}");
                assert_eq!(house.segment_names().contains(&name), given_up == 0, "read {read}, round {round}");
            }
            assert_withheld(&house, 200, &[]);
            assert_eq!(house.store.journal().damaged_files(), u64::from(lasting));
        }
    }
    assert_eq!(met, 4, "a header and a footer, each in both ways");
}

#[test]
fn a_segment_that_was_cut_costs_what_stood_behind_the_cut_and_says_so() {
    let (disk, name) = closed_house();
    disk.truncate(&name, 4096 + 20_000);
    let house = House::open(disk);
    let found = house.look();
    let missing: Vec<u64> = found.iter().filter(|(_, picture)| picture.is_none()).map(|(key, _)| *key).collect();
    assert!(!missing.is_empty() && found.len() == 200);
    house.store.tend().unwrap();
    assert_withheld(&house, 200, &missing);
    let reads = house.store.damaged_reads();
    let house = House::open(Arc::new(house.disk.crash()));
    assert_withheld(&house, 200, &missing);
    assert!(reads > 0 && house.store.damaged_reads() > 0 && !house.segment_names().contains(&name));
}

#[test]
fn a_missing_segment_refuses_a_server_and_is_given_up_by_a_repair() {
    let (disk, name) = closed_house();
    let kept = disk.bytes(&name).unwrap();
    disk.lose(&name);
    let open = |disk: &Arc<SimDisk>, without_lost_segments| {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Instant::from_millis(1_000)));
        let mut recovery = Recovery::new(FAMILY, Album::default);
        let options = Options { without_lost_segments, ..Options::small(FILE_BYTES) };
        let store = Store::open(Arc::<SimDisk>::clone(disk), options, clock, &mut [&mut recovery])?;
        recovery.finish(&store);
        Ok::<_, OpenError>(store)
    };
    let Err(OpenError::Corrupt { file, why, .. }) = open(&disk, false) else { panic!("it is opened") };
    assert!(file == name && why.contains("it is missing"));
    // Whoever finds the file again loses nothing.
    let found = Arc::new(disk.kill());
    journal::Io::create(&*found, &name, kept.len() as u64).unwrap();
    found.overwrite(&name, 0, &kept);
    assert_withheld(&House::open(found), 200, &[]);

    let store = open(&disk, true).unwrap();
    let number = journal::Segments::is_ours(&name).unwrap();
    store.salvage(&[number]).unwrap();
    store.journal().close();
    drop(store);
    let house = House::open(disk);
    let missing: Vec<u64> = house.look().iter().filter(|(_, one)| one.is_none()).map(|(key, _)| *key).collect();
    assert!(!missing.is_empty() && missing.len() < 200);
    assert_withheld(&house, 200, &missing);
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

#[test]
fn an_album_that_is_over_is_let_go_of_without_a_checkpoint_and_stays_over() {
    let house = house();
    house.fill(3);
    let id = PartitionId::of_family(FAMILY, 2);
    let other = Partition::new(&house.store, id, Album::default());
    drop(other.execute(Command::Put(vec![vec![1]])).unwrap());
    house.store.journal().commit().unwrap();
    drop(other.execute(Command::Burn).unwrap());
    house.store.put_away();
    assert_eq!(house.store.partitions(), (2, 0), "its end is not durable");
    house.store.journal().commit().unwrap();
    house.store.put_away();
    assert_eq!(house.store.partitions(), (1, 0), "it is gone although somebody holds it and there was no checkpoint");
    for checkpoint in [false, true] {
        if checkpoint {
            house.store.checkpoint().unwrap();
        }
        let house = House::open(Arc::new(house.disk.kill()));
        assert!(house.store.partition::<Album>(id).is_none());
        assert_withheld(&house, 3, &[]);
    }
}

/// The tombstone of an album is all that tells a replay to pass over what the log still says of it.
#[test]
fn tombstones_stay_as_long_as_a_log_file_that_could_not_be_retired() {
    let mut failed = 0;
    for pages in 0..40 {
        let house = house();
        let other = Partition::new(&house.store, PartitionId::of_family(FAMILY, 2), Album::default());
        drop(other.execute(Command::Put(vec![vec![1]; 3])).unwrap());
        house.fill(150);
        house.store.tend().unwrap();
        // The log has the other album's end now, and no longer its beginning.
        drop(other.execute(Command::Put(vec![vec![2]])).unwrap());
        drop(other.execute(Command::Burn).unwrap());
        drop(other);
        house.fill(90);
        house.disk.set_capacity(used(&house.disk) + pages * 4096);
        let is_failed = matches!(house.store.tend(), Err(StoreError::NoSpace));
        house.disk.set_capacity(u64::MAX);
        if !is_failed {
            continue;
        }
        failed += 1;
        // So many that one of them is complete, and stands for all that those before said.
        for _ in 0..120 {
            house.store.checkpoint().unwrap();
        }
        let house = House::open(Arc::new(house.disk.crash()));
        assert_withheld(&house, 240, &[]);
    }
    assert!(failed > 3, "{failed} rounds found the disk full");
}
