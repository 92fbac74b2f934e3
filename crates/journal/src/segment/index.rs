//! The sparse index of a piece, which stands directly behind its records, little-endian:
//!
//! ```text
//!  0           8           16       20    24
//! | partition | first key | offset | CRC | next step … | CRC |
//!      8           8          4       4        16         4
//! ```
//!
//! A step is some records in a row; its offset counts from the piece's beginning. Its CRC runs over the checksums of
//! its records, four bytes each, in order: those cover all else, this one covers their number and order. The last CRC
//! runs over the log id, the piece as its directory entry says it, and the index: an index can belong to no other piece.

use names::PartitionId;

use crate::{
    limits::INDEX_STEP_BYTES,
    record::{u32_at, u64_at},
};

use super::piece::Piece;

const HEAD_BYTES: usize = 8;
const STEP_BYTES: usize = 16;
const CRC_BYTES: usize = 4;

/// Some records in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) first_key: u64,
    /// Counted from the piece's first record.
    pub(super) offset: u32,
    /// Over the checksums of its records.
    pub(super) crc: u32,
}

/// The index of one piece.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) partition: PartitionId,
    pub(super) steps: Vec<Step>,
}

/// Decides where a new step begins. The plan counts steps by it, and the writer makes them by it.
#[derive(Default)]
pub(super) struct Stride {
    begun: bool,
    bytes: u64,
}

impl Stride {
    /// Whether the next record, of `bytes`, begins a step.
    pub(super) fn begins_step(&mut self, bytes: u64) -> bool {
        let begins = !self.begun || self.bytes >= INDEX_STEP_BYTES;
        if begins {
            *self = Self { begun: true, bytes: 0 };
        }
        self.bytes += bytes;
        begins
    }
}

impl Index {
    /// Bytes of an index of so many steps.
    pub(super) fn bytes_of(steps: u32) -> u32 {
        let bytes = HEAD_BYTES + steps as usize * STEP_BYTES + CRC_BYTES;
        u32::try_from(bytes).expect("a piece is shorter than 4 GiB, and its index a thousandth of it")
    }

    /// Writes the index into `out`, which is exactly as long as it.
    pub(super) fn encode(&self, log_id: u64, piece: &Piece, out: &mut [u8]) {
        out[..HEAD_BYTES].copy_from_slice(&self.partition.get().to_le_bytes());
        let (steps, _) = out[HEAD_BYTES..].as_chunks_mut::<STEP_BYTES>();
        for (bytes, step) in steps.iter_mut().zip(&self.steps) {
            bytes[0..8].copy_from_slice(&step.first_key.to_le_bytes());
            bytes[8..12].copy_from_slice(&step.offset.to_le_bytes());
            bytes[12..16].copy_from_slice(&step.crc.to_le_bytes());
        }
        let (covered, crc) = out.split_at_mut(HEAD_BYTES + self.steps.len() * STEP_BYTES);
        crc.copy_from_slice(&checksum(log_id, piece, covered).to_le_bytes());
    }

    /// Reads the index of `piece`; the reason if these bytes are not it.
    pub(super) fn decode(log_id: u64, piece: &Piece, bytes: &[u8]) -> Result<Self, &'static str> {
        let (covered, crc) = bytes.split_last_chunk::<CRC_BYTES>().ok_or("the index is too short")?;
        if checksum(log_id, piece, covered) != u32::from_le_bytes(*crc) {
            return Err("the index of a piece has a wrong checksum, or belongs to another piece");
        }
        let (head, steps) = covered.split_first_chunk::<HEAD_BYTES>().ok_or("the index is too short")?;
        let (steps, rest) = steps.as_chunks::<STEP_BYTES>();
        let steps: Vec<_> = steps.iter().map(Step::decode).collect();
        let index = Self { partition: PartitionId::new(u64::from_le_bytes(*head)), steps };
        let fits = rest.is_empty() && index.is_in_order(piece);
        if fits { Ok(index) } else { Err("the index of a piece does not fit the piece") }
    }

    /// What no writer would violate; checked again because searches rely on it.
    fn is_in_order(&self, piece: &Piece) -> bool {
        let (Some(first), Some(last)) = (self.steps.first(), self.steps.last()) else { return false };
        let rises = self.steps.is_sorted_by(|a, b| a.first_key < b.first_key && a.offset < b.offset);
        let begins = first.offset == 0 && first.first_key == piece.first_key;
        rises && begins && u64::from(last.offset) < piece.bytes && last.first_key <= piece.last_key
    }

    /// The step in which `key` stands if it is there at all.
    pub(super) fn step_of(&self, key: u64) -> usize {
        self.steps.partition_point(|step| step.first_key <= key).saturating_sub(1)
    }

    /// Where step `number` begins, counted from the piece's beginning; behind the last step the piece's end.
    pub(super) fn offset(&self, number: usize, piece: &Piece) -> u64 {
        self.steps.get(number).map_or(piece.bytes, |step| u64::from(step.offset))
    }

    /// The first step behind `from` such that all between begin and end within `bytes`; always at least one step.
    pub(super) fn steps_within(&self, from: usize, bytes: u64, piece: &Piece) -> usize {
        let limit = self.offset(from, piece).saturating_add(bytes);
        let mut until = from + 1;
        while until < self.steps.len() && self.offset(until + 1, piece) <= limit {
            until += 1;
        }
        until
    }
}

