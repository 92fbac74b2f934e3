//! `bench queues`: ten thousand queues with a few messages and a long poll each, on a server that has nothing to do.
//!
//! The messages are delayed by 15 minutes, so that a poll really waits. CPU is read twice: while every poll waits, and
//! over 20 s, in which each ends once and is asked again. Then the server is stopped in order and killed, and started.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::caller::{Caller, QueueCounts};
use crate::child::Server;
use crate::folder::OnDisk;
use crate::long_polls::{LongPolls, WAIT};
use crate::machine::{self, Machine};
use crate::request::{BATCH, Requests};
use crate::scratch::Scratch;
use crate::stamped::{self, Stamp, Stamped};
use crate::subject;
use crate::table::{Table, figure};
use crate::usage::{CpuSample, resident_mib};
use crate::verdict::{self, Bound, Verdict};

/// Connections that make and fill the queues.
const CONNECTIONS: usize = 16;

/// The longest delay that AWS allows.
const DELAY_SECS: u32 = 900;

/// How long a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Rest before memory is read, and between opening the polls and the first look at CPU.
const REST: Duration = Duration::from_secs(2);

/// Left between the end of the first look and the first poll's end.
const MARGIN: Duration = Duration::from_secs(2);

/// The promises: issue "a store without limits", second figure, and the start that its first one names.
const CPU_PERCENT_MAX: f64 = 1.0;
const READY_SECS_MAX: f64 = 3.0;

/// Queues that are asked for their counts after a start.
const LOOKED_AT: usize = 100;

/// What to measure, as the command line says it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Queues, each with a long poll
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    queues: u64,
    /// Messages in each queue, in tens
    #[arg(long, default_value_t = 100)]
    messages: u64,
    /// Bytes of each message's body
    #[arg(long, default_value_t = 200)]
    body: usize,
}

/// Measures and prints; a wrong count after a start, or a poll that ends with anything but nothing, is an error.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    Machine::read().print();
    if options.body < stamped::BODY_BYTES_MIN {
        return Err(format!("a body has at least {} bytes", stamped::BODY_BYTES_MIN));
    }
    let binary = subject::product_binary()?;
    let scratch = Scratch::new("queues").map_err(|error| error.to_string())?;
    let mut report = Report { table: Table::new(&["what", "measured"], 2), verdicts: Vec::new() };
    let urls = serve(options, &binary, scratch.path(), &mut report)?;
    start_again(options, &binary, scratch.path(), &urls, &mut report)?;
    println!("\n{} queues with {} messages of {} bytes", options.queues, options.messages, options.body);
    println!("{}\n{}", report.table.render(), verdict::render(&report.verdicts));
    println!("load at the end {}", machine::load());
    Ok(())
}

struct Report {
    table: Table,
    verdicts: Vec<Verdict>,
}

impl Report {
    fn row(&mut self, what: &str, measured: String) {
        eprintln!("bench: {what}: {measured}");
        self.table.row(vec![what.into(), measured]);
    }

    fn at_most(&mut self, what: &str, value: f64, unit: &'static str, target: f64) {
        let (what, bound, note) = (what.to_owned(), Bound::AtMost, String::new());
        self.verdicts.push(Verdict { what, value: Some(value), unit, bound, target, note });
    }
}

fn memory(server: &Server) -> String {
    resident_mib(server.pid()).map_or_else(|| "n/a".into(), |mib| format!("{mib:.1} MiB"))
}

/// The first server: empty, filled, polled, stopped in order. Gives the queues' URLs: their paths hold for the later ones too.
fn serve(options: &Options, binary: &Path, data: &Path, report: &mut Report) -> Result<Vec<String>, String> {
    let server = subject::start_product(binary, data)?;
    std::thread::sleep(REST);
    report.row("RSS empty", memory(&server));
    let runtime = subject::client_runtime()?;
    let begun = Instant::now();
    let urls = runtime.block_on(make(options, server.address))?;
    let made = format!(
        "{:.1} s, {} messages",
        begun.elapsed().as_secs_f64(),
        figure((options.queues * options.messages) as f64)
    );
    report.row("made and filled in", made);
    std::thread::sleep(REST);
    report.row("RSS filled", memory(&server));
    let disk = OnDisk::of(data).map_err(|error| error.to_string())?;
    report.row("disk", disk.kinds());
    runtime.block_on(rest(&server, &urls, report)).map_err(|why| format!("{why}\n{}", server.last_lines()))?;
    drop(runtime);
    let stopped_in = server.stop(PATIENCE)?;
    report.row("stop in order", format!("{:.2} s", stopped_in.as_secs_f64()));
    Ok(urls)
}

