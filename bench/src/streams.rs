//! `bench streams`: a stream of very many shards with as much in it as is asked for, on a server that stops and starts with it.
//!
//! The story: an empty server at rest; the stream is made and filled; some of its shards are read from end to end; the server is
//! stopped in order and started, killed and started, and the same shards are read after each start, when nothing of them is in
//! memory. Every record must be there once and in order, and MillisBehindLatest true to the second.

mod fill;
mod look;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::child::Server;
use crate::folder::{self, OnDisk};
use crate::kinesis::requests::{RECORD_BYTES, create_stream};
use crate::machine::{self, Machine};
use crate::scratch::Scratch;
use crate::streams::fill::Progress;
use crate::streams::look::{Filled, Look, look};
use crate::table::{Table, figure, figure_or_none};
use crate::verdict::{self, Bound, Verdict};
use crate::{subject, usage};

/// How long a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// How long a server rests before its memory is read.
const REST: Duration = Duration::from_secs(2);

/// Between two lines that tell how far the fill is.
const LINE: Duration = Duration::from_secs(10);

/// What the machine keeps of its disk.
const FREE_DISK_MIN: u64 = 3 << 30;

/// A start with the stream in it (issue "a store without limits"); RAM has no target of its own and is shown.
const READY_SECS_MAX: f64 = 3.0;

/// MillisBehindLatest (issue "Kinesis Data Streams, whole").
const BEHIND_OFF_SECS_MAX: f64 = 1.0;

/// What to measure, as the command line says it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Shards of the stream
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    shards: u64,
    /// Gigabytes of data that are put into it, in records of 1 KB
    #[arg(long, default_value_t = 2.0)]
    gigabytes: f64,
    /// Shards that are read from end to end after each start
    #[arg(long, default_value_t = 8)]
    looked_at: usize,
    /// How many times the needed space must be free on the disk
    #[arg(long, default_value_t = 1.5)]
    room: f64,
}

/// Measures and prints. A record that is lost, repeated or out of order is an error; a missed target is not.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    Machine::read().print();
    let binary = subject::product_binary()?;
    let scratch = Scratch::new("streams").map_err(|error| error.to_string())?;
    check_room(options, scratch.path())?;
    let mut report = Report { table: Table::new(&["what", "measured"], 2), verdicts: Vec::new() };
    measure(options, &binary, scratch.path(), &mut report)?;
    println!("\n{} shards, {} GB of records, durable", options.shards, figure(options.gigabytes));
    println!("{}\n{}", report.table.render(), verdict::render(&report.verdicts));
    println!("what was read was there once, in order within each key, after each start");
    println!("load at the end {}", machine::load());
    Ok(())
}

fn check_room(options: &Options, data: &Path) -> Result<(), String> {
    let free = folder::free_bytes(data).map_err(|error| error.to_string())? as f64 / 1e9;
    println!("disk: {:.1} GB asked for, {free:.1} GB free", options.gigabytes);
    if free >= options.gigabytes * options.room + FREE_DISK_MIN as f64 / 1e9 {
        return Ok(());
    }
    Err(format!("the disk must have {} × what is asked for free (`--room` says how many times)", options.room))
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

    fn at_most(&mut self, what: String, value: f64, unit: &'static str, target: f64) {
        let (bound, note) = (Bound::AtMost, String::new());
        self.verdicts.push(Verdict { what, value: Some(value), unit, bound, target, note });
    }

    fn look(&mut self, mut look: Look) {
        let after = look.after;
        let rate = format!("{} MB/s, {} shards whole", figure(look.megabytes_per_second()), look.shards);
        self.row(&format!("read from the oldest on, {after}"), rate);
        for (what, latencies) in
            [("oldest", &mut look.oldest), ("middle", &mut look.middle), ("newest", &mut look.newest)]
        {
            let millis = latencies.percentile_micros(100.0).map(|micros| micros / 1e3);
            self.row(&format!("first answer from the {what}, at most, {after}"), figure_or_none(millis) + " ms");
        }
        let off = look.behind_off_millis as f64 / 1e3;
        self.at_most(format!("MillisBehindLatest off the truth, {after}"), off, "s", BEHIND_OFF_SECS_MAX);
    }
}

