//! What a partition promises: order, replies that wait for the disk, waiting readers, replay; on a machine small enough
//! to see through: a jar of sweets, each of which may be put in for later.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

use engine::{
    Clock, Decision, Durability, Effect, Machine, MalformedRecord, ManualClock, Partition, Recovery, Stirred, Store,
    Tally,
};
use journal::Options;
use journal::sim::SimDisk;
use names::{Instant, PartitionId, Position};
use std::cell::Cell;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const FAMILY: u8 = 9;
const JAR: PartitionId = PartitionId::of_family(FAMILY, 1);

/// A jar with so many sweets is not read back.
const UNLUCKY: u64 = 13;

thread_local! {
    /// Snapshots that were made of jars.
    static SNAPSHOTS: Cell<u32> = const { Cell::new(0) };
}

#[derive(Default, Debug, PartialEq)]
struct Jar {
    sweets: usize,
    later: Vec<Instant>,
    positions: Vec<Position>,
    /// Whether a bell was rung that nobody has heard yet: each who waits hears it.
    has_rung: bool,
}

enum Command {
    Ring,
    Put(usize),
    PutAt(Instant),
    Take,
    TakeLazily,
    Count,
}

#[derive(Debug, PartialEq)]
enum Change {
    Put,
    PutAt(Instant),
    Taken,
    Rung,
}

impl Effect for Change {
    fn kind(&self) -> u8 {
        match self {
            Self::Put => 1,
            Self::PutAt(_) => 2,
            Self::Taken => 3,
            Self::Rung => 4,
        }
    }

    fn version(&self) -> u8 {
        1
    }

    fn encode(&self, out: &mut Vec<u8>) {
        if let Self::PutAt(at) = self {
            out.extend(at.as_millis().to_be_bytes());
        }
    }

    fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, MalformedRecord> {
        match (kind, <[u8; 8]>::try_from(payload)) {
            (1, _) => Ok(Self::Put),
            (2, Ok(millis)) => Ok(Self::PutAt(Instant::from_millis(u64::from_be_bytes(millis)))),
            (3, _) => Ok(Self::Taken),
            (4, _) => Ok(Self::Rung),
            _ => Err(MalformedRecord { kind, version, why: "not of a jar" }),
        }
    }
}

impl Machine for Jar {
    type Command = Command;
    type Effect = Change;
    type Reply = usize;
    type Content = ();

    const SNAPSHOT_VERSION: u8 = 1;

    fn advance(&mut self, now: Instant) {
        let due = self.later.extract_if(.., |at| *at <= now).count();
        self.sweets += due;
    }

    fn decide(&self, _now: Instant, command: Command) -> Decision<Change, usize> {
        let had = self.sweets;
        match command {
            Command::Put(count) => Decision::change((0..count).map(|_| Change::Put).collect(), count),
            Command::PutAt(at) => Decision::change(vec![Change::PutAt(at)], 1),
            Command::Take | Command::TakeLazily if had == 0 => Decision::answer(0),
            Command::Take => Decision::change(vec![Change::Taken], 1),
            Command::TakeLazily => {
                Decision { durability: Durability::Lazy, ..Decision::change(vec![Change::Taken], 1) }
            }
            Command::Count => Decision::answer(had),
            Command::Ring => Decision::change(vec![Change::Rung], 0),
        }
    }

