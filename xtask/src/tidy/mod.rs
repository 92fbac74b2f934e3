//! `cargo xtask tidy`: the laws of the repository, as ordinary code.
//!
//! Each law is a function from values (the storey table, cargo's metadata, parsed files) to findings, so that each is
//! tested on a few lines of text. A finding is one line that names the place and what to do; any finding fails.

mod allowance;
mod bans;
mod storeys;
mod style;

use crate::house::{self, Room, Storey};
use crate::{source, workspace};

/// Whether `tidy` only looks or also writes what it can derive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Check,
    Write,
}

/// Holds every law against the checkout.
pub(crate) fn run(mode: Mode) -> Result<(), String> {
    let rooms = house::parse(&read(house::DOCUMENT)?)?;
    let metadata = workspace::metadata()?;
    let folders: Vec<String> = metadata.packages.iter().map(|package| package.folder.clone()).collect();
    let sources = source::read_all(&folders)?;
    let allowances = allowance::parse(&read(allowance::FILE)?)?;

    let in_house: Vec<&Room> = rooms.iter().filter(|room| room.storey != Storey::Beside).collect();
    if mode == Mode::Write {
        bans::write(&in_house)?;
    }
    let mut findings = storeys::check(&rooms, &metadata.packages);
    findings.extend(bans::check(&in_house)?);
    findings.extend(style::check(&sources));
    findings.extend(allowance::check(&sources, &allowances));
    conclude(&findings, sources.len(), rooms.len())
}

fn conclude(findings: &[String], files: usize, rooms: usize) -> Result<(), String> {
    for finding in findings {
        println!("tidy: {finding}");
    }
    match findings.len() {
        0 => {
            println!("tidy: {files} files and {rooms} crates keep the laws");
            Ok(())
        }
        count => Err(format!("tidy: {count} findings")),
    }
}

fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(workspace::root().join(path)).map_err(|error| format!("{path}: {error}"))
}
