//! AWS's throttles, where `limits = aws` asks for them: messages that are published within a second, and calls that subscribe.
//!
//! Otherwise nothing is counted and there is no ceiling. Counts are of the second on the clock: with a new one all of them go, so there are
//! no more than topics and accounts that were used within one. Sources: API reference of CreateTopic (`FifoThroughputScope`); "Amazon SNS
//! endpoints and quotas", of the largest region.

use crate::catalog::TopicEntry;
use crate::fifo;
use crate::limits;
use crate::refusal::Refusal;
use crate::topic_key::TopicKey;
use names::{AccountId, Instant, Region};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What is counted by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Counted {
    /// Messages to a FIFO topic whose messages are ordered as a whole, and their bytes.
    Messages(TopicKey),
    Bytes(TopicKey),
    /// Messages of an account in a region, to FIFO topics or to others.
    Of(AccountId, Region, bool),
    /// Calls of Subscribe or of Unsubscribe.
    Call(AccountId, Region, Call),
}

/// A call that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    Subscribe,
    Unsubscribe,
}

/// What there was in the present second.
pub(crate) struct Throttle {
    holds_awss_limits: bool,
    counts: Mutex<(u64, BTreeMap<Counted, usize>)>,
}

impl Throttle {
    pub(crate) fn new(holds_awss_limits: bool) -> Self {
        Self { holds_awss_limits, counts: Mutex::default() }
    }

    /// Counts messages that are to be published together, of so many bytes, or refuses all of them.
    pub(crate) fn publish(
        &self,
        topic: &TopicEntry,
        messages: usize,
        bytes: usize,
        now: Instant,
    ) -> Result<(), Refusal> {
        if !self.holds_awss_limits {
            return Ok(());
        }
        let (key, is_fifo) = (&topic.key, topic.is_fifo());
        let of_account = Counted::Of(key.account, key.region.clone(), is_fifo);
        let mut all = vec![(of_account, messages, limits::MESSAGES_PER_SEC_MAX)];
        if is_fifo && topic.look(|view| !fifo::is_within_groups(&view.about.attributes)) {
            all.push((Counted::Messages(key.clone()), messages, limits::FIFO_MESSAGES_PER_SEC_MAX));
            all.push((Counted::Bytes(key.clone()), bytes, limits::FIFO_BYTES_PER_SEC_MAX));
        }
        self.pass(all, now)
    }

    /// Counts a call of an account, or refuses it.
    pub(crate) fn call(
        &self,
        (account, region): (AccountId, &Region),
        call: Call,
        now: Instant,
    ) -> Result<(), Refusal> {
        match self.holds_awss_limits {
            true => self.pass(
                vec![(Counted::Call(account, region.clone(), call), 1, limits::SUBSCRIBE_CALLS_PER_SEC_MAX)],
                now,
            ),
            false => Ok(()),
        }
    }

    fn pass(&self, all: Vec<(Counted, usize, usize)>, now: Instant) -> Result<(), Refusal> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.0 != now.as_secs() {
            *counts = (now.as_secs(), BTreeMap::new());
        }
        let is_over =
            |(what, more, most): &(Counted, usize, usize)| counts.1.get(what).copied().unwrap_or(0) + more > *most;
        if all.iter().any(is_over) {
            return Err(Refusal::throttled());
        }
        for (what, more, _) in all {
            *counts.1.entry(what).or_default() += more;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{PublishBatchInput, PublishBatchRequestEntry};
    use crate::house::{House, queue};
    use crate::ops::for_tests::PublishBatch;

    /// Publishes ten messages of so many bytes; the error's code, if that is refused.
    fn batch(house: &House, topic: &str, bytes: usize, nth: usize) -> Option<&'static str> {
        let entry = |entry: usize| PublishBatchRequestEntry {
            id: entry.to_string(),
            message: "x".repeat(bytes),
            message_group_id: Some("g".into()),
            message_deduplication_id: Some(format!("{nth}-{entry}")),
            ..PublishBatchRequestEntry::default()
        };
        let publish_batch_request_entries = (0..10).map(entry).collect();
        let input = PublishBatchInput { topic_arn: topic.into(), publish_batch_request_entries };
        house.ask::<PublishBatch>(input).err().map(|refusal| refusal.error.query_code)
    }

    #[test]
    fn a_fifo_topic_takes_three_thousand_messages_a_second_or_twenty_megabytes_where_awss_limits_hold() {
        let aws = || House::with(|options| options.holds_awss_limits = true);
        let house = aws();
        let scoped = |scope| [("FifoTopic", "true"), ("FifoThroughputScope", scope)];
        let [whole, other] = ["a.fifo", "b.fifo"].map(|name| house.topic(name, &scoped("Topic")));
        let by_group = house.topic("c.fifo", &scoped("MessageGroup"));
        (0..300).for_each(|nth| assert_eq!(batch(&house, &whole, 1, nth), None));
        assert_eq!(batch(&house, &whole, 1, 300), Some("Throttling"));
        assert_eq!((batch(&house, &other, 1, 0), batch(&house, &by_group, 1, 0)), (None, None));
        (0..301).for_each(|nth| assert_eq!(batch(&house, &by_group, 1, nth + 1), None));
        house.clock.advance_millis(1000);
        assert_eq!(batch(&house, &whole, 1, 301), None);
        // 262,140 bytes each.
        let passed = (0..).take_while(|nth| batch(&house, &other, 26_214, nth + 1).is_none()).count();
        assert_eq!(passed, limits::FIFO_BYTES_PER_SEC_MAX / 262_140);
        let house = House::new();
        let topic = house.topic("a.fifo", &scoped("Topic"));
        (0..310).for_each(|nth| assert_eq!(batch(&house, &topic, 1, nth), None, "there is no ceiling"));
    }

    #[test]
    fn an_account_subscribes_a_hundred_times_a_second_where_awss_limits_hold() {
        for (holds_awss_limits, most) in [(true, limits::SUBSCRIBE_CALLS_PER_SEC_MAX), (false, 150)] {
            let house = House::with(|options| options.holds_awss_limits = holds_awss_limits);
            let topic = house.topic("t", &[]);
            let subscribe = |nth: usize| house.subscribe(&topic, ("sqs", &queue(&nth.to_string())), &[]);
            assert_eq!((0..150).take_while(|nth| subscribe(*nth).is_ok()).count(), most);
            house.clock.advance_millis(1000);
            assert!(subscribe(150).is_ok());
        }
    }
}
