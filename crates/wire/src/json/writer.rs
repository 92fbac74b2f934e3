//! Values to a JSON document, without spaces, members in the order in which they are written.
//!
//! Text is escaped as little as RFC 8259 allows: quotes, backslashes and controls. Everything else goes out as the
//! UTF-8 that it is.

use super::scan;
use crate::contract::{Write, Writer};
use crate::schema::{Member, StructShape};
use crate::timestamp::Timestamp;
use std::io::Write as _;

/// Writes one JSON document.
#[derive(Debug, Default)]
pub struct JsonWriter {
    bytes: Vec<u8>,
    /// Whether something stands before the next element, so that a comma is due.
    comma: bool,
}

/// Writes a value as a whole document.
pub fn encode(value: &dyn Write) -> Vec<u8> {
    let mut writer = JsonWriter::default();
    value.write(&mut writer);
    writer.into_bytes()
}

/// Writes the body of an error: `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"…"}`.
pub fn encode_error(type_name: &str, message: &str) -> Vec<u8> {
    let mut writer = JsonWriter { bytes: Vec::with_capacity(64 + type_name.len() + message.len()), comma: false };
    writer.open(b'{');
    writer.key("__type");
    writer.string(type_name);
    // Errors that say nothing beyond their name (KMS's InvalidCiphertextException) have no message at all.
    if !message.is_empty() {
        writer.key("message");
        writer.string(message);
    }
    writer.close(b'}');
    writer.into_bytes()
}

/// Writes the body of an error that has further members, which `members` writes as a structure. AWS calls the message of such
/// an error `Message`: DynamoDB's ConditionalCheckFailedException with an item, its TransactionCanceledException.
pub fn encode_error_with(type_name: &str, message: &str, members: &dyn Write) -> Vec<u8> {
    let mut writer = JsonWriter::default();
    writer.open(b'{');
    writer.key("__type");
    writer.string(type_name);
    writer.key("Message");
    writer.string(message);
    // The members of a structure stand between its brackets, of which only the closing one is wanted.
    let members = encode(members);
    if members.len() > 2 {
        writer.bytes.push(b',');
    }
    writer.bytes.extend_from_slice(&members[1..]);
    writer.into_bytes()
}

impl JsonWriter {
    /// A writer that appends to these bytes.
    pub fn append_to(bytes: Vec<u8>) -> Self {
        Self { bytes, comma: false }
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn open(&mut self, bracket: u8) {
        self.bytes.push(bracket);
        self.comma = false;
    }

    fn close(&mut self, bracket: u8) {
        self.bytes.push(bracket);
        self.comma = true;
    }

    fn separate(&mut self) {
        if self.comma {
            self.bytes.push(b',');
        }
        self.comma = true;
    }

    fn quote(&mut self, text: &str) {
        self.bytes.reserve(text.len() + 2);
        self.bytes.push(b'"');
        let mut rest = text.as_bytes();
        while let Some((word, after)) = rest.split_first_chunk() {
            if scan::is_plain(*word) {
                rest = &rest[scan::copy_plain(rest, &mut self.bytes)..];
            } else {
                // Where one byte needs an escape its neighbours mostly do too: text that is JSON itself.
                word.iter().for_each(|&byte| self.quote_byte(byte));
                rest = after;
            }
        }
        rest.iter().for_each(|&byte| self.quote_byte(byte));
        self.bytes.push(b'"');
    }

    fn quote_byte(&mut self, byte: u8) {
        if scan::is_special(byte) {
            self.escape(byte);
        } else {
            self.bytes.push(byte);
        }
    }

    fn escape(&mut self, byte: u8) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let letter = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0C => b'f',
            _ => {
                let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
                return self.bytes.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            }
        };
        self.bytes.extend_from_slice(&[b'\\', letter]);
    }

    fn number(&mut self, value: i64) {
        let mut buffer = itoa::Buffer::new();
        self.bytes.extend_from_slice(buffer.format(value).as_bytes());
    }
}

impl Writer for JsonWriter {
    fn begin_struct(&mut self, _shape: &'static StructShape) {
        self.open(b'{');
    }

    fn member(&mut self, member: &'static Member) {
        self.separate();
        // Names of a model are letters and digits, so they need no escape.
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(member.name.as_bytes());
        self.bytes.extend_from_slice(b"\":");
    }

    fn end_struct(&mut self) {
        self.close(b'}');
    }

    fn begin_list(&mut self, _len: usize) {
        self.open(b'[');
    }

    fn item(&mut self) {
        self.separate();
    }

    fn end_list(&mut self) {
        self.close(b']');
    }

    fn begin_map(&mut self, _len: usize) {
        self.open(b'{');
    }

    fn key(&mut self, key: &str) {
        self.separate();
        self.quote(key);
        self.bytes.push(b':');
    }

    fn end_entry(&mut self) {}

    fn end_map(&mut self) {
        self.close(b'}');
    }

    fn string(&mut self, value: &str) {
        self.quote(value);
    }

    fn blob(&mut self, value: &[u8]) {
        self.bytes.push(b'"');
        base64_simd::STANDARD.encode_append(value, &mut self.bytes);
        self.bytes.push(b'"');
    }

    fn boolean(&mut self, value: bool) {
        self.bytes.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn long(&mut self, value: i64) {
        self.number(value);
    }

    fn double(&mut self, value: f64) {
        let written = match value {
            _ if value.is_nan() => write!(self.bytes, "\"NaN\""),
            f64::INFINITY => write!(self.bytes, "\"Infinity\""),
            f64::NEG_INFINITY => write!(self.bytes, "\"-Infinity\""),
            _ => write!(self.bytes, "{value}"),
        };
        written.expect("writing to memory does not fail");
    }

    fn timestamp(&mut self, value: Timestamp) {
        let millis = value.millis();
        if millis % 1000 == 0 {
            // Java's and Go's older parsers want an integer where there is no fraction.
            return self.number(millis / 1000);
        }
        let (sign, millis) = (if millis < 0 { "-" } else { "" }, millis.unsigned_abs());
        let written = write!(self.bytes, "{sign}{}.{:03}", millis / 1000, millis % 1000);
        written.expect("writing to memory does not fail");
    }
}
