//! Which messages can be received now: an ordered set of sequences, kept as ranges.
//!
//! A queue that is only sent to and received from is one range: its start is the cursor of the next receive, its end
//! the next send. Messages that come back, and gaps that delays leave, are ranges before it. So a backlog costs nothing
//! here, each exception at most one entry, and the common steps touch no tree.

use std::collections::BTreeMap;
use std::ops::Range;

/// Sequences of visible messages.
#[derive(Debug, Default)]
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
            steps in prop::collection::vec((any::<bool>(), 1u64..40), 0..300),
        ) {
            let (mut visible, mut model) = (Visible::default(), BTreeSet::new());
            for (add, sequence) in steps {
                if !add {
                    assert_eq!(visible.remove(sequence), model.remove(&sequence));
                } else if model.insert(sequence) {
                    visible.insert(sequence);
                }
                assert_eq!(visible.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
                assert_eq!(visible.len(), model.len());
                let ranges: Vec<_> = visible.older.iter().map(|(&end, &start)| start..end).collect();
                assert!(ranges.iter().all(|range| !range.is_empty()), "an empty range is kept");
                assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start), "two ranges touch");
                assert!(ranges.last().is_none_or(|last| last.end <= visible.newest.start));
            }
        }
    }
}