impl Step {
    fn decode(bytes: &[u8; STEP_BYTES]) -> Self {
        Self { first_key: u64_at(bytes, 0), offset: u32_at(bytes, 8), crc: u32_at(bytes, 12) }
    }
}

pub(super) fn checksum(log_id: u64, piece: &Piece, covered: &[u8]) -> u32 {
    let crc = crc32c::crc32c_append(crc32c::crc32c(&log_id.to_le_bytes()), &piece.encode());
    crc32c::crc32c_append(crc, covered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use names::Instant;
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    fn piece(bytes: u64, last_key: u64) -> Piece {
        let time = Instant::from_millis(5);
        Piece {
            segment: 3,
            first_key: 10,
            last_key,
            records: 7,
            offset: 4096,
            bytes,
            index_bytes: 0,
            first_time: time,
            last_time: time,
        }
    }

    fn index(steps: u32) -> (Index, Piece) {
        let step = |n: u32| Step { first_key: 10 + u64::from(n) * 5, offset: n * 100, crc: n ^ 77 };
        let index = Index { partition: PartitionId::new(9), steps: (0..steps).map(step).collect() };
        (index, piece(u64::from(steps) * 100, 9 + u64::from(steps) * 5))
    }

    fn encoded(index: &Index, piece: &Piece) -> Vec<u8> {
        let steps = u32::try_from(index.steps.len()).unwrap();
        let mut out = vec![0; Index::bytes_of(steps) as usize];
        index.encode(1, piece, &mut out);
        out
    }

    #[test]
    fn a_key_is_looked_for_in_the_step_that_could_hold_it() {
        let (index, piece) = index(4);
        let found: Vec<_> = [0, 10, 14, 15, 24, 25, 99].into_iter().map(|key| index.step_of(key)).collect();
        assert_eq!(found, [0, 0, 0, 1, 2, 3, 3]);
        let until: Vec<_> = [0, 99, 100, 199, 200, 1000].map(|bytes| index.steps_within(1, bytes, &piece)).into();
        assert_eq!(until, [2, 2, 2, 2, 3, 4]);
    }

    #[test]
    fn an_index_of_another_piece_log_or_order_is_refused() {
        let (good, piece) = index(3);
        let bytes = encoded(&good, &piece);
        assert_eq!(Index::decode(1, &piece, &bytes), Ok(index(3).0));
        assert!(Index::decode(2, &piece, &bytes).is_err());
        assert!(Index::decode(1, &Piece { offset: 8192, ..piece }, &bytes).is_err());
        let swapped = Index { steps: good.steps.iter().rev().copied().collect(), ..good };
        assert!(Index::decode(1, &piece, &encoded(&swapped, &piece)).is_err());
        let empty = Index { steps: Vec::new(), ..swapped };
        assert!(Index::decode(1, &piece, &encoded(&empty, &piece)).is_err());
    }

    proptest! {
        #[test]
        fn no_flipped_bit_and_no_cut_passes(steps in 1..20_u32, at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let (index, piece) = index(steps);
            let mut bytes = encoded(&index, &piece);
            let at = at.index(bytes.len());
            prop_assert!(Index::decode(1, &piece, &bytes[..at]).is_err());
            bytes[at] ^= 1 << bit;
            prop_assert!(Index::decode(1, &piece, &bytes).is_err());
        }

        #[test]
        fn a_step_begins_with_the_first_record_and_after_each_full_step(sizes in prop::collection::vec(32..40_000_u64, 1..60)) {
            let mut stride = Stride::default();
            let begun: Vec<_> = sizes.iter().map(|bytes| stride.begins_step(*bytes)).collect();
            prop_assert!(begun[0]);
            let starts: Vec<_> = (0..sizes.len()).filter(|at| begun[*at]).collect();
            for pair in starts.windows(2) {
                let step = &sizes[pair[0]..pair[1]];
                prop_assert!(step.iter().sum::<u64>() >= INDEX_STEP_BYTES);
                prop_assert!(step[..step.len() - 1].iter().sum::<u64>() < INDEX_STEP_BYTES);
            }
            prop_assert_eq!(starts[0], 0);
        }
    }
}
