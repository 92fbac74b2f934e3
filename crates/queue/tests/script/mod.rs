//! A small language in which a test tells a queue what happens, and reads what it answers.
//!
//! Statements are separated by `;` or line ends; the answer to each is one line:
//!
//! ```text
//! send a b delay=5s             messages named a and b, in one command
//! advance 5s | back 5s          the clock (units ms, s, m, h, d)
//! receive max=10 visibility=0s  -> a#1 b#1 (name#receive, a star if its id is another than it was sent with, then how long ago it was sent and first received)
//! putback                       the latest receive came to nothing
//! delete a#1 b#2                handles; ghost#1 was never sent
//! visibility a#1=30s b#1=0s
//! configure retention=60s visibility=5s delay=0s backoff=2,150,60 (base and most in seconds, factor in hundredths)
//! configure dead=3                what was received three times goes to another queue (dead=0: nothing does)
//! away a b                      sends messages to another queue, as far as they are movable
//! movable max=9 below=7         -> a b
//! outgoing                      -> from number 0: a b
//! taken 2 | gone | unreadable 0 what became of those: the numbers below 2 are there; no such queue; 0 is damaged
//! arrive first=0 age=5s a:2 b:0 dead letters from another queue, received so often (moved=yes: moved ones, replayed=yes: copies)
//! configure keep=10s            how long deleted messages are kept (keep=0s: not at all)
//! configure park=3              after how many receives of its first message a group stands still
//! replay from=1h to=5m only=deleted   copies of what was sent from an hour until five minutes ago go to another queue
//! replay cancel                 ends that
//! parcels                       what the next batch brings: names, and - for what was sent at another time
//! unpark x by=release           group x goes on (by=first: without its first message, by=all: without any); * is every group
//! purge | count | ready | deadline | records | replay
//! fifo                          from now on it is a FIFO queue, and messages may have a group and a dedup id:
//! send a@x!1 b@y                a in group x with the id 1, b in group y
//! send c@x!2~1                  c, with the id 2, which was 1 by a rule that held lately
//! receive again=one             a receive with a name
//! quiet                         what came before is not shown
//! keep                          what the queue knows of groups is kept from one statement to the next
//! ```
//! `records` tells how many have been journaled. `replay` puts a queue in place that was built from the encoded records
//! alone. At the end of every script that is done once more, and the counts have to be the same. After every statement
//! the queue is replaced by one that was restored from its snapshot, which must make no difference.

#![allow(clippy::unwrap_used, reason = "a script that cannot be read is a wrong test, and the panic says where")]
#![allow(clippy::needless_pass_by_value, reason = "expect![..] is written in place")]

use bytes::Bytes;
use engine::{Arrival, Durability, Effect as _, Machine};
use names::{Instant, PartitionId, Position};
use queue::{
    Backoff, Command, Counts, DeadLetters, Delivery, Effect, Handle, Labels, Message, MessageId, NewMessage, Queue,
    ReplayOrder, ReplayProgress, Reply, Settings, Unpark,
};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::num::NonZeroU32;

/// Where messages go, and where they come from.
const ELSEWHERE: PartitionId = PartitionId::new(77);
const START: Instant = Instant::from_millis(1_700_000_000_000);
const SETTINGS: Settings = Settings::plain(4 * 24 * 3_600_000, 30_000, 0);

/// Runs the script and compares its transcript.
pub(crate) fn check(script: &str, expected: expect_test::Expect) {
    let mut stage = Stage::new();
    let mut transcript = String::new();
    for statement in script.split([';', '\n']).map(str::trim).filter(|statement| !statement.is_empty()) {
        match stage.run(statement) {
            _ if statement == "quiet" => transcript.clear(),
            Some(answer) => writeln!(transcript, "{statement} -> {answer}").unwrap(),
            None => writeln!(transcript, "{statement}").unwrap(),
        }
        if !stage.keeps {
            stage.restore();
        }
    }
    expected.assert_eq(&transcript);
    assert_eq!(stage.replayed().counts(), stage.queue.counts(), "a replay of the records counts otherwise");
}

