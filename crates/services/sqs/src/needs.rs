//! What each operation needs to be allowed: its action, on which queue, under that queue's policy.
//!
//! Batches need what their entries are. A queue that is not there is asked about like one without a policy, so that only who
//! may use the queues of its account learns which of them exist; of another account's queues nobody learns it who is not
//! named by their policies. Sources: Service Authorization Reference, "Actions, resources, and condition keys for Amazon SQS";
//! sentences of denials as AWS was recorded to write them, with the action in lower case.

use crate::catalog::{QueueEntry, QueueKey};
use crate::queue_url::QueueUrl;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::tags::Tags;
use gateway::{Actions, Caller, Fact, Facts, Need};
use names::{AccountId, QueueName, Region};
use std::sync::{Arc, LazyLock};

static ACTIONS: LazyLock<Actions> = LazyLock::new(|| Actions::new("sqs", NAMES.iter().copied()));

const NAMES: &[&str] = &[
    "addpermission",
    "cancelmessagemovetask",
    "changemessagevisibility",
    "createqueue",
    "deletemessage",
    "deletequeue",
    "getqueueattributes",
    "getqueueurl",
    "listdeadlettersourcequeues",
    "listmessagemovetasks",
    "listqueues",
    "listqueuetags",
    "purgequeue",
    "receivemessage",
    "removepermission",
    "sendmessage",
    "setqueueattributes",
    "startmessagemovetask",
    "tagqueue",
    "untagqueue",
];

/// Operations that a queue's policy can grant to those who sign nothing.
pub(crate) const UNSIGNED: &[&str] = &[
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "DeleteMessage",
    "DeleteMessageBatch",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
    "SendMessageBatch",
];

/// Actions that nobody of another account may do, whatever a policy says (Developer Guide, "Limitations of Amazon SQS custom
/// policies": cross-account permissions do not apply to them).
const OF_OWNERS: &[&str] = &[
    "addpermission",
    "cancelmessagemovetask",
    "createqueue",
    "deletequeue",
    "listmessagemovetasks",
    "listqueues",
    "listqueuetags",
    "removepermission",
    "setqueueattributes",
    "startmessagemovetask",
    "tagqueue",
    "untagqueue",
];

/// Who asks whom.
pub(crate) struct Asking<'a> {
    pub(crate) service: &'a Inner,
    pub(crate) caller: &'a Caller,
}

impl Asking<'_> {
    /// An action on the queue of a URL.
    pub(crate) fn at(&self, action: &str, url: &str) -> Result<Vec<Need>, Refusal> {
        let url = QueueUrl::parse(url).ok_or_else(Refusal::queue_does_not_exist)?;
        let account = url.account.unwrap_or(self.caller.account);
        let region = url.region.as_ref().unwrap_or(&self.caller.region);
        Ok(vec![self.of(action, account, region, url.name)])
    }

    /// An action on the queue of a name, whether it is there or not.
    pub(crate) fn of(&self, action: &str, account: AccountId, region: &Region, name: QueueName) -> Need {
        match self.service.catalog.find(account, region, name.as_str()) {
            Some(entry) => self.on(action, &entry),
            None => {
                let key = QueueKey { account, region: region.clone(), name };
                Need::of(ACTIONS.get(action), key.arn(), account)
            }
        }
    }

    /// An action on a queue.
    pub(crate) fn on(&self, action: &str, entry: &QueueEntry) -> Need {
        let owner = entry.key.account;
        let is_owners = self.caller.identity.caller.account() == Some(owner);
        let need = Need::of(ACTIONS.get(action), Arc::clone(&entry.arn), owner);
        let policy = if is_owners || !OF_OWNERS.contains(&action) { entry.bounds.policy() } else { None };
        Need { about: entry.bounds.tags(), ..need.under(policy) }
    }

    /// What a message move task does to its source: the action itself, and what AWS's guide ("Permissions required for
    /// dead-letter queue redrive") asks for beside.
    pub(crate) fn of_a_move(&self, actions: &[&str], source: &QueueKey) -> Vec<Need> {
        actions.iter().map(|action| self.to(action, source)).collect()
    }

    /// An action on the queue of a key, whether it is there or not.
    pub(crate) fn to(&self, action: &str, key: &QueueKey) -> Need {
        self.of(action, key.account, &key.region, key.name.clone())
    }

    /// An action on all queues of the caller's account and region.
    pub(crate) fn on_all(&self, action: &str) -> Vec<Need> {
        let Caller { account, region, .. } = self.caller;
        let arn = format!("arn:{}:sqs:{region}:{account}:", region.arn_partition());
        vec![Need::of(ACTIONS.get(action), arn, *account)]
    }
}

/// The condition keys of a queue's tags.
pub(crate) fn facts_of(tags: &Tags) -> Option<Facts> {
    let fact = |(key, value): (&str, &str)| (format!("aws:resourcetag/{key}").into(), Fact::Text(value.into()));
    (!tags.is_empty()).then(|| tags.iter().map(fact).collect())
}

/// The condition keys of tags that a request brings.
pub(crate) fn with_tags(mut need: Need, tags: &[(String, String)]) -> Need {
    for (key, value) in tags {
        need = need.with(format!("aws:requesttag/{key}"), Fact::Text(value.as_str().into()));
    }
    with_tag_keys(need, tags.iter().map(|(key, _)| key))
}

/// The condition key of the keys of tags.
pub(crate) fn with_tag_keys<'a>(need: Need, keys: impl Iterator<Item = &'a String>) -> Need {
    need.with("aws:tagkeys", Fact::Many(keys.map(|key| key.as_str().into()).collect()))
}
