//! The end of the log: one block at a time is written and synced, and files roll.
//!
//! Invariant: at most one block is unsynced, namely the one being written. Recovery leans on it: a later block proves
//! that every block before it was durable. A file gets its name only after its head, an empty block of the chain, was
//! synced, so a named file without a sound head is damage and never a crash's trace.

use std::sync::Arc;

use crate::{
    block::{FILE_HEAD, FileHead, OPENING, UNZEROED},
    body::Body,
    chain::Chain,
    error::Fault,
    io::IoFile,
    limits::PAGE_BYTES,
    manifest::FileStart,
    shelf::{Shelf, Spare, log_name},
};

/// Where the log goes on.
pub(crate) struct Tail {
    pub(crate) file: Arc<dyn IoFile>,
    pub(crate) number: u64,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
    pub(crate) zeroed: bool,
}

/// The writing end.
pub(crate) struct Log {
    shelf: Arc<Shelf>,
    chain: Chain,
    tail: Tail,
    name: String,
    unsynced: bool,
    written_bytes: u64,
    syncs: u64,
}

impl Log {
    /// Goes on at a tail that is durable.
    pub(crate) fn resume(shelf: Arc<Shelf>, chain: Chain, tail: Tail) -> Self {
        let name = log_name(tail.number);
        Self { shelf, chain, tail, name, unsynced: false, written_bytes: 0, syncs: 0 }
    }

    /// Begins a new log with its first file. The caller writes the manifest afterwards: a manifest promises a base file.
    pub(crate) fn create(shelf: Arc<Shelf>) -> Result<(Self, FileStart), Fault> {
        let mut chain = Chain::new(shelf.io().entropy());
        let base = FileStart { file: 1, chain };
        let (tail, _) = place(&shelf, &mut chain, 1, OPENING)?;
        let mut log = Self::resume(shelf, chain, tail);
        log.written_bytes = PAGE_BYTES as u64;
        log.syncs = 1;
        Ok((log, base))
    }

    /// The end of the log.
    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The current file.
    pub(crate) fn file_number(&self) -> u64 {
        self.tail.number
    }

    /// Bytes left for blocks in the current file; its last page is kept for the signpost.
    pub(crate) fn room(&self) -> u64 {
        (self.tail.bytes - self.tail.offset).saturating_sub(PAGE_BYTES as u64)
    }

    /// Bytes written, and syncs made, since the open.
    pub(crate) fn written(&self) -> (u64, u64) {
        (self.written_bytes, self.syncs)
    }

    /// Writes `body` as the next block and makes it durable.
    pub(crate) fn append(&mut self, body: &mut Body, flags: u16) -> Result<(), Fault> {
        let fits = body.padded_bytes() as u64 <= self.room();
        let better = !self.tail.zeroed && self.shelf.ready() > 0;
        if !fits || better {
            self.roll()?;
        }
        self.write(body, flags)
    }

    /// Writes a block without records.
    pub(crate) fn append_empty(&mut self, flags: u16) -> Result<(), Fault> {
        self.append(&mut Body::new(PAGE_BYTES), flags)
    }

    fn write(&mut self, body: &mut Body, flags: u16) -> Result<(), Fault> {
        assert!(!self.unsynced, "a block is written only after the one before it was synced");
        let (header, crc) = body.seal(&self.chain, flags);
        let bytes = body.bytes();
        let at = self.tail.offset;
        self.unsynced = true;
        self.tail.file.write_at(at, bytes).map_err(Fault::at(&self.name, "write", at))?;
        self.tail.file.sync().map_err(Fault::at(&self.name, "sync", at))?;
        self.unsynced = false;
        if header.count > 0 {
            self.shelf.note_block(header.first_position, at, bytes.len());
        }
        self.tail.offset += bytes.len() as u64;
        self.written_bytes += bytes.len() as u64;
        self.syncs += 1;
        self.chain.advance(&header, crc);
        Ok(())
    }

    fn roll(&mut self) -> Result<(), Fault> {
        assert!(!self.unsynced, "a file is left only after its last block was synced");
        let number = self.tail.number + 1;
        let (next, head) = place(&self.shelf, &mut self.chain, number, 0)?;
        // A copy of the new file's head closes the old one, so that the loss of the new file would be noticed.
        let at = self.tail.offset;
        self.tail.file.write_at(at, head.bytes()).map_err(Fault::at(&self.name, "write", at))?;
        self.tail.file.sync().map_err(Fault::at(&self.name, "sync", at))?;
        self.tail = next;
        self.name = log_name(number);
        self.written_bytes += 2 * PAGE_BYTES as u64;
        self.syncs += 2;
        Ok(())
    }
}

/// Makes the next log file: its head is written and synced under a spare's name, then it gets its own. Returns the head
/// too.
fn place(shelf: &Shelf, chain: &mut Chain, number: u64, flags: u16) -> Result<(Tail, Body), Fault> {
    let Spare { name: old, file, zeroed } = shelf.take()?;
    let start = FileStart { file: number, chain: *chain };
    let mut head = Body::new(PAGE_BYTES);
    head.set_control(&FileHead { file: number, file_bytes: shelf.file_bytes() }.encode());
    let unzeroed = if zeroed { 0 } else { UNZEROED };
    let (header, crc) = head.seal(chain, flags | FILE_HEAD | unzeroed);
    file.write_at(0, head.bytes()).map_err(Fault::at(&old, "write", 0))?;
    file.sync().map_err(Fault::of(&old, "sync"))?;
    shelf.io().rename(&old, &log_name(number)).map_err(Fault::of(&old, "rename"))?;
    shelf.io().sync_names().map_err(Fault::of(&log_name(number), "sync of the folder"))?;
    chain.advance(&header, crc);
    shelf.started(start, zeroed, Arc::clone(&file));
    let tail = Tail { file, number, offset: PAGE_BYTES as u64, bytes: shelf.file_bytes(), zeroed };
    Ok((tail, head))
}
