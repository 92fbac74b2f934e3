//! `docs/CLIENTS.md`: which client can do which of the checks, written from what the client suites printed.
//!
//! A run that tested other clients than the page says, other versions, or found other outcomes, writes the page anew and
//! fails, so that the committed page is always what the tests say. Rows of suites that this run did not run stay.

use std::path::PathBuf;

use super::twelve::{Asked, Client, Independent, Outcome, QUEUES, Shown, TOPICS};
use crate::workspace;

const HEAD: &str = "\
# Clients

Real clients, each as its registry or distribution ships it, and what they can do with tidewire. Written by
`cargo xtask test` from what the suites in `clients/` showed; a run that shows anything else fails. ✓ works, — the client
has no such operation, ✗ not yet (`clients/not-yet.toml` says why).

## SQS

";

const TOPICS_HEAD: &str = "
## SNS

Each with queues that it subscribes: in envelopes and raw, message attributes, batches, a text for each protocol, filter policies of both
scopes, FIFO topics, an HTTP endpoint that confirms, tags, more topics than one page lists, codes of errors.

";

const INDEPENDENT_HEAD: &str = "
## Suites that others wrote

Run from their own source archives against a server. Where such a test demands what only its own project does, AWS decides:
each one that differs, or cannot run outside of its project, stands in the suite's `expected.toml` with the reason, and has to
go from there when it passes.

";

/// Compares the page with what `ran` showed; `exist` are the names of all suites. Writes it when it differs.
pub(super) fn compare(ran: &[(String, Shown)], exist: &[String]) -> Result<(), String> {
    let path = path();
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let wanted = page(&found, ran, exist);
    if found == wanted {
        return Ok(());
    }
    std::fs::write(&path, wanted).map_err(|error| format!("{}: {error}", path.display()))?;
    Err("docs/CLIENTS.md said something else and has been written anew: look at it and commit it".into())
}

fn path() -> PathBuf {
    workspace::root().join("docs/CLIENTS.md")
}

fn page(found: &str, ran: &[(String, Shown)], exist: &[String]) -> String {
    let (found, independents) = found.split_once(INDEPENDENT_HEAD.trim()).unwrap_or((found, ""));
    let (queues, topics) = found.split_once(TOPICS_HEAD.trim()).unwrap_or((found, ""));
    let shown = || ran.iter().map(|(_, shown)| shown);
    let clients = |found: &str, asked: &'static Asked| {
        let new = shown().flat_map(|shown| &shown.clients).filter(|client| client.asked == asked).map(client_row);
        table(&client_titles(asked), rows(found, ran, exist, new))
    };
    let new = shown().flat_map(|shown| &shown.independents).map(independent_row);
    let independents = table(
        &["Suite", "Tests", "Version", "Wire form", "Pass", "Differ", "Not run"],
        rows(independents, ran, exist, new),
    );
    let (queues, topics) = (clients(queues, &QUEUES), clients(topics, &TOPICS));
    [HEAD, &queues, TOPICS_HEAD, &topics, INDEPENDENT_HEAD, &independents].concat()
}

/// The rows of suites that ran now, and the old ones of suites that exist and did not run; in the order of the suites.
fn rows(found: &str, ran: &[(String, Shown)], exist: &[String], new: impl Iterator<Item = String>) -> Vec<String> {
    let stays = |row: &&str| {
        let suite = suite_of(row);
        exist.iter().any(|name| name == suite) && !ran.iter().any(|(name, _)| name == suite)
    };
    let old = found.lines().filter(|line| line.starts_with("| `")).filter(stays).map(str::to_owned);
    let mut rows: Vec<String> = old.chain(new).collect();
    // Stable, so that the clients of one suite stay in the order in which it ran them.
    rows.sort_by(|left, right| suite_of(left).cmp(suite_of(right)));
    rows
}

/// Each row begins with the suite's name in backticks.
fn suite_of(row: &str) -> &str {
    row.split('`').nth(1).unwrap_or_default()
}

