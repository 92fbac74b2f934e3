//! What is left of subscriptions that somebody ended who may not have known what they did: a last letter to the receiver, with a token
//! that restores the subscription (ADR 0048).
//!
//! It is a partition of deliveries with the id that the restored subscription would have. Its first record has the subscription that was
//! ended, so the topic knows nothing of it, and it stands before the record of the end: no subscription ends without its letter. It goes
//! when the letter is given up, when nobody has come back in time, with its topic, or when its account has too many; or the subscription
//! comes back, and it is that one's.

use super::deliveries::{Command, Deliveries, Whose};
use super::letter::Kind;
use super::limits::ENDED_MAX;
use super::{Outboxes, letter};
use crate::confirming::Confirmation;
use crate::limits::PENDING_MILLIS;
use crate::topic::{Protocol, Subscription};
use crate::topic_key::{SubscriptionId, TopicKey};
use engine::Unavailable;
use names::{AccountId, Instant};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard, PoisonError};

/// What is known of one without a look into its partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The subscription that was ended.
    pub(crate) of: SubscriptionId,
    pub(crate) protocol: Protocol,
    /// When it was.
    pub(crate) at: Instant,
    /// The account that has its topic.
    account: AccountId,
}

impl Ending {
    /// What is left of a subscription that waits to be confirmed anew since it was ended; nothing if it does not.
    pub(super) fn of(whose: &Whose, ended: &Subscription) -> Option<Self> {
        let at = Confirmation::of(&ended.attributes)?.since;
        Some(Self { of: ended.id, protocol: ended.protocol, at, account: whose.topic.account })
    }

    /// Whether it goes, whatever became of its letter.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        now >= self.at.plus_millis(PENDING_MILLIS)
    }
}

/// All of them, by the ids of the subscriptions that they would become, and in the order of their ages.
#[derive(Debug, Default)]
pub(super) struct Endings {
    of: BTreeMap<SubscriptionId, Ending>,
    by_age: BTreeSet<(AccountId, Instant, SubscriptionId)>,
}

impl Endings {
    pub(super) fn put(&mut self, heir: SubscriptionId, ending: Ending) {
        self.by_age.insert((ending.account, ending.at, heir));
        self.of.insert(heir, ending);
    }

    pub(super) fn remove(&mut self, heir: SubscriptionId) -> Option<Ending> {
        let ending = self.of.remove(&heir)?;
        self.by_age.remove(&(ending.account, ending.at, heir));
        Some(ending)
    }

    fn of_account(&self, account: AccountId) -> impl Iterator<Item = SubscriptionId> {
        let first = (account, Instant::EPOCH, SubscriptionId(0));
        let all = self.by_age.range(first..).take_while(move |(of, ..)| *of == account);
        all.map(|(.., heir)| *heir)
    }

    /// The oldest of an account that has as many as it may have.
    fn surplus(&self, account: AccountId) -> Option<SubscriptionId> {
        let oldest = self.of_account(account).next()?;
        (self.of_account(account).take(ENDED_MAX).count() == ENDED_MAX).then_some(oldest)
    }
}

/// A subscription that is about to end, and its last letter.
pub(crate) struct Last<'a> {
    pub(crate) whose: Whose,
    /// With the confirmation that it waits for from now on.
    pub(crate) ended: Arc<Subscription>,
    /// The letter's id and envelope.
    pub(crate) letter: (u128, &'a str),
}

impl Outboxes {
    /// Puts a subscription's last letter where it is delivered from. Its records stand before that of the subscription's end, so nobody
    /// waits for them.
    pub(crate) fn end(&self, last: Last<'_>) -> Result<(), Unavailable> {
        let Last { whose, ended, letter: (id, envelope) } = last;
        let ending = Ending::of(&whose, &ended).expect("who ends a subscription says what it waits for");
        let heir = whose.subscription;
        let surplus = self.read().endings.surplus(ending.account);
        surplus.into_iter().for_each(|oldest| self.close_ending(oldest));
        self.begin(whose.clone(), Command::End(whose, ended))?;
        self.write().endings.put(heir, ending);
        let sent = self.send(heir, letter::posted(id, Kind::UnsubscribeConfirmation, envelope));
        let sent = sent.ok_or(Unavailable::Broken).and_then(|sent| sent.map(drop));
        if sent.is_err() {
            self.close(heir);
        }
        sent
    }

