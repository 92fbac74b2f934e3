//! How many tests passed, failed and were skipped, read from what a test runner printed.
//!
//! Each runner closes in its own words; each has a parser here. A runner that printed no such line has no tally, which the
//! caller takes for a failure: a suite that ran nothing has shown nothing.

use std::iter::Sum;

/// Counts of single tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
    /// Rust tests marked `#[ignore]`: run by hand, so neither passed nor missing.
    pub(crate) ignored: usize,
}

/// Whose closing words to expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runner {
    Pytest,
    NodeTest,
    /// The plain line `N passed, N failed`, for shell scripts.
    Line,
}

impl Runner {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word {
            "pytest" => Some(Self::Pytest),
            "node-test" => Some(Self::NodeTest),
            "line" => Some(Self::Line),
            _ => None,
        }
    }
}

impl Tally {
    /// The sum of all `test result:` lines; none at all gives `None`.
    pub(crate) fn of_cargo(text: &str) -> Option<Self> {
        let results: Vec<Self> = text.lines().filter_map(cargo_line).collect();
        (!results.is_empty()).then(|| results.into_iter().sum())
    }

    pub(crate) fn of_suite(text: &str, runner: Runner) -> Option<Self> {
        match runner {
            Runner::NodeTest => node_lines(text),
            // Pytest frames its closing line with `=` unless it is quiet.
            Runner::Pytest | Runner::Line => text.lines().rev().find_map(|line| words(line.trim_matches(['=', ' ']))),
        }
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |sum, next| Self {
            passed: sum.passed + next.passed,
            failed: sum.failed + next.failed,
            skipped: sum.skipped + next.skipped,
            ignored: sum.ignored + next.ignored,
        })
    }
}

/// `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s`
fn cargo_line(line: &str) -> Option<Tally> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut tally = Tally::default();
    for part in counts.split("; ") {
        let (number, what) = part.split_once(' ')?;
        match what {
            "passed" => tally.passed = number.parse().ok()?,
            "failed" => tally.failed = number.parse().ok()?,
            "ignored" => tally.ignored = number.parse().ok()?,
            _ => {}
        }
    }
    Some(tally)
}

/// `3 passed, 1 failed, 2 skipped in 0.42s`, in any order and with pytest's further words.
fn words(line: &str) -> Option<Tally> {
    let counts = line.split_once(" in ").map_or(line, |(counts, _)| counts);
    let mut tally = Tally::default();
    for part in counts.split(", ") {
        let (number, what) = part.trim().split_once(' ')?;
        let number: usize = number.parse().ok()?;
        match what {
            "passed" | "xfailed" => tally.passed += number,
            "failed" | "error" | "errors" | "xpassed" => tally.failed += number,
            "skipped" => tally.skipped += number,
            "warning" | "warnings" | "deselected" => {}
            _ => return None,
        }
    }
    Some(tally)
}

/// `# pass 3` in TAP, `ℹ pass 3` for people, each count on a line of its own.
fn node_lines(text: &str) -> Option<Tally> {
    let count = |what: &str| {
        let lines = text.lines().rev().filter_map(|line| line.strip_prefix("# ").or(line.strip_prefix("ℹ ")));
        lines.filter_map(|line| line.strip_prefix(what)?.strip_prefix(' ')?.trim().parse::<usize>().ok()).next()
    };
    let failed = count("fail")? + count("cancelled").unwrap_or(0);
    let skipped = count("skipped").unwrap_or(0) + count("todo").unwrap_or(0);
    Some(Tally { passed: count("pass")?, failed, skipped, ignored: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(passed: usize, failed: usize, skipped: usize) -> Tally {
        Tally { passed, failed, skipped, ignored: 0 }
    }

    #[test]
    fn the_results_of_all_cargo_test_binaries_are_summed() {
        let text = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s\n\
                    noise 3 passed\n\
                    test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s\n";
        assert_eq!(Tally::of_cargo(text), Some(Tally { passed: 14, failed: 1, skipped: 0, ignored: 1 }));
        assert_eq!(Tally::of_cargo("error: could not compile `queue`\n"), None);
    }

    #[test]
    fn pytest_is_read_quiet_and_framed_and_in_any_order() {
        let read = |line| Tally::of_suite(line, Runner::Pytest);
        assert_eq!(read("....\n4 passed in 0.21s\n"), Some(tally(4, 0, 0)));
        assert_eq!(read("=== 1 failed, 3 passed, 2 skipped, 1 warning in 2.10s ==="), Some(tally(3, 1, 2)));
        assert_eq!(read("2 passed, 1 error in 2.10s (0:01:03)"), Some(tally(2, 1, 0)));
        assert_eq!(read("no tests ran in 0.01s"), None);
    }

    #[test]
    fn node_is_read_in_both_its_forms() {
        let tap = "ok 1 - sends\n# tests 4\n# pass 3\n# fail 1\n# cancelled 0\n# skipped 0\n# todo 0\n";
        assert_eq!(Tally::of_suite(tap, Runner::NodeTest), Some(tally(3, 1, 0)));
        let spec = "ℹ tests 4\nℹ pass 2\nℹ fail 0\nℹ cancelled 1\nℹ skipped 1\n";
        assert_eq!(Tally::of_suite(spec, Runner::NodeTest), Some(tally(2, 1, 1)));
        assert_eq!(Tally::of_suite("SyntaxError", Runner::NodeTest), None);
    }

    #[test]
    fn a_script_closes_with_the_plain_line() {
        assert_eq!(Tally::of_suite("step 1 ok\n5 passed, 0 failed\n", Runner::Line), Some(tally(5, 0, 0)));
        assert_eq!(Tally::of_suite("all good\n", Runner::Line), None);
    }
}
