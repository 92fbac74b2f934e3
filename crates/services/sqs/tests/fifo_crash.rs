//! The oracle of FIFO queues, against the whole service on a simulated disk: the power is cut between two requests or in the
//! middle of a commit, and neither then nor before is a promise broken that was answered.
//!
//! - Every acknowledged message is received, each group's in the order in which they were sent, and no acknowledged delete comes
//!   back.
//! - A group is locked as long as the receive that was answered said, over a crash too.
//! - Of one deduplication id no second message is accepted within five minutes, and the second sender is told of the first.
//!
//! `TIDEWIRE_SEEDS` says how many histories are tried, `TIDEWIRE_SEED` names one of them.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

mod histories;
mod house;

use engine::{Clock, ManualClock};
use histories::{Waiting, cut_power, try_seeds};
use house::House;
use names::Instant;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const QUEUE: &str = "q.fifo";
const DEDUP_MILLIS: u64 = 300_000;
const TIMEOUT_SECS: u64 = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    MaybeSent,
    Sent,
    MaybeDeleted,
    /// Deleted, or never there because it was a duplicate.
    Gone,
}

#[derive(Debug)]
struct Message {
    group: u64,
    dedup: u64,
    sent_at: Instant,
    known: Known,
    /// The step at which it was known to be there.
    since: u64,
    /// Until when an answered receive hides it.
    hidden_until: Instant,
}

#[derive(Debug, Clone)]
enum Intent {
    Send { body: u64, dedup: u64, at: Instant },
    Receive { step: u64, at: Instant },
    Delete(u64),
}

struct History {
    chance: fastrand::Rng,
    house: House,
    /// By body, which is the order of sending.
    messages: BTreeMap<u64, Message>,
    handles: BTreeMap<u64, String>,
    /// Bodies by message id, and when and as what an id was sent first.
    bodies: BTreeMap<String, u64>,
    firsts: BTreeMap<u64, (Instant, String)>,
    waiting: Waiting<Intent>,
    step: u64,
}

impl History {
    fn run(seed: u64) {
        let house = House::new();
        let attributes = json!({"FifoQueue": "true", "VisibilityTimeout": TIMEOUT_SECS.to_string()});
        house.ask("CreateQueue", &json!({"QueueName": QUEUE, "Attributes": attributes})).unwrap();
        let mut history = Self {
            chance: fastrand::Rng::with_seed(seed),
            house,
            messages: BTreeMap::new(),
            handles: BTreeMap::new(),
            bodies: BTreeMap::new(),
            firsts: BTreeMap::new(),
            waiting: Waiting::new(),
            step: 0,
        };
        for _ in 0..history.chance.usize(1..5) {
            for _ in 0..history.chance.usize(1..60) {
                history.step();
            }
            history = history.crash();
            history.check();
        }
    }

    fn now(&self) -> Instant {
        Clock::now(&*self.house.clock)
    }

    fn step(&mut self) {
        self.step += 1;
        match self.chance.u32(..24) {
            0..=7 => self.send(),
            8..=12 => self.receive(),
            13..=16 => self.delete(),
            17 => self.house.clock.advance_millis(self.chance.u64(..30_000)),
            18 if self.chance.u8(..4) == 0 => self.house.clock.advance_millis(DEDUP_MILLIS),
            19 => {
                self.house.store.tend().unwrap();
                self.house.store.checkpoint().unwrap();
                self.listen();
            }
            _ => {
                self.house.store.journal().commit().expect("the disk works");
                self.listen();
            }
        }
    }

    fn begin(&mut self, operation: &str, input: &Value, intent: Intent) {
        let asked = self.house.begin(operation, input);
        self.waiting.push(asked, intent);
        self.listen();
    }

    fn send(&mut self) {
        let body = self.messages.len() as u64;
        let (group, dedup) = (self.chance.u64(..4), self.chance.u64(..30));
        let (sent_at, hidden_until) = (self.now(), Instant::EPOCH);
        let message = Message { group, dedup, sent_at, known: Known::MaybeSent, since: u64::MAX, hidden_until };
        self.messages.insert(body, message);
        let input = json!({"QueueUrl": QUEUE, "MessageBody": body.to_string(), "MessageGroupId": group.to_string(),
                           "MessageDeduplicationId": dedup.to_string()});
        self.begin("SendMessage", &input, Intent::Send { body, dedup, at: self.now() });
    }

    fn receive(&mut self) {
        let input = json!({"QueueUrl": QUEUE, "MaxNumberOfMessages": self.chance.u32(1..11)});
        self.begin("ReceiveMessage", &input, Intent::Receive { step: self.step, at: self.now() });
    }

