//! Consumer groups: who of several readers of a stream reads which shard, and how far each shard has been read.
//!
//! A group is one partition of a family of its own. `machine.rs` are its rules, `assign.rs` how shards are divided, `records.rs` what it
//! writes to the log, `catalog.rs` which groups there are and when their members were heard last, `lag.rs` how far they are behind. What
//! customers ask stands in `native/`. Decision record: docs/adr/0036.

mod assign;
pub(crate) mod catalog;
#[cfg(test)]
mod crash;
mod lag;
pub(crate) mod machine;
pub(crate) mod records;

pub(crate) use catalog::{GroupEntry, Groups};
pub use lag::GroupLag;
pub use records::FAMILY;