/// Opens the polls and reads what the server spends while they wait.
async fn rest(server: &Server, urls: &[String], report: &mut Report) -> Result<(), String> {
    let first = Instant::now();
    let mut polls = LongPolls::open(server.address, urls).await?;
    tokio::time::sleep(REST).await;
    report.row("RSS with a long poll on each", memory(server));
    let window = (first + WAIT).saturating_duration_since(Instant::now() + MARGIN);
    let waiting = spent(server, window).await;
    if polls.ended() > 0 {
        return Err(format!("{} polls ended before their time", polls.ended()));
    }
    report.row("CPU of one core, every poll waiting", format!("{waiting:.2} % over {:.1} s", window.as_secs_f64()));
    let turning = spent(server, WAIT).await;
    let ended = polls.ended();
    report.row("CPU of one core, polls asked again", format!("{turning:.2} % over 20 s, {ended} polls ended"));
    polls.check()?;
    if ended < urls.len() as u64 {
        return Err(format!("only {ended} of {} polls ended in their time", urls.len()));
    }
    report.at_most("CPU at rest, every poll waiting", waiting, "%", CPU_PERCENT_MAX);
    report.at_most("CPU at rest, each poll asked again once in 20 s", turning, "%", CPU_PERCENT_MAX);
    Ok(())
}

async fn spent(server: &Server, window: Duration) -> f64 {
    let (before, begun) = (CpuSample::of(server.pid()), Instant::now());
    tokio::time::sleep(window).await;
    CpuSample::of(server.pid()).since(&before).as_secs_f64() * 100.0 / begun.elapsed().as_secs_f64()
}

/// Starts after the stop, and after a kill -9 on top of it.
fn start_again(
    options: &Options,
    binary: &Path,
    data: &Path,
    urls: &[String],
    report: &mut Report,
) -> Result<(), String> {
    for after in ["a stop in order", "kill -9"] {
        let server = subject::start_product_within(binary, data, PATIENCE)?;
        let ready_in = server.started_in.as_secs_f64();
        report.row(&format!("Ready. after {after}"), format!("{ready_in:.2} s"));
        report.at_most(&format!("start to Ready. after {after}"), ready_in, "s", READY_SECS_MAX);
        std::thread::sleep(REST);
        report.row(&format!("RSS after {after} and a start"), memory(&server));
        subject::client_runtime()?.block_on(check_counts(options, server.address, urls))?;
        server.kill().map_err(|error| error.to_string())?;
    }
    Ok(())
}

async fn check_counts(options: &Options, address: SocketAddr, urls: &[String]) -> Result<(), String> {
    let mut caller = Caller::new(address);
    let expected = QueueCounts { delayed: options.messages.next_multiple_of(BATCH as u64), ..QueueCounts::default() };
    for queue_url in urls.iter().step_by((urls.len() / LOOKED_AT).max(1)) {
        let found = caller.counts(queue_url).await.map_err(|error| error.to_string())?;
        if found != expected {
            return Err(format!("{queue_url} says {found:?} and must say {expected:?}"));
        }
    }
    Ok(())
}

/// Makes and fills every queue; their URLs in order.
async fn make(options: &Options, address: SocketAddr) -> Result<Vec<String>, String> {
    let mut makers = JoinSet::new();
    let Options { queues, messages, body } = *options;
    for maker in 0..CONNECTIONS as u64 {
        makers.spawn(async move {
            let mut caller = Caller::new(address);
            let mut urls = Vec::new();
            for queue in (maker..queues).step_by(CONNECTIONS) {
                let queue_url = caller.create_queue(&format!("queue-{queue}")).await?;
                let mut batch = Stamped::ten(&Requests::to(address), &queue_url, body, DELAY_SECS);
                for number in (0..messages).step_by(BATCH) {
                    caller.send_prepared(batch.numbered(Stamp { lane: 0, number })).await?;
                }
                urls.push(queue_url);
            }
            Ok::<_, std::io::Error>(urls)
        });
    }
    let mut urls = Vec::new();
    while let Some(made) = makers.join_next().await {
        urls.extend(made.expect("a maker does not panic").map_err(|error| error.to_string())?);
    }
    Ok(urls)
}
