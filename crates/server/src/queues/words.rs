//! The words of `tidewire queue`: what can be asked, declared as data, from which clap makes help, completions and man page.
//!
//! A queue is named as the server is asked for it: by its name, or by any form of its URL.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Which server is asked, and in whose name.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Door {
    /// The server [default: $TIDEWIRE_ENDPOINT, else $AWS_ENDPOINT_URL, else where this machine's configuration listens]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// Who vouches for an https:// server, in PEM, beside the system's roots and the configured data folder's own
    /// development CA [default: $AWS_CA_BUNDLE]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// The account, at a server that verifies nothing [default: the keys of the environment, of $AWS_PROFILE or of the
    /// server's data folder, else the configured account]
    #[arg(long, global = true, value_name = "DIGITS")]
    pub(crate) account: Option<String>,
    /// The region [default: $AWS_REGION, else $AWS_DEFAULT_REGION, else the configured one]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) region: Option<String>,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Columns for people
    Table,
    /// One JSON array; single objects where there is no end, as in tail
    Json,
    /// One JSON object a line
    Ndjson,
}

/// `tidewire queue`.
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

/// What is done to queues.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Task {
    /// List queues and how many messages they hold
    Ls(Ls),
    /// Create a queue, or say that there is one like it
    Create(Create),
    /// Delete a queue and all its messages
    Delete(Named),
    /// Send a message, or many
    Send(Send),
    /// Look at messages, or search for some, without consuming them
    Peek(Peek),
    /// Follow messages as they arrive, without consuming them
    Tail(Tail),
    /// Receive messages, as a consumer does
    Receive(Receive),
    /// Remove all messages of a queue
    Purge(Named),
    /// Move dead letters back to where they came from
    Redrive(Redrive),
    /// Move dead letters to another queue
    Move(Move),
    /// Bring copies of what was sent within a stretch of time to a queue
    Replay(Replay),
    /// Show how many message groups are parked, or let them go on
    Parked(Parked),
    /// Write all messages of a queue as lines of JSON, without consuming them
    Export(Export),
    /// Send the messages of an export
    Import(Import),
    /// Show a queue's counts, its age and its rates
    Stats(Stats),
}

