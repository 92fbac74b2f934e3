//! The twelve and the fourteen: what each real client is asked to do with queues and with topics, judged in one place however the
//! client's program is written.
//!
//! A program prints one line that says what it is, and one line for each check; several clients may follow each other in one output. A check that the server does not pass yet is listed in `clients/not-yet.toml`: it has to fail, so
//! that the mark goes as soon as it passes. A check that nobody reported is a failure.
//!
//! ```text
//! client: AWS SDK for Python | boto3 1.44.5 | JSON 1.0
//! twelve: create: ok
//! twelve: redrive: absent                  (this client has no such operation)
//! twelve: fifo: failed: what went wrong
//! client of topics: AWS SDK for Python | boto3 1.44.5 | query
//! topics: create: ok
//! independent: moto's SQS tests | moto 5.2.5 | JSON 1.0 | 140 | 9 | 17   (passed, differ, never run)
//! ```

use toml::Table;

use super::tally::Tally;
use crate::workspace;

/// What the clients of one service are asked to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Its program in `suite.toml`, and what stands before each outcome.
    pub(super) key: &'static str,
    /// What stands before a client.
    client: &'static str,
    /// What stands before a check in `clients/not-yet.toml`.
    mark: &'static str,
    /// In the order of the page.
    pub(super) checks: &'static [&'static str],
}

/// The twelve of SQS.
pub(super) static QUEUES: Asked = Asked {
    key: "twelve",
    client: "client: ",
    mark: "",
    checks: &[
        "create",
        "send",
        "attributes",
        "batch",
        "fifo",
        "long-poll",
        "delete",
        "visibility",
        "dead-letters",
        "redrive",
        "tags",
        "errors",
    ],
};

/// The fourteen of SNS.
pub(super) static TOPICS: Asked = Asked {
    key: "topics",
    client: "client of topics: ",
    mark: "topics-",
    checks: &[
        "create",
        "envelope",
        "raw",
        "attributes",
        "batch",
        "structure",
        "filter",
        "fifo",
        "confirm",
        "tags",
        "pages",
        "errors",
        "unsubscribe",
        "delete",
    ],
};

/// All services that clients are asked about.
pub(super) static ALL: [&Asked; 2] = [&QUEUES, &TOPICS];

impl Asked {
    /// The check in the words of `clients/not-yet.toml`.
    fn marked(&self, check: &str) -> String {
        format!("{}{check}", self.mark)
    }
}

/// Which checks the server is known not to pass yet, for which suite, and why.
pub(super) struct NotYet(Table);

/// How a client fared in one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    /// The client has no operation for it.
    Absent,
    Failed,
}

/// One client: a row of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Client {
    pub(super) asked: &'static Asked,
    pub(super) suite: String,
    /// Name, version, wire form.
    pub(super) cells: [String; 3],
    outcomes: Vec<(&'static str, Outcome, String)>,
}

/// A suite that somebody else wrote: a row of the page's last table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Independent {
    pub(super) suite: String,
    /// Name, version, wire form, passed, differ, never run.
    pub(super) cells: [String; 6],
}

/// What one suite's output said of its clients.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    pub(super) clients: Vec<Client>,
    pub(super) independents: Vec<Independent>,
}

impl NotYet {
    pub(super) fn read() -> Result<Self, String> {
        let path = "clients/not-yet.toml";
        let text = std::fs::read_to_string(workspace::root().join(path)).map_err(|error| format!("{path}: {error}"))?;
        Self::parse(&text).map_err(|problem| format!("{path}: {problem}"))
    }

