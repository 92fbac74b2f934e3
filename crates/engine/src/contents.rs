//! Where the contents of one partition's keys are: in memory, in the log, or in a segment.
//!
//! A content is added with the position of its record. As long as it is in no segment that position is kept, so that the
//! content itself can be let go of whenever memory is short and read again from the log. When the log file is retired the
//! content stands in a piece of a segment, and the position is forgotten. Of a long backlog nothing stays here but pieces.

use crate::machine::Content;
use crate::memory::Memory;
use crate::paged::Paged;
use journal::Piece;
use names::Position;
use std::sync::Arc;

/// What a map of contents costs per entry beside the content: its place in two pages.
const ENTRY_BYTES: usize = 32;

/// Contents by key.
pub(crate) struct Contents<C: Content> {
    resident: Paged<C>,
    /// Positions of the records that are in no segment yet.
    logged: Paged<u64>,
    /// Rising, none overlapping another.
    pieces: Vec<Piece>,
    /// Counts the changes of `pieces`.
    pieces_version: u64,
    /// No key below this is here.
    floor: u64,
    memory: Arc<Memory>,
    bytes: usize,
}

/// Where a content is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found<C> {
    Here(C),
    Logged(Position),
    InPiece(Piece),
    Gone,
}

impl<C> Found<C> {
    pub(crate) fn is_on_disk(&self) -> bool {
        matches!(self, Self::Logged(_) | Self::InPiece(_))
    }
}

impl<C: Content> Contents<C> {
    pub(crate) fn new(memory: Arc<Memory>) -> Self {
        Self::with_pieces(memory, Vec::new())
    }

    /// The contents that a snapshot knew of.
    pub(crate) fn with_pieces(memory: Arc<Memory>, pieces: Vec<Piece>) -> Self {
        Self { resident: Paged::default(), logged: Paged::default(), pieces, pieces_version: 0, floor: 0, memory, bytes: 0 }
    }

    /// Adds the content of a record at `at`. Up to `durable` the log can be read.
    pub(crate) fn put(&mut self, key: u64, at: Position, content: C, durable: Position) {
        self.logged.insert(key, at.get());
        self.keep(key, content);
        if self.memory.is_over() {
            self.make_room(durable);
        }
    }

    /// Adds what was read again, while there is room.
    pub(crate) fn supply(&mut self, key: u64, content: C) {
        if self.resident.get(key).is_none() && !self.memory.is_over() {
            self.keep(key, content);
        }
    }

    pub(crate) fn find(&self, key: u64) -> Found<C> {
        if let Some(content) = self.resident.get(key) {
            return Found::Here(content.clone());
        }
        if let Some(at) = self.logged.get(key) {
            return Found::Logged(Position::new(*at));
        }
        self.piece_of(key).map_or(Found::Gone, |piece| Found::InPiece(*piece))
    }

    /// Positions of the records of `key` and of those after it that are in no segment, `count` at most.
    pub(crate) fn logged_from(&self, key: u64, count: usize) -> Vec<Position> {
        self.logged.range_from(key).take(count).map(|(_, at)| Position::new(*at)).collect()
    }

    /// Lets go of one key.
    pub(crate) fn forget(&mut self, key: u64) {
        self.logged.remove(key);
        if let Some(content) = self.resident.remove(key) {
            self.release(&content);
        }
    }

    /// Lets go of all keys below `key`, and of the pieces that hold no others.
    pub(crate) fn forget_below(&mut self, key: u64) {
        if key <= self.floor {
            return;
        }
        self.floor = key;
        while let Some(first) = self.resident.first().map(|(first, _)| first).filter(|first| *first < key) {
            self.forget(first);
        }
        while self.logged.first().is_some_and(|(first, _)| first < key) {
            self.logged.pop_first();
        }
        self.drop_pieces(|piece| piece.last_key < key);
    }

    /// Lets go of pieces that hold nothing any more.
    pub(crate) fn drop_pieces(&mut self, is_over: impl Fn(&Piece) -> bool) {
        let before = self.pieces.len();
        self.pieces.retain(|piece| !is_over(piece));
        self.pieces_version += u64::from(self.pieces.len() != before);
    }

    /// The log up to `upto` goes; what of it is still held stands in `pieces`.
    pub(crate) fn retire(&mut self, pieces: impl IntoIterator<Item = Piece>, upto: Position) {
        for piece in pieces.into_iter().filter(|piece| piece.last_key >= self.floor) {
            let place = self.pieces.partition_point(|before| before.last_key < piece.first_key);
            self.pieces.insert(place, piece);
            self.pieces_version += 1;
        }
        let scarce = self.memory.is_scarce();
        while let Some((key, _)) = self.logged.first().filter(|(_, at)| **at <= upto.get()) {
            self.logged.remove(key);
            if scarce && let Some(content) = self.resident.remove(key) {
                self.release(&content);
            }
        }
    }

    /// Puts `new` in the place of the pieces of the segments that `is_old` names.
    pub(crate) fn replace(&mut self, is_old: impl Fn(u64) -> bool, new: impl IntoIterator<Item = Piece>) {
        self.pieces_version += 1;
        self.pieces.retain(|piece| !is_old(piece.segment));
        self.pieces.extend(new.into_iter().filter(|piece| piece.last_key >= self.floor));
        self.pieces.sort_unstable_by_key(|piece| piece.first_key);
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    pub(crate) fn pieces_version(&self) -> u64 {
        self.pieces_version
    }

    /// Whether a segment has the content of `key`.
    pub(crate) fn is_segmented(&self, key: u64) -> bool {
        self.piece_of(key).is_some()
    }

    /// Lets go of whatever else the disk has too, when memory is scarce: a queue at rest needs it last.
    pub(crate) fn rest(&mut self) {
        if self.memory.is_scarce() {
            while let Some((key, _)) = self.resident.first().filter(|(key, _)| self.logged.get(*key).is_none()) {
                self.forget(key);
            }
        }
    }

    fn piece_of(&self, key: u64) -> Option<&Piece> {
        let place = self.pieces.partition_point(|piece| piece.last_key < key);
        self.pieces.get(place).filter(|piece| piece.first_key <= key)
    }

    fn keep(&mut self, key: u64, content: C) {
        let bytes = content.bytes() + ENTRY_BYTES;
        self.memory.add(bytes);
        self.bytes += bytes;
        if let Some(before) = self.resident.insert(key, content) {
            self.release(&before);
        }
    }

    fn release(&mut self, content: &C) {
        let bytes = content.bytes() + ENTRY_BYTES;
        self.memory.give_back(bytes);
        self.bytes -= bytes;
    }

    /// Lets go of whole pages, the newest first, that can be read again.
    fn make_room(&mut self, durable: Position) {
        while self.memory.is_over() {
            let is_readable = |number: &u64| self.logged.last_of(*number).is_none_or(|at| *at <= durable.get());
            let Some(number) = self.resident.numbers_from_the_end().find(is_readable) else { return };
            for content in self.resident.remove_page(number) {
                self.release(&content);
            }
        }
    }
}

impl<C: Content> Drop for Contents<C> {
    fn drop(&mut self) {
        self.memory.give_back(self.bytes);
    }
}
