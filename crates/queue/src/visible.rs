//! Which messages can be received now: an ordered set of sequences, kept as ranges.
//!
//! A queue that is only sent to and received from is one range: its start is the cursor of the next receive, its end
//! the next send. Messages that come back, and gaps that delays leave, are ranges before it. So a backlog costs nothing
//! here, each exception at most one entry, and the common steps touch no tree.

use std::collections::BTreeMap;
use std::ops::Range;

/// Sequences of visible messages.
#[derive(Debug, Default, Clone)]
pub(crate) struct Visible {
    /// Ranges below `newest`, none touching another: the end (not in it) → the start. Receives take from the front,
    /// and with the end as key that changes a value only.
    older: BTreeMap<u64, u64>,
    /// The last range. Where it is empty, its start still lies above all of `older`.
    newest: Range<u64>,
    len: usize,
}

impl Visible {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// All of them, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> {
        self.older.iter().flat_map(|(&end, &start)| start..end).chain(self.newest.clone())
    }

    /// Those from `sequence` on, oldest first.
    pub(crate) fn iter_from(&self, sequence: u64) -> impl Iterator<Item = u64> {
        let older =
            self.older.range(sequence.saturating_add(1)..).flat_map(move |(&end, &start)| start.max(sequence)..end);
        older.chain(self.newest.start.max(sequence)..self.newest.end)
    }

    /// The oldest.
    pub(crate) fn first(&self) -> Option<u64> {
        let newest = (!self.newest.is_empty()).then_some(self.newest.start);
        self.older.first_key_value().map(|(_, &start)| start).or(newest)
    }

    /// The oldest that is not below `sequence`.
    pub(crate) fn first_from(&self, sequence: u64) -> Option<u64> {
        let older = self.older.range(sequence + 1..).next().map(|(_, &start)| start.max(sequence));
        let newest = self.newest.start.max(sequence);
        older.or((newest < self.newest.end).then_some(newest))
    }

    /// The ranges, none empty and none touching another, oldest first.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<u64>> {
        let newest = (!self.newest.is_empty()).then(|| self.newest.clone());
        self.older.iter().map(|(&end, &start)| start..end).chain(newest)
    }

    /// Whether one is in it.
    pub(crate) fn contains(&self, sequence: u64) -> bool {
        if sequence >= self.newest.start {
            return sequence < self.newest.end;
        }
        self.older.range(sequence + 1..).next().is_some_and(|(_, &start)| start <= sequence)
    }

    /// How many of `range` are in it.
    pub(crate) fn count_within(&self, range: Range<u64>) -> u64 {
        let shared = |one: Range<u64>| one.end.min(range.end).saturating_sub(one.start.max(range.start));
        if range.is_empty() {
            return 0;
        }
        let older = self.older.range(range.start + 1..).map(|(&end, &start)| start..end);
        let older = older.take_while(|one| one.start < range.end).map(shared).sum::<u64>();
        older + shared(self.newest.clone())
    }

    /// Takes out all below `sequence`, range by range.
    pub(crate) fn remove_below(&mut self, sequence: u64) {
        while let Some(mut first) = self.older.first_entry() {
            let (start, end) = (*first.get(), *first.key());
            if start >= sequence {
                return;
            }
            let cut = end.min(sequence);
            self.len -= (cut - start) as usize;
            if cut < end {
                *first.get_mut() = cut;
                return;
            }
            first.remove();
        }
        if self.newest.start < sequence {
            let cut = self.newest.end.min(sequence).max(self.newest.start);
            self.len -= (cut - self.newest.start) as usize;
            self.newest.start = cut;
        }
    }

    /// Takes out all of `range`.
    pub(crate) fn remove_range(&mut self, range: Range<u64>) {
        let cut: Vec<_> = self.older.range(range.start.saturating_add(1)..).map(|(&end, &start)| start..end).collect();
        for one in cut.into_iter().take_while(|one| one.start < range.end) {
            self.older.remove(&one.end);
            self.len -= (one.end.min(range.end) - one.start.max(range.start)) as usize;
            if one.start < range.start {
                self.older.insert(range.start, one.start);
            }
            if range.end < one.end {
                self.older.insert(one.end, range.end);
            }
        }
        let (start, end) = (self.newest.start.max(range.start), self.newest.end.min(range.end));
        if start < end {
            self.len -= (end - start) as usize;
            if self.newest.start < start {
                self.older.insert(start, self.newest.start);
            }
            self.newest.start = end;
        }
    }

    /// Adds a range that lies behind all others and touches none.
    pub(crate) fn append_range(&mut self, range: Range<u64>) {
        debug_assert!(range.start > self.newest.end && !range.is_empty(), "ranges are appended in order");
        if !self.newest.is_empty() {
            self.older.insert(self.newest.end, self.newest.start);
        }
        self.len += (range.end - range.start) as usize;
        self.newest = range;
    }

    /// Adds one that is not in it.
    pub(crate) fn insert(&mut self, sequence: u64) {
        self.len += 1;
        if sequence >= self.newest.end {
            self.append(sequence);
            return;
        }
        let start = self.older.remove(&sequence).unwrap_or(sequence);
        if sequence + 1 == self.newest.start {
            self.newest.start = start;
            return;
        }
        match self.older.range_mut(sequence + 1..).next() {
            Some((_, next)) if *next == sequence + 1 => *next = start,
            _ => drop(self.older.insert(sequence + 1, start)),
        }
    }

    fn append(&mut self, sequence: u64) {
        if sequence > self.newest.end {
            if !self.newest.is_empty() {
                self.older.insert(self.newest.end, self.newest.start);
            }
            self.newest.start = sequence;
        }
        self.newest.end = sequence + 1;
    }

    /// Takes one out; says whether it was in.
    pub(crate) fn remove(&mut self, sequence: u64) -> bool {
        let removed = if sequence >= self.newest.start { self.cut_newest(sequence) } else { self.cut_older(sequence) };
        self.len -= usize::from(removed);
        removed
    }

    fn cut_newest(&mut self, sequence: u64) -> bool {
        if sequence >= self.newest.end {
            return false;
        }
        if sequence > self.newest.start {
            self.older.insert(sequence, self.newest.start);
        }
        self.newest.start = sequence + 1;
        true
    }

    fn cut_older(&mut self, sequence: u64) -> bool {
        let Some((&end, start)) = self.older.range_mut(sequence + 1..).next() else { return false };
        let first = *start;
        if first > sequence {
            return false;
        }
        *start = sequence + 1;
        if end == sequence + 1 {
            self.older.remove(&end);
        }
        if first < sequence {
            self.older.insert(sequence, first);
        }
        true
    }
}

