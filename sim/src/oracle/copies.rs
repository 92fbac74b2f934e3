//! What a replay promises: of every message that is there, or was deleted and is kept, one copy in the other queue.
//!
//! A copy is a new message with an id of its own, first heard of when it is shown; from then on it is held to what every message is
//! (it is there until it is deleted, nobody gets it while a lease lasts). There are no more copies of a message than replays
//! were asked for. What exactly a replay has to bring is known of one that began when nothing else was under way (ADR 0020).

use super::message::{Message, Sending};
use super::{Oracle, Verdict};
use crate::ask::{AGAIN, KEEP_DELETED_SECS, KEPT, QUEUES};
use serde_json::Value;
use std::collections::BTreeMap;

/// Deleted messages stay a thousandth of their time longer at the most, says `queue::shelf`.
const KEPT_MILLIS_MAX: u64 = KEEP_DELETED_SECS * 1_001;

/// What is known of replays.
#[derive(Debug, Default)]
pub(super) struct Copies {
    by_id: BTreeMap<String, usize>,
    /// Replays that were asked for.
    pub(super) asked: u64,
    /// The server's clock, at the lowest, when any was.
    wall_min: Option<u64>,
}

impl Oracle {
    pub(super) fn replay_asked(&mut self) {
        let wall = self.wall;
        self.copies.asked += 1;
        self.copies.wall_min = Some(self.copies.wall_min.map_or(wall, |before| before.min(wall)));
    }

    /// The copy of a message that a receive shows; its number.
    pub(super) fn copy_of(&mut self, original: usize, shown: &Value) -> Result<usize, String> {
        let id = shown["MessageId"].as_str().ok_or("a message without an id")?;
        if let Some(&known) = self.copies.by_id.get(id) {
            let is_same = self.messages[known].original == Some(original);
            return is_same.then_some(known).ok_or_else(|| format!("a copy of message {original} has another's id"));
        }
        let message = &mut self.messages[original];
        let asked = self.copies.asked;
        if message.queue != KEPT || message.sending == Sending::Never {
            return Err(format!("message {original} was not sent there and is replayed"));
        }
        message.copies += 1;
        if message.copies > asked {
            return Err(format!("message {original} was copied {} times by {asked} replays", message.copies));
        }
        let (body, attribute) = (message.body.clone(), message.attribute.clone());
        let wall = self.copies.wall_min.unwrap_or(self.wall);
        let mut copy = Message::new(AGAIN, body, wall, 0, QUEUES[AGAIN].retention_secs * 1000);
        (copy.sending, copy.attribute, copy.original) = (Sending::Acknowledged(self.order), attribute, Some(original));
        self.messages.push(copy);
        self.copies.by_id.insert(id.to_owned(), self.messages.len() - 1);
        Ok(self.messages.len() - 1)
    }

    /// Where things stand in order of events.
    pub(crate) fn order(&self) -> u64 {
        self.order
    }

    /// Whether every copy that was ever shown was shown since then, unless somebody deleted it.
    pub(crate) fn check_copies_are_there(&self, since: u64) -> Verdict {
        let is_lost = |message: &&Message| {
            message.queue == AGAIN && message.must_be_there(self.wall_max) && message.seen_last <= since
        };
        match self.messages.iter().find(is_lost) {
            Some(message) => Err(format!("a copy of message {} was shown and is lost", message.name())),
            None => Ok(()),
        }
    }

    /// Whether a replay that began at `wall`, after the event `since`, has brought what it had to and nothing else.
    pub(crate) fn check_replayed(&self, found: &[usize], only_deleted: bool, since: u64, wall: u64) -> Verdict {
        let mut sorted = found.to_vec();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|two| two[0] == two[1]) {
            return Err(format!("message {} is replayed twice at once", twice[0]));
        }
        for (number, message) in self.messages.iter().enumerate().filter(|(_, message)| message.queue == KEPT) {
            let is_found = sorted.binary_search(&number).is_ok();
            if !is_found && message.must_be_replayed(self.wall_max, only_deleted) {
                return Err(format!("message {number} is there, or was deleted and is kept, and is not replayed"));
            }
            if let Some(why) = message.must_not_be_replayed(since, wall, only_deleted).filter(|_| is_found) {
                return Err(format!("message {number} is replayed: {why}"));
            }
        }
        Ok(())
    }
}

