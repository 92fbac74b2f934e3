//! The file that ends a backup, `backup-<16 digits>.tw`, little-endian, whole pages:
//!
//! ```text
//!  0       4         6      8        16       24        32         40               44          48         52     60    64
//! | "TWBK" | version | zero | log id | number | made at | position | manifest bytes | log files | body CRC | zero | CRC | manifest … | log files … |
//!
//! a log file:  number 8 | bytes 8 | CRC of its last block's header 4 | zero 4
//! ```
//!
//! `position` is the last one that the backup holds. The manifest stands as in its own file, padded to whole pages. The
//! checksum of a log file's last header covers the whole file, for blocks are a chain.

use names::{Instant, Position};

use crate::{
    aligned::{AlignedBuf, padded},
    error::{Damage, Fault},
    io::Io,
    limits::BACKUP_FORMAT,
    manifest::Manifest,
    record::{u32_at, u64_at},
    shelf::numbered,
};

use super::BackupError;

const MAGIC: [u8; 4] = *b"TWBK";
const HEAD_BYTES: usize = 64;
const CRC_AT: usize = 60;
const LOG_BYTES: usize = 24;
const INDEX_NEW: &str = "backup.tmp";

/// As much of a log file as was durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogExtent {
    pub(super) number: u64,
    pub(super) bytes: u64,
    pub(super) crc: u32,
}

/// What one backup consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) number: u64,
    pub(super) made_at: Instant,
    pub(super) last: Position,
    pub(super) manifest: Manifest,
    pub(super) logs: Vec<LogExtent>,
}

fn index_name(number: u64) -> String {
    format!("backup-{number:016}.tw")
}

impl Index {
    pub(super) fn log_id(&self) -> u64 {
        self.manifest.base.chain.log_id
    }

    fn encode(&self) -> Vec<u8> {
        let count = |items: usize| u32::try_from(items).expect("a folder has fewer than 2^32 files").to_le_bytes();
        let mut body = self.manifest.to_pages();
        let manifest_bytes = body.len();
        for LogExtent { number, bytes, crc } in &self.logs {
            body.extend([number.to_le_bytes(), bytes.to_le_bytes()].as_flattened());
            body.extend([crc.to_le_bytes(), [0; 4]].as_flattened());
        }
        let mut out = vec![0; HEAD_BYTES];
        out[0..4].copy_from_slice(&MAGIC);
        out[4..6].copy_from_slice(&BACKUP_FORMAT.to_le_bytes());
        out[8..16].copy_from_slice(&self.log_id().to_le_bytes());
        out[16..24].copy_from_slice(&self.number.to_le_bytes());
        out[24..32].copy_from_slice(&self.made_at.as_millis().to_le_bytes());
        out[32..40].copy_from_slice(&self.last.get().to_le_bytes());
        out[40..44].copy_from_slice(&count(manifest_bytes));
        out[44..48].copy_from_slice(&count(self.logs.len()));
        out[48..52].copy_from_slice(&crc32c::crc32c(&body).to_le_bytes());
        let crc = crc32c::crc32c(&out[..CRC_AT]);
        out[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        out.extend(body);
        out
    }

    /// Reads what `encode` wrote; the reason if these bytes are no index.
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let head = bytes.get(..HEAD_BYTES).ok_or("it is too short")?;
        if head[0..4] != MAGIC || crc32c::crc32c(&head[..CRC_AT]) != u32_at(head, CRC_AT) {
            return Err("its checksum is wrong".into());
        }
        let version = u16::from_le_bytes([head[4], head[5]]);
        if version > BACKUP_FORMAT {
            return Err(format!("it has format {version}, and this version reads formats up to {BACKUP_FORMAT}"));
        }
        let (manifest_bytes, logs) = (u32_at(head, 40) as usize, u32_at(head, 44) as usize);
        let body = bytes.get(HEAD_BYTES..HEAD_BYTES + manifest_bytes + logs * LOG_BYTES).ok_or("it is too short")?;
        if crc32c::crc32c(body) != u32_at(head, 48) {
            return Err("the checksum of its lists is wrong".into());
        }
        let (manifest, logs) = body.split_at(manifest_bytes);
        let log = |item: &[u8]| LogExtent { number: u64_at(item, 0), bytes: u64_at(item, 8), crc: u32_at(item, 16) };
        Ok(Self {
            number: u64_at(head, 16),
            made_at: Instant::from_millis(u64_at(head, 24)),
            last: Position::new(u64_at(head, 32)),
            manifest: Manifest::of_pages(manifest).ok_or("the manifest in it is damaged")?,
            logs: logs.chunks_exact(LOG_BYTES).map(log).collect(),
        })
    }
}

