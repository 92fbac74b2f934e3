//! A client suite: a folder under `clients/` with a `suite.toml`, run against a fresh server of its own.
//!
//! ```toml
//! name = "boto3"
//! kind = "python"                         # python | node | shell: what the command is handed to
//! command = ["-m", "pytest", "-q", "."]   # run inside the suite's folder
//! needs = { pip = "requirements.txt", apt = ["strace"] }
//! counts = "pytest"                       # pytest | node-test | line: who prints the counts
//! twelve = ["twelve.py"]                  # the same for a program that prints `twelve.rs`'s lines; with or without `command`
//! topics = ["topics.py"]                  # and for one that prints those of topics
//! server = ["--account", "123456789012"]  # optional: further arguments of its server
//! limit_secs = 600                        # optional
//! ```

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use toml::Table;

use super::report::Row;
use super::server::Server;
use super::tally::{Runner, Tally};
use super::twelve::{self, NotYet, Shown};
use crate::process::Finished;
use crate::setup::Missing;
use crate::{process, setup, workspace};

/// A suite that says nothing else is ended after so long: a hung client must not take the whole run with it.
const LIMIT_SECS_DEFAULT: u64 = 15 * 60;

/// What the suite's command is handed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Python,
    Node,
    Shell,
}

/// One `suite.toml`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Suite {
    pub(super) name: String,
    /// From the root: `clients/boto3`.
    folder: String,
    kind: Kind,
    /// The tests and who counts them, if the suite is more than programs of the checks.
    tests: Option<(Vec<String>, Runner)>,
    /// The programs that do the checks of queues and of topics, as far as the suite has them.
    programs: Vec<Vec<String>>,
    /// What its server is started with beside the usual.
    server: Vec<String>,
    /// As `setup` names them: `apt:strace`, `clients/boto3/requirements.txt`.
    needs: Vec<String>,
    limit: Duration,
}

/// Every suite under `clients/`, by name.
pub(super) fn read_all() -> Result<Vec<Suite>, String> {
    let mut suites = Vec::new();
    for folder in setup::subfolders("clients")? {
        let path = format!("{folder}/suite.toml");
        if let Ok(text) = std::fs::read_to_string(workspace::root().join(&path)) {
            suites.push(Suite::parse(&folder, &text).map_err(|problem| format!("{path}: {problem}"))?);
        }
    }
    Ok(suites)
}

impl Suite {
    fn parse(folder: &str, text: &str) -> Result<Self, String> {
        let table: Table = text.parse().map_err(|error| format!("{error}"))?;
        let word = |key: &str| table.get(key).and_then(toml::Value::as_str).ok_or(format!("`{key}` is missing"));
        let kind = match word("kind")? {
            "python" => Kind::Python,
            "node" => Kind::Node,
            "shell" => Kind::Shell,
            other => return Err(format!("`{other}` is not one of python, node, shell")),
        };
        let words = |key: &str| table.get(key).map(strings).unwrap_or_default();
        let programs = twelve::ALL.map(|asked| words(asked.key)).into_iter().filter(|words| !words.is_empty());
        let programs: Vec<Vec<String>> = programs.collect();
        let tests = match words("command") {
            command if command.is_empty() && programs.is_empty() => return Err("`command` is missing".into()),
            command if command.is_empty() => None,
            command => Some((command, counts(word("counts")?)?)),
        };
        let limit = table.get("limit_secs").and_then(toml::Value::as_integer).and_then(|secs| secs.try_into().ok());
        let limit = Duration::from_secs(limit.unwrap_or(LIMIT_SECS_DEFAULT));
        let needs = needs(folder, table.get("needs"))?;
        let (name, server) = (word("name")?.to_owned(), words("server"));
        Ok(Self { name, folder: folder.to_owned(), kind, tests, programs, server, needs, limit })
    }

