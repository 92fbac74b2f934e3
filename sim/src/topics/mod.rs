//! Topics of SNS in a history: what clients ask of them, and what the oracle holds against the answers and what arrives.
//!
//! Clients publish alone and in batches, to topics that keep order and such that do not; subscribe queues and receivers over HTTP, confirm,
//! filter, set delivery policies, and end subscriptions; take messages out of the queues; and delete topics and queues under their
//! subscriptions. Receivers (`receivers.rs`) stand on a network of their own and fail in every way that they can. `oracle/` says when a
//! promise was broken; `ending.rs` settles the accounts.

mod ask;
mod ending;
mod harm;
mod oracle;
mod receivers;

pub(crate) use ask::Composer;
pub(crate) use harm::{Crooked, before_queues, distort, misdirect};
pub(crate) use oracle::Topics;
pub(crate) use receivers::{Posted, Receivers};

use crate::dialect::Api;

/// A topic of the simulated customer.
pub(crate) struct TopicKind {
    pub(crate) name: &'static str,
    pub(crate) is_fifo: bool,
    /// A deduplication id is one of its group alone.
    within_groups: bool,
}

const NEWS: usize = 0;
/// Deleted and made again while it is used.
const RUMOURS: usize = 1;
const LEDGER: usize = 2;
const ORDERS: usize = 3;

/// One that stays and one that comes and goes; and two that keep order, one for all of it and one within each group.
pub(crate) const TOPICS: [TopicKind; 4] = [
    TopicKind { name: "news", is_fifo: false, within_groups: false },
    TopicKind { name: "rumours", is_fifo: false, within_groups: false },
    TopicKind { name: "ledger.fifo", is_fifo: true, within_groups: false },
    TopicKind { name: "orders.fifo", is_fifo: true, within_groups: true },
];

/// A queue that is subscribed, or takes dead letters. Which it is stands in [`SLOTS`].
pub(crate) struct QueueKind {
    pub(crate) name: &'static str,
    within_groups: bool,
    is_volatile: bool,
}

const fn queue(name: &'static str) -> QueueKind {
    QueueKind { name, within_groups: false, is_volatile: false }
}

/// Each is of one subscription alone.
pub(crate) const QUEUES: [QueueKind; 14] = [
    queue("plain"),
    queue("wrapped"),
    QueueKind { is_volatile: true, ..queue("brittle") },
    queue("rumoured"),
    queue("first.fifo"),
    queue("second.fifo"),
    QueueKind { is_volatile: true, ..queue("brittle.fifo") },
    queue("mirror"),
    QueueKind { within_groups: true, ..queue("grouped.fifo") },
    queue("dead-brittle"),
    queue("dead-brittle.fifo"),
    queue("dead-posted"),
    queue("dead-raw"),
    queue("dead-rumoured"),
];

impl QueueKind {
    pub(crate) fn is_fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }
}

/// Where a subscription's messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Queue(usize),
    /// A receiver over HTTP, by its number.
    Receiver(usize),
}

/// A place for a subscription, which comes and goes.
struct SlotKind {
    topic: usize,
    target: Target,
    is_raw: bool,
    /// Where what cannot be delivered goes.
    dead: Option<usize>,
    /// Ended and made again while its topic stays.
    is_volatile: bool,
    /// It gets filter policies.
    is_filtered: bool,
}

const fn slot(topic: usize, target: Target) -> SlotKind {
    SlotKind { topic, target, is_raw: true, dead: None, is_volatile: false, is_filtered: false }
}

