//! `send`: one message, or each line of standard input; and the batches that imports are sent in.
//!
//! What is refused within a batch ends the command with its line's number: what came before it is sent, what comes after it
//! is not, so that the rest can be sent again.

use super::message::{self, BATCH_BYTES_MAX, BATCH_MESSAGES_MAX};
use super::words::Send;
use super::{Session, Stop};
use crate::client::{Api, Asked, Client, SQS};
use serde_json::{Value, json};
use std::io::{self, Read};

/// Messages on their way out: each with the number of the line that it came from.
pub(crate) struct Batch {
    into: Into,
    /// Whom they are for, as the operation names it.
    to: String,
    entries: Vec<(usize, Value)>,
    bytes: usize,
    /// Messages sent so far.
    pub(crate) sent: u64,
}

/// The operation that takes batches.
#[derive(Clone, Copy)]
pub(crate) struct Into {
    pub(crate) api: &'static Api,
    pub(crate) operation: &'static str,
    /// The members of its input that say whom messages are for, and which.
    pub(crate) to: &'static str,
    pub(crate) entries: &'static str,
    /// Messages of a batch, and bytes that all of them may have together.
    pub(crate) messages_max: usize,
    pub(crate) bytes_max: usize,
}

/// Messages for a queue.
static INTO_QUEUE: Into = Into {
    api: &SQS,
    operation: "SendMessageBatch",
    to: "QueueUrl",
    entries: "Entries",
    messages_max: BATCH_MESSAGES_MAX,
    bytes_max: BATCH_BYTES_MAX,
};

impl Batch {
    pub(crate) fn new(into: Into, to: &str) -> Self {
        Self { into, to: to.to_owned(), entries: Vec::new(), bytes: 0, sent: 0 }
    }

    pub(super) fn to_queue(queue: &str) -> Self {
        Self::new(INTO_QUEUE, queue)
    }

    /// Adds a message of so many bytes, and sends the batch before it if they do not fit together.
    pub(crate) async fn add(
        &mut self,
        client: &mut Client,
        line: usize,
        request: Value,
        bytes: usize,
    ) -> Result<(), Stop> {
        if self.entries.len() == self.into.messages_max || self.bytes + bytes > self.into.bytes_max {
            self.flush(client).await?;
        }
        self.bytes += bytes;
        self.entries.push((line, request));
        Ok(())
    }

    /// Sends what has been gathered.
    pub(crate) async fn flush(&mut self, client: &mut Client) -> Result<(), Stop> {
        let entries = std::mem::take(&mut self.entries);
        self.bytes = 0;
        let (Some((first, _)), Some((last, _))) = (entries.first(), entries.last()) else { return Ok(()) };
        let lines = (*first, *last);
        let named = entries.into_iter().map(|(line, mut entry)| {
            entry["Id"] = line.to_string().into();
            entry
        });
        let Into { api, operation, to, entries, .. } = self.into;
        let input = json!({ to: self.to, entries: named.collect::<Vec<_>>() });
        let before = self.sent;
        let told = |why: String| Stop::Failed(format!("{why}; {before} messages were sent before line {}", lines.0));
        let answer = match client.ask(Asked { api, operation, input: &input, wait_millis: None }).await {
            Err(failure) if before == 0 => return Err(failure.into()),
            Err(failure) => return Err(told(format!("lines {} to {}: {failure}", lines.0, lines.1))),
            Ok(answer) => answer,
        };
        let count = |name: &str| answer[name].as_array().map_or(0, Vec::len);
        self.sent += count("Successful") as u64;
        match answer["Failed"].as_array().into_iter().flatten().next() {
            None => Ok(()),
            Some(first) => {
                let text = |name: &str| first[name].as_str().unwrap_or_default();
                let (line, code) = (text("Id"), text("Code"));
                let why = format!("line {line} was refused: {} ({code})", text("Message"));
                let others = count("Failed") - 1;
                Err(Stop::Failed(format!("{why}, and {others} others of its batch; {} messages were sent", self.sent)))
            }
        }
    }
}

impl Session {
    pub(super) async fn send(&mut self, words: &Send) -> Result<(), Stop> {
        let mut request =
            json!({ "QueueUrl": words.queue, "MessageAttributes": message::attributes(&words.attributes)? });
        let options = [
            ("DelaySeconds", words.delay.map(Value::from)),
            ("MessageGroupId", words.group.clone().map(Value::from)),
            ("MessageDeduplicationId", words.deduplication.clone().map(Value::from)),
        ];
        for (name, value) in options {
            if let Some(value) = value {
                request[name] = value;
            }
        }
        if words.lines {
            return self.send_lines(&words.queue, &request).await;
        }
        request["MessageBody"] = body(words.body.as_deref())?.into();
        let answer = self.call("SendMessage", &request).await?;
        let mut sent = json!({ "message_id": answer["MessageId"] });
        if !answer["SequenceNumber"].is_null() {
            sent["sequence_number"] = answer["SequenceNumber"].clone();
        }
        self.print_object(&sent)
    }

    async fn send_lines(&mut self, queue: &str, like: &Value) -> Result<(), Stop> {
        let mut batch = Batch::to_queue(queue);
        for (nth, line) in io::stdin().lines().enumerate() {
            let line = line.map_err(|error| Stop::Failed(format!("standard input, line {}: {error}", nth + 1)))?;
            let mut request = like.clone();
            request.as_object_mut().expect("it was made as an object").remove("QueueUrl");
            request["MessageBody"] = line.into();
            let bytes = message::size(&request);
            batch.add(&mut self.client, nth + 1, request, bytes).await?;
        }
        batch.flush(&mut self.client).await?;
        self.print_object(&json!({ "sent": batch.sent }))
    }
}

/// The message that was given, or all of standard input.
pub(crate) fn body(given: Option<&str>) -> Result<String, Stop> {
    match given {
        Some("-") | None => {
            let mut text = String::new();
            let read = io::stdin().read_to_string(&mut text);
            read.map_err(|error| Stop::NotBegun(format!("the message cannot be read from standard input: {error}")))?;
            Ok(text)
        }
        Some(body) => Ok(body.to_owned()),
    }
}
