//! Flipped bits, cuts, losses and swaps in manifests, checkpoints and the lists of segments: every one refuses the open,
//! named by file and offset, and changes nothing. A segment that was cut refuses nothing, and is told.

#![expect(clippy::unwrap_used, reason = "what tests call may unwrap: a panic there is the report")]

mod model;
mod user;

use std::{collections::BTreeSet, sync::Arc};

use journal::{Io, Journal, OpenError, sim::SimDisk};
use user::{History, User};

/// A store with segments, a complete checkpoint and two of changes.
fn store() -> SimDisk {
    let mut rng = fastrand::Rng::with_seed(21);
    let disk = SimDisk::new(21);
    let mut history = History::default();
    let (journal, mut user) = User::open(&disk, &mut history).unwrap();
    while user.retired < 3 {
        let id = user.choose(&history, &mut rng);
        user.bring(&journal, &mut history, id).unwrap();
        journal.commit().unwrap();
        user.retire(&journal, false).unwrap();
    }
    user.checkpoint(&journal, true, None, Vec::new(), &BTreeSet::new()).unwrap();
    for _ in 0..2 {
        user.bring(&journal, &mut history, 1).unwrap();
        user.checkpoint(&journal, false, None, Vec::new(), &BTreeSet::new()).unwrap();
    }
    journal.close();
    drop(journal);
    disk.crash()
}

fn names(disk: &SimDisk, prefix: &str) -> Vec<String> {
    let mut names = disk.list().unwrap();
    names.retain(|name| name.starts_with(prefix));
    names.sort();
    names
}

fn open(disk: &SimDisk) -> Result<Journal, OpenError> {
    Journal::open(Arc::new(disk.clone()), model::options(), &mut |_| Ok(()), &mut |_| Ok(()))
}

/// The open is refused for the file that was hurt, and nothing is written.
#[track_caller]
fn refused(disk: &SimDisk, name: &str, what: &str) -> u64 {
    let ops = disk.ops();
    let Err(error) = open(disk) else { panic!("{name}: {what} went unseen") };
    let OpenError::Corrupt { file, offset, why } = error else { panic!("{name}: {what}: {error}") };
    assert_eq!(file, name, "{what}: {why}");
    assert_eq!(disk.ops(), ops, "a refused store is not changed");
    offset
}

#[test]
fn a_flipped_bit_in_any_byte_of_manifest_and_checkpoints_is_refused() {
    let disk = store();
    assert!(open(&disk.crash()).is_ok());
    for name in names(&disk, "checkpoint-").into_iter().chain(["manifest".into()]) {
        for at in 0..disk.bytes(&name).unwrap().len() as u64 {
            let hurt = disk.kill();
            hurt.flip(&name, at, (at * 7 % 8) as u8);
            let offset = refused(&hurt, &name, &format!("bit at {at}"));
            assert!(offset <= at || offset.is_multiple_of(4096), "byte {at} was hurt, {offset} is named");
        }
    }
}

#[test]
fn a_cut_or_lost_file_is_refused() {
    let disk = store();
    let files = ["checkpoint-", "segment-", "manifest"].map(|prefix| names(&disk, prefix)).concat();
    assert!(files.len() >= 6, "{files:?}");
    for name in &files {
        let len = disk.bytes(name).unwrap().len() as u64;
        for cut in (0..len).step_by(509).chain([1, len - 1, len - 4096]) {
            let hurt = disk.kill();
            hurt.truncate(name, cut);
            if !name.starts_with("segment-") {
                refused(&hurt, name, &format!("cut at {cut}"));
                continue;
            }
            let journal = open(&hurt).unwrap();
            let [(_, damage)] = journal.hurt_segments() else { panic!("{name}: cut at {cut}") };
            assert!(damage.file == *name && damage.offset <= cut, "{damage}");
        }
        let hurt = disk.kill();
        hurt.lose(name);
        refused(&hurt, name, "the loss");
    }
}

#[test]
fn one_checkpoint_in_the_place_of_another_is_refused() {
    let disk = store();
    let files = names(&disk, "checkpoint-");
    assert_eq!(files.len(), 3);
    let (one, other) = (&files[1], &files[2]);
    assert_eq!(disk.bytes(one).unwrap().len(), disk.bytes(other).unwrap().len());
    disk.overwrite(one, 0, &disk.bytes(other).unwrap());
    refused(&disk, one, "another checkpoint");
}

#[test]
fn checkpoints_without_a_manifest_are_a_loss_and_unlisted_ones_are_removed() {
    let disk = store();
    let hurt = disk.kill();
    hurt.lose("manifest");
    names(&hurt, "log-").iter().for_each(|name| hurt.lose(name));
    refused(&hurt, "manifest", "the loss of manifest and log");

    let listed = disk.list().unwrap();
    for left_over in ["checkpoint-0000000000000099.tw", "segment-0000000000000099.tw", "checkpoint.tmp", "manifest.tmp"]
    {
        disk.create(left_over, 4096).unwrap();
    }
    let journal = open(&disk).unwrap();
    assert_eq!(disk.list().unwrap(), listed, "what nobody lists is gone");
    drop(journal);
}
