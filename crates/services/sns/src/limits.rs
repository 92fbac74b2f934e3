//! Every bound of SNS, with its source: the API reference and "Amazon SNS endpoints and quotas" unless said otherwise.

/// Bytes of a request: a message of 1 MiB, which a form may write in three characters a byte, and what stands around it.
pub(crate) const REQUEST_BYTES_MAX: usize = 4 << 20;

/// Bytes of a request for one of tidewire's own operations: an ARN and a token.
pub(crate) const NATIVE_REQUEST_BYTES_MAX: usize = 64 << 10;

/// Characters of a topic's name (CreateTopic).
pub(crate) const TOPIC_NAME_LEN_MAX: usize = 256;

/// Bytes of a message with its attributes, unless a topic says otherwise, and the bounds of what it may say.
pub(crate) const MESSAGE_BYTES_DEFAULT: usize = 262_144;
pub(crate) const MESSAGE_BYTES_MIN: usize = 1024;
pub(crate) const MESSAGE_BYTES_MAX: usize = 1_048_576;

/// Characters of a subject: "less than 100 characters long".
pub(crate) const SUBJECT_LEN_MAX: usize = 99;

/// Characters of a topic's display name.
pub(crate) const DISPLAY_NAME_LEN_MAX: usize = 100;

/// Messages in a batch.
pub(crate) const BATCH_MAX: usize = 10;

/// Characters of an entry's id in a batch.
pub(crate) const ENTRY_ID_LEN_MAX: usize = 80;

/// Topics or subscriptions in a piece of a listing.
pub(crate) const LISTED: usize = 100;

/// Tags of a topic.
pub(crate) const TAGS_MAX: usize = 50;

/// Bytes of a topic's policy ("Amazon SNS policy keys": 30 KB), and its statements.
pub(crate) const POLICY_BYTES_MAX: usize = 30_720;
pub(crate) const POLICY_STATEMENTS_MAX: usize = 100;

/// Standard topics of an account in a region, and FIFO topics.
pub(crate) const TOPICS_MAX: usize = 100_000;
pub(crate) const FIFO_TOPICS_MAX: usize = 1_000;

/// Subscriptions of a FIFO topic.
pub(crate) const FIFO_SUBSCRIPTIONS_MAX: usize = 100;

/// Bits of a FIFO topic's sequence numbers below the clock's milliseconds: four million messages a second before they run ahead of it,
/// and twenty digits until the year 73,000.
pub(crate) const SEQUENCES_PER_MILLI_BITS: u32 = 12;

/// Bytes of letters that a publish has on their way at one time: far below what the log takes at once, so that a fan-out of any size
/// goes through it and takes no more memory than this; and how many they are, so that no poll is long.
pub(crate) const PIECE_BYTES: usize = 4 << 20;
pub(crate) const PIECE_LETTERS: usize = 1000;

/// Bytes that a letter takes beside what its message says: names, the signature, the log's own.
pub(crate) const LETTER_BASE_BYTES: usize = 2048;

/// Bytes of letters of all publishes that are on their way at one time: half of what the log takes before it refuses, which is for others,
/// too.
pub(crate) const LETTERS_BYTES_MAX: usize = 32 << 20;

/// Days for which an archive keeps messages ("Message archiving for FIFO topic owners": 1 to 365).
pub(crate) const ARCHIVE_DAYS: std::ops::RangeInclusive<u64> = 1..=365;

/// How much later than it was published a message may arrive in its topic's archive: a publish that waits for its turn and for room is
/// answered, or given up by its client, long before.
pub(crate) const PUBLISH_MILLIS_MAX: u64 = 300_000;

/// Bytes of a name of a message attribute.
pub(crate) const ATTRIBUTE_NAME_LEN_MAX: usize = 255;

/// Message attributes of a message: what a queue takes raw.
pub(crate) const ATTRIBUTES_MAX: usize = 10;

/// Characters of a message group's name.
pub(crate) const GROUP_LEN_MAX: usize = 128;

/// Bytes of a key's name in KmsMasterKeyId (KMS API reference, "KeyId").
pub(crate) const KMS_KEY_LEN_MAX: usize = 2048;

/// How long a publisher may use a topic's key without being asked again ("Key management": data keys are kept for five minutes).
pub(crate) const KEY_ALLOWED_MILLIS: u64 = 300_000;

/// Publishers of topics with keys that are remembered at one time: some 300 bytes each.
pub(crate) const KEY_ALLOWANCES_MAX: usize = 10_000;

/// Filter policies of a topic where AWS's limits hold ("Filter policy constraints").
pub(crate) const FILTER_POLICIES_MAX: usize = 200;

/// Filter policies of an account in a region where AWS's limits hold (the same page).
pub(crate) const FILTER_POLICIES_OF_ACCOUNT_MAX: usize = 10_000;

