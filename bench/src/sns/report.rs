//! What `bench sns` found: rates, what a delivery costs, the way from publish to receive, the promised ratios; as text and as JSON.

use std::path::Path;

use serde::Serialize;

use super::arrival::Arrivals;
use super::{Form, PRODUCT};
use crate::load::Counts;
use crate::machine::{self, Machine};
use crate::table::{Table, figure, figure_or_none};
use crate::verdict::{self, Bound, Verdict};

/// Deliveries per second against the best emulator (issue "SNS, whole").
const TIMES_EMULATOR_MIN: f64 = 30.0;

/// One line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) server: &'static str,
    pub(crate) form: Form,
    pub(crate) subscriptions: usize,
    /// How many of them get each message.
    pub(crate) receivers: usize,
    pub(crate) counts: Counts,
}

#[derive(Debug, Serialize)]
struct Figures {
    server: &'static str,
    form: &'static str,
    subscriptions: usize,
    receivers: usize,
    publishes_per_second: f64,
    deliveries_per_second: f64,
    p50_micros: Option<f64>,
    p99_micros: Option<f64>,
    cpu_micros_per_publish: Option<f64>,
    cpu_micros_per_delivery: Option<f64>,
    syncs_per_second: Option<f64>,
    failed_connections: usize,
    failure: Option<String>,
}

#[derive(Debug, Serialize)]
struct ArrivalFigures {
    server: &'static str,
    subscriptions: usize,
    full_publishes_per_second: f64,
    half_publishes_per_second: f64,
    received: usize,
    p50_millis: Option<f64>,
    p99_millis: Option<f64>,
}

#[derive(Serialize)]
struct JsonReport<'a> {
    machine: &'a Machine,
    load_at_the_end: String,
    rows: Vec<Figures>,
    arrivals: &'a [ArrivalFigures],
    verdicts: Vec<Verdict>,
    skipped: &'a [(String, String)],
}

const HEADING: [&str; 12] = [
    "server",
    "subscribers get",
    "subs",
    "receive",
    "publ/s",
    "deliv/s",
    "p50 µs",
    "p99 µs",
    "CPU µs/publ",
    "CPU µs/deliv",
    "fsync/s",
    "failed",
];

impl Row {
    fn deliveries_per_second(&self) -> f64 {
        self.counts.requests_per_second() * self.receivers as f64
    }

    fn figures(&self) -> Figures {
        let (counts, mut latencies) = (&self.counts, self.counts.latencies.clone());
        let per_publish = counts.cpu_micros_per_request();
        Figures {
            server: self.server,
            form: self.form.name(),
            subscriptions: self.subscriptions,
            receivers: self.receivers,
            publishes_per_second: counts.requests_per_second(),
            deliveries_per_second: self.deliveries_per_second(),
            p50_micros: latencies.percentile_micros(50.0),
            p99_micros: latencies.percentile_micros(99.0),
            cpu_micros_per_publish: per_publish,
            cpu_micros_per_delivery: per_publish.filter(|_| self.receivers > 0).map(|cpu| cpu / self.receivers as f64),
            syncs_per_second: counts.syncs_per_second(),
            failed_connections: counts.failed,
            failure: counts.failure.clone(),
        }
    }
}

impl Figures {
    fn cells(&self) -> Vec<String> {
        vec![
            self.server.into(),
            self.form.into(),
            self.subscriptions.to_string(),
            self.receivers.to_string(),
            figure(self.publishes_per_second),
            figure(self.deliveries_per_second),
            figure_or_none(self.p50_micros),
            figure_or_none(self.p99_micros),
            figure_or_none(self.cpu_micros_per_publish),
            figure_or_none(self.cpu_micros_per_delivery),
            figure_or_none(self.syncs_per_second),
            self.failed_connections.to_string(),
        ]
    }
}

/// Everything one run found.
pub(crate) struct Report {
    machine: Machine,
    rows: Vec<Row>,
    arrivals: Vec<ArrivalFigures>,
    skipped: Vec<(String, String)>,
}

impl Report {
    pub(crate) fn new(machine: Machine) -> Self {
        Self { machine, rows: Vec::new(), arrivals: Vec::new(), skipped: Vec::new() }
    }

