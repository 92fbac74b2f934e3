//! A backup folder: what of a log was durable at one moment, or at several, and the way back from it.
//!
//! Segments and checkpoints are immutable and lie in it under names that hold their checksum, so that a later backup of
//! the same log uses those that are there. Log files only grow, so a later backup appends what is new. Each backup ends
//! with its index, which is written when all that it names is durable: a folder without one holds nothing.
//! The byte picture stands in `index`, and in `docs/formats/backup.md`.

mod copy;
mod index;
mod restore;
mod view;

use std::fmt;

use names::Position;

use crate::error::{Damage, Fault, OpenError, StoreError, Unreadable};

pub(crate) use copy::copy;
pub use copy::{Copied, Terms, copy_folder};
pub use restore::{Goal, Restored, TimeOf, restore};

/// Why there is no backup, or nothing was restored.
#[derive(Debug)]
pub enum BackupError {
    /// A sentence for the operator: nothing is broken.
    Refused(String),
    /// What was to be copied is damaged.
    Damage(Damage),
    /// The log could not be read.
    Open(OpenError),
    /// A disk failed, or is full.
    Fault(Fault),
    /// The journal has stopped, or a checkpoint could not be written.
    Store(StoreError),
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => f.write_str(why),
            Self::Damage(damage) => write!(f, "what is to be copied is damaged: {damage}"),
            Self::Open(error) => error.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
            Self::Store(error) => write!(f, "the copy ended: {error}"),
        }
    }
}

impl std::error::Error for BackupError {}

impl From<Fault> for BackupError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Damage> for BackupError {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

impl From<OpenError> for BackupError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Corrupt { file, offset, why } => Self::Damage(Damage::at(&file, offset, why)),
            other => Self::Open(other),
        }
    }
}

impl From<Unreadable> for BackupError {
    fn from(unreadable: Unreadable) -> Self {
        Self::from(OpenError::from(unreadable))
    }
}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn beyond_reach(wanted: Position, reach: &[(u64, u64)]) -> BackupError {
    let mut ranges: Vec<(u64, u64)> = reach.to_vec();
    ranges.sort_unstable();
    ranges.dedup_by(|later, earlier| {
        let joined = later.0 <= earlier.1 + 1;
        earlier.1 = if joined { earlier.1.max(later.1) } else { earlier.1 };
        joined
    });
    let ranges: Vec<_> = ranges.iter().map(|(from, to)| format!("{from} to {to}")).collect();
    let ranges = if ranges.is_empty() { "none".to_owned() } else { ranges.join(", ") };
    BackupError::Refused(format!(
        "position {wanted} cannot be reached from this backup; positions that can: {ranges}. A backup reaches from its \
         checkpoint to the end of the log that later backups have added"
    ))
}
