//! Which shard a partition key belongs to: hash keys, and the ranges of them.
//!
//! A hash key is a number of 128 bits: the MD5 digest of a partition key's UTF-8, or what a producer gives in its place. The open
//! shards of a stream divide all hash keys among them without gap or overlap. Source: Kinesis API reference, `PutRecord`,
//! `SplitShard`, `MergeShards`; the division of a new stream as AWS makes it, of which the last shard gets the rest.

use md5::{Digest, Md5};

/// The hash key of a partition key.
pub fn hash_of(partition_key: &str) -> u128 {
    u128::from_be_bytes(Md5::digest(partition_key.as_bytes()).into())
}

/// Hash keys from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HashRange {
    /// The first.
    pub start: u128,
    /// The last.
    pub end: u128,
}

impl HashRange {
    /// All hash keys.
    pub const WHOLE: Self = Self { start: 0, end: u128::MAX };

    /// All hash keys in `count` parts, as a new stream's shards have them. Panics if there are none to be made.
    pub fn evenly(count: u32) -> impl ExactSizeIterator<Item = Self> {
        assert!(count > 0, "a stream has at least one shard");
        // 2^128 divided by the count, which is one more than the greatest number divided by it only where nothing is left over.
        let (parts, rest) = (u128::MAX / u128::from(count), u128::MAX % u128::from(count));
        let step = if rest + 1 == u128::from(count) { parts.wrapping_add(1) } else { parts };
        (0..count).map(move |nth| {
            let start = u128::from(nth).wrapping_mul(step);
            let end = if nth + 1 == count { u128::MAX } else { start + (step - 1) };
            Self { start, end }
        })
    }

    /// Whether the hash key is in it.
    pub fn contains(&self, hash: u128) -> bool {
        (self.start..=self.end).contains(&hash)
    }

    /// The two parts of which the second begins at `hash`. `None` unless it is greater than one plus the first hash key and less
    /// than the last, which is what AWS asks for.
    pub fn split_at(&self, hash: u128) -> Option<(Self, Self)> {
        let is_within = hash > self.start.saturating_add(1) && hash < self.end;
        is_within.then(|| (Self { end: hash - 1, ..*self }, Self { start: hash, ..*self }))
    }

    /// Where it is split in halves; `None` if it is too small for that.
    pub fn middle(&self) -> Option<u128> {
        let middle = self.start + (self.end - self.start) / 2 + 1;
        self.split_at(middle).map(|_| middle)
    }

    /// The range of both, if one begins where the other ends.
    pub fn merged(&self, other: &Self) -> Option<Self> {
        let (low, high) = if self.start <= other.start { (self, other) } else { (other, self) };
        (low.end.checked_add(1) == Some(high.start)).then_some(Self { start: low.start, end: high.end })
    }

    /// The one whose range the hash key is in, among those whose ranges rise.
    pub fn find<T>(among: &[T], range: impl Fn(&T) -> Self, hash: u128) -> Option<&T> {
        let place = among.partition_point(|one| range(one).end < hash);
        among.get(place).filter(|one| range(one).contains(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    #[test]
    fn a_new_stream_is_divided_as_aws_divides_it() {
        // What AWS showed for a stream of three shards, as kinesalite's tests against it have it.
        let three = [
            (0, 113_427_455_640_312_821_154_458_202_477_256_070_484),
            (113_427_455_640_312_821_154_458_202_477_256_070_485, 226_854_911_280_625_642_308_916_404_954_512_140_969),
            (226_854_911_280_625_642_308_916_404_954_512_140_970, 340_282_366_920_938_463_463_374_607_431_768_211_455),
        ];
        assert_eq!(HashRange::evenly(3).map(|range| (range.start, range.end)).collect::<Vec<_>>(), three);
        assert_eq!(HashRange::evenly(1).collect::<Vec<_>>(), [HashRange::WHOLE]);
        let halves: Vec<_> = HashRange::evenly(2).collect();
        assert_eq!((halves[0].end, halves[1].start), ((1 << 127) - 1, 1 << 127));
    }

    #[test]
    fn a_partition_key_is_hashed_as_aws_hashes_it() {
        // md5("a") and md5("") as hexadecimal numbers.
        assert_eq!(hash_of("a"), 0x0cc1_75b9_c0f1_b6a8_31c3_99e2_6977_2661);
        assert_eq!(hash_of(""), 0xd41d_8cd9_8f00_b204_e980_0998_ecf8_427e);
    }

    #[test]
    fn a_split_leaves_both_halves_more_than_nothing() {
        let range = HashRange { start: 10, end: 20 };
        for refused in [0, 9, 10, 11, 20, 21, u128::MAX] {
            assert_eq!(range.split_at(refused), None, "{refused}");
        }
        let (low, high) = range.split_at(12).unwrap();
        assert_eq!((low, high), (HashRange { start: 10, end: 11 }, HashRange { start: 12, end: 20 }));
        assert_eq!(high.merged(&low), Some(range));
        assert_eq!((range.middle(), HashRange { start: 1, end: 3 }.middle()), (Some(16), None));
        assert_eq!(HashRange { start: u128::MAX, end: u128::MAX }.split_at(u128::MAX), None);
    }

    #[test]
    fn only_neighbours_are_merged() {
        let [low, high, far] = [(0, 5), (6, 9), (11, 12)].map(|(start, end)| HashRange { start, end });
        assert_eq!(low.merged(&high), Some(HashRange { start: 0, end: 9 }));
        assert_eq!((low.merged(&far), high.merged(&far), low.merged(&low)), (None, None, None));
        assert_eq!(HashRange::WHOLE.merged(&low), None);
    }

    proptest! {
        #[test]
        fn every_hash_key_is_in_one_part_of_the_whole(count in 1u32..5000, hash in any::<u128>()) {
            let ranges: Vec<HashRange> = HashRange::evenly(count).collect();
            assert_eq!((ranges[0].start, ranges.last().unwrap().end), (0, u128::MAX));
            assert!(ranges.windows(2).all(|pair| pair[0].merged(&pair[1]).is_some()));
            let found = HashRange::find(&ranges, |range| *range, hash).unwrap();
            assert_eq!(ranges.iter().filter(|range| range.contains(hash)).collect::<Vec<_>>(), [found]);
            let before = ranges.partition_point(|range| range.end < hash);
            assert_eq!(HashRange::find(&ranges[..before], |range| *range, hash), None);
        }
    }
}
