//! `pub`: one message, or each line of standard input, in batches.

use super::Session;
use super::words::Publish;
use crate::client::SNS;
use crate::queues::{Batch, Into, Stop, body, message};
use serde_json::{Value, json};
use std::io;

/// Messages for a topic; bytes that a batch may have together are AWS's (API reference of PublishBatch: 262,144).
static INTO_TOPIC: Into = Into {
    api: &SNS,
    operation: "PublishBatch",
    to: "TopicArn",
    entries: "PublishBatchRequestEntries",
    messages_max: 10,
    bytes_max: 262_144,
};

impl Session {
    pub(super) async fn publish(&mut self, words: &Publish) -> Result<(), Stop> {
        let mut request = json!({ "MessageAttributes": message::attributes(&words.beside.attributes)? });
        let options = [
            ("Subject", &words.subject),
            ("MessageStructure", &words.structure),
            ("MessageGroupId", &words.group),
            ("MessageDeduplicationId", &words.deduplication),
        ];
        for (name, value) in options {
            if let Some(value) = value {
                request[name] = value.clone().into();
            }
        }
        let arn = self.arn(&words.topic).await?;
        if words.lines {
            return self.publish_lines(&arn, &request).await;
        }
        request["TopicArn"] = arn.into();
        request["Message"] = body(words.message.as_deref())?.into();
        let answer = self.call("Publish", &request).await?;
        let mut published = json!({ "message_id": answer["MessageId"] });
        if !answer["SequenceNumber"].is_null() {
            published["sequence_number"] = answer["SequenceNumber"].clone();
        }
        self.print_object(&published)
    }

    async fn publish_lines(&mut self, topic: &str, like: &Value) -> Result<(), Stop> {
        let mut batch = Batch::new(INTO_TOPIC, topic);
        for (nth, line) in io::stdin().lines().enumerate() {
            let line = line.map_err(|error| Stop::Failed(format!("standard input, line {}: {error}", nth + 1)))?;
            // Its attributes count as those of a message for a queue do.
            let bytes = line.len() + message::size(like);
            let mut request = like.clone();
            request["Message"] = line.into();
            batch.add(&mut self.client, nth + 1, request, bytes).await?;
        }
        batch.flush(&mut self.client).await?;
        self.print_object(&json!({ "published": batch.sent }))
    }
}
