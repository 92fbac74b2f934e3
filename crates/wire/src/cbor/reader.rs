//! Bytes of a CBOR document to values, in one pass.
//!
//! Open containers stand on a stack of remaining lengths, which is also the bound on nesting. A length that claims more
//! than the document holds is never believed: text and bytes are cut from what is there, lists and maps grow as their
//! items are read.

use super::{Times, half, head};
use crate::contract;
use crate::invalid::{Expected, Found, Invalid, Problem};
use crate::json::integer_of_float;
use crate::limits::{DEPTH_MAX, ENTRIES_MAX};
use crate::schema::StructShape;
use crate::timestamp::Timestamp;
use bytes::Bytes;
use std::borrow::Cow;

/// Reads one CBOR document.
pub struct CborReader<'a> {
    bytes: &'a [u8],
    times: Times,
    at: usize,
    entries: usize,
    /// What is left in each open container; none for an indefinite length.
    open: Vec<Option<u64>>,
}

impl<'a> CborReader<'a> {
    /// A reader at the start of a document whose timestamps count seconds. An empty document is read as an empty map.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::with(bytes, Times::Seconds)
    }

    /// The same, with timestamps that count as said.
    pub fn with(bytes: &'a [u8], times: Times) -> Self {
        const EMPTY_MAP: &[u8] = &[head::MAP << 5];
        let bytes = if bytes.is_empty() { EMPTY_MAP } else { bytes };
        Self { bytes, times, at: 0, entries: 0, open: Vec::new() }
    }

    fn syntax<T>(&self) -> Result<T, Invalid> {
        Err(Problem::Syntax { offset: self.at }.into())
    }

    fn peek(&self) -> Result<u8, Invalid> {
        self.bytes.get(self.at).map_or_else(|| self.syntax(), |byte| Ok(*byte))
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Invalid> {
        let Some(taken) = self.bytes[self.at..].first_chunk::<N>() else { return self.syntax() };
        self.at += N;
        Ok(*taken)
    }

    /// Reads a head: the major type and its argument, none if the length is indefinite.
    fn head(&mut self) -> Result<(u8, Option<u64>), Invalid> {
        let [first] = self.fixed::<1>()?;
        let (major, short) = (first >> 5, first & 31);
        let argument = match short {
            0..=23 => u64::from(short),
            24 => u64::from(u8::from_be_bytes(self.fixed()?)),
            25 => u64::from(u16::from_be_bytes(self.fixed()?)),
            26 => u64::from(u32::from_be_bytes(self.fixed()?)),
            27 => u64::from_be_bytes(self.fixed()?),
            head::INDEFINITE if matches!(major, head::BYTES | head::TEXT | head::LIST | head::MAP) => {
                return Ok((major, None));
            }
            _ => return self.syntax(),
        };
        Ok((major, Some(argument)))
    }

    fn begin(&mut self, major: u8, expected: Expected) -> Result<(), Invalid> {
        if self.peek()? >> 5 != major {
            return Err(self.mismatch(expected));
        }
        if self.open.len() == DEPTH_MAX {
            return Err(Problem::TooDeep.into());
        }
        let (_, length) = self.head()?;
        self.open.push(length);
        Ok(())
    }

    /// Goes to the next element of the innermost container; false closes it.
    fn advance(&mut self) -> Result<bool, Invalid> {
        let ended = self.bytes.get(self.at) == Some(&head::BREAK);
        let more = match self.open.last_mut() {
            Some(Some(0)) => false,
            Some(Some(left)) => {
                *left -= 1;
                true
            }
            Some(None) => {
                self.at += usize::from(ended);
                !ended
            }
            None => return self.syntax(),
        };
        if !more {
            self.open.pop();
        }
        Ok(more)
    }

    fn advance_key(&mut self) -> Result<Option<Cow<'a, str>>, Invalid> {
        if self.advance()? { self.text(Expected::String).map(Some) } else { Ok(None) }
    }

    fn count_entry(&mut self) -> Result<(), Invalid> {
        self.entries += 1;
        if self.entries > ENTRIES_MAX {
            return Err(Problem::TooMany.into());
        }
        Ok(())
    }

    fn skip_null(&mut self) -> Result<bool, Invalid> {
        let null = matches!(self.peek()?, head::NULL | head::UNDEFINED);
        self.at += usize::from(null);
        Ok(null)
    }

    /// Passes over any value. Recursion is bounded, because every container is counted by `begin`.
    fn skip_value(&mut self) -> Result<(), Invalid> {
        match self.peek()? >> 5 {
            head::UNSIGNED | head::NEGATIVE => self.head().map(drop),
            major @ (head::BYTES | head::TEXT) => self.chunks(major).map(drop),
            head::LIST => {
                self.begin(head::LIST, Expected::List)?;
                while self.advance()? {
                    self.skip_value()?;
                }
                Ok(())
            }
            head::MAP => {
                self.begin(head::MAP, Expected::Map)?;
                while self.advance()? {
                    self.skip_value()?;
                    self.skip_value()?;
                }
                Ok(())
            }
            head::TAG => self.skip_tagged(),
            _ if self.peek()? == head::BREAK => self.syntax(),
            _ => self.head().map(drop),
        }
    }

    /// Passes over a tag and its value. Tags on tags are nesting too, so they count against the same bound.
    fn skip_tagged(&mut self) -> Result<(), Invalid> {
        if self.open.len() == DEPTH_MAX {
            return Err(Problem::TooDeep.into());
        }
        self.head()?;
        self.open.push(None);
        self.skip_value()?;
        self.open.pop();
        Ok(())
    }

    /// Reads a byte or text string, joining the chunks of an indefinite one.
    fn chunks(&mut self, major: u8) -> Result<Cow<'a, [u8]>, Invalid> {
        let (_, length) = self.head()?;
        if let Some(length) = length {
            return self.slice(length).map(Cow::Borrowed);
        }
        let mut joined = Vec::new();
        while self.peek()? != head::BREAK {
            match self.head()? {
                (chunk, Some(length)) if chunk == major => joined.extend_from_slice(self.slice(length)?),
                _ => return self.syntax(),
            }
        }
        self.at += 1;
        Ok(Cow::Owned(joined))
    }

    fn slice(&mut self, length: u64) -> Result<&'a [u8], Invalid> {
        let rest = &self.bytes[self.at..];
        let Some(taken) = usize::try_from(length).ok().and_then(|length| rest.get(..length)) else {
            return self.syntax();
        };
        self.at += taken.len();
        Ok(taken)
    }

    fn text(&mut self, expected: Expected) -> Result<Cow<'a, str>, Invalid> {
        if self.peek()? >> 5 != head::TEXT {
            return Err(self.mismatch(expected));
        }
        match self.chunks(head::TEXT)? {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Problem::NotUtf8.into()),
            Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).map_err(|_| Problem::NotUtf8.into()),
        }
    }

    fn integer_as(&mut self, expected: Expected) -> Result<i64, Invalid> {
        match self.peek()? {
            head::HALF..=head::DOUBLE => Ok(integer_of_float(self.float()?, expected)?),
            byte if byte >> 5 <= head::NEGATIVE => {
                let (major, argument) = self.head()?;
                let size = argument.and_then(|argument| i64::try_from(argument).ok());
                let size = size.ok_or(Problem::OutOfRange { expected })?;
                Ok(if major == head::UNSIGNED { size } else { -1 - size })
            }
            _ => Err(self.mismatch(expected)),
        }
    }

    /// Reads a float of any width; the caller has seen that it is one.
    fn float(&mut self) -> Result<f64, Invalid> {
        let [first] = self.fixed::<1>()?;
        match first {
            head::HALF => Ok(half::to_double(u16::from_be_bytes(self.fixed()?))),
            head::SINGLE => Ok(f64::from(f32::from_be_bytes(self.fixed()?))),
            _ => Ok(f64::from_be_bytes(self.fixed()?)),
        }
    }

    /// Says what stands here instead of what was expected.
    fn mismatch(&self, expected: Expected) -> Invalid {
        let Some(&first) = self.bytes.get(self.at) else { return Problem::Syntax { offset: self.at }.into() };
        let found = match first >> 5 {
            head::UNSIGNED | head::NEGATIVE => Found::Integer,
            head::BYTES => Found::Bytes,
            head::TEXT => Found::String,
            head::LIST => Found::List,
            head::MAP => Found::Object,
            _ => match first {
                head::FALSE | head::TRUE => Found::Boolean,
                head::NULL | head::UNDEFINED => Found::Null,
                head::HALF..=head::DOUBLE => Found::Fraction,
                head::BREAK => return Problem::Syntax { offset: self.at }.into(),
                _ => Found::Other,
            },
        };
        Problem::WrongType { expected, found }.into()
    }
}

