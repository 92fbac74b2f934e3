//! Deleted messages that are kept for a while, so that they can be replayed: which they are, and since when.
//!
//! They stand in batches by the time of their deletion, each a set of ranges, and a batch goes whole when its last message
//! has been kept long enough: a message is kept longer than asked by a thousandth at the most. A queue that is consumed in
//! order has one range for each batch, however many messages that is; one deleted out of its turn costs a range of some 40
//! bytes. The batches share no message, and `all` is their union, so that to ask for one message does not visit them.

use crate::limits::{SHELF_BATCHES_MAX, SHELF_PARTS};
use crate::snapshot::{put_ranges, read_count, read_ranges};
use crate::visible::Visible;
use engine::varint::{Reader, put};
use names::Instant;
use std::collections::VecDeque;
use std::ops::Range;

/// The deleted messages that are kept.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Shelf {
    all: Visible,
    batches: VecDeque<Batch>,
}

#[derive(Debug, PartialEq)]
struct Batch {
    first_at: Instant,
    last_at: Instant,
    sequences: Visible,
}

impl Shelf {
    pub(crate) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn contains(&self, sequence: u64) -> bool {
        self.all.contains(sequence)
    }

    pub(crate) fn first(&self) -> Option<u64> {
        self.all.first()
    }

    pub(crate) fn count_within(&self, range: Range<u64>) -> u64 {
        self.all.count_within(range)
    }

    /// Those from a place on, oldest first.
    pub(crate) fn iter_from(&self, sequence: u64) -> impl Iterator<Item = u64> {
        self.all.iter_from(sequence)
    }

    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<u64>> {
        self.all.ranges()
    }

    /// Adds a message that was deleted at this moment and is not here.
    pub(crate) fn add(&mut self, sequence: u64, at: Instant, keep_millis: u64) {
        let span = keep_millis / SHELF_PARTS;
        // A clock that was set back makes no deletion earlier than those before it.
        let at = self.batches.back().map_or(at, |batch| batch.last_at.max(at));
        let joins = self.batches.back().is_some_and(|batch| at <= batch.first_at.plus_millis(span));
        if !joins {
            self.batches.push_back(Batch { first_at: at, last_at: at, sequences: Visible::default() });
        }
        let batch = self.batches.back_mut().expect("there is a batch that it fits in");
        batch.last_at = at;
        batch.sequences.insert(sequence);
        self.all.insert(sequence);
        while self.batches.len() > SHELF_BATCHES_MAX {
            self.join_oldest();
        }
    }

    /// When the first batch has been kept long enough.
    pub(crate) fn next_expiry(&self, keep_millis: u64) -> Option<Instant> {
        self.batches.front().map(|batch| batch.last_at.plus_millis(keep_millis))
    }

    /// Lets go of what has been kept long enough; says whether there was any.
    pub(crate) fn expire(&mut self, now: Instant, keep_millis: u64) -> bool {
        let before = self.batches.len();
        while self.next_expiry(keep_millis).is_some_and(|at| at <= now) {
            let over = self.batches.pop_front().expect("there is a first batch");
            over.sequences.ranges().for_each(|range| self.all.remove_range(range));
        }
        self.batches.len() < before
    }

    /// Lets go of a range of messages, because their retention ended.
    pub(crate) fn remove_range(&mut self, range: &Range<u64>) {
        if self.first().is_none_or(|first| first >= range.end) {
            return;
        }
        self.all.remove_range(range.clone());
        self.batches.iter_mut().for_each(|batch| batch.sequences.remove_range(range.clone()));
        self.batches.retain(|batch| batch.sequences.len() > 0);
    }

    /// The two oldest batches become one, which goes with the later of them.
    fn join_oldest(&mut self) {
        let (Some(first), Some(second)) = (self.batches.pop_front(), self.batches.pop_front()) else { return };
        let sequences = union(first.sequences.ranges().chain(second.sequences.ranges()));
        self.batches.push_front(Batch { first_at: first.first_at, last_at: second.last_at, sequences });
    }

