//! A message on its way in, on its way out, and the handle that a receive gives for it.
//!
//! Body and properties are opaque here: the service encodes its attributes, digests and sender into properties and reads
//! them back from a delivery. Both stand in one buffer, the body first, so that a message is one allocation on its whole
//! way from the request to the disk. The queue's state holds none of it: a message is handed over to whoever keeps
//! contents ([`engine::Machine::content`]) and named by its sequence from then on. Whoever sends should hand over a buffer
//! that does not pin a larger one, because it may stay in memory as long as the message lives.
//!
//! ```text
//! the buffer   body │ properties │ dedup id 16, if it has one │ group 8, if it has one                 little-endian
//! ```
//! What FIFO and fair queues have to know of a message stands at the buffer's end ([`Labels`]), so that one without them costs
//! nothing for it.

use crate::Receives;
use bytes::Bytes;
use names::Instant;
use std::fmt;

/// What names a message to customers. Random, drawn by the caller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub [u8; 16]);

/// What ids are drawn with: a change of one bit changes each bit of the result with a chance of about one half (the finaliser of
/// SplitMix64).
pub fn spread(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// What names a message to deduplication: a digest that no two different ids share.
pub type DedupId = [u8; 16];

/// What a queue has to know of a message beside its times, as digests: two groups that shared one would only wait for each
/// other, two dedup ids that did would lose a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Labels {
    /// Of its message group.
    pub group: Option<u64>,
    /// Of its deduplication id, together with whatever that is unique within.
    pub dedup: Option<DedupId>,
}

impl Labels {
    /// Appends the labels to body and properties, and says which they are.
    pub fn append_to(&self, bytes: &mut Vec<u8>) -> Labelled {
        bytes.extend(self.dedup.iter().flatten());
        bytes.extend(self.group.map(u64::to_le_bytes).iter().flatten());
        let dedup = if self.dedup.is_some() { Labelled::DEDUP } else { 0 };
        let group = if self.group.is_some() { Labelled::GROUP } else { 0 };
        Labelled(dedup | group)
    }
}

/// Which labels stand at the end of a message's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Labelled(u8);

impl Labelled {
    const GROUP: u8 = 1;
    const DEDUP: u8 = 2;

    /// As a record has it.
    pub(crate) fn read(byte: u8) -> Option<Self> {
        (byte <= Self::GROUP | Self::DEDUP).then_some(Self(byte))
    }

    pub(crate) fn byte(self) -> u8 {
        self.0
    }

    pub(crate) fn is_any(self) -> bool {
        self.0 != 0
    }

    /// Bytes that the labels take.
    pub(crate) fn bytes(self) -> usize {
        let group = if self.0 & Self::GROUP == 0 { 0 } else { size_of::<u64>() };
        let dedup = if self.0 & Self::DEDUP == 0 { 0 } else { size_of::<DedupId>() };
        group + dedup
    }

    /// The labels at the end of `bytes`.
    fn of(self, bytes: &[u8]) -> Labels {
        let mut labels = Labels::default();
        let mut rest = bytes;
        if self.0 & Self::GROUP != 0 {
            let (front, group) = rest.split_last_chunk().expect("a labelled buffer holds its labels");
            (rest, labels.group) = (front, Some(u64::from_le_bytes(*group)));
        }
        if self.0 & Self::DEDUP != 0 {
            labels.dedup = rest.last_chunk().copied();
        }
        labels
    }
}

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Random, drawn by the caller.
    pub id: MessageId,
    /// How many of `bytes` are the body; no more than there are.
    pub body_bytes: u32,
    /// What the customer sent, then the service's own encoding of everything else.
    pub bytes: Bytes,
    /// Milliseconds until it can be received; `None` is the queue's default.
    pub delay_millis: Option<u64>,
    /// The labels at the end of `bytes`, as [`Labels::append_to`] told.
    pub labelled: Labelled,
    /// What its deduplication id would be by a rule that held lately: it is a duplicate of what was sent with that as well.
    pub earlier_dedup: Option<DedupId>,
}

impl NewMessage {
    /// A message without labels.
    pub fn plain(id: MessageId, body_bytes: u32, bytes: Bytes, delay_millis: Option<u64>) -> Self {
        Self { id, body_bytes, bytes, delay_millis, labelled: Labelled::default(), earlier_dedup: None }
    }

