//! `bench kinesis`: one client against the product, emulators of Kinesis and a JetStream server, in one run on one machine.
//!
//! Each window has a fresh stream, deleted afterwards, and one client thread over keep-alive connections. What is put is durable
//! when it is answered, by the product and by JetStream; the emulators are run as near to that as they can be. Figures go into one
//! table; the ratios the project has promised follow with their targets.

pub(crate) mod nats;
mod peers;
mod pushes;
pub(crate) mod reads;
mod report;
pub(crate) mod requests;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::child::Server;
use crate::kinesis::nats::Batch;
use crate::kinesis::peers::Peer;
use crate::kinesis::report::{Pushes, Report, Row};
use crate::kinesis::requests::{BATCH, SINGLES, create_stream, delete_stream};
use crate::load::{self, Counts, Plan, Work};
use crate::machine::{self, Machine};
use crate::request::Requests;
use crate::scratch::Scratch;
use crate::subject;

/// A window never takes more records than this, which bounds memory and disk on a fast machine.
const RECORDS_MAX: u64 = 1_500_000;

/// Records put before a stream is read, how long that may take, and over how many connections.
const FILL_MAX: u64 = 300_000;
const FILL_PATIENCE: Duration = Duration::from_secs(4);
const FILLERS: usize = 8;

/// Emulators run for shorter windows, and are given less to hand out again.
const EMULATOR_WINDOW_MAX: Duration = Duration::from_secs(2);
const EMULATOR_FILL_MAX: u64 = 10_000;

/// Subscribers, and how often something is pushed to them.
const SUBSCRIBERS: [(usize, usize); 2] = [(1, 500), (100, 100)];

/// The product's name in the table.
pub(crate) const PRODUCT: &str = "tidewire";

/// What to measure, as the command line says it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Length of one window in seconds
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Numbers of connections
    #[arg(long, value_delimiter = ',', default_value = "1,8,32")]
    connections: Vec<usize>,
    /// Numbers of shards
    #[arg(long, value_delimiter = ',', default_value = "1,10,100")]
    shards: Vec<usize>,
    /// Servers to compare with; an empty list for none
    #[arg(long, value_delimiter = ',', num_args = 0.., default_value = "kinesalite,kinesis-local,ministack,nats")]
    peers: Vec<Peer>,
    /// Write all figures to this file as well
    #[arg(long)]
    json: Option<PathBuf>,
}

/// A kind of load; the order is that of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    PutRecords,
    PutRecord,
    CatchUp,
    Pipelined,
    Atomic,
}

impl Workload {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PutRecords => "PutRecords(500)",
            Self::PutRecord => "PutRecord",
            Self::CatchUp => "GetRecords, catching up",
            Self::Pipelined => "500 publishes, pipelined",
            Self::Atomic => "500 publishes, atomic",
        }
    }

    pub(crate) fn is_jetstream(self) -> bool {
        matches!(self, Self::Pipelined | Self::Atomic)
    }
}

/// Runs everything and prints it. Errors are those of the benchmark's own parts; a server that fails is a table row.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let machine = Machine::read();
    machine.print();
    let mut bench = Bench { options, runtime: subject::client_runtime()?, report: Report::new(machine) };
    bench.measure_product()?;
    for &peer in &options.peers {
        bench.measure_peer(peer)?;
    }
    bench.report.print();
    match &options.json {
        Some(path) => bench.report.write_json(path).map_err(|error| format!("{}: {error}", path.display())),
        None => Ok(()),
    }
}

struct Bench<'a> {
    options: &'a Options,
    runtime: tokio::runtime::Runtime,
    report: Report,
}

/// One server with the name it has in the table.
struct Subject<'a> {
    name: &'static str,
    server: &'a Server,
    window: Duration,
    fill_max: u64,
}

impl Subject<'_> {
    fn plan(&self, connections: usize, window: Duration, messages_max: u64, work: Work) -> Plan {
        let (address, pid) = (self.server.address, self.server.pid());
        let counts_syncs = self.name == PRODUCT;
        Plan { address, pid, connections, window, messages_max, counts_syncs, work }
    }
}

