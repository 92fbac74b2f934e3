//! However an entry was appended, it becomes durable by itself: a nudge that never comes only delays it.
#![expect(clippy::unwrap_used, reason = "a panic is the report")]

use journal::sim::SimDisk;
use journal::{Drive, Entry, Journal, Options, Urgency};
use names::{PartitionId, Position};
use std::sync::Arc;

fn journal() -> Journal {
    let options = Options { drive: Drive::Thread, ..Options::small(1 << 20) };
    Journal::open(Arc::new(SimDisk::new(3)), options, &mut |_| Ok(()), &mut |_| Ok(())).unwrap()
}

fn append(journal: &Journal, sequence: u64, urgency: Urgency) -> Position {
    let entry = Entry { partition: PartitionId::new(1), sequence, kind: 1, version: 1, key_id: 0, payload: b"x" };
    journal.append(&[entry], urgency).unwrap()
}

#[test]
fn every_urgency_becomes_durable_on_an_idle_journal() {
    for urgency in [Urgency::Now, Urgency::WhenIdle, Urgency::Soon] {
        let journal = journal();
        let last = append(&journal, 1, urgency);
        journal.when_durable(last).wait().unwrap();
    }
}

#[test]
fn every_urgency_becomes_durable_shortly_after_another_block() {
    let journal = journal();
    for (before, urgency) in [Urgency::Now, Urgency::WhenIdle, Urgency::Soon].into_iter().cycle().take(30).enumerate() {
        let last = append(&journal, before as u64 + 1, urgency);
        journal.when_durable(last).wait().unwrap();
    }
}

#[test]
fn a_nudge_has_what_waits_for_it_written() {
    let journal = journal();
    for round in 0..50 {
        for n in 1..=10 {
            append(&journal, round * 10 + n, Urgency::WhenIdle);
        }
        journal.nudge();
        journal.when_durable(Position::new(round * 10 + 10)).wait().unwrap();
    }
    journal.nudge();
}

#[test]
fn what_waits_for_a_nudge_is_written_at_close() {
    let disk = Arc::new(SimDisk::new(4));
    let options = Options { drive: Drive::Thread, ..Options::small(1 << 20) };
    let journal =
        Journal::open(Arc::<SimDisk>::clone(&disk), options.clone(), &mut |_| Ok(()), &mut |_| Ok(())).unwrap();
    append(&journal, 1, Urgency::Now);
    append(&journal, 2, Urgency::WhenIdle);
    append(&journal, 3, Urgency::Soon);
    journal.close();
    let mut replayed = 0;
    Journal::open(disk, options, &mut |_| Ok(()), &mut |_| {
        replayed += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(replayed, 3);
}
