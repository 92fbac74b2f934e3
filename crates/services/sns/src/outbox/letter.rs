//! What waits to be delivered: an envelope as the receiver's protocol has it, and what stands beside it.
//!
//! ```text
//! properties v1   version 1 │ type 1 (1 Notification, 2 SubscriptionConfirmation, 3 UnsubscribeConfirmation)
//! ```
//! The message's id is its own, the moment is when it was published. Whoever gets messages raw or in another form reads them out of
//! the envelope when they are delivered, so a change of the subscription holds for what waits already.

use queue::{Message, MessageId, NewMessage};

const VERSION: u8 = 1;

/// What a letter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Notification = 1,
    SubscriptionConfirmation = 2,
    UnsubscribeConfirmation = 3,
}

impl Kind {
    /// As headers and envelopes have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Notification => "Notification",
            Self::SubscriptionConfirmation => "SubscriptionConfirmation",
            Self::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        }
    }
}

/// A letter on its way in.
pub(crate) fn posted(id: u128, kind: Kind, envelope: &str) -> NewMessage {
    let mut bytes = Vec::with_capacity(envelope.len() + 2);
    bytes.extend(envelope.as_bytes());
    bytes.extend([VERSION, kind as u8]);
    let body_bytes = u32::try_from(envelope.len()).expect("a message was measured at the door");
    NewMessage::plain(MessageId(id.to_be_bytes()), body_bytes, bytes.into(), None)
}

/// What a letter is for; nothing if it is none that this program wrote.
pub(crate) fn kind(message: &Message) -> Option<Kind> {
    match *message.properties() {
        [VERSION, 1] => Some(Kind::Notification),
        [VERSION, 2] => Some(Kind::SubscriptionConfirmation),
        [VERSION, 3] => Some(Kind::UnsubscribeConfirmation),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use names::Instant;

    #[test]
    fn a_letter_is_read_as_it_was_posted() {
        for sort in [Kind::Notification, Kind::SubscriptionConfirmation, Kind::UnsubscribeConfirmation] {
            let NewMessage { id, body_bytes, bytes, .. } = posted(7, sort, "{}");
            let message = Message::new(id, Instant::EPOCH, body_bytes, bytes);
            assert_eq!((kind(&message), message.body()), (Some(sort), &b"{}"[..]));
        }
        let strange = Message::new(MessageId([0; 16]), Instant::EPOCH, 0, Bytes::from_static(&[2, 1]));
        assert_eq!(kind(&strange), None);
    }
}
