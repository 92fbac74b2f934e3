//! The pure queue machine: send, lease, delay, delete, purge.
//!
//! [`Queue`] is one queue, standard or FIFO: commands come in with the moment they are decided at, effects go out as data, and
//! applying effects is the only way the state changes. Time, ids and chance arrive from outside, so replaying the
//! effects of a log and letting time pass gives the same queue again. A service uses it directly as an
//! [`engine::Machine`], or keeps it inside a machine of its own and delegates to the inherent methods.
//!
//! The state is a cursor and exceptions: which sequences are visible, as ranges; what happened to messages that have been
//! delayed or received; and some thousands of marks that tell when what was sent. A message that only waits costs nothing
//! of it, and no content is in it: the engine keeps that, by sequence.
//!
//! Where to look: `command.rs` what may be asked and is answered, `records.rs` the journal's record kinds, `decide.rs`
//! the rules, `moves.rs` those of messages that leave for other queues or come from them (with `ways.rs` and `parcel.rs`),
//! `around.rs` what a machine around a queue answers for it, `keeping.rs` and `shelf.rs` messages that were deleted and are kept, `replay.rs` how they come back, `peek.rs` looking without touching, `put_back.rs` receives that came to nothing, `virtual_queues.rs` messages for
//! whoever names their virtual queue, `state.rs` what a change does, `visible.rs`, `exceptions.rs` (with `deadlines.rs`) and `marks.rs` the
//! structures below it, `snapshot.rs` the bytes that stand for all of them. What a FIFO queue has beside is `fifo.rs` with
//! `groups.rs` (which group a message is of, and whose turn it is), `parks.rs` (groups that stand still), `dedup.rs` and `attempts.rs`; `fair.rs` is what a standard queue does with groups.

mod around;
mod attempts;
mod backoff;
mod command;
mod deadlines;
mod decide;
mod dedup;
mod departed;
mod exceptions;
mod fair;
mod fifo;
mod groups;
mod keeping;
mod limits;
mod marks;
mod message;
mod moves;
mod nodes;
mod parcel;
mod parks;
mod peek;
mod put_back;
mod records;
mod replay;
mod settings;
mod shelf;
mod snapshot;
mod state;
mod tagged;
mod virtual_queues;
mod visible;
mod ways;

pub use backoff::Backoff;
pub use command::{Accepted, AttemptId, Command, Counts, DeleteOutcome, Reply, VisibilityOutcome};
pub use dedup::Dedup;
pub use limits::{DEDUP_MILLIS, FAIR_LEARN_MAX, IN_FLIGHT_MAX, TOTAL_VISIBILITY_MILLIS_MAX, WINDOW_MESSAGES};
pub use message::{DedupId, Delivery, Handle, Labelled, Labels, Message, MessageId, NewMessage, spread};
pub use parks::Unpark;
pub use peek::{PeekStates, Peeked};
pub use records::{Effect, KIND_MAX};
pub use replay::{ReplayEnd, ReplayOrder, ReplayProgress, ReplayState};
pub use settings::{DeadLetters, Settings};
pub use state::Queue;
pub use virtual_queues::{VirtualId, Within};
pub use ways::{Departure, Receives};
