//! One partition's records in one segment: what a snapshot refers to, and one entry of a segment's directory.
//!
//! ```text
//!  0         8           16         24        28            32       40      48           56          64
//! | segment | first key | last key | records | index bytes | offset | bytes | first time | last time |
//! ```
//!
//! The index of the piece follows its records directly, so that `offset + bytes` is where the index begins. The index's
//! checksum runs over these 64 bytes too: a piece and the file it speaks of attest each other.

use names::Instant;

use crate::record::{u32_at, u64_at};

/// One partition's records in one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The segment's number.
    pub segment: u64,
    /// The first record's key.
    pub first_key: u64,
    /// The last record's key.
    pub last_key: u64,
    /// How many records it holds.
    pub records: u32,
    /// Where in the file the first record begins.
    pub offset: u64,
    /// Bytes of all records.
    pub bytes: u64,
    /// Bytes of the index behind them.
    pub index_bytes: u32,
    /// The earliest time of a record.
    pub first_time: Instant,
    /// The latest time of a record.
    pub last_time: Instant,
}

impl Piece {
    /// Bytes of an encoded piece.
    pub const BYTES: usize = 64;

    /// The piece as bytes.
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        out[0..8].copy_from_slice(&self.segment.to_le_bytes());
        out[8..16].copy_from_slice(&self.first_key.to_le_bytes());
        out[16..24].copy_from_slice(&self.last_key.to_le_bytes());
        out[24..28].copy_from_slice(&self.records.to_le_bytes());
        out[28..32].copy_from_slice(&self.index_bytes.to_le_bytes());
        out[32..40].copy_from_slice(&self.offset.to_le_bytes());
        out[40..48].copy_from_slice(&self.bytes.to_le_bytes());
        out[48..56].copy_from_slice(&self.first_time.as_millis().to_le_bytes());
        out[56..64].copy_from_slice(&self.last_time.as_millis().to_le_bytes());
        out
    }

    /// The piece in exactly these bytes. They carry no checksum of their own: whoever stores them covers them.
    pub fn decode(bytes: &[u8; Self::BYTES]) -> Self {
        Self {
            segment: u64_at(bytes, 0),
            first_key: u64_at(bytes, 8),
            last_key: u64_at(bytes, 16),
            records: u32_at(bytes, 24),
            index_bytes: u32_at(bytes, 28),
            offset: u64_at(bytes, 32),
            bytes: u64_at(bytes, 40),
            first_time: Instant::from_millis(u64_at(bytes, 48)),
            last_time: Instant::from_millis(u64_at(bytes, 56)),
        }
    }

    /// Where the index begins; `None` if no file could be so long.
    pub(super) fn index_offset(&self) -> Option<u64> {
        self.offset.checked_add(self.bytes)
    }

    /// The first byte behind records and index; `None` if no file could be so long.
    pub(super) fn end(&self) -> Option<u64> {
        self.index_offset()?.checked_add(u64::from(self.index_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn a_piece_is_read_as_it_was_written(bytes in any::<[[u8; 32]; 2]>()) {
            let bytes: [u8; Piece::BYTES] = bytes.concat().try_into().unwrap();
            prop_assert_eq!(Piece::decode(&bytes).encode(), bytes);
        }

        #[test]
        fn an_end_beyond_every_file_is_none(offset in any::<u64>(), bytes in any::<u64>(), index_bytes in any::<u32>()) {
            let piece = Piece { offset, bytes, index_bytes, ..Piece::decode(&[0; Piece::BYTES]) };
            let sum = u128::from(offset) + u128::from(bytes) + u128::from(index_bytes);
            prop_assert_eq!(piece.end(), u64::try_from(sum).ok());
        }
    }
}
