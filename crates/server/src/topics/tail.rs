//! `tail`: what is published, live, through a queue of its own that it takes away at its end.
//!
//! A tail that is killed takes nothing away: its queue goes by itself within a minute (`TidewireIdleLifetimeSeconds`), and its
//! subscription, which then leads nowhere, with the next tail of the topic.

use super::queue::statement;
use super::words::Tail;
use super::{Session, ask, name_of};
use crate::client::{Client, Failure, SNS, SQS};
use crate::queues::Stop;
use crate::queues::print::cell;
use crate::queues::words::Form;
use crate::tools::moment;
use names::Instant;
use serde_json::{Map, Value, json};

/// What the names of its queues begin with.
const PREFIX: &str = "tidewire-tail-";

/// Seconds for which its queue is kept without a receive: three times as long as the longest wait of one.
const IDLE_SECS: u32 = 60;

/// Seconds that a receive waits (SQS: 20 at the most).
const WAIT_SECS: u32 = 20;

/// A queue and its subscription.
struct Place {
    url: String,
    queue: String,
    subscription: Option<String>,
}

impl Session {
    pub(super) async fn tail(&mut self, words: &Tail) -> Result<(), Stop> {
        let attributes = words.wanted.attributes()?;
        let topic = self.arn(&words.topic).await?;
        self.sweep(&topic).await?;
        let mut place = self.place(&topic).await?;
        let ended = tokio::select! {
            ended = self.follow(&topic, attributes, words, &mut place) => ended,
            _ = tokio::signal::ctrl_c() => Ok(()),
        };
        // On a connection of its own: that of a receive that was given up still waits for its answer.
        let taken = place.take_away(&mut Client::new(self.target.clone())).await;
        ended.and(taken.map_err(Stop::from))
    }

    /// Makes a queue that lets the topic send.
    async fn place(&mut self, topic: &str) -> Result<Place, Stop> {
        let is_fifo = topic.ends_with(".fifo");
        let name = format!("{PREFIX}{:032x}{}", fastrand::u128(..), if is_fifo { ".fifo" } else { "" });
        let mut attributes = json!({ "TidewireIdleLifetimeSeconds": IDLE_SECS.to_string() });
        if is_fifo {
            attributes["FifoQueue"] = "true".into();
        }
        let made = self.sqs("CreateQueue", &json!({ "QueueName": name, "Attributes": attributes })).await;
        let made = match made {
            // A server elsewhere has no such queues; there this one stays if nobody takes it away.
            Err(failure) if failure.is("InvalidAttributeName") => {
                attributes.as_object_mut().expect("it was made as an object").remove("TidewireIdleLifetimeSeconds");
                self.sqs("CreateQueue", &json!({ "QueueName": name, "Attributes": attributes })).await?
            }
            made => made?,
        };
        let url = made["QueueUrl"].as_str().unwrap_or(&name).to_owned();
        let (_, queue) = self.queue(&url).await?;
        let place = Place { url, queue, subscription: None };
        let policy = json!({ "Version": "2012-10-17", "Statement": [statement(&place.queue, topic)] });
        let input = json!({ "QueueUrl": place.url, "Attributes": { "Policy": policy.to_string() } });
        match self.sqs("SetQueueAttributes", &input).await {
            Ok(_) => Ok(place),
            Err(failure) => {
                // What cannot be used must not be left behind either.
                let _ = place.take_away(&mut self.client).await;
                Err(failure.into())
            }
        }
    }

    async fn follow(
        &mut self,
        topic: &str,
        attributes: Map<String, Value>,
        words: &Tail,
        place: &mut Place,
    ) -> Result<(), Stop> {
        let input = json!({
            "TopicArn": topic,
            "Protocol": "sqs",
            "Endpoint": place.queue,
            "Attributes": attributes,
            "ReturnSubscriptionArn": true,
        });
        let answer = self.call("Subscribe", &input).await?;
        place.subscription = answer["SubscriptionArn"].as_str().map(str::to_owned);
        let mut left = words.max.unwrap_or(usize::MAX);
        while left > 0 {
            let input = json!({
                "QueueUrl": place.url,
                "MaxNumberOfMessages": left.min(10),
                "WaitTimeSeconds": WAIT_SECS,
                "MessageAttributeNames": ["All"],
                "MessageSystemAttributeNames": ["All"],
            });
            let answer = self.sqs("ReceiveMessage", &input).await?;
            let messages = answer["Messages"].as_array().map_or(&[][..], Vec::as_slice);
            for message in messages {
                self.print_line(&shown(message, words.wanted.raw, self.form))?;
            }
            left -= messages.len();
            self.let_go(&place.url, messages).await?;
        }
        Ok(())
    }

