//! Power loss and kills at every write and sync boundary of generated lives, and again during recovery.
//!
//! Each seed is one life; each of its boundaries is crashed at. `TIDEWIRE_SEEDS` sets how many seeds run,
//! `TIDEWIRE_SEED` runs one.

mod model;

use journal::{OpenError, sim::SimDisk};
use model::{Model, for_each_seed};

#[test]
fn after_a_crash_at_any_boundary_every_durable_record_is_there_once_and_in_order() {
    for_each_seed("crash", 1_500, |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let disk = SimDisk::new(rng.u64(..));
        disk.record_moments();
        let mut model = Model::default();
        let journal = model.reopen(&disk);
        let steps = rng.usize(5..60);
        let (marks, _) = model.live(&journal, &disk, &mut rng, steps);
        for moment in disk.take_moments() {
            let mut then = model.at(&marks, moment.op());
            let found = if rng.u8(..6) == 0 { moment.kill(rng.u64(..)) } else { moment.crash(rng.u64(..)) };
            crash_again_and_go_on(&found, &mut then, &mut rng);
        }
    });
}

/// Recovers, crashes during the recovery or after it, recovers again, goes on, crashes, recovers.
fn crash_again_and_go_on(disk: &SimDisk, model: &mut Model, rng: &mut fastrand::Rng) {
    let before = model.clone();
    disk.record_moments();
    drop(model.reopen(disk));
    let moments = disk.take_moments();
    let disk = match rng.choice(&moments) {
        // The recovery is not over: only what was known before it is promised.
        Some(moment) if rng.bool() => {
            *model = before;
            moment.crash(rng.u64(..))
        }
        _ => disk.crash(),
    };
    let journal = model.reopen(&disk);
    let steps = rng.usize(..6);
    model.live(&journal, &disk, rng, steps);
    let disk = disk.crash();
    drop(model.reopen(&disk));
}

#[test]
fn a_log_survives_many_crashes_in_a_row() {
    for_each_seed("crashes", 600, |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut disk = SimDisk::new(rng.u64(..));
        let mut model = Model::default();
        for _ in 0..12 {
            let off_at = disk.ops() + rng.u64(1..120);
            disk.power_off_at(off_at);
            match model.try_reopen(&disk) {
                Ok(journal) => drop(model.live(&journal, &disk, &mut rng, 60)),
                Err(OpenError::Io(_)) => {}
                Err(error) => panic!("the log does not open: {error}"),
            }
            disk = disk.crash();
        }
        drop(model.reopen(&disk));
    });
}

/// The other tests prove nothing about what their lives never do.
#[test]
fn generated_lives_that_crash_do_roll_trim_and_tear() {
    let (mut rolled, mut trimmed, mut torn) = (0, 0, 0);
    for seed in 0..40 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let disk = SimDisk::new(rng.u64(..));
        disk.record_moments();
        let mut model = Model::default();
        let journal = model.reopen(&disk);
        model.live(&journal, &disk, &mut rng, 50);
        for moment in disk.take_moments() {
            let (journal, found) = model::replay(&moment.crash(rng.u64(..)), model::options()).expect("it opens");
            rolled += usize::from(journal.stats().log_files > 1);
            trimmed += usize::from(found.first().is_some_and(|(position, _)| *position > 1));
            torn += usize::from(journal.recovery().torn_bytes > 0);
        }
    }
    assert!(rolled > 200 && trimmed > 50 && torn > 40, "{rolled} rolled, {trimmed} trimmed, {torn} torn");
}
