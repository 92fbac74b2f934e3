//! `bench journal`: durable acknowledgements of the journal, in process, against the raw disk.
//!
//! For every number of clients, round by round: the journal; a raw loop of `pwrite` + `fdatasync` that writes blocks of
//! exactly the size the journal's blocks had on average, to a file of the same kind, at the same thread priority; and
//! the same clients through a state behind a lock and through an engine thread behind a bounded channel, which decides
//! where a partition should live.

mod closed_loop;
mod paths;
mod raw_log;

use std::sync::Arc;
use std::time::{Duration, Instant};

use journal::{Checkpoint, Journal, Options, RealDisk, Stats};
use serde::Serialize;
use tokio::runtime::Runtime;

use self::closed_loop::{Outcome, Path};
pub(crate) use self::closed_loop::{RECORD_BYTES, entry, fresh_partition};
use self::paths::{Direct, EngineOpens, EngineThread, Locked};
use self::raw_log::RawLog;
use crate::machine::{self, Machine};
use crate::scratch::Scratch;
use crate::table::{Table, figure, figure_or_none};
use crate::verdict::{self, Bound, Verdict};

/// Numbers of closed-loop clients, each with one record of 1 KB under way.
const CLIENTS: [usize; 5] = [1, 8, 32, 128, 512];

/// All paths take turns this often, so that what else the machine does falls on all of them.
const ROUNDS: usize = 4;

/// The number of clients the target is set for, and the least part of the raw disk's rate.
const TARGET_CLIENTS: usize = 128;
const TARGET_PART: f64 = 0.60;

/// How long the keeper may take to zero its spare files before a measurement begins.
const SPARES_PATIENCE: Duration = Duration::from_secs(30);

/// How often a bench's log is trimmed. Checkpoints will do that in the product; without it every file would be a new
/// one, and the figure would be that of zeroing files.
const TRIM_EVERY: Duration = Duration::from_millis(50);

/// What to measure, as the command line says it.
#[derive(Debug, clap::Args)]
pub(crate) struct JournalOptions {
    /// Length of one window in seconds
    #[arg(long, default_value_t = 0.5)]
    seconds: f64,
    /// Numbers of clients
    #[arg(long, value_delimiter = ',', default_values_t = CLIENTS)]
    clients: Vec<usize>,
    /// Write all figures to this file as well
    #[arg(long)]
    json: Option<std::path::PathBuf>,
}

const JOURNAL: &str = "journal";
const LOCKED: &str = "state behind a lock";
const ENGINE_OPENS: &str = "engine thread opens replies";

/// The rows for each number of clients.
const PATHS: [&str; 5] = [JOURNAL, "raw pwrite + fdatasync", LOCKED, "engine thread, task waits", ENGINE_OPENS];

/// Where the raw disk stands among them.
const RAW_AT: usize = 1;

/// One line of the table.
#[derive(Debug, Clone, Serialize)]
struct Row {
    clients: usize,
    path: &'static str,
    acks_per_second: f64,
    p50_micros: Option<f64>,
    p99_micros: Option<f64>,
    records_per_sync: f64,
    syncs_per_second: f64,
    cpu_micros_per_ack: f64,
    /// Of the raw disk's rate in the same rounds.
    part_of_raw: f64,
    /// Of the rate the raw disk would have if every sync took its median time. Other programs' bursts make some syncs
    /// of both wait for a scheduler tick; this is the ceiling without them, and so the harder comparison.
    part_of_raw_median: f64,
}

impl Row {
    fn compare(&mut self, raw: &Row) {
        let median_rate = raw.p50_micros.map_or(f64::INFINITY, |micros| raw.records_per_sync * 1e6 / micros.max(1e-3));
        self.part_of_raw = self.acks_per_second / raw.acks_per_second.max(1e-9);
        self.part_of_raw_median = self.acks_per_second / median_rate;
    }
}

