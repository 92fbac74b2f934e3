//! What clients ask for: an operation's name and JSON, and what it is meant to do, for the oracle.

use crate::dialect::Api;
use crate::oracle::Oracle;
use crate::plan::Sabotage;
use crate::streams;
use crate::topics;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

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
    /// A message without a deduplication id is a duplicate of what says the same.
    pub(crate) by_content: bool,
    /// A deduplication id is one of its group alone.
    pub(crate) within_groups: bool,
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
    by_content: false,
    within_groups: false,
    dead_letters: None,
    keep_deleted_secs: 0,
    park_after: 0,
    idle_lifetime_secs: 0,
    host: None,
};

/// The queues: one that keeps what it has, one whose messages soon expire, one that comes and goes, one that does not wait
/// for the disk, one that keeps order, one for dead letters and the one they come from, and the same two keeping order; virtual
/// queues on the first, on the one that comes and goes, and on one whose dead letters they know nothing of; one that keeps what is
/// deleted, and one for the copies; one that parks groups; one that goes by itself; one where dead letters that keep order are moved to;
/// one that takes for a duplicate what says the same, and one that does so within each group; and one for dead letters and the one
/// they come from, which come and go; and a second one that keeps order and shares its queue for dead letters.
pub(crate) const QUEUES: [QueueKind; 22] = [
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
    QueueKind { name: "moved.fifo", is_fifo: true, ..PLAIN },
    QueueKind { name: "content.fifo", is_fifo: true, by_content: true, ..PLAIN },
    QueueKind { name: "grouped.fifo", is_fifo: true, by_content: true, within_groups: true, ..PLAIN },
    QueueKind { name: "grave", is_volatile: true, ..PLAIN },
    QueueKind { name: "mortal", is_volatile: true, dead_letters: Some(GRAVE), ..PLAIN },
    QueueKind { name: "failing.fifo", is_fifo: true, dead_letters: Some(DEAD_FIFO), ..PLAIN },
];

/// The one that comes and goes.
const VOLATILE: usize = 2;

/// The one that keeps order.
pub(crate) const FIFO: usize = 4;

/// The one for dead letters; nobody sends to it.
pub(crate) const DEAD: usize = 5;

/// The one whose messages become dead letters.
pub(crate) const DYING: usize = 6;

/// The one for dead letters that keeps order; nobody sends to it.
pub(crate) const DEAD_FIFO: usize = 7;

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

/// Where dead letters that keep order are moved to, if not back; nobody sends to it.
pub(crate) const MOVED: usize = 16;

/// Those that know duplicates by what they say, the second one within their groups.
const CONTENT: usize = 17;
pub(crate) const GROUPED: usize = 18;

/// The one for dead letters that comes and goes, and the one that they come from, which does, too.
const GRAVE: usize = 19;
const MORTAL: usize = 20;

/// The other one whose dead letters go where those of `DYING_FIFO` do.
pub(crate) const FAILING_FIFO: usize = 21;

/// For so long a deleted message is kept: a part of a long history.
pub(crate) const KEEP_DELETED_SECS: u64 = 7_200;

/// Whether a queue is one for dead letters.
pub(crate) fn is_for_letters(queue: usize) -> bool {
    [DEAD, DEAD_FIFO, GRAVE].contains(&queue)
}

/// The queues that dead letters come from.
pub(crate) fn sources_of(letters: usize) -> impl Iterator<Item = usize> {
    (0..QUEUES.len()).filter(move |queue| QUEUES[*queue].dead_letters == Some(letters))
}

/// The queues that a message may come to that was sent to this one, which is the first of them.
pub(crate) fn family(home: usize) -> impl Iterator<Item = usize> {
    let letters = QUEUES[home].dead_letters;
    let moved = (letters == Some(DEAD_FIFO)).then_some(MOVED);
    [Some(home), letters, moved].into_iter().flatten()
}

/// A queue and the virtual queues on it.
pub(crate) fn and_on(queue: usize) -> impl Iterator<Item = usize> {
    (0..QUEUES.len()).filter(move |other| *other == queue || QUEUES[*other].host == Some(queue))
}

