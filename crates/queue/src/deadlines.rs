//! When hidden messages become visible: a heap of moments, in which the outdated ones stay for a while.
//!
//! An entry says that something in a page of exceptions is due at a moment, and is valid if that is still the page's
//! earliest. Whatever changes in the page leaves the old entry behind, to be recognised and dropped when it comes up. So
//! that they cannot pile up, the heap is rebuilt from its valid entries as soon as it holds more than twice as many as
//! there are pages, plus [`STALE_DEADLINES_MAX`]; a rebuild drops at least half and is thereby paid for by the steps that
//! left them.

use crate::limits::STALE_DEADLINES_MAX;
use names::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Moments at which pages have something to reveal.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    heap: BinaryHeap<Reverse<(Instant, u64)>>,
}

impl Deadlines {
    /// The earliest one, perhaps outdated.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|&Reverse((at, _))| at)
    }

    /// Adds one.
    pub(crate) fn push(&mut self, at: Instant, page: u64) {
        self.heap.push(Reverse((at, page)));
    }

    /// Takes out the earliest one if it is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(Instant, u64)> {
        let due = self.next().is_some_and(|at| at <= now);
        if due { self.heap.pop().map(|Reverse(entry)| entry) } else { None }
    }

    /// Keeps the bound for so many pages.
    pub(crate) fn tidy(&mut self, pages: usize, is_valid: impl Fn(Instant, u64) -> bool) {
        if pages == 0 {
            self.heap.clear();
            self.heap.shrink_to(STALE_DEADLINES_MAX);
        } else if self.heap.len() > 2 * pages + STALE_DEADLINES_MAX {
            self.rebuild(is_valid);
        }
    }

    /// How many are kept, outdated ones included.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    fn rebuild(&mut self, is_valid: impl Fn(Instant, u64) -> bool) {
        let mut entries = std::mem::take(&mut self.heap).into_vec();
        entries.retain(|&Reverse((at, page))| is_valid(at, page));
        // Setting a deadline to where it was leaves two equal entries, both valid.
        entries.sort_unstable();
        entries.dedup();
        entries.shrink_to(2 * entries.len() + STALE_DEADLINES_MAX);
        self.heap = entries.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn deadlines_come_up_in_order_and_not_before_their_time() {
        let mut deadlines = Deadlines::default();
        for (millis, page) in [(30, 1), (10, 2), (20, 3)] {
            deadlines.push(at(millis), page);
        }
        assert_eq!(deadlines.next(), Some(at(10)));
        assert_eq!(deadlines.pop_due(at(9)), None);
        assert_eq!(deadlines.pop_due(at(25)), Some((at(10), 2)));
        assert_eq!(deadlines.pop_due(at(25)), Some((at(20), 3)));
        assert_eq!(deadlines.pop_due(at(25)), None);
    }

    #[test]
    fn setting_one_deadline_again_and_again_does_not_pile_up() {
        let mut deadlines = Deadlines::default();
        for step in 0..100_000 {
            // Long runs of the same moment: each entry is valid, and all but one of them superfluous.
            let until = at(1 + step / 1000 % 2);
            deadlines.push(until, 7);
            deadlines.tidy(1, |at, page| (at, page) == (until, 7));
            assert!(deadlines.heap.len() <= 2 + STALE_DEADLINES_MAX);
            assert!(deadlines.heap.iter().any(|entry| entry.0 == (until, 7)), "the valid deadline is lost");
        }
        assert!(deadlines.heap.capacity() < 4 * STALE_DEADLINES_MAX);
    }

    #[test]
    fn nothing_hidden_keeps_nothing() {
        let mut deadlines = Deadlines::default();
        for page in 0..10_000 {
            deadlines.push(at(page), page);
        }
        deadlines.tidy(0, |_, _| false);
        assert_eq!((deadlines.next(), deadlines.heap.len()), (None, 0));
        assert!(deadlines.heap.capacity() <= STALE_DEADLINES_MAX);
    }
}
