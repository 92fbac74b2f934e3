//! The law of length, and the list of what may break it.
//!
//! No function passes 70 lines and no file 800. `xtask/tidy-allow.toml` may name exceptions, each with a reason; the list
//! only shrinks: an entry has to fit its subject exactly, one that is no longer needed is a finding, and the number of
//! entries has a bound in this file.

use toml::Table;

use crate::source::Source;

/// Where in the checkout the exceptions stand.
pub(super) const FILE: &str = "xtask/tidy-allow.toml";

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 800;

/// How many exceptions there may be. Lower it with every entry that goes; raising it is a decision for a review.
const ALLOWANCES_MAX: usize = 0;

/// One exception: this file, or this function in it, may have exactly so many lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Allowance {
    file: String,
    function: Option<String>,
    lines: usize,
}

/// Something that is too long.
#[derive(Debug, PartialEq, Eq)]
struct Overlong<'a> {
    file: &'a str,
    function: Option<&'a str>,
    lines: usize,
}

/// Reads the list of exceptions; an entry without a reason is refused.
pub(super) fn parse(text: &str) -> Result<Vec<Allowance>, String> {
    let table: Table = text.parse().map_err(|error| format!("{FILE}: {error}"))?;
    let entries = table.get("allow").and_then(|list| list.as_array()).map(Vec::as_slice).unwrap_or_default();
    entries
        .iter()
        .map(|entry| parse_entry(entry).ok_or_else(|| format!("{FILE}: needs file, lines, reason: {entry}")))
        .collect()
}

fn parse_entry(entry: &toml::Value) -> Option<Allowance> {
    let text = |key: &str| entry.get(key)?.as_str().map(str::to_owned);
    let lines = usize::try_from(entry.get("lines")?.as_integer()?).ok()?;
    let _reason = text("reason").filter(|reason| !reason.trim().is_empty())?;
    Some(Allowance { file: text("file")?, function: text("function"), lines })
}

/// Everything overlong without an exception, and every exception that does not fit.
pub(super) fn check(sources: &[Source], allowances: &[Allowance]) -> Vec<String> {
    check_with_bound(sources, allowances, ALLOWANCES_MAX)
}

fn check_with_bound(sources: &[Source], allowances: &[Allowance], bound: usize) -> Vec<String> {
    let overlong: Vec<Overlong> = sources.iter().filter(|source| !source.is_generated()).flat_map(find).collect();
    let mut findings = Vec::new();
    if allowances.len() != bound {
        findings.push(format!("{FILE}: {} entries where ALLOWANCES_MAX says {bound}", allowances.len()));
    }
    for subject in overlong.iter().filter(|subject| !allowances.iter().any(|allowance| allowance.fits(subject))) {
        findings.push(subject.complaint());
    }
    for allowance in allowances.iter().filter(|allowance| !overlong.iter().any(|subject| allowance.fits(subject))) {
        let what = allowance.function.as_deref().unwrap_or("the file");
        findings
            .push(format!("{FILE}: {} ({what}) has not exactly {} lines any more", allowance.file, allowance.lines));
    }
    findings
}

impl Allowance {
    fn fits(&self, subject: &Overlong) -> bool {
        self.file == subject.file && self.function.as_deref() == subject.function && self.lines == subject.lines
    }
}

impl Overlong<'_> {
    fn complaint(&self) -> String {
        let Self { file, lines, .. } = self;
        match self.function {
            Some(name) => format!("{file}: `{name}` has {lines} lines of {FUNCTION_LINES_MAX}: divide it"),
            None => format!("{file}: {lines} lines of {FILE_LINES_MAX}: divide it along its nouns"),
        }
    }
}

fn find(source: &Source) -> Vec<Overlong<'_>> {
    let file = source.path.as_str();
    let lines = source.text.lines().count();
    let whole = (lines > FILE_LINES_MAX).then_some(Overlong { file, function: None, lines });
    let functions = source.functions.iter().filter(|function| function.length() > FUNCTION_LINES_MAX);
    let functions =
        functions.map(|function| Overlong { file, function: Some(&function.name), lines: function.length() });
    whole.into_iter().chain(functions).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, body_lines: usize) -> Source {
        let text = format!("//! Long.\nfn long() {{\n{}}}\n", "    f();\n".repeat(body_lines));
        Source::parse(path, &text).unwrap()
    }

    fn allowance(function: Option<&str>, lines: usize) -> Allowance {
        Allowance { file: "crates/a/src/lib.rs".into(), function: function.map(Into::into), lines }
    }

    #[test]
    fn seventy_lines_pass_and_seventy_one_do_not() {
        assert!(check_with_bound(&[source("crates/a/src/lib.rs", 68)], &[], 0).is_empty());
        let seen = check_with_bound(&[source("crates/a/src/lib.rs", 69)], &[], 0);
        assert_eq!(seen, ["crates/a/src/lib.rs: `long` has 71 lines of 70: divide it"]);
    }

    #[test]
    fn a_file_past_eight_hundred_lines_is_found_unless_it_is_generated() {
        let seen = check_with_bound(&[source("crates/a/src/lib.rs", 900)], &[], 0);
        assert!(seen[0].contains("903 lines of 800"), "{seen:?}");
        assert!(check_with_bound(&[source("crates/a/src/api/types.rs", 900)], &[], 0).is_empty());
    }

    #[test]
    fn an_exception_covers_exactly_what_it_names() {
        let sources = [source("crates/a/src/lib.rs", 78)];
        assert!(check_with_bound(&sources, &[allowance(Some("long"), 80)], 1).is_empty());
        assert_eq!(check_with_bound(&sources, &[allowance(Some("long"), 90)], 1).len(), 2);
    }

    #[test]
    fn an_exception_that_is_no_longer_needed_and_one_too_many_are_findings() {
        let seen = check_with_bound(&[source("crates/a/src/lib.rs", 5)], &[allowance(Some("long"), 80)], 0);
        assert!(seen[0].contains("1 entries where ALLOWANCES_MAX says 0"), "{seen:?}");
        assert!(seen[1].contains("has not exactly 80 lines"), "{seen:?}");
    }

    #[test]
    fn an_exception_needs_a_reason() {
        let good = "[[allow]]\nfile = 'a.rs'\nlines = 80\nfunction = 'f'\nreason = 'a table'\n";
        assert_eq!(parse(good).unwrap(), [Allowance { file: "a.rs".into(), function: Some("f".into()), lines: 80 }]);
        assert!(parse("[[allow]]\nfile = 'a.rs'\nlines = 80\n").is_err());
        assert!(parse("").unwrap().is_empty());
    }
}
