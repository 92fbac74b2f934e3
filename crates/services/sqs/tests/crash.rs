//! The oracle, against the whole service on a simulated disk: after a power cut every acknowledged message is delivered,
//! no acknowledged delete or purge comes back, and nothing is invented. The power is cut between two requests, or in the
//! middle of a commit, at any of its writes and syncs.
//!
//! The third queue is relaxed at first and changes now and then. What was done while it was may be forgotten by a crash
//! until the next commit, and no longer; handles of forgotten messages are used in the next life like all others.
//!
//! `TIDEWIRE_SEEDS` says how many histories are tried, `TIDEWIRE_SEED` names one of them.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

mod histories;
mod house;

use engine::ManualClock;
use histories::{Waiting, cut_power, try_seeds};
use house::{Asked, House};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const QUEUES: [&str; 3] = ["a", "b", RELAXED];

/// The queue that need not wait for the disk.
const RELAXED: &str = "r";

/// What a client knows of each message body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Sent, and not answered: it may be there or not.
    MaybeSent,
    /// The send was acknowledged: it must be there.
    Sent,
    /// A delete was sent and not answered: it may be there or not.
    MaybeDeleted,
    /// The delete was acknowledged: it must not be there.
    Deleted,
}

/// One client's work on one house, and what it may expect of the disk.
struct History {
    chance: fastrand::Rng,
    house: House,
    known: BTreeMap<String, Known>,
    handles: BTreeMap<String, String>,
    waiting: Waiting<Intent>,
    /// What was done to since the last commit while its queue was relaxed: a crash may forget that, answered or not.
    loose: BTreeSet<String>,
    is_relaxed: bool,
    sent: usize,
}

/// What an answer will tell about.
enum Intent {
    Send(Vec<String>),
    Delete(Vec<String>),
    Receive,
    /// A change whose only trace is when a message becomes visible.
    Other,
}

impl History {
    fn run(seed: u64) {
        let mut history = Self {
            chance: fastrand::Rng::with_seed(seed),
            house: House::new(),
            known: BTreeMap::new(),
            handles: BTreeMap::new(),
            waiting: Waiting::new(),
            loose: BTreeSet::new(),
            is_relaxed: true,
            sent: 0,
        };
        for name in QUEUES {
            let durability = if name == RELAXED { "relaxed" } else { "durable" };
            let input = json!({"QueueName": name, "Attributes": {"TidewireDurability": durability}});
            history.house.ask("CreateQueue", &input).unwrap();
        }
        for _ in 0..history.chance.usize(1..5) {
            for _ in 0..history.chance.usize(1..40) {
                history.step();
            }
            history = history.crash();
            history.check();
        }
    }

    fn step(&mut self) {
        let queue = QUEUES[self.chance.usize(..QUEUES.len())];
        match self.chance.u32(..30) {
            0 => self.purge(queue),
            1 => self.change_visibility(queue),
            2 => self.set_attributes(queue),
            3 => self.keep_house(),
            4 => self.set_durability(),
            _ => self.usual_step(queue),
        }
    }

    fn usual_step(&mut self, queue: &str) {
        match self.chance.u32(..12) {
            0..=2 => self.send(queue, 1),
            3 => self.send(queue, 3),
            4..=5 => self.receive(queue),
            6..=7 => self.delete(queue),
            8 => self.house.clock.advance_millis(self.chance.u64(..20_000)),
            _ => {
                self.house.store.journal().commit().expect("the disk works");
                self.loose.clear();
                self.listen();
            }
        }
    }

    /// Begun is decided: from then on it is done to these messages, with or without the disk.
    fn touch(&mut self, bodies: &[String]) {
        if self.is_relaxed {
            self.loose.extend(bodies.iter().filter(|body| body.starts_with(RELAXED)).cloned());
        }
    }

    /// What is done after it follows the new durability, since it is decided at once.
    fn set_durability(&mut self) {
        self.is_relaxed = self.chance.bool();
        let durability = if self.is_relaxed { "relaxed" } else { "durable" };
        let input = json!({"QueueUrl": RELAXED, "Attributes": {"TidewireDurability": durability}});
        let asked = self.house.begin("SetQueueAttributes", &input);
        self.wait(asked, Intent::Other);
    }

