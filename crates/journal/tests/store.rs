//! Retiring, checkpoints, compaction and recovery under power cuts at every boundary, faults, and a full disk.
//!
//! Each seed is one life; each of its boundaries is crashed at, and the recovery again. `TIDEWIRE_SEEDS` sets how many
//! seeds run, `TIDEWIRE_SEED` runs one.

#![expect(clippy::unwrap_used, reason = "what tests call may unwrap: a panic there is the report")]

mod model;
mod user;

use std::{
    collections::BTreeSet,
    io::{self, ErrorKind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use journal::{AppendError, Io, IoFile, Journal, LockError, LockGuard, OpenError, StoreError, sim::SimDisk};
use model::{for_each_seed, options};
use user::{History, User, is_off};

/// A random piece of life; `false` when the journal stopped.
fn live(
    journal: &Journal,
    user: &mut User,
    history: &mut History,
    disk: &SimDisk,
    rng: &mut fastrand::Rng,
    steps: usize,
) -> bool {
    history.mark(journal, disk);
    for _ in 0..steps {
        let goes_on = step(journal, user, history, rng);
        history.mark(journal, disk);
        if !goes_on {
            return false;
        }
    }
    true
}

fn step(journal: &Journal, user: &mut User, history: &mut History, rng: &mut fastrand::Rng) -> bool {
    let taken = |appended: Result<(), AppendError>| match appended {
        Ok(()) => true,
        Err(AppendError::Stopped(_)) => false,
        Err(other) => panic!("{other}"),
    };
    let stored = |stored: Result<bool, StoreError>| match stored {
        Ok(_) => true,
        Err(StoreError::Fault(_)) => false,
        Err(StoreError::Damage(damage)) if is_off(&damage) => false,
        Err(other) => panic!("{other}"),
    };
    match rng.u8(..32) {
        0..=9 => {
            let ids: Vec<u64> = (0..rng.usize(1..6)).map(|_| user.choose(history, rng)).collect();
            ids.into_iter().all(|id| taken(user.bring(journal, history, id)))
        }
        10..=15 => (0..rng.usize(1..6)).all(|_| taken(user.drop_one(journal, history, rng).map(|_| ()))),
        16 if rng.u8(..3) == 0 => {
            let id = user.choose(history, rng);
            taken(user.end(journal, history, id))
        }
        17..=23 => journal.commit().is_ok(),
        24 => journal.seal().is_ok(),
        25 => journal.tend().is_ok(),
        26 | 27 => stored(user.checkpoint(journal, rng.bool(), None, Vec::new(), &BTreeSet::new()).map(|()| true)),
        28 => stored(user.compact(journal, rng)),
        _ => stored(user.retire(journal, rng.u8(..3) == 0)),
    }
}

#[test]
fn after_a_crash_at_any_boundary_every_held_content_is_found_once_and_nothing_comes_back() {
    for_each_seed("held_content", 150, |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let disk = SimDisk::new(rng.u64(..));
        disk.record_moments();
        let mut history = History::default();
        let (journal, mut user) = User::open(&disk, &mut history).unwrap();
        let steps = rng.usize(10..120);
        assert!(live(&journal, &mut user, &mut history, &disk, &mut rng, steps));
        user.check(&journal, &history);
        for moment in disk.take_moments() {
            // Every boundary of short lives, some of long ones.
            if steps > 60 && rng.u8(..3) > 0 {
                continue;
            }
            let mut then = history.as_of(moment.op());
            let found = if rng.u8(..6) == 0 { moment.kill(rng.u64(..)) } else { moment.crash(rng.u64(..)) };
            crash_again_and_go_on(&found, &mut then, &mut rng);
        }
    });
}

/// Recovers, crashes during the recovery or after it, recovers again, goes on, crashes, recovers.
fn crash_again_and_go_on(disk: &SimDisk, history: &mut History, rng: &mut fastrand::Rng) {
    let before = history.clone();
    disk.record_moments();
    drop(User::open(disk, history).unwrap());
    let moments = disk.take_moments();
    let disk = match rng.choice(&moments) {
        Some(moment) if rng.bool() => {
            *history = before;
            moment.crash(rng.u64(..))
        }
        _ => disk.crash(),
    };
    let (journal, mut user) = User::open(&disk, history).unwrap();
    let steps = rng.usize(..8);
    assert!(live(&journal, &mut user, history, &disk, rng, steps));
    user.check(&journal, history);
    history.marks.clear();
    drop(User::open(&disk.crash(), history).unwrap());
}

#[test]
fn a_store_survives_many_crashes_in_a_row() {
    for_each_seed("crashes_in_a_row", 200, |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut disk = SimDisk::new(rng.u64(..));
        let mut history = History::default();
        for _ in 0..12 {
            disk.power_off_at(disk.ops() + rng.u64(1..250));
            match User::open(&disk, &mut history) {
                Ok((journal, mut user)) => drop(live(&journal, &mut user, &mut history, &disk, &mut rng, 90)),
                Err(OpenError::Io(_)) => {}
                Err(error) => panic!("the store does not open: {error}"),
            }
            disk = disk.crash();
        }
        drop(User::open(&disk, &mut history).unwrap());
    });
}

