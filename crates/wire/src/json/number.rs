//! JSON numbers: the grammar, and integers out of it.
//!
//! AWS SDKs of languages with one number type send `1.0` or `1e3` for integers, so a number counts as an integer when
//! its value is one, however it is written.

use crate::invalid::{Expected, Found, Problem};

/// The length of the number at the start, none if the grammar of RFC 8259 section 6 is broken.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let digits = |at: usize| bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && bytes[at] == b'0') {
        return None;
    }
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at);
        if exponent == 0 {
            return None;
        }
        at += exponent;
    }
    Some(at)
}

/// The integer that the number's text says.
pub(super) fn integer(text: &str, expected: Expected) -> Result<i64, Problem> {
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return text.parse().map_err(|_| Problem::OutOfRange { expected });
    }
    integer_of_float(text.parse().unwrap_or(f64::NAN), expected)
}

/// The integer that a float is.
pub(crate) fn integer_of_float(value: f64, expected: Expected) -> Result<i64, Problem> {
    /// Two to the 63rd, the first float that is no `i64`.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if value.fract() != 0.0 {
        return Err(Problem::WrongType { expected, found: Found::Fraction });
    }
    if !(-LIMIT..LIMIT).contains(&value) {
        return Err(Problem::OutOfRange { expected });
    }
    Ok(value as i64)
}
