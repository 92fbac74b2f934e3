//! Partitions: order, decide and apply, replies that wait for the disk, timers.
//!
//! A service hands commands to a [`Partition`]; the partition's machine decides them into effects, the effects go into
//! the [`Store`]'s journal and then into the machine, and the reply comes out as a [`Pending`] that opens when the disk
//! has everything the reply saw. After a stop, [`Recovery`] rebuilds the machines by applying the journaled effects.

mod clock;
mod machine;
mod manual_clock;
mod partition;
mod pending;
mod store;
mod timers;
mod unavailable;

pub use clock::{Clock, Sleep};
pub use machine::{Decision, Durability, Effect, Machine, MalformedRecord};
pub use manual_clock::ManualClock;
pub use partition::Partition;
pub use pending::Pending;
pub use store::{Recover, Recovery, Store};
pub use unavailable::Unavailable;
