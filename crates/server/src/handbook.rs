//! What the command line says about itself: completions for shells, and man pages. Both are made from the same words that it
//! is read by, so they cannot lack one.

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Page {
    /// What a shell reads to complete our words.
    Completions(Shell),
    /// The man page of the command that these words name.
    Man(Vec<String>),
    /// Every man page, into a folder.
    AllMen(PathBuf),
}

/// Prints a page, or writes all.
pub(crate) fn print(page: &Page, mut command: Command) -> ExitCode {
    let written = match page {
        Page::Completions(shell) => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut command, "tidewire", &mut text);
            io::stdout().write_all(&text).map_err(|error| error.to_string())
        }
        Page::Man(words) => man(command, words),
        Page::AllMen(folder) => all_men(command, folder),
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("tidewire: {why}");
            ExitCode::from(2)
        }
    }
}

fn man(mut command: Command, words: &[String]) -> Result<(), String> {
    command.build();
    let mut found = &command;
    for word in words {
        found = found.find_subcommand(word).ok_or_else(|| format!("there is no command {}", words.join(" ")))?;
    }
    let mut text = Vec::new();
    Man::new(found.clone()).render(&mut text).map_err(|error| error.to_string())?;
    io::stdout().write_all(&text).map_err(|error| error.to_string())
}

fn all_men(command: Command, folder: &Path) -> Result<(), String> {
    let failed = |error: io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(command, folder).map_err(failed)
}
