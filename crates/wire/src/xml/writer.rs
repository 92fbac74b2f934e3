//! Values to elements.
//!
//! The document's own structure writes no element: its caller has opened one. Every other value is written under the
//! name that the member, item or entry before it has set.

use super::escape;
use crate::contract::Writer;
use crate::schema::{ListShape, MapShape, Member, Shape, StructShape};
use crate::timestamp::Timestamp;

/// Writes the members of one output.
#[derive(Debug)]
pub struct XmlWriter {
    bytes: Vec<u8>,
    /// The element of the next value; empty for the document's own structure.
    name: &'static str,
    shape: Shape,
    flattened: bool,
    open: Vec<Frame>,
}

/// An open container: the element to close after it, empty if it has none, and how its items are named.
#[derive(Debug)]
struct Frame {
    close: &'static str,
    item: &'static str,
    shape: Shape,
}

impl XmlWriter {
    /// A writer that appends to these bytes.
    pub fn append_to(bytes: Vec<u8>) -> Self {
        Self { bytes, name: "", shape: Shape::String, flattened: false, open: Vec::new() }
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn open_tag(&mut self, name: &str) {
        if !name.is_empty() {
            super::append(&mut self.bytes, &["<", name, ">"]);
        }
    }

    fn close_tag(&mut self, name: &str) {
        if !name.is_empty() {
            super::append(&mut self.bytes, &["</", name, ">"]);
        }
    }

    /// Opens a container whose items are named `item` unless they stand directly under the member's own name.
    fn open(&mut self, item: &'static str) {
        let frame = if self.flattened {
            Frame { close: "", item: self.name, shape: self.shape }
        } else {
            self.open_tag(self.name);
            Frame { close: self.name, item, shape: self.shape }
        };
        self.open.push(frame);
    }

    fn close(&mut self) {
        let frame = self.open.pop().expect("every container that is closed was opened");
        self.close_tag(frame.close);
    }

    fn list(&self) -> &'static ListShape {
        match self.open.last().map_or(self.shape, |frame| frame.shape) {
            Shape::List(shape) => shape,
            _ => unreachable!("the schema says list where the value is one"),
        }
    }

    fn map(&self) -> &'static MapShape {
        match self.open.last().map_or(self.shape, |frame| frame.shape) {
            Shape::Map(shape) => shape,
            _ => unreachable!("the schema says map where the value is one"),
        }
    }

    fn text(&mut self, text: &str) {
        self.open_tag(self.name);
        escape::append(&mut self.bytes, text);
        self.close_tag(self.name);
    }
}

impl Writer for XmlWriter {
    fn begin_struct(&mut self, _shape: &'static StructShape) {
        self.open_tag(self.name);
        self.open.push(Frame { close: self.name, item: "", shape: self.shape });
    }

    fn member(&mut self, member: &'static Member) {
        (self.name, self.shape, self.flattened) = (member.location, member.shape, member.flattened);
    }

    fn end_struct(&mut self) {
        self.close();
    }

    fn begin_list(&mut self, _len: usize) {
        let Shape::List(shape) = self.shape else { unreachable!("the schema says list where the value is one") };
        self.open(shape.item_name);
    }

    fn item(&mut self) {
        let item = self.open.last().map_or("", |frame| frame.item);
        (self.name, self.shape, self.flattened) = (item, self.list().item, false);
    }

    fn end_list(&mut self) {
        self.close();
    }

    fn begin_map(&mut self, _len: usize) {
        self.open("entry");
    }

    fn key(&mut self, key: &str) {
        let shape = self.map();
        let entry = self.open.last().map_or("", |frame| frame.item);
        self.open_tag(entry);
        self.name = shape.key_name;
        self.text(key);
        (self.name, self.shape, self.flattened) = (shape.value_name, shape.value, false);
    }

    fn end_entry(&mut self) {
        let entry = self.open.last().map_or("", |frame| frame.item);
        self.close_tag(entry);
    }

    fn end_map(&mut self) {
        self.close();
    }

    fn string(&mut self, value: &str) {
        self.text(value);
    }

    fn blob(&mut self, value: &[u8]) {
        self.open_tag(self.name);
        base64_simd::STANDARD.encode_append(value, &mut self.bytes);
        self.close_tag(self.name);
    }

    fn boolean(&mut self, value: bool) {
        self.text(if value { "true" } else { "false" });
    }

    fn long(&mut self, value: i64) {
        let mut buffer = itoa::Buffer::new();
        self.text(buffer.format(value));
    }

    fn double(&mut self, value: f64) {
        let text = match value {
            f64::INFINITY => "Infinity".to_owned(),
            f64::NEG_INFINITY => "-Infinity".to_owned(),
            _ => value.to_string(),
        };
        self.text(&text);
    }

    fn timestamp(&mut self, value: Timestamp) {
        self.text(&value.to_string());
    }
}