/// Measures and prints.
pub(crate) fn run(options: &JournalOptions) -> Result<(), String> {
    let machine = Machine::read();
    machine.print();
    let bench = CommitBench::open(Duration::from_secs_f64(options.seconds))?;
    println!(
        "log files: 64 MiB, pre-zeroed and recycled, {}",
        if bench.raw.is_direct() { "O_DIRECT" } else { "buffered" }
    );
    let rows = options.clients.iter().map(|&clients| bench.measure(clients)).collect::<Result<Vec<_>, _>>()?.concat();
    let verdicts = verdicts(&rows);
    print_rows(&rows, &verdicts);
    match &options.json {
        Some(path) => {
            let report = serde_json::json!({ "machine": machine, "rows": rows, "verdicts": verdicts });
            std::fs::write(path, format!("{report:#}\n")).map_err(|error| format!("{}: {error}", path.display()))
        }
        None => Ok(()),
    }
}

struct CommitBench {
    runtime: Runtime,
    journal: Arc<Journal>,
    raw: RawLog,
    window: Duration,
    /// Dropped last: the folder of both logs.
    _scratch: Scratch,
}

/// What the journal did during one window, beside what its clients saw.
struct Measured {
    outcome: Outcome,
    records_per_sync: f64,
    bytes_per_sync: f64,
    syncs: f64,
}

impl CommitBench {
    fn open(window: Duration) -> Result<Self, String> {
        let text = |error: std::io::Error| error.to_string();
        let scratch = Scratch::new("journal").map_err(text)?;
        let disk = Arc::new(RealDisk::open(scratch.path().join("log")).map_err(text)?);
        let journal = Journal::open(disk, Options::default(), &mut |_| Ok(()), &mut |_| Ok(()))
            .map_err(|error| error.to_string())?;
        let journal = Arc::new(journal);
        let raw = RawLog::create(&scratch.path().join("raw")).map_err(text)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(text)?;
        runtime.spawn(keep_trimmed(Arc::clone(&journal)));
        Ok(Self { runtime, journal, raw, window, _scratch: scratch })
    }

    fn measure(&self, clients: usize) -> Result<Vec<Row>, String> {
        let mut rounds: [Vec<Measured>; PATHS.len()] = Default::default();
        for _ in 0..ROUNDS {
            for (of_path, measured) in rounds.iter_mut().zip(self.round(clients)?) {
                of_path.push(measured);
            }
        }
        let mut rows: Vec<Row> = PATHS.iter().zip(rounds).map(|(path, rounds)| row(clients, path, rounds)).collect();
        let raw = rows[RAW_AT].clone();
        rows.iter_mut().for_each(|row| row.compare(&raw));
        Ok(rows)
    }

    /// One window on every path, in the order of `PATHS`.
    fn round(&self, clients: usize) -> Result<[Measured; PATHS.len()], String> {
        let journal = || Arc::clone(&self.journal);
        let direct = self.journaled(clients, &Arc::new(Direct::new(journal())))?;
        let raw = self.raw(&direct)?;
        let locked = self.journaled(clients, &Arc::new(Locked::new(journal())))?;
        let waits = self.journaled(clients, &Arc::new(EngineThread::start(journal())))?;
        let opens = self.journaled(clients, &Arc::new(EngineOpens::start(journal())))?;
        Ok([direct, raw, locked, waits, opens])
    }

    /// One window of `clients` tasks that commit through `path`.
    fn journaled<P: Path>(&self, clients: usize, path: &Arc<P>) -> Result<Measured, String> {
        self.wait_for_spares()?;
        let before = self.journal.stats();
        let mut outcome = self.runtime.block_on(closed_loop::run(path, clients, self.window));
        if let Some(broken) = outcome.broken.take() {
            return Err(broken);
        }
        Ok(Measured::new(outcome, &before, &self.journal.stats()))
    }

    fn raw(&self, like: &Measured) -> Result<Measured, String> {
        let outcome = self.raw.run(like.bytes_per_sync, self.window).map_err(|error| error.to_string())?;
        let syncs = outcome.acks as f64;
        let acks = (syncs * like.records_per_sync) as u64;
        let outcome = Outcome { acks, ..outcome };
        Ok(Measured { outcome, records_per_sync: like.records_per_sync, bytes_per_sync: like.bytes_per_sync, syncs })
    }

