//! Every bound of KMS, with its source: "Quotas" of the KMS Developer Guide unless said otherwise.

/// Keys of an account in a region.
pub(crate) const KEYS_MAX: usize = 100_000;

/// Aliases of one key.
pub(crate) const ALIASES_PER_KEY_MAX: usize = 50;

/// Grants of one key.
pub(crate) const GRANTS_PER_KEY_MAX: usize = 50_000;

/// Tags of one key (API reference, TagResource).
pub(crate) const TAGS_MAX: usize = 50;

/// Bytes of a key policy.
pub(crate) const POLICY_BYTES_MAX: usize = 32 * 1024;

/// Rotations on demand of one key.
pub(crate) const ON_DEMAND_ROTATIONS_MAX: usize = 25;

/// Days between automatic rotations unless said otherwise; the model bounds them to 90–2560.
pub(crate) const ROTATION_DAYS_DEFAULT: u32 = 365;

/// Days between AWS's own rotations of its managed keys.
pub(crate) const MANAGED_ROTATION_DAYS: u32 = 365;

/// Days that a deleted key waits at the least (API reference, ScheduleKeyDeletion).
pub(crate) const DELETION_DAYS_MIN: u32 = 7;

/// The same at the most.
pub(crate) const DELETION_DAYS_MAX: u32 = 30;

/// The same unless said otherwise.
pub(crate) const DELETION_DAYS_DEFAULT: u32 = 30;

/// Hours that an import token is good for (API reference, GetParametersForImport).
pub(crate) const IMPORT_TOKEN_HOURS: u64 = 24;

/// Bytes of a data key (API reference, GenerateDataKey).
pub(crate) const DATA_KEY_BYTES_MAX: i32 = 1024;

/// What a listing gives where no Limit says otherwise. Most operations say 50; ListKeys says 100 (API reference).
pub(crate) const PAGE: usize = 50;

/// The same of ListKeys.
pub(crate) const KEYS_PAGE: usize = 100;

/// Replicas of a multi-Region key: one for each region there can be; AWS has some 30.
pub(crate) const REPLICAS_MAX: usize = 64;

/// Tokens of grants in one request (model, GrantTokenList).
pub(crate) const GRANT_TOKENS_MAX: usize = 10;

/// Bytes of a request's body: a message of 4 KiB or a policy of 32 KiB in base64 with room around it.
pub(crate) const REQUEST_BYTES_MAX: usize = 256 * 1024;

/// Key material that is kept opened in memory: enough for the keys that are in use, few enough that an account with many
/// keys does not have them all lie open.
pub(crate) const OPENED_MAX: usize = 4096;

/// Slow keys that are made at once: one keeps a core busy for up to seconds, and the others of a machine serve.
pub(crate) const MAKING_MAX: usize = 1;

/// Those of one account who wait for a slow key to be made: at some seconds each the last of them has it within a client's usual
/// minute, where no other account makes any.
pub(crate) const MAKING_WAITING_MAX: usize = 16;

/// The same of all accounts: nine that make as many as they may leave room for others.
pub(crate) const MAKING_WAITING_IN_ALL_MAX: usize = 10 * MAKING_WAITING_MAX;

/// Uses of slow keys at once: milliseconds each, so that whoever waits for a turn does not wait for long.
pub(crate) const USING_MAX: usize = 2;

/// Those of one account who wait to use a slow key: as many as KMS lets it begin in a second ("Request quotas": RSA keys, 1,000).
pub(crate) const USING_WAITING_MAX: usize = 1000;

/// The same of all accounts. Each has a message of 4 KiB at the most in memory.
pub(crate) const USING_WAITING_IN_ALL_MAX: usize = 10 * USING_WAITING_MAX;

/// Milliseconds of a day.
pub(crate) const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;
