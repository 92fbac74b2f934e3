//! A shard in a real store on the simulated disk: every acknowledged record is there after every crash, in order and under its
//! counter, from memory, log and segments; what has expired gives the disk back; whoever waits is woken.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

use engine::{
    COLD_READS_MAX, Clock, Keyring, ManualClock, Partition, Recovery, Store, StoreOptions, Unavailable, Work,
};
use journal::sim::SimDisk;
use journal::{Drive, Io, Options};
use names::{Instant, PartitionId};
use std::future::{Future, pending};
use std::ops::Range;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use stream::{About, Command, FAMILY, NewRecord, Record, Reply, Shard, ShardState};

const ID: PartitionId = PartitionId::of_family(FAMILY, 1);
const BEGIN: Instant = Instant::from_millis(1_700_000_000_000);
const HOUR: u64 = 3_600_000;
const FILE_BYTES: u64 = 128 << 10;

struct House {
    disk: SimDisk,
    clock: Arc<ManualClock>,
    store: Arc<Store>,
    shard: Arc<Partition<Shard>>,
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

type Answer = Result<(Reply, Vec<Option<Record>>), Unavailable>;

/// The answer and how many records are beside it, if it is there.
fn ready(read: Pin<&mut impl Future<Output = Answer>>) -> Option<(Reply, usize)> {
    match poll(read) {
        Poll::Ready(answer) => answer.map(|(reply, contents)| (reply, contents.len())).ok(),
        Poll::Pending => None,
    }
}

/// What the `counter`th record holds, whichever time it is appended: its size depends on the counter alone.
fn data(counter: u64) -> Vec<u8> {
    let length = if counter.is_multiple_of(17) { 3000 } else { counter * 7 % 400 };
    let text = format!("record {counter} ");
    text.bytes().cycle().take(text.len() + length as usize).collect()
}

fn new(counter: u64) -> NewRecord {
    let partition_key = (!counter.is_multiple_of(3)).then(|| format!("key {}", counter % 5).into());
    let explicit_hash = counter.is_multiple_of(4).then_some(u128::from(counter) << 100);
    NewRecord { data: data(counter).into(), partition_key, explicit_hash }
}

fn check(record: &Record, counter: u64) {
    let NewRecord { data, partition_key, explicit_hash } = new(counter);
    assert_eq!((record.counter(), record.data()), (counter, &data[..]));
    assert_eq!((record.partition_key(), record.explicit_hash()), (partition_key.as_deref(), explicit_hash));
}

impl House {
    fn open(disk: &SimDisk, memory_bytes: usize) -> Self {
        Self::open_with(disk, memory_bytes, Options::small(FILE_BYTES))
    }

    fn open_with(disk: &SimDisk, memory_bytes: usize, journal: Options) -> Self {
        let clock = Arc::new(ManualClock::at(BEGIN));
        let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let io: Arc<dyn Io> = Arc::new(disk.clone());
        let keyring = Some(Keyring::simulated(&io).unwrap());
        let mut recovery = Recovery::new(FAMILY, Shard::unborn);
        let options = StoreOptions { journal, memory_bytes, keyring };
        let store = Store::open(io, options, shown, &mut [&mut recovery]).unwrap();
        // As the server's clock does, which starts no earlier than what the store has seen.
        clock.advance_to(recovery.latest().max(BEGIN));
        recovery.finish(&store);
        let shard = store.partition(ID).unwrap_or_else(|| Partition::new(&store, ID, Shard::unborn()));
        Self { disk: disk.clone(), clock, store, shard }
    }

    fn new(memory_bytes: usize) -> Self {
        let house = Self::open(&SimDisk::new(5), memory_bytes);
        house.begin();
        house
    }

    fn begin(&self) {
        let about = About { stream: [9; 16], index: 3, opened_at: BEGIN, retention_millis: 24 * HOUR };
        assert_eq!(self.ask(Command::Open { about }).0, Reply::Done);
    }

    fn again(self, memory_bytes: usize) -> Self {
        let Self { disk, store, .. } = self;
        store.journal().close();
        Self::open(&disk, memory_bytes)
    }

