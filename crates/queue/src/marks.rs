//! When messages were sent, as far as retention has to know: marks for runs of neighbouring sequences.
//!
//! A run holds what was sent within one part of the retention, and expires as a whole when its last message is over: no
//! message goes too early, and none stays longer than a run lasts. So a queue has some thousands of marks whatever its
//! backlog. Marks rise, in sequence and in time; runs of which nothing is left are let go of from the front.

use crate::limits::{RUN_MILLIS_MAX, RUNS_PER_RETENTION, SPARE_ENTRIES};
use names::Instant;
use std::collections::VecDeque;

/// One run, which ends where the next one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Its first sequence.
    pub(crate) first: u64,
    /// When that was sent.
    pub(crate) first_sent_at: Instant,
    /// When its last message was sent.
    pub(crate) last_sent_at: Instant,
}

const _: () = assert!(size_of::<Mark>() == 24);

/// All runs of a queue. If anything is left in the queue, it is not before the first run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    runs: VecDeque<Mark>,
}

/// How far apart the messages of one run may have been sent.
fn span_millis(retention_millis: u64) -> u64 {
    (retention_millis / RUNS_PER_RETENTION).min(RUN_MILLIS_MAX)
}

impl Marks {
    /// Adds the message after all others, sent no earlier than any of them.
    pub(crate) fn note(&mut self, sequence: u64, sent_at: Instant, retention_millis: u64) {
        match self.runs.back_mut() {
            Some(run) if sent_at <= run.first_sent_at.plus_millis(span_millis(retention_millis)) => {
                run.last_sent_at = sent_at;
            }
            _ => self.runs.push_back(Mark { first: sequence, first_sent_at: sent_at, last_sent_at: sent_at }),
        }
    }

    /// When the first run is over.
    pub(crate) fn next_expiry(&self, retention_millis: u64) -> Option<Instant> {
        self.runs.front().map(|run| run.last_sent_at.plus_millis(retention_millis))
    }

    /// Lets go of the runs that are over, and tells where the next one begins: at `end`, if all are.
    pub(crate) fn expire(&mut self, now: Instant, retention_millis: u64, end: u64) -> u64 {
        while self.next_expiry(retention_millis).is_some_and(|at| at <= now) {
            self.runs.pop_front();
        }
        self.runs.front().map_or(end, |run| run.first)
    }

    /// Lets go of the runs of which nothing is left. `first` is the oldest message, if there is one.
    pub(crate) fn trim(&mut self, first: Option<u64>) {
        match first {
            None => self.runs.clear(),
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
        let span = span_millis(retention_millis);
        let mut merged: VecDeque<Mark> = VecDeque::new();
        for run in std::mem::take(&mut self.runs) {
            match merged.back_mut() {
                Some(before) if run.last_sent_at <= before.first_sent_at.plus_millis(span) => {
                    before.last_sent_at = run.last_sent_at;
                }
                _ => merged.push_back(run),
            }
        }
        self.runs = merged;
    }

    /// When the first message of the first run was sent: the oldest message is no older.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.runs.front().map(|run| run.first_sent_at)
    }

    /// All runs, the oldest first.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Mark> {
        self.runs.iter()
    }
}

impl From<Vec<Mark>> for Marks {
    fn from(runs: Vec<Mark>) -> Self {
        Self { runs: runs.into() }
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
        assert_eq!(marks.expire(at(4_096_999), 4_096_000, 6), 1);
        assert_eq!(marks.expire(at(4_097_000), 4_096_000, 6), 4);
        assert_eq!(marks.expire(at(4_098_001), 4_096_000, 6), 6);
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
