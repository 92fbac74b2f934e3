//! What each operation needs to be allowed: its action, on which topic, under that topic's policy.
//!
//! Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon SNS". Batches need what their entries
//! are; what is done to a subscription is done to its topic.

use crate::api::Tag;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::topic_key::{SubscriptionId, TopicKey};
use access::Action;
use gateway::{Actions, Caller, Fact, Need};
use names::AccountId;
use std::sync::{Arc, LazyLock};

static ACTIONS: LazyLock<Actions> = LazyLock::new(|| {
    Actions::new("sns", crate::ops::TABLE.iter().map(|(name, _)| *name).filter(|name| *name != "PublishBatch"))
});

/// What may come without a signature: whoever gets a subscription's messages may begin and end it, by a token or its id.
pub(crate) const UNSIGNED: &[&str] = &["ConfirmSubscription", "Unsubscribe"];

/// Who asks whom.
pub(crate) struct Asking<'a> {
    pub(crate) service: &'a Inner,
    pub(crate) caller: &'a Caller,
}

impl Asking<'_> {
    /// An action that is about no topic.
    pub(crate) fn anything(&self, action: &str) -> Vec<Need> {
        vec![Need::of(ACTIONS.get(action), "*", self.caller.account)]
    }

    /// An action on the topic of an ARN, whether it is there or not.
    pub(crate) fn on(&self, action: &str, parameter: &str, arn: &str) -> Result<Vec<Need>, Refusal> {
        Ok(vec![self.on_key(action, &TopicKey::parse(parameter, arn)?)])
    }

    /// The same of a topic by its key.
    pub(crate) fn on_key(&self, action: &str, key: &TopicKey) -> Need {
        self.on_topic(ACTIONS.get(action), key)
    }

    /// An action of any service on a topic, under that topic's policy.
    pub(crate) fn on_topic(&self, action: &'static Action, key: &TopicKey) -> Need {
        let Some(entry) = self.service.catalog.find(key) else {
            return Need::of(action, key.arn(), key.account);
        };
        let (policy, about) = entry.look(|view| (view.policy.clone(), view.facts.clone()));
        let need = Need::of(action, Arc::clone(&entry.arn), key.account).under(policy);
        Need { about, ..need }
    }

    /// An action on a subscription, which is its owner's and its topic's owner's.
    pub(crate) fn on_subscription(&self, action: &str, arn: &str) -> Result<Vec<Need>, Refusal> {
        let (key, id) = SubscriptionId::parse("SubscriptionArn", arn)?;
        let owner = self
            .service
            .catalog
            .find(&key)
            .and_then(|entry| entry.look(|view| view.subscription(id).map(|receiver| receiver.subscription.owner)));
        let is_owners = |account: AccountId| self.caller.identity.caller.account() == Some(account);
        match owner.filter(|owner| *owner != key.account && is_owners(*owner)) {
            Some(owner) => Ok(vec![Need::of(ACTIONS.get(action), key.arn(), owner)]),
            None => Ok(vec![self.on_key(action, &key)]),
        }
    }
}

/// An action on what has no policy of its own.
pub(crate) fn on_arn(action: &str, arn: String, owner: AccountId) -> Need {
    Need::of(ACTIONS.get(action), arn, owner)
}

/// The condition keys of tags that a request brings.
pub(crate) fn with_tags(mut need: Need, tags: &[Tag]) -> Need {
    for Tag { key, value } in tags {
        need = need.with(format!("aws:requesttag/{}", key.to_lowercase()), Fact::Text(value.as_str().into()));
    }
    with_tag_keys(need, tags.iter().map(|tag| &tag.key))
}

/// The condition key of the keys of tags.
pub(crate) fn with_tag_keys<'a>(need: Need, keys: impl Iterator<Item = &'a String>) -> Need {
    need.with("aws:tagkeys", Fact::Many(keys.map(|key| key.as_str().into()).collect()))
}
