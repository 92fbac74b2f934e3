//! The two ends of a segment, 64 bytes each at the beginning of a page, little-endian, the rest of the page zero:
//!
//! ```text
//!  header  0       4         6      8        16       24           32                  60
//!         | "TWSG" | version | zero | log id | number | file bytes | zero …            | CRC |
//!
//!  footer  0       4         6      8        16       24           32                 40        48                52              56       60
//!         | "TWSF" | version | zero | log id | number | file bytes | directory offset | records | directory bytes | directory CRC | pieces | CRC |
//! ```
//!
//! Each CRC covers the 60 bytes before it and stands there in every version, so that a newer one is known as sound.

use crate::{
    limits::SEGMENT_FORMAT,
    record::{u32_at, u64_at},
};

pub(super) const FRAME_BYTES: usize = 64;
const CRC_AT: usize = 60;
const HEADER_MAGIC: [u8; 4] = *b"TWSG";
const FOOTER_MAGIC: [u8; 4] = *b"TWSF";

/// What both ends say, so that neither can belong to another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) log_id: u64,
    pub(super) number: u64,
    pub(super) file_bytes: u64,
}

/// The last page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) identity: Identity,
    pub(super) directory_offset: u64,
    pub(super) directory_bytes: u32,
    pub(super) directory_crc: u32,
    pub(super) pieces: u32,
    pub(super) records: u64,
}

/// Why bytes are no end of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameFault {
    Damaged,
    Newer(u16),
}

impl Identity {
    fn encode(&self, magic: [u8; 4]) -> [u8; FRAME_BYTES] {
        let mut out = [0; FRAME_BYTES];
        out[0..4].copy_from_slice(&magic);
        out[4..6].copy_from_slice(&SEGMENT_FORMAT.to_le_bytes());
        out[8..16].copy_from_slice(&self.log_id.to_le_bytes());
        out[16..24].copy_from_slice(&self.number.to_le_bytes());
        out[24..32].copy_from_slice(&self.file_bytes.to_le_bytes());
        out
    }

    fn fields(frame: &[u8]) -> Self {
        Self { log_id: u64_at(frame, 8), number: u64_at(frame, 16), file_bytes: u64_at(frame, 24) }
    }

    /// The identity as a header.
    pub(super) fn header(&self) -> [u8; FRAME_BYTES] {
        sealed(self.encode(HEADER_MAGIC)).0
    }

    /// What a header says.
    pub(super) fn of_header(page: &[u8]) -> Result<Self, FrameFault> {
        Ok(Self::fields(frame(page, HEADER_MAGIC)?))
    }
}

impl Footer {
    /// The footer's bytes and their CRC, which a list of segments repeats.
    pub(super) fn encode(&self) -> ([u8; FRAME_BYTES], u32) {
        let mut out = self.identity.encode(FOOTER_MAGIC);
        out[32..40].copy_from_slice(&self.directory_offset.to_le_bytes());
        out[40..48].copy_from_slice(&self.records.to_le_bytes());
        out[48..52].copy_from_slice(&self.directory_bytes.to_le_bytes());
        out[52..56].copy_from_slice(&self.directory_crc.to_le_bytes());
        out[56..60].copy_from_slice(&self.pieces.to_le_bytes());
        sealed(out)
    }

    /// What a footer says, and its CRC.
    pub(super) fn decode(page: &[u8]) -> Result<(Self, u32), FrameFault> {
        let frame = frame(page, FOOTER_MAGIC)?;
        let footer = Self {
            identity: Identity::fields(frame),
            directory_offset: u64_at(frame, 32),
            records: u64_at(frame, 40),
            directory_bytes: u32_at(frame, 48),
            directory_crc: u32_at(frame, 52),
            pieces: u32_at(frame, 56),
        };
        Ok((footer, u32_at(frame, CRC_AT)))
    }
}

fn sealed(mut frame: [u8; FRAME_BYTES]) -> ([u8; FRAME_BYTES], u32) {
    let crc = crc32c::crc32c(&frame[..CRC_AT]);
    frame[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
    (frame, crc)
}

fn frame(page: &[u8], magic: [u8; 4]) -> Result<&[u8], FrameFault> {
    let frame = page.get(..FRAME_BYTES).ok_or(FrameFault::Damaged)?;
    if frame[0..4] != magic || crc32c::crc32c(&frame[..CRC_AT]) != u32_at(frame, CRC_AT) {
        return Err(FrameFault::Damaged);
    }
    match u16::from_le_bytes([frame[4], frame[5]]) {
        version if version > SEGMENT_FORMAT => Err(FrameFault::Newer(version)),
        _ => Ok(frame),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    fn footer(seed: u64) -> Footer {
        let mut rng = fastrand::Rng::with_seed(seed);
        Footer {
            identity: Identity { log_id: rng.u64(..), number: rng.u64(..), file_bytes: rng.u64(..) },
            directory_offset: rng.u64(..),
            directory_bytes: rng.u32(..),
            directory_crc: rng.u32(..),
            pieces: rng.u32(..),
            records: rng.u64(..),
        }
    }

    #[test]
    fn a_newer_version_with_a_sound_checksum_is_named() {
        let (mut bytes, _) = footer(1).encode();
        bytes[4..6].copy_from_slice(&(SEGMENT_FORMAT + 1).to_le_bytes());
        assert_eq!(Footer::decode(&sealed(bytes).0), Err(FrameFault::Newer(SEGMENT_FORMAT + 1)));
    }

    proptest! {
        #[test]
        fn both_ends_are_read_as_written_and_no_flipped_bit_passes(seed in any::<u64>(), bit in 0..512_usize) {
            let footer = footer(seed);
            let (mut bytes, crc) = footer.encode();
            prop_assert_eq!(Footer::decode(&bytes), Ok((footer, crc)));
            prop_assert_eq!(Identity::of_header(&bytes), Err(FrameFault::Damaged));
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Footer::decode(&bytes), Err(FrameFault::Damaged));
            let mut bytes = footer.identity.header();
            prop_assert_eq!(Identity::of_header(&bytes), Ok(footer.identity));
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Identity::of_header(&bytes), Err(FrameFault::Damaged));
        }

        #[test]
        fn arbitrary_bytes_are_no_end_of_a_segment(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(Footer::decode(&bytes), Err(FrameFault::Damaged));
            prop_assert_eq!(Identity::of_header(&bytes), Err(FrameFault::Damaged));
        }
    }
}
