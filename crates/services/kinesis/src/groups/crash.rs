//! A group on the simulated disk: what was acknowledged is there after every crash, and nothing that was never asked.

use super::machine::{About, Command, Group, News, Reply, ShardNow};
use super::records::FAMILY;
use engine::{ManualClock, Partition, Recovery, Store};
use journal::Options;
use journal::sim::SimDisk;
use names::{Instant, PartitionId};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const ID: PartitionId = PartitionId::of_family(FAMILY, 1);
const NOW: Instant = Instant::from_millis(1_700_000_000_000);

struct House {
    store: Arc<Store>,
    group: Arc<Partition<Group>>,
}

impl House {
    fn open(disk: &SimDisk) -> Self {
        let mut recovery = Recovery::new(FAMILY, Group::default);
        let (disk, clock) = (Arc::new(disk.clone()), Arc::new(ManualClock::at(NOW)));
        let store = Store::open(disk, Options::small(64 << 10), clock, &mut [&mut recovery]).unwrap();
        recovery.finish(&store);
        let group = store.partition(ID).unwrap_or_else(|| Partition::new(&store, ID, Group::default()));
        Self { store, group }
    }

    fn ask(&self, command: Command) -> Reply {
        let pending = self.group.execute(command).unwrap();
        self.store.journal().commit().unwrap();
        match pin!(pending).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(reply) => reply.unwrap(),
            Poll::Pending => panic!("all is durable"),
        }
    }

    fn state(&self) -> Group {
        self.group.inspect(Group::clone).unwrap()
    }
}

fn shards(round: u64) -> Vec<ShardNow> {
    let open = |index, parents| ShardNow { index, parents, first: 1, end: None };
    let mut shards = vec![open(0, [None; 2]), open(1, [None; 2])];
    if round >= 20 {
        shards[0].end = Some(30);
        shards.extend([open(2, [Some(0), None]), open(3, [Some(0), None])]);
    }
    if round >= 50 {
        shards.remove(0);
    }
    shards
}

/// One of many changes, by the number of the round and what there is.
fn command(round: u64, group: &Group) -> Command {
    let news = News { silent: Vec::new(), shards: Some(shards(round)) };
    let member = |nth: u64| -> Box<str> { format!("m{}", nth % 3).into() };
    match round % 6 {
        0 => Command::Join { member: member(round / 6), session_millis: 10_000, news },
        3 if round.is_multiple_of(5) => Command::Leave { member: member(round), news },
        3 => Command::Beat { member: member(round + 1), news: News { silent: vec![member(round)], ..news } },
        4 if round.is_multiple_of(7) => Command::Reset { places: vec![(1, round)], news },
        _ => {
            let lent: Vec<_> = group.shards.iter().filter(|(_, place)| place.owner.is_some()).collect();
            match lent.get(usize::try_from(round).unwrap() % lent.len().max(1)) {
                None => Command::Tend(news),
                Some((shard, place)) => Command::Commit {
                    member: place.owner.clone().unwrap(),
                    shard: **shard,
                    generation: place.generation,
                    next: place.next + 3,
                    arrived_at: NOW,
                    news,
                },
            }
        }
    }
}

#[test]
fn what_was_acknowledged_of_a_group_is_there_after_every_crash() {
    let disk = SimDisk::new(11);
    let house = House::open(&disk);
    disk.record_moments();
    let about = About { stream: PartitionId::of_family(4, 1), name: "g".into(), created_at: NOW };
    let mut told = vec![(0, Group::default())];
    house.ask(Command::Create { about, places: vec![(0, 1), (1, 1)] });
    told.push((disk.ops(), house.state()));
    let mut refused = 0;
    for round in 0..80 {
        let reply = house.ask(command(round, &house.state()));
        refused += u32::from(matches!(reply, Reply::Refused(_)));
        told.push((disk.ops(), house.state()));
        match round % 16 {
            5 => house.store.checkpoint().unwrap(),
            11 => drop(house.store.tend().unwrap()),
            _ => {}
        }
    }
    let last = &told.last().unwrap().1;
    assert!(last.generation > 10 && last.shards.len() == 3 && refused < 30, "{refused} refused, {last:?}");
    let moments = disk.take_moments();
    assert!(moments.len() > 100, "{} moments are no test", moments.len());
    for (nth, moment) in moments.iter().enumerate() {
        let seed = nth as u64;
        let disk = if nth % 4 == 0 { moment.kill(seed) } else { moment.crash(seed) };
        let house = House::open(&disk);
        let state = house.state();
        // What was told by then, or what was just being written.
        let at = told.partition_point(|(ops, _)| *ops <= moment.op()) - 1;
        let possible = told[at..].iter().take(2).map(|(_, group)| group);
        assert!(possible.clone().any(|group| *group == state), "boundary {}: {state:?}", moment.op());
        // It goes on where it was: a position of before the crash is good under its generation alone.
        if let Some((shard, place)) = state.shards.iter().find(|(_, place)| place.owner.is_some()) {
            let commit = |generation| Command::Commit {
                member: place.owner.clone().unwrap(),
                shard: *shard,
                generation,
                next: place.next + 1,
                arrived_at: NOW,
                news: News::default(),
            };
            assert!(matches!(house.ask(commit(place.generation + 1)), Reply::Refused(_)));
            assert!(matches!(house.ask(commit(place.generation)), Reply::Done(_)));
        }
    }
}