/// All indexes of a folder, by number. A damaged one is a refusal: what it named may be missed by nobody else.
pub(super) fn read_all(io: &dyn Io) -> Result<Vec<Index>, BackupError> {
    let names = io.list().map_err(Fault::of("backup", "list"))?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| numbered(name, "backup-")).collect();
    numbers.sort_unstable();
    let mut indexes = Vec::new();
    for number in numbers {
        let name = index_name(number);
        let file = io.open(&name).map_err(Fault::of(&name, "open"))?;
        let bytes = file.len().map_err(Fault::of(&name, "length"))?;
        let mut pages = AlignedBuf::new(padded(usize::try_from(bytes).unwrap_or(usize::MAX / 2)));
        let read = file.read_at(0, &mut pages).map_err(Fault::at(&name, "read", 0))?;
        indexes.push(Index::decode(&pages[..read]).map_err(|why| Damage::at(&name, 0, why))?);
    }
    Ok(indexes)
}

/// Ends a backup, durably.
pub(super) fn write(io: &dyn Io, index: &Index) -> Result<(), Fault> {
    let bytes = index.encode();
    let mut pages = AlignedBuf::new(padded(bytes.len()));
    pages[..bytes.len()].copy_from_slice(&bytes);
    // A left-over of an attempt that was broken off.
    let _ = io.remove(INDEX_NEW);
    // Gone for good, or a crash could give the index's name to it.
    io.sync_names().map_err(Fault::of("backup", "sync of the folder"))?;
    let file = io.create(INDEX_NEW, pages.len() as u64).map_err(Fault::of(INDEX_NEW, "create"))?;
    file.write_at(0, &pages).map_err(Fault::at(INDEX_NEW, "write", 0))?;
    file.sync().map_err(Fault::of(INDEX_NEW, "sync"))?;
    io.rename(INDEX_NEW, &index_name(index.number)).map_err(Fault::of(INDEX_NEW, "rename"))?;
    io.sync_names().map_err(Fault::of("backup", "sync of the folder"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{chain::Chain, checkpoint::CheckpointFile, manifest::FileStart};

    fn index() -> Index {
        let chain = Chain { log_id: 99, incarnation: 3, number: 400, position: 5000, previous: 6 };
        let mut manifest = Manifest::new(FileStart { file: 12, chain });
        manifest.checkpoints.push(CheckpointFile { number: 4, bytes: 8192, footer_crc: 7 });
        let logs = (12..20).map(|number| LogExtent { number, bytes: number << 12, crc: 5 }).collect();
        Index { number: 3, made_at: Instant::from_millis(77), last: Position::new(6000), manifest, logs }
    }

    #[test]
    fn an_index_is_read_as_it_was_written_and_no_flipped_bit_or_cut_passes() {
        let bytes = index().encode();
        assert_eq!(Index::decode(&bytes), Ok(index()));
        for bit in 0..bytes.len() * 8 {
            let mut hurt = bytes.clone();
            hurt[bit / 8] ^= 1 << (bit % 8);
            assert!(Index::decode(&hurt).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(Index::decode(&bytes[..len]).is_err(), "length {len}");
        }
    }
}
