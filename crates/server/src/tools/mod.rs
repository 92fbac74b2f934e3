//! The commands that look after a data folder: fsck, dump, backup, restore.
//!
//! Exit codes of all four: 0 done and nothing wrong, 1 damage was found or the work failed, 2 it could not be begun: the
//! folder is in use, missing, of a newer format, or the words were wrong.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what these commands find out is what they print")]

pub(crate) mod backup;
pub(crate) mod dump;
pub(crate) mod fsck;
pub(crate) mod moment;
pub(crate) mod restore;
mod services;

use journal::{Io, LockError, LockGuard, OpenError};
use std::path::Path;
use std::process::ExitCode;

/// Damage was found, or the work failed.
const WRONG: u8 = 1;
/// It could not be begun.
const NOT_BEGUN: u8 = 2;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    Text,
    Json,
}

/// Says why nothing was begun.
fn not_begun(why: impl std::fmt::Display) -> ExitCode {
    eprintln!("tidewire: {why}");
    ExitCode::from(NOT_BEGUN)
}

/// Says why the work failed.
fn failed(why: impl std::fmt::Display) -> ExitCode {
    eprintln!("tidewire: {why}");
    ExitCode::from(WRONG)
}

/// Takes a folder for this process, or says who has it.
fn lock(folder: &Path, io: &dyn Io) -> Result<LockGuard, String> {
    io.lock().map_err(|error| match error {
        LockError::Held { pid: Some(pid) } => {
            format!("{} is in use by process {pid}; stop it first", folder.display())
        }
        LockError::Held { pid: None } => format!("{} is in use by another process; stop it first", folder.display()),
        LockError::Io(error) => format!("{} cannot be locked: {error}", folder.display()),
    })
}

/// What an open refused with: damage is found, anything else keeps the work from beginning.
fn refused(error: &OpenError) -> ExitCode {
    match error {
        OpenError::Corrupt { file, offset, why } => failed(format!("{file}: offset {offset}: {why}")),
        _ => not_begun(error),
    }
}
