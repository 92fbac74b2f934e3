//! `redrive` and `move`: dead letters go back to where they came from, or to a queue that is named.
//!
//! The server moves, in a task of AWS's own kind; the command starts it and watches, and a command that is ended leaves it
//! running. A task is known by its handle while it runs and by the time of its start afterwards, as AWS shows them.

use super::words::{Move, Pace, Redrive};
use super::{Session, Stop};
use crate::progress::Progress;
use serde_json::{Value, json};
use std::time::Duration;

/// How often a task is looked at. AWS counts messages about that often.
const LOOK: Duration = Duration::from_millis(200);

const COLUMNS: [&str; 6] = ["status", "destination", "moved", "to_move", "rate", "failure"];

impl Session {
    pub(super) async fn redrive(&mut self, words: &Redrive) -> Result<(), Stop> {
        let source = self.arn(&words.queue).await?;
        if words.status {
            let tasks = self.tasks(&source).await?;
            let rows: Vec<Value> = tasks.iter().map(row).collect();
            return self.print_rows(&COLUMNS, &rows);
        }
        if words.cancel {
            return self.cancel(&source, &words.queue).await;
        }
        self.start(&source, None, words.pace).await
    }

    pub(super) async fn move_to(&mut self, words: &Move) -> Result<(), Stop> {
        let (source, destination) = (self.arn(&words.queue).await?, self.arn(&words.to).await?);
        self.start(&source, Some(&destination), words.pace).await
    }

    async fn start(&mut self, source: &str, destination: Option<&str>, pace: Pace) -> Result<(), Stop> {
        let mut input = json!({ "SourceArn": source });
        if let Some(destination) = destination {
            input["DestinationArn"] = destination.into();
        }
        if let Some(rate) = pace.rate {
            input["MaxNumberOfMessagesPerSecond"] = rate.into();
        }
        let answer = self.call("StartMessageMoveTask", &input).await?;
        if pace.no_wait {
            return self.print_object(&json!({ "task_handle": answer["TaskHandle"] }));
        }
        let task = self.watch(source, &answer["TaskHandle"]).await?;
        self.print_rows(&COLUMNS, &[row(&task)])?;
        match task["Status"].as_str() {
            Some("COMPLETED") => Ok(()),
            _ => Err(Stop::Failed("the move ended before all was moved; what is left is where it was".into())),
        }
    }

    /// The task when it runs no more.
    async fn watch(&mut self, source: &str, handle: &Value) -> Result<Value, Stop> {
        let mut progress = Progress::of_messages("moving");
        let mut started = Value::Null;
        loop {
            let tasks = self.tasks(source).await?;
            let ours = |task: &&Value| task["TaskHandle"] == *handle || task["StartedTimestamp"] == started;
            // One that has ended before we first looked is the newest.
            let Some(task) = tasks.iter().find(ours).or(tasks.first()) else {
                return Err(Stop::Failed("the server does not know the move that it has begun".into()));
            };
            started = task["StartedTimestamp"].clone();
            if !matches!(task["Status"].as_str(), Some("RUNNING" | "CANCELLING")) {
                progress.clear();
                return Ok(task.clone());
            }
            let count = |name: &str| task[name].as_u64().unwrap_or(0);
            progress.show(count("ApproximateNumberOfMessagesMoved"), count("ApproximateNumberOfMessagesToMove"));
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn cancel(&mut self, source: &str, queue: &str) -> Result<(), Stop> {
        let tasks = self.tasks(source).await?;
        let Some(task) = tasks.iter().find(|task| task["Status"] == "RUNNING") else {
            return Err(Stop::NotBegun(format!("no move of {queue} is under way")));
        };
        let answer = self.call("CancelMessageMoveTask", &json!({ "TaskHandle": task["TaskHandle"] })).await?;
        self.print_object(&json!({ "moved": answer["ApproximateNumberOfMessagesMoved"] }))
    }

    /// The latest tasks of a queue, the newest first.
    async fn tasks(&mut self, source: &str) -> Result<Vec<Value>, Stop> {
        let mut answer = self.call("ListMessageMoveTasks", &json!({ "SourceArn": source, "MaxResults": 10 })).await?;
        Ok(match answer["Results"].take() {
            Value::Array(tasks) => tasks,
            _ => Vec::new(),
        })
    }
}

fn row(task: &Value) -> Value {
    json!({
        "status": task["Status"],
        "destination": task["DestinationArn"],
        "moved": task["ApproximateNumberOfMessagesMoved"],
        "to_move": task["ApproximateNumberOfMessagesToMove"],
        "rate": task["MaxNumberOfMessagesPerSecond"],
        "failure": task["FailureReason"],
        "started": task["StartedTimestamp"],
    })
}