    fn wait_for_spares(&self) -> Result<(), String> {
        let deadline = Instant::now() + SPARES_PATIENCE;
        while self.journal.stats().spares < Options::default().spares as u64 {
            if Instant::now() > deadline {
                return Err(format!("the journal had no spare files ready after {SPARES_PATIENCE:?}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

async fn keep_trimmed(journal: Arc<Journal>) {
    loop {
        tokio::time::sleep(TRIM_EVERY).await;
        while let retire @ Some(_) = journal.closed_file() {
            let snapshots = &mut std::iter::empty();
            // A fault has stopped the journal, and its clients say so.
            let _ = journal.checkpoint(Checkpoint {
                complete: true,
                snapshots,
                retire,
                drop_segments: &[],
                set_aside: &[],
                stands: &|| true,
            });
        }
    }
}

impl Measured {
    /// The counters also hold the warm-up, so only their ratios are used, and the rate of syncs follows from the acks.
    fn new(outcome: Outcome, before: &Stats, after: &Stats) -> Self {
        let blocks = (after.blocks - before.blocks).max(1) as f64;
        let records_per_sync = (after.records - before.records) as f64 / blocks;
        let bytes_per_sync = (after.written_bytes - before.written_bytes) as f64 / blocks;
        let syncs = outcome.acks as f64 / records_per_sync.max(1e-9);
        Self { outcome, records_per_sync, bytes_per_sync, syncs }
    }
}

fn row(clients: usize, path: &'static str, rounds: Vec<Measured>) -> Row {
    let syncs: f64 = rounds.iter().map(|round| round.syncs).sum();
    let mut total = Outcome::default();
    rounds.into_iter().for_each(|round| total.merge(&round.outcome));
    let seconds = total.elapsed.as_secs_f64().max(1e-9);
    let acks_per_second = total.acks as f64 / seconds;
    Row {
        clients,
        path,
        acks_per_second,
        p50_micros: total.latencies.percentile_micros(50.0),
        p99_micros: total.latencies.percentile_micros(99.0),
        records_per_sync: total.acks as f64 / syncs.max(1e-9),
        syncs_per_second: syncs / seconds,
        cpu_micros_per_ack: total.cpu.as_secs_f64() * 1e6 / total.acks.max(1) as f64,
        part_of_raw: 0.0,
        part_of_raw_median: 0.0,
    }
}

fn verdicts(rows: &[Row]) -> Vec<Verdict> {
    let find = |path: &str| rows.iter().find(|row| row.clients == TARGET_CLIENTS && row.path == path);
    let ratio = |of: fn(&Row) -> f64, over: &str, under: &str| find(over).zip(find(under)).map(|(o, u)| of(o) / of(u));
    let verdict = |what: &str, value: Option<f64>, unit, target, note: String| {
        let what = format!("{what}, {TARGET_CLIENTS} clients");
        Verdict { what, value, unit, bound: Bound::AtLeast, target, note }
    };
    let journal = find(JOURNAL);
    let median = journal.map(|row| format!("{} % of raw at its median sync", figure(row.part_of_raw_median * 100.0)));
    let part = journal.map(|row| row.part_of_raw * 100.0);
    let acks = ratio(|row| row.acks_per_second, LOCKED, ENGINE_OPENS);
    let cpu = ratio(|row| row.cpu_micros_per_ack, ENGINE_OPENS, LOCKED);
    let lock_wins = || "met: a lock is the better home of a partition".to_owned();
    vec![
        verdict("journal ÷ raw disk, acks/s", part, "%", TARGET_PART * 100.0, median.unwrap_or_default()),
        verdict("acks/s, lock ÷ engine thread", acks, "×", 1.0, lock_wins()),
        verdict("CPU per ack, engine thread ÷ lock", cpu, "×", 1.0, lock_wins()),
    ]
}

fn print_rows(rows: &[Row], verdicts: &[Verdict]) {
    let heading = [
        "path",
        "clients",
        "acks/s",
        "p50 µs",
        "p99 µs",
        "rec/sync",
        "syncs/s",
        "CPU µs/ack",
        "% of raw",
        "% of raw p50",
    ];
    let mut table = Table::new(&heading, 1);
    for row in rows {
        table.row(vec![
            row.path.into(),
            row.clients.to_string(),
            figure(row.acks_per_second),
            figure_or_none(row.p50_micros),
            figure_or_none(row.p99_micros),
            figure(row.records_per_sync),
            figure(row.syncs_per_second),
            figure(row.cpu_micros_per_ack),
            figure(row.part_of_raw * 100.0),
            figure(row.part_of_raw_median * 100.0),
        ]);
    }
    println!("\n{}\n{}load at the end {}", table.render(), verdict::render(verdicts), machine::load());
}
