//! `bench backlog`: a queue that nobody consumes, as large as is asked for, on a server that starts and stops with it.
//!
//! The story: an empty server at rest; a small backlog, drained for a while (the beginning); the fill to the end; drained
//! again with all of it standing (the end); stopped in order and started; killed and started. After each start the counts
//! must be exact and the oldest messages must come first and whole. What was drained was deleted, so it must stay away.

mod drain;
mod lanes;
mod report;
mod watch;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::backlog::lanes::Lanes;
use crate::backlog::report::{Figures, Restart};
use crate::backlog::watch::Watch;
use crate::caller::Caller;
use crate::child::Server;
use crate::folder::{self, OnDisk};
use crate::machine::{self, Machine};
use crate::request::BATCH;
use crate::scratch::Scratch;
use crate::{stamped, subject, usage};

/// At the beginning so many messages are sent and drained, over and over: the backlog stays small all the while.
const SMALL_MAX: u64 = 100_000;

/// Oldest messages looked at after each start.
const OLDEST: u64 = 1_000;

/// How long a start or a stop may take: far beyond the target, so that a miss is measured.
const PATIENCE: Duration = Duration::from_secs(900);

/// How long a server rests before its memory is read.
const REST: Duration = Duration::from_secs(1);

/// Disk that a message takes beside its body, to judge whether the disk is large enough: 185 bytes were measured in a log
/// that keeps everything, the padding of its blocks and what was drained included.
const OVERHEAD_BYTES: u64 = 200;

/// Lanes that each queue gets at least, so that there is always something under way.
const LANES_MIN: usize = 16;

/// What to measure, as the command line says it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Messages that stand in the queues at the end
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    messages: u64,
    /// Bytes of each message's body
    #[arg(long, default_value_t = 200, value_parser = body_bytes)]
    body: usize,
    /// Queues that the messages are spread over
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    queues: u64,
    /// Seconds that messages are received and deleted, at the beginning and at the end
    #[arg(long, default_value_t = 10.0)]
    drain_seconds: f64,
    /// How many times the needed space must be free on the disk
    #[arg(long, default_value_t = 2.0)]
    room: f64,
    /// Leave the data folder where it is
    #[arg(long)]
    keep: bool,
}

fn body_bytes(text: &str) -> Result<usize, String> {
    let bytes = text.parse().map_err(|_| "not a number".to_owned())?;
    let fits: Range<usize> = stamped::BODY_BYTES_MIN..100_001;
    if fits.contains(&bytes) { Ok(bytes) } else { Err(format!("a body has {} to {} bytes", fits.start, fits.end - 1)) }
}

/// Measures and prints. A broken promise (a wrong count, a wrong or damaged message) is an error; a missed target is not.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    Machine::read().print();
    let binary = subject::product_binary()?;
    let scratch = Scratch::new("backlog").map_err(|error| error.to_string())?;
    check_room(options, scratch.path())?;
    let outcome = measure(options, &binary, scratch.path());
    if options.keep {
        println!("kept: {}", scratch.keep().display());
    }
    outcome?.print();
    println!("load at the end {}", machine::load());
    Ok(())
}

fn check_room(options: &Options, data: &Path) -> Result<(), String> {
    let free = folder::free_bytes(data).map_err(|error| error.to_string())? as f64 / 1e9;
    let needed = (options.messages * (options.body as u64 + OVERHEAD_BYTES)) as f64 / 1e9 + 0.3;
    println!("disk: about {needed:.1} GB needed, {free:.1} GB free");
    if free >= needed * options.room {
        return Ok(());
    }
    Err(format!("the disk must have {} × {needed:.1} GB free (`--room` says how many times)", options.room))
}

fn measure(options: &Options, binary: &Path, data: &Path) -> Result<Figures, String> {
    let runtime = subject::client_runtime()?;
    machine::touch_memory();
    let server = subject::start_product(binary, data)?;
    std::thread::sleep(REST);
    let mut figures = Figures::of_empty(options, resident(&server), on_disk(data)?);
    let mut run = Run { options, binary: binary.to_owned(), data: data.to_owned(), lanes: Lanes::default() };
    runtime.block_on(run.fill(&server, &mut figures)).map_err(|why| told(&server, &why))?;
    let stopped_in = server.stop(PATIENCE)?;
    figures.disk = on_disk(data)?;
    let (server, restart) = run.start_again(&runtime, "a stop in order", Some(stopped_in))?;
    figures.restarts.push(restart);
    server.kill().map_err(|error| error.to_string())?;
    let (server, restart) = run.start_again(&runtime, "kill -9", None)?;
    figures.restarts.push(restart);
    server.stop(PATIENCE)?;
    Ok(figures)
}

