//! A FIFO queue whose messages are all on disk: what it has to know of groups is read from the log and from segments, after
//! each start anew, however many groups there are.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

use bytes::Bytes;
use engine::{Clock, ManualClock, Partition, Recovery, Store, StoreOptions};
use journal::Options;
use journal::sim::SimDisk;
use names::{Instant, PartitionId};
use queue::{Command, Delivery, Labels, MessageId, NewMessage, Queue, Reply, Settings};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const FAMILY: u8 = 9;
const SETTINGS: Settings = Settings { is_fifo: true, ..Settings::plain(345_600_000, 30_000, 0) };

/// Less than one message takes.
const MEMORY_BYTES: usize = 1;

struct House {
    store: Arc<Store>,
    queue: Arc<Partition<Queue>>,
    clock: Arc<ManualClock>,
}

fn open(disk: &Arc<SimDisk>) -> House {
    let clock = Arc::new(ManualClock::at(Instant::from_millis(1_700_000_000_000)));
    let mut recovery = Recovery::new(FAMILY, || Queue::new(SETTINGS));
    let options = StoreOptions { journal: Options::small(256 << 10), memory_bytes: MEMORY_BYTES, keyring: None };
    let as_clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let store = Store::open(Arc::<SimDisk>::clone(disk), options, as_clock, &mut [&mut recovery]).unwrap();
    let id = PartitionId::of_family(FAMILY, 1);
    recovery.finish(&store);
    let queue = store.partition(id);
    let queue = queue.unwrap_or_else(|| Partition::new(&store, id, Queue::new(SETTINGS)));
    House { store, queue, clock }
}

impl House {
    fn ask(&self, command: Command) -> (Reply, Vec<Option<queue::Message>>) {
        let pending = self.queue.execute(command).unwrap();
        self.store.journal().commit().unwrap();
        match pin!(pending.read()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer.unwrap(),
            Poll::Pending => panic!("everything is durable"),
        }
    }

    fn send(&self, groups: impl Iterator<Item = u64>, body: &[u8]) {
        let message = |group: u64| {
            let mut bytes = body.to_vec();
            bytes[..8].copy_from_slice(&group.to_le_bytes());
            let labelled = Labels { group: Some(group), dedup: None }.append_to(&mut bytes);
            let bytes = Bytes::from(bytes);
            NewMessage {
                id: MessageId([7; 16]),
                body_bytes: body.len() as u32,
                bytes,
                delay_millis: None,
                labelled,
                earlier_dedup: None,
            }
        };
        let messages: Vec<_> = groups.map(message).collect();
        for some in messages.chunks(100) {
            self.ask(Command::Send(some.to_vec()));
        }
    }

    /// Receives and deletes until there is nothing, and tells each group's sequences.
    fn drain(&self) -> BTreeMap<u64, Vec<u64>> {
        let mut groups: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        loop {
            let given = self.receive(10);
            if given.is_empty() {
                return groups;
            }
            for (delivery, group) in &given {
                groups.entry(*group).or_default().push(delivery.sequence);
            }
            self.ask(Command::Delete(given.iter().map(|(delivery, _)| delivery.handle()).collect()));
        }
    }

    fn receive(&self, max: usize) -> Vec<(Delivery, u64)> {
        let (reply, contents) = self.ask(Command::Receive { max, visibility_millis: None });
        let Reply::Received(deliveries) = reply else { panic!("a receive is answered with messages") };
        let group = |content: Option<queue::Message>| content.unwrap().labels().group.unwrap();
        deliveries.into_iter().zip(contents.into_iter().map(group)).collect()
    }

    fn tend(&self) {
        for _ in 0..3 {
            self.store.tend().unwrap();
        }
    }
}

