//! What can go wrong, and whose fact it is.
//!
//! A `Fault` is the disk's: which file, which operation, which error. At open it refuses the open; while running it is
//! `Stopped`, which is final, because after a failed write or sync nobody knows what the disk holds.

use std::{fmt, io, sync::Arc};

use names::{PartitionId, Position};

/// An operation on a file failed.
#[derive(Debug)]
pub struct Fault {
    /// The file's name inside the journal's folder.
    pub file: String,
    /// `write`, `sync`, `rename` …
    pub operation: &'static str,
    /// Where in the file, for reads and writes.
    pub offset: Option<u64>,
    /// What the system said.
    pub error: io::Error,
}

impl Fault {
    /// Names the place of an error; made for `map_err`.
    pub(crate) fn of(file: &str, operation: &'static str) -> impl FnOnce(io::Error) -> Fault {
        let file = file.to_owned();
        move |error| Fault { file, operation, offset: None, error }
    }

    /// The same fault once more, for another who has to know.
    pub(crate) fn again(&self) -> Fault {
        let error = match self.error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(self.error.kind(), self.error.to_string()),
        };
        Fault { file: self.file.clone(), operation: self.operation, offset: self.offset, error }
    }

    /// The same with an offset.
    pub(crate) fn at(file: &str, operation: &'static str, offset: u64) -> impl FnOnce(io::Error) -> Fault {
        let file = file.to_owned();
        move |error| Fault { file, operation, offset: Some(offset), error }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.operation, self.file)?;
        if let Some(offset) = self.offset {
            write!(f, " at byte {offset}")?;
        }
        write!(f, " failed: {}", self.error)
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// The journal takes nothing any more: an operation on its disk failed, or it was closed. Final until the next open.
#[derive(Debug, Clone)]
pub struct Stopped {
    fault: Arc<Fault>,
}

impl Stopped {
    pub(crate) fn new(fault: Fault) -> Self {
        Self { fault: Arc::new(fault) }
    }

    pub(crate) fn closed() -> Self {
        let error = io::Error::other("the journal was closed");
        Self::new(Fault { file: "journal".into(), operation: "use", offset: None, error })
    }

    /// The file, the operation and the error.
    pub fn fault(&self) -> &Fault {
        &self.fault
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the journal stopped: {}", self.fault)
    }
}

impl std::error::Error for Stopped {}

/// Why nothing was appended. In every case nothing of the call was taken.
#[derive(Debug, Clone)]
pub enum AppendError {
    /// As much waits for the disk as may wait; try again when some of it is durable.
    Full,
    /// The journal stopped or was closed.
    Stopped(Stopped),
    /// The entries do not fit into one block.
    TooLarge {
        /// What they would need, headers included.
        bytes: usize,
        /// What a block can hold.
        bytes_max: usize,
    },
    /// The disk is nearly full; only entries that free space are taken (`Journal::append_freeing`).
    NoSpace,
    /// A sequence is not the next of its partition: a bug of the caller, refused because replay would refuse it.
    OutOfOrder {
        /// Whose sequence.
        partition: PartitionId,
        /// What had to come.
        expected: u64,
        /// What came.
        given: u64,
    },
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("too much waits for the disk"),
            Self::Stopped(stopped) => stopped.fmt(f),
            Self::TooLarge { bytes, bytes_max } => write!(f, "{bytes} bytes do not fit into a block of {bytes_max}"),
            Self::NoSpace => f.write_str("the disk is nearly full"),
            Self::OutOfOrder { partition, expected, given } => {
                write!(f, "partition {partition} was given sequence {given} where {expected} is next")
            }
        }
    }
}

impl std::error::Error for AppendError {}

/// Something at rest is not what was written, or cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file's name inside the journal's folder.
    pub file: String,
    /// Where the damaged part begins.
    pub offset: u64,
    /// What is wrong, as a clause.
    pub why: String,
    /// Whether the disk refused the read: what stands there may be sound, and the next read may show it.
    pub may_pass: bool,
}

impl Damage {
    pub(crate) fn at(file: &str, offset: u64, why: impl Into<String>) -> Self {
        Self { file: file.to_owned(), offset, why: why.into(), may_pass: false }
    }

    /// A failed read: what stands there is as good as damaged for now, and no write is in doubt.
    pub(crate) fn unreadable(file: &str, offset: u64) -> impl FnOnce(io::Error) -> Damage {
        let file = file.to_owned();
        move |error| Damage { file, offset, why: format!("it cannot be read: {error}"), may_pass: true }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: offset {}: {}", self.file, self.offset, self.why)
    }
}

impl std::error::Error for Damage {}