struct Stage {
    queue: Queue,
    now: Instant,
    settings: Settings,
    sequences: BTreeMap<String, u64>,
    contents: BTreeMap<u64, Message>,
    records: Vec<(u8, u8, Vec<u8>)>,
    keeps: bool,
    /// What the latest receive gave.
    deliveries: Vec<Delivery>,
}

impl Stage {
    fn new() -> Self {
        Self {
            queue: Queue::new(SETTINGS),
            now: START,
            settings: SETTINGS,
            sequences: BTreeMap::new(),
            contents: BTreeMap::new(),
            records: Vec::new(),
            keeps: false,
            deliveries: Vec::new(),
        }
    }

    fn run(&mut self, statement: &str) -> Option<String> {
        let (verb, rest) = statement.split_once(' ').unwrap_or((statement, ""));
        let words: Vec<&str> = rest.split_whitespace().collect();
        match verb {
            "advance" | "back" => {
                let step = millis(words[0]);
                self.now = if verb == "back" { self.now.minus_millis(step) } else { self.now.plus_millis(step) };
                self.queue.advance(self.now);
                None
            }
            "replay" if rest.is_empty() => {
                self.queue = self.replayed();
                None
            }
            "parcels" => Some(self.parcels()),
            "quiet" => None,
            "keep" => {
                self.keeps = true;
                None
            }
            "outgoing" => Some(self.queue.outgoing(None).map_or("nothing".into(), |outgoing| {
                format!("from number {}: {}", outgoing.first, self.names(&outgoing.keys))
            })),
            "ready" => Some(self.queue.ready().to_string()),
            "records" => Some(self.records.len().to_string()),
            "deadline" => Some(match self.queue.next_deadline() {
                Some(at) => format!("in {:?}", at.since(self.now)),
                None => "none".into(),
            }),
            _ => Some(self.command(verb, &words)),
        }
    }

    fn command(&mut self, verb: &str, words: &[&str]) -> String {
        let (options, plain): (Vec<&str>, Vec<&str>) =
            words.iter().partition(|word| word.contains('=') && !word.contains('#'));
        let option = |name: &str| options.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let command = match verb {
            "send" => Command::Send(plain.iter().map(|name| self.message(name, option("delay").map(millis))).collect()),
            "receive" => {
                let max = option("max").map_or(1, |max| max.parse().unwrap());
                let visibility_millis = option("visibility").map(millis);
                match option("again") {
                    None => Command::Receive { max, visibility_millis },
                    Some(name) => Command::ReceiveAgain { attempt: id_of(name).0, max, visibility_millis },
                }
            }
            "fifo" => {
                self.settings.is_fifo = true;
                Command::Configure(self.settings)
            }
            "delete" => Command::Delete(plain.iter().map(|word| self.handle(word)).collect()),
            "visibility" => Command::ChangeVisibility(plain.iter().map(|word| self.change(word)).collect()),
            "configure" => Command::Configure(self.configured(option)),
            "purge" => Command::Purge,
            "putback" => Command::PutBack(std::mem::take(&mut self.deliveries)),
            "replay" if plain == ["cancel"] => Command::EndReplay,
            "replay" => Command::Replay(ReplayOrder {
                destination: ELSEWHERE,
                from: option("from").map_or(Instant::EPOCH, |ago| self.now.minus_millis(millis(ago))),
                to: option("to").map_or(Instant::FAR_FUTURE, |ago| self.now.minus_millis(millis(ago))),
                only_deleted: option("only").is_some(),
            }),
            "unpark" => Command::Unpark {
                group: (plain[0] != "*").then(|| group_hash(plain[0])),
                how: match option("by") {
                    Some("first") => Unpark::DropFirst,
                    Some("all") => Unpark::DropAll,
                    _ => Unpark::Release,
                },
            },
            "count" => Command::Count,
            "movable" => {
                let number = |name, default| option(name).map_or(default, |number| number.parse().unwrap());
                Command::Movable { below: number("below", u64::MAX), max: number("max", 10) as usize }
            }
            "away" => Command::SendAway {
                destination: ELSEWHERE,
                sequences: plain.iter().map(|name| self.sequences[*name]).collect(),
            },
            "taken" => {
                let below = plain[0].parse().unwrap();
                Command::Conclude(engine::Delivery::Taken { destination: ELSEWHERE, below })
            }
            "gone" => Command::Conclude(engine::Delivery::Gone { destination: ELSEWHERE }),
            "unreadable" => {
                let number = plain[0].parse().unwrap();
                Command::Conclude(engine::Delivery::Unreadable { destination: ELSEWHERE, number })
            }
            "arrive" => Command::Arrive(Arrival {
                origin: ELSEWHERE,
                first: option("first").map_or(0, |first| first.parse().unwrap()),
                parcels: plain.iter().map(|letter| self.parcel(letter, option)).collect(),
            }),
            _ => panic!("{verb} is no statement"),
        };
        self.execute(command)
    }