    fn apply(&mut self, at: Position, change: &Change, _gone: &mut Vec<u64>) {
        self.positions.push(at);
        match change {
            Change::Put => self.sweets += 1,
            Change::PutAt(at) => self.later.push(*at),
            Change::Taken => self.sweets -= 1,
            Change::Rung => self.has_rung = true,
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.later.iter().min().copied()
    }

    fn ready(&self) -> usize {
        self.sweets
    }

    fn take_stirred(&mut self) -> Stirred {
        if std::mem::take(&mut self.has_rung) { Stirred::Everyone } else { Stirred::Nothing }
    }

    fn content(_: Change) -> Option<(u64, ())> {
        None
    }

    fn holds(&self, _: u64) -> bool {
        false
    }

    fn first_held(&self) -> u64 {
        u64::MAX
    }

    fn held_within(&self, _: std::ops::Range<u64>) -> u64 {
        0
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        SNAPSHOTS.set(SNAPSHOTS.get() + 1);
        let numbers = [self.sweets as u64, self.later.len() as u64].into_iter();
        let numbers = numbers.chain(self.later.iter().map(|at| at.as_millis()));
        numbers.chain(self.positions.iter().map(|at| at.get())).for_each(|number| out.extend(number.to_be_bytes()));
    }

    fn restore(_: u8, state: &[u8]) -> Result<Self, MalformedRecord> {
        let numbers: Vec<u64> = state.as_chunks().0.iter().map(|eight| u64::from_be_bytes(*eight)).collect();
        if numbers[0] == UNLUCKY {
            return Err(MalformedRecord { kind: 0, version: 1, why: "a jar that nobody opens" });
        }
        let (later, positions) = numbers[2..].split_at(numbers[1] as usize);
        Ok(Self {
            sweets: numbers[0] as usize,
            later: later.iter().copied().map(Instant::from_millis).collect(),
            positions: positions.iter().copied().map(Position::new).collect(),
            has_rung: false,
        })
    }

    fn tally(&self) -> Tally {
        Tally([self.sweets as u64, self.later.len() as u64, 1])
    }

    fn is_over(&self) -> bool {
        false
    }
}

/// A jar on a disk whose syncs happen when the test says so.
struct Shop {
    disk: Arc<SimDisk>,
    clock: Arc<ManualClock>,
    store: Arc<Store>,
    jar: Arc<Partition<Jar>>,
}

impl Shop {
    fn open(disk: Arc<SimDisk>) -> Self {
        let clock = Arc::new(ManualClock::at(Instant::from_millis(1_000)));
        let mut recovery = Recovery::new(FAMILY, Jar::default);
        let options = Options::small(1 << 20);
        let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let store = Store::open(Arc::<SimDisk>::clone(&disk), options, shown, &mut [&mut recovery]).unwrap();
        recovery.finish(&store);
        let jar = store.partition(JAR);
        let jar = jar.unwrap_or_else(|| Partition::new(&store, JAR, Jar::default()));
        Self { disk, clock, store, jar }
    }

    fn new() -> Self {
        Self::open(Arc::new(SimDisk::new(7)))
    }

