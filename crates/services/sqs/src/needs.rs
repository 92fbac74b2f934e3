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
use gateway::{Actions, Caller, Need};
use names::{AccountId, QueueName, Region};
use std::sync::LazyLock;

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

/// Operations that a queue's policy can grant to those who sign nothing: all that name a queue.
pub(crate) const UNSIGNED: &[&str] = &[
    "AddPermission",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "DeleteMessage",
    "DeleteMessageBatch",
    "DeleteQueue",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "ListQueueTags",
    "PurgeQueue",
    "ReceiveMessage",
    "RemovePermission",
    "SendMessage",
    "SendMessageBatch",
    "SetQueueAttributes",
    "TagQueue",
    "UntagQueue",
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
            Some(entry) => on(action, &entry),
            None => {
                let key = QueueKey { account, region: region.clone(), name };
                Need::of(ACTIONS.get(action), key.arn(), account)
            }
        }
    }

    /// What a message move task does to its source: the action itself, and what AWS's guide ("Permissions required for
    /// dead-letter queue redrive") asks for beside.
    pub(crate) fn of_a_move(&self, actions: &[&str], source: &QueueKey) -> Vec<Need> {
        actions.iter().map(|action| self.of(action, source.account, &source.region, source.name.clone())).collect()
    }

    /// An action on all queues of the caller's account and region.
    pub(crate) fn on_all(&self, action: &str) -> Vec<Need> {
        let Caller { account, region, .. } = self.caller;
        let arn = format!("arn:{}:sqs:{region}:{account}:", region.arn_partition());
        vec![Need::of(ACTIONS.get(action), arn, *account)]
    }
}

/// An action on a queue.
pub(crate) fn on(action: &str, entry: &QueueEntry) -> Need {
    let need = Need::of(ACTIONS.get(action), entry.arn.clone(), entry.key.account);
    need.under(entry.bounds.policy())
}
