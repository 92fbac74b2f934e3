//! Major types and simple values by number (RFC 8949 section 3).

pub(super) const UNSIGNED: u8 = 0;
pub(super) const NEGATIVE: u8 = 1;
pub(super) const BYTES: u8 = 2;
pub(super) const TEXT: u8 = 3;
pub(super) const LIST: u8 = 4;
pub(super) const MAP: u8 = 5;
pub(super) const TAG: u8 = 6;

/// The argument of an indefinite length.
pub(super) const INDEFINITE: u8 = 31;

pub(super) const FALSE: u8 = 0xF4;
pub(super) const TRUE: u8 = 0xF5;
pub(super) const NULL: u8 = 0xF6;
pub(super) const UNDEFINED: u8 = 0xF7;
pub(super) const HALF: u8 = 0xF9;
pub(super) const SINGLE: u8 = 0xFA;
pub(super) const DOUBLE: u8 = 0xFB;
pub(super) const BREAK: u8 = 0xFF;

/// The tag of epoch seconds.
pub(super) const EPOCH: u64 = 1;
