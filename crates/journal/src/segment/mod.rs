//! Segments: immutable files that keep records beyond the log file they were written to.

mod piece;
mod place;

use std::sync::Arc;

use names::PartitionId;

use crate::{
    error::{Damage, Fault, OpenError, StoreError},
    io::Io,
    record::Record,
};

pub use piece::Piece;
pub use place::{Kept, Place, Source};

const HALF_MADE: &str = ".tmp";

/// The name of segment `number`.
pub(crate) fn segment_name(number: u64) -> String {
    format!("segment-{number:016}.tw")
}

/// The name of segment `number` until it is whole and synced. No number is given twice, so no two attempts share one.
fn half_made_name(number: u64) -> String {
    format!("segment-{number:016}{HALF_MADE}")
}

/// What a list of segments says about one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its number, which is its name.
    pub number: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Records in it.
    pub records: u64,
    /// The checksum of its footer, which covers its directory: another file under this name is noticed.
    pub footer_crc: u32,
}

/// What `Segments::verify` found in a sound segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentReport {
    /// Its number.
    pub number: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Pieces in it.
    pub pieces: u64,
    /// Records in it.
    pub records: u64,
    /// Bytes of these records, headers included.
    pub record_bytes: u64,
}

/// What a reader of a piece is shown: each record and where it stands. The record's position is zero, because raw
/// records carry none.
pub type Visit<'a> = dyn FnMut(&Record<'_>, Place) + 'a;

/// The segments of one journal.
pub struct Segments {}

impl Segments {
    /// The segments that `listed` names, each of which must be there, of its length, with a sound header and the listed
    /// footer.
    pub fn open(io: Arc<dyn Io>, log_id: u64, listed: &[SegmentInfo]) -> Result<Self, OpenError> {
        let _ = (io, log_id, listed);
        unimplemented!("follows")
    }

    /// The number in `name` if it is a segment's, whole or half-made. One that no list names is a crash's leftover.
    pub fn is_ours(name: &str) -> Option<u64> {
        let rest = name.strip_prefix("segment-")?;
        let digits = rest.strip_suffix(".tw").or_else(|| rest.strip_suffix(HALF_MADE))?;
        let plain = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten()
    }

    /// Whether `name` is that of a half-made segment: a crash's leftover whatever the lists say.
    pub fn is_half_made(name: &str) -> bool {
        name.ends_with(HALF_MADE) && Self::is_ours(name).is_some()
    }

    /// Every segment that is there, by number: those of the open and those written since, without those removed.
    pub fn list(&self) -> Vec<SegmentInfo> {
        unimplemented!("follows")
    }

    /// The number of the next segment, above all that were ever seen.
    pub fn next_number(&self) -> u64 {
        unimplemented!("follows")
    }

    /// Writes the records, sorted by partition and key, into new segments. When it returns they are durable and named.
    pub fn write(&self, kept: &[Kept]) -> Result<Vec<(PartitionId, Piece)>, StoreError> {
        let _ = kept;
        unimplemented!("follows")
    }

    /// Visits records of a piece until at least `bytes` bytes of records were visited, or the piece ends.
    pub fn read(&self, piece: &Piece, from_key: u64, bytes: usize, visit: &mut Visit<'_>) -> Result<(), Damage> {
        let _ = (piece, from_key, bytes, visit);
        unimplemented!("follows")
    }

    /// Reads the whole file: every checksum, count and order.
    pub fn verify(&self, number: u64) -> Result<SegmentReport, Damage> {
        let _ = number;
        unimplemented!("follows")
    }

    /// Unlinks segments that no list names any more. One that is missing already is fine.
    pub fn remove(&self, numbers: &[u64]) -> Result<(), Fault> {
        let _ = numbers;
        unimplemented!("follows")
    }
}
