//! Amazon SQS's quotas, each with where AWS states it ("SQS quotas" page, or the API reference of the operation named).

/// Bytes of a message's body and attributes together, and of all messages of a batch (quotas: "Message size").
pub const MESSAGE_BYTES_MAX: usize = 1_048_576;
/// Least value of a queue's MaximumMessageSize (SetQueueAttributes).
pub const MESSAGE_BYTES_LIMIT_MIN: u32 = 1_024;
/// Entries of a batch (quotas: "Batched messages").
pub const BATCH_ENTRIES_MAX: usize = 10;
/// Characters of a batch entry's id (SendMessageBatchRequestEntry).
pub const BATCH_ENTRY_ID_LEN_MAX: usize = 80;
/// Characters of a message group's or a deduplication's id, and of a receive's attempt id (SendMessage, ReceiveMessage).
pub const GROUP_ID_LEN_MAX: usize = 128;
/// What the sequence numbers of FIFO messages are counted from: AWS's have twenty digits (SendMessage: SequenceNumber).
pub const SEQUENCE_NUMBER_MIN: u128 = 10_000_000_000_000_000_000;
/// Calls of one action within a second on a FIFO queue without high throughput, where AWS's limits hold; a batch is one call, so
/// that these are 3,000 messages (quotas: "FIFO queues", message throughput).
pub const FIFO_CALLS_PER_SEC_MAX: u32 = 300;
/// Messages in one ReceiveMessage (ReceiveMessage: MaxNumberOfMessages).
pub const RECEIVE_MESSAGES_MAX: i32 = 10;
/// Messages that one peek shows; ours, since AWS has none.
pub(crate) const PEEK_MESSAGES_MAX: usize = 100;
/// Messages that one peek looks at, so that a search which finds nothing is answered within milliseconds.
pub(crate) const PEEK_EXAMINED_MAX: usize = 1_000;
/// Bytes of contents after which a peek ends: what one request may make the server read and hold.
pub(crate) const PEEK_BYTES_MAX: usize = 4 << 20;
/// Messages that a peek reads at first, before it knows how large they are: as many as a receive.
pub(crate) const PEEK_STEP_MIN: usize = 10;
/// Messages that a peek reads at once.
pub(crate) const PEEK_STEP_MAX: usize = 128;
/// Seconds of a queue's idle lifetime: a year; ours, and no more than a number that is surely meant.
pub(crate) const IDLE_LIFETIME_SECS_MAX: u32 = 365 * 24 * 3600;
/// Into how many parts a lifetime is divided: use is noted once a part, so that a queue goes an eighth of its lifetime later
/// than it could, and use writes eight records a lifetime at the most.
pub(crate) const IDLE_PARTS: u64 = 8;
/// Queues that are looked at in one go, before others have their turn: some milliseconds.
pub(crate) const IDLE_LOOKS_MAX: usize = 1_000;
/// After how many milliseconds a queue is looked at again that could not be removed, because the disk is full.
pub(crate) const IDLE_AGAIN_MILLIS: u64 = 1_000;
/// Seconds a receive waits at the most (ReceiveMessage: WaitTimeSeconds).
pub const WAIT_SECS_MAX: i32 = 20;
/// Seconds of delay, of a queue or a message (SendMessage: DelaySeconds).
pub const DELAY_SECS_MAX: i32 = 900;
/// Seconds of a visibility timeout, and of a message's whole time in flight (ChangeMessageVisibility).
pub const VISIBILITY_SECS_MAX: i32 = 43_200;
/// Seconds of delay that a queue's owner may allow messages: as long as a message can be kept; ours.
pub(crate) const DELAY_SECS_RAISED: std::ops::RangeInclusive<u32> = DELAY_SECS_MAX as u32..=*RETENTION_SECS.end();
/// Seconds in flight that a queue's owner may allow: as long as a message can be kept; ours.
pub(crate) const VISIBILITY_SECS_RAISED: std::ops::RangeInclusive<u32> =
    VISIBILITY_SECS_MAX as u32..=*RETENTION_SECS.end();