fn told(server: &Server, why: &str) -> String {
    format!("{why}; the server's last words:\n{}", server.last_lines())
}

fn resident(server: &Server) -> f64 {
    usage::resident_mib(server.pid()).unwrap_or(0.0)
}

fn on_disk(data: &Path) -> Result<OnDisk, String> {
    OnDisk::of(data).map_err(|error| error.to_string())
}

struct Run<'a> {
    options: &'a Options,
    binary: PathBuf,
    data: PathBuf,
    lanes: Lanes,
}

impl Run<'_> {
    /// From the empty server to the whole backlog, with both drains.
    async fn fill(&mut self, server: &Server, figures: &mut Figures) -> Result<(), String> {
        let (messages, address) = (self.options.messages, server.address);
        let mut caller = Caller::new(address);
        let mut urls = Vec::new();
        for queue in 0..self.options.queues {
            urls.push(caller.create_queue(&format!("backlog-{queue}")).await.map_err(|error| error.to_string())?);
        }
        self.lanes = Lanes::over(urls, LANES_MIN, self.options.body);
        let watch = Watch::start(server.pid(), self.data.clone(), messages);
        let twentieth = (messages / 20).next_multiple_of(BATCH as u64);
        self.begin(server, &watch, twentieth.min(SMALL_MAX), figures).await?;
        let rest = self.lanes.fill(address, &watch, twentieth).await?;
        figures.sent_at_beginning = figures.sent_at_beginning + rest;
        figures.sent_between = self.lanes.fill(address, &watch, messages - twentieth).await?;
        figures.sent_at_end = self.lanes.fill(address, &watch, messages).await?;
        figures.resident_full = resident(server);
        figures.disk_full = on_disk(&self.data)?;
        self.lanes.check_counts(address).await?;
        figures.received_at_end = self.lanes.drain(address, self.drain_window()).await?;
        figures.resident_most = Arc::clone(&watch).end().max(resident(server));
        self.lanes.check_counts(address).await
    }

    /// Sends a small backlog and drains it, until it was drained for long enough.
    async fn begin(
        &mut self,
        server: &Server,
        watch: &Arc<Watch>,
        small: u64,
        figures: &mut Figures,
    ) -> Result<(), String> {
        let Figures { sent_at_beginning: sent, received_at_beginning: received, .. } = figures;
        while received.elapsed < self.drain_window() {
            *sent = *sent + self.lanes.fill(server.address, watch, small).await?;
            let left = self.drain_window().saturating_sub(received.elapsed);
            let drained = self.lanes.drain(server.address, left).await?;
            watch.taken(drained.messages);
            *received = *received + drained;
        }
        Ok(())
    }

    fn drain_window(&self) -> Duration {
        Duration::from_secs_f64(self.options.drain_seconds)
    }

    /// Starts the server on its folder and checks what it brings back.
    fn start_again(
        &mut self,
        runtime: &tokio::runtime::Runtime,
        after: &'static str,
        stopped_in: Option<Duration>,
    ) -> Result<(Server, Restart), String> {
        let server = subject::start_product_within(&self.binary, &self.data, PATIENCE)?;
        std::thread::sleep(REST);
        let restart = Restart { after, stopped_in, ready_in: server.started_in, resident: resident(&server) };
        println!("after {after}: Ready. in {:.2} s", restart.ready_in.as_secs_f64());
        let checked = runtime.block_on(async {
            self.lanes.check_counts(server.address).await?;
            self.lanes.take_oldest(server.address, OLDEST).await?;
            self.lanes.check_counts(server.address).await
        });
        checked.map_err(|why| told(&server, &format!("after {after}: {why}")))?;
        Ok((server, restart))
    }
}
