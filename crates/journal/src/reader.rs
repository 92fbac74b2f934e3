//! Reads a log file in large pieces and hands out single blocks.
//!
//! A block is looked at in two steps: its header alone, then header and payload together, so that a damaged length can
//! never ask for more than the file has.

use crate::{
    aligned::{AlignedBuf, padded},
    block::{BLOCK_HEADER_BYTES, BlockHeader, HeaderFault},
    error::Fault,
    io::IoFile,
    limits::{PAGE_BYTES, READ_BYTES},
};

/// A window on a file.
pub(crate) struct Reader {
    buffer: AlignedBuf,
    from: u64,
    filled: usize,
}

impl Reader {
    pub(crate) fn new(file_bytes: u64) -> Self {
        let bytes = usize::try_from(file_bytes).unwrap_or(READ_BYTES).clamp(PAGE_BYTES, READ_BYTES);
        Self { buffer: AlignedBuf::new(bytes), from: 0, filled: 0 }
    }

    /// Forgets what was read; the next file is another one.
    pub(crate) fn clear(&mut self) {
        self.filled = 0;
    }

    /// At least `want` bytes from `offset`, fewer only at the end of the file.
    fn window(&mut self, file: &dyn IoFile, name: &str, offset: u64, want: usize) -> Result<&[u8], Fault> {
        let end = self.from + self.filled as u64;
        let held = offset >= self.from && offset + want as u64 <= end;
        if !held {
            if self.buffer.len() < want {
                self.buffer = AlignedBuf::new(padded(want));
            }
            self.filled = 0;
            self.filled = file.read_at(offset, &mut self.buffer).map_err(Fault::at(name, "read", offset))?;
            self.from = offset;
        }
        let start = usize::try_from(offset - self.from).expect("the offset lies inside the window");
        Ok(&self.buffer[start..self.filled])
    }

    /// The page at `offset`; fewer bytes only at the end of the file.
    pub(crate) fn page(&mut self, file: &dyn IoFile, name: &str, offset: u64) -> Result<&[u8], Fault> {
        let window = self.window(file, name, offset, PAGE_BYTES)?;
        Ok(&window[..window.len().min(PAGE_BYTES)])
    }

    /// The header at `offset`, and its CRC.
    pub(crate) fn header(
        &mut self,
        file: &dyn IoFile,
        name: &str,
        offset: u64,
    ) -> Result<Result<(BlockHeader, u32), HeaderFault>, Fault> {
        Ok(BlockHeader::decode(self.window(file, name, offset, PAGE_BYTES)?))
    }

    /// The payload of `header`, which stands at `offset`; `None` if the file ends before.
    pub(crate) fn payload(
        &mut self,
        file: &dyn IoFile,
        name: &str,
        offset: u64,
        header: &BlockHeader,
    ) -> Result<Option<&[u8]>, Fault> {
        let file_bytes = file.len().map_err(Fault::of(name, "length"))?;
        if offset + padded(header.bytes()) as u64 > file_bytes {
            return Ok(None);
        }
        let window = self.window(file, name, offset, padded(header.bytes()))?;
        Ok(window.get(BLOCK_HEADER_BYTES..header.bytes()))
    }
}
