//! Values to a CBOR document: shortest heads, structures of indefinite length, lists and maps of definite length.

use super::{Times, head};
use crate::contract::{Write, Writer};
use crate::schema::{Member, StructShape};
use crate::timestamp::Timestamp;

/// Writes one CBOR document.
#[derive(Debug, Default)]
pub struct CborWriter {
    bytes: Vec<u8>,
    times: Times,
}

/// Writes a value as a whole document whose timestamps count seconds.
pub fn encode(value: &dyn Write) -> Vec<u8> {
    encode_with(value, Times::Seconds)
}

/// Writes a value as a whole document whose timestamps count as said.
pub fn encode_with(value: &dyn Write, times: Times) -> Vec<u8> {
    let mut writer = CborWriter::append_to(Vec::new(), times);
    value.write(&mut writer);
    writer.into_bytes()
}

/// Writes the body of an error: `{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "…"}`.
pub fn encode_error(type_name: &str, message: &str) -> Vec<u8> {
    let mut writer = CborWriter::default();
    writer.begin_map(2);
    writer.key("__type");
    writer.string(type_name);
    writer.key("message");
    writer.string(message);
    writer.end_map();
    writer.into_bytes()
}

/// Writes the body of an error that has further members, which `members` writes as a structure; its message is `Message` then,
/// as in JSON.
pub fn encode_error_with(type_name: &str, message: &str, members: &dyn Write, times: Times) -> Vec<u8> {
    let mut writer = CborWriter::append_to(Vec::new(), times);
    writer.bytes.push(head::MAP << 5 | head::INDEFINITE);
    writer.key("__type");
    writer.string(type_name);
    writer.key("Message");
    writer.string(message);
    // A structure has an indefinite length: its members and the break that ends them follow its first byte.
    writer.bytes.extend_from_slice(&encode_with(members, times)[1..]);
    writer.into_bytes()
}

impl CborWriter {
    /// A writer that appends to these bytes, with timestamps that count as said.
    pub fn append_to(bytes: Vec<u8>, times: Times) -> Self {
        Self { bytes, times }
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn head(&mut self, major: u8, argument: u64) {
        let major = major << 5;
        let wide = argument.to_be_bytes();
        match argument {
            0..=23 => self.bytes.push(major | wide[7]),
            24..=0xFF => self.bytes.extend_from_slice(&[major | 24, wide[7]]),
            0x100..=0xFFFF => self.bytes.extend_from_slice(&[major | 25, wide[6], wide[7]]),
            0x1_0000..=0xFFFF_FFFF => {
                self.bytes.push(major | 26);
                self.bytes.extend_from_slice(&wide[4..]);
            }
            _ => {
                self.bytes.push(major | 27);
                self.bytes.extend_from_slice(&wide);
            }
        }
    }

    fn sized(&mut self, major: u8, content: &[u8]) {
        self.head(major, content.len() as u64);
        self.bytes.extend_from_slice(content);
    }
}

impl Writer for CborWriter {
    fn begin_struct(&mut self, _shape: &'static StructShape) {
        self.bytes.push(head::MAP << 5 | head::INDEFINITE);
    }

    fn member(&mut self, member: &'static Member) {
        self.sized(head::TEXT, member.name.as_bytes());
    }

    fn end_struct(&mut self) {
        self.bytes.push(head::BREAK);
    }

    fn begin_list(&mut self, len: usize) {
        self.head(head::LIST, len as u64);
    }

    fn item(&mut self) {}

    fn end_list(&mut self) {}

    fn begin_map(&mut self, len: usize) {
        self.head(head::MAP, len as u64);
    }

    fn key(&mut self, key: &str) {
        self.sized(head::TEXT, key.as_bytes());
    }

    fn end_entry(&mut self) {}

    fn end_map(&mut self) {}

    fn string(&mut self, value: &str) {
        self.sized(head::TEXT, value.as_bytes());
    }

    fn blob(&mut self, value: &[u8]) {
        self.sized(head::BYTES, value);
    }

    fn boolean(&mut self, value: bool) {
        self.bytes.push(if value { head::TRUE } else { head::FALSE });
    }

    fn long(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.head(head::UNSIGNED, value),
            Err(_) => self.head(head::NEGATIVE, value.unsigned_abs() - 1),
        }
    }

    fn double(&mut self, value: f64) {
        self.bytes.push(head::DOUBLE);
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    fn timestamp(&mut self, value: Timestamp) {
        self.head(head::TAG, head::EPOCH);
        let millis = value.millis();
        match self.times {
            Times::Millis => self.long(millis),
            Times::Seconds if millis % 1000 == 0 => self.long(millis / 1000),
            Times::Seconds => self.double(millis as f64 / 1000.0),
        }
    }
}
