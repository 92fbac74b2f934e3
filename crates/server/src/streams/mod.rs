//! `tidewire stream`: what people and scripts do to streams, as a client of the API that every customer has.
//!
//! `words.rs` declares what can be asked, `client` asks the server, `queues/print.rs` shows what it answered; one file for each family
//! of commands between them. `record.rs` is a record in JSON, `start.rs` where to begin, `shards.rs` which shards there are, `reader.rs`
//! one shard that is read; `group.rs` and `member.rs` are
//! consumer groups. What AWS's API does not tell is asked of tidewire's own operations (docs/STREAMS.md).

mod group;
mod manage;
mod member;
mod put;
mod reader;
mod record;
mod replay;
mod reshard;
mod shards;
pub(crate) mod start;
mod stats;
mod tail;
pub(crate) mod words;

use crate::client::{Api, Asked, Client, Failure, KINESIS, STREAMS, Target};
use crate::config::Config;
use crate::queues::words::Form;
use crate::queues::{Stop, block_on, print, target_of};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::process::ExitCode;
use words::{Task, Words};

/// Carries a command out.
pub(crate) fn run(config: &Config, words: Words) -> ExitCode {
    match target_of(config, &words.door, "AWS_ENDPOINT_URL_KINESIS") {
        Ok(target) => {
            let client = Client::new(target.clone());
            let session = Session { client, target, form: words.output, yes: words.yes };
            block_on(session.carry_out(words.task))
        }
        Err(why) => Stop::NotBegun(why).told(),
    }
}

/// One command's way to the server, and how it prints.
struct Session {
    client: Client,
    /// For further connections, where several requests wait side by side.
    target: Target,
    form: Form,
    yes: bool,
}

impl Session {
    async fn carry_out(mut self, task: Task) -> Result<(), Stop> {
        match task {
            Task::Ls(words) => self.list(&words).await,
            Task::Create(words) => self.create(&words).await,
            Task::Delete(words) => self.delete(&words).await,
            Task::Put(words) => self.put(&words).await,
            Task::Tail(words) if words.group.is_some() => self.tail_as_member(&words).await,
            Task::Tail(words) => self.tail(&words).await,
            Task::Split(words) => self.split(&words).await,
            Task::Merge(words) => self.merge(&words).await,
            Task::Reshard(words) => self.reshard(&words).await,
            Task::Replay(words) => self.replay(&words).await,
            Task::Stats(words) => self.stats(&words.stream).await,
            Task::Group(task) => self.group(&task).await,
        }
    }

    /// Asks Data Streams.
    async fn call(&mut self, operation: &str, input: &Value) -> Result<Value, Failure> {
        ask(&mut self.client, &KINESIS, operation, input).await
    }

    /// Asks for one of tidewire's own operations.
    async fn own(&mut self, operation: &str, input: &Value) -> Result<Value, Failure> {
        ask(&mut self.client, &STREAMS, operation, input).await
    }

    fn print_rows(&self, columns: &[&str], rows: &[Value]) -> Result<(), Stop> {
        Ok(print::rows(&mut io::stdout().lock(), self.form, columns, rows)?)
    }

    fn print_object(&self, object: &Value) -> Result<(), Stop> {
        Ok(print::object(&mut io::stdout().lock(), self.form, object)?)
    }
}

async fn ask(client: &mut Client, api: &'static Api, operation: &str, input: &Value) -> Result<Value, Failure> {
    client.ask(Asked { api, operation, input, wait_millis: None }).await
}

/// Lines of a list that has no end.
fn print_lines(lines: impl IntoIterator<Item = String>) -> Result<(), Stop> {
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

/// The input that names a stream, as it was named.
fn named(stream: &str) -> Value {
    with(stream, json!({}))
}

/// The same, with more of an input.
fn with(stream: &str, mut more: Value) -> Value {
    let member = if stream.starts_with("arn:") { "StreamARN" } else { "StreamName" };
    more[member] = stream.into();
    more
}
