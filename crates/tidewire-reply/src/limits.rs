//! Every bound of the client, with its reason.

use std::time::Duration;

/// How long a server may take to let us in: it may be on the other side of the world.
pub(crate) const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// How long an answer may take beyond what a receive waits anyway: a full disk or a frozen machine may add to it.
pub(crate) const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// Seconds a receive waits at the most (API reference, ReceiveMessage).
pub(crate) const WAIT_SECS_MAX: u64 = 20;

/// The longest answer that is read: ten messages of 1 MiB whose every byte is escaped.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Connections kept for later. Every request that waits has one; what is more than this is closed when it is over.
pub(crate) const SPARE_CONNECTIONS_MAX: usize = 64;

/// Seconds without use after which a requester's queue goes by itself: long enough for one that thinks between requests, which
/// gets a new queue if it thinks for longer.
pub(crate) const REPLY_QUEUE_IDLE_SECS: u32 = 300;
