//! The command line: which command, and which configuration.
//!
//! The flags of `dev` and `serve` are made from the table of configuration keys, so a key cannot lack its flag.

use crate::config::{KEYS, Sources};
use crate::handbook::Page;
use crate::mode::Mode;
use crate::queues::words::Words;
use crate::resources::words::{Apply, Export};
use crate::root_key::RootKeySource;
use crate::simulate::{self, Simulate};
use crate::streams;
use crate::tools::backup::Backup;
use crate::tools::dump::Dump;
use crate::tools::fsck::Fsck;
use crate::tools::keys::{Action, Keys};
use crate::tools::restore::Restore;
use crate::tools::{self, Output};
use crate::topics;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use clap_complete::Shell;
use journal::backup::Goal;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Task {
    /// Run a server.
    Run(Mode, Sources),
    /// Read the configuration, show it, and say what is wrong with it.
    CheckConfig(Sources),
    /// Print the variables that point SDKs at a server.
    PrintEnvironment(Sources),
    /// Run the AWS CLI against a server.
    Aws(Sources, Vec<OsString>),
    /// Do something to queues, as a client of a server.
    Queue(Sources, Box<Words>),
    /// Do something to streams, as a client of a server.
    Stream(Sources, Box<streams::words::Words>),
    /// Do something to topics, as a client of a server.
    Topic(Sources, Box<topics::words::Words>),
    /// Make a server have what a file declares.
    Apply(Sources, Apply),
    /// Write a declaration of what a server has.
    Export(Sources, Export),
    /// Say something about the command line itself.
    Handbook(Page),
    /// Check a data folder, and repair it if told so.
    Fsck(Fsck),
    /// Show what files of a data folder hold.
    Dump(Dump),
    /// Copy a data folder while it is served.
    Backup(Backup),
    /// Make a data folder from a backup.
    Restore(Restore),
    /// Look at the keys of a data folder, or change them.
    Keys(Keys),
    /// Say whether policies allow something.
    SimulatePolicy(Box<Simulate>),
}

/// Reads the command line; wrong words, `--help` and `--version` end the program here.
pub(crate) fn parse() -> Task {
    task(&command().get_matches(), &environment())
}

fn environment() -> BTreeMap<String, String> {
    std::env::vars().filter(|(name, _)| name.starts_with("TIDEWIRE_")).collect()
}

/// All words there are.
pub(crate) fn command() -> Command {
    let with_keys = |command: Command| command.args(flags());
    with_keys(
        Command::new("tidewire")
            .version(env!("CARGO_PKG_VERSION"))
            .about("A self-hosted messaging server that speaks the APIs of the AWS messaging family")
            .after_help("Without a command, `tidewire dev` is run."),
    )
    .subcommand(with_keys(Command::new("dev").about("Run a server for development: loopback, any credentials")))
    .subcommand(with_keys(Command::new("serve").about("Run a server for use")))
    .subcommand(
        Command::new("config")
            .about("Look at the configuration")
            .subcommand_required(true)
            .subcommand(with_keys(Command::new("check").about("Read the configuration and say what is wrong with it"))),
    )
    .subcommand(with_keys(Command::new("env").about("Print the variables that point AWS SDKs at the server")))
    .subcommand(
        with_keys(Command::new("aws").about("Run the AWS CLI against the server")).arg(
            Arg::new("words")
                .value_name("WORDS")
                .help("What follows `aws`")
                .num_args(0..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true)
                .value_parser(clap::value_parser!(OsString)),
        ),
    )
    .subcommand(queue_command())
    .subcommand(stream_command())
    .subcommand(topic_command())
    .subcommand(Apply::augment_args(
        Command::new("apply").about("Make a server have the queues that a file declares, after showing what changes"),
    ))
    .subcommand(Export::augment_args(
        Command::new("export").about("Write the declaration of the queues that a server has"),
    ))
    .subcommands(tool_commands())
    .subcommands(handbook_commands())
    .subcommand(simulate::command())
}

/// What a client's exit code says.
const CLIENT_CODES: &str = "Exit codes: 0 done, 1 refused or failed, 2 not begun: no server, wrong words, or no --yes.";

/// What is done to queues, as a client of a server.
fn queue_command() -> Command {
    Words::augment_args(Command::new("queue").about("Look at queues and messages, send, move and remove them"))
        .after_help(CLIENT_CODES)
}