    /// Top-level keys are checks and hold for every client; a table with the name of a suite holds for that one.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let table: Table = text.parse().map_err(|error| format!("{error}"))?;
        let inner = table.values().filter_map(toml::Value::as_table).flat_map(Table::keys);
        let outer = table.iter().filter(|(_, value)| value.is_str()).map(|(key, _)| key);
        let is_check = |key: &str| ALL.iter().any(|asked| asked.checks.iter().any(|check| asked.marked(check) == key));
        match outer.chain(inner).find(|key| !is_check(key)) {
            Some(unknown) => Err(format!("`{unknown}` is no check")),
            None => Ok(Self(table)),
        }
    }

    fn reason(&self, suite: &str, check: &str) -> Option<&str> {
        let own = self.0.get(suite).and_then(|table| table.get(check));
        own.or_else(|| self.0.get(check)).and_then(toml::Value::as_str)
    }
}

impl Shown {
    /// Reads what a suite printed; lines of any other form are somebody else's.
    pub(super) fn read(suite: &str, text: &str) -> Self {
        let mut shown = Self::default();
        for line in text.lines() {
            if let Some(said) = line.strip_prefix("independent: ").and_then(cells) {
                shown.independents.push(Independent { suite: suite.into(), cells: said });
            }
            for asked in ALL {
                shown.read_of(asked, suite, line);
            }
        }
        shown
    }

    /// Reads what a line says of a client of one service.
    fn read_of(&mut self, asked: &'static Asked, suite: &str, line: &str) {
        if let Some(cells) = line.strip_prefix(asked.client).and_then(cells) {
            self.clients.push(Client { asked, suite: suite.into(), cells, outcomes: Vec::new() });
        }
        let said = line.strip_prefix(asked.key).and_then(|rest| rest.strip_prefix(": "));
        if let (Some(said), Some(client)) = (said, self.clients.last_mut().filter(|client| client.asked == asked)) {
            client.outcomes.extend(outcome(asked, said));
        }
    }

    /// Counts, and a sentence for everything that is not as it should be.
    pub(super) fn judge(&self, not_yet: &NotYet) -> (Tally, Vec<String>) {
        let mut tally = Tally::default();
        let mut problems = Vec::new();
        for (client, check) in
            self.clients.iter().flat_map(|client| client.asked.checks.iter().map(move |check| (client, check)))
        {
            match client.problem(check, not_yet) {
                Some(problem) => problems.push(format!("{}: {check}: {problem}", client.cells[1])),
                None if client.outcome(check) == Some(Outcome::Absent) => {}
                None => tally.passed += 1,
            }
        }
        tally.failed = problems.len();
        (tally, problems)
    }
}

impl Client {
    /// The worst that was reported; a check reported twice is no better than its failure.
    pub(super) fn outcome(&self, check: &str) -> Option<Outcome> {
        let reported = self.outcomes.iter().filter(|(name, ..)| *name == check).map(|(_, outcome, _)| *outcome);
        reported.max_by_key(|outcome| *outcome as u8)
    }

    fn problem(&self, check: &str, not_yet: &NotYet) -> Option<String> {
        let said = self.outcomes.iter().rev().find(|(name, ..)| *name == check).map(|(_, _, said)| said.as_str());
        match (self.outcome(check), not_yet.reason(&self.suite, &self.asked.marked(check))) {
            (None, _) => Some("was not reported".into()),
            (Some(Outcome::Failed), None) => Some(said.unwrap_or_default().to_owned()),
            (Some(Outcome::Ok), Some(_)) => Some("passes now: take it off clients/not-yet.toml".into()),
            _ => None,
        }
    }
}

/// Exactly so many cells between `|`.
fn cells<const COUNT: usize>(said: &str) -> Option<[String; COUNT]> {
    let cells: Vec<String> = said.split('|').map(|cell| cell.trim().to_owned()).collect();
    cells.try_into().ok()
}

