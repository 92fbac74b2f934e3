//! Every bound of replays, with its reason.

/// Replays of an account that are not over; AWS has a number, too, and says only that there is one (ReplayLimitExceeded). Each is some
/// 200 bytes.
pub(super) const OF_ACCOUNT_MAX: usize = 100;

/// Replays of all accounts that are not over.
pub(super) const REPLAYS_MAX: usize = 10_000;

/// Steps that are made at one time: so many readers of the disk, and what each has in memory; their letters take about half of the room
/// that those of all publishes have together.
pub(super) const STEPS_MAX: usize = 8;

/// How many of them are of one account, so that there is always room for others.
pub(super) const STEPS_OF_ACCOUNT_MAX: usize = 4;

/// Messages that a step looks at, and about how many bytes of them: some tens of milliseconds, and with the index's way of reading
/// no more than a few MiB.
pub(super) const STEP_RECORDS: usize = if cfg!(test) { 5 } else { 100 };
pub(super) const STEP_BYTES: u64 = 1 << 20;

/// How long a replay waits whose receiver, key or disk can take nothing at this moment.
pub(super) const WAIT_MILLIS: u64 = 1_000;

/// Letters that may wait in a subscription's own queue before a replay waits, too: a receiver that is down does not get a whole archive
/// put before it. (Few in tests, so that small histories have more.)
pub(super) const WAITING_MAX: usize = if cfg!(test) { 20 } else { 10_000 };

const _: () = assert!(STEPS_OF_ACCOUNT_MAX < STEPS_MAX && OF_ACCOUNT_MAX < REPLAYS_MAX);
