//! `application/x-www-form-urlencoded` to sorted names and values.
//!
//! Names are sorted segment by segment, indexes by number, so that everything below one name is one slice and a list's
//! items come in the order of their indexes, whatever gaps or order they were sent with. Of equal names the last wins.

use super::reader::FormReader;
use crate::invalid::{Invalid, Problem};
use crate::limits::{FORM_FIELDS_MAX, FORM_INDEX_DIGITS_MAX};
use std::borrow::Cow;
use std::cmp::Ordering;

/// The parameters of a request, decoded.
#[derive(Debug)]
pub struct Form<'a> {
    fields: Vec<Field<'a>>,
}

#[derive(Debug)]
pub(super) struct Field<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) value: Cow<'a, str>,
}

impl<'a> Form<'a> {
    /// Reads the query of a URI and a body, either of which may be empty. Where both have a name, the body's value
    /// counts.
    pub fn parse(uri_query: &'a [u8], body: &'a [u8]) -> Result<Self, Invalid> {
        let mut fields = Vec::new();
        append(&mut fields, uri_query)?;
        append(&mut fields, body)?;
        fields.sort_by(|left, right| compare(&left.name, &right.name));
        Ok(Self { fields })
    }

    /// The value of a whole name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let end = self.fields.partition_point(|field| compare(&field.name, name).is_le());
        let last = &self.fields[..end].last()?;
        (last.name == name).then_some(&*last.value)
    }

    /// The operation that is asked for.
    pub fn action(&self) -> Option<&str> {
        self.get("Action")
    }

    /// The API version that is asked for.
    pub fn version(&self) -> Option<&str> {
        self.get("Version")
    }

    /// Adds a parameter that the request says in another place (SQS: the path is the queue's URL), unless the form
    /// says it too.
    pub fn set_if_absent(&mut self, name: &'static str, value: impl Into<Cow<'a, str>>) {
        if self.get(name).is_none() {
            let at = self.fields.partition_point(|field| compare(&field.name, name).is_le());
            self.fields.insert(at, Field { name: Cow::Borrowed(name), value: value.into() });
        }
    }

    /// A reader of the whole form.
    pub fn reader(&self) -> FormReader<'_> {
        FormReader::new(&self.fields)
    }
}

fn append<'a>(fields: &mut Vec<Field<'a>>, bytes: &'a [u8]) -> Result<(), Invalid> {
    let mut offset = 0;
    for pair in bytes.split(|&byte| byte == b'&') {
        if !pair.is_empty() {
            if fields.len() == FORM_FIELDS_MAX {
                return Err(Problem::TooMany.into());
            }
            let equals = memchr::memchr(b'=', pair).unwrap_or(pair.len());
            let name = decode(&pair[..equals], offset)?;
            let value = decode(pair.get(equals + 1..).unwrap_or_default(), offset + equals + 1)?;
            fields.push(Field { name, value });
        }
        offset += pair.len() + 1;
    }
    Ok(())
}

/// Text as it was before it was percent-encoded, `+` standing for a space as in forms.
pub fn unescape(text: &str) -> Result<Cow<'_, str>, Invalid> {
    decode(text.as_bytes(), 0)
}

/// Undoes `+` and `%XX`; text without either is borrowed.
fn decode(bytes: &[u8], offset: usize) -> Result<Cow<'_, str>, Invalid> {
    let Some(first) = memchr::memchr2(b'%', b'+', bytes) else {
        return std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Problem::NotUtf8.into());
    };
    let mut decoded = Vec::with_capacity(bytes.len());
    decoded.extend_from_slice(&bytes[..first]);
    let mut at = first;
    while at < bytes.len() {
        match bytes[at] {
            b'+' => decoded.push(b' '),
            b'%' => {
                decoded.push(escaped(&bytes[at + 1..]).ok_or(Problem::Syntax { offset: offset + at })?);
                at += 2;
            }
            plain => decoded.push(plain),
        }
        at += 1;
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| Problem::NotUtf8.into())
}

fn escaped(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits.first_chunk::<2>()?.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

/// The number that a segment is, if it is an index: counted from 1 by AWS, but 0 is taken too; no leading zeros, so
/// that two spellings never mean one item.
pub(super) fn index(segment: &str) -> Option<u32> {
    let plain = segment.bytes().all(|byte| byte.is_ascii_digit()) && segment.len() <= FORM_INDEX_DIGITS_MAX;
    if !plain || (segment.len() > 1 && segment.starts_with('0')) {
        return None;
    }
    segment.parse().ok()
}

/// Segment by segment; indexes before words, and by number.
fn compare(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let (left, right) = match (left.next(), right.next()) {
            (Some(left), Some(right)) => (left, right),
            (left, right) => return left.is_some().cmp(&right.is_some()),
        };
        let order = match (index(left), index(right)) {
            (Some(left), Some(right)) => left.cmp(&right),
            (left, right) if left.is_some() || right.is_some() => right.is_some().cmp(&left.is_some()),
            _ => left.cmp(right),
        };
        if order.is_ne() {
            return order;
        }
    }
}
