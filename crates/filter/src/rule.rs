//! One rule of a key, and whether a value meets it.
//!
//! A rule is met by one value; a key with several values (an array) is met when one of them meets one of its rules, so
//! `anything-but` is met by an array that has anything else in it, as AWS documents. A text never meets a rule for numbers nor
//! a number one for texts, except that each is anything but the other (recorded). Source: AWS, "String value matching", "Numeric value
//! matching", "Key matching"; aws/event-ruler, `ByteMachine`.

use crate::address::{Address, Block};
use crate::number::Number;
use std::borrow::Cow;
use std::fmt;

/// One value that a message has under a key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'m> {
    Text(Cow<'m, str>),
    /// As it is written, and as a decimal where it is one that filters compare.
    Number(Cow<'m, str>, Option<Number>),
    True,
    False,
    Null,
}

impl<'m> Value<'m> {
    /// A number from its text.
    pub(crate) fn number(text: &'m str) -> Self {
        Self::Number(Cow::Borrowed(text), Number::parse(text))
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rule {
    Text(Box<str>),
    /// A text that is an IP address, which all its spellings meet; or a block of them.
    Block(Block),
    Number(Number),
    /// A number beyond what filters compare, as it is written.
    Literal(Box<str>),
    True,
    False,
    Null,
    Prefix(Box<str>),
    Suffix(Box<str>),
    /// In folded letters.
    IgnoreCase(Box<str>),
    /// From and up to a number, both included.
    Range(Number, Number),
    /// A range that no number lies in, such as one above the largest.
    Nothing,
    NotTexts(Box<[Box<str>]>),
    NotNumbers(Box<[Number]>),
    NotPrefix(Box<str>),
    Exists,
    Absent,
}

impl Rule {
    /// The rule that a plain text in a policy is.
    pub(crate) fn text(text: &str) -> Self {
        match Address::parse(text) {
            Some(address) => Self::Block(Block::of(address)),
            None => Self::Text(text.into()),
        }
    }

    /// The rule that a plain number in a policy is.
    pub(crate) fn number(text: &str) -> Self {
        Number::parse(text).map_or_else(|| Self::Literal(text.into()), Self::Number)
    }

    /// Whether a message meets it by not having the key.
    pub(crate) fn is_met_by_absence(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub(crate) fn meets(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Exists, _) => true,
            (Self::Text(expected), Value::Text(text)) => **expected == **text,
            (Self::Block(block), Value::Text(text)) => {
                Address::parse(text).is_some_and(|address| block.contains(address))
            }
            (Self::Prefix(prefix), Value::Text(text)) => text.starts_with(&**prefix),
            (Self::Suffix(suffix), Value::Text(text)) => text.ends_with(&**suffix),
            (Self::IgnoreCase(folded), Value::Text(text)) => fold(text).eq(folded.chars()),
            (Self::NotTexts(texts), Value::Text(text)) => !texts.iter().any(|unwanted| **unwanted == **text),
            (Self::NotPrefix(prefix), Value::Text(text)) => !text.starts_with(&**prefix),
            (Self::NotTexts(_) | Self::NotPrefix(_), _) => true,
            (Self::Number(expected), Value::Number(_, Some(number))) => expected == number,
            (Self::Range(from, to), Value::Number(_, Some(number))) => (from..=to).contains(&number),
            (Self::NotNumbers(numbers), Value::Number(_, Some(number))) => !numbers.contains(number),
            (Self::NotNumbers(_), _) => true,
            (Self::Literal(expected), Value::Number(text, None)) => **expected == **text,
            (Self::True, Value::True) | (Self::False, Value::False) | (Self::Null, Value::Null) => true,
            _ => false,
        }
    }
}

/// The letters of a text without their case. Letters that have another number of letters in the other case are folded too.
pub(crate) fn fold(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

impl fmt::Display for Rule {
    /// As it stands in a policy; a range may be written otherwise than it was.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Block(block) => write!(f, "{{\"cidr\":\"{block}\"}}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Literal(text) => f.write_str(text),
            Self::True => f.write_str("true"),
            Self::False => f.write_str("false"),
            Self::Null => f.write_str("null"),
            Self::Prefix(text) => write!(f, "{{\"prefix\":{text:?}}}"),
            Self::Suffix(text) => write!(f, "{{\"suffix\":{text:?}}}"),
            Self::IgnoreCase(text) => write!(f, "{{\"equals-ignore-case\":{text:?}}}"),
            Self::Range(from, to) if from == to => write!(f, "{{\"numeric\":[\"=\",{from}]}}"),
            Self::Range(Number::MIN, to) => write!(f, "{{\"numeric\":[\"<=\",{to}]}}"),
            Self::Range(from, Number::MAX) => write!(f, "{{\"numeric\":[\">=\",{from}]}}"),
            Self::Range(from, to) => write!(f, "{{\"numeric\":[\">=\",{from},\"<=\",{to}]}}"),
            Self::Nothing => f.write_str("{\"numeric\":[]}"),
            Self::NotTexts(texts) => write!(f, "{{\"anything-but\":{texts:?}}}"),
            Self::NotNumbers(numbers) => {
                let numbers: Vec<String> = numbers.iter().map(Number::to_string).collect();
                write!(f, "{{\"anything-but\":[{}]}}", numbers.join(", "))
            }
            Self::NotPrefix(text) => write!(f, "{{\"anything-but\":{{\"prefix\":{text:?}}}}}"),
            Self::Exists => f.write_str("{\"exists\":true}"),
            Self::Absent => f.write_str("{\"exists\":false}"),
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Number(text, _) => f.write_str(text),
            Self::True => f.write_str("true"),
            Self::False => f.write_str("false"),
            Self::Null => f.write_str("null"),
        }
    }
}
