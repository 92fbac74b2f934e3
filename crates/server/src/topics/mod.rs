//! `tidewire topic`: what people and scripts do to topics, as a client of the API that every customer has.
//!
//! `words.rs` declares what can be asked, `client` asks the server, `queues/print.rs` shows what it answered; one file for each family
//! of commands between them. What AWS's API does not tell, how deliveries stand, is asked of tidewire's own operations
//! (docs/DELIVERIES.md).

mod deliveries;
mod manage;
mod publish;
mod queue;
mod replay;
mod subscribe;
mod tail;
mod test_filter;
pub(crate) mod words;

use crate::client::{Api, Asked, Client, Failure, SNS, SQS, TOPICS, Target};
use crate::config::Config;
use crate::queues::words::Form;
use crate::queues::{Stop, block_on, print, target_of};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use words::{Task, Words};

/// Carries a command out.
pub(crate) fn run(config: &Config, words: Words) -> ExitCode {
    let Words { door, output, yes, task } = words;
    let target = target_of(config, &door, "AWS_ENDPOINT_URL_SNS");
    if let Task::TestFilter(words) = task {
        return test_filter::run(config, target, output, &words);
    }
    match target {
        Ok(target) => {
            let session = Session { client: Client::new(target.clone()), target, form: output, yes };
            block_on(session.carry_out(task))
        }
        Err(why) => Stop::NotBegun(why).told(),
    }
}

/// One command's way to the server, and how it prints.
struct Session {
    client: Client,
    /// For what is asked while another request waits.
    target: Target,
    form: Form,
    yes: bool,
}

impl Session {
    async fn carry_out(mut self, task: Task) -> Result<(), Stop> {
        match task {
            Task::Ls(words) if words.subscriptions => self.list_subscriptions(&words.prefix).await,
            Task::Ls(words) => self.list(&words).await,
            Task::Create(words) => self.create(&words).await,
            Task::Rm(words) => self.remove(&words.topic).await,
            Task::Pub(words) => self.publish(&words).await,
            Task::Sub(words) => self.subscribe(&words).await,
            Task::Unsub(words) => self.unsubscribe(&words.subscription).await,
            Task::Tail(words) => self.tail(&words).await,
            Task::Deliveries(words) => self.deliveries(&words).await,
            Task::Replay(words) => self.replay(&words).await,
            Task::TestFilter(_) => unreachable!("it needs no session, and is carried out before one is made"),
        }
    }

    /// Asks SNS.
    async fn call(&mut self, operation: &str, input: &Value) -> Result<Value, Failure> {
        ask(&mut self.client, &SNS, operation, input).await
    }

    /// Asks for one of tidewire's own operations.
    async fn own(&mut self, operation: &str, input: &Value) -> Result<Value, Failure> {
        ask(&mut self.client, &TOPICS, operation, input).await
    }

    /// Asks SQS.
    async fn sqs(&mut self, operation: &str, input: &Value) -> Result<Value, Failure> {
        ask(&mut self.client, &SQS, operation, input).await
    }

    /// The ARN of a topic that is named by its name or its ARN. Whose names are, the server's own listing says.
    async fn arn(&mut self, topic: &str) -> Result<String, Stop> {
        if topic.starts_with("arn:") {
            return Ok(topic.to_owned());
        }
        let answer = self.call("ListTopics", &json!({})).await?;
        let first = answer["Topics"][0]["TopicArn"].as_str().and_then(|arn| arn.rsplit_once(':'));
        match first {
            Some((home, _)) => Ok(format!("{home}:{topic}")),
            None => Err(Stop::Failed(format!(
                "there is no topic {topic}: this account has none in this region; `tidewire topic create` makes one"
            ))),
        }
    }

    fn print_rows(&self, columns: &[&str], rows: &[Value]) -> Result<(), Stop> {
        Ok(print::rows(&mut io::stdout().lock(), self.form, columns, rows)?)
    }

    fn print_object(&self, object: &Value) -> Result<(), Stop> {
        Ok(print::object(&mut io::stdout().lock(), self.form, object)?)
    }

    /// One line of a list that has no end.
    fn print_line(&self, line: &str) -> Result<(), Stop> {
        let mut out = io::stdout().lock();
        Ok(writeln!(out, "{line}").and_then(|()| out.flush())?)
    }
}

async fn ask(client: &mut Client, api: &'static Api, operation: &str, input: &Value) -> Result<Value, Failure> {
    client.ask(Asked { api, operation, input, wait_millis: None }).await
}

/// The name at the end of a topic's ARN.
fn name_of(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

/// JSON that was given as it is, or in a file.
fn text_or_file(given: &str) -> Result<String, Stop> {
    if given.trim_start().starts_with('{') {
        return Ok(given.to_owned());
    }
    let read = std::fs::read_to_string(Path::new(given));
    read.map_err(|error| Stop::NotBegun(format!("{given} is no JSON object, and as a file it cannot be read: {error}")))
}
