//! Every bound of the policy language, with its source.

/// The longest policy document: a KMS key policy, which is the longest that AWS takes (KMS Developer Guide, "Quotas").
pub(crate) const POLICY_BYTES_MAX: usize = 32 * 1024;

/// A document nests five deep (statement, condition, operator, key, list); more can only be nonsense. serde_json itself
/// stops at 128, which is deep enough to be no bound of ours.
pub(crate) const POLICY_DEPTH_MAX: usize = 8;
