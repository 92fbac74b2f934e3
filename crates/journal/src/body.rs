//! A block being filled: records are encoded straight into the bytes that will be written.
//!
//! The header's place is kept free at the beginning and filled when the block is sealed, because only the writer knows
//! number and predecessor. The buffer is page-aligned and reused from block to block.

use crate::{
    aligned::{AlignedBuf, padded},
    block::{BLOCK_HEADER_BYTES, BlockHeader},
    chain::Chain,
    record::{self, Entry},
};

/// The bytes of one block.
pub(crate) struct Body {
    buffer: AlignedBuf,
    used: usize,
    count: u32,
    payload_crc: u32,
    first_position: u64,
}

impl Body {
    /// An empty block that can grow to `bytes`, header included.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { buffer: AlignedBuf::new(bytes), used: BLOCK_HEADER_BYTES, count: 0, payload_crc: 0, first_position: 0 }
    }

    /// Forgets its content and keeps its buffer.
    pub(crate) fn clear(&mut self) {
        (self.used, self.count, self.payload_crc, self.first_position) = (BLOCK_HEADER_BYTES, 0, 0, 0);
    }

    /// Payload bytes that still fit.
    pub(crate) fn room(&self) -> usize {
        self.buffer.len() - self.used
    }

    /// Records in it.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Payload bytes in it.
    pub(crate) fn payload_bytes(&self) -> usize {
        self.used - BLOCK_HEADER_BYTES
    }

    /// What it takes on disk.
    pub(crate) fn padded_bytes(&self) -> usize {
        padded(self.used)
    }

    /// The position of its last record.
    pub(crate) fn last_position(&self) -> u64 {
        self.first_position + u64::from(self.count) - 1
    }

    /// Adds a record that fits, at `position`.
    pub(crate) fn push(&mut self, entry: &Entry<'_>, checksum: u32, position: u64) {
        if self.count == 0 {
            self.first_position = position;
        }
        self.used += record::encode(entry, checksum, &mut self.buffer[self.used..]);
        self.payload_crc = crc32c::crc32c_append(self.payload_crc, &checksum.to_le_bytes());
        self.count += 1;
    }

    /// Makes it a block without records that carries `payload`.
    pub(crate) fn set_control(&mut self, payload: &[u8]) {
        self.clear();
        self.buffer[self.used..self.used + payload.len()].copy_from_slice(payload);
        self.used += payload.len();
        self.payload_crc = crc32c::crc32c(payload);
    }

    /// Writes the header of the next block of `chain`; returns it with its CRC. The bytes are then ready to be written.
    pub(crate) fn seal(&mut self, chain: &Chain, flags: u16) -> (BlockHeader, u32) {
        let in_order = self.count == 0 || self.first_position == chain.position;
        assert!(in_order, "blocks are written in the order in which their positions were given");
        let length = u32::try_from(self.payload_bytes()).expect("a block is shorter than 4 GiB");
        let header = chain.header(flags, self.count, length, self.payload_crc);
        let crc = header.encode(&mut self.buffer);
        let end = self.padded_bytes();
        self.buffer[self.used..end].fill(0);
        (header, crc)
    }

    /// All that is written, padding included.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.padded_bytes()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use names::PartitionId;
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn a_block_is_read_as_it_was_filled(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
            let chain = Chain { position: 40, ..Chain::new(3) };
            let mut body = Body::new(8192);
            for (index, payload) in payloads.iter().enumerate() {
                let entry = Entry { partition: PartitionId::new(1), sequence: index as u64 + 1, kind: 2, version: 3, key_id: 0, payload };
                body.push(&entry, record::checksum(&entry), 40 + index as u64);
            }
            let (header, crc) = body.seal(&chain, 0);
            let (read, read_crc) = BlockHeader::decode(body.bytes()).unwrap();
            prop_assert_eq!((read, read_crc), (header, crc));
            let payload = &body.bytes()[BLOCK_HEADER_BYTES..header.bytes()];
            prop_assert!(header.is_sound(payload));
            let read: Vec<_> = header.records(payload).map(|record| (record.position.get(), record.payload.to_vec())).collect();
            let written: Vec<_> = (40..).zip(payloads).collect();
            prop_assert_eq!(read, written);
        }
    }

    #[test]
    fn a_reused_block_shows_nothing_of_what_it_held_before() {
        let mut body = Body::new(4096);
        body.set_control(&[0xff; 500]);
        body.seal(&Chain::new(1), 0);
        body.clear();
        body.seal(&Chain::new(1), 0);
        assert!(body.bytes()[BLOCK_HEADER_BYTES..].iter().all(|byte| *byte == 0));
    }
}
