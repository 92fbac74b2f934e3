//! Checks, repairs, backups and restores of a log with all its parts, over a simulated disk and against its history.
//!
//! A life of appends, checkpoints, retirements and compactions is looked at with bits flipped in every kind of file, is
//! backed up in the middle, and restored to every position that can be reached.

#![expect(clippy::unwrap_used, reason = "what tests call may unwrap: a panic there is the report")]

mod model;
mod user;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use journal::{
    Io, Journal, OpenError, Place, Record, ReplayError, Snapshot,
    backup::{BackupError, Goal, Terms, copy_folder, restore},
    inspect::{Cure, Inspector, Item, Report, contents, files, inspect},
    read_keys,
    sim::SimDisk,
    write_keys,
};
use model::for_each_seed;
use names::{Instant, Position};
use user::{History, User};

/// Looks on and replays nothing.
#[derive(Default)]
struct Onlooker {
    records: u64,
    progress: (u64, u64),
}

impl Inspector for Onlooker {
    fn snapshot(&mut self, _: &Snapshot<'_>) -> Result<(), ReplayError> {
        Ok(())
    }

    fn record(&mut self, record: &Record<'_>, place: Place) -> Result<(), ReplayError> {
        assert_eq!(record.payload.len() + 32, place.bytes as usize);
        self.records += 1;
        Ok(())
    }

    fn progress(&mut self, done: u64, all: u64) {
        assert!(self.progress.0 <= done && done <= all);
        self.progress = (done, all);
    }
}

fn shared(disk: &SimDisk) -> Arc<dyn Io> {
    Arc::new(disk.clone())
}

fn check(disk: &SimDisk) -> Report {
    inspect(&shared(disk), &mut Onlooker::default()).unwrap()
}

/// A piece of life that leaves segments, checkpoints and several log files, closed in order.
fn live(journal: &Journal, user: &mut User, history: &mut History, rng: &mut fastrand::Rng, steps: usize) {
    for _ in 0..steps {
        match rng.u8(..24) {
            0..=11 => {
                for _ in 0..rng.usize(1..6) {
                    let id = user.choose(history, rng);
                    user.bring(journal, history, id).unwrap();
                }
            }
            12..=15 => drop(user.drop_one(journal, history, rng).unwrap()),
            16..=19 => drop(journal.commit().unwrap()),
            20 => drop(user.compact(journal, rng).unwrap()),
            21 => user.checkpoint(journal, rng.bool(), None, Vec::new(), &BTreeSet::new()).unwrap(),
            _ => drop(user.retire(journal, rng.u8(..3) == 0).unwrap()),
        }
    }
    journal.commit().unwrap();
}

fn lived(seed: u64, steps: usize) -> (SimDisk, History) {
    let (disk, mut history) = (SimDisk::new(seed), History::default());
    let mut rng = fastrand::Rng::with_seed(seed);
    let (journal, mut user) = User::open(&disk, &mut history).unwrap();
    live(&journal, &mut user, &mut history, &mut rng, steps);
    user.retire(&journal, false).unwrap();
    journal.close();
    drop(journal);
    (disk.crash(), history)
}

/// Opens a disk that ends at `last` and holds it against the history up to there.
fn assert_opens(disk: &SimDisk, history: &History, last: u64) {
    let mut history = history.as_of(0);
    let (journal, _) = User::open(disk, &mut history).unwrap();
    assert_eq!(journal.recovery().last, Position::new(last));
}

/// Where in every file stands what: blocks of log files, everything of other files.
fn extents(disk: &SimDisk) -> BTreeMap<String, Vec<(u64, u64)>> {
    let mut extents = BTreeMap::new();
    for name in files(disk).unwrap() {
        let bytes = disk.bytes(&name).unwrap();
        let mut parts = Vec::new();
        if name.starts_with("log-") {
            // A block's length stands at byte 48; behind the last block of the chain nothing counts.
            let (mut at, mut number) = (0, None);
            while at + 4096 <= bytes.len() && &bytes[at..at + 4] == b"TWBL" {
                let word = |from: usize| u64::from_le_bytes(bytes[at + from..at + from + 8].try_into().unwrap());
                let length = u32::from_le_bytes(bytes[at + 48..at + 52].try_into().unwrap()) as usize;
                let padded = (64 + length).next_multiple_of(4096);
                if number.is_some_and(|number| word(24) != number + 1) {
                    break;
                }
                number = Some(word(24));
                parts.push((at as u64, padded as u64));
                at += padded;
            }
        } else {
            parts.push((0, bytes.len() as u64));
        }
        extents.insert(name, parts);
    }
    extents
}

