//! Why a request is refused: an error of Data Streams and its sentence.
//!
//! Sentences are those that recorded answers, the emulators' own records of AWS and users' reports quote. Where none is recorded
//! they say the same in our words.

use crate::api::errors;
use crate::catalog::StreamKey;
use crate::limits;
use engine::Unavailable;
use gateway::{Caller, Refused};
use names::{AccountId, Instant};
use std::borrow::Cow;
use wire::schema::ErrorShape;

/// An error of the service's table, with its sentence.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) error: &'static ErrorShape,
    pub(crate) message: Cow<'static, str>,
}

impl PartialEq for Refusal {
    fn eq(&self, other: &Self) -> bool {
        self.error.name == other.error.name && self.message == other.message
    }
}

impl Refusal {
    pub(crate) fn new(error: &'static ErrorShape, message: impl Into<Cow<'static, str>>) -> Self {
        Self { error, message: message.into() }
    }

    pub(crate) fn validation(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::VALIDATION_EXCEPTION, message)
    }

    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::INVALID_ARGUMENT_EXCEPTION, message)
    }

    pub(crate) fn in_use(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::RESOURCE_IN_USE_EXCEPTION, message)
    }

    pub(crate) fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::RESOURCE_NOT_FOUND_EXCEPTION, message)
    }

    pub(crate) fn limit(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::LIMIT_EXCEEDED_EXCEPTION, message)
    }

    pub(crate) fn no_stream(account: AccountId, name: &str) -> Self {
        Self::not_found(format!("Stream {name} under account {account} not found."))
    }

    pub(crate) fn no_shard(key: &StreamKey, shard: &str) -> Self {
        let StreamKey { account, name, .. } = key;
        Self::not_found(format!("Could not find shard {shard} in stream {name} under account {account}."))
    }

    /// `shown` is what the request called it: its name, or its ARN.
    pub(crate) fn no_consumer(account: AccountId, shown: &str) -> Self {
        Self::not_found(format!("Consumer {shown}, account {account} not found."))
    }

    /// `room` is how many open shards the account may still have, `more` how many there would be more.
    pub(crate) fn shard_limit(key: &StreamKey, room: usize, more: usize) -> Self {
        let most = limits::ACCOUNT_SHARDS_MAX;
        Self::limit(format!(
            "This request would exceed the shard limit for the account {} in {}. Current shard count for the account: {}. Limit: {most}. Number of additional shards that would have resulted from this request: {more}. Refer to the AWS Service Limits page (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits and how to request higher limits.",
            key.account,
            key.region,
            most - room
        ))
    }

    pub(crate) fn no_queue(arn: &str) -> Self {
        Self::not_found(format!("Queue {arn} not found."))
    }

    pub(crate) fn throttled(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::THROTTLING_EXCEPTION, message)
    }

    /// Why a stream with queues is not deleted, and stays on demand.
    pub(crate) fn has_queues(key: &StreamKey, what: &str) -> Self {
        Self::in_use(format!(
            "{what} {} because there are queues on this data stream. Delete every queue on it with DeleteQueue first.",
            key.arn()
        ))
    }

    /// `have` is how many streams on demand the account has.
    pub(crate) fn on_demand_limit(key: &StreamKey, have: usize, most: usize) -> Self {
        Self::limit(format!(
            "This request would exceed the on-demand stream limit for the account {} in {}. Current on-demand stream count for the account: {have}. Limit: {most}.",
            key.account, key.region
        ))
    }

    pub(crate) fn warm_and_provisioned(key: &StreamKey) -> Self {
        Self::validation(format!(
            "Request is invalid. Stream {} under account {} is in Provisioned mode; WarmThroughputMiBps is of on-demand streams.",
            key.name, key.account
        ))
    }

    pub(crate) fn key_changes(key: &StreamKey) -> Self {
        Self::limit(format!(
            "The encryption of stream {} under account {} was changed {} times within 24 hours, which is the limit.",
            key.name,
            key.account,
            limits::KEY_CHANGES_MAX
        ))
    }

    /// A consumer who may not use the key that a record was sealed with.
    pub(crate) fn may_not_decrypt(caller: &Caller, key: &StreamKey, created_at: Instant) -> Self {
        let who = caller.identity.caller.user_id();
        Self::new(
            &errors::KMS_ACCESS_DENIED_EXCEPTION,
            format!(
                "User {} is not authorized to decrypt records in stream {}:{}:{}",
                who.as_deref().unwrap_or(caller.identity.caller.name()),
                key.account,
                key.name,
                created_at.as_secs()
            ),
        )
    }

    /// The key that a record was sealed with is gone: the model's sentence of this error.
    pub(crate) fn foreign_ciphertext() -> Self {
        let message = "The ciphertext references a key that doesn't exist or that you don't have access to.";
        Self::new(&errors::KMS_ACCESS_DENIED_EXCEPTION, message)
    }

    /// What is sealed does not fit its key, which is ours to explain: the log has it.
    pub(crate) fn internal() -> Self {
        Self::new(&errors::INTERNAL_FAILURE_EXCEPTION, "The request processing has failed because of an unknown error.")
    }

    /// Whether it is that somebody else has it.
    pub(crate) fn is_in_use(&self) -> bool {
        self.error.name == errors::RESOURCE_IN_USE_EXCEPTION.name
    }

    /// Whether it is that a shard takes, or gives, no more within the second.
    pub(crate) fn is_throttle(&self) -> bool {
        self.error.name == errors::PROVISIONED_THROUGHPUT_EXCEEDED_EXCEPTION.name
    }

    pub(crate) fn iterator() -> Self {
        Self::invalid("Invalid ShardIterator.")
    }

    pub(crate) fn unsupported(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::UNKNOWN_OPERATION_EXCEPTION, message)
    }

    pub(crate) fn dry_run() -> Self {
        Self::new(
            &errors::DRY_RUN_OPERATION_EXCEPTION,
            "The request would have succeeded, but the DryRun option is set.",
        )
    }
}

impl From<Unavailable> for Refusal {
    fn from(_: Unavailable) -> Self {
        Self::new(&errors::SERVICE_UNAVAILABLE_EXCEPTION, "The service cannot keep anything at this moment.")
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.error, refusal.message)
    }
}
