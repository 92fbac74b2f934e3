//! What dead letters promise: a message is in its queue until it was received often enough, then in the other, never in both.
//!
//! From outside nobody sees when a message moves. What is known: it takes so many receives of its queue; who has it in flight
//! keeps it there; once it was handed out as a dead letter its own queue has it no more, over any crash, because a letter is
//! shown only when its arrival is on disk and the departure stands before that in the log (ADR 0015). A delete by a handle of its
//! own queue deletes it there, which says nothing of the letter, unless the handle's lease surely lasted.
//!
//! A move task brings letters back as new messages, with another id and time, and leaves alone what is in flight. So a new id is a
//! move, there are no more of them than tasks, and once a message was seen with one nobody is shown it as it was before.

use super::ids::Shown;
use super::lease::Span;
use super::{Oracle, Verdict};
use crate::ask::{QUEUES, RECEIVES_MAX, arn};
use serde_json::Value;

impl Oracle {
    /// A receive of `queue` shows the message: as the one that it was, or moved, and where it may be.
    pub(super) fn follow(&mut self, queue: usize, number: usize, shown: &Value, span: Span) -> Verdict {
        if QUEUES[queue].is_fifo {
            self.has_died_rightly(queue, number)?;
        } else {
            if !self.is_as_last_seen(number, shown, span)? {
                return Ok(());
            }
            self.shown_where_it_may_be(queue, number, span)?;
        }
        self.letter_as_it_was(queue, number, shown)
    }

    /// Whether it is the message that was seen last, or a moved one that is newer; if not, it is an answer that comes late.
    fn is_as_last_seen(&mut self, number: usize, shown: &Value, span: Span) -> Result<bool, String> {
        let id = shown["MessageId"].as_str().unwrap_or_default();
        let moves_max = self.moves_of(self.messages[number].queue);
        let message = &mut self.messages[number];
        let seen = message.ids.shown(id, span.asked, span.answered);
        if message.ids.moves() > moves_max {
            return Err(format!("message {number} has another id than before: {id}"));
        }
        match seen {
            Shown::Back => return Err(format!("message {number} is back as it was before it was moved: {id}")),
            Shown::Moved => {
                message.moved();
                self.moved += 1;
            }
            Shown::AsBefore | Shown::Late => {}
        }
        Ok(seen != Shown::Late)
    }

    /// A receive of `queue` shows the message.
    fn shown_where_it_may_be(&mut self, queue: usize, number: usize, span: Span) -> Verdict {
        let home = self.messages[number].queue;
        if home == queue {
            let left = self.messages[number].left_from.is_some_and(|left| span.asked > left);
            let why = "after it was a dead letter, or deleted";
            return if left { Err(format!("message {number} is in {} {why}", QUEUES[home].name)) } else { Ok(()) };
        }
        if QUEUES[home].dead_letters != Some(queue) {
            return Err(format!("message {number} is in the wrong queue"));
        }
        let message = &mut self.messages[number];
        let receives = self.queues[home].receives.since(message.receives_before);
        if receives < RECEIVES_MAX && message.ids.moves() == 0 {
            return Err(format!("message {number} is a dead letter after {receives} receives"));
        }
        message.leaves(span.answered);
        self.dead_letters += u64::from(message.seen_in == home);
        Ok(())
    }

    /// The same of a FIFO queue's message: which lives it may be seen in is the matter of `lives.rs`.
    fn has_died_rightly(&mut self, queue: usize, number: usize) -> Verdict {
        let home = self.messages[number].queue;
        if QUEUES[home].dead_letters != Some(queue) {
            return Ok(());
        }
        if !self.may_have_died(number, &self.messages[number].shown_as.0, RECEIVES_MAX) {
            return Err(format!("message {number} is a dead letter after fewer than {RECEIVES_MAX} receives"));
        }
        self.dead_letters += u64::from(self.messages[number].seen_in == home);
        Ok(())
    }

    /// What the message says of its past.
    fn letter_as_it_was(&mut self, queue: usize, number: usize, shown: &Value) -> Verdict {
        let (attributes, message) = (&shown["Attributes"], &mut self.messages[number]);
        let sent = attributes["SentTimestamp"].as_str().ok_or("a message that does not say when it was sent")?;
        let known = match QUEUES[queue].is_fifo {
            // The SQS developer guide: a FIFO queue's message counts as sent anew when it becomes a dead letter.
            true => self.fifo.lives.sent(&message.shown_as.0, queue, sent),
            false => message.sent_timestamp.get_or_insert_with(|| sent.to_owned()),
        };
        if known != sent {
            return Err(format!("message {number} was sent at {sent}, and at {known:?} before"));
        }
        let source = (QUEUES[message.queue].dead_letters == Some(queue)).then(|| arn(message.queue));
        // A letter brings its receives with it, and this one comes on top.
        let count = attributes["ApproximateReceiveCount"].as_str().and_then(|count| count.parse::<u64>().ok());
        if source.is_some() && count.is_none_or(|count| count <= RECEIVES_MAX) {
            return Err(format!("message {number} is a dead letter that was received too seldom: {attributes}"));
        }
        match attributes["DeadLetterQueueSourceArn"].as_str() == source.as_deref() {
            true => Ok(()),
            false => Err(format!("message {number} names the wrong source: {attributes}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::{DEAD, DYING};

    fn span(oracle: &mut Oracle) -> Span {
        let asked = oracle.tick();
        Span { asked, answered: oracle.tick(), asked_wall: 0, answered_wall: 0 }
    }

    fn oracle(receives: u64) -> Oracle {
        let mut oracle = Oracle::new();
        assert_eq!(oracle.new_message(DYING, 0, 0, 0), 0);
        (0..receives).for_each(|_| oracle.queues[DYING].receives.begins());
        oracle
    }

    fn shown(oracle: &mut Oracle, queue: usize) -> Verdict {
        let span = span(oracle);
        oracle.shown_where_it_may_be(queue, 0, span)
    }

    #[test]
    fn a_letter_arrives_after_enough_receives_and_never_returns() {
        assert!(shown(&mut oracle(1), DEAD).is_err());
        let mut oracle = oracle(2);
        assert_eq!(shown(&mut oracle, DYING), Ok(()));
        assert_eq!(shown(&mut oracle, DEAD), Ok(()));
        assert_eq!(shown(&mut oracle, DEAD), Ok(()));
        assert!(shown(&mut oracle, DYING).unwrap_err().contains("after it was a dead letter"));
        assert!(shown(&mut oracle, 0).unwrap_err().contains("wrong queue"));
    }

    #[test]
    fn a_receive_that_was_asked_before_may_show_what_has_left_meanwhile() {
        let mut oracle = oracle(2);
        let before = span(&mut oracle);
        assert_eq!(shown(&mut oracle, DEAD), Ok(()));
        assert_eq!(oracle.shown_where_it_may_be(DYING, 0, before), Ok(()));
    }
}