/// Whether anybody sends to a queue.
pub(crate) fn is_sent_to(queue: usize) -> bool {
    !is_for_letters(queue) && ![AGAIN, MOVED].contains(&queue)
}

/// Receives after which a message is a dead letter.
pub(crate) const RECEIVES_MAX: u64 = 2;

/// The longest lease of a message that may become a dead letter, or park its group, in seconds: many shall.
const DYING_SECS_MAX: u64 = 4;

/// Groups, so few that most messages wait for another.
const GROUPS: u64 = 2;

/// Deduplication ids that are used again and again.
const SHARED_IDS: u64 = 4;

/// So many of the latest messages may be said again.
const LATEST: usize = 6;

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

impl Request {
    /// Whose operation it is.
    pub(crate) fn api(&self) -> Api {
        match &self.intent {
            Intent::Streams(intent) => intent.api(),
            Intent::Topics(intent) => intent.api(),
            _ => Api::Queues,
        }
    }
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
    /// Without a visibility timeout of its own the queue's holds. One with a name may be asked for again.
    Receive {
        queue: usize,
        visibility_millis: Option<u64>,
        attempt: Option<u64>,
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
    /// All of it goes back to where it comes from, or all to another queue.
    Move {
        queue: usize,
        is_elsewhere: bool,
    },
    CancelMove {
        queue: usize,
        handle: String,
    },
    ListMoves {
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
    /// Something of a stream.
    Streams(streams::Intent),
    /// Something of a topic.
    Topics(topics::Intent),
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
            | Self::Move { queue, .. }
            | Self::CancelMove { queue, .. }
            | Self::ListMoves { queue }
            | Self::Replay { queue }
            | Self::EndReplay { queue }
            | Self::Unpark { queue, .. }
            | Self::Look { queue } => *queue,
            Self::Streams(intent) => unreachable!("{intent:?} is of no queue"),
            Self::Topics(intent) => unreachable!("{intent:?} is of no queue of this history"),
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
        let with_letters = [
            DYING_FIFO,
            DYING_FIFO,
            FAILING_FIFO,
            FAILING_FIFO,
            DEAD_FIFO,
            DEAD_FIFO,
            MOVED,
            DYING,
            DYING,
            DEAD,
            MORTAL,
            GRAVE,
        ];
        let ordered = [FIFO, FIFO, FIFO, PARKING, PARKING, CONTENT, CONTENT, GROUPED, GROUPED];
        let standard = [0, 0, 1, 1, 2, 3, DESK, 10, 11, KEPT, KEPT, AGAIN, IDLE, IDLE];
        let all = [&with_letters[..], &ordered, &standard].concat();
        let queue = all[self.chance.usize(..all.len())];
        if QUEUES[queue].dead_letters.is_some() || is_for_letters(queue) {
            return self.about_dead_letters(queue);
        }
        if [AGAIN, MOVED].contains(&queue) {
            return self.about_what_came(queue);
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

    fn about_dead_letters(&mut self, queue: usize) -> Request {
        let is_volatile = QUEUES[queue].is_volatile;
        match self.chance.u32(..60) {
            0 => self.purge(queue),
            1 if is_volatile => delete_queue(queue),
            2..=3 if is_volatile => create(queue),
            1..=3 => self.change(queue).unwrap_or_else(|| look(queue)),
            4..=13 if [DEAD, DEAD_FIFO].contains(&queue) => self.about_moves(queue),
            4..=18 if !is_for_letters(queue) => self.send(queue),
            19..=26 if !is_for_letters(queue) => self.send_batch(queue),
            27..=34 => self.delete(queue).unwrap_or_else(|| self.receive(queue)),
            _ => self.receive(queue),
        }
    }

    /// Message move tasks of a queue for dead letters.
    fn about_moves(&mut self, queue: usize) -> Request {
        match self.chance.u8(..8) {
            0..=3 => {
                let destination = (QUEUES[queue].is_fifo && self.chance.bool()).then_some(MOVED);
                let rate = [None, None, Some(50), Some(500)][self.chance.usize(..4)];
                start_move(queue, destination, rate)
            }
            4 => {
                let mut known = self.oracle.moves_to_cancel(queue);
                match known.is_empty() {
                    true => list_moves(queue),
                    false => cancel_move(queue, known.swap_remove(self.chance.usize(..known.len()))),
                }
            }
            _ => list_moves(queue),
        }
    }

    /// A queue that nobody sends to and that has no dead letters.
    fn about_what_came(&mut self, queue: usize) -> Request {
        match self.chance.u32(..40) {
            0 if queue == MOVED => self.purge(queue),
            0..=4 => self.change(queue).unwrap_or_else(|| self.receive(queue)),
            5..=19 => self.delete(queue).unwrap_or_else(|| self.receive(queue)),
            _ => self.receive(queue),
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
            let is_shared = self.chance.bool();
            return self.draft_in_group(queue, is_shared);
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
        let mut entry = self.entry(number, attribute);
        if !QUEUES[queue].is_fifo {
            entry["DelaySeconds"] = delay_secs.into();
        }
        (number, entry)
    }

    fn entry(&mut self, number: usize, attribute: Option<String>) -> Value {
        let mut entry = json!({"MessageBody": self.oracle.body(number)});
        if let Some(value) = attribute {
            entry["MessageAttributes"] = json!({"mark": {"DataType": "String", "StringValue": value}});
            self.oracle.set_attribute(number, value);
        }
        entry
    }

    /// A new message of some group; unless it shares a deduplication id with others it gets one of its own.
    fn draft_in_group(&mut self, queue: usize, is_shared: bool) -> (usize, Value) {
        if QUEUES[queue].by_content && self.chance.u8(..4) > 0 {
            return self.draft_by_content(queue, is_shared);
        }
        let (number, mut entry) = self.draft(queue, 0);
        if QUEUES[queue].by_content {
            entry = self.entry(number, Some(mark_of(number)));
        }
        let own = (SHARED_IDS + number as u64).to_string();
        let group = self.chance.u64(..GROUPS);
        let dedup = if is_shared { self.chance.u64(..SHARED_IDS).to_string() } else { own.clone() };
        self.name_group(&mut entry, number, group, (dedup.clone(), own, Some(dedup)));
        (number, entry)
    }

    /// The same without a deduplication id: what it says tells whether it repeats another. If it is shared it says what one of the
    /// latest messages of its queue did, whatever became of that.
    fn draft_by_content(&mut self, queue: usize, is_shared: bool) -> (usize, Value) {
        let earlier = if is_shared { self.oracle.latest(queue, LATEST) } else { Vec::new() };
        let number = match earlier.is_empty() {
            true => self.draft(queue, 0).0,
            false => {
                let earlier = earlier[self.chance.usize(..earlier.len())];
                self.oracle.new_repetition(earlier, self.wall)
            }
        };
        let mut entry = self.entry(number, Some(mark_of(number)));
        let group = self.chance.u64(..GROUPS);
        let digest = hex(&Sha256::digest(self.oracle.body(number)));
        let given = (self.sabotage == Some(Sabotage::ContentIsIgnored)).then(|| format!("own-{number}"));
        self.name_group(&mut entry, number, group, (digest, format!("own-{number}"), given));
        (number, entry)
    }

    /// Says of which group a message is and what it is a duplicate by: the id that it is believed to have, one of its own, and the one
    /// that is sent with it, if any is.
    fn name_group(
        &mut self,
        entry: &mut Value,
        number: usize,
        group: u64,
        (believed, own, mut given): (String, String, Option<String>),
    ) {
        self.oracle.set_labels(number, group, &believed, given.as_deref().unwrap_or(&believed));
        let is_own = match self.sabotage {
            Some(Sabotage::DuplicatesAreTaken) => true,
            Some(Sabotage::DeletedIdsAreForgotten) => self.oracle.repeats_what_is_deleted(number),
            _ => false,
        };
        if is_own {
            self.oracle.set_labels(number, group, &believed, &own);
            given = Some(own);
        }
        entry["MessageGroupId"] = group.to_string().into();
        if let Some(given) = given {
            entry["MessageDeduplicationId"] = given.into();
        }
    }

    fn send(&mut self, queue: usize) -> Request {
        let draft = self.any_draft(queue);
        send_message(queue, draft)
    }

    /// A send of a message that is visible at once.
    pub(crate) fn send_without_delay(&mut self, queue: usize) -> Request {
        let draft = match QUEUES[queue].is_fifo {
            true => self.draft_in_group(queue, false),
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
            if self.chance.u8(..5) < 2 {
                self.name_receive(&mut request, queue);
            }
        }
        request
    }

    /// Names a receive, mostly as the last one, so that many are asked for again.
    fn name_receive(&mut self, request: &mut Request, queue: usize) {
        let is_new = self.chance.u8(..5) == 0;
        let name = self.oracle.attempt_name(queue, is_new);
        request.input["ReceiveRequestAttemptId"] = format!("try-{name}").into();
        if let Intent::Receive { attempt, .. } = &mut request.intent {
            *attempt = Some(name);
        }
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

/// What tells a message from another of the same body.
fn mark_of(number: usize) -> String {
    format!("n{number}")
}

/// The number of a message that an answer shows: it stands in its body, or is its mark if others may have that body.
pub(crate) fn number_of(shown: &Value) -> Option<usize> {
    let mark = shown["MessageAttributes"]["mark"]["StringValue"].as_str();
    let marked = mark.and_then(|mark| mark.strip_prefix('n')).map(str::parse);
    let number = marked.or_else(|| Some(shown["Body"].as_str()?.split('-').next()?.parse()))?;
    number.ok()
}

/// Bytes as a deduplication id shows them.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn send_message(queue: usize, (number, mut input): (usize, Value)) -> Request {
    input["QueueUrl"] = QUEUES[queue].name.into();
    let intent = Intent::Send { queue, messages: vec![number] };
    Request { operation: "SendMessage", input, intent, wait_millis: 0 }
}

/// CreateQueue, naming only what is never changed, so that it always finds the queue as it made it.
pub(crate) fn create(queue: usize) -> Request {
    let QueueKind { name, retention_secs, is_relaxed, is_fifo, dead_letters, .. } = &QUEUES[queue];
    let QueueKind { keep_deleted_secs, park_after, idle_lifetime_secs, by_content, within_groups, .. } = &QUEUES[queue];
    let durability = if *is_relaxed { "relaxed" } else { "durable" };
    let mut attributes =
        json!({"MessageRetentionPeriod": retention_secs.to_string(), "TidewireDurability": durability});
    if *is_fifo {
        attributes["FifoQueue"] = "true".into();
    }
    if *by_content {
        attributes["ContentBasedDeduplication"] = "true".into();
    }
    if *within_groups {
        attributes["DeduplicationScope"] = "messageGroup".into();
        attributes["FifoThroughputLimit"] = "perMessageGroupId".into();
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

/// Has the dead letters go back, or to another queue, so many in a second.
pub(crate) fn start_move(queue: usize, destination: Option<usize>, rate: Option<u64>) -> Request {
    let mut input = json!({"SourceArn": arn(queue)});
    if let Some(destination) = destination {
        input["DestinationArn"] = arn(destination).into();
    }
    if let Some(rate) = rate {
        input["MaxNumberOfMessagesPerSecond"] = rate.into();
    }
    let intent = Intent::Move { queue, is_elsewhere: destination.is_some() };
    Request { operation: "StartMessageMoveTask", input, intent, wait_millis: 0 }
}

/// Ends a move task; what it has sent stays where it is.
pub(crate) fn cancel_move(queue: usize, handle: String) -> Request {
    let input = json!({"TaskHandle": handle});
    Request { operation: "CancelMessageMoveTask", input, intent: Intent::CancelMove { queue, handle }, wait_millis: 0 }
}

/// All move tasks that are remembered.
pub(crate) fn list_moves(queue: usize) -> Request {
    let input = json!({"SourceArn": arn(queue), "MaxResults": 10});
    Request { operation: "ListMessageMoveTasks", input, intent: Intent::ListMoves { queue }, wait_millis: 0 }
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
    let intent = Intent::Receive { queue, visibility_millis, attempt: None };
    Request { operation: "ReceiveMessage", input, intent, wait_millis }
}
