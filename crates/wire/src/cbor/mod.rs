//! rpcv2Cbor: one CBOR map per request and reply (RFC 8949; Smithy's "RPC v2 CBOR protocol").
//!
//! ```text
//! first byte  major type (3 bits) | argument (5 bits: 0–23 itself, 24–27 in 1/2/4/8 bytes, 31 indefinite)
//! 0 integer   1 negative integer   2 bytes   3 text   4 list   5 map   6 tag   7 false true null floats break
//! ```
//!
//! Blobs are byte strings, timestamps are tag 1 over epoch seconds of any numeric width (Java sends 8-byte doubles).
//! The reader takes definite and indefinite lengths; the writer gives structures an indefinite length, because it does
//! not know how many members are set, and lists and maps a definite one.

mod half;
mod head;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::CborReader;
pub use writer::{CborWriter, encode, encode_error};

use crate::contract::{Read, Reader};
use crate::invalid::Invalid;

/// Reads a whole document. An empty one counts as an empty map.
pub fn decode<T: Read>(bytes: &[u8]) -> Result<T, Invalid> {
    let mut reader = CborReader::new(bytes);
    let value = T::read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}
