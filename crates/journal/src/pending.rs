//! What was appended and is not yet on its way to the disk.
//!
//! Under one short lock entries get their positions and are copied into the block being filled. An append never spans
//! blocks, so a block's atomicity is the append's. Bytes count as pending until their block is durable.

use std::collections::{VecDeque, hash_map::Entry as MapEntry};

use names::PartitionId;

use crate::{
    body::Body,
    error::AppendError,
    limits::BUFFERS_KEPT,
    options::Options,
    record::{self, Entry},
    restore::Sequences,
};

/// How the commit thread waits, and so whether an append must wake it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parked {
    /// It runs and will look again before it sleeps.
    No,
    /// For a while, after which it writes what waits; only something urgent wakes it.
    Briefly,
    /// Until there is something.
    Idle,
}

/// Blocks that wait, and the numbers the next entries get.
pub(crate) struct Pending {
    blocks: VecDeque<Body>,
    buffers: Vec<Body>,
    block_bytes_max: usize,
    bytes_max: usize,
    bytes: usize,
    next_position: u64,
    sequences: Sequences,
    trimmed: bool,
    /// Something that waits must be written now.
    pub(crate) urgent: bool,
    /// Records that wait for a nudge.
    pub(crate) batched: usize,
    pub(crate) parked: Parked,
    /// A block was written after the last seal.
    pub(crate) unsealed: bool,
    /// No append is taken any more.
    pub(crate) closing: bool,
}

impl Pending {
    pub(crate) fn new(options: &Options, next_position: u64, sequences: Sequences, trimmed: bool) -> Self {
        Self {
            blocks: VecDeque::new(),
            buffers: Vec::new(),
            block_bytes_max: options.block_bytes_max,
            bytes_max: options.pending_bytes_max,
            bytes: 0,
            next_position,
            sequences,
            trimmed,
            urgent: false,
            batched: 0,
            parked: Parked::No,
            unsealed: false,
            closing: false,
        }
    }

    /// Payload bytes that wait or are being written.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The position of the entry appended last.
    pub(crate) fn last_position(&self) -> u64 {
        self.next_position - 1
    }

    /// Payload bytes of the blocks that wait, without the one being written.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.blocks.iter().map(Body::payload_bytes).sum()
    }

    /// Whether no block waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Refuses entries that would not be replayed, and notes the others' sequences. One look-up for each run of entries of
    /// one partition, which is usually the whole append: this happens under the journal's lock.
    pub(crate) fn note_sequences(&mut self, entries: &[Entry<'_>]) -> Result<(), AppendError> {
        let mut noted = 0;
        for run in entries.chunk_by(|one, next| one.partition == next.partition) {
            let partition = run[0].partition;
            let last = self.sequences.entry(partition);
            let first = match &last {
                MapEntry::Occupied(last) => last.get() + 1,
                MapEntry::Vacant(_) if self.trimmed => run[0].sequence,
                MapEntry::Vacant(_) => 1,
            };
            let given = run.iter().map(|entry| entry.sequence);
            if let Some((given, expected)) = given.zip(first..).find(|(given, expected)| given != expected) {
                self.forget_sequences(&entries[..noted]);
                return Err(AppendError::OutOfOrder { partition, expected, given });
            }
            last.insert_entry(first + run.len() as u64 - 1);
            noted += run.len();
        }
        Ok(())
    }

    /// Partitions that are over, and whether records before the log's beginning are gone.
    pub(crate) fn forget(&mut self, over: &[PartitionId], trimmed: bool) {
        self.trimmed |= trimmed || !over.is_empty();
        for partition in over {
            self.sequences.remove(partition);
        }
    }

    fn forget_sequences(&mut self, entries: &[Entry<'_>]) {
        for entry in entries.iter().rev() {
            self.sequences.insert(entry.partition, entry.sequence - 1);
        }
    }

    /// Gives positions without keeping anything, for a journal without a disk. Returns the last.
    pub(crate) fn count_only(&mut self, entries: &[Entry<'_>]) -> Result<u64, AppendError> {
        self.note_sequences(entries)?;
        self.next_position += entries.len() as u64;
        Ok(self.last_position())
    }

    /// Takes all entries, which need `bytes`, or none. Returns the position of the last.
    pub(crate) fn push(&mut self, entries: &[Entry<'_>], checksums: &[u32], bytes: usize) -> Result<u64, AppendError> {
        if self.bytes + bytes > self.bytes_max {
            return Err(AppendError::Full);
        }
        self.note_sequences(entries)?;
        if self.blocks.back().is_none_or(|block| block.room() < bytes) {
            let fresh = self.buffers.pop().unwrap_or_else(|| Body::new(self.block_bytes_max));
            self.blocks.push_back(fresh);
        }
        let block = self.blocks.back_mut().expect("a block was just added");
        for (entry, checksum) in entries.iter().zip(checksums) {
            block.push(entry, *checksum, self.next_position);
            self.next_position += 1;
        }
        self.bytes += bytes;
        Ok(self.last_position())
    }

    /// The oldest block, to be written.
    pub(crate) fn take(&mut self) -> Option<Body> {
        let block = self.blocks.pop_front();
        if self.blocks.is_empty() {
            self.urgent = false;
            self.batched = 0;
        }
        self.unsealed |= block.is_some();
        block
    }

    /// A block that is durable; its buffer is used again.
    pub(crate) fn give_back(&mut self, mut block: Body) {
        self.bytes -= block.payload_bytes();
        block.clear();
        if self.buffers.len() < BUFFERS_KEPT {
            self.buffers.push(block);
        }
    }
}

/// Checksums of an append's entries, computed before the lock is taken; the usual append needs no allocation for them.
pub(crate) enum Checksums {
    Few([u32; Checksums::FEW], usize),
    Many(Vec<u32>),
}

impl Checksums {
    /// A batch of ten and its companions.
    const FEW: usize = 24;

    pub(crate) fn of(entries: &[Entry<'_>]) -> Self {
        if entries.len() > Self::FEW {
            return Self::Many(entries.iter().map(record::checksum).collect());
        }
        let mut few = [0; Self::FEW];
        for (out, entry) in few.iter_mut().zip(entries) {
            *out = record::checksum(entry);
        }
        Self::Few(few, entries.len())
    }

    pub(crate) fn as_slice(&self) -> &[u32] {
        match self {
            Self::Few(few, count) => &few[..*count],
            Self::Many(many) => many,
        }
    }
}
