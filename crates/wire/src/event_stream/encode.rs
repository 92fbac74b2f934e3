//! One message of an event stream, written: the headers that tell what it is, then whatever a codec appends.

use super::{CHECKSUM_BYTES, Kind, PRELUDE_BYTES, TEXT};
use crate::limits::{EVENT_MESSAGE_BYTES_MAX, EVENT_TEXT_BYTES_MAX};

/// Writes a message. `payload` appends the payload, which is of this content type, to the bytes it is given.
///
/// # Panics
/// If the message is longer than any client takes ([`EVENT_MESSAGE_BYTES_MAX`]), which who makes events must not let happen.
pub fn encode(kind: Kind<'_>, content_type: &str, payload: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let mut message = vec![0; PRELUDE_BYTES];
    match kind {
        Kind::Event(name) => {
            text(&mut message, ":message-type", "event");
            text(&mut message, ":event-type", name);
        }
        Kind::Exception(name) => {
            text(&mut message, ":message-type", "exception");
            text(&mut message, ":exception-type", name);
        }
        Kind::Error { code, message: words } => {
            text(&mut message, ":message-type", "error");
            text(&mut message, ":error-code", code);
            text(&mut message, ":error-message", words);
        }
    }
    let has_payload = !matches!(kind, Kind::Error { .. });
    if has_payload {
        text(&mut message, ":content-type", content_type);
    }
    let headers_bytes = message.len() - PRELUDE_BYTES;
    seal(if has_payload { payload(message) } else { message }, headers_bytes)
}

fn text(message: &mut Vec<u8>, name: &str, value: &str) {
    let value = &value[..value.floor_char_boundary(EVENT_TEXT_BYTES_MAX)];
    let length = u16::try_from(value.len()).expect("no text is longer than its bound, which fits");
    message.push(u8::try_from(name.len()).expect("the names above are short"));
    message.extend_from_slice(name.as_bytes());
    message.push(TEXT);
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(value.as_bytes());
}

/// Fills in the lengths and checksums of a message that is otherwise complete.
fn seal(mut message: Vec<u8>, headers_bytes: usize) -> Vec<u8> {
    let total = message.len() + CHECKSUM_BYTES;
    assert!(total <= EVENT_MESSAGE_BYTES_MAX, "an event of {total} bytes is more than any client takes");
    let lengths = [total, headers_bytes].map(|length| u32::try_from(length).expect("the bound fits").to_be_bytes());
    message[..8].copy_from_slice(lengths.as_flattened());
    let prelude = crc32fast::hash(&message[..8]);
    message[8..PRELUDE_BYTES].copy_from_slice(&prelude.to_be_bytes());
    let checksum = crc32fast::hash(&message);
    message.extend_from_slice(&checksum.to_be_bytes());
    message
}