/// What is done to streams, as a client of a server.
fn stream_command() -> Command {
    streams::words::Words::augment_args(
        Command::new("stream").about("Look at streams and records, put, follow and replay them, change shards"),
    )
    .after_help(CLIENT_CODES)
}

/// What is done to topics, as a client of a server.
fn topic_command() -> Command {
    topics::words::Words::augment_args(
        Command::new("topic").about("Look at topics and deliveries, publish, subscribe and follow"),
    )
    .after_help(CLIENT_CODES)
}

/// What the command line says about itself.
fn handbook_commands() -> [Command; 2] {
    [
        Command::new("completions")
            .about("Print what a shell reads to complete these commands")
            .arg(Arg::new("shell").required(true).value_parser(clap::value_parser!(Shell))),
        Command::new("man")
            .about("Print the man page of a command, or write all of them")
            .arg(Arg::new("words").value_name("COMMAND").num_args(0..).help("The command; without it, the program"))
            .arg(
                Arg::new("to")
                    .long("to")
                    .value_name("DIR")
                    .conflicts_with("words")
                    .help("Write every page into this folder")
                    .value_parser(clap::value_parser!(PathBuf)),
            ),
    ]
}

/// A name of a file or folder that must be given.
fn path(name: &'static str, value: &'static str) -> Arg {
    Arg::new(name).value_name(value).required(true).value_parser(clap::value_parser!(PathBuf))
}

/// What opens a sealed folder.
fn root_key() -> Arg {
    Arg::new("root-key")
        .long("root-key")
        .value_name("SOURCE")
        .env("TIDEWIRE_ROOT_KEY")
        .hide_env_values(true)
        .help("What opens it: file:PATH, env:NAME or passphrase-env:NAME; without it, root.key in the folder")
        .value_parser(RootKeySource::parse)
}

/// What is done with the keys of a data folder.
fn keys_command() -> Command {
    Command::new("keys")
        .about("Look at the data keys of a data folder, or change them")
        .subcommand_required(true)
        .subcommand(
            Command::new("show").about("Say which data keys there are, and which root key wraps them").arg(path("folder", "DIR")),
        )
        .subcommand(
            Command::new("rotate")
                .about("Make a new data key for what is written from now on, whether or not a server serves the folder")
                .arg(path("folder", "DIR"))
                .arg(root_key()),
        )
        .subcommand(
            Command::new("rewrap")
                .about("Wrap the data keys by another root key; nothing else is written anew, and the server must be stopped")
                .arg(path("folder", "DIR"))
                .arg(root_key())
                .arg(
                    Arg::new("to")
                        .long("to")
                        .value_name("SOURCE")
                        .required(true)
                        .help("The root key that is to open it: file:PATH (made if missing), env:NAME or passphrase-env:NAME")
                        .value_parser(RootKeySource::parse),
                ),
        )
}

/// The commands that look after a data folder.
fn tool_commands() -> [Command; 5] {
    let switch = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    let output = |values: [&'static str; 2]| {
        Arg::new("output")
            .long("output")
            .value_name("FORM")
            .default_value("text")
            .value_parser(values)
            .help("How it is printed")
    };
    [
        Command::new("fsck")
            .about("Check every byte of a data folder, and say what is wrong and what is lost with it")
            .after_help("Exit codes: 0 clean, 1 damage was found, 2 the folder could not be checked.")
            .arg(path("folder", "DIR"))
            .arg(switch("repair").help("Repair what can be repaired, after saying what that loses"))
            .arg(switch("yes").requires("repair").help("Do not ask before a repair"))
            .arg(root_key())
            .arg(output(["text", "json"])),
        Command::new("dump")
            .about("Show the records of a data folder, or of single files of it, without locking it")
            .arg(path("paths", "DIR|FILE").num_args(1..))
            .arg(
                Arg::new("partition")
                    .long("partition")
                    .value_name("FAMILY.ORDINAL")
                    .help("Only records of this partition")
                    .value_parser(tools::dump::partition),
            )
            .arg(
                Arg::new("from")
                    .long("from")
                    .value_name("POSITION")
                    .help("Only records of the log from this position on")
                    .value_parser(clap::value_parser!(u64)),
            )
            .arg(switch("bodies").help("Show messages' bodies, not only their sizes"))
            .arg(root_key())
            .arg(output(["text", "ndjson"])),
        Command::new("backup")
            .about("Copy a data folder, whether or not a server serves it; an earlier backup in the same folder is added to")
            .arg(path("folder", "DIR"))
            .arg(path("to", "FOLDER").long("to").help("Where backups are kept, outside the data folder")),
        keys_command(),
        Command::new("restore")
            .about("Make a data folder from a backup")
            .arg(path("from", "FOLDER"))
            .arg(path("data-dir", "DIR").long("data-dir").help("The folder to make; it must be empty or missing"))
            .arg(root_key())
            .arg(
                Arg::new("to")
                    .long("to")
                    .value_name("TIME|POSITION")
                    .help("The state after this position, or at this time (2026-11-22T10:30:00Z); without it, everything")
                    .value_parser(tools::restore::goal),
            ),
    ]
}