fn measure(options: &Options, binary: &Path, data: &Path, report: &mut Report) -> Result<(), String> {
    let runtime = subject::client_runtime()?;
    machine::touch_memory();
    let server = subject::start_product(binary, data)?;
    std::thread::sleep(REST);
    let empty = memory(&server);
    report.row("RSS empty", format!("{empty:.1} MiB"));
    let filled = fill_stream(options, &runtime, &server, data, empty, report)?;
    let looked = |address, number, after| runtime.block_on(look(address, &filled, options.looked_at, number, after));
    report.look(looked(server.address, 0, "filled")?);
    let stopped_in = server.stop(PATIENCE)?;
    report.row("stop in order", format!("{:.2} s", stopped_in.as_secs_f64()));
    for (number, after) in [(1, "after a stop in order"), (2, "after kill -9")] {
        let server = subject::start_product_within(binary, data, PATIENCE)?;
        let ready_in = server.started_in.as_secs_f64();
        report.row(&format!("Ready. {after}"), format!("{ready_in:.2} s"));
        report.at_most(format!("start to Ready. {after}"), ready_in, "s", READY_SECS_MAX);
        std::thread::sleep(REST);
        report.row(&format!("RSS {after}, over empty"), format!("{:.1} MiB", memory(&server) - empty));
        report.look(looked(server.address, number, after)?);
        report.row(&format!("RSS {after}, after reading, over empty"), format!("{:.1} MiB", memory(&server) - empty));
        server.kill().map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn memory(server: &Server) -> f64 {
    usage::resident_mib(server.pid()).unwrap_or(0.0)
}

fn fill_stream(
    options: &Options,
    runtime: &tokio::runtime::Runtime,
    server: &Server,
    data: &Path,
    empty: f64,
    report: &mut Report,
) -> Result<Filled, String> {
    let (address, shards) = (server.address, options.shards as usize);
    let begun = Instant::now();
    let stream = runtime.block_on(create_stream(address, shards)).map_err(|error| error.to_string())?;
    report.row("the stream is made in", format!("{:.2} s", begun.elapsed().as_secs_f64()));
    let records = (options.gigabytes * 1e9 / RECORD_BYTES as f64) as u64;
    let (progress, begun, began_millis) = (Arc::new(Progress::default()), Instant::now(), now_millis());
    let watch = watch(server.pid(), data, records, Arc::clone(&progress));
    let rounds = runtime.block_on(fill::fill(address, &stream, records, &progress));
    progress.stopped.store(true, Ordering::Relaxed);
    let most = watch.join().expect("the watch does not panic");
    let rounds = rounds.map_err(|why| format!("{why}; the server's last words:\n{}", server.last_lines()))?;
    let (put, seconds) = (progress.records.load(Ordering::Relaxed) as f64, begun.elapsed().as_secs_f64());
    if put < records as f64 {
        return Err("the disk has become too full; ask for less".into());
    }
    let megabytes = put * RECORD_BYTES as f64 / 1e6;
    let rate = format!("{} records/s, {} MB/s", figure(put / seconds), figure(megabytes / seconds));
    report.row("filled", format!("{} MB in {seconds:.1} s: {rate}", figure(megabytes)));
    std::thread::sleep(REST);
    let full = memory(server) - empty;
    report.row("RSS full, over empty", format!("{full:.1} MiB, at most {:.1} MiB", most - empty));
    report.row("disk", OnDisk::of(data).map_err(|error| error.to_string())?.kinds());
    Ok(Filled { stream, shards, rounds, middle_millis: i64::midpoint(began_millis, now_millis() - 2_000) })
}

/// Tells now and then how far the fill is, and stops it when the disk is too full; the most memory that was seen.
fn watch(pid: u32, data: &Path, wanted: u64, progress: Arc<Progress>) -> std::thread::JoinHandle<f64> {
    let data = data.to_owned();
    std::thread::spawn(move || {
        let (mut most, mut told) = (0.0_f64, Instant::now());
        while !progress.stopped.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(200));
            let resident = usage::resident_mib(pid).unwrap_or(0.0);
            most = most.max(resident);
            if folder::free_bytes(&data).is_ok_and(|free| free < FREE_DISK_MIN) {
                progress.stopped.store(true, Ordering::Relaxed);
            }
            if told.elapsed() > LINE {
                told = Instant::now();
                let records = progress.records.load(Ordering::Relaxed);
                eprintln!("bench: {records} of {wanted} records, RSS {resident:.0} MiB");
            }
        }
        most
    })
}

fn now_millis() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(now.as_millis()).expect("a time of this age")
}
