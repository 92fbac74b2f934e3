//! The end of a test run: the table, the failures, the skips with their reasons, and one closing line to count by.
//!
//! A run is good only if nothing failed and something passed; with CI=true nothing may have been skipped either.

use std::time::Duration;

use super::tally::Tally;
use super::twelve::{NotYet, Shown};
use crate::process::Finished;

/// One line of the table.
#[derive(Debug)]
pub(super) struct Row {
    name: String,
    tally: Tally,
    elapsed: Duration,
    /// Single failures and their reasons, as their runner named them.
    failures: Vec<String>,
    skipped_because: Option<String>,
}

impl Row {
    pub(super) fn counted(name: &str, tally: Tally, elapsed: Duration) -> Self {
        Self { name: name.into(), tally, elapsed, failures: Vec::new(), skipped_because: None }
    }

    pub(super) fn failed(name: &str, problem: &str, elapsed: Duration) -> Self {
        let tally = Tally { failed: 1, ..Tally::default() };
        Self { failures: vec![problem.into()], ..Self::counted(name, tally, elapsed) }
    }

    pub(super) fn skipped(name: &str, reason: &str) -> Self {
        let tally = Tally { skipped: 1, ..Tally::default() };
        Self { skipped_because: Some(reason.into()), ..Self::counted(name, tally, Duration::ZERO) }
    }

    /// A runner that ended: a bad end, no count, or a count of nothing is a failure whatever else it printed.
    pub(super) fn of_run(name: &str, tally: Option<Tally>, finished: &Finished, elapsed: Duration) -> Self {
        let mut row = Self::counted(name, tally.unwrap_or_default(), elapsed);
        row.failures = failing_lines(&finished.text);
        let problem = match (&finished.failure, tally) {
            (Some(failure), Some(tally)) if tally.failed == 0 => {
                Some(format!("no test failed, but it ended with {failure}"))
            }
            (Some(failure), None) => Some(format!("it counted no test and ended with {failure}")),
            (None, None) => Some("it counted no test".to_owned()),
            (None, Some(tally)) if tally.passed + tally.failed + tally.skipped == 0 => {
                Some("it ran no test".to_owned())
            }
            _ => None,
        };
        if let Some(problem) = problem {
            row.fail(&problem);
        }
        row
    }

    /// Adds what clients of the suite showed of the checks; a program that showed no client, or ended badly, failed.
    pub(super) fn add_checks(&mut self, finished: &Finished, shown: &Shown, not_yet: &NotYet) {
        let (tally, problems) = shown.judge(not_yet);
        self.tally = [self.tally, tally].into_iter().sum();
        self.failures.extend(problems);
        match &finished.failure {
            Some(failure) => self.fail(&format!("the program of the checks ended with {failure}")),
            None if shown.clients.is_empty() => self.fail("the program of the checks showed no client"),
            None => {}
        }
    }

    pub(super) fn took(&mut self, elapsed: Duration) {
        self.elapsed = elapsed;
    }

    pub(super) fn failed_any(&self) -> bool {
        self.tally.failed > 0
    }

    #[cfg(test)]
    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    pub(super) fn fail(&mut self, problem: &str) {
        self.tally.failed += 1;
        self.failures.push(problem.into());
    }
}

/// How each runner names a failing test, and how a failing seed says how to repeat it.
fn failing_lines(text: &str) -> Vec<String> {
    let names_failure = |line: &&str| {
        (line.starts_with("test ") && line.ends_with(" ... FAILED"))
            || line.starts_with("FAILED ")
            || line.starts_with("ERROR ")
            || line.starts_with("not ok ")
            || line.contains("TIDEWIRE_SEED=")
    };
    text.lines().map(str::trim).filter(names_failure).map(str::to_owned).collect()
}

/// Everything one run has to say at its end.
pub(super) struct Report {
    rows: Vec<Row>,
    times: Vec<(String, Duration)>,
    skips_fail: bool,
}

impl Report {
    pub(super) fn new(skips_fail: bool) -> Self {
        Self { rows: Vec::new(), times: Vec::new(), skips_fail }
    }

    pub(super) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Notes how long a step took that counts no tests.
    pub(super) fn time(&mut self, step: &str, elapsed: Duration) {
        self.times.push((step.into(), elapsed));
    }

