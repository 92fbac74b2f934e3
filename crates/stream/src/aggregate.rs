//! KPL aggregates: several user records that a producer has packed into one record.
//!
//! ```text
//! f3 89 9a c2 │ message, protobuf │ MD5 of the message 16
//!
//! message      1 partition keys, text, repeated │ 2 explicit hash keys, decimal text, repeated │ 3 records, repeated:
//! record       1 partition key, place in the table │ 2 explicit hash key, place in the table, if it has one │ 3 data
//!              │ 4 tags, repeated: 1 key, text │ 2 value, text, if it has one
//! ```
//! Streams keep aggregates as they are; consumers take them apart. What is not whole to the last byte is no aggregate but a plain
//! record that looks like one, as consumers of AWS's libraries see it. Strangers write these bytes: nothing here fails, nothing is
//! taken that is not there, and what is taken refers to the bytes. Source: awslabs, "KPL Aggregated Record Format"; the
//! protobuf encoding guide.

use crate::hash_ranges::hash_of;
use crate::limits::AGGREGATED_MAX;
use engine::varint::{Reader, put};
use md5::{Digest, Md5};
use std::fmt;

const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];
const DIGEST_BYTES: usize = 16;

/// One user record of an aggregate.
#[derive(Clone, PartialEq, Eq)]
pub struct UserRecord<'a> {
    /// The partition key that the producer gave.
    pub partition_key: &'a str,
    /// The hash key that takes the place of the partition key's own.
    pub explicit_hash: Option<u128>,
    /// What the producer sent.
    pub data: &'a [u8],
    /// Tags, which no producer of AWS's sets.
    pub tags: Vec<(&'a str, Option<&'a str>)>,
}

impl UserRecord<'_> {
    /// The hash key that says which shard it belongs to. One that belongs to another shard than it is read from, after a split,
    /// is dropped by AWS's consumers.
    pub fn hash(&self) -> u128 {
        self.explicit_hash.unwrap_or_else(|| hash_of(self.partition_key))
    }
}

impl fmt::Debug for UserRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition_key, explicit_hash, data, tags } = self;
        write!(f, "{partition_key:?} {explicit_hash:?} b\"{}\" {tags:?}", data.escape_ascii())
    }
}

/// Why bytes are a plain record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    /// They do not begin as an aggregate.
    NoMagic,
    /// They begin as one, and the digest is another.
    WrongDigest,
    /// The digest is right, and the message is none, or is larger than any that producers make.
    Malformed,
}

/// Takes an aggregate apart.
pub fn disaggregate(bytes: &[u8]) -> Result<Vec<UserRecord<'_>>, Plain> {
    let rest = bytes.strip_prefix(&MAGIC).ok_or(Plain::NoMagic)?;
    let (message, digest) = rest.split_last_chunk::<DIGEST_BYTES>().ok_or(Plain::NoMagic)?;
    if <[u8; DIGEST_BYTES]>::from(Md5::digest(message)) != *digest {
        return Err(Plain::WrongDigest);
    }
    read_message(message).ok_or(Plain::Malformed)
}

/// Packs user records into an aggregate, as KPL does.
pub fn aggregate(records: &[UserRecord<'_>]) -> Vec<u8> {
    let (mut keys, mut hashes, mut message) = (Vec::new(), Vec::new(), Vec::new());
    let mut packed = Vec::new();
    for record in records {
        let mut one = Vec::new();
        put_number(&mut one, 1, place_of(&mut keys, record.partition_key.to_owned()));
        if let Some(hash) = record.explicit_hash {
            put_number(&mut one, 2, place_of(&mut hashes, hash.to_string()));
        }
        put_bytes(&mut one, 3, record.data);
        record.tags.iter().for_each(|tag| put_tag(&mut one, tag));
        put_bytes(&mut packed, 3, &one);
    }
    keys.iter().for_each(|key| put_bytes(&mut message, 1, key.as_bytes()));
    hashes.iter().for_each(|hash| put_bytes(&mut message, 2, hash.as_bytes()));
    message.append(&mut packed);
    let digest = Md5::digest(&message);
    [&MAGIC[..], &message, &digest].concat()
}

/// The places of what a record names in the tables, as they were written.
struct Packed<'a> {
    key: u64,
    hash: Option<u64>,
    data: &'a [u8],
    tags: Vec<(&'a str, Option<&'a str>)>,
}

