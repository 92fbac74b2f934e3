//! What each operation needs to be allowed: its action, on which stream, consumer or queue, under that resource's policy.
//!
//! A policy of a stream counts for all that its own account's identities and others do with the stream's records and descriptions;
//! what changes the stream is its owner's alone. Source: Service Authorization Reference, "Actions, resources, and condition keys
//! for Amazon Kinesis Data Streams"; Developer Guide, "Sharing your data stream with another account".

use crate::catalog::{StreamKey, compile, facts_of};
use crate::refusal::Refusal;
use crate::service::{Inner, Target, queue_of_arn};
use access::Action;
use gateway::{Actions, Caller, Fact, Need};
use std::sync::LazyLock;

static ACTIONS: LazyLock<Actions> =
    LazyLock::new(|| Actions::new("kinesis", crate::ops::TABLE.iter().map(|(name, _)| *name)));

/// Actions that a stream's policy can give to other accounts.
const SHARED: &[&str] = &[
    "DescribeStream",
    "DescribeStreamConsumer",
    "DescribeStreamSummary",
    "GetRecords",
    "GetShardIterator",
    "ListShards",
    "ListStreamConsumers",
    "PutRecord",
    "PutRecords",
    "RegisterStreamConsumer",
    "DeregisterStreamConsumer",
    "SubscribeToShard",
];

/// Actions that a queue's policy can give to other accounts: those of its consumers.
const SHARED_OF_QUEUES: &[&str] = &[
    "AcknowledgeDeadLetterQueueRecords",
    "AcknowledgeQueueRecords",
    "DescribeQueue",
    "ReceiveDeadLetterQueueRecords",
    "ReceiveQueueRecords",
    "RestoreDeadLetterQueueRecords",
    "UpdateDeadLetterQueueRecordsVisibility",
    "UpdateQueueRecordsVisibility",
];

/// Who asks whom.
pub(crate) struct Asking<'a> {
    pub(crate) service: &'a Inner,
    pub(crate) caller: &'a Caller,
}

impl Asking<'_> {
    /// An action that is about no stream.
    pub(crate) fn anything(&self, action: &str) -> Vec<Need> {
        vec![Need::of(ACTIONS.get(action), "*", self.caller.account)]
    }

    /// An action on the stream that a request names, whether it is there or not.
    pub(crate) fn on(&self, action: &str, target: &Target<'_>) -> Result<Vec<Need>, Refusal> {
        Ok(vec![self.on_key(action, &self.service.key(self.caller, target)?)])
    }

    /// The same of a stream by its key.
    pub(crate) fn on_key(&self, action: &str, key: &StreamKey) -> Need {
        let Some(entry) = self.service.catalog.find(key) else {
            return Need::of(ACTIONS.get(action), key.arn(), key.account);
        };
        let view = entry.view();
        let is_owners = self.caller.identity.caller.account() == Some(key.account);
        let policy = if is_owners || SHARED.contains(&action) { view.policy.clone() } else { None };
        let need = Need::of(ACTIONS.get(action), std::sync::Arc::clone(&entry.arn), key.account).under(policy);
        Need { about: view.facts.clone(), ..need }
    }

    /// An action on a queue, whether it is there or not.
    pub(crate) fn on_queue(&self, action: &str, arn: &str) -> Result<Need, Refusal> {
        let (account, region, id) =
            queue_of_arn(arn).ok_or_else(|| Refusal::invalid(format!("{arn} is no ARN of a queue.")))?;
        let need = Need::of(ACTIONS.get(action), crate::queues::settings::arn(&region, account, id), account);
        let Some(entry) = self.service.catalog.queues.find(account, &region, id) else { return Ok(need) };
        let view = entry.view();
        let is_owners = self.caller.identity.caller.account() == Some(account);
        let is_asked = is_owners || SHARED_OF_QUEUES.contains(&action);
        let need = need.under(view.policy.clone().filter(|_| is_asked));
        Ok(Need { about: view.facts.clone(), ..need })
    }

    /// One of our own actions on a stream, or on something of it that `part` names: its owner's alone.
    pub(crate) fn own(&self, action: &'static Action, key: &StreamKey, part: Option<&str>) -> Need {
        let found = self.service.catalog.find(key).map(|entry| entry.view());
        let is_owners = self.caller.identity.caller.account() == Some(key.account);
        let policy = found.as_ref().filter(|_| is_owners).and_then(|view| view.policy.clone());
        let arn = part.map_or_else(|| key.arn(), |part| format!("{}/{part}", key.arn()));
        let about = found.and_then(|view| view.facts.clone());
        Need { about, ..Need::of(action, arn, key.account).under(policy) }
    }

    /// An action on a consumer of a stream.
    pub(crate) fn on_consumer(&self, action: &str, key: &StreamKey, name: &str) -> Need {
        let consumer = self.service.catalog.find(key).and_then(|entry| {
            let view = entry.view();
            let consumer = view.consumers.get(name)?;
            let policy = consumer.policy.as_deref().and_then(compile);
            Some((consumer.arn(&entry.arn), policy, facts_of(&consumer.tags)))
        });
        let (arn, policy, about) = consumer.unwrap_or_else(|| (format!("{}/consumer/{name}:*", key.arn()), None, None));
        let is_owners = self.caller.identity.caller.account() == Some(key.account);
        let policy = policy.filter(|_| is_owners || SHARED.contains(&action));
        let need = Need::of(ACTIONS.get(action), arn, key.account).under(policy);
        Need { about, ..need }
    }
}

/// The condition keys of tags that a request brings.
pub(crate) fn with_tags(mut need: Need, tags: &[(String, String)]) -> Need {
    for (key, value) in tags {
        need = need.with(format!("aws:requesttag/{}", key.to_lowercase()), Fact::Text(value.as_str().into()));
    }
    with_tag_keys(need, tags.iter().map(|(key, _)| key))
}

/// The condition key of the keys of tags.
pub(crate) fn with_tag_keys<'a>(need: Need, keys: impl Iterator<Item = &'a String>) -> Need {
    need.with("aws:tagkeys", Fact::Many(keys.map(|key| key.as_str().into()).collect()))
}
