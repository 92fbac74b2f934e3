//! GetQueueAttributes: what a queue is set to and how many messages it has.

use crate::api::{GetQueueAttributesRequest, GetQueueAttributesResult};
use crate::attributes::Number;
use crate::machine::{About, Command, Reply};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Caller;
use queue::Counts;
use std::sync::Arc;

pub(crate) struct GetQueueAttributes;

impl Operation for GetQueueAttributes {
    type Input = GetQueueAttributesRequest;
    type Output = GetQueueAttributesResult;

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: GetQueueAttributesRequest,
    ) -> Result<GetQueueAttributesResult, Refusal> {
        let entry = service.queue(&caller, &input.queue_url).await?;
        let wanted = input.attribute_names.unwrap_or_default();
        if let Some(unknown) = wanted.iter().find(|name| !is_known(name)) {
            return Err(Refusal::unknown_attribute(unknown));
        }
        let Reply::Described(about, counts) = entry.partition.execute(Command::Describe)?.await? else {
            return Err(Refusal::queue_does_not_exist());
        };
        let is_asked_for = |asked: &str| wanted.iter().any(|wanted| wanted == asked);
        let hidden = Number::ALL.into_iter().filter(|number| !number.belongs_to_all(&about.attributes));
        let hidden: Vec<_> = hidden.map(Number::name).collect();
        let is_wanted = |name: &str| is_asked_for(name) || (is_asked_for("All") && !hidden.contains(&name));
        let attributes = show(&about, &counts).into_iter().filter(|(name, _)| is_wanted(name));
        let attributes: Vec<_> = attributes.map(|(name, value)| (name.to_string(), value)).collect();
        Ok(GetQueueAttributesResult { attributes: (!attributes.is_empty()).then_some(attributes) })
    }
}

/// Attributes that a queue here never has; AWS leaves those of a queue without them out as well.
const NEVER_SET: &[&str] = &[
    "Policy",
    "RedrivePolicy",
    "RedriveAllowPolicy",
    "FifoQueue",
    "ContentBasedDeduplication",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "DeduplicationScope",
    "FifoThroughputLimit",
];

/// Attributes that are shown and cannot be set.
const COUNTED: &[&str] = &[
    "All",
    "QueueArn",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "SqsManagedSseEnabled",
];

fn is_known(name: &str) -> bool {
    COUNTED.contains(&name) || NEVER_SET.contains(&name) || Number::ALL.into_iter().any(|number| number.name() == name)
}

fn show(about: &About, counts: &Counts) -> Vec<(&'static str, String)> {
    let mut shown = vec![
        ("QueueArn", about.arn()),
        ("ApproximateNumberOfMessages", counts.visible.to_string()),
        ("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string()),
        ("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string()),
        ("CreatedTimestamp", about.created_at.as_secs().to_string()),
        ("LastModifiedTimestamp", about.modified_at.as_secs().to_string()),
    ];
    shown.extend(Number::ALL.map(|number| (number.name(), number.shown(&about.attributes))));
    // Nothing is encrypted at rest yet, and a queue does not say otherwise.
    shown.push(("SqsManagedSseEnabled", "false".to_string()));
    shown
}
