//! What is known of topics by requests, answers and what receivers got, and which promises are broken by one of them.
//!
//! A message that was acknowledged reaches each subscription that wanted it then, at least once, or its queue for dead letters with the
//! reason (`messages.rs`, `queues.rs`); nobody gets what was never published, what does not match, or what was published after the end of
//! the subscription (`slots.rs`). Topics and queues that keep order keep that of each group, and have nothing twice within five minutes. A
//! publish that nobody was answered reached all queues that wanted it or none. Receivers over HTTP get nothing before they have
//! confirmed, no retry before its time, and nothing that is begun after the end of their subscription (`posts.rs`). What a refusal may say stands in `refusals.rs`.

mod known;
mod messages;
mod posts;
mod queues;
mod refusals;
mod slots;

use super::{Intent, QUEUES, SLOTS, TOPICS, Target};
use crate::client::Answer;
use crate::oracle::{Situation, Verdict};
use known::Known;
pub(crate) use messages::Draft;
use messages::{Acceptance, Key, Message};
use posts::Try;
use serde_json::Value;
use slots::Slot;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is known of all topics.
pub(crate) struct Topics {
    messages: Vec<Message>,
    topics: Vec<Known<bool>>,
    queues: Vec<Known<bool>>,
    slots: Vec<Slot>,
    /// Subscriptions by all ARNs that they ever had.
    arns: BTreeMap<String, usize>,
    /// Those that were ended: when that was answered, and by which process.
    ended: BTreeMap<String, (u64, u64)>,
    /// Messages of each group, in the order in which they were made up.
    groups: BTreeMap<(usize, usize), Vec<usize>>,
    /// Messages by their ids, where no order is kept.
    ids: BTreeMap<String, usize>,
    acceptances: BTreeMap<String, Acceptance>,
    ids_of_key: BTreeMap<Key, Vec<String>>,
    of_key: BTreeMap<Key, Vec<usize>>,
    /// Of each topic the greatest sequence number that was answered up to an event.
    sequences: BTreeMap<usize, Vec<(u64, u128)>>,
    /// Of each queue that keeps order and message its copies: when they were sent, and their numbers.
    copies: BTreeMap<(usize, usize), BTreeMap<String, (u64, u128)>>,
    /// Receipt handles by queue and message id.
    handles: Vec<BTreeMap<String, String>>,
    tries: BTreeMap<(String, usize), Vec<Try>>,
    /// Processes that were started.
    process: u64,
    /// A bit has rotted: messages may be missing.
    pub(crate) is_rotten: bool,
    pub(crate) fanned_out: u64,
    pub(crate) dead_letters: u64,
    pub(crate) posts: u64,
    pub(crate) failed_posts: u64,
    pub(crate) repetitions: u64,
}

impl Topics {
    pub(crate) fn new() -> Self {
        Self {
            messages: Vec::new(),
            topics: TOPICS.iter().map(|_| Known::new(false)).collect(),
            queues: QUEUES.iter().map(|_| Known::new(false)).collect(),
            slots: SLOTS.iter().map(|_| Slot::new()).collect(),
            arns: BTreeMap::new(),
            ended: BTreeMap::new(),
            groups: BTreeMap::new(),
            ids: BTreeMap::new(),
            acceptances: BTreeMap::new(),
            ids_of_key: BTreeMap::new(),
            of_key: BTreeMap::new(),
            sequences: BTreeMap::new(),
            copies: BTreeMap::new(),
            handles: QUEUES.iter().map(|_| BTreeMap::new()).collect(),
            tries: BTreeMap::new(),
            process: 0,
            is_rotten: false,
            fanned_out: 0,
            dead_letters: 0,
            posts: 0,
            failed_posts: 0,
            repetitions: 0,
        }
    }

    /// Another process serves from now on.
    pub(crate) fn started(&mut self) {
        self.process += 1;
    }

    pub(crate) fn is_topic_busy(&self, topic: usize) -> bool {
        self.topics[topic].is_busy()
    }

    pub(crate) fn has_topic(&self, topic: usize) -> bool {
        self.topics[topic].is_surely(|is_there| *is_there)
    }

    pub(crate) fn is_queue_busy(&self, queue: usize) -> bool {
        self.queues[queue].is_busy()
    }

    pub(crate) fn has_queue(&self, queue: usize) -> bool {
        self.queues[queue].is_surely(|is_there| *is_there)
    }

    /// A request is about to be sent.
    pub(crate) fn asked(&mut self, intent: &Intent, at: u64, wall: u64, wall_max: u64) {
        self.let_go_unconfirmed(at, wall_max);
        match intent {
            Intent::CreateTopic { topic } => self.topics[*topic].asked(at, |_| true),
            Intent::DeleteTopic { topic } => self.topic_deletion_asked(*topic, at),
            Intent::Subscribe { slot } => self.subscribe_asked(*slot, at),
            Intent::Unsubscribe { slot } => self.end_asked(*slot, at),
            Intent::Confirm { slot } => self.confirm_asked(*slot, at),
            Intent::Change { slot, change } => self.change_asked(*slot, *change, at),
            Intent::Publish { numbers, .. } => self.publish_asked(numbers, at, wall),
            Intent::CreateQueue { queue } => self.queues[*queue].asked(at, |_| true),
            Intent::DeleteQueue { queue } => self.queue_deletion_asked(*queue, at),
            Intent::Receive { .. } | Intent::Remove { .. } => {}
        }
    }

