//! `tidewire keys`: which data keys a folder has, a new one for what is written from now on, another root key for all of them.
//!
//! None of it rewrites anything that is sealed. A running server is asked for a new data key; its root key is read at the
//! start, so to change it the server has to be stopped.

use super::backup::CONTROL;
use super::{failed, keyring, lock, moment, not_begun, now};
use crate::root_key::{RootKeySource, chance, shown};
use engine::Keyring;
use journal::{Io, ReadOnlyDisk, RealDisk};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub(crate) folder: PathBuf,
    pub(crate) root_key: RootKeySource,
    pub(crate) action: Action,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    Show,
    Rotate,
    Rewrap(RootKeySource),
}

/// Does it.
pub(crate) fn run(keys: &Keys) -> ExitCode {
    if !keys.folder.is_dir() {
        return not_begun(format!("{} is no folder", keys.folder.display()));
    }
    let done = match &keys.action {
        Action::Show => show(&keys.folder),
        Action::Rotate => match UnixStream::connect(keys.folder.join(CONTROL)) {
            Ok(stream) => return ask(stream),
            Err(_) => rotate(keys),
        },
        Action::Rewrap(to) => rewrap(keys, to),
    };
    match done {
        Ok(sentence) => {
            println!("{sentence}");
            ExitCode::SUCCESS
        }
        Err(why) => not_begun(format!("{}: {why}", keys.folder.display())),
    }
}

/// That there is a new data key, for a person.
pub(crate) fn rotated(id: u32) -> String {
    format!("the data key {id:08x} seals from now on; earlier ones stay for what they sealed")
}

fn show(folder: &Path) -> Result<String, String> {
    let disk = ReadOnlyDisk::open(folder).map_err(|error| error.to_string())?;
    let wrapped = Keyring::look(&disk).map_err(|error| error.to_string())?;
    let wrapped = wrapped.ok_or("it has no keys: nothing in it is sealed")?;
    let from = if wrapped.passphrase.is_some() { ", made of a passphrase" } else { "" };
    let mut lines = vec![format!("root key {}{from}", shown(&wrapped.root))];
    lines
        .extend(wrapped.keys.iter().map(|(id, made_at)| format!("data key {id:08x}, made {}", moment::show(*made_at))));
    Ok(lines.join("\n"))
}

fn ask(mut stream: UnixStream) -> ExitCode {
    let asked = writeln!(stream, "{}", json!({ "keys": "rotate" }));
    let mut line = String::new();
    let answered = asked.and_then(|()| BufReader::new(stream).read_line(&mut line));
    let answer = answered.map_err(|error| error.to_string());
    let answer = answer.and_then(|_| serde_json::from_str::<Value>(&line).map_err(|error| error.to_string()));
    match answer {
        Ok(answer) if answer["done"].is_string() => {
            println!("{}", answer["done"].as_str().unwrap_or_default());
            ExitCode::SUCCESS
        }
        Ok(answer) => failed(answer["error"].as_str().unwrap_or("the server's answer says nothing")),
        Err(why) => failed(format!("the server gave no answer: {why}")),
    }
}

fn rotate(keys: &Keys) -> Result<String, String> {
    let disk = RealDisk::open(&keys.folder).map_err(|error| error.to_string())?;
    let _guard = lock(&keys.folder, &disk)?;
    let disk: Arc<dyn Io> = Arc::new(disk);
    let keyring = keyring(&keys.folder, &disk, &keys.root_key)?.ok_or("it has no keys: nothing in it is sealed")?;
    keyring.rotate(now()).map(rotated).map_err(|error| error.to_string())
}

fn rewrap(keys: &Keys, to: &RootKeySource) -> Result<String, String> {
    let disk = RealDisk::open(&keys.folder).map_err(|error| error.to_string())?;
    let _guard = lock(&keys.folder, &disk)?;
    Keyring::look(&disk).map_err(|error| error.to_string())?.ok_or("it has no keys: nothing in it is sealed")?;
    let (old, _) = keys.root_key.look(&keys.folder, &disk)?;
    let (new, passphrase) = to.new_root(&keys.folder)?;
    Keyring::rewrap(&disk, &*old, &*new, passphrase, &chance()).map_err(|error| error.to_string())?;
    Ok(format!(
        "the keys are wrapped by the root key {} now, which is in {to}; start the server with root_key = \"{}\". Backups made \
         before open with the root key {} only",
        shown(&new.id()),
        to.as_value(),
        shown(&old.id())
    ))
}
