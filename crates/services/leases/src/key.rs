//! Where an item stands: keys of tables and indexes as bytes whose order is that of Scan and Query.
//!
//! ```text
//! hash of the partition key 8 │ partition key, escaped │ sort key, escaped, if there is one │ in an index: the table's key
//! escaped: kind 1 │ bytes, 00 as 00 FF │ 00 01
//! ```
//! A scan goes by the hash, so a segment of it is a range of hashes; the items of one partition key stand together, in the order of
//! their sort keys: text and binary by bytes, numbers by value. Nothing of this is kept on disk.

use crate::limits;
use crate::refusal::Refusal;
use crate::table::{KeyAttribute, KeySchema};
use crate::value::{Item, Kind, Value};
use md5::{Digest, Md5};

/// A place in a table or an index.
pub(crate) type Place = Box<[u8]>;

/// Bytes of a hash.
pub(crate) const HASH_BYTES: usize = 8;

/// The place of an item with these values of its key.
pub(crate) fn place(hash: &Value, range: Option<&Value>) -> Vec<u8> {
    let mut out = partition(hash);
    if let Some(range) = range {
        put_value(range, &mut out);
    }
    out
}

/// What all places of a partition key begin with.
pub(crate) fn partition(hash: &Value) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    put_value(hash, &mut key);
    let digest = Md5::digest(&key);
    let mut out = digest[..HASH_BYTES].to_vec();
    out.extend(key);
    out
}

/// A value of a key, and the end of it.
pub(crate) fn put_value(value: &Value, out: &mut Vec<u8>) {
    put_beginning(value, out);
    out.extend([0, 1]);
}

/// A value of a key without its end: what all values begin with that begin with it.
pub(crate) fn put_beginning(value: &Value, out: &mut Vec<u8>) {
    let mut raw = Vec::new();
    let (kind, bytes): (u8, &[u8]) = match value {
        Value::Text(text) => (1, text.as_bytes()),
        Value::Number(number) => {
            number.ordered(&mut raw);
            (2, &raw)
        }
        Value::Binary(bytes) => (3, bytes),
        // Keys of other kinds were refused at the door.
        _ => (4, &[]),
    };
    out.push(kind);
    for byte in bytes {
        out.push(*byte);
        if *byte == 0 {
            out.push(0xFF);
        }
    }
}

/// The place of an item in a table, whose key it has.
pub(crate) fn place_of(schema: &KeySchema, item: &Item) -> Option<Place> {
    let hash = item.get(&schema.hash.name)?;
    let range = match &schema.range {
        Some(range) => Some(item.get(&range.name)?),
        None => None,
    };
    Some(place(hash, range).into())
}

/// The place of an item in an index; none where it has not all of the index's key, or where one that was there before the index has a
/// value too large for it.
pub(crate) fn place_in_index(index: &KeySchema, item: &Item, of_table: &[u8]) -> Option<Place> {
    let has = |key: &KeyAttribute, most: usize| {
        item.get(&key.name).filter(|value| value.kind() == key.kind && value.size() <= most)
    };
    let hash = has(&index.hash, limits::HASH_KEY_BYTES_MAX)?;
    let range = match &index.range {
        Some(range) => Some(has(range, limits::RANGE_KEY_BYTES_MAX)?),
        None => None,
    };
    let mut out = place(hash, range);
    out.extend_from_slice(of_table);
    Some(out.into())
}

/// The part of an item that is its key.
pub(crate) fn key_of(schema: &KeySchema, item: &Item) -> Item {
    let attributes = schema.attributes().filter_map(|key| Some((key.name.clone(), item.get(&key.name)?.clone())));
    Item(attributes.collect())
}

/// Whether these attributes are a key of the table, no more and no less.
pub(crate) fn check_key(schema: &KeySchema, key: &Item) -> Result<(), Refusal> {
    let fits = |attribute: &KeyAttribute| key.get(&attribute.name).is_some_and(|value| value.kind() == attribute.kind);
    if key.0.len() != schema.attributes().count() || !schema.attributes().all(fits) {
        return Err(Refusal::validation("The provided key element does not match the schema"));
    }
    check_values(schema, key)
}

