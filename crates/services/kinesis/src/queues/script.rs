//! Sentences about the queue machine, each a small script and what is answered.
//!
//! ```text
//! shard 0 has 1..6              shard 0 has records 1 to 5
//! advance 5s                    the clock (s or m)
//! receive 3 for=10s new         -> 0/1#1 0/2#1 (place, then how often received; new: what was never handed out comes first)
//! dead 3                        the same of dead letters
//! ack 0/1 0/2@1                 newest receipts, or that of a receive by its number
//! ackdead 0/1 | hide 0/1=10s | hidedead 0/1=10s | restore 0/1
//! release 0/1 | pass 0/1 | trim 0<4 | gone 0
//! configure visibility=10s receives=2 (0: no dead letters)
//! count                         -> held, in flight, dead letters, cursors
//! ```
//! After each statement the queue is replaced by one that was restored from its snapshot, and at the end by one that was made of the
//! encoded records alone, neither of which may make a difference.

use super::limits;
use super::machine::{Change, Claim, Command, Letters, Queue, Receive, Reply, Sight, TooMany};
use super::records::{Effect, VERSION};
use super::settings::{About, QueueKey, Start};
use crate::settings::Tags;
use engine::{Effect as _, Machine};
use expect_test::{Expect, expect};
use names::{AccountId, Instant, PartitionId, Position, Region};
use std::collections::BTreeMap;
use std::fmt::Write;

const START: Instant = Instant::from_millis(1_700_000_000_000);

pub(super) fn about() -> About {
    About {
        key: QueueKey { account: AccountId::DEFAULT, region: Region::parse("eu-west-1").unwrap(), name: "q".into() },
        id: "1f".into(),
        stream: PartitionId::of_family(4, 1),
        created_at: START,
        start: Start::TrimHorizon,
        from: START,
        visibility_secs: 30,
        receives_max: Some(6),
        tags: Tags::new(),
        policy: None,
    }
}

/// A queue, and what it is told.
pub(super) struct Stage {
    pub(super) queue: Queue,
    now: Instant,
    shards: BTreeMap<u32, (u64, u64)>,
    receives: u64,
    /// The newest receipt of each place.
    receipts: BTreeMap<(u32, u64), u64>,
    records: Vec<(u8, Vec<u8>)>,
}

impl Stage {
    pub(super) fn new() -> Self {
        let mut stage = Self {
            queue: Queue::default(),
            now: START,
            shards: BTreeMap::new(),
            receives: 0,
            receipts: BTreeMap::new(),
            records: Vec::new(),
        };
        stage.ask(Command::Create { about: Box::new(about()), cursors: Vec::new() });
        stage
    }

    fn ask(&mut self, command: Command) -> Reply {
        self.queue.advance(self.now);
        let decision = self.queue.decide(self.now, command);
        for effect in decision.effects {
            let mut payload = Vec::new();
            effect.encode(&mut payload);
            assert_eq!(Effect::decode(effect.kind(), VERSION, &payload).as_ref(), Ok(&effect));
            self.queue.apply(Position::ZERO, &effect, &mut Vec::new());
            self.records.push((effect.kind(), payload));
        }
        decision.reply
    }

    /// A queue that was restored makes no difference.
    fn restore(&mut self) {
        let mut state = Vec::new();
        self.queue.snapshot(&mut state);
        let mut restored = Queue::restore(VERSION, &state).unwrap();
        restored.advance(self.now);
        assert_eq!(restored, self.queue);
        assert_eq!(
            (restored.held.in_flight(), restored.held.dead_letters(), restored.ready(), restored.next_deadline()),
            (
                self.queue.held.in_flight(),
                self.queue.held.dead_letters(),
                self.queue.ready(),
                self.queue.next_deadline()
            )
        );
        self.queue = restored;
    }

    /// Neither does one that was replayed.
    fn replay(&mut self) {
        let mut replayed = Queue::default();
        for (kind, payload) in &self.records {
            let effect = Effect::decode(*kind, VERSION, payload).unwrap();
            replayed.apply(Position::ZERO, &effect, &mut Vec::new());
        }
        replayed.advance(self.now);
        assert_eq!(replayed, self.queue);
    }

