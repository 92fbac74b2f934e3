//! What `bench kinesis` found: rates, latencies of pushes, the promised ratios with their targets, what was skipped; as text and as
//! JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::requests::RECORD_BYTES;
use super::{PRODUCT, Workload};
use crate::latency::Latencies;
use crate::load::Counts;
use crate::machine::{self, Machine};
use crate::table::{Table, figure, figure_or_none};
use crate::verdict::{self, Bound, Verdict};

/// Durable PutRecords records per second against the best emulator, and against JetStream (issue "Kinesis Data Streams, whole").
const TIMES_EMULATOR_MIN: f64 = 20.0;
const TIMES_JETSTREAM_MIN: f64 = 1.0;

/// One line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) server: &'static str,
    pub(crate) workload: Workload,
    pub(crate) shards: usize,
    pub(crate) connections: usize,
    pub(crate) counts: Counts,
}

/// Latencies from put to push.
pub(crate) struct Pushes {
    pub(crate) server: &'static str,
    pub(crate) subscribers: usize,
    pub(crate) latencies: Latencies,
}

#[derive(Debug, Serialize)]
struct Figures {
    server: &'static str,
    workload: &'static str,
    shards: usize,
    connections: usize,
    requests_per_second: f64,
    records_per_second: f64,
    megabytes_per_second: f64,
    p50_micros: Option<f64>,
    p99_micros: Option<f64>,
    cpu_micros_per_record: Option<f64>,
    syncs_per_second: Option<f64>,
    cpu_micros_per_record_by_thread: BTreeMap<String, f64>,
    failed_connections: usize,
    failure: Option<String>,
}

#[derive(Debug, Serialize)]
struct PushFigures {
    server: &'static str,
    subscribers: usize,
    pushes: usize,
    p50_millis: Option<f64>,
    p99_millis: Option<f64>,
}

#[derive(Serialize)]
struct JsonReport<'a> {
    machine: &'a Machine,
    load_at_the_end: String,
    rows: Vec<Figures>,
    pushes: Vec<PushFigures>,
    verdicts: Vec<Verdict>,
    skipped: &'a [(String, String)],
}

const HEADING: [&str; 12] = [
    "server",
    "workload",
    "shards",
    "conns",
    "req/s",
    "rec/s",
    "MB/s",
    "p50 µs",
    "p99 µs",
    "CPU µs/rec",
    "fsync/s",
    "failed",
];

impl Row {
    fn cpu_by_thread(&self) -> BTreeMap<String, f64> {
        let records = self.counts.messages.max(1) as f64;
        let micros = |(name, cpu): (&String, &Duration)| (name.clone(), cpu.as_secs_f64() * 1e6 / records);
        self.counts.cpu_by_name.iter().map(micros).collect()
    }

    fn figures(&self) -> Figures {
        let (counts, mut latencies) = (&self.counts, self.counts.latencies.clone());
        let records_per_second = counts.messages_per_second();
        Figures {
            server: self.server,
            workload: self.workload.name(),
            shards: self.shards,
            connections: self.connections,
            requests_per_second: counts.requests_per_second(),
            records_per_second,
            megabytes_per_second: records_per_second * RECORD_BYTES as f64 / 1e6,
            p50_micros: latencies.percentile_micros(50.0),
            p99_micros: latencies.percentile_micros(99.0),
            cpu_micros_per_record: counts.cpu_micros_per_message(),
            syncs_per_second: counts.syncs_per_second(),
            cpu_micros_per_record_by_thread: self.cpu_by_thread(),
            failed_connections: counts.failed,
            failure: counts.failure.clone(),
        }
    }
}

impl Figures {
    fn cells(&self) -> Vec<String> {
        vec![
            self.server.into(),
            self.workload.into(),
            self.shards.to_string(),
            self.connections.to_string(),
            figure(self.requests_per_second),
            figure(self.records_per_second),
            figure(self.megabytes_per_second),
            figure_or_none(self.p50_micros),
            figure_or_none(self.p99_micros),
            figure_or_none(self.cpu_micros_per_record),
            figure_or_none(self.syncs_per_second),
            self.failed_connections.to_string(),
        ]
    }
}

impl Pushes {
    fn figures(&self) -> PushFigures {
        let mut latencies = self.latencies.clone();
        let mut millis = |percent| latencies.percentile_micros(percent).map(|micros| micros / 1e3);
        let (p50_millis, p99_millis) = (millis(50.0), millis(99.0));
        let (server, subscribers, pushes) = (self.server, self.subscribers, self.latencies.len());
        PushFigures { server, subscribers, pushes, p50_millis, p99_millis }
    }
}

/// Everything one run found.
pub(crate) struct Report {
    machine: Machine,
    rows: Vec<Row>,
    pushes: Vec<Pushes>,
    skipped: Vec<(String, String)>,
}

impl Report {
    pub(crate) fn new(machine: Machine) -> Self {
        Self { machine, rows: Vec::new(), pushes: Vec::new(), skipped: Vec::new() }
    }

    pub(crate) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn pushes(&mut self, pushes: Pushes) {
        self.pushes.push(pushes);
    }

    pub(crate) fn skip(&mut self, what: &str, reason: &str) {
        eprintln!("bench: {what} is skipped: {reason}");
        self.skipped.push((what.to_owned(), reason.to_owned()));
    }

