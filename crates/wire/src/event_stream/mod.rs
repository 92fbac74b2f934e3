//! Event streams: answers that go on, `application/vnd.amazon.eventstream` (Smithy's "Amazon Event Stream Specification").
//!
//! ```text
//! message  total length u32 | headers' length u32 | CRC-32 of these 8 bytes | headers | payload | CRC-32 of all before
//! header   name's length u8 | name | kind u8 | value; of kind 7, text: length u16 | bytes
//! ```
//!
//! Numbers are big-endian; CRC-32 is IEEE's, not Castagnoli's. A stream of an RPC protocol begins with a message of the
//! type `initial-response`, which holds what the output says beside its events; botocore and the SDKs for JavaScript and
//! Go refuse a stream that does not. What is an error of the stream's model comes as an exception, and any other error as
//! an error; both are the last message. Invariant: what [`encode`] writes [`read`] reads, and no other length is believed
//! than one that its checksum vouches for.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub use decode::{Broken, Message, read};
pub use encode::encode;

/// The Content-Type of a stream.
pub const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// The name of a stream's first message.
pub const INITIAL_RESPONSE: &str = "initial-response";

/// What a message is, by its headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// An event of this name, which is the member's of the stream's union; or the first message.
    Event(&'a str),
    /// An error that the stream's union has, by its name there. Its payload is the error's structure.
    Exception(&'a str),
    /// Any other error. It has no payload.
    Error {
        /// The error's name.
        code: &'a str,
        /// What is wrong.
        message: &'a str,
    },
}

/// Bytes before the headers: two lengths and their checksum.
const PRELUDE_BYTES: usize = 12;

/// Bytes of a checksum.
const CHECKSUM_BYTES: usize = 4;

/// The kind of a header that holds text.
const TEXT: u8 = 7;
