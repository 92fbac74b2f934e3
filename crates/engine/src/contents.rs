//! Where the contents of one partition's keys are: in memory, in the log, or in a segment.
//!
//! A content is added with the position of its record. As long as it is in no segment that position is kept, so that the
//! content itself can be let go of whenever memory is short and read again from the log. When the log file is retired the
//! content stands in a piece of a segment, and the position is forgotten. Of a long backlog nothing stays here but pieces.

use crate::machine::{Content, GivesWay};
use crate::memory::Memory;
use crate::paged::Paged;
use journal::Piece;
use names::Position;
use std::ops::Range;
use std::sync::Arc;

/// What an entry costs beside the content: its place in two pages, and what the allocator rounds up.
const ENTRY_BYTES: usize = 48;

/// From here on a content gives way by itself, without the page that it stands in: a page of large ones, whose end is always too
/// new to be read again, would hold the whole budget. Of smaller ones a page is 256 KiB at the most.
const LARGE_BYTES: usize = 4 << 10;

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
        Self {
            resident: Paged::default(),
            logged: Paged::default(),
            pieces,
            pieces_version: 0,
            floor: 0,
            memory,
            bytes: 0,
        }
    }

    /// Adds the content of a record at `at`. Up to `durable` the log can be read.
    pub(crate) fn put(&mut self, key: u64, at: Position, content: C, durable: Position) {
        self.logged.insert(key, at.get());
        self.keep(key, content);
        if self.memory.is_over() {
            self.make_room(durable);
        }
    }

    /// Adds what was read again, while there is room or something newer can go for it. Says whether it was kept.
    pub(crate) fn supply(&mut self, key: u64, content: C, durable: Position) -> bool {
        if self.resident.get(key).is_none() {
            self.keep(key, content);
        }
        if self.memory.is_over() {
            self.make_room(durable);
        }
        self.resident.get(key).is_some()
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

    /// Keys whose records stand at these positions and in no segment.
    pub(crate) fn logged_within(&self, positions: Range<u64>) -> impl Iterator<Item = u64> {
        let from = self.logged.cut(|at| *at < positions.start);
        let there = from.into_iter().flat_map(|from| self.logged.range_from(from));
        there.take_while(move |(_, at)| **at < positions.end).map(|(key, _)| key)
    }

    /// Lets go of one key.
    pub(crate) fn forget(&mut self, key: u64) {
        self.logged.remove(key);
        if let Some(content) = self.resident.remove(key) {
            self.release(&content);
        }
    }

    /// Lets go of one key in memory, as far as it can be read again. Up to `durable` the log can be read.
    pub(crate) fn unload(&mut self, key: u64, durable: Position) {
        let is_on_disk = match self.logged.get(key) {
            Some(at) => *at <= durable.get(),
            None => self.is_segmented(key),
        };
        // A store that is in memory alone has a budget without an end.
        if is_on_disk
            && self.memory.limit() < usize::MAX
            && let Some(content) = self.resident.remove(key)
        {
            self.release(&content);
        }
    }

    /// Lets go of all keys below `key`, and of the pieces that hold no others.
    pub(crate) fn forget_below(&mut self, key: u64) {
        if key <= self.floor {
            return;
        }
        self.floor = key;
        self.evict_below(key);
        self.logged.remove_below(key, drop);
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
        let cut = self.logged.cut(|at| *at <= upto.get()).unwrap_or(u64::MAX);
        self.logged.remove_below(cut, drop);
        if self.memory.is_scarce() {
            self.evict_below(cut);
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
            self.evict_below(self.logged.first().map_or(u64::MAX, |(key, _)| key));
        }
    }

    /// Whether memory has nothing of it that would be missed: what is held stands in segments, and is not kept beside them
    /// as long as memory is scarce.
    pub(crate) fn is_at_rest(&mut self) -> bool {
        self.rest();
        self.logged.is_empty() && self.resident.is_empty()
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

    fn evict_below(&mut self, key: u64) {
        let mut bytes = 0;
        self.resident.remove_below(key, |content| bytes += content.bytes() + ENTRY_BYTES);
        self.memory.give_back(bytes);
        self.bytes -= bytes;
    }

    fn release(&mut self, content: &C) {
        let bytes = content.bytes() + ENTRY_BYTES;
        self.memory.give_back(bytes);
        self.bytes -= bytes;
    }

    /// Lets go of whole pages that can be read again, those first that are missed least.
    fn make_room(&mut self, durable: Position) {
        while self.memory.is_over() {
            let is_readable = |number: &u64| self.logged.last_of(*number).is_none_or(|at| *at <= durable.get());
            let found = match C::GIVES_WAY {
                GivesWay::Newest => self.resident.numbers().rev().find(is_readable),
                GivesWay::Oldest => self.resident.numbers().find(is_readable),
            };
            let Some(number) = found else { return self.make_room_alone(durable) };
            for content in self.resident.remove_page(number) {
                self.release(&content);
            }
        }
    }

    /// Lets go of large contents one by one, in the pages of which some content is not on disk yet.
    fn make_room_alone(&mut self, durable: Position) {
        let is_readable = |key: u64| self.logged.get(key).is_none_or(|at| *at <= durable.get());
        let large = |(key, content): (u64, &C)| (content.bytes() >= LARGE_BYTES && is_readable(key)).then_some(key);
        let mut keys: Vec<u64> = self.resident.range_from(0).filter_map(large).collect();
        if C::GIVES_WAY == GivesWay::Newest {
            keys.reverse();
        }
        for key in keys {
            if !self.memory.is_over() {
                return;
            }
            if let Some(content) = self.resident.remove(key) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use names::Instant;

    const DURABLE: Position = Position::new(1_000_000);

    #[derive(Clone, Debug, PartialEq)]
    struct Blob(u64);

    impl Content for Blob {
        fn bytes(&self) -> usize {
            100 - ENTRY_BYTES
        }
    }

    /// Of which the end is read most.
    #[derive(Clone, Debug, PartialEq)]
    struct News(u64);

    impl Content for News {
        const GIVES_WAY: GivesWay = GivesWay::Oldest;

        fn bytes(&self) -> usize {
            100 - ENTRY_BYTES
        }
    }

    fn contents(limit: usize) -> Contents<Blob> {
        Contents::new(Arc::new(Memory::new(limit)))
    }

    fn piece(segment: u64, first_key: u64, last_key: u64) -> Piece {
        let (first_time, last_time) = (Instant::EPOCH, Instant::EPOCH);
        Piece { segment, first_key, last_key, records: 1, offset: 0, bytes: 0, index_bytes: 0, first_time, last_time }
    }

    fn fill(contents: &mut Contents<Blob>, keys: std::ops::RangeInclusive<u64>, durable: Position) {
        keys.for_each(|key| contents.put(key, Position::new(key + 1000), Blob(key), durable));
    }

    fn is_here(contents: &Contents<Blob>, key: u64) -> bool {
        matches!(contents.find(key), Found::Here(_))
    }

    #[test]
    fn the_newest_pages_give_way_first_and_can_be_read_from_the_log() {
        let mut contents = contents(100 * 300);
        fill(&mut contents, 0..=999, DURABLE);
        assert!(contents.memory.used() <= 30_000);
        assert!((0..192).all(|key| is_here(&contents, key)), "the front stays");
        assert_eq!(contents.find(800), Found::Logged(Position::new(1800)));
    }

    #[test]
    fn where_the_end_is_read_most_the_oldest_pages_give_way_first() {
        let mut contents = Contents::new(Arc::new(Memory::new(100 * 300)));
        (0..=999).for_each(|key| contents.put(key, Position::new(key + 1000), News(key), DURABLE));
        assert!(contents.memory.used() <= 30_000);
        let is_here = |contents: &Contents<News>, key| matches!(contents.find(key), Found::Here(_));
        assert!((768..=999).all(|key| is_here(&contents, key)), "the end stays");
        assert_eq!(contents.find(0), Found::Logged(Position::new(1000)));
        // Whoever reads what is old drives out nothing that is newer.
        contents.put(1000, Position::new(2000), News(1000), DURABLE);
        for key in 64..192 {
            let _is_kept = contents.supply(key, News(key), DURABLE);
        }
        assert!((832..=1000).all(|key| is_here(&contents, key)) && contents.memory.used() <= 30_000);
    }

    /// A content of 1 MiB.
    #[derive(Clone, Debug, PartialEq)]
    struct Whale<const OLDEST_FIRST: bool>(u64);

    impl<const OLDEST_FIRST: bool> Content for Whale<OLDEST_FIRST> {
        const GIVES_WAY: GivesWay = if OLDEST_FIRST { GivesWay::Oldest } else { GivesWay::Newest };

        fn bytes(&self) -> usize {
            1 << 20
        }
    }

    /// The keys in memory after 40 contents of 1 MiB, one sync behind, with a budget of four.
    fn whales<const OLDEST_FIRST: bool>() -> Vec<u64> {
        let mut contents = Contents::new(Arc::new(Memory::new(4 * ((1 << 20) + ENTRY_BYTES))));
        for key in 0..40 {
            contents.put(key, Position::new(key + 1000), Whale::<OLDEST_FIRST>(key), Position::new(key + 999));
            assert!(contents.memory.used() <= contents.memory.limit(), "{key}");
        }
        (0..40).filter(|key| matches!(contents.find(*key), Found::Here(_))).collect()
    }

    #[test]
    fn large_contents_give_way_one_by_one_and_not_by_the_page() {
        assert_eq!(whales::<false>(), [0, 1, 2, 39], "the front stays, and what is not on disk yet");
        assert_eq!(whales::<true>(), [36, 37, 38, 39], "the end stays");
    }

    #[test]
    fn what_is_not_on_disk_never_gives_way() {
        let mut contents = contents(100 * 10);
        fill(&mut contents, 0..=199, Position::new(1100));
        assert!((128..200).all(|key| is_here(&contents, key)), "these have no other place yet");
        assert!(!is_here(&contents, 0), "this one has");
    }

    #[test]
    fn what_the_next_receive_wants_drives_out_what_is_newer() {
        let mut contents = contents(100 * 100);
        contents.retire([piece(1, 0, 99)], Position::new(1099));
        fill(&mut contents, 100..=500, DURABLE);
        for key in 0..64 {
            assert!(contents.supply(key, Blob(key), DURABLE), "{key}");
        }
        assert!((0..64).all(|key| is_here(&contents, key)) && contents.memory.used() <= 10_000);
    }

    // The order that `memory.rs` states: what is read ahead, then the newest pages, and from half of the budget on what a
    // retired file held and what queues at rest hold.

    #[test]
    fn what_is_read_ahead_gives_way_before_what_is_older() {
        let mut contents = contents(100 * 100);
        contents.retire([piece(1, 0, 999)], Position::new(1999));
        assert!((0..100).all(|key| contents.supply(key, Blob(key), DURABLE)), "there is room");
        assert!(!contents.supply(128, Blob(128), DURABLE), "and now there is none");
        assert!((0..100).all(|key| is_here(&contents, key)));
    }

    #[test]
    fn what_a_retired_file_held_gives_way_from_half_of_the_budget_on() {
        let mut half = contents(100 * 100);
        fill(&mut half, 0..=49, DURABLE);
        half.retire([piece(7, 0, 40)], Position::new(1040));
        assert!((0..=49).all(|key| is_here(&half, key)), "half of it is not more than half");
        let mut more = contents(100 * 100);
        fill(&mut more, 0..=50, DURABLE);
        more.retire([piece(7, 0, 40)], Position::new(1040));
        assert!(!(0..=40).any(|key| is_here(&more, key)), "segments have it");
        assert!((41..=50).all(|key| is_here(&more, key)), "the log that stays goes on being kept");
    }

    #[test]
    fn what_a_queue_at_rest_holds_gives_way_from_half_of_the_budget_on() {
        let mut contents = contents(100 * 100);
        fill(&mut contents, 0..=9, DURABLE);
        contents.retire([piece(7, 0, 9)], Position::new(1009));
        contents.memory.add(4_000);
        assert!(!contents.is_at_rest(), "half of it is not more than half: it is kept, and the queue awake");
        contents.memory.add(1);
        assert!(contents.is_at_rest(), "others have used more than half");
        assert_eq!(contents.find(5), Found::InPiece(piece(7, 0, 9)));
        contents.memory.give_back(4_001);
    }

    #[test]
    fn what_nobody_will_ask_for_leaves_memory_if_the_disk_has_it() {
        let mut contents = contents(100 * 300);
        fill(&mut contents, 0..=9, Position::new(1004));
        (0..=9).for_each(|key| contents.unload(key, Position::new(1004)));
        assert_eq!(contents.find(4), Found::Logged(Position::new(1004)));
        assert!(is_here(&contents, 5), "the disk does not have it yet");
        let mut endless = Contents::new(Arc::new(Memory::new(usize::MAX)));
        fill(&mut endless, 0..=9, DURABLE);
        endless.unload(3, DURABLE);
        assert!(is_here(&endless, 3), "there is no disk");
    }

    #[test]
    fn a_retired_log_leaves_pieces_and_nothing_else() {
        let mut contents = contents(usize::MAX);
        fill(&mut contents, 0..=99, DURABLE);
        (10..90).for_each(|key| contents.forget(key));
        contents.retire([piece(7, 0, 94)], Position::new(1094));
        assert!(is_here(&contents, 5), "memory is not scarce");
        contents.memory = Arc::new(Memory::new(0));
        contents.memory.add(contents.bytes);
        contents.rest();
        assert_eq!(contents.find(5), Found::InPiece(piece(7, 0, 94)));
        assert!(is_here(&contents, 97), "the log still has it, and a page of it may be wanted soon");
        assert!(contents.is_segmented(5) && !contents.is_segmented(97));
        let version = contents.pieces_version();
        contents.forget_below(96);
        assert!(contents.pieces().is_empty() && contents.pieces_version() > version);
        assert_eq!(contents.find(5), Found::Gone);
    }

    #[test]
    fn replaced_pieces_stand_in_order() {
        let mut contents = contents(usize::MAX);
        contents.retire([piece(1, 0, 9), piece(2, 20, 29), piece(3, 40, 49)], Position::new(1));
        contents.replace(|segment| segment != 2, [piece(4, 40, 45), piece(4, 3, 8)]);
        assert_eq!(contents.pieces(), [piece(4, 3, 8), piece(2, 20, 29), piece(4, 40, 45)]);
        assert_eq!(contents.find(9), Found::Gone);
        assert_eq!(contents.find(5), Found::InPiece(piece(4, 3, 8)));
    }

    #[test]
    fn all_memory_is_given_back() {
        let memory = Arc::new(Memory::new(5_000));
        let mut contents = Contents::new(Arc::clone(&memory));
        fill(&mut contents, 0..=300, DURABLE);
        contents.supply(3, Blob(3), DURABLE);
        contents.forget(4);
        contents.put(5, Position::new(2000), Blob(5), DURABLE);
        drop(contents);
        assert_eq!(memory.used(), 0);
    }
}
