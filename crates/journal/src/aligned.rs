//! A byte buffer whose address is a multiple of the page size, as O_DIRECT demands.
//!
//! Safe Rust has no aligned vector of bytes, so one page more is allocated and a window inside it is used. The
//! allocation never grows, so the window never moves.

use std::ops::{Deref, DerefMut};

use crate::limits::PAGE_BYTES;

/// A zeroed, page-aligned buffer of fixed length.
pub struct AlignedBuf {
    bytes: Vec<u8>,
    start: usize,
    len: usize,
}

impl AlignedBuf {
    /// `len` zero bytes. Large buffers cost memory only where they are touched.
    pub fn new(len: usize) -> Self {
        let bytes = vec![0; len + PAGE_BYTES];
        let start = bytes.as_ptr().align_offset(PAGE_BYTES);
        assert!(start <= PAGE_BYTES, "a byte pointer can always be aligned within one page");
        Self { bytes, start, len }
    }
}

impl Deref for AlignedBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.len]
    }
}

impl DerefMut for AlignedBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.len]
    }
}

/// The least multiple of the page size that holds `bytes`.
pub const fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_aligned_zeroed_and_as_long_as_asked() {
        for len in [0, 1, 4096, 100_000] {
            let mut buffer = AlignedBuf::new(len);
            assert_eq!(buffer.as_ptr().align_offset(PAGE_BYTES), 0);
            assert_eq!(buffer.len(), len);
            assert!(buffer.iter().all(|byte| *byte == 0));
            buffer.fill(7);
        }
    }
}
