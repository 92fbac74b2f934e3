//! Which errors a situation allows.

use super::{Intent, Situation, Topics};
use crate::client::Answer;
use crate::oracle::Verdict;
use crate::topics::QUEUES;

impl Topics {
    /// Takes note of an answer other than 200, or says why it must not be.
    pub(super) fn refused(&mut self, intent: &Intent, now: &Situation, answer: &Answer) -> Verdict {
        let code = answer.code.trim_end_matches("Exception");
        let is_read = matches!(intent, Intent::Receive { .. });
        if !now.excuses(answer, is_read) && !self.is_allowed(intent, now, (answer.status, code)) {
            let Answer { status, code, body } = answer;
            return Err(format!("{intent:?} is answered with {status} {code}: {body}"));
        }
        // What had not arrived was not carried out; of what failed nobody knows.
        self.given_up(intent, now, answer.status != 408);
        let is_gone = code == "NotFound";
        match intent {
            Intent::Change { slot, .. } | Intent::Confirm { slot } if is_gone => self.is_not_there(*slot, now.at),
            _ => {}
        }
        Ok(())
    }

    fn is_allowed(&self, intent: &Intent, now: &Situation, refusal: (u16, &str)) -> bool {
        let no_topic = |topic: usize| self.topics[topic].within(now.asked, now.at).contains(&false);
        match (refusal, intent) {
            ((404, "NotFound"), Intent::Publish { topic, .. }) => no_topic(*topic),
            ((404, "NotFound"), Intent::Subscribe { slot }) => no_topic(super::SLOTS[*slot].topic),
            ((404, "NotFound"), Intent::Change { slot, .. } | Intent::Confirm { slot }) => self.may_be_gone(*slot, now),
            ((400, "InvalidParameter"), Intent::Confirm { slot }) => {
                self.may_be_gone(*slot, now) || self.may_be_stale(*slot, now)
            }
            ((400, "QueueDoesNotExist"), Intent::Receive { queue } | Intent::Remove { queue, .. }) => {
                QUEUES[*queue].is_volatile
            }
            ((400, "QueueDoesNotExist"), Intent::DeleteQueue { queue }) => {
                self.queues[*queue].within(now.asked, now.at).contains(&false)
            }
            // It is another's by now, or that of a queue of before.
            ((400 | 404, "ReceiptHandleIsInvalid"), Intent::Remove { .. }) => true,
            _ => false,
        }
    }
}
