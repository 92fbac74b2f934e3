//! The real disk with the journal's own threads: many appenders, a second opener, a close, files that roll and recycle.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use journal::{AppendError, Checkpoint, Entry, Journal, OpenError, Options, RealDisk, Urgency};
use names::{PartitionId, Position};

/// Partition, sequence and payload length of each record replayed.
type Found = Vec<(u64, u64, usize)>;

/// A folder of the test's own, removed when the test passed.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn open(&self, options: Options) -> Result<(Journal, Found), OpenError> {
        let mut found = Vec::new();
        let disk = RealDisk::open(&self.0).expect("the folder can be made");
        let journal = Journal::open(Arc::new(disk), options, &mut |_| Ok(()), &mut |record| {
            found.push((record.partition.get(), record.sequence, record.payload.len()));
            Ok(())
        })?;
        Ok((journal, found))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !thread::panicking() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

fn small() -> Options {
    Options { file_bytes: 1 << 20, block_bytes_max: 256 << 10, reserve_bytes: 2 << 20, ..Options::default() }
}

fn append_and_wait(journal: &Journal, partition: u64, sequence: u64) -> Position {
    let payload = vec![7; usize::try_from(sequence * 37 % 3000).expect("it is small")];
    let entry =
        Entry { partition: PartitionId::new(partition), sequence, kind: 1, version: 1, key_id: 0, payload: &payload };
    let urgency = if sequence.is_multiple_of(9) { Urgency::Soon } else { Urgency::Now };
    let position = journal.append(&[entry], urgency).expect("a healthy disk takes it");
    journal.when_durable(position).wait().expect("a healthy disk keeps it");
    assert!(journal.durable() >= position);
    position
}

#[test]
fn a_folder_that_is_made_is_its_owners_alone_and_one_that_is_there_stays_as_it_is() {
    let folder = Folder::new("modes");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let made = folder.0.join("above").join("data");
    RealDisk::open(&made).expect("the folder can be made");
    assert_eq!(mode(&made), 0o700);
    fs::set_permissions(&made, fs::Permissions::from_mode(0o750)).expect("it is ours");
    RealDisk::open(&made).expect("the folder can be opened");
    assert_eq!(mode(&made), 0o750, "a group that its owner lets in");
}

#[test]
fn many_threads_append_and_everything_is_found_again() {
    const THREADS: u64 = 12;
    const EACH: u64 = 150;
    let folder = Folder::new("threads");
    let (journal, _) = folder.open(small()).unwrap();
    thread::scope(|scope| {
        for partition in 1..=THREADS {
            let journal = &journal;
            scope.spawn(move || {
                for sequence in 1..=EACH {
                    append_and_wait(journal, partition, sequence);
                }
            });
        }
    });
    let stats = journal.stats();
    assert!(stats.blocks < stats.records, "appends ride together: {stats:?}");
    assert!(stats.log_files >= 2, "files rolled: {stats:?}");
    journal.close();
    // Who waited is woken before the block's buffer is given back; after the close both have happened.
    let stats = journal.stats();
    assert_eq!((stats.records, stats.pending_bytes), (THREADS * EACH, 0));
    assert!(matches!(journal.append(&[], Urgency::Now), Err(AppendError::Stopped(_))));
    drop(journal);

    let (journal, found) = folder.open(small()).unwrap();
    assert!(journal.recovery().closed_in_order);
    for partition in 1..=THREADS {
        let sequences: Vec<_> = found.iter().filter(|found| found.0 == partition).map(|found| found.1).collect();
        assert_eq!(sequences, (1..=EACH).collect::<Vec<_>>());
    }
    assert!(found.iter().all(|(_, sequence, len)| *len as u64 == sequence * 37 % 3000));
    assert_eq!(journal.recovery().records, THREADS * EACH);
    assert_eq!(append_and_wait(&journal, 1, EACH + 1).get(), THREADS * EACH + 1);
}

#[test]
fn a_second_opener_is_refused_with_the_first_ones_process_id() {
    let folder = Folder::new("lock");
    let (journal, _) = folder.open(small()).unwrap();
    match folder.open(small()) {
        Err(OpenError::Locked { pid }) => assert_eq!(pid, Some(std::process::id())),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("two journals on one folder"),
    }
    journal.close();
    folder.open(small()).expect("a closed journal lets the next one in");
}

#[test]
fn an_entry_that_may_wait_is_durable_soon() {
    let folder = Folder::new("soon");
    let (journal, _) = folder.open(small()).unwrap();
    let entry =
        Entry { partition: PartitionId::new(1), sequence: 1, kind: 1, version: 1, key_id: 0, payload: b"later" };
    let position = journal.append(&[entry], Urgency::Soon).unwrap();
    let started = Instant::now();
    journal.when_durable(position).wait().unwrap();
    assert!(started.elapsed() < Duration::from_secs(60), "nothing else had to come");
}

#[test]
fn retired_files_become_spares_and_their_old_blocks_are_not_seen() {
    let folder = Folder::new("trim");
    let (journal, _) = folder.open(small()).unwrap();
    let mut sequence = 0_u64;
    let mut last = Position::ZERO;
    for _ in 0..4 {
        for _ in 0..14 {
            let payload = [5; 1500];
            let entry = |offset| Entry {
                partition: PartitionId::new(1),
                sequence: sequence + offset,
                kind: 1,
                version: 1,
                key_id: 0,
                payload: &payload,
            };
            let entries: Vec<_> = (1..=50).map(entry).collect();
            sequence += 50;
            last = journal.append(&entries, Urgency::Now).unwrap();
            journal.when_durable(last).wait().unwrap();
        }
        while let retire @ Some(_) = journal.closed_file() {
            let snapshots = &mut std::iter::empty();
            journal
                .checkpoint(Checkpoint {
                    complete: true,
                    snapshots,
                    retire,
                    drop_segments: &[],
                    set_aside: &[],
                    stands: &|| true,
                })
                .unwrap();
        }
    }
    assert_eq!(journal.stats().log_files, 1);
    assert!(journal.stats().spares <= small().spares as u64, "{:?}", journal.stats());
    drop(journal);
    let (journal, found) = folder.open(small()).unwrap();
    assert_eq!(found.last().map(|found| found.1), Some(sequence));
    assert_eq!(journal.recovery().last, last);
    assert!(found.len() < 2000, "old files are gone: {} records", found.len());
}

#[test]
fn a_quiet_journal_attests_its_last_block() {
    let folder = Folder::new("seal");
    let (journal, _) = folder.open(small()).unwrap();
    append_and_wait(&journal, 1, 1);
    let syncs = journal.stats().syncs;
    let deadline = Instant::now() + Duration::from_secs(120);
    while journal.stats().syncs == syncs {
        assert!(Instant::now() < deadline, "no seal was written");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_ephemeral_journal_keeps_nothing_and_is_durable_at_once() {
    let journal = Journal::ephemeral();
    let entry = Entry { partition: PartitionId::new(1), sequence: 1, kind: 1, version: 1, key_id: 0, payload: b"x" };
    let position = journal.append(&[entry, Entry { sequence: 2, ..entry }], Urgency::Soon).unwrap();
    assert_eq!((position, journal.durable()), (Position::new(2), Position::new(2)));
    journal.when_durable(position).wait().unwrap();
    journal.close();
}