#[test]
fn a_sound_folder_is_clean_and_everything_in_it_was_looked_at() {
    for_each_seed("clean_folder", 20, |seed| {
        let (disk, history) = lived(seed, 150);
        let ops = disk.ops();
        let mut onlooker = Onlooker::default();
        let report = inspect(&shared(&disk), &mut onlooker).unwrap();
        let damages: Vec<_> = report.findings.iter().map(|finding| &finding.damage).collect();
        assert!(damages.is_empty(), "{damages:?}");
        assert_eq!(disk.ops(), ops, "nothing was changed");
        assert_eq!(onlooker.records, report.checked.records);
        assert!(report.checked.records > 0 && report.checked.snapshots > 0 && report.checked.blocks > 0);
        let mut journal_history = history.as_of(0);
        let (journal, _) = User::open(&disk, &mut journal_history).unwrap();
        assert_eq!(journal.recovery().last, report.last);
    });
}

#[test]
fn a_flipped_bit_in_any_file_is_named_with_file_and_place() {
    let seen: RefCell<BTreeSet<String>> = RefCell::default();
    for_each_seed("flips_are_named", 10, |seed| {
        let (disk, _) = lived(seed, 150);
        let mut rng = fastrand::Rng::with_seed(seed);
        let notes = check(&disk).notes;
        let counts = |(name, _): &(String, _)| !notes.iter().any(|note| note.starts_with(&format!("{name}: belongs")));
        let extents: Vec<_> = extents(&disk).into_iter().filter(counts).collect();
        for _ in 0..150 {
            let (name, parts) = rng.choice(&extents).unwrap();
            let last_log = extents.iter().rfind(|(name, _)| name.starts_with("log-")).unwrap();
            // Nothing attests the seal that a close ends the log with.
            let parts = if *name == last_log.0 { &parts[..parts.len() - 1] } else { &parts[..] };
            let Some((from, bytes)) = rng.choice(parts) else { continue };
            let at = from + rng.u64(..*bytes);
            let hurt = disk.crash();
            hurt.flip(name, at, rng.u8(..8));
            let what = format!("{name} byte {at}, in the part from {from}");
            let found = match inspect(&shared(&hurt), &mut Onlooker::default()) {
                Ok(report) => report.findings.into_iter().map(|finding| finding.damage).collect(),
                Err(OpenError::Corrupt { file, offset, why }) => vec![journal_damage(file, offset, why)],
                Err(other) => panic!("{what}: {other}"),
            };
            let named =
                found.iter().any(|damage| damage.file == **name && (*from..=at.max(*from)).contains(&damage.offset));
            assert!(named, "{what}: {found:?}");
        }
        for (name, _) in extents {
            seen.borrow_mut().insert(name.split('-').next().unwrap().to_owned());
        }
    });
    assert_eq!(seen.into_inner().into_iter().collect::<Vec<_>>(), ["checkpoint", "log", "manifest", "segment"]);
}

fn journal_damage(file: String, offset: u64, why: String) -> journal::Damage {
    journal::Damage { file, offset, why, may_pass: false }
}

#[test]
fn a_repair_leaves_a_clean_folder_that_opens_with_what_it_said_or_changes_nothing() {
    let cut = Cell::new(0);
    for_each_seed("repairs", 40, |seed| {
        let (disk, history) = lived(seed, 120);
        let mut rng = fastrand::Rng::with_seed(seed);
        let logs: Vec<_> = extents(&disk).into_iter().filter(|(name, _)| name.starts_with("log-")).collect();
        let whole = check(&disk).last.get();
        for _ in 0..8 {
            let hurt = disk.crash();
            let (name, parts) = rng.choice(&logs).unwrap();
            let (from, bytes) = *rng.choice(parts).unwrap();
            hurt.flip(name, from + rng.u64(..bytes), rng.u8(..8));
            let report = check(&hurt);
            let cures: Vec<_> = report.findings.into_iter().map(|finding| finding.cure).collect();
            if cures.iter().any(|cure| matches!(cure, Cure::Refused(_) | Cure::Salvage { .. })) {
                continue;
            }
            let mut last = whole;
            for cure in &cures {
                cure.apply(&hurt).unwrap();
                if let Cure::CutLog { position, .. } = cure {
                    last = last.min(position - 1);
                    cut.set(cut.get() + 1);
                }
            }
            let report = check(&hurt);
            let damages: Vec<_> = report.findings.iter().map(|finding| &finding.damage).collect();
            assert!(damages.is_empty(), "{damages:?}");
            assert_opens(&hurt, &history, last);
        }
    });
    assert!(cut.get() > 0, "some damage was cut away");
}

