//! What `bench sqs` found: rows, the promised ratios with their targets, and what was skipped; as text and as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::latency::Latencies;
use crate::load::Counts;
use crate::machine::{self, Machine};
use crate::sqs::{PRODUCT, Workload};
use crate::table::{Table, figure, figure_or_none};
use crate::verdict::{self, Bound, Verdict};

/// SendMessage costs at most this many times a bare echo's server CPU; the aim is 1.5.
const SEND_TO_ECHO_MAX: f64 = 2.0;

/// Server CPU for one message of a batch of ten, in microseconds.
const BATCH_MESSAGE_MICROS_MAX: f64 = 4.0;

/// Messages per second against the Python peers.
const TIMES_PEER_MIN: f64 = 30.0;
const PEERS_WITH_TARGET: [&str; 2] = ["moto", "ministack"];

/// Median time from a send to the answer of a waiting receive.
const WAKEUP_MILLIS_MAX: f64 = 3.0;

/// One line of the table: a server, a workload, a number of connections.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) server: &'static str,
    pub(crate) workload: Workload,
    pub(crate) connections: usize,
    pub(crate) counts: Counts,
}

impl Row {
    /// Adds another round of the same measurement.
    pub(crate) fn merge(&mut self, other: &Row) {
        self.counts.merge(&other.counts);
    }

    fn is(&self, server: &str, workload: Workload, connections: usize) -> bool {
        self.server == server && self.workload == workload && self.connections == connections
    }

    /// Where the CPU time of a request is spent: µs by name of thread.
    fn cpu_by_thread(&self) -> BTreeMap<String, f64> {
        let requests = self.counts.requests.max(1) as f64;
        let micros = |(name, cpu): (&String, &Duration)| (name.clone(), cpu.as_secs_f64() * 1e6 / requests);
        self.counts.cpu_by_name.iter().map(micros).collect()
    }