impl Message {
    fn must_be_replayed(&self, wall_max: u64, only_deleted: bool) -> bool {
        let was_taken = matches!(self.sending, Sending::Acknowledged(_)) || self.was_seen();
        let is_kept = |asked_wall: u64| wall_max < asked_wall + KEEP_DELETED_SECS * 1000;
        let is_meant = match self.deletion {
            None => !only_deleted,
            Some(deletion) => is_kept(deletion.asked_wall) && (!only_deleted || deletion.done_wall.is_some()),
        };
        was_taken && is_meant && !self.may_be_purged && wall_max < self.may_expire_from()
    }

    fn must_not_be_replayed(&self, since: u64, wall: u64, only_deleted: bool) -> Option<&'static str> {
        if self.purged_from.is_some_and(|purged| since > purged) {
            return Some("it was purged");
        }
        match self.deletion {
            None => only_deleted.then_some("nobody deleted it"),
            Some(deletion) => {
                let is_over = deletion.done_wall.is_some_and(|done| wall > done + KEPT_MILLIS_MAX);
                is_over.then_some("it was deleted too long ago")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// An oracle with one message of the queue that keeps what is deleted, and a replay.
    fn oracle() -> Oracle {
        let mut oracle = Oracle::new();
        assert_eq!(oracle.new_message(KEPT, 0, 0, 0), 0);
        oracle.messages[0].acknowledged(1, 0);
        oracle.replay_asked();
        oracle
    }

    #[test]
    fn there_are_no_more_copies_than_replays_and_each_stays_the_copy_that_it_is() {
        let mut oracle = oracle();
        assert_eq!(oracle.copy_of(0, &json!({"MessageId": "a"})), Ok(1));
        assert_eq!(oracle.copy_of(0, &json!({"MessageId": "a"})), Ok(1));
        assert!(oracle.copy_of(0, &json!({"MessageId": "b"})).unwrap_err().contains("copied 2 times by 1"));
    }

    #[test]
    fn what_is_there_or_kept_has_to_be_replayed_once_and_what_was_purged_or_is_too_old_must_not() {
        let mut oracle = oracle();
        let missing = |oracle: &Oracle, only| oracle.check_replayed(&[], only, 5, 0).is_err();
        assert!(missing(&oracle, false) && !missing(&oracle, true));
        assert!(oracle.check_replayed(&[0], true, 5, 0).unwrap_err().contains("nobody deleted it"));
        assert!(oracle.check_replayed(&[0, 0], false, 5, 0).unwrap_err().contains("twice"));
        oracle.messages[0].deletion_asked(0);
        assert!(missing(&oracle, false) && !missing(&oracle, true), "it may not be deleted yet");
        oracle.messages[0].deletion_done(0);
        assert!(missing(&oracle, true));
        oracle.time_is(KEEP_DELETED_SECS * 1000);
        assert!(!missing(&oracle, true));
        assert_eq!(oracle.check_replayed(&[0], true, 5, KEPT_MILLIS_MAX), Ok(()));
        assert!(oracle.check_replayed(&[0], true, 5, KEPT_MILLIS_MAX + 1).unwrap_err().contains("too long ago"));
        oracle.messages[0].purged_from = Some(3);
        assert_eq!(oracle.check_replayed(&[0], true, 3, 0), Ok(()));
        assert!(oracle.check_replayed(&[0], true, 4, 0).unwrap_err().contains("purged"));
    }
}
