//! Where one raw record stands, and which records are to be kept beyond the file they stand in.
//!
//! A place is exact to the byte, so that a record can be copied and checked without reading what is around it.

use names::{Instant, PartitionId};

use crate::shelf::log_name;

use super::segment_name;

/// A file that holds raw records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The log file of this number.
    Log(u64),
    /// The segment of this number.
    Segment(u64),
}

impl Source {
    /// The file's name inside the journal's folder.
    pub fn file(self) -> String {
        match self {
            Self::Log(number) => log_name(number),
            Self::Segment(number) => segment_name(number),
        }
    }
}

/// Where one raw record stands. Places are ordered as they are best read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub source: Source,
    /// Where in the file the record's header begins.
    pub offset: u64,
    /// Bytes of the record, its 32-byte header included.
    pub bytes: u32,
}

/// A record that is to be kept beyond its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Whose record.
    pub partition: PartitionId,
    /// By what its partition will ask for it; rises from record to record within a partition.
    pub key: u64,
    /// When its content came, for retention.
    pub time: Instant,
    /// Where it stands.
    pub place: Place,
    /// Begins a new piece even behind a record of the same partition: another piece's keys lie between the two.
    pub starts_piece: bool,
}
