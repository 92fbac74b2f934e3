//! What clients ask of topics, and of the queues behind them: an operation's name and JSON, and what it is meant to do, for the oracle.

use super::oracle::{Draft, Topics};
use super::{
    Change, DELIVERIES, Intent, KINDS, LEDGER, NEWS, ORDERS, POLICIES, QUEUES, RUMOURS, SLOTS, TOPICS, Target,
    queue_arn, slots_of, topic_arn,
};
use crate::ask::{self, Request};
use serde_json::{Value, json};

/// Groups, so few that most messages have to stand behind others.
const GROUPS: usize = 2;

/// Deduplication ids that several messages share.
const SHARED_IDS: usize = 3;

/// So many of the latest messages of a topic may be published again.
const LATEST: usize = 6;

/// Entries of a batch.
const BATCH_MAX: usize = 5;

/// Composes requests out of chance.
pub(crate) struct Composer<'a> {
    pub(crate) chance: &'a mut fastrand::Rng,
    pub(crate) topics: &'a mut Topics,
}

impl Composer<'_> {
    /// Any request.
    pub(crate) fn any(&mut self) -> Request {
        match self.chance.u32(..100) {
            0..=27 => self.publish(),
            28..=41 => self.publish_batch(),
            42..=59 => self.receive(),
            60..=75 => self.remove(),
            76..=92 => self.about_slot(),
            93..=95 => self.about_topic(),
            _ => self.about_queue(),
        }
    }

    fn some_topic(&mut self) -> usize {
        [NEWS, NEWS, RUMOURS, LEDGER, LEDGER, ORDERS][self.chance.usize(..6)]
    }

    fn publish(&mut self) -> Request {
        let topic = self.some_topic();
        let (number, _) = self.entry(topic);
        publish_one(self.topics, number)
    }

    fn publish_batch(&mut self) -> Request {
        let topic = self.some_topic();
        let (mut numbers, mut entries) = (Vec::new(), Vec::new());
        for _ in 0..self.chance.usize(1..=BATCH_MAX) {
            let (number, mut entry) = self.entry(topic);
            if numbers.contains(&number) {
                continue;
            }
            entry["Id"] = number.to_string().into();
            numbers.push(number);
            entries.push(entry);
        }
        let input = json!({"TopicArn": topic_arn(topic), "PublishBatchRequestEntries": entries});
        request("PublishBatch", input, Intent::Publish { topic, numbers, is_batch: true })
    }

    /// A message and what is said of it: a new one, or where order is kept one of the latest again.
    fn entry(&mut self, topic: usize) -> (usize, Value) {
        let latest = if TOPICS[topic].is_fifo { self.topics.latest(topic, LATEST) } else { Vec::new() };
        let number = match self.chance.u8(..4) {
            0 if !latest.is_empty() => latest[self.chance.usize(..latest.len())],
            _ => self.draft(topic),
        };
        (number, entry(self.topics, number))
    }

    fn draft(&mut self, topic: usize) -> usize {
        let filler = match self.chance.u8(..16) {
            // Several pages of the log.
            0 => 4_000,
            1 => 700,
            _ => self.chance.usize(..40),
        };
        let is_fifo = TOPICS[topic].is_fifo;
        let group = is_fifo.then(|| self.chance.usize(..GROUPS));
        let dedup = match self.chance.u8(..4) {
            _ if !is_fifo => None,
            0 => Some(format!("shared-{}", self.chance.usize(..SHARED_IDS))),
            1 => None,
            _ => Some(String::new()),
        };
        let of_attribute = KINDS[self.chance.usize(..KINDS.len())];
        let of_body = KINDS[self.chance.usize(..KINDS.len())];
        self.topics.new_message(Draft { topic, group, dedup, of_attribute, of_body, filler })
    }

    fn some_queue(&mut self) -> usize {
        self.chance.usize(..QUEUES.len())
    }

    fn receive(&mut self) -> Request {
        let queue = self.some_queue();
        let hidden_secs = self.chance.u64(1..=10);
        let wait_secs = if self.chance.u8(..4) == 0 { self.chance.u64(1..=5) } else { 0 };
        receive(queue, self.chance.u64(1..=10), hidden_secs, wait_secs)
    }

    fn remove(&mut self) -> Request {
        let queue = self.some_queue();
        let mut known = self.topics.handles(queue);
        if known.is_empty() {
            return self.receive();
        }
        known.truncate(self.chance.usize(1..=5));
        remove(queue, known)
    }

    /// A subscription is made, confirmed, changed or ended; one request about each at a time.
    fn about_slot(&mut self) -> Request {
        let slot = self.chance.usize(..SLOTS.len());
        let kind = &SLOTS[slot];
        if self.topics.is_slot_busy(slot) {
            return self.publish();
        }
        if !self.topics.has_topic(kind.topic) {
            return self.about_topic();
        }
        if !self.topics.is_surely_there(slot) {
            return subscribe(slot);
        }
        let is_receiver = matches!(kind.target, Target::Receiver(_));
        if is_receiver && self.topics.is_unconfirmed(slot) {
            return confirm(self.topics, slot).unwrap_or_else(|| self.receive());
        }
        match self.chance.u8(..8) {
            0 if kind.is_volatile => self.unsubscribe(slot),
            1 => subscribe(slot),
            2 | 3 if is_receiver => self.change(slot, Change::Delivery),
            4 if kind.is_filtered => {
                let in_body = self.chance.bool();
                self.set(slot, Change::Scope(in_body))
            }
            5..=7 if kind.is_filtered => {
                let policy = self.chance.usize(..POLICIES.len());
                self.set(slot, Change::Policy(policy))
            }
            _ => self.publish(),
        }
    }

    fn change(&mut self, slot: usize, to: impl Fn(usize) -> Change) -> Request {
        let which = self.chance.usize(..DELIVERIES.len());
        self.set(slot, to(which))
    }

    fn set(&mut self, slot: usize, change: Change) -> Request {
        let (name, value) = match change {
            Change::Policy(policy) => ("FilterPolicy", POLICIES[policy].0),
            Change::Scope(true) => ("FilterPolicyScope", "MessageBody"),
            Change::Scope(false) => ("FilterPolicyScope", "MessageAttributes"),
            Change::Delivery(delivery) => ("DeliveryPolicy", DELIVERIES[delivery].0),
        };
        let input = json!({"SubscriptionArn": self.topics.arn(slot), "AttributeName": name, "AttributeValue": value});
        request("SetSubscriptionAttributes", input, Intent::Change { slot, change })
    }

    fn unsubscribe(&mut self, slot: usize) -> Request {
        let input = json!({"SubscriptionArn": self.topics.arn(slot)});
        request("Unsubscribe", input, Intent::Unsubscribe { slot })
    }

    /// The topic that comes and goes; nothing else is asked about its subscriptions meanwhile.
    fn about_topic(&mut self) -> Request {
        let is_busy =
            self.topics.is_topic_busy(RUMOURS) || slots_of(RUMOURS).any(|slot| self.topics.is_slot_busy(slot));
        if is_busy {
            return self.publish();
        }
        match self.topics.has_topic(RUMOURS) && self.chance.u8(..4) == 0 {
            true => {
                let input = json!({"TopicArn": topic_arn(RUMOURS)});
                request("DeleteTopic", input, Intent::DeleteTopic { topic: RUMOURS })
            }
            false => create_topic(RUMOURS),
        }
    }

    /// Queues that come and go under their subscriptions.
    fn about_queue(&mut self) -> Request {
        let volatile: Vec<usize> = (0..QUEUES.len()).filter(|queue| QUEUES[*queue].is_volatile).collect();
        let queue = volatile[self.chance.usize(..volatile.len())];
        if self.topics.is_queue_busy(queue) {
            return self.receive();
        }
        match self.topics.has_queue(queue) && self.chance.bool() {
            true => {
                let input = json!({"QueueUrl": QUEUES[queue].name});
                request("DeleteQueue", input, Intent::DeleteQueue { queue })
            }
            false => create_queue(queue),
        }
    }
}

