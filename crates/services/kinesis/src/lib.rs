//! Amazon Kinesis Data Streams: ordered, replayable streams of shards.
//!
//! A stream is a partition of its own (`machine.rs`): its settings, its shards and its consumers. Each shard is a partition of the
//! crate `stream`, which holds the records; a queue on a stream is one too (`queues/`). A request comes in as a generated input, is checked by the model's rules, and becomes
//! commands to these. `api/` is generated from the service model; `ops/` has one file per operation, or for a few that belong
//! together; `records.rs` is everything a stream writes to the log; `reshard.rs` is how shards are split and merged; `catalog.rs`
//! knows which streams there are and completes what a crash cut off; `sealing.rs` seals records with keys of KMS; `iterator.rs` is what a
//! shard iterator is; `native/` are operations of our own, of which `groups/` are the consumer groups. Decision records: docs/adr/0031 and
//! 0036.

pub mod api;
mod catalog;
#[cfg(test)]
mod coverage;
mod describe;
mod groups;
#[cfg(test)]
mod house;
mod iterator;
mod limits;
mod machine;
mod metered;
mod meters;
mod native;
mod needs;
mod ops;
mod page;
mod placing;
mod queues;
mod reading;
mod record_words;
mod records;
mod refusal;
mod replies;
mod reshard;
mod sealing;
mod service;
mod settings;
mod shard_id;
mod subscriptions;
mod tags;
mod throttle;

pub use gateway::Keys;
pub use groups::{FAMILY as GROUPS_FAMILY, GroupLag};
pub use metered::{MeteredShard, MeteredStream, Totals};
pub use meters::{Counter, ShardCounter, StreamCounts};
pub use native::Native;
pub use queues::FAMILY as QUEUES_FAMILY;
pub use record_words::describe;
pub use records::FAMILY;
pub use service::{Kinesis, KinesisRecovery, Options};
pub use stream::FAMILY as SHARDS_FAMILY;