    fn ask(&self, command: Command) -> (Reply, Vec<Option<Record>>) {
        let pending = self.shard.execute(command).unwrap();
        self.store.journal().commit().unwrap();
        let Poll::Ready(Ok(answer)) = poll(pin!(pending.read())) else { panic!("all is durable") };
        answer
    }

    fn append(&self, counters: Range<u64>) {
        let (first, records) = (counters.start, counters.map(new).collect());
        let Reply::Appended { first: got, .. } = self.ask(Command::Append { after: None, records }).0 else {
            panic!("the shard is open")
        };
        assert_eq!(got, first);
    }

    fn state(&self) -> Option<ShardState> {
        self.shard.inspect(Shard::state).unwrap()
    }

    /// Reads from a counter to the end, as a consumer does, and checks what it gets.
    fn consume(&self, from: u64) -> Range<u64> {
        let (mut first, mut at) = (None, from);
        loop {
            let (reply, contents) = self.ask(Command::Read { from: at, records_max: 50, bytes_max: 20_000 });
            let Reply::Records { from, next, .. } = reply else { panic!("{reply:?}") };
            assert_eq!(contents.len() as u64, next - from);
            contents.iter().zip(from..).for_each(|(record, counter)| check(record.as_ref().unwrap(), counter));
            let began = *first.get_or_insert(from);
            if from == next {
                return began..next;
            }
            at = next;
        }
    }
}

/// What was acknowledged when, by the disk's boundaries.
#[derive(Default)]
struct Acknowledged(Vec<(u64, ShardState)>);

impl Acknowledged {
    fn note(&mut self, house: &House) {
        self.0.push((house.disk.ops(), house.state().unwrap()));
    }

