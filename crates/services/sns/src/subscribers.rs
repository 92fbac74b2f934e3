//! The subscriptions of a topic: by number, and found by their ids and by their receivers.
//!
//! Numbers rise in the order in which subscriptions are made and none is given twice. What finds them is made of them, so it is no part
//! of what is kept, and two of these are the same when their subscriptions are.

use crate::topic::{Protocol, Subscription};
use crate::topic_key::SubscriptionId;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// All subscriptions of a topic.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subscribers {
    by_number: BTreeMap<u64, Arc<Subscription>>,
    by_id: HashMap<SubscriptionId, u64>,
    by_receiver: HashMap<(Protocol, Arc<str>), u64>,
}

impl PartialEq for Subscribers {
    fn eq(&self, other: &Self) -> bool {
        self.by_number == other.by_number
    }
}

impl Subscribers {
    pub(crate) fn len(&self) -> usize {
        self.by_number.len()
    }

    /// All of them, in the order of their numbers.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (u64, &Arc<Subscription>)> {
        self.by_number.iter().map(|(number, subscription)| (*number, subscription))
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Arc<Subscription>> {
        self.by_number.get(&number)
    }

    pub(crate) fn number_of(&self, id: SubscriptionId) -> Option<u64> {
        self.by_id.get(&id).copied()
    }

    /// The subscription of a receiver, if it has one.
    pub(crate) fn of_receiver(&self, protocol: Protocol, endpoint: &Arc<str>) -> Option<(u64, &Arc<Subscription>)> {
        let number = *self.by_receiver.get(&(protocol, Arc::clone(endpoint)))?;
        self.by_number.get(&number).map(|subscription| (number, subscription))
    }

    /// Puts one in under a number, in place of the one that is there.
    pub(crate) fn put(&mut self, number: u64, subscription: Arc<Subscription>) {
        self.remove(number);
        self.by_id.insert(subscription.id, number);
        self.by_receiver.insert((subscription.protocol, Arc::clone(&subscription.endpoint)), number);
        self.by_number.insert(number, subscription);
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<Arc<Subscription>> {
        let gone = self.by_number.remove(&number)?;
        self.by_id.remove(&gone.id);
        self.by_receiver.remove(&(gone.protocol, Arc::clone(&gone.endpoint)));
        Some(gone)
    }
}

impl FromIterator<(u64, Arc<Subscription>)> for Subscribers {
    fn from_iter<I: IntoIterator<Item = (u64, Arc<Subscription>)>>(all: I) -> Self {
        let mut subscribers = Self::default();
        all.into_iter().for_each(|(number, subscription)| subscribers.put(number, subscription));
        subscribers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::Pairs;
    use names::{AccountId, Instant};

    fn subscription(id: u128, endpoint: &str) -> Arc<Subscription> {
        Arc::new(Subscription {
            id: SubscriptionId(id),
            owner: AccountId::DEFAULT,
            protocol: Protocol::Sqs,
            endpoint: endpoint.into(),
            attributes: Pairs::new(),
            created_at: Instant::EPOCH,
        })
    }

    #[test]
    fn what_is_put_is_found_in_every_way_until_it_is_gone() {
        let mut subscribers: Subscribers = [(3, subscription(7, "a")), (5, subscription(8, "b"))].into_iter().collect();
        assert_eq!((subscribers.number_of(SubscriptionId(8)), subscribers.len()), (Some(5), 2));
        assert_eq!(subscribers.of_receiver(Protocol::Sqs, &"a".into()).map(|(number, _)| number), Some(3));
        subscribers.put(3, subscription(9, "c"));
        assert_eq!(subscribers.number_of(SubscriptionId(7)), None, "another one stands in its place");
        assert!(subscribers.of_receiver(Protocol::Sqs, &"a".into()).is_none());
        assert_eq!(subscribers.remove(3).map(|gone| gone.id), Some(SubscriptionId(9)));
        assert_eq!(subscribers.iter().map(|(number, _)| number).collect::<Vec<_>>(), [5]);
        assert_eq!(subscribers, [(5, subscription(8, "b"))].into_iter().collect());
    }
}