#[test]
fn groups_are_learned_from_the_disk_alone() {
    let disk = Arc::new(SimDisk::new(1));
    let house = open(&disk);
    house.send((0..3_000).map(|number| number % 37), &[b'x'; 400]);
    house.tend();
    house.send((0..500).map(|number| number % 37), &[b'x'; 400]);
    drop(house);
    let house = open(&disk);
    // Of one group everything is in flight when the server goes, and still is when it is back.
    let locked = house.receive(10);
    drop(house);
    let house = open(&disk);
    let groups = house.drain();
    assert_eq!(groups.len(), 36, "what is in flight locks its group over the restart");
    assert!(groups.values().all(|group| group.is_sorted()), "each group comes in order");
    house.clock.advance_millis(30_000);
    let rest = house.drain();
    assert_eq!(rest.keys().copied().collect::<Vec<_>>(), [locked[0].1]);
    assert!(rest.values().all(|group| group.is_sorted()));
    let all = groups.values().chain(rest.values()).map(Vec::len).sum::<usize>();
    assert_eq!(all, 3_500);
}

#[test]
fn a_hundred_thousand_groups_come_one_after_the_other() {
    let disk = Arc::new(SimDisk::new(2));
    let house = open(&disk);
    house.send(0..100_000, &[b'x'; 40]);
    house.tend();
    drop(house);
    let house = open(&disk);
    let groups = |given: Vec<(Delivery, u64)>| given.into_iter().map(|(_, group)| group);
    let first: Vec<_> = (0..50).flat_map(|_| groups(house.receive(10))).collect();
    assert_eq!(first, (0..500).collect::<Vec<_>>());
    // All that was handed out is locked, and the next ones are found behind it.
    let rest: Vec<_> = std::iter::repeat_with(|| house.receive(1_000))
        .take_while(|given| !given.is_empty())
        .flat_map(groups)
        .collect();
    assert_eq!(rest, (500..100_000).collect::<Vec<_>>());
}

/// A receive looks through the first 120,000 messages and no further.
#[test]
fn what_lies_behind_the_window_waits_until_the_window_reaches_it() {
    let house = open(&Arc::new(SimDisk::new(3)));
    house.send(std::iter::repeat_n(1, queue::WINDOW_MESSAGES), &[b'x'; 8]);
    house.send(2..3, &[b'x'; 8]);
    let held = house.receive(10);
    assert_eq!(held.len(), 10);
    assert!(house.receive(10).is_empty(), "the other group's message is the 120,001st");
    house.ask(Command::Delete(vec![held[3].0.handle()]));
    assert_eq!(house.receive(10).iter().map(|(_, group)| *group).collect::<Vec<_>>(), [2]);
}

/// Whoever finds out what lies behind the window finds it out for all who wait.
#[test]
fn the_reader_who_learns_of_other_groups_wakes_the_others_who_wait() {
    let house = open(&Arc::new(SimDisk::new(4)));
    house.send(std::iter::repeat_n(1, queue::WINDOW_MESSAGES), &[b'x'; 8]);
    house.send(2..4, &[b'x'; 8]);
    let held = house.receive(10);
    let until = house.clock.now().plus_secs(20);
    let receive = || Command::Receive { max: 1, visibility_millis: None };
    let is_empty = |reply: &Reply| matches!(reply, Reply::Received(given) if given.is_empty());
    let wait = || Box::pin(house.queue.execute_when_ready(until, std::future::pending(), receive, is_empty));
    let mut context = Context::from_waker(Waker::noop());
    let mut readers = [wait(), wait()];
    assert!(readers.iter_mut().all(|reader| reader.as_mut().poll(&mut context).is_pending()));
    house.ask(Command::Delete(held[5..].iter().map(|(delivery, _)| delivery.handle()).collect()));
    for reader in &mut readers {
        assert!(reader.as_mut().poll(&mut context).is_pending(), "the lease is not on disk");
        house.store.journal().commit().unwrap();
        assert!(reader.as_mut().poll(&mut context).is_ready(), "it has a message");
    }
}