/// The same messages, whether the last range is kept apart or not.
impl PartialEq for Visible {
    fn eq(&self, other: &Self) -> bool {
        self.ranges().eq(other.ranges())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};
    use std::collections::BTreeSet;

    #[test]
    fn sends_and_receives_in_order_touch_no_tree() {
        let mut visible = Visible::default();
        for sequence in 1..=1000 {
            visible.insert(sequence);
        }
        for sequence in 1..=500 {
            assert!(visible.remove(sequence));
        }
        assert!(visible.older.is_empty());
        assert_eq!((visible.len(), visible.iter().next()), (500, Some(501)));
    }

    #[test]
    fn neighbours_grow_together_again() {
        let mut visible = Visible::default();
        for sequence in [1, 2, 3, 5, 6, 9] {
            visible.insert(sequence);
        }
        for sequence in [8, 4, 7] {
            visible.insert(sequence);
        }
        assert!(visible.older.is_empty());
        assert_eq!(visible.newest, 1..10);
    }

    proptest! {
        #[test]
        fn it_is_the_set_that_a_tree_of_sequences_would_be(
            steps in prop::collection::vec((0u8..12, 1u64..40), 0..300),
            range in any::<[u8; 2]>(),
        ) {
            let (mut visible, mut model) = (Visible::default(), BTreeSet::new());
            let range = u64::from(range[0] % 42)..u64::from(range[1] % 42);
            for (step, sequence) in steps {
                match step {
                    0..=4 => assert_eq!(visible.remove(sequence), model.remove(&sequence)),
                    6 => {
                        visible.remove_range(sequence..sequence + 5);
                        model.retain(|one| !(sequence..sequence + 5).contains(one));
                    }
                    5 => {
                        visible.remove_below(sequence / 2);
                        model = model.split_off(&(sequence / 2));
                    }
                    _ if model.insert(sequence) => visible.insert(sequence),
                    _ => {}
                }
                assert_eq!(visible.first(), model.first().copied());
                assert!((0..42).all(|sequence| visible.contains(sequence) == model.contains(&sequence)));
                assert!((0..42).all(|sequence| visible.first_from(sequence) == model.range(sequence..).next().copied()));
                let within = model.iter().filter(|sequence| range.contains(sequence)).count();
                assert_eq!(visible.count_within(range.clone()), within as u64);
                assert_eq!(visible.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
                assert_eq!(visible.len(), model.len());
                assert!(visible.iter_from(range.start).eq(model.range(range.start..).copied()));
                let ranges: Vec<_> = visible.older.iter().map(|(&end, &start)| start..end).collect();
                assert!(ranges.iter().all(|range| !range.is_empty()), "an empty range is kept");
                assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start), "two ranges touch");
                assert!(ranges.last().is_none_or(|last| last.end <= visible.newest.start));
            }
        }
    }
}