    fn execute(&mut self, command: Command) -> String {
        self.queue.advance(self.now);
        while let Some(keys) = Machine::wants(&self.queue, &command) {
            keys.for_each(|key| Machine::learn(&mut self.queue, key, self.contents.get(&key)));
        }
        let decision = Machine::decide(&self.queue, self.now, command);
        let lazy = decision.durability == Durability::Lazy;
        let receives = decision.effects.iter().all(|effect| matches!(effect, Effect::Leased { .. }));
        let may_be_lost = receives && !decision.effects.is_empty() && !self.settings.is_fifo;
        assert_eq!(lazy, may_be_lost, "only the leases of a standard queue may be taken back by a crash");
        for effect in decision.effects {
            let mut payload = Vec::new();
            effect.encode(&mut payload);
            self.records.push((effect.kind(), effect.version(), payload));
            self.apply(effect);
        }
        self.show(decision.reply, &decision.reads)
    }

    /// Applies an effect and keeps contents as the engine would.
    fn apply(&mut self, effect: Effect) {
        let mut gone = Vec::new();
        Machine::apply(&mut self.queue, Position::ZERO, &effect, &mut gone);
        self.contents.extend(Queue::content(effect));
        for sequence in gone {
            assert!(self.contents.remove(&sequence).is_some(), "a message is gone twice");
        }
    }

    fn restore(&mut self) {
        let mut state = Vec::new();
        self.queue.snapshot(&mut state);
        let restored = Queue::restore(Queue::SNAPSHOT_VERSION, &state).unwrap();
        assert_eq!(restored, self.queue);
        self.queue = restored;
    }

    fn replayed(&self) -> Queue {
        let mut queue = Queue::new(SETTINGS);
        for (kind, version, payload) in &self.records {
            let effect = Effect::decode(*kind, *version, payload).unwrap();
            Machine::apply(&mut queue, Position::ZERO, &effect, &mut Vec::new());
        }
        Machine::advance(&mut queue, self.now);
        queue
    }

    fn message(&self, word: &str, delay_millis: Option<u64>) -> NewMessage {
        let (rest, dedup) = word.split_once('!').map_or((word, None), |(rest, dedup)| (rest, Some(dedup)));
        let (dedup, earlier) =
            dedup.and_then(|dedup| dedup.split_once('~')).map_or((dedup, None), |(new, old)| (Some(new), Some(old)));
        let (name, group) = rest.split_once('@').map_or((rest, None), |(name, group)| (name, Some(group)));
        let labels = Labels { group: group.map(group_hash), dedup: dedup.map(|dedup| id_of(dedup).0) };
        let mut bytes = format!("{name}p").into_bytes();
        let labelled = labels.append_to(&mut bytes);
        let bytes = Bytes::from(bytes);
        let earlier_dedup = earlier.map(|dedup| id_of(dedup).0);
        NewMessage { id: id_of(name), body_bytes: name.len() as u32, bytes, delay_millis, labelled, earlier_dedup }
    }

