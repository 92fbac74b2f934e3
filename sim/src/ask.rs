//! What clients ask for: an operation's name and JSON, and what it is meant to do, for the oracle.

use crate::oracle::Oracle;
use crate::plan::Sabotage;
use serde_json::{Value, json};

/// A queue of the simulated customer.
pub(crate) struct QueueKind {
    pub(crate) name: &'static str,
    pub(crate) retention_secs: u64,
    /// Deleted and created again while it is used.
    pub(crate) is_volatile: bool,
    /// Answers before the disk has it.
    pub(crate) is_relaxed: bool,
    /// Keeps the order of groups, and takes no duplicates.
    pub(crate) is_fifo: bool,
    /// Where messages go that were received too often.
    pub(crate) dead_letters: Option<usize>,
    /// For so long what was deleted can be replayed.
    pub(crate) keep_deleted_secs: u64,
    /// A group stands still whose first message was received so often; never if it is 0.
    pub(crate) park_after: u64,
    /// It goes by itself when nobody has used it for so long; never if it is 0.
    pub(crate) idle_lifetime_secs: u64,
    /// Of a virtual queue the queue that it is on.
    pub(crate) host: Option<usize>,
}

const PLAIN: QueueKind = QueueKind {
    name: "",
    retention_secs: 1_209_600,
    is_volatile: false,
    is_relaxed: false,
    is_fifo: false,
    dead_letters: None,
    keep_deleted_secs: 0,
    park_after: 0,
    idle_lifetime_secs: 0,
    host: None,
};

/// The queues: one that keeps what it has, one whose messages soon expire, one that comes and goes, one that does not wait
/// for the disk, one that keeps order, one for dead letters and the one they come from, and the same two keeping order; virtual
/// queues on the first, on the one that comes and goes, and on one whose dead letters they know nothing of; one that keeps what is
/// deleted, and one for the copies; one that parks groups; one that goes by itself.
pub(crate) const QUEUES: [QueueKind; 16] = [
    QueueKind { name: "lasting", ..PLAIN },
    QueueKind { name: "fleeting", retention_secs: 60, ..PLAIN },
    QueueKind { name: "volatile", retention_secs: 345_600, is_volatile: true, ..PLAIN },
    QueueKind { name: "hasty", is_relaxed: true, ..PLAIN },
    QueueKind { name: "orderly.fifo", is_fifo: true, ..PLAIN },
    QueueKind { name: "dead", ..PLAIN },
    QueueKind { name: "dying", dead_letters: Some(DEAD), ..PLAIN },
    QueueKind { name: "dead.fifo", is_fifo: true, ..PLAIN },
    QueueKind { name: "dying.fifo", is_fifo: true, dead_letters: Some(DEAD_FIFO), ..PLAIN },
    QueueKind { name: "lasting#desk", host: Some(0), ..PLAIN },
    QueueKind { name: "volatile#desk", retention_secs: 345_600, is_volatile: true, host: Some(VOLATILE), ..PLAIN },
    QueueKind { name: "dying#desk", host: Some(DYING), ..PLAIN },
    QueueKind { name: "kept", keep_deleted_secs: KEEP_DELETED_SECS, ..PLAIN },
    QueueKind { name: "again", ..PLAIN },
    QueueKind { name: "parking.fifo", is_fifo: true, park_after: 2, ..PLAIN },
    QueueKind { name: "idle", idle_lifetime_secs: 240, is_volatile: true, ..PLAIN },
];

/// The one that comes and goes.
const VOLATILE: usize = 2;

/// The one that keeps order.
pub(crate) const FIFO: usize = 4;

/// The one for dead letters; nobody sends to it.
pub(crate) const DEAD: usize = 5;

/// The one whose messages become dead letters.
const DYING: usize = 6;

/// The one for dead letters that keeps order; nobody sends to it.
const DEAD_FIFO: usize = 7;

