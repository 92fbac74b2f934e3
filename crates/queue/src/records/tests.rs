//! Round trips, fixed bytes and hostile bytes of the journal records.

use super::*;
use crate::{Backoff, DeadLetters, Labels, Queue};
use engine::Effect as _;
use expect_test::expect;
use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};
use std::fmt::Write;
use std::num::NonZeroU32;

fn bytes_of(effect: &Effect) -> Vec<u8> {
    let mut out = Vec::new();
    effect.encode(&mut out);
    out
}

fn example_of_each_kind() -> Vec<Effect> {
    let at = Instant::from_millis;
    let mut examples = vec![
        Effect::Sent {
            sequence: 3,
            visible_at: at(1_700_000_005_123),
            message: Message::new(
                MessageId(std::array::from_fn(|place| 0xa0 + place as u8)),
                at(1_700_000_000_123),
                4,
                Bytes::from_static(b"bodyprop"),
            ),
        },
        Effect::Leased {
            received_at: at(1_700_000_000_123),
            until: at(1_700_000_030_123),
            entries: vec![(3, 1), (300, 200)],
        },
        Effect::VisibilityChanged(vec![(3, Instant::EPOCH), (4, at(1_700_000_030_123))]),
        Effect::Deleted(vec![1, 2, 300]),
        Effect::Purged { below: 301, with_left: false },
        Effect::Configured(Settings::plain(345_600_000, 30_000, 0)),
        Effect::Expired { below: 301 },
        Effect::PassedOver { below: 2_097_153 },
        Effect::SentWithin {
            within: VirtualId(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10),
            sequence: 4,
            visible_at: Instant::EPOCH,
            message: Message::new(MessageId([7; 16]), at(1_700_000_000_123), 1, Bytes::from_static(b"xp")),
        },
        labelled(Labels { group: Some(0x0102_0304_0506_0708), dedup: Some([0xdd; 16]) }),
        labelled(Labels { group: Some(9), dedup: None }),
        Effect::Configured(Settings { is_fifo: true, ..Settings::plain(345_600_000, 30_000, 0) }),
        Effect::Configured(Settings {
            total_visibility_secs: 86_400,
            backoff: Some(Backoff { base_secs: NonZeroU32::MIN, factor_hundredths: 150, max_secs: 600 }),
            ..Settings::plain(345_600_000, 30_000, 0)
        }),
        Effect::Attempted {
            attempt: [0xaa; 16],
            at: at(1_700_000_000_123),
            until: at(1_700_000_030_123),
            entries: vec![(300, 1), (3, 200)],
        },
    ];
    examples.extend(examples_of_ways());
    examples.extend(examples_of_keeping());
    examples
}

/// The effects of what tidewire has beyond SQS: kept messages, replays and parked groups.
fn examples_of_keeping() -> Vec<Effect> {
    let order = ReplayOrder {
        destination: PartitionId::of_family(1, 5),
        from: Instant::from_millis(1_700_000_000_123),
        to: Instant::FAR_FUTURE,
        only_deleted: true,
    };
    vec![
        Effect::Purged { below: 301, with_left: true },
        Effect::Configured(Settings {
            keep_deleted_secs: 86_400,
            park_after: 5,
            ..Settings::plain(345_600_000, 30_000, 0)
        }),
        Effect::Shelved { at: Instant::from_millis(1_700_000_000_123), sequences: vec![1, 2, 300] },
        Effect::ReplayBegun { order, at: Instant::from_millis(1_700_000_000_124), below: 301 },
        Effect::Copied { destination: PartitionId::of_family(1, 5), sequences: vec![1, 300] },
        Effect::ReplayEnded(ReplayEnd::Done),
        Effect::ReplayEnded(ReplayEnd::Cancelled),
        Effect::Parked(vec![(3, 0x0102_0304_0506_0708), (300, 9)]),
        Effect::Unparked(vec![(3, 5), (300, 200)]),
        Effect::DelaysShifted { by_millis: -60_000 },
        Effect::DelaysShifted { by_millis: 900_000 },
        Effect::Configured(Settings { in_flight_times: 10, ..Settings::plain(345_600_000, 30_000, 0) }),
    ]
}

