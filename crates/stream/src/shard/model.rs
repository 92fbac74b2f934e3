//! The shard against a model that could not be simpler: a list of all records that ever were, searched from front to end.
//!
//! After every step of a random history what the shard says of itself is compared with the list, and so are the answers. A shard
//! that is built anew from the journaled bytes must agree, and so must a standby which got the same records one by one and lets
//! time pass only now and then; every now and then one of them, or what a snapshot restores, takes the live one's place. When
//! exactly a record's room is given back is the shard's to choose, within what the index promises; what a reader is told to pass
//! over is not.

use super::*;
use crate::NewRecord;
use crate::index::Index;
use crate::limits::MARKS_MAX;
use engine::Effect as _;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

const BEGIN: Instant = Instant::from_millis(1_000_000_000);
const HOUR: u64 = 3_600_000;

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<u16>),
    Pass(u64),
    Back(u64),
    Read { from: prop::sample::Index, records_max: usize, bytes_max: u64 },
    Seek(prop::sample::Index, i64),
    SetRetention(u64),
    Close,
    Restart,
    Restore,
    Promote,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => prop::collection::vec(prop_oneof![9 => 0u16..60, 1 => 60u16..2000], 0..6).prop_map(Step::Append),
        6 => prop_oneof![0u64..2000, 0..HOUR, 0..30 * HOUR].prop_map(Step::Pass),
        1 => (0..2 * HOUR).prop_map(Step::Back),
        6 => (any::<prop::sample::Index>(), 0usize..20, 0u64..500)
            .prop_map(|(from, records_max, bytes_max)| Step::Read { from, records_max, bytes_max }),
        4 => (any::<prop::sample::Index>(), -2000i64..2000).prop_map(|(near, by)| Step::Seek(near, by)),
        2 => prop_oneof![Just(24u64), 24u64..200].prop_map(|hours| Step::SetRetention(hours * HOUR)),
        1 => Just(Step::Restart),
        1 => Just(Step::Restore),
        1 => Just(Step::Promote),
    ];
    let closing = prop::collection::vec(step, 0..60);
    (closing, any::<prop::sample::Index>(), any::<bool>()).prop_map(|(mut steps, at, closes)| {
        if closes {
            steps.insert(at.index(steps.len() + 1), Step::Close);
        }
        steps
    })
}

/// All that ever was.
struct Model {
    records: Vec<(Instant, u64)>,
    retention_millis: u64,
    /// What a change of the retention found expired.
    floor: Instant,
    closed_at: Option<Instant>,
    now: Instant,
}

impl Model {
    fn last_arrived_at(&self) -> Option<Instant> {
        self.records.last().map(|(at, _)| *at)
    }

    fn time(&self) -> Instant {
        self.now.max(self.last_arrived_at().unwrap_or(Instant::EPOCH))
    }

    /// What has expired at the least, whatever was forgotten of time that passed.
    fn horizon(&self) -> Instant {
        let now = self.last_arrived_at().map_or(self.now, |last| last.max(self.now));
        now.minus_millis(self.retention_millis).max(self.floor)
    }

    fn next(&self) -> u64 {
        self.records.len() as u64 + 1
    }

    fn of(&self, counter: u64) -> (Instant, u64) {
        self.records[counter as usize - 1]
    }

    /// What the shard says of itself is what the list says.
    fn check(&self, shard: &Shard) {
        let state = shard.state().unwrap();
        assert_eq!((state.next, state.last_arrived_at), (self.next(), self.last_arrived_at()));
        assert_eq!((state.closed_at, state.retention_millis), (self.closed_at, self.retention_millis));
        assert!(state.horizon >= self.horizon());
        let held = (state.first..state.next).map(|counter| self.of(counter));
        assert_eq!((state.records, state.bytes), (held.clone().count() as u64, held.map(|(_, bytes)| bytes).sum()));
        let gone = (1..state.first).map(|counter| self.of(counter));
        gone.for_each(|(at, _)| assert!(at < state.horizon, "what arrived at {at:?} has gone too early"));
        // Of what has expired only the first run is held, and what is taken for a second younger than it is.
        let first_run = shard.index.run_of(state.first, state.next);
        let late = (first_run.end..state.next).map(|counter| self.of(counter).0);
        late.for_each(|at| assert!(at.plus_millis(1000) > state.horizon, "what arrived at {at:?} is held too long"));
        assert!(shard.index.len() <= MARKS_MAX);
        assert_eq!((shard.first_held(), shard.held_within(0..u64::MAX)), (state.first, state.records));
    }

    fn check_read(&self, from: u64, records_max: usize, bytes_max: u64, reply: &Reply, index: &Index) {
        let Reply::Records { from: began, next, bytes, is_end, horizon, state } = reply else { panic!("{reply:?}") };
        assert_eq!((*began, *horizon), (from.max(state.first), state.horizon));
        let read: Vec<u64> = (*began..*next).map(|counter| self.of(counter).1).collect();
        assert!(read.len() <= records_max);
        let is_told =
            read.iter().sum::<u64>() <= *bytes && *bytes <= read.iter().sum::<u64>() + 2 * index.largest_run();
        assert!(is_told, "{bytes} bytes are told of {read:?}");
        assert_eq!(read.is_empty(), records_max == 0 || *began >= self.next());
        let runs = 2 * index.largest_run();
        assert!(read.len() <= 1 || read.iter().sum::<u64>() <= bytes_max + runs, "{read:?} of {bytes_max}");
        assert_eq!(*is_end, self.closed_at.is_some() && *next >= self.next());
    }