/// The other tests prove nothing about what their lives never do.
#[test]
fn generated_lives_retire_restore_and_compact() {
    let (mut retired, mut compacted, mut restored, mut several) = (0, 0, 0, 0);
    for seed in 0..40 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let disk = SimDisk::new(rng.u64(..));
        let mut history = History::default();
        let (journal, mut user) = User::open(&disk, &mut history).unwrap();
        live(&journal, &mut user, &mut history, &disk, &mut rng, 110);
        (retired, compacted) = (retired + user.retired, compacted + user.compacted);
        several += u64::from(journal.checkpoint_bytes().1 > 0);
        drop(journal);
        restored += User::open(&disk.crash(), &mut history).unwrap().1.restored;
    }
    assert!(retired > 80 && compacted > 40, "{retired} retired, {compacted} compacted");
    assert!(restored > 80 && several > 10, "{restored} restored, {several} chains");
}

#[test]
fn a_fault_at_any_operation_stops_the_store_and_loses_nothing() {
    for_each_seed("stops_the_store", 10, |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let ops = live_with_fault(seed, None).0;
        let chosen: Vec<u64> = (1..=ops).filter(|_| rng.bool()).collect();
        let stops = chosen.iter().filter(|op| live_with_fault(seed, Some(**op)).1).count();
        assert!(stops * 2 >= chosen.len(), "a fault is seen: {stops} of {}", chosen.len());
    });
}

fn live_with_fault(seed: u64, fail: Option<u64>) -> (u64, bool) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let disk = SimDisk::new(rng.u64(..));
    if let Some(op) = fail {
        disk.fail_op(op, ErrorKind::Other);
    }
    let mut history = History::default();
    let stopped = match User::open(&disk, &mut history) {
        Err(OpenError::Io(_)) => true,
        Err(other) => panic!("{other}"),
        Ok((journal, mut user)) => {
            let stopped = !live(&journal, &mut user, &mut history, &disk, &mut rng, 70);
            let ops = disk.ops();
            if stopped {
                assert!(journal.is_stopped());
                let after = user.checkpoint(&journal, true, None, Vec::new(), &BTreeSet::new());
                assert!(matches!(after, Err(StoreError::Fault(_))), "a fault is final");
                assert!(matches!(journal.write_segments(&[]), Err(StoreError::Fault(_))));
                assert_eq!(disk.ops(), ops, "a fault is never retried");
            }
            stopped
        }
    };
    let ops = disk.ops();
    history.marks.clear();
    drop(User::open(&disk.crash(), &mut history).unwrap());
    (ops, stopped)
}

