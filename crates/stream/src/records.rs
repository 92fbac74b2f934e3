//! Every journal record kind of a shard, on one screen.
//!
//! ```text
//! n   kind         v  payload (numbers little-endian, times in ms since the epoch)
//! 1   Opened       1  stream 16 | index 4 | opened_at 8 | retention 8
//! 2   Appended     1  counter 8 | arrived_at 8 | flags 1 (1 partition key, 2 explicit hash key) | partition key length 4
//!                     | data | partition key | explicit hash key 16, if it has one
//! 3   Closed       1  at 8
//! 4   RetentionSet 1  horizon 8 | retention 8
//! 5   Deleted      1  (empty)
//! 10  Appended     1  sealed by the service: counter 8 | arrived_at 8 | size 4 (data and partition key as they were) | sealed bytes
//! ```
//! Partitions of family [`FAMILY`]. Layouts are never changed: a new one gets a new version. Pictures: `docs/formats/stream.md`.

use crate::{About, Record};
use engine::MalformedRecord;
use engine::varint::Reader;
use names::Instant;

/// The family of partitions that are shards.
pub const FAMILY: u8 = 5;

const OPENED: u8 = 1;
const APPENDED: u8 = 2;
const CLOSED: u8 = 3;
const RETENTION_SET: u8 = 4;
const DELETED: u8 = 5;
const SEALED_APPENDED: u8 = 10;
const VERSION: u8 = 1;

/// What changes a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The shard began.
    Opened(About),
    /// A record was added behind all others.
    Appended(Record),
    /// No more records come.
    Closed {
        /// When.
        at: Instant,
    },
    /// Records are held for another time.
    RetentionSet {
        /// What arrived before this moment had expired by then, and stays so.
        horizon: Instant,
        /// For how long from now on.
        retention_millis: u64,
    },
    /// The shard is gone.
    Deleted,
}

impl engine::Effect for Effect {
    fn kind(&self) -> u8 {
        match self {
            Self::Opened(_) => OPENED,
            Self::Appended(record) if record.is_sealed() => SEALED_APPENDED,
            Self::Appended(_) => APPENDED,
            Self::Closed { .. } => CLOSED,
            Self::RetentionSet { .. } => RETENTION_SET,
            Self::Deleted => DELETED,
        }
    }

    fn version(&self) -> u8 {
        VERSION
    }

    /// A shorter retention is how an owner makes room, and a few bytes whichever it is.
    fn frees(&self) -> bool {
        matches!(self, Self::Deleted | Self::RetentionSet { .. })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Opened(About { stream, index, opened_at, retention_millis }) => {
                out.extend_from_slice(stream);
                out.extend_from_slice(&index.to_le_bytes());
                put_instant(out, *opened_at);
                out.extend_from_slice(&retention_millis.to_le_bytes());
            }
            Self::Appended(record) => {
                out.reserve(HEADER_BYTES + record.bytes().len());
                out.extend_from_slice(&record.counter().to_le_bytes());
                put_instant(out, record.arrived_at());
                if !record.is_sealed() {
                    out.push(record.flags());
                }
                out.extend_from_slice(&record.key_bytes().to_le_bytes());
                out.extend_from_slice(record.bytes());
            }
            Self::Closed { at } => put_instant(out, *at),
            Self::RetentionSet { horizon, retention_millis } => {
                put_instant(out, *horizon);
                out.extend_from_slice(&retention_millis.to_le_bytes());
            }
            Self::Deleted => {}
        }
    }

    fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind, version, why };
        if version != VERSION || !matches!(kind, OPENED..=DELETED | SEALED_APPENDED) {
            return Err(malformed("no such record of a shard is known"));
        }
        let mut reader = Reader::new(payload);
        let effect = read(kind, &mut reader).ok_or(malformed("it ends inside a field, or a field means nothing"))?;
        if reader.is_empty() { Ok(effect) } else { Err(malformed("bytes follow its end")) }
    }

    fn content_key(kind: u8, version: u8, payload: &[u8]) -> Option<(u64, Instant)> {
        let mut reader = Reader::new(payload);
        let is_content = matches!(kind, APPENDED | SEALED_APPENDED) && version == VERSION;
        if is_content { number(&mut reader).zip(instant(&mut reader)) } else { None }
    }
}

const HEADER_BYTES: usize = 8 + 8 + 1 + 4;

fn read(kind: u8, reader: &mut Reader<'_>) -> Option<Effect> {
    Some(match kind {
        OPENED => Effect::Opened(About {
            stream: reader.array().ok()?,
            index: u32::from_le_bytes(reader.array().ok()?),
            opened_at: instant(reader)?,
            retention_millis: number(reader)?,
        }),
        APPENDED => {
            let (counter, arrived_at) = (number(reader)?, instant(reader)?);
            let [flags] = reader.array().ok()?;
            let key_bytes = u32::from_le_bytes(reader.array().ok()?);
            let bytes = reader.bytes(reader.rest().len() as u64).ok()?;
            Effect::Appended(Record::kept(counter, arrived_at, flags, key_bytes, bytes)?)
        }
        SEALED_APPENDED => {
            let (counter, arrived_at) = (number(reader)?, instant(reader)?);
            let size = u32::from_le_bytes(reader.array().ok()?);
            let bytes = reader.bytes(reader.rest().len() as u64).ok()?;
            Effect::Appended(Record::kept_sealed(counter, arrived_at, size, bytes))
        }
        CLOSED => Effect::Closed { at: instant(reader)? },
        RETENTION_SET => Effect::RetentionSet { horizon: instant(reader)?, retention_millis: number(reader)? },
        _ => Effect::Deleted,
    })
}

fn put_instant(out: &mut Vec<u8>, at: Instant) {
    out.extend_from_slice(&at.as_millis().to_le_bytes());
}

fn number(reader: &mut Reader<'_>) -> Option<u64> {
    reader.array().ok().map(u64::from_le_bytes)
}

fn instant(reader: &mut Reader<'_>) -> Option<Instant> {
    number(reader).map(Instant::from_millis)
}

#[cfg(test)]
mod tests;