    /// Appends all of it: see snapshot.rs.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put(out, self.batches.len() as u64);
        let mut before = Instant::EPOCH;
        for batch in &self.batches {
            put(out, batch.first_at.as_millis() - before.as_millis());
            put(out, batch.last_at.as_millis() - batch.first_at.as_millis());
            put_ranges(out, &batch.sequences);
            before = batch.last_at;
        }
    }

    /// Reads what `put` wrote.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, &'static str> {
        let mut shelf = Self::default();
        let mut before = 0u64;
        for _ in 0..read_count(reader)? {
            let later = |at: u64, step: u64| at.checked_add(step).ok_or("a deletion lies beyond all time");
            let first_at = later(before, reader.varint()?)?;
            before = later(first_at, reader.varint()?)?;
            let sequences = read_ranges(reader)?;
            if sequences.len() == 0 {
                return Err("a batch of deleted messages is empty");
            }
            let [first_at, last_at] = [first_at, before].map(Instant::from_millis);
            shelf.batches.push_back(Batch { first_at, last_at, sequences });
        }
        let counted: usize = shelf.batches.iter().map(|batch| batch.sequences.len()).sum();
        shelf.all = union(shelf.batches.iter().flat_map(|batch| batch.sequences.ranges()));
        match (counted, shelf.all.len()) {
            (0, _) => Err("a part of a queue that says nothing"),
            (counted, all) if counted != all => Err("a message was deleted twice"),
            _ => Ok(shelf),
        }
    }
}

/// What stands in any of these ranges.
fn union(ranges: impl Iterator<Item = Range<u64>>) -> Visible {
    let mut ranges: Vec<_> = ranges.collect();
    ranges.sort_unstable_by_key(|range| range.start);
    let mut union = Visible::default();
    let mut last: Option<Range<u64>> = None;
    for range in ranges {
        match &mut last {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => last.replace(range).into_iter().for_each(|range| union.append_range(range)),
        }
    }
    last.into_iter().for_each(|range| union.append_range(range));
    union
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop, proptest};
    use std::collections::BTreeMap;

    const KEEP: u64 = 100_000;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn what_is_deleted_in_order_costs_a_range_for_each_part_of_the_time() {
        let mut shelf = Shelf::default();
        for sequence in 1..=100_000 {
            shelf.add(sequence, at(sequence), KEEP);
        }
        assert!(shelf.batches.len() as u64 <= SHELF_PARTS + 1, "{} batches", shelf.batches.len());
        assert!(shelf.batches.iter().all(|batch| batch.sequences.ranges().count() == 1));
        assert_eq!((shelf.len(), shelf.all.ranges().count()), (100_000, 1));
    }

    #[test]
    fn however_often_the_time_is_changed_the_batches_keep_to_their_number() {
        let mut shelf = Shelf::default();
        for sequence in 1..=3 * SHELF_BATCHES_MAX as u64 {
            shelf.add(sequence, at(sequence), 1);
        }
        assert_eq!((shelf.batches.len(), shelf.len()), (SHELF_BATCHES_MAX, 3 * SHELF_BATCHES_MAX));
    }

    proptest! {
        #[test]
        fn a_shelf_is_a_map_of_deletions_that_forgets_none_too_early(
            steps in prop::collection::vec((1u64..400, 0u64..9_000, 0u64..12), 1..120),
        ) {
            let (mut shelf, mut model, mut now) = (Shelf::default(), BTreeMap::new(), 1);
            for (sequence, millis, step) in steps {
                now += millis;
                shelf.expire(at(now), KEEP);
                if step == 0 {
                    let range = sequence..sequence + 40;
                    shelf.remove_range(&range);
                    model.retain(|sequence, _| !range.contains(sequence));
                } else if !shelf.contains(sequence) {
                    shelf.add(sequence, at(now), KEEP);
                    model.insert(sequence, now);
                }
                assert!((0..400).all(|one| !shelf.contains(one) || model.contains_key(&one)), "nothing is invented");
                for (sequence, deleted) in &model {
                    assert!(shelf.contains(*sequence) || deleted + KEEP <= now, "{sequence} went too early");
                    assert!(!shelf.contains(*sequence) || now < deleted + KEEP + KEEP / SHELF_PARTS, "{sequence} stayed");
                }
                model.retain(|sequence, _| shelf.contains(*sequence));
                assert_eq!(shelf.len(), model.len());
                assert!(shelf.batches.iter().all(|batch| batch.sequences.len() > 0));
                if !shelf.is_empty() {
                    let mut out = Vec::new();
                    shelf.put(&mut out);
                    let mut reader = Reader::new(&out);
                    assert_eq!(Shelf::read(&mut reader).as_ref(), Ok(&shelf));
                    assert_eq!(reader.end(), Ok(()));
                    assert!((0..out.len()).all(|end| Shelf::read(&mut Reader::new(&out[..end])).is_err()));
                }
            }
        }
    }
}
