//! The contract for the values that shapes are made of: text, numbers, bytes, lists and maps.
//!
//! A map is a vector of pairs, because AWS keeps no order but people read what they sent; of two equal keys the last
//! one wins, as in every JSON parser that AWS uses.

use crate::contract::{Read, Reader, Write, Writer, read_struct};
use crate::invalid::{Invalid, Segment};
use crate::schema::StructShape;
use crate::timestamp::Timestamp;
use bytes::Bytes;
use std::collections::HashSet;

/// The input or output of an operation that has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nothing;

impl Nothing {
    /// A structure without members.
    pub const SHAPE: &'static StructShape = &NOTHING;
}

static NOTHING: StructShape = StructShape { name: "Nothing", members: &[] };

impl Read for Nothing {
    fn read(reader: &mut dyn Reader) -> Result<Self, Invalid> {
        read_struct(reader, Self::SHAPE, |_, _| Ok(()))?;
        Ok(Self)
    }
}

impl Write for Nothing {
    fn write(&self, writer: &mut dyn Writer) {
        writer.begin_struct(Self::SHAPE);
        writer.end_struct();
    }
}

impl Read for String {
    fn read(reader: &mut dyn Reader) -> Result<Self, Invalid> {
        reader.string()
    }
}

impl Write for String {
    fn write(&self, writer: &mut dyn Writer) {
        writer.string(self);
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl Read for Bytes {
    fn read(reader: &mut dyn Reader) -> Result<Self, Invalid> {
        reader.blob()
    }
}

impl Write for Bytes {
    fn write(&self, writer: &mut dyn Writer) {
        writer.blob(self);
    }
}

impl Read for bool {
    fn read(reader: &mut dyn Reader) -> Result<Self, Invalid> {
        reader.boolean()
    }
}

impl Write for bool {
    fn write(&self, writer: &mut dyn Writer) {
        writer.boolean(*self);
    }
}

impl Read for i32 {
    fn read(reader: &mut dyn Reader) -> Result<Self, Invalid> {
        reader.integer()
    }
}

impl Write for i32 {
    fn write(&self, writer: &mut dyn Writer) {
        writer.long(i64::from(*self));
    }
}

impl Read for i64 {
    fn read(reader: &mut dyn Reader) -> Result<Self, Invalid> {
        reader.long()
    }
}

impl Write for i64 {
    fn write(&self, writer: &mut dyn Writer) {
        writer.long(*self);
    }
}

impl Read for f64 {
    fn read(reader: &mut dyn Reader) -> Result<Self, Invalid> {
        reader.double()
    }
}

impl Write for f64 {
    fn write(&self, writer: &mut dyn Writer) {
        writer.double(*self);
    }
}

impl Read for Timestamp {
    fn read(reader: &mut dyn Reader) -> Result<Self, Invalid> {
        reader.timestamp()
    }
}

impl Write for Timestamp {
    fn write(&self, writer: &mut dyn Writer) {
        writer.timestamp(*self);
    }
}

impl<T: Read> Read for Box<T> {
    fn read(reader: &mut dyn Reader) -> Result<Self, Invalid> {
        T::read(reader).map(Self::new)
    }
}

impl<T: Write + ?Sized> Write for Box<T> {
    fn write(&self, writer: &mut dyn Writer) {
        (**self).write(writer);
    }

    fn is_empty(&self) -> bool {
        (**self).is_empty()
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(reader: &mut dyn Reader) -> Result<Self, Invalid> {
        let mut items = Self::new();
        reader.begin_list()?;
        while reader.next_item()? {
            let item = T::read(reader).map_err(|invalid| invalid.inside(Segment::Index(items.len())))?;
            items.push(item);
        }
        Ok(items)
    }
}

impl<T: Write> Write for Vec<T> {
    fn write(&self, writer: &mut dyn Writer) {
        writer.begin_list(self.len());
        for item in self {
            writer.item();
            item.write(writer);
        }
        writer.end_list();
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Read> Read for Vec<(String, T)> {
    fn read(reader: &mut dyn Reader) -> Result<Self, Invalid> {
        let mut entries = Self::new();
        reader.begin_map()?;
        while let Some(key) = reader.next_key()? {
            match T::read(reader) {
                Ok(value) => entries.push((key, value)),
                Err(invalid) => return Err(invalid.inside(Segment::Key(key))),
            }
        }
        keep_last_of_equal_keys(&mut entries);
        Ok(entries)
    }
}

impl<T: Write> Write for Vec<(String, T)> {
    fn write(&self, writer: &mut dyn Writer) {
        writer.begin_map(self.len());
        for (key, value) in self {
            writer.key(key);
            value.write(writer);
            writer.end_entry();
        }
        writer.end_map();
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

/// Removes every entry that a later one with the same key replaces. Small maps, which are all that honest callers
/// send, are compared in place; the set keeps a hostile one from costing the square of its size.
fn keep_last_of_equal_keys<T>(entries: &mut Vec<(String, T)>) {
    const COMPARED_IN_PLACE_MAX: usize = 16;
    if entries.len() <= COMPARED_IN_PLACE_MAX {
        let mut at = 0;
        while at < entries.len() {
            let replaced = entries[at + 1..].iter().any(|(key, _)| *key == entries[at].0);
            if replaced {
                entries.remove(at);
            } else {
                at += 1;
            }
        }
        return;
    }
    let mut seen = HashSet::with_capacity(entries.len());
    let kept: Vec<bool> = entries.iter().rev().map(|(key, _)| seen.insert(key.as_str())).collect();
    let mut kept = kept.into_iter().rev();
    entries.retain(|_| kept.next().expect("one verdict was made for each entry"));
}
