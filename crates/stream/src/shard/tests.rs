//! A shard in sentences: a script of commands with time between them, and its transcript.
//!
//! `advance 5s` lets time pass, `back 5s` sets the clock back; `append 10 20` appends records of so many bytes; `read 3 n=5 b=100`
//! reads from counter 3; `seek 5s` seeks the moment 5 s after the beginning; `restart` builds the shard anew from its records,
//! `restore` from its snapshot. Times are seconds since the shard was opened.

use super::*;
use crate::NewRecord;
use crate::limits::RUNS_PER_RETENTION;
use engine::Effect as _;
use expect_test::{Expect, expect};
use std::fmt::Write;

const BEGIN: Instant = Instant::from_millis(1_700_000_000_000);

struct Script {
    shard: Shard,
    now: Instant,
    journal: Vec<(u8, u8, Vec<u8>)>,
}

fn millis(text: &str) -> u64 {
    let split = text.find(|letter: char| !letter.is_ascii_digit()).unwrap();
    let (number, unit) = text.split_at(split);
    number.parse::<u64>().unwrap()
        * match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => panic!("{unit}"),
        }
}

fn shown_at(at: Instant) -> String {
    let sign = if at < BEGIN { "-" } else { "" };
    format!("{sign}{}s", at.since(BEGIN).max(BEGIN.since(at)).as_secs_f64())
}

impl Script {
    fn ask(&mut self, command: Command) -> Reply {
        self.shard.advance(self.now);
        let decision = self.shard.decide(self.now, command);
        for effect in decision.effects {
            let mut bytes = Vec::new();
            effect.encode(&mut bytes);
            self.journal.push((effect.kind(), effect.version(), bytes));
            self.shard.apply(Position::ZERO, &effect, &mut Vec::new());
        }
        if let Reply::Records { from, next, .. } = &decision.reply {
            assert_eq!(decision.reads, (*from..*next).collect::<Vec<_>>());
        }
        decision.reply
    }

    fn restart(&mut self) {
        self.shard = Shard::unborn();
        for (kind, version, bytes) in &self.journal {
            let effect = Effect::decode(*kind, *version, bytes).unwrap();
            self.shard.apply(Position::ZERO, &effect, &mut Vec::new());
        }
    }

    fn restore(&mut self) {
        let mut bytes = Vec::new();
        self.shard.snapshot(&mut bytes);
        let restored = Shard::restore(Shard::SNAPSHOT_VERSION, &bytes).unwrap();
        assert_eq!(restored, self.shard);
        self.shard = restored;
    }

    fn step(&mut self, words: &[&str]) -> Option<String> {
        let rest = &words[1..];
        let option =
            |name: &str| rest.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok());
        let reply = match words[0] {
            "open" => {
                let retention_millis = rest.first().map_or(24 * 3_600_000, |text| millis(text));
                let about = About { stream: [7; 16], index: 2, opened_at: self.now, retention_millis };
                self.ask(Command::Open { about })
            }
            "append" => {
                let sizes = rest.iter().filter_map(|word| word.parse().ok());
                let new = |size| NewRecord { data: vec![b'x'; size].into(), partition_key: None, explicit_hash: None };
                let records = sizes.map(new).collect();
                self.ask(Command::Append { after: option("after"), records })
            }
            "read" => self.ask(Command::Read {
                from: rest[0].parse().unwrap(),
                records_max: option("n").unwrap_or(100) as usize,
                bytes_max: option("b").unwrap_or(10_000),
            }),
            "seek" => self.ask(Command::Seek { at: BEGIN.plus_millis(millis(rest[0])) }),
            "close" => self.ask(Command::Close),
            "retention" => self.ask(Command::SetRetention { millis: millis(rest[0]) }),
            "delete" => self.ask(Command::Delete),
            "describe" => self.ask(Command::Describe),
            "advance" => return self.pass(self.now.plus_millis(millis(rest[0]))),
            "back" => return self.pass(self.now.minus_millis(millis(rest[0]))),
            "restart" => return self.anew(Self::restart),
            "restore" => return self.anew(Self::restore),
            "tally" => return Some(format!("{:?}", self.shard.tally().0)),
            "expiry" => return Some(self.shard.next_expiry().map_or("never".to_owned(), shown_at)),
            "stirred" => return Some(format!("{:?}", self.shard.take_stirred())),
            "records" => return Some(self.journal.len().to_string()),
            unknown => panic!("{unknown}"),
        };
        Some(shown(&reply))
    }

    fn pass(&mut self, now: Instant) -> Option<String> {
        self.now = now;
        None
    }

    fn anew(&mut self, how: fn(&mut Self)) -> Option<String> {
        how(self);
        None
    }
}

