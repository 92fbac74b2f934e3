//! What a receive with a name promises: asked for again within five minutes, it shows the same messages by the same handles in the
//! same order, as long as nothing has happened to them, over any crash; and nobody else gets a handle twice.
//!
//! Asked for again it hides its messages anew, so until it is answered their leases are uncertain, as those are whose visibility is
//! being changed. Of two receives of one name at the same time nobody knows which came first, so neither is held to anything.
//! Source: API reference, ReceiveMessage, `ReceiveRequestAttemptId`.

use super::lease::Span;
use super::{Oracle, Verdict};
use std::collections::{BTreeMap, BTreeSet};

/// How long a receive may be asked for again.
const AGAIN_MILLIS: u64 = 300_000;

/// A message, and the handle that it was shown with.
type Shown = (usize, String);

/// All receives that have a name, by queue and name.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    by_name: BTreeMap<(usize, u64), Attempt>,
    /// The newest name of each queue.
    latest: BTreeMap<usize, u64>,
}

/// The receives of one name.
#[derive(Debug, Default)]
struct Attempt {
    /// The server's clock when it was asked for first.
    first_wall: u64,
    running: u32,
    /// When the last one ended, in order of events.
    ended: u64,
    given: BTreeSet<Shown>,
    /// What was shown last: several answers if they were under way together. And when the last of them was asked for.
    last: Vec<Vec<Shown>>,
    last_asked: u64,
}

/// What a receive that is asked for by a name may change, and must show.
#[derive(Debug, Default)]
pub(crate) struct Again {
    changing: Vec<Shown>,
    /// Until when, by the server's clock, all that was shown last is surely hidden by that; none if anything is uncertain.
    held_until: Option<u64>,
}

impl Oracle {
    /// A name for a receive: a new one, or the one that was used last.
    pub(crate) fn attempt_name(&mut self, queue: usize, is_new: bool) -> u64 {
        let latest = self.attempts.latest.entry(queue).or_default();
        *latest += u64::from(is_new);
        *latest
    }

    pub(super) fn attempt_asked(&mut self, queue: usize, name: u64, at: u64) -> Again {
        let wall = self.wall;
        let attempt = self.attempts.by_name.entry((queue, name)).or_default();
        if attempt.ended == 0 && attempt.running == 0 {
            attempt.first_wall = wall;
        }
        attempt.first_wall = attempt.first_wall.min(wall);
        attempt.running += 1;
        let is_alone = attempt.running == 1 && attempt.last.len() == 1;
        let mut again = Again::default();
        let held =
            attempt.last.iter().flatten().map(|(number, handle)| self.messages[*number].leases.held_until(handle));
        again.held_until = held.reduce(|one, other| Some(one?.min(other?))).flatten().filter(|_| is_alone);
        for shown @ (number, handle) in attempt.last.iter().flatten() {
            if self.messages[*number].leases.repetition_asked(handle, wall, at) {
                again.changing.push(shown.clone());
            }
        }
        again
    }

    /// Nobody knows what became of it.
    pub(super) fn attempt_lost(&mut self, queue: usize, name: u64, again: &Again, at: u64) {
        again.changing.iter().for_each(|(number, _)| self.messages[*number].leases.change_ended(at));
        self.attempt_ends(queue, name, at);
    }

    fn attempt_ends(&mut self, queue: usize, name: u64, at: u64) {
        if let Some(attempt) = self.attempts.by_name.get_mut(&(queue, name)) {
            attempt.running -= 1;
            attempt.ended = at;
        }
    }

    /// Whether a receive of this name has shown the message by this handle before.
    pub(super) fn is_again(&self, queue: usize, name: u64, number: usize, handle: &str) -> bool {
        let attempt = self.attempts.by_name.get(&(queue, name));
        attempt.is_some_and(|attempt| attempt.given.contains(&(number, handle.to_owned())))
    }

    /// Whether no other receive of this name was under way together with this one.
    pub(super) fn is_alone(&self, queue: usize, name: u64, asked: u64) -> bool {
        let attempt = self.attempts.by_name.get(&(queue, name));
        attempt.is_none_or(|attempt| attempt.running <= 1 && attempt.ended < asked)
    }

    /// It is answered with these; their leases have been noted, but for those that it was to hide anew.
    pub(super) fn attempt_answered(
        &mut self,
        queue: usize,
        name: u64,
        again: &Again,
        span: Span,
        shown: &[Shown],
        millis: u64,
    ) -> Verdict {
        let is_alone = self.is_alone(queue, name, span.asked);
        self.shows_what_it_did(queue, name, again, span, shown).map_or(Ok(()), Err)?;
        for changed @ (number, handle) in &again.changing {
            let leases = &mut self.messages[*number].leases;
            match shown.contains(changed) {
                true => leases.changed(handle, span, if is_alone { millis } else { 0 }),
                false => leases.change_ended(span.answered),
            }
        }
        self.attempt_ends(queue, name, span.answered);
        self.repeated += u64::from(shown.iter().any(|(number, handle)| self.is_again(queue, name, *number, handle)));
        let attempt = self.attempts.by_name.entry((queue, name)).or_default();
        if !shown.is_empty() {
            attempt.given.extend(shown.iter().cloned());
            if is_alone {
                attempt.last.clear();
            }
            attempt.last.push(shown.to_vec());
            attempt.last_asked = span.asked;
        }
        Ok(())
    }

