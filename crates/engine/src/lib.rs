//! Partitions: order, decide and apply, replies that wait for the disk, timers, and a log that stays short.
//!
//! A service hands commands to a [`Partition`]; the partition's machine decides them into effects, the effects go into
//! the [`Store`]'s journal and then into the machine, and the reply comes out as a [`Pending`] that opens when the disk
//! has everything the reply saw. What a machine holds by key, its contents, is kept in memory, in the log or in segments
//! (`contents.rs`). Whatever goes to the disk is sealed by the folder's keys (`keyring`). What a machine sends to other partitions is brought to them by couriers (`outbox.rs`). A partition that
//! nobody uses is put away as its snapshot (`resting.rs`). Housekeeping retires the log behind snapshots of the machines
//! (`retire.rs`), so that after a stop
//! [`Recovery`] rebuilds them from snapshots and the rest of the log.

mod channels;
mod clock;
mod compact;
mod contents;
pub mod fields;
mod keyring;
mod machine;
mod manual_clock;
mod memory;
mod outbox;
mod paged;
mod partition;
mod pending;
mod reads;
mod recovery;
mod registry;
mod resting;
mod retire;
mod slices;
mod store;
mod suspects;
mod timers;
mod unavailable;
pub mod varint;

pub use clock::{Clock, Sleep};
pub use keyring::{
    Chance, Keyring, KeyringError, SEALED_TRAILER_BYTES, Sealed, Wrapped, content_of_sealed, open_record, open_snapshot,
};
pub use machine::{
    Arrival, Content, Decision, Delivery, Described, Durability, Effect, GivesWay, Machine, MalformedRecord, Outgoing,
    Stirred, Tally, UNSYNCED_RECORDS_MAX,
};
pub use manual_clock::ManualClock;
pub use memory::Memory;
pub use outbox::Delivered;
pub use partition::Partition;
pub use pending::Pending;
pub use reads::{COLD_READS_MAX, Work};
pub use recovery::{Recover, Recovery};
pub use retire::{CLOSED_FILES_KEPT, Tended};
pub use store::{Shared, Store, StoreOptions};
pub use suspects::DAMAGED_ROUNDS;
pub use unavailable::Unavailable;
