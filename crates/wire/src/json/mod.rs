//! AWS JSON 1.0 and 1.1: one object per request and reply, `{"Name":value,…}`.
//!
//! Blobs are base64 text, timestamps are epoch seconds as a number. The two versions differ only in their content type
//! and in how an error's `__type` is spelled, both of which are the caller's. Grammar: RFC 8259, without its freedom to
//! accept other encodings than UTF-8.

mod number;
mod reader;
mod scan;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use number::integer_of_float;
pub use reader::JsonReader;
pub use writer::{JsonWriter, encode, encode_error, encode_error_with};

use crate::contract::{Read, Reader};
use crate::invalid::Invalid;

/// Reads a whole document. An empty one counts as `{}`: AWS accepts it for operations that demand nothing.
pub fn decode<T: Read>(bytes: &[u8]) -> Result<T, Invalid> {
    let mut reader = JsonReader::new(bytes)?;
    let value = T::read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}
