//! The npm packages of a folder with a `package.json` and a `package-lock.json`, in its own `node_modules`.
//!
//! `npm ci` installs what the lock says and nothing else, and removes whatever was there before.

use super::stamp::Stamp;
use crate::{process, workspace};

pub(super) fn install(folder: &str) -> Result<(), String> {
    let home = workspace::root().join(folder);
    let lock = home.join("package-lock.json");
    let text = std::fs::read_to_string(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    // Inside node_modules, so that removing that folder by hand also forgets that it was made.
    Stamp::new(home.join("node_modules/.made-from"), text).ensure(|| {
        println!("setup: installing {folder}/package-lock.json");
        let mut npm = process::command("npm", &["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
        process::run_quietly(npm.current_dir(&home)).map(drop)
    })
}
