//! Whose subscriptions are of which topics: an account may subscribe to topics of others, and lists its own.
//!
//! Made of the topics at the start and changed with their views; a topic stands here as long as the account has a subscription of it, so
//! a listing goes to those topics alone.

use crate::policies::Policies;
use crate::topic_key::TopicKey;
use names::{AccountId, Region};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many subscriptions of each topic an account has in a region.
type Counts = BTreeMap<TopicKey, usize>;

/// The topics of which accounts have subscriptions, and what these take.
#[derive(Default)]
pub(crate) struct Owners {
    topics: Mutex<BTreeMap<(AccountId, Region), Counts>>,
    pub(crate) policies: Policies,
}

impl Owners {
    /// A subscription of a topic was made.
    pub(crate) fn add(&self, owner: AccountId, topic: &TopicKey) {
        let mut owners = self.lock();
        *owners.entry((owner, topic.region.clone())).or_default().entry(topic.clone()).or_default() += 1;
    }

    /// A subscription of a topic is gone.
    pub(crate) fn remove(&self, owner: AccountId, topic: &TopicKey) {
        let (mut owners, place) = (self.lock(), (owner, topic.region.clone()));
        let Some(topics) = owners.get_mut(&place) else { return };
        match topics.get_mut(topic) {
            Some(count) if *count > 1 => *count -= 1,
            _ => _ = topics.remove(topic),
        }
        if topics.is_empty() {
            owners.remove(&place);
        }
    }

    /// The first topic from one on, or behind it.
    pub(crate) fn next(&self, owner: AccountId, region: &Region, from: Bound<&TopicKey>) -> Option<TopicKey> {
        let owners = self.lock();
        let topics = owners.get(&(owner, region.clone()))?;
        topics.range::<TopicKey, _>((from, Bound::Unbounded)).next().map(|(topic, _)| topic.clone())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(AccountId, Region), Counts>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_stands_for_an_owner_as_long_as_it_has_a_subscription() {
        let region = Region::parse("us-east-1").unwrap();
        let [own, other] = ["000000000000", "111122223333"].map(|account| AccountId::parse(account).unwrap());
        let key = |account, name: &str| TopicKey { account, region: region.clone(), name: name.into() };
        let (one, two) = (key(own, "b"), key(other, "a"));
        let owners = Owners::default();
        [&one, &one, &two].into_iter().for_each(|topic| owners.add(own, topic));
        let next = |from| owners.next(own, &region, from);
        assert_eq!((next(Bound::Unbounded), next(Bound::Excluded(&one))), (Some(one.clone()), Some(two.clone())));
        owners.remove(own, &one);
        assert_eq!(next(Bound::Included(&one)), Some(one.clone()));
        owners.remove(own, &one);
        owners.remove(own, &two);
        assert!(next(Bound::Unbounded).is_none() && owners.lock().is_empty());
        assert_eq!(owners.next(other, &region, Bound::Unbounded), None);
    }
}
