//! Round trips, fixed bytes and hostile bytes of snapshots.

use super::*;
use crate::{Effect, Message, MessageId, VirtualId};
use bytes::Bytes;
use expect_test::expect;
use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

fn bytes_of(queue: &Queue) -> Vec<u8> {
    let mut out = Vec::new();
    queue.snapshot(&mut out);
    out
}

fn sent(sequence: u64, sent_at: u64, visible_at: u64) -> Effect {
    let message = Message::new(MessageId([0; 16]), Instant::from_millis(sent_at), 0, Bytes::new());
    Effect::Sent { sequence, visible_at: Instant::from_millis(visible_at), message }
}

/// A queue that has something of everything.
fn example() -> Queue {
    let at = Instant::from_millis;
    let settings = Settings::plain(4_096_000, 30_000, 0);
    let mut queue = Queue::new(settings);
    let mut effects: Vec<_> = (1..=100).map(|sequence| sent(sequence, 1_700_000_000_000 + sequence * 100, 0)).collect();
    effects.extend([
        sent(101, 1_700_000_010_100, 1_700_000_900_000),
        Effect::Leased {
            received_at: at(1_700_000_011_000),
            until: at(1_700_000_041_000),
            entries: vec![(2, 1), (3, 1)],
        },
        Effect::Leased { received_at: at(1_700_000_012_000), until: Instant::EPOCH, entries: vec![(3, 2)] },
        Effect::Deleted(vec![1, 50]),
    ]);
    effects.iter().for_each(|effect| queue.apply(effect, &mut Vec::new()));
    queue
}

fn check_malformed(state: &[u8], why: &'static str) {
    let malformed = MalformedRecord { kind: SNAPSHOT, version: 2, why };
    assert_eq!(Queue::restore(2, state).unwrap_err(), malformed, "{state:02x?}");
}

#[test]
fn the_bytes_of_version_2_never_change() {
    let state = bytes_of(&example());
    let hex: String = state.iter().map(|byte| format!("{byte:02x}")).collect();
    expect!["8080fa01b0ea01000066f49e96ffbc3102032f0132030203880e00e0d4030104d00fcf0f620180b36c0a01e4d095ffbc31e8070b64e8070b64e8070b64e8070b64e8070b64e8070b64e8070b64e8070b64e8070b646400"].assert_eq(&hex);
    let restored = Queue::restore(2, &state).unwrap();
    assert_eq!(restored, example());
    assert_eq!((restored.counts().visible, restored.counts().in_flight, restored.counts().delayed), (97, 1, 1));
    assert_eq!(restored.next_deadline(), Some(Instant::from_millis(1_700_000_041_000)));
}

