//! Something that requests change one after the other: what it may be, and may have been at any time.
//!
//! What a request that is under way, or whose answer was lost, would make of it is possible beside what it was before.

use std::collections::BTreeSet;

/// All that something may be.
#[derive(Debug)]
pub(super) struct Known<T> {
    /// Since which event it may be what.
    log: Vec<(u64, BTreeSet<T>)>,
    /// What it is if the request under way is done.
    after: Option<BTreeSet<T>>,
}

impl<T: Ord + Clone> Known<T> {
    pub(super) fn new(value: T) -> Self {
        Self { log: vec![(0, BTreeSet::from([value]))], after: None }
    }

    pub(super) fn now(&self) -> &BTreeSet<T> {
        &self.log.last().expect("it is something from the beginning").1
    }

    pub(super) fn is_surely(&self, wanted: impl Fn(&T) -> bool) -> bool {
        self.now().iter().all(wanted)
    }

    /// Whether a request about it is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.after.is_some()
    }

    /// Somebody asks for this to be made of it.
    pub(super) fn asked(&mut self, at: u64, change: impl Fn(&T) -> T) {
        let after: BTreeSet<T> = self.now().iter().map(change).collect();
        let possible = self.now().union(&after).cloned().collect();
        self.log.push((at, possible));
        self.after = Some(after);
    }

    /// The request under way has ended; it may have been carried out or not.
    pub(super) fn is_lost(&mut self) {
        self.after = None;
    }

    /// It was carried out.
    pub(super) fn is_done(&mut self, at: u64) {
        if let Some(after) = self.after.take() {
            self.log.push((at, after));
        }
    }

    /// It turns out to be one of these.
    pub(super) fn is(&mut self, at: u64, values: BTreeSet<T>) {
        self.after = None;
        self.log.push((at, values));
    }

    /// All that it may have been between two events.
    pub(super) fn within(&self, from: u64, to: u64) -> BTreeSet<T> {
        let first = self.log.partition_point(|(since, _)| *since <= from).saturating_sub(1);
        let during = self.log[first..].iter().take_while(|(since, _)| *since <= to.max(from));
        during.flat_map(|(_, values)| values.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_is_possible_until_the_answer_says_so() {
        let mut known = Known::new(1);
        known.asked(10, |_| 2);
        assert!(known.is_busy() && known.within(5, 9) == BTreeSet::from([1]));
        assert_eq!(known.within(5, 10), BTreeSet::from([1, 2]));
        known.is_done(20);
        assert_eq!((known.within(20, 30), known.is_busy()), (BTreeSet::from([2]), false));
        known.asked(40, |value| value + 1);
        known.is_lost();
        assert_eq!(known.within(50, u64::MAX), BTreeSet::from([2, 3]));
        assert!(!known.is_surely(|value| *value == 2));
    }
}
