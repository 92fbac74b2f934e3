//! The real disk: a folder, `pwrite` and `fdatasync`, O_DIRECT where the file system takes it.
//!
//! O_DIRECT keeps log bytes out of the page cache, which would hold them a second time, and makes a read after a failed
//! sync show the disk and not the cache. Where it is refused, cached pages are dropped before an old file is read.

use std::{
    fs, io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::DirBuilderExt,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Advice, AtFlags, FallocateFlags, FlockOperation, Mode, OFlags},
    io::Errno,
};

use crate::{
    aligned::AlignedBuf,
    io::{Io, IoFile, LockError, LockGuard},
    limits::PAGE_BYTES,
};

const LOCK: &str = "lock";
const PROBE: &str = "probe.tmp";

/// A folder on a real file system.
pub struct RealDisk {
    root: PathBuf,
    folder: OwnedFd,
    direct: bool,
}

impl RealDisk {
    /// The folder `root`, made durably if it is missing.
    pub fn open(root: impl AsRef<Path>) -> io::Result<Self> {
        let root = root.as_ref().to_owned();
        if !root.is_dir() {
            make_folder(&root)?;
        }
        let folder = rustix::fs::open(&root, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let mut disk = Self { root, folder, direct: true };
        disk.direct = disk.takes_direct();
        Ok(disk)
    }

    /// Whether writes go past the page cache.
    pub fn is_direct(&self) -> bool {
        self.direct
    }

    /// Some file systems take the flag and refuse the write, so one page is really written and read.
    fn takes_direct(&self) -> bool {
        let probe = || -> io::Result<()> {
            let file = self.open_with(PROBE, OFlags::CREATE | OFlags::DIRECT)?;
            let mut page = AlignedBuf::new(PAGE_BYTES);
            file.write_at(0, &page)?;
            file.read_at(0, &mut page)?;
            Ok(())
        };
        let direct = probe().is_ok();
        // A left-over probe is harmless and is written again at the next start.
        let _ = self.remove(PROBE);
        direct
    }

    fn open_with(&self, name: &str, flags: OFlags) -> io::Result<RealFile> {
        let flags = flags | OFlags::RDWR | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.folder, name, flags, Mode::from_raw_mode(0o640))?;
        Ok(RealFile { fd })
    }

    fn direct_flag(&self) -> OFlags {
        if self.direct { OFlags::DIRECT } else { OFlags::empty() }
    }

    fn allocate(&self, name: &str, bytes: u64) -> io::Result<RealFile> {
        let file = self.open_with(name, OFlags::CREATE | OFlags::EXCL | self.direct_flag())?;
        file.grow(bytes)?;
        Ok(file)
    }
}

/// Makes a folder for its owner alone, whatever the umask; those above it are made as any are.
fn make_folder(root: &Path) -> io::Result<()> {
    let parent = root.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(root)?;
    fs::File::open(parent)?.sync_all()
}

/// Takes the folder `root` for one user, until the guard is dropped or the process ends.
pub(crate) fn lock(root: &Path) -> Result<LockGuard, LockError> {
    let path = root.join(LOCK);
    let file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(LockError::Io)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            let pid = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
            return Err(LockError::Held { pid });
        }
        Err(errno) => return Err(LockError::Io(errno.into())),
    }
    // The process id only helps whoever reads the refusal; the lock itself is the kernel's.
    fs::write(&path, format!("{}\n", std::process::id())).map_err(LockError::Io)?;
    Ok(Box::new(file))
}

/// The names of the files in `root`.
pub(crate) fn list(root: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(root)?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

impl Io for RealDisk {
    fn lock(&self) -> Result<LockGuard, LockError> {
        lock(&self.root)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        list(&self.root)
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Box<dyn IoFile>> {
        match self.allocate(name, bytes) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) => {
                // Half an allocation would keep the very space that was missing.
                if error.kind() != io::ErrorKind::AlreadyExists {
                    let _ = self.remove(name);
                }
                Err(error)
            }
        }
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn IoFile>> {
        let file = self.open_with(name, self.direct_flag())?;
        if !self.direct {
            rustix::fs::fadvise(&file.fd, 0, None, Advice::DontNeed)?;
        }
        Ok(Box::new(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.folder, from, &self.folder, to)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.folder, name, AtFlags::empty())?)
    }

    fn sync_names(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.folder)?)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let space = rustix::fs::fstatvfs(&self.folder)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    #[expect(clippy::disallowed_methods, reason = "chance enters here, behind the trait that simulations replace")]
    fn entropy(&self) -> u64 {
        fastrand::u64(..)
    }
}

/// A file of the real disk.
pub(crate) struct RealFile {
    fd: OwnedFd,
}

impl IoFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        let stat = rustix::fs::fstat(&self.fd)?;
        u64::try_from(stat.st_size).map_err(io::Error::other)
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < out.len() {
            match rustix::io::pread(self.fd.as_fd(), &mut out[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            if !done.is_multiple_of(PAGE_BYTES) {
                // Only the end of a cut-off file gives part of a page, and a second direct read could not be aligned.
                break;
            }
        }
        Ok(done)
    }

    fn grow(&self, bytes: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.fd, FallocateFlags::empty(), 0, bytes) {
            // Not every file system can promise space; a full disk then shows at the write, which is final for a log.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => rustix::fs::ftruncate(&self.fd, bytes)?,
            other => other?,
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            match rustix::io::pwrite(&self.fd, &bytes[done..], offset + done as u64) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => done += written,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fdatasync(&self.fd)?)
    }
}
