//! AWS's sequence numbers: what names a record to customers.
//!
//! ```text
//! 188 bits      2 │ opened at, s │ index │ counter │ 0 │ arrived at, s │ index │ 2     the greatest first
//!       nibbles 1       9           1        16      2        9           8     1
//! ```
//! Written in decimal: 56 digits that begin with 49. So numbers of a shard rise with the counter, and those of shards that were
//! opened later are greater. AWS does not document the layout; it was found out by kinesalite's author, and clients compare the
//! numbers and take them apart (KCL does both). Times are whole seconds; the small index is the low nibble of the large one.

use names::Instant;
use std::fmt;

/// How a number is cut into decimal digits: as many as fit into 64 bits.
const CHUNK_DIGITS: usize = 19;
const CHUNK: u64 = 10u64.pow(CHUNK_DIGITS as u32);

/// More digits than any number of 192 bits has.
const DIGITS_MAX: usize = 58;

const MARK: u128 = 2;
const SECS_BITS: u32 = 36;
const SECS_MASK: u64 = (1 << SECS_BITS) - 1;

/// The counter in the number that ends a closed shard: no record has it.
const ENDING: u64 = i64::MAX as u64;

/// A sequence number. Those of one shard are in the order of its records.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceNumber {
    /// The first 60 bits: mark 4, opened at 36, small index 4, the first 16 of the counter.
    high: u64,
    /// The other 128: 48 of the counter, nothing 8, arrived at 36, index 32, mark 4.
    low: u128,
}

/// The text is no sequence number of this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no sequence number")
    }
}

impl std::error::Error for Malformed {}

/// Why a sequence number names nothing in a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misplaced {
    /// It is of another shard, or of one that was opened at another time.
    OtherShard,
    /// No record has it yet.
    Ahead,
}

impl SequenceNumber {
    /// The number of the `counter`th record of a shard, which arrived then.
    pub fn new(opened_at: Instant, index: u32, counter: u64, arrived_at: Instant) -> Self {
        let [opened, arrived] = [opened_at, arrived_at].map(|at| at.as_secs() & SECS_MASK);
        let high = (MARK as u64) << 56 | opened << 20 | u64::from(index & 0xf) << 16 | counter >> 48;
        let low = u128::from(counter) << 80 | u128::from(arrived) << 36 | u128::from(index) << 4 | MARK;
        Self { high, low }
    }

    /// The number before a shard's first record.
    pub fn starting(opened_at: Instant, index: u32) -> Self {
        Self::new(opened_at, index, 0, opened_at)
    }

    /// The number after the last record of a shard that was closed then.
    pub fn ending(opened_at: Instant, index: u32, closed_at: Instant) -> Self {
        Self::new(opened_at, index, ENDING, closed_at)
    }

    /// Reads decimal digits.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() || text.len() > DIGITS_MAX || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Malformed);
        }
        let mut limbs = [0; 3];
        for chunk in text.as_bytes().chunks(CHUNK_DIGITS) {
            let number = chunk.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
            multiply_add(&mut limbs, 10u64.pow(chunk.len() as u32), number).ok_or(Malformed)?;
        }
        let [high, middle, low] = limbs;
        let number = Self { high, low: u128::from(middle) << 64 | u128::from(low) };
        if number.is_well_formed() { Ok(number) } else { Err(Malformed) }
    }

    /// The record's place in its shard: 0 in the number that begins a shard, and far beyond all in the one that ends it.
    pub fn counter(&self) -> u64 {
        self.high << 48 | (self.low >> 80) as u64
    }

    /// The number of the shard within its stream.
    pub fn index(&self) -> u32 {
        (self.low >> 4) as u32
    }

    /// When its shard was opened, to the second.
    pub fn opened_at(&self) -> Instant {
        Instant::EPOCH.plus_secs(self.high >> 20 & SECS_MASK)
    }

    /// When the record arrived, to the second.
    pub fn arrived_at(&self) -> Instant {
        Instant::EPOCH.plus_secs((self.low >> 36) as u64 & SECS_MASK)
    }

    /// Whether it is the number that ends a closed shard.
    pub fn is_ending(&self) -> bool {
        self.counter() == ENDING
    }

    /// The place in the shard that was opened then under this index, and has given out all counters below `next`. The number that
    /// begins the shard has the place 0.
    pub fn place_in(&self, opened_at: Instant, index: u32, next: u64) -> Result<u64, Misplaced> {
        let is_of_it = self.index() == index && self.opened_at().as_secs() == opened_at.as_secs() & SECS_MASK;
        match self.counter() {
            _ if !is_of_it => Err(Misplaced::OtherShard),
            counter if counter >= next => Err(Misplaced::Ahead),
            counter => Ok(counter),
        }
    }

    fn is_well_formed(&self) -> bool {
        let small_index = u64::from(self.index() & 0xf);
        u128::from(self.high >> 56) == MARK
            && self.high >> 16 & 0xf == small_index
            && self.low & 0xf == MARK
            && self.low >> 72 & 0xff == 0
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut limbs = [self.high, (self.low >> 64) as u64, self.low as u64];
        let [last, middle, first] = [(); 3].map(|()| divide(&mut limbs, CHUNK));
        write!(f, "{first}{middle:0CHUNK_DIGITS$}{last:0CHUNK_DIGITS$}")
    }
}

impl fmt::Debug for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Limbs of 64 bits, the greatest first, times `factor` plus `more`; `None` if that does not fit.
fn multiply_add(limbs: &mut [u64; 3], factor: u64, more: u64) -> Option<()> {
    let mut carry = u128::from(more);
    for limb in limbs.iter_mut().rev() {
        let product = u128::from(*limb) * u128::from(factor) + carry;
        *limb = product as u64;
        carry = product >> 64;
    }
    (carry == 0).then_some(())
}

/// Divides, and returns what is left over.
fn divide(limbs: &mut [u64; 3], by: u64) -> u64 {
    let mut rest = 0u128;
    for limb in limbs {
        let part = rest << 64 | u128::from(*limb);
        // One division: what is left over is found by multiplying, which costs a tenth of another one.
        *limb = (part / u128::from(by)) as u64;
        rest = part - u128::from(*limb) * u128::from(by);
    }
    rest as u64
}

#[cfg(test)]
mod tests;
