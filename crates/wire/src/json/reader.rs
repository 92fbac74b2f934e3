//! Bytes of a JSON document to values.
//!
//! The document is checked to be UTF-8 once, then read in one pass from left to right; nothing is built that the shape
//! does not keep. Keys are looked up in the schema, unknown members are skipped by the same grammar.

use super::{number, scan};
use crate::contract;
use crate::invalid::{Expected, Found, Invalid, Problem};
use crate::limits::{DEPTH_MAX, ENTRIES_MAX};
use crate::schema::StructShape;
use crate::timestamp::Timestamp;
use bytes::Bytes;
use std::borrow::Cow;

/// Reads one JSON document.
pub struct JsonReader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    entries: usize,
    /// Whether a container was just opened, so that no comma stands before what follows.
    fresh: bool,
    /// What is read where an escape names half of a surrogate pair; without it that is a mistake.
    stand_in: Option<char>,
}

impl<'a> JsonReader<'a> {
    /// A reader at the start of a document. An empty document is read as `{}`.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Invalid> {
        let text = std::str::from_utf8(bytes).map_err(|_| Problem::NotUtf8)?;
        let mut reader = Self { text, at: 0, depth: 0, entries: 0, fresh: false, stand_in: None };
        reader.skip_space();
        if reader.at == text.len() {
            reader = Self { text: "{}", at: 0, ..reader };
        }
        Ok(reader)
    }

    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn syntax<T>(&self) -> Result<T, Invalid> {
        Err(Problem::Syntax { offset: self.at }.into())
    }

    fn eat(&mut self, byte: u8) -> Result<(), Invalid> {
        if self.peek() != Some(byte) {
            return self.syntax();
        }
        self.at += 1;
        Ok(())
    }

    fn open(&mut self, bracket: u8, expected: Expected) -> Result<(), Invalid> {
        if self.peek() != Some(bracket) {
            return Err(self.mismatch(expected));
        }
        if self.depth == DEPTH_MAX {
            return Err(Problem::TooDeep.into());
        }
        self.at += 1;
        self.depth += 1;
        self.fresh = true;
        Ok(())
    }

    /// Goes to the next element of the innermost container; false closes it.
    fn advance(&mut self, bracket: u8) -> Result<bool, Invalid> {
        self.skip_space();
        match self.peek() {
            Some(byte) if byte == bracket => {
                self.at += 1;
                self.depth -= 1;
                self.fresh = false;
                Ok(false)
            }
            Some(b',') if !self.fresh => {
                self.at += 1;
                self.skip_space();
                Ok(true)
            }
            Some(_) if self.fresh => {
                self.fresh = false;
                Ok(true)
            }
            _ => self.syntax(),
        }
    }

    /// Goes to the value of the next member of an object and gives its key.
    fn advance_key(&mut self) -> Result<Option<Cow<'a, str>>, Invalid> {
        if !self.advance(b'}')? {
            return Ok(None);
        }
        if self.peek() != Some(b'"') {
            return self.syntax();
        }
        let key = self.quoted()?;
        self.skip_space();
        self.eat(b':')?;
        self.skip_space();
        Ok(Some(key))
    }

    fn count_entry(&mut self) -> Result<(), Invalid> {
        self.entries += 1;
        if self.entries > ENTRIES_MAX {
            return Err(Problem::TooMany.into());
        }
        Ok(())
    }

    /// Passes over `null`, if that is what stands here.
    fn skip_null(&mut self) -> Result<bool, Invalid> {
        if self.peek() != Some(b'n') {
            return Ok(false);
        }
        self.literal("null")?;
        Ok(true)
    }

    fn literal(&mut self, word: &str) -> Result<(), Invalid> {
        if !self.bytes()[self.at..].starts_with(word.as_bytes()) {
            return self.syntax();
        }
        self.at += word.len();
        Ok(())
    }

    /// Passes over any value. Recursion is bounded, because every container is counted by `open`.
    fn skip_value(&mut self) -> Result<(), Invalid> {
        match self.peek() {
            Some(b'"') => self.quoted().map(drop),
            Some(b'{') => {
                self.open(b'{', Expected::Structure)?;
                while self.advance_key()?.is_some() {
                    self.skip_value()?;
                }
                Ok(())
            }
            Some(b'[') => {
                self.open(b'[', Expected::List)?;
                while self.advance(b']')? {
                    self.skip_value()?;
                }
                Ok(())
            }
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => self.number().map(drop),
        }
    }

    /// Reads text, which borrows from the document unless it has escapes. The caller has seen the opening quote.
    fn quoted(&mut self) -> Result<Cow<'a, str>, Invalid> {
        let start = self.at + 1;
        self.at = start + scan::plain(&self.bytes()[start..]);
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                Ok(Cow::Borrowed(&self.text[start..self.at - 1]))
            }
            Some(b'\\') => self.unescape(start).map(Cow::Owned),
            _ => self.syntax(),
        }
    }

    /// Reads the rest of text whose first escape stands here.
    fn unescape(&mut self, start: usize) -> Result<String, Invalid> {
        let mut text = Vec::with_capacity((self.at - start) * 2 + 64);
        text.extend_from_slice(&self.bytes()[start..self.at]);
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(String::from_utf8(text).expect("pieces of UTF-8 cut at ASCII are UTF-8"));
                }
                Some(b'\\') => self.escape(&mut text)?,
                _ => return self.syntax(),
            }
            self.at += scan::copy_plain(&self.bytes()[self.at..], &mut text);
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), Invalid> {
        self.at += 1;
        let escaped = match self.peek() {
            Some(same @ (b'"' | b'\\' | b'/')) => same,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'b') => 0x08,
            Some(b'f') => 0x0C,
            Some(b'u') => {
                let escaped = self.unicode_escape()?;
                text.extend_from_slice(escaped.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return self.syntax(),
        };
        text.push(escaped);
        self.at += 1;
        Ok(())
    }

    /// Reads `uXXXX`, or the two of a surrogate pair.
    fn unicode_escape(&mut self) -> Result<char, Invalid> {
        let high = self.code_unit()?;
        if !(0xD800..0xE000).contains(&high) {
            return Ok(char::from_u32(high).expect("a code unit outside the surrogates is a character"));
        }
        let half = self.stand_in.ok_or(Problem::LoneSurrogate { unit: high as u16 });
        let before = self.at;
        if high >= 0xDC00 || !self.bytes()[self.at..].starts_with(b"\\u") {
            return Ok(half?);
        }
        self.at += 1;
        let low = self.code_unit()?;
        if !(0xDC00..0xE000).contains(&low) {
            // The second one stands for itself.
            self.at = before;
            return Ok(half?);
        }
        let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
        Ok(char::from_u32(code).expect("a surrogate pair is a character"))
    }

    /// Reads `uXXXX`.
    fn code_unit(&mut self) -> Result<u32, Invalid> {
        let Some(digits) = self.bytes()[self.at + 1..].first_chunk::<4>() else { return self.syntax() };
        let mut unit = 0;
        for digit in digits {
            let Some(digit) = char::from(*digit).to_digit(16) else { return self.syntax() };
            unit = unit * 16 + digit;
        }
        self.at += 5;
        Ok(unit)
    }

    fn number(&mut self) -> Result<&'a str, Invalid> {
        let Some(length) = number::length(&self.bytes()[self.at..]) else { return self.syntax() };
        let start = self.at;
        self.at += length;
        Ok(&self.text[start..self.at])
    }

    fn integer_as(&mut self, expected: Expected) -> Result<i64, Invalid> {
        if !matches!(self.peek(), Some(b'-' | b'0'..=b'9')) {
            return Err(self.mismatch(expected));
        }
        Ok(number::integer(self.number()?, expected)?)
    }

    /// Says what stands here instead of what was expected; broken syntax is reported as such.
    fn mismatch(&mut self, expected: Expected) -> Invalid {
        let found = match self.peek() {
            Some(b'"') => Found::String,
            Some(b'{') => Found::Object,
            Some(b'[') => Found::List,
            Some(b't' | b'f') => Found::Boolean,
            Some(b'n') => Found::Null,
            _ => match self.number() {
                Ok(text) if text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) => Found::Fraction,
                Ok(_) => Found::Integer,
                Err(broken) => return broken,
            },
        };
        Problem::WrongType { expected, found }.into()
    }

    fn quoted_as(&mut self, expected: Expected) -> Result<Cow<'a, str>, Invalid> {
        if self.peek() == Some(b'"') { self.quoted() } else { Err(self.mismatch(expected)) }
    }
}

