//! What the way between partitions promises: whatever is passed on lies on one desk and no other, over every crash.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

mod desk;

use desk::{Command, Desk, FAMILY};
use engine::{Clock, Machine, ManualClock, Partition, Recovery, Store};
use journal::Options;
use journal::sim::SimDisk;
use names::{Instant, PartitionId};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const FILE_BYTES: u64 = 64 << 10;

fn id(ordinal: u64) -> PartitionId {
    PartitionId::of_family(FAMILY, ordinal)
}

struct Office {
    disk: SimDisk,
    clock: Arc<ManualClock>,
    store: Arc<Store>,
    desks: BTreeMap<PartitionId, Arc<Partition<Desk>>>,
}

impl Office {
    fn open(disk: &SimDisk) -> Self {
        let clock = Arc::new(ManualClock::at(Instant::from_millis(1_000)));
        let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let mut recovery = Recovery::new(FAMILY, Desk::default);
        let options = Options::small(FILE_BYTES);
        let store = Store::open(Arc::new(disk.clone()), options, shown, &mut [&mut recovery]).unwrap();
        let mut ids = Vec::new();
        recovery.look(|id, _| ids.push(id));
        recovery.finish(&store);
        let desks = ids.into_iter().map(|id| (id, store.partition(id).unwrap())).collect();
        Self { disk: disk.clone(), clock, store, desks }
    }

    /// An office with so many desks.
    fn with_desks(count: u64) -> Self {
        let mut office = Self::open(&SimDisk::new(7));
        for ordinal in 1..=count {
            let desk = Partition::new(&office.store, id(ordinal), Desk::default());
            office.desks.insert(id(ordinal), desk);
            office.write(ordinal, "founding letter");
        }
        office
    }

    fn execute(&self, ordinal: u64, command: Command) {
        let _ = self.desks[&id(ordinal)].execute(command).map(drop);
    }

    fn write(&self, ordinal: u64, letter: &str) {
        self.execute(ordinal, Command::Write(letter.as_bytes().to_vec()));
    }

    fn pass_on(&self, from: u64, to: u64) {
        self.execute(from, Command::PassOn(id(to)));
    }

    fn commit(&self) {
        let _ = self.store.journal().commit();
    }

    /// Delivers until nothing moves any more.
    fn deliver_all(&self) {
        while self.store.deliver() != engine::Delivered::default() {
            self.commit();
        }
        self.commit();
    }

    fn letters(&self, ordinal: u64) -> Vec<String> {
        let Some(desk) = self.desks.get(&id(ordinal)) else { return Vec::new() };
        let pending = desk.execute(Command::Look).unwrap();
        self.commit();
        let waker = Context::from_waker(Waker::noop());
        let Poll::Ready(Ok((_, letters))) = pin!(pending.read()).poll(&mut { waker }) else { panic!("all is durable") };
        letters.into_iter().map(|letter| String::from_utf8(letter.unwrap().0).unwrap()).collect()
    }

    fn reopened(self) -> Self {
        self.store.journal().close();
        let disk = self.disk.clone();
        drop(self);
        Self::open(&disk)
    }
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("letter {number}")).collect()
}

#[test]
fn what_is_passed_on_arrives_in_order_and_lies_nowhere_else() {
    let office = Office::with_desks(2);
    numbered(10).iter().for_each(|letter| office.write(1, letter));
    office.pass_on(1, 2);
    assert_eq!(office.letters(1), [""; 0]);
    office.deliver_all();
    let mut expected = vec!["founding letter".to_string(), "founding letter".to_string()];
    expected.extend(numbered(10));
    assert_eq!(office.letters(2), expected);
    let office = office.reopened();
    assert_eq!(office.letters(2), expected);
    assert_eq!(office.store.deliver().parcels, 0, "nothing is on its way any more");
}

#[test]
fn a_start_finds_what_was_on_its_way() {
    for checkpointed in [false, true] {
        let office = Office::with_desks(2);
        office.pass_on(1, 2);
        office.commit();
        if checkpointed {
            office.store.checkpoint().unwrap();
        }
        let office = office.reopened();
        assert_eq!(office.letters(2).len(), 1);
        office.deliver_all();
        assert_eq!(office.letters(2).len(), 2);
    }
}

