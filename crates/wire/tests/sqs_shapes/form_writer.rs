//! Values to a form, as a client of the query protocol writes them: the inverse of what `wire::query` reads.

use std::fmt::Write as _;
use wire::schema::{Member, Shape, StructShape};
use wire::{Timestamp, Write, Writer};

/// How lists and maps are spelled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Spelling {
    /// As the schema says.
    Schema,
    /// With `member` and `entry` between, under the JSON name, as the newest models would have it.
    Wrapped,
}

pub(crate) fn encode(value: &dyn Write, spelling: Spelling) -> String {
    let mut writer = FormWriter {
        spelling,
        text: "Action=Test".into(),
        path: Vec::new(),
        shape: None,
        flat: false,
        open: Vec::new(),
    };
    value.write(&mut writer);
    writer.text
}

struct FormWriter {
    spelling: Spelling,
    text: String,
    /// The name of the next value, segment by segment.
    path: Vec<String>,
    shape: Option<Shape>,
    flat: bool,
    open: Vec<Frame>,
}

struct Frame {
    /// The length of the container's own name.
    depth: usize,
    shape: Option<Shape>,
    wrapper: Option<&'static str>,
    count: usize,
}

impl FormWriter {
    fn begin(&mut self, wrapper: &'static str) {
        let wrapper = (!self.flat || self.spelling == Spelling::Wrapped).then_some(wrapper);
        self.open.push(Frame { depth: self.path.len(), shape: self.shape, wrapper, count: 0 });
    }

    /// Goes to the next item of the innermost container.
    fn step(&mut self) {
        let frame = self.open.last_mut().expect("an item is inside a container");
        frame.count += 1;
        self.path.truncate(frame.depth);
        self.path.extend(frame.wrapper.map(str::to_owned));
        self.path.push(frame.count.to_string());
        self.flat = false;
    }

    fn scalar(&mut self, text: &str) {
        self.text.push('&');
        self.text.push_str(&self.path.join("."));
        self.text.push('=');
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => self.text.push(char::from(byte)),
                b' ' => self.text.push('+'),
                _ => write!(self.text, "%{byte:02X}").expect("writing to memory does not fail"),
            }
        }
    }
}

impl Writer for FormWriter {
    fn begin_struct(&mut self, _: &'static StructShape) {
        self.begin("");
    }

    fn member(&mut self, member: &'static Member) {
        let depth = self.open.last().expect("a member is inside a structure").depth;
        self.path.truncate(depth);
        let name = if self.spelling == Spelling::Schema { member.location } else { member.name };
        self.path.push(name.to_owned());
        (self.shape, self.flat) = (Some(member.shape), member.flattened);
    }

    fn end_struct(&mut self) {
        self.open.pop();
    }

    fn begin_list(&mut self, len: usize) {
        if len == 0 {
            self.scalar("");
        }
        self.begin("member");
    }

    fn item(&mut self) {
        self.step();
        if let Some(Shape::List(list)) = self.open.last().and_then(|frame| frame.shape) {
            self.shape = Some(list.item);
        }
    }

    fn end_list(&mut self) {
        self.open.pop();
    }

    fn begin_map(&mut self, len: usize) {
        if len == 0 {
            self.scalar("");
        }
        self.begin("entry");
    }

    fn key(&mut self, key: &str) {
        self.step();
        let Some(Shape::Map(map)) = self.open.last().and_then(|frame| frame.shape) else {
            panic!("a key without a map")
        };
        let wrapped = self.spelling == Spelling::Wrapped;
        let (key_name, value_name) = if wrapped { ("key", "value") } else { (map.key_name, map.value_name) };
        self.path.push(key_name.to_owned());
        self.scalar(key);
        self.path.pop();
        self.path.push(value_name.to_owned());
        self.shape = Some(map.value);
    }

    fn end_entry(&mut self) {}

    fn end_map(&mut self) {
        self.open.pop();
    }

    fn string(&mut self, value: &str) {
        self.scalar(value);
    }

    fn blob(&mut self, value: &[u8]) {
        self.scalar(&base64_simd::STANDARD.encode_to_string(value));
    }

    fn boolean(&mut self, value: bool) {
        self.scalar(if value { "true" } else { "false" });
    }

    fn long(&mut self, value: i64) {
        self.scalar(&value.to_string());
    }

    fn double(&mut self, value: f64) {
        self.scalar(&value.to_string());
    }

    fn timestamp(&mut self, value: Timestamp) {
        self.scalar(&value.to_string());
    }
}