    /// What was ended and would come back under an id.
    pub(crate) fn ending(&self, heir: SubscriptionId) -> Option<Ending> {
        self.read().endings.of.get(&heir).cloned()
    }

    /// The subscription of which it is left.
    pub(crate) fn ended(&self, heir: SubscriptionId) -> Option<Arc<Subscription>> {
        self.ending(heir)?;
        self.partition(heir)?.inspect(|deliveries: &Deliveries| deliveries.ended().map(Arc::clone)).flatten()
    }

    /// All that a topic has left.
    pub(crate) fn endings_of(&self, topic: &TopicKey) -> Vec<SubscriptionId> {
        let kept = self.read();
        let is_of = |heir: &SubscriptionId| kept.of.get(heir).is_some_and(|(_, known)| known == topic);
        kept.endings.of_account(topic.account).filter(is_of).collect()
    }

    /// All there are, with their topics.
    pub(crate) fn endings(&self) -> Vec<(TopicKey, SubscriptionId, Ending)> {
        let kept = self.read();
        let with_topic = |(heir, ending): (&SubscriptionId, &Ending)| {
            kept.of.get(heir).map(|(_, topic)| (topic.clone(), *heir, ending.clone()))
        };
        kept.endings.of.iter().filter_map(with_topic).collect()
    }

    /// Held while one is let go of or comes back: what was restored is not let go of.
    pub(crate) fn hold_endings(&self) -> MutexGuard<'_, ()> {
        self.coming_back.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its subscription came back, by whoever holds them: the deliveries are that one's from now on.
    pub(crate) fn restored(&self, heir: SubscriptionId) {
        if self.write().endings.remove(heir).is_none() {
            return;
        }
        if let Some(partition) = self.partition(heir)
            && let Err(error) = partition.execute(Command::Restore).map(drop)
        {
            tracing::warn!(%error, "what a subscription was restored from is kept until the next start");
        }
    }

    /// Those whose subscriptions came back before a crash that forgot to say so here.
    pub(crate) fn restore_those(&self, is_back: impl Fn(&TopicKey, SubscriptionId) -> bool) {
        let back = self.endings().into_iter().filter(|(topic, heir, _)| is_back(topic, *heir));
        back.for_each(|(_, heir, _)| self.restored(heir));
    }

    /// Lets go of one, unless its subscription came back.
    pub(crate) fn close_ending(&self, heir: SubscriptionId) {
        let _held = self.hold_endings();
        if self.ending(heir).is_some() {
            self.close(heir);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_account_that_has_too_many_the_oldest_is_known() {
        let mut endings = Endings::default();
        let (one, other) = (AccountId::DEFAULT, AccountId::parse("111122223333").unwrap());
        let ending = |account, at| Ending { of: SubscriptionId(1), protocol: Protocol::Http, at, account };
        for nth in 0..ENDED_MAX as u64 {
            assert_eq!(endings.surplus(one), None);
            endings.put(SubscriptionId(u128::from(nth) + 7), ending(one, Instant::from_millis(1000 - nth)));
        }
        endings.put(SubscriptionId(1), ending(other, Instant::EPOCH));
        assert_eq!((endings.surplus(one), endings.surplus(other)), (Some(SubscriptionId(ENDED_MAX as u128 + 6)), None));
        assert!(endings.remove(SubscriptionId(7)).is_some() && endings.remove(SubscriptionId(7)).is_none());
        assert_eq!((endings.surplus(one), endings.by_age.len()), (None, ENDED_MAX));
    }
}