    async fn let_go(&mut self, url: &str, messages: &[Value]) -> Result<(), Stop> {
        if messages.is_empty() {
            return Ok(());
        }
        let entry = |(nth, message): (usize, &Value)| json!({ "Id": nth.to_string(), "ReceiptHandle": message["ReceiptHandle"] });
        let entries: Vec<Value> = messages.iter().enumerate().map(entry).collect();
        self.sqs("DeleteMessageBatch", &json!({ "QueueUrl": url, "Entries": entries })).await?;
        Ok(())
    }

    /// Ends subscriptions of tails that were killed and whose queues have gone.
    async fn sweep(&mut self, topic: &str) -> Result<(), Stop> {
        let all = self.listed("ListSubscriptionsByTopic", &json!({ "TopicArn": topic }), "Subscriptions").await?;
        for one in &all {
            let endpoint = one["Endpoint"].as_str().unwrap_or_default();
            if one["Protocol"] != "sqs" || !name_of(endpoint).starts_with(PREFIX) {
                continue;
            }
            match self.queue(endpoint).await {
                Ok(_) => {}
                Err(_) => {
                    self.call("Unsubscribe", &json!({ "SubscriptionArn": one["SubscriptionArn"] })).await?;
                }
            }
        }
        Ok(())
    }
}

impl Place {
    async fn take_away(&self, client: &mut Client) -> Result<(), Failure> {
        if let Some(arn) = &self.subscription {
            ask(client, &SNS, "Unsubscribe", &json!({ "SubscriptionArn": arn })).await?;
        }
        ask(client, &SQS, "DeleteQueue", &json!({ "QueueUrl": self.url })).await.map(drop)
    }
}

/// A message as a list without end has it: as the queue got it, or for people in one line.
fn shown(message: &Value, is_raw: bool, form: Form) -> String {
    let body = message["Body"].as_str().unwrap_or_default();
    let envelope = if is_raw { None } else { serde_json::from_str::<Value>(body).ok() };
    match (form, envelope) {
        (Form::Table, Some(envelope)) => {
            let subject = envelope["Subject"].as_str().map(|subject| format!("{}  ", cell(&json!(subject))));
            let (at, id) = (cell(&envelope["Timestamp"]), cell(&envelope["MessageId"]));
            format!("{at}  {id}  {}{}", subject.unwrap_or_default(), cell(&envelope["Message"]))
        }
        (Form::Table, None) => {
            let sent = message["Attributes"]["SentTimestamp"].as_str().and_then(|millis| millis.parse().ok());
            let at = sent.map_or_else(|| "-".to_owned(), |millis| moment::show(Instant::from_millis(millis)));
            format!("{at}  {}", cell(&json!(body)))
        }
        (_, Some(envelope)) => envelope.to_string(),
        (_, None) => {
            let mut raw = json!({ "Message": body });
            for (from, to) in [("MessageAttributes", "MessageAttributes"), ("Attributes", "Attributes")] {
                if message[from].is_object() {
                    raw[to] = message[from].clone();
                }
            }
            raw.to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_get_a_line_and_programs_what_the_queue_got() {
        let envelope = json!({ "MessageId": "i", "Timestamp": "t", "Subject": "s", "Message": "a\u{1b}b" });
        let message = json!({ "Body": envelope.to_string(), "Attributes": { "SentTimestamp": "1000" } });
        assert_eq!(shown(&message, false, Form::Table), "t  i  s  a\\u{1b}b");
        assert_eq!(shown(&message, false, Form::Ndjson), envelope.to_string());
        let raw = json!({ "Body": "{}", "Attributes": { "SentTimestamp": "1000" } });
        assert_eq!(shown(&raw, true, Form::Table), "1970-01-01T00:00:01.000Z  {}");
        let expected = json!({ "Message": "{}", "Attributes": { "SentTimestamp": "1000" } });
        assert_eq!(shown(&raw, true, Form::Json), expected.to_string());
    }
}