fn request(operation: &'static str, input: Value, intent: Intent) -> Request {
    Request { operation, input, intent: ask::Intent::Topics(intent), wait_millis: 0 }
}

/// A message as a request has it.
fn entry(topics: &Topics, number: usize) -> Value {
    let (draft, body) = topics.message(number);
    let kind = json!({"DataType": "String", "StringValue": draft.of_attribute});
    let mut entry = json!({"Message": body, "MessageAttributes": {"kind": kind}});
    if let Some(group) = draft.group {
        entry["MessageGroupId"] = format!("g{group}").into();
    }
    match draft.dedup.as_deref() {
        None => {}
        Some("") => entry["MessageDeduplicationId"] = format!("own-{number}").into(),
        Some(shared) => entry["MessageDeduplicationId"] = shared.into(),
    }
    entry
}

/// Publish of a message that was made up.
pub(super) fn publish_one(topics: &Topics, number: usize) -> Request {
    let topic = topics.message(number).0.topic;
    let mut input = entry(topics, number);
    input["TopicArn"] = topic_arn(topic).into();
    request("Publish", input, Intent::Publish { topic, numbers: vec![number], is_batch: false })
}

/// CreateTopic. Signatures of the second version are the quick ones.
pub(super) fn create_topic(topic: usize) -> Request {
    let kind = &TOPICS[topic];
    let mut attributes = json!({"SignatureVersion": "2"});
    if kind.is_fifo {
        attributes["FifoTopic"] = "true".into();
        attributes["ContentBasedDeduplication"] = "true".into();
        attributes["FifoThroughputScope"] = if kind.within_groups { "MessageGroup" } else { "Topic" }.into();
    }
    let input = json!({"Name": kind.name, "Attributes": attributes});
    request("CreateTopic", input, Intent::CreateTopic { topic })
}

