//! The simulated disk as the server gets it: every operation is written into the trace, and a planted bug may lie.
//!
//! The unkindness itself (torn writes, failed syncs, a full disk) is `journal::sim::SimDisk`'s.

use crate::plan::Sabotage;
use crate::trace::Trace;
use journal::sim::SimDisk;
use journal::{Io, IoFile, LockError, LockGuard};
use std::io;
use std::sync::Arc;

/// A disk that is watched.
pub(crate) struct TracedDisk {
    pub(crate) disk: SimDisk,
    pub(crate) trace: Arc<Trace>,
    pub(crate) sabotage: Option<Sabotage>,
}

impl TracedDisk {
    fn note<T>(&self, what: &str, name: &str, result: io::Result<T>) -> io::Result<T> {
        self.trace.note(format_args!("disk {what} {name} {}", word(&result)));
        result
    }

    fn file(&self, name: &str, inner: Box<dyn IoFile>) -> Box<dyn IoFile> {
        let (trace, sabotage) = (Arc::clone(&self.trace), self.sabotage);
        Box::new(TracedFile { name: name.to_owned(), inner, trace, sabotage })
    }
}

fn word<T>(result: &io::Result<T>) -> &'static str {
    if result.is_ok() { "ok" } else { "failed" }
}

impl Io for TracedDisk {
    fn lock(&self) -> Result<LockGuard, LockError> {
        self.disk.lock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.note("list", "", self.disk.list())
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Box<dyn IoFile>> {
        Ok(self.file(name, self.note("create", name, self.disk.create(name, bytes))?))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn IoFile>> {
        Ok(self.file(name, self.note("open", name, self.disk.open(name))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.note("rename", to, self.disk.rename(from, to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.note("remove", name, self.disk.remove(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        self.note("sync", "names", self.disk.sync_names())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.disk.free_bytes()
    }

    fn entropy(&self) -> u64 {
        self.disk.entropy()
    }
}

struct TracedFile {
    name: String,
    inner: Box<dyn IoFile>,
    trace: Arc<Trace>,
    sabotage: Option<Sabotage>,
}

impl IoFile for TracedFile {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let result = self.inner.read_at(offset, out);
        self.trace.note(format_args!("disk read {} {offset} {} {}", self.name, out.len(), word(&result)));
        result
    }

    fn grow(&self, bytes: u64) -> io::Result<()> {
        let result = self.inner.grow(bytes);
        self.trace.note(format_args!("disk grow {} {bytes} {}", self.name, word(&result)));
        result
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let result = self.inner.write_at(offset, bytes);
        let crc = crc32c::crc32c(bytes);
        self.trace.note(format_args!("disk write {} {offset} {} {crc:08x} {}", self.name, bytes.len(), word(&result)));
        if self.sabotage == Some(Sabotage::WriteErrorsAreHidden) { Ok(()) } else { result }
    }

    fn sync(&self) -> io::Result<()> {
        let result = match self.sabotage {
            Some(Sabotage::SyncsDoNothing) => Ok(()),
            Some(Sabotage::WriteErrorsAreHidden) => self.inner.sync().or(Ok(())),
            _ => self.inner.sync(),
        };
        self.trace.note(format_args!("disk sync {} {}", self.name, word(&result)));
        result
    }
}
