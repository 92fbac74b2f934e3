//! Makes a topic what is declared, one call after the other; queues that it sends to are there by then.

use super::Subscription;
use super::actual::{ask, queue_arn};
use super::plan::{OfSubscription, Step};
use crate::client::{Client, Failure};
use crate::resources::plan::Change;
use serde_json::{Map, Value, json};

/// Carries a step out. What was done when a call fails stays done, and a second time is less to do.
pub(in crate::resources) async fn carry_out(client: &mut Client, step: &Step) -> Result<(), Failure> {
    let arn = match &step.arn {
        None => create(client, step).await?,
        Some(arn) => {
            change(client, arn, step).await?;
            arn.clone()
        }
    };
    if let Some(policy) = &step.data_protection {
        let input = json!({ "ResourceArn": arn, "DataProtectionPolicy": policy });
        ask(client, "PutDataProtectionPolicy", &input).await?;
    }
    for (_, what) in &step.subscriptions {
        match what {
            OfSubscription::Make(made) => subscribe(client, &arn, made).await?,
            OfSubscription::Change { arn: subscription, attributes, dead_letters } => {
                for Change { name, to, .. } in attributes {
                    set(client, subscription, name, to).await?;
                }
                if let Some((_, queue)) = dead_letters {
                    set(client, subscription, "RedrivePolicy", &redrive_policy(&arn, queue)).await?;
                }
            }
        }
    }
    for (subscription, _) in &step.ends {
        ask(client, "Unsubscribe", &json!({ "SubscriptionArn": subscription })).await?;
    }
    Ok(())
}

/// Deletes a topic; of one that is gone it is no error.
pub(in crate::resources) async fn delete(client: &mut Client, arn: &str) -> Result<(), Failure> {
    ask(client, "DeleteTopic", &json!({ "TopicArn": arn })).await.map(drop)
}

async fn create(client: &mut Client, step: &Step) -> Result<String, Failure> {
    let mut attributes = texts(&step.attributes);
    if step.name.ends_with(".fifo") {
        attributes.insert("FifoTopic".into(), "true".into());
    }
    let input = json!({ "Name": step.name, "Attributes": attributes, "Tags": tags(&step.tags) });
    let answer = ask(client, "CreateTopic", &input).await?;
    Ok(answer["TopicArn"].as_str().unwrap_or_default().to_owned())
}

async fn change(client: &mut Client, arn: &str, step: &Step) -> Result<(), Failure> {
    for Change { name, to, .. } in &step.attributes {
        let input = json!({ "TopicArn": arn, "AttributeName": name, "AttributeValue": to });
        ask(client, "SetTopicAttributes", &input).await?;
    }
    if !step.tags.is_empty() {
        ask(client, "TagResource", &json!({ "ResourceArn": arn, "Tags": tags(&step.tags) })).await?;
    }
    if !step.untag.is_empty() {
        ask(client, "UntagResource", &json!({ "ResourceArn": arn, "TagKeys": step.untag })).await?;
    }
    Ok(())
}

async fn subscribe(client: &mut Client, topic: &str, made: &Subscription) -> Result<(), Failure> {
    let Subscription { protocol, endpoint, dead_letters, attributes } = made;
    let endpoint = if protocol == "sqs" { queue_arn(topic, endpoint) } else { endpoint.clone() };
    let mut attributes: Map<String, Value> =
        attributes.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    if let Some(queue) = dead_letters.as_ref().filter(|queue| !queue.is_empty()) {
        attributes.insert("RedrivePolicy".into(), redrive_policy(topic, queue).into());
    }
    let input = json!({ "TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint, "Attributes": attributes });
    ask(client, "Subscribe", &input).await.map(drop)
}

async fn set(client: &mut Client, subscription: &str, name: &str, value: &str) -> Result<(), Failure> {
    let input = json!({ "SubscriptionArn": subscription, "AttributeName": name, "AttributeValue": value });
    ask(client, "SetSubscriptionAttributes", &input).await.map(drop)
}

/// The policy of a subscription whose dead letters go to a queue; empty for none.
fn redrive_policy(topic: &str, queue: &str) -> String {
    match queue {
        "" => String::new(),
        queue => json!({ "deadLetterTargetArn": queue_arn(topic, queue) }).to_string(),
    }
}

fn texts(changes: &[Change]) -> Map<String, Value> {
    changes.iter().map(|change| (change.name.clone(), change.to.clone().into())).collect()
}

fn tags(changes: &[Change]) -> Vec<Value> {
    changes.iter().map(|change| json!({ "Key": change.name, "Value": change.to })).collect()
}
