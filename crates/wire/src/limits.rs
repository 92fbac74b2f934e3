//! The bounds of the decoders: what a stranger's bytes may cost.
//!
//! AWS documents none of these. Each is far above what any operation of the family needs, and low enough that the
//! largest request the gateway accepts cannot exhaust the stack or multiply into memory.

/// Containers inside containers, the outermost included. The deepest input of the family (Kinesis Data Analytics) has
/// fewer than 12; the generated `read` functions recurse once per level.
pub const DEPTH_MAX: usize = 64;

/// List items and map entries that one document may carry in all. The largest legitimate request (500 records, or a
/// batch of 10 messages with 10 attributes each) has under 2,000; each costs at most a few hundred bytes of memory.
pub const ENTRIES_MAX: usize = 20_000;

/// Parameters in one form. A batch of 10 messages with 10 attributes of three parts each is about 350.
pub const FORM_FIELDS_MAX: usize = 20_000;

/// The largest index of a form's list (`Entry.N`): more digits than this are no index.
pub const FORM_INDEX_DIGITS_MAX: usize = 9;

/// Bytes of one message of an event stream: botocore and the SDKs' common C library take no more.
pub const EVENT_MESSAGE_BYTES_MAX: usize = 24 * 1024 * 1024;

/// Bytes of text in one header of an event stream's message: the length is 16 bits, which some readers take for signed.
pub const EVENT_TEXT_BYTES_MAX: usize = 32_767;