/// How many times AWS's 120,000 messages a queue's owner may allow in flight; ours: each takes some 60 bytes of memory.
pub(crate) const IN_FLIGHT_TIMES_MAX: u32 = 10;
/// How often longer each wait of a back-off may be than the one before, in hundredths; ours, and a hundredfold is surely meant.
pub(crate) const BACKOFF_HUNDREDTHS: std::ops::RangeInclusive<u32> = 100..=10_000;
/// Seconds a message is kept: least, and most (quotas: "Message retention").
pub const RETENTION_SECS: std::ops::RangeInclusive<u32> = 60..=1_209_600;
/// Attributes of one message (quotas: "Message attributes").
pub const MESSAGE_ATTRIBUTES_MAX: usize = 10;
/// Characters of a message attribute's name, and of its type (developer guide, "Message attribute components").
pub const ATTRIBUTE_NAME_LEN_MAX: usize = 256;
/// Bytes of a message's trace header. AWS names no bound; this is what its length on disk can tell.
pub const TRACE_HEADER_BYTES_MAX: usize = u16::MAX as usize;
/// Queues in one page of ListQueues (ListQueues: MaxResults).
pub const LIST_QUEUES_MAX: usize = 1_000;
/// Message move tasks that a queue remembers (ListMessageMoveTasks: at most the ten newest are shown).
pub const MOVE_TASKS_MAX: usize = 10;
/// Messages a second of a message move task (StartMessageMoveTask: MaxNumberOfMessagesPerSecond).
pub const MOVE_RATE: std::ops::RangeInclusive<i32> = 1..=500;
/// How long a message move task may take where AWS's limits hold; what is left stays (developer guide, "dead-letter queue redrive").
pub(crate) const MOVE_TASK_MILLIS_MAX: u64 = 36 * 60 * 60 * 1000;
/// Message move tasks of an account in a region that may be under way at once where AWS's limits hold (as above).
pub(crate) const MOVE_TASKS_ACTIVE_MAX: usize = 100;
/// Messages of a task that are on their way at once: some batches of the couriers, so that a task that is cancelled ends soon.
pub(crate) const MOVING_MAX: usize = 2_000;
/// Messages that a task sends away in one step: a record of some kilobytes.
pub(crate) const MOVE_STEP_MAX: usize = 1_000;
/// Messages that a task looks at in one step to learn where they come from: their contents are in memory together.
pub(crate) const MOVE_LOOK_MAX: usize = 100;
/// After how many milliseconds a task is looked at again whose messages have left and not arrived.
pub(crate) const MOVE_AGAIN_MILLIS: u64 = 5;
/// After how many milliseconds a task is tried again that could not go on, because the disk is full.
pub(crate) const MOVE_RETRY_MILLIS: u64 = 500;
/// Tags of one queue. AWS's guide advises no more than these, and refuses more.
pub const TAGS_MAX: usize = 50;
/// Characters of a tag's key (the tagging rules that AWS's services share).
pub const TAG_KEY_LEN_MAX: usize = 128;
/// Characters of a tag's value (as above).
pub const TAG_VALUE_LEN_MAX: usize = 256;
/// Bytes of a queue's policy (quotas: "Policies").
pub const POLICY_BYTES_MAX: usize = 8_192;
/// Statements of a queue's policy (quotas: "Policies").
pub const POLICY_STATEMENTS_MAX: usize = 20;
/// Actions of one AddPermission (AddPermission: Actions).
pub const PERMISSION_ACTIONS_MAX: usize = 7;
/// Characters of a permission's label (AddPermission: Label).
pub const PERMISSION_LABEL_LEN_MAX: usize = 80;

/// How long a deleted queue's name cannot be taken, and how long after a purge there is no other, where AWS's limits hold
/// (DeleteQueue; PurgeQueue).
pub const PAUSE_MILLIS: u64 = 60_000;
/// Names of deleted queues that are remembered for that long. Beyond it the oldest are free early: the bound is for memory.
pub const DELETED_NAMES_MAX: usize = 100_000;

/// Which of AWS's limits hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Limits {
    /// Those that shape answers (sizes, ranges, counts); no throttle and no waiting.
    #[default]
    Raised,
    /// AWS's throttles and its pauses too, for tests of what an application does about them.
    Aws,
}

/// KmsDataKeyReusePeriodSeconds (SetQueueAttributes): a minute to a day.
pub(crate) const KMS_REUSE_SECS: std::ops::RangeInclusive<u32> = 60..=86_400;

/// Bytes of a key's name in KmsMasterKeyId (KMS API reference, "KeyId").
pub(crate) const KMS_KEY_LEN_MAX: usize = 2048;

/// Data keys in memory of each sort, one for each principal and queue in use: some 300 bytes each.
pub(crate) const DATA_KEYS_MAX: usize = 10_000;

/// Queues of which it is known that the log said their policy cannot be read. One is a rarity; of more than these the log may
/// say it again.
pub(crate) const UNREADABLE_TOLD_MAX: usize = 1_000;

/// Receives that one request makes while it meets nothing but messages that it cannot open: so that a tenth of a thousand whose
/// key is gone hold nobody up, and a request stays one.
pub(crate) const RECEIVES_OF_SEALED_MAX: usize = 10;

/// A queue's attributes where CreateQueue names none (SetQueueAttributes).
pub mod default {
    /// Seconds that a data key of a KMS key is used (API reference, SetQueueAttributes).
    pub(crate) const KMS_REUSE_SECS: u32 = 300;
    /// DelaySeconds.
    pub const DELAY_SECS: u32 = 0;
    /// MaximumMessageSize.
    pub const MESSAGE_BYTES: u32 = super::MESSAGE_BYTES_MAX as u32;
    /// MessageRetentionPeriod: four days.
    pub const RETENTION_SECS: u32 = 345_600;
    /// ReceiveMessageWaitTimeSeconds.
    pub const WAIT_SECS: u32 = 0;
    /// VisibilityTimeout.
    pub const VISIBILITY_SECS: u32 = 30;
}

/// How long a deleted message may be kept, in seconds: as long as any message, because nothing outlives its retention.
pub const KEEP_DELETED_SECS_MAX: u32 = *RETENTION_SECS.end();
/// Receives after which a message group may be parked: as many as after which a message may become a dead letter.
pub const PARK_AFTER_MAX: u32 = *MAX_RECEIVE_COUNT.end();
/// Receives after which a message may become a dead letter (SetQueueAttributes: maxReceiveCount).
pub const MAX_RECEIVE_COUNT: std::ops::RangeInclusive<u32> = 1..=1_000;
/// Source queues that a redrive allow policy names (SetQueueAttributes: sourceQueueArns).
pub const REDRIVE_SOURCES_MAX: usize = 10;

/// Bytes of a request's body. A batch of 1 MiB whose every byte is escaped as `\u0001` or `%01` grows sixfold; entries'
/// names and ids come on top. The bound is for memory: larger requests are refused before they are read.
pub const REQUEST_BYTES_MAX: usize = 8 * 1_048_576;
