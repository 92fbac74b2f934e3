//! The seam between shapes and protocols.
//!
//! A shape pulls itself out of a [`Reader`] and pushes itself into a [`Writer`]; a codec implements one of them and
//! knows bytes. Both are object-safe, so generated code is compiled once and not once per protocol: a virtual call per
//! value is small beside scanning the value.
//!
//! Order of calls, which the helpers here and in `values` keep:
//!
//! ```text
//! struct  begin_struct, { next_member → Some(i), one value }*, next_member → None
//! list    begin_list,   { next_item → true, one value }*,      next_item → false
//! map     begin_map,    { next_key → Some(key), one value }*,  next_key → None
//! ```
//!
//! After an error the reader's state is unspecified and nothing more may be read from it.

use crate::invalid::{Invalid, Problem, Segment};
use crate::schema::{Member, OperationShape, StructShape};
use crate::timestamp::Timestamp;
use bytes::Bytes;

/// A value that can be read out of any protocol.
pub trait Read: Sized {
    /// Reads one value.
    fn read(reader: &mut dyn Reader) -> Result<Self, Invalid>;
}

/// A value that can be written in any protocol.
pub trait Write {
    /// Writes one value.
    fn write(&self, writer: &mut dyn Writer);

    /// Whether the value is an empty list, map or text, for members whose empty value AWS leaves out.
    fn is_empty(&self) -> bool {
        false
    }
}

/// What a stream of events consists of. Its value is the event's structure.
pub trait Event: Write {
    /// The event's name, which is the member's of the stream's union.
    fn name(&self) -> &'static str;
}

/// A protocol's request, read value by value.
pub trait Reader {
    /// Enters a structure.
    fn begin_struct(&mut self) -> Result<(), Invalid>;
    /// Goes to the next known member with a value and gives its index in `shape`; none leaves the structure. Unknown
    /// members and nulls are skipped.
    fn next_member(&mut self, shape: &'static StructShape) -> Result<Option<usize>, Invalid>;
    /// Enters a list.
    fn begin_list(&mut self) -> Result<(), Invalid>;
    /// Goes to the next item that is not null; false leaves the list.
    fn next_item(&mut self) -> Result<bool, Invalid>;
    /// Enters a map.
    fn begin_map(&mut self) -> Result<(), Invalid>;
    /// Goes to the next entry whose value is not null and gives its key; none leaves the map.
    fn next_key(&mut self) -> Result<Option<String>, Invalid>;
    /// Reads text.
    fn string(&mut self) -> Result<String, Invalid>;
    /// Reads bytes.
    fn blob(&mut self) -> Result<Bytes, Invalid>;
    /// Reads true or false.
    fn boolean(&mut self) -> Result<bool, Invalid>;
    /// Reads a 32-bit integer.
    fn integer(&mut self) -> Result<i32, Invalid>;
    /// Reads a 64-bit integer.
    fn long(&mut self) -> Result<i64, Invalid>;
    /// Reads a float.
    fn double(&mut self) -> Result<f64, Invalid>;
    /// Reads a timestamp.
    fn timestamp(&mut self) -> Result<Timestamp, Invalid>;
    /// Says that the document should end here.
    fn finish(&mut self) -> Result<(), Invalid>;
    /// Goes back to the document's start, and from now on reads U+FFFF, which is no character, where an escape names half of a
    /// surrogate pair: for who judges texts one by one. False, and nothing done, where the protocol has no such escapes.
    fn start_again_with_stand_ins(&mut self) -> bool {
        false
    }
}

/// A protocol's reply, written value by value. Writers do not fail: they append to memory.
pub trait Writer {
    /// Opens a structure.
    fn begin_struct(&mut self, shape: &'static StructShape);
    /// Says that the next value belongs to this member.
    fn member(&mut self, member: &'static Member);
    /// Closes the structure.
    fn end_struct(&mut self);
    /// Opens a list of this many items.
    fn begin_list(&mut self, len: usize);
    /// Says that the next value is an item.
    fn item(&mut self);
    /// Closes the list.
    fn end_list(&mut self);
    /// Opens a map of this many entries.
    fn begin_map(&mut self, len: usize);
    /// Says that the next value belongs to this key.
    fn key(&mut self, key: &str);
    /// Closes the entry whose value was just written.
    fn end_entry(&mut self);
    /// Closes the map.
    fn end_map(&mut self);
    /// Writes text.
    fn string(&mut self, value: &str);
    /// Writes bytes.
    fn blob(&mut self, value: &[u8]);
    /// Writes true or false.
    fn boolean(&mut self, value: bool);
    /// Writes an integer of either width.
    fn long(&mut self, value: i64);
    /// Writes a float.
    fn double(&mut self, value: f64);
    /// Writes a timestamp.
    fn timestamp(&mut self, value: Timestamp);
}

/// Reads a structure: `take` is called with the index of each member that is present and reads its value.
pub fn read_struct(
    reader: &mut dyn Reader,
    shape: &'static StructShape,
    mut take: impl FnMut(usize, &mut dyn Reader) -> Result<(), Invalid>,
) -> Result<(), Invalid> {
    reader.begin_struct()?;
    while let Some(index) = reader.next_member(shape)? {
        if let Err(invalid) = take(index, reader) {
            return Err(invalid.inside(Segment::Member(&shape.members[index])));
        }
    }
    Ok(())
}

/// The value of a member that the model demands.
pub fn required<T>(value: Option<T>, member: &'static Member) -> Result<T, Invalid> {
    value.ok_or_else(|| Invalid::new(Problem::Missing { member }).inside(Segment::Member(member)))
}

/// Writes a member that is always there.
pub fn put<T: Write>(writer: &mut dyn Writer, member: &'static Member, value: &T) {
    writer.member(member);
    value.write(writer);
}

/// Writes a member if it is there.
pub fn put_some<T: Write>(writer: &mut dyn Writer, member: &'static Member, value: Option<&T>) {
    if let Some(value) = value {
        put(writer, member, value);
    }
}

/// Writes a list, map or text unless it is empty, where AWS leaves an empty one out although the model demands it.
pub fn put_unless_empty<T: Write>(writer: &mut dyn Writer, member: &'static Member, value: &T) {
    if !value.is_empty() {
        put(writer, member, value);
    }
}

/// An operation of a service, with its types: what a dispatcher's table is made of. The types are generated; nobody
/// makes a value of one.
pub trait Operation {
    /// What a request says.
    type Input: Read + Send + 'static;
    /// What a reply says.
    type Output: Write + Send + 'static;
    /// The operation in its service's table.
    const SHAPE: &'static OperationShape;
}