    fn check_sought(&self, at: Instant, found: u64, shard: &Shard) {
        let state = shard.state().unwrap();
        let arrived_since = |counter: &u64| self.of(*counter).0 >= at;
        let exact = (state.first..state.next).find(arrived_since).unwrap_or(state.next);
        assert!((state.first..=exact).contains(&found), "{found} is not in {}..={exact}", state.first);
        if found == exact {
            return;
        }
        let run = shard.index.run_of(found, state.next);
        let is_close = |counter: u64| self.of(counter).0.plus_millis(1000) > at;
        assert!(run.contains(&exact) || is_close(run.end - 1), "{found} is far from {exact}");
    }
}

struct History {
    model: Model,
    live: Shard,
    standby: Shard,
    journal: Vec<(u8, u8, Vec<u8>)>,
}

impl History {
    fn begin() -> Self {
        let model = Model {
            records: Vec::new(),
            retention_millis: 24 * HOUR,
            floor: Instant::EPOCH,
            closed_at: None,
            now: BEGIN,
        };
        let mut history = Self { model, live: Shard::unborn(), standby: Shard::unborn(), journal: Vec::new() };
        let about = About { stream: [1; 16], index: 0, opened_at: BEGIN, retention_millis: 24 * HOUR };
        assert_eq!(history.ask(Command::Open { about }), Reply::Done);
        history
    }

    fn ask(&mut self, command: Command) -> Reply {
        self.live.advance(self.model.now);
        let decision = self.live.decide(self.model.now, command);
        for effect in decision.effects {
            let mut bytes = Vec::new();
            effect.encode(&mut bytes);
            let decoded = Effect::decode(effect.kind(), effect.version(), &bytes).unwrap();
            self.journal.push((effect.kind(), effect.version(), bytes));
            self.live.apply(Position::ZERO, &effect, &mut Vec::new());
            self.standby.apply(Position::ZERO, &decoded, &mut Vec::new());
        }
        decision.reply
    }

    fn anew(&self) -> Shard {
        let mut shard = Shard::unborn();
        for (kind, version, bytes) in &self.journal {
            let effect = Effect::decode(*kind, *version, bytes).unwrap();
            shard.apply(Position::ZERO, &effect, &mut Vec::new());
        }
        shard
    }

    fn restored(&self) -> Shard {
        let mut bytes = Vec::new();
        self.live.snapshot(&mut bytes);
        let restored = Shard::restore(Shard::SNAPSHOT_VERSION, &bytes).unwrap();
        assert_eq!(restored, self.live);
        restored
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Append(sizes) => self.append(&sizes),
            Step::Pass(millis) => self.model.now = self.model.now.plus_millis(millis),
            Step::Back(millis) => self.model.now = self.model.now.minus_millis(millis),
            Step::Read { from, records_max, bytes_max } => {
                let from = from.index(self.model.records.len() + 3) as u64;
                let reply = self.ask(Command::Read { from, records_max, bytes_max });
                self.model.check_read(from, records_max, bytes_max, &reply, &self.live.index);
            }
            Step::Seek(near, by) => {
                let near = near.index(self.model.records.len() + 1);
                let near = self.model.records.get(near).map_or(self.model.now, |(at, _)| *at);
                let at = Instant::from_millis(near.as_millis().saturating_add_signed(by));
                let Reply::Seeked(found) = self.ask(Command::Seek { at }) else { panic!("the shard is there") };
                self.model.check_sought(at, found, &self.live);
            }
            Step::SetRetention(millis) => {
                assert_eq!(self.ask(Command::SetRetention { millis }), Reply::Done);
                if millis != self.model.retention_millis {
                    self.model.floor = self.live.horizon;
                    self.model.retention_millis = millis;
                }
            }
            Step::Close => {
                assert_eq!(self.ask(Command::Close), Reply::Closed);
                self.model.closed_at.get_or_insert(self.model.time());
            }
            Step::Restart => self.live = self.anew(),
            Step::Restore => self.live = self.restored(),
            Step::Promote => std::mem::swap(&mut self.live, &mut self.standby),
        }
    }

    fn append(&mut self, sizes: &[u16]) {
        let record = |size: &u16| NewRecord {
            data: vec![0; usize::from(*size)].into(),
            partition_key: None,
            explicit_hash: None,
        };
        let reply = self.ask(Command::Append { after: None, records: sizes.iter().map(record).collect() });
        if self.model.closed_at.is_some() {
            return assert_eq!(reply, Reply::NoMoreAppends);
        }
        let at = self.model.time();
        assert_eq!(reply, Reply::Appended { first: self.model.next(), at });
        self.model.records.extend(sizes.iter().map(|size| (at, u64::from(*size))));
    }

    fn check(&mut self) {
        let now = self.model.now;
        self.live.advance(now);
        self.model.check(&self.live);
        for mut other in [self.anew(), self.standby.clone()] {
            other.advance(now);
            self.model.check(&other);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_shard_is_what_the_list_of_its_records_says(steps in steps(), lookouts in any::<u64>()) {
        let mut history = History::begin();
        for (nth, step) in steps.into_iter().enumerate() {
            history.step(step);
            // A standby lets time pass as it likes.
            if lookouts >> (nth % 64) & 1 == 1 {
                history.standby.advance(history.model.now);
            }
            history.check();
        }
    }
}
