//! A backup folder seen as a folder of the log: files have their usual names again.
//!
//! In a backup a segment or checkpoint bears its checksum in its name, because a number that was given up may be given
//! to another file later, and two backups in one folder may each need their own.

use std::{collections::HashMap, io};

use crate::{
    checkpoint::checkpoint_name,
    io::{Io, IoFile, LockError, LockGuard},
    manifest::Manifest,
    segment::segment_name,
    shelf::log_number,
};

use std::sync::Arc;

/// The name of a file in a backup.
pub(super) fn stored_name(name: &str, footer_crc: u32) -> String {
    let stem = name.strip_suffix(".tw").unwrap_or(name);
    format!("{stem}-{footer_crc:08x}.tw")
}

/// The immutable files that a manifest lists: their usual names, their names in a backup, their lengths.
pub(super) fn immutable(manifest: &Manifest) -> Vec<(String, String, u64)> {
    let checkpoints =
        manifest.checkpoints.iter().map(|file| (checkpoint_name(file.number), file.footer_crc, file.bytes));
    let segments = manifest.segments.iter().map(|file| (segment_name(file.number), file.footer_crc, file.bytes));
    let all = checkpoints.chain(segments);
    all.map(|(name, crc, bytes)| (name.clone(), stored_name(&name, crc), bytes)).collect()
}

/// The folder as one of its backups sees it.
pub(super) struct View {
    io: Arc<dyn Io>,
    stored: HashMap<String, String>,
}

impl View {
    pub(super) fn new(io: Arc<dyn Io>, manifest: &Manifest) -> Self {
        let stored = immutable(manifest).into_iter().map(|(name, stored, _)| (name, stored)).collect();
        Self { io, stored }
    }
}

fn refused<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "a backup is only looked at"))
}

impl Io for View {
    fn lock(&self) -> Result<LockGuard, LockError> {
        self.io.lock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let there: Vec<_> = self.io.list()?;
        let logs = there.iter().filter(|name| log_number(name).is_some()).cloned();
        let immutable = self.stored.iter().filter(|(_, stored)| there.contains(stored)).map(|(name, _)| name.clone());
        Ok(logs.chain(immutable).collect())
    }

    fn create(&self, _name: &str, _bytes: u64) -> io::Result<Box<dyn IoFile>> {
        refused()
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn IoFile>> {
        self.io.open(self.stored.get(name).map_or(name, String::as_str))
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        refused()
    }

    fn remove(&self, _name: &str) -> io::Result<()> {
        refused()
    }

    fn sync_names(&self) -> io::Result<()> {
        refused()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.io.free_bytes()
    }

    fn entropy(&self) -> u64 {
        self.io.entropy()
    }
}
