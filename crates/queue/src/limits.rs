//! Every bound of the machine, with its source.
//!
//! Bounds that a customer meets come from AWS's quotas and API reference; bounds of the machine's own structures name
//! the reason instead. What is not bounded here is bounded by the number of messages with a past or a future.

/// Messages of a standard queue that may be in flight at once; a receive beyond it is refused with `OverLimit`.
/// Source: SQS developer guide, "Amazon SQS message quotas"; API reference of `ReceiveMessage`.
pub const IN_FLIGHT_MAX: usize = 120_000;

/// How long after its receive a message may stay in flight, however often that is extended: twelve hours.
/// Source: SQS developer guide, "Amazon SQS visibility timeout".
pub const TOTAL_VISIBILITY_MILLIS_MAX: u64 = 12 * 60 * 60 * 1000;

/// Into how many parts a retention is divided: messages sent within one part expire together, with the last of them. So a
/// message is kept longer than asked by 0.025 % at the most, and a queue has about as many time marks at the least
/// retention as it has here parts, however long its backlog.
pub(crate) const RUNS_PER_RETENTION: u64 = 4096;

/// How long the messages of one run may lie apart at the most: nobody sets a retention of days to within a minute, and
/// AWS itself only promises it approximately. Two weeks are 20,160 runs of it, half a megabyte.
pub(crate) const RUN_MILLIS_MAX: u64 = 60_000;

/// Of how many messages, counted from the oldest, a FIFO queue knows the groups: a receive looks no further.
/// Source: SQS developer guide, "Amazon SQS FIFO queue quotas": "looks through the first 120k messages".
pub const WINDOW_MESSAGES: usize = 120_000;

/// How long after a send its deduplication id, or after a receive its attempt id, is remembered: five minutes.
/// Source: API reference of `SendMessage` and `ReceiveMessage`.
pub const DEDUP_MILLIS: u64 = 5 * 60 * 1000;

/// How long the sends of one bucket of deduplication ids may lie apart: ids are let go of by buckets, so up to so much longer
/// than they are needed.
pub(crate) const BUCKET_MILLIS: u64 = 60_000;

/// Ids of one bucket at the most, so that no insertion moves more places than that, which takes some milliseconds.
pub(crate) const BUCKET_IDS_MAX: usize = 1 << 18;

/// Named receives that a queue remembers; the oldest gives way. Each takes some 300 bytes, so this is 3 MB. AWS names no
/// number; a consumer that asks again does so within its timeout of seconds.
pub(crate) const ATTEMPTS_MAX: usize = 10_000;

/// How many messages beyond those in flight a receive wants to know the groups of, if they are not all known: far more than
/// it hands out, so that it finds all that are ready of a group in usual traffic, and few enough to read after a start.
pub(crate) const LOOK_AHEAD: usize = 1024;

/// Messages that a receive of a fair queue reads at the most to know whose they are: some ten milliseconds of a slow disk. Behind a
/// long backlog of noisy tenants the next receives read on; until they have come through, those who wait there are served in the order
/// of sending.
pub const FAIR_LEARN_MAX: u64 = 4 * LEARN_KEYS;

/// Messages whose groups are asked for at once.
pub(crate) const LEARN_KEYS: u64 = 1024;

/// Turns kept beyond twice the valid ones before the others are thrown out.
pub(crate) const STALE_TURNS_MAX: usize = 64;
/// Runs of a queue in which messages of different times stand beside each other, three quarters of a megabyte. A queue of
/// messages in the order of their times stays below it by itself.
pub(crate) const RUNS_MAX: usize = 32_768;

/// Messages that may have left a queue and not arrived: about ten megabytes. Only a destination that cannot take anything (a
/// full disk) lets so many gather; then messages are handed out once more instead.
pub(crate) const DEPARTED_MAX: usize = 100_000;

/// Messages that one receive sends away. It keeps a queue in which all have been received too often from holding up whoever
/// wants to send. A receive that waits looks again at once.
pub(crate) const DEPARTURES_PER_RECEIVE_MAX: usize = 1_000;

/// Messages that go to a destination at once: their records and a block's other records stay small beside a block.
pub(crate) const PARCELS_PER_BATCH: usize = 256;