/// The one that keeps order and whose messages become dead letters.
pub(crate) const DYING_FIFO: usize = 8;

/// A virtual queue.
pub(crate) const DESK: usize = 9;

/// The one that keeps what is deleted, and where copies of it go; nobody sends to that.
pub(crate) const KEPT: usize = 12;
pub(crate) const AGAIN: usize = 13;

/// The one that parks groups.
pub(crate) const PARKING: usize = 14;

/// The one that goes by itself.
pub(crate) const IDLE: usize = 15;

/// For so long a deleted message is kept: a part of a long history.
pub(crate) const KEEP_DELETED_SECS: u64 = 7_200;

/// Whether a queue is one for dead letters.
pub(crate) fn is_for_letters(queue: usize) -> bool {
    [DEAD, DEAD_FIFO].contains(&queue)
}

/// A queue and the virtual queues on it.
pub(crate) fn and_on(queue: usize) -> impl Iterator<Item = usize> {
    (0..QUEUES.len()).filter(move |other| *other == queue || QUEUES[*other].host == Some(queue))
}

/// Whether anybody sends to a queue.
pub(crate) fn is_sent_to(queue: usize) -> bool {
    !is_for_letters(queue) && queue != AGAIN
}

/// Receives after which a message is a dead letter.
pub(crate) const RECEIVES_MAX: u64 = 2;

/// The longest lease of a message that may become a dead letter, or park its group, in seconds: many shall.
const DYING_SECS_MAX: u64 = 4;

/// Groups, so few that most messages wait for another.
const GROUPS: u64 = 2;

/// Deduplication ids that are used again and again.
const SHARED_IDS: u64 = 4;

/// The visibility timeout that queues are created with, in seconds.
pub(crate) const VISIBILITY_SECS: u64 = 20;

/// The longest visibility timeout or delay that anybody asks for, in seconds.
pub(crate) const HIDDEN_SECS_MAX: u64 = 30;

/// A request that has not been sent.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) operation: &'static str,
    pub(crate) input: Value,
    pub(crate) intent: Intent,
    /// How long its answer may wait for messages, in milliseconds.
    pub(crate) wait_millis: u64,
}

/// What a request is meant to do. Messages are named by their numbers.
#[derive(Debug, Clone)]
pub(crate) enum Intent {
    Create {
        queue: usize,
    },
    DeleteQueue {
        queue: usize,
    },
    Purge {
        queue: usize,
    },
    Send {
        queue: usize,
        messages: Vec<usize>,
    },
    /// Without a visibility timeout of its own the queue's holds.
    Receive {
        queue: usize,
        visibility_millis: Option<u64>,
    },
    /// Each message with the receipt handle that it is deleted by.
    Delete {
        queue: usize,
        messages: Vec<(usize, String)>,
    },
    Change {
        queue: usize,
        message: usize,
        handle: String,
        millis: u64,
    },
    SetVisibility {
        queue: usize,
    },
    /// All of it goes back to where it comes from.
    Move {
        queue: usize,
    },
    /// Copies of all that is there and was deleted, or only of this, go to another queue.
    Replay {
        queue: usize,
    },
    EndReplay {
        queue: usize,
    },
    /// Parked groups go on, perhaps without their first messages or without all of them.
    Unpark {
        queue: usize,
        drops: bool,
    },
    Look {
        queue: usize,
    },
}

impl Intent {
    pub(crate) fn queue(&self) -> usize {
        match self {
            Self::Create { queue }
            | Self::DeleteQueue { queue }
            | Self::Purge { queue }
            | Self::Send { queue, .. }
            | Self::Receive { queue, .. }
            | Self::Delete { queue, .. }
            | Self::Change { queue, .. }
            | Self::SetVisibility { queue }
            | Self::Move { queue }
            | Self::Replay { queue }
            | Self::EndReplay { queue }
            | Self::Unpark { queue, .. }
            | Self::Look { queue } => *queue,
        }
    }
}

