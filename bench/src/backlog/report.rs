//! What `bench backlog` found, and what was promised.

use std::ops::Add;
use std::time::Duration;

use crate::backlog::Options;
use crate::folder::OnDisk;
use crate::table::{Table, figure};
use crate::verdict::{self, Bound, Verdict};

/// The promises: issue "a store without limits", first figure.
const RESIDENT_OVER_EMPTY_MB_MAX: f64 = 100.0;
const READY_SECS_MAX: f64 = 3.0;
const END_TO_BEGINNING_MIN: f64 = 70.0;

/// So many messages in so much time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rate {
    pub(crate) messages: u64,
    pub(crate) elapsed: Duration,
}

impl Rate {
    fn per_second(self) -> f64 {
        self.messages as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// In per cent of another rate.
    fn percent_of(self, other: Self) -> Option<f64> {
        (other.messages > 0 && self.messages > 0).then(|| self.per_second() * 100.0 / other.per_second())
    }

    fn shown(self) -> String {
        format!("{} messages/s over {:.1} s", figure(self.per_second()), self.elapsed.as_secs_f64())
    }
}

impl Add for Rate {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { messages: self.messages + other.messages, elapsed: self.elapsed + other.elapsed }
    }
}

/// One start on the full folder.
#[derive(Debug, Clone)]
pub(crate) struct Restart {
    pub(crate) after: &'static str,
    pub(crate) stopped_in: Option<Duration>,
    pub(crate) ready_in: Duration,
    pub(crate) resident: f64,
}

/// Everything that was measured; memory in MiB.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    messages: u64,
    body_bytes: usize,
    queues: u64,
    resident_empty: f64,
    disk_empty: OnDisk,
    pub(crate) sent_at_beginning: Rate,
    pub(crate) sent_between: Rate,
    pub(crate) sent_at_end: Rate,
    pub(crate) received_at_beginning: Rate,
    pub(crate) received_at_end: Rate,
    pub(crate) resident_full: f64,
    pub(crate) resident_most: f64,
    pub(crate) disk_full: OnDisk,
    pub(crate) disk: OnDisk,
    pub(crate) restarts: Vec<Restart>,
}

impl Figures {
    pub(crate) fn of_empty(options: &Options, resident_empty: f64, disk_empty: OnDisk) -> Self {
        let Options { messages, body: body_bytes, queues, .. } = *options;
        Self { messages, body_bytes, queues, resident_empty, disk_empty, ..Self::default() }
    }

    pub(crate) fn print(&self) {
        let (messages, queues) = (figure(self.messages as f64), self.queues);
        println!("\n{messages} messages of {} bytes in {queues} queue(s), durable", self.body_bytes);
        println!("{}\n{}", self.table(), verdict::render(&self.verdicts()));
        println!("counts were exact, the oldest came first, every body was whole, after each start");
    }

    fn table(&self) -> String {
        let mut table = Table::new(&["what", "measured"], 2);
        let mut row = |what: &str, measured: String| table.row(vec![what.into(), measured]);
        let filled = self.sent_at_beginning + self.sent_between + self.sent_at_end;
        row("filled", filled.shown());
        row("sent, small backlog and first 5 %", self.sent_at_beginning.shown());
        row("sent, last 5 %", self.sent_at_end.shown());
        row("received and deleted, small backlog", self.received_at_beginning.shown());
        row("received and deleted, whole backlog", self.received_at_end.shown());
        row("RSS empty", format!("{:.1} MiB", self.resident_empty));
        row("RSS full", format!("{:.1} MiB, at most {:.1} MiB", self.resident_full, self.resident_most));
        for restart in &self.restarts {
            row(&format!("RSS after {} and a start", restart.after), format!("{:.1} MiB", restart.resident));
            let stop = restart.stopped_in.map(|took| format!("; the stop took {:.2} s", took.as_secs_f64()));
            let ready = format!("{:.2} s{}", restart.ready_in.as_secs_f64(), stop.unwrap_or_default());
            row(&format!("Ready. after {}", restart.after), ready);
        }
        row("disk, full", self.disk_full.kinds());
        row("disk, drained a little and stopped", self.disk.kinds());
        row("disk bytes for a message", self.bytes_per_message());
        table.render()
    }

    fn bytes_per_message(&self) -> String {
        let bytes = self.disk_full.bytes().saturating_sub(self.disk_empty.bytes()) as f64;
        let each = bytes / self.messages.max(1) as f64;
        format!("{} ({} of them its body; an empty folder's files not counted)", figure(each), self.body_bytes)
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let over_empty = |mib: f64| Some((mib - self.resident_empty) * 1024.0 * 1024.0 / 1e6);
        let memory = |what: &str, mib| at_most(what.into(), over_empty(mib), "MB", RESIDENT_OVER_EMPTY_MB_MAX);
        let mut verdicts = vec![
            memory("RSS over an empty server, full", self.resident_full),
            memory("RSS over an empty server, at most", self.resident_most),
        ];
        for restart in &self.restarts {
            verdicts.push(memory(&format!("RSS over an empty server, after {}", restart.after), restart.resident));
            let what = format!("start to Ready. after {}", restart.after);
            verdicts.push(at_most(what, Some(restart.ready_in.as_secs_f64()), "s", READY_SECS_MAX));
        }
        let sent = self.sent_at_end.percent_of(self.sent_at_beginning);
        let received = self.received_at_end.percent_of(self.received_at_beginning);
        verdicts.push(at_least("sends at the end ÷ at the beginning", sent));
        verdicts.push(at_least("receives at the end ÷ at the beginning", received));
        verdicts
    }
}

fn at_most(what: String, value: Option<f64>, unit: &'static str, target: f64) -> Verdict {
    Verdict { what, value, unit, bound: Bound::AtMost, target, note: String::new() }
}

fn at_least(what: &str, value: Option<f64>) -> Verdict {
    let (bound, target, note) = (Bound::AtLeast, END_TO_BEGINNING_MIN, "same run".into());
    Verdict { what: what.into(), value, unit: "%", bound, target, note }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_add_up_and_compare() {
        let rate = |messages, secs| Rate { messages, elapsed: Duration::from_secs(secs) };
        let both = rate(100, 1) + rate(300, 3);
        assert_eq!((both.messages, both.per_second()), (400, 100.0));
        assert_eq!(rate(70, 1).percent_of(both), Some(70.0));
        assert_eq!(rate(70, 1).percent_of(rate(0, 1)), None);
    }

    #[test]
    fn a_missed_restart_is_named() {
        let ready_in = Duration::from_secs(4);
        let restart = Restart { after: "kill -9", stopped_in: None, ready_in, resident: 10.0 };
        let figures = Figures { restarts: vec![restart], ..Figures::default() };
        let missed: Vec<String> =
            figures.verdicts().into_iter().filter(|verdict| verdict.met() == Some(false)).map(|v| v.what).collect();
        assert_eq!(missed, ["start to Ready. after kill -9"]);
    }
}