/// The effects that bring messages from queue to queue.
fn examples_of_ways() -> Vec<Effect> {
    vec![
        Effect::Configured(Settings {
            dead_letters: Some(DeadLetters { max_receives: 1_000, destination: PartitionId::of_family(1, 5) }),
            ..Settings::plain(345_600_000, 30_000, 0)
        }),
        Effect::Departed {
            destination: PartitionId::of_family(1, 5),
            why: Departure::DeadLetter,
            sequences: vec![1, 4, 300],
        },
        Effect::Departed { destination: PartitionId::new(7), why: Departure::Moved, sequences: vec![2] },
        Effect::Arrived {
            origin: PartitionId::of_family(1, 4),
            below: 300,
            at: Instant::from_millis(1_700_000_000_123),
        },
        Effect::Delivered { destination: PartitionId::of_family(1, 5), below: 3 },
        Effect::Returned { destination: PartitionId::new(7), at: Instant::from_millis(5) },
        Effect::Withheld {
            destination: PartitionId::new(7),
            number: 3,
            at: Instant::from_millis(5),
            until: Instant::from_millis(43_200_005),
        },
        Effect::Elapsed { at: Instant::from_millis(1_700_000_000_123) },
        Effect::Carried(vec![
            (8, Receives { count: 2, last_at: Instant::from_millis(700), first_at: Instant::from_millis(600) }),
            (9, Receives::default()),
        ]),
    ]
}

fn labelled(labels: Labels) -> Effect {
    let mut bytes = b"bodyprop".to_vec();
    let labelled = labels.append_to(&mut bytes);
    let id = MessageId(std::array::from_fn(|place| 0xa0 + place as u8));
    let message = Message::labelled(id, Instant::from_millis(1_700_000_000_123), 4, bytes.into(), labelled);
    assert_eq!((message.labels(), message.body(), &message.properties()[..]), (labels, &b"body"[..], &b"prop"[..]));
    Effect::Sent { sequence: 3, visible_at: Instant::EPOCH, message }
}

fn check_malformed(kind: u8, version: u8, payload: &[u8], why: &'static str) {
    assert_eq!(Effect::decode(kind, version, payload), Err(MalformedRecord { kind, version, why }), "{payload:02x?}");
}

