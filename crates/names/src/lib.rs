//! Nouns, ids and limits that every storey shares.
//!
//! What stands here has no behaviour beyond being parsed, compared and shown: an account, a region, a queue's name, a
//! place in the log, a moment. Each is parsed once at the door and trusted afterwards.

mod account;
mod arn;
mod instant;
mod position;
mod queue_name;
mod region;

pub use account::{AccountId, InvalidAccountId};
pub use arn::{Arn, InvalidArn};
pub use instant::Instant;
pub use position::{PartitionId, Position};
pub use queue_name::{InvalidQueueName, QueueName};
pub use region::{InvalidRegion, Region};
