//! When messages were sent, as far as retention has to know: marks for runs of neighbouring sequences.
//!
//! A run holds neighbours that were sent within one part of the retention of each other, and expires as a whole when its last
//! message is over: no message goes too early, and none stays longer than a run lasts. Messages usually stand in the order
//! in which they were sent; then runs rise in time too and expire front first. Dead letters keep the time at which they were
//! sent first, so where they arrive runs may expire in any order. The number of runs is bounded: too many neighbours of
//! different times are put together, and the older ones stay longer.

use crate::limits::{RUN_MILLIS_MAX, RUNS_MAX, RUNS_PER_RETENTION, SPARE_ENTRIES};
use names::Instant;
use std::collections::VecDeque;
use std::ops::Range;

/// One run, which ends where the next one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Its first sequence.
    pub(crate) first: u64,
    /// When the one was sent that was sent first.
    pub(crate) first_sent_at: Instant,
    /// When the one was sent that was sent last.
    pub(crate) last_sent_at: Instant,
}

const _: () = assert!(size_of::<Mark>() == 24);

impl Mark {
    /// The run that holds this one's and `next`'s messages.
    fn with(self, next: Self) -> Self {
        Self {
            first: self.first,
            first_sent_at: self.first_sent_at.min(next.first_sent_at),
            last_sent_at: self.last_sent_at.max(next.last_sent_at),
        }
    }

    fn is_within(self, span_millis: u64) -> bool {
        self.last_sent_at <= self.first_sent_at.plus_millis(span_millis)
    }
}

/// All runs of a queue. If anything is left in the queue, it is not before the first run.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    runs: VecDeque<Mark>,
    /// No run is over before one that was last sent to at this moment. It may be too early.
    earliest: Instant,
    /// Whether a run may be older than the one before.
    is_mixed: bool,
}

/// How far apart the messages of one run may have been sent.
fn span_millis(retention_millis: u64) -> u64 {
    (retention_millis / RUNS_PER_RETENTION).min(RUN_MILLIS_MAX)
}

impl Marks {
    /// Adds the message after all others, whenever it was sent.
    pub(crate) fn note(&mut self, sequence: u64, sent_at: Instant, retention_millis: u64) {
        let new = Mark { first: sequence, first_sent_at: sent_at, last_sent_at: sent_at };
        match self.runs.back_mut() {
            None => self.earliest = sent_at,
            Some(run) => {
                self.is_mixed |= sent_at < run.last_sent_at;
                self.earliest = self.earliest.min(sent_at);
                let grown = run.with(new);
                if grown.is_within(span_millis(retention_millis)) {
                    *run = grown;
                    return;
                }
            }
        }
        self.runs.push_back(new);
        if self.runs.len() > RUNS_MAX {
            self.thin(retention_millis);
        }
    }

    /// When the first run is over, whichever it is: perhaps too early, never too late.
    pub(crate) fn next_expiry(&self, retention_millis: u64) -> Option<Instant> {
        let front = self.runs.front()?;
        Some(if self.is_mixed { self.earliest } else { front.last_sent_at }.plus_millis(retention_millis))
    }

    /// Lets go of the runs that are over, and tells which sequences were theirs. The last run ends at `end`.
    pub(crate) fn expire(&mut self, now: Instant, retention_millis: u64, end: u64) -> Vec<Range<u64>> {
        let is_over = |run: &Mark| run.last_sent_at.plus_millis(retention_millis) <= now;
        if !self.is_mixed {
            while self.runs.front().is_some_and(is_over) {
                self.runs.pop_front();
            }
            let over = 0..self.runs.front().map_or(end, |run| run.first);
            return Vec::from([over]);
        }
        let ends = self.runs.iter().skip(1).map(|run| run.first).chain([end]);
        let over = self.runs.iter().zip(ends).filter(|(run, _)| is_over(run));
        let over = over.map(|(run, end)| run.first..end).collect();
        self.runs.retain(|run| !is_over(run));
        self.look_again();
        over
    }

