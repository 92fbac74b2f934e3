//! Every bound of filter policies, with its source.
//!
//! What AWS documents stands on its page "Filter policy constraints"; the rest are ours, each with its reason. [`Limits`] are
//! those that an owner may lift.

/// Bytes of a policy's text (AWS, "Filter policy constraints": 256 KB).
pub const POLICY_BYTES_MAX: usize = 256 << 10;

/// Keys with rules that one alternative of a policy has, at whatever depth: AWS was recorded to refuse six keys in one nested
/// object and to take five (yavosh/pail, `sns-filter-edge-cases`); its page speaks of keys alone ("Filter policy constraints").
pub const KEYS_MAX: usize = 5;

/// Combinations of values (AWS, "Filter policy constraints").
pub const COMBINATIONS_MAX: u64 = 150;

/// Keys where the owner of the server has lifted AWS's five: an order of magnitude more, and an explanation stays readable.
pub const KEYS_MAX_LIFTED: usize = 100;

/// Keys of one alternative that no limit goes beyond: the search through arrays of objects goes as deep as there are keys, and
/// this keeps it within its stack.
pub(crate) const ALTERNATIVE_KEYS_MAX: usize = 256;

/// Objects and arrays within each other in a policy. A key so deep counts as so many combinations, so no valid policy has more
/// than [`COMBINATIONS_MAX`]; a deeper one is told the same without going down.
pub(crate) const NESTING_MAX: usize = 200;

/// Characters of its source that AWS's JSON parser puts into an error (Jackson's `JsonLocation`, up to 2.15).
pub(crate) const SOURCE_EXCERPT_CHARS: usize = 500;

/// From so many characters on, that parser reads its source as a stream and has no text to show (Jackson's `JsonFactory`).
pub(crate) const SOURCE_TEXT_CHARS_MAX: usize = 0x8000;

/// The bounds that an owner may lift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Keys with rules that one alternative has; beyond 256 it counts as 256.
    pub keys_max: usize,
}

impl Limits {
    /// AWS's own.
    pub const AWS: Self = Self { keys_max: KEYS_MAX };
    /// More than five keys.
    pub const LIFTED: Self = Self { keys_max: KEYS_MAX_LIFTED };
}

const _: () =
    assert!(NESTING_MAX as u64 > COMBINATIONS_MAX, "what is refused for its depth would have been refused anyway");
const _: () = assert!(KEYS_MAX_LIFTED <= ALTERNATIVE_KEYS_MAX, "lifted keys fit into one alternative");
