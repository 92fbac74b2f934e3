//! A failing disk and a full one: nothing is acknowledged wrongly, a fault is final, a full disk is no fault.

mod model;

use std::{io::ErrorKind, sync::Arc};

use journal::{AppendError, Journal, OpenError, Options, Urgency, sim::SimDisk};
use model::{Model, for_each_seed, options, replay};
use names::Position;

#[test]
fn a_fault_at_any_operation_stops_the_journal_and_loses_nothing_durable() {
    for_each_seed("fault_at_any_operation", 12, |seed| {
        let ops = live_with_fault(seed, None).0;
        let stops = (1..=ops).filter(|op| live_with_fault(seed, Some(*op)).1).count() as u64;
        assert!(stops >= ops / 2, "a fault is seen by whoever waits for the disk: {stops} of {ops}");
    });
}

/// One life, with an error at operation `fail`; then a power loss and a recovery. Returns the operations and whether
/// the fault was met.
fn live_with_fault(seed: u64, fail: Option<u64>) -> (u64, bool) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let disk = SimDisk::new(rng.u64(..));
    if let Some(op) = fail {
        disk.fail_op(op, ErrorKind::Other);
    }
    let mut model = Model::default();
    let stopped = match model.try_reopen(&disk) {
        Err(OpenError::Io(_)) => true,
        Err(other) => panic!("{other}"),
        Ok(journal) => {
            let (_, stopped) = model.live(&journal, &disk, &mut rng, 40);
            if stopped.is_some() {
                stays_stopped(&journal, &disk, &mut model);
            }
            stopped.is_some()
        }
    };
    let ops = disk.ops();
    drop(model.reopen(&disk.crash()));
    (ops, stopped)
}

fn stays_stopped(journal: &Journal, disk: &SimDisk, model: &mut Model) {
    let (durable, ops) = (journal.durable(), disk.ops());
    let new = model.invent(&mut fastrand::Rng::with_seed(1));
    assert!(matches!(model.append(journal, new, true), Err(AppendError::Stopped(_))));
    assert!(journal.commit().is_err() && journal.seal().is_err() && journal.tend().is_err());
    assert!(journal.when_durable(durable.plus(1)).wait().is_err(), "who waits learns of the stop");
    assert!(journal.when_durable(durable).wait().is_ok(), "what was durable stays so");
    assert_eq!((journal.durable(), disk.ops()), (durable, ops), "a fault is never retried");
}

#[test]
fn a_failed_read_at_recovery_refuses_the_open_and_changes_nothing() {
    let disk = SimDisk::new(3);
    let mut model = Model::default();
    let journal = model.reopen(&disk);
    model.live(&journal, &disk, &mut fastrand::Rng::with_seed(3), 60);
    drop(journal);
    let probe = disk.kill();
    drop(model.clone().reopen(&probe));
    for read in 1..=probe.reads() {
        let disk = disk.kill();
        disk.fail_read(read);
        let ops = disk.ops();
        match replay(&disk, options()) {
            Err(OpenError::Io(fault)) => assert!(fault.to_string().contains("failed"), "{fault}"),
            Err(other) => panic!("read {read}: {other}"),
            Ok(_) => panic!("read {read} failed unseen"),
        }
        // Only the adoption of spares reads after the first change, and it comes after the syncs.
        assert!(disk.ops() == ops || disk.ops() >= ops + 2);
        drop(model.clone().reopen(&disk.crash()));
    }
}

#[test]
fn a_full_disk_refuses_ordinary_entries_first_then_all_and_resumes() {
    let disk = SimDisk::new(4);
    let mut model = Model::default();
    let mut rng = fastrand::Rng::with_seed(4);
    disk.set_capacity(12 * (48 << 10));
    let journal = model.reopen(&disk);
    journal.tend().unwrap();

    let refuse = |model: &mut Model, rng: &mut fastrand::Rng, frees: bool| {
        for _ in 0..10_000 {
            let new = model.invent(rng);
            match model.append(&journal, new, frees) {
                Ok(()) => journal.commit().map(|_| ()).and_then(|()| journal.tend()).expect("a full disk is no fault"),
                Err(AppendError::NoSpace) => return model.taken.len(),
                Err(other) => panic!("{other}"),
            }
        }
        panic!("a bounded disk took everything");
    };
    let ordinary = refuse(&mut model, &mut rng, false);
    let freeing = refuse(&mut model, &mut rng, true);
    assert!(freeing > ordinary + 10, "the reserve takes freeing entries: {freeing} after {ordinary}");

    while let Some(closed) = journal.closed_file() {
        model.trimmed_below = closed.last.get() + 1;
        model::retire_oldest(&journal).expect("a checkpoint has its space kept back");
    }
    journal.tend().unwrap();
    let new = model.invent(&mut rng);
    model.append(&journal, new, false).expect("trimmed files made room");
    journal.commit().unwrap();
    model.durable = journal.durable().get();
    drop(journal);
    drop(model.reopen(&disk.crash()));
}

#[test]
fn too_much_too_large_and_out_of_order_are_refused_whole() {
    let options = Options { pending_bytes_max: 20 << 10, ..options() };
    let journal = Journal::open(Arc::new(SimDisk::new(5)), options, &mut |_| Ok(()), &mut |_| Ok(())).unwrap();
    let body = vec![1; 8 << 10];
    let entry = |sequence| journal::Entry {
        partition: names::PartitionId::new(1),
        sequence,
        kind: 1,
        version: 1,
        key_id: 0,
        payload: &body,
    };
    let append = |entries: &[_]| journal.append(entries, Urgency::Now);
    assert!(matches!(append(&[entry(1), entry(2), entry(3)]), Err(AppendError::TooLarge { bytes: 24_672, .. })));
    assert!(matches!(append(&[entry(2)]), Err(AppendError::OutOfOrder { expected: 1, given: 2, .. })));
    assert!(matches!(append(&[entry(1), entry(3)]), Err(AppendError::OutOfOrder { expected: 2, given: 3, .. })));
    assert_eq!(append(&[entry(1), entry(2)]).unwrap(), Position::new(2));
    assert!(matches!(append(&[entry(3)]), Err(AppendError::Full)));
    assert_eq!(journal.commit().unwrap(), Position::new(2));
    assert_eq!(append(&[entry(3)]).unwrap(), Position::new(3));
    assert_eq!(append(&[]).unwrap(), Position::new(3), "nothing appended is as durable as what came before");
}

#[test]
fn an_error_of_the_callback_names_the_record() {
    let disk = SimDisk::new(6);
    let mut model = Model::default();
    let journal = model.reopen(&disk);
    let new = model.invent(&mut fastrand::Rng::with_seed(6));
    model.append(&journal, new, false).unwrap();
    journal.close();
    drop(journal);
    let opened =
        Journal::open(Arc::new(disk), options(), &mut |_| Ok(()), &mut |_| Err("record kind 9 is unknown".into()));
    let Err(error) = opened else { panic!("a refused record was passed over") };
    assert_eq!(
        error.to_string(),
        "the record at position 1 in log-0000000000000001.tw cannot be replayed: record kind 9 is unknown"
    );
}
