//! A sorted form to values.
//!
//! A place in the tree is the slice of fields below it and where in their names the next segment begins. Structures are
//! walked in the schema's order, asking the slice for each member; lists and maps in the order of their indexes.

use super::form::{Field, index};
use crate::contract;
use crate::invalid::{Expected, Found, Invalid, Problem, Segment};
use crate::limits::{DEPTH_MAX, ENTRIES_MAX};
use crate::schema::{ListShape, MapShape, Member, Shape, StructShape};
use crate::timestamp::Timestamp;
use bytes::Bytes;

/// Reads the tree of one form.
pub struct FormReader<'f> {
    /// The place of the value that is read next, and its shape once a member or item has said it.
    next: Place<'f>,
    shape: Option<Shape>,
    open: Vec<Frame<'f>>,
    entries: usize,
}

#[derive(Clone, Copy)]
struct Place<'f> {
    fields: &'f [Field<'f>],
    /// Where the next segment begins in every name; one more than the length of the place's own name.
    start: usize,
}

enum Frame<'f> {
    Struct { place: Place<'f>, member: usize },
    List { items: Items<'f>, shape: Option<&'static ListShape> },
    Map { items: Items<'f>, shape: Option<&'static MapShape>, count: usize },
}

/// What a list or map consists of.
enum Items<'f> {
    /// What follows under indexes.
    Indexed(Place<'f>),
    /// One item without an index, until it is taken.
    Single(Option<Place<'f>>),
}

impl<'f> Place<'f> {
    /// The place below this segment.
    fn child(self, segment: &str) -> Option<Self> {
        let below = |field: &&Field<'_>| self.segment(field) == Some(segment);
        let first = self.fields.iter().position(|field| below(&field))?;
        let fields = &self.fields[first..];
        let len = fields.iter().take_while(below).count();
        Some(Self { fields: &fields[..len], start: self.start + segment.len() + 1 })
    }

    fn segment<'n>(self, field: &'n Field<'_>) -> Option<&'n str> {
        field.name.get(self.start..)?.split('.').next()
    }

    /// Splits the item with the lowest index off.
    fn split_item(&mut self) -> Option<Self> {
        let mut indexed = self.fields.iter().map(|field| self.segment(field).filter(|text| index(text).is_some()));
        let (first, segment) = indexed.by_ref().enumerate().find_map(|(at, found)| Some((at, found?)))?;
        let len = 1 + indexed.take_while(|found| *found == Some(segment)).count();
        let item = Self { fields: &self.fields[first..first + len], start: self.start + segment.len() + 1 };
        self.fields = &self.fields[first + len..];
        Some(item)
    }

    fn has_items(mut self) -> bool {
        self.split_item().is_some()
    }

    /// The value of the place's own name. Shorter names sort first, and of equal ones the last counts.
    fn text(self) -> Option<&'f str> {
        let own = self.fields.iter().take_while(|field| field.name.len() + 1 == self.start);
        own.last().map(|field| &*field.value)
    }

    fn member(self, member: &Member) -> Option<Self> {
        let usable = |place: &Self| !member.shape.is_scalar() || place.text().is_some();
        let named = self.child(member.location).filter(usable);
        named.or_else(|| self.child(member.name).filter(usable))
    }

    /// The items of a list or map, below the place itself or below `wrapper` or `name`; `single` says whether the place
    /// itself is one item without an index.
    fn items(self, wrapper: &str, name: Option<&str>, single: bool) -> Items<'f> {
        let wrapped = || [Some(wrapper), name].into_iter().flatten().filter_map(|segment| self.child(segment));
        match std::iter::once(self).chain(wrapped()).find(|place| place.has_items()) {
            Some(place) => Items::Indexed(place),
            None => Items::Single(single.then_some(self)),
        }
    }
}

impl<'f> Items<'f> {
    fn next(&mut self) -> Option<Place<'f>> {
        match self {
            Self::Indexed(place) => place.split_item(),
            Self::Single(place) => place.take(),
        }
    }
}

