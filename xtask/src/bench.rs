//! `cargo xtask run` and `cargo xtask bench`: the server and the measurements, always built for release.
//!
//! The bench crate installs and starts the servers that it compares with; all it is handed is our own binary, built from
//! this tree a moment before.

use crate::{process, workspace};

/// Starts the server with these arguments.
pub(crate) fn serve(arguments: &[&str]) -> Result<(), String> {
    process::run(process::cargo(&["run", "--release", "--package", "tidewire", "--"]).args(arguments))
}

/// Runs one measurement against the server built from this tree.
pub(crate) fn run(name: &str, arguments: &[&str]) -> Result<(), String> {
    process::run(&mut process::cargo(&["build", "--release", "--package", "tidewire"]))?;
    let mut measure = process::cargo(&["run", "--release", "--package", "bench", "--", name]);
    process::run(measure.args(arguments).env("TIDEWIRE_BIN", workspace::release_binary()?))
}
