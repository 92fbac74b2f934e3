//! The pure shard machine: append, read on from a place, seek by time, close, expire.
//!
//! [`Shard`] is one shard of a stream and one partition of the engine: commands come in with the moment they are decided at,
//! effects go out as data, and applying effects is the only way the state changes. Records are numbered from 1 without a gap
//! (their counters), never change, and leave only from the front, when the retention ends; so all that the state holds of them
//! are two counters and a sparse index of times and sizes, some two megabytes for the longest shard. The records themselves are
//! the engine's, by counter.
//!
//! Where to look: `command.rs` what may be asked and is answered, `record.rs` a record, `records.rs` the journal's record kinds,
//! `shard.rs` the rules and what a change does, `index.rs` the sparse index, `snapshot.rs` the bytes that stand for all of it.
//! Beside the machine stand pure functions of whoever serves streams: `sequence.rs` (AWS's sequence numbers), `hash_ranges.rs`
//! (which shard a partition key belongs to) and `aggregate.rs` (records that the KPL packed together).

mod aggregate;
mod command;
mod hash_ranges;
mod index;
mod limits;
mod record;
mod records;
mod sequence;
mod shard;
mod snapshot;

pub use aggregate::{Plain, UserRecord, aggregate, disaggregate};
pub use command::{About, Command, NewRecord, Reply, SealedRecord, ShardState};
pub use hash_ranges::{HashRange, hash_of};
pub use record::Record;
pub use records::{Effect, FAMILY};
pub use sequence::{Malformed, Misplaced, SequenceNumber};
pub use shard::Shard;