    fn delete(&mut self) {
        let Some((&body, _)) = self.handles.iter().nth(self.chance.usize(..self.handles.len().max(1))) else { return };
        let handle = self.handles.remove(&body).unwrap();
        if self.messages[&body].hidden_until <= self.now() {
            return;
        }
        self.messages.get_mut(&body).unwrap().known = Known::MaybeDeleted;
        self.begin("DeleteMessage", &json!({"QueueUrl": QUEUE, "ReceiptHandle": handle}), Intent::Delete(body));
    }

    fn listen(&mut self) {
        for (intent, answer) in self.waiting.take_answers() {
            self.learn(&intent, &answer);
        }
    }

    fn learn(&mut self, intent: &Intent, answer: &Value) {
        match *intent {
            Intent::Send { body, dedup, at } => self.sent(body, dedup, at, answer["MessageId"].as_str().unwrap()),
            Intent::Delete(body) => self.messages.get_mut(&body).unwrap().known = Known::Gone,
            Intent::Receive { step, at } => self.received(step, at, answer),
        }
    }

    fn sent(&mut self, body: u64, dedup: u64, at: Instant, id: &str) {
        if self.bodies.get(id) == Some(&body) {
            // Received before its own answer came.
            return;
        }
        let before = self.firsts.get(&dedup).filter(|(first, _)| at < first.plus_millis(DEDUP_MILLIS));
        if let Some((_, first)) = before {
            assert_eq!(first, id, "a second message of one deduplication id was accepted");
            self.messages.get_mut(&body).unwrap().known = Known::Gone;
            return;
        }
        assert!(!self.bodies.contains_key(id), "a message was called a duplicate that was none");
        self.is_there(body, id);
    }

    /// A message is known to have been accepted.
    fn is_there(&mut self, body: u64, id: &str) {
        let message = self.messages.get_mut(&body).unwrap();
        self.bodies.insert(id.to_string(), body);
        self.firsts.insert(message.dedup, (message.sent_at, id.to_string()));
        if message.known == Known::MaybeSent {
            (message.known, message.since) = (Known::Sent, self.step);
        }
    }

    fn received(&mut self, step: u64, at: Instant, answer: &Value) {
        let mut before: BTreeSet<u64> = BTreeSet::new();
        for message in answer["Messages"].as_array().into_iter().flatten() {
            let body: u64 = message["Body"].as_str().unwrap().parse().unwrap();
            let group = self.messages[&body].group;
            for (earlier, other) in self.messages.range(..body).filter(|(_, other)| other.group == group) {
                let is_there = other.known == Known::Sent && other.since < step;
                assert!(!is_there || before.contains(earlier), "{body} came before {earlier} of its group");
            }
            let known = self.messages[&body].known;
            assert_ne!(known, Known::Gone, "a deleted message or a duplicate is handed out");
            assert!(self.messages[&body].hidden_until <= at || known == Known::MaybeDeleted, "a lock was broken");
            if self.messages[&body].known == Known::MaybeSent {
                self.is_there(body, message["MessageId"].as_str().unwrap());
            }
            self.handles.insert(body, message["ReceiptHandle"].as_str().unwrap().to_string());
            self.messages.get_mut(&body).unwrap().hidden_until = at.plus_millis(TIMEOUT_SECS * 1000);
            before.insert(body);
        }
    }

    fn crash(mut self) -> Self {
        let disk = cut_power(&self.house, &mut self.chance);
        self.waiting.clear();
        let clock = Arc::new(ManualClock::at(self.now()));
        self.house = House::open(Arc::new(disk), clock);
        self
    }

    fn ask_receive(&mut self) -> bool {
        self.step += 1;
        let (step, at) = (self.step, self.now());
        let answer = self.house.ask("ReceiveMessage", &json!({"QueueUrl": QUEUE, "MaxNumberOfMessages": 10})).unwrap();
        self.received(step, at, &answer);
        answer["Messages"].is_array()
    }

    /// Locks hold over the crash; then everything is received in order and deleted, and compared with what is known.
    fn check(&mut self) {
        while self.ask_receive() {}
        self.house.clock.advance_millis(TIMEOUT_SECS * 1000);
        let mut found = BTreeSet::new();
        self.handles.clear();
        while self.ask_receive() {
            for (body, handle) in std::mem::take(&mut self.handles) {
                assert!(found.insert(body), "a deleted message is there again");
                self.messages.get_mut(&body).unwrap().known = Known::Gone;
                self.house.ask("DeleteMessage", &json!({"QueueUrl": QUEUE, "ReceiptHandle": handle})).unwrap();
            }
        }
        for (body, message) in &mut self.messages {
            assert!(message.known != Known::Sent || found.contains(body), "an acknowledged message is lost: {body}");
            message.known = Known::Gone;
        }
    }
}

#[test]
fn a_power_cut_breaks_no_order_no_lock_and_no_deduplication() {
    try_seeds("fifo_crash", 600, History::run);
}
