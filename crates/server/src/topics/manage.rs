//! `ls`, `create`, `rm`.

use super::words::{Create, Ls};
use super::{Session, name_of};
use crate::client::Failure;
use crate::queues::{Stop, confirm};
use serde_json::{Map, Value, json};

impl Session {
    pub(super) async fn list(&mut self, words: &Ls) -> Result<(), Stop> {
        let mut rows = Vec::new();
        for arn in self.topics(&words.prefix).await? {
            let name = name_of(&arn);
            let kind = if name.ends_with(".fifo") { "fifo" } else { "standard" };
            if words.names {
                rows.push(json!({ "name": name, "type": kind, "arn": arn }));
                continue;
            }
            let attributes = match self.call("GetTopicAttributes", &json!({ "TopicArn": arn })).await {
                // It was deleted since it was listed.
                Err(failure) if failure.is("NotFound") => continue,
                answer => answer?["Attributes"].take(),
            };
            rows.push(json!({
                "name": name,
                "type": kind,
                "subscriptions": count(&attributes, "SubscriptionsConfirmed"),
                "pending": count(&attributes, "SubscriptionsPending"),
                "arn": arn,
            }));
        }
        let columns = ["name", "type", "subscriptions", "pending"];
        self.print_rows(if words.names { &columns[..1] } else { &columns }, &rows)
    }

    pub(super) async fn list_subscriptions(&mut self, prefix: &str) -> Result<(), Stop> {
        let mut rows = Vec::new();
        for topic in self.topics(prefix).await? {
            let listed = self.listed("ListSubscriptionsByTopic", &json!({ "TopicArn": topic }), "Subscriptions").await;
            let found = match listed {
                Err(failure) if failure.is("NotFound") => continue,
                found => found?,
            };
            rows.extend(found.iter().map(|one| {
                json!({
                    "topic": name_of(&topic),
                    "protocol": one["Protocol"],
                    "endpoint": one["Endpoint"],
                    "owner": one["Owner"],
                    "arn": one["SubscriptionArn"],
                })
            }));
        }
        self.print_rows(&["topic", "protocol", "endpoint", "arn"], &rows)
    }

    /// The ARNs of all topics whose names begin with `prefix`, in the order of their names.
    async fn topics(&mut self, prefix: &str) -> Result<Vec<String>, Failure> {
        let found = self.listed("ListTopics", &json!({}), "Topics").await?;
        let arns = found.iter().filter_map(|one| one["TopicArn"].as_str());
        Ok(arns.filter(|arn| name_of(arn).starts_with(prefix)).map(str::to_owned).collect())
    }

    /// All pieces of a listing.
    pub(super) async fn listed(&mut self, operation: &str, asked: &Value, member: &str) -> Result<Vec<Value>, Failure> {
        let (mut found, mut input) = (Vec::new(), asked.clone());
        loop {
            let mut answer = self.call(operation, &input).await?;
            if let Value::Array(piece) = answer[member].take() {
                found.extend(piece);
            }
            match answer["NextToken"].take() {
                Value::Null => return Ok(found),
                token => input["NextToken"] = token,
            }
        }
    }

    pub(super) async fn create(&mut self, words: &Create) -> Result<(), Stop> {
        let mut attributes: Map<String, Value> =
            words.attributes.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        if words.name.ends_with(".fifo") {
            attributes.entry("FifoTopic").or_insert("true".into());
        }
        let tags: Vec<Value> = words.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        let input = json!({ "Name": words.name, "Attributes": attributes, "Tags": tags });
        let answer = self.call("CreateTopic", &input).await?;
        self.print_object(&json!({ "name": words.name, "arn": answer["TopicArn"] }))
    }

    pub(super) async fn remove(&mut self, topic: &str) -> Result<(), Stop> {
        let arn = self.arn(topic).await?;
        let answer = self.call("GetTopicAttributes", &json!({ "TopicArn": arn })).await?;
        let count = |name| count(&answer["Attributes"], name).as_u64().unwrap_or_default();
        let subscriptions = count("SubscriptionsConfirmed") + count("SubscriptionsPending");
        let plural = if subscriptions == 1 { "" } else { "s" };
        confirm(&format!("delete the topic {} and its {subscriptions} subscription{plural}", name_of(&arn)), self.yes)?;
        self.call("DeleteTopic", &json!({ "TopicArn": arn })).await?;
        Ok(())
    }
}

/// A number that AWS writes as text.
fn count(attributes: &Value, name: &str) -> Value {
    attributes[name].as_str().and_then(|text| text.parse::<u64>().ok()).map_or(Value::Null, Value::from)
}
