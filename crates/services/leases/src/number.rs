//! DynamoDB's numbers: up to 38 significant decimal digits, exact, from 1E-130 to 9.99…E+125, either sign, and zero.
//!
//! Kept as the digits without zeros at either end and the power of ten of the first one, so that equal numbers are equal values
//! whatever they were written like, and order is a comparison of fields. Source: Developer Guide, "Data types: Number".

use crate::limits::{DIGITS_MAX, MAGNITUDE_MAX, MAGNITUDE_MIN};
use std::cmp::Ordering;
use std::fmt;

/// A number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Number {
    negative: bool,
    /// The power of ten of the first digit; 0 for zero.
    magnitude: i16,
    /// From 0 to 9 each, none of the ends zero; empty for zero.
    digits: Box<[u8]>,
}

/// Why a text is no number, or a sum none that can be kept: AWS's sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoNumber {
    /// Not written as one.
    Text,
    /// More digits than are kept.
    Digits,
    /// Too great.
    Overflow,
    /// Too small.
    Underflow,
}

impl NoNumber {
    pub(crate) fn sentence(self, text: &str) -> String {
        match self {
            Self::Text if text.is_empty() => "The parameter cannot be converted to a numeric value".into(),
            Self::Text => format!("The parameter cannot be converted to a numeric value: {text}"),
            Self::Digits => "Attempting to store more than 38 significant digits in a Number".into(),
            Self::Overflow => {
                "Number overflow. Attempting to store a number with magnitude larger than supported range".into()
            }
            Self::Underflow => {
                "Number underflow. Attempting to store a number with magnitude smaller than supported range".into()
            }
        }
    }
}

impl Number {
    /// Reads `-12.5`, `1e3`, `.5`.
    pub(crate) fn parse(text: &str) -> Result<Self, NoNumber> {
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !is_digits(whole) || !is_digits(fraction) {
            return Err(NoNumber::Text);
        }
        let exponent = parse_exponent(exponent)?;
        let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|byte| byte - b'0').collect();
        Self::of(negative, &digits, exponent.saturating_add(whole.len() as i64 - 1))
    }

    /// The number of these digits, the first of which has this power of ten.
    fn of(negative: bool, digits: &[u8], magnitude: i64) -> Result<Self, NoNumber> {
        let Some(first) = digits.iter().position(|digit| *digit != 0) else {
            return Ok(Self { negative: false, magnitude: 0, digits: Box::default() });
        };
        let last = digits.iter().rposition(|digit| *digit != 0).unwrap_or(first);
        let (digits, magnitude) = (&digits[first..=last], magnitude.saturating_sub(first as i64));
        match magnitude {
            _ if digits.len() > DIGITS_MAX => Err(NoNumber::Digits),
            _ if magnitude > i64::from(MAGNITUDE_MAX) => Err(NoNumber::Overflow),
            _ if magnitude < i64::from(MAGNITUDE_MIN) => Err(NoNumber::Underflow),
            // Both bounds are far within sixteen bits.
            _ => Ok(Self { negative, magnitude: magnitude as i16, digits: digits.into() }),
        }
    }

    fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// The other sign.
    pub(crate) fn negated(&self) -> Self {
        Self { negative: !self.negative && !self.is_zero(), ..self.clone() }
    }

    /// The exact sum; refused where it has more digits than are kept.
    pub(crate) fn plus(&self, other: &Self) -> Result<Self, NoNumber> {
        if self.is_zero() || other.is_zero() {
            return Ok(if self.is_zero() { other.clone() } else { self.clone() });
        }
        let lowest = self.lowest().min(other.lowest());
        let highest = self.magnitude.max(other.magnitude);
        let length = (i32::from(highest) - lowest + 1) as usize;
        // With cancellation a sum has one digit less than this at the least.
        if length > DIGITS_MAX + 1 {
            return Err(NoNumber::Digits);
        }
        let (one, two) = (self.column(highest, length), other.column(highest, length));
        let (negative, digits) = match self.negative == other.negative {
            true => (self.negative, sum(&one, &two)),
            false if one >= two => (self.negative, difference(&one, &two)),
            false => (other.negative, difference(&two, &one)),
        };
        Self::of(negative, &digits, i64::from(highest) + 1)
    }

    /// The power of ten of the last digit.
    fn lowest(&self) -> i32 {
        i32::from(self.magnitude) - self.digits.len() as i32 + 1
    }

    /// The digits from the power `highest` downwards, so many.
    fn column(&self, highest: i16, length: usize) -> Vec<u8> {
        let before = (highest - self.magnitude) as usize;
        let mut column = vec![0; length];
        column[before..before + self.digits.len()].copy_from_slice(&self.digits);
        column
    }

    /// Bytes that it counts in an item: one for each two digits, and one.
    pub(crate) fn size(&self) -> usize {
        self.digits.len().div_ceil(2) + 1 + usize::from(self.negative)
    }

    /// Bytes whose order is that of numbers: sign, then magnitude and digits, turned over where it is negative.
    pub(crate) fn ordered(&self, out: &mut Vec<u8>) {
        if self.is_zero() {
            return out.push(1);
        }
        out.push(if self.negative { 0 } else { 2 });
        let from = out.len();
        // Magnitudes are within -130 and 125, so they are positive with this.
        out.extend((self.magnitude + 1000).to_be_bytes());
        // A digit is never the byte that ends them.
        out.extend(self.digits.iter().map(|digit| digit + 1));
        out.push(0);
        if self.negative {
            out[from..].iter_mut().for_each(|byte| *byte = !*byte);
        }
    }

    /// What a record has of it: sign and magnitude, and the digits.
    pub(crate) fn parts(&self) -> (bool, i16, &[u8]) {
        (self.negative, self.magnitude, &self.digits)
    }

    /// A number of what [`Number::parts`] gave.
    pub(crate) fn of_parts(negative: bool, magnitude: i16, digits: &[u8]) -> Option<Self> {
        let number = Self::of(negative, digits, i64::from(magnitude)).ok()?;
        (digits.iter().all(|digit| *digit < 10) && number.parts() == (negative, magnitude, digits)).then_some(number)
    }
}