/// Composes requests out of chance.
pub(crate) struct Composer<'a> {
    pub(crate) chance: &'a mut fastrand::Rng,
    pub(crate) oracle: &'a mut Oracle,
    /// The server's clock, in milliseconds.
    pub(crate) wall: u64,
    pub(crate) sabotage: Option<Sabotage>,
}

impl Composer<'_> {
    /// Any request.
    pub(crate) fn any(&mut self) -> Request {
        let ordered = [FIFO, FIFO, FIFO, DYING_FIFO, DYING_FIFO, DEAD_FIFO, PARKING, PARKING];
        let standard = [0, 0, 1, 1, 2, 3, DYING, DYING, DEAD, DESK, 10, 11, KEPT, KEPT, AGAIN, IDLE, IDLE];
        let queue = standard.into_iter().chain(ordered).nth(self.chance.usize(..standard.len() + ordered.len()));
        let queue = queue.expect("one of these is chosen");
        if QUEUES[queue].dead_letters.is_some() || is_for_letters(queue) {
            return self.about_dead_letters(queue);
        }
        if queue == AGAIN {
            return self.about_copies();
        }
        if queue == IDLE && self.chance.u8(..8) == 0 {
            return create(IDLE);
        }
        if queue == PARKING && self.chance.u8(..10) == 0 {
            return unpark(["retry", "retry", "retry", "drop-first", "drop-all"][self.chance.usize(..5)]);
        }
        if queue == KEPT && self.chance.u8(..10) == 0 {
            return if self.chance.u8(..5) == 0 { end_replay() } else { start_replay(self.chance.bool()) };
        }
        match self.chance.u32(..60) {
            0 => self.purge(queue),
            // Nobody but its host has a virtual queue's settings, or makes and deletes it.
            1 => self.set_visibility(QUEUES[queue].host.unwrap_or(queue)),
            2 if QUEUES[queue].host.unwrap_or(queue) == VOLATILE => delete_queue(VOLATILE),
            2..=4 => create(VOLATILE),
            5..=7 => self.change(queue).unwrap_or_else(|| look(queue)),
            8 => look(queue),
            9..=24 => self.send(queue),
            25..=28 => self.send_batch(queue),
            29..=45 => self.receive(queue),
            _ => self.delete(queue).unwrap_or_else(|| self.receive(queue)),
        }
    }

    /// These are never purged: what a purge takes of letters on their way nobody could tell from outside.
    fn about_dead_letters(&mut self, queue: usize) -> Request {
        match self.chance.u32(..20) {
            0 => self.change(queue).unwrap_or_else(|| look(queue)),
            1..=3 if queue == DEAD => start_move(),
            1..=6 if !is_for_letters(queue) => self.send(queue),
            7..=8 if !is_for_letters(queue) => self.send_batch(queue),
            9..=11 => self.delete(queue).unwrap_or_else(|| self.receive(queue)),
            _ => self.receive(queue),
        }
    }

    fn about_copies(&mut self) -> Request {
        match self.chance.u32(..8) {
            0 => self.change(AGAIN).unwrap_or_else(|| self.receive(AGAIN)),
            1..=3 => self.delete(AGAIN).unwrap_or_else(|| self.receive(AGAIN)),
            _ => self.receive(AGAIN),
        }
    }

    fn purge(&mut self, queue: usize) -> Request {
        let input = json!({"QueueUrl": QUEUES[queue].name});
        Request { operation: "PurgeQueue", input, intent: Intent::Purge { queue }, wait_millis: 0 }
    }

    fn set_visibility(&mut self, queue: usize) -> Request {
        let secs = self.chance.u64(5..=HIDDEN_SECS_MAX);
        self.oracle.may_have_visibility(queue, secs * 1000);
        let input = json!({"QueueUrl": QUEUES[queue].name, "Attributes": {"VisibilityTimeout": secs.to_string()}});
        Request { operation: "SetQueueAttributes", input, intent: Intent::SetVisibility { queue }, wait_millis: 0 }
    }

    fn any_draft(&mut self, queue: usize) -> (usize, Value) {
        if QUEUES[queue].is_fifo {
            let dedup = self.chance.bool().then(|| self.chance.u64(..SHARED_IDS));
            return self.draft_in_group(queue, dedup);
        }
        let delay_secs = if self.chance.u8(..4) == 0 { self.chance.u64(1..=20) } else { 0 };
        self.draft(queue, delay_secs)
    }

    /// A new message, and its entry in a request.
    fn draft(&mut self, queue: usize, delay_secs: u64) -> (usize, Value) {
        let filler = match self.chance.u8(..16) {
            // Several pages of the log, and four of them still fit into one block.
            0 => 5_000,
            1 => 700,
            _ => self.chance.usize(..40),
        };
        let is_overstated = self.sabotage == Some(Sabotage::DelaysAreOverstated);
        let overstated = if is_overstated && !QUEUES[queue].is_fifo { 30_000 } else { 0 };
        let attribute = (self.chance.u8(..4) == 0).then(|| format!("{:x}", self.chance.u32(..)));
        let number = self.oracle.new_message(queue, filler, self.wall, delay_secs * 1000 + overstated);
        let mut entry = json!({"MessageBody": self.oracle.body(number)});
        if !QUEUES[queue].is_fifo {
            entry["DelaySeconds"] = delay_secs.into();
        }
        if let Some(value) = attribute {
            entry["MessageAttributes"] = json!({"mark": {"DataType": "String", "StringValue": value}});
            self.oracle.set_attribute(number, value);
        }
        (number, entry)
    }

    /// A new message of some group; without a deduplication id that others may have it gets one of its own.
    fn draft_in_group(&mut self, queue: usize, dedup: Option<u64>) -> (usize, Value) {
        let (number, mut entry) = self.draft(queue, 0);
        let own = SHARED_IDS + number as u64;
        let (group, dedup) = (self.chance.u64(..GROUPS), dedup.unwrap_or(own));
        self.oracle.set_labels(number, group, dedup);
        let sent_dedup = if self.sabotage == Some(Sabotage::DuplicatesAreTaken) { own } else { dedup };
        entry["MessageGroupId"] = group.to_string().into();
        entry["MessageDeduplicationId"] = sent_dedup.to_string().into();
        (number, entry)
    }

    fn send(&mut self, queue: usize) -> Request {
        let draft = self.any_draft(queue);
        send_message(queue, draft)
    }

    /// A send of a message that is visible at once.
    pub(crate) fn send_without_delay(&mut self, queue: usize) -> Request {
        let draft = match QUEUES[queue].is_fifo {
            true => self.draft_in_group(queue, None),
            false => self.draft(queue, 0),
        };
        send_message(queue, draft)
    }

    fn send_batch(&mut self, queue: usize) -> Request {
        let (mut messages, mut entries) = (Vec::new(), Vec::new());
        for _ in 0..self.chance.usize(1..=4) {
            let (number, mut entry) = self.any_draft(queue);
            entry["Id"] = number.to_string().into();
            messages.push(number);
            entries.push(entry);
        }
        let input = json!({"QueueUrl": QUEUES[queue].name, "Entries": entries});
        let intent = Intent::Send { queue, messages };
        Request { operation: "SendMessageBatch", input, intent, wait_millis: 0 }
    }

    fn receive(&mut self, queue: usize) -> Request {
        let is_short = QUEUES[queue].dead_letters.is_some() || queue == PARKING;
        let longest = if is_short { DYING_SECS_MAX } else { HIDDEN_SECS_MAX };
        let asked = (self.chance.u8(..4) > 0).then(|| self.chance.u64(..=longest));
        let wait_secs = if self.chance.bool() { self.chance.u64(1..=20) } else { 0 };
        let mut request = receive(queue, asked, wait_secs, self.sabotage);
        if QUEUES[queue].is_fifo {
            request.input["MaxNumberOfMessages"] = self.chance.u32(1..=10).into();
        }
        request
    }

    fn delete(&mut self, queue: usize) -> Option<Request> {
        let mut known = self.oracle.handles(queue);
        if known.is_empty() {
            return None;
        }
        if self.chance.bool() {
            let (number, handle) = known.swap_remove(self.chance.usize(..known.len()));
            let input = json!({"QueueUrl": QUEUES[queue].name, "ReceiptHandle": handle});
            let intent = Intent::Delete { queue, messages: vec![(number, handle)] };
            return Some(Request { operation: "DeleteMessage", input, intent, wait_millis: 0 });
        }
        known.truncate(self.chance.usize(1..=4));
        Some(delete_batch(queue, known))
    }

    fn change(&mut self, queue: usize) -> Option<Request> {
        let mut known = self.oracle.handles(queue);
        if known.is_empty() {
            return None;
        }
        let (message, handle) = known.swap_remove(self.chance.usize(..known.len()));
        // What is given back at once may overtake what was handed out with it.
        let secs = if self.chance.bool() { 0 } else { self.chance.u64(..=HIDDEN_SECS_MAX) };
        let input = json!({"QueueUrl": QUEUES[queue].name, "ReceiptHandle": handle, "VisibilityTimeout": secs});
        let intent = Intent::Change { queue, message, handle, millis: secs * 1000 };
        Some(Request { operation: "ChangeMessageVisibility", input, intent, wait_millis: 0 })
    }
}

