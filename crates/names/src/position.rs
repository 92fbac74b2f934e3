//! Places in the log, and the partitions whose records stand there.

use std::fmt;

/// A record's place in its lane: 1 for the first record ever written, one more for each after it. 0 is before all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(u64);

impl Position {
    /// Before the first record: what an empty log has made durable.
    pub const ZERO: Position = Position(0);

    /// The place numbered `number`.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The place `records` further on.
    pub const fn plus(self, records: u64) -> Self {
        Self(self.0 + records)
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.0)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One ordered state machine in the store: a queue, a shard, a subscription. Never used again once its owner is deleted.
///
/// The top byte is the family, which says what kind of machine the partition is, so that replay finds its owner without
/// asking anyone. The other 56 bits count; at a million partitions a second they last two thousand years.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId(u64);

impl PartitionId {
    const FAMILY_SHIFT: u32 = 56;

    /// The partition numbered `number`, family included.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The `ordinal`th partition of a family. Panics where the ordinal does not fit in 56 bits.
    pub const fn of_family(family: u8, ordinal: u64) -> Self {
        assert!(ordinal >> Self::FAMILY_SHIFT == 0, "a partition's ordinal has at most 56 bits");
        Self((family as u64) << Self::FAMILY_SHIFT | ordinal)
    }

    /// The number, family included.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// What kind of machine this is.
    pub const fn family(self) -> u8 {
        (self.0 >> Self::FAMILY_SHIFT) as u8
    }

    /// The count within the family.
    pub const fn ordinal(self) -> u64 {
        self.0 & ((1 << Self::FAMILY_SHIFT) - 1)
    }
}

impl fmt::Debug for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{self}")
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.family(), self.ordinal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_id_keeps_its_family_and_its_ordinal() {
        let id = PartitionId::of_family(3, 77);
        assert_eq!((id.family(), id.ordinal(), id.to_string()), (3, 77, "3.77".to_string()));
        assert_eq!(PartitionId::new(id.get()), id);
    }
}
