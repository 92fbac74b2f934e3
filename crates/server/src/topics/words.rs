//! The words of `tidewire topic`: what can be asked, declared as data, from which clap makes help, completions and man page.
//!
//! A topic is named by its name or its ARN, a subscription by its ARN.

use crate::queues::words::{Door, Form, interval, pair};
use crate::streams::start::Moment;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `tidewire topic`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Words {
    #[command(flatten)]
    pub(crate) door: Door,
    /// How results are printed
    #[arg(long, global = true, value_name = "FORM", default_value = "table")]
    pub(crate) output: Form,
    /// Do what destroys something without asking
    #[arg(long, short = 'y', global = true)]
    pub(crate) yes: bool,
    #[command(subcommand)]
    pub(crate) task: Task,
}

/// What is done to topics.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Task {
    /// List topics and how many subscriptions they have, or the subscriptions
    Ls(Ls),
    /// Create a topic, or say that there is one like it
    Create(Create),
    /// Delete a topic and all its subscriptions
    Rm(Rm),
    /// Publish a message, or many
    Pub(Publish),
    /// Subscribe a receiver to a topic
    Sub(Subscribe),
    /// End a subscription
    Unsub(Unsub),
    /// Show live what is published
    Tail(Tail),
    /// Show what waits to be delivered, and what became of what was
    Deliveries(Deliveries),
    /// Have a subscription get again what was published
    Replay(Replay),
    /// Say whether a message passes a filter policy, and why
    TestFilter(TestFilter),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Ls {
    /// Only topics whose names begin so
    #[arg(value_name = "PREFIX", default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
    /// Print names only, without asking for each topic's attributes
    #[arg(long)]
    pub(crate) names: bool,
    /// Print their subscriptions
    #[arg(long, conflicts_with = "names")]
    pub(crate) subscriptions: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Create {
    /// Its name; one that ends in .fifo makes a FIFO topic
    pub(crate) name: String,
    /// An attribute, in AWS's words: SignatureVersion=2
    #[arg(long = "attribute", short = 'a', value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) attributes: Vec<(String, String)>,
    /// A tag
    #[arg(long = "tag", short = 't', value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) tags: Vec<(String, String)>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Rm {
    /// Name or ARN of the topic
    pub(crate) topic: String,
}

/// What stands in a message beside its text.
#[derive(Debug, Clone, Args)]
pub(crate) struct Beside {
    /// A message attribute; the type is String, Number, String.Array or Binary (the value in base64), String if left out
    #[arg(long = "attribute", short = 'a', value_name = "NAME[:TYPE]=VALUE", value_parser = pair)]
    pub(crate) attributes: Vec<(String, String)>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Publish {
    /// Name or ARN of the topic
    pub(crate) topic: String,
    /// The message; without it, or as -, it is read from standard input
    pub(crate) message: Option<String>,
    /// Publish each line of standard input as a message, in batches
    #[arg(long, conflicts_with = "message")]
    pub(crate) lines: bool,
    /// The subject, which mail has as its own
    #[arg(long, value_name = "TEXT")]
    pub(crate) subject: Option<String>,
    /// The message is JSON with a text for each protocol, and one as default
    #[arg(long, value_name = "json", value_parser = ["json"])]
    pub(crate) structure: Option<String>,
    #[command(flatten)]
    pub(crate) beside: Beside,
    /// Message group, which FIFO topics demand
    #[arg(long, value_name = "ID")]
    pub(crate) group: Option<String>,
    /// Deduplication id, on FIFO topics
    #[arg(long, value_name = "ID", conflicts_with = "lines")]
    pub(crate) deduplication: Option<String>,
}

/// What a filter policy is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scope {
    /// Message attributes
    Attributes,
    /// The message itself, which is JSON
    Body,
}

impl Scope {
    /// As AWS calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Attributes => "MessageAttributes",
            Self::Body => "MessageBody",
        }
    }
}

/// How a subscription gets messages, and which.
#[derive(Debug, Clone, Args)]
pub(crate) struct Wanted {
    /// Without an envelope
    #[arg(long)]
    pub(crate) raw: bool,
    /// Only messages that pass this filter policy: JSON, or the name of a file with it
    #[arg(long, value_name = "POLICY")]
    pub(crate) filter: Option<String>,
    /// What the filter policy is about
    #[arg(long, value_name = "SCOPE", requires = "filter")]
    pub(crate) scope: Option<Scope>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Subscribe {
    /// Name or ARN of the topic
    pub(crate) topic: String,
    /// sqs, http, https, email, email-json, lambda and so on
    pub(crate) protocol: String,
    /// A URL, an address, an ARN; of a queue its name will do
    #[arg(value_name = "ENDPOINT")]
    pub(crate) receiver: String,
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    /// The queue for what cannot be delivered: its name or ARN
    #[arg(long, value_name = "QUEUE")]
    pub(crate) dead_letters: Option<String>,
    /// Another attribute, in AWS's words: DeliveryPolicy=...
    #[arg(long = "attribute", short = 'a', value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) attributes: Vec<(String, String)>,
    /// Let the topic send to the queue, and to that of dead letters, by a statement in their policies
    #[arg(long)]
    pub(crate) allow: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Unsub {
    /// ARN of the subscription
    pub(crate) subscription: String,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Tail {
    /// Name or ARN of the topic
    pub(crate) topic: String,
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    /// End after so many messages
    #[arg(long, value_name = "N")]
    pub(crate) max: Option<usize>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Deliveries {
    /// Name or ARN of a topic: what waits for each of its subscriptions. ARN of a subscription: the messages that wait
    #[arg(value_name = "TOPIC|SUBSCRIPTION")]
    pub(crate) of: String,
    /// The subscription's latest attempts, newest first
    #[arg(long)]
    pub(crate) history: bool,
    /// Of these only deliveries that have ended: delivered, failed or dead-lettered
    #[arg(long, requires = "history")]
    pub(crate) ended: bool,
    /// Most lines to print; 0 is all
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) max: usize,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Replay {
    /// ARN of the subscription, of a topic with an ArchivePolicy
    pub(crate) subscription: String,
    /// What was published from then on: 2026-11-23T08:00:00Z, or milliseconds since the epoch
    #[arg(long, value_name = "TIME", value_parser = Moment::parse, required_unless_present_any = ["stop", "status"])]
    pub(crate) from: Option<Moment>,
    /// And until then; without it, all, and then what is published
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub(crate) to: Option<Moment>,
    /// Return at once; the server goes on
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Seconds between looks at how far it is
    #[arg(long, value_name = "SECS", default_value_t = 1.0, value_parser = interval)]
    pub(crate) interval: f64,
    /// End the replay that is under way
    #[arg(long, conflicts_with_all = ["from", "to", "status"])]
    pub(crate) stop: bool,
    /// Show the subscription's replay, and begin none
    #[arg(long, conflicts_with_all = ["from", "to"])]
    pub(crate) status: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct TestFilter {
    /// The message; as - it is read from standard input
    pub(crate) message: Option<String>,
    /// A file with the message
    #[arg(long, value_name = "FILE", conflicts_with = "message")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) beside: Beside,
    /// The filter policy: JSON, or the name of a file with it; no server is asked
    #[arg(long, value_name = "POLICY", required_unless_present = "subscription")]
    pub(crate) policy: Option<String>,
    /// What the policy is about [default: attributes]
    #[arg(long, value_name = "SCOPE", requires = "policy")]
    pub(crate) scope: Option<Scope>,
    /// The subscription whose policy it is, by its ARN
    #[arg(long, value_name = "ARN", conflicts_with = "policy")]
    pub(crate) subscription: Option<String>,
}