fn send_message(queue: usize, (number, mut input): (usize, Value)) -> Request {
    input["QueueUrl"] = QUEUES[queue].name.into();
    let intent = Intent::Send { queue, messages: vec![number] };
    Request { operation: "SendMessage", input, intent, wait_millis: 0 }
}

/// CreateQueue, naming only what is never changed, so that it always finds the queue as it made it.
pub(crate) fn create(queue: usize) -> Request {
    let QueueKind { name, retention_secs, is_relaxed, is_fifo, dead_letters, .. } = &QUEUES[queue];
    let QueueKind { keep_deleted_secs, park_after, idle_lifetime_secs, .. } = &QUEUES[queue];
    let durability = if *is_relaxed { "relaxed" } else { "durable" };
    let mut attributes =
        json!({"MessageRetentionPeriod": retention_secs.to_string(), "TidewireDurability": durability});
    if *is_fifo {
        attributes["FifoQueue"] = "true".into();
    }
    for (name, number) in [
        ("TidewireKeepDeletedSeconds", keep_deleted_secs),
        ("TidewireParkAfter", park_after),
        ("TidewireIdleLifetimeSeconds", idle_lifetime_secs),
    ] {
        if *number > 0 {
            attributes[name] = number.to_string().into();
        }
    }
    if let Some(target) = dead_letters {
        let policy = json!({"deadLetterTargetArn": arn(*target), "maxReceiveCount": RECEIVES_MAX});
        attributes["RedrivePolicy"] = policy.to_string().into();
    }
    let input = json!({"QueueName": name, "Attributes": attributes});
    Request { operation: "CreateQueue", input, intent: Intent::Create { queue }, wait_millis: 0 }
}

