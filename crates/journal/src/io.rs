//! The disk as the journal sees it: one flat folder of files, which never shrink.
//!
//! Two implementors keep it honest: `RealDisk`, and `sim::SimDisk`, which loses, tears and reorders whatever was not
//! synced. Contents last after `IoFile::sync`, names after `Io::sync_names`; neither implies the other.

use std::{fmt, io};

/// Held as long as the folder is in use; dropping it lets the next opener in.
pub type LockGuard = Box<dyn Send + Sync>;

/// Why the folder could not be locked.
#[derive(Debug)]
pub enum LockError {
    /// Somebody has it.
    Held {
        /// Who, if it said so.
        pid: Option<u32>,
    },
    /// The disk failed.
    Io(io::Error),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { .. } => f.write_str("the folder is in use"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

/// A folder of files.
pub trait Io: Send + Sync {
    /// Takes the folder for one user.
    fn lock(&self) -> Result<LockGuard, LockError>;
    /// The names of all files, in any order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// A new file of `bytes` zero bytes, its space taken from the disk so that writing it later cannot run out.
    fn create(&self, name: &str, bytes: u64) -> io::Result<Box<dyn IoFile>>;
    /// An existing file.
    fn open(&self, name: &str) -> io::Result<Box<dyn IoFile>>;
    /// Gives a file another name, in place of the file that had it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Takes a name away, and with it the file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes every create, rename and remove before it last.
    fn sync_names(&self) -> io::Result<()>;
    /// What the disk could still hold for us.
    fn free_bytes(&self) -> io::Result<u64>;
    /// A number that no other log is likely to have got.
    fn entropy(&self) -> u64;
}

#[expect(clippy::len_without_is_empty, reason = "no file of the journal is empty")]
/// A file. Offsets, lengths and addresses of buffers are multiples of the page size; nothing is written beyond its length.
pub trait IoFile: Send + Sync {
    /// Its length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Fills `out` from `offset`; fewer bytes only at the end of the file.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize>;
    /// Makes it `bytes` long, the new ones being zero, their space taken from the disk so that writing them cannot run
    /// out. Lasts after `sync`. After an error the file may be of any length in between.
    fn grow(&self, bytes: u64) -> io::Result<()>;
    /// Writes all of `bytes`.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes every write before it last.
    fn sync(&self) -> io::Result<()>;
}