/// The flag of every key, and `--config`.
fn flags() -> Vec<Arg> {
    let file = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .env("TIDEWIRE_CONFIG")
        .hide_env_values(true)
        .help("A TOML file with any of the keys below")
        .value_parser(clap::value_parser!(PathBuf));
    let keys = KEYS.iter().map(|key| {
        let help = match key.default {
            "" => key.help.to_string(),
            default => format!("{} [default: {default}]", key.help),
        };
        let arg = Arg::new(key.name).long(key.flag()).value_name(key.value).help(help).action(ArgAction::Set);
        // `--ephemeral` alone says true.
        if key.value == "BOOL" { arg.num_args(0..=1).require_equals(true).default_missing_value("true") } else { arg }
    });
    std::iter::once(file).chain(keys).collect()
}

fn task(matches: &ArgMatches, environment: &BTreeMap<String, String>) -> Task {
    let sources = |matches: &ArgMatches| sources(matches, environment.clone());
    match matches.subcommand() {
        Some(("serve", matches)) => Task::Run(Mode::Serve, sources(matches)),
        Some(("dev", matches)) => Task::Run(Mode::Dev, sources(matches)),
        Some(("config", matches)) => {
            let (_, matches) = matches.subcommand().expect("clap demands a command under config");
            Task::CheckConfig(sources(matches))
        }
        Some(("env", matches)) => Task::PrintEnvironment(sources(matches)),
        Some(("aws", matches)) => {
            let words = matches.get_many::<OsString>("words").into_iter().flatten().cloned().collect();
            Task::Aws(sources(matches), words)
        }
        Some(("queue", matches)) => Task::Queue(of_environment(environment), Box::new(words(matches))),
        Some(("stream", matches)) => Task::Stream(of_environment(environment), Box::new(words(matches))),
        Some(("topic", matches)) => Task::Topic(of_environment(environment), Box::new(words(matches))),
        Some(("apply", matches)) => Task::Apply(of_environment(environment), words(matches)),
        Some(("export", matches)) => Task::Export(of_environment(environment), words(matches)),
        Some(("completions", matches)) => {
            let shell = matches.get_one("shell").copied().expect("clap demands a shell");
            Task::Handbook(Page::Completions(shell))
        }
        Some(("man", matches)) => Task::Handbook(match matches.get_one::<PathBuf>("to") {
            Some(folder) => Page::AllMen(folder.clone()),
            None => Page::Man(matches.get_many("words").into_iter().flatten().cloned().collect()),
        }),
        Some(("policy", matches)) => Task::SimulatePolicy(Box::new(simulate::words(matches))),
        Some(("fsck", matches)) => Task::Fsck(Fsck {
            folder: path_of(matches, "folder"),
            repair: matches.get_flag("repair"),
            yes: matches.get_flag("yes"),
            root_key: root_key_of(matches, "root-key"),
            output: output_of(matches),
        }),
        Some(("dump", matches)) => Task::Dump(Dump {
            paths: matches.get_many::<PathBuf>("paths").into_iter().flatten().cloned().collect(),
            partition: matches.get_one("partition").copied(),
            from: matches.get_one("from").copied(),
            bodies: matches.get_flag("bodies"),
            root_key: root_key_of(matches, "root-key"),
            output: output_of(matches),
        }),
        Some(("backup", matches)) => {
            Task::Backup(Backup { folder: path_of(matches, "folder"), to: path_of(matches, "to") })
        }
        Some(("keys", matches)) => {
            let (action, matches) = matches.subcommand().expect("clap demands a command under keys");
            let root_key = |name| if action == "show" { RootKeySource::default() } else { root_key_of(matches, name) };
            Task::Keys(Keys {
                folder: path_of(matches, "folder"),
                root_key: root_key("root-key"),
                action: match action {
                    "rotate" => Action::Rotate,
                    "rewrap" => Action::Rewrap(root_key("to")),
                    _ => Action::Show,
                },
            })
        }
        Some(("restore", matches)) => Task::Restore(Restore {
            from: path_of(matches, "from"),
            folder: path_of(matches, "data-dir"),
            goal: matches.get_one("to").copied().unwrap_or(Goal::Everything),
            root_key: root_key_of(matches, "root-key"),
        }),
        _ => Task::Run(Mode::Dev, sources(matches)),
    }
}

