//! What the next block must say, so that stale, foreign and lost blocks are told from the log's own.
//!
//! The writer fills headers from it and the reader compares headers with it; both move it on by the same function.

use crate::{
    block::{BlockHeader, OPENING},
    limits::LOG_FORMAT,
};

/// The end of the log, seen as the demands on its next block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) log_id: u64,
    /// Of the last block.
    pub(crate) incarnation: u32,
    /// The next block's number.
    pub(crate) number: u64,
    /// The next record's position.
    pub(crate) position: u64,
    /// The last block's header CRC.
    pub(crate) previous: u32,
}

/// How a sound header relates to the end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// The very next block.
    Next,
    /// An older block of this log, or one of another: left over in a recycled file.
    Stale,
    /// A later block of this log: the next one was durable and is lost.
    Ahead,
    /// Numbered as the next block, but not written after what stands before it.
    Broken,
}

impl Chain {
    /// Before the first block of a new log.
    pub(crate) fn new(log_id: u64) -> Self {
        Self { log_id, incarnation: 0, number: 1, position: 1, previous: 0 }
    }

    /// Where `header` stands.
    pub(crate) fn link(&self, header: &BlockHeader) -> Link {
        if header.log_id != self.log_id || header.number < self.number {
            return Link::Stale;
        }
        if header.number > self.number {
            return Link::Ahead;
        }
        let incarnation = self.incarnation + u32::from(header.has(OPENING));
        let follows = header.incarnation == incarnation
            && header.previous == self.previous
            && header.first_position == self.position
            && header.durable_upto < self.position;
        if follows { Link::Next } else { Link::Broken }
    }

    /// The header of the next block.
    pub(crate) fn header(&self, flags: u16, count: u32, length: u32, payload_crc: u32) -> BlockHeader {
        BlockHeader {
            version: LOG_FORMAT,
            flags,
            log_id: self.log_id,
            incarnation: self.incarnation + u32::from(flags & OPENING != 0),
            count,
            number: self.number,
            first_position: self.position,
            // Each block is written after the one before it was synced, so all before it is durable.
            durable_upto: self.position - 1,
            length,
            previous: self.previous,
            payload_crc,
        }
    }

    /// Moves on behind `header`, whose CRC is `crc`.
    pub(crate) fn advance(&mut self, header: &BlockHeader, crc: u32) {
        self.incarnation = header.incarnation;
        self.number += 1;
        self.position = header.last_position() + 1;
        self.previous = crc;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_next_stale_ahead_or_broken() {
        let chain = Chain { log_id: 7, incarnation: 2, number: 10, position: 100, previous: 55 };
        let next = chain.header(0, 3, 99, 1);
        assert_eq!(chain.link(&next), Link::Next);
        assert_eq!(chain.link(&chain.header(OPENING, 0, 0, 0)), Link::Next);
        assert_eq!(chain.link(&BlockHeader { number: 9, ..next }), Link::Stale);
        assert_eq!(chain.link(&BlockHeader { log_id: 8, number: 11, ..next }), Link::Stale);
        assert_eq!(chain.link(&BlockHeader { number: 11, ..next }), Link::Ahead);
        assert_eq!(chain.link(&BlockHeader { previous: 54, ..next }), Link::Broken);
        assert_eq!(chain.link(&BlockHeader { incarnation: 3, ..next }), Link::Broken);
        assert_eq!(chain.link(&BlockHeader { first_position: 101, ..next }), Link::Broken);
    }

    #[test]
    fn the_chain_moves_on_by_the_blocks_records() {
        let mut chain = Chain::new(1);
        chain.advance(&chain.header(OPENING, 0, 16, 9), 77);
        chain.advance(&chain.header(0, 5, 200, 9), 78);
        assert_eq!(chain, Chain { log_id: 1, incarnation: 1, number: 3, position: 6, previous: 78 });
    }
}