impl Bench<'_> {
    fn window(&self) -> Duration {
        Duration::from_secs_f64(self.options.seconds)
    }

    fn measure_product(&mut self) -> Result<(), String> {
        let scratch = Scratch::new("kinesis").map_err(|error| error.to_string())?;
        let binary = subject::product_binary()?;
        let server = subject::start_product(&binary, scratch.path())?;
        let subject = Subject { name: PRODUCT, server: &server, window: self.window(), fill_max: FILL_MAX };
        self.measure_streams(&subject);
        self.measure_pushes(&subject);
        Ok(())
    }

    fn measure_peer(&mut self, peer: Peer) -> Result<(), String> {
        let scratch = Scratch::new(peer.name()).map_err(|error| error.to_string())?;
        let server = match peer.start(&scratch) {
            Ok(server) => server,
            Err(reason) => {
                self.report.skip(peer.name(), &reason);
                return Ok(());
            }
        };
        if peer == Peer::Nats {
            self.measure_jetstream(&server);
            return Ok(());
        }
        let window = self.window().min(EMULATOR_WINDOW_MAX);
        let subject = Subject { name: peer.name(), server: &server, window, fill_max: EMULATOR_FILL_MAX };
        self.measure_streams(&subject);
        if peer.pushes() {
            self.measure_pushes(&subject);
        }
        Ok(())
    }

    fn measure_streams(&mut self, subject: &Subject<'_>) {
        for &shards in &self.options.shards {
            for &connections in &self.options.connections {
                for workload in [Workload::PutRecords, Workload::PutRecord] {
                    self.measure(subject, workload, shards, connections);
                }
            }
            self.measure(subject, Workload::CatchUp, shards, shards.min(FILLERS));
        }
    }

    /// One window; a server that refuses or breaks off leaves a row with its failure.
    fn measure(&mut self, subject: &Subject<'_>, workload: Workload, shards: usize, connections: usize) {
        eprintln!("bench: {}, {}, {shards} shards, {connections} connections", subject.name, workload.name());
        machine::touch_memory();
        let outcome = match workload {
            Workload::CatchUp => self.runtime.block_on(caught_up(subject, shards)),
            _ => self.runtime.block_on(put(subject, workload, shards, connections)),
        };
        let counts = outcome.unwrap_or_else(|error| {
            let failure = Some(error.to_string());
            Counts { failed: connections, failure, ..Counts::default() }
        });
        self.report.row(Row { server: subject.name, workload, shards, connections, counts });
    }

    fn measure_pushes(&mut self, subject: &Subject<'_>) {
        for (subscribers, puts) in SUBSCRIBERS {
            eprintln!("bench: {}, pushes to {subscribers}", subject.name);
            match self.runtime.block_on(pushes::measure(subject.server.address, subscribers, puts)) {
                Ok(latencies) => self.report.pushes(Pushes { server: subject.name, subscribers, latencies }),
                Err(reason) => self.report.skip(&format!("{}'s pushes to {subscribers}", subject.name), &reason),
            }
        }
    }

    fn measure_jetstream(&mut self, server: &Server) {
        let subject = Subject { name: "nats", server, window: self.window(), fill_max: 0 };
        let (address, runtime) = (server.address, &self.runtime);
        if let Err(error) = runtime.block_on(nats::create_stream(address)) {
            self.report.skip("nats", &error.to_string());
            return;
        }
        for (workload, batch) in [(Workload::Pipelined, Batch::Pipelined), (Workload::Atomic, Batch::Atomic)] {
            for &connections in &self.options.connections {
                eprintln!("bench: nats, {}, {connections} connections", workload.name());
                machine::touch_memory();
                let plan = subject.plan(connections, subject.window, RECORDS_MAX, Work::Publish(batch));
                let counts = self.runtime.block_on(load::run(&plan));
                self.report.row(Row { server: subject.name, workload, shards: 1, connections, counts });
                if let Err(error) = self.runtime.block_on(nats::purge_stream(address)) {
                    self.report.skip("nats, what follows", &error.to_string());
                    return;
                }
            }
        }
    }
}

/// Prepares a stream, runs the window, and deletes the stream.
async fn put(subject: &Subject<'_>, workload: Workload, shards: usize, connections: usize) -> io::Result<Counts> {
    let address = subject.server.address;
    let stream = create_stream(address, shards).await?;
    let requests = Requests::of_kinesis(address);
    let work = if workload == Workload::PutRecord {
        let request = |number| requests.build("PutRecord", requests::put_record(&stream, number).as_bytes());
        let requests = (0..SINGLES).map(request).collect();
        Work::Turns { requests, messages: 1, confirmed: "\"SequenceNumber\"" }
    } else {
        batches(&requests, &stream)
    };
    let counts = load::run(&subject.plan(connections, subject.window, RECORDS_MAX, work)).await;
    delete_stream(address, &stream).await?;
    Ok(counts)
}

fn batches(requests: &Requests, stream: &str) -> Work {
    let request = requests.build("PutRecords", requests::put_records(stream).as_bytes());
    Work::Repeat { request, messages: BATCH, confirmed: Some("\"SequenceNumber\"") }
}

/// Fills a stream, reads it to its end, and deletes it.
async fn caught_up(subject: &Subject<'_>, shards: usize) -> io::Result<Counts> {
    let address = subject.server.address;
    let stream = create_stream(address, shards).await?;
    let work = batches(&Requests::of_kinesis(address), &stream);
    let filled = load::run(&subject.plan(FILLERS, FILL_PATIENCE, subject.fill_max, work)).await;
    if let Some(failure) = filled.failure {
        return Err(io::Error::other(format!("the stream could not be filled: {failure}")));
    }
    let counts = reads::catch_up(address, subject.server.pid(), &stream, shards).await;
    delete_stream(address, &stream).await?;
    Ok(counts)
}
