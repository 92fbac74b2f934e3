//! `bench sqs`: one client against a bare echo, the product and its peers, in one run on one machine.
//!
//! Echo and product alternate, round by round, at every number of connections, so that what else the machine does falls
//! on both. Each window gets a fresh queue, deleted afterwards. Figures go into one table; the ratios the project has
//! promised follow with their targets.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::child::Server;
use crate::latency::Latencies;
use crate::load::{self, Counts, Plan, Work};
use crate::machine::{self, Machine};
use crate::peers::Peer;
use crate::request::{self, BATCH, Requests};
use crate::scratch::Scratch;
use crate::sqs_report::{Report, Row};
use crate::{subject, wakeup};

/// Echo and SendMessage are measured in this many windows each, in turn.
const ROUNDS: usize = 2;

/// A window never takes more messages than this, which bounds memory and disk on a fast machine.
const MESSAGES_MAX: u64 = 1_500_000;

/// Messages put into a queue before it is drained, how long that may take, and over how many connections.
const FILL_MAX: u64 = 150_000;
const FILL_PATIENCE: Duration = Duration::from_secs(4);
const FILLERS: usize = 8;

/// Peers run at these numbers of connections and for shorter windows. Only a drain gets longer: a slow peer may need
/// seconds for one receive on each of its connections.
const PEER_CONNECTIONS: [usize; 2] = [8, 64];
const PEER_WINDOW_MAX: Duration = Duration::from_secs(2);
const PEER_DRAIN_MAX: Duration = Duration::from_secs(5);

/// What to measure, as the command line says it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Length of one window in seconds
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Numbers of connections
    #[arg(long, value_delimiter = ',', default_value = "1,8,64,512")]
    connections: Vec<usize>,
    /// Servers to compare with; an empty list for none
    #[arg(long, value_delimiter = ',', num_args = 0.., default_value = "moto,ministack,fauxqs")]
    peers: Vec<Peer>,
    /// Write all figures to this file as well
    #[arg(long)]
    json: Option<PathBuf>,
}

/// A kind of load; the order is that of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    Echo,
    EchoOfSend,
    Send,
    SendBatch,
    ReceiveDelete,
    ReceiveDeleteBatch,
}

impl Workload {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo 1 KB",
            Self::EchoOfSend => "echo SendMessage's bytes",
            Self::Send => "SendMessage",
            Self::SendBatch => "SendMessageBatch(10)",
            Self::ReceiveDelete => "Receive(10) + 10 Delete",
            Self::ReceiveDeleteBatch => "Receive(10) + DeleteBatch",
        }
    }
}

const QUEUE_WORK: [Workload; 4] =
    [Workload::Send, Workload::SendBatch, Workload::ReceiveDelete, Workload::ReceiveDeleteBatch];

/// Runs everything and prints it. Errors are those of the benchmark's own parts; a server that fails is a table row.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let machine = Machine::read();
    machine.print();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let mut bench = Bench { runtime, window: Duration::from_secs_f64(options.seconds), report: Report::new(machine) };
    bench.measure_product(&options.connections)?;
    for &peer in &options.peers {
        bench.measure_peer(peer, &options.connections)?;
    }
    bench.report.print();
    match &options.json {
        Some(path) => bench.report.write_json(path).map_err(|error| format!("{}: {error}", path.display())),
        None => Ok(()),
    }
}

struct Bench {
    runtime: tokio::runtime::Runtime,
    window: Duration,
    report: Report,
}

/// One server with the name it has in the table.
struct Subject<'a> {
    name: &'static str,
    server: &'a Server,
    fill_max: u64,
}

/// The product's name in the table.
pub(crate) const PRODUCT: &str = "tidewire";

impl Subject<'_> {
    fn plan(&self, connections: usize, window: Duration, messages_max: u64, work: Work) -> Plan {
        let (address, pid) = (self.server.address, self.server.pid());
        let counts_syncs = self.name == PRODUCT;
        Plan { address, pid, connections, window, messages_max, counts_syncs, work }
    }
}

impl Bench {
    fn measure_product(&mut self, connections: &[usize]) -> Result<(), String> {
        let echo_server = subject::start_echo()?;
        let echo = Subject { name: "echo", server: &echo_server, fill_max: 0 };
        let scratch = Scratch::new("sqs").map_err(|error| error.to_string())?;
        let started = subject::product_binary().and_then(|binary| subject::start_product(&binary, scratch.path()));
        let product_server = match started {
            Ok(server) => Some(server),
            Err(reason) => {
                self.report.skip(PRODUCT, &reason);
                None
            }
        };
        let product = product_server.as_ref().map(|server| Subject { name: PRODUCT, server, fill_max: FILL_MAX });
        for &connections in connections {
            self.measure_side_by_side(&echo, product.as_ref(), connections);
        }
        if let Some(server) = &product_server {
            eprintln!("bench: tidewire, long-poll wake-up");
            let wakeups = self.runtime.block_on(wakeup::measure(server.address));
            self.report.wakeups(wakeups.unwrap_or_else(|error| {
                eprintln!("bench: wake-ups broke off: {error}; the server's last words:\n{}", server.last_lines());
                Latencies::default()
            }));
        }
        Ok(())
    }

