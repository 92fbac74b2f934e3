//! The durable log: blocks, checksums, group commit, recovery, over a real or a simulated disk.
//!
//! In come entries of many partitions, out comes a position; once that position is durable, no crash takes it back.
//! Bottom up: `record`, `block` and `manifest` know bytes; `chain` knows what must follow what; `log` writes one block
//! at a time; `segment` and `checkpoint` hold what outlives its log file, and `ledger` says which of them count; `restore`
//! and `recover` bring everything back and tell a torn tail from corruption; `pending`, `wait` and `lane` are the group
//! commit; `journal` is the door. The byte pictures stand in `docs/formats`. Only this crate touches the disk.

mod aligned;
mod aside;
pub mod backup;
mod block;
mod body;
mod chain;
mod checkpoint;
mod error;
pub mod inspect;
mod io;
mod journal;
mod keys;
mod lane;
mod ledger;
pub mod limits;
mod log;
mod log_reader;
mod manifest;
mod options;
mod pending;
mod read_only;
mod reader;
mod real;
mod record;
mod recover;
mod restore;
mod segment;
mod shelf;
pub mod sim;
mod space;
mod stats;
mod threads;
mod wait;

pub use aligned::{AlignedBuf, padded};
pub use aside::SetAside;
pub use checkpoint::Snapshot;
pub use error::{AppendError, Damage, Fault, OpenError, ReplayError, Stopped, StoreError};
pub use io::{Io, IoFile, LockError, LockGuard};
pub use journal::{Journal, Urgency};
pub use keys::{KEYS, Keys, ROOT_KEY, read_keys, write_keys};
pub use ledger::{Checkpoint, ClosedFile};
pub use log_reader::Unread;
pub use options::{Drive, Options};
pub use read_only::ReadOnlyDisk;
pub use real::RealDisk;
pub use record::{Entry, RECORD_HEADER_BYTES, Record};
pub use recover::Recovery;
pub use segment::{Kept, Piece, Place, SegmentInfo, SegmentReport, SegmentSizes, Segments, Source, Visit};
pub use stats::Stats;
pub use wait::WhenDurable;
