//! Sequence numbers against numbers that Python's integers made of the same parts, and against texts that are none.

use super::*;
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

/// Opened at, index, counter, arrived at; and the number, by
/// `int('2%09x%x%016x00%09x%08x2' % (opened, index % 16, counter, arrived, index), 16)`.
const MADE_ELSEWHERE: [(u64, u32, u64, u64, &str); 8] = [
    (1_700_000_000, 0, 1, 1_700_000_000, "49646437577108476416916876405827138351405044305449975810"),
    (1_700_000_000, 0, 2, 1_700_000_001, "49646437577108476416916876405828347277224659003344158722"),
    (1_700_000_000, 17, 0, 1_700_000_000, "49646437577130777162115407028967465143858078037781250322"),
    (
        1_790_000_123,
        9_999,
        9_223_372_036_854_775_807,
        1_799_999_999,
        "49678550694427888615526178841373431341004399498133401842",
    ),
    (0, 0, 0, 0, "49039857307708443467467104868809893875799651909875269634"),
    (
        68_719_476_735,
        4_294_967_295,
        18_446_744_073_709_551_615,
        68_719_476_735,
        "73559785961562665201200657303213636610246346105283411954",
    ),
    (
        1_400_000_000,
        2_147_483_647,
        123_456_789_012_345,
        1_431_536_000,
        "49539394000490040753065564148979777624084848124582952946",
    ),
    (1_500_000_000, 5, 281_474_976_710_656, 1_500_000_007, "49575075192584682489138982143999596709760246718209720402"),
];

fn secs(secs: u64) -> Instant {
    Instant::from_millis(secs * 1000 + 999)
}

#[test]
fn a_number_is_what_other_arithmetic_makes_of_its_parts() {
    for (opened, index, counter, arrived, text) in MADE_ELSEWHERE {
        let number = SequenceNumber::new(secs(opened), index, counter, secs(arrived));
        assert_eq!(number.to_string(), text);
        assert_eq!(SequenceNumber::parse(text), Ok(number));
        assert_eq!((number.index(), number.counter()), (index, counter));
        assert_eq!((number.opened_at().as_secs(), number.arrived_at().as_secs()), (opened, arrived));
    }
}

#[test]
fn a_shard_begins_with_a_number_and_ends_with_one() {
    let opened_at = secs(1_700_000_000);
    let [first, last] =
        [SequenceNumber::starting(opened_at, 17), SequenceNumber::ending(opened_at, 17, secs(1_800_000_000))];
    assert_eq!(first.to_string(), "49646437577130777162115407028967465143858078037781250322");
    assert!(first < SequenceNumber::new(opened_at, 17, 1, opened_at));
    assert!(last > SequenceNumber::new(opened_at, 17, 1 << 60, secs(1_900_000_000)));
    assert!(last.is_ending() && !first.is_ending());
}

#[test]
fn what_is_not_of_this_form_is_malformed() {
    let beyond_bits = "6277101735386680763835789423207666416102355444464034512896";
    let of_another_version = "49646437577108476416916876405827138351405044305449975809";
    let with_another_small_index = "49646437577130777162115407028967465143858078037781250306";
    for text in
        ["", "0", "2", "-1", "+49", " 49", "4e55", "１", "49039857307708443467467104868809893875799651909875269635"]
            .into_iter()
            .chain([beyond_bits, of_another_version, with_another_small_index])
    {
        assert_eq!(SequenceNumber::parse(text), Err(Malformed), "{text}");
    }
    assert_eq!(SequenceNumber::parse(&"9".repeat(58)), Err(Malformed));
    assert_eq!(SequenceNumber::parse(&"1".repeat(4000)), Err(Malformed));
}

#[test]
fn a_number_has_its_place_in_its_own_shard_alone() {
    let (opened_at, at) = (secs(1_700_000_000), secs(1_700_000_060));
    let number = |counter| SequenceNumber::new(opened_at, 3, counter, at);
    assert_eq!(number(41).place_in(opened_at, 3, 42), Ok(41));
    assert_eq!(SequenceNumber::starting(opened_at, 3).place_in(opened_at, 3, 1), Ok(0));
    assert_eq!(number(42).place_in(opened_at, 3, 42), Err(Misplaced::Ahead));
    assert_eq!(number(41).place_in(opened_at, 19, 42), Err(Misplaced::OtherShard));
    assert_eq!(number(41).place_in(secs(1_700_000_001), 3, 42), Err(Misplaced::OtherShard));
    assert_eq!(SequenceNumber::ending(opened_at, 3, at).place_in(opened_at, 3, 42), Err(Misplaced::Ahead));
}

proptest! {
    #[test]
    fn numbers_rise_with_the_counter_whatever_the_time(
        opened in 0u64..1 << 36, index in any::<u32>(), counters in any::<[u64; 2]>(), arrived in any::<[u32; 2]>(),
    ) {
        let number = |nth: usize| SequenceNumber::new(secs(opened), index, counters[nth], secs(arrived[nth].into()));
        let texts = [0, 1].map(|nth| number(nth).to_string());
        prop_assert_eq!(texts.clone().map(|text| text.len()), [56, 56]);
        if counters[0] != counters[1] {
            prop_assert_eq!(number(0) < number(1), counters[0] < counters[1]);
            prop_assert_eq!(texts[0] < texts[1], counters[0] < counters[1]);
        }
        prop_assert_eq!(SequenceNumber::parse(&texts[0]), Ok(number(0)));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[0-9]{0,60}") {
        if let Ok(number) = SequenceNumber::parse(&text) {
            prop_assert_eq!(number.to_string(), text.trim_start_matches('0'));
        }
    }

    #[test]
    fn a_shard_that_was_opened_later_has_greater_numbers(
        opened in 0u64..1 << 35, later in 1u64..1000, indexes in any::<[u32; 2]>(), counters in any::<[u64; 2]>(),
    ) {
        let [old, new] = [(opened, 0), (opened + later, 1)]
            .map(|(at, nth)| SequenceNumber::new(secs(at), indexes[nth], counters[nth], secs(at)));
        prop_assert!(old < new);
    }
}
