//! Bit flips, cuts and losses in a log at rest: found and named, or harmless; never a silent loss of a durable record.
//!
//! What cannot be found: damage to the last block while nothing after it attests it. An attesting block follows by
//! itself after `SEAL_MILLIS`, at a close and at every open; the last test here pins the limit down.

#![expect(clippy::unwrap_used, reason = "what tests call may unwrap: a panic there is the report")]

mod model;

use journal::{OpenError, sim::SimDisk};
use model::{Model, for_each_seed, options, replay};

/// A sealed log over several files, with its model.
fn sealed_log(seed: u64) -> (SimDisk, Model) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let disk = SimDisk::new(seed);
    let mut model = Model::default();
    let journal = model.reopen(&disk);
    journal.tend().unwrap();
    while journal.stats().log_files < 3 {
        let new = model.invent(&mut rng);
        model.append(&journal, new, false).unwrap();
        journal.commit().unwrap();
    }
    journal.tend().unwrap();
    journal.seal().unwrap();
    model.durable = journal.durable().get();
    drop(journal);
    (disk.crash(), model)
}

/// Opens a damaged disk: all records or a clear refusal. Says whether it was refused.
fn all_or_refused(disk: &SimDisk, model: &Model, what: &str) -> bool {
    match replay(disk, options()) {
        Ok((_, found)) => {
            let found: Vec<_> = found.into_iter().map(|(_, taken)| taken).collect();
            assert!(found == model.taken, "{what}: {} of {} records, silently", found.len(), model.taken.len());
            false
        }
        Err(OpenError::Corrupt { file, why, .. }) => {
            assert!(!file.is_empty() && !why.is_empty());
            true
        }
        Err(other) => panic!("{what}: {other}"),
    }
}

fn log_files(disk: &SimDisk) -> Vec<String> {
    let mut names = journal::Io::list(disk).unwrap();
    names.sort();
    names
}

#[test]
fn a_flipped_bit_anywhere_in_a_sealed_log_is_found_or_harmless() {
    for_each_seed("flipped_bit_anywhere", 4, |seed| {
        let (disk, model) = sealed_log(seed);
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut refused = 0;
        for _ in 0..1000 {
            let name = rng.choice(log_files(&disk)).unwrap();
            let bytes = disk.bytes(&name).unwrap();
            // Half of the flips hit what was written; the rest of a file is zeros or stale.
            let written = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) as u64 + 1;
            let at = if rng.bool() { rng.u64(..written) } else { rng.u64(..bytes.len() as u64) };
            let bit = rng.u8(..8);
            let hurt = disk.crash();
            hurt.flip(&name, at, bit);
            refused += usize::from(all_or_refused(&hurt, &model, &format!("{name} byte {at} bit {bit}")));
        }
        assert!(refused > 100, "most flips in records are found, not {refused} of 1000");
    });
}

#[test]
fn a_flipped_bit_in_any_byte_of_any_header_is_found_or_harmless() {
    let (disk, model) = sealed_log(7);
    for name in log_files(&disk) {
        let pages = disk.bytes(&name).unwrap().len().div_ceil(4096) as u64;
        for at in (0..pages).flat_map(|page| (0..128).map(move |byte| page * 4096 + byte)) {
            let hurt = disk.crash();
            hurt.flip(&name, at, (at % 8) as u8);
            all_or_refused(&hurt, &model, &format!("{name} byte {at}"));
        }
    }
}

#[test]
fn a_cut_file_is_refused_wherever_it_is_cut() {
    let (disk, model) = sealed_log(8);
    let mut rng = fastrand::Rng::with_seed(8);
    for name in log_files(&disk).iter().filter(|name| name.starts_with("log-")) {
        let len = disk.bytes(name).unwrap().len() as u64;
        for cut in (0..200).map(|_| rng.u64(..len)).chain([0, 1, 4096, len - 1, len - 512, len - 4096]) {
            let hurt = disk.crash();
            hurt.truncate(name, cut);
            assert!(all_or_refused(&hurt, &model, &format!("{name} cut at {cut}")), "{name} cut at {cut} was taken");
        }
    }
    for cut in 0..64 {
        let hurt = disk.crash();
        hurt.truncate("manifest", cut);
        assert!(all_or_refused(&hurt, &model, "manifest"));
    }
}

#[test]
fn a_lost_or_swapped_file_is_refused() {
    let (disk, model) = sealed_log(9);
    let names = log_files(&disk);
    for name in names.iter().filter(|name| !name.starts_with("spare-")) {
        let hurt = disk.crash();
        hurt.lose(name);
        assert!(all_or_refused(&hurt, &model, name), "the loss of {name} went unseen");
    }
    let logs: Vec<_> = names.iter().filter(|name| name.starts_with("log-")).collect();
    let hurt = disk.crash();
    hurt.overwrite(logs[1], 0, &disk.bytes(logs[0]).unwrap());
    assert!(all_or_refused(&hurt, &model, "a copied file"));
}