#[test]
fn the_bytes_of_each_kind_never_change() {
    let mut picture = String::new();
    for effect in example_of_each_kind() {
        let hex: String = bytes_of(&effect).iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(picture, "{} v{} {hex}", effect.kind(), effect.version()).unwrap();
    }
    expect![[r#"
        1 v1 0300000000000000a0a1a2a3a4a5a6a7a8a9aaabacadaeaf7b68e5cf8b010000037ce5cf8b01000004000000626f647970726f70
        2 v1 fbd095ffbc31abbb97ffbc31020301a902c801
        3 v1 02030001abbb97ffbc31
        4 v1 030101aa02
        5 v1 ad02
        6 v1 80e0e5a401b0ea0100
        7 v1 ad02
        8 v1 81808001
        24 v1 0102030405060708090a0b0c0d0e0f100400000000000000070707070707070707070707070707077b68e5cf8b0100000000000000000000010000007870
        1 v2 0300000000000000a0a1a2a3a4a5a6a7a8a9aaabacadaeaf7b68e5cf8b01000000000000000000000400000003626f647970726f70dddddddddddddddddddddddddddddddd0807060504030201
        1 v2 0300000000000000a0a1a2a3a4a5a6a7a8a9aaabacadaeaf7b68e5cf8b01000000000000000000000400000001626f647970726f700900000000000000
        6 v2 80e0e5a401b0ea0100010a00
        6 v2 80e0e5a401b0ea010002140380a3051505019601d804
        16 v1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaafbd095ffbc31abbb97ffbc3102ac020103c801
        6 v2 80e0e5a401b0ea010001010ae8070500000000000001
        9 v1 050000000000000101030103a802
        9 v1 0700000000000000020102
        10 v1 0400000000000001ac02fbd095ffbc31
        11 v1 050000000000000103
        12 v1 070000000000000005
        13 v1 0700000000000000030585dccc14
        14 v1 fbd095ffbc31
        15 v1 020802bc05d8040100
        5 v2 ad02
        6 v2 80e0e5a401b0ea010002160380a305170105
        17 v1 fbd095ffbc31030101aa02
        18 v1 0500000000000001fbd095ffbc310001fcd095ffbc31ad02
        19 v1 05000000000000010201ab02
        20 v1 01
        20 v1 02
        21 v1 02030807060504030201a9020900000000000000
        22 v1 020305a902c801
        23 v1 01e0d403
        23 v1 00a0f736
        6 v2 80e0e5a401b0ea01000118010a
    "#]]
    .assert_eq(&picture);
}

#[test]
fn each_kind_has_a_number_of_its_own_below_the_bound() {
    let kinds: std::collections::BTreeSet<_> = example_of_each_kind().iter().map(Effect::kind).collect();
    assert!(kinds.iter().copied().eq(1..=24));
    assert!(kinds.iter().all(|&kind| kind <= KIND_MAX));
}

#[test]
fn a_record_cut_anywhere_is_malformed_unless_only_its_properties_are_cut() {
    for effect in example_of_each_kind() {
        let bytes = bytes_of(&effect);
        let content = Queue::content(effect.clone());
        let free_tail = content.map_or(0, |(_, message)| message.properties().len());
        for end in 0..bytes.len() - free_tail {
            assert!(Effect::decode(effect.kind(), effect.version(), &bytes[..end]).is_err(), "{effect:?} cut at {end}");
        }
    }
}

#[test]
fn what_does_not_serve_is_named() {
    let sent = bytes_of(&example_of_each_kind()[0]);
    let mut body_too_long = sent.clone();
    body_too_long[40] = 9;
    let mut sequence_zero = sent.clone();
    sequence_zero[0] = 0;
    check_malformed(SENT, 2, &sent, "it has unknown labels");
    check_malformed(SENT, 3, &sent, "no such version of this kind is known");
    let labels_cut = &bytes_of(&example_of_each_kind()[9])[..SENT_HEADER_BYTES + 1 + 4 + 23];
    check_malformed(SENT, 2, labels_cut, "the body ends after the record");
    check_malformed(ATTEMPTED, 1, &[&[0; 16][..], &[1, 1, 1, 1, 0]].concat(), "receives are counted from 1");
    check_malformed(SENT, 1, &body_too_long, "the body ends after the record");
    check_malformed(SENT, 1, &sequence_zero, "sequences begin at 1");
    check_malformed(0, 1, &[], "no such kind is known");
    check_malformed(63, 1, &[], "no such kind is known");
    check_malformed(CONFIGURED, 2, &[1, 1, 1, 1, 99, 0], "a setting that this version does not know");
    check_malformed(CONFIGURED, 3, &[1, 1, 1, 0], "no such version of this kind is known");
    check_malformed(PURGED, 1, &[5, 0], "bytes follow its end");
    check_malformed(DELETED, 1, &[9, 1], "the list is longer than the record");
    check_malformed(DELETED, 1, &[2, 1, 0], "sequences do not rise");
    check_malformed(LEASED, 1, &[1, 1, 1, 1, 0], "receives are counted from 1");
    check_malformed(LEASED, 1, &[1, 1, 1, 1, 0x80, 0x80, 0x80, 0x80, 0x10], "a receive count is larger than 32 bits");
}

#[test]
fn a_list_that_claims_to_be_huge_takes_no_memory() {
    let mut payload = Vec::new();
    put(&mut payload, u64::MAX);
    check_malformed(DELETED, 1, &payload, "the list is longer than the record");
}

#[test]
fn the_key_of_a_content_is_read_without_the_rest() {
    let examples = example_of_each_kind();
    let keys = examples.iter().map(|effect| Effect::content_key(effect.kind(), effect.version(), &bytes_of(effect)));
    let mut expected = vec![None; examples.len()];
    let sent_at = Instant::from_millis(1_700_000_000_123);
    for (place, sequence) in [(0, 3), (8, 4), (9, 3), (10, 3)] {
        expected[place] = Some((sequence, sent_at));
    }
    assert_eq!(keys.collect::<Vec<_>>(), expected);
    let sent = bytes_of(&examples[0]);
    assert_eq!(Effect::content_key(SENT, 2, &sent), None);
    assert_eq!(Effect::content_key(SENT_WITHIN, 1, &sent[..VIRTUAL_ID_BYTES - 1]), None);
    assert_eq!(Effect::content_key(SENT, 1, &sent[..SENT_HEADER_BYTES + 3]), None, "it cannot be decoded either");
}

#[test]
fn body_and_properties_share_one_buffer() {
    let Ok(Effect::Sent { message, .. }) = Effect::decode(SENT, 1, &bytes_of(&example_of_each_kind()[0])) else {
        panic!("it was just encoded")
    };
    assert_eq!((message.body(), &message.properties()[..]), (&b"body"[..], &b"prop"[..]));
    assert_eq!(message.body().as_ptr_range().end, message.properties().as_ptr());
}

fn instants() -> impl Strategy<Value = Instant> {
    prop_oneof![Just(0), any::<u64>(), 1_600_000_000_000u64..1_900_000_000_000].prop_map(Instant::from_millis)
}

/// Sequences that rise, each with something beside it.
fn lists<T: std::fmt::Debug + Clone>(beside: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<(u64, T)>> {
    prop::collection::vec((1u64..1 << 40, beside), 0..20).prop_map(|steps| {
        let mut last = 0;
        let mut rise = |step| {
            last += step;
            last
        };
        steps.into_iter().map(|(step, beside)| (rise(step), beside)).collect()
    })
}

fn byte_strings() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..80).prop_map(Bytes::from)
}

fn effects() -> impl Strategy<Value = Effect> {
    prop_oneof![
        (
            1u64..,
            any::<[u8; 16]>(),
            instants(),
            instants(),
            byte_strings(),
            any::<prop::sample::Index>(),
            any::<(Option<u64>, Option<[u8; 16]>)>()
        )
            .prop_map(|(sequence, id, sent_at, visible_at, bytes, body, (group, dedup))| {
                let body_bytes = body.index(bytes.len() + 1) as u32;
                let mut bytes = bytes.to_vec();
                let labelled = Labels { group, dedup }.append_to(&mut bytes);
                let message = Message::labelled(MessageId(id), sent_at, body_bytes, bytes.into(), labelled);
                Effect::Sent { sequence, visible_at, message }
            }),
        (any::<u128>(), 1u64.., any::<[u8; 16]>(), instants(), byte_strings(), any::<Option<u64>>()).prop_map(
            |(id, sequence, message, sent_at, bytes, group)| {
                let mut bytes = bytes.to_vec();
                let labelled = Labels { group, dedup: None }.append_to(&mut bytes);
                let message = Message::labelled(MessageId(message), sent_at, 0, bytes.into(), labelled);
                Effect::SentWithin { within: VirtualId(id), sequence, visible_at: Instant::EPOCH, message }
            }
        ),
        (any::<[u8; 16]>(), instants(), instants(), prop::collection::vec((any::<u64>(), 1u32..), 0..5))
            .prop_map(|(attempt, at, until, entries)| Effect::Attempted { attempt, at, until, entries }),
        (instants(), instants(), lists(1u32..)).prop_map(|(received_at, until, entries)| Effect::Leased {
            received_at,
            until,
            entries
        }),
        lists(instants()).prop_map(Effect::VisibilityChanged),
        lists(Just(())).prop_map(|list| Effect::Deleted(list.into_iter().map(|(sequence, ())| sequence).collect())),
        any::<(u64, bool)>().prop_map(|(below, with_left)| Effect::Purged { below, with_left }),
        (instants(), lists(Just(()))).prop_map(|(at, list)| Effect::Shelved {
            at,
            sequences: list.into_iter().map(|(sequence, ())| sequence).collect()
        }),
        (any::<[u64; 4]>(), any::<bool>(), prop::option::of(1u64..u64::MAX)).prop_map(
            |([destination, from, at, below], only_deleted, to)| {
                let to = to.map_or(Instant::FAR_FUTURE, Instant::from_millis);
                let [from, at] = [from, at].map(Instant::from_millis);
                let order = ReplayOrder { destination: PartitionId::new(destination), from, to, only_deleted };
                Effect::ReplayBegun { order, at, below }
            }
        ),
        lists(any::<u64>()).prop_map(Effect::Parked),
        lists(1u32..).prop_map(Effect::Unparked),
        any::<i32>().prop_map(|by| Effect::DelaysShifted { by_millis: by.into() }),
        any::<u64>().prop_map(|below| Effect::Expired { below }),
        any::<u64>().prop_map(|below| Effect::PassedOver { below }),
        any::<[u64; 3]>().prop_map(|[retention_millis, visibility_millis, delay_millis]| {
            Effect::Configured(Settings::plain(retention_millis, visibility_millis, delay_millis))
        }),
    ]
}

proptest! {
    #[test]
    fn what_was_written_is_read(effect in effects()) {
        let bytes = bytes_of(&effect);
        prop_assert_eq!(Effect::decode(effect.kind(), effect.version(), &bytes), Ok(effect));
    }

    #[test]
    fn whatever_can_be_read_is_written_back_byte_for_byte(
        kind in 0u8..30,
        version in 1u8..3,
        bytes in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let key = Effect::content_key(kind, version, &bytes);
        let decoded = Effect::decode(kind, version, &bytes);
        let content = decoded.clone().ok().and_then(Queue::content);
        prop_assert_eq!(key, content.map(|(sequence, message)| (sequence, message.sent_at)));
        if let Ok(effect) = decoded
            && effect.version() == version
        {
            prop_assert_eq!(bytes_of(&effect), bytes);
        }
    }

    #[test]
    fn a_record_with_one_byte_changed_is_refused_or_means_something_else(
        effect in effects(),
        place in any::<prop::sample::Index>(),
        flip in 1u8..,
    ) {
        let mut bytes = bytes_of(&effect);
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        if let Ok(read) = Effect::decode(effect.kind(), effect.version(), &bytes) {
            assert_ne!(read, effect);
            prop_assert_eq!(bytes_of(&read), bytes);
        }
    }
}
