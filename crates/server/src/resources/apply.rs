//! Does away with a difference: queues first, then where their dead letters go, because those queues may be new; deletions last;
//! then topics, whose subscriptions may be those queues, and streams.

use super::plan::{Change, Plan, Step};
use super::{streams, topics};
use crate::client::{Client, Failure};
use crate::queues::redrive_policy;
use serde_json::{Map, Value, json};

/// Carries a plan out. What was done when a step fails stays done, and a second time is less to do.
pub(crate) async fn carry_out(client: &mut Client, plan: &Plan) -> Result<(), Failure> {
    for step in &plan.steps {
        if step.is_new { create(client, step).await } else { change(client, step).await }?;
    }
    for step in &plan.steps {
        if let Some((_, dead_letters)) = &step.dead_letters {
            let arn = arn(client, &step.name, &dead_letters.queue).await?;
            let policy = redrive_policy(&arn, dead_letters.max_receives);
            let input = json!({ "QueueUrl": step.name, "Attributes": { "RedrivePolicy": policy } });
            client.call("SetQueueAttributes", &input).await?;
        }
    }
    for name in plan.deletions.keys() {
        match client.call("DeleteQueue", &json!({ "QueueUrl": name })).await {
            // Somebody else was quicker.
            Err(failure) if failure.is("QueueDoesNotExist") => {}
            deleted => drop(deleted?),
        }
    }
    for step in &plan.topics {
        topics::apply::carry_out(client, step).await?;
    }
    for arn in plan.topic_deletions.values() {
        topics::apply::delete(client, arn).await?;
    }
    for step in &plan.streams {
        streams::apply::carry_out(client, step).await?;
    }
    for name in &plan.stream_deletions {
        streams::apply::delete(client, name).await?;
    }
    Ok(())
}

async fn create(client: &mut Client, step: &Step) -> Result<(), Failure> {
    let mut attributes = texts(&step.attributes);
    if step.name.ends_with(".fifo") {
        attributes.insert("FifoQueue".into(), "true".into());
    }
    let mut input = json!({ "QueueName": step.name });
    for (member, values) in [("Attributes", attributes), ("tags", texts(&step.tags))] {
        if !values.is_empty() {
            input[member] = values.into();
        }
    }
    client.call("CreateQueue", &input).await.map(drop)
}

async fn change(client: &mut Client, step: &Step) -> Result<(), Failure> {
    let queue = &step.name;
    if !step.attributes.is_empty() {
        let input = json!({ "QueueUrl": queue, "Attributes": texts(&step.attributes) });
        client.call("SetQueueAttributes", &input).await?;
    }
    if !step.tags.is_empty() {
        client.call("TagQueue", &json!({ "QueueUrl": queue, "Tags": texts(&step.tags) })).await?;
    }
    if !step.untag.is_empty() {
        client.call("UntagQueue", &json!({ "QueueUrl": queue, "TagKeys": step.untag })).await?;
    }
    Ok(())
}

fn texts(changes: &[Change]) -> Map<String, Value> {
    changes.iter().map(|change| (change.name.clone(), change.to.clone().into())).collect()
}

/// The ARN of a queue beside another, if it is not one already.
async fn arn(client: &mut Client, beside: &str, queue: &str) -> Result<String, Failure> {
    if queue.starts_with("arn:") {
        return Ok(queue.to_owned());
    }
    let answer =
        client.call("GetQueueAttributes", &json!({ "QueueUrl": beside, "AttributeNames": ["QueueArn"] })).await?;
    let own = answer["Attributes"]["QueueArn"].as_str().unwrap_or_default();
    Ok(format!("{}:{queue}", own.rsplit_once(':').map_or("", |(home, _)| home)))
}
