//! A replay on the simulated disk: each copy arrives once and in order, whenever the power fails, from log and segments.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

use bytes::Bytes;
use engine::{Clock, Delivered, ManualClock, Partition, Recovery, Store};
use journal::Options;
use journal::sim::SimDisk;
use names::{Instant, PartitionId};
use queue::{Command, Handle, MessageId, NewMessage, PeekStates, Queue, ReplayOrder, ReplayState, Reply, Settings};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const FAMILY: u8 = 1;
const SOURCE: PartitionId = PartitionId::of_family(FAMILY, 1);
const AGAIN: PartitionId = PartitionId::of_family(FAMILY, 2);
const SETTINGS: Settings = Settings { keep_deleted_secs: 3_600, ..Settings::plain(4 * 24 * 3_600_000, 30_000, 0) };
/// More than two batches of a courier.
const MESSAGES: u64 = 600;

struct House {
    disk: SimDisk,
    clock: Arc<ManualClock>,
    store: Arc<Store>,
    source: Arc<Partition<Queue>>,
    again: Arc<Partition<Queue>>,
}

impl House {
    fn open(disk: &SimDisk) -> Self {
        let clock = Arc::new(ManualClock::at(Instant::from_millis(1_700_000_000_000)));
        let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let mut recovery = Recovery::new(FAMILY, || Queue::new(SETTINGS));
        let store =
            Store::open(Arc::new(disk.clone()), Options::small(256 << 10), shown, &mut [&mut recovery]).unwrap();
        recovery.finish(&store);
        let partition = |id| match store.partition(id) {
            Some(partition) => partition,
            None => Partition::new(&store, id, Queue::new(SETTINGS)),
        };
        Self { disk: disk.clone(), clock, source: partition(SOURCE), again: partition(AGAIN), store }
    }

    fn ask(&self, partition: &Partition<Queue>, command: Command) -> (Reply, Vec<Option<queue::Message>>) {
        let pending = partition.execute(command).unwrap();
        self.commit();
        let waker = Context::from_waker(Waker::noop());
        let Poll::Ready(Ok(answer)) = pin!(pending.read()).poll(&mut { waker }) else { panic!("all is durable") };
        answer
    }

    fn commit(&self) {
        let _ = self.store.journal().commit();
    }

    fn send(&self, bodies: std::ops::Range<u64>) {
        let message = |number: u64| {
            let bytes = Bytes::from(format!("{number:0100}"));
            NewMessage::plain(MessageId(u128::from(number).to_be_bytes()), 100, bytes, None)
        };
        let all: Vec<NewMessage> = bodies.map(message).collect();
        // A record of the log's small files holds no more.
        all.chunks(50).for_each(|some| drop(self.ask(&self.source, Command::Send(some.to_vec()))));
    }

    /// Every third message is deleted, from the front on.
    fn consume(&self) {
        let receive = Command::Receive { max: MESSAGES as usize, visibility_millis: None };
        let (Reply::Received(deliveries), _) = self.ask(&self.source, receive) else { panic!("there are messages") };
        let handles: Vec<Handle> = deliveries.iter().step_by(3).map(queue::Delivery::handle).collect();
        self.ask(&self.source, Command::Delete(handles));
    }

    fn deliver_all(&self) {
        while self.store.deliver() != Delivered::default() {
            self.commit();
        }
        self.commit();
    }

    /// The bodies that lie in the second queue, in order, as numbers.
    fn arrived(&self) -> Vec<u64> {
        let peek = Command::Peek { from: 0, max: 10_000, states: PeekStates::ALL };
        let (_, contents) = self.ask(&self.again, peek);
        let number = |content: queue::Message| std::str::from_utf8(content.body()).unwrap().parse().unwrap();
        contents.into_iter().map(|content| number(content.unwrap())).collect()
    }

    fn replay(&self, only_deleted: bool) {
        let (from, to) = (Instant::EPOCH, Instant::FAR_FUTURE);
        let order = ReplayOrder { destination: AGAIN, from, to, only_deleted };
        assert_eq!(self.ask(&self.source, Command::Replay(order)).0, Reply::Replaying);
    }

    fn state(&self) -> Option<ReplayState> {
        self.source.inspect(Queue::replay_progress).unwrap().map(|progress| progress.state)
    }
}

fn filled() -> House {
    let house = House::open(&SimDisk::new(11));
    house.send(0..MESSAGES);
    house.consume();
    // A record of its own, so that the second queue is found again.
    house.ask(&house.again, Command::Configure(Settings { visibility_millis: 1, ..SETTINGS }));
    house
}

#[test]
fn each_copy_arrives_once_and_in_order_whenever_the_power_fails() {
    let house = filled();
    house.disk.record_moments();
    house.replay(false);
    let mut round = 0;
    while house.store.deliver().parcels > 0 {
        house.commit();
        house.send(MESSAGES + round..MESSAGES + round + 1);
        if round == 1 {
            house.store.checkpoint().unwrap();
        }
        round += 1;
    }
    house.commit();
    let all: Vec<u64> = (0..MESSAGES).collect();
    assert_eq!(house.arrived(), all);
    let moments = house.disk.take_moments();
    assert!(moments.len() > 10, "{} moments are no test", moments.len());
    let mut begun = 0;
    for (moment, seed) in moments.iter().flat_map(|moment| (0..3).map(move |seed| (moment, seed))) {
        for disk in [moment.crash(seed), moment.kill(seed)] {
            let house = House::open(&disk);
            house.deliver_all();
            let op = moment.op();
            match house.state() {
                None => assert!(house.arrived().is_empty(), "operation {op}, seed {seed}: a copy of nothing"),
                Some(state) => {
                    begun += 1;
                    assert_eq!(
                        (state, house.arrived()),
                        (ReplayState::Done, all.clone()),
                        "operation {op}, seed {seed}"
                    );
                }
            }
        }
    }
    assert!(begun > 10);
}

#[test]
fn what_was_deleted_is_replayed_from_segments_after_the_log_is_gone() {
    let house = filled();
    for round in 0..40 {
        house.send(1_000 + round * 50..1_000 + (round + 1) * 50);
        house.store.tend().unwrap();
    }
    assert!(!house.store.journal().segments().is_empty());
    house.store.checkpoint().unwrap();
    house.store.journal().close();
    let house = House::open(&house.disk);
    house.replay(true);
    house.deliver_all();
    let deleted: Vec<u64> = (0..MESSAGES).step_by(3).collect();
    assert_eq!((house.arrived(), house.state()), (deleted, Some(ReplayState::Done)));
}

#[test]
fn what_is_kept_no_more_is_let_go_of_by_the_disk_too() {
    let house = filled();
    let held = || house.source.inspect(|queue| queue.held_within(0..u64::MAX)).unwrap();
    assert_eq!(held(), MESSAGES);
    house.clock.advance_millis(3_600_000 + 60_000);
    house.store.sweep();
    assert_eq!(held(), MESSAGES - MESSAGES.div_ceil(3));
}

#[test]
fn a_queue_is_replayed_into_itself() {
    let house = filled();
    let (from, to) = (Instant::EPOCH, Instant::FAR_FUTURE);
    let order = ReplayOrder { destination: SOURCE, from, to, only_deleted: true };
    house.ask(&house.source, Command::Replay(order));
    house.deliver_all();
    let counts = house.source.inspect(Queue::counts).unwrap();
    assert_eq!((counts.visible, counts.in_flight, counts.kept), (200, 400, 200));
}
