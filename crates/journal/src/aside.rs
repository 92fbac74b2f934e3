//! Files of which parts cannot be read any more: they are kept beside the log, with a note of what was wrong.
//!
//! `damaged-<name>` is the file, `damaged-<name>.txt` the note. The note comes before the manifest lets go of the file, and
//! the name after it, so that an open after a crash between the two knows which files it must not remove. Nobody but the
//! operator ever removes either.

use std::collections::BTreeMap;

use crate::{
    aligned::AlignedBuf,
    error::Fault,
    io::Io,
    limits::PAGE_BYTES,
    segment::{Segments, Source},
    shelf::log_number,
};

const PREFIX: &str = "damaged-";
const NOTE: &str = ".txt";

/// A file to be set aside, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// The file.
    pub source: Source,
    /// What is wrong with it, for people.
    pub why: String,
}

/// The name that `file` has once it is set aside.
pub(crate) fn aside_name(file: &str) -> String {
    format!("{PREFIX}{file}")
}

fn note_name(file: &str) -> String {
    format!("{PREFIX}{file}{NOTE}")
}

/// Whether `name` is that of a file that was set aside.
pub(crate) fn is_aside(name: &str) -> bool {
    let is_ours = |file| log_number(file).is_some() || Segments::is_ours(file).is_some();
    name.strip_prefix(PREFIX).is_some_and(is_ours)
}

/// Writes the note of a file that will be set aside, durably.
pub(crate) fn announce(io: &dyn Io, file: &str, why: &str) -> Result<(), Fault> {
    let name = note_name(file);
    match io.remove(&name) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Fault::of(&name, "remove")(error)),
        _ => {}
    }
    let mut page = AlignedBuf::new(PAGE_BYTES);
    let text = &why.as_bytes()[..why.len().min(PAGE_BYTES - 1)];
    page.fill(b'\n');
    page[..text.len()].copy_from_slice(text);
    let out = io.create(&name, PAGE_BYTES as u64).map_err(Fault::of(&name, "create"))?;
    out.write_at(0, &page).map_err(Fault::at(&name, "write", 0))?;
    out.sync().map_err(Fault::of(&name, "sync"))?;
    io.sync_names().map_err(Fault::of("journal", "sync of the folder"))
}

/// Gives the file its new name.
pub(crate) fn set_aside(io: &dyn Io, file: &str) -> Result<(), Fault> {
    io.rename(file, &aside_name(file)).map_err(Fault::of(file, "rename"))
}

/// Removes a file that no list names any more, or sets it aside if it was announced.
pub(crate) fn remove_or_keep(io: &dyn Io, file: &str, names: &[String]) -> Result<(), Fault> {
    if names.contains(&note_name(file)) {
        return set_aside(io, file);
    }
    io.remove(file).map_err(Fault::of(file, "remove"))
}

/// What was set aside, and what its note says.
pub(crate) fn notes(io: &dyn Io, names: &[String]) -> BTreeMap<String, String> {
    let aside = names.iter().filter(|name| is_aside(name));
    aside.map(|name| (name.clone(), read_note(io, &format!("{name}{NOTE}")))).collect()
}

fn read_note(io: &dyn Io, name: &str) -> String {
    let mut page = AlignedBuf::new(PAGE_BYTES);
    let read = io.open(name).and_then(|file| file.read_at(0, &mut page));
    match read {
        Ok(bytes) => String::from_utf8_lossy(&page[..bytes]).trim_end().to_owned(),
        Err(error) => format!("its note cannot be read: {error}"),
    }
}
