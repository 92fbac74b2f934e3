//! Every record that lease tables and the metric sink journal, on one screen. Written with `engine::fields`: integers big-endian,
//! `text` and `bytes` a length of 4 and so many bytes, `option` 0 or 1 and what it is of, `number 8` the bits of a double.
//!
//! ```text
//! kind 1 v1   opened       account 12 │ region text
//! kind 2 v1   table put    about
//! kind 3 v1   table gone   number 4
//! kind 4 v1   item put     table's number 4 │ item
//! kind 5 v1   item gone    table's number 4 │ item: its key alone
//! kind 6 v1   token noted  token text │ fingerprint 32 │ at 8
//! kind 7 v1   metrics put  count 4 × series
//! kind 8 v1   cleared      (nothing): no tables, tokens and metrics any more
//! about       number 4 │ name text │ id text │ created at 8 │ key │ capacity │ count 4 × index │ protected 1 │ tags
//! key         attribute │ option attribute           attribute  name text │ kind 1
//! capacity    0, or 1 │ read 8 │ write 8
//! index       name text │ key │ projection │ capacity
//! projection  0 all, 1 keys only, or 2 │ count 4 × name text
//! tags        count 4 × ( key text │ value text )
//! item        count 4 × ( name text │ value )
//! value       kind 1, and then:  1 text │ 2 number │ 3 bytes │ 4 count 4 × text │ 5 count 4 × number │ 6 count 4 × bytes
//!             7 item │ 8 count 4 × value │ 9 flag 1 │ 10 nothing
//! number      negative 1 │ magnitude 2 │ digits bytes, one each
//! series      namespace text │ name text │ count 4 × ( name text │ value text ) │ unit text
//!             at 8 │ put at 8 │ count 8 │ sum 8 │ min 8 │ max 8
//! snapshot v1 account 12 │ region text │ next table 4 │ count 4 × ( about │ count 4 × item ) │ count 4 × token │ count 4 × series
//! ```
//! The kinds of attributes are those of values. The first record of a partition is `opened`.

use crate::machine::{Room, RoomKey, Token};
use crate::metric::{Latest, Series, Sink};
use crate::number::Number;
use crate::table::{About, Capacity, Index, KeyAttribute, KeySchema, Projection, Table};
use crate::value::{Item, Kind, Value};
use bytes::Bytes;
use engine::MalformedRecord;
use engine::fields::{Fields, put_bytes, put_count, put_instant, put_option, put_pairs, put_text};
use std::sync::Arc;

/// The family of partitions that are an account's lease tables and metrics in a region.
pub const FAMILY: u8 = 7;

const OPENED: u8 = 1;
const TABLE_PUT: u8 = 2;
const TABLE_GONE: u8 = 3;
const ITEM_PUT: u8 = 4;
const ITEM_GONE: u8 = 5;
const TOKEN_NOTED: u8 = 6;
const METRICS_PUT: u8 = 7;
const CLEARED: u8 = 8;
/// The version of all records, and of the snapshot.
pub(crate) const VERSION: u8 = 1;

/// Levels of values inside one another that are read: what the door lets in, and the attribute itself.
const DEPTH_MAX: usize = crate::limits::NESTING_MAX + 1;

/// A journaled change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    Opened(RoomKey),
    TablePut(Arc<About>),
    TableGone(u32),
    ItemPut(u32, Arc<Item>),
    /// With the item's key.
    ItemGone(u32, Item),
    TokenNoted(Box<str>, Token),
    MetricsPut(Vec<(Series, Latest)>),
    Cleared,
}

impl engine::Effect for Effect {
    fn kind(&self) -> u8 {
        match self {
            Self::Opened(_) => OPENED,
            Self::TablePut(_) => TABLE_PUT,
            Self::TableGone(_) => TABLE_GONE,
            Self::ItemPut(..) => ITEM_PUT,
            Self::ItemGone(..) => ITEM_GONE,
            Self::TokenNoted(..) => TOKEN_NOTED,
            Self::MetricsPut(_) => METRICS_PUT,
            Self::Cleared => CLEARED,
        }
    }

