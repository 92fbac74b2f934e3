//! Why a request is refused: an error of Data Streams and its sentence.
//!
//! Sentences are those that recorded answers, the emulators' own records of AWS and users' reports quote. Where none is recorded
//! they say the same in our words.

use crate::api::errors;
use crate::catalog::StreamKey;
use crate::limits;
use engine::Unavailable;
use gateway::Refused;
use names::AccountId;
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
