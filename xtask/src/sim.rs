//! `cargo xtask sim`: long runs of the simulation, built with optimisations and with every assertion.

use crate::process;

/// Lives many histories, or repeats one: `sim --help` says how.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    process::run(process::cargo(&["run", "--profile", "sim", "--package", "sim", "--"]).args(arguments))
}