#[test]
fn a_full_disk_at_any_operation_of_storing_leaves_nothing_half_made_and_the_journal_goes_on() {
    let begin = |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let disk = SimDisk::new(seed);
        let mut history = History::default();
        let (journal, mut user) = User::open(&disk, &mut history).unwrap();
        while journal.closed_files() < 2 {
            let id = user.choose(&history, &mut rng);
            user.bring(&journal, &mut history, id).unwrap();
            if rng.bool() {
                user.drop_one(&journal, &mut history, &mut rng).unwrap();
            }
            journal.commit().unwrap();
        }
        user.checkpoint(&journal, true, None, Vec::new(), &BTreeSet::new()).unwrap();
        (disk, journal, user, history)
    };
    let mut refused = 0;
    for op in 1.. {
        let (disk, journal, mut user, mut history) = begin(5);
        let before = disk.ops();
        disk.fail_op(before + op, ErrorKind::StorageFull);
        let names = Io::list(&disk).unwrap();
        match user.retire(&journal, false) {
            Ok(_) => {
                assert!(op > 8 && refused > 4, "{op} operations, {refused} refusals");
                break;
            }
            Err(StoreError::NoSpace) => {
                refused += 1;
                let half_made = Io::list(&disk).unwrap().into_iter().filter(|name| name.ends_with(".tmp"));
                assert_eq!(half_made.count(), 0, "operation {op} left something half-made");
                assert!(Io::list(&disk).unwrap().len() <= names.len() + 4);
                user.check(&journal, &history);
                user.bring(&journal, &mut history, 1).unwrap();
                assert!(user.retire(&journal, false).unwrap(), "the next attempt succeeds");
                user.check(&journal, &history);
            }
            // A full disk at the sync of the folder leaves open which manifest counts.
            Err(StoreError::Fault(_)) => assert!(journal.is_stopped()),
            Err(other) => panic!("{other}"),
        }
        history.durable = journal.durable().get();
        drop(User::open(&disk.crash(), &mut history).unwrap());
    }
}

#[test]
fn a_disk_that_was_full_is_never_full_for_ever() {
    for_each_seed("full_for_ever", 20, |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let disk = SimDisk::new(seed);
        disk.set_capacity((10 + seed % 7) * (48 << 10) + rng.u64(..48 << 10));
        let mut history = History::default();
        let (journal, mut user) = User::open(&disk, &mut history).unwrap();
        for round in 0..3 {
            let brought = fill(&journal, &mut user, &mut history, &mut rng);
            assert!(brought > 5, "round {round} took {brought}");
            let mut idle = 0;
            while user.drop_one(&journal, &mut history, &mut rng).unwrap_or_else(|error| {
                assert!(matches!(error, AppendError::NoSpace), "{error}");
                idle += 1;
                assert!(idle < 50, "deletes are refused for ever");
                true
            }) {
                keep_house(&journal, &mut user);
            }
            while journal.closed_files() > 0 {
                keep_house(&journal, &mut user);
            }
        }
        history.durable = journal.durable().get();
        drop(User::open(&disk.crash(), &mut history).unwrap());
    });
}

