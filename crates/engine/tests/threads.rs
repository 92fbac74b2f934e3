//! Housekeeping beside requests, with real threads on a real disk: while several threads put pictures in, look and take out,
//! the log is retired, segments are written, compacted and dropped under them, and memory is short.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]
#![expect(clippy::disallowed_methods, reason = "what is tested are threads of the server's, on a folder of its own")]

mod album;

use album::{Album, Command, FAMILY};
use engine::{Clock, ManualClock, Partition, Recovery, Store, StoreOptions, Tended};
use journal::{Drive, Options, RealDisk};
use names::{Instant, PartitionId};
use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

const WRITERS: u64 = 4;
const STEPS: u64 = 1_500;

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("tidewire-threads-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

fn open(folder: &Folder) -> (Arc<Store>, BTreeMap<PartitionId, Arc<Partition<Album>>>) {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Instant::from_millis(1_000)));
    let mut recovery = Recovery::new(FAMILY, Album::default);
    let journal = Options { drive: Drive::Thread, ..Options::small(1 << 20) };
    let options = StoreOptions { journal, memory_bytes: 64 << 10, keyring: None };
    let disk = Arc::new(RealDisk::open(&folder.0).unwrap());
    let store = Store::open(disk, options, clock, &mut [&mut recovery]).unwrap();
    let mut ids = Vec::new();
    recovery.look(|id, _| ids.push(id));
    recovery.finish(&store);
    let albums = ids.into_iter().map(|id| (id, store.partition(id).unwrap())).collect();
    (store, albums)
}

fn picture(writer: u64, key: u64) -> Vec<u8> {
    let bytes = (writer * 1_000_000 + key).to_be_bytes();
    bytes.repeat(usize::try_from(20 + key % 60).unwrap())
}

/// Puts in, looks at the oldest, and takes most of them out; leaves the others. Returns what it left.
fn write(album: &Partition<Album>, writer: u64) -> Vec<u64> {
    let mut left = Vec::new();
    for step in 0..STEPS {
        let next = album.inspect(Album::last).unwrap() + 1;
        let pictures = (next..next + 3).map(|key| picture(writer, key)).collect();
        wait(album.execute(Command::Put(pictures)).unwrap()).unwrap();
        left.extend(next..next + 3);
        if step % 3 == 0 {
            let (keys, pictures) = wait(album.execute(Command::Look(40)).unwrap().read()).unwrap();
            for (key, seen) in keys.iter().zip(pictures) {
                assert_eq!(*seen.expect("it is there").0, picture(writer, *key), "picture {key} of {writer}");
            }
            let out: Vec<u64> =
                keys.into_iter().filter(|key| key % 50 != 0).take(if step < 900 { 3 } else { 12 }).collect();
            wait(album.execute(Command::Remove(out.clone())).unwrap()).unwrap();
            left.retain(|key| !out.contains(key));
        }
    }
    left
}

fn check(albums: &BTreeMap<PartitionId, Arc<Partition<Album>>>, left: &[Vec<u64>]) {
    for (writer, left) in (0..).zip(left) {
        let album = &albums[&PartitionId::of_family(FAMILY, writer + 1)];
        let (keys, pictures) = wait(album.execute(Command::Look(usize::MAX)).unwrap().read()).unwrap();
        assert_eq!(&keys, left);
        for (key, seen) in keys.into_iter().zip(pictures) {
            assert_eq!(*seen.expect("it is there").0, picture(writer, key));
        }
    }
}

#[test]
fn housekeeping_takes_nothing_away_from_requests() {
    let folder = Folder::new();
    let (store, _) = open(&folder);
    let ids = (1..=WRITERS).map(|ordinal| PartitionId::of_family(FAMILY, ordinal));
    let albums: BTreeMap<_, _> = ids.map(|id| (id, Partition::new(&store, id, Album::default()))).collect();
    let done = AtomicBool::new(false);
    let mut all = Tended::default();
    let left: Vec<Vec<u64>> = thread::scope(|scope| {
        let writers: Vec<_> =
            albums.values().zip(0..).map(|(album, writer)| scope.spawn(move || write(album, writer))).collect();
        let keeper = scope.spawn(|| {
            let mut all = Tended::default();
            while !done.load(Ordering::Relaxed) {
                let tended = store.tend().unwrap();
                all.files += tended.files;
                all.compacted_segments += tended.compacted_segments;
                all.dropped_segments += tended.dropped_segments;
            }
            all
        });
        let left = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        done.store(true, Ordering::Relaxed);
        all = keeper.join().unwrap();
        left
    });
    assert!(all.files > 5 && all.compacted_segments > 0 && all.dropped_segments > 0, "{all:?}");
    assert_eq!(store.damaged_reads(), 0);
    check(&albums, &left);
    drop(albums);
    store.journal().close();
    drop(store);
    let (store, albums) = open(&folder);
    check(&albums, &left);
    store.journal().close();
}
