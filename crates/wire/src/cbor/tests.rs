//! The examples of RFC 8949 appendix A that some shape can hold, and the exact bytes that are written.

use super::{CborReader, Times, encode, encode_with};
use crate::contract::{Read, Reader};
use crate::invalid::{Invalid, Problem};
use crate::limits::DEPTH_MAX;
use crate::timestamp::Timestamp;
use crate::values::Nothing;
use bytes::Bytes;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Reads one value that is the whole document.
fn value<T: Read>(hex: &str) -> Result<T, Invalid> {
    let bytes = bytes(hex);
    let mut reader = CborReader::new(&bytes);
    let value = T::read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

#[test]
fn integers_of_every_width_are_read_and_written_the_shortest_way() {
    for (hex, number) in [
        ("00", 0),
        ("17", 23),
        ("1818", 24),
        ("1903e8", 1000),
        ("1a000f4240", 1_000_000),
        ("1b000000e8d4a51000", 1_000_000_000_000),
        ("1b7fffffffffffffff", i64::MAX),
        ("20", -1),
        ("3863", -100),
        ("3903e7", -1000),
        ("3b7fffffffffffffff", i64::MIN),
    ] {
        assert_eq!(value::<i64>(hex).unwrap(), number, "{hex}");
        assert_eq!(encode(&number), bytes(hex));
    }
    for hex in ["1b0000000000000005", "1a00000005", "190005", "1805", "f94500", "fb4014000000000000"] {
        assert_eq!(value::<i32>(hex).unwrap(), 5, "{hex}");
    }
    for hex in ["1bffffffffffffffff", "3bffffffffffffffff", "1a80000000"] {
        assert!(matches!(value::<i32>(hex).unwrap_err().problem(), Problem::OutOfRange { .. }), "{hex}");
    }
}

#[test]
fn floats_of_every_width_are_read() {
    for (hex, number) in [
        ("f93e00", 1.5),
        ("fa47c35000", 100_000.0),
        ("fb3ff199999999999a", 1.1),
        ("f9fc00", f64::NEG_INFINITY),
        ("01", 1.0),
    ] {
        assert!(value::<f64>(hex).unwrap() == number, "{hex}");
    }
    assert!(value::<f64>("f97e00").unwrap().is_nan());
    assert_eq!(encode(&1.1f64), bytes("fb3ff199999999999a"));
}

#[test]
fn text_and_bytes_come_whole_or_in_chunks() {
    for hex in ["6568656c6c6f", "7f626865636c6c6fff"] {
        assert_eq!(value::<String>(hex).unwrap(), "hello", "{hex}");
    }
    for hex in ["450102030405", "5f42010243030405ff"] {
        assert_eq!(value::<Bytes>(hex).unwrap(), Bytes::from_static(&[1, 2, 3, 4, 5]), "{hex}");
    }
    for hex in ["5f6161ff", "7f4161ff", "7f7f6161ffff", "7f6161", "62c3"] {
        assert!(value::<String>(hex).is_err() && value::<Bytes>(hex).is_err(), "{hex}");
    }
    assert!(matches!(value::<String>("61ff").unwrap_err().problem(), Problem::NotUtf8));
}

#[test]
fn lists_and_maps_come_with_and_without_a_length() {
    for hex in ["8301f603", "9f0103ff", "83f70103"] {
        assert_eq!(value::<Vec<i32>>(hex).unwrap(), [1, 3], "{hex}");
    }
    for hex in ["a2616101616202", "bf616101616202ff", "a3616101616202617af6"] {
        assert_eq!(value::<Vec<(String, i32)>>(hex).unwrap(), [("a".into(), 1), ("b".into(), 2)], "{hex}");
    }
    assert_eq!(encode(&vec![("a".to_owned(), vec![1i64])]), bytes("a161618101"));
}

#[test]
fn a_length_that_the_document_does_not_hold_is_not_believed() {
    for hex in ["9b7fffffffffffffff01", "5b7fffffffffffffff01", "7bffffffffffffffff61", "9bffffffffffffffff"] {
        assert!(matches!(
            value::<Vec<i32>>(hex).unwrap_err().problem(),
            Problem::Syntax { .. } | Problem::WrongType { .. }
        ));
        assert!(value::<String>(hex).is_err() && value::<Bytes>(hex).is_err(), "{hex}");
    }
}

#[test]
fn unknown_members_of_every_kind_are_passed_over() {
    for hex in [
        "a1617801",
        "a16178f4",
        "a16178450102030405",
        "a161788201a161616162",
        "bf61789f01bf6161f6ffffff",
        "a16178c11a514b67b0",
        "a16178f93c00",
        "a16178f820",
        "a16178c2420102",
        "a16178d9d9f783010203",
    ] {
        assert_eq!(value::<Nothing>(hex).unwrap(), Nothing, "{hex}");
    }
    for hex in ["a16178", "a16178ff", "bf6178ff", "a161781c", "a16178fc", "a10101", "ff", "a1617801ff"] {
        assert!(value::<Nothing>(hex).is_err(), "{hex}");
    }
}

#[test]
fn timestamps_carry_tag_1_and_any_number() {
    for (hex, millis) in [
        ("c11a514b67b0", 1_363_896_240_000),
        ("c1fb41d452d9ec200000", 1_363_896_240_500),
        ("1a514b67b0", 1_363_896_240_000),
        ("c120", -1000),
        ("c1f93c00", 1000),
    ] {
        assert_eq!(value::<Timestamp>(hex).unwrap().millis(), millis, "{hex}");
    }
    assert_eq!(encode(&Timestamp::from_millis(1_363_896_240_000)), bytes("c11a514b67b0"));
    assert_eq!(encode(&Timestamp::from_millis(1_363_896_240_500)), bytes("c1fb41d452d9ec200000"));
    for hex in
        ["c074323031332d30332d32315432303a30343a30305a", "c16130", "c1fb7ff0000000000000", "c1fb7ff8000000000000"]
    {
        assert!(value::<Timestamp>(hex).is_err(), "{hex}");
    }
}

#[test]
fn the_older_protocol_counts_milliseconds_as_an_integer() {
    let read = |hex: &str| {
        let bytes = bytes(hex);
        Timestamp::read(&mut CborReader::with(&bytes, Times::Millis)).map(Timestamp::millis)
    };
    let write = |millis| encode_with(&Timestamp::from_millis(millis), Times::Millis);
    for (hex, millis) in [
        ("c11b0000013d8e8d0980", 1_363_896_240_512),
        ("c11b0000013d8e8d0780", 1_363_896_240_000),
        ("c100", 0),
        ("c13903e7", -1000),
    ] {
        assert_eq!(read(hex).unwrap(), millis, "{hex}");
        assert_eq!(write(millis), bytes(hex));
    }
    assert_eq!(read("1b0000013d8e8d0980").unwrap(), 1_363_896_240_512, "the tag may be missing");
    assert_eq!(read("c1fb4273d8e8d0980000").unwrap(), 1_363_896_240_512, "a double is a number too");
    for millis in [i64::from(i32::MAX), 1_700_000_000_001, 253_402_300_799_999, -62_167_219_200_000] {
        let written = write(millis);
        assert_eq!(Timestamp::read(&mut CborReader::with(&written, Times::Millis)).unwrap().millis(), millis);
    }
    assert!(read("c11b7fffffffffffffff").is_err() && read("c06130").is_err() && read("c16130").is_err());
}

#[test]
fn nesting_ends_at_its_bound_whatever_nests() {
    for (open, close) in [("9f", "ff"), ("81", ""), ("c1", ""), ("bf6161", "ff"), ("a16161", "")] {
        let nested = |depth: usize| format!("a16178{}00{}", open.repeat(depth - 1), close.repeat(depth - 1));
        assert!(value::<Nothing>(&nested(DEPTH_MAX)).is_ok(), "{open}");
        assert!(matches!(value::<Nothing>(&nested(DEPTH_MAX + 1)).unwrap_err().problem(), Problem::TooDeep), "{open}");
    }
}
