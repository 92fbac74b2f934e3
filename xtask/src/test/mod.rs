//! `cargo xtask test`: all that has to hold, in one run: setup, laws, Rust tests, real clients against the real binary.
//!
//! A failure never hides a later one: every step runs that still can, and the end shows a table, what failed, what was
//! skipped and why, and one closing line. With CI=true a skip counts as a failure.

mod clients_page;
mod report;
mod server;
mod suite;
mod tally;
mod twelve;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use report::{Report, Row};
use suite::Suite;
use tally::Tally;
use twelve::{NotYet, Shown};

use crate::setup::Missing;
use crate::{check, generate, process, setup, tidy, workspace};

/// Longer than any run so far by far; it only has to end before the one who waits for the whole run gives up.
const RUST_TESTS_LIMIT: Duration = Duration::from_secs(45 * 60);

/// Runs everything, or with names only those client suites.
pub(crate) fn run(only: &[&str]) -> Result<(), String> {
    let mut report = Report::new(std::env::var("CI").is_ok_and(|value| value == "true"));
    let suites = suite::read_all()?;
    if let Some(unknown) = only.iter().find(|name| !suites.iter().any(|suite| suite.name == **name)) {
        return Err(format!("no client suite is called {unknown}"));
    }
    let missing = set_up(&mut report);
    if only.is_empty() {
        law(&mut report, "gen --check", || generate::run(true));
        law(&mut report, "tidy", || tidy::run(tidy::Mode::Check));
        law(&mut report, "fmt", check::fmt);
        law(&mut report, "clippy", check::clippy);
    }
    let binary = build(&mut report);
    if only.is_empty() {
        rust_tests(&mut report, binary.as_deref());
    }
    let chosen = suites.iter().filter(|suite| only.is_empty() || only.contains(&suite.name.as_str()));
    let shown = clients(&mut report, chosen, &missing, binary.as_deref())?;
    let names: Vec<String> = suites.iter().map(|suite| suite.name.clone()).collect();
    law(&mut report, "docs/CLIENTS.md", || clients_page::compare(&shown, &names));
    report.conclude()
}

/// Prints the heading of a step.
fn begin(step: &str) -> Instant {
    println!("\n== {step}");
    Instant::now()
}

fn set_up(report: &mut Report) -> Missing {
    let started = begin("setup");
    let missing = setup::for_tests().unwrap_or_else(|problem| {
        report.add(Row::failed("setup", &problem, started.elapsed()));
        Missing::new()
    });
    setup::report(&missing);
    report.time("setup", started.elapsed());
    missing
}

/// One check that either holds or does not; it counts as one test.
fn law(report: &mut Report, name: &str, check: impl FnOnce() -> Result<(), String>) {
    let started = begin(name);
    let outcome = check();
    report.add(match outcome {
        Ok(()) => Row::counted(name, Tally { passed: 1, ..Tally::default() }, started.elapsed()),
        Err(problem) => Row::failed(name, &problem, started.elapsed()),
    });
}

/// Builds the binary that clients and the tests that kill it are run against.
fn build(report: &mut Report) -> Option<PathBuf> {
    let started = begin("release build");
    let built = process::run(&mut process::cargo(&["build", "--release", "--package", "tidewire"]));
    let binary = built.and_then(|()| workspace::release_binary());
    report.time("release build", started.elapsed());
    binary.map_err(|problem| report.add(Row::failed("release build", &problem, started.elapsed()))).ok()
}

fn rust_tests(report: &mut Report, binary: Option<&Path>) {
    let started = begin("cargo test");
    let mut command = process::cargo(&["test", "--workspace", "--no-fail-fast"]);
    command.envs(binary.map(|binary| ("TIDEWIRE_BIN", binary)));
    let row = match process::run_keeping_output(&mut command, Some(RUST_TESTS_LIMIT)) {
        Ok(finished) => Row::of_run("cargo test", Tally::of_cargo(&finished.text), &finished, started.elapsed()),
        Err(problem) => Row::failed("cargo test", &problem, started.elapsed()),
    };
    report.add(row);
}

/// Runs the suites; returns what those that did not fail showed of their clients.
fn clients<'a>(
    report: &mut Report,
    suites: impl Iterator<Item = &'a Suite>,
    missing: &Missing,
    binary: Option<&Path>,
) -> Result<Vec<(String, Shown)>, String> {
    let not_yet = NotYet::read()?;
    let mut all = Vec::new();
    for suite in suites {
        let started = begin(&suite.name);
        let (row, shown) = client_suite(suite, missing, binary, &not_yet)
            .unwrap_or_else(|problem| (Row::failed(&suite.name, &problem, started.elapsed()), None));
        // What a failing suite shows is in the report; the page is not to repeat an accident.
        all.extend(shown.filter(|_| !row.failed_any()).map(|shown| (suite.name.clone(), shown)));
        report.add(row);
    }
    Ok(all)
}

fn client_suite(
    suite: &Suite,
    missing: &Missing,
    binary: Option<&Path>,
    not_yet: &NotYet,
) -> Result<(Row, Option<Shown>), String> {
    if let Some(reason) = suite.lacks(missing) {
        return Ok((Row::skipped(&suite.name, &reason), None));
    }
    let binary = binary.ok_or("there is no release build to run it against")?;
    suite.run(binary, not_yet).map(|(row, shown)| (row, Some(shown)))
}