/// `fifo: failed: out of order`
fn outcome(asked: &'static Asked, said: &str) -> Option<(&'static str, Outcome, String)> {
    let (name, rest) = said.split_once(": ")?;
    let check = asked.checks.iter().find(|check| **check == name)?;
    let (word, why) = rest.split_once(": ").unwrap_or((rest, ""));
    let outcome = match word.trim() {
        "ok" => Outcome::Ok,
        "absent" => Outcome::Absent,
        "failed" => Outcome::Failed,
        _ => return None,
    };
    Some((check, outcome, why.to_owned()))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What a program prints of which every check has the same outcome, but for one.
    pub(in crate::test) fn printed(client: &str, all: &str, but: (&str, &str)) -> String {
        printed_of(&QUEUES, client, all, but)
    }

    /// The same for a client of any service.
    pub(in crate::test) fn printed_of(asked: &Asked, client: &str, all: &str, but: (&str, &str)) -> String {
        let outcome = |check: &str| if check == but.0 { but.1.to_owned() } else { all.to_owned() };
        let lines = asked.checks.iter().map(|check| format!("{}: {check}: {}\n", asked.key, outcome(check)));
        format!("{}{client}\n{}", asked.client, lines.collect::<String>())
    }

    fn judged(printed: &str, not_yet: &str) -> (usize, Vec<String>) {
        let (tally, problems) = Shown::read("js", printed).judge(&NotYet::parse(not_yet).unwrap());
        (tally.passed, problems)
    }

    #[test]
    fn a_client_that_can_do_all_passes_twelve_times() {
        assert_eq!(judged(&printed("A | a 1 | JSON 1.0", "ok", ("", "")), ""), (12, Vec::new()));
    }

    #[test]
    fn a_failure_is_told_in_the_words_of_the_client() {
        let text = printed("A | a 1 | JSON 1.0", "ok", ("fifo", "failed: out of order: 2, 1"));
        assert_eq!(judged(&text, ""), (11, vec!["a 1: fifo: out of order: 2, 1".into()]));
    }

    #[test]
    fn a_check_that_nobody_reported_is_a_failure() {
        let text = printed("A | a 1 | JSON 1.0", "ok", ("tags", "perhaps"));
        assert_eq!(judged(&text, ""), (11, vec!["a 1: tags: was not reported".into()]));
    }

    #[test]
    fn what_is_listed_as_not_there_yet_has_to_fail_for_that_client() {
        let fails = printed("A | a 1 | JSON 1.0", "ok", ("fifo", "failed: refused"));
        assert_eq!(judged(&fails, "fifo = 'later'").1, Vec::<String>::new());
        assert_eq!(judged(&fails, "[js]\nfifo = 'later'").1, Vec::<String>::new());
        assert_eq!(judged(&fails, "[other]\nfifo = 'later'").1.len(), 1);
        let passes = printed("A | a 1 | JSON 1.0", "ok", ("", ""));
        assert!(judged(&passes, "fifo = 'later'").1[0].contains("passes now"));
    }

    #[test]
    fn what_a_client_cannot_say_counts_neither_way() {
        let text = printed("A | a 1 | JSON 1.0", "ok", ("redrive", "absent"));
        assert_eq!(judged(&text, ""), (11, Vec::new()));
        assert_eq!(judged(&text, "redrive = 'later'"), (11, Vec::new()));
    }

    #[test]
    fn topics_have_checks_and_marks_of_their_own() {
        let text = printed_of(&TOPICS, "A | a 1 | query", "ok", ("fifo", "failed: refused"));
        assert_eq!(judged(&text, ""), (13, vec!["a 1: fifo: refused".into()]));
        assert_eq!(judged(&text, "fifo = 'later'").1.len(), 1);
        assert_eq!(judged(&text, "topics-fifo = 'later'").1, Vec::<String>::new());
        let mixed = format!("{text}twelve: create: failed: not asked\n");
        assert_eq!(judged(&mixed, "topics-fifo = 'later'").1, Vec::<String>::new());
    }

    #[test]
    fn a_misspelt_mark_is_refused() {
        assert!(NotYet::parse("fif = 'later'").is_err());
        assert!(NotYet::parse("topics-redrive = 'later'").is_err());
        assert!(NotYet::parse("[js]\nfif = 'later'").is_err());
    }

    #[test]
    fn the_marks_of_this_checkout_can_be_read() {
        NotYet::read().unwrap();
    }
}
