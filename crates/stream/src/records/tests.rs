//! Round trips, fixed bytes and hostile bytes of the journal records.

use super::*;
use crate::{NewRecord, SealedRecord};
use bytes::Bytes;
use engine::Effect as _;
use expect_test::expect;
use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use std::fmt::Write;

fn bytes_of(effect: &Effect) -> Vec<u8> {
    let mut out = Vec::new();
    effect.encode(&mut out);
    out
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn record(counter: u64, data: &str, partition_key: Option<&str>, explicit_hash: Option<u128>) -> Effect {
    let data = Bytes::copy_from_slice(data.as_bytes());
    let new = NewRecord { data, partition_key: partition_key.map(Box::from), explicit_hash };
    Effect::Appended(Record::new(counter, at(1_700_000_000_123), new))
}

fn sealed(counter: u64, size: u32, bytes: &'static [u8]) -> Effect {
    let new = SealedRecord { bytes: Bytes::from_static(bytes), size };
    Effect::Appended(Record::sealed(counter, at(1_700_000_000_123), new))
}

fn example_of_each_kind() -> Vec<Effect> {
    let stream = std::array::from_fn(|place| 0xa0 + place as u8);
    vec![
        Effect::Opened(About { stream, index: 17, opened_at: at(1_700_000_000_000), retention_millis: 86_400_000 }),
        record(3, "data", None, None),
        record(4, "data", Some("key"), None),
        record(5, "", Some(""), Some(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10)),
        record(6, "data", None, Some(1)),
        sealed(7, 258, b"sealed"),
        Effect::Closed { at: at(1_700_000_060_000) },
        Effect::RetentionSet { horizon: at(1_699_999_999_999), retention_millis: 604_800_000 },
        Effect::Deleted,
    ]
}

#[test]
fn the_bytes_of_each_kind_stay_as_they_are() {
    let mut shown = String::new();
    for effect in example_of_each_kind() {
        let hex = bytes_of(&effect).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        writeln!(shown, "{}.{} {hex}", effect.kind(), effect.version()).unwrap();
    }
    expect![[r#"
        1.1 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf110000000068e5cf8b010000005c260500000000
        2.1 03000000000000007b68e5cf8b010000000000000064617461
        2.1 04000000000000007b68e5cf8b0100000103000000646174616b6579
        2.1 05000000000000007b68e5cf8b0100000300000000100f0e0d0c0b0a090807060504030201
        2.1 06000000000000007b68e5cf8b01000002000000006461746101000000000000000000000000000000
        10.1 07000000000000007b68e5cf8b010000020100007365616c6564
        3.1 6052e6cf8b010000
        4.1 ff67e5cf8b01000000840c2400000000
        5.1 
    "#]]
    .assert_eq(&shown);
}

#[test]
fn key_and_moment_of_a_record_are_read_without_the_rest() {
    for effect in example_of_each_kind() {
        let bytes = bytes_of(&effect);
        let key = Effect::content_key(effect.kind(), effect.version(), &bytes);
        let content = match &effect {
            Effect::Appended(record) => Some((record.counter(), record.arrived_at())),
            _ => None,
        };
        assert_eq!(key, content);
        assert_eq!(Effect::content_key(effect.kind(), VERSION + 1, &bytes), None);
    }
    assert_eq!(Effect::content_key(APPENDED, VERSION, &[0; 15]), None);
}

#[test]
fn a_record_has_what_was_appended() {
    let new =
        NewRecord { data: Bytes::from_static(b"data"), partition_key: Some("kéy".into()), explicit_hash: Some(9) };
    let record = Record::new(7, at(1), new);
    assert_eq!((record.data(), record.partition_key(), record.explicit_hash()), (&b"data"[..], Some("kéy"), Some(9)));
    assert_eq!((record.counter(), record.arrived_at(), record.size()), (7, at(1), 8));
    assert_eq!(record.shared_data().as_ptr(), record.data().as_ptr());
    let alone = Record::new(8, at(1), NewRecord { data: Bytes::new(), partition_key: None, explicit_hash: None });
    assert_eq!((alone.data(), alone.partition_key(), alone.explicit_hash()), (&b""[..], None, None));
}

#[test]
fn a_sealed_record_is_known_by_its_size_until_it_is_opened() {
    let new = SealedRecord { bytes: Bytes::from_static(b"nobody can read this"), size: 7 };
    let record = Record::sealed(9, at(1), new.clone());
    assert_eq!((record.size(), record.partition_key(), record.explicit_hash()), (7, None, None));
    assert_eq!((record.as_sealed(), record.was_sealed()), (Some(new), false));
    let plain = NewRecord { data: Bytes::from_static(b"data"), partition_key: Some("key".into()), explicit_hash: None };
    let opened = record.opened(plain);
    assert_eq!((opened.counter(), opened.arrived_at(), opened.size()), (9, at(1), 7));
    assert_eq!((opened.data(), opened.partition_key()), (&b"data"[..], Some("key")));
    assert_eq!((opened.as_sealed(), opened.was_sealed()), (None, true));
}

#[test]
fn what_no_version_wrote_is_refused() {
    let header = |flags: u8, key_bytes: u8| [vec![0; 16], vec![flags, key_bytes, 0, 0, 0]].concat();
    for (kind, version, payload) in [
        (6, 1, vec![]),
        (0, 1, vec![]),
        (APPENDED, 2, header(0, 0)),
        (APPENDED, 1, header(4, 0)),
        (APPENDED, 1, header(0, 1)),
        (APPENDED, 1, [header(0, 1), vec![b'k']].concat()),
        (APPENDED, 1, header(1, 1)),
        (APPENDED, 1, header(2, 0)),
        (APPENDED, 1, [header(1, 1), vec![0xff]].concat()),
        (SEALED_APPENDED, 2, vec![0; 20]),
        (SEALED_APPENDED, 1, vec![0; 19]),
        (DELETED, 1, vec![0]),
        (CLOSED, 1, vec![0; 9]),
    ] {
        assert!(Effect::decode(kind, version, &payload).is_err(), "{kind}.{version} {payload:?}");
    }
}

fn effects() -> impl Strategy<Value = Effect> {
    let record = (any::<u64>(), any::<u64>(), prop::collection::vec(any::<u8>(), 0..40));
    let record = (record, prop::option::of(".{0,20}"), any::<Option<u128>>());
    prop_oneof![
        (any::<[u8; 16]>(), any::<u32>(), any::<u64>(), any::<u64>()).prop_map(|(stream, index, opened, millis)| {
            Effect::Opened(About { stream, index, opened_at: at(opened), retention_millis: millis })
        }),
        record.prop_map(|((counter, arrived, data), key, explicit_hash)| {
            let new = NewRecord { data: data.into(), partition_key: key.map(Box::from), explicit_hash };
            Effect::Appended(Record::new(counter, at(arrived), new))
        }),
        (any::<[u64; 2]>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(
            |([counter, arrived], size, bytes)| {
                Effect::Appended(Record::sealed(counter, at(arrived), SealedRecord { bytes: bytes.into(), size }))
            }
        ),
        any::<u64>().prop_map(|millis| Effect::Closed { at: at(millis) }),
        any::<[u64; 2]>().prop_map(|[horizon, retention_millis]| {
            Effect::RetentionSet { horizon: at(horizon), retention_millis }
        }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(effect in effects(), cut in any::<prop::sample::Index>()) {
        let bytes = bytes_of(&effect);
        let read = Effect::decode(effect.kind(), effect.version(), &bytes);
        prop_assert_eq!(read.as_ref(), Ok(&effect));
        if !matches!(effect, Effect::Appended(_)) {
            prop_assert!(Effect::decode(effect.kind(), effect.version(), &bytes[..cut.index(bytes.len())]).is_err());
        }
    }

    #[test]
    fn any_bytes_are_read_as_written_or_refused(kind in 0u8..12, payload in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(effect) = Effect::decode(kind, VERSION, &payload) {
            prop_assert_eq!(bytes_of(&effect), payload);
        }
    }
}
