//! `cargo xtask sim`: many histories, or one of them with its trace.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command; the terminal is its output")]

use clap::Parser;
use sim::{Failure, Plan, Report, Subject, run, shrink};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the figures so far are printed.
const PROGRESS: Duration = Duration::from_secs(60);

/// Lives the whole server's life on a simulated disk, clock and network.
#[derive(Parser)]
struct Wanted {
    /// Repeat this one and print its trace.
    #[arg(long)]
    seed: Option<u64>,
    /// How many seeds to try.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// Go on for so many hours instead.
    #[arg(long)]
    hours: Option<f64>,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Only histories of queues, of streams, or of topics; otherwise seeds are of one after the other.
    #[arg(long, value_parser = ["queues", "streams", "topics"])]
    of: Option<String>,
    /// Clients that ask at the same time.
    #[arg(long, default_value_t = Plan::long().clients)]
    clients: usize,
    /// Steps of each history.
    #[arg(long, default_value_t = Plan::long().steps)]
    steps: usize,
}

fn main() -> ExitCode {
    let wanted = Wanted::parse();
    match wanted.seed {
        Some(seed) => repeat(seed, &Plan { keep_trace: true, ..wanted.plan(seed) }),
        None => search(&wanted),
    }
}

impl Wanted {
    fn plan(&self, seed: u64) -> Plan {
        let subject = self.of.as_deref().and_then(Subject::named).unwrap_or_else(|| Subject::of_seed(seed));
        Plan { subject, clients: self.clients, steps: self.steps, ..Plan::long() }
    }
}

fn repeat(seed: u64, plan: &Plan) -> ExitCode {
    match run(seed, plan) {
        Ok(report) => {
            println!("{report}\nseed {seed} keeps every promise; trace {:016x}", report.trace);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            failure.trace.iter().for_each(|line| println!("{line}"));
            println!("\n{failure}");
            ExitCode::FAILURE
        }
    }
}

/// What the threads of a search share.
struct Search {
    next: AtomicU64,
    total: Mutex<Report>,
    failures: Mutex<Vec<Failure>>,
}

fn search(wanted: &Wanted) -> ExitCode {
    let until = wanted.hours.map(|hours| Duration::from_secs_f64(hours * 3_600.0));
    let last = if until.is_some() { u64::MAX } else { wanted.from.saturating_add(wanted.seeds) };
    let began = Instant::now();
    let search = Search { next: AtomicU64::new(wanted.from), total: Mutex::default(), failures: Mutex::default() };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for number in 0..threads {
            let search = &search;
            scope.spawn(move || search.work(wanted, last, began, until, number == 0));
        }
    });
    search.conclude(began)
}

impl Search {
    fn work(&self, wanted: &Wanted, last: u64, began: Instant, until: Option<Duration>, reports: bool) {
        let mut printed = Instant::now();
        while until.is_none_or(|until| began.elapsed() < until) {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if seed >= last {
                return;
            }
            match run(seed, &wanted.plan(seed)) {
                Ok(report) => *lock(&self.total) += report,
                Err(failure) => {
                    let failure = shrink(failure);
                    println!("{failure}");
                    lock(&self.failures).push(failure);
                }
            }
            if reports && printed.elapsed() > PROGRESS {
                printed = Instant::now();
                println!("{}", self.progress(began));
            }
        }
    }

    fn progress(&self, began: Instant) -> String {
        let (total, seconds) = (*lock(&self.total), began.elapsed().as_secs_f64());
        let rate = total.runs as f64 / seconds;
        let findings = lock(&self.failures).len();
        format!("{} seeds in {seconds:.0} s, {rate:.1}/s, {} crashes, {findings} findings", total.runs, total.crashes())
    }

    fn conclude(&self, began: Instant) -> ExitCode {
        // The guard of the first must be gone before the second locks again.
        let total = *lock(&self.total);
        println!("{total}\n{}", self.progress(began));
        match lock(&self.failures).is_empty() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
