//! Receipt handles: which message of which queue, and which of its receives, in text that AWS SDKs pass on untouched.
//!
//! ```text
//! base64( version 2 │ partition 8 │ sequence 8 │ receive 4 │ crc32c of the rest 4 )                  big-endian
//! base64( version 1 │ partition 8 │ sequence 8 │ receive 4 │ message id 16 │ crc32c of the rest 4 )  still read
//! ```
//! The partition keeps a handle of a deleted queue from naming a message of the next queue, because a partition's number is
//! never given twice; and the checksum tells a mistyped handle from one of a message that is gone. A handle is a name and no
//! secret: who may use it is the policy's matter.

use base64_simd::URL_SAFE_NO_PAD;
use names::PartitionId;
use queue::Handle;

const VERSION: u8 = 2;
const BODY_LEN: usize = 1 + 8 + 8 + 4;
const CRC_LEN: usize = 4;
const LEN: usize = BODY_LEN + CRC_LEN;

/// The version that also carried the message's id.
const VERSION_WITH_ID: u8 = 1;
const LEN_WITH_ID: usize = BODY_LEN + 16 + CRC_LEN;

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
        let crc = crc32c::crc32c(&bytes[..BODY_LEN]);
        bytes[BODY_LEN..].copy_from_slice(&crc.to_be_bytes());
        URL_SAFE_NO_PAD.encode_to_string(bytes)
    }

    /// Reads a handle; `None` if it is none of ours.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        // Told by its length before anything is decoded: a handle may be as long as the request that brings it.
        if text.len() > URL_SAFE_NO_PAD.encoded_length(LEN_WITH_ID) {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode_to_vec(text).ok()?;
        let is_known = matches!((bytes.first()?, bytes.len()), (&VERSION, LEN) | (&VERSION_WITH_ID, LEN_WITH_ID));
        let (body, crc) = bytes.split_last_chunk::<CRC_LEN>()?;
        if !is_known || crc32c::crc32c(body).to_be_bytes() != *crc {
            return None;
        }
        let number = |at: usize| u64::from_be_bytes(body[at..at + 8].try_into().expect("eight bytes were cut"));
        let receive = u32::from_be_bytes(body[17..21].try_into().expect("four bytes were cut"));
        Some(Self { partition: PartitionId::new(number(1)), handle: Handle { sequence: number(9), receive } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    fn handle() -> ReceiptHandle {
        let handle = Handle { sequence: 7, receive: 2 };
        ReceiptHandle { partition: PartitionId::of_family(1, 5), handle }
    }

    #[test]
    fn a_handle_reads_back_as_it_was_written() {
        assert_eq!(ReceiptHandle::decode(&handle().encode()), Some(handle()));
    }

    /// Receivers may hold handles over an upgrade.
    #[test]
    fn a_handle_of_version_1_is_still_read() {
        let text = "AQEAAAAAAAAFAAAAAAAAAAcAAAACCQkJCQkJCQkJCQkJCQkJCS4318I";
        assert_eq!(ReceiptHandle::decode(text), Some(handle()));
        assert_eq!(ReceiptHandle::decode(&text.replace('C', "D")), None);
    }

    #[test]
    fn the_text_of_version_2_stays_what_it_is() {
        assert_eq!(handle().encode(), "AgEAAAAAAAAFAAAAAAAAAAcAAAACWdrLtA");
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
