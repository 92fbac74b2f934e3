//! One block's header, 64 bytes, little-endian, at the beginning of a page:
//!
//! ```text
//!  0       4         6       8        16            20      24       32               40             48       52         56            60
//! | "TWBL" | version | flags | log id | incarnation | count | number | first position | durable upto | length | previous | payload CRC | header CRC |
//! ```
//!
//! `previous` is the header CRC of the block before; each header CRC covers its payload CRC, so this is a hash chain.
//! The payload CRC runs over the checksums of the records in order, which cover all else; a block without records has
//! a plain payload (a file head's), and its CRC runs over that. Behind the payload stand zeros up to a full page.

use names::Position;

use crate::{
    limits::LOG_FORMAT,
    record::{self, Record, u32_at, u64_at},
};

/// Bytes of a block before its payload.
pub(crate) const BLOCK_HEADER_BYTES: usize = 64;
const MAGIC: [u8; 4] = *b"TWBL";
const HEADER_CRC_AT: usize = 60;

/// The first block of a file, written before the file gets its name.
pub(crate) const FILE_HEAD: u16 = 1;
/// The first block after an open: from here on a new incarnation.
pub(crate) const OPENING: u16 = 2;
/// An empty block that attests that all before it was durable.
pub(crate) const SEAL: u16 = 4;
/// A seal written by an orderly close.
pub(crate) const CLOSING: u16 = 8;
/// In a file head: the file was not zeroed before, so it is left as soon as a zeroed one is ready.
pub(crate) const UNZEROED: u16 = 16;

/// What a block says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockHeader {
    /// Which layout; a copy of a block keeps its own.
    pub(crate) version: u16,
    pub(crate) flags: u16,
    pub(crate) log_id: u64,
    pub(crate) incarnation: u32,
    pub(crate) count: u32,
    pub(crate) number: u64,
    pub(crate) first_position: u64,
    pub(crate) durable_upto: u64,
    pub(crate) length: u32,
    pub(crate) previous: u32,
    pub(crate) payload_crc: u32,
}

/// Why bytes are no block header of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    /// Fewer than 64 bytes, or other ones: zeros, or the middle of a block.
    NotAHeader,
    /// Ours, but damaged.
    Checksum,
    /// Sound, and newer than this code.
    Newer(u16),
}

impl BlockHeader {
    /// Writes the header and returns its CRC, which is the next block's `previous`.
    pub(crate) fn encode(&self, out: &mut [u8]) -> u32 {
        out[0..4].copy_from_slice(&MAGIC);
        out[4..6].copy_from_slice(&self.version.to_le_bytes());
        out[6..8].copy_from_slice(&self.flags.to_le_bytes());
        out[8..16].copy_from_slice(&self.log_id.to_le_bytes());
        out[16..20].copy_from_slice(&self.incarnation.to_le_bytes());
        out[20..24].copy_from_slice(&self.count.to_le_bytes());
        out[24..32].copy_from_slice(&self.number.to_le_bytes());
        out[32..40].copy_from_slice(&self.first_position.to_le_bytes());
        out[40..48].copy_from_slice(&self.durable_upto.to_le_bytes());
        out[48..52].copy_from_slice(&self.length.to_le_bytes());
        out[52..56].copy_from_slice(&self.previous.to_le_bytes());
        out[56..60].copy_from_slice(&self.payload_crc.to_le_bytes());
        let crc = crc32c::crc32c(&out[..HEADER_CRC_AT]);
        out[HEADER_CRC_AT..BLOCK_HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
        crc
    }

    /// Reads a header and its CRC. The CRC stands in the same place in every version, so a newer one is known as sound.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Self, u32), HeaderFault> {
        let head = bytes.get(..BLOCK_HEADER_BYTES).ok_or(HeaderFault::NotAHeader)?;
        if head[0..4] != MAGIC {
            return Err(HeaderFault::NotAHeader);
        }
        let crc = u32_at(head, HEADER_CRC_AT);
        if crc32c::crc32c(&head[..HEADER_CRC_AT]) != crc {
            return Err(HeaderFault::Checksum);
        }
        let version = u16::from_le_bytes([head[4], head[5]]);
        if version > LOG_FORMAT {
            return Err(HeaderFault::Newer(version));
        }
        Ok((Self::fields(head), crc))
    }

    fn fields(head: &[u8]) -> Self {
        Self {
            version: u16::from_le_bytes([head[4], head[5]]),
            flags: u16::from_le_bytes([head[6], head[7]]),
            log_id: u64_at(head, 8),
            incarnation: u32_at(head, 16),
            count: u32_at(head, 20),
            number: u64_at(head, 24),
            first_position: u64_at(head, 32),
            durable_upto: u64_at(head, 40),
            length: u32_at(head, 48),
            previous: u32_at(head, 52),
            payload_crc: u32_at(head, 56),
        }
    }