    fn commit(&self) {
        self.store.journal().commit().unwrap();
    }
}

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_reply_is_closed_until_what_it_saw_is_on_disk() {
    let shop = Shop::new();
    let mut put = pin!(shop.jar.execute(Command::Put(2)).unwrap());
    let mut count = pin!(shop.jar.execute(Command::Count).unwrap());
    assert!(poll(put.as_mut()).is_pending());
    assert!(poll(count.as_mut()).is_pending(), "the count saw two sweets that a crash could take back");
    shop.commit();
    assert_eq!(poll(put), Poll::Ready(Ok(2)));
    assert_eq!(poll(count), Poll::Ready(Ok(2)));
}

#[test]
fn a_lazy_change_keeps_neither_its_own_reply_nor_later_ones_waiting() {
    let shop = Shop::new();
    let put = shop.jar.execute(Command::Put(2)).unwrap();
    shop.commit();
    assert_eq!(poll(pin!(put)), Poll::Ready(Ok(2)));
    assert_eq!(poll(pin!(shop.jar.execute(Command::TakeLazily).unwrap())), Poll::Ready(Ok(1)));
    assert_eq!(poll(pin!(shop.jar.execute(Command::Count).unwrap())), Poll::Ready(Ok(1)));
}

#[test]
fn a_lazy_change_still_waits_for_what_it_saw() {
    let shop = Shop::new();
    let _put = shop.jar.execute(Command::Put(1)).unwrap();
    let mut take = pin!(shop.jar.execute(Command::TakeLazily).unwrap());
    assert!(poll(take.as_mut()).is_pending(), "the sweet itself is not on disk yet");
    shop.commit();
    assert_eq!(poll(take), Poll::Ready(Ok(1)));
}

#[test]
fn replay_gives_the_machine_back_with_positions_and_sequence() {
    let shop = Shop::new();
    drop(shop.jar.execute(Command::Put(3)).unwrap());
    shop.commit();
    drop(shop.jar.execute(Command::Take).unwrap());
    drop(shop.jar.execute(Command::PutAt(Instant::from_millis(9_000))).unwrap());
    shop.commit();
    let before = shop.jar.inspect(|jar| (jar.sweets, jar.later.clone(), jar.positions.clone())).unwrap();
    assert_eq!(before.2, [1, 2, 3, 4, 5].map(Position::new));
    shop.store.journal().close();

    let again = Shop::open(shop.disk);
    let after = again.jar.inspect(|jar| (jar.sweets, jar.later.clone(), jar.positions.clone())).unwrap();
    assert_eq!(after, before);
    // The sequence goes on without a gap, or the next replay would refuse the log.
    drop(again.jar.execute(Command::Put(1)).unwrap());
    again.commit();
    again.store.journal().close();
    assert_eq!(Shop::open(again.disk).jar.inspect(|jar| jar.sweets), Some(3));
}

#[test]
fn what_was_not_committed_is_forgotten_whole() {
    let shop = Shop::new();
    drop(shop.jar.execute(Command::Put(1)).unwrap());
    shop.commit();
    drop(shop.jar.execute(Command::Put(5)).unwrap());
    let found = shop.disk.crash();
    assert_eq!(Shop::open(Arc::new(found)).jar.inspect(|jar| jar.sweets), Some(1));
}

#[test]
fn a_waiting_reader_is_woken_by_what_arrives() {
    let shop = Shop::new();
    let until = shop.clock.now().plus_secs(20);
    let mut take = pin!(shop.jar.execute_when_ready(until, pending(), || Command::Take, |took| *took == 0));
    assert!(poll(take.as_mut()).is_pending());
    drop(shop.jar.execute(Command::Put(1)).unwrap());
    assert!(poll(take.as_mut()).is_pending(), "what arrived is not on disk");
    shop.commit();
    assert_eq!(poll(take), Poll::Ready(Ok((1, Vec::new()))));
}

#[test]
fn a_waiting_reader_is_woken_when_a_delay_ends() {
    let shop = Shop::new();
    let until = shop.clock.now().plus_secs(20);
    let mut take = pin!(shop.jar.execute_when_ready(until, pending(), || Command::Take, |took| *took == 0));
    assert!(poll(take.as_mut()).is_pending());
    drop(shop.jar.execute(Command::PutAt(shop.clock.now().plus_secs(5))).unwrap());
    shop.commit();
    shop.clock.advance_millis(4_999);
    shop.store.fire_timers();
    assert!(poll(take.as_mut()).is_pending());
    shop.clock.advance_millis(1);
    shop.store.fire_timers();
    assert!(poll(take.as_mut()).is_pending(), "it took the sweet, and that is not on disk");
    shop.commit();
    assert_eq!(poll(take), Poll::Ready(Ok((1, Vec::new()))));
}

#[test]
fn whoever_lets_time_pass_first_wakes_the_readers() {
    let shop = Shop::new();
    let until = shop.clock.now().plus_secs(20);
    // A look, as metrics take it; a command that is refused; and the timer alone.
    let first: [&dyn Fn(); 3] = [
        &|| assert_eq!(shop.jar.inspect(|jar| jar.sweets), Some(1)),
        &|| assert!(shop.jar.execute(Command::Put(1 << 20)).is_err(), "no block holds so many"),
        &|| {},
    ];
    for before_the_timer in first {
        let mut take = pin!(shop.jar.execute_when_ready(until, pending(), || Command::Take, |took| *took == 0));
        drop(shop.jar.execute(Command::PutAt(shop.clock.now().plus_secs(5))).unwrap());
        assert!(poll(take.as_mut()).is_pending());
        shop.clock.advance_millis(5_000);
        before_the_timer();
        shop.store.fire_timers();
        assert!(poll(take.as_mut()).is_pending(), "it took the sweet, and that is not on disk");
        shop.commit();
        assert_eq!(poll(take), Poll::Ready(Ok((1, Vec::new()))));
    }
}

#[test]
fn a_jar_that_cannot_be_read_back_is_not_forgotten() {
    let shop = Shop::new();
    drop(shop.jar.execute(Command::Put(UNLUCKY as usize)).unwrap());
    shop.commit();
    let (shop, put_away) = leave(shop);
    assert!(put_away);
    for _ in 0..2 {
        catch_unwind(AssertUnwindSafe(|| shop.store.partition::<Jar>(JAR).is_some())).unwrap_err();
        assert_eq!(shop.store.partitions(), (0, 1));
    }
    shop.store.checkpoint().unwrap();
    let disk = Arc::new(shop.disk.crash());
    assert!(catch_unwind(AssertUnwindSafe(|| Shop::open(disk))).is_err(), "a start says so, and does not begin anew");
}

#[test]
fn a_reader_waits_no_longer_than_it_said() {
    let shop = Shop::new();
    let until = shop.clock.now().plus_secs(20);
    let mut take = pin!(shop.jar.execute_when_ready(until, pending(), || Command::Take, |took| *took == 0));
    assert!(poll(take.as_mut()).is_pending());
    shop.clock.advance_millis(20_000);
    assert_eq!(poll(take), Poll::Ready(Ok((0, Vec::new()))));
}

#[test]
fn a_stop_ends_the_wait() {
    let shop = Shop::new();
    let until = shop.clock.now().plus_secs(20);
    let take = shop.jar.execute_when_ready(until, std::future::ready(()), || Command::Take, |took| *took == 0);
    assert_eq!(poll(pin!(take)), Poll::Ready(Ok((0, Vec::new()))));
}

#[test]
fn two_sweets_wake_two_readers_and_a_reader_that_leaves_passes_its_turn_on() {
    let shop = Shop::new();
    let until = shop.clock.now().plus_secs(20);
    let wait = || Box::pin(shop.jar.execute_when_ready(until, pending(), || Command::TakeLazily, |took| *took == 0));
    let (mut first, mut second, mut third) = (wait(), wait(), wait());
    for reader in [&mut first, &mut second, &mut third] {
        assert!(poll(reader.as_mut()).is_pending());
    }
    drop(shop.jar.execute(Command::Put(2)).unwrap());
    drop(first);
    shop.commit();
    assert_eq!(poll(second.as_mut()), Poll::Ready(Ok((1, Vec::new()))));
    assert_eq!(poll(third.as_mut()), Poll::Ready(Ok((1, Vec::new()))));
}

#[test]
fn what_is_for_everyone_wakes_each_who_waits() {
    let shop = Shop::new();
    let until = shop.clock.now().plus_secs(20);
    // Each waits for a second look; what is counted is how often it looked.
    let looks: [Cell<u32>; 4] = Default::default();
    let wait = |nth: usize| {
        let looks = &looks[nth];
        let look = move || {
            looks.set(looks.get() + 1);
            Command::Count
        };
        let is_early = move |_: &usize| looks.get() < 2;
        Box::pin(shop.jar.execute_when_ready(until, pending(), look, is_early))
    };
    let mut readers: Vec<_> = (0..3).map(wait).collect();
    readers.iter_mut().for_each(|reader| assert!(poll(reader.as_mut()).is_pending()));
    let look = || {
        looks[3].set(looks[3].get() + 1);
        Command::Count
    };
    let mut in_channel =
        Box::pin(shop.jar.execute_when_ready_in(7, until, pending(), look, |_: &usize| looks[3].get() < 2));
    assert!(poll(in_channel.as_mut()).is_pending());
    drop(shop.jar.execute(Command::Ring).unwrap());
    shop.commit();
    for reader in &mut readers {
        assert_eq!(poll(reader.as_mut()), Poll::Ready(Ok((0, Vec::new()))));
    }
    assert_eq!(poll(in_channel.as_mut()), Poll::Ready(Ok((0, Vec::new()))));
    // The bell has faded: who comes now waits.
    looks[0].set(0);
    assert!(poll(wait(0).as_mut()).is_pending());
}

#[test]
fn a_failed_sync_answers_nobody() {
    let shop = Shop::new();
    let put = shop.jar.execute(Command::Put(1)).unwrap();
    shop.disk.fail_op(shop.disk.ops() + 1, std::io::ErrorKind::Other);
    assert!(shop.store.journal().commit().is_err());
    assert_eq!(poll(pin!(put)), Poll::Ready(Err(engine::Unavailable::Stopped)));
    assert!(matches!(shop.jar.execute(Command::Put(1)), Err(engine::Unavailable::Stopped)));
}

/// Gives the jar back to the store, and has it put away if nothing speaks against it. Says whether it was.
fn leave(shop: Shop) -> (Unattended, bool) {
    let Shop { disk, clock, store, jar } = shop;
    drop(jar);
    let put_away = store.put_away() + store.put_away() > 0;
    (Unattended { disk, clock, store }, put_away)
}

/// A shop whose jar nobody holds.
struct Unattended {
    disk: Arc<SimDisk>,
    clock: Arc<ManualClock>,
    store: Arc<Store>,
}

impl Unattended {
    fn again(self) -> Shop {
        let jar = self.store.partition(JAR).unwrap();
        Shop { disk: self.disk, clock: self.clock, store: self.store, jar }
    }
}

#[test]
fn a_jar_that_nobody_uses_is_put_away_and_comes_back_as_it_was() {
    let shop = Shop::new();
    drop(shop.jar.execute(Command::Put(3)).unwrap());
    drop(shop.jar.execute(Command::PutAt(Instant::from_millis(9_000))).unwrap());
    let (shop, put_away) = leave(shop);
    assert!(!put_away, "it is not durable");
    let shop = shop.again();
    shop.commit();
    let look = |jar: &Jar| (jar.sweets, jar.later.clone(), jar.positions.clone());
    let before = shop.jar.inspect(look).unwrap();
    let held = Arc::clone(&shop.jar);
    let (shop, put_away) = leave(shop);
    assert!(!put_away, "somebody holds it");
    drop(held);
    let made = SNAPSHOTS.get();
    let (shop, put_away) = leave(shop.again());
    assert!(put_away);
    assert_eq!(SNAPSHOTS.get() - made, 1, "what is looked at is what is put away");
    assert_eq!((shop.store.partitions(), shop.store.tally(FAMILY)), ((0, 1), Tally([3, 1, 1])));
    // Whoever looks holds nobody up: others get at all partitions meanwhile.
    let looked = shop.store.peek(JAR, |jar| (look(jar), shop.store.partitions()));
    assert_eq!(looked, Some((before.clone(), (0, 1))));
    assert_eq!(shop.store.partitions(), (0, 1), "to look at it wakes nobody");
    let shop = shop.again();
    assert_eq!(shop.jar.inspect(look), Some(before));
    assert_eq!((shop.store.partitions(), shop.store.tally(FAMILY)), ((1, 0), Tally([3, 1, 1])));
    // Its sequence goes on, and its changes reach the disk.
    drop(shop.jar.execute(Command::Take).unwrap());
    shop.commit();
    let disk = Arc::new(shop.disk.crash());
    assert_eq!(Shop::open(disk).jar.inspect(|jar| jar.sweets), Some(2));
}

#[test]
fn a_jar_at_rest_wakes_when_time_changes_it() {
    let shop = Shop::new();
    drop(shop.jar.execute(Command::PutAt(Instant::from_millis(9_000))).unwrap());
    shop.commit();
    let (shop, put_away) = leave(shop);
    assert!(put_away);
    shop.store.sweep();
    assert_eq!(shop.store.partitions(), (0, 1));
    shop.clock.advance_to(Instant::from_millis(9_000));
    shop.store.sweep();
    assert_eq!((shop.store.partitions(), shop.store.tally(FAMILY)), ((1, 0), Tally([1, 0, 1])));
}

#[test]
fn a_checkpoint_has_jars_that_are_at_rest() {
    let shop = Shop::new();
    drop(shop.jar.execute(Command::Put(3)).unwrap());
    shop.commit();
    let (shop, put_away) = leave(shop);
    assert!(put_away);
    shop.store.checkpoint().unwrap();
    let opened = Shop::open(Arc::new(shop.disk.crash()));
    assert_eq!(opened.store.journal().recovery().snapshots, 2, "the family's own and the jar's");
    assert_eq!(opened.jar.inspect(|jar| jar.sweets), Some(3));
}
