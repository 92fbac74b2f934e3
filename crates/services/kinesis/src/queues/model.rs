//! The queue machine beside a naive one: a list of records, looked through from front to back at every step.
//!
//! Whatever is asked in whatever order, both answer the same, and a queue that is replayed from the encoded records alone is the same.

use super::machine::{Change, Claim, Command, Fault, Letters, Queue, Receive, Reply, Sight};
use super::records::{Effect, VERSION};
use super::script::about;
use engine::{Effect as _, Machine};
use names::{Instant, Position};
use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};

const START: Instant = Instant::from_millis(1_700_000_000_000);
const SHARDS: u32 = 3;

#[derive(Debug, Clone)]
enum Step {
    Append { shard: u32, records: u64 },
    Receive { letters: bool, limit: usize, secs: u64, new_first: bool },
    Acknowledge { letters: bool, claims: Vec<prop::sample::Index> },
    Hide { letters: bool, claims: Vec<(prop::sample::Index, u64)> },
    Restore(Vec<prop::sample::Index>),
    Release(Vec<prop::sample::Index>),
    Advance(u64),
    Trim { shard: u32, below: u64 },
    Configure(Option<u32>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let claims = || prop::collection::vec(any::<prop::sample::Index>(), 1..4);
    let hides = prop::collection::vec((any::<prop::sample::Index>(), 0..40_u64), 1..4);
    let step = prop_oneof![
        3 => (0..SHARDS, 1..4_u64).prop_map(|(shard, records)| Step::Append { shard, records }),
        6 => (any::<bool>(), 1..5_usize, 0..40_u64, any::<bool>())
            .prop_map(|(letters, limit, secs, new_first)| Step::Receive { letters, limit, secs, new_first }),
        3 => (any::<bool>(), claims()).prop_map(|(letters, claims)| Step::Acknowledge { letters, claims }),
        2 => (any::<bool>(), hides).prop_map(|(letters, claims)| Step::Hide { letters, claims }),
        2 => claims().prop_map(Step::Restore),
        1 => claims().prop_map(Step::Release),
        4 => (0..40_u64).prop_map(Step::Advance),
        1 => (0..SHARDS, 0..12_u64).prop_map(|(shard, below)| Step::Trim { shard, below }),
        1 => prop::option::of(1..4_u32).prop_map(Step::Configure),
    ];
    prop::collection::vec(step, 0..80)
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    place: (u32, u64),
    until: Instant,
    receives: u32,
    receipt: u64,
    is_dead: bool,
}

/// What is held, and what never was handed out.
#[derive(Debug, Default)]
struct Naive {
    held: Vec<Row>,
    cursors: [u64; SHARDS as usize],
    ends: [u64; SHARDS as usize],
    receives_max: Option<u32>,
}

impl Naive {
    fn pass(&mut self, now: Instant) {
        for row in &mut self.held {
            row.is_dead |= row.until <= now && self.receives_max.is_some_and(|most| row.receives >= most);
        }
    }

    fn receive(
        &mut self,
        now: Instant,
        dead: bool,
        limit: usize,
        secs: u64,
        new_first: bool,
        receipt: u64,
    ) -> Vec<(u32, u64)> {
        let visible = self.held.iter().filter(|row| row.until <= now && row.is_dead == dead);
        let mut back: Vec<_> = visible.map(|row| (row.until, row.place)).collect();
        back.sort_unstable();
        let back = back.into_iter().map(|(_, place)| place);
        let each =
            |shard: usize| (self.cursors[shard].max(1)..=self.ends[shard]).map(move |counter| (shard as u32, counter));
        let new: Vec<_> = if dead { Vec::new() } else { (0..SHARDS as usize).flat_map(each).collect() };
        let taken: Vec<_> = match new_first {
            true => new.into_iter().chain(back).take(limit).collect(),
            false => back.chain(new).take(limit).collect(),
        };
        for &place in &taken {
            let until = now.plus_secs(secs);
            match self.held.iter_mut().find(|row| row.place == place) {
                Some(row) => (row.until, row.receives, row.receipt) = (until, row.receives + 1, receipt),
                None => {
                    self.cursors[place.0 as usize] = place.1 + 1;
                    self.held.push(Row { place, until, receives: 1, receipt, is_dead: false });
                }
            }
        }
        taken
    }

