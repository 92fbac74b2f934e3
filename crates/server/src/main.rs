//! The program `tidewire`: reads what it is told, runs a server or points another program at one.
//!
//! Exit codes: 0 stopped as asked, 1 the server failed (the last line says why), 2 the command line or the configuration
//! is wrong.
#![expect(clippy::print_stderr, reason = "before the log is set up, standard error is where a person looks")]

mod allocator;
mod audit;
mod banner;
mod cli;
mod client;
mod clock;
mod config;
mod control;
mod delivery_log;
mod descriptors;
mod fetch;
mod group_metrics;
mod handbook;
mod housekeeper;
mod identities;
mod listen;
mod localstack;
mod log;
mod metrics;
mod mode;
mod organization;
mod outgoing;
mod pages;
#[cfg(test)]
mod passed_roles;
mod point;
mod progress;
mod push_messages;
mod queues;
mod recoveries;
mod resources;
mod root_key;
mod run;
mod s3;
mod signing_key;
mod simulate;
mod sink_metrics;
mod sms;
mod stream_metrics;
mod streams;
mod surroundings;
mod tls;
mod tools;
mod topic_metrics;
mod topics;
mod unverified;
mod whole_file;

use cli::Task;
use config::{Config, Sources};
use mode::Mode;
use run::Ended;
use std::process::ExitCode;

const WRONGLY_CONFIGURED: u8 = 2;

fn main() -> ExitCode {
    match cli::parse() {
        Task::Run(mode, sources) => with_config(mode, &sources, |config| {
            log::start(config);
            Ok(run_logged(mode, config))
        }),
        Task::CheckConfig(sources) => with_config(Mode::Serve, &sources, |config| {
            eprintln!("{config:#?}\nThe configuration is right.");
            Ok(ExitCode::SUCCESS)
        }),
        Task::PrintEnvironment(sources) => {
            with_config(Mode::Dev, &sources, |config| point::print_environment(config).map(|()| ExitCode::SUCCESS))
        }
        Task::SimulatePolicy(words) => simulate::run(&words),
        Task::Fsck(words) => tools::fsck::run(&words),
        Task::Dump(words) => tools::dump::run(&words),
        Task::Backup(words) => tools::backup::run(&words),
        Task::Keys(words) => tools::keys::run(&words),
        Task::Restore(words) => tools::restore::run(&words),
        Task::Queue(sources, words) => with_config(Mode::Dev, &sources, |config| Ok(queues::run(config, *words))),
        Task::Stream(sources, words) => with_config(Mode::Dev, &sources, |config| Ok(streams::run(config, *words))),
        Task::Topic(sources, words) => with_config(Mode::Dev, &sources, |config| Ok(topics::run(config, *words))),
        Task::Apply(sources, words) => with_config(Mode::Dev, &sources, |config| Ok(resources::apply(config, &words))),
        Task::Export(sources, words) => {
            with_config(Mode::Dev, &sources, |config| Ok(resources::export(config, &words)))
        }
        Task::Handbook(page) => handbook::print(&page, cli::command()),
        Task::Aws(sources, words) => with_config(Mode::Dev, &sources, |config| point::run_aws(config, &words)),
    }
}

fn with_config(mode: Mode, sources: &Sources, work: impl FnOnce(&Config) -> Result<ExitCode, String>) -> ExitCode {
    let config = match Config::read(mode, sources) {
        Ok(config) => config,
        Err(why) => {
            eprintln!("tidewire: {why}");
            return ExitCode::from(WRONGLY_CONFIGURED);
        }
    };
    work(&config).unwrap_or_else(|why| {
        eprintln!("tidewire: {why}");
        ExitCode::FAILURE
    })
}

/// Runs a server. Its end is told once: a failure of the disk where it happened, everything else here.
fn run_logged(mode: Mode, config: &Config) -> ExitCode {
    match run::run(mode, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Ended::DiskFailed) => ExitCode::FAILURE,
        Err(Ended::Because(why)) => {
            tracing::error!("{why}");
            ExitCode::FAILURE
        }
    }
}