    /// Figures as they stand in the table and in the JSON file.
    fn figures(&self) -> Figures {
        let mut latencies: Latencies = self.counts.latencies.clone();
        let counts = &self.counts;
        Figures {
            server: self.server,
            workload: self.workload.name(),
            connections: self.connections,
            requests: counts.requests,
            requests_per_second: counts.requests_per_second(),
            messages_per_second: counts.messages_per_second(),
            p50_micros: latencies.percentile_micros(50.0),
            p99_micros: latencies.percentile_micros(99.0),
            cpu_micros_per_request: counts.cpu_micros_per_request(),
            cpu_micros_per_message: counts.cpu_micros_per_message(),
            syncs_per_second: counts.syncs_per_second(),
            cpu_micros_per_request_by_thread: self.cpu_by_thread(),
            failed_connections: counts.failed,
            failure: counts.failure.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
struct Figures {
    server: &'static str,
    workload: &'static str,
    connections: usize,
    requests: u64,
    requests_per_second: f64,
    messages_per_second: f64,
    p50_micros: Option<f64>,
    p99_micros: Option<f64>,
    cpu_micros_per_request: Option<f64>,
    cpu_micros_per_message: Option<f64>,
    syncs_per_second: Option<f64>,
    cpu_micros_per_request_by_thread: BTreeMap<String, f64>,
    failed_connections: usize,
    failure: Option<String>,
}

impl Figures {
    fn cells(&self) -> Vec<String> {
        vec![
            self.server.into(),
            self.workload.into(),
            self.connections.to_string(),
            figure(self.requests_per_second),
            figure(self.messages_per_second),
            figure_or_none(self.p50_micros),
            figure_or_none(self.p99_micros),
            figure_or_none(self.cpu_micros_per_request),
            figure_or_none(self.cpu_micros_per_message),
            figure_or_none(self.syncs_per_second),
            self.failed_connections.to_string(),
        ]
    }
}

const HEADING: [&str; 11] = [
    "server",
    "workload",
    "conns",
    "req/s",
    "msg/s",
    "p50 µs",
    "p99 µs",
    "CPU µs/req",
    "CPU µs/msg",
    "fsync/s",
    "failed",
];

/// Everything one run found.
pub(crate) struct Report {
    machine: Machine,
    rows: Vec<Row>,
    wakeups: Latencies,
    skipped: Vec<(String, String)>,
}

#[derive(Serialize)]
struct JsonReport<'a> {
    machine: &'a Machine,
    load_at_the_end: String,
    rows: Vec<Figures>,
    verdicts: Vec<Verdict>,
    skipped: &'a [(String, String)],
}

impl Report {
    pub(crate) fn new(machine: Machine) -> Self {
        Self { machine, rows: Vec::new(), wakeups: Latencies::default(), skipped: Vec::new() }
    }

    pub(crate) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn wakeups(&mut self, latencies: Latencies) {
        self.wakeups = latencies;
    }

    pub(crate) fn skip(&mut self, server: &str, reason: &str) {
        eprintln!("bench: {server} is skipped: {reason}");
        self.skipped.push((server.to_owned(), reason.to_owned()));
    }

    pub(crate) fn print(&self) {
        let mut table = Table::new(&HEADING, 2);
        self.rows.iter().for_each(|row| table.row(row.figures().cells()));
        println!("\n{}", table.render());
        for row in &self.rows {
            if let Some(failure) = &row.counts.failure {
                println!("failed: {}, {}, {}: {failure}", row.server, row.workload.name(), row.connections);
            }
        }
        println!("tidewire's CPU µs/req by threads:\n{}", self.threads().render());
        println!("{}", verdict::render(&self.verdicts()));
        for (server, reason) in &self.skipped {
            println!("SKIPPED {server}: {reason}");
        }
        println!("load at the end {}", machine::load());
    }

    fn threads(&self) -> Table {
        let own: Vec<&Row> = self.rows.iter().filter(|row| row.server == PRODUCT).collect();
        let names: BTreeSet<&str> =
            own.iter().flat_map(|row| row.counts.cpu_by_name.keys()).map(String::as_str).collect();
        let heading: Vec<&str> = ["workload", "conns"].into_iter().chain(names.iter().copied()).collect();
        let mut table = Table::new(&heading, 1);
        for row in own {
            let micros = row.cpu_by_thread();
            let cells = names.iter().map(|&name| figure(micros.get(name).copied().unwrap_or(0.0)));
            table.row([row.workload.name().to_owned(), row.connections.to_string()].into_iter().chain(cells).collect());
        }
        table
    }

    pub(crate) fn write_json(&self, path: &Path) -> std::io::Result<()> {
        let report = JsonReport {
            machine: &self.machine,
            load_at_the_end: machine::load(),
            rows: self.rows.iter().map(Row::figures).collect(),
            verdicts: self.verdicts(),
            skipped: &self.skipped,
        };
        let text = serde_json::to_string_pretty(&report)?;
        std::fs::write(path, text)
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let mut verdicts = self.send_to_echo();
        verdicts.extend(self.batch_messages());
        verdicts.extend(self.times_peers());
        verdicts.push(self.wakeup());
        verdicts
    }

    fn find(&self, server: &str, workload: Workload, connections: usize) -> Option<&Counts> {
        self.rows.iter().find(|row| row.is(server, workload, connections)).map(|row| &row.counts)
    }

    fn connections(&self) -> Vec<usize> {
        let mut counts: Vec<usize> = self.rows.iter().map(|row| row.connections).collect();
        counts.sort_unstable();
        counts.dedup();
        counts
    }

    fn send_to_echo(&self) -> Vec<Verdict> {
        let verdict = |connections: usize| {
            let cpu = |server, workload| self.find(server, workload, connections)?.cpu_micros_per_request();
            let (echo, send) = (cpu("echo", Workload::Echo), cpu(PRODUCT, Workload::Send));
            let value = send.zip(echo).map(|(send, echo)| send / echo);
            let same_bytes = send.zip(cpu("echo", Workload::EchoOfSend)).map(|(send, echo)| send / echo);
            let note = format!("aim 1.5; {} × an echo of the same bytes", figure_or_none(same_bytes));
            let what = format!("SendMessage ÷ echo, server CPU, {connections} connections");
            Verdict { what, value, unit: "×", bound: Bound::AtMost, target: SEND_TO_ECHO_MAX, note }
        };
        self.connections().into_iter().map(verdict).collect()
    }

    fn batch_messages(&self) -> Vec<Verdict> {
        let verdict = |connections: usize| {
            let counts = self.find(PRODUCT, Workload::SendBatch, connections);
            let value = counts.and_then(Counts::cpu_micros_per_message);
            let what = format!("message in a batch of 10, server CPU, {connections} connections");
            let (bound, target) = (Bound::AtMost, BATCH_MESSAGE_MICROS_MAX);
            Verdict { what, value, unit: "µs", bound, target, note: String::new() }
        };
        self.connections().into_iter().map(verdict).collect()
    }

    fn times_peers(&self) -> Vec<Verdict> {
        let peers = self.rows.iter().filter(|row| PEERS_WITH_TARGET.contains(&row.server));
        peers.map(|row| self.times_peer(row)).collect()
    }

    fn times_peer(&self, peer: &Row) -> Verdict {
        let own = self.find(PRODUCT, peer.workload, peer.connections).map(Counts::messages_per_second);
        let theirs = Some(peer.counts.messages_per_second()).filter(|&rate| rate > 0.0);
        let value = own.zip(theirs).map(|(own, theirs)| own / theirs);
        let what = format!("messages/s ÷ {}, {}, {} connections", peer.server, peer.workload.name(), peer.connections);
        let note = if theirs.is_none() { "the peer finished nothing inside the window" } else { "" }.to_owned();
        Verdict { what, value, unit: "×", bound: Bound::AtLeast, target: TIMES_PEER_MIN, note }
    }

    fn wakeup(&self) -> Verdict {
        let mut latencies = self.wakeups.clone();
        let millis = |micros: f64| micros / 1e3;
        let p99 = latencies.percentile_micros(99.0).map(millis);
        let note = format!("p99 {} ms of {} wake-ups", figure_or_none(p99), latencies.len());
        let value = latencies.percentile_micros(50.0).map(millis);
        let what = "long-poll wake-up, p50".to_owned();
        Verdict { what, value, unit: "ms", bound: Bound::AtMost, target: WAKEUP_MILLIS_MAX, note }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(server: &'static str, workload: Workload, cpu_micros: u64) -> Row {
        let cpu = Duration::from_micros(cpu_micros * 100);
        let elapsed = Duration::from_secs(1);
        let counts = Counts { requests: 100, messages: 100, elapsed, cpu, ..Counts::default() };
        Row { server, workload, connections: 8, counts }
    }

    fn report(rows: Vec<Row>) -> Report {
        let mut report = Report::new(Machine::read());
        report.rows = rows;
        report
    }

    #[test]
    fn a_send_at_twice_the_echo_meets_its_target_and_above_misses() {
        for (send, met) in [(20, Some(true)), (21, Some(false))] {
            let rows = vec![row("echo", Workload::Echo, 10), row(PRODUCT, Workload::Send, send)];
            assert_eq!(report(rows).send_to_echo()[0].met(), met);
        }
    }

    #[test]
    fn without_the_product_nothing_is_claimed() {
        let verdicts = report(vec![row("echo", Workload::Echo, 10), row("moto", Workload::Send, 900)]).verdicts();
        assert!(verdicts.iter().all(|verdict| verdict.met().is_none()), "{verdicts:?}");
    }

    #[test]
    fn a_peer_that_answered_nothing_gives_no_ratio() {
        let mut silent = row("moto", Workload::Send, 10);
        silent.counts.messages = 0;
        let rows = vec![row(PRODUCT, Workload::Send, 10), silent];
        assert_eq!(report(rows).times_peers()[0].value, None);
    }

    #[test]
    fn rounds_add_up() {
        let mut first = row("echo", Workload::Echo, 10);
        first.merge(&row("echo", Workload::Echo, 30));
        assert_eq!(first.counts.requests, 200);
        assert_eq!(first.counts.cpu_micros_per_request(), Some(20.0));
    }
}
