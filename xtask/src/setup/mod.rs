//! `cargo xtask setup`: what the tests need and cargo does not bring, installed once and left alone until it changes.
//!
//! Python environments and tools go to `.tools/` (ignored by git), npm packages beside their `package.json`. What cannot
//! be installed here is no error: it is returned with the reason, and whoever needed it is skipped by name.

mod cargo_deny;
mod debian;
mod node;
mod python;
mod stamp;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(crate) use cargo_deny::cargo_deny;
pub(crate) use debian::knows_debian;
pub(crate) use python::python;

use crate::workspace;

/// The folder whose subfolders may each hold a `requirements.txt` or a `package.json`.
const CLIENTS: &str = "clients";

/// What could not be installed: the thing (`apt:strace`, `clients/boto3/requirements.txt`) and why.
pub(crate) type Missing = BTreeMap<String, String>;

/// Installs for the tests and says what is missing.
pub(crate) fn run() -> Result<(), String> {
    report(&for_tests()?);
    Ok(())
}

/// Debian packages, and every environment under `clients/`.
pub(crate) fn for_tests() -> Result<Missing, String> {
    let mut missing = debian::install();
    install_folders(CLIENTS, &mut missing)?;
    Ok(missing)
}

pub(crate) fn report(missing: &Missing) {
    for (what, why) in missing {
        println!("setup: skipped {what}: {why}");
    }
}

/// Where tools live that belong to this checkout.
pub(crate) fn tools() -> PathBuf {
    workspace::root().join(".tools")
}

fn install_folders(parent: &str, missing: &mut Missing) -> Result<(), String> {
    for folder in subfolders(parent)? {
        let requirements = format!("{folder}/requirements.txt");
        if workspace::root().join(&requirements).is_file() {
            note(missing, &requirements, python::install(&folder));
        }
        let package = format!("{folder}/package.json");
        if workspace::root().join(&package).is_file() {
            note(missing, &package, node::install(&folder));
        }
    }
    Ok(())
}

fn note(missing: &mut Missing, what: &str, outcome: Result<(), String>) {
    if let Err(why) = outcome {
        missing.insert(what.to_owned(), why);
    }
}

/// The folders directly under `parent`, from the root, in the order of their names.
pub(crate) fn subfolders(parent: &str) -> Result<Vec<String>, String> {
    let entries = std::fs::read_dir(workspace::root().join(parent)).map_err(|error| format!("{parent}: {error}"))?;
    let folders = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir());
    let mut names: Vec<String> =
        folders.filter_map(|path| name(&path)).map(|name| format!("{parent}/{name}")).collect();
    names.sort();
    Ok(names)
}

/// The last part of a path, unless it is hidden.
fn name(path: &Path) -> Option<String> {
    path.file_name()?.to_str().filter(|name| !name.starts_with(['.', '_'])).map(str::to_owned)
}