    /// What another queue sends of a message, `name:receives`.
    fn parcel<'a>(&self, letter: &str, option: impl Fn(&str) -> Option<&'a str>) -> Vec<u8> {
        let (name, receives) = letter.split_once(':').unwrap();
        let receives: u32 = receives.parse().unwrap();
        let (sent, is_moved) = (self.now.minus_millis(option("age").map_or(0, millis)), option("moved").is_some());
        let is_replayed = option("replayed").is_some();
        let dead_letters = Some(DeadLetters { max_receives: receives, destination: PartitionId::new(1) });
        let mut origin = Queue::new(Settings { dead_letters, ..SETTINGS });
        let mut contents = BTreeMap::new();
        let mut run = |now, command| {
            for effect in Machine::decide(&origin, now, command).effects {
                Machine::apply(&mut origin, Position::ZERO, &effect, &mut Vec::new());
                contents.extend(Queue::content(effect));
            }
        };
        run(sent, Command::Send(vec![self.message(name, None)]));
        for _ in 0..receives {
            run(sent, Command::Receive { max: 1, visibility_millis: Some(0) });
        }
        match is_moved {
            _ if is_replayed => run(
                sent,
                Command::Replay(ReplayOrder {
                    destination: PartitionId::new(1),
                    from: Instant::EPOCH,
                    to: Instant::FAR_FUTURE,
                    only_deleted: false,
                }),
            ),
            true => run(sent, Command::SendAway { destination: PartitionId::new(1), sequences: vec![1] }),
            // What was never received is a dead letter of a queue that allows no receive at all.
            false => run(sent, Command::Receive { max: 1, visibility_millis: Some(0) }),
        }
        origin.parcel(PartitionId::new(1), 0, 1, contents.remove(&1).unwrap())
    }

    /// What the courier would bring next.
    fn parcels(&self) -> String {
        let Some(outgoing) = self.queue.outgoing(None) else { return "nothing".into() };
        let numbered = (outgoing.first..).zip(&outgoing.keys);
        let shown = numbered.map(|(number, key)| {
            let parcel = self.queue.parcel(outgoing.destination, number, *key, self.contents[key].clone());
            if parcel.len() == 2 { "-".to_string() } else { self.names(&[*key]) }
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    fn names(&self, sequences: &[u64]) -> String {
        let name = |sequence: &u64| self.sequences.iter().find(|(_, known)| *known == sequence).unwrap().0.clone();
        sequences.iter().map(name).collect::<Vec<_>>().join(" ")
    }

    fn handle(&self, word: &str) -> Handle {
        let (name, receive) = word.split_once('#').unwrap();
        let sequence = self.sequences.get(name).copied().unwrap_or(999);
        Handle { sequence, receive: receive.parse().unwrap() }
    }

    fn change(&self, word: &str) -> (Handle, u64) {
        let (handle, time) = word.split_once('=').unwrap();
        (self.handle(handle), millis(time))
    }

    fn configured<'a>(&mut self, option: impl Fn(&str) -> Option<&'a str>) -> Settings {
        let set = |name, field: &mut u64| *field = option(name).map_or(*field, millis);
        set("retention", &mut self.settings.retention_millis);
        set("visibility", &mut self.settings.visibility_millis);
        set("delay", &mut self.settings.delay_millis);
        if let Some(numbers) = option("backoff") {
            let numbers: Vec<u32> = numbers.split(',').map(|number| number.parse().unwrap()).collect();
            let base_secs = NonZeroU32::new(numbers[0]).unwrap();
            self.settings.backoff = Some(Backoff { base_secs, factor_hundredths: numbers[1], max_secs: numbers[2] });
        }
        if let Some(dead) = option("dead") {
            let max_receives = dead.parse().unwrap();
            let dead_letters = DeadLetters { max_receives, destination: ELSEWHERE };
            self.settings.dead_letters = (max_receives > 0).then_some(dead_letters);
        }
        if let Some(keep) = option("keep") {
            self.settings.keep_deleted_secs = (millis(keep) / 1000) as u32;
        }
        if let Some(park) = option("park") {
            self.settings.park_after = park.parse().unwrap();
        }
        self.settings
    }

    fn show(&mut self, reply: Reply, reads: &[u64]) -> String {
        match reply {
            Reply::Sent { first } => self.note_sent(first),
            Reply::Accepted(accepted) => {
                self.note_sent(0);
                let name =
                    |id: MessageId| String::from_utf8(id.0.iter().copied().take_while(|byte| *byte > 0).collect());
                let shown = accepted.iter().map(|one| format!("{}={}", name(one.id).unwrap(), one.sequence));
                shown.collect::<Vec<_>>().join(" ")
            }
            Reply::Received(deliveries) if deliveries.is_empty() => "nothing".into(),
            Reply::Received(deliveries) => {
                self.deliveries.clone_from(&deliveries);
                let sequences: Vec<_> = deliveries.iter().map(|delivery| delivery.sequence).collect();
                assert_eq!(sequences, reads, "each delivery has its content");
                deliveries.iter().map(|delivery| self.show_delivery(delivery)).collect::<Vec<_>>().join(" ")
            }
            Reply::Deleted(outcomes) => format!("{outcomes:?}"),
            Reply::VisibilityChanged(outcomes) => format!("{outcomes:?}"),
            Reply::Counted(counts) => self.show_counts(counts),
            Reply::Peeked { .. } => unreachable!("no statement peeks"),
            Reply::SentAway(sequences) => self.names(&sequences),
            Reply::Movable(sequences) => {
                assert_eq!(sequences, reads, "each message has its content");
                self.names(&sequences)
            }
            Reply::Arrived => self.note_sent(self.sequences.values().max().map_or(1, |last| last + 1)),
            Reply::Unparked(groups) => format!("{groups} groups"),
            Reply::OverLimit
            | Reply::Purged
            | Reply::PutBack
            | Reply::Configured
            | Reply::Concluded
            | Reply::Replaying
            | Reply::ReplayUnderWay => {
                format!("{reply:?}")
            }
        }
    }

    /// Reads the names back from the records, so that a message that was answered and not journaled has none.
    fn note_sent(&mut self, first: u64) -> String {
        let mut shown = format!("from {first}");
        for (kind, version, payload) in &self.records {
            let Ok(Effect::Sent { sequence, message, .. }) = Effect::decode(*kind, *version, payload) else { continue };
            if sequence >= first {
                let name = String::from_utf8(message.body().to_vec()).unwrap();
                write!(shown, " {name}={sequence}").unwrap();
                self.sequences.insert(name, sequence);
            }
        }
        shown
    }

    fn show_delivery(&self, delivery: &Delivery) -> String {
        let message = &self.contents[&delivery.sequence];
        let name = std::str::from_utf8(message.body()).unwrap();
        assert_eq!(&message.properties()[..], b"p", "{name} lost its properties");
        let is_new = if message.id == id_of(name) { "" } else { "*" };
        let mut shown = format!("{name}{is_new}#{}", delivery.receive);
        for (what, at) in [("sent", message.sent_at), ("first", delivery.first_received_at)] {
            if at < self.now {
                write!(shown, "({what} {:?} ago)", self.now.since(at)).unwrap();
            }
        }
        shown
    }

    fn show_counts(&self, counts: Counts) -> String {
        let Counts { visible, in_flight, delayed, oldest_sent_at, kept, parked_groups, replay } = counts;
        let oldest = oldest_sent_at.map_or("none".into(), |at| format!("{:?}", self.now.since(at)));
        let mut shown = format!("{visible} visible, {in_flight} in flight, {delayed} delayed, oldest {oldest}");
        for (number, what) in [(kept, "kept"), (parked_groups, "groups parked")] {
            if number > 0 {
                write!(shown, ", {number} {what}").unwrap();
            }
        }
        if let Some(ReplayProgress { state, examined, .. }) = replay {
            write!(shown, ", replay {state:?} {examined}").unwrap();
        }
        shown
    }
}

fn group_hash(group: &str) -> u64 {
    u64::from_le_bytes(*id_of(group).0.first_chunk().unwrap())
}

fn id_of(name: &str) -> MessageId {
    let mut id = [0; 16];
    id[..name.len()].copy_from_slice(name.as_bytes());
    MessageId(id)
}

fn millis(text: &str) -> u64 {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap();
    let unit = match &text[digits..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 24 * 3_600_000,
        unit => panic!("{unit} is no unit of time"),
    };
    text[..digits].parse::<u64>().unwrap() * unit
}