    /// Lets go of the runs at the front of which nothing is left. `first` is the oldest message, if there is one.
    pub(crate) fn trim(&mut self, first: Option<u64>) {
        match first {
            None => {
                self.runs.clear();
                self.is_mixed = false;
            }
            Some(first) => {
                while self.runs.get(1).is_some_and(|next| next.first <= first) {
                    self.runs.pop_front();
                }
            }
        }
        if self.runs.len() < self.runs.capacity() / 4 {
            self.runs.shrink_to((2 * self.runs.len()).max(SPARE_ENTRIES));
        }
    }

    /// Puts neighbours together that fit into one run of another retention, so that their number keeps to it.
    pub(crate) fn merge(&mut self, retention_millis: u64) {
        self.merge_within(span_millis(retention_millis));
    }

    /// When the message was sent that was sent first, or earlier by no more than a run lasts. `end` is where the last run ends;
    /// nothing is left before `first`, and `is_empty` tells of which sequences beyond it nothing is.
    pub(crate) fn oldest(&self, first: u64, end: u64, is_empty: impl Fn(Range<u64>) -> bool) -> Option<Instant> {
        let mut oldest: Option<Instant> = None;
        let skipped = self.runs.partition_point(|run| run.first <= first).saturating_sub(1);
        let ends = self.runs.iter().skip(skipped + 1).map(|run| run.first).chain([end]);
        for (run, end) in self.runs.iter().skip(skipped).zip(ends) {
            if oldest.is_none_or(|oldest| run.first_sent_at < oldest) && !is_empty(run.first..end) {
                oldest = Some(run.first_sent_at);
                if !self.is_mixed {
                    break;
                }
            }
        }
        oldest
    }

    /// Stretches of sequences from `first` on that hold messages which may have been sent from `from` on and before `to`.
    /// The last run ends at `end`.
    pub(crate) fn sent_within(
        &self,
        first: u64,
        [from, to]: [Instant; 2],
        end: u64,
    ) -> impl Iterator<Item = Range<u64>> {
        let skipped = self.runs.partition_point(|run| run.first <= first).saturating_sub(1);
        let ends = self.runs.iter().skip(skipped + 1).map(|run| run.first).chain([end]);
        let runs = self.runs.iter().skip(skipped).zip(ends);
        let meant = runs.filter(move |(run, _)| run.last_sent_at >= from && run.first_sent_at < to);
        meant.map(move |(run, end)| run.first.max(first)..end).filter(|range| !range.is_empty())
    }

    /// All runs, in order of sequence.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Mark> {
        self.runs.iter()
    }

    /// Whether each run was sent after the one before.
    pub(crate) fn rises(&self) -> bool {
        let mut pairs = self.runs.iter().zip(self.runs.iter().skip(1));
        !self.is_mixed || pairs.all(|(run, next)| run.last_sent_at <= next.first_sent_at)
    }

    /// Halves the number of runs at the least: neighbours are put together whose times lie ever further apart.
    fn thin(&mut self, retention_millis: u64) {
        let mut span = span_millis(retention_millis).max(1);
        while self.runs.len() > RUNS_MAX / 2 {
            span = span.saturating_mul(2);
            self.merge_within(span);
        }
    }

    fn merge_within(&mut self, span: u64) {
        let mut merged: VecDeque<Mark> = VecDeque::new();
        for run in std::mem::take(&mut self.runs) {
            match merged.back_mut() {
                Some(before) if before.with(run).is_within(span) => *before = before.with(run),
                _ => merged.push_back(run),
            }
        }
        self.runs = merged;
        self.look_again();
    }

    /// Finds out anew what is known of all runs together.
    fn look_again(&mut self) {
        self.is_mixed = true;
        self.is_mixed = !self.rises();
        self.earliest = self.runs.iter().map(|run| run.last_sent_at).min().unwrap_or_default();
    }
}

/// The same runs, whatever is known of them.
impl PartialEq for Marks {
    fn eq(&self, other: &Self) -> bool {
        self.runs == other.runs
    }
}

