//! The records' layouts: what is written is read back, and what was ever written stays readable.

use super::*;
use engine::Effect as _;
use proptest::collection::vec;
use proptest::prelude::{any, proptest};

const AT: Instant = Instant::from_millis(1_700_000_000_123);

fn samples() -> Vec<Effect> {
    let attributes = Attributes::default().with(Attribute::Visibility, 77);
    let with_text = attributes.clone().with_text(Attribute::Policy, "{\"é\":1}").with(Attribute::Durability, 1);
    let tags: Tags = [("a".into(), "1".into()), ("clé".into(), "".into())].into_iter().collect();
    vec![
        Effect::Created {
            at: AT,
            account: AccountId::DEFAULT,
            region: Region::parse("eu-central-1").unwrap(),
            name: QueueName::parse("jobs").unwrap(),
            attributes: attributes.clone(),
        },
        Effect::AttributesSet { at: AT, attributes },
        Effect::AttributesSet { at: AT, attributes: with_text },
        Effect::Deleted,
        Effect::Tagged(tags),
        Effect::Untagged(vec!["clé".into(), "a".into()]),
        Effect::Used { at: AT },
        Effect::MoveStarted {
            at: AT,
            below: 9,
            to_move: 4,
            plan: plan(Some(500), Some("arn:aws:sqs:us-east-1:000000000000:q")),
        },
        Effect::MoveStarted { at: AT, below: 9, to_move: 4, plan: plan(None, None) },
        Effect::MoveEnded { id: *b"0123456789abcdef", end: End::Cancelled },
    ]
}

fn plan(rate: Option<u16>, destination: Option<&str>) -> Plan {
    Plan { id: *b"0123456789abcdef", destination: destination.and_then(key_of_arn), rate }
}

fn encoded(effect: &Effect) -> Vec<u8> {
    let mut out = Vec::new();
    effect.encode(&mut out);
    out
}

fn hex(effect: &Effect) -> String {
    encoded(effect).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decoded(kind: u8, version: u8, hex: &str) -> Result<Effect, MalformedRecord> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    Effect::decode(kind, version, &bytes)
}

#[test]
fn every_record_reads_back_as_written() {
    for effect in samples() {
        let bytes = encoded(&effect);
        assert_eq!(Effect::decode(effect.kind(), effect.version(), &bytes), Ok(effect));
    }
}

#[test]
fn a_record_cut_short_or_lengthened_or_of_another_version_is_malformed() {
    for effect in samples() {
        let (kind, version, mut bytes) = (effect.kind(), effect.version(), encoded(&effect));
        for end in 0..bytes.len() {
            assert!(Effect::decode(kind, version, &bytes[..end]).is_err(), "{effect:?} cut at {end}");
        }
        assert!(Effect::decode(kind, version + 1, &bytes).is_err());
        assert!(Effect::decode(kind, 0, &bytes).is_err());
        bytes.push(0);
        assert!(Effect::decode(kind, version, &bytes).is_err());
    }
}

#[test]
fn the_bytes_of_records_stay_what_they_are() {
    let [_, set, texts, _, tagged, untagged, used, moved_to, moved_back, ended] = &samples()[..] else {
        unreachable!("there are ten samples")
    };
    let numbers = "010000004d0200100000030005460004000000000500000000";
    assert_eq!(hex(set), format!("0000018bcfe5687b05{numbers}00"));
    let policy = "0107000000087b22c3a9223a317d";
    assert_eq!(hex(texts), format!("0000018bcfe5687b06{numbers}0600000001{policy}"));
    assert_eq!(hex(tagged), "020001610001310004636cc3a90000");
    assert_eq!(hex(untagged), "020004636cc3a9000161");
    assert_eq!(hex(used), "0000018bcfe5687b");
    let id = "30313233343536373839616263646566";
    let task = format!("0000018bcfe5687b{id}00000000000000090000000000000004");
    let arn = "2461726e3a6177733a7371733a75732d656173742d313a3030303030303030303030303a71";
    assert_eq!((hex(moved_to), hex(moved_back)), (format!("{task}01f4{arn}"), format!("{task}000000")));
    assert_eq!(hex(ended), format!("{id}02"));
}

#[test]
fn a_record_of_version_1_has_numbers_only() {
    let old = "0000018bcfe5687b06010000004d02001000000300054600040000000005000000000600000000";
    assert_eq!(decoded(ATTRIBUTES_SET, 1, old).as_ref(), Ok(&samples()[1]));
    let created = "0000018bcfe5687b3030303030303030303030300c65752d63656e7472616c2d31046a6f6273";
    let numbers = "06010000004d02001000000300054600040000000005000000000600000000";
    assert_eq!(decoded(CREATED, 1, &format!("{created}{numbers}")).as_ref(), Ok(&samples()[0]));
}

#[test]
fn a_record_without_durability_is_of_a_durable_queue() {
    let old = decoded(ATTRIBUTES_SET, 1, "0000018bcfe5687b05010000004d0200100000030005460004000000000500000000");
    assert_eq!(old.as_ref(), Ok(&samples()[1]));
}

#[test]
fn a_relaxed_queue_of_version_1_stays_relaxed() {
    let relaxed = Attributes::default().with(Attribute::Durability, 1).with(Attribute::Visibility, 77);
    let text = "0000018bcfe5687b06010000004d0200100000030005460004000000000500000000060000000";
    let record = decoded(ATTRIBUTES_SET, 1, &format!("{text}1"));
    assert_eq!(record, Ok(Effect::AttributesSet { at: AT, attributes: relaxed }));
    assert!(decoded(ATTRIBUTES_SET, 1, &format!("{text}2")).is_err(), "there is no third durability");
}

#[test]
fn a_text_where_a_number_belongs_and_the_other_way_round_are_malformed() {
    let number_as_text = "0000018bcfe5687b0001010000000178";
    let text_as_number = "0000018bcfe5687b01070000000100";
    for wrong in [number_as_text, text_as_number] {
        assert!(decoded(ATTRIBUTES_SET, 2, wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(kind in any::<u8>(), version in 0u8..4, bytes in vec(any::<u8>(), 0..200)) {
        let _ = Effect::decode(kind, version, &bytes);
    }
}