impl contract::Reader for CborReader<'_> {
    fn begin_struct(&mut self) -> Result<(), Invalid> {
        self.begin(head::MAP, Expected::Structure)
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
        self.begin(head::LIST, Expected::List)
    }

    fn next_item(&mut self) -> Result<bool, Invalid> {
        while self.advance()? {
            self.count_entry()?;
            if !self.skip_null()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn begin_map(&mut self) -> Result<(), Invalid> {
        self.begin(head::MAP, Expected::Map)
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
        self.text(Expected::String).map(Cow::into_owned)
    }

    fn blob(&mut self) -> Result<Bytes, Invalid> {
        if self.peek()? >> 5 != head::BYTES {
            return Err(self.mismatch(Expected::Blob));
        }
        self.chunks(head::BYTES).map(|bytes| Bytes::from(bytes.into_owned()))
    }

    fn boolean(&mut self) -> Result<bool, Invalid> {
        let value = match self.peek()? {
            head::TRUE => true,
            head::FALSE => false,
            _ => return Err(self.mismatch(Expected::Boolean)),
        };
        self.at += 1;
        Ok(value)
    }

    fn integer(&mut self) -> Result<i32, Invalid> {
        let value = self.integer_as(Expected::Integer)?;
        i32::try_from(value).map_err(|_| Problem::OutOfRange { expected: Expected::Integer }.into())
    }

    fn long(&mut self) -> Result<i64, Invalid> {
        self.integer_as(Expected::Long)
    }

    fn double(&mut self) -> Result<f64, Invalid> {
        match self.peek()? {
            head::HALF..=head::DOUBLE => self.float(),
            _ => Ok(self.integer_as(Expected::Double)? as f64),
        }
    }

    fn timestamp(&mut self) -> Result<Timestamp, Invalid> {
        if self.peek()? >> 5 == head::TAG && self.head()?.1 != Some(head::EPOCH) {
            return Err(Problem::WrongType { expected: Expected::Timestamp, found: Found::Other }.into());
        }
        match self.peek()? {
            head::HALF..=head::DOUBLE => {}
            first if first >> 5 <= head::NEGATIVE => {}
            _ => return Err(self.mismatch(Expected::Timestamp)),
        }
        let number = contract::Reader::double(self)?;
        let seconds = match self.times {
            Times::Seconds => number,
            Times::Millis => number / 1000.0,
        };
        Timestamp::from_seconds(seconds).ok_or_else(|| Problem::BadTimestamp.into())
    }

    fn finish(&mut self) -> Result<(), Invalid> {
        if self.at == self.bytes.len() { Ok(()) } else { self.syntax() }
    }
}