/// A queue's ARN.
pub(crate) fn arn(queue: usize) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{}", QUEUES[queue].name)
}

/// DeleteMessageBatch of messages with their receipt handles.
pub(crate) fn delete_batch(queue: usize, known: Vec<(usize, String)>) -> Request {
    let entry = |(number, handle): &(usize, String)| json!({"Id": number.to_string(), "ReceiptHandle": handle});
    let entries: Vec<Value> = known.iter().map(entry).collect();
    let input = json!({"QueueUrl": QUEUES[queue].name, "Entries": entries});
    let intent = Intent::Delete { queue, messages: known };
    Request { operation: "DeleteMessageBatch", input, intent, wait_millis: 0 }
}

fn delete_queue(queue: usize) -> Request {
    let input = json!({"QueueUrl": QUEUES[queue].name});
    Request { operation: "DeleteQueue", input, intent: Intent::DeleteQueue { queue }, wait_millis: 0 }
}

/// Has the dead letters go back.
pub(crate) fn start_move() -> Request {
    let input = json!({"SourceArn": arn(DEAD)});
    Request { operation: "StartMessageMoveTask", input, intent: Intent::Move { queue: DEAD }, wait_millis: 0 }
}

/// The newest move task of the queue for dead letters.
pub(crate) fn list_moves() -> Request {
    let input = json!({"SourceArn": arn(DEAD)});
    Request { operation: "ListMessageMoveTasks", input, intent: Intent::Look { queue: DEAD }, wait_millis: 0 }
}