/// Why records or snapshots were not put into files of their own. Whatever was half-made was removed.
#[derive(Debug)]
pub enum StoreError {
    /// The disk is full; try again when there is space.
    NoSpace,
    /// What was to be copied is damaged.
    Damage(Damage),
    /// The disk failed.
    Fault(Fault),
    /// The journal has stopped.
    Stopped(Stopped),
    /// Whoever asked for it no longer stands by what he gave. Nothing has changed.
    Withdrawn,
}

impl From<Damage> for StoreError {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

impl From<Fault> for StoreError {
    /// A full disk is told apart: it is no failure of the disk, and nothing has to stop for it.
    fn from(fault: Fault) -> Self {
        match fault.error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace,
            _ => Self::Fault(fault),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSpace => f.write_str("the disk is full"),
            Self::Damage(damage) => damage.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
            Self::Stopped(stopped) => stopped.fmt(f),
            Self::Withdrawn => f.write_str("what was to be stored turned out to be incomplete"),
        }
    }
}

impl std::error::Error for StoreError {}

/// A replay callback's refusal, with its reason: an unknown required record kind, bytes that do not decode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayError {
    /// The reason, as a clause.
    pub why: String,
}

impl<T: Into<String>> From<T> for ReplayError {
    fn from(why: T) -> Self {
        Self { why: why.into() }
    }
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// Why a journal was not opened. Nothing was changed that would make another try worse.
#[derive(Debug)]
pub enum OpenError {
    /// Another process has it open.
    Locked {
        /// Which, if it said so.
        pid: Option<u32>,
    },
    /// It was written by a newer version.
    NewerFormat {
        /// Where the version stands.
        file: String,
        /// The version found, which is the version needed.
        found: u16,
        /// The newest version of this file's format that this code reads.
        reads: u16,
    },
    /// Something that was durable is damaged or missing.
    Corrupt {
        /// The file's name inside the journal's folder.
        file: String,
        /// Where the damage begins.
        offset: u64,
        /// What is wrong, as a clause.
        why: String,
    },
    /// The callback refused a record.
    Replay {
        /// The record's file.
        file: String,
        /// The record's place in the log.
        position: Position,
        /// The callback's reason.
        error: ReplayError,
    },
    /// The callback refused a snapshot.
    Restore {
        /// The snapshot's file.
        file: String,
        /// Whose snapshot.
        partition: PartitionId,
        /// The callback's reason.
        error: ReplayError,
    },
    /// The disk failed.
    Io(Fault),
}

impl OpenError {
    pub(crate) fn corrupt(file: &str, offset: u64, why: impl Into<String>) -> Self {
        Self::Corrupt { file: file.to_owned(), offset, why: why.into() }
    }

    pub(crate) fn newer(file: &str, found: u16, reads: u16) -> Self {
        Self::NewerFormat { file: file.to_owned(), found, reads }
    }
}

/// Why something at rest could not be read; at an open it refuses the open, while running it is a `Damage`.
#[derive(Debug)]
pub(crate) enum Unreadable {
    Fault(Fault),
    Damage(Damage),
    Newer { file: String, found: u16, reads: u16 },
}

impl From<Fault> for Unreadable {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Damage> for Unreadable {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

impl From<Unreadable> for OpenError {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Fault(fault) => Self::Io(fault),
            Unreadable::Damage(Damage { file, offset, why, .. }) => Self::Corrupt { file, offset, why },
            Unreadable::Newer { file, found, reads } => Self::NewerFormat { file, found, reads },
        }
    }
}

impl From<Unreadable> for Damage {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Damage(damage) => damage,
            Unreadable::Fault(fault) => Self::unreadable(&fault.file, fault.offset.unwrap_or(0))(fault.error),
            Unreadable::Newer { file, found, .. } => Self::at(&file, 0, format!("it has format {found}")),
        }
    }
}

impl From<Fault> for OpenError {
    fn from(fault: Fault) -> Self {
        Self::Io(fault)
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { pid: Some(pid) } => write!(f, "the journal is in use by process {pid}; stop it first"),
            Self::Locked { pid: None } => f.write_str("the journal is in use by another process; stop it first"),
            Self::NewerFormat { file, found, reads } => write!(
                f,
                "{file} has format {found}, and this version reads formats up to {reads}; \
                 start it with the version that wrote it, or a newer one"
            ),
            Self::Corrupt { file, offset, why } => write!(
                f,
                "the journal is damaged in {file} at byte {offset}: {why}. Nothing was changed; copy the folder and check the \
                 disk (kernel log, SMART) before anything else"
            ),
            Self::Replay { file, position, error } => {
                write!(f, "the record at position {position} in {file} cannot be replayed: {error}")
            }
            Self::Restore { file, partition, error } => {
                write!(f, "the snapshot of partition {partition} in {file} cannot be restored: {error}")
            }
            Self::Io(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {}
