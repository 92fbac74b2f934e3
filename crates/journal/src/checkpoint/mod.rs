//! Checkpoint files: what partitions were at a position, so that the log before it is not needed for them.
//!
//! ```text
//! page 0     "TWCP" | version 2 | flags 2 | log id 8 | number 8 | zeros … | CRC 4 at byte 60 | zeros to the end of the page
//! page 1 …   snapshots, packed one after the other, then zeros up to a full page
//! last page  "TWCF" | version 2 | zero 2 | log id 8 | number 8 | count 8 | bytes 8 | snapshots CRC 4 | zeros … | CRC 4 at byte 60 | zeros
//!
//! a snapshot:
//!  0          4             8           16         24         32       36        37      38     40
//! | checksum | state bytes | partition | position | sequence | pieces | version | flags | zero | pieces … | state … |
//! ```
//!
//! A snapshot's checksum covers all that follows it in the snapshot, the snapshots CRC runs over these checksums in order,
//! and the manifest holds the footer's CRC and the file's length: a checkpoint is whole or it is refused.

mod reader;
mod writer;

use std::borrow::Cow;

use names::{PartitionId, Position};

use crate::{
    limits::{CHECKPOINT_FORMAT, PAGE_BYTES},
    record::{u32_at, u64_at},
    segment::Piece,
    shelf::numbered,
};

pub(crate) use reader::Reader;
pub(crate) use writer::write;

/// A checkpoint while it is written; left over only by a crash.
pub(crate) const CHECKPOINT_NEW: &str = "checkpoint.tmp";
/// Bytes of a snapshot before its pieces.
const SNAPSHOT_HEADER_BYTES: usize = 40;
const CHECKSUM_BYTES: usize = 4;
/// Header and footer, without their pages' zeros.
const END_BYTES: usize = 64;
const END_CRC_AT: usize = 60;
const HEADER_MAGIC: [u8; 4] = *b"TWCP";
const FOOTER_MAGIC: [u8; 4] = *b"TWCF";
/// In a header: every partition is in this checkpoint, and none in an older one counts.
const COMPLETE: u16 = 1;
/// In a snapshot: the partition is over.
const OVER: u8 = 1;
/// In a snapshot: its state is sealed.
const SEALED: u8 = 2;

/// What one partition was at a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot<'a> {
    /// Whose.
    pub partition: PartitionId,
    /// The state contains every record of the partition up to here, and none after.
    pub position: Position,
    /// The sequence of the partition's last record up to there; 0 if it had none.
    pub sequence: u64,
    /// Which layout `state` has; the partition's owner knows.
    pub version: u8,
    /// The partition is over: nothing of it will be asked for again.
    pub over: bool,
    /// The state is sealed, and begins with what says under which key; what sealed bytes look like, the engine knows.
    pub sealed: bool,
    /// What of it stands in segments.
    pub pieces: Cow<'a, [Piece]>,
    /// The machine's state.
    pub state: Cow<'a, [u8]>,
}

/// A checkpoint file that the manifest lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CheckpointFile {
    pub(crate) number: u64,
    pub(crate) bytes: u64,
    pub(crate) footer_crc: u32,
}

/// The name of checkpoint `number`.
pub(crate) fn checkpoint_name(number: u64) -> String {
    format!("checkpoint-{number:016}.tw")
}

/// The number in `name` if it is a checkpoint's.
pub(crate) fn checkpoint_number(name: &str) -> Option<u64> {
    numbered(name, "checkpoint-")
}

/// What the first page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) log_id: u64,
    pub(crate) number: u64,
    pub(crate) complete: bool,
}

/// What the last page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Footer {
    log_id: u64,
    number: u64,
    count: u64,
    bytes: u64,
    snapshots_crc: u32,
}

/// Why a page is no header or footer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EndFault {
    Damaged,
    Newer(u16),
}

/// Closes a header or footer and returns its CRC.
fn seal_end(page: &mut [u8], magic: [u8; 4]) -> u32 {
    page[0..4].copy_from_slice(&magic);
    page[4..6].copy_from_slice(&CHECKPOINT_FORMAT.to_le_bytes());
    let crc = crc32c::crc32c(&page[..END_CRC_AT]);
    page[END_CRC_AT..END_BYTES].copy_from_slice(&crc.to_le_bytes());
    crc
}