    pub(super) fn conclude(self) -> Result<(), String> {
        print!("{}", self.text());
        let sum = self.sum();
        if sum.failed > 0 || sum.passed == 0 { Err("the tests did not pass".into()) } else { Ok(()) }
    }

    fn sum(&self) -> Tally {
        let sum: Tally = self.rows.iter().map(|row| row.tally).sum();
        if self.skips_fail { Tally { failed: sum.failed + sum.skipped, skipped: 0, ..sum } } else { sum }
    }

    fn text(&self) -> String {
        let mut text = String::from("\n== result\n");
        for (step, elapsed) in &self.times {
            text += &format!("{step:<16} {:>41.1} s\n", elapsed.as_secs_f64());
        }
        for Row { name, tally: Tally { passed, failed, skipped, ignored }, elapsed, .. } in &self.rows {
            let counts = format!("{passed} passed, {failed} failed, {skipped} skipped, {ignored} ignored");
            text += &format!("{name:<16} {counts:>41} {:>9.1} s\n", elapsed.as_secs_f64());
        }
        for row in &self.rows {
            text.extend(row.failures.iter().map(|failure| format!("failed: {}: {failure}\n", row.name)));
            text.extend(row.skipped_because.iter().map(|reason| format!("skipped: {}: {reason}\n", row.name)));
        }
        text + &self.closing_line()
    }

    fn closing_line(&self) -> String {
        let Tally { passed, failed, skipped, .. } = self.sum();
        let skipped = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
        format!("{passed} passed, {failed} failed{skipped}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(text: &str, failure: Option<&str>) -> Finished {
        Finished { text: text.into(), failure: failure.map(Into::into) }
    }

    fn passed(count: usize) -> Tally {
        Tally { passed: count, ..Tally::default() }
    }

    fn failed_of(tally: Option<Tally>, failure: Option<&str>) -> usize {
        Row::of_run("suite", tally, &finished("", failure), Duration::ZERO).tally.failed
    }

    #[test]
    fn a_bad_end_no_count_and_no_test_are_failures() {
        assert_eq!(failed_of(Some(passed(3)), None), 0);
        assert_eq!(failed_of(Some(passed(3)), Some("exit status: 1")), 1);
        assert_eq!(failed_of(Some(Tally { failed: 2, ..passed(3) }), Some("exit status: 1")), 2);
        assert_eq!(failed_of(None, None), 1);
        assert_eq!(failed_of(None, Some("signal: 9")), 1);
        assert_eq!(failed_of(Some(Tally::default()), None), 1);
    }

    #[test]
    fn the_closing_line_stands_alone_and_names_skips_only_when_there_are_some() {
        let mut report = Report::new(false);
        report.add(Row::counted("tidy", passed(4), Duration::ZERO));
        assert!(report.text().ends_with("\n4 passed, 0 failed\n"));
        report.add(Row::skipped("awscli2", "only root can install Debian packages"));
        assert!(
            report
                .text()
                .ends_with("skipped: awscli2: only root can install Debian packages\n4 passed, 0 failed, 1 skipped\n")
        );
        assert!(report.conclude().is_ok());
    }

    #[test]
    fn in_ci_a_skip_is_a_failure() {
        let mut report = Report::new(true);
        report.add(Row::counted("tidy", passed(4), Duration::ZERO));
        report.add(Row::skipped("awscli2", "no root"));
        assert!(report.text().ends_with("4 passed, 1 failed\n"));
        assert!(report.conclude().is_err());
    }

    #[test]
    fn a_run_in_which_nothing_passed_is_not_good() {
        assert!(Report::new(false).conclude().is_err());
    }

    #[test]
    fn failing_tests_are_repeated_at_the_end_with_their_seed() {
        let text = "test crash ... FAILED\nrepeat with TIDEWIRE_SEED=7 cargo test -p journal crash\ntest good ... ok\n";
        let row = Row::of_run("cargo test", Some(passed(1)), &finished(text, None), Duration::ZERO);
        assert_eq!(row.failures.len(), 2);
        assert!(row.failures[1].contains("TIDEWIRE_SEED=7"));
    }
}
