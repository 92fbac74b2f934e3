//! The commands that look after a data folder: fsck, dump, backup, restore.
//!
//! Exit codes of all four: 0 done and nothing wrong, 1 damage was found or the work failed, 2 it could not be begun: the
//! folder is in use, missing, of a newer format, or the words were wrong.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what these commands find out is what they print")]

pub(crate) mod backup;
pub(crate) mod dump;
pub(crate) mod fsck;
pub(crate) mod keys;
pub(crate) mod moment;
pub(crate) mod restore;
mod services;

use crate::root_key::{RootKeySource, chance};
use engine::Keyring;
use journal::{Io, LockError, LockGuard, OpenError};
use names::Instant;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

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

/// The keys of a folder; `None` if nothing in it is sealed.
fn keyring(folder: &Path, io: &Arc<dyn Io>, source: &RootKeySource) -> Result<Option<Keyring>, String> {
    if Keyring::look(&**io).map_err(|error| error.to_string())?.is_none() {
        return Ok(None);
    }
    let (root, passphrase) = source.look(folder, &**io)?;
    let loaded = Keyring::load(Arc::clone(io), root, passphrase, now(), chance());
    loaded.map(Some).map_err(|error| error.to_string())
}

/// What the machine's clock says.
fn now() -> Instant {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant::from_millis(u64::try_from(now.as_millis()).unwrap_or(0))
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
