//! The file `manifest`: which log this folder holds, where it begins, and which checkpoints and segments belong to it.
//!
//! ```text
//!  0       4         6      8        16            20         24          32           40              48            52         56          60
//! | "TWMF" | version | zero | log id | incarnation | previous | base file | base block | base position | checkpoints | segments | lists CRC | CRC | lists …
//!
//! a checkpoint:  number 8 | bytes 8 | footer CRC 4 | zero 4         a segment:  number 8 | bytes 8 | records 8 | footer CRC 4 | zero 4
//! ```
//!
//! Whole pages, written under another name, synced, then renamed, so that it is always whole. What it does not name is a
//! left-over; what it names and is not there is a loss. Version 1 was the head alone, with zeros in place of the lists.

use std::io;

use crate::{
    aligned::{AlignedBuf, padded},
    chain::Chain,
    checkpoint::CheckpointFile,
    error::{Fault, OpenError},
    io::{Io, IoFile},
    limits::{MANIFEST_FORMAT, PAGE_BYTES},
    record::{u32_at, u64_at},
    segment::SegmentInfo,
};

pub(crate) const MANIFEST: &str = "manifest";
pub(crate) const MANIFEST_NEW: &str = "manifest.tmp";
const MAGIC: [u8; 4] = *b"TWMF";
const LISTS_CRC_AT: usize = 56;
const CRC_AT: usize = 60;
const HEAD_BYTES: usize = 64;
const CHECKPOINT_BYTES: usize = 24;
const SEGMENT_BYTES: usize = 32;

/// Where a log file begins: its number, and the log's end when its head was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileStart {
    pub(crate) file: u64,
    pub(crate) chain: Chain,
}

/// What belongs to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// The oldest file of the log.
    pub(crate) base: FileStart,
    /// A complete checkpoint, then those of what changed, oldest first.
    pub(crate) checkpoints: Vec<CheckpointFile>,
    /// By number.
    pub(crate) segments: Vec<SegmentInfo>,
}

/// Why bytes are no manifest.
#[derive(Debug, PartialEq, Eq)]
enum ManifestFault {
    Damaged { offset: usize, why: &'static str },
    Newer(u16),
}

const HEAD_DAMAGED: ManifestFault = ManifestFault::Damaged { offset: 0, why: "its checksum is wrong" };
const LISTS_DAMAGED: ManifestFault =
    ManifestFault::Damaged { offset: HEAD_BYTES, why: "the checksum of its lists is wrong" };

/// The head, checked.
struct Head {
    version: u16,
    base: FileStart,
    checkpoints: usize,
    segments: usize,
    lists_crc: u32,
}

impl Head {
    fn decode(bytes: &[u8]) -> Result<Self, ManifestFault> {
        let head = bytes.get(..HEAD_BYTES).ok_or(HEAD_DAMAGED)?;
        if head[0..4] != MAGIC || crc32c::crc32c(&head[..CRC_AT]) != u32_at(head, CRC_AT) {
            return Err(HEAD_DAMAGED);
        }
        let version = u16::from_le_bytes([head[4], head[5]]);
        if version > MANIFEST_FORMAT {
            return Err(ManifestFault::Newer(version));
        }
        let chain = Chain {
            log_id: u64_at(head, 8),
            incarnation: u32_at(head, 16),
            number: u64_at(head, 32),
            position: u64_at(head, 40),
            previous: u32_at(head, 20),
        };
        let base = FileStart { file: u64_at(head, 24), chain };
        let (checkpoints, segments) = (u32_at(head, 48) as usize, u32_at(head, 52) as usize);
        Ok(Self { version, base, checkpoints, segments, lists_crc: u32_at(head, LISTS_CRC_AT) })
    }

    fn total_bytes(&self) -> usize {
        HEAD_BYTES + self.checkpoints * CHECKPOINT_BYTES + self.segments * SEGMENT_BYTES
    }
}

impl Manifest {
    /// Of a log that begins at `base` and has nothing but its files.
    pub(crate) fn new(base: FileStart) -> Self {
        Self { base, checkpoints: Vec::new(), segments: Vec::new() }
    }

    /// The manifest as whole pages.
    pub(crate) fn to_pages(&self) -> Vec<u8> {
        let mut pages = self.encode();
        pages.resize(padded(pages.len()), 0);
        pages
    }

    /// What `to_pages` wrote.
    pub(crate) fn of_pages(pages: &[u8]) -> Option<Self> {
        Self::decode(pages).ok()
    }

