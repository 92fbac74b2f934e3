//! What a parked group promises: its first message is handed out no more often than its owner allows, and nothing of it is lost.
//!
//! How often a message was received it says itself. Each time that somebody lets groups go on it may be received as often again.
//! Which groups are parked nobody sees from outside, only that a queue that is emptied keeps something back: then the group must
//! have a message that may have been received so often. In what order a group is handed out is the matter of `fifo.rs`.

use super::{Oracle, Verdict};
use crate::ask::{PARKING, QUEUES};
use serde_json::Value;

impl Oracle {
    /// A receive of the queue that parks groups shows the message.
    pub(super) fn received_seldom_enough(&self, number: usize, shown: &Value) -> Verdict {
        let count = shown["Attributes"]["ApproximateReceiveCount"].as_str().and_then(|count| count.parse::<u64>().ok());
        let times = 1 + self.unparks_asked - self.messages[number].unparks_before;
        let most = QUEUES[PARKING].park_after * times;
        match count {
            Some(1..) if count <= Some(most) => Ok(()),
            _ => Err(format!("message {number} is received {count:?} times and its group is not parked")),
        }
    }

    /// Whether what a queue keeps back stands behind a message that may have been received too often.
    pub(crate) fn check_parked(&self, found: &[usize]) -> Verdict {
        let is_poison = |number: &usize| {
            let message = &self.messages[*number];
            let received = || {
                let unseen = self.queues[PARKING].receives.unseen(*number, message.receives_before);
                message.shown_at_home + unseen
            };
            // Perhaps somebody has deleted it, and perhaps not.
            let may_be_there = message.queue == PARKING && message.may_be_there() && !found.contains(number);
            may_be_there && received() >= QUEUES[PARKING].park_after
        };
        let poison: Vec<usize> = (0..self.messages.len()).filter(is_poison).collect();
        // What may repeat an earlier send may be a message of another group.
        let missing = self.missing(PARKING, found).map(|(number, _)| number);
        let mut missing = missing.filter(|number| self.is_a_message(*number));
        match missing.find(|number| !poison.iter().any(|other| self.are_of_a_group(*number, *other))) {
            Some(number) => Err(format!("message {number} is parked although none of its group was received so often")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// An oracle with two messages of one group and one of another.
    fn oracle() -> Oracle {
        let mut oracle = Oracle::new();
        for (number, group) in [(0, 7), (1, 7), (2, 8)] {
            assert_eq!(oracle.new_message(PARKING, 0, 0, 0), number);
            oracle.set_labels(number, group, &number.to_string(), &number.to_string());
            oracle.messages[number].acknowledged(1, 0);
            let named = json!({"MessageId": format!("id-{number}"), "SequenceNumber": number.to_string()});
            assert_eq!(oracle.sent_in_order(number, &named), Ok(()));
        }
        oracle
    }

    #[test]
    fn a_message_is_received_as_often_as_allowed_and_as_often_again_when_its_group_goes_on() {
        let mut oracle = oracle();
        let shown = |count: &str| json!({"Attributes": {"ApproximateReceiveCount": count}});
        assert_eq!(oracle.received_seldom_enough(0, &shown("2")), Ok(()));
        assert!(oracle.received_seldom_enough(0, &shown("3")).is_err());
        oracle.unparks_asked += 1;
        assert_eq!(oracle.received_seldom_enough(0, &shown("4")), Ok(()));
        assert!(oracle.received_seldom_enough(0, &shown("5")).is_err());
    }

    #[test]
    fn what_is_kept_back_stands_behind_a_message_of_its_group_that_was_received_so_often() {
        let mut oracle = oracle();
        assert!(oracle.check_parked(&[2]).is_err());
        oracle.messages[0].shown_at_home = 2;
        assert_eq!(oracle.check_parked(&[2]), Ok(()));
        assert!(oracle.check_parked(&[]).unwrap_err().contains("message 2"));
    }
}