    pub(crate) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn arrivals(&mut self, server: &'static str, arrivals: Arrivals) {
        let Arrivals { subscriptions, full, half, mut latencies } = arrivals;
        let received = latencies.len();
        let mut millis = |percent| latencies.percentile_micros(percent).map(|micros| micros / 1e3);
        self.arrivals.push(ArrivalFigures {
            server,
            subscriptions,
            full_publishes_per_second: full,
            half_publishes_per_second: half,
            received,
            p50_millis: millis(50.0),
            p99_millis: millis(99.0),
        });
    }

    pub(crate) fn skip(&mut self, what: &str, reason: &str) {
        eprintln!("bench: {what} is skipped: {reason}");
        self.skipped.push((what.to_owned(), reason.to_owned()));
    }

    pub(crate) fn print(&self) {
        let mut table = Table::new(&HEADING, 2);
        self.rows.iter().for_each(|row| table.row(row.figures().cells()));
        println!("\n{}", table.render());
        for Row { server, form, subscriptions, counts, .. } in &self.rows {
            if let Some(failure) = &counts.failure {
                println!("failed: {server}, {subscriptions} subscriptions, {}: {failure}", form.name());
            }
        }
        println!("{}", self.arrived().render());
        println!("{}", verdict::render(&self.verdicts()));
        for (what, reason) in &self.skipped {
            println!("SKIPPED {what}: {reason}");
        }
        println!("load at the end {}", machine::load());
    }

    fn arrived(&self) -> Table {
        let heading =
            ["from publish to receive", "subs", "publ/s, full load", "publ/s, half", "received", "p50 ms", "p99 ms"];
        let mut table = Table::new(&heading, 1);
        for arrivals in &self.arrivals {
            table.row(vec![
                arrivals.server.into(),
                arrivals.subscriptions.to_string(),
                figure(arrivals.full_publishes_per_second),
                figure(arrivals.half_publishes_per_second),
                arrivals.received.to_string(),
                figure_or_none(arrivals.p50_millis),
                figure_or_none(arrivals.p99_millis),
            ]);
        }
        table
    }

    pub(crate) fn write_json(&self, path: &Path) -> std::io::Result<()> {
        let report = JsonReport {
            machine: &self.machine,
            load_at_the_end: machine::load(),
            rows: self.rows.iter().map(Row::figures).collect(),
            arrivals: &self.arrivals,
            verdicts: self.verdicts(),
            skipped: &self.skipped,
        };
        std::fs::write(path, serde_json::to_string_pretty(&report)?)
    }

    /// Each of our rates against that of the best emulator with as many subscribers who get the same.
    fn verdicts(&self) -> Vec<Verdict> {
        self.rows.iter().filter(|row| row.server == PRODUCT).filter_map(|row| self.times_best(row)).collect()
    }

    fn times_best(&self, own: &Row) -> Option<Verdict> {
        let is_compared = |row: &&Row| {
            row.server != PRODUCT
                && row.receivers > 0
                && (row.form, row.subscriptions) == (own.form, own.subscriptions)
                && row.counts.failure.is_none()
        };
        let rate = Row::deliveries_per_second;
        let best = self.rows.iter().filter(is_compared).max_by(|one, other| rate(one).total_cmp(&rate(other)))?;
        let value = (rate(best) > 0.0).then(|| rate(own) / rate(best));
        let what = format!("deliveries/s ÷ the best emulator, {} to {}", own.form.name(), own.subscriptions);
        let note = format!("{}: {}/s", best.server, figure(rate(best)));
        Some(Verdict { what, value, unit: "×", bound: Bound::AtLeast, target: TIMES_EMULATOR_MIN, note })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn row(server: &'static str, form: Form, publishes: u64) -> Row {
        let counts = Counts { requests: publishes, elapsed: Duration::from_secs(1), ..Counts::default() };
        Row { server, form, subscriptions: 10, receivers: 10, counts }
    }

    #[test]
    fn the_best_emulator_that_delivered_is_compared_with() {
        let mut report = Report::new(Machine::read());
        report.rows = vec![
            row(PRODUCT, Form::Raw, 1_000),
            row("moto", Form::Raw, 10),
            row("fauxqs", Form::Raw, 40),
            row("ministack", Form::Envelope, 900),
            row("ministack", Form::Raw, 800),
        ];
        report.rows[4].counts.failure = Some("of 800 acknowledged messages 7 have arrived".into());
        let verdicts = report.verdicts();
        assert_eq!((verdicts.len(), verdicts[0].value, verdicts[0].met()), (1, Some(25.0), Some(false)));
        assert_eq!(report.rows[0].deliveries_per_second() as u64, 10_000);
    }
}