/// CreateQueue.
pub(super) fn create_queue(queue: usize) -> Request {
    let kind = &QUEUES[queue];
    let mut attributes = json!({"MessageRetentionPeriod": "1209600"});
    if kind.is_fifo() {
        attributes["FifoQueue"] = "true".into();
    }
    if kind.within_groups {
        attributes["DeduplicationScope"] = "messageGroup".into();
        attributes["FifoThroughputLimit"] = "perMessageGroupId".into();
    }
    request("CreateQueue", json!({"QueueName": kind.name, "Attributes": attributes}), Intent::CreateQueue { queue })
}

/// Subscribe, naming only what is never changed, so that it always finds the subscription as it made it.
pub(super) fn subscribe(slot: usize) -> Request {
    let kind = &SLOTS[slot];
    let (protocol, endpoint) = match kind.target {
        Target::Queue(queue) => ("sqs", queue_arn(queue)),
        Target::Receiver(receiver) => ("http", format!("http://receiver-{receiver}.example/in?of={slot}")),
    };
    let mut attributes = json!({"RawMessageDelivery": kind.is_raw.to_string()});
    if let Some(dead) = kind.dead {
        attributes["RedrivePolicy"] = json!({"deadLetterTargetArn": queue_arn(dead)}).to_string().into();
    }
    let input = json!({
        "TopicArn": topic_arn(kind.topic), "Protocol": protocol, "Endpoint": endpoint, "ReturnSubscriptionArn": true,
        "Attributes": attributes,
    });
    request("Subscribe", input, Intent::Subscribe { slot })
}

/// ConfirmSubscription, if the receiver was told the token.
pub(super) fn confirm(topics: &Topics, slot: usize) -> Option<Request> {
    let input = json!({"TopicArn": topic_arn(SLOTS[slot].topic), "Token": topics.token(slot)?});
    Some(request("ConfirmSubscription", input, Intent::Confirm { slot }))
}

/// ReceiveMessage: so many at the most, hidden and waited for so many seconds.
pub(super) fn receive(queue: usize, most: u64, hidden_secs: u64, wait_secs: u64) -> Request {
    let mut input = json!({
        "QueueUrl": QUEUES[queue].name, "MaxNumberOfMessages": most, "MessageAttributeNames": ["All"],
        "MessageSystemAttributeNames": ["All"], "VisibilityTimeout": hidden_secs,
    });
    if wait_secs > 0 {
        input["WaitTimeSeconds"] = wait_secs.into();
    }
    Request { wait_millis: wait_secs * 1000, ..request("ReceiveMessage", input, Intent::Receive { queue }) }
}

/// DeleteMessageBatch.
pub(super) fn remove(queue: usize, handles: Vec<String>) -> Request {
    let entry = |(nth, handle): (usize, &String)| json!({"Id": nth.to_string(), "ReceiptHandle": handle});
    let entries: Vec<Value> = handles.iter().enumerate().map(entry).collect();
    let input = json!({"QueueUrl": QUEUES[queue].name, "Entries": entries});
    request("DeleteMessageBatch", input, Intent::Remove { queue, handles })
}
