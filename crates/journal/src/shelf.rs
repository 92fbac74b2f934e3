//! The files of the log and the spare files beside them.
//!
//! `log-<number>.tw` are the log, oldest first; `spare-<number>.tw` are zeroed or recycled and wait to become the next
//! log file. A recycled file still holds old blocks, which the chain rejects. A trim moves the manifest's base first and
//! gives files away afterwards, so that a crash between the two leaves only files that nobody will read.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    aligned::AlignedBuf,
    error::Fault,
    io::{Io, IoFile},
    limits::ZERO_BYTES,
    manifest::{self, FileStart},
};

/// A file while it is zeroed; left over only by a crash.
pub(crate) const SPARE_NEW: &str = "spare.tmp";
/// A log file that had to be made without a spare, before it has its name.
pub(crate) const FRESH: &str = "fresh.tmp";

/// The name of log file `number`.
pub(crate) fn log_name(number: u64) -> String {
    format!("log-{number:016}.tw")
}

fn spare_name(number: u64) -> String {
    format!("spare-{number:016}.tw")
}

/// The number in `name` if it is a log file's.
pub(crate) fn log_number(name: &str) -> Option<u64> {
    number(name, "log-")
}

/// The number in `name` if it is a spare's.
pub(crate) fn spare_number(name: &str) -> Option<u64> {
    number(name, "spare-")
}

fn number(name: &str, prefix: &str) -> Option<u64> {
    let digits = name.strip_prefix(prefix)?.strip_suffix(".tw")?;
    let plain = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// A file that can become the next log file.
pub(crate) struct Spare {
    pub(crate) name: String,
    pub(crate) file: Box<dyn IoFile>,
    /// Its blocks are written on disk, so that overwriting them needs no metadata.
    pub(crate) zeroed: bool,
}

/// A file of the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogFile {
    pub(crate) start: FileStart,
    pub(crate) zeroed: bool,
}

/// Log files and spares.
pub(crate) struct Shelf {
    io: Arc<dyn Io>,
    file_bytes: u64,
    wanted: usize,
    ready: AtomicUsize,
    inner: Mutex<Inner>,
}

struct Inner {
    spares: Vec<Spare>,
    next_spare: u64,
    files: VecDeque<LogFile>,
}

