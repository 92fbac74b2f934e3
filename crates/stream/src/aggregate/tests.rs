//! Aggregates that AWS's own library made, round trips, and bytes that strangers might send.

use super::*;
use proptest::prelude::{Strategy, any, prop, prop_assert_eq, proptest};

/// What `aws_kinesis_agg` 1.2.3 (Python) makes of four user records.
const MADE_BY_AWS: &str = "f3899ac20a026b310a026b320a02c3a41227333430323832333636393230393338343633343633333734363037343331373638323131\
    3435351201371a0708001a036f6e651a0408011a001a0b080010001a0574687265651a0b080210011a0500010203041c7897677b86c841b000aa99f10c8213";

fn bytes_of(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

fn record<'a>(partition_key: &'a str, explicit_hash: Option<u128>, data: &'a [u8]) -> UserRecord<'a> {
    UserRecord { partition_key, explicit_hash, data, tags: Vec::new() }
}

fn whole(message: &[u8]) -> Vec<u8> {
    [&MAGIC[..], message, &Md5::digest(message)].concat()
}

#[test]
fn what_awss_library_packed_is_taken_apart_and_packed_the_same() {
    let bytes = bytes_of(MADE_BY_AWS);
    let records = disaggregate(&bytes).unwrap();
    let expected = [
        record("k1", None, b"one"),
        record("k2", None, b""),
        record("k1", Some(u128::MAX), b"three"),
        record("ä", Some(7), &[0, 1, 2, 3, 4]),
    ];
    assert_eq!(records, expected);
    assert_eq!(aggregate(&records), bytes);
    assert_eq!([records[0].hash(), records[2].hash()], [hash_of("k1"), u128::MAX]);
}

#[test]
fn what_only_looks_like_an_aggregate_is_a_plain_record() {
    let bytes = bytes_of(MADE_BY_AWS);
    for plain in [&b""[..], b"hello", &MAGIC, &bytes[..10], &bytes[1..], &[MAGIC.as_slice(), &[0; 15]].concat()] {
        assert_eq!(disaggregate(plain), Err(Plain::NoMagic));
    }
    for place in 4..bytes.len() {
        let mut wrong = bytes.clone();
        wrong[place] ^= 1;
        assert_eq!(disaggregate(&wrong), Err(Plain::WrongDigest), "byte {place}");
    }
    assert_eq!(disaggregate(&bytes[..bytes.len() - 1]), Err(Plain::WrongDigest));
    assert_eq!(disaggregate(&whole(&[])), Ok(Vec::new()));
}

#[test]
fn a_message_that_is_none_is_a_plain_record() {
    for (message, why) in [
        (&b"\x1a\x04\x08\x00\x1a\x00"[..], "it names a key that is not in the table"),
        (b"\x0a\x01k\x1a\x06\x08\x00\x10\x00\x1a\x00", "it names a hash key that is not in the table"),
        (b"\x0a\x01k\x1a\x02\x1a\x00", "a record without a key"),
        (b"\x0a\x01k\x1a\x02\x08\x00", "a record without data"),
        (b"\x0a\x01k\x12\x01x", "a hash key that is no number"),
        (b"\x0a\x01\xff", "a key that is no text"),
        (b"\x08\x01", "a key that is a number"),
        (b"\x0a\x02k", "it ends inside a field"),
        (b"\x0a", "it ends before a length"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "a length beyond all bytes"),
        (b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", "a tag of eleven bytes"),
        (b"\x03", "field 0"),
        (b"\x0b\x0c", "a group"),
        (b"\x0a\x01k\x1a\x08\x08\x00\x1a\x00\x22\x02\x12\x00", "a tag without a key"),
    ] {
        assert_eq!(disaggregate(&whole(message)), Err(Plain::Malformed), "{why}");
    }
}

#[test]
fn whatever_protobuf_allows_is_read() {
    // Tables behind the records, unknown fields of all kinds, a field twice, and numbers longer than they need.
    let record_bytes =
        b"\x08\x05\x08\x81\x00\x1a\x01d\x48\x01\x51\x01\x02\x03\x04\x05\x06\x07\x08\x5d\x01\x02\x03\x04\x62\x01x";
    let mut message = vec![0x1a, record_bytes.len() as u8];
    message.extend_from_slice(record_bytes);
    message.extend_from_slice(b"\x0a\x01a\x0a\x01b\x78\x07");
    let bytes = whole(&message);
    assert_eq!(disaggregate(&bytes), Ok(vec![record("b", None, b"d")]));
}

#[test]
fn more_records_than_any_producer_packs_are_a_plain_record() {
    let mut message = b"\x0a\x00".to_vec();
    let one = b"\x1a\x04\x08\x00\x1a\x00";
    (0..AGGREGATED_MAX).for_each(|_| message.extend_from_slice(one));
    assert_eq!(disaggregate(&whole(&message)).map(|records| records.len()), Ok(AGGREGATED_MAX));
    message.extend_from_slice(one);
    assert_eq!(disaggregate(&whole(&message)), Err(Plain::Malformed));
}

type Owned = (String, Option<u128>, Vec<u8>, Vec<(String, Option<String>)>);

fn user_records() -> impl Strategy<Value = Vec<Owned>> {
    let tags = prop::collection::vec((".{0,4}", prop::option::of(".{0,4}")), 0..3);
    let one = ("[a-c]{0,2}", any::<Option<u128>>(), prop::collection::vec(any::<u8>(), 0..200), tags);
    prop::collection::vec(one, 0..20)
}

fn borrowed(records: &[Owned]) -> Vec<UserRecord<'_>> {
    let mut all = Vec::new();
    for (key, explicit_hash, data, tags) in records {
        let tags = tags.iter().map(|(key, text)| (key.as_str(), text.as_deref())).collect();
        all.push(UserRecord { partition_key: key, explicit_hash: *explicit_hash, data, tags });
    }
    all
}

proptest! {
    #[test]
    fn what_is_packed_is_taken_apart(records in user_records()) {
        let records = borrowed(&records);
        let bytes = aggregate(&records);
        prop_assert_eq!(disaggregate(&bytes), Ok(records));
    }

    #[test]
    fn any_message_is_taken_apart_or_refused(message in prop::collection::vec(any::<u8>(), 0..100)) {
        let bytes = whole(&message);
        if let Ok(records) = disaggregate(&bytes) {
            let again = aggregate(&records);
            prop_assert_eq!(disaggregate(&again), Ok(records));
        }
    }

    #[test]
    fn a_changed_message_is_taken_apart_or_refused(
        records in user_records(), place in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let bytes = aggregate(&borrowed(&records));
        let mut message = bytes[4..bytes.len() - 16].to_vec();
        if !message.is_empty() {
            let place = place.index(message.len());
            message[place] = byte;
        }
        let bytes = whole(&message);
        if let Ok(records) = disaggregate(&bytes) {
            let again = aggregate(&records);
            prop_assert_eq!(disaggregate(&again), Ok(records));
        }
    }
}