    /// What is wrong with an answer, if it surely is.
    fn shows_what_it_did(&self, queue: usize, name: u64, again: &Again, span: Span, shown: &[Shown]) -> Option<String> {
        let attempt = self.attempts.by_name.get(&(queue, name))?;
        let is_known = attempt.last.iter().any(|last| shown == last);
        if !self.is_alone(queue, name, span.asked) || self.is_rotten() || is_known {
            return None;
        }
        let [last] = &attempt.last[..] else { return None };
        // What was deleted since the receive was decided is left out.
        let is_left_out = |one: &Shown| !shown.contains(one) && self.messages[one.0].may_be_gone();
        let is_whole = last.iter().all(|one| shown.contains(one) || is_left_out(one));
        let is_again = shown.iter().any(|one| attempt.given.contains(one));
        if is_again && !(is_whole && shown.iter().all(|one| last.contains(one))) {
            return Some(format!("the receive {name} shows {shown:?}, of which it has shown a part: {last:?}"));
        }
        let is_within = |until: u64| self.wall_max < until && self.wall_max < attempt.first_wall + AGAIN_MILLIS;
        let is_sure = again.held_until.is_some_and(is_within)
            && last.iter().all(|(number, _)| self.is_undisturbed(*number, attempt.last_asked, span.asked));
        is_sure.then(|| format!("the receive {name} is asked for again and shows {shown:?}, not {last:?}"))
    }

    /// Whether nothing can have happened to a message since the event `since`, but for what was asked for at `asked`.
    fn is_undisturbed(&self, number: usize, since: u64, asked: u64) -> bool {
        let message = &self.messages[number];
        let is_untouched = message.is_untouched_since(since) && message.leases.last_change_asked() == asked;
        is_untouched && self.family_emptied(number).is_some_and(|emptied| emptied < since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::FIFO;

    const NAME: u64 = 7;

    /// An oracle that has seen a receive of two messages, hidden for ten seconds.
    fn oracle() -> Oracle {
        let mut oracle = Oracle::new();
        oracle.time_is(1_000);
        (0..2).for_each(|number| assert_eq!(oracle.new_message(FIFO, 0, 1_000, 0), number));
        assert_eq!(receive(&mut oracle, &[(0, "a"), (1, "b")]), Ok(()));
        oracle
    }

    fn receive(oracle: &mut Oracle, shown: &[(usize, &str)]) -> Verdict {
        let asked = oracle.tick();
        let again = oracle.attempt_asked(FIFO, NAME, asked);
        let answered = oracle.tick();
        let span = Span { asked, answered, asked_wall: oracle.wall, answered_wall: oracle.wall };
        let shown: Vec<Shown> = shown.iter().map(|(number, handle)| (*number, (*handle).to_owned())).collect();
        for (number, handle) in &shown {
            if !oracle.is_again(FIFO, NAME, *number, handle) {
                oracle.messages[*number].leases.delivered(handle, span, 10_000);
            }
        }
        oracle.attempt_answered(FIFO, NAME, &again, span, &shown, 10_000)
    }

    #[test]
    fn the_same_receive_shows_the_same_as_long_as_its_leases_last() {
        let mut again = oracle();
        assert_eq!(receive(&mut again, &[(0, "a"), (1, "b")]), Ok(()));
        assert_eq!(receive(&mut again, &[(0, "a"), (1, "b")]), Ok(()));
        for wrong in [&[][..], &[(0, "a")], &[(1, "b"), (0, "a")], &[(0, "a"), (1, "c")]] {
            assert!(receive(&mut oracle(), wrong).is_err(), "{wrong:?}");
        }
        let mut over = oracle();
        over.time_is(11_000);
        assert_eq!(receive(&mut over, &[(0, "c")]), Ok(()));
    }

    #[test]
    fn what_was_deleted_or_changed_is_not_shown_again() {
        let mut deleted = oracle();
        deleted.messages[0].removal_asked();
        assert_eq!(receive(&mut deleted, &[]), Ok(()));
        let mut changed = oracle();
        let at = changed.tick();
        changed.messages[0].leases.change_asked("a", at);
        assert_eq!(receive(&mut changed, &[(0, "c")]), Ok(()));
    }

    #[test]
    fn a_repetition_that_was_lost_leaves_it_open_how_long_its_messages_are_hidden() {
        let mut oracle = oracle();
        let at = oracle.tick();
        let again = oracle.attempt_asked(FIFO, NAME, at);
        let at = oracle.tick();
        oracle.attempt_lost(FIFO, NAME, &again, at);
        assert_eq!(receive(&mut oracle, &[(0, "c")]), Ok(()));
    }
}