    fn version(&self) -> u8 {
        VERSION
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Opened(key) => put_key(key, out),
            Self::TablePut(about) => put_about(about, out),
            Self::TableGone(number) => out.extend(number.to_be_bytes()),
            Self::ItemPut(number, item) => {
                out.extend(number.to_be_bytes());
                put_item(item, out);
            }
            Self::ItemGone(number, key) => {
                out.extend(number.to_be_bytes());
                put_item(key, out);
            }
            Self::TokenNoted(token, noted) => put_token(token, noted, out),
            Self::MetricsPut(data) => {
                put_count(data.len(), out);
                data.iter().for_each(|(series, latest)| put_series(series, latest, out));
            }
            Self::Cleared => {}
        }
    }

    fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind, version, why };
        if version != VERSION {
            return Err(malformed("a version that this program does not know"));
        }
        let mut fields = Fields::new(payload);
        let effect = match kind {
            OPENED => room_key(&mut fields).map(Self::Opened),
            TABLE_PUT => about(&mut fields).map(|about| Self::TablePut(Arc::new(about))),
            TABLE_GONE => fields.u32().map(Self::TableGone),
            ITEM_PUT => of_item(&mut fields).map(|(number, item)| Self::ItemPut(number, Arc::new(item))),
            ITEM_GONE => of_item(&mut fields).map(|(number, key)| Self::ItemGone(number, key)),
            TOKEN_NOTED => token(&mut fields).map(|(token, noted)| Self::TokenNoted(token, noted)),
            METRICS_PUT => fields.list(series).map(Self::MetricsPut),
            CLEARED => Some(Self::Cleared),
            _ => return Err(malformed("a kind that this program does not know")),
        };
        effect.and_then(|effect| fields.end(effect)).ok_or_else(|| malformed("its fields do not fit its length"))
    }

    fn frees(&self) -> bool {
        matches!(self, Self::TableGone(_) | Self::ItemGone(..) | Self::Cleared)
    }
}

/// The whole state of an account in a region.
pub(crate) fn put_room(room: &Room, out: &mut Vec<u8>) {
    let Some(key) = &room.key else { return };
    put_key(key, out);
    out.extend(room.next_table.to_be_bytes());
    put_count(room.tables.len(), out);
    for table in room.tables.values() {
        put_about(&table.about, out);
        put_count(table.items.len(), out);
        table.items.values().for_each(|item| put_item(item, out));
    }
    put_count(room.tokens.len(), out);
    room.tokens.iter().for_each(|(token, noted)| put_token(token, noted, out));
    put_count(room.metrics.all().len(), out);
    room.metrics.all().iter().for_each(|(series, latest)| put_series(series, latest, out));
}

/// Reads what [`put_room`] wrote.
pub(crate) fn room(state: &[u8]) -> Option<Room> {
    let mut fields = Fields::new(state);
    let (key, next_table) = (room_key(&mut fields)?, fields.u32()?);
    let tables = fields.list(|fields| table(fields).map(|table| (table.about.name.clone(), table)))?;
    let tokens = fields.list(token)?;
    let metrics = fields.list::<_, Vec<_>>(series)?.into_iter().collect::<Sink>();
    let mut room = Room::of_tables(key, next_table, tables);
    (room.tokens, room.metrics) = (tokens, metrics);
    fields.end(room)
}

fn put_key(key: &RoomKey, out: &mut Vec<u8>) {
    out.extend(key.account.as_str().as_bytes());
    put_text(key.region.as_str(), out);
}

fn room_key(fields: &mut Fields<'_>) -> Option<RoomKey> {
    Some(RoomKey { account: fields.account()?, region: fields.region()? })
}

fn table(fields: &mut Fields<'_>) -> Option<Table> {
    let mut table = Table::new(Arc::new(about(fields)?));
    for _ in 0..fields.count()? {
        let item = item(fields, 0)?;
        table.put(crate::key::place_of(&table.about.key, &item)?, Arc::new(item));
    }
    Some(table)
}