fn read_message(message: &[u8]) -> Option<Vec<UserRecord<'_>>> {
    let (mut keys, mut hashes, mut records) = (Vec::new(), Vec::new(), Vec::new());
    let mut fields = Fields(Reader::new(message));
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, value) => keys.push(value.text()?),
            (2, value) => hashes.push(value.text()?.parse::<u128>().ok()?),
            (3, value) => records.push(read_record(value.bytes()?)?),
            _ => {}
        }
        if keys.len().max(hashes.len()).max(records.len()) > AGGREGATED_MAX {
            return None;
        }
    }
    // The tables may stand behind the records.
    let resolved = records.into_iter().map(|Packed { key, hash, data, tags }| {
        let explicit_hash = match hash {
            Some(place) => Some(*hashes.get(usize::try_from(place).ok()?)?),
            None => None,
        };
        Some(UserRecord { partition_key: keys.get(usize::try_from(key).ok()?)?, explicit_hash, data, tags })
    });
    resolved.collect()
}

fn read_record(bytes: &[u8]) -> Option<Packed<'_>> {
    let (mut key, mut hash, mut data, mut tags) = (None, None, None, Vec::new());
    let mut fields = Fields(Reader::new(bytes));
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, value) => key = Some(value.number()?),
            (2, value) => hash = Some(value.number()?),
            (3, value) => data = Some(value.bytes()?),
            (4, value) => tags.push(read_tag(value.bytes()?)?),
            _ => {}
        }
    }
    Some(Packed { key: key?, hash, data: data?, tags })
}

fn read_tag(bytes: &[u8]) -> Option<(&str, Option<&str>)> {
    let (mut key, mut text) = (None, None);
    let mut fields = Fields(Reader::new(bytes));
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => key = Some(value.text()?),
            2 => text = Some(value.text()?),
            _ => {}
        }
    }
    Some((key?, text))
}

/// The value of one protobuf field.
#[derive(Clone, Copy)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Of eight or four bytes, which nothing here has.
    Fixed,
}

impl<'a> Value<'a> {
    fn number(self) -> Option<u64> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }

    fn bytes(self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    fn text(self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}

/// The fields of a protobuf message, in the order in which they stand.
struct Fields<'a>(Reader<'a>);

impl<'a> Fields<'a> {
    /// The next field's number and value; `None` inside if there is none, outside if the bytes are no message.
    fn next(&mut self) -> Option<Option<(u64, Value<'a>)>> {
        if self.0.is_empty() {
            return Some(None);
        }
        let tag = self.0.any_varint().ok().filter(|tag| (1 << 3..1 << 32).contains(tag))?;
        let value = match tag & 7 {
            0 => Value::Number(self.0.any_varint().ok()?),
            1 => self.0.array::<8>().ok().map(|_| Value::Fixed)?,
            2 => {
                let length = self.0.any_varint().ok()?;
                Value::Bytes(self.0.bytes(length).ok()?)
            }
            5 => self.0.array::<4>().ok().map(|_| Value::Fixed)?,
            _ => return None,
        };
        Some(Some((tag >> 3, value)))
    }
}

fn put_number(out: &mut Vec<u8>, field: u64, number: u64) {
    put(out, field << 3);
    put(out, number);
}

fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put(out, field << 3 | 2);
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_tag(out: &mut Vec<u8>, (key, text): &(&str, Option<&str>)) {
    let mut tag = Vec::new();
    put_bytes(&mut tag, 1, key.as_bytes());
    text.iter().for_each(|text| put_bytes(&mut tag, 2, text.as_bytes()));
    put_bytes(out, 4, &tag);
}

/// The place of `text` in the table, where it is put if it is new.
fn place_of(table: &mut Vec<String>, text: String) -> u64 {
    let place = table.iter().position(|known| *known == text);
    place.unwrap_or_else(|| {
        table.push(text);
        table.len() - 1
    }) as u64
}

#[cfg(test)]
mod tests;
