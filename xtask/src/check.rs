//! `cargo xtask check`: everything about the code that can be said without running it.
//!
//! Every check runs even when an earlier one failed, so that one run shows all there is to mend.

use crate::{generate, process, setup, tidy};

type Check = fn() -> Result<(), String>;

/// Formatting, lints, dependencies and the laws of the repository.
pub(crate) fn run() -> Result<(), String> {
    let checks: [(&str, Check); 5] = [
        ("fmt", fmt),
        ("clippy", clippy),
        ("deny", deny),
        ("tidy", || tidy::run(tidy::Mode::Check)),
        ("gen", || generate::run(true)),
    ];
    let mut failed = Vec::new();
    for (name, check) in checks {
        println!("check: {name}");
        if let Err(problem) = check() {
            println!("check: {name} failed: {problem}");
            failed.push(name);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("check: failed: {}", failed.join(", "))) }
}

pub(crate) fn fmt() -> Result<(), String> {
    process::run(&mut process::cargo(&["fmt", "--all", "--check"]))
}

/// The lints, and with them what each crate may not touch.
pub(crate) fn clippy() -> Result<(), String> {
    process::run(&mut process::cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn deny() -> Result<(), String> {
    let program = setup::cargo_deny()?;
    let program = program.to_string_lossy();
    process::run(&mut process::command(&program, &["check", "bans", "licenses", "sources"]))?;
    advisories(&program)
}

/// The database of advisories is fetched from elsewhere; a machine that cannot reach it says so and goes on.
fn advisories(program: &str) -> Result<(), String> {
    match process::run_quietly(&mut process::command(program, &["check", "advisories"])) {
        Ok(_) => Ok(()),
        Err(said) if said.contains("failed to fetch advisory database") => {
            println!("check: advisories skipped, their database cannot be reached from here");
            Ok(())
        }
        Err(said) => Err(said),
    }
}