    fn say(&mut self, statement: &str) -> String {
        let (word, rest) = statement.split_once(' ').unwrap_or((statement, ""));
        let words: Vec<&str> = rest.split(' ').filter(|word| !word.is_empty()).collect();
        match word {
            "shard" => {
                let (first, next) = words[2].split_once("..").unwrap();
                self.shards.insert(words[0].parse().unwrap(), (first.parse().unwrap(), next.parse().unwrap()));
                String::new()
            }
            "advance" => {
                self.now = self.now.plus_millis(millis(words[0]));
                self.queue.advance(self.now);
                String::new()
            }
            "receive" => self.receive(Letters::Alive, &words),
            "dead" => self.receive(Letters::Dead, &words),
            "ack" => self.each(Command::Acknowledge { letters: Letters::Alive, claims: self.claims(&words) }),
            "ackdead" => self.each(Command::Acknowledge { letters: Letters::Dead, claims: self.claims(&words) }),
            "hide" => self.each(Command::Hide { letters: Letters::Alive, claims: self.hides(&words) }),
            "hidedead" => self.each(Command::Hide { letters: Letters::Dead, claims: self.hides(&words) }),
            "restore" => self.each(Command::Restore(self.claims(&words))),
            "release" => self.each(Command::Release(self.claims(&words))),
            "pass" => self.each(Command::PassOver(words.iter().map(|word| place(word)).collect())),
            "trim" => {
                let below =
                    |word: &&str| word.split_once('<').map(|(shard, at)| (shard.parse().unwrap(), at.parse().unwrap()));
                self.each(Command::Trim { below: words.iter().filter_map(below).collect(), gone: Vec::new() })
            }
            "gone" => {
                let gone = words.iter().map(|word| word.parse().unwrap()).collect();
                self.each(Command::Trim { below: Vec::new(), gone })
            }
            "configure" => self.configure(&words),
            "delete" => self.each(Command::Delete),
            "count" => {
                let Queue { held, cursors, .. } = &self.queue;
                format!(
                    "held={} in-flight={} dead={} cursors={cursors:?}",
                    held.len(),
                    held.in_flight(),
                    held.dead_letters()
                )
            }
            _ => panic!("{statement} is no statement"),
        }
    }

    fn receive(&mut self, letters: Letters, words: &[&str]) -> String {
        self.receives += 1;
        let cursor = |shard: &u32| self.queue.cursors.get(shard).copied().unwrap_or(0);
        let sight = |(shard, (first, next)): (&u32, &(u64, u64))| Sight {
            shard: *shard,
            first: cursor(shard).max(*first),
            next: *next,
        };
        let ask = Receive {
            letters,
            limit: words[0].parse().unwrap(),
            visibility_millis: words.iter().find_map(|word| word.strip_prefix("for=")).map(millis),
            receipt: self.receives,
            sights: self.shards.iter().map(sight).collect(),
            new_first: words.contains(&"new"),
        };
        match self.ask(Command::Receive(ask)) {
            Reply::Received(leased) if leased.is_empty() => "nothing".into(),
            Reply::Received(leased) => {
                let mut line = Vec::new();
                for one in leased {
                    self.receipts.insert(one.place, self.receives);
                    let ago = self.now.since(one.first_received_at).as_secs();
                    line.push(format!("{}/{}#{} {ago}s", one.place.0, one.place.1, one.receives));
                }
                line.join(", ")
            }
            other => format!("{other:?}"),
        }
    }

    fn each(&mut self, command: Command) -> String {
        match self.ask(command) {
            Reply::Each(each) => {
                let told =
                    |one: &Result<(), _>| one.as_ref().map_or_else(|fault| format!("{fault:?}"), |()| "ok".into());
                each.iter().map(told).collect::<Vec<_>>().join(" ")
            }
            other => format!("{other:?}"),
        }
    }

    fn configure(&mut self, words: &[&str]) -> String {
        let value = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        let receives_max = value("receives=").map(|most| Some(most.parse().unwrap()).filter(|most: &u32| *most > 0));
        let visibility_secs = value("visibility=").map(|secs| u32::try_from(millis(secs) / 1000).unwrap());
        match self.ask(Command::Change(Change::Attributes { visibility_secs, receives_max })) {
            Reply::Described(about) => format!("{}s {:?}", about.visibility_secs, about.receives_max),
            other => format!("{other:?}"),
        }
    }

