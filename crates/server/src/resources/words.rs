//! The words of `tidewire apply` and `tidewire export`.

use crate::queues::words::Door;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `tidewire apply`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Apply {
    /// The declaration: .toml, .json or .yaml, or the .conf of ElasticMQ
    pub(crate) file: PathBuf,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Delete the queues that are not declared; topics and streams, and subscriptions of a topic, if the file declares any
    #[arg(long)]
    pub(crate) prune: bool,
    /// Do not ask before anything is deleted
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) door: Door,
}

/// `tidewire export`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Export {
    /// The file to write; its name says the language [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
    /// The language [default: that of the file's name, else toml]
    #[arg(long, value_name = "FORM")]
    pub(crate) format: Option<Language>,
    /// Replace a file that is there
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) door: Door,
}

/// What a declaration is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    Toml,
    Json,
    Yaml,
}
