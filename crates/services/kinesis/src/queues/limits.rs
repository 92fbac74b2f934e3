//! Every bound of queues, with its source: the service model unless said otherwise. In tests of the machine what is held is little, so that
//! short histories come to the bounds.

/// Records that one receive hands out, and that one batch names.
pub(crate) const RECORDS_MAX: usize = 10;

/// Seconds that a receive waits unless it says otherwise; it may say 1 to 20.
pub(crate) const WAIT_SECS_DEFAULT: u64 = 9;

/// Seconds for which a record is in flight unless the queue says otherwise.
pub(crate) const VISIBILITY_SECS_DEFAULT: u32 = 30;

/// Receives after which a record is a dead letter unless the queue says otherwise.
pub(crate) const RECEIVES_DEFAULT: u32 = 6;

/// Bytes of data and partition keys in one answer: what GetRecords answers at the most. The model names none.
pub(crate) const ANSWER_BYTES_MAX: u64 = 10 << 20;

/// Records of a queue in flight at once; beyond it receives are throttled. The model names no number: this is that of SQS.
pub(crate) const IN_FLIGHT_MAX: usize = if cfg!(test) { 120 } else { 120_000 };

/// Records that a queue has handed out and that nobody has acknowledged, dead letters among them. Beyond it nothing new is taken out of
/// the stream until some of them are acknowledged or expire. It bounds memory: some 160 bytes each, so 64 MB for one queue.
pub(crate) const HELD_MAX: usize = if cfg!(test) { 400 } else { 400_000 };

/// Dead letters whose readers are woken one by one; beyond it all of them are.
pub(crate) const STIRRED_MAX: usize = 1000;

/// Records that are looked at at once to find the first which has not expired, and their bytes.
pub(crate) const LOOKED_AT: usize = 1024;
pub(crate) const LOOKED_AT_BYTES: u64 = 1 << 20;

/// Queues in one page of ListQueues unless the caller says otherwise. The model names no number.
pub(crate) const LISTED_QUEUES: usize = 100;

// What one receive hands out never comes near what is in flight at once.
const _: () = assert!(RECORDS_MAX < IN_FLIGHT_MAX && IN_FLIGHT_MAX < HELD_MAX);
