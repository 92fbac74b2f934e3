//! A message on its way in, on its way out, and the handle that a receive gives for it.
//!
//! Body and properties are opaque here: the service encodes its attributes, digests and sender into `properties` and
//! reads them back from a delivery. Both are shared by reference count, never copied; whoever sends should hand over
//! bytes that do not pin a larger buffer, because they stay in memory as long as the message does.

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
    /// What the customer sent.
    pub body: Bytes,
    /// The service's own encoding of everything else.
    pub properties: Bytes,
    /// Milliseconds until it can be received; `None` is the queue's default.
    pub delay_millis: Option<u64>,
}

/// Which message, and which of its receives. Services turn it into a receipt handle.
///
/// The id is in it because sequences begin at 1 again when a queue is deleted and made anew: a handle from the old
/// queue must not reach the new queue's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handle {
    /// The message's place in its queue.
    pub sequence: u64,
    /// The how-many-eth receive gave this handle, 1 for the first.
    pub receive: u32,
    /// The message's id.
    pub id: MessageId,
}

/// A message handed to a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The message's place in its queue: 1 for the first ever sent, one more for each after it.
    pub sequence: u64,
    /// How often it has been received, this time counted. Approximate: a crash may forget receives.
    pub receive: u32,
    /// The id it was sent with.
    pub id: MessageId,
    /// What the customer sent.
    pub body: Bytes,
    /// What the service sent with it.
    pub properties: Bytes,
    /// When it was sent.
    pub sent_at: Instant,
    /// When it was received for the first time; the moment of this receive if it is the first.
    pub first_received_at: Instant,
}

impl Delivery {
    /// What deletes this message or changes how long it stays in flight.
    pub fn handle(&self) -> Handle {
        Handle { sequence: self.sequence, receive: self.receive, id: self.id }
    }
}
