//! Every bound of deliveries, with its reason.

/// Attempts that are made at one time: as many connections, and what is sent on each.
pub const ATTEMPTS_MAX: usize = 1024;

/// How many of them may be to receivers that failed last: the others are for those that work.
pub(crate) const SICK_ATTEMPTS_MAX: usize = 768;

/// Bytes of letters that are attempted at one time; one receiver's last taking may go beyond it.
pub(crate) const BYTES_MAX: usize = 64 << 20;

/// How many of them may be to receivers that failed last.
pub(crate) const SICK_BYTES_MAX: usize = 48 << 20;

/// Attempts to one receiver at one time.
pub(crate) const WINDOW_MAX: usize = 16;

/// Letters of one subscription that wait for their next attempt: some 35 bytes each. Beyond it no further letter is tried for the first
/// time; they wait on disk, and cost nothing.
/// (Few in tests, so that small histories have more.)
pub(crate) const BACK_OFF_MAX: usize = if cfg!(test) { 100 } else { 10_000 };

/// Subscriptions of an account's topics that were ended by their links and may come back. What each takes lies on disk, at rest, and is its
/// attributes at the most; the oldest goes for one that is too many. AWS names no number; each is a link that somebody followed.
pub(crate) const ENDED_MAX: usize = if cfg!(test) { 5 } else { 1000 };

/// Letters that a listing reads at one time, and bytes after which it goes on in another answer: what one listing holds in memory is a
/// step's largest letters, and it takes no longer than a second's reading of a slow disk.
pub(crate) const LOOK_STEP: usize = 8;
pub(crate) const LOOK_BYTES_MAX: usize = 16 << 20;

/// How long a letter waits that the dead-letter queue can take at no present moment.
pub(crate) const SET_ASIDE_MILLIS: u64 = 20_000;

/// How long a letter is its attempt's: twice as long as a receiver may take, so that its dead letter has its time, too. What was being
/// attempted when the server was killed waits for so long.
pub(crate) const LEASE_MILLIS: u64 = 30_000;

/// The same of mail, which a server may take a minute for.
pub(crate) const MAIL_LEASE_MILLIS: u64 = 90_000;

const _: () = assert!(SICK_ATTEMPTS_MAX + WINDOW_MAX < ATTEMPTS_MAX && SICK_BYTES_MAX < BYTES_MAX);
const _: () = assert!(BACK_OFF_MAX < queue::IN_FLIGHT_MAX);