impl From<Vec<Mark>> for Marks {
    fn from(runs: Vec<Mark>) -> Self {
        let mut marks = Self { runs: runs.into(), ..Self::default() };
        marks.look_again();
        marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;
    const DAY: u64 = 24 * HOUR;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn one(range: Range<u64>) -> Vec<Range<u64>> {
        Vec::from([range])
    }

    fn marked(retention_millis: u64, sent_at: impl Iterator<Item = u64>) -> Marks {
        let mut marks = Marks::default();
        (1..).zip(sent_at).for_each(|(sequence, millis)| marks.note(sequence, at(millis), retention_millis));
        marks
    }

    #[test]
    fn marks_keep_to_their_number_whatever_the_retention() {
        for (retention, pace, most) in
            [(60_000, 1, 4287), (HOUR, 1, 4101), (4 * DAY, 10_007, 5_760), (14 * DAY, 10_007, 20_161)]
        {
            let marks = marked(retention, (0..retention).step_by(pace));
            assert!(marks.runs.len() <= most, "{} marks for {retention} ms", marks.runs.len());
        }
    }

    #[test]
    fn a_run_goes_with_its_last_message_and_lasts_no_longer_than_its_part() {
        let mut marks = marked(4_096_000, [0, 400, 1000, 1001, 2001].into_iter());
        assert_eq!(marks.runs.iter().map(|run| run.first).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(marks.expire(at(4_096_999), 4_096_000, 6), one(0..1));
        assert_eq!(marks.expire(at(4_097_000), 4_096_000, 6), one(0..4));
        assert_eq!(marks.expire(at(4_098_001), 4_096_000, 6), one(0..6));
    }

    #[test]
    fn runs_of_mixed_times_expire_in_the_order_of_their_times() {
        let mut marks = marked(4_096_000, [9_000, 2_000, 2_001, 7_000, 1_000].into_iter());
        assert_eq!(marks.oldest(0, 6, |_| false), Some(at(1_000)));
        assert_eq!(marks.oldest(0, 6, |run| run.contains(&5)), Some(at(2_000)));
        assert_eq!(marks.next_expiry(4_096_000), Some(at(4_097_000)));
        assert_eq!(marks.expire(at(4_097_000), 4_096_000, 6), one(5..6));
        assert_eq!(marks.next_expiry(4_096_000), Some(at(4_098_001)));
        assert_eq!(marks.expire(at(4_103_000), 4_096_000, 6), [2..4, 4..6]);
        assert!(marks.rises() && marks.next_expiry(4_096_000) == Some(at(4_105_000)));
    }

    #[test]
    fn however_mixed_the_times_are_the_runs_keep_to_their_number_and_none_goes_too_early() {
        let times = (0..200_000u64).map(|nth| if nth % 2 == 0 { nth * 100 } else { 3 * DAY + nth });
        let marks = marked(4 * DAY, times.clone());
        assert!(marks.runs.len() <= RUNS_MAX, "{} runs", marks.runs.len());
        let mut runs = marks.runs.iter().copied().peekable();
        let mut run = runs.next().unwrap();
        for (sequence, time) in (1..).zip(times) {
            while runs.peek().is_some_and(|next| next.first <= sequence) {
                run = runs.next().unwrap();
            }
            assert!(run.first_sent_at <= at(time) && at(time) <= run.last_sent_at);
        }
    }

    #[test]
    fn a_longer_retention_puts_runs_together() {
        let mut marks = marked(60_000, 0..60_000);
        assert!(marks.runs.len() >= 4000);
        marks.merge(14 * DAY);
        assert_eq!(marks.runs, [Mark { first: 1, first_sent_at: at(0), last_sent_at: at(59_999) }]);
        assert!(marks.runs.capacity() < 10);
    }

    #[test]
    fn what_is_left_of_a_drained_queue_is_small() {
        let mut marks = marked(60_000, 0..60_000);
        marks.trim(Some(59_990));
        assert!(marks.runs.len() <= 2 && marks.runs.capacity() <= 8);
        assert!(marks.runs[0].first <= 59_990);
        marks.trim(None);
        assert_eq!(marks.runs.len(), 0);
    }
}
