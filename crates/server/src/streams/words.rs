//! The words of `tidewire stream`: what can be asked, declared as data, from which clap makes help, completions and man page.
//!
//! A stream is named by its name or its ARN, a shard by its id or its number.

use super::start::{Moment, Start};
use crate::queues::words::{Door, Form};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `tidewire stream`.
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

/// What is done to streams.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Task {
    /// List streams, their shards and consumers
    Ls(Ls),
    /// Create a stream
    Create(Create),
    /// Delete a stream, its shards and all records
    Delete(Delete),
    /// Put records: words, lines, files, or what replay and tail wrote
    Put(Put),
    /// Follow the records of all shards, and of those that come of them
    Tail(Tail),
    /// Split a shard in two
    Split(Split),
    /// Merge two neighbouring shards into one
    Merge(Merge),
    /// Change the number of shards, each with an equal part of the hash keys
    Reshard(Reshard),
    /// Read what arrived within a stretch of time again, into another stream or as lines of JSON
    Replay(Replay),
    /// Show shards, what they hold, and who reads them
    Stats(Named),
    /// Consumer groups of a stream: positions, members, lag
    #[command(subcommand)]
    Group(Group),
}

/// What is done to consumer groups.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Group {
    /// List the groups of a stream
    Ls(Named),
    /// Create a group
    Create(GroupCreate),
    /// Show a group's members, and how far it is behind in each shard
    Show(GroupNamed),
    /// Put a group's positions elsewhere
    Reset(GroupReset),
    /// Delete a group and its positions
    Delete(GroupDelete),
}