/// Whether an item that is put has a key that the table takes.
pub(crate) fn check_item(schema: &KeySchema, item: &Item) -> Result<(), Refusal> {
    for key in schema.attributes() {
        let name = &key.name;
        let value = item.get(name).ok_or_else(|| Refusal::invalid(format!("Missing the key {name} in the item")))?;
        if value.kind() != key.kind {
            let (expected, actual) = (key.kind.letters(), value.kind().letters());
            let mismatch = format!("Type mismatch for key {name} expected: {expected} actual: {actual}");
            return Err(Refusal::invalid(mismatch));
        }
    }
    check_values(schema, item)
}

fn check_values(schema: &KeySchema, key: &Item) -> Result<(), Refusal> {
    for (nth, attribute) in schema.attributes().enumerate() {
        let Some(value) = key.get(&attribute.name) else { continue };
        if is_empty(value) {
            let (what, name) = (if value.kind() == Kind::Binary { "binary" } else { "string" }, &attribute.name);
            return Err(Refusal::validation(format!(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {what} value. Key: {name}"
            )));
        }
        check_size(nth, value)?;
    }
    Ok(())
}

/// Whether the value of a key's first or second attribute is not too large.
fn check_size(nth: usize, value: &Value) -> Result<(), Refusal> {
    let (most, sentence) = match nth {
        0 => (limits::HASH_KEY_BYTES_MAX, "Size of hashkey has exceeded the maximum size limit of2048 bytes"),
        _ => {
            (limits::RANGE_KEY_BYTES_MAX, "Aggregated size of all range keys has exceeded the size limit of 1024 bytes")
        }
    };
    if value.size() > most { Err(Refusal::invalid(sentence)) } else { Ok(()) }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.is_empty(),
        Value::Binary(bytes) => bytes.is_empty(),
        _ => false,
    }
}

/// Whether an item can stand in an index, if it has that index's attributes.
pub(crate) fn check_for_index(name: &str, index: &KeySchema, item: &Item) -> Result<(), Refusal> {
    for (nth, key) in index.attributes().enumerate() {
        let Some(value) = item.get(&key.name) else { continue };
        if value.kind() != key.kind {
            return Err(Refusal::invalid(format!(
                "Type mismatch for Index Key {} Expected: {} Actual: {} IndexName: {name}",
                key.name,
                key.kind.letters(),
                value.kind().letters()
            )));
        }
        if is_empty(value) {
            return Err(Refusal::validation(format!(
                "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: {name}, IndexKey: {}",
                key.name
            )));
        }
        check_size(nth, value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Number;
    use proptest::prelude::*;

    fn sort(value: &Value) -> Vec<u8> {
        place(&Value::Text("a".into()), Some(value))
    }

    proptest! {
        #[test]
        fn places_are_in_the_order_of_the_sort_keys(one in prop::collection::vec(0_u8..4, 0..5), two in prop::collection::vec(0_u8..4, 0..5)) {
            let value = |bytes: &Vec<u8>| Value::Binary(bytes.clone().into());
            prop_assert_eq!(sort(&value(&one)).cmp(&sort(&value(&two))), one.cmp(&two));
            // What stands behind it, as in an index, changes nothing.
            let follow = |bytes: &Vec<u8>| { let mut place = sort(&value(bytes)); place.extend([0xFF; 4]); place };
            prop_assert_eq!(follow(&one).cmp(&follow(&two)), one.cmp(&two));
        }

        #[test]
        fn numbers_sort_by_value(one in -500_i64..500, two in -500_i64..500) {
            let value = |number: i64| Value::Number(Number::parse(&number.to_string()).unwrap());
            prop_assert_eq!(sort(&value(one)).cmp(&sort(&value(two))), one.cmp(&two));
        }
    }

    #[test]
    fn equal_numbers_are_one_key_however_they_are_written() {
        let place = |text: &str| partition(&Value::Number(Number::parse(text).unwrap()));
        assert_eq!(place("1.0"), place("1"));
        assert_ne!(place("1"), partition(&Value::Text("1".into())));
    }
}