#[test]
fn the_bytes_of_virtual_queues_never_change() {
    let mut queue = example();
    let message = Message::new(MessageId([0; 16]), Instant::from_millis(1_700_000_012_000), 0, Bytes::new());
    for (sequence, visible_at) in [(102, Instant::EPOCH), (103, Instant::from_millis(1_700_000_900_000))] {
        let within = VirtualId(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
        queue.apply(&Effect::SentWithin { within, sequence, visible_at, message: message.clone() }, &mut Vec::new());
    }
    let state = bytes_of(&queue);
    let hex: String = state.iter().map(|byte| format!("{byte:02x}")).collect();
    expect!["01142302660102030405060708090a0b0c0d0e0f10010102030405060708090a0b0c0d0e0f10"]
        .assert_eq(&hex[hex.len() - 76..]);
    assert_eq!(Queue::restore(2, &state).unwrap(), queue);
    assert_eq!((queue.counts().visible, queue.counts().delayed, queue.ready()), (98, 2, 97));
}

/// What version 1 has is version 2 without its two empty lists of sections.
#[test]
fn version_1_is_still_read() {
    let mut state = bytes_of(&example());
    assert_eq!((state.pop(), state.remove(8)), (Some(0), 0));
    assert_eq!(Queue::restore(1, &state).unwrap(), example());
}

#[test]
fn a_section_of_a_newer_version_is_refused() {
    let state = bytes_of(&example());
    let mut setting = state.clone();
    setting.splice(8..9, [1, 99, 0]);
    check_malformed(&setting, "a setting that this version does not know");
    let mut part = state[..state.len() - 1].to_vec();
    part.extend([1, 99, 0]);
    check_malformed(&part, "a part of a queue that this version does not know");
}

#[test]
fn a_snapshot_cut_or_lengthened_is_malformed() {
    let mut state = bytes_of(&example());
    for end in 0..state.len() {
        assert!(Queue::restore(2, &state[..end]).is_err(), "cut at {end}");
    }
    state.push(0);
    check_malformed(&state, "bytes follow its end");
    assert!(Queue::restore(3, &bytes_of(&example())).is_err());
}

#[test]
fn what_is_not_the_form_of_a_state_is_named() {
    // Settings 1, 1, 1 and none more, then next sequence and last sent at, ranges, exceptions, marks, sections.
    check_malformed(&[1, 1, 1, 0, 0, 5, 0, 0, 0, 0], "sequences begin at 1");
    check_malformed(&[1, 1, 1, 0, 3, 5, 1, 0, 1, 0, 0, 0], "sequences do not rise");
    check_malformed(&[1, 1, 1, 0, 3, 5, 1, 1, 3, 0, 1, 1, 5, 0, 0], "a message is visible that was not sent");
    check_malformed(&[1, 1, 1, 0, 3, 5, 0, 1, 1, 0, 0, 0], "an exception is none");
    check_malformed(&[1, 1, 1, 0, 3, 5, 0, 1, 1, 1, 9, 0, 0], "an exception is none");
    check_malformed(
        &[1, 1, 1, 0, 3, 5, 0, 1, 3, 1, 2, 1, 1, 5, 0, 0],
        "something happened to a message that was not sent",
    );
    check_malformed(
        &[1, 1, 1, 0, 3, 5, 0, 1, 1, 2, 0, 0, 1, 1, 5, 0, 0],
        "a message is both visible and hidden, or neither",
    );
    check_malformed(&[1, 1, 1, 0, 3, 5, 1, 1, 2, 0, 0, 0], "the marks do not begin where the messages do");
    check_malformed(&[1, 1, 1, 0, 3, 5, 0, 0, 1, 1, 5, 0, 0], "the marks do not begin where the messages do");
    check_malformed(&[1, 1, 1, 0, 3, 5, 1, 1, 2, 0, 1, 1, 5, 1, 0], "a mark is of a message that was not sent");
    check_malformed(
        &[1, 1, 1, 0, 3, 5, 1, 1, 2, 0, 2, 1, 5, 0, 2, 0, 0, 0],
        "a mark is of a message that was not sent",
    );
    assert!(Queue::restore(2, &[1, 1, 1, 0, 3, 5, 1, 1, 2, 0, 1, 1, 5, 0, 0]).is_ok());
}

#[test]
fn a_list_that_claims_to_be_huge_takes_no_memory() {
    let empty = bytes_of(&Queue::new(Settings::plain(1, 1, 1)));
    for list in 0..3 {
        let mut state = empty[..empty.len() - 4].to_vec();
        state.resize(state.len() + list, 0);
        put(&mut state, u64::MAX / 2);
        state.extend([1; 100]);
        check_malformed(&state, "a list is longer than the snapshot");
    }
}

fn sequences() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::btree_set(1u64..200, 0..12).prop_map(|set| set.into_iter().collect())
}

fn times() -> impl Strategy<Value = Instant> {
    prop_oneof![2 => Just(0), 1 => any::<u64>(), 10 => 1_000_000u64..1_100_000].prop_map(Instant::from_millis)
}

