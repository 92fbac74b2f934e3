//! Queues on streams: records of all shards handed out one by one, until each is acknowledged.
//!
//! A queue is a partition of its own (`machine.rs`), of family 6: per shard the counter of the first record that it has not handed out
//! yet, and what became of those below that are not acknowledged (`held.rs`). It has no record's content; whoever receives reads that
//! from the shard (`receiving.rs`). `records.rs` is everything it writes, `receipt.rs` what names a record to consumers, `settings.rs`
//! what a queue is, `limits.rs` its bounds, `entries.rs` which queues there are. Decision record: docs/adr/0033.

#[cfg(test)]
mod crash_tests;
pub(crate) mod entries;
mod held;
pub(crate) mod limits;
pub(crate) mod machine;
#[cfg(test)]
mod model;
pub(crate) mod receipt;
pub(crate) mod receiving;
pub(crate) mod records;
#[cfg(test)]
mod script;
pub(crate) mod settings;

pub(crate) use entries::{OfStream, QueueEntry, Queues, tend};
pub(crate) use machine::Queue;
pub(crate) use records::Effect;
pub use records::FAMILY;
pub(crate) use settings::QueueKey;
