//! What older formats wrote stays readable, byte for byte as it lies in `tests/golden/`.
//!
//! After a change of format, the old files stay and new ones are added; `write_a_golden_log` makes them.

#![expect(clippy::unwrap_used, reason = "what tests call may unwrap: a panic there is the report")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use journal::{Checkpoint, Drive, Entry, Journal, Kept, OpenError, Options, RealDisk, Snapshot, Urgency};
use names::{Instant, PartitionId};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/format-1")
}

fn copied(name: &str) -> PathBuf {
    copied_from(&golden(), name)
}

fn copied_from(golden: &Path, name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&target);
    fs::create_dir_all(&target).unwrap();
    for file in fs::read_dir(golden).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), target.join(file.file_name())).unwrap();
    }
    target
}

fn options() -> Options {
    Options { file_bytes: 24 << 10, block_bytes_max: 8 << 10, drive: Drive::Manual, ..Options::small(24 << 10) }
}

fn payload(sequence: u64) -> Vec<u8> {
    (0..sequence * 97 % 2000).map(|byte| (byte % 251) as u8).collect()
}

fn append(journal: &Journal, partition: u64, sequences: std::ops::RangeInclusive<u64>) {
    let payloads: Vec<_> = sequences.clone().map(payload).collect();
    let entry = |(sequence, payload): (u64, &'static [u8])| Entry {
        partition: PartitionId::of_family(1, partition),
        sequence,
        kind: (sequence % 3) as u8,
        version: 1,
        key_id: 0,
        payload,
    };
    let entries: Vec<_> = sequences.zip(payloads.into_iter().map(|bytes| &*bytes.leak())).map(entry).collect();
    journal.append(&entries, Urgency::Now).unwrap();
    journal.commit().unwrap();
}

#[test]
#[ignore = "writes the golden files anew; only after a change of format"]
fn write_a_golden_log() {
    fs::create_dir_all(golden()).unwrap();
    let open = || {
        Journal::open(Arc::new(RealDisk::open(golden()).unwrap()), options(), &mut |_| Ok(()), &mut |_| Ok(())).unwrap()
    };
    let journal = open();
    for round in 0..6 {
        append(&journal, 1, round * 4 + 1..=round * 4 + 4);
        append(&journal, 2, round + 1..=round + 1);
    }
    // The code that wrote the files of format 1 trimmed the log here, below position 21.
    journal.tend().unwrap();
    journal.close();
    drop(journal);
    let journal = open();
    append(&journal, 3, 1..=2);
    journal.close();
    for file in fs::read_dir(golden()).unwrap().map(Result::unwrap) {
        let name = file.file_name().into_string().unwrap();
        if name != "manifest" && !name.starts_with("log-") {
            fs::remove_file(file.path()).unwrap();
        }
    }
}

#[test]
fn the_golden_log_of_format_1_opens_unchanged() {
    let folder = copied("golden");
    let mut lines = String::new();
    let disk = Arc::new(RealDisk::open(&folder).unwrap());
    let journal = Journal::open(disk, options(), &mut |_| Ok(()), &mut |record| {
        assert_eq!(record.payload, payload(record.sequence));
        let (position, partition, sequence) = (record.position, record.partition.get(), record.sequence);
        lines += &format!("{position} {partition:x} {sequence} kind {} crc {:08x}\n", record.kind, record.checksum);
        Ok(())
    })
    .unwrap();
    let recovery = journal.recovery().clone();
    append(&journal, 3, 3..=3);
    drop(journal);
    fs::remove_dir_all(folder).unwrap();
    expect_test::expect![[r#"
        Recovery {
            snapshots: 0,
            checkpoint_bytes: 0,
            records: 12,
            blocks: 11,
            bytes: 49152,
            torn_bytes: 0,
            last: @32,
            incarnation: 3,
            closed_in_order: true,
        }
        21 100000000000001 17 kind 2 crc f71b9560
        22 100000000000001 18 kind 0 crc b6b61065
        23 100000000000001 19 kind 1 crc accc8de1
        24 100000000000001 20 kind 2 crc c6f27ffe
        25 100000000000002 5 kind 2 crc b8d0beba
        26 100000000000001 21 kind 0 crc 8523c22e
        27 100000000000001 22 kind 1 crc c375eeb1
        28 100000000000001 23 kind 2 crc 4aaedc2a
        29 100000000000001 24 kind 0 crc 8243a442
        30 100000000000002 6 kind 0 crc 589fefe0
        31 100000000000003 1 kind 1 crc 6a95445e
        32 100000000000003 2 kind 2 crc b1494990
    "#]]
    .assert_eq(&format!("{recovery:#?}\n{lines}"));
}

fn golden_store() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/format-2")
}

/// Retires closed files: keeps every third record of the first partition, and a snapshot of both.
fn retire(journal: &Journal, sequences: [u64; 2]) {
    while let Some(file) = journal.closed_file() {
        let mut kept = Vec::new();
        let visit = &mut |record: &journal::Record<'_>, place| {
            let (partition, key) = (record.partition, record.sequence);
            let time = Instant::from_millis(1_000 + key);
            kept.extend((key % 3 == 0 && partition.ordinal() == 1).then_some(Kept {
                partition,
                key,
                time,
                place,
                starts_piece: false,
            }));
        };
        journal.scan(&file, visit).unwrap();
        let pieces: Vec<_> = journal.write_segments(&kept).unwrap().into_iter().map(|(_, piece)| piece).collect();
        let complete = journal.checkpoint_bytes() == (0, 0);
        let mut snapshots = [1, 2].into_iter().map(|ordinal| Snapshot {
            partition: PartitionId::of_family(1, ordinal),
            position: journal.durable(),
            sequence: sequences[ordinal as usize - 1],
            version: 1,
            over: ordinal == 2,
            sealed: false,
            pieces: if ordinal == 1 { pieces.clone().into() } else { (&[]).into() },
            state: ordinal.to_le_bytes().to_vec().into(),
        });
        let checkpoint = Checkpoint {
            complete,
            snapshots: &mut snapshots,
            retire: Some(file),
            drop_segments: &[],
            set_aside: &[],
            stands: &|| true,
        };
        journal.checkpoint(checkpoint).unwrap();
    }
}