/// Effects as no queue might decide them, and time.
#[derive(Debug, Clone)]
enum Happening {
    Sent { count: u64, sent_at: Instant, visible_at: Instant },
    Effect(Effect),
    Advance(Instant),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let settings = (1u64..100_000_000, 0u32..200).prop_map(|(retention_millis, keep_deleted_secs)| Settings {
        keep_deleted_secs,
        ..Settings::plain(retention_millis, 30_000, 0)
    });
    let one = prop_oneof![
        6 => (1u64..50, times(), times())
            .prop_map(|(count, sent_at, visible_at)| Happening::Sent { count, sent_at, visible_at }),
        4 => (times(), times(), sequences(), any::<u32>()).prop_map(|(received_at, until, sequences, receive)| {
            let entries = sequences.into_iter().map(|sequence| (sequence, receive.max(1))).collect();
            Happening::Effect(Effect::Leased { received_at, until, entries })
        }),
        2 => (sequences(), times()).prop_map(|(sequences, until)| {
            let entries = sequences.into_iter().map(|sequence| (sequence, until)).collect();
            Happening::Effect(Effect::VisibilityChanged(entries))
        }),
        3 => sequences().prop_map(|sequences| Happening::Effect(Effect::Deleted(sequences))),
        1 => (1u64..200, any::<bool>())
            .prop_map(|(below, with_left)| Happening::Effect(Effect::Purged { below, with_left })),
        3 => (times(), sequences()).prop_map(|(at, sequences)| Happening::Effect(Effect::Shelved { at, sequences })),
        1 => settings.prop_map(|settings| Happening::Effect(Effect::Configured(settings))),
        2 => (1_000_000u64..1_100_000).prop_map(|now| Happening::Advance(Instant::from_millis(now))),
    ];
    prop::collection::vec(one, 0..40)
}

fn run(queue: &mut Queue, happening: &Happening) {
    match happening {
        Happening::Sent { count, sent_at, visible_at } => {
            for _ in 0..*count {
                let effect = sent(queue.next_sequence, sent_at.as_millis(), visible_at.as_millis());
                queue.apply(&effect, &mut Vec::new());
            }
        }
        Happening::Effect(effect) => queue.apply(effect, &mut Vec::new()),
        Happening::Advance(now) => queue.advance(*now),
    }
}

proptest! {
    #[test]
    fn a_restored_queue_is_the_same_and_stays_the_same(before in happenings(), after in happenings()) {
        let mut queue = Queue::new(Settings::plain(60_000, 30_000, 0));
        before.iter().for_each(|happening| run(&mut queue, happening));
        let state = bytes_of(&queue);
        let mut restored = Queue::restore(2, &state).unwrap();
        prop_assert_eq!(&restored, &queue);
        prop_assert_eq!(bytes_of(&restored), state);
        for happening in &after {
            run(&mut queue, happening);
            run(&mut restored, happening);
            prop_assert_eq!(&restored, &queue);
        }
        prop_assert_eq!(bytes_of(&restored), bytes_of(&queue));
    }

    #[test]
    fn no_bytes_make_restore_panic_and_every_state_has_one_form(
        small in prop::collection::vec(prop_oneof![6 => 0u8..6, 1 => any::<u8>()], 0..40),
    ) {
        if let Ok(queue) = Queue::restore(2, &small) {
            prop_assert_eq!(bytes_of(&queue), small);
        }
    }

    #[test]
    fn a_snapshot_with_one_byte_changed_is_refused_or_another_state(
        before in happenings(),
        place in any::<prop::sample::Index>(),
        flip in 1u8..,
    ) {
        let mut queue = Queue::new(Settings::plain(60_000, 30_000, 0));
        before.iter().for_each(|happening| run(&mut queue, happening));
        let mut state = bytes_of(&queue);
        let place = place.index(state.len());
        state[place] ^= flip;
        if let Ok(other) = Queue::restore(2, &state) {
            proptest::prop_assert_ne!(&other, &queue);
            prop_assert_eq!(bytes_of(&other), state);
        }
    }
}