    fn claims(&self, words: &[&str]) -> Vec<Claim> {
        let claim = |word: &&str| {
            let (name, receipt) = word.split_once('@').map_or((*word, None), |(name, receipt)| (name, Some(receipt)));
            let place = place(name);
            let newest = || self.receipts.get(&place).copied().unwrap_or(0);
            Claim { place, receipt: receipt.map_or_else(newest, |receipt| receipt.parse().unwrap()) }
        };
        words.iter().map(claim).collect()
    }

    fn hides(&self, words: &[&str]) -> Vec<(Claim, u64)> {
        let hide = |word: &&str| {
            let (name, time) = word.split_once('=').unwrap();
            (self.claims(&[name])[0], millis(time))
        };
        words.iter().map(hide).collect()
    }
}

fn place(name: &str) -> (u32, u64) {
    let (shard, counter) = name.split_once('/').unwrap();
    (shard.parse().unwrap(), counter.parse().unwrap())
}

fn millis(time: &str) -> u64 {
    match (time.strip_suffix('s'), time.strip_suffix('m')) {
        (Some(secs), _) => secs.parse::<u64>().unwrap() * 1000,
        (_, Some(minutes)) => minutes.parse::<u64>().unwrap() * 60_000,
        _ => panic!("{time} is no time"),
    }
}

fn check(script: &str, expected: &Expect) {
    let (mut stage, mut told) = (Stage::new(), String::new());
    for statement in script.split([';', '\n']).map(str::trim).filter(|statement| !statement.is_empty()) {
        let answer = stage.say(statement);
        if !answer.is_empty() {
            writeln!(told, "{statement} -> {answer}").unwrap();
        }
        if !stage.queue.is_over() {
            stage.restore();
        }
    }
    stage.replay();
    expected.assert_eq(&told);
}