    fn encode(&self) -> Vec<u8> {
        let count = |items: usize| u32::try_from(items).expect("a folder has fewer than 2^32 files").to_le_bytes();
        let mut lists = Vec::new();
        for CheckpointFile { number, bytes, footer_crc } in &self.checkpoints {
            lists.extend([number.to_le_bytes(), bytes.to_le_bytes()].as_flattened());
            lists.extend([footer_crc.to_le_bytes(), [0; 4]].as_flattened());
        }
        for SegmentInfo { number, bytes, records, footer_crc } in &self.segments {
            lists.extend([number.to_le_bytes(), bytes.to_le_bytes(), records.to_le_bytes()].as_flattened());
            lists.extend([footer_crc.to_le_bytes(), [0; 4]].as_flattened());
        }
        let chain = &self.base.chain;
        let mut out = vec![0; HEAD_BYTES];
        out[0..4].copy_from_slice(&MAGIC);
        out[4..6].copy_from_slice(&MANIFEST_FORMAT.to_le_bytes());
        out[8..16].copy_from_slice(&chain.log_id.to_le_bytes());
        out[16..20].copy_from_slice(&chain.incarnation.to_le_bytes());
        out[20..24].copy_from_slice(&chain.previous.to_le_bytes());
        out[24..32].copy_from_slice(&self.base.file.to_le_bytes());
        out[32..40].copy_from_slice(&chain.number.to_le_bytes());
        out[40..48].copy_from_slice(&chain.position.to_le_bytes());
        out[48..52].copy_from_slice(&count(self.checkpoints.len()));
        out[52..56].copy_from_slice(&count(self.segments.len()));
        out[LISTS_CRC_AT..CRC_AT].copy_from_slice(&crc32c::crc32c(&lists).to_le_bytes());
        let crc = crc32c::crc32c(&out[..CRC_AT]);
        out[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        out.extend(lists);
        out
    }

    /// Reads what `encode` wrote, padded with zeros to whole pages.
    fn decode(bytes: &[u8]) -> Result<Self, ManifestFault> {
        let head = Head::decode(bytes)?;
        if head.version == 1 {
            return Ok(Self::new(head.base));
        }
        let lists = bytes.get(HEAD_BYTES..head.total_bytes()).ok_or(LISTS_DAMAGED)?;
        if crc32c::crc32c(lists) != head.lists_crc {
            return Err(LISTS_DAMAGED);
        }
        let padding = &bytes[head.total_bytes()..];
        if bytes.len() != padded(head.total_bytes()) || padding.iter().any(|byte| *byte != 0) {
            let why = "something else than zeros stands behind its lists";
            return Err(ManifestFault::Damaged { offset: head.total_bytes(), why });
        }
        let (checkpoints, segments) = lists.split_at(head.checkpoints * CHECKPOINT_BYTES);
        let checkpoint = |item: &[u8]| CheckpointFile {
            number: u64_at(item, 0),
            bytes: u64_at(item, 8),
            footer_crc: u32_at(item, 16),
        };
        let segment = |item: &[u8]| SegmentInfo {
            number: u64_at(item, 0),
            bytes: u64_at(item, 8),
            records: u64_at(item, 16),
            footer_crc: u32_at(item, 24),
        };
        Ok(Self {
            base: head.base,
            checkpoints: checkpoints.chunks_exact(CHECKPOINT_BYTES).map(checkpoint).collect(),
            segments: segments.chunks_exact(SEGMENT_BYTES).map(segment).collect(),
        })
    }
}

/// Writes a new manifest beside the old one, durably. On an error the old one is untouched.
pub(crate) fn prepare(io: &dyn Io, manifest: &Manifest) -> Result<(), Fault> {
    let bytes = manifest.encode();
    let mut pages = AlignedBuf::new(padded(bytes.len()));
    pages[..bytes.len()].copy_from_slice(&bytes);
    let file = io.create(MANIFEST_NEW, pages.len() as u64).map_err(Fault::of(MANIFEST_NEW, "create"))?;
    file.write_at(0, &pages).map_err(Fault::at(MANIFEST_NEW, "write", 0))?;
    file.sync().map_err(Fault::of(MANIFEST_NEW, "sync"))
}

/// Puts the prepared manifest in the place of the old one, durably. After an error either of the two may count.
pub(crate) fn install(io: &dyn Io) -> Result<(), Fault> {
    io.rename(MANIFEST_NEW, MANIFEST).map_err(Fault::of(MANIFEST_NEW, "rename"))?;
    io.sync_names().map_err(Fault::of(MANIFEST, "sync of the folder"))
}

/// Reads the manifest; `None` if there is none.
pub(crate) fn read(io: &dyn Io) -> Result<Option<Manifest>, OpenError> {
    let file = match io.open(MANIFEST) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(Fault::of(MANIFEST, "open"))?,
    };
    let refused = |fault| match fault {
        ManifestFault::Newer(found) => OpenError::newer(MANIFEST, found, MANIFEST_FORMAT),
        ManifestFault::Damaged { offset, why } => OpenError::corrupt(MANIFEST, offset as u64, why),
    };
    let first = read_pages(&*file, PAGE_BYTES)?;
    let head = Head::decode(&first).map_err(refused)?;
    if head.version == 1 {
        return Manifest::decode(&first).map(Some).map_err(refused);
    }
    // The head is sound, so the length that follows from it is one that was written.
    let bytes = padded(head.total_bytes());
    let found = file.len().map_err(Fault::of(MANIFEST, "length"))?;
    if found != bytes as u64 {
        let why = format!("it has {found} bytes in place of {bytes}");
        return Err(OpenError::corrupt(MANIFEST, found.min(bytes as u64), why));
    }
    Manifest::decode(&read_pages(&*file, bytes)?).map(Some).map_err(refused)
}

fn read_pages(file: &dyn IoFile, bytes: usize) -> Result<Vec<u8>, Fault> {
    let mut pages = AlignedBuf::new(bytes);
    let read = file.read_at(0, &mut pages).map_err(Fault::at(MANIFEST, "read", 0))?;
    Ok(pages[..read].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, prop_assert, proptest};

    fn manifest(checkpoints: u64, segments: u64) -> Manifest {
        let chain = Chain { log_id: 99, incarnation: 3, number: 400, position: 5000, previous: 6 };
        let checkpoint =
            |number: u64| CheckpointFile { number, bytes: number * 4096, footer_crc: u32::MAX - number as u32 };
        let segment = |number: u64| SegmentInfo { number, bytes: number << 12, records: number * 3, footer_crc: 7 };
        Manifest {
            base: FileStart { file: 12, chain },
            checkpoints: (1..=checkpoints).map(checkpoint).collect(),
            segments: (5..5 + segments).map(segment).collect(),
        }
    }

    fn pages(manifest: &Manifest) -> Vec<u8> {
        let mut bytes = manifest.encode();
        bytes.resize(padded(bytes.len()), 0);
        bytes
    }

    /// As version 1 wrote it.
    fn version_1(base: &FileStart) -> Vec<u8> {
        let mut bytes = pages(&Manifest::new(*base));
        bytes[4] = 1;
        bytes[48..60].fill(0);
        let crc = crc32c::crc32c(&bytes[..CRC_AT]);
        bytes[CRC_AT..HEAD_BYTES].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written_however_long_its_lists_are() {
        for (checkpoints, segments) in [(0, 0), (1, 0), (0, 1), (7, 40), (168, 0), (3, 400), (40, 5000)] {
            let written = manifest(checkpoints, segments);
            assert_eq!(Manifest::decode(&pages(&written)), Ok(written));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() {
        let whole = pages(&manifest(3, 130));
        assert_eq!(whole.len(), 2 * PAGE_BYTES);
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(Manifest::decode(&bytes), Err(ManifestFault::Damaged { .. })), "bit {bit}");
        }
        for len in 0..whole.len() {
            assert!(matches!(Manifest::decode(&whole[..len]), Err(ManifestFault::Damaged { .. })), "length {len}");
        }
    }

    #[test]
    fn version_1_is_the_head_alone() {
        let Manifest { base, .. } = manifest(0, 0);
        let bytes = version_1(&base);
        assert_eq!(Manifest::decode(&bytes), Ok(Manifest::new(base)));
        for bit in 0..HEAD_BYTES * 8 {
            let mut hurt = bytes.clone();
            hurt[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Manifest::decode(&hurt), Err(HEAD_DAMAGED), "bit {bit}");
        }
    }

    #[test]
    fn a_newer_manifest_is_named() {
        let mut bytes = pages(&manifest(1, 1));
        bytes[4..6].copy_from_slice(&9_u16.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..CRC_AT]);
        bytes[CRC_AT..HEAD_BYTES].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Manifest::decode(&bytes), Err(ManifestFault::Newer(9)));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_no_manifest(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(Manifest::decode(&bytes).is_err());
        }
    }
}
