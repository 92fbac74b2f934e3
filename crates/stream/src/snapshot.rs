//! A shard's state as bytes: what a checkpoint keeps in place of all records before it.
//!
//! ```text
//! version 1     stream 16 │ index 4 │ opened at v │ retention v │ horizon v │ last counter v
//!               │ if that is not 0: last arrived at v │ closed 1 (0 no, 1 yes), at v if it is │ the sparse index (index.rs):
//!               scale 1 │ count v │ so many marks: first v (from the one before, or 0) │ first at v (likewise) │ bytes v
//!               │ seconds v
//!
//! v = number of variable length (`engine::varint`), fixed ones little-endian, times in ms since the epoch
//! ```
//! Every state has one form, and whatever is not the form of a state is refused: what is restored is whole.

use crate::index::Index;
use crate::{About, Shard};
use engine::varint::{Reader, put};
use engine::{Machine, MalformedRecord};
use names::Instant;

impl Shard {
    /// Of a shard that is not there nothing is written: whoever keeps snapshots makes none before its first record, and knows
    /// the last one by `is_over`.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let Some(About { stream, index, opened_at, retention_millis }) = &self.about else { return };
        out.extend_from_slice(stream);
        out.extend_from_slice(&index.to_le_bytes());
        put(out, opened_at.as_millis());
        put(out, *retention_millis);
        put(out, self.horizon.as_millis());
        put(out, self.last);
        if let Some(at) = self.last_arrived_at {
            put(out, at.as_millis());
        }
        out.push(u8::from(self.closed_at.is_some()));
        if let Some(at) = self.closed_at {
            put(out, at.as_millis());
        }
        self.index.put(out);
    }

    pub(crate) fn read_snapshot(version: u8, state: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind: 0, version, why };
        if version != Self::SNAPSHOT_VERSION {
            return Err(malformed("no such version of a shard's snapshot is known"));
        }
        let mut reader = Reader::new(state);
        let shard = read(&mut reader).ok_or(malformed("it ends inside a field, or a field means nothing"))?;
        if !reader.is_empty() {
            return Err(malformed("bytes follow its end"));
        }
        if shard.is_whole() { Ok(shard) } else { Err(malformed("its parts contradict one another")) }
    }

    /// Whether the parts agree: what is indexed was appended.
    fn is_whole(&self) -> bool {
        let last_run = self.index.last_run();
        last_run.is_none_or(|(first, first_at)| first <= self.last && Some(first_at) <= self.last_arrived_at)
    }
}

fn read(reader: &mut Reader<'_>) -> Option<Shard> {
    let about = About {
        stream: reader.array().ok()?,
        index: u32::from_le_bytes(reader.array().ok()?),
        opened_at: instant(reader)?,
        retention_millis: reader.varint().ok()?,
    };
    let horizon = instant(reader)?;
    let last = reader.varint().ok().filter(|last| *last < u64::MAX)?;
    let last_arrived_at = if last == 0 { None } else { Some(instant(reader)?) };
    let closed_at = match reader.array().ok()? {
        [0] => None,
        [1] => Some(instant(reader)?),
        _ => return None,
    };
    let index = Index::read(reader)?;
    Some(Shard { about: Some(about), closed_at, last, last_arrived_at, horizon, index, ..Shard::unborn() })
}

fn instant(reader: &mut Reader<'_>) -> Option<Instant> {
    reader.varint().ok().map(Instant::from_millis)
}
