//! The bytes of every record, fixed: what was written once is read for ever.

use super::*;
use engine::Effect as _;
use names::{AccountId, Instant, Region};
use std::collections::BTreeMap;
use std::fmt::Write;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn key_attribute(name: &str, kind: Kind) -> KeyAttribute {
    KeyAttribute { name: name.into(), kind }
}

fn about() -> About {
    About {
        number: 3,
        name: "app".into(),
        id: "u".into(),
        created_at: Instant::from_millis(5),
        key: KeySchema { hash: key_attribute("k", Kind::Text), range: Some(key_attribute("r", Kind::Number)) },
        capacity: Capacity::Provisioned { read: 1, write: 2 },
        indexes: vec![Index {
            name: "idx".into(),
            key: KeySchema { hash: key_attribute("o", Kind::Binary), range: None },
            projection: Projection::Include(vec!["x".into()]),
            capacity: Capacity::OnDemand,
        }],
        deletion_protected: true,
        tags: BTreeMap::from([("t".into(), "v".into())]),
    }
}

fn number(text: &str) -> Number {
    Number::parse(text).unwrap()
}

/// An item with a value of every kind.
fn item() -> Item {
    let attributes = [
        ("k", Value::Text("a".into())),
        ("r", Value::Number(number("-12.5"))),
        ("b", Value::Binary(Bytes::from_static(&[0, 255]))),
        ("ss", Value::Texts(["x".into(), "y".into()].into())),
        ("ns", Value::Numbers([number("1"), number("0")].into())),
        ("bs", Value::Binaries([Bytes::from_static(b"z")].into())),
        ("m", Value::Map(BTreeMap::from([("n".into(), Value::Null)]))),
        ("l", Value::List(vec![Value::Bool(true), Value::Bool(false)])),
    ];
    Item(attributes.map(|(name, value)| (name.into(), value)).into())
}

fn key() -> Item {
    crate::key::key_of(&about().key, &item())
}

fn room_key_of_tests() -> RoomKey {
    RoomKey { account: AccountId::parse("123456789012").unwrap(), region: Region::parse("us-east-1").unwrap() }
}

fn datum() -> (Series, Latest) {
    let series = Series {
        namespace: "ns".into(),
        name: "m".into(),
        dimensions: vec![("d".into(), "v".into())],
        unit: "None".into(),
    };
    let (at, put_at) = (Instant::from_millis(1), Instant::from_millis(2));
    (series, Latest { at, put_at, count: 1.0, sum: 2.0, min: -1.0, max: 0.5 })
}

fn token_of_tests() -> Token {
    Token { fingerprint: [7; 32], at: Instant::from_millis(9) }
}

/// Every effect and its bytes.
fn golden() -> Vec<(Effect, &'static str)> {
    vec![
        (Effect::Opened(room_key_of_tests()), "31323334353637383930313200000009 75732d656173742d31"),
        (
            Effect::TablePut(Arc::new(about())),
            "00000003 00000003617070 0000000175 0000000000000005 000000016b01 010000000172 02 01 0000000000000001 0000000000000002 \
             00000001 00000003696478 000000016f03 00 02 00000001 0000000178 00 01 00000001 0000000174 0000000176",
        ),
        (Effect::TableGone(3), "00000003"),
        (
            Effect::ItemPut(3, Arc::new(item())),
            "00000003 00000008 \
             0000000162 03 00000002 00ff \
             000000026273 06 00000001 000000017a \
             000000016b 01 0000000161 \
             000000016c 08 00000002 0901 0900 \
             000000016d 07 00000001 000000016e 0a \
             000000026e73 05 00000002 00 0000 00000000 00 0000 00000001 01 \
             0000000172 02 01 0001 00000003 010205 \
             000000027373 04 00000002 0000000178 0000000179",
        ),
        (
            Effect::ItemGone(3, key()),
            "00000003 00000002 000000016b 01 0000000161 0000000172 02 01 0001 00000003 010205",
        ),
        (
            Effect::TokenNoted("tok".into(), token_of_tests()),
            "00000003746f6b 0707070707070707070707070707070707070707070707070707070707070707 0000000000000009",
        ),
        (
            Effect::MetricsPut(vec![datum()]),
            "00000001 000000026e73 000000016d 00000001 0000000164 0000000176 000000044e6f6e65 0000000000000001 0000000000000002 \
             3ff0000000000000 4000000000000000 bff0000000000000 3fe0000000000000",
        ),
        (Effect::Cleared, ""),
    ]
}

#[test]
fn records_are_the_bytes_that_they_always_were() {
    for (nth, (effect, bytes)) in golden().into_iter().enumerate() {
        let mut out = Vec::new();
        effect.encode(&mut out);
        assert_eq!(hex(&out), bytes.replace(' ', ""), "kind {}", effect.kind());
        assert_eq!((usize::from(effect.kind()), effect.version()), (nth + 1, 1));
        assert_eq!(Effect::decode(effect.kind(), 1, &out), Ok(effect));
    }
}

#[test]
fn what_is_cut_off_or_too_long_is_no_record() {
    for (effect, _) in golden() {
        let mut out = Vec::new();
        effect.encode(&mut out);
        for length in 0..out.len() {
            assert!(Effect::decode(effect.kind(), 1, &out[..length]).is_err(), "kind {} at {length}", effect.kind());
        }
        out.push(0);
        assert!(Effect::decode(effect.kind(), 1, &out).is_err());
        assert!(Effect::decode(effect.kind(), 2, &out).is_err());
    }
    assert!(Effect::decode(9, 1, &[]).is_err());
}

#[test]
fn numbers_that_are_not_as_they_are_written_are_none() {
    // Zeros at an end, and what is no digit.
    for digits in [&[0, 1][..], &[1, 0], &[11]] {
        let mut out = vec![0, 0, 0];
        put_bytes(digits, &mut out);
        assert_eq!(super::number(&mut Fields::new(&out)), None, "{digits:?}");
    }
}

#[test]
fn values_deeper_than_any_that_was_let_in_are_refused_and_not_followed() {
    let mut out = vec![0, 0, 0, 0, 0, 0, 0, 1];
    put_text("a", &mut out);
    for _ in 0..100_000 {
        out.extend([8, 0, 0, 0, 1]);
    }
    out.push(10);
    assert!(Effect::decode(ITEM_PUT, 1, &out).is_err());
}

#[test]
fn a_snapshot_is_the_whole_state() {
    let mut room = Room::default();
    for (effect, _) in golden()
        .into_iter()
        .filter(|(effect, _)| !matches!(effect, Effect::TableGone(_) | Effect::ItemGone(..) | Effect::Cleared))
    {
        room.take(&effect);
    }
    let mut out = Vec::new();
    put_room(&room, &mut out);
    let again = super::room(&out).unwrap();
    let mut out_again = Vec::new();
    put_room(&again, &mut out_again);
    assert_eq!(hex(&out), hex(&out_again));
    let (table, before) = (&again.tables["app"], &room.tables["app"]);
    assert_eq!((&table.about, &table.items, &table.bytes), (&before.about, &before.items, &before.bytes));
    assert_eq!(again.weight(), room.weight());
    assert_eq!((again.next_table, &again.tokens, &again.metrics), (4, &room.tokens, &room.metrics));
    for length in 0..out.len() {
        assert!(super::room(&out[..length]).is_none(), "{length}");
    }
    let state = hex(&out);
    assert!(state.starts_with("3132333435363738393031320000000975732d656173742d310000000400000001"), "{state}");
}