#[test]
fn letters_travel_from_segments_too() {
    let office = with_letters_on_disk();
    office.deliver_all();
    assert_eq!(office.letters(2).len(), 202);
}

#[test]
fn letters_that_take_more_than_a_block_together_travel_in_parts() {
    let office = Office::with_desks(2);
    let letter = "x".repeat(FILE_BYTES as usize / 16);
    for _ in 0..20 {
        office.write(1, &letter);
        office.commit();
    }
    office.pass_on(1, 2);
    for _ in 0..40 {
        office.store.deliver();
        office.commit();
    }
    assert_eq!(office.letters(2).len(), 22);
}

/// An office of which one desk has passed on letters that lie in segments and in no memory.
fn with_letters_on_disk() -> Office {
    let office = Office::with_desks(2);
    for number in 0..200 {
        office.write(1, &format!("{number:01000}"));
        office.commit();
    }
    office.pass_on(1, 2);
    office.commit();
    assert!(office.store.tend().unwrap().segmented > 0);
    office.reopened()
}

#[test]
fn a_letter_that_the_disk_refuses_to_read_waits_for_a_better_minute() {
    let office = with_letters_on_disk();
    let next = office.disk.reads() + 1;
    office.disk.fail_reads(next..next + 1_000);
    let round = office.store.deliver();
    assert_eq!((round.parcels, round.unreadable, round.retry_at.is_some()), (0, 0, true));
    office.disk.fail_reads(0..0);
    office.clock.advance_millis(500);
    office.deliver_all();
    assert_eq!(office.letters(2).len(), 202);
}

#[test]
fn a_letter_that_the_disk_goes_on_refusing_to_read_holds_the_others_up_for_a_minute() {
    let office = with_letters_on_disk();
    let next = office.disk.reads() + 1;
    office.disk.fail_reads(next..u64::MAX);
    let rounds = (0..1_000).take_while(|_| {
        let round = office.store.deliver();
        office.clock.advance_millis(500);
        round.unreadable == 0
    });
    assert_eq!(rounds.count(), 120);
}

#[test]
fn a_destination_that_is_gone_gives_everything_back() {
    let office = Office::with_desks(3);
    office.execute(2, Command::Close);
    office.pass_on(1, 2);
    office.pass_on(3, 77);
    assert_eq!(office.store.deliver().returned, 2);
    assert_eq!((office.letters(1).len(), office.letters(3).len()), (1, 1));
    office.deliver_all();
    assert_eq!(office.reopened().letters(1), ["founding letter"]);
}

#[test]
fn a_disk_too_full_for_a_delivery_lets_it_wait_and_loses_nothing() {
    let office = Office::with_desks(2);
    office.disk.set_capacity(1 << 19);
    let refused = (0..2_000).find(|_| {
        let written = office.desks[&id(1)].execute(Command::Write(vec![b'x'; 1_000])).map(drop);
        office.commit();
        let _ = office.store.journal().tend();
        written.is_err()
    });
    assert!(refused.is_some(), "the disk is full");
    let count = office.letters(1).len();
    office.pass_on(1, 2);
    assert!(office.letters(1).is_empty(), "to pass on needs no room");
    let round = office.store.deliver();
    assert_eq!((round.parcels, round.retry_at), (0, Some(Instant::from_millis(1_500))));
    office.disk.set_capacity(u64::MAX);
    office.store.journal().tend().unwrap();
    assert_eq!(office.store.deliver().parcels, 0, "not before its moment");
    office.clock.advance_millis(500);
    office.deliver_all();
    assert_eq!(office.letters(2).len(), count + 1);
}

