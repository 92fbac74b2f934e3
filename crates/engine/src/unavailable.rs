//! Why a command was not carried out although nothing was wrong with it.

use journal::AppendError;
use std::fmt;

/// The store could not take or keep a command. It changed nothing, or (after `Stopped`) its outcome is unknown: it may
/// or may not be found after a restart, as with any request whose answer is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    /// More is waiting for the disk than the journal's named bound allows; trying again later helps.
    Busy,
    /// The disk is nearly full; deletes and acknowledgements still work.
    NoSpace,
    /// One command's effects exceed what a block can hold.
    TooLarge,
    /// A write or sync failed; the store serves nothing until it is restarted.
    Stopped,
    /// The disk refuses to read something without which the answer would be wrong; trying again later helps, or the file is
    /// given up. A command that reads has changed what it says it changed.
    Unreadable,
    /// A bug stopped this partition in the middle of a change; it serves nothing until a restart replays it.
    Broken,
}

impl From<AppendError> for Unavailable {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Full => Self::Busy,
            AppendError::NoSpace => Self::NoSpace,
            AppendError::TooLarge { .. } => Self::TooLarge,
            AppendError::Stopped(_) => Self::Stopped,
            AppendError::OutOfOrder { .. } => Self::Broken,
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "too much is waiting for the disk",
            Self::NoSpace => "the disk is nearly full",
            Self::TooLarge => "the change exceeds what one block of the log holds",
            Self::Stopped => "the log has stopped after an error of the disk",
            Self::Unreadable => "the disk does not read what the answer needs",
            Self::Broken => "the partition stopped in the middle of a change",
        })
    }
}

impl std::error::Error for Unavailable {}
