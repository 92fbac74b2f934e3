//! `sub`, `unsub`.

use super::words::{Subscribe, Wanted};
use super::{Session, text_or_file};
use crate::queues::{Stop, confirm};
use serde_json::{Map, Value, json};

impl Wanted {
    /// The attributes that say so.
    pub(super) fn attributes(&self) -> Result<Map<String, Value>, Stop> {
        let mut attributes = Map::new();
        if self.raw {
            attributes.insert("RawMessageDelivery".into(), "true".into());
        }
        if let Some(filter) = &self.filter {
            attributes.insert("FilterPolicy".into(), text_or_file(filter)?.into());
        }
        if let Some(scope) = self.scope {
            attributes.insert("FilterPolicyScope".into(), scope.name().into());
        }
        Ok(attributes)
    }
}

impl Session {
    pub(super) async fn subscribe(&mut self, words: &Subscribe) -> Result<(), Stop> {
        let is_queue = words.protocol == "sqs";
        if words.allow && !is_queue && words.dead_letters.is_none() {
            return Err(Stop::NotBegun("--allow is about policies of queues, and there is none here".into()));
        }
        let mut attributes = words.wanted.attributes()?;
        let topic = self.arn(&words.topic).await?;
        let endpoint = if is_queue { self.queue_arn(&words.receiver).await? } else { words.receiver.clone() };
        let mut queues = Vec::from_iter(is_queue.then(|| endpoint.clone()));
        if let Some(queue) = &words.dead_letters {
            let arn = self.queue_arn(queue).await?;
            attributes.insert("RedrivePolicy".into(), json!({ "deadLetterTargetArn": arn }).to_string().into());
            queues.push(arn);
        }
        attributes.extend(words.attributes.iter().map(|(name, value)| (name.clone(), value.clone().into())));
        // Before the first message may come.
        for queue in queues.iter().filter(|_| words.allow) {
            self.allow(queue, &topic).await?;
        }
        let input = json!({
            "TopicArn": topic,
            "Protocol": words.protocol,
            "Endpoint": endpoint,
            "Attributes": attributes,
            "ReturnSubscriptionArn": true,
        });
        let answer = self.call("Subscribe", &input).await?;
        let arn = &answer["SubscriptionArn"];
        let attributes = self.call("GetSubscriptionAttributes", &json!({ "SubscriptionArn": arn })).await?;
        let is_pending = attributes["Attributes"]["PendingConfirmation"] == "true";
        self.print_object(&json!({ "arn": arn, "pending_confirmation": is_pending }))
    }

    pub(super) async fn unsubscribe(&mut self, subscription: &str) -> Result<(), Stop> {
        let named = json!({ "SubscriptionArn": subscription });
        let answer = self.call("GetSubscriptionAttributes", &named).await?;
        let text = |name: &str| answer["Attributes"][name].as_str().unwrap_or_default();
        confirm(&format!("end the subscription of {} {}", text("Protocol"), text("Endpoint")), self.yes)?;
        self.call("Unsubscribe", &named).await?;
        Ok(())
    }
}
