//! Amazon SQS over the queue machine: standard queues.
//!
//! A request comes in as a generated input, becomes a command to one queue's partition, and its reply becomes a generated
//! output when it is durable. `api/` is generated from the service model; `ops/` has one file per operation; `records.rs` is
//! everything a queue writes to the log, `snapshot.rs` what stands for it in a checkpoint; `limits.rs` are AWS's quotas; `refusal.rs` is every error and its wording.

pub mod api;
mod attribute_table;
mod attributes;
mod batch;
mod catalog;
#[cfg(test)]
mod coverage;
mod describe;
mod grouping;
mod idle;
pub mod limits;
mod machine;
mod mailbox;
mod mailing;
mod md5_lanes;
mod message;
mod message_attributes;
mod meters;
mod move_handle;
mod move_tasks;
mod movers;
mod needs;
mod opening;
mod ops;
mod pauses;
mod peek;
mod permission;
mod place;
mod policy;
mod properties;
mod queue_url;
mod receipt_handle;
mod records;
mod redrive;
mod refusal;
mod replay;
mod retry_backoff;
mod sealing;
mod service;
mod snapshot;
mod sources;
mod system_attributes;
mod tags;
mod throttle;
mod unpark;

pub use attribute_table::{default_of, settable_attributes};
pub use describe::{Described, describe, queue_of_snapshot};
pub use gateway::Keys;
pub use limits::Limits;
pub use meters::Counted;
pub use records::FAMILY;
pub use service::{Metered, Options, Sqs, SqsRecovery, Totals};
