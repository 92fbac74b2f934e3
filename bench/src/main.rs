//! Measurements of tidewire: `cargo xtask bench NAME …`.
//!
//! Every figure is taken on loopback, bounded in count and time, and printed beside what it must be compared with,
//! measured in the same run: a bare hyper echo, peers, or a raw loop over the disk. Targets are printed with a verdict; a
//! miss never fails the run, since a busy machine is no defect of the code. `bench/README.md` explains every column.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark's product is what it prints")]

mod access_costs;
mod backlog;
mod caller;
mod child;
mod commit;
mod connection;
mod door;
mod echo;
mod fifo;
mod filter_costs;
mod folder;
mod idle;
mod in_flight;
mod kill;
mod kinesis;
mod latency;
mod load;
mod long_polls;
mod machine;
mod peers;
mod queues;
mod replay;
mod request;
mod response;
mod scratch;
mod sns;
mod sqs;
mod sqs_report;
mod stamped;
mod start;
mod streams;
mod subject;
mod table;
mod temporary;
mod usage;
mod verdict;
mod wakeup;
mod written;

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "bench", about = "Measurements of tidewire")]
struct Arguments {
    #[command(subcommand)]
    measurement: Measurement,
}

#[derive(Subcommand)]
enum Measurement {
    /// SQS over HTTP: the product beside a bare echo and peers
    Sqs(sqs::Options),
    /// Kinesis over HTTP: the product beside emulators and a JetStream server
    Kinesis(kinesis::Options),
    /// SNS over HTTP: publishes to few and many queues, filters, latency, beside emulators
    Sns(sns::Options),
    /// Many shards with a lot in them: memory, restart, reads from the oldest and the newest
    Streams(streams::Options),
    /// The journal in process, beside a raw loop over the disk, a state behind a lock, and an engine thread
    Journal(commit::JournalOptions),
    /// How fast a log is read back
    Replay(replay::ReplayOptions),
    /// Access decisions in process: what one costs
    Access(access_costs::Options),
    /// Filtered subscriptions in process: what a publish and a policy cost
    Filter(filter_costs::Options),
    /// SendMessage signed, verified and allowed, beside the same with all of that off
    Door(door::Options),
    /// A queue that nobody consumes: memory, rates, restart, disk
    Backlog(backlog::Options),
    /// Visibility timeouts that all end in the same second: how long sends wait meanwhile
    InFlight(in_flight::Options),
    /// FIFO queues beside a standard one, deduplication's memory, a quiet tenant's wait
    Fifo(fifo::Options),
    /// Bytes written to the disk for each byte sent
    Written(written::Options),
    /// Many queues with a long poll each: memory, CPU at rest, start
    Queues(queues::Options),
    /// Very many queues that nobody uses: memory of each, start
    Idle(idle::Options),
    /// Reply queues, each made, used once and gone: time, CPU, memory
    Temporary(temporary::Options),
    /// kill -9 under load, round after round: nothing acknowledged is lost, nothing deleted comes back
    Kill(kill::Options),
    /// Start time, idle memory and size of the release binary
    Start,
    /// The bare hyper echo itself, as a server
    Echo {
        /// Address to listen on; port 0 picks one
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().measurement {
        Measurement::Sqs(options) => sqs::run(&options),
        Measurement::Kinesis(options) => kinesis::run(&options),
        Measurement::Sns(options) => sns::run(&options),
        Measurement::Streams(options) => streams::run(&options),
        Measurement::Journal(options) => commit::run(&options),
        Measurement::Replay(options) => replay::run(&options),
        Measurement::Access(options) => access_costs::run(&options),
        Measurement::Filter(options) => filter_costs::run(&options),
        Measurement::Door(options) => door::run(&options),
        Measurement::Backlog(options) => backlog::run(&options),
        Measurement::InFlight(options) => in_flight::run(&options),
        Measurement::Fifo(options) => fifo::run(&options),
        Measurement::Written(options) => written::run(&options),
        Measurement::Queues(options) => queues::run(&options),
        Measurement::Idle(options) => idle::run(&options),
        Measurement::Temporary(options) => temporary::run(&options),
        Measurement::Kill(options) => kill::run(&options),
        Measurement::Start => start::run(),
        Measurement::Echo { listen } => echo::serve(listen).map_err(|error| error.to_string()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("bench: {reason}");
            ExitCode::FAILURE
        }
    }
}
