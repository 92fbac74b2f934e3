//! The file `manifest`: which log this folder holds, and where it begins after trimming.
//!
//! ```text
//!  0       4         6      8        16            20         24          32           40              48     60
//! | "TWMF" | version | zero | log id | incarnation | previous | base file | base block | base position | zero | CRC |
//! ```
//!
//! One page, written under another name, synced, then renamed, so that it is always whole. Files before the base file
//! are left-overs of a trim; a missing base file is a loss, never an empty log.

use std::io;

use crate::{
    aligned::AlignedBuf,
    chain::Chain,
    error::{Fault, OpenError},
    io::Io,
    limits::{FORMAT_VERSION, PAGE_BYTES},
    record::{u32_at, u64_at},
};

pub(crate) const MANIFEST: &str = "manifest";
pub(crate) const MANIFEST_NEW: &str = "manifest.tmp";
const MAGIC: [u8; 4] = *b"TWMF";
const CRC_AT: usize = 60;
const MANIFEST_BYTES: usize = 64;

/// Where a log file begins: its number, and the log's end when its head was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileStart {
    pub(crate) file: u64,
    pub(crate) chain: Chain,
}

/// Why bytes are no manifest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ManifestFault {
    Damaged,
    Newer(u16),
}

pub(crate) fn encode(base: &FileStart) -> [u8; MANIFEST_BYTES] {
    let mut out = [0; MANIFEST_BYTES];
    out[0..4].copy_from_slice(&MAGIC);
    out[4..6].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    out[8..16].copy_from_slice(&base.chain.log_id.to_le_bytes());
    out[16..20].copy_from_slice(&base.chain.incarnation.to_le_bytes());
    out[20..24].copy_from_slice(&base.chain.previous.to_le_bytes());
    out[24..32].copy_from_slice(&base.file.to_le_bytes());
    out[32..40].copy_from_slice(&base.chain.number.to_le_bytes());
    out[40..48].copy_from_slice(&base.chain.position.to_le_bytes());
    let crc = crc32c::crc32c(&out[..CRC_AT]);
    out[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
    out
}

pub(crate) fn decode(bytes: &[u8]) -> Result<FileStart, ManifestFault> {
    let head = bytes.get(..MANIFEST_BYTES).ok_or(ManifestFault::Damaged)?;
    if head[0..4] != MAGIC || crc32c::crc32c(&head[..CRC_AT]) != u32_at(head, CRC_AT) {
        return Err(ManifestFault::Damaged);
    }
    let version = u16::from_le_bytes([head[4], head[5]]);
    if version > FORMAT_VERSION {
        return Err(ManifestFault::Newer(version));
    }
    let chain = Chain {
        log_id: u64_at(head, 8),
        incarnation: u32_at(head, 16),
        number: u64_at(head, 32),
        position: u64_at(head, 40),
        previous: u32_at(head, 20),
    };
    Ok(FileStart { file: u64_at(head, 24), chain })
}

/// Puts a new manifest in the place of the old one, durably.
pub(crate) fn replace(io: &dyn Io, base: &FileStart) -> Result<(), Fault> {
    let mut page = AlignedBuf::new(PAGE_BYTES);
    page[..MANIFEST_BYTES].copy_from_slice(&encode(base));
    let file = io.create(MANIFEST_NEW, PAGE_BYTES as u64).map_err(Fault::of(MANIFEST_NEW, "create"))?;
    file.write_at(0, &page).map_err(Fault::at(MANIFEST_NEW, "write", 0))?;
    file.sync().map_err(Fault::of(MANIFEST_NEW, "sync"))?;
    io.rename(MANIFEST_NEW, MANIFEST).map_err(Fault::of(MANIFEST_NEW, "rename"))?;
    io.sync_names().map_err(Fault::of(MANIFEST, "sync of the folder"))
}

/// Reads the manifest; `None` if there is none.
pub(crate) fn read(io: &dyn Io) -> Result<Option<FileStart>, OpenError> {
    let file = match io.open(MANIFEST) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(Fault::of(MANIFEST, "open"))?,
    };
    let mut page = AlignedBuf::new(PAGE_BYTES);
    let read = file.read_at(0, &mut page).map_err(Fault::at(MANIFEST, "read", 0))?;
    match decode(&page[..read]) {
        Ok(base) => Ok(Some(base)),
        Err(ManifestFault::Newer(found)) => Err(OpenError::NewerFormat { file: MANIFEST.into(), found }),
        Err(ManifestFault::Damaged) => Err(OpenError::corrupt(MANIFEST, 0, "its checksum is wrong")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    const BASE: FileStart =
        FileStart { file: 12, chain: Chain { log_id: 99, incarnation: 3, number: 400, position: 5000, previous: 6 } };

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        assert_eq!(decode(&encode(&BASE)), Ok(BASE));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() {
        for bit in 0..MANIFEST_BYTES * 8 {
            let mut bytes = encode(&BASE);
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bytes), Err(ManifestFault::Damaged), "bit {bit}");
        }
        for len in 0..MANIFEST_BYTES {
            assert_eq!(decode(&encode(&BASE)[..len]), Err(ManifestFault::Damaged), "length {len}");
        }
    }

    #[test]
    fn a_newer_manifest_is_named() {
        let mut bytes = encode(&BASE);
        bytes[4..6].copy_from_slice(&9_u16.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(decode(&bytes), Err(ManifestFault::Newer(9)));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_no_manifest(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(decode(&bytes), Err(ManifestFault::Damaged));
        }
    }
}
