//! A real folder that is only looked at: nothing in it is made, written, renamed or removed, but for the lock's own file.
//!
//! Tools read folders that a server may be writing to, or that lie on a medium which cannot be written. Cached pages are
//! dropped before a file is read, so that what is checked is what the disk holds.

use std::{
    fs, io,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Advice, Mode, OFlags},
    io::Errno,
};

use crate::{
    io::{Io, IoFile, LockError, LockGuard},
    real,
};

/// A folder on a real file system, read only.
pub struct ReadOnlyDisk {
    root: PathBuf,
    folder: OwnedFd,
}

impl ReadOnlyDisk {
    /// The folder `root`, which must be there.
    pub fn open(root: impl AsRef<Path>) -> io::Result<Self> {
        let root = root.as_ref().to_owned();
        let folder = rustix::fs::open(&root, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { root, folder })
    }
}

fn refused<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "the folder is only looked at"))
}

impl Io for ReadOnlyDisk {
    fn lock(&self) -> Result<LockGuard, LockError> {
        real::lock(&self.root)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        real::list(&self.root)
    }

    fn create(&self, _name: &str, _bytes: u64) -> io::Result<Box<dyn IoFile>> {
        refused()
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn IoFile>> {
        let fd = rustix::fs::openat(&self.folder, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        rustix::fs::fadvise(&fd, 0, None, Advice::DontNeed)?;
        Ok(Box::new(ReadOnlyFile(fs::File::from(fd))))
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
        Ok(0)
    }

    fn entropy(&self) -> u64 {
        0
    }
}

struct ReadOnlyFile(fs::File);

impl IoFile for ReadOnlyFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < out.len() {
            match rustix::io::pread(self.0.as_fd(), &mut out[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(done)
    }

    fn grow(&self, _bytes: u64) -> io::Result<()> {
        refused()
    }

    fn write_at(&self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        refused()
    }

    fn sync(&self) -> io::Result<()> {
        refused()
    }
}