impl contract::Reader for JsonReader<'_> {
    fn begin_struct(&mut self) -> Result<(), Invalid> {
        self.open(b'{', Expected::Structure)
    }

    fn next_member(&mut self, shape: &'static StructShape) -> Result<Option<usize>, Invalid> {
        while let Some(key) = self.advance_key()? {
            match shape.position(&key) {
                Some(index) if !self.skip_null()? => return Ok(Some(index)),
                Some(_) => {}
                None => self.skip_value()?,
            }
        }
        Ok(None)
    }

    fn begin_list(&mut self) -> Result<(), Invalid> {
        self.open(b'[', Expected::List)
    }

    fn next_item(&mut self) -> Result<bool, Invalid> {
        while self.advance(b']')? {
            self.count_entry()?;
            if !self.skip_null()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn begin_map(&mut self) -> Result<(), Invalid> {
        self.open(b'{', Expected::Map)
    }

    fn next_key(&mut self) -> Result<Option<String>, Invalid> {
        while let Some(key) = self.advance_key()? {
            self.count_entry()?;
            if !self.skip_null()? {
                return Ok(Some(key.into_owned()));
            }
        }
        Ok(None)
    }

    fn string(&mut self) -> Result<String, Invalid> {
        self.quoted_as(Expected::String).map(Cow::into_owned)
    }

    fn blob(&mut self) -> Result<Bytes, Invalid> {
        let text = self.quoted_as(Expected::Blob)?;
        let blob = base64_simd::STANDARD.decode_to_vec(text.as_bytes()).map_err(|_| Problem::BadBase64)?;
        Ok(blob.into())
    }

    fn boolean(&mut self) -> Result<bool, Invalid> {
        match self.peek() {
            Some(b't') => self.literal("true").map(|()| true),
            Some(b'f') => self.literal("false").map(|()| false),
            _ => Err(self.mismatch(Expected::Boolean)),
        }
    }

    fn integer(&mut self) -> Result<i32, Invalid> {
        let value = self.integer_as(Expected::Integer)?;
        i32::try_from(value).map_err(|_| Problem::OutOfRange { expected: Expected::Integer }.into())
    }

    fn long(&mut self) -> Result<i64, Invalid> {
        self.integer_as(Expected::Long)
    }

    fn double(&mut self) -> Result<f64, Invalid> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => {
                let text = self.number()?;
                Ok(text.parse().expect("a number of JSON's grammar is a number of Rust's"))
            }
            Some(b'"') => match &*self.quoted()? {
                "NaN" => Ok(f64::NAN),
                "Infinity" => Ok(f64::INFINITY),
                "-Infinity" => Ok(f64::NEG_INFINITY),
                _ => Err(Problem::WrongType { expected: Expected::Double, found: Found::String }.into()),
            },
            _ => Err(self.mismatch(Expected::Double)),
        }
    }

    fn timestamp(&mut self) -> Result<Timestamp, Invalid> {
        if !matches!(self.peek(), Some(b'-' | b'0'..=b'9')) {
            return Err(self.mismatch(Expected::Timestamp));
        }
        Timestamp::from_seconds(self.double()?).ok_or_else(|| Problem::BadTimestamp.into())
    }

    fn start_again_with_stand_ins(&mut self) -> bool {
        *self = Self { text: self.text, at: 0, depth: 0, entries: 0, fresh: false, stand_in: Some('\u{FFFF}') };
        self.skip_space();
        true
    }

    fn finish(&mut self) -> Result<(), Invalid> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { self.syntax() }
    }
}