fn copy_with_keys(
    source: &dyn Io,
    target: &SimDisk,
    has_all_keys: &dyn Fn(&[u8], &[u8]) -> bool,
) -> Result<journal::backup::Copied, BackupError> {
    let (mut link, mut progress) = (|_: &str, _: &str| false, |_, _| ());
    copy_folder(
        source,
        target,
        Terms { made_at: Instant::EPOCH, link: &mut link, has_all_keys, progress: &mut progress },
    )
}

fn back_up(source: &SimDisk, target: &SimDisk) -> journal::backup::Copied {
    copy_with_keys(source, target, &|_, _| true).unwrap()
}

fn restored(folder: &SimDisk, goal: Goal, seed: u64) -> Result<SimDisk, BackupError> {
    let target = SimDisk::new(seed);
    restore(&shared(folder), &target, goal, &mut |_| Ok(None), &mut |_, _| ())?;
    Ok(target.crash())
}

#[test]
fn what_was_backed_up_while_it_was_written_to_comes_back_and_so_does_every_position_in_reach() {
    let reached = Cell::new(0);
    for_each_seed("backup_and_restore", 30, |seed| {
        let (disk, folder) = (SimDisk::new(seed), SimDisk::new(seed + 1));
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut history = History::default();
        let (journal, mut user) = User::open(&disk, &mut history).unwrap();
        let mut lasts = Vec::new();
        for _ in 0..3 {
            live(&journal, &mut user, &mut history, &mut rng, 60);
            user.checkpoint(&journal, rng.bool(), None, Vec::new(), &BTreeSet::new()).unwrap();
            let (mut link, mut progress) = (|_: &str, _: &str| false, |_, _| ());
            let has_all_keys = &|_: &[u8], _: &[u8]| true;
            let terms = Terms { made_at: Instant::EPOCH, link: &mut link, has_all_keys, progress: &mut progress };
            let copied = journal.backup(&folder, terms).unwrap();
            assert_eq!(copied.last, journal.durable());
            lasts.push(copied.last.get());
        }
        let (folder, last) = (folder.crash(), *lasts.last().unwrap());
        let whole = restored(&folder, Goal::Everything, seed + 1000).unwrap();
        assert!(check(&whole).findings.is_empty());
        assert_ne!(check(&whole).log_id, check(&disk.crash()).log_id, "it is a log of its own");
        assert_opens(&whole, &history, last);
        for position in lasts.iter().copied().chain((0..12).map(|_| rng.u64(..=last))) {
            match restored(&folder, Goal::Position(Position::new(position)), seed + 1000 + position) {
                Ok(disk) => {
                    let report = check(&disk);
                    assert!(report.findings.is_empty(), "position {position}");
                    assert_opens(&disk, &history, position);
                    reached.set(reached.get() + 1);
                }
                Err(BackupError::Refused(why)) => {
                    assert!(why.contains("cannot be reached"), "{why}");
                    assert!(!lasts.contains(&position), "the state of every backup is in reach: {why}");
                }
                Err(other) => panic!("position {position}: {other}"),
            }
        }
    });
    assert!(reached.get() > 0, "positions between backups were in reach");
}

/// A folder as a serving log leaves it behind whoever has listed it: the last spare has become a log file.
struct Served(SimDisk);

impl Io for Served {
    fn lock(&self) -> Result<journal::LockGuard, journal::LockError> {
        self.0.lock()
    }

    fn list(&self) -> std::io::Result<Vec<String>> {
        let mut names = self.0.list()?;
        names.push("spare-9999999999999999.tw".into());
        Ok(names)
    }

    fn create(&self, name: &str, bytes: u64) -> std::io::Result<Box<dyn journal::IoFile>> {
        self.0.create(name, bytes)
    }

    fn open(&self, name: &str) -> std::io::Result<Box<dyn journal::IoFile>> {
        self.0.open(name)
    }

    fn rename(&self, from: &str, to: &str) -> std::io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, name: &str) -> std::io::Result<()> {
        self.0.remove(name)
    }

    fn sync_names(&self) -> std::io::Result<()> {
        self.0.sync_names()
    }

    fn free_bytes(&self) -> std::io::Result<u64> {
        self.0.free_bytes()
    }

    fn entropy(&self) -> u64 {
        self.0.entropy()
    }
}

#[test]
fn a_spare_that_the_log_takes_while_a_backup_looks_around_is_not_missed() {
    let (disk, history) = lived(11, 150);
    let folder = SimDisk::new(12);
    let copied = copy_with_keys(&Served(disk), &folder, &|_, _| true).unwrap();
    let whole = restored(&folder, Goal::Everything, 13).unwrap();
    assert!(check(&whole).findings.is_empty());
    assert_opens(&whole, &history, copied.last.get());
}

