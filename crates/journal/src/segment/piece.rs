//! One partition's records in one segment: what a snapshot refers to, and one entry of a segment's directory.
//!
//! ```text
//!  0         8           16         24        28            32       40      48           56          64
//! | segment | first key | last key | records | index bytes | offset | bytes | first time | last time |
//! ```
//!
//! A piece of the segment 2^64 − 1 is lost: its records stood where a file can no longer be read, and that file was set aside.
//! Its `offset` is where the damage begins, `bytes` the file's number, `index bytes` 0 for a log file and 1 for a segment.
//!
//! The index of the piece follows its records directly, so that `offset + bytes` is where the index begins. The index's
//! checksum runs over these 64 bytes too: a piece and the file it speaks of attest each other.

use std::ops::RangeInclusive;

use names::Instant;

use crate::{
    aside::aside_name,
    error::Damage,
    record::{u32_at, u64_at},
};

use super::place::Source;

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

    /// What a piece names as its segment if its records are lost.
    const LOST: u64 = u64::MAX;

    /// The place of `records` records between two keys which cannot be read any more, because of `offset` in `source`.
    pub fn lost(source: Source, offset: u64, keys: RangeInclusive<u64>, records: u32) -> Self {
        let (bytes, index_bytes) = match source {
            Source::Log(number) => (number, 0),
            Source::Segment(number) => (number, 1),
        };
        let (first_key, last_key) = keys.into_inner();
        let (first_time, last_time) = (Instant::EPOCH, Instant::EPOCH);
        Self { segment: Self::LOST, first_key, last_key, records, offset, bytes, index_bytes, first_time, last_time }
    }

    /// Whether its records are lost.
    pub fn is_lost(&self) -> bool {
        self.segment == Self::LOST
    }

    /// Why its records cannot be read, if they are lost.
    pub(crate) fn damage(&self) -> Option<Damage> {
        let source = if self.index_bytes == 0 { Source::Log(self.bytes) } else { Source::Segment(self.bytes) };
        let why = "a record stood in a damaged part of this file, which was set aside";
        self.is_lost().then(|| Damage::at(&aside_name(&source.file()), self.offset, why))
    }

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
