//! Every bound of the machine, with its reason. What customers may ask for (sizes, rates, retention) is bounded by the service.
//!
//! In tests of the machine the index is small, so that short histories thin it out.

/// Bytes of records between two marks of the index, as long as there is room for so many marks: a read of a segment brings
/// four times as much, so a finer index would not save anything.
pub(crate) const STRIDE_BYTES: u64 = if cfg!(test) { 100 } else { 64 << 10 };

/// Records between two marks at the most, so that whoever seeks by time passes over few of them.
pub(crate) const STRIDE_RECORDS: u64 = if cfg!(test) { 8 } else { 1024 };

/// Into how many parts a retention is divided: records between two marks arrived within one part, and go together with the last
/// of them. A record's room is given back later than its time by a five hundredth of it at the most (three minutes of a day);
/// readers are not shown it for a moment longer, because they are told the horizon.
pub(crate) const RUNS_PER_RETENTION: u64 = if cfg!(test) { 16 } else { 512 };

/// Marks of one shard: 1.5 MiB. A shard of 50 GB has a mark for each megabyte, one of 4 TB for each 64 MiB, which is a segment.
pub(crate) const MARKS_MAX: usize = if cfg!(test) { 24 } else { 65_536 };

/// How often the strides may double: then a run has as many bytes as a mark can count, and the marks stand for 128 TB at the
/// least.
pub(crate) const SCALE_MAX: u8 = 32;

/// User records, and keys in its tables, that one aggregate may hold: forty bytes each of the largest record. Those who write
/// aggregates pack some hundred; the bound is for strangers, whose record is a plain one beyond it, and what they can make a reader
/// hold is some 25 MB.
pub(crate) const AGGREGATED_MAX: usize = 1 << 18;

/// Marks for which an emptied index keeps its room.
pub(crate) const SPARE_MARKS: usize = 4;

const _: () = assert!(MARKS_MAX >= 16, "an index that shrinks to a half has something left to be found by");
const _: () = assert!(STRIDE_BYTES << SCALE_MAX > u32::MAX as u64, "the strides reach what a mark can count");