/// A group, and nothing else.
#[derive(Debug, Clone, Args)]
pub(crate) struct GroupNamed {
    /// Name or ARN of the stream
    pub(crate) stream: String,
    /// Name of the group
    pub(crate) group: String,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct GroupCreate {
    #[command(flatten)]
    pub(crate) named: GroupNamed,
    /// Where it begins: latest, trim-horizon, or a time
    #[arg(long, value_name = "WHERE", default_value = "trim-horizon", value_parser = Start::parse)]
    pub(crate) from: Start,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct GroupReset {
    #[command(flatten)]
    pub(crate) named: GroupNamed,
    /// Where it goes on: latest, trim-horizon, a time, or the sequence number of a record, which is of one shard
    #[arg(long, value_name = "WHERE", value_parser = Start::parse)]
    pub(crate) to: Start,
    /// In this shard alone
    #[arg(long, value_name = "SHARD")]
    pub(crate) shard: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct GroupDelete {
    #[command(flatten)]
    pub(crate) named: GroupNamed,
    /// Also if members are in it
    #[arg(long)]
    pub(crate) with_members: bool,
}

/// A stream, and nothing else.
#[derive(Debug, Clone, Args)]
pub(crate) struct Named {
    /// Name or ARN of the stream
    pub(crate) stream: String,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Ls {
    /// Only streams whose names begin so
    #[arg(value_name = "PREFIX", default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
    /// Print names only, without asking each stream for its shards
    #[arg(long)]
    pub(crate) names: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Create {
    /// Its name
    pub(crate) name: String,
    /// How many shards it has, in mode PROVISIONED
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "on_demand")]
    pub(crate) shards: u32,
    /// Mode ON_DEMAND
    #[arg(long)]
    pub(crate) on_demand: bool,
    /// Hours that records stay
    #[arg(long, value_name = "HOURS")]
    pub(crate) retention: Option<u32>,
    /// KiB that a record may have at the most
    #[arg(long, value_name = "KIB")]
    pub(crate) record_size: Option<u32>,
    /// A tag
    #[arg(long = "tag", short = 't', value_name = "KEY=VALUE", value_parser = crate::queues::words::pair)]
    pub(crate) tags: Vec<(String, String)>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Delete {
    /// Name or ARN of the stream
    pub(crate) stream: String,
    /// Also if consumers are registered with it
    #[arg(long)]
    pub(crate) with_consumers: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Put {
    /// Name or ARN of the stream
    pub(crate) stream: String,
    /// The records; without any, or as -, one is read from standard input
    pub(crate) data: Vec<String>,
    /// Put each line of standard input, or of --from, as a record
    #[arg(long, conflicts_with_all = ["data", "files", "records"])]
    pub(crate) lines: bool,
    /// Put all of this file as one record; again for each
    #[arg(long = "file", value_name = "FILE", conflicts_with_all = ["data", "records"])]
    pub(crate) files: Vec<PathBuf>,
    /// Put the records that replay, or tail with --output ndjson, wrote
    #[arg(long, conflicts_with_all = ["data", "key", "hash", "base64"])]
    pub(crate) records: bool,
    /// Where --lines and --records are read from [default: standard input]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "files"])]
    pub(crate) from: Option<PathBuf>,
    /// The partition key of all; without it each record has one of its own, by chance
    #[arg(long, short = 'k', value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// What stands between partition key and record in each of --lines
    #[arg(long, value_name = "TEXT", requires = "lines", conflicts_with = "key")]
    pub(crate) key_separator: Option<String>,
    /// The hash key that says which shard, in place of the partition key's
    #[arg(long, value_name = "NUMBER")]
    pub(crate) hash: Option<u128>,
    /// Words and lines are base64
    #[arg(long)]
    pub(crate) base64: bool,
    /// Pack up to so many into one record, as the Kinesis Producer Library does
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub(crate) aggregate: Option<u32>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Tail {
    /// Name or ARN of the stream
    pub(crate) stream: String,
    /// Where to begin: latest, trim-horizon, a time (2026-11-23T08:00:00Z, or milliseconds since the epoch), or a sequence
    /// number, which is of one shard
    #[arg(long, value_name = "WHERE", default_value = "latest", value_parser = Start::parse)]
    pub(crate) from: Start,
    /// Only this shard and those that come of it; again for each
    #[arg(long = "shard", value_name = "SHARD")]
    pub(crate) shards: Vec<String>,
    /// End after so many records
    #[arg(long, value_name = "N")]
    pub(crate) max: Option<u64>,
    /// Leave aggregates of the Kinesis Producer Library as they are
    #[arg(long)]
    pub(crate) raw: bool,
    /// As a member of this consumer group: its share of the shards, from what is committed on; committed once it is printed
    #[arg(long, value_name = "NAME", conflicts_with_all = ["from", "shards"])]
    pub(crate) group: Option<String>,
    /// What the member is called [default: a name by chance]
    #[arg(long, value_name = "NAME", requires = "group")]
    pub(crate) member: Option<String>,
    /// Seconds that the member may be silent before others get its shards
    #[arg(long, value_name = "SECS", default_value_t = 30, requires = "group", value_parser = clap::value_parser!(u32).range(1..=600))]
    pub(crate) session: u32,
    /// Seconds between looks at a server that does not wait for records by itself
    #[arg(long, value_name = "SECS", default_value_t = 1.0, value_parser = crate::queues::words::interval)]
    pub(crate) interval: f64,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Split {
    /// Name or ARN of the stream
    pub(crate) stream: String,
    /// The shard
    pub(crate) shard: String,
    /// The first hash key of the second half [default: the middle]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) at: Option<u128>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Merge {
    /// Name or ARN of the stream
    pub(crate) stream: String,
    /// The shard
    pub(crate) shard: String,
    /// Its neighbour [default: the one with the next greater hash keys]
    pub(crate) adjacent: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Reshard {
    /// Name or ARN of the stream
    pub(crate) stream: String,
    /// How many shards it shall have
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) count: u32,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Replay {
    /// Name or ARN of the stream that is read
    pub(crate) stream: String,
    /// Only what arrived from then on: 2026-11-23T08:00:00Z, or milliseconds since the epoch [default: the oldest]
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub(crate) from: Option<Moment>,
    /// Only what arrived before then [default: when it begins]
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub(crate) to: Option<Moment>,
    /// Name or ARN of the stream that is written [default: lines of JSON on standard output]
    #[arg(long, value_name = "STREAM")]
    pub(crate) into: Option<String>,
    /// Where it is noted how far it is, so that the same command goes on where it was cut off
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
}