/// The exponent of a number; one of more digits than any has is read as far too great.
fn parse_exponent(text: &str) -> Result<i64, NoNumber> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NoNumber::Text);
    }
    let value = digits.parse::<i64>().unwrap_or(i64::MAX / 4).min(i64::MAX / 4);
    Ok(if negative { -value } else { value })
}

/// The sum of two columns of digits, one digit longer than they are.
fn sum(one: &[u8], two: &[u8]) -> Vec<u8> {
    let mut out = vec![0; one.len() + 1];
    let mut carry = 0;
    for at in (0..one.len()).rev() {
        let digit = one[at] + two[at] + carry;
        (out[at + 1], carry) = (digit % 10, digit / 10);
    }
    out[0] = carry;
    out
}

/// What is left of the greater of two columns, one digit longer than they are.
fn difference(greater: &[u8], lesser: &[u8]) -> Vec<u8> {
    let mut out = vec![0; greater.len() + 1];
    let mut borrowed = 0;
    for at in (0..greater.len()).rev() {
        let digit = greater[at] + 10 - lesser[at] - borrowed;
        (out[at + 1], borrowed) = (digit % 10, u8::from(digit < 10));
    }
    out
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.is_zero(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let greater = || self.magnitude.cmp(&other.magnitude).then_with(|| self.digits.cmp(&other.digits));
        sign(self).cmp(&sign(other)).then_with(|| match sign(self) {
            0 => Ordering::Equal,
            1 => greater(),
            _ => greater().reverse(),
        })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Number {
    /// Plain digits, as AWS writes them, however great or small.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0");
        }
        if self.negative {
            f.write_str("-")?;
        }
        if self.magnitude < 0 {
            write!(f, "0.{}", "0".repeat((-1 - self.magnitude) as usize))?;
        }
        let whole = usize::try_from(self.magnitude + 1).unwrap_or(0);
        for (at, digit) in self.digits.iter().enumerate() {
            if at == whole && whole > 0 {
                f.write_str(".")?;
            }
            write!(f, "{digit}")?;
        }
        f.write_str(&"0".repeat(whole.saturating_sub(self.digits.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn numbers_are_shown_plainly_however_they_were_written() {
        for (written, shown) in [
            ("0", "0"),
            ("-0.0", "0"),
            ("007", "7"),
            ("-12.50", "-12.5"),
            ("1e3", "1000"),
            ("1.25E+1", "12.5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1E-5", "0.00001"),
            ("+3", "3"),
            ("49682480347286519234", "49682480347286519234"),
            ("0e999999999999999999999", "0"),
        ] {
            assert_eq!(number(written).to_string(), shown, "{written}");
        }
        assert_eq!(number("1e125").to_string(), format!("1{}", "0".repeat(125)));
    }

    #[test]
    fn what_is_no_number_is_refused_with_its_reason() {
        for (text, why) in [
            ("", NoNumber::Text),
            ("-", NoNumber::Text),
            ("a", NoNumber::Text),
            ("1e", NoNumber::Text),
            ("1 ", NoNumber::Text),
            ("NaN", NoNumber::Text),
            ("0x1", NoNumber::Text),
            ("1.2.3", NoNumber::Text),
            ("123456789012345678901234567890123456789", NoNumber::Digits),
            ("1e126", NoNumber::Overflow),
            ("1e99999999999999999999", NoNumber::Overflow),
            ("-1e-131", NoNumber::Underflow),
        ] {
            assert_eq!(Number::parse(text), Err(why), "{text}");
        }
        assert!(Number::parse("99999999999999999999999999999999999999e89").is_err());
        assert!(Number::parse("1.2345678901234567890123456789012345678e125").is_ok());
        assert!(Number::parse("1e-130").is_ok());
    }

    #[test]
    fn sums_are_exact_or_refused() {
        let plus = |one: &str, two: &str| number(one).plus(&number(two)).map(|sum| sum.to_string());
        for (one, two, sum) in [
            ("1", "1", "2"),
            ("99", "1", "100"),
            ("0.1", "0.2", "0.3"),
            ("1", "-1", "0"),
            ("-5", "3", "-2"),
            ("3", "-5", "-2"),
            ("100000000000000000000000000000000000000", "-1", "99999999999999999999999999999999999999"),
            ("1e120", "0", &number("1e120").to_string()),
        ] {
            assert_eq!(plus(one, two).as_deref(), Ok(sum), "{one} + {two}");
        }
        assert_eq!(plus("1e100", "1"), Err(NoNumber::Digits));
        assert_eq!(plus("99999999999999999999999999999999999999", "0.1"), Err(NoNumber::Digits));
        assert_eq!(plus("9e125", "9e125"), Err(NoNumber::Overflow));
    }

    proptest! {
        #[test]
        fn order_sums_and_bytes_agree_with_those_of_integers(one in -1_000_000_i64..1_000_000, two in -1_000_000_i64..1_000_000) {
            let (a, b) = (number(&one.to_string()), number(&two.to_string()));
            prop_assert_eq!(a.cmp(&b), one.cmp(&two));
            prop_assert_eq!(a.plus(&b).unwrap().to_string(), (one + two).to_string());
            prop_assert_eq!(a.plus(&b.negated()).unwrap().to_string(), (one - two).to_string());
            let ordered = |number: &Number| { let mut out = Vec::new(); number.ordered(&mut out); out };
            prop_assert_eq!(ordered(&a).cmp(&ordered(&b)), one.cmp(&two));
            let (negative, magnitude, digits) = a.parts();
            prop_assert_eq!(Number::of_parts(negative, magnitude, digits), Some(a.clone()));
        }

        #[test]
        fn fractions_keep_their_order_as_bytes(one in "-?[0-9]{1,5}\\.[0-9]{1,5}", two in "-?[0-9]{1,5}\\.[0-9]{1,5}") {
            let (a, b) = (number(&one), number(&two));
            let ordered = |number: &Number| { let mut out = Vec::new(); number.ordered(&mut out); out };
            prop_assert_eq!(ordered(&a).cmp(&ordered(&b)), a.cmp(&b));
            let (x, y): (f64, f64) = (one.parse().unwrap(), two.parse().unwrap());
            prop_assert_eq!(a.partial_cmp(&b), x.partial_cmp(&y));
            prop_assert_eq!(number(&a.to_string()), a);
        }
    }
}
