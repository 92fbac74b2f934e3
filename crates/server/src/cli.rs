//! The command line: which command, and which configuration.
//!
//! The flags of `dev` and `serve` are made from the table of configuration keys, so a key cannot lack its flag.

use crate::config::{KEYS, Sources};
use crate::mode::Mode;
use clap::{Arg, ArgAction, ArgMatches, Command};
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
}

/// Reads the command line; wrong words, `--help` and `--version` end the program here.
pub(crate) fn parse() -> Task {
    task(&command().get_matches(), &environment())
}

fn environment() -> BTreeMap<String, String> {
    std::env::vars().filter(|(name, _)| name.starts_with("TIDEWIRE_")).collect()
}

fn command() -> Command {
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
        _ => Task::Run(Mode::Dev, sources(matches)),
    }
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
    fn what_follows_aws_is_passed_on() {
        let words = ["tidewire", "aws", "sqs", "list-queues", "--output", "json"];
        match task(&command().get_matches_from(words), &BTreeMap::new()) {
            Task::Aws(_, words) => assert_eq!(words, ["sqs", "list-queues", "--output", "json"]),
            other => panic!("{other:?}"),
        }
    }
}
