//! How much the log may still grow, so that a full disk is met with an answer and not with a failed write.
//!
//! Owned space (the rest of the current file, the spares) plus whole files that the disk could still give, without what
//! retiring a file may need: a log that took that too could never shrink again. It is asked of the disk by the keeper and
//! after every checkpoint, and counted on by the writer in between; an append only loads one number.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::options::Options;

/// The count.
pub(crate) struct Space {
    available: AtomicU64,
    /// The same for entries that free space.
    for_freeing: AtomicU64,
    free: AtomicU64,
    file_bytes: u64,
    /// Free space that is not the log's.
    retire: u64,
    reserve: u64,
    floor: u64,
}

impl Space {
    pub(crate) fn new(options: &Options) -> Self {
        let floor = options.floor_bytes();
        Self {
            available: AtomicU64::new(u64::MAX),
            for_freeing: AtomicU64::new(u64::MAX),
            free: AtomicU64::new(u64::MAX),
            file_bytes: options.file_bytes,
            retire: options.retire_bytes(),
            reserve: options.reserve_bytes.max(floor),
            floor,
        }
    }

    /// The disk was asked.
    pub(crate) fn note_free(&self, bytes: u64) {
        self.free.store(bytes, Ordering::Relaxed);
    }

    /// The log owns `room` bytes of the current file and `spares` files, and has left `closed` files.
    ///
    /// While it has left none, nothing can be retired before it rolls. So that a full disk never waits for a roll that
    /// is not allowed, entries that free space may then take one file more; with it comes a closed file.
    pub(crate) fn note_owned(&self, room: u64, spares: usize, closed: usize) {
        let kept_back = if closed == 0 { self.retire - self.file_bytes } else { self.retire };
        self.available.store(self.bytes_beside(self.retire, room, spares), Ordering::Relaxed);
        self.for_freeing.store(self.bytes_beside(kept_back, room, spares), Ordering::Relaxed);
    }

    fn bytes_beside(&self, kept_back: u64, room: u64, spares: usize) -> u64 {
        let free = self.free.load(Ordering::Relaxed).saturating_sub(kept_back);
        let files = free / self.file_bytes + spares as u64;
        files.saturating_mul(self.file_bytes).saturating_add(room)
    }

    /// Whether a spare can be given up when `pending` bytes are still to be written.
    pub(crate) fn can_do_without_a_spare(&self, pending: usize) -> bool {
        let needed = (pending as u64).saturating_add(self.floor).saturating_add(self.file_bytes);
        self.available.load(Ordering::Relaxed) >= needed
    }

    /// Whether an entry may be taken when `pending` bytes, its own included, are to be written.
    pub(crate) fn allows(&self, pending: usize, frees: bool) -> bool {
        let (available, least) = if frees { (&self.for_freeing, self.floor) } else { (&self.available, self.reserve) };
        available.load(Ordering::Relaxed).saturating_sub(pending as u64) >= least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_entries_end_at_the_reserve_and_freeing_ones_at_the_floor() {
        let options = Options::small(64 << 10);
        let space = Space::new(&options);
        space.note_free(328 << 10);
        space.note_owned(10 << 10, 0, 1);
        assert!(space.allows(1 << 10, false), "five files fit, two are left to segments, two are kept back");
        space.note_free(256 << 10);
        space.note_owned(1 << 10, 0, 1);
        assert!(!space.allows(2 << 10, false) && space.allows(2 << 10, true));
        space.note_free(188 << 10);
        space.note_owned(16 << 10, 0, 1);
        assert!(!space.allows(0, true));
        space.note_owned(16 << 10, 0, 0);
        assert!(space.allows(0, true) && !space.allows(0, false), "the log may roll, so that something can be retired");
    }
}
