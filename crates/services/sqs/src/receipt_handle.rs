//! Receipt handles: which message of which queue, and which of its receives, in text that AWS SDKs pass on untouched.
//!
//! ```text
//! base64( version 1 │ partition 8 │ sequence 8 │ receive 4 │ message id 16 │ crc32c of the rest 4 )   big-endian
//! ```
//! The message id keeps a handle of a deleted queue from naming a message of the next queue, and the checksum tells a
//! mistyped handle from one of a message that is gone. A handle is a name and no secret: who may use it is the policy's matter.

use base64_simd::URL_SAFE_NO_PAD;
use names::PartitionId;
use queue::{Handle, MessageId};

const VERSION: u8 = 1;
const BODY_LEN: usize = 1 + 8 + 8 + 4 + 16;
const LEN: usize = BODY_LEN + 4;

/// A handle as the queue machine understands it, with the queue it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReceiptHandle {
    pub(crate) partition: PartitionId,
    pub(crate) handle: Handle,
}

impl ReceiptHandle {
    /// The text given to the receiver.
    pub(crate) fn encode(&self) -> String {
        let mut bytes = [0; LEN];
        bytes[0] = VERSION;
        bytes[1..9].copy_from_slice(&self.partition.get().to_be_bytes());
        bytes[9..17].copy_from_slice(&self.handle.sequence.to_be_bytes());
        bytes[17..21].copy_from_slice(&self.handle.receive.to_be_bytes());
        bytes[21..37].copy_from_slice(&self.handle.id.0);
        let crc = crc32c::crc32c(&bytes[..BODY_LEN]);
        bytes[BODY_LEN..].copy_from_slice(&crc.to_be_bytes());
        URL_SAFE_NO_PAD.encode_to_string(bytes)
    }

    /// Reads a handle; `None` if it is none of ours.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let bytes: [u8; LEN] = URL_SAFE_NO_PAD.decode_to_vec(text).ok()?.try_into().ok()?;
        let (body, crc) = bytes.split_at(BODY_LEN);
        if body[0] != VERSION || crc32c::crc32c(body).to_be_bytes() != *crc {
            return None;
        }
        let number = |at: usize| u64::from_be_bytes(body[at..at + 8].try_into().expect("eight bytes were cut"));
        let receive = u32::from_be_bytes(body[17..21].try_into().expect("four bytes were cut"));
        let id = MessageId(body[21..37].try_into().expect("sixteen bytes were cut"));
        Some(Self { partition: PartitionId::new(number(1)), handle: Handle { sequence: number(9), receive, id } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    fn handle() -> ReceiptHandle {
        let handle = Handle { sequence: 7, receive: 2, id: MessageId([9; 16]) };
        ReceiptHandle { partition: PartitionId::of_family(1, 5), handle }
    }

    #[test]
    fn a_handle_reads_back_as_it_was_written() {
        assert_eq!(ReceiptHandle::decode(&handle().encode()), Some(handle()));
    }

    #[test]
    fn a_handle_with_any_character_changed_is_none() {
        let text = handle().encode();
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(ReceiptHandle::decode(std::str::from_utf8(&changed).unwrap()), None, "at {at}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_decoder_panic(text in any::<String>()) {
            let _ = ReceiptHandle::decode(&text);
        }
    }
}