fn shown(reply: &Reply) -> String {
    match reply {
        Reply::Appended { first, at } => format!("from {first} at {}", shown_at(*at)),
        Reply::Records { from, next, is_end, horizon, state, .. } => {
            assert_eq!(*horizon, state.horizon);
            let end = if *is_end { ", the end" } else { "" };
            let nothing = if reply.is_nothing_yet() { ", nothing yet" } else { "" };
            format!("{from}..{next}{end}{nothing} of {}..{}, horizon {}", state.first, state.next, shown_at(*horizon))
        }
        Reply::Described(state) => {
            let moment = |at: Option<Instant>| at.map_or("never".to_owned(), shown_at);
            format!(
                "shard {}, {}..{}, {} records, {} bytes, last {}, closed {}, retention {}h",
                state.index,
                state.first,
                state.next,
                state.records,
                state.bytes,
                moment(state.last_arrived_at),
                moment(state.closed_at),
                state.retention_millis / 3_600_000
            )
        }
        other => format!("{other:?}"),
    }
}

#[track_caller]
fn check(script: &str, expected: &Expect) {
    let mut shard = Script { shard: Shard::unborn(), now: BEGIN, journal: Vec::new() };
    let mut transcript = String::new();
    for line in script.split(';').map(str::trim) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match shard.step(&words) {
            Some(shown) => writeln!(transcript, "{line} -> {shown}").unwrap(),
            None => writeln!(transcript, "{line}").unwrap(),
        }
    }
    expected.assert_eq(&transcript);
}

