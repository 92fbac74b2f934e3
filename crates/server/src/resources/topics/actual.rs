//! What topics a server has, as far as a declaration needs to know them.

use super::Subscription;
use crate::client::{Asked, Client, Failure, SNS};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A topic that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) arn: String,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) data_protection: String,
    pub(crate) subscriptions: Vec<FoundSubscription>,
}

/// A subscription that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FoundSubscription {
    /// Its ARN, which is told once it is confirmed; until then nothing can be changed, and its attributes are not known.
    pub(crate) arn: Option<String>,
    /// With the endpoint as everybody may see it; where it is a queue beside the topic, and of dead letters, its name.
    pub(crate) is: Subscription,
}

/// Asks SNS.
pub(super) async fn ask(client: &mut Client, operation: &str, input: &Value) -> Result<Value, Failure> {
    client.ask(Asked { api: &SNS, operation, input, wait_millis: None }).await
}

/// All pieces of a listing.
async fn listed(client: &mut Client, operation: &str, mut input: Value, member: &str) -> Result<Vec<Value>, Failure> {
    let mut found = Vec::new();
    loop {
        let mut answer = ask(client, operation, &input).await?;
        if let Value::Array(piece) = answer[member].take() {
            found.extend(piece);
        }
        match answer["NextToken"].take() {
            Value::Null => return Ok(found),
            token => input["NextToken"] = token,
        }
    }
}

/// The ARNs of all topics of an account and region, by their names.
pub(in crate::resources) async fn arns(client: &mut Client) -> Result<BTreeMap<String, String>, Failure> {
    let topics = listed(client, "ListTopics", json!({}), "Topics").await?;
    let arns = topics.iter().filter_map(|topic| topic["TopicArn"].as_str());
    Ok(arns.map(|arn| (name_of(arn).to_owned(), arn.to_owned())).collect())
}

/// A topic that is there; nothing if it was deleted since it was listed.
pub(in crate::resources) async fn topic(client: &mut Client, arn: &str) -> Result<Option<Found>, Failure> {
    match found(client, arn).await {
        Err(failure) if failure.is("NotFound") || failure.is("ResourceNotFound") => Ok(None),
        found => found.map(Some),
    }
}

async fn found(client: &mut Client, arn: &str) -> Result<Found, Failure> {
    let attributes = ask(client, "GetTopicAttributes", &json!({ "TopicArn": arn })).await?;
    let tags = ask(client, "ListTagsForResource", &json!({ "ResourceArn": arn })).await?;
    let protection = ask(client, "GetDataProtectionPolicy", &json!({ "ResourceArn": arn })).await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let tags = tags["Tags"].as_array().into_iter().flatten();
    let listed = listed(client, "ListSubscriptionsByTopic", json!({ "TopicArn": arn }), "Subscriptions").await?;
    let mut subscriptions = Vec::new();
    for one in listed {
        subscriptions.extend(subscription(client, arn, &one).await?);
    }
    Ok(Found {
        arn: arn.to_owned(),
        attributes: texts(&attributes["Attributes"]),
        tags: tags.map(|tag| (text(&tag["Key"]), text(&tag["Value"]))).collect(),
        data_protection: text(&protection["DataProtectionPolicy"]),
        subscriptions,
    })
}

/// A subscription of a listing; nothing if it has ended since.
async fn subscription(client: &mut Client, topic: &str, one: &Value) -> Result<Option<FoundSubscription>, Failure> {
    let text = |name: &str| one[name].as_str().unwrap_or_default();
    let mut is = Subscription {
        protocol: text("Protocol").to_owned(),
        endpoint: beside(topic, text("Endpoint")),
        ..Subscription::default()
    };
    // In place of an ARN stands a word until it is confirmed.
    let Some(arn) = one["SubscriptionArn"].as_str().filter(|arn| arn.starts_with("arn:")) else {
        return Ok(Some(FoundSubscription { arn: None, is }));
    };
    let answer = match ask(client, "GetSubscriptionAttributes", &json!({ "SubscriptionArn": arn })).await {
        Err(failure) if failure.is("NotFound") => return Ok(None),
        answer => answer?,
    };
    is.attributes = texts(&answer["Attributes"]);
    let dead: Option<Value> =
        is.attributes.remove("RedrivePolicy").and_then(|policy| serde_json::from_str(&policy).ok());
    is.dead_letters = dead.and_then(|policy| policy["deadLetterTargetArn"].as_str().map(|queue| beside(topic, queue)));
    Ok(Some(FoundSubscription { arn: Some(arn.to_owned()), is }))
}

/// The name of a queue that is of a topic's account and region; all else as it is.
pub(super) fn beside(topic: &str, endpoint: &str) -> String {
    let home = home_of(topic);
    endpoint.strip_prefix(&home).map_or_else(|| endpoint.to_owned(), str::to_owned)
}

/// The ARN of a queue that is named as one beside a topic, or by its ARN.
pub(super) fn queue_arn(topic: &str, queue: &str) -> String {
    if queue.starts_with("arn:") { queue.to_owned() } else { format!("{}{queue}", home_of(topic)) }
}

/// What the ARNs of queues begin with that are of a topic's account and region.
fn home_of(topic: &str) -> String {
    let mut parts = topic.split(':').skip(1);
    let mut part = || parts.next().unwrap_or_default();
    let (partition, _, region, account) = (part(), part(), part(), part());
    format!("arn:{partition}:sqs:{region}:{account}:")
}

pub(super) fn name_of(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

fn texts(members: &Value) -> BTreeMap<String, String> {
    let members = members.as_object().into_iter().flatten();
    members.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_beside_a_topic_are_named_by_their_names() {
        let topic = "arn:aws-cn:sns:cn-north-1:000000000000:t";
        let queue = "arn:aws-cn:sqs:cn-north-1:000000000000:q";
        assert_eq!((beside(topic, queue), queue_arn(topic, "q")), ("q".to_owned(), queue.to_owned()));
        let elsewhere = "arn:aws-cn:sqs:cn-north-1:111111111111:q";
        assert_eq!(
            (beside(topic, elsewhere), queue_arn(topic, elsewhere)),
            (elsewhere.to_owned(), elsewhere.to_owned())
        );
        assert_eq!(beside(topic, "http://x/"), "http://x/");
    }
}
