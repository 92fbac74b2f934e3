//! How often a message may have been received although nobody has seen it: what receives of its queue came to.
//!
//! An answer shows what its receive took, with two exceptions. Of a receive that was lost or refused nobody knows what it took. And
//! one that was answered when its leases may have been over may leave out what somebody else has taken or sent away before the
//! contents were read: a long poll too, which may have taken it at once and waited for the disk. So a message may have been taken
//! by such a one if it was sent early enough for a lease of it to have ended before the answer.

use super::lease::Span;

/// The receives of one queue.
#[derive(Debug, Default)]
pub(crate) struct Receives {
    asked: u64,
    /// Those whose outcome is known or never will be.
    ended: u64,
    /// Those that nobody has seen an answer of, or that were refused.
    lost: u64,
    slow: Vec<Slow>,
}

/// One whose answer came when its leases may have been over.
#[derive(Debug)]
struct Slow {
    span: Span,
    visibility_millis: u64,
    shown: Vec<usize>,
}

/// What a queue's receives had come to when a message was about to be sent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Before {
    ended: u64,
    lost: u64,
    /// In order of events, and by the server's clock.
    at: u64,
    wall: u64,
}

impl Receives {
    /// How things stand for a message that is sent now.
    pub(crate) fn before(&self, at: u64, wall: u64) -> Before {
        Before { ended: self.ended, lost: self.lost, at, wall }
    }

    pub(crate) fn begins(&mut self) {
        self.asked += 1;
    }

    /// Nobody knows what it took.
    pub(crate) fn is_lost(&mut self) {
        self.ended += 1;
        self.lost += 1;
    }

    /// It was answered with these messages, which it hides for `visibility_millis`.
    pub(crate) fn showed(&mut self, shown: &[usize], span: Span, visibility_millis: u64) {
        self.ended += 1;
        if span.answered_wall.saturating_sub(span.asked_wall) >= visibility_millis {
            self.slow.push(Slow { span, visibility_millis, shown: shown.to_vec() });
        }
    }

    /// How many may have taken a message since then, whatever they showed.
    pub(crate) fn since(&self, before: Before) -> u64 {
        self.asked - before.ended
    }

    /// How many may have taken the message of this number since then without showing it.
    pub(crate) fn unseen(&self, number: usize, before: Before) -> u64 {
        let slow = self.slow.iter().filter(|slow| slow.may_have_taken(number, before)).count();
        self.asked - self.ended + self.lost - before.lost + slow as u64
    }
}

impl Slow {
    fn may_have_taken(&self, number: usize, before: Before) -> bool {
        // The clock is set only between two processes, and a receive is answered by the one that it was asked.
        let from = if before.at > self.span.asked { before.wall } else { self.span.asked_wall };
        let is_over = self.span.answered_wall.saturating_sub(from) >= self.visibility_millis;
        is_over && before.at < self.span.answered && !self.shown.contains(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A receive at the event 10 and the second 100 that is answered three seconds later.
    const SPAN: Span = Span { asked: 10, answered: 20, asked_wall: 100_000, answered_wall: 103_000 };

    fn unseen(visibility_millis: u64, before: Before) -> u64 {
        let mut receives = Receives::default();
        receives.begins();
        receives.showed(&[7], SPAN, visibility_millis);
        assert_eq!(receives.unseen(7, before), 0, "it was shown");
        receives.unseen(8, before)
    }

    #[test]
    fn an_answer_leaves_out_only_what_it_may_have_had_for_a_whole_lease() {
        let sent = |at, wall| Before { at, wall, ..Before::default() };
        assert_eq!(unseen(3_001, sent(1, 0)), 0, "the lease lasted until the answer");
        assert_eq!(unseen(3_000, sent(1, 0)), 1);
        assert_eq!(unseen(0, sent(1, 0)), 1, "a long poll may have taken it at once");
        assert_eq!(unseen(2_000, sent(11, 101_000)), 1);
        assert_eq!(unseen(2_000, sent(11, 101_001)), 0, "it was sent too late for that");
        assert_eq!(unseen(0, sent(21, 103_000)), 0, "it was sent afterwards");
    }

    #[test]
    fn what_was_lost_or_is_under_way_may_have_taken_what_was_there() {
        let mut receives = Receives::default();
        let first = receives.before(1, 0);
        receives.begins();
        receives.begins();
        receives.is_lost();
        let second = receives.before(2, 0);
        assert_eq!([first, second].map(|before| receives.unseen(0, before)), [2, 1]);
        assert_eq!([first, second].map(|before| receives.since(before)), [2, 1]);
        receives.showed(&[], SPAN, 4_000);
        assert_eq!([first, second].map(|before| receives.unseen(0, before)), [1, 0]);
    }
}