/// Checks a header or footer with its page's zeros, and returns its CRC.
fn check_end(page: &[u8], magic: [u8; 4]) -> Result<u32, EndFault> {
    if page.len() != PAGE_BYTES || page[0..4] != magic {
        return Err(EndFault::Damaged);
    }
    let crc = crc32c::crc32c(&page[..END_CRC_AT]);
    if crc != u32_at(page, END_CRC_AT) {
        return Err(EndFault::Damaged);
    }
    let version = u16::from_le_bytes([page[4], page[5]]);
    if version > CHECKPOINT_FORMAT {
        return Err(EndFault::Newer(version));
    }
    let zeros = page[END_BYTES..].iter().all(|byte| *byte == 0);
    if zeros { Ok(crc) } else { Err(EndFault::Damaged) }
}

impl Header {
    fn encode(&self, page: &mut [u8]) {
        let flags = if self.complete { COMPLETE } else { 0 };
        page[6..8].copy_from_slice(&flags.to_le_bytes());
        page[8..16].copy_from_slice(&self.log_id.to_le_bytes());
        page[16..24].copy_from_slice(&self.number.to_le_bytes());
        seal_end(page, HEADER_MAGIC);
    }

    fn decode(page: &[u8]) -> Result<Self, EndFault> {
        check_end(page, HEADER_MAGIC)?;
        let flags = u16::from_le_bytes([page[6], page[7]]);
        Ok(Self { log_id: u64_at(page, 8), number: u64_at(page, 16), complete: flags & COMPLETE != 0 })
    }
}

impl Footer {
    /// Writes it and returns its CRC, which the manifest keeps.
    fn encode(&self, page: &mut [u8]) -> u32 {
        page[8..16].copy_from_slice(&self.log_id.to_le_bytes());
        page[16..24].copy_from_slice(&self.number.to_le_bytes());
        page[24..32].copy_from_slice(&self.count.to_le_bytes());
        page[32..40].copy_from_slice(&self.bytes.to_le_bytes());
        page[40..44].copy_from_slice(&self.snapshots_crc.to_le_bytes());
        seal_end(page, FOOTER_MAGIC)
    }

    fn decode(page: &[u8]) -> Result<(Self, u32), EndFault> {
        let crc = check_end(page, FOOTER_MAGIC)?;
        let (log_id, number) = (u64_at(page, 8), u64_at(page, 16));
        let footer =
            Self { log_id, number, count: u64_at(page, 24), bytes: u64_at(page, 32), snapshots_crc: u32_at(page, 40) };
        Ok((footer, crc))
    }
}

impl Snapshot<'_> {
    /// Writes the snapshot into `out`, in place of what stands there, and returns its checksum.
    fn encode(&self, out: &mut Vec<u8>) -> u32 {
        let length = |items: usize| u32::try_from(items).expect("a snapshot is shorter than 4 GiB").to_le_bytes();
        out.clear();
        out.extend([0; CHECKSUM_BYTES]);
        out.extend(length(self.state.len()));
        out.extend(self.partition.get().to_le_bytes());
        out.extend(self.position.get().to_le_bytes());
        out.extend(self.sequence.to_le_bytes());
        out.extend(length(self.pieces.len()));
        let flags = if self.over { OVER } else { 0 } | if self.sealed { SEALED } else { 0 };
        out.extend([self.version, flags, 0, 0]);
        for piece in &*self.pieces {
            out.extend(piece.encode());
        }
        out.extend(&*self.state);
        let checksum = crc32c::crc32c(&out[CHECKSUM_BYTES..]);
        out[..CHECKSUM_BYTES].copy_from_slice(&checksum.to_le_bytes());
        checksum
    }
}

/// Bytes of the snapshot whose header is `header`.
fn snapshot_bytes(header: &[u8]) -> u64 {
    let (state, pieces) = (u64::from(u32_at(header, 4)), u64::from(u32_at(header, 32)));
    SNAPSHOT_HEADER_BYTES as u64 + pieces * Piece::BYTES as u64 + state
}

/// Reads a whole snapshot and its checksum; `None` if the checksum is wrong.
fn decode_snapshot(bytes: &[u8]) -> Option<(Snapshot<'_>, u32)> {
    let checksum = u32_at(bytes, 0);
    if crc32c::crc32c(&bytes[CHECKSUM_BYTES..]) != checksum {
        return None;
    }
    let (header, rest) = bytes.split_at(SNAPSHOT_HEADER_BYTES);
    let (pieces, state) = rest.split_at(u32_at(header, 32) as usize * Piece::BYTES);
    let snapshot = Snapshot {
        partition: PartitionId::new(u64_at(header, 8)),
        position: Position::new(u64_at(header, 16)),
        sequence: u64_at(header, 24),
        version: header[36],
        over: header[37] & OVER != 0,
        sealed: header[37] & SEALED != 0,
        pieces: pieces.as_chunks().0.iter().map(Piece::decode).collect(),
        state: Cow::Borrowed(state),
    };
    Some((snapshot, checksum))
}