#[test]
fn a_shard_is_opened_once_and_is_not_there_before_and_after() {
    check(
        "append 1; read 1; describe; close; delete; open; open; describe; tally; delete; open; append 1; read 1; \
         retention 48h; delete; tally; records",
        &expect![[r#"
            append 1 -> Gone
            read 1 -> Gone
            describe -> Gone
            close -> Gone
            delete -> Gone
            open -> Done
            open -> Exists
            describe -> shard 2, 1..1, 0 records, 0 bytes, last never, closed never, retention 24h
            tally -> [0, 0, 1]
            delete -> Done
            open -> Gone
            append 1 -> Gone
            read 1 -> Gone
            retention 48h -> Gone
            delete -> Gone
            tally -> [0, 0, 0]
            records -> 2
        "#]],
    );
}

#[test]
fn records_are_numbered_without_a_gap_and_read_in_order() {
    check(
        "open; append 10 10; advance 1s; append 10; append; describe; read 1; read 2 n=1; read 3; read 4; read 9; read 0",
        &expect![[r#"
            open -> Done
            append 10 10 -> from 1 at 0s
            advance 1s
            append 10 -> from 3 at 1s
            append -> from 4 at 1s
            describe -> shard 2, 1..4, 3 records, 30 bytes, last 1s, closed never, retention 24h
            read 1 -> 1..4 of 1..4, horizon -86399s
            read 2 n=1 -> 2..3 of 1..4, horizon -86399s
            read 3 -> 3..4 of 1..4, horizon -86399s
            read 4 -> 4..4, nothing yet of 1..4, horizon -86399s
            read 9 -> 9..9, nothing yet of 1..4, horizon -86399s
            read 0 -> 1..4 of 1..4, horizon -86399s
        "#]],
    );
}

#[test]
fn an_order_asked_for_is_one_that_there_is() {
    check(
        "open; append after=0 1; append after=1 1; append after=3 1; append after=9 1",
        &expect![[r#"
        open -> Done
        append after=0 1 -> from 1 at 0s
        append after=1 1 -> from 2 at 0s
        append after=3 1 -> Ahead
        append after=9 1 -> Ahead
    "#]],
    );
}

#[test]
fn a_clock_set_back_does_not_turn_arrivals_around() {
    check(
        "open; advance 5s; append 1; back 5s; append 1; advance 10s; append 1; back 3s; append 1; close; describe",
        &expect![[r#"
            open -> Done
            advance 5s
            append 1 -> from 1 at 5s
            back 5s
            append 1 -> from 2 at 5s
            advance 10s
            append 1 -> from 3 at 10s
            back 3s
            append 1 -> from 4 at 10s
            close -> Closed
            describe -> shard 2, 1..5, 4 records, 4 bytes, last 10s, closed 10s, retention 24h
        "#]],
    );
}

#[test]
fn a_read_fetches_about_what_was_asked_for_and_one_record_in_any_case() {
    check(
        "open; append 30 30 30 30 30 30; append 5000 5000 5000; append 10; read 1 b=90; read 1 b=100; read 4 b=1; \
         read 6 b=3000; read 7 b=3000; read 7 b=10500; read 1 n=0",
        &expect![[r#"
            open -> Done
            append 30 30 30 30 30 30 -> from 1 at 0s
            append 5000 5000 5000 -> from 7 at 0s
            append 10 -> from 10 at 0s
            read 1 b=90 -> 1..4 of 1..11, horizon -86400s
            read 1 b=100 -> 1..4 of 1..11, horizon -86400s
            read 4 b=1 -> 4..5 of 1..11, horizon -86400s
            read 6 b=3000 -> 6..7 of 1..11, horizon -86400s
            read 7 b=3000 -> 7..8 of 1..11, horizon -86400s
            read 7 b=10500 -> 7..9 of 1..11, horizon -86400s
            read 1 n=0 -> 1..1, nothing yet of 1..11, horizon -86400s
        "#]],
    );
}

#[test]
fn a_closed_shard_takes_nothing_and_shows_its_end() {
    check(
        "open; append 1 1; close; advance 1s; close; append 1; read 1 n=1; read 2; read 3; describe; tally; restart; \
         describe; records",
        &expect![[r#"
            open -> Done
            append 1 1 -> from 1 at 0s
            close -> Closed
            advance 1s
            close -> Closed
            append 1 -> NoMoreAppends
            read 1 n=1 -> 1..2 of 1..3, horizon -86399s
            read 2 -> 2..3, the end of 1..3, horizon -86399s
            read 3 -> 3..3, the end of 1..3, horizon -86399s
            describe -> shard 2, 1..3, 2 records, 2 bytes, last 0s, closed 0s, retention 24h
            tally -> [2, 2, 0]
            restart
            describe -> shard 2, 1..3, 2 records, 2 bytes, last 0s, closed 0s, retention 24h
            records -> 4
        "#]],
    );
}

#[test]
fn what_outlived_its_retention_goes_from_the_front() {
    check(
        "open 24h; append 60 60; advance 1h; append 60; advance 22h; append 60; expiry; read 1; advance 1h; read 1; \
         advance 1ms; read 1; expiry; advance 2h; describe; expiry; advance 30h; describe; read 1; expiry; append 5; describe",
        &expect![[r#"
            open 24h -> Done
            append 60 60 -> from 1 at 0s
            advance 1h
            append 60 -> from 3 at 3600s
            advance 22h
            append 60 -> from 4 at 82800s
            expiry -> 86400.001s
            read 1 -> 1..5 of 1..5, horizon -3600s
            advance 1h
            read 1 -> 1..5 of 1..5, horizon 0s
            advance 1ms
            read 1 -> 3..5 of 3..5, horizon 0.001s
            expiry -> 90000.001s
            advance 2h
            describe -> shard 2, 4..5, 1 records, 60 bytes, last 82800s, closed never, retention 24h
            expiry -> 169200.001s
            advance 30h
            describe -> shard 2, 5..5, 0 records, 0 bytes, last 82800s, closed never, retention 24h
            read 1 -> 5..5, nothing yet of 5..5, horizon 115200.001s
            expiry -> never
            append 5 -> from 5 at 201600.001s
            describe -> shard 2, 5..6, 1 records, 5 bytes, last 201600.001s, closed never, retention 24h
        "#]],
    );
}

#[test]
fn a_longer_retention_brings_nothing_back() {
    check(
        "open 24h; append 60 60; advance 1h; append 60 60; advance 24h; retention 168h; read 1; restart; read 1; restore; \
         read 1; advance 23h; read 1; advance 200h; read 1",
        &expect![[r#"
            open 24h -> Done
            append 60 60 -> from 1 at 0s
            advance 1h
            append 60 60 -> from 3 at 3600s
            advance 24h
            retention 168h -> Done
            read 1 -> 3..5 of 3..5, horizon 3600s
            restart
            read 1 -> 3..5 of 3..5, horizon 3600s
            restore
            read 1 -> 3..5 of 3..5, horizon 3600s
            advance 23h
            read 1 -> 3..5 of 3..5, horizon 3600s
            advance 200h
            read 1 -> 5..5, nothing yet of 5..5, horizon 288000s
        "#]],
    );
}

#[test]
fn a_shorter_retention_reaches_what_is_there_and_a_longer_one_after_it_does_not_undo_that() {
    check(
        "open 168h; append 60 60; advance 47h; append 60 60; advance 1h; retention 24h; read 1; retention 168h; read 1; restart; \
         read 1",
        &expect![[r#"
            open 168h -> Done
            append 60 60 -> from 1 at 0s
            advance 47h
            append 60 60 -> from 3 at 169200s
            advance 1h
            retention 24h -> Done
            read 1 -> 3..5 of 3..5, horizon 86400s
            retention 168h -> Done
            read 1 -> 3..5 of 3..5, horizon 86400s
            restart
            read 1 -> 3..5 of 3..5, horizon 86400s
        "#]],
    );
}

#[test]
fn what_expired_in_part_is_told_by_the_horizon() {
    // Three records in one run: it goes with the last of them.
    check(
        "open 24h; append 1; advance 20m; append 1; advance 20m; append 1; advance 23h; advance 30m; read 1; advance 31m; read 1",
        &expect![[r#"
            open 24h -> Done
            append 1 -> from 1 at 0s
            advance 20m
            append 1 -> from 2 at 1200s
            advance 20m
            append 1 -> from 3 at 2400s
            advance 23h
            advance 30m
            read 1 -> 1..4 of 1..4, horizon 600s
            advance 31m
            read 1 -> 4..4, nothing yet of 4..4, horizon 2460s
        "#]],
    );
    assert_eq!(24 * 60 / RUNS_PER_RETENTION, 90, "the minutes that a run may last");
}

#[test]
fn a_moment_is_sought_by_the_run_it_is_in() {
    check(
        "open; seek 0s; append 60 60; advance 10s; append 60 60; advance 10s; append 60 60; seek 0s; seek 1s; seek 10s; seek 11s; \
         seek 20s; seek 21s; seek 99h",
        &expect![[r#"
            open -> Done
            seek 0s -> Seeked(1)
            append 60 60 -> from 1 at 0s
            advance 10s
            append 60 60 -> from 3 at 10s
            advance 10s
            append 60 60 -> from 5 at 20s
            seek 0s -> Seeked(1)
            seek 1s -> Seeked(3)
            seek 10s -> Seeked(3)
            seek 11s -> Seeked(5)
            seek 20s -> Seeked(5)
            seek 21s -> Seeked(7)
            seek 99h -> Seeked(7)
        "#]],
    );
}

#[test]
fn whatever_readers_can_see_stirs_all_of_them() {
    check(
        "stirred; open; stirred; append 1 1; stirred; stirred; read 1; retention 48h; advance 60h; read 1; stirred; append; stirred; \
         close; stirred; close; stirred; delete; stirred",
        &expect![[r#"
            stirred -> Nothing
            open -> Done
            stirred -> Nothing
            append 1 1 -> from 1 at 0s
            stirred -> Everyone
            stirred -> Nothing
            read 1 -> 1..3 of 1..3, horizon -86400s
            retention 48h -> Done
            advance 60h
            read 1 -> 3..3, nothing yet of 3..3, horizon 43200s
            stirred -> Nothing
            append -> from 3 at 216000s
            stirred -> Nothing
            close -> Closed
            stirred -> Everyone
            close -> Closed
            stirred -> Nothing
            delete -> Done
            stirred -> Everyone
        "#]],
    );
}

#[test]
fn a_closed_shard_stays_when_its_last_record_has_gone() {
    check(
        "open 24h; append 1; close; advance 48h; describe; read 1; read 2; append 1; restart; read 2; restore; read 2; delete; describe",
        &expect![[r#"
            open 24h -> Done
            append 1 -> from 1 at 0s
            close -> Closed
            advance 48h
            describe -> shard 2, 2..2, 0 records, 0 bytes, last 0s, closed 0s, retention 24h
            read 1 -> 2..2, the end of 2..2, horizon 86400s
            read 2 -> 2..2, the end of 2..2, horizon 86400s
            append 1 -> NoMoreAppends
            restart
            read 2 -> 2..2, the end of 2..2, horizon 86400s
            restore
            read 2 -> 2..2, the end of 2..2, horizon 86400s
            delete -> Done
            describe -> Gone
        "#]],
    );
}

#[test]
fn what_is_held_is_what_stands_between_the_ends() {
    let mut script = Script { shard: Shard::unborn(), now: BEGIN, journal: Vec::new() };
    ["open", "append 60 60 60", "advance 24h", "advance 24h", "append 60 60"].into_iter().for_each(|line| {
        script.step(&line.split(' ').collect::<Vec<_>>());
    });
    let shard = &script.shard;
    assert_eq!(
        (shard.first_held(), shard.holds(3), shard.holds(4), shard.holds(5), shard.holds(6)),
        (4, false, true, true, false)
    );
    assert_eq!([0..4, 0..5, 4..6, 5..99, 6..99, 7..7].map(|range| shard.held_within(range)), [0, 1, 2, 1, 0, 0]);
    script.step(&["delete"]);
    let shard = &script.shard;
    assert_eq!(
        (shard.first_held(), shard.holds(4), shard.held_within(0..9), shard.is_over()),
        (u64::MAX, false, 0, true)
    );
}

#[test]
fn the_bytes_of_a_snapshot_stay_as_they_are() {
    let mut script = Script { shard: Shard::unborn(), now: BEGIN, journal: Vec::new() };
    ["open", "append 60 60 1", "advance 1500ms", "append 60"].into_iter().for_each(|line| {
        script.step(&line.split(' ').collect::<Vec<_>>());
    });
    let hex = |shard: &Shard| {
        let mut bytes = Vec::new();
        shard.snapshot(&mut bytes);
        bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    };
    let open = hex(&script.shard);
    script.step(&["close"]);
    let closed = hex(&script.shard);
    expect![[r#"
        070707070707070707070707070707070200000080d095ffbc3180b89929dca3fcd5bc3104dcdb95ffbc310000030180d095ffbc313c0001003d0002dc0b3c00
        070707070707070707070707070707070200000080d095ffbc3180b89929dca3fcd5bc3104dcdb95ffbc3101dcdb95ffbc3100030180d095ffbc313c0001003d0002dc0b3c00
    "#]].assert_eq(&format!("{open}\n{closed}\n"));
}

#[test]
fn what_is_no_snapshot_is_refused() {
    let mut script = Script { shard: Shard::unborn(), now: BEGIN, journal: Vec::new() };
    ["open", "append 60 60 1", "advance 1500ms", "append 60"].into_iter().for_each(|line| {
        script.step(&line.split(' ').collect::<Vec<_>>());
    });
    let mut bytes = Vec::new();
    script.shard.snapshot(&mut bytes);
    assert!(Shard::restore(1, &bytes).is_ok());
    assert!(Shard::restore(2, &bytes).is_err());
    (0..bytes.len()).for_each(|length| assert!(Shard::restore(1, &bytes[..length]).is_err(), "{length} bytes"));
    assert!(Shard::restore(1, &[&bytes[..], &[0]].concat()).is_err());
    for (place, byte) in (0..bytes.len()).flat_map(|place| [0, 1, 0x7f, 0xff].map(|byte| (place, byte))) {
        let mut wrong = bytes.clone();
        wrong[place] = byte;
        if let Ok(shard) = Shard::restore(1, &wrong) {
            let mut again = Vec::new();
            shard.snapshot(&mut again);
            assert_eq!(again, wrong, "byte {place} as {byte}");
        }
    }
}
