//! The budget of what is kept in memory although the disk has it too: contents of messages.
//!
//! All partitions count into one number. Whoever adds and finds it exceeded lets go of its own, in this order: what it
//! would read ahead is not kept; then whole pages of its backlog go, those first that will be asked for last: a queue's newest, a
//! shard's oldest; then, of the page whose end the disk does not have yet, large contents one by one.
//! From half of the budget on, what a retired log file held goes as well, and what queues at rest hold. What the disk does
//! not have yet is never let go of; that is bounded by the journal. Nothing is refused for want of memory.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of contents in memory, and how many there should be at the most.
#[derive(Debug)]
pub struct Memory {
    used: AtomicUsize,
    limit: usize,
}

impl Memory {
    /// The budget where nobody sets another: with the server's own needs it keeps a process below 100 MB.
    pub const DEFAULT_BYTES: usize = 16 << 20;

    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { used: AtomicUsize::new(0), limit }
    }

    /// Bytes kept now.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Bytes that should not be exceeded.
    pub fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn add(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.used() > self.limit
    }

    /// Whether half of it is used: from there on nothing is kept just in case.
    pub(crate) fn is_scarce(&self) -> bool {
        self.used() > self.limit / 2
    }
}
