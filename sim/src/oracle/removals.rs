//! What a purge, or the deletion of a queue, takes along: everything in the queue, and nothing that is elsewhere.
//!
//! Where a message is that may be a dead letter nobody sees from outside. A purge lets what is on its way arrive, but not come back
//! (ADR 0015). So after one that was acknowledged nothing of before is in that queue, and surely gone is what cannot have left it
//! (it was received too seldom), or, of a queue for letters, what was seen there when no task could take it away since.

use super::Oracle;
use super::lease::Span;
use super::message::Message;
use crate::ask::{MOVED, QUEUES, RECEIVES_MAX, and_on, family};

impl Oracle {
    /// Since when nothing removes all of a queue that the message may be in; none if something does.
    pub(super) fn family_emptied(&self, number: usize) -> Option<u64> {
        let ended = family(self.messages[number].queue).map(|queue| self.queues[queue].removal_ended());
        ended.reduce(|one, other| Some(one?.max(other?))).flatten()
    }

    /// What is in the queue, and in those on it, may go from now on.
    pub(super) fn all_may_go(&mut self, queue: usize) {
        let is_in = |message: &&Message| and_on(queue).any(|queue| message.queue == queue);
        let there = self.numbers(|oracle, message| is_in(&message) && !oracle.is_surely_a_letter(message));
        there.into_iter().for_each(|number| self.messages[number].may_go());
    }

    /// What has come to the queue, or has left it and come back while all of it was removed, may be gone.
    pub(super) fn what_came_may_be_gone(&mut self, queue: usize) {
        if QUEUES[queue].dead_letters.is_some() {
            self.all_may_go(queue);
        }
        let came = self.numbers(|oracle, message| {
            message.queue != queue && family(message.queue).any(|other| other == queue) && oracle.may_have_left(message)
        });
        came.into_iter().for_each(|number| self.messages[number].may_go());
    }

    /// The removal of all of a queue was acknowledged.
    pub(super) fn emptied(&mut self, queue: usize, span: Span) {
        if QUEUES[queue].is_fifo {
            self.fifo.emptied(queue, span.asked, span.answered);
        }
        let there = self.numbers(|_, message| message.queue == queue && message.was_there(span.asked));
        for number in there {
            let may_have_left = self.may_have_left(&self.messages[number]);
            match may_have_left {
                true => self.messages[number].leaves(span.answered),
                false => self.messages[number].purged(span.answered),
            }
        }
        let is_seen = |message: &Message| {
            message.sighting.filter(|(seen_in, _, answered)| *seen_in == queue && *answered < span.asked)
        };
        let came = self.numbers(|oracle, message| {
            let stayed = |asked: u64| queue == MOVED || !oracle.moves(queue).may_have_run_since(asked);
            message.queue != queue && is_seen(message).is_some_and(|(_, asked, _)| stayed(asked))
        });
        came.into_iter().for_each(|number| self.messages[number].purged(span.answered));
    }

    fn numbers(&self, is_meant: impl Fn(&Self, &Message) -> bool) -> Vec<usize> {
        let all = self.messages.iter().enumerate();
        all.filter(|(_, message)| is_meant(self, message)).map(|(number, _)| number).collect()
    }

    /// Whether it may have been received often enough to be a dead letter.
    fn may_have_left(&self, message: &Message) -> bool {
        let receives = || self.queues[message.queue].receives.since(message.receives_before);
        QUEUES[message.queue].dead_letters.is_some() && receives() >= RECEIVES_MAX
    }

    /// Whether it is in the queue for letters, unless it was deleted.
    fn is_surely_a_letter(&self, message: &Message) -> bool {
        message.sighting.is_some_and(|(seen_in, asked, _)| {
            let is_letter = QUEUES[message.queue].dead_letters == Some(seen_in);
            is_letter && !self.moves(seen_in).may_have_run_since(asked)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::{DEAD, DYING};

    fn oracle(receives: u64) -> Oracle {
        let mut oracle = Oracle::new();
        oracle.order = 9;
        assert_eq!(oracle.new_message(DYING, 0, 0, 0), 0);
        oracle.messages[0].acknowledged(10, 0);
        (0..receives).for_each(|_| oracle.queues[DYING].receives.begins());
        oracle
    }

    fn purge(oracle: &mut Oracle, queue: usize) {
        let span = Span { asked: 50, answered: 60, asked_wall: 0, answered_wall: 0 };
        oracle.queues[queue].purge_asked();
        oracle.all_may_go(queue);
        oracle.emptied(queue, span);
        oracle.queues[queue].purge_ended(60);
        oracle.what_came_may_be_gone(queue);
    }

    fn is_gone(oracle: &Oracle) -> bool {
        oracle.messages[0].must_not_show(61, 0, 0).is_some()
    }

    #[test]
    fn a_purge_takes_what_cannot_be_a_letter_and_leaves_what_is_one() {
        let mut none = oracle(1);
        purge(&mut none, DYING);
        assert!(is_gone(&none));
        let mut perhaps = oracle(2);
        purge(&mut perhaps, DYING);
        assert!(!is_gone(&perhaps) && !perhaps.messages[0].must_be_there(0));
        assert_eq!(perhaps.messages[0].left_from, Some(60));
        let mut surely = oracle(2);
        surely.messages[0].sighting = Some((DEAD, 20, 30));
        purge(&mut surely, DYING);
        assert!(surely.messages[0].must_be_there(0));
    }

    #[test]
    fn a_purge_of_letters_takes_what_was_seen_there_and_may_take_what_may_have_come() {
        let mut seen = oracle(2);
        seen.messages[0].sighting = Some((DEAD, 20, 30));
        purge(&mut seen, DEAD);
        assert!(is_gone(&seen));
        let mut moved = oracle(2);
        moved.messages[0].sighting = Some((DEAD, 20, 30));
        moved.move_asked(DEAD, false, 40);
        purge(&mut moved, DEAD);
        assert!(!is_gone(&moved) && !moved.messages[0].must_be_there(0));
        let mut home = oracle(1);
        purge(&mut home, DEAD);
        assert!(home.messages[0].must_be_there(0));
    }
}