fn put_about(about: &About, out: &mut Vec<u8>) {
    out.extend(about.number.to_be_bytes());
    put_text(&about.name, out);
    put_text(&about.id, out);
    put_instant(about.created_at, out);
    put_schema(&about.key, out);
    put_capacity(about.capacity, out);
    put_count(about.indexes.len(), out);
    about.indexes.iter().for_each(|index| put_index(index, out));
    out.push(u8::from(about.deletion_protected));
    put_pairs(about.tags.iter().map(|(key, value)| (&**key, &**value)), out);
}

fn about(fields: &mut Fields<'_>) -> Option<About> {
    Some(About {
        number: fields.u32()?,
        name: fields.text()?,
        id: fields.text()?,
        created_at: fields.instant()?,
        key: schema(fields)?,
        capacity: capacity(fields)?,
        indexes: fields.list(index)?,
        deletion_protected: fields.flag()?,
        tags: fields.pairs()?,
    })
}

fn put_schema(schema: &KeySchema, out: &mut Vec<u8>) {
    put_attribute(&schema.hash, out);
    put_option(schema.range.as_ref(), out, put_attribute);
}

fn schema(fields: &mut Fields<'_>) -> Option<KeySchema> {
    Some(KeySchema { hash: attribute(fields)?, range: fields.option(attribute)? })
}

fn put_attribute(key: &KeyAttribute, out: &mut Vec<u8>) {
    put_text(&key.name, out);
    out.push(number_of(key.kind));
}

fn attribute(fields: &mut Fields<'_>) -> Option<KeyAttribute> {
    let name = fields.text()?;
    let kind = kind(fields.byte()?)?;
    kind.is_ordered().then_some(KeyAttribute { name, kind })
}

fn put_capacity(capacity: Capacity, out: &mut Vec<u8>) {
    match capacity {
        Capacity::OnDemand => out.push(0),
        Capacity::Provisioned { read, write } => {
            out.push(1);
            out.extend(read.to_be_bytes());
            out.extend(write.to_be_bytes());
        }
    }
}

fn capacity(fields: &mut Fields<'_>) -> Option<Capacity> {
    Some(match fields.flag()? {
        false => Capacity::OnDemand,
        true => Capacity::Provisioned { read: fields.u64()?, write: fields.u64()? },
    })
}

fn put_index(index: &Index, out: &mut Vec<u8>) {
    put_text(&index.name, out);
    put_schema(&index.key, out);
    match &index.projection {
        Projection::All => out.push(0),
        Projection::KeysOnly => out.push(1),
        Projection::Include(names) => {
            out.push(2);
            put_count(names.len(), out);
            names.iter().for_each(|name| put_text(name, out));
        }
    }
    put_capacity(index.capacity, out);
}

fn index(fields: &mut Fields<'_>) -> Option<Index> {
    Some(Index {
        name: fields.text()?,
        key: schema(fields)?,
        projection: match fields.byte()? {
            0 => Projection::All,
            1 => Projection::KeysOnly,
            2 => Projection::Include(fields.list(Fields::text)?),
            _ => return None,
        },
        capacity: capacity(fields)?,
    })
}

fn of_item(fields: &mut Fields<'_>) -> Option<(u32, Item)> {
    Some((fields.u32()?, item(fields, 0)?))
}

fn put_item(item: &Item, out: &mut Vec<u8>) {
    put_attributes(item.0.iter(), out);
}

fn put_attributes<'a>(attributes: impl ExactSizeIterator<Item = (&'a Box<str>, &'a Value)>, out: &mut Vec<u8>) {
    put_count(attributes.len(), out);
    for (name, value) in attributes {
        put_text(name, out);
        put_value(value, out);
    }
}

fn item(fields: &mut Fields<'_>, depth: usize) -> Option<Item> {
    fields.list(|fields| Some((fields.text()?, value(fields, depth)?))).map(Item)
}

