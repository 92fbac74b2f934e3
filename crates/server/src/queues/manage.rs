//! `ls`, `create`, `delete`, `purge`.

use super::words::{Create, Ls};
use super::{Session, Stop, confirm, name_of, number, urls};
use serde_json::{Map, Value, json};

const COUNTS: [&str; 3] =
    ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"];

impl Session {
    pub(super) async fn list(&mut self, words: &Ls) -> Result<(), Stop> {
        let mut rows = Vec::new();
        for url in urls(&mut self.client, &words.prefix).await? {
            let name = name_of(&url);
            let kind = if name.ends_with(".fifo") { "fifo" } else { "standard" };
            if words.names {
                rows.push(json!({ "name": name, "type": kind, "url": url }));
                continue;
            }
            let counts = match self.attributes(&url, &COUNTS).await {
                // It was deleted since it was listed.
                Err(failure) if failure.is("QueueDoesNotExist") => continue,
                counts => counts?,
            };
            let [visible, in_flight, delayed] = COUNTS.map(|name| number(&counts[name]));
            rows.push(json!({
                "name": name, "type": kind, "visible": visible, "in_flight": in_flight, "delayed": delayed, "url": url,
            }));
        }
        let columns = ["name", "type", "visible", "in_flight", "delayed"];
        self.print_rows(if words.names { &columns[..1] } else { &columns }, &rows)
    }

    pub(super) async fn create(&mut self, words: &Create) -> Result<(), Stop> {
        let text = |pairs: &[(String, String)]| -> Map<String, Value> {
            pairs.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect()
        };
        let mut attributes = text(&words.attributes);
        if words.name.ends_with(".fifo") {
            attributes.entry("FifoQueue").or_insert("true".into());
        }
        if let (Some(queue), Some(max)) = (&words.dead_letters, words.max_receives) {
            let arn = self.arn(queue).await?;
            attributes.insert("RedrivePolicy".into(), redrive_policy(&arn, max).into());
        }
        let mut input = json!({ "QueueName": words.name });
        if !attributes.is_empty() {
            input["Attributes"] = attributes.into();
        }
        if !words.tags.is_empty() {
            input["tags"] = text(&words.tags).into();
        }
        let answer = self.call("CreateQueue", &input).await?;
        self.print_object(&json!({ "name": words.name, "url": answer["QueueUrl"] }))
    }

    pub(super) async fn delete(&mut self, queue: &str) -> Result<(), Stop> {
        let what = format!("delete the queue {} and {}", name_of(queue), self.load_of(queue).await?);
        confirm(&what, self.yes)?;
        self.call("DeleteQueue", &json!({ "QueueUrl": queue })).await?;
        Ok(())
    }

    pub(super) async fn purge(&mut self, queue: &str) -> Result<(), Stop> {
        let what = format!("remove from the queue {} {}", name_of(queue), self.load_of(queue).await?);
        confirm(&what, self.yes)?;
        self.call("PurgeQueue", &json!({ "QueueUrl": queue })).await?;
        Ok(())
    }

    pub(super) async fn arn(&mut self, queue: &str) -> Result<String, Stop> {
        let attributes = self.attributes(queue, &["QueueArn"]).await?;
        let arn = attributes["QueueArn"].as_str();
        arn.map(str::to_owned).ok_or_else(|| Stop::Failed(format!("the server does not say what {queue}'s ARN is")))
    }

    /// What a queue holds, in words.
    async fn load_of(&mut self, queue: &str) -> Result<String, Stop> {
        let counts = self.attributes(queue, &COUNTS).await?;
        let messages: u64 = COUNTS.iter().filter_map(|name| number(&counts[*name]).as_u64()).sum();
        Ok(match messages {
            1 => "its 1 message".into(),
            messages => format!("its {messages} messages"),
        })
    }
}

/// The RedrivePolicy of a queue whose dead letters go to the queue of this ARN.
pub(crate) fn redrive_policy(arn: &str, max_receives: u32) -> String {
    json!({ "deadLetterTargetArn": arn, "maxReceiveCount": max_receives }).to_string()
}