    pub(crate) fn print(&self) {
        let mut table = Table::new(&HEADING, 2);
        self.rows.iter().for_each(|row| table.row(row.figures().cells()));
        println!("\n{}", table.render());
        for row in &self.rows {
            if let Some(failure) = &row.counts.failure {
                let Row { server, workload, shards, connections, .. } = row;
                println!("failed: {server}, {}, {shards} shards, {connections}: {failure}", workload.name());
            }
        }
        println!("{}", self.pushed().render());
        println!("tidewire's CPU µs/rec by threads:\n{}", self.threads().render());
        println!("{}", verdict::render(&self.verdicts()));
        for (what, reason) in &self.skipped {
            println!("SKIPPED {what}: {reason}");
        }
        println!("load at the end {}", machine::load());
    }

    fn pushed(&self) -> Table {
        let mut table = Table::new(&["from put to push", "subscribers", "pushes", "p50 ms", "p99 ms"], 1);
        for figures in self.pushes.iter().map(Pushes::figures) {
            let (p50, p99) = (figure_or_none(figures.p50_millis), figure_or_none(figures.p99_millis));
            let (subscribers, pushes) = (figures.subscribers.to_string(), figures.pushes.to_string());
            table.row(vec![figures.server.into(), subscribers, pushes, p50, p99]);
        }
        table
    }

    fn threads(&self) -> Table {
        let own: Vec<&Row> = self.rows.iter().filter(|row| row.server == PRODUCT).collect();
        let names: BTreeSet<&str> =
            own.iter().flat_map(|row| row.counts.cpu_by_name.keys()).map(String::as_str).collect();
        let heading: Vec<&str> = ["workload", "shards", "conns"].into_iter().chain(names.iter().copied()).collect();
        let mut table = Table::new(&heading, 1);
        for row in own {
            let micros = row.cpu_by_thread();
            let cells = names.iter().map(|&name| figure(micros.get(name).copied().unwrap_or(0.0)));
            let named = [row.workload.name().to_owned(), row.shards.to_string(), row.connections.to_string()];
            table.row(named.into_iter().chain(cells).collect());
        }
        table
    }

    pub(crate) fn write_json(&self, path: &Path) -> std::io::Result<()> {
        let report = JsonReport {
            machine: &self.machine,
            load_at_the_end: machine::load(),
            rows: self.rows.iter().map(Row::figures).collect(),
            pushes: self.pushes.iter().map(Pushes::figures).collect(),
            verdicts: self.verdicts(),
            skipped: &self.skipped,
        };
        std::fs::write(path, serde_json::to_string_pretty(&report)?)
    }

    /// For each row of our PutRecords: against the best emulator with as many shards, and against JetStream's better way, each with
    /// as many connections.
    fn verdicts(&self) -> Vec<Verdict> {
        let own = self.rows.iter().filter(|row| row.server == PRODUCT && row.workload == Workload::PutRecords);
        own.flat_map(|row| [self.times_emulators(row), self.times_jetstream(row)]).flatten().collect()
    }

    fn times_emulators(&self, own: &Row) -> Option<Verdict> {
        let peers = self.rows.iter().filter(|row| {
            row.server != PRODUCT
                && (row.workload, row.shards, row.connections) == (Workload::PutRecords, own.shards, own.connections)
        });
        self.times_best(own, peers, "the best emulator", TIMES_EMULATOR_MIN)
    }

    fn times_jetstream(&self, own: &Row) -> Option<Verdict> {
        let ways = self.rows.iter().filter(|row| row.workload.is_jetstream() && row.connections == own.connections);
        self.times_best(own, ways, "JetStream", TIMES_JETSTREAM_MIN)
    }

    fn times_best<'a>(
        &self,
        own: &Row,
        peers: impl Iterator<Item = &'a Row>,
        whom: &str,
        target: f64,
    ) -> Option<Verdict> {
        let rate = |row: &Row| row.counts.messages_per_second();
        let best = peers.max_by(|one, other| rate(one).total_cmp(&rate(other)))?;
        let value = (rate(best) > 0.0).then(|| rate(own) / rate(best));
        let Row { shards, connections, .. } = own;
        let what = format!("PutRecords records/s ÷ {whom}, {shards} shards, {connections} connections");
        let note = format!("{} ({}): {} rec/s", best.server, best.workload.name(), figure(rate(best)));
        Some(Verdict { what, value, unit: "×", bound: Bound::AtLeast, target, note })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(server: &'static str, workload: Workload, records: u64) -> Row {
        let counts = Counts { messages: records, elapsed: Duration::from_secs(1), ..Counts::default() };
        Row { server, workload, shards: 10, connections: 8, counts }
    }

    #[test]
    fn the_best_of_each_kind_is_compared_with() {
        let mut report = Report::new(Machine::read());
        report.rows = vec![
            row(PRODUCT, Workload::PutRecords, 1_000),
            row("kinesalite", Workload::PutRecords, 10),
            row("ministack", Workload::PutRecords, 40),
            row("nats", Workload::Pipelined, 900),
            row("nats", Workload::Atomic, 2_000),
        ];
        let verdicts = report.verdicts();
        let found: Vec<_> = verdicts.iter().map(|verdict| (verdict.value, verdict.met())).collect();
        assert_eq!(found, [(Some(25.0), Some(true)), (Some(0.5), Some(false))]);
    }

    #[test]
    fn without_peers_nothing_is_claimed() {
        let mut report = Report::new(Machine::read());
        report.rows = vec![row(PRODUCT, Workload::PutRecords, 1_000)];
        assert!(report.verdicts().is_empty());
    }
}
