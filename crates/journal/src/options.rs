//! What an opener may choose. The defaults are the product's; tests use small files.

use crate::{limits, segment::SegmentSizes};

/// Who moves the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drive {
    /// A commit thread and a keeper thread, which zeroes.
    #[default]
    Thread,
    /// The caller, by `Journal::commit`, `Journal::seal` and `Journal::tend`: for simulations.
    Manual,
}

/// Sizes and bounds of a journal.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes of a new log file.
    pub file_bytes: u64,
    /// The largest block, header and padding included.
    pub block_bytes_max: usize,
    /// What may wait for the disk before `append` answers `Full`.
    pub pending_bytes_max: usize,
    /// Zeroed files kept ready.
    pub spares: usize,
    /// Space kept for entries that free space; spare files and the rest of the current file count.
    pub reserve_bytes: u64,
    /// How segments are cut.
    pub segments: SegmentSizes,
    /// Opens although a listed segment is missing, or is another than the listed one, and takes it for a damaged one: a
    /// repair's choice. A server refuses, because whoever put the file elsewhere can put it back.
    pub without_lost_segments: bool,
    /// Threads, or the caller.
    pub drive: Drive,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            file_bytes: limits::FILE_BYTES,
            block_bytes_max: limits::BLOCK_BYTES_MAX,
            pending_bytes_max: limits::PENDING_BYTES_MAX,
            spares: limits::SPARES,
            reserve_bytes: limits::RESERVE_BYTES,
            segments: SegmentSizes::default(),
            without_lost_segments: false,
            drive: Drive::default(),
        }
    }
}

impl Options {
    /// A small journal moved by the caller, for simulations: `files` of `file_bytes`, blocks of at most a quarter.
    pub fn small(file_bytes: u64) -> Self {
        let page = limits::PAGE_BYTES;
        let quarter = usize::try_from(file_bytes / 4).unwrap_or(limits::BLOCK_BYTES_MAX);
        let block_bytes_max = (quarter / page * page).clamp(page, limits::BLOCK_BYTES_MAX);
        let segments =
            SegmentSizes { own_bytes: file_bytes / 8, bytes_max: file_bytes, copy_bytes: block_bytes_max.max(page) };
        Self {
            file_bytes,
            block_bytes_max,
            segments,
            reserve_bytes: 2 * file_bytes,
            drive: Drive::Manual,
            ..Self::default()
        }
    }

    /// Refuses sizes with which no block could be written; a bug of the caller.
    pub(crate) fn check(&self) {
        let page = limits::PAGE_BYTES;
        assert!(self.block_bytes_max >= page && self.block_bytes_max.is_multiple_of(page), "blocks are whole pages");
        assert!(self.file_bytes.is_multiple_of(page as u64), "files are whole pages");
        let least = (self.block_bytes_max + 2 * page) as u64;
        assert!(self.file_bytes >= least, "a file holds its head, the largest block, and a signpost to the next file");
        assert!(self.pending_bytes_max >= self.block_bytes_max, "one full block may always be pending");
        assert!(self.pending_bytes_max <= limits::PENDING_BYTES_MAX, "a crash forgets no more than the bound says");
    }

    /// Free space that the log leaves to segments and checkpoints, without which it could not let go of its oldest file:
    /// as much as one file can hold, and as much again for indexes, snapshots, and whatever else takes space meanwhile.
    pub(crate) fn retire_bytes(&self) -> u64 {
        2 * self.file_bytes
    }

    /// Below this even freeing entries are refused: what pending blocks could waste at the ends of files.
    pub(crate) fn floor_bytes(&self) -> u64 {
        3 * self.block_bytes_max as u64
    }
}