fn client_titles(asked: &'static Asked) -> Vec<&'static str> {
    ["Suite", "Client", "Version", "Wire form"].into_iter().chain(asked.checks.iter().copied()).collect()
}

fn client_row(client: &Client) -> String {
    let cells = client.asked.checks.iter().map(|check| match client.outcome(check) {
        Some(Outcome::Ok) => "✓",
        Some(Outcome::Absent) => "—",
        Some(Outcome::Failed) | None => "✗",
    });
    let cells: Vec<&str> = cells.collect();
    format!("| `{}` | {} | {} |", client.suite, client.cells.join(" | "), cells.join(" | "))
}

fn independent_row(independent: &Independent) -> String {
    format!("| `{}` | {} |", independent.suite, independent.cells.join(" | "))
}

fn table(titles: &[&str], rows: Vec<String>) -> String {
    let lines = vec!["---"; titles.len()];
    let head = [titles, &lines].map(|cells| format!("| {} |\n", cells.join(" | "))).concat();
    head + &rows.into_iter().map(|row| row + "\n").collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::super::twelve::tests::{printed, printed_of};
    use super::*;

    fn ran(suite: &str, text: &str) -> (String, Shown) {
        (suite.into(), Shown::read(suite, text))
    }

    fn exist() -> Vec<String> {
        ["js", "moto", "perl"].map(String::from).to_vec()
    }

    fn js(version: &str) -> (String, Shown) {
        ran("js", &printed(&format!("SDK for JavaScript | {version} | JSON 1.0"), "ok", ("fifo", "failed: no")))
    }

    #[test]
    fn a_row_names_the_client_and_what_it_can_do() {
        let page = page("", &[js("3.1")], &exist());
        let row = "| `js` | SDK for JavaScript | 3.1 | JSON 1.0 | ✓ | ✓ | ✓ | ✓ | ✗ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ |\n";
        assert!(page.contains(row), "{page}");
    }

    #[test]
    fn suites_that_did_not_run_keep_their_rows_and_those_that_are_gone_lose_them() {
        let moto = ran("moto", "independent: moto's | 5 | JSON 1.0 | 140 | 9 | 17\n");
        let gone = ran("gone", &printed("Old | 1 | JSON 1.0", "ok", ("", "")));
        let mut all = exist();
        all.push("gone".into());
        let first = page("", &[js("3.1"), moto, gone], &all);
        let second = page(&first, &[js("3.2")], &exist());
        assert!(second.contains("3.2") && !second.contains("3.1") && !second.contains("gone"), "{second}");
        assert!(second.contains("| `moto` | moto's | 5 | JSON 1.0 | 140 | 9 | 17 |\n"), "{second}");
    }

    #[test]
    fn topics_have_a_table_of_their_own() {
        let topics = ran("js", &printed_of(&TOPICS, "SDK for JavaScript | 3.1 | query", "ok", ("raw", "absent")));
        let first = page("", &[js("3.1")], &exist());
        let both = page(&first, &[("js".into(), joined([js("3.2").1, topics.1]))], &exist());
        let (_, below) = both.split_once("## SNS").unwrap();
        assert!(below.contains("| `js` | SDK for JavaScript | 3.1 | query | ✓ | ✓ | — | ✓ |"), "{both}");
        assert!(!below.contains("JSON 1.0") && both.contains("| 3.2 | JSON 1.0 |"), "{both}");
        assert_eq!(page(&both, &[], &exist()), both);
    }

    fn joined(both: [Shown; 2]) -> Shown {
        let [mut all, more] = both;
        all.clients.extend(more.clients);
        all
    }

    #[test]
    fn a_page_that_is_right_stays_as_it_is() {
        let first = page("", &[js("3.1")], &exist());
        assert_eq!(page(&first, &[js("3.1")], &exist()), first);
        assert_eq!(page(&first, &[], &exist()), first);
    }
}
