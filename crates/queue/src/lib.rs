//! The pure queue machine: send, lease, delay, delete, purge.
//!
//! [`Queue`] is one standard queue: commands come in with the moment they are decided at, effects go out as data, and
//! applying effects is the only way the state changes. Time, ids and chance arrive from outside, so replaying the
//! effects of a log and letting time pass gives the same queue again. A service uses it directly as an
//! [`engine::Machine`], or keeps it inside a machine of its own and delegates to the inherent methods.
//!
//! Where to look: `command.rs` what may be asked and is answered, `records.rs` the journal's record kinds, `decide.rs`
//! the rules, `state.rs` what a change does, `pages.rs`, `visible.rs` and `deadlines.rs` the three structures below it.

mod command;
mod deadlines;
mod decide;
mod limits;
mod message;
mod pages;
mod records;
mod state;
mod varint;
mod visible;

pub use command::{Command, Counts, DeleteOutcome, Reply, Settings, VisibilityOutcome};
pub use limits::{IN_FLIGHT_MAX, TOTAL_VISIBILITY_MILLIS_MAX};
pub use message::{Delivery, Handle, MessageId, NewMessage};
pub use records::{Effect, KIND_MAX};
pub use state::Queue;