fn put_value(value: &Value, out: &mut Vec<u8>) {
    out.push(number_of(value.kind()));
    match value {
        Value::Text(text) => put_text(text, out),
        Value::Number(number) => put_number(number, out),
        Value::Binary(bytes) => put_bytes(bytes, out),
        Value::Texts(texts) => {
            put_count(texts.len(), out);
            texts.iter().for_each(|text| put_text(text, out));
        }
        Value::Numbers(numbers) => {
            put_count(numbers.len(), out);
            numbers.iter().for_each(|number| put_number(number, out));
        }
        Value::Binaries(all) => {
            put_count(all.len(), out);
            all.iter().for_each(|bytes| put_bytes(bytes, out));
        }
        Value::Map(map) => put_attributes(map.iter(), out),
        Value::List(list) => {
            put_count(list.len(), out);
            list.iter().for_each(|value| put_value(value, out));
        }
        Value::Bool(value) => out.push(u8::from(*value)),
        Value::Null => {}
    }
}

fn value(fields: &mut Fields<'_>, depth: usize) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    Some(match kind(fields.byte()?)? {
        Kind::Text => Value::Text(fields.text()?),
        Kind::Number => Value::Number(number(fields)?),
        Kind::Binary => Value::Binary(Bytes::copy_from_slice(fields.bytes()?)),
        Kind::Texts => Value::Texts(fields.list(Fields::text)?),
        Kind::Numbers => Value::Numbers(fields.list(number)?),
        Kind::Binaries => Value::Binaries(fields.list(|fields| fields.bytes().map(Bytes::copy_from_slice))?),
        Kind::Map => Value::Map(item(fields, depth + 1)?.0),
        Kind::List => Value::List(fields.list(|fields| value(fields, depth + 1))?),
        Kind::Bool => Value::Bool(fields.flag()?),
        Kind::Null => Value::Null,
    })
}

fn put_number(number: &Number, out: &mut Vec<u8>) {
    let (negative, magnitude, digits) = number.parts();
    out.push(u8::from(negative));
    out.extend(magnitude.to_be_bytes());
    put_bytes(digits, out);
}

fn number(fields: &mut Fields<'_>) -> Option<Number> {
    let negative = fields.flag()?;
    let magnitude = fields.array().map(i16::from_be_bytes)?;
    Number::of_parts(negative, magnitude, fields.bytes()?)
}

fn number_of(kind: Kind) -> u8 {
    match kind {
        Kind::Text => 1,
        Kind::Number => 2,
        Kind::Binary => 3,
        Kind::Texts => 4,
        Kind::Numbers => 5,
        Kind::Binaries => 6,
        Kind::Map => 7,
        Kind::List => 8,
        Kind::Bool => 9,
        Kind::Null => 10,
    }
}

fn kind(number: u8) -> Option<Kind> {
    Some(match number {
        1 => Kind::Text,
        2 => Kind::Number,
        3 => Kind::Binary,
        4 => Kind::Texts,
        5 => Kind::Numbers,
        6 => Kind::Binaries,
        7 => Kind::Map,
        8 => Kind::List,
        9 => Kind::Bool,
        10 => Kind::Null,
        _ => return None,
    })
}

fn put_token(token: &str, noted: &Token, out: &mut Vec<u8>) {
    put_text(token, out);
    out.extend(noted.fingerprint);
    put_instant(noted.at, out);
}

fn token(fields: &mut Fields<'_>) -> Option<(Box<str>, Token)> {
    Some((fields.text()?, Token { fingerprint: fields.array()?, at: fields.instant()? }))
}

fn put_series(series: &Series, latest: &Latest, out: &mut Vec<u8>) {
    put_text(&series.namespace, out);
    put_text(&series.name, out);
    put_pairs(series.dimensions.iter().map(|(name, value)| (&**name, &**value)), out);
    put_text(&series.unit, out);
    put_instant(latest.at, out);
    put_instant(latest.put_at, out);
    for number in [latest.count, latest.sum, latest.min, latest.max] {
        out.extend(number.to_bits().to_be_bytes());
    }
}

fn series(fields: &mut Fields<'_>) -> Option<(Series, Latest)> {
    let series =
        Series { namespace: fields.text()?, name: fields.text()?, dimensions: fields.pairs()?, unit: fields.text()? };
    let (at, put_at) = (fields.instant()?, fields.instant()?);
    let mut double = || fields.u64().map(f64::from_bits);
    let (count, sum, min, max) = (double()?, double()?, double()?, double()?);
    Some((series, Latest { at, put_at, count, sum, min, max }))
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
