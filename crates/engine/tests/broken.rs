//! A command that panics breaks its partition until the next start. Whatever the store does meanwhile, the start finds all
//! that the partition held.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

mod album;

use album::{Album, Command, FAMILY};
use engine::{Clock, ManualClock, Partition, Recovery, Sleep, Store, StoreOptions, Unavailable};
use journal::sim::SimDisk;
use journal::{Options, StoreError};
use names::{Instant, PartitionId};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

const BROKEN: PartitionId = PartitionId::of_family(FAMILY, 1);
const OTHER: PartitionId = PartitionId::of_family(FAMILY, 2);

fn open(disk: SimDisk) -> (Arc<SimDisk>, Arc<Store>) {
    open_with(disk, Arc::new(ManualClock::at(Instant::from_millis(1_000))))
}

fn open_with(disk: SimDisk, clock: Arc<dyn Clock>) -> (Arc<SimDisk>, Arc<Store>) {
    let disk = Arc::new(disk);
    let mut recovery = Recovery::new(FAMILY, Album::default);
    let options = StoreOptions { journal: Options::small(64 << 10), memory_bytes: 6_000, keyring: None };
    let store = Store::open(Arc::<SimDisk>::clone(&disk), options, clock, &mut [&mut recovery]).unwrap();
    recovery.finish(&store);
    (disk, store)
}

fn ask(store: &Store, album: &Partition<Album>, command: Command) -> (Vec<u64>, Vec<usize>) {
    let pending = album.execute(command).unwrap();
    store.journal().commit().unwrap();
    match pin!(pending.read()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => {
            let (numbers, pictures) = answer.unwrap();
            (numbers, pictures.into_iter().map(|picture| picture.map_or(0, |picture| picture.0.len())).collect())
        }
        Poll::Pending => panic!("everything is durable"),
    }
}

/// Fills several log files with what is gone at once.
fn fill(store: &Store, album: &Partition<Album>) {
    for _ in 0..40 {
        let (first, _) = ask(store, album, Command::Put(vec![vec![7; 8_000]; 2]));
        ask(store, album, Command::Remove(vec![first[0], first[0] + 1]));
    }
}

#[test]
fn housekeeping_forgets_nothing_of_a_partition_that_a_panic_broke() {
    let (disk, store) = open(SimDisk::new(3));
    let (album, other) =
        (Partition::new(&store, BROKEN, Album::default()), Partition::new(&store, OTHER, Album::default()));
    ask(&store, &album, Command::Put(vec![vec![1; 500], vec![2; 600]]));
    fill(&store, &other);
    store.tend().unwrap();
    // These stand in the log alone, the first two in a segment.
    ask(&store, &album, Command::Put(vec![vec![3; 700]]));
    let tripped = catch_unwind(AssertUnwindSafe(|| drop(album.execute(Command::Trip))));
    assert!(tripped.is_err() && matches!(album.execute(Command::Look(9)), Err(Unavailable::Broken)));
    drop(album);
    for _ in 0..20 {
        fill(&store, &other);
        store.tend().unwrap();
        store.checkpoint().unwrap();
    }
    let album = store.partition::<Album>(BROKEN).expect("it is still known");
    assert!(matches!(album.execute(Command::Look(9)), Err(Unavailable::Broken)));
    store.journal().close();
    let (_, store) = open(disk.crash());
    let album = store.partition::<Album>(BROKEN).expect("a start has it again");
    assert_eq!(ask(&store, &album, Command::Look(9)), (vec![1, 2, 3], vec![500, 600, 700]));
    assert!(store.tend().unwrap().files > 10, "and the log is shortened again");
}

#[test]
fn housekeeping_that_is_told_to_end_leaves_the_other_files_to_the_next_round() {
    let (disk, store) = open(SimDisk::new(4));
    let other = Partition::new(&store, OTHER, Album::default());
    fill(&store, &other);
    let told = AtomicUsize::new(0);
    let tended = store.tend_while(|| told.fetch_add(1, Ordering::Relaxed) < 2).unwrap();
    assert_eq!((tended.files, tended.compacted_segments), (2, 0));
    store.journal().close();
    let (_, store) = open(disk.crash());
    assert!(store.tend().unwrap().files > 2);
}

/// Breaks an album when it is asked for the time next, which a checkpoint does once it is under way.
struct Breaking {
    clock: ManualClock,
    album: Mutex<Option<Arc<Partition<Album>>>>,
}

impl Clock for Breaking {
    fn now(&self) -> Instant {
        // Taken out first: the album asks for the time, too.
        let album = self.album.lock().unwrap().take();
        if let Some(album) = album {
            let tripped = catch_unwind(AssertUnwindSafe(|| drop(album.execute(Command::Trip))));
            assert!(tripped.is_err());
        }
        self.clock.now()
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        self.clock.sleep_until(at)
    }
}

#[test]
fn a_checkpoint_under_which_a_partition_breaks_does_not_count() {
    let clock = Arc::new(Breaking { clock: ManualClock::at(Instant::from_millis(1_000)), album: Mutex::new(None) });
    let (disk, store) = open_with(SimDisk::new(4), Arc::<Breaking>::clone(&clock));
    let (album, other) =
        (Partition::new(&store, BROKEN, Album::default()), Partition::new(&store, OTHER, Album::default()));
    ask(&store, &album, Command::Put(vec![vec![1; 500], vec![2; 600]]));
    fill(&store, &other);
    *clock.album.lock().unwrap() = Some(album);
    assert!(matches!(store.tend(), Err(StoreError::Withdrawn)));
    assert!(clock.album.lock().unwrap().is_none(), "the checkpoint had asked for the time");
    store.journal().close();
    let (_, store) = open(disk.crash());
    let album = store.partition::<Album>(BROKEN).expect("a start has it again");
    assert_eq!(ask(&store, &album, Command::Look(9)), (vec![1, 2], vec![500, 600]));
}