impl<'f> FormReader<'f> {
    pub(super) fn new(fields: &'f [Field<'f>]) -> Self {
        Self { next: Place { fields, start: 0 }, shape: None, open: Vec::new(), entries: 0 }
    }

    fn push(&mut self, frame: Frame<'f>) -> Result<(), Invalid> {
        if self.open.len() == DEPTH_MAX {
            return Err(Problem::TooDeep.into());
        }
        self.open.push(frame);
        Ok(())
    }

    fn count_entry(&mut self) -> Result<(), Invalid> {
        self.entries += 1;
        if self.entries > ENTRIES_MAX {
            return Err(Problem::TooMany.into());
        }
        Ok(())
    }

    fn text(&self, expected: Expected) -> Result<&'f str, Invalid> {
        let found = if self.next.fields.is_empty() { Found::Null } else { Found::Object };
        self.next.text().ok_or_else(|| Problem::WrongType { expected, found }.into())
    }

    fn parse<T: std::str::FromStr>(&self, expected: Expected) -> Result<T, Invalid> {
        let text = self.text(expected)?;
        let digits = text.strip_prefix('-').unwrap_or(text);
        let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().map_err(|_| {
            let wrong = Problem::WrongType { expected, found: Found::String };
            if number { Problem::OutOfRange { expected } } else { wrong }.into()
        })
    }

    /// Splits a map's next entry into its key and the place of its value.
    fn entry(item: Place<'f>, shape: Option<&'static MapShape>) -> Option<(&'f str, Place<'f>)> {
        let key_names = shape.map(|shape| shape.key_name).into_iter().chain(["Name", "key", "Key"]);
        let value_names = shape.map(|shape| shape.value_name).into_iter().chain(["Value", "value"]);
        let key = key_names.filter_map(|name| item.child(name)?.text()).next()?;
        let value = value_names.filter_map(|name| item.child(name)).next();
        Some((key, value.unwrap_or(Place { fields: &[], start: 0 })))
    }
}

impl contract::Reader for FormReader<'_> {
    fn begin_struct(&mut self) -> Result<(), Invalid> {
        self.push(Frame::Struct { place: self.next, member: 0 })
    }

    fn next_member(&mut self, shape: &'static StructShape) -> Result<Option<usize>, Invalid> {
        let Some(Frame::Struct { place, member }) = self.open.last_mut() else {
            unreachable!("a member is asked for only inside a structure");
        };
        while let Some(candidate) = shape.members.get(*member) {
            *member += 1;
            if let Some(found) = place.member(candidate) {
                self.next = found;
                self.shape = Some(candidate.shape);
                return Ok(Some(*member - 1));
            }
        }
        self.open.pop();
        Ok(None)
    }

    fn begin_list(&mut self) -> Result<(), Invalid> {
        let shape = if let Some(Shape::List(shape)) = self.shape { Some(shape) } else { None };
        // Clients write an empty list as the bare name with an empty value, and old ones a single item so.
        let single = self.next.text().is_some_and(|text| !text.is_empty());
        let items = self.next.items("member", shape.map(|shape| shape.item_name), single);
        self.push(Frame::List { items, shape })
    }

    fn next_item(&mut self) -> Result<bool, Invalid> {
        let Some(Frame::List { items, shape }) = self.open.last_mut() else {
            unreachable!("an item is asked for only inside a list");
        };
        let Some(item) = items.next() else {
            self.open.pop();
            return Ok(false);
        };
        self.shape = shape.map(|shape| shape.item);
        self.next = item;
        self.count_entry()?;
        Ok(true)
    }

    fn begin_map(&mut self) -> Result<(), Invalid> {
        let shape = if let Some(Shape::Map(shape)) = self.shape { Some(shape) } else { None };
        let single = Self::entry(self.next, shape).is_some();
        let items = self.next.items("entry", None, single);
        self.push(Frame::Map { items, shape, count: 0 })
    }

    fn next_key(&mut self) -> Result<Option<String>, Invalid> {
        let Some(Frame::Map { items, shape, count }) = self.open.last_mut() else {
            unreachable!("a key is asked for only inside a map");
        };
        let Some(item) = items.next() else {
            self.open.pop();
            return Ok(None);
        };
        let Some((key, value)) = Self::entry(item, *shape) else {
            return Err(Invalid::new(Problem::MissingKey).inside(Segment::Index(*count)));
        };
        *count += 1;
        self.shape = shape.map(|shape| shape.value);
        self.next = value;
        self.count_entry()?;
        Ok(Some(key.to_owned()))
    }

    fn string(&mut self) -> Result<String, Invalid> {
        self.text(Expected::String).map(str::to_owned)
    }

    fn blob(&mut self) -> Result<Bytes, Invalid> {
        let text = self.text(Expected::Blob)?;
        let blob = base64_simd::STANDARD.decode_to_vec(text.as_bytes()).map_err(|_| Problem::BadBase64)?;
        Ok(blob.into())
    }

    fn boolean(&mut self) -> Result<bool, Invalid> {
        self.parse(Expected::Boolean)
    }

    fn integer(&mut self) -> Result<i32, Invalid> {
        self.parse(Expected::Integer)
    }

    fn long(&mut self) -> Result<i64, Invalid> {
        self.parse(Expected::Long)
    }

    fn double(&mut self) -> Result<f64, Invalid> {
        self.parse(Expected::Double)
    }

    fn timestamp(&mut self) -> Result<Timestamp, Invalid> {
        let text = self.text(Expected::Timestamp)?;
        let seconds = || text.parse().ok().and_then(Timestamp::from_seconds);
        Timestamp::parse_iso8601(text).or_else(seconds).ok_or_else(|| Problem::BadTimestamp.into())
    }

    fn finish(&mut self) -> Result<(), Invalid> {
        Ok(())
    }
}
