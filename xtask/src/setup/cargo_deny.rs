//! The pinned cargo-deny, which checks the licences and sources of dependencies.
//!
//! One that is already installed is used when it has the pinned version; otherwise it is built into `.tools/`.

use std::path::PathBuf;

use crate::process;

const VERSION: &str = "0.20.2";

/// A cargo-deny of the pinned version.
pub(crate) fn cargo_deny() -> Result<PathBuf, String> {
    let own = super::tools().join("bin").join("cargo-deny");
    for candidate in [PathBuf::from("cargo-deny"), own.clone()] {
        if has_pinned_version(&candidate) {
            return Ok(candidate);
        }
    }
    println!("setup: building cargo-deny {VERSION}, a few minutes the first time");
    let mut install = process::cargo(&["install", "--quiet", "--locked", "cargo-deny", "--version", VERSION, "--root"]);
    process::run(install.arg(super::tools()))?;
    Ok(own)
}

fn has_pinned_version(program: &std::path::Path) -> bool {
    let said = process::run_quietly(&mut process::command(&program.to_string_lossy(), &["--version"]));
    said.is_ok_and(|said| said.split_whitespace().last() == Some(VERSION))
}
