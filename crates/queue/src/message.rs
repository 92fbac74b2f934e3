//! A message on its way in, on its way out, and the handle that a receive gives for it.
//!
//! Body and properties are opaque here: the service encodes its attributes, digests and sender into properties and reads
//! them back from a delivery. Both stand in one buffer, the body first, so that a message is one allocation on its whole
//! way from the request to the disk. The queue's state holds none of it: a message is handed over to whoever keeps
//! contents ([`engine::Machine::content`]) and named by its sequence from then on. Whoever sends should hand over a buffer
//! that does not pin a larger one, because it may stay in memory as long as the message lives.

use bytes::Bytes;
use names::Instant;
use std::fmt;

/// What names a message to customers. Random, drawn by the caller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub [u8; 16]);

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
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
}

/// A message as it was sent: what is kept outside the queue's state.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The id it was sent with.
    pub id: MessageId,
    /// When it was sent.
    pub sent_at: Instant,
    body_bytes: u32,
    bytes: Bytes,
}

impl Message {
    /// A message of which the first `body_bytes` of `bytes` are the body, and the rest its properties.
    pub fn new(id: MessageId, sent_at: Instant, body_bytes: u32, bytes: Bytes) -> Self {
        assert!(body_bytes as usize <= bytes.len(), "a message holds its whole body");
        Self { id, sent_at, body_bytes, bytes }
    }

    /// What the customer sent.
    pub fn body(&self) -> &[u8] {
        &self.bytes[..self.body_bytes as usize]
    }

    /// What the service sent with it, sharing the message's buffer.
    pub fn properties(&self) -> Bytes {
        self.bytes.slice(self.body_bytes as usize..)
    }

    /// Bytes of the body.
    pub(crate) fn body_bytes(&self) -> u32 {
        self.body_bytes
    }

    /// Body and properties.
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
}

impl Delivery {
    /// What deletes this message or changes how long it stays in flight.
    pub fn handle(&self) -> Handle {
        Handle { sequence: self.sequence, receive: self.receive }
    }
}