const SLOTS: [SlotKind; 12] = [
    SlotKind { is_filtered: true, ..slot(NEWS, Target::Queue(0)) },
    SlotKind { is_raw: false, is_filtered: true, is_volatile: true, ..slot(NEWS, Target::Queue(1)) },
    SlotKind { dead: Some(9), ..slot(NEWS, Target::Queue(2)) },
    SlotKind { is_raw: false, is_filtered: true, ..slot(RUMOURS, Target::Queue(3)) },
    slot(LEDGER, Target::Queue(4)),
    SlotKind { is_raw: false, is_filtered: true, ..slot(LEDGER, Target::Queue(5)) },
    SlotKind { dead: Some(10), ..slot(LEDGER, Target::Queue(6)) },
    slot(LEDGER, Target::Queue(7)),
    SlotKind { is_volatile: true, ..slot(ORDERS, Target::Queue(8)) },
    SlotKind { is_raw: false, dead: Some(11), ..slot(NEWS, Target::Receiver(0)) },
    SlotKind { is_filtered: true, is_volatile: true, dead: Some(12), ..slot(NEWS, Target::Receiver(1)) },
    SlotKind { is_raw: false, dead: Some(13), ..slot(RUMOURS, Target::Receiver(2)) },
];

/// Receivers over HTTP that are subscribed; one more stands where redirects lead.
const SUBSCRIBED_RECEIVERS: usize = 3;

/// The subscription whose queue, or queue for dead letters, this is.
fn slot_of(queue: usize) -> (usize, bool) {
    let of = |(_, kind): &(usize, &SlotKind)| kind.target == Target::Queue(queue) || kind.dead == Some(queue);
    let (slot, kind) = SLOTS.iter().enumerate().find(of).expect("every queue is of a subscription");
    (slot, kind.dead == Some(queue))
}

fn slots_of(topic: usize) -> impl Iterator<Item = usize> {
    (0..SLOTS.len()).filter(move |slot| SLOTS[*slot].topic == topic)
}

/// Filter policies that subscriptions get, and the kinds of messages that each lets pass.
const POLICIES: [(&str, &[&str]); 4] = [
    ("{}", &KINDS),
    (r#"{"kind":["a"]}"#, &["a"]),
    (r#"{"kind":["a",{"prefix":"b"}]}"#, &["a", "b"]),
    (r#"{"kind":[{"anything-but":["a"]}]}"#, &["b", "c"]),
];

/// What messages say of themselves, once in an attribute and once in their bodies.
const KINDS: [&str; 3] = ["a", "b", "c"];

/// Delivery policies of subscriptions, and the delays before their retries in seconds.
const DELIVERIES: [(&str, &[u64]); 2] = [
    ("", &[20, 20, 20]),
    (
        r#"{"healthyRetryPolicy":{"minDelayTarget":2,"maxDelayTarget":8,"numRetries":6,"numNoDelayRetries":1,"numMinDelayRetries":2,"numMaxDelayRetries":1,"backoffFunction":"linear"}}"#,
        &[0, 2, 2, 2, 8, 8],
    ),
];

/// How long a repetition of a message is none of its own, to topics and queues that keep order.
const DEDUP_MILLIS: u64 = 300_000;

/// How long a receiver may take, so that an attempt that had begun when its subscription ended is over.
const PATIENCE_MILLIS: u64 = 15_000;

/// How long a token is good for.
const TOKEN_MILLIS: u64 = 2 * 24 * 3_600_000;

fn topic_arn(topic: usize) -> String {
    format!("arn:aws:sns:us-east-1:000000000000:{}", TOPICS[topic].name)
}

fn queue_arn(queue: usize) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{}", QUEUES[queue].name)
}

/// What is changed of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Policy(usize),
    /// Whether the policy looks at bodies.
    Scope(bool),
    Delivery(usize),
}

/// What a request is meant to do. Messages are named by their numbers.
#[derive(Debug, Clone)]
pub(crate) enum Intent {
    CreateTopic { topic: usize },
    DeleteTopic { topic: usize },
    Subscribe { slot: usize },
    Unsubscribe { slot: usize },
    Confirm { slot: usize },
    Change { slot: usize, change: Change },
    Publish { topic: usize, numbers: Vec<usize>, is_batch: bool },
    CreateQueue { queue: usize },
    DeleteQueue { queue: usize },
    Receive { queue: usize },
    Remove { queue: usize, handles: Vec<String> },
}

impl Intent {
    pub(crate) fn api(&self) -> Api {
        match self {
            Self::CreateQueue { .. } | Self::DeleteQueue { .. } | Self::Receive { .. } | Self::Remove { .. } => {
                Api::Queues
            }
            _ => Api::Topics,
        }
    }
}