#[test]
fn a_record_is_handed_out_once_until_its_timeout_ends() {
    check(
        "shard 0 has 1..4; receive 2; receive 2; receive 2; advance 29s; receive 2; advance 1s; receive 2; receive 2; count",
        &expect![[r#"
            receive 2 -> 0/1#1 0s, 0/2#1 0s
            receive 2 -> 0/3#1 0s
            receive 2 -> nothing
            receive 2 -> nothing
            receive 2 -> 0/1#2 30s, 0/2#2 30s
            receive 2 -> 0/3#2 30s
            count -> held=3 in-flight=3 dead=0 cursors={0: 4}
        "#]],
    );
}

#[test]
fn an_acknowledged_record_does_not_come_back() {
    check(
        "shard 0 has 1..4; receive 3; ack 0/2; advance 30s; receive 5; ack 0/1 0/3; advance 30s; receive 5; count",
        &expect![[r#"
            receive 3 -> 0/1#1 0s, 0/2#1 0s, 0/3#1 0s
            ack 0/2 -> ok
            receive 5 -> 0/1#2 30s, 0/3#2 30s
            ack 0/1 0/3 -> ok ok
            receive 5 -> nothing
            count -> held=0 in-flight=0 dead=0 cursors={0: 4}
        "#]],
    );
}

#[test]
fn a_receipt_is_good_until_the_record_is_received_again() {
    check(
        "shard 0 has 1..3; receive 2; advance 30s; ack 0/1; receive 2; ack 0/2@1; hide 0/2@1=9s; ack 0/2@2 0/2@2 0/9; ack 0/1",
        &expect![[r#"
            receive 2 -> 0/1#1 0s, 0/2#1 0s
            ack 0/1 -> ok
            receive 2 -> 0/2#2 30s
            ack 0/2@1 -> Outdated
            hide 0/2@1=9s -> Outdated
            ack 0/2@2 0/2@2 0/9 -> ok Gone Gone
            ack 0/1 -> Gone
        "#]],
    );
}

#[test]
fn a_receipt_of_nobody_does_nothing() {
    check(
        "shard 0 has 1..3; receive 1; ack 0/1@7 0/2@1 0/2@0; count",
        &expect![[r#"
        receive 1 -> 0/1#1 0s
        ack 0/1@7 0/2@1 0/2@0 -> Outdated Gone Gone
        count -> held=1 in-flight=1 dead=0 cursors={0: 2}
    "#]],
    );
}

#[test]
fn visibility_is_counted_from_the_moment_it_is_changed() {
    check(
        "shard 0 has 1..3; receive 2; advance 20s; hide 0/1=30s 0/2=0s; receive 2; advance 10s; receive 2; advance 20s; receive 2; \
         advance 30s; hide 0/1=5s",
        &expect![[r#"
            receive 2 -> 0/1#1 0s, 0/2#1 0s
            hide 0/1=30s 0/2=0s -> ok ok
            receive 2 -> 0/2#2 20s
            receive 2 -> nothing
            receive 2 -> 0/1#2 50s, 0/2#3 50s
            hide 0/1=5s -> NotInFlight
        "#]],
    );
}

#[test]
fn a_receive_says_for_how_long_itself_or_the_queue_does() {
    check(
        "shard 0 has 1..9; receive 1 for=5s; configure visibility=10s; receive 1 new; receive 1 for=0s new; advance 5s; receive 9; advance 5s; count",
        &expect![[r#"
            receive 1 for=5s -> 0/1#1 0s
            configure visibility=10s -> 10s Some(6)
            receive 1 new -> 0/2#1 0s
            receive 1 for=0s new -> 0/3#1 0s
            receive 9 -> 0/3#2 5s, 0/1#2 5s, 0/4#1 0s, 0/5#1 0s, 0/6#1 0s, 0/7#1 0s, 0/8#1 0s
            count -> held=8 in-flight=7 dead=0 cursors={0: 9}
        "#]],
    );
}

#[test]
fn what_was_received_too_often_is_a_dead_letter() {
    check(
        "configure receives=2; shard 0 has 1..3; receive 2; advance 30s; receive 2; dead 9; ack 0/2; advance 29s; dead 9; advance 1s; \
         receive 9; dead 9 for=5s; dead 9; advance 5s; dead 9; count; ackdead 0/1; count",
        &expect![[r#"
            configure receives=2 -> 30s Some(2)
            receive 2 -> 0/1#1 0s, 0/2#1 0s
            receive 2 -> 0/1#2 30s, 0/2#2 30s
            dead 9 -> nothing
            ack 0/2 -> ok
            dead 9 -> nothing
            receive 9 -> nothing
            dead 9 for=5s -> 0/1#3 60s
            dead 9 -> nothing
            dead 9 -> 0/1#4 65s
            count -> held=1 in-flight=1 dead=1 cursors={0: 3}
            ackdead 0/1 -> ok
            count -> held=0 in-flight=0 dead=0 cursors={0: 3}
        "#]],
    );
}

#[test]
fn a_restored_dead_letter_begins_anew() {
    check(
        "configure receives=1; shard 0 has 1..3; receive 2; advance 30s; dead 9; restore 0/1 0/1; ack 0/1; receive 9; advance 30s; dead 9; \
         restore 0/1 0/2; configure receives=0; receive 9; restore 0/1; count",
        &expect![[r#"
            configure receives=1 -> 30s Some(1)
            receive 2 -> 0/1#1 0s, 0/2#1 0s
            dead 9 -> 0/1#2 30s, 0/2#2 30s
            restore 0/1 0/1 -> ok Outdated
            ack 0/1 -> Outdated
            receive 9 -> 0/1#1 30s
            dead 9 -> 0/1#2 60s, 0/2#3 60s
            restore 0/1 0/2 -> ok ok
            configure receives=0 -> 30s None
            receive 9 -> 0/1#1 60s, 0/2#1 60s
            restore 0/1 -> OtherLetters
            count -> held=2 in-flight=2 dead=0 cursors={0: 3}
        "#]],
    );
}

#[test]
fn letters_are_told_apart() {
    check(
        "configure receives=1; shard 0 has 1..4; receive 2; ackdead 0/1; hidedead 0/1=9s; advance 30s; dead 9; hide 0/1=9s; hidedead 0/1=40s; \
         ack 0/2; advance 30s; dead 9; count",
        &expect![[r#"
            configure receives=1 -> 30s Some(1)
            receive 2 -> 0/1#1 0s, 0/2#1 0s
            ackdead 0/1 -> OtherLetters
            hidedead 0/1=9s -> OtherLetters
            dead 9 -> 0/1#2 30s, 0/2#2 30s
            hide 0/1=9s -> OtherLetters
            hidedead 0/1=40s -> ok
            ack 0/2 -> ok
            dead 9 -> nothing
            count -> held=1 in-flight=1 dead=1 cursors={0: 3}
        "#]],
    );
}

#[test]
fn fewer_receives_make_dead_letters_of_what_waits_and_more_bring_none_back() {
    check(
        "shard 0 has 1..3; receive 2; advance 30s; receive 1; configure receives=1; dead 9; advance 30s; dead 9; configure receives=5; advance 30s; \
         receive 9; dead 9",
        &expect![[r#"
            receive 2 -> 0/1#1 0s, 0/2#1 0s
            receive 1 -> 0/1#2 30s
            configure receives=1 -> 30s Some(1)
            dead 9 -> 0/2#2 30s
            dead 9 -> 0/1#3 60s, 0/2#3 60s
            configure receives=5 -> 30s Some(5)
            receive 9 -> nothing
            dead 9 -> 0/1#4 90s, 0/2#4 90s
        "#]],
    );
}

#[test]
fn without_dead_letters_a_record_comes_back_for_ever() {
    let script = format!("configure receives=0; shard 0 has 1..2; {} dead 1", "receive 1; advance 30s; ".repeat(8));
    check(
        &script,
        &expect![[r#"
            configure receives=0 -> 30s None
            receive 1 -> 0/1#1 0s
            receive 1 -> 0/1#2 30s
            receive 1 -> 0/1#3 60s
            receive 1 -> 0/1#4 90s
            receive 1 -> 0/1#5 120s
            receive 1 -> 0/1#6 150s
            receive 1 -> 0/1#7 180s
            receive 1 -> 0/1#8 210s
            dead 1 -> nothing
        "#]],
    );
}

#[test]
fn what_is_new_and_what_is_back_take_turns_in_going_first() {
    check(
        "shard 0 has 1..9; receive 2 for=0s; receive 1 for=0s; receive 1 new for=0s; receive 2 for=0s new; receive 9",
        &expect![[r#"
            receive 2 for=0s -> 0/1#1 0s, 0/2#1 0s
            receive 1 for=0s -> 0/1#2 0s
            receive 1 new for=0s -> 0/3#1 0s
            receive 2 for=0s new -> 0/4#1 0s, 0/5#1 0s
            receive 9 -> 0/1#3 0s, 0/2#2 0s, 0/3#2 0s, 0/4#2 0s, 0/5#2 0s, 0/6#1 0s, 0/7#1 0s, 0/8#1 0s
        "#]],
    );
}

#[test]
fn records_of_all_shards_are_handed_out_and_those_that_come_later() {
    check(
        "shard 0 has 1..3; shard 7 has 1..2; receive 9; shard 0 has 2..5; shard 9 has 4..6; receive 9; count",
        &expect![[r#"
            receive 9 -> 0/1#1 0s, 0/2#1 0s, 7/1#1 0s
            receive 9 -> 0/3#1 0s, 0/4#1 0s, 9/4#1 0s, 9/5#1 0s
            count -> held=7 in-flight=7 dead=0 cursors={0: 5, 7: 2, 9: 6}
        "#]],
    );
}

#[test]
fn what_has_expired_is_gone_whether_it_was_handed_out_or_not() {
    check(
        "shard 0 has 1..9; receive 3; trim 0<3; ack 0/1; trim 0<6; count; receive 2; shard 0 has 8..9; advance 30s; receive 9; gone 0; count; gone 0",
        &expect![[r#"
            receive 3 -> 0/1#1 0s, 0/2#1 0s, 0/3#1 0s
            trim 0<3 -> Done
            ack 0/1 -> Gone
            trim 0<6 -> Done
            count -> held=0 in-flight=0 dead=0 cursors={0: 6}
            receive 2 -> 0/6#1 0s, 0/7#1 0s
            receive 9 -> 0/6#2 30s, 0/7#2 30s, 0/8#1 0s
            gone 0 -> Done
            count -> held=0 in-flight=0 dead=0 cursors={}
            gone 0 -> Done
        "#]],
    );
}

#[test]
fn what_was_not_handed_out_after_all_was_not_received() {
    check(
        "shard 0 has 1..4; receive 3; advance 10s; release 0/2; ack 0/2; receive 1; advance 30s; receive 3; release 0/3; receive 3; pass 0/1 0/9; count",
        &expect![[r#"
            receive 3 -> 0/1#1 0s, 0/2#1 0s, 0/3#1 0s
            release 0/2 -> Done
            ack 0/2 -> Outdated
            receive 1 -> 0/2#1 0s
            receive 3 -> 0/1#2 40s, 0/3#2 40s, 0/2#2 30s
            release 0/3 -> Done
            receive 3 -> 0/3#2 40s
            pass 0/1 0/9 -> Done
            count -> held=2 in-flight=2 dead=0 cursors={0: 4}
        "#]],
    );
}

#[test]
fn a_receive_that_is_taken_back_after_its_time_was_over_makes_no_dead_letter() {
    check(
        "configure receives=2; shard 0 has 1..2; receive 1 for=0s; receive 1 for=0s; release 0/1; count; dead 1; receive 1 for=0s; dead 1; \
         release 0/1; dead 1",
        &expect![[r#"
            configure receives=2 -> 30s Some(2)
            receive 1 for=0s -> 0/1#1 0s
            receive 1 for=0s -> 0/1#2 0s
            release 0/1 -> Done
            count -> held=1 in-flight=0 dead=0 cursors={0: 2}
            dead 1 -> nothing
            receive 1 for=0s -> 0/1#2 0s
            dead 1 -> 0/1#3 0s
            release 0/1 -> Done
            dead 1 -> 0/1#3 0s
        "#]],
    );
}

#[test]
fn a_deleted_queue_answers_nothing() {
    check(
        "shard 0 has 1..4; receive 1; delete; receive 1; ack 0/1; configure receives=1",
        &expect![[r#"
        receive 1 -> 0/1#1 0s
        delete -> Done
        receive 1 -> Gone
        ack 0/1 -> Gone
        configure receives=1 -> Gone
    "#]],
    );
}

#[test]
fn no_more_are_in_flight_or_held_than_there_may_be() {
    let mut stage = Stage::new();
    let most = limits::IN_FLIGHT_MAX as u64;
    stage.shards.insert(0, (1, limits::HELD_MAX as u64 + 100));
    let ask = |stage: &mut Stage, limit: usize| {
        let (first, next) = stage.shards[&0];
        let sights = vec![Sight { shard: 0, first, next }];
        let letters = Letters::Alive;
        stage.ask(Command::Receive(Receive {
            letters,
            limit,
            visibility_millis: None,
            receipt: 1,
            sights,
            new_first: true,
        }))
    };
    assert!(matches!(ask(&mut stage, most as usize - 1), Reply::Received(leased) if leased.len() as u64 == most - 1));
    assert!(matches!(ask(&mut stage, 10), Reply::Received(leased) if leased.len() == 1));
    assert!(matches!(ask(&mut stage, 10), Reply::TooMany(TooMany::InFlight)));
    for _ in 0..limits::HELD_MAX / limits::IN_FLIGHT_MAX {
        stage.now = stage.now.plus_secs(30);
        stage.queue.advance(stage.now);
        ask(&mut stage, limits::IN_FLIGHT_MAX);
    }
    assert_eq!(stage.queue.held.len(), limits::HELD_MAX);
    // What is back is still handed out, and room is made by acknowledging.
    stage.now = stage.now.plus_secs(30);
    assert!(matches!(ask(&mut stage, 10), Reply::Received(leased) if leased.len() == 10));
    stage.say("configure receives=1");
    stage.say("advance 30s");
    assert!(matches!(ask(&mut stage, 10), Reply::TooMany(TooMany::Held)), "all are dead letters");
    stage.say("trim 0<11");
    assert!(matches!(ask(&mut stage, 99), Reply::Received(leased) if leased.len() == 10));
}
