//! Sequence numbers, as a client takes them apart: which shard, which place in it, and the second of arrival.
//!
//! ```text
//! mark 4 │ shard opened at 36 │ small index 4 │ counter 64 │ nothing 8 │ arrived at 36 │ index 32 │ mark 4     (188 bits)
//! ```
//! Written anew here after kinesalite's description: a mistake in the product's own reading must not cancel itself out.

use std::fmt;

const SECS: u64 = (1 << 36) - 1;

/// The counter in the number that ends a closed shard.
const ENDING: u64 = i64::MAX as u64;

/// A number; in order as numbers are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number {
    high: u64,
    low: u128,
}

/// A shard of a stream, of whichever stream of that name: nobody has another opened in the same second under the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ShardKey {
    pub(crate) opened_secs: u64,
    pub(crate) index: u32,
}

impl ShardKey {
    /// What it is called.
    pub(crate) fn name(&self) -> String {
        shard_name(self.index)
    }
}

/// What the shard of a number is called.
pub(crate) fn shard_name(index: u32) -> String {
    format!("shardId-{index:012}")
}

/// The number of a shard that is called so.
pub(crate) fn index_of(name: &str) -> Option<u32> {
    name.strip_prefix("shardId-").filter(|digits| digits.len() == 12)?.parse().ok()
}

impl Number {
    /// Before all.
    pub(crate) const FIRST: Self = Self { high: 0, low: 0 };

    /// Reads what an answer shows.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no sequence number");
        if text.len() != 56 || !text.starts_with("49") {
            return Err(wrong());
        }
        let mut number = Self::FIRST;
        for byte in text.bytes() {
            let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10).ok_or_else(wrong)?;
            number = number.times_ten_plus(digit).ok_or_else(wrong)?;
        }
        let is_marked = number.high >> 56 == 2 && number.low & 0xf == 2 && (number.low >> 72) as u8 == 0;
        let is_consistent = number.high >> 16 & 0xf == u64::from(number.shard().index) & 0xf;
        if is_marked && is_consistent { Ok(number) } else { Err(wrong()) }
    }

    fn times_ten_plus(self, digit: u8) -> Option<Self> {
        let lower = (self.low & u128::from(u64::MAX)) * 10 + u128::from(digit);
        let upper = (self.low >> 64) * 10 + (lower >> 64);
        let low = (upper & u128::from(u64::MAX)) << 64 | lower & u128::from(u64::MAX);
        let high = u64::try_from(u128::from(self.high) * 10 + (upper >> 64)).ok()?;
        Some(Self { high, low })
    }

    /// Whose it is.
    pub(crate) fn shard(&self) -> ShardKey {
        ShardKey { opened_secs: self.high >> 20 & SECS, index: (self.low >> 4) as u32 }
    }

    /// The place in its shard: 1 for the first record.
    pub(crate) fn counter(&self) -> u64 {
        self.high << 48 | (self.low >> 80) as u64
    }

    /// The second in which it arrived.
    pub(crate) fn arrived_secs(&self) -> u64 {
        (self.low >> 36) as u64 & SECS
    }

    /// Whether it ends a closed shard.
    pub(crate) fn is_ending(&self) -> bool {
        self.counter() == ENDING
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ShardKey { opened_secs, index } = self.shard();
        write!(f, "{index}@{opened_secs}:{}", self.counter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of a record in the Kinesis developer guide's examples.
    const OF_AWS: &str = "49590338271490256608559692538361571095921575989136588898";

    #[test]
    fn a_number_of_aws_is_taken_apart() {
        let number = Number::parse(OF_AWS).unwrap();
        assert_eq!(number.shard(), ShardKey { opened_secs: 1_542_776_258, index: 6 });
        assert_eq!((number.counter(), number.arrived_secs()), (1_734_642_199, 1_545_084_650));
        assert!(!number.is_ending() && number > Number::FIRST);
        for wrong in ["", "49", "1", &OF_AWS.replace("4959", "4a59"), &OF_AWS.replace("4959", "5959")] {
            assert!(Number::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn shards_are_called_by_twelve_digits() {
        assert_eq!(shard_name(17), "shardId-000000000017");
        assert_eq!(index_of(&shard_name(17)), Some(17));
        assert_eq!(index_of("shardId-17"), None);
    }
}