/// Bytes of an account's filter policies, as they were written and compiled, whatever limits hold: AWS's ten thousand, if each is one of
/// several hundred rules, and far less than AWS's greatest would take (10,000 of 256 KB). (Little in tests, so that few fill it.)
pub(crate) const FILTER_POLICIES_BYTES_MAX: usize = if cfg!(test) { 1 << 20 } else { 256 << 20 };

/// Subscriptions of a topic. AWS says 12.5 million; here every one is held in memory, and so many take 100 MB.
pub(crate) const SUBSCRIPTIONS_MAX: usize = 200_000;

/// How long a confirmation token counts (API reference of Subscribe: two days), and how long a subscription waits for its confirmation
/// (Developer Guide: three days).
pub(crate) const TOKEN_MILLIS: u64 = 2 * 24 * 3_600_000;
pub(crate) const PENDING_MILLIS: u64 = 3 * 24 * 3_600_000;

/// Subscriptions that nobody confirmed in time and that go together: some hundred bytes of the log each.
pub(crate) const EXPIRED_AT_ONCE: usize = 1000;

/// Characters of what a receiver said that a dead letter tells.
pub(crate) const REASON_LEN_MAX: usize = 1024;

/// How long nothing more is told of a subscription whose queue refuses, and subscriptions that are remembered for it: 32 bytes each.
pub(crate) const REFUSAL_TOLD_MILLIS: u64 = 3_600_000;
pub(crate) const REFUSALS_TOLD_MAX: usize = 1000;

/// Characters of an endpoint that is no ARN (API reference: none; a URL of more is refused by usual servers).
pub(crate) const ENDPOINT_LEN_MAX: usize = 2048;

/// Characters of a key for the HMAC beside a notification.
pub(crate) const HMAC_KEY_LEN_MIN: usize = 16;
pub(crate) const HMAC_KEY_LEN_MAX: usize = 256;

/// Where AWS's limits hold: messages within a second of an account in a region, to FIFO topics and to others; of a FIFO topic that is
/// ordered as a whole, and their bytes; calls of Subscribe, and of Unsubscribe.
pub(crate) const MESSAGES_PER_SEC_MAX: usize = 30_000;
pub(crate) const FIFO_MESSAGES_PER_SEC_MAX: usize = 3_000;
pub(crate) const FIFO_BYTES_PER_SEC_MAX: usize = 20 << 20;
pub(crate) const SUBSCRIBE_CALLS_PER_SEC_MAX: usize = 100;

/// Characters of a role's ARN (IAM API reference, "arnType").
pub(crate) const ROLE_LEN_MAX: usize = 2048;

/// Subscriptions whose waiting letters are looked at for one page of metrics: a few microseconds each, so some 50 ms. What waits for others
/// is told of all of them together.
pub(crate) const STANDINGS_METERED_MAX: usize = 10_000;

/// Attempts of one subscription that are remembered, and subscriptions whose are: some 300 bytes each, so 10 MB; where every receiver
/// says as much as is told of (a kilobyte), 40.
pub(crate) const HISTORY_OF_ONE_MAX: usize = 32;
pub(crate) const HISTORY_SUBSCRIPTIONS_MAX: usize = 1000;

/// Characters of a data protection policy (API reference of PutDataProtectionPolicy).
pub(crate) const PROTECTION_POLICY_LEN_MAX: usize = 30_720;

/// Identifiers that a data protection policy may bring along, and characters of their names and expressions ("Custom data identifier
/// constraints").
pub(crate) const CUSTOM_IDENTIFIERS_MAX: usize = 10;
pub(crate) const CUSTOM_NAME_LEN_MAX: usize = 128;
pub(crate) const CUSTOM_PATTERN_LEN_MAX: usize = 200;

/// Bytes of such an expression when it is compiled: two hundred characters of classes and small counts take less. A search with it remembers
/// as much of its automaton and a quarter of a megabyte more, once for each thread that has searched. And expressions that are held
/// compiled, of all topics together: 50 MB at the very most for each thread.
pub(crate) const CUSTOM_PATTERN_BYTES_MAX: usize = 64 << 10;
pub(crate) const CUSTOM_PATTERNS_HELD_MAX: usize = if cfg!(test) { 4 } else { 128 };

/// Places of one data identifier that a line of an audit lists; all are counted.
pub(crate) const AUDIT_DETECTIONS_MAX: usize = 100;

/// Characters of a log group's name (CloudWatch Logs API reference, CreateLogGroup).
pub(crate) const LOG_GROUP_LEN_MAX: usize = 512;

/// Characters that may stand between sensitive data and the word that makes it so ("Keyword requirements": thirty).
pub(crate) const WORD_WITHIN_CHARS: usize = 30;