    fn measure_side_by_side(&mut self, echo: &Subject<'_>, product: Option<&Subject<'_>>, connections: usize) {
        let mut pairs = vec![(echo, Workload::Echo), (echo, Workload::EchoOfSend)];
        pairs.extend(product.map(|product| (product, Workload::Send)));
        let mut rows: Vec<Row> = Vec::new();
        for round in 0..ROUNDS {
            for (at, (subject, workload)) in pairs.iter().enumerate() {
                let row = self.measure(subject, *workload, connections, self.window);
                if round == 0 { rows.push(row) } else { rows[at].merge(&row) }
            }
        }
        rows.into_iter().for_each(|row| self.report.row(row));
        let Some(product) = product else { return };
        for workload in QUEUE_WORK.into_iter().filter(|&workload| workload != Workload::Send) {
            let row = self.measure(product, workload, connections, self.window);
            self.report.row(row);
        }
    }

    fn measure_peer(&mut self, peer: Peer, connections: &[usize]) -> Result<(), String> {
        let scratch = Scratch::new(peer.name()).map_err(|error| error.to_string())?;
        let server = match peer.start(&scratch) {
            Ok(server) => server,
            Err(reason) => {
                self.report.skip(peer.name(), &reason);
                return Ok(());
            }
        };
        let subject = Subject { name: peer.name(), server: &server, fill_max: peer.fill_max() };
        for connections in PEER_CONNECTIONS.into_iter().filter(|count| connections.contains(count)) {
            for workload in QUEUE_WORK {
                let drains = matches!(workload, Workload::ReceiveDelete | Workload::ReceiveDeleteBatch);
                let window = if drains { PEER_DRAIN_MAX } else { self.window.min(PEER_WINDOW_MAX) };
                let row = self.measure(&subject, workload, connections, window);
                self.report.row(row);
            }
        }
        Ok(())
    }

    /// One window; a server that refuses or breaks off leaves a row with its failure.
    fn measure(&self, subject: &Subject<'_>, workload: Workload, connections: usize, window: Duration) -> Row {
        eprintln!("bench: {}, {}, {connections} connections", subject.name, workload.name());
        machine::touch_memory();
        let outcome = self.runtime.block_on(measured(subject, workload, connections, window));
        let counts = outcome.unwrap_or_else(|error| {
            let failure = Some(error.to_string());
            Counts { failed: connections, failure, ..Counts::default() }
        });
        Row { server: subject.name, workload, connections, counts }
    }
}

/// Prepares the queue, runs the window, and deletes the queue.
async fn measured(
    subject: &Subject<'_>,
    workload: Workload,
    connections: usize,
    window: Duration,
) -> io::Result<Counts> {
    let address = subject.server.address;
    let plan = |work| subject.plan(connections, window, MESSAGES_MAX, work);
    if let Some(request) = echo_request(workload, &Requests::to(address)) {
        let work = Work::Repeat { request, messages: 1, confirmed: None };
        return Ok(load::run(&plan(work)).await);
    }
    let queue_url = subject::create_queue(address).await?;
    let work = queue_work(workload, &Requests::to(address), &queue_url);
    if matches!(work, Work::Drain { .. }) {
        fill(subject, &queue_url).await?;
    }
    let counts = load::run(&plan(work)).await;
    subject::call(address, "DeleteQueue", &request::of_queue(&queue_url)).await?;
    Ok(counts)
}

fn echo_request(workload: Workload, requests: &Requests) -> Option<Vec<u8>> {
    match workload {
        Workload::Echo => Some(requests.bare_post()),
        Workload::EchoOfSend => {
            let body = request::send_message("http://127.0.0.1:4566/000000000000/bench-0");
            Some(requests.build("SendMessage", body.as_bytes()))
        }
        _ => None,
    }
}

fn queue_work(workload: Workload, requests: &Requests, queue_url: &str) -> Work {
    let confirmed = Some("\"MessageId\"");
    let (requests, queue_url) = (requests.clone(), queue_url.to_owned());
    match workload {
        Workload::ReceiveDelete => Work::Drain { requests, queue_url, batch: false },
        Workload::ReceiveDeleteBatch => Work::Drain { requests, queue_url, batch: true },
        Workload::SendBatch => {
            let request = requests.build("SendMessageBatch", request::send_message_batch(&queue_url).as_bytes());
            Work::Repeat { request, messages: BATCH, confirmed }
        }
        Workload::Send | Workload::Echo | Workload::EchoOfSend => {
            let request = requests.build("SendMessage", request::send_message(&queue_url).as_bytes());
            Work::Repeat { request, messages: 1, confirmed }
        }
    }
}

async fn fill(subject: &Subject<'_>, queue_url: &str) -> io::Result<()> {
    let address = subject.server.address;
    let work = queue_work(Workload::SendBatch, &Requests::to(address), queue_url);
    match load::run(&subject.plan(FILLERS, FILL_PATIENCE, subject.fill_max, work)).await.failure {
        Some(failure) => Err(io::Error::other(format!("the queue could not be filled: {failure}"))),
        None => Ok(()),
    }
}