#[test]
#[ignore = "writes the golden files anew; only after a change of format"]
fn write_a_golden_store() {
    fs::create_dir_all(golden_store()).unwrap();
    let disk = Arc::new(RealDisk::open(golden_store()).unwrap());
    let journal = Journal::open(disk, options(), &mut |_| Ok(()), &mut |_| Ok(())).unwrap();
    for round in 0..6 {
        append(&journal, 1, round * 4 + 1..=round * 4 + 4);
        append(&journal, 2, round + 1..=round + 1);
        retire(&journal, [round * 4 + 4, round + 1]);
    }
    journal.close();
    for file in fs::read_dir(golden_store()).unwrap().map(Result::unwrap) {
        let name = file.file_name().into_string().unwrap();
        if name.starts_with("spare-") || name == "lock" {
            fs::remove_file(file.path()).unwrap();
        }
    }
}

#[test]
fn the_golden_store_of_manifest_2_and_checkpoint_1_opens_unchanged() {
    let folder = copied_from(&golden_store(), "store");
    let (mut lines, mut pieces) = (String::new(), Vec::new());
    let disk = Arc::new(RealDisk::open(&folder).unwrap());
    let mut replayed = 0;
    let restore = &mut |snapshot: &Snapshot<'_>| {
        let Snapshot { partition, position, sequence, over, state, .. } = snapshot;
        lines += &format!("{:x} at {position}: {sequence} over {over} state {state:?}\n", partition.get());
        pieces.extend_from_slice(&snapshot.pieces);
        Ok(())
    };
    let journal = Journal::open(disk, options(), restore, &mut |_| {
        replayed += 1;
        Ok(())
    })
    .unwrap();
    for piece in &pieces {
        lines += &format!("{piece:?}\n");
        let visit = &mut |record: &journal::Record<'_>, place| {
            assert_eq!(record.payload, payload(record.sequence));
            lines += &format!("{} at {place:?}\n", record.sequence);
        };
        journal.read_piece(piece, 0, usize::MAX, visit).unwrap();
    }
    lines += &format!("{:?} {:?} {replayed} replayed", journal.checkpoint_bytes(), journal.segments());
    drop(journal);
    fs::remove_dir_all(folder).unwrap();
    expect_test::expect![[r#"
        100000000000001 at 30: 24 over false state [1, 0, 0, 0, 0, 0, 0, 0]
        100000000000002 at 30: 6 over true state [2, 0, 0, 0, 0, 0, 0, 0]
        Piece { segment: 4, first_key: 18, last_key: 24, records: 3, offset: 4096, bytes: 2207, index_bytes: 28, first_time: 1.018s, last_time: 1.024s }
        18 at Place { source: Segment(4), offset: 4096, bytes: 1778 }
        21 at Place { source: Segment(4), offset: 5874, bytes: 69 }
        24 at Place { source: Segment(4), offset: 5943, bytes: 360 }
        (12288, 36864) [SegmentInfo { number: 1, bytes: 12288, records: 2, footer_crc: 3115892934 }, SegmentInfo { number: 2, bytes: 12288, records: 2, footer_crc: 74818759 }, SegmentInfo { number: 3, bytes: 12288, records: 1, footer_crc: 3731593165 }, SegmentInfo { number: 4, bytes: 12288, records: 3, footer_crc: 4119248536 }] 1 replayed"#]].assert_eq(&lines);
}

#[test]
fn a_folder_of_manifest_1_is_upgraded_by_its_first_checkpoint() {
    let folder = copied("upgrade");
    let open =
        || Journal::open(Arc::new(RealDisk::open(&folder).unwrap()), options(), &mut |_| Ok(()), &mut |_| Ok(()));
    let version = || fs::read(folder.join("manifest")).unwrap()[4];
    let journal = open().unwrap();
    assert_eq!(version(), 1, "an open changes nothing");
    retire(&journal, [24, 6]);
    assert_eq!((version(), journal.stats().log_files), (2, 1));
    drop(journal);
    assert_eq!(open().unwrap().recovery().snapshots, 2);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let folder = copied("newer");
    let path = folder.join("manifest");
    let mut bytes = fs::read(&path).unwrap();
    bytes[4] = 3;
    let crc = crc32c::crc32c(&bytes[..60]);
    bytes[60..64].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let opened = Journal::open(Arc::new(RealDisk::open(&folder).unwrap()), options(), &mut |_| Ok(()), &mut |_| Ok(()));
    let Err(error @ OpenError::NewerFormat { found: 3, .. }) = opened else { panic!("format 3 was opened") };
    assert_eq!(
        error.to_string(),
        "manifest has format 3, and this version reads formats up to 2; start it with the version that wrote it, or a newer one"
    );
    fs::remove_dir_all(folder).unwrap();
}
