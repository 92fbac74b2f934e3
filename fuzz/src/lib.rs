//! A shape with a member of every kind, one of them itself, for the codecs to be fuzzed with.
//!
//! Written by hand as generated shapes are; what a codec reads into it, it must be able to write and read again alike.

use bytes::Bytes;
use wire::schema::{ListShape, MapShape, Member, Rules, Shape, StructShape};
use wire::{Invalid, Read, Reader, Timestamp, Write, Writer, put_some, read_struct};

static LIST: ListShape =
    ListShape { name: "Things", item_name: "member", item: Shape::Struct(&THING), item_rules: Rules::NONE };
static TEXTS: ListShape = ListShape { name: "Texts", item_name: "member", item: Shape::String, item_rules: Rules::NONE };
static MAP: MapShape = MapShape {
    name: "Map",
    key_name: "key",
    value_name: "value",
    value: Shape::String,
    key_rules: Rules::NONE,
    value_rules: Rules::NONE,
};
static THING: StructShape = StructShape {
    name: "Thing",
    members: &[
        Member::new("Text", Shape::String),
        Member::new("Whole", Shape::Integer),
        Member::new("Long", Shape::Long),
        Member::new("Number", Shape::Double),
        Member::new("Flag", Shape::Boolean),
        Member::new("Bytes", Shape::Blob),
        Member::new("At", Shape::Timestamp),
        Member::new("Things", Shape::List(&LIST)),
        Member::new("Texts", Shape::List(&TEXTS)).flat(),
        Member::new("Map", Shape::Map(&MAP)).at("Entry").flat(),
    ],
};

/// A value of every kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Thing {
    text: Option<String>,
    whole: Option<i32>,
    long: Option<i64>,
    number: Option<f64>,
    flag: Option<bool>,
    bytes: Option<Bytes>,
    at: Option<Timestamp>,
    things: Option<Vec<Thing>>,
    texts: Option<Vec<String>>,
    map: Option<Vec<(String, String)>>,
}

impl Thing {
    /// Whether it equals itself: numbers that are none do not.
    pub fn is_comparable(&self) -> bool {
        self.number.is_none_or(|number| !number.is_nan()) && self.things.iter().flatten().all(Self::is_comparable)
    }
}

impl Read for Thing {
    fn read(reader: &mut dyn Reader) -> Result<Self, Invalid> {
        let mut thing = Self::default();
        read_struct(reader, &THING, |member, reader| {
            match member {
                0 => thing.text = Some(reader.string()?),
                1 => thing.whole = Some(reader.integer()?),
                2 => thing.long = Some(reader.long()?),
                3 => thing.number = Some(reader.double()?),
                4 => thing.flag = Some(reader.boolean()?),
                5 => thing.bytes = Some(reader.blob()?),
                6 => thing.at = Some(reader.timestamp()?),
                7 => thing.things = Some(items(reader, Self::read)?),
                8 => thing.texts = Some(items(reader, |reader| reader.string())?),
                _ => thing.map = Some(entries(reader)?),
            }
            Ok(())
        })?;
        Ok(thing)
    }
}

fn items<T>(
    reader: &mut dyn Reader,
    item: impl Fn(&mut dyn Reader) -> Result<T, Invalid>,
) -> Result<Vec<T>, Invalid> {
    reader.begin_list()?;
    let mut items = Vec::new();
    while reader.next_item()? {
        items.push(item(reader)?);
    }
    Ok(items)
}

fn entries(reader: &mut dyn Reader) -> Result<Vec<(String, String)>, Invalid> {
    reader.begin_map()?;
    let mut entries = Vec::new();
    while let Some(key) = reader.next_key()? {
        entries.push((key, reader.string()?));
    }
    Ok(entries)
}

struct Integer(i64);
struct Entries<'a>(&'a [(String, String)]);

impl Write for Integer {
    fn write(&self, writer: &mut dyn Writer) {
        writer.long(self.0);
    }
}

impl Write for Entries<'_> {
    fn write(&self, writer: &mut dyn Writer) {
        writer.begin_map(self.0.len());
        for (key, value) in self.0 {
            writer.key(key);
            writer.string(value);
            writer.end_entry();
        }
        writer.end_map();
    }
}

impl Write for Thing {
    fn write(&self, writer: &mut dyn Writer) {
        let members = THING.members;
        writer.begin_struct(&THING);
        put_some(writer, &members[0], self.text.as_ref());
        put_some(writer, &members[1], self.whole.map(|whole| Integer(whole.into())).as_ref());
        put_some(writer, &members[2], self.long.map(Integer).as_ref());
        put_some(writer, &members[3], self.number.as_ref());
        put_some(writer, &members[4], self.flag.as_ref());
        put_some(writer, &members[5], self.bytes.as_ref());
        put_some(writer, &members[6], self.at.as_ref());
        put_some(writer, &members[7], self.things.as_ref());
        put_some(writer, &members[8], self.texts.as_ref());
        put_some(writer, &members[9], self.map.as_deref().map(Entries).as_ref());
        writer.end_struct();
    }
}