#[test]
fn a_second_backup_brings_only_what_is_new_and_a_foreign_log_is_refused() {
    let (disk, _) = lived(5, 150);
    let folder = SimDisk::new(6);
    let first = back_up(&disk, &folder);
    let second = back_up(&disk, &folder);
    assert_eq!((second.number, second.known, second.bytes), (2, second.files, 0));
    assert!(first.bytes > 0 && first.known == 0);
    let (other, _) = lived(7, 20);
    let refused = copy_with_keys(&other, &folder, &|_, _| true).unwrap_err();
    assert!(matches!(&refused, BackupError::Refused(why) if why.contains("another log")), "{refused}");
}

#[test]
fn data_keys_that_only_a_backup_has_are_not_written_over() {
    let (disk, _) = lived(15, 60);
    let folder = SimDisk::new(16);
    // A letter for each key.
    let has_all = |body: &[u8], other: &[u8]| other.iter().all(|key| body.contains(key));
    let copy = |keys: &[u8]| {
        write_keys(&disk, keys).unwrap();
        copy_with_keys(&disk, &folder, &has_all)
    };
    copy(b"ab").unwrap();
    let files = folder.list().unwrap();
    for set_back in [&b"a"[..], b"ac"] {
        let refused = copy(set_back).unwrap_err();
        assert!(matches!(&refused, BackupError::Refused(why) if why.contains("lacks data keys")), "{refused}");
        assert_eq!(read_keys(&folder).unwrap().unwrap().body, b"ab");
        assert_eq!(folder.list().unwrap(), files, "nothing was begun");
    }
    copy(b"cba").unwrap();
    assert_eq!(read_keys(&folder).unwrap().unwrap().body, b"cba");
    // Keys that nobody can read open nothing.
    folder.overwrite(journal::KEYS, 0, &[0; 2 * 4096]);
    copy(b"a").unwrap();
    disk.lose(journal::KEYS);
    assert!(copy_with_keys(&disk, &folder, &has_all).is_err(), "none are fewer than one");
}

#[test]
fn a_time_that_cannot_be_known_refuses_a_restore() {
    let (disk, _) = lived(17, 60);
    let folder = SimDisk::new(18);
    back_up(&disk, &folder);
    let target = SimDisk::new(19);
    let goal = Goal::Time(Instant::EPOCH);
    let refused = restore(&shared(&folder), &target, goal, &mut |_| Err("it is sealed".into()), &mut |_, _| ());
    assert!(matches!(&refused, Err(BackupError::Refused(why)) if why.ends_with("it is sealed")), "{refused:?}");
    assert_eq!(target.list().unwrap(), [""; 0]);
}

#[test]
fn a_damaged_backup_is_not_restored_and_a_full_folder_is_not_restored_into() {
    let (disk, history) = lived(9, 150);
    let folder = SimDisk::new(10);
    back_up(&disk, &folder);
    let mut rng = fastrand::Rng::with_seed(1);
    let names = folder.list().unwrap();
    let mut refused = 0;
    for _ in 0..150 {
        let hurt = folder.crash();
        let name = rng.choice(&names).unwrap();
        let at = rng.u64(..hurt.bytes(name).unwrap().len() as u64);
        hurt.flip(name, at, rng.u8(..8));
        match restored(&hurt, Goal::Everything, 3) {
            Ok(disk) => assert_opens(&disk, &history, check(&disk).last.get()),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 100, "{refused} of 150 were refused");
    let full = restore(&shared(&folder), &disk, Goal::Everything, &mut |_| Ok(None), &mut |_, _| ());
    assert!(matches!(full, Err(BackupError::Refused(why)) if why.contains("must be empty")));
}

#[test]
fn a_dump_shows_every_record_and_every_damage() {
    let (disk, _) = lived(11, 150);
    let io = shared(&disk);
    let (mut records, mut snapshots, mut stored) = (0, 0, 0);
    for name in files(&disk).unwrap() {
        contents(&io, &name, &mut |item| match item {
            Item::Record(..) => records += 1,
            Item::Stored(..) => stored += 1,
            Item::Snapshot(..) => snapshots += 1,
            Item::Damage(damage) => panic!("{damage}"),
            Item::Manifest(_) | Item::Piece(..) => {}
        })
        .unwrap();
    }
    let checked = check(&disk).checked;
    assert_eq!((snapshots, stored), (checked.snapshots, checked.stored_records));
    assert!(records >= checked.records, "every record of the log is shown");
    let segment = files(&disk).unwrap().into_iter().find(|name| name.starts_with("segment-")).unwrap();
    disk.flip(&segment, 4096 + 20, 1);
    let mut damaged = 0;
    contents(&io, &segment, &mut |item| damaged += usize::from(matches!(item, Item::Damage(_)))).unwrap();
    assert_eq!(damaged, 1);
}