    fn find(&mut self, claim: &Claim) -> Result<&mut Row, Fault> {
        match self.held.iter_mut().find(|row| row.place == claim.place) {
            None => Err(Fault::Gone),
            Some(row) if row.receipt != claim.receipt || claim.receipt == 0 => Err(Fault::Outdated),
            Some(row) => Ok(row),
        }
    }

    fn acknowledge(&mut self, dead: bool, claim: &Claim) -> Result<(), Fault> {
        let row = self.find(claim)?;
        if dead && !row.is_dead {
            return Err(Fault::OtherLetters);
        }
        let place = row.place;
        self.held.retain(|row| row.place != place);
        Ok(())
    }

    fn restore(&mut self, now: Instant, claim: &Claim) -> Result<(), Fault> {
        let row = self.find(claim)?;
        if !row.is_dead {
            return Err(Fault::OtherLetters);
        }
        (row.until, row.receives, row.receipt, row.is_dead) = (now, 0, 0, false);
        Ok(())
    }
}

/// The machine, and the records that it wrote.
#[derive(Default)]
struct Real {
    queue: Queue,
    records: Vec<(u8, Vec<u8>)>,
}

impl Real {
    fn ask(&mut self, now: Instant, command: Command) -> Reply {
        self.queue.advance(now);
        let decision = self.queue.decide(now, command);
        for effect in decision.effects {
            let mut payload = Vec::new();
            effect.encode(&mut payload);
            self.records.push((effect.kind(), payload));
            self.queue.apply(Position::ZERO, &effect, &mut Vec::new());
        }
        decision.reply
    }

    fn each(&mut self, now: Instant, command: Command) -> Vec<Result<(), Fault>> {
        match self.ask(now, command) {
            Reply::Each(each) => each,
            other => panic!("{other:?}"),
        }
    }

    fn rows(&self) -> Vec<Row> {
        let row = |(place, status): ((u32, u64), super::held::Status)| Row {
            place,
            until: status.until,
            receives: status.receives,
            receipt: status.receipt,
            is_dead: status.is_dead,
        };
        self.queue.held.iter().map(row).collect()
    }
}

fn letters(dead: bool) -> Letters {
    if dead { Letters::Dead } else { Letters::Alive }
}

/// Both, and what both were told.
struct Twins {
    real: Real,
    naive: Naive,
    now: Instant,
    /// Every receipt that was handed out.
    given: Vec<Claim>,
    receipt: u64,
}

impl Twins {
    fn new() -> Self {
        let mut real = Real::default();
        real.ask(START, Command::Create { about: Box::new(about()), cursors: Vec::new() });
        let naive = Naive { receives_max: Some(6), ..Naive::default() };
        Self { real, naive, now: START, given: Vec::new(), receipt: 0 }
    }

    fn pick(&self, index: &prop::sample::Index) -> Claim {
        if self.given.is_empty() { Claim { place: (9, 9), receipt: 9 } } else { *index.get(&self.given) }
    }

    fn picked(&self, indexes: &[prop::sample::Index]) -> Vec<Claim> {
        indexes.iter().map(|index| self.pick(index)).collect()
    }

    fn take(&mut self, step: Step) {
        let now = self.now;
        match step {
            Step::Append { shard, records } => self.naive.ends[shard as usize] += records,
            Step::Receive { letters, limit, secs, new_first } => self.receive(letters, limit, secs, new_first),
            Step::Acknowledge { letters: dead, claims } => {
                let claims = self.picked(&claims);
                let expected: Vec<_> = claims.iter().map(|claim| self.naive.acknowledge(dead, claim)).collect();
                assert_eq!(self.real.each(now, Command::Acknowledge { letters: letters(dead), claims }), expected);
            }
            Step::Hide { letters, claims } => {
                let claims: Vec<_> = claims.iter().map(|(index, secs)| (self.pick(index), secs * 1000)).collect();
                self.hide(letters, claims);
            }
            Step::Restore(claims) => {
                let claims = self.picked(&claims);
                let expected: Vec<_> = claims.iter().map(|claim| self.naive.restore(now, claim)).collect();
                assert_eq!(self.real.each(now, Command::Restore(claims)), expected);
            }
            Step::Release(claims) => self.release(self.picked(&claims)),
            Step::Advance(secs) => self.now = now.plus_secs(secs),
            Step::Trim { shard, below } => {
                self.naive.held.retain(|row| row.place.0 != shard || row.place.1 >= below);
                let cursor = &mut self.naive.cursors[shard as usize];
                *cursor = below.max(*cursor);
                self.real.ask(now, Command::Trim { below: vec![(shard, below)], gone: Vec::new() });
            }
            Step::Configure(receives_max) => {
                self.naive.receives_max = receives_max;
                let change = Change::Attributes { visibility_secs: None, receives_max: Some(receives_max) };
                self.real.ask(now, Command::Change(change));
            }
        }
    }

