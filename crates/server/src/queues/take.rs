//! `receive`: what a consumer does, by hand. A message is deleted only when it has been printed.

use super::message::{self, COLUMNS};
use super::words::{Form, Receive};
use super::{Session, Stop};
use serde_json::{Value, json};

/// Messages in one ReceiveMessage (ReceiveMessage: MaxNumberOfMessages).
const RECEIVE_MAX: usize = 10;

impl Session {
    pub(super) async fn receive(&mut self, words: &Receive) -> Result<(), Stop> {
        let mut messages = Vec::new();
        while messages.len() < words.max {
            let mut input = json!({
                "QueueUrl": words.queue,
                "MaxNumberOfMessages": (words.max - messages.len()).min(RECEIVE_MAX),
                "MessageAttributeNames": ["All"],
                "MessageSystemAttributeNames": ["All"],
            });
            // Who has some already does not wait for more.
            let wait = if messages.is_empty() { words.wait } else { Some(0) };
            for (name, value) in [("WaitTimeSeconds", wait), ("VisibilityTimeout", words.visibility)] {
                if let Some(secs) = value {
                    input[name] = secs.into();
                }
            }
            let mut answer = self.call("ReceiveMessage", &input).await?;
            match answer["Messages"].take() {
                Value::Array(more) if !more.is_empty() => messages.extend(more),
                _ => break,
            }
        }
        let rows: Vec<Value> = match self.form {
            Form::Table => messages.iter().map(row).collect(),
            Form::Json | Form::Ndjson => messages.clone(),
        };
        self.print_rows(&[&COLUMNS[..1], &COLUMNS[2..], &["receipt_handle"]].concat(), &rows)?;
        if words.delete { self.delete_all(&words.queue, &messages).await } else { Ok(()) }
    }

    async fn delete_all(&mut self, queue: &str, messages: &[Value]) -> Result<(), Stop> {
        for part in messages.chunks(RECEIVE_MAX) {
            let entry = |(nth, message): (usize, &Value)| json!({ "Id": nth.to_string(), "ReceiptHandle": message["ReceiptHandle"] });
            let entries: Vec<Value> = part.iter().enumerate().map(entry).collect();
            let answer = self.call("DeleteMessageBatch", &json!({ "QueueUrl": queue, "Entries": entries })).await?;
            if let Some(failed) = answer["Failed"].as_array().and_then(|failed| failed.first()) {
                let why = failed["Message"].as_str().unwrap_or_default();
                return Err(Stop::Failed(format!("a message that was received could not be deleted: {why}")));
            }
        }
        Ok(())
    }
}

fn row(message: &Value) -> Value {
    let mut row = message::row(message);
    row["receipt_handle"] = message["ReceiptHandle"].clone();
    row
}
