//! `tidewire queue`: what people and scripts do to queues, as a client of the API that every customer has.
//!
//! `words.rs` declares what can be asked, `client` asks the server, `print.rs` shows what it answered; one file for each family
//! of commands between them. Nothing here looks into a data folder.
#![expect(clippy::print_stderr, reason = "standard error is where a person looks")]

mod look;
mod manage;
pub(crate) mod message;
mod moves;
mod port;
pub(crate) mod print;
mod replay;
mod send;
mod stats;
mod stop;
mod take;
pub(crate) mod words;

pub(crate) use manage::redrive_policy;
pub(crate) use port::open as open_lines;
pub(crate) use send::{Batch, Into, body};
pub(crate) use stop::{Stop, confirm};

use crate::client::{Client, Credentials, Endpoint, Failure, Target};
use crate::config::Config;
use crate::{point, tls};
use names::AccountId;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use words::{Door, Form, Task, Words};

/// Queues in one page of a list (ListQueues: MaxResults).
const PAGE: usize = 1_000;

/// Carries a command out.
pub(crate) fn run(config: &Config, words: Words) -> ExitCode {
    let target = match target(config, &words.door) {
        Ok(target) => target,
        Err(why) => return Stop::NotBegun(why).told(),
    };
    let session = Session { client: Client::new(target), form: words.output, yes: words.yes };
    block_on(session.carry_out(words.task))
}

/// Runs a client's work to its end on this thread; its exit code.
pub(crate) fn block_on(work: impl Future<Output = Result<(), Stop>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(work).map_or_else(Stop::told, |()| ExitCode::SUCCESS),
        Err(error) => Stop::NotBegun(format!("the runtime did not start: {error}")).told(),
    }
}

/// Whom to ask of queues.
pub(crate) fn target(config: &Config, door: &Door) -> Result<Target, String> {
    target_of(config, door, "AWS_ENDPOINT_URL_SQS")
}

/// Whom to ask: what the flags say, else what SDKs are told by the environment, for the service alone before it is for all, else the
/// server of this configuration.
pub(crate) fn target_of(config: &Config, door: &Door, service_endpoint: &str) -> Result<Target, String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let endpoint = door.endpoint.clone().or_else(|| variable("TIDEWIRE_ENDPOINT"));
    let endpoint = endpoint.or_else(|| variable(service_endpoint)).or_else(|| variable("AWS_ENDPOINT_URL"));
    let credentials = match &door.account {
        Some(account) if AccountId::parse(account).is_err() => {
            return Err(format!("{account:?} is no account of twelve digits"));
        }
        Some(account) => Credentials::of_account(account),
        None => Credentials::find(config)?,
    };
    let region = door.region.clone().or_else(|| variable("AWS_REGION")).or_else(|| variable("AWS_DEFAULT_REGION"));
    Ok(Target {
        endpoint: Endpoint::parse(&endpoint.unwrap_or_else(|| point::endpoint(config)))?,
        credentials,
        region: region.unwrap_or_else(|| config.region.to_string()),
        trusted: trusted(config, door.ca.clone().or_else(|| variable("AWS_CA_BUNDLE").map(PathBuf::from))),
    })
}

/// The files of those who vouch for a server: the one that was named, and our own authority's if there is one.
fn trusted(config: &Config, named: Option<PathBuf>) -> Vec<PathBuf> {
    let own = tls::Door::development_ca(&config.tls, &config.data_dir).filter(|file| file.exists());
    named.into_iter().chain(own).collect()
}

/// One command's way to the server, and how it prints.
struct Session {
    client: Client,
    form: Form,
    yes: bool,
}

impl Session {
    async fn carry_out(mut self, task: Task) -> Result<(), Stop> {
        match task {
            Task::Ls(words) => self.list(&words).await,
            Task::Create(words) => self.create(&words).await,
            Task::Delete(words) => self.delete(&words.queue).await,
            Task::Purge(words) => self.purge(&words.queue).await,
            Task::Send(words) => self.send(&words).await,
            Task::Receive(words) => self.receive(&words).await,
            Task::Peek(words) => self.peek(&words).await,
            Task::Tail(words) => self.tail(&words).await,
            Task::Redrive(words) => self.redrive(&words).await,
            Task::Move(words) => self.move_to(&words).await,
            Task::Replay(words) => self.replay(&words).await,
            Task::Parked(words) => self.parked(&words).await,
            Task::Export(words) => self.export(&words).await,
            Task::Import(words) => self.import(&words).await,
            Task::Stats(words) => self.stats(&words).await,
        }
    }

    async fn call(&mut self, operation: &str, input: &Value) -> Result<Value, Failure> {
        self.client.call(operation, input).await
    }

    /// The attributes of a queue, by their names.
    async fn attributes(&mut self, queue: &str, names: &[&str]) -> Result<Value, Failure> {
        let mut answer =
            self.call("GetQueueAttributes", &json!({ "QueueUrl": queue, "AttributeNames": names })).await?;
        Ok(answer["Attributes"].take())
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

/// The URLs of all queues whose names begin with `prefix`, in the order of their names.
pub(crate) async fn urls(client: &mut Client, prefix: &str) -> Result<Vec<String>, Failure> {
    let mut urls = Vec::new();
    let mut token = Value::Null;
    loop {
        let mut input = json!({ "QueueNamePrefix": prefix, "MaxResults": PAGE });
        if !token.is_null() {
            input["NextToken"] = token;
        }
        let mut answer = client.call("ListQueues", &input).await?;
        let page = answer["QueueUrls"].as_array().into_iter().flatten();
        urls.extend(page.filter_map(Value::as_str).map(str::to_owned));
        token = answer["NextToken"].take();
        if token.is_null() {
            return Ok(urls);
        }
    }
}

/// The name at the end of a queue's URL.
pub(crate) fn name_of(url: &str) -> &str {
    url.trim_end_matches('/').rsplit('/').next().unwrap_or(url)
}

/// A number that AWS writes as text.
fn number(value: &Value) -> Value {
    value.as_str().and_then(|text| text.parse::<u64>().ok()).map_or(Value::Null, Value::from)
}
