//! The id of one request: in `x-amzn-RequestId`, in XML's ResponseMetadata, in the log.
//!
//! It has the shape of a random UUID (RFC 9562, version 4). The chance comes from outside, so a simulated server repeats
//! its ids from a seed.

use std::fmt;

/// A request's id, shown as 36 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; RequestId::LEN]);

impl RequestId {
    /// Characters of an id.
    pub const LEN: usize = 36;

    /// Makes an id of 128 random bits, six of which give way to UUID's version and variant.
    pub fn from_random(bits: u128) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
        let mut text = [b'-'; Self::LEN];
        // Byte by byte: a shift of all 128 bits for each digit takes more than three times as long.
        let mut at = 0;
        for (nth, byte) in bits.to_be_bytes().into_iter().enumerate() {
            if matches!(nth, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at..at + 2].copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
            at += 2;
        }
        Self(text)
    }

    /// The 36 characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("an id holds hexadecimal digits and hyphens only")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_version_4_uuid_of_the_bits_given() {
        assert_eq!(RequestId::from_random(0).as_str(), "00000000-0000-4000-8000-000000000000");
        assert_eq!(RequestId::from_random(u128::MAX).as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        let bits = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;
        assert_eq!(RequestId::from_random(bits).as_str(), "01234567-89ab-4def-8123-456789abcdef");
    }
}