    /// Nobody will read the answer. `whole` says whether all of the request may have arrived.
    pub(crate) fn given_up(&mut self, intent: &Intent, now: &Situation, whole: bool) {
        match intent {
            Intent::CreateTopic { topic } => self.topics[*topic].is_lost(),
            Intent::DeleteTopic { topic } => self.topic_deletion_lost(*topic),
            Intent::Subscribe { slot }
            | Intent::Unsubscribe { slot }
            | Intent::Confirm { slot }
            | Intent::Change { slot, .. } => self.slots[*slot].known.is_lost(),
            Intent::Publish { numbers, .. } => self.publish_lost(numbers, now, whole),
            Intent::CreateQueue { queue } | Intent::DeleteQueue { queue } => self.queues[*queue].is_lost(),
            Intent::Receive { .. } | Intent::Remove { .. } => {}
        }
    }

    /// An answer was read to its end.
    pub(crate) fn answered(&mut self, intent: &Intent, now: &Situation, answer: &Answer) -> Verdict {
        match answer.status {
            200 => self.succeeded(intent, now, &answer.body),
            _ => self.refused(intent, now, answer),
        }
    }

    fn succeeded(&mut self, intent: &Intent, now: &Situation, body: &Value) -> Verdict {
        let is_there = |known: &Known<bool>| known.within(now.asked, now.at).contains(&true);
        match intent {
            Intent::CreateTopic { topic } => self.topics[*topic].is_done(now.at),
            Intent::DeleteTopic { topic } => self.topic_deleted(*topic, now),
            Intent::Subscribe { slot } => self.subscribed(*slot, now, body)?,
            Intent::Unsubscribe { slot } => self.end_done(*slot, now),
            Intent::Confirm { slot } | Intent::Change { slot, .. } => self.slots[*slot].known.is_done(now.at),
            Intent::CreateQueue { queue } | Intent::DeleteQueue { queue } => self.queues[*queue].is_done(now.at),
            Intent::Publish { topic, .. } if !is_there(&self.topics[*topic]) => {
                return Err(format!("the topic {} is gone, and {intent:?} is acknowledged", TOPICS[*topic].name));
            }
            Intent::Publish { topic, numbers, is_batch: false } => self.published(*topic, numbers[0], now, body)?,
            Intent::Publish { topic, numbers, is_batch: true } => self.batch_published(*topic, numbers, now, body)?,
            Intent::Receive { queue } => self.received(*queue, body)?,
            Intent::Remove { queue, handles } => {
                self.handles[*queue].retain(|_, handle| !handles.contains(handle));
            }
        }
        Ok(())
    }

    /// Entry by entry: what failed may have been carried out, and nothing of its group goes on behind it.
    fn batch_published(&mut self, topic: usize, numbers: &[usize], now: &Situation, body: &Value) -> Verdict {
        let entries = |name: &str| body[name].as_array().cloned().unwrap_or_default();
        let of = |entries: &[Value], number: usize| {
            entries.iter().find(|entry| entry["Id"].as_str() == Some(&*number.to_string())).cloned()
        };
        let (successful, failed) = (entries("Successful"), entries("Failed"));
        let mut failed_groups = BTreeSet::new();
        for number in numbers {
            let group = self.messages[*number].draft.group;
            match (of(&successful, *number), of(&failed, *number)) {
                (Some(_), None) if group.is_some_and(|group| failed_groups.contains(&group)) => {
                    return Err(format!("message {number} is published behind one of its group that failed: {body}"));
                }
                (Some(entry), None) => self.published(topic, *number, now, &entry)?,
                (None, Some(_)) if now.unavailable => {
                    failed_groups.extend(group);
                    self.publish_lost(&[*number], now, true);
                }
                _ => return Err(format!("message {number} of a batch is answered with {body}")),
            }
        }
        Ok(())
    }

    /// Everything that has to be somewhere by now is there.
    pub(crate) fn check_all(&self) -> Verdict {
        for (number, message) in self.messages.iter().enumerate() {
            if let Some(slot) = self.missing_at(message).first() {
                return Err(format!("message {number} was acknowledged and never reaches {}", name_of(*slot)));
            }
            let arrived = message.together.iter().filter(|slot| message.arrived.contains(slot)).count();
            if message.attempts.len() == 1 && arrived > 0 && arrived < message.together.len() {
                let (arrived, wanted) = (&message.arrived, &message.together);
                return Err(format!("message {number} reaches {arrived:?} of {wanted:?}, and nobody was answered"));
            }
        }
        self.check_one_order()
    }

    /// Where a message has to be and is not.
    fn missing_at(&self, message: &Message) -> Vec<usize> {
        let is_anywhere = |slot: &usize| message.arrived.contains(slot) || message.dead.contains(slot);
        let missing = message.must.iter().filter(|slot| !is_anywhere(slot)).copied();
        missing.chain(message.must_be_dead.difference(&message.dead).copied()).collect()
    }

    /// Whether any receiver has to get something yet.
    pub(crate) fn has_receivers_waiting(&self) -> bool {
        let is_receiver = |slot: &usize| matches!(SLOTS[*slot].target, Target::Receiver(_));
        self.messages.iter().any(|message| self.missing_at(message).iter().any(is_receiver))
    }

    /// Bytes of what has to be in queues and is not.
    pub(crate) fn missing_bytes(&self) -> usize {
        self.messages.iter().map(|message| self.missing_at(message).len() * message.body.len()).sum()
    }
}

/// Where a subscription leads, as a sentence has it.
fn name_of(slot: usize) -> String {
    match SLOTS[slot].target {
        Target::Queue(queue) => format!("the queue {}", QUEUES[queue].name),
        Target::Receiver(receiver) => format!("receiver {receiver}"),
    }
}

/// What an answer must have.
fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, String> {
    value[name].as_str().ok_or_else(|| format!("an answer without {name}: {value}"))
}