    /// Why the suite cannot run here, if something that it needs could not be installed.
    pub(super) fn lacks(&self, missing: &Missing) -> Option<String> {
        let absent = self.needs.iter().filter_map(|need| Some(format!("{need}: {}", missing.get(need)?)));
        let reasons: Vec<String> = absent.collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// Runs the suite against a server from `binary`; one that does not start, or does not stop well, fails it too.
    pub(super) fn run(&self, binary: &Path, not_yet: &NotYet) -> Result<(Row, Shown), String> {
        let started = Instant::now();
        let server = Server::start(binary, &self.name, &self.server)?;
        let outcome = self.run_against(&server, binary, not_yet);
        let stopped = server.stop();
        let (mut row, shown) = outcome?;
        row.took(started.elapsed());
        if let Err(problem) = stopped {
            row.fail(&problem);
        }
        Ok((row, shown))
    }

    /// The tests, then the programs; a failure of one does not hide another.
    fn run_against(&self, server: &Server, binary: &Path, not_yet: &NotYet) -> Result<(Row, Shown), String> {
        let mut row = Row::counted(&self.name, Tally::default(), Duration::ZERO);
        let mut text = String::new();
        if let Some((command, counts)) = &self.tests {
            let finished = self.run_program(command, server, binary)?;
            row = Row::of_run(&self.name, Tally::of_suite(&finished.text, *counts), &finished, Duration::ZERO);
            text = finished.text;
        }
        for program in &self.programs {
            let finished = self.run_program(program, server, binary)?;
            row.add_checks(&finished, &Shown::read(&self.name, &finished.text), not_yet);
            text += &finished.text;
        }
        Ok((row, Shown::read(&self.name, &text)))
    }

    fn run_program(&self, arguments: &[String], server: &Server, binary: &Path) -> Result<Finished, String> {
        process::run_keeping_output(&mut self.command(arguments, server, binary), Some(self.limit))
    }

    fn command(&self, arguments: &[String], server: &Server, binary: &Path) -> Command {
        let mut command = Command::new(self.program());
        command.args(arguments).current_dir(workspace::root().join(&self.folder));
        // A developer's own AWS configuration must not reach the clients, nor a client a real endpoint.
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_foreign(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        command.env("TIDEWIRE_ENDPOINT", server.endpoint()).env("TIDEWIRE_BIN", binary);
        command.env("AWS_ENDPOINT_URL", server.endpoint()).env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        command.env("AWS_REGION", "us-east-1").env("AWS_DEFAULT_REGION", "us-east-1");
        command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("SUITE_TOOLS", setup::tools());
        command
    }

    fn program(&self) -> PathBuf {
        match self.kind {
            Kind::Python => setup::python(&self.folder),
            Kind::Node => "node".into(),
            Kind::Shell => "bash".into(),
        }
    }
}

fn counts(word: &str) -> Result<Runner, String> {
    Runner::parse(word).ok_or(format!("`{word}` is not one of pytest, node-test, line"))
}

/// Whether an inherited variable could send a client elsewhere or configure a server that a suite starts.
fn is_foreign(name: &str) -> bool {
    name.starts_with("AWS_") || name.starts_with("TIDEWIRE_")
}

fn needs(folder: &str, value: Option<&toml::Value>) -> Result<Vec<String>, String> {
    let Some(table) = value.map(|value| value.as_table().ok_or("`needs` is a table")).transpose()? else {
        return Ok(Vec::new());
    };
    let mut needs = Vec::new();
    for (key, value) in table {
        match key.as_str() {
            "pip" | "npm" => needs.extend(value.as_str().map(|file| format!("{folder}/{file}"))),
            "apt" => needs.extend(strings(value).into_iter().map(|package| format!("apt:{package}"))),
            other => return Err(format!("`needs.{other}` is not one of pip, npm, apt")),
        }
    }
    match needs.iter().find(|need| need.strip_prefix("apt:").is_some_and(|package| !setup::knows_debian(package))) {
        Some(unknown) => Err(format!("{unknown} is not in the list of xtask/src/setup/debian.rs")),
        None => Ok(needs),
    }
}

fn strings(value: &toml::Value) -> Vec<String> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::server::tests::{ANNOUNCE, Fake};
    use super::super::twelve::TOPICS;
    use super::super::twelve::tests::{printed, printed_of};
    use super::*;

    const CRASH: &str = "name = 'crash'\nkind = 'python'\ncommand = ['-m', 'pytest']\n\
        needs = { pip = 'requirements.txt', apt = ['strace'] }\ncounts = 'pytest'\n";

    fn crash() -> Suite {
        Suite::parse("clients/crash", CRASH).unwrap()
    }

    #[test]
    fn a_suite_is_read_with_its_needs_as_setup_names_them() {
        assert_eq!(crash().needs, ["apt:strace", "clients/crash/requirements.txt"]);
        assert_eq!((crash().kind, crash().tests.unwrap().1), (Kind::Python, Runner::Pytest));
        assert!(crash().program().ends_with(".tools/python/clients-crash/bin/python"));
    }

    #[test]
    fn a_suite_whose_needs_are_missing_says_which_and_why() {
        let missing = Missing::from([("apt:strace".to_owned(), "no root".to_owned())]);
        assert_eq!(crash().lacks(&missing).as_deref(), Some("apt:strace: no root"));
        assert_eq!(crash().lacks(&Missing::new()), None);
    }

    #[test]
    fn an_incomplete_or_misspelt_suite_is_refused() {
        let refused = |from: &str, to: &str| Suite::parse("clients/crash", &CRASH.replace(from, to)).unwrap_err();
        assert!(refused("'python'", "'perl'").contains("perl"));
        assert!(refused("counts = 'pytest'", "counts = 'guess'").contains("guess"));
        assert!(refused("command = ['-m', 'pytest']", "").contains("`command`"));
        assert!(refused("strace", "starce").contains("apt:starce"));
        assert!(refused("pip =", "pipi =").contains("pipi"));
    }

    #[test]
    fn a_developers_own_aws_settings_are_kept_from_clients() {
        assert!(is_foreign("AWS_PROFILE") && is_foreign("TIDEWIRE_LISTEN") && !is_foreign("PATH"));
    }

    #[test]
    fn a_suite_is_handed_its_server_and_fails_with_a_server_that_stops_badly() {
        let suite = "name = 'shell'\nkind = 'shell'\ncounts = 'line'\n\
            command = ['-c', 'test \"$AWS_ENDPOINT_URL\" = http://127.0.0.1:40123 && echo 2 passed, 0 failed']\n";
        let suite = Suite::parse("clients", suite).unwrap();
        let serve = |code: u8| format!("trap 'exit {code}' TERM; {ANNOUNCE}; while :; do sleep 0.05; done");
        let not_yet = NotYet::parse("").unwrap();
        let good = suite.run(&Fake::new("shell", &serve(0)).binary, &not_yet).unwrap().0;
        assert_eq!((good.tally().passed, good.tally().failed), (2, 0));
        let bad = suite.run(&Fake::new("shell", &serve(3)).binary, &not_yet).unwrap().0;
        assert_eq!((bad.tally().passed, bad.tally().failed), (2, 1));
    }

    #[test]
    fn the_twelve_are_counted_with_the_tests_and_alone() {
        let printed = printed("A | a 1 | JSON 1.0", "ok", ("tags", "absent"));
        let twelve = format!(
            "name = 'twelve'\nkind = 'shell'\ntwelve = ['-c', 'printf \"{}\"']\n",
            printed.replace('\n', "\\\\n")
        );
        let not_yet = NotYet::parse("").unwrap();
        let serve = format!("trap 'exit 0' TERM; {ANNOUNCE}; while :; do sleep 0.05; done");
        let fake = Fake::new("twelve", &serve);
        let run = |text: &str| Suite::parse("clients", text).unwrap().run(&fake.binary, &not_yet).unwrap();
        let (alone, shown) = run(&twelve);
        assert_eq!((alone.tally().passed, alone.tally().failed, shown.clients.len()), (11, 0, 1));
        let (both, _) = run(&format!("{twelve}counts = 'line'\ncommand = ['-c', 'echo 2 passed, 1 failed']\n"));
        assert_eq!((both.tally().passed, both.tally().failed), (13, 1));
    }

    #[test]
    fn a_suite_may_have_a_program_for_queues_and_one_for_topics() {
        let print = |printed: String| format!("['-c', 'printf \"{}\"']\n", printed.replace('\n', "\\\\n"));
        let twelve = print(printed("A | a 1 | JSON 1.0", "ok", ("tags", "failed: no")));
        let topics = print(printed_of(&TOPICS, "A | a 1 | query", "ok", ("", "")));
        let suite = format!("name = 'both'\nkind = 'shell'\ntwelve = {twelve}topics = {topics}");
        let serve = format!("trap 'exit 0' TERM; {ANNOUNCE}; while :; do sleep 0.05; done");
        let fake = Fake::new("both", &serve);
        let run = Suite::parse("clients", &suite).unwrap().run(&fake.binary, &NotYet::parse("").unwrap());
        let (row, shown) = run.unwrap();
        assert_eq!((row.tally().passed, row.tally().failed, shown.clients.len()), (25, 1, 2));
    }

    #[test]
    fn a_program_that_shows_no_client_is_a_failure() {
        let serve = format!("trap 'exit 0' TERM; {ANNOUNCE}; while :; do sleep 0.05; done");
        let suite = "name = 'none'\nkind = 'shell'\ntwelve = ['-c', 'true']\n";
        let fake = Fake::new("none", &serve);
        let (row, _) = Suite::parse("clients", suite).unwrap().run(&fake.binary, &NotYet::parse("").unwrap()).unwrap();
        assert_eq!((row.tally().passed, row.tally().failed), (0, 1));
    }
}