    /// Whether `flag` is set.
    pub(crate) fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// Header and payload.
    pub(crate) fn bytes(&self) -> usize {
        BLOCK_HEADER_BYTES + self.length as usize
    }

    /// The last record's position; of an empty block, that of the record before it.
    pub(crate) fn last_position(&self) -> u64 {
        self.first_position + u64::from(self.count) - 1
    }

    /// Whether `payload` is the one this header was written for, record by record.
    pub(crate) fn is_sound(&self, payload: &[u8]) -> bool {
        if self.count == 0 {
            return crc32c::crc32c(payload) == self.payload_crc;
        }
        let (mut rest, mut crc) = (payload, 0);
        for _ in 0..self.count {
            let Some((record, after)) = record::split(rest, Position::ZERO) else { return false };
            if !record::is_sound(rest, &record) {
                return false;
            }
            crc = crc32c::crc32c_append(crc, &record.checksum.to_le_bytes());
            rest = after;
        }
        rest.is_empty() && crc == self.payload_crc
    }

    /// The records of a payload that was found sound.
    pub(crate) fn records<'a>(&self, payload: &'a [u8]) -> impl Iterator<Item = Record<'a>> + use<'a> {
        let (mut rest, first) = (payload, self.first_position);
        (0..u64::from(self.count)).map_while(move |index| {
            let (record, after) = record::split(rest, Position::new(first + index))?;
            rest = after;
            Some(record)
        })
    }
}

/// What a file head carries: which file it begins, and how long that file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileHead {
    pub(crate) file: u64,
    pub(crate) file_bytes: u64,
}

impl FileHead {
    pub(crate) const BYTES: usize = 16;

    pub(crate) fn encode(self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        out[..8].copy_from_slice(&self.file.to_le_bytes());
        out[8..].copy_from_slice(&self.file_bytes.to_le_bytes());
        out
    }

    pub(crate) fn decode(payload: &[u8]) -> Option<Self> {
        let exact = payload.len() == Self::BYTES;
        exact.then(|| Self { file: u64_at(payload, 0), file_bytes: u64_at(payload, 8) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    fn header(seed: u64) -> BlockHeader {
        let mut rng = fastrand::Rng::with_seed(seed);
        BlockHeader {
            version: rng.u16(1..=LOG_FORMAT),
            flags: rng.u16(..),
            log_id: rng.u64(..),
            incarnation: rng.u32(..),
            count: rng.u32(..),
            number: rng.u64(..),
            first_position: rng.u64(..),
            durable_upto: rng.u64(..),
            length: rng.u32(..),
            previous: rng.u32(..),
            payload_crc: rng.u32(..),
        }
    }

    proptest! {
        #[test]
        fn a_header_is_read_as_it_was_written_and_no_flipped_bit_passes(seed in any::<u64>(), bit in 0..512_usize) {
            let mut bytes = [0; BLOCK_HEADER_BYTES];
            let crc = header(seed).encode(&mut bytes);
            prop_assert_eq!(BlockHeader::decode(&bytes), Ok((header(seed), crc)));
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(BlockHeader::decode(&bytes).is_err());
        }

        #[test]
        fn arbitrary_bytes_never_panic_the_decoder(count in 0..5_u32, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(BlockHeader::decode(&bytes).is_err());
            let header = BlockHeader { count, ..header(1) };
            header.is_sound(&bytes);
            prop_assert!(header.records(&bytes).count() <= count as usize);
            prop_assert_eq!(FileHead::decode(&bytes).is_some(), bytes.len() == FileHead::BYTES);
        }
    }

    #[test]
    fn blocks_are_written_as_version_2_and_a_copy_keeps_its_own() {
        let mut bytes = [0; BLOCK_HEADER_BYTES];
        crate::chain::Chain::new(7).header(0, 1, 40, 3).encode(&mut bytes);
        assert_eq!(bytes[..6], *b"TWBL\x02\x00");
        let old = BlockHeader { version: 1, ..header(2) };
        let crc = old.encode(&mut bytes);
        assert_eq!((bytes[4], BlockHeader::decode(&bytes)), (1, Ok((old, crc))));
    }

    #[test]
    fn a_newer_version_with_a_sound_header_is_named() {
        let mut bytes = [0; BLOCK_HEADER_BYTES];
        header(5).encode(&mut bytes);
        bytes[4..6].copy_from_slice(&(LOG_FORMAT + 1).to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..HEADER_CRC_AT]);
        bytes[HEADER_CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(BlockHeader::decode(&bytes), Err(HeaderFault::Newer(LOG_FORMAT + 1)));
    }
}
