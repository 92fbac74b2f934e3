//! Every bound of the policy language, with its source.

/// The longest policy document: a KMS key policy, which is the longest that AWS takes (KMS Developer Guide, "Quotas").
pub(crate) const POLICY_BYTES_MAX: usize = 32 * 1024;

/// A document nests five deep (statement, condition, operator, key, list); more can only be nonsense. serde_json itself
/// stops at 128, which is deep enough to be no bound of ours.
pub(crate) const POLICY_DEPTH_MAX: usize = 8;

/// How far a client's clock may be from ours (IAM User Guide, "Troubleshoot Signature Version 4": 15 minutes).
pub(crate) const CLOCK_SKEW_SECS: u64 = 15 * 60;

/// How long a presigned request may be good for: seven days, as long as a signing key is.
pub(crate) const PRESIGNED_SECS_MAX: u64 = 7 * 24 * 60 * 60;

/// Shards of the cache of signing keys: more than a machine of this class has cores that verify at once.
pub(crate) const SIGNING_KEY_SHARDS: usize = 32;

/// Keys in a shard, found by looking through: 1024 keys in all, one for each access key, day, region and service; and as many
/// points of version 4A, one for each access key.
pub(crate) const SIGNING_KEYS_PER_SHARD_MAX: usize = 32;

/// The longest line between the chunks of a body; a chunk's header has some 90 bytes, a trailing checksum fewer.
pub(crate) const CHUNK_LINE_BYTES_MAX: usize = 1024;