/// How long a message stays hidden that could not be sent away because the disk has damaged it, before the next receive
/// tries that again: as long as a message may be in flight.
pub(crate) const WITHHELD_MILLIS: u64 = TOTAL_VISIBILITY_MILLIS_MAX;

/// Into how many parts the time is divided for which deleted messages are kept: those deleted within one part go together, with
/// the last of them. It costs some 90 bytes for each part at the most, and a thousandth of the time.
pub(crate) const SHELF_PARTS: u64 = 1000;

/// Batches of deleted messages, whatever their owner made of the time meanwhile: beyond it the oldest go together.
pub(crate) const SHELF_BATCHES_MAX: usize = 4096;

/// Deleted messages of which the engine has not been told yet that nobody is expected to ask for them. Only a replay of the log,
/// during which nobody asks, comes to more; then they stay in memory until something else wants the room.
pub(crate) const COLD_MAX: usize = 10_000;

/// Message groups of a queue that may be parked at once: some 60 bytes each. Beyond it messages are handed out as if nothing were
/// set: a consumer to which that many groups are poison is broken itself.
pub(crate) const PARKED_GROUPS_MAX: usize = 10_000;

/// Messages that a replay brings on their way at once: as many as a courier takes along.
/// (Few in tests of the machine, so that small histories have several batches.)
pub(crate) const REPLAY_BATCH: usize = if cfg!(test) { 3 } else { PARCELS_PER_BATCH };

/// Messages of one page of exceptions: one bit each in a machine word.
pub(crate) const PAGE_MESSAGES: u64 = u64::BITS as u64;

/// How much one `advance` reveals: each page looked at and each message that becomes visible is a step. It keeps a queue
/// whose leases all end in the same second from holding up whoever wants to send: see `Queue::advance`. Measured at
/// under a millisecond.
pub(crate) const REVEAL_STEPS_MAX: usize = 10_000;

/// Exceptions that one peek walks over. It keeps whoever looks for one delayed message behind a hundred thousand in flight
/// from holding up the queue; a step is a few nanoseconds.
pub(crate) const PEEK_STEPS_MAX: usize = 10_000;

/// Channels that the engine is told of one by one between two times that it asks; beyond it, it is told that it may be any of
/// them. A step reveals far fewer in usual traffic, and only a replay, during which nobody asks, comes to more.
pub(crate) const STIRRED_MAX: usize = 1000;

/// A tenant of a fair queue is noisy if it has more than one in so many of what is in flight, or of the processing time.
/// Source: SQS developer guide, "How fair queues work".
pub(crate) const FAIR_SHARE: usize = 10;

/// How many messages a tenant has in flight at the least to be noisy by that. Source: as above.
pub(crate) const FAIR_IN_FLIGHT_MIN: usize = 30;

/// What counts as recent processing: this stretch of time and the one before it. AWS does not say; a tenant's leases last 30 s
/// where nobody says otherwise.
pub(crate) const FAIR_RECENT_MILLIS: u64 = 60_000;

/// Tenants of a fair queue that are remembered in any case. Beyond it, and beyond twice as many as mattered at the last look, those
/// without messages in flight are forgotten whose share of the recent processing time is less than one in so many: a hundredth
/// of the share that makes a tenant noisy.
pub(crate) const FAIR_TENANTS_MIN: usize = 1000;

const _: () = assert!(FAIR_TENANTS_MIN >= 100 * FAIR_SHARE);

/// Deadlines kept beyond twice the valid ones before the invalid ones are thrown out. It keeps small queues from
/// tidying up at every step, and is about a kilobyte.
pub(crate) const STALE_DEADLINES_MAX: usize = 64;

/// Entries for which an emptied structure keeps its room, so that a queue that is always nearly empty does not allocate at
/// every message.
pub(crate) const SPARE_ENTRIES: usize = 4;

// One part more than there are is under way.
const _: () = assert!(SHELF_BATCHES_MAX as u64 > 2 * SHELF_PARTS);
// A receive asks for far fewer messages than one step of revealing shows, so it is not told that there are none.
// Two weeks of the longest runs.
const _: () = assert!(RUNS_MAX as u64 > 14 * 24 * 3_600_000 / RUN_MILLIS_MAX);
const _: () = assert!(REVEAL_STEPS_MAX >= 1000 && REVEAL_STEPS_MAX < IN_FLIGHT_MAX);
