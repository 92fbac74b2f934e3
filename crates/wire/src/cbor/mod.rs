//! One CBOR map per request and reply (RFC 8949): rpcv2Cbor (Smithy's "RPC v2 CBOR protocol"), and the older
//! `application/x-amz-cbor-1.1` that the Java SDKs and the KCL speak, which is awsJson with CBOR for JSON.
//!
//! ```text
//! first byte  major type (3 bits) | argument (5 bits: 0–23 itself, 24–27 in 1/2/4/8 bytes, 31 indefinite)
//! 0 integer   1 negative integer   2 bytes   3 text   4 list   5 map   6 tag   7 false true null floats break
//! ```
//!
//! Blobs are byte strings, timestamps are tag 1 over a number of any width (Java sends 8-byte doubles). What the number
//! counts is all that the two protocols differ in: [`Times`].
//! The reader takes definite and indefinite lengths; the writer gives structures an indefinite length, because it does
//! not know how many members are set, and lists and maps a definite one.

mod half;
mod head;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::CborReader;
pub use writer::{CborWriter, encode, encode_error, encode_error_with, encode_with};

use crate::contract::{Read, Reader};
use crate::invalid::Invalid;

/// What the number under tag 1 counts since the start of 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Times {
    /// Seconds, with a fraction where there is one: RFC 8949 and rpcv2Cbor.
    #[default]
    Seconds,
    /// Whole milliseconds, against the RFC: `application/x-amz-cbor-1.1` (`SdkCborGenerator` of both Java SDKs).
    Millis,
}

/// Reads a whole document whose timestamps count seconds. An empty one counts as an empty map.
pub fn decode<T: Read>(bytes: &[u8]) -> Result<T, Invalid> {
    decode_with(bytes, Times::Seconds)
}

/// Reads a whole document whose timestamps count as said. An empty one counts as an empty map.
pub fn decode_with<T: Read>(bytes: &[u8], times: Times) -> Result<T, Invalid> {
    let mut reader = CborReader::with(bytes, times);
    let value = T::read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}
