//! Numbers as filters compare them: decimals of ±10⁹ with five places, exact.
//!
//! What stands behind the fifth place is cut towards minus infinity, because AWS's engine shifts all numbers above zero before
//! it cuts; no binary fraction is ever involved. A number beyond ±10⁹ is none for a filter: it can only be compared as text.
//! Source: AWS, "Filter policy constraints"; aws/event-ruler, `ComparableNumber`.

use std::fmt;

/// Units of one.
const UNITS: i64 = 100_000;

/// Places behind the point.
const PLACES: i64 = 5;

/// Digits of the largest number, in units.
const DIGITS_MAX: i64 = 15;

/// A decimal, in units of 0.00001.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Number(i64);

impl Number {
    pub(crate) const MAX: Self = Self(1_000_000_000 * UNITS);
    pub(crate) const MIN: Self = Self(-Self::MAX.0);

    /// The number that this text is: a sign, digits with a point among them, an exponent; nothing around it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (is_negative, text) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], exponent(&text[at + 1..])?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = || whole.bytes().chain(fraction.bytes());
        if digits().next().is_none() || !digits().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        scaled(digits, exponent - fraction.len() as i64 + PLACES, is_negative)
    }

    /// Where it stands among all numbers, from zero on.
    pub(crate) fn rank(self) -> u64 {
        (self.0 - Self::MIN.0) as u64
    }

    /// The next larger number; the largest has none.
    pub(crate) fn next(self) -> Option<Self> {
        (self < Self::MAX).then(|| Self(self.0 + 1))
    }

    /// The next smaller number; the smallest has none.
    pub(crate) fn previous(self) -> Option<Self> {
        (self > Self::MIN).then(|| Self(self.0 - 1))
    }
}

/// The exponent, or one so far from zero that it decides alone.
fn exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let size = digits.bytes().fold(0i64, |sum, digit| (sum * 10 + i64::from(digit - b'0')).min(1 << 40));
    Some(if text.starts_with('-') { -size } else { size })
}

/// `digits` times ten to the `shift`, cut; nothing where that lies beyond the largest number.
fn scaled<D: Iterator<Item = u8>>(digits: impl Fn() -> D, shift: i64, is_negative: bool) -> Option<Number> {
    let significant = || digits().skip_while(|digit| *digit == b'0');
    let kept = significant().count() as i64 + shift;
    if significant().next().is_none() {
        return Some(Number(0));
    }
    if kept > DIGITS_MAX {
        return None;
    }
    let kept = usize::try_from(kept).unwrap_or(0);
    let padded = significant().chain(std::iter::repeat(b'0'));
    let size = padded.take(kept).fold(0i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let is_cut = significant().skip(kept).any(|digit| digit != b'0');
    if size > Number::MAX.0 || (size == Number::MAX.0 && is_cut) {
        return None;
    }
    Some(Number(if is_negative { -size - i64::from(is_cut) } else { size }))
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, sign) = (self.0.unsigned_abs(), if self.0 < 0 { "-" } else { "" });
        let (whole, fraction) = (size / UNITS as u64, size % UNITS as u64);
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let places = format!("{fraction:05}");
        write!(f, "{sign}{whole}.{}", places.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        Number::parse(text).map_or_else(|| "none".into(), |number| number.to_string())
    }

    #[test]
    fn numbers_of_all_spellings_are_one_decimal() {
        for text in ["301.5", "3.015e2", "3015E-1", "0301.50", "+301.5", "30150000e-5"] {
            assert_eq!(shown(text), "301.5", "{text}");
        }
        assert_eq!((shown("-0"), shown("0e99999999999999999999"), shown(".5")), ("0".into(), "0".into(), "0.5".into()));
    }

    #[test]
    fn what_is_behind_the_fifth_place_is_cut_downwards() {
        assert_eq!((shown("1.000019"), shown("-1.000011")), ("1.00001".into(), "-1.00002".into()));
        assert_eq!((shown("0.1"), shown("100.12345678")), ("0.1".into(), "100.12345".into()));
    }

    #[test]
    fn beyond_a_billion_there_is_no_number() {
        assert_eq!((shown("1e9"), shown("-1000000000")), ("1000000000".into(), "-1000000000".into()));
        for text in ["1000000000.0000001", "-1e10", "1e400", "123456789012"] {
            assert_eq!(shown(text), "none", "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_numbers() {
        for text in ["", "-", ".", "1e", "1e+", "0x10", "1 ", " 1", "1.2.3", "NaN", "--1", "1_0"] {
            assert_eq!(shown(text), "none", "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_decimal_of_five_places_comes_back_as_it_was(units in -100_000_000_000_000i64..=100_000_000_000_000) {
            let number = Number(units);
            prop_assert_eq!(Number::parse(&number.to_string()), Some(number));
            let shifted = format!("{units}e-5");
            prop_assert_eq!(Number::parse(&shifted), Some(number));
        }

        #[test]
        fn decimals_are_ordered_as_their_digits_are(one in -1_000_000i64..1_000_000, other in -1_000_000i64..1_000_000) {
            let read = |thousandths: i64| Number::parse(&format!("{thousandths}e-3")).unwrap();
            prop_assert_eq!(read(one).cmp(&read(other)), one.cmp(&other));
        }
    }
}