    /// The last state that somebody was told of before boundary `op`, and the first of which nobody was.
    fn around(&self, op: u64) -> (Option<&ShardState>, Option<&ShardState>) {
        let told = self.0.partition_point(|(ops, _)| *ops <= op);
        (told.checked_sub(1).map(|place| &self.0[place].1), self.0.get(told).map(|(_, state)| state))
    }
}

#[test]
fn every_acknowledged_record_is_there_after_every_crash() {
    let house = House::open(&SimDisk::new(3), 8_000);
    let mut acknowledged = Acknowledged::default();
    house.disk.record_moments();
    house.begin();
    acknowledged.note(&house);
    let mut next = 1;
    for round in 0..40 {
        let count = [1, 7, 3, 20][round % 4];
        house.append(next..next + count);
        next += count;
        acknowledged.note(&house);
        match round {
            12 | 25 => drop(house.ask(Command::SetRetention { millis: (24 + round as u64) * HOUR })),
            17 | 31 => house.store.checkpoint().unwrap(),
            _ if round % 3 == 0 => drop(house.store.tend().unwrap()),
            _ => {}
        }
        acknowledged.note(&house);
    }
    house.ask(Command::Close);
    acknowledged.note(&house);
    assert!(!house.store.journal().segments().is_empty(), "some of it has to stand in segments");
    let moments = house.disk.take_moments();
    assert!(moments.len() > 100, "{} moments are no test", moments.len());
    for (nth, moment) in moments.iter().enumerate() {
        let seed = nth as u64;
        let disk = if nth % 4 == 0 { moment.kill(seed) } else { moment.crash(seed) };
        let house = House::open(&disk, 8_000);
        let (told, next) = acknowledged.around(moment.op());
        let Some(state) = house.state() else {
            assert!(told.is_none(), "boundary {}: the shard is gone", moment.op());
            continue;
        };
        let least = told.map_or(1, |state| state.next);
        let most = next.map_or(u64::MAX, |state| state.next);
        assert!((least..=most).contains(&state.next), "boundary {}: {state:?}", moment.op());
        assert!(told.is_none_or(|told| told.closed_at == state.closed_at || told.closed_at.is_none()));
        assert_eq!(house.consume(0), 1..state.next, "boundary {}", moment.op());
        // It goes on where it was, unless it is closed.
        if state.closed_at.is_none() {
            house.append(state.next..state.next + 2);
            assert_eq!(house.again(8_000).consume(state.next), state.next..state.next + 2);
        }
    }
}

#[test]
fn records_are_read_from_segments_log_and_memory_alike() {
    let house = House::new(4_000);
    for round in 0..150 {
        house.append(1 + round * 10..11 + round * 10);
        if round % 5 == 0 {
            house.store.tend().unwrap();
        }
    }
    assert!(house.store.journal().segments().len() > 1);
    assert_eq!((house.consume(1), house.consume(777), house.consume(1495)), (1..1501, 777..1501, 1495..1501));
    let house = house.again(4_000);
    assert_eq!((house.consume(1), house.consume(1499)), (1..1501, 1499..1501));
    let before = house.state().unwrap();
    assert_eq!(
        before.bytes,
        (1..1501)
            .map(|counter| {
                let new = new(counter);
                new.data.len() as u64 + new.partition_key.map_or(0, |key| key.len() as u64)
            })
            .sum::<u64>()
    );
}

#[test]
fn what_is_on_disk_alone_is_read_elsewhere_and_by_so_many_at_a_time() {
    let house = House::new(4 << 10);
    (0..10).for_each(|batch| house.append(batch * 20 + 1..batch * 20 + 21));
    house.store.tend().unwrap();
    let house = house.again(4 << 10);
    let works: Arc<Mutex<Vec<Work>>> = Arc::default();
    let taken = Arc::clone(&works);
    house.store.read_elsewhere(move |work| taken.lock().unwrap().push(work));
    let ask = || house.shard.execute(Command::Read { from: 1, records_max: 10, bytes_max: u64::MAX }).unwrap();
    let mut reads: Vec<_> = (0..COLD_READS_MAX + 3).map(|_| Box::pin(ask().read())).collect();
    reads.iter_mut().for_each(|read| assert!(poll(read.as_mut()).is_pending(), "nobody has read yet"));
    assert_eq!(works.lock().unwrap().len(), COLD_READS_MAX, "the others wait in line");
    // One whose client went away is read all the same, and its place is free then.
    drop(reads.remove(0));
    let mut done = 0;
    while let Some(work) = { works.lock().unwrap().pop() } {
        work();
        reads.retain_mut(|read| match poll(read.as_mut()) {
            Poll::Pending => true,
            Poll::Ready(answer) => {
                let (_, contents) = answer.unwrap();
                contents.iter().zip(1..).for_each(|(record, counter)| check(record.as_ref().unwrap(), counter));
                assert_eq!(contents.len(), 10);
                done += 1;
                false
            }
        });
    }
    assert_eq!((done, reads.len()), (COLD_READS_MAX + 2, 0));
    // Work that is never done is of a server that ends.
    let mut read = pin!(ask().read());
    let is_pending = poll(read.as_mut()).is_pending();
    works.lock().unwrap().clear();
    if is_pending {
        assert!(matches!(poll(read.as_mut()), Poll::Ready(Err(Unavailable::Stopped))));
    }
}

#[test]
fn what_has_expired_gives_the_disk_back() {
    let house = House::new(4_000);
    let segments = |house: &House| house.store.journal().segments().iter().map(|segment| segment.bytes).sum::<u64>();
    for round in 0..100 {
        house.append(1 + round * 10..11 + round * 10);
        house.store.tend().unwrap();
    }
    let full = segments(&house);
    assert!(full > FILE_BYTES);
    house.clock.advance_millis(12 * HOUR);
    house.append(1001..1011);
    house.clock.advance_millis(12 * HOUR + 60 * 60_000);
    house.store.sweep();
    assert_eq!(house.consume(1), 1001..1011);
    house.store.tend().unwrap();
    house.store.checkpoint().unwrap();
    house.store.tend().unwrap();
    assert!(segments(&house) < full / 10, "{} of {full} bytes", segments(&house));
    let house = house.again(4_000);
    assert_eq!(house.consume(1), 1001..1011);
    // A longer retention brings nothing back, whatever the clock says after a start.
    house.ask(Command::SetRetention { millis: 8760 * HOUR });
    let house = house.again(4_000);
    assert_eq!(house.consume(1), 1001..1011);
}

#[test]
fn each_who_waits_at_the_end_is_woken_by_whatever_comes() {
    for change in [|| Command::Append { after: None, records: vec![new(4)] }, || Command::Close, || Command::Delete] {
        let house = House::new(1 << 20);
        house.append(1..4);
        let until = house.clock.now().plus_secs(300);
        let wait = |from: u64| {
            let read = move || Command::Read { from, records_max: 10, bytes_max: 1000 };
            Box::pin(house.shard.execute_when_ready(until, pending(), read, Reply::is_nothing_yet))
        };
        let mut behind = wait(2);
        assert!(matches!(ready(behind.as_mut()), Some((Reply::Records { next: 4, .. }, 2))), "there is something");
        let mut readers: Vec<_> = (0..5).map(|_| wait(4)).collect();
        readers.iter_mut().for_each(|read| assert_eq!(ready(read.as_mut()), None));
        let asked = house.shard.execute(change()).unwrap();
        readers.iter_mut().for_each(|read| assert_eq!(ready(read.as_mut()), None, "it is not on disk"));
        house.store.journal().commit().unwrap();
        drop(asked);
        for read in &mut readers {
            match (change(), ready(read.as_mut()).unwrap()) {
                (Command::Append { .. }, (Reply::Records { from: 4, next: 5, is_end: false, .. }, 1)) => {}
                (Command::Close, (Reply::Records { from: 4, next: 4, is_end: true, .. }, 0)) => {}
                (Command::Delete, (Reply::Gone, 0)) => {}
                (change, other) => panic!("{change:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn the_largest_requests_fit_into_one_block() {
    let options = Options { drive: Drive::Manual, ..Options::default() };
    let house = House::open_with(&SimDisk::new(1), 0, options);
    house.begin();
    let key = || Some("k".repeat(1024).into_boxed_str());
    let of = |bytes: usize| NewRecord { data: vec![7; bytes].into(), partition_key: key(), explicit_hash: Some(1) };
    let append = |records| house.ask(Command::Append { after: None, records }).0;
    assert!(matches!(append(vec![of((10 << 20) - 1024)]), Reply::Appended { first: 1, .. }));
    let many = (0..500).map(|_| of((10 << 20) / 500 - 1024)).collect();
    assert!(matches!(append(many), Reply::Appended { first: 2, .. }));
    let (_, contents) = house.ask(Command::Read { from: 1, records_max: 3, bytes_max: 11 << 20 });
    let sizes: Vec<u64> = contents.iter().map(|record| record.as_ref().unwrap().size()).collect();
    assert_eq!(sizes, [10 << 20, 20_971, 20_971]);
}

#[test]
fn a_shard_that_nobody_uses_is_put_away_and_expires_all_the_same() {
    let House { disk: _disk, clock, store, shard } = House::new(0);
    drop(shard);
    let house_rests = || store.put_away() + store.put_away() > 0;
    let append = |counter: u64| {
        let shard = store.partition::<Shard>(ID).unwrap();
        drop(shard.execute(Command::Append { after: None, records: vec![new(counter)] }).unwrap());
        store.journal().commit().unwrap();
    };
    append(1);
    assert!(!house_rests(), "its record stands in the log alone");
    while store.journal().segments().is_empty() {
        (0..10).for_each(|_| append(store.peek(ID, |shard: &Shard| shard.state().unwrap().next).unwrap()));
        store.tend().unwrap();
    }
    let held = || store.tally(FAMILY).0;
    let before = held();
    assert!(before[0] > 10 && before[2] == 1);
    clock.advance_millis(25 * HOUR);
    store.sweep();
    assert_eq!(held(), [0, 0, 1]);
    assert!(house_rests());
    assert_eq!((store.partitions(), held()), ((0, 1), [0, 0, 1]));
}
