//! Every bound of the machine, with its source.
//!
//! Bounds that a customer meets come from AWS's quotas and API reference; bounds of the machine's own structures name
//! the reason instead. What is not bounded here is bounded by the number of messages themselves.

/// Messages of a standard queue that may be in flight at once; a receive beyond it is refused with `OverLimit`.
/// Source: SQS developer guide, "Amazon SQS message quotas"; API reference of `ReceiveMessage`.
pub const IN_FLIGHT_MAX: usize = 120_000;

/// How long after its receive a message may stay in flight, however often that is extended: twelve hours.
/// Source: SQS developer guide, "Amazon SQS visibility timeout".
pub const TOTAL_VISIBILITY_MILLIS_MAX: u64 = 12 * 60 * 60 * 1000;

/// Messages in one page: one bit each in a machine word.
pub(crate) const PAGE_MESSAGES: u64 = u64::BITS as u64;

/// Slots below which a page that thins out is not made smaller any more: it would save less than it costs.
pub(crate) const PAGE_SLOTS_MIN: usize = 4;

/// Deadlines kept beyond twice the valid ones before the invalid ones are thrown out. It keeps small queues from
/// tidying up at every step, and is about a kilobyte.
pub(crate) const STALE_DEADLINES_MAX: usize = 64;

const _: () = assert!(PAGE_MESSAGES.is_power_of_two());
const _: () = assert!(PAGE_SLOTS_MIN >= 1 && PAGE_SLOTS_MIN < PAGE_MESSAGES as usize);