/// A queue, and nothing else.
#[derive(Debug, Clone, Args)]
pub(crate) struct Named {
    /// Name or URL of the queue
    pub(crate) queue: String,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Ls {
    /// Only queues whose names begin so
    #[arg(value_name = "PREFIX", default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
    /// Print names only, without asking each queue for its counts
    #[arg(long)]
    pub(crate) names: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Create {
    /// Its name; one that ends in .fifo makes a FIFO queue
    pub(crate) name: String,
    /// An attribute, in AWS's words: VisibilityTimeout=60
    #[arg(long = "attribute", short = 'a', value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) attributes: Vec<(String, String)>,
    /// A tag
    #[arg(long = "tag", short = 't', value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) tags: Vec<(String, String)>,
    /// Where messages go that were received too often
    #[arg(long, value_name = "QUEUE", requires = "max_receives")]
    pub(crate) dead_letters: Option<String>,
    /// How often a message is received before it goes there
    #[arg(long, value_name = "N", requires = "dead_letters")]
    pub(crate) max_receives: Option<u32>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Send {
    /// Name or URL of the queue
    pub(crate) queue: String,
    /// The message; without it, or as -, it is read from standard input
    pub(crate) body: Option<String>,
    /// Send each line of standard input as a message
    #[arg(long, conflicts_with = "body")]
    pub(crate) lines: bool,
    /// A message attribute; the type is String, Number or Binary (the value in base64), String if left out
    #[arg(long = "attribute", short = 'a', value_name = "NAME[:TYPE]=VALUE", value_parser = pair)]
    pub(crate) attributes: Vec<(String, String)>,
    /// Seconds until it can be received
    #[arg(long, value_name = "SECS")]
    pub(crate) delay: Option<u32>,
    /// Message group, which FIFO queues demand
    #[arg(long, value_name = "ID")]
    pub(crate) group: Option<String>,
    /// Deduplication id, on FIFO queues
    #[arg(long, value_name = "ID", conflicts_with = "lines")]
    pub(crate) deduplication: Option<String>,
}

/// Which messages are looked at.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Filter {
    /// Only messages whose body contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) body: Option<String>,
    /// Only messages with this attribute, or with this value of it
    #[arg(long = "attribute", short = 'a', value_name = "NAME[=VALUE]")]
    pub(crate) attributes: Vec<String>,
    /// Only the message of this id
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Only messages in these states: visible, parked, delayed, in-flight
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = ["visible", "parked", "delayed", "in-flight"])]
    pub(crate) state: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Peek {
    /// Name or URL of the queue
    pub(crate) queue: String,
    /// Most messages to show; 0 is all
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) max: usize,
    #[command(flatten)]
    pub(crate) filter: Filter,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Tail {
    /// Name or URL of the queue
    pub(crate) queue: String,
    /// Begin with the messages that are there already
    #[arg(long)]
    pub(crate) all: bool,
    /// End after so many messages
    #[arg(long, value_name = "N")]
    pub(crate) max: Option<usize>,
    /// Seconds between looks
    #[arg(long, value_name = "SECS", default_value_t = 1.0, value_parser = interval)]
    pub(crate) interval: f64,
    #[command(flatten)]
    pub(crate) filter: Filter,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Receive {
    /// Name or URL of the queue
    pub(crate) queue: String,
    /// Most messages to receive
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) max: usize,
    /// Seconds to wait for the first one
    #[arg(long, value_name = "SECS")]
    pub(crate) wait: Option<u32>,
    /// Seconds for which they are hidden from others
    #[arg(long, value_name = "SECS")]
    pub(crate) visibility: Option<u32>,
    /// Delete each once it is printed
    #[arg(long)]
    pub(crate) delete: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Redrive {
    /// Name or URL of the dead-letter queue
    pub(crate) queue: String,
    #[command(flatten)]
    pub(crate) pace: Pace,
    /// Cancel the move that is under way
    #[arg(long, conflicts_with = "status")]
    pub(crate) cancel: bool,
    /// Show the moves of this queue, and begin none
    #[arg(long)]
    pub(crate) status: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Move {
    /// Name or URL of the dead-letter queue
    pub(crate) queue: String,
    /// Name or URL of the queue that they go to
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) pace: Pace,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Replay {
    /// Name or URL of the queue that they were sent to
    pub(crate) queue: String,
    /// Name or URL of the queue that the copies go to; it may be the same
    #[arg(long, value_name = "QUEUE", required_unless_present_any = ["cancel", "status"])]
    pub(crate) into: Option<String>,
    /// Only what was sent from then on: 2026-11-23T08:00:00Z, or milliseconds since the epoch
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Only what was sent before then
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// Only messages that were deleted and are kept
    #[arg(long)]
    pub(crate) deleted: bool,
    /// Return at once; the server goes on
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// End the replay that is under way
    #[arg(long, conflicts_with_all = ["into", "status"])]
    pub(crate) cancel: bool,
    /// Show the latest replay of this queue, and begin none
    #[arg(long, conflicts_with = "into")]
    pub(crate) status: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Parked {
    /// Name or URL of the FIFO queue
    pub(crate) queue: String,
    /// Only this message group; otherwise all that are parked
    #[arg(long, value_name = "ID")]
    pub(crate) group: Option<String>,
    /// Hand their messages out again
    #[arg(long, conflicts_with_all = ["drop_first", "drop_all"])]
    pub(crate) retry: bool,
    /// Delete the first message of each, and hand the others out
    #[arg(long, conflicts_with = "drop_all")]
    pub(crate) drop_first: bool,
    /// Delete all their messages
    #[arg(long)]
    pub(crate) drop_all: bool,
}

/// How messages are moved.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Pace {
    /// Messages a second at the most
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<u32>,
    /// Return at once; the server goes on moving
    #[arg(long)]
    pub(crate) no_wait: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Export {
    /// Name or URL of the queue
    pub(crate) queue: String,
    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Import {
    /// Name or URL of the queue
    pub(crate) queue: String,
    /// The file to read [default: standard input]
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Stats {
    /// Name or URL of the queue
    pub(crate) queue: String,
    /// Seconds over which rates are measured; 0 measures none
    #[arg(long, value_name = "SECS", default_value_t = 1.0, value_parser = interval)]
    pub(crate) interval: f64,
}

pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    if name.is_empty() { Err("there is no name before the =".into()) } else { Ok((name.into(), value.into())) }
}

/// Seconds, with fractions; an hour at the most.
pub(crate) fn interval(text: &str) -> Result<f64, String> {
    let secs = text.parse::<f64>().ok().filter(|secs| (0.0..=3600.0).contains(secs));
    secs.ok_or_else(|| "expected seconds between 0 and 3600".into())
}