fn path_of(matches: &ArgMatches, name: &str) -> PathBuf {
    matches.get_one::<PathBuf>(name).cloned().expect("clap demands it")
}

fn root_key_of(matches: &ArgMatches, name: &str) -> RootKeySource {
    matches.get_one(name).cloned().unwrap_or_default()
}

fn output_of(matches: &ArgMatches) -> Output {
    match matches.get_one::<String>("output").map(String::as_str) {
        Some("text") | None => Output::Text,
        Some(_) => Output::Json,
    }
}

/// The words of a command that declares its own.
fn words<T: FromArgMatches>(matches: &ArgMatches) -> T {
    T::from_arg_matches(matches).unwrap_or_else(|error| error.exit())
}

/// The configuration for commands that have flags of their own.
fn of_environment(environment: &BTreeMap<String, String>) -> Sources {
    let file = environment.get("TIDEWIRE_CONFIG").map(PathBuf::from);
    Sources { file, environment: environment.clone(), ..Sources::default() }
}

fn sources(matches: &ArgMatches, environment: BTreeMap<String, String>) -> Sources {
    let flag = |name: &'static str| Some((name, matches.get_one::<String>(name)?.clone()));
    Sources {
        file: matches.get_one::<PathBuf>("config").cloned(),
        environment,
        flags: KEYS.iter().filter_map(|key| flag(key.name)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn config_of(words: &[&str]) -> (Mode, Config) {
        let words = std::iter::once("tidewire").chain(words.iter().copied());
        match task(&command().get_matches_from(words), &BTreeMap::new()) {
            Task::Run(mode, sources) => (mode, Config::read(mode, &sources).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_line_holds_together() {
        command().debug_assert();
    }

    #[test]
    fn without_a_command_a_development_server_runs() {
        let (mode, config) = config_of(&["--listen", "127.0.0.1:0", "--ephemeral"]);
        assert_eq!((mode, config.listen.port(), config.ephemeral), (Mode::Dev, 0, true));
    }

    #[test]
    fn every_key_has_its_flag() {
        let (mode, config) =
            config_of(&["serve", "--http-header-timeout-secs", "7", "--ephemeral=false", "--data-dir", "x"]);
        assert_eq!((mode, config.header_timeout_secs, config.ephemeral), (Mode::Serve, 7, false));
        assert_eq!(config.data_dir, PathBuf::from("x"));
    }

    #[test]
    fn the_page_on_the_command_line_has_every_command() {
        let page = include_str!("../../../docs/CLI.md");
        let all = command();
        for name in all.get_subcommands().map(Command::get_name) {
            let is_there = [format!("`{name}"), format!("`tidewire {name}")].iter().any(|words| page.contains(words));
            assert!(is_there, "docs/CLI.md says nothing of {name}");
        }
        for family in ["queue", "stream", "topic"] {
            let (_, part) = page.split_once(&format!("# `tidewire {family}`")).expect("each family has its part");
            let part = part.split("\n# ").next().expect("a part has a beginning");
            let commands = all.get_subcommands().find(|one| one.get_name() == family).expect("there is one");
            for name in commands.get_subcommands().map(Command::get_name) {
                assert!(part.contains(&format!("`{name}")), "docs/CLI.md says nothing of {family} {name}");
            }
        }
    }

    #[test]
    fn what_follows_aws_is_passed_on() {
        let words = ["tidewire", "aws", "sqs", "list-queues", "--output", "json"];
        match task(&command().get_matches_from(words), &BTreeMap::new()) {
            Task::Aws(_, words) => assert_eq!(words, ["sqs", "list-queues", "--output", "json"]),
            other => panic!("{other:?}"),
        }
    }
}