    fn send(&mut self, queue: &str, count: usize) {
        let size = if self.chance.u8(..10) == 0 { 9_000 } else { 40 };
        let bodies: Vec<String> =
            (0..count).map(|n| format!("{queue}-{}-{}", self.sent + n, "x".repeat(size))).collect();
        self.sent += count;
        let entries: Vec<Value> =
            bodies.iter().enumerate().map(|(n, body)| json!({"Id": n.to_string(), "MessageBody": body})).collect();
        let asked = match count {
            1 => {
                let delay = self.chance.u32(..2) * self.chance.u32(..20);
                let input = json!({"QueueUrl": queue, "MessageBody": bodies[0], "DelaySeconds": delay});
                self.house.begin("SendMessage", &input)
            }
            _ => self.house.begin("SendMessageBatch", &json!({"QueueUrl": queue, "Entries": entries})),
        };
        self.known.extend(bodies.iter().map(|body| (body.clone(), Known::MaybeSent)));
        self.touch(&bodies);
        self.wait(asked, Intent::Send(bodies));
    }

    fn receive(&mut self, queue: &str) {
        let asked = self.house.begin(
            "ReceiveMessage",
            &json!({"QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": self.chance.u32(..30)}),
        );
        self.wait(asked, Intent::Receive);
    }

    fn delete(&mut self, queue: &str) {
        let mine: Vec<(String, String)> = self
            .handles
            .iter()
            .filter(|(body, _)| body.starts_with(queue))
            .take(self.chance.usize(1..4))
            .map(|(body, handle)| (body.clone(), handle.clone()))
            .collect();
        let Some((first, handle)) = mine.first() else { return };
        let entries: Vec<Value> = mine
            .iter()
            .enumerate()
            .map(|(n, (_, handle))| json!({"Id": n.to_string(), "ReceiptHandle": handle}))
            .collect();
        let (asked, bodies) = match self.chance.bool() {
            true => (
                self.house.begin("DeleteMessage", &json!({"QueueUrl": queue, "ReceiptHandle": handle})),
                vec![first.clone()],
            ),
            false => (
                self.house.begin("DeleteMessageBatch", &json!({"QueueUrl": queue, "Entries": entries})),
                mine.iter().map(|(body, _)| body.clone()).collect(),
            ),
        };
        for body in &bodies {
            self.handles.remove(body);
            if self.known[body] != Known::Deleted {
                self.known.insert(body.clone(), Known::MaybeDeleted);
                self.touch(std::slice::from_ref(body));
            }
        }
        self.wait(asked, Intent::Delete(bodies));
    }

    /// From the moment it is decided a purge takes everything the queue holds, acknowledged or not.
    fn purge(&mut self, queue: &str) {
        let asked = self.house.begin("PurgeQueue", &json!({"QueueUrl": queue}));
        let there = |(body, known): &(&String, &Known)| body.starts_with(queue) && **known != Known::Deleted;
        let bodies: Vec<String> = self.known.iter().filter(there).map(|(body, _)| body.clone()).collect();
        self.known.extend(bodies.iter().map(|body| (body.clone(), Known::MaybeDeleted)));
        self.touch(&bodies);
        self.wait(asked, Intent::Delete(bodies));
    }

    fn change_visibility(&mut self, queue: &str) {
        let Some((_, handle)) = self.handles.iter().find(|(body, _)| body.starts_with(queue)) else { return };
        let secs = self.chance.u32(..20);
        let entries = json!([{"Id": "1", "ReceiptHandle": handle, "VisibilityTimeout": secs}]);
        let input = json!({"QueueUrl": queue, "Entries": entries});
        let asked = self.house.begin("ChangeMessageVisibilityBatch", &input);
        self.wait(asked, Intent::Other);
    }

    fn set_attributes(&mut self, queue: &str) {
        let attributes = json!({"VisibilityTimeout": self.chance.u32(..20).to_string()});
        let input = json!({"QueueUrl": queue, "Attributes": attributes});
        let asked = self.house.begin("SetQueueAttributes", &input);
        self.wait(asked, Intent::Other);
    }

    /// A checkpoint in place of the records before it, and the log shortened if a file of it is full; or queues that nobody
    /// uses are put away.
    fn keep_house(&mut self) {
        let kept = match self.chance.u8(..3) {
            0 => self.house.store.checkpoint(),
            1 => self.house.store.tend().map(drop),
            // Twice each: the first time tells who is used.
            _ => {
                (0..2).for_each(|_| self.house.sqs.sweep());
                (0..2).for_each(|_| {
                    self.house.store.put_away();
                });
                Ok(())
            }
        };
        kept.expect("the disk works");
        self.listen();
    }