/// Brings contents until there is no space, retiring on the way.
fn fill(journal: &Journal, user: &mut User, history: &mut History, rng: &mut fastrand::Rng) -> usize {
    for brought in 0..20_000 {
        let id = user.choose(history, rng);
        match user.bring(journal, history, id) {
            Ok(()) => keep_house(journal, user),
            Err(AppendError::NoSpace) => return brought,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("a bounded disk took everything")
}

/// What the journal's and the engine's threads do beside the traffic.
fn keep_house(journal: &Journal, user: &mut User) {
    journal.commit().unwrap();
    journal.tend().unwrap();
    match user.retire(journal, true) {
        Ok(_) | Err(StoreError::NoSpace) => journal.tend().unwrap(),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn closed_files_are_waited_for() {
    let disk = SimDisk::new(1);
    let options = journal::Options { drive: journal::Drive::Thread, ..options() };
    let journal = Journal::open(Arc::new(disk), options, &mut |_| Ok(()), &mut |_| Ok(())).unwrap();
    let short = std::time::Duration::from_millis(20);
    let long = std::time::Duration::from_secs(60);
    assert!(!journal.wait_for_closed_file(long), "the first call looks at what the open found");
    assert!(!journal.wait_for_closed_file(short));
    journal.wake_retirer();
    assert!(!journal.wait_for_closed_file(long), "it was woken");
    let mut user = User::default();
    let mut history = History::default();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| journal.wait_for_closed_file(long));
        while journal.closed_files() == 0 {
            user.bring(&journal, &mut history, 1).unwrap();
            journal.when_durable(journal.last()).wait().unwrap();
        }
        assert!(waiting.join().unwrap(), "a roll wakes it");
        model::retire_oldest(&journal).unwrap();
        let waiting = scope.spawn(|| journal.wait_for_closed_file(long));
        journal.close();
        assert!(!waiting.join().unwrap(), "a close wakes it");
    });
}

/// A disk that changes one bit of the next checkpoint while it writes it, if told to.
struct Changing {
    disk: SimDisk,
    next: Arc<AtomicBool>,
}

struct ChangingFile {
    file: Box<dyn IoFile>,
    disk: SimDisk,
    next: Arc<AtomicBool>,
}

const CHECKPOINT_NEW: &str = "checkpoint.tmp";

impl Io for Changing {
    fn create(&self, name: &str, bytes: u64) -> io::Result<Box<dyn IoFile>> {
        let file = self.disk.create(name, bytes)?;
        if name != CHECKPOINT_NEW {
            return Ok(file);
        }
        Ok(Box::new(ChangingFile { file, disk: self.disk.clone(), next: Arc::clone(&self.next) }))
    }

    fn lock(&self) -> Result<LockGuard, LockError> {
        self.disk.lock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn IoFile>> {
        self.disk.open(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.disk.sync_names()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.disk.free_bytes()
    }

    fn entropy(&self) -> u64 {
        self.disk.entropy()
    }
}

impl IoFile for ChangingFile {
    fn sync(&self) -> io::Result<()> {
        if self.next.swap(false, Ordering::Relaxed) {
            // In the first snapshot, which begins on the second page.
            self.disk.flip(CHECKPOINT_NEW, 4096 + 50, 3);
        }
        self.file.sync()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, out)
    }

    fn grow(&self, bytes: u64) -> io::Result<()> {
        self.file.grow(bytes)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)
    }
}

#[test]
fn a_checkpoint_that_is_not_what_was_written_trims_nothing() {
    let (disk, next) = (SimDisk::new(3), Arc::new(AtomicBool::new(false)));
    let changing = Changing { disk: disk.clone(), next: Arc::clone(&next) };
    let mut history = History::default();
    let (journal, mut user) = User::open_on(Arc::new(changing), &mut history).unwrap();
    while journal.closed_files() < 2 {
        user.bring(&journal, &mut history, 1).unwrap();
        journal.commit().unwrap();
    }
    user.checkpoint(&journal, true, None, Vec::new(), &BTreeSet::new()).unwrap();
    let (manifest, closed) = (disk.bytes("manifest").unwrap(), journal.closed_file());
    next.store(true, Ordering::Relaxed);
    let refused = user.retire(&journal, true).unwrap_err();
    assert!(matches!(refused, StoreError::Damage(_)), "{refused}");
    assert_eq!(disk.bytes("manifest").unwrap(), manifest, "the manifest has not moved");
    assert_eq!(journal.closed_file(), closed, "and the log is as long as it was");
    user.check(&journal, &history);
    history.durable = journal.durable().get();
    drop(User::open(&disk.crash(), &mut history.clone()).unwrap());
    assert!(user.retire(&journal, true).unwrap(), "the next attempt is another checkpoint");
    user.check(&journal, &history);
    drop(User::open(&disk.crash(), &mut history).unwrap());
}
