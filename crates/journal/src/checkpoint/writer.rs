//! Writes a checkpoint as its snapshots come, with one buffer, and reads it back.
//!
//! Nobody knows beforehand how long it becomes, so the file grows with every full buffer. Its space is taken before it is
//! written: a full disk shows at the growth, and the file gets its name only when it is whole and synced.

use crate::{
    aligned::{AlignedBuf, padded},
    error::{Damage, Fault, StoreError},
    io::{Io, IoFile},
    limits::{CHECKPOINT_WRITE_BYTES, PAGE_BYTES},
};

use super::{CHECKPOINT_NEW, CheckpointFile, Footer, Header, Reader, Snapshot, checkpoint_name};

/// Writes a checkpoint, durably and under its name, and reads it back. After an error its file may be there, half-made or
/// whole.
pub(crate) fn write(
    io: &dyn Io,
    header: Header,
    snapshots: &mut dyn Iterator<Item = Snapshot<'_>>,
) -> Result<CheckpointFile, StoreError> {
    let file = io.create(CHECKPOINT_NEW, PAGE_BYTES as u64).map_err(Fault::of(CHECKPOINT_NEW, "create"))?;
    let mut pages = Pages::new(file);
    pages.push_end(|page| header.encode(page))?;
    let mut footer = Footer { log_id: header.log_id, number: header.number, count: 0, bytes: 0, snapshots_crc: 0 };
    let mut bytes = Vec::new();
    for snapshot in snapshots {
        let checksum = snapshot.encode(&mut bytes);
        pages.push(&bytes)?;
        footer.count += 1;
        footer.bytes += bytes.len() as u64;
        footer.snapshots_crc = crc32c::crc32c_append(footer.snapshots_crc, &checksum.to_le_bytes());
    }
    pages.pad();
    let mut footer_crc = 0;
    pages.push_end(|page| footer_crc = footer.encode(page))?;
    let bytes = pages.finish()?;
    let written = CheckpointFile { number: header.number, bytes, footer_crc };
    let name = checkpoint_name(header.number);
    io.rename(CHECKPOINT_NEW, &name).map_err(Fault::of(CHECKPOINT_NEW, "rename"))?;
    io.sync_names().map_err(Fault::of(&name, "sync of the folder"))?;
    let read_back = Reader::open(io, &written, header.log_id).and_then(Reader::verify);
    read_back.map_err(Damage::from)?;
    Ok(written)
}

/// A file that grows by full buffers.
struct Pages {
    file: Box<dyn IoFile>,
    buffer: AlignedBuf,
    filled: usize,
    written: u64,
}

impl Pages {
    fn new(file: Box<dyn IoFile>) -> Self {
        Self { file, buffer: AlignedBuf::new(CHECKPOINT_WRITE_BYTES), filled: 0, written: 0 }
    }

    fn push(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            let fits = bytes.len().min(self.buffer.len() - self.filled);
            self.buffer[self.filled..self.filled + fits].copy_from_slice(&bytes[..fits]);
            self.filled += fits;
            bytes = &bytes[fits..];
            if self.filled == self.buffer.len() {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// A page of its own.
    fn push_end(&mut self, encode: impl FnOnce(&mut [u8])) -> Result<(), Fault> {
        let mut page = [0; PAGE_BYTES];
        encode(&mut page);
        self.push(&page)
    }

    /// Fills the last page with zeros.
    fn pad(&mut self) {
        let end = padded(self.filled);
        self.buffer[self.filled..end].fill(0);
        self.filled = end;
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let end = self.written + self.filled as u64;
        self.file.grow(end).map_err(Fault::at(CHECKPOINT_NEW, "growth", end))?;
        let full = &self.buffer[..self.filled];
        self.file.write_at(self.written, full).map_err(Fault::at(CHECKPOINT_NEW, "write", self.written))?;
        self.written = end;
        self.filled = 0;
        Ok(())
    }

    /// Makes it durable and says how long it is.
    fn finish(mut self) -> Result<u64, Fault> {
        if self.filled > 0 {
            self.flush()?;
        }
        self.file.sync().map_err(Fault::of(CHECKPOINT_NEW, "sync"))?;
        Ok(self.written)
    }
}