#[test]
fn a_courier_brings_everything_that_lies_in_trays_without_being_called_again() {
    let office = Office::with_desks(3);
    numbered(20).iter().for_each(|letter| office.write(1, letter));
    let mut couriers = pin!(office.store.run_couriers());
    let mut run = || {
        for _ in 0..50 {
            let polled = couriers.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending(), "couriers never end");
        }
    };
    run();
    office.pass_on(1, 2);
    run();
    office.pass_on(2, 3);
    run();
    assert_eq!((office.letters(1).len(), office.letters(2).len(), office.letters(3).len()), (0, 0, 23));
}

#[test]
fn a_desk_forgets_the_numbers_of_a_desk_that_is_gone() {
    let office = Office::with_desks(2);
    office.pass_on(1, 2);
    office.deliver_all();
    let origins = |office: &Office| office.desks[&id(2)].inspect(Desk::origins).unwrap();
    assert_eq!(origins(&office), 1);
    office.execute(1, Command::Close);
    office.commit();
    office.store.checkpoint().unwrap();
    assert_eq!(origins(&office), 1, "its tombstone stands");
    for _ in 0..300 {
        office.write(2, &"long ".repeat(200));
        office.commit();
    }
    assert!(office.store.tend().unwrap().files > 0);
    assert_eq!(origins(&office), 0);
}

/// Passes letters over three desks, and lets the power fail after one operation of the disk after the other.
#[test]
fn each_letter_lies_on_exactly_one_desk_whenever_the_power_fails() {
    let office = Office::with_desks(3);
    let sent = numbered(8);
    sent.iter().for_each(|letter| office.write(1, letter));
    office.commit();
    office.disk.record_moments();
    for (from, to) in [(1, 2), (2, 3), (3, 1)] {
        office.pass_on(from, to);
        office.commit();
        while office.store.deliver().parcels > 0 {
            office.commit();
            office.write(to, "meanwhile");
        }
        office.store.checkpoint().unwrap();
    }
    let moments = office.disk.take_moments();
    assert!(moments.len() > 30, "{} moments are no test", moments.len());
    for (moment, seed) in moments.iter().flat_map(|moment| (0..8).map(move |seed| (moment, seed))) {
        for disk in [moment.crash(seed), moment.kill(seed)] {
            let office = Office::open(&disk);
            office.deliver_all();
            let mut found: Vec<String> = (1..=3).flat_map(|ordinal| office.letters(ordinal)).collect();
            found.retain(|letter| letter.starts_with("letter"));
            found.sort();
            assert_eq!(found, sent, "the power failed after operation {}, seed {seed}", moment.op());
        }
    }
}

/// What the receiver has on disk and the sender does not know of is brought again and dropped.
#[test]
fn what_is_brought_again_after_a_crash_is_dropped() {
    let office = Office::with_desks(2);
    numbered(3).iter().for_each(|letter| office.write(1, letter));
    office.pass_on(1, 2);
    let sender = &office.desks[&id(1)];
    let outgoing = sender.inspect(|desk| desk.outgoing(None)).unwrap().unwrap();
    let parcels = ["founding letter", "letter 0", "letter 1"].map(|letter| letter.as_bytes().to_vec()).to_vec();
    office.execute(2, Command::Arrive(engine::Arrival { origin: id(1), first: outgoing.first, parcels }));
    office.deliver_all();
    assert_eq!(office.letters(2).len(), 5);
    assert_eq!(office.desks[&id(2)].inspect(|desk| desk.dropped).unwrap(), 1);
}

#[test]
fn a_letter_that_the_disk_damaged_stays_and_those_behind_it_travel() {
    let office = Office::with_desks(2);
    for number in 0..200 {
        office.write(1, &format!("{number:01000}"));
        office.commit();
    }
    office.store.tend().unwrap();
    let office = office.reopened();
    let segment = journal::Source::Segment(office.store.journal().segments()[0].number).file();
    office.disk.flip(&segment, 4096 + 5_000, 3);
    office.pass_on(1, 2);
    office.deliver_all();
    let lying = |ordinal| office.desks[&id(ordinal)].inspect(Desk::ready).unwrap();
    let damaged = lying(1);
    assert!((1..100).contains(&damaged), "{damaged} letters stay");
    assert_eq!(lying(2), 202 - damaged);
}