    fn receive(&mut self, dead: bool, limit: usize, secs: u64, new_first: bool) {
        self.receipt += 1;
        let (naive, receipt) = (&mut self.naive, self.receipt);
        let sight = |shard: u32| {
            let cursor = naive.cursors[shard as usize].max(1);
            Sight { shard, first: cursor, next: naive.ends[shard as usize] + 1 }
        };
        let (letters, visibility_millis, sights) = (letters(dead), Some(secs * 1000), (0..SHARDS).map(sight).collect());
        let asked = Receive { letters, limit, visibility_millis, receipt, sights, new_first };
        let Reply::Received(leased) = self.real.ask(self.now, Command::Receive(asked)) else { panic!("there is room") };
        let places: Vec<_> = leased.iter().map(|one| one.place).collect();
        assert_eq!(places, naive.receive(self.now, dead, limit, secs, new_first, receipt));
        self.given.extend(places.into_iter().map(|place| Claim { place, receipt }));
    }

    fn hide(&mut self, dead: bool, claims: Vec<(Claim, u64)>) {
        let (naive, now) = (&mut self.naive, self.now);
        let is_in_flight = |claim: &Claim| naive.held.iter().any(|row| row.place == claim.place && row.until > now);
        let in_flight: Vec<_> = claims.iter().map(|(claim, _)| is_in_flight(claim)).collect();
        let mut hide = |claim: &Claim, millis: u64, in_flight: bool| {
            let row = naive.find(claim)?;
            match in_flight {
                _ if row.is_dead != dead => Err(Fault::OtherLetters),
                false => Err(Fault::NotInFlight),
                true => {
                    row.until = now.plus_millis(millis);
                    Ok(())
                }
            }
        };
        let each = claims.iter().zip(in_flight);
        let expected: Vec<_> = each.map(|((claim, millis), is_in)| hide(claim, *millis, is_in)).collect();
        assert_eq!(self.real.each(now, Command::Hide { letters: letters(dead), claims }), expected);
    }

    fn release(&mut self, mut claims: Vec<Claim>) {
        claims.sort_unstable_by_key(|claim| (claim.place, claim.receipt));
        claims.dedup_by_key(|claim| claim.place);
        let receives_max = self.naive.receives_max;
        for claim in &claims {
            if let Ok(row) = self.naive.find(claim) {
                // It was this receive that has made a dead letter of it.
                row.is_dead &= Some(row.receives) != receives_max;
                (row.until, row.receives, row.receipt) = (self.now, row.receives.saturating_sub(1), 0);
            }
        }
        self.real.ask(self.now, Command::Release(claims));
    }

    fn compare(&mut self) {
        let now = self.now;
        self.naive.pass(now);
        self.real.queue.advance(now);
        let mut rows = self.naive.held.clone();
        rows.sort_unstable_by_key(|row| row.place);
        assert_eq!(self.real.rows(), rows);
        let is_hidden = |row: &&Row| row.until > now;
        let Queue { held, .. } = &self.real.queue;
        assert_eq!(held.in_flight(), rows.iter().filter(is_hidden).count());
        assert_eq!(held.dead_letters(), rows.iter().filter(|row| row.is_dead).count());
        assert_eq!(held.next_deadline(), rows.iter().filter(is_hidden).map(|row| row.until).min());
    }

    fn replay(&self) {
        let mut replayed = Queue::default();
        for (kind, payload) in &self.real.records {
            let effect = Effect::decode(*kind, VERSION, payload).unwrap();
            replayed.apply(Position::ZERO, &effect, &mut Vec::new());
        }
        replayed.advance(self.now);
        assert_eq!(replayed, self.real.queue);
    }
}

proptest! {
    #[test]
    fn a_queue_is_a_list_of_records_with_a_past(steps in steps()) {
        let mut twins = Twins::new();
        for step in steps {
            twins.take(step);
            twins.compare();
        }
        twins.replay();
    }
}
