//! Which ids a message of a standard queue has had: a move makes it a new message with another id, and no id comes back.
//!
//! Answers travel slowly, so one that is read late may show an id that is older than one that was seen before it. If it was asked
//! for only after every other id was heard of, its own is the newest; otherwise it may be either, and all of them are doubtful until a
//! receive that begins later shows which it is.

use std::collections::BTreeMap;

/// The ids of one message.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    /// The newest, as far as is known.
    current: Option<String>,
    /// Each may be older than that one, or newer.
    doubtful: Vec<String>,
    /// When the last of these was heard of in the answer to a receive, in order of events.
    heard: u64,
    /// Those before, and the events from which on no receive may be asked that shows them.
    past: BTreeMap<String, u64>,
}

/// What it means that a receive shows an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    AsBefore,
    /// It is a new message since.
    Moved,
    /// The answer comes late, or may do so, and says nothing of how things are.
    Late,
    /// What cannot be: it was another message by the time that the receive began.
    Back,
}

impl Ids {
    /// How often it was moved at the least.
    pub(crate) fn moves(&self) -> u64 {
        (self.past.len() + self.doubtful.len()) as u64
    }

    /// Its send is answered with this id, at the event `at`, and somebody asked for `moves` moves. Says whether that can be.
    pub(crate) fn sent_with(&mut self, id: &str, moves: u64, at: u64) -> bool {
        if self.current.get_or_insert_with(|| id.to_owned()) == id || self.doubtful.iter().any(|known| known == id) {
            return true;
        }
        // It may have been moved, and seen so, before the answer was read.
        let is_possible = self.moves() < moves || self.past.contains_key(id);
        if is_possible {
            self.past.entry(id.to_owned()).or_insert(at);
        }
        is_possible
    }

    /// A receive asked for at the event `asked` and answered at `at` shows it with this id.
    pub(crate) fn shown(&mut self, id: &str, asked: u64, at: u64) -> Shown {
        if let Some(until) = self.past.get(id) {
            return if asked <= *until { Shown::Late } else { Shown::Back };
        }
        if self.current.is_none() {
            (self.current, self.heard) = (Some(id.to_owned()), at);
            return Shown::AsBefore;
        }
        let is_current = self.current.as_deref() == Some(id);
        if asked > self.heard {
            self.is_newest(id, at);
            return if is_current { Shown::AsBefore } else { Shown::Moved };
        }
        if is_current && self.doubtful.is_empty() {
            return Shown::AsBefore;
        }
        if !is_current && !self.doubtful.iter().any(|known| known == id) {
            self.doubtful.push(id.to_owned());
            self.heard = at;
        }
        Shown::Late
    }

    /// A receive that began when all the others were known shows this one.
    fn is_newest(&mut self, id: &str, at: u64) {
        if self.current.as_deref() != Some(id) {
            self.heard = at;
        }
        let others = self.current.replace(id.to_owned()).into_iter().chain(self.doubtful.drain(..));
        self.past.extend(others.filter(|other| other != id).map(|other| (other, at)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_gives_another_id_and_the_one_before_is_over_for_receives_that_begin_later() {
        let mut ids = Ids::default();
        assert!(ids.sent_with("a", 0, 5));
        assert_eq!(ids.shown("b", 2, 10), Shown::Moved, "what it was sent with is the oldest");
        assert_eq!(ids.shown("a", 10, 12), Shown::Late);
        assert_eq!(ids.shown("a", 11, 12), Shown::Back);
        assert_eq!((ids.shown("b", 13, 14), ids.moves()), (Shown::AsBefore, 1));
    }

    #[test]
    fn an_answer_that_may_come_late_leaves_it_open_which_id_is_the_newest_until_a_later_receive() {
        for newest in ["a", "b"] {
            let mut ids = Ids::default();
            assert_eq!(ids.shown("a", 5, 10), Shown::AsBefore);
            assert_eq!(ids.shown("b", 7, 12), Shown::Late, "asked for before the other was seen");
            assert_eq!(ids.shown("a", 8, 13), Shown::Late);
            let is_same = if newest == "a" { Shown::AsBefore } else { Shown::Moved };
            assert_eq!(ids.shown(newest, 13, 14), is_same);
            let other = if newest == "a" { "b" } else { "a" };
            assert_eq!(ids.shown(other, 15, 16), Shown::Back);
        }
    }

    #[test]
    fn a_send_that_is_answered_late_names_the_first_id_if_anybody_asked_for_a_move() {
        let mut ids = Ids::default();
        assert_eq!(ids.shown("b", 1, 2), Shown::AsBefore);
        assert!(!ids.sent_with("a", 0, 3));
        assert!(ids.sent_with("a", 1, 3));
        assert_eq!(ids.shown("a", 4, 5), Shown::Back);
    }
}