    /// Lets the operation begin at once, as a task would.
    fn wait(&mut self, asked: Asked, intent: Intent) {
        self.waiting.push(asked, intent);
        self.listen();
    }

    /// Takes the answers that are there.
    fn listen(&mut self) {
        for (intent, answer) in self.waiting.take_answers() {
            self.learn(&intent, &answer);
        }
    }

    fn learn(&mut self, intent: &Intent, answer: &Value) {
        match intent {
            Intent::Send(bodies) => {
                for body in bodies {
                    // It may have been received and deleted before its own answer came.
                    let known = self.known.get_mut(body).unwrap();
                    if *known == Known::MaybeSent {
                        *known = Known::Sent;
                    }
                }
            }
            Intent::Delete(bodies) => {
                self.known.extend(bodies.iter().map(|body| (body.clone(), Known::Deleted)));
            }
            Intent::Other => {}
            Intent::Receive => {
                for message in answer["Messages"].as_array().into_iter().flatten() {
                    let body = message["Body"].as_str().unwrap().to_string();
                    let known = *self.known.get(&body).expect("nothing is invented");
                    assert_ne!(known, Known::Deleted, "a deleted message is handed out: {}", &body[..8]);
                    // Handed out means durable: from now on it must survive, acknowledged or not.
                    if known == Known::MaybeSent {
                        self.known.insert(body.clone(), Known::Sent);
                    }
                    self.handles.insert(body, message["ReceiptHandle"].as_str().unwrap().to_string());
                }
            }
        }
    }

    /// Cuts the power, perhaps again while the log is being opened, and opens what is left.
    fn crash(mut self) -> Self {
        let mut disk = cut_power(&self.house, &mut self.chance);
        self.waiting.clear();
        for body in std::mem::take(&mut self.loose) {
            self.known.insert(body, Known::MaybeSent);
        }
        let clock = Arc::new(ManualClock::at(engine::Clock::now(&*self.house.clock)));
        while self.chance.u8(..3) == 0 {
            let disk_now = Arc::new(disk);
            disk_now.power_off_at(disk_now.ops() + self.chance.u64(1..6));
            let _ = House::try_open(Arc::clone(&disk_now), Arc::clone(&clock));
            disk = disk_now.crash();
        }
        self.house = House::open(Arc::new(disk), clock);
        let input = json!({"QueueUrl": RELAXED, "AttributeNames": ["TidewireDurability"]});
        let answer = self.house.ask("GetQueueAttributes", &input).unwrap();
        self.is_relaxed = answer["Attributes"]["TidewireDurability"] == "relaxed";
        self
    }

    /// Receives everything there is and compares it with what is known.
    fn check(&mut self) {
        // Past every visibility timeout that a lease on disk may still hold.
        self.house.clock.advance_millis(31_000);
        let mut found = BTreeSet::new();
        for queue in QUEUES {
            loop {
                let input = json!({"QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 20});
                let answer = self.house.ask("ReceiveMessage", &input).unwrap();
                let Some(messages) = answer["Messages"].as_array() else { break };
                for message in messages {
                    let body = message["Body"].as_str().unwrap();
                    assert!(body.starts_with(queue), "a message is in the wrong queue");
                    assert!(found.insert(body.to_string()), "a message is there twice");
                }
                self.learn(&Intent::Receive, &answer);
            }
        }
        for (body, known) in &mut self.known {
            match known {
                Known::Sent => assert!(found.contains(body), "an acknowledged message is lost: {}", &body[..8]),
                Known::Deleted => assert!(!found.contains(body), "an acknowledged delete came back: {}", &body[..8]),
                Known::MaybeSent | Known::MaybeDeleted if found.contains(body) => *known = Known::Sent,
                Known::MaybeSent | Known::MaybeDeleted => *known = Known::Deleted,
            }
        }
        self.house.clock.advance_millis(21_000);
    }
}

#[test]
fn a_power_cut_at_any_moment_loses_nothing_acknowledged_and_brings_nothing_back() {
    try_seeds("crash", 1_000, History::run);
}