impl Shelf {
    /// A shelf that wants `wanted` spares of `file_bytes` each.
    pub(crate) fn new(io: Arc<dyn Io>, file_bytes: u64, wanted: usize) -> Self {
        let inner = Inner { spares: Vec::new(), next_spare: 1, files: VecDeque::new() };
        Self { io, file_bytes, wanted, ready: AtomicUsize::new(0), inner: Mutex::new(inner) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn io(&self) -> &dyn Io {
        &*self.io
    }

    pub(crate) fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Spares that wait.
    pub(crate) fn ready(&self) -> usize {
        self.ready.load(Ordering::Acquire)
    }

    /// Puts a spare found at open on the shelf, or removes it if it is of another size or one too many.
    pub(crate) fn adopt(&self, name: String) -> Result<(), Fault> {
        let number = spare_number(&name).unwrap_or(0);
        let file = self.io.open(&name).map_err(Fault::of(&name, "open"))?;
        let fits = file.len().map_err(Fault::of(&name, "length"))? == self.file_bytes;
        let mut inner = self.inner();
        inner.next_spare = inner.next_spare.max(number + 1);
        if !fits || inner.spares.len() >= self.wanted {
            drop(inner);
            return self.io.remove(&name).map_err(Fault::of(&name, "remove"));
        }
        inner.spares.push(Spare { name, file, zeroed: true });
        self.ready.store(inner.spares.len(), Ordering::Release);
        Ok(())
    }

    /// A file for the log to go on in: a spare, else one made now, which is slower to write.
    pub(crate) fn take(&self) -> Result<Spare, Fault> {
        let mut inner = self.inner();
        if !inner.spares.is_empty() {
            let spare = inner.spares.remove(0);
            self.ready.store(inner.spares.len(), Ordering::Release);
            return Ok(spare);
        }
        drop(inner);
        let file = self.io.create(FRESH, self.file_bytes).map_err(Fault::of(FRESH, "create"))?;
        Ok(Spare { name: FRESH.into(), file, zeroed: false })
    }

    /// The log goes on in `file`.
    pub(crate) fn started(&self, file: LogFile) {
        self.inner().files.push_back(file);
    }

    /// Files of the log.
    pub(crate) fn log_files(&self) -> usize {
        self.inner().files.len()
    }

    /// Zeroes one more spare if one is missing. Says whether one was made; a full disk makes none and is no fault.
    /// `go_on` is asked between writes.
    pub(crate) fn prepare(&self, go_on: &mut dyn FnMut() -> bool) -> Result<bool, Fault> {
        if self.ready() >= self.wanted {
            return Ok(false);
        }
        let made = self.zero_new_file(go_on);
        if !matches!(made, Ok(Some(_))) {
            // Whatever happened, half a spare is of no use and holds space.
            let _ = self.io.remove(SPARE_NEW);
        }
        let file = match made {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(false),
            Err(fault) if fault.error.kind() == io::ErrorKind::StorageFull => return Ok(false),
            Err(fault) => return Err(fault),
        };
        let name = self.next_spare_name();
        self.io.rename(SPARE_NEW, &name).map_err(Fault::of(SPARE_NEW, "rename"))?;
        self.put(Spare { name, file, zeroed: true });
        Ok(true)
    }

    fn zero_new_file(&self, go_on: &mut dyn FnMut() -> bool) -> Result<Option<Box<dyn IoFile>>, Fault> {
        let file = self.io.create(SPARE_NEW, self.file_bytes).map_err(Fault::of(SPARE_NEW, "create"))?;
        let zeros = AlignedBuf::new(ZERO_BYTES);
        let mut at = 0;
        while at < self.file_bytes {
            if !go_on() {
                return Ok(None);
            }
            let bytes = (self.file_bytes - at).min(ZERO_BYTES as u64);
            let chunk = &zeros[..usize::try_from(bytes).expect("a chunk is small")];
            file.write_at(at, chunk).map_err(Fault::at(SPARE_NEW, "write", at))?;
            at += bytes;
        }
        file.sync().map_err(Fault::of(SPARE_NEW, "sync"))?;
        Ok(Some(file))
    }

    fn next_spare_name(&self) -> String {
        let mut inner = self.inner();
        inner.next_spare += 1;
        spare_name(inner.next_spare - 1)
    }

    fn put(&self, spare: Spare) {
        let mut inner = self.inner();
        inner.spares.push(spare);
        self.ready.store(inner.spares.len(), Ordering::Release);
    }

    /// Gives away the files that hold only records before `below`, never the last file.
    pub(crate) fn trim(&self, below: u64) -> Result<(), Fault> {
        let dropped = {
            let inner = self.inner();
            let keep = inner.files.iter().rposition(|file| file.start.chain.position <= below).unwrap_or(0);
            inner.files.range(..=keep).copied().collect::<Vec<_>>()
        };
        let Some((base, dropped)) = dropped.split_last().filter(|(_, dropped)| !dropped.is_empty()) else {
            return Ok(());
        };
        manifest::replace(&*self.io, &base.start)?;
        self.inner().files.drain(..dropped.len());
        let recycled = dropped.iter().map(|file| self.recycle(file)).collect::<Result<Vec<_>, _>>()?;
        self.io.sync_names().map_err(Fault::of("journal", "sync of the folder"))?;
        recycled.into_iter().flatten().for_each(|spare| self.put(spare));
        Ok(())
    }

    /// Makes a file that the log no longer needs a spare, or removes it.
    fn recycle(&self, dropped: &LogFile) -> Result<Option<Spare>, Fault> {
        let old = log_name(dropped.start.file);
        let file = self.io.open(&old).map_err(Fault::of(&old, "open"))?;
        let fits = file.len().map_err(Fault::of(&old, "length"))? == self.file_bytes;
        if !fits || !dropped.zeroed || self.ready() >= self.wanted {
            self.io.remove(&old).map_err(Fault::of(&old, "remove"))?;
            return Ok(None);
        }
        let name = self.next_spare_name();
        self.io.rename(&old, &name).map_err(Fault::of(&old, "rename"))?;
        Ok(Some(Spare { name, file, zeroed: true }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_names_are_ours() {
        assert_eq!(log_number(&log_name(42)), Some(42));
        assert_eq!(spare_number(&spare_name(7)), Some(7));
        for other in
            ["log-42.tw", "log-000000000000004x.tw", "spare-0000000000000001.tw", "log-+000000000000001.tw", "manifest"]
        {
            assert_eq!(log_number(other), None, "{other}");
        }
    }
}
