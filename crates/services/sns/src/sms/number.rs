//! Telephone numbers in E.164: a plus, the country's code and the subscriber's number, fifteen digits in all.

use crate::refusal::Refusal;
use std::sync::Arc;

/// Digits of a number.
const DIGITS_MAX: usize = 15;

/// A number in E.164, its plus included.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Number(Arc<str>);

impl Number {
    /// Reads `+` and digits.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let is_right = (2..=DIGITS_MAX).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        is_right.then(|| Self(text.into()))
    }

    /// The endpoint of a subscription, which may have single marks between its digits.
    pub(crate) fn of_endpoint(text: &str) -> Result<Self, Refusal> {
        let is_mark = |byte: u8| matches!(byte, b'-' | b'.' | b'/');
        let bytes = text.as_bytes();
        let is_between = |place: usize| {
            let digit = |place: Option<&u8>| place.is_some_and(u8::is_ascii_digit);
            place > 0 && digit(bytes.get(place - 1)) && digit(bytes.get(place + 1))
        };
        let are_right = (0..bytes.len()).all(|place| !is_mark(bytes[place]) || is_between(place));
        let digits = text.replace(['-', '.', '/'], "");
        let number = Self::read(&digits).filter(|_| are_right);
        number.ok_or_else(|| {
            Refusal::new(&crate::api::errors::INVALID_PARAMETER_EXCEPTION, format!("Invalid SMS endpoint: {text}"))
        })
    }

    /// The number that a publish is for.
    pub(crate) fn of_publish(text: &str) -> Result<Self, Refusal> {
        let why = || Refusal::invalid(format!("PhoneNumber Reason: {text} is not valid to publish to"));
        Self::read(text).ok_or_else(why)
    }

    /// The number that any other operation is about.
    pub(crate) fn of_parameter(text: &str) -> Result<Self, Refusal> {
        let why = || Refusal::invalid(format!("PhoneNumber Reason: {text} does not meet the E164 format"));
        Self::read(text).ok_or_else(why)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_plus_and_up_to_fifteen_digits() {
        for right in ["+15550100", "+491701234567", "+123456789012345"] {
            assert_eq!(Number::read(right).unwrap().as_str(), right);
        }
        for wrong in ["", "+", "15550100", "+1234567890123456", "+1a", "+0155", "++15", "+1 5", "+15-5"] {
            assert_eq!(Number::read(wrong), None, "{wrong}");
        }
        let words = Number::of_publish("+1a234").unwrap_err().message;
        assert_eq!(words, "Invalid parameter: PhoneNumber Reason: +1a234 is not valid to publish to");
    }

    #[test]
    fn an_endpoint_may_have_single_marks_between_digits() {
        assert_eq!(Number::of_endpoint("+15/55-123.4567").unwrap().as_str(), "+15551234567");
        for wrong in ["NAA+15551234567", "+15--551234567", "+15551234567.", "/+15551234567", "+/15551234567", ""] {
            let refusal = Number::of_endpoint(wrong).unwrap_err();
            assert_eq!(refusal.message, format!("Invalid SMS endpoint: {wrong}"));
        }
    }
}