/// Has what is kept copied: what was deleted, and what is there unless that is all that is wanted.
pub(crate) fn start_replay(only_deleted: bool) -> Request {
    let only = if only_deleted { "deleted" } else { "all" };
    replay(&json!({"into": arn(AGAIN), "only": only}).to_string(), Intent::Replay { queue: KEPT })
}

/// Has parked groups go on; `then` says how.
pub(crate) fn unpark(then: &str) -> Request {
    let text = json!({"then": then}).to_string();
    let input = json!({"QueueUrl": QUEUES[PARKING].name, "Attributes": {"TidewireUnpark": text}});
    let intent = Intent::Unpark { queue: PARKING, drops: then != "retry" };
    Request { operation: "SetQueueAttributes", input, intent, wait_millis: 0 }
}

fn end_replay() -> Request {
    replay("", Intent::EndReplay { queue: KEPT })
}

fn replay(text: &str, intent: Intent) -> Request {
    let input = json!({"QueueUrl": QUEUES[KEPT].name, "Attributes": {"TidewireReplay": text}});
    Request { operation: "SetQueueAttributes", input, intent, wait_millis: 0 }
}

/// How far the latest replay is.
pub(crate) fn look_at_replay() -> Request {
    let input = json!({"QueueUrl": QUEUES[KEPT].name, "AttributeNames": ["TidewireReplay"]});
    Request { operation: "GetQueueAttributes", input, intent: Intent::Look { queue: KEPT }, wait_millis: 0 }
}

pub(crate) fn look(queue: usize) -> Request {
    let input = json!({"QueueUrl": QUEUES[queue].name, "AttributeNames": ["All"]});
    Request { operation: "GetQueueAttributes", input, intent: Intent::Look { queue }, wait_millis: 0 }
}

/// ReceiveMessage of up to ten; without a visibility timeout the queue's own holds.
pub(crate) fn receive(
    queue: usize,
    visibility_secs: Option<u64>,
    wait_secs: u64,
    sabotage: Option<Sabotage>,
) -> Request {
    let mut input =
        json!({"QueueUrl": QUEUES[queue].name, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]});
    input["MessageSystemAttributeNames"] = match QUEUES[queue].is_fifo {
        true => json!(["All"]),
        false => json!(["SentTimestamp", "DeadLetterQueueSourceArn", "ApproximateReceiveCount"]),
    };
    if let Some(secs) = visibility_secs {
        input["VisibilityTimeout"] = secs.into();
    }
    if wait_secs > 0 {
        input["WaitTimeSeconds"] = wait_secs.into();
    }
    let overstated = if sabotage == Some(Sabotage::LeasesAreOverstated) { 60_000 } else { 0 };
    let visibility_millis = visibility_secs.map(|secs| secs * 1000 + overstated);
    let wait_millis = wait_secs * 1000;
    let intent = Intent::Receive { queue, visibility_millis };
    Request { operation: "ReceiveMessage", input, intent, wait_millis }
}
