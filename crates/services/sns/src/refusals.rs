//! Letters that queues refused for good: counted by reason, and told to the operator now and then.
//!
//! A queue that is gone or whose policy does not let the topic refuses each message, and AWS drops them without a word. Here each is
//! counted by the queue's error, of which there are as many as services have, and the first of a subscription within an hour is a warning
//! in the log: whoever looks finds out, and a topic that publishes a thousand times a second does not fill a disk.

use crate::limits::{REFUSAL_TOLD_MILLIS, REFUSALS_TOLD_MAX};
use crate::topic_key::SubscriptionId;
use gateway::Refused;
use names::Instant;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// What was refused since the start.
#[derive(Default)]
pub(crate) struct Refusals {
    counts: Mutex<BTreeMap<&'static str, u64>>,
    told: Mutex<HashMap<SubscriptionId, Instant>>,
}

impl Refusals {
    /// Notes a letter that a subscription's queue does not take. Whether it was told.
    pub(crate) fn note(&self, topic: &str, id: SubscriptionId, refused: &Refused, now: Instant) -> bool {
        let reason = refused.error.query_code;
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(reason).or_default() += 1;
        let is_told = self.is_due(id, now);
        if is_told {
            let subscription = id.arn(topic);
            tracing::warn!(%subscription, reason, why = %refused.message, "a queue does not take messages of a topic; not told again for an hour");
        }
        is_told
    }

    /// Letters that were refused, by reason.
    pub(crate) fn counts(&self) -> Vec<(&'static str, u64)> {
        self.counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(reason, count)| (*reason, *count))
            .collect()
    }

    /// Whether it is time to tell of a subscription, which is then told. Of more subscriptions than are remembered the rest are counted.
    fn is_due(&self, id: SubscriptionId, now: Instant) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |at: Instant| now < at.plus_millis(REFUSAL_TOLD_MILLIS);
        if told.get(&id).is_some_and(|at| is_fresh(*at)) {
            return false;
        }
        if told.len() >= REFUSALS_TOLD_MAX && !told.contains_key(&id) {
            told.retain(|_, at| is_fresh(*at));
        }
        let has_room = told.len() < REFUSALS_TOLD_MAX || told.contains_key(&id);
        if has_room {
            told.insert(id, now);
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::PublishInput;
    use crate::api::errors;
    use crate::house::{House, queue};
    use crate::ops::for_tests::Publish;
    use gateway::NotPut;

    #[test]
    fn a_subscription_is_told_of_once_an_hour_and_counted_each_time() {
        let (refusals, refused) = (Refusals::default(), Refused::new(&errors::NOT_FOUND_EXCEPTION, "gone"));
        let note =
            |id, minutes: u64| refusals.note("t", SubscriptionId(id), &refused, Instant::EPOCH.plus_secs(60 * minutes));
        assert!(note(1, 0) && !note(1, 59) && note(2, 59) && note(1, 60) && !note(1, 61));
        assert_eq!(refusals.counts(), [("NotFound", 5)]);
        for id in 0..REFUSALS_TOLD_MAX as u128 * 2 {
            note(id, 61);
        }
        assert!(refusals.told.lock().unwrap().len() <= REFUSALS_TOLD_MAX);
        assert!(note(0, 200), "what is old leaves its place");
    }

    #[test]
    fn what_queues_refuse_of_a_publish_is_counted() {
        let house = House::new();
        for (name, attributes) in [("t", &[][..]), ("t.fifo", &[("FifoTopic", "true")])] {
            let topic = house.topic(name, attributes);
            house.subscribe(&topic, ("sqs", &queue(&name.replace('t', "q"))), &[]).unwrap();
            let gone = || NotPut::Refused(Refused::new(&errors::NOT_FOUND_EXCEPTION, "gone"));
            *house.queues.word.lock().unwrap() = Some(Box::new(move |_, _| Some(gone())));
            let (group, id) = (Some("g".into()), Some("d".into()));
            let (group, id) = if attributes.is_empty() { (None, None) } else { (group, id) };
            house
                .ask::<Publish>(PublishInput {
                    topic_arn: Some(topic),
                    message: "m".into(),
                    message_group_id: group,
                    message_deduplication_id: id,
                    ..PublishInput::default()
                })
                .unwrap();
        }
        assert_eq!(house.inner.refusals.counts(), [("NotFound", 2)]);
    }
}