    /// What the queue has to know of it.
    pub(crate) fn labels(&self) -> Labels {
        self.labelled.of(&self.bytes)
    }
}

/// A message as it was sent: what is kept outside the queue's state.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The id it was sent with.
    pub id: MessageId,
    /// When it was sent.
    pub sent_at: Instant,
    body_bytes: u32,
    labelled: Labelled,
    bytes: Bytes,
}

// Labels take room in the buffer of whoever has them, and none here.
const _: () = assert!(size_of::<Message>() == 64);

impl Message {
    /// A message of which the first `body_bytes` of `bytes` are the body, and the rest its properties.
    pub fn new(id: MessageId, sent_at: Instant, body_bytes: u32, bytes: Bytes) -> Self {
        Self::labelled(id, sent_at, body_bytes, bytes, Labelled::default())
    }

    /// A message of which `bytes` end with labels.
    pub fn labelled(id: MessageId, sent_at: Instant, body_bytes: u32, bytes: Bytes, labelled: Labelled) -> Self {
        assert!(body_bytes as usize + labelled.bytes() <= bytes.len(), "a message holds its whole body and its labels");
        Self { id, sent_at, body_bytes, labelled, bytes }
    }

    /// What the queue has to know of it.
    pub fn labels(&self) -> Labels {
        self.labelled.of(&self.bytes)
    }

    /// Which labels its buffer ends with.
    pub fn labels_kept(&self) -> Labelled {
        self.labelled
    }

    /// The same message under another id or of another time.
    pub(crate) fn renewed(self, id: Option<MessageId>, sent_at: Instant) -> Self {
        Self { id: id.unwrap_or(self.id), sent_at, ..self }
    }

    /// The same message without a deduplication id for the queue to know.
    pub(crate) fn without_dedup(self) -> Self {
        let labels = self.labels();
        if labels.dedup.is_none() {
            return self;
        }
        let mut bytes = self.bytes[..self.bytes.len() - self.labelled.bytes()].to_vec();
        let labelled = Labels { dedup: None, ..labels }.append_to(&mut bytes);
        Self { bytes: bytes.into(), labelled, ..self }
    }

    /// The same message with other properties.
    pub fn with_properties(&self, properties: &[u8]) -> Self {
        let labels = &self.bytes[self.bytes.len() - self.labelled.bytes()..];
        let bytes = [self.body(), properties, labels].concat();
        Self { bytes: bytes.into(), ..self.clone() }
    }

    /// What the customer sent.
    pub fn body(&self) -> &[u8] {
        &self.bytes[..self.body_bytes as usize]
    }

    /// What the service sent with it, sharing the message's buffer.
    pub fn properties(&self) -> Bytes {
        self.bytes.slice(self.body_bytes as usize..self.bytes.len() - self.labelled.bytes())
    }

    /// Bytes of the body.
    pub(crate) fn body_bytes(&self) -> u32 {
        self.body_bytes
    }

    /// Body, properties and labels.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("sent_at", &self.sent_at)
            .field("body", &Bytes::copy_from_slice(self.body()))
            .field("properties", &self.properties())
            .field("labels", &self.labels())
            .finish()
    }
}

impl engine::Content for Message {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.bytes.len()
    }
}

/// Which message, and which of its receives. Services turn it into a receipt handle, which also has to name the queue:
/// sequences begin at 1 in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handle {
    /// The message's place in its queue.
    pub sequence: u64,
    /// The how-many-eth receive gave this handle, 1 for the first.
    pub receive: u32,
}

/// A message handed to a receiver; its content comes beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// The message's place in its queue: 1 for the first ever sent, one more for each after it.
    pub sequence: u64,
    /// How often it has been received, this time counted. Approximate: a crash may forget receives.
    pub receive: u32,
    /// When it was received for the first time; the moment of this receive if it is the first.
    pub first_received_at: Instant,
    /// What there was before this receive; nothing if an earlier receive is answered again, which counts once.
    pub before: Option<Receives>,
}

impl Delivery {
    /// What deletes this message or changes how long it stays in flight.
    pub fn handle(&self) -> Handle {
        Handle { sequence: self.sequence, receive: self.receive }
    }
}