#[test]
fn a_refused_log_is_not_changed() {
    let (disk, _) = sealed_log(10);
    disk.flip("log-0000000000000002.tw", 5000, 3);
    let ops = disk.ops();
    assert!(replay(&disk, options()).is_err());
    assert_eq!(disk.ops(), ops, "nothing was written, created, renamed or removed");
}

#[test]
fn the_refusal_says_which_file_where_and_what_to_do() {
    let (disk, _) = sealed_log(7);
    disk.flip("log-0000000000000002.tw", 5000, 3);
    let Err(error) = replay(&disk, options()) else { panic!("a damaged log was opened") };
    expect_test::expect!["the journal is damaged in log-0000000000000002.tw at byte 4096: block 3 was durable, for block 10 follows in log-0000000000000003.tw, but its checksum is wrong. Nothing was changed; copy the folder and check the disk (kernel log, SMART) before anything else"].assert_eq(&error.to_string());
}

#[test]
fn damage_to_the_last_block_passes_for_a_torn_write_only_until_it_is_attested() {
    let disk = SimDisk::new(11);
    let mut model = Model::default();
    let journal = model.reopen(&disk);
    let mut rng = fastrand::Rng::with_seed(11);
    for _ in 0..2 {
        let new = model.invent(&mut rng);
        model.append(&journal, new, false).unwrap();
        journal.commit().unwrap();
    }
    let before_seal = disk.crash();
    journal.seal().unwrap();
    let name = "log-0000000000000001.tw";
    let bytes = disk.bytes(name).unwrap();
    let starts: Vec<_> = (0..bytes.len()).step_by(4096).filter(|at| bytes[*at..].starts_with(b"TWBL")).collect();
    let last_data = starts[starts.len() - 2] as u64;

    before_seal.flip(name, last_data + 100, 0);
    let (opened, found) = replay(&before_seal, options()).unwrap();
    assert_eq!(found.len() as u64, model.ends[0], "without a witness exactly the last block is dropped");
    assert!(opened.recovery().torn_bytes > 0, "and the open says so");

    let attested = disk.crash();
    attested.flip(name, last_data + 100, 0);
    assert!(all_or_refused(&attested, &model, "an attested block"));
}

/// Offset and number of the blocks in `bytes`.
fn blocks(bytes: &[u8]) -> Vec<(u64, u64)> {
    let starts = (0..bytes.len()).step_by(4096).filter(|at| bytes[*at..].starts_with(b"TWBL"));
    starts.map(|at| (at as u64, u64::from_le_bytes(bytes[at + 24..at + 32].try_into().unwrap()))).collect()
}

#[test]
fn a_file_that_was_about_to_follow_attests_the_last_block_too() {
    let (disk, rng) = (SimDisk::new(12), &mut fastrand::Rng::with_seed(12));
    let mut model = Model::default();
    let journal = model.reopen(&disk);
    journal.tend().unwrap();
    disk.record_moments();
    let mut marks = vec![model.mark(&disk)];
    while journal.stats().log_files < 5 {
        let new = model.invent(rng);
        model.append(&journal, new, false).unwrap();
        journal.commit().unwrap();
        model.durable = journal.durable().get();
        marks.push(model.mark(&disk));
    }
    let mut seen = 0;
    for moment in disk.take_moments() {
        let found = moment.kill(1);
        let names = log_files(&found);
        let last_log = names.iter().rfind(|name| name.starts_with("log-")).unwrap();
        let (at, number) = *blocks(&found.bytes(last_log).unwrap()).last().unwrap();
        let is_next = |name: &&String| blocks(&found.bytes(name).unwrap()).first() == Some(&(0, number + 1));
        if at == 0 || !names.iter().filter(|name| !name.starts_with("log-")).any(|name| is_next(&name)) {
            continue;
        }
        found.flip(last_log, at + 70, 1);
        let then = model.at(&marks, moment.op());
        let Err(error) = replay(&found, options()) else { panic!("{} durable records, silently lost", then.durable) };
        assert!(error.to_string().contains("was durable"), "{error}");
        seen += 1;
    }
    assert!(seen >= 3, "a roll was met {seen} times");
}

#[test]
fn a_block_from_another_branch_of_history_is_refused() {
    let base = SimDisk::new(13);
    drop(Model::default().reopen(&base));
    // Two lives after the same beginning, alike in everything but the payloads.
    let branch = |byte: u8| {
        let disk = base.kill();
        let mut model = Model::default();
        let journal = model.reopen(&disk);
        for sequence in 1..=3 {
            let payload = vec![byte; 100];
            let new = vec![model::Taken { partition: 1, sequence, kind: 1, payload }];
            model.append(&journal, new, false).unwrap();
            journal.commit().unwrap();
        }
        disk
    };
    let (ours, theirs) = (branch(1), branch(2));
    let name = "log-0000000000000001.tw";
    let bytes = theirs.bytes(name).unwrap();
    let (at, _) = blocks(&bytes)[blocks(&bytes).len() - 2];
    let start = usize::try_from(at).unwrap();
    ours.overwrite(name, at, &bytes[start..start + 4096]);
    let Err(error) = replay(&ours, options()) else { panic!("a foreign block was taken") };
    assert!(error.to_string().contains("does not follow"), "{error}");
}
