//! Which errors a situation allows.

use super::message::Sending;
use super::situation::SLOW_BODY_MILLIS;
use super::{Oracle, Ticket, Verdict};
use crate::ask::{Intent, QUEUES, is_for_letters};
use crate::client::Answer;

/// How long a receive and the changes of its visibility may hide a message together: 12 hours, says the SQS developer guide.
const TOTAL_VISIBILITY_MILLIS: u64 = 43_200_000;

impl Oracle {
    /// Takes note of an answer other than 200, or says why it must not be.
    pub(super) fn refused(&mut self, ticket: &Ticket, answer: &Answer) -> Verdict {
        if !self.is_allowed(ticket, answer) {
            let Answer { status, code, body } = answer;
            return Err(format!("{:?} is answered with {status} {code}: {body}", ticket.intent));
        }
        if let Intent::CancelMove { queue, handle } = &ticket.intent
            && answer.status == 400
        {
            let at = self.order;
            self.move_is_over(*queue, handle, at, false);
        }
        if let Intent::Send { messages, .. } = &ticket.intent {
            let sending = if is_unknown(answer) { Sending::Unknown } else { Sending::Never };
            messages.iter().for_each(|number| self.messages[*number].sending = sending);
        }
        Ok(())
    }

    fn is_allowed(&self, ticket: &Ticket, answer: &Answer) -> bool {
        let queue = ticket.intent.queue();
        match (answer.status, answer.code.as_str()) {
            (503, "ServiceUnavailableException" | "ServiceUnavailable") => {
                // A FIFO queue hands out nothing rather than passing over what it cannot read, and drops no group of which it
                // may not know all.
                let looks = matches!(ticket.intent, Intent::Receive { .. } | Intent::Unpark { .. });
                let is_ordered = looks && QUEUES[queue].is_fifo;
                self.unavailable
                    || self.unavailable_until >= ticket.asked
                    || (is_ordered && self.reads_may_fail && answer.body.to_string().contains("does not read"))
            }
            // A task is under way, most likely.
            (400, _) if matches!(ticket.intent, Intent::Move { .. }) => true,
            // It has ended, most likely.
            (400, _) if matches!(ticket.intent, Intent::CancelMove { .. }) => true,
            (404, "ResourceNotFoundException") if matches!(ticket.intent, Intent::CancelMove { .. }) => {
                self.may_forget_moves(queue)
            }
            // One is under way.
            (400, _) if matches!(ticket.intent, Intent::Replay { .. }) => self.copies.asked > 1,
            (400, "QueueDoesNotExist") => !self.queues[queue].must_exist(ticket.asked),
            // Of a queue that was deleted in between.
            (400 | 404, "ReceiptHandleIsInvalid") => QUEUES[queue].is_volatile,
            (400, "MessageNotInflight") => matches!(ticket.intent, Intent::Change { .. }),
            (400, "InvalidParameterValueException") => match &ticket.intent {
                // A FIFO queue's message is ruled by the receive that has it in flight.
                Intent::Change { .. } if QUEUES[queue].is_fifo => true,
                // It may be a dead letter by now, or a letter no more.
                Intent::Change { .. } if QUEUES[queue].dead_letters.is_some() => true,
                Intent::Change { .. } if is_for_letters(queue) && self.moves(queue).count() > 0 => true,
                // The queue for dead letters is gone.
                Intent::Create { .. }
                    if QUEUES[queue].dead_letters.is_some_and(|letters| QUEUES[letters].is_volatile) =>
                {
                    true
                }
                Intent::Change { message, millis, .. } => {
                    let message = &self.messages[*message];
                    // In flight for no longer than this in all, counted from its last receive, before which the clock may have
                    // been set back to less than it was when the message was sent.
                    let is_late = self.wall_max + millis >= message.wall_min() + TOTAL_VISIBILITY_MILLIS;
                    is_late || !message.must_be_there(self.wall_max)
                }
                Intent::Delete { messages, .. } if QUEUES[queue].is_fifo => !self.is_held(&messages[0]),
                _ => false,
            },
            (408, "RequestTimeoutException") => self.wall >= ticket.asked_wall + SLOW_BODY_MILLIS,
            _ => false,
        }
    }
}

/// The log stopped, perhaps after it had taken the message (`engine::Unavailable::Stopped`).
fn is_unknown(answer: &Answer) -> bool {
    answer.status == 503 && answer.body.to_string().contains("stopped")
}
