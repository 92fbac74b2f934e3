//! One message of an event stream, read out of bytes that may go on or not yet be all there.

use super::{CHECKSUM_BYTES, Kind, PRELUDE_BYTES, TEXT};
use crate::limits::EVENT_MESSAGE_BYTES_MAX;

/// A message, in the bytes that it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The headers that hold text, in their order. Those of other kinds are passed over; none that is defined is one.
    pub headers: Vec<(&'a str, &'a str)>,
    /// What a codec wrote.
    pub payload: &'a [u8],
    /// Bytes of the whole message; the next one begins behind them.
    pub bytes: usize,
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The lengths are not what their checksum was made of.
    Prelude,
    /// The lengths contradict each other, or the message is over its bound.
    Lengths,
    /// The message is not what its checksum was made of.
    Checksum,
    /// The headers end inside one, are of a kind that nobody knows, or hold text that is none.
    Headers,
}

impl<'a> Message<'a> {
    /// The header of this name.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// What the message is, if its headers say it.
    pub fn kind(&self) -> Option<Kind<'a>> {
        match self.header(":message-type")? {
            "event" => self.header(":event-type").map(Kind::Event),
            "exception" => self.header(":exception-type").map(Kind::Exception),
            "error" => Some(Kind::Error { code: self.header(":error-code")?, message: self.header(":error-message")? }),
            _ => None,
        }
    }
}

/// Reads the message at the start of `bytes`; none if not all of it is there yet.
pub fn read(bytes: &[u8]) -> Result<Option<Message<'_>>, Broken> {
    let Some((prelude, _)) = bytes.split_at_checked(PRELUDE_BYTES) else { return Ok(None) };
    let [total, headers_bytes, checksum] = [0, 4, 8].map(|at| number(&prelude[at..]));
    if crc32fast::hash(&prelude[..8]) != checksum {
        return Err(Broken::Prelude);
    }
    let (total, headers_bytes) = (total as usize, headers_bytes as usize);
    let frame_bytes = PRELUDE_BYTES + CHECKSUM_BYTES;
    if total > EVENT_MESSAGE_BYTES_MAX || total < frame_bytes || headers_bytes > total - frame_bytes {
        return Err(Broken::Lengths);
    }
    let Some(whole) = bytes.get(..total) else { return Ok(None) };
    let (message, checksum) = whole.split_at(total - CHECKSUM_BYTES);
    if crc32fast::hash(message) != number(checksum) {
        return Err(Broken::Checksum);
    }
    let (head, payload) = message[PRELUDE_BYTES..].split_at(headers_bytes);
    let headers = headers(head).ok_or(Broken::Headers)?;
    Ok(Some(Message { headers, payload, bytes: total }))
}

/// The number that these bytes begin with; the caller has seen that they hold one.
fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(*bytes.first_chunk().expect("four bytes are there"))
}

fn headers(mut bytes: &[u8]) -> Option<Vec<(&str, &str)>> {
    let mut headers = Vec::new();
    while let [name_bytes, rest @ ..] = bytes {
        let (name, rest) = rest.split_at_checked(usize::from(*name_bytes))?;
        let (kind, rest) = rest.split_first()?;
        let name = std::str::from_utf8(name).ok()?;
        let (value, rest) = value(*kind, rest)?;
        if *kind == TEXT {
            headers.push((name, std::str::from_utf8(value).ok()?));
        }
        bytes = rest;
    }
    Some(headers)
}

/// A header's value, and what comes behind it. True, false; 1, 2, 4, 8 bytes of integer; bytes, text; a time; a UUID.
fn value(kind: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let fixed = match kind {
        0 | 1 => 0,
        2 => 1,
        3 => 2,
        4 => 4,
        5 | 8 => 8,
        9 => 16,
        6 | TEXT => {
            let (length, rest) = bytes.split_first_chunk()?;
            return rest.split_at_checked(usize::from(u16::from_be_bytes(*length)));
        }
        _ => return None,
    };
    bytes.split_at_checked(fixed)
}
