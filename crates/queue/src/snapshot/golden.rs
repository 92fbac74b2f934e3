//! The bytes of every section that a snapshot may have, fixed for ever: a later version has to read them as the state that they
//! stand for today.
//!
//! Each test makes a queue by effects, compares its whole snapshot with bytes written down, and restores the queue from those.
//! A layout that changes is a new section with a new tag; the test of the old one stays.

use super::*;
use crate::{Departure, Effect, Labels, Message, MessageId, ReplayEnd, ReplayOrder};
use engine::Machine;
use expect_test::{Expect, expect};
use names::{PartitionId, Position};

const NOW: u64 = 1_700_000_000_000;

fn at(after: u64) -> Instant {
    Instant::from_millis(NOW + after)
}

/// A queue to which this has happened.
fn queue(settings: Settings, effects: &[Effect]) -> Queue {
    let mut queue = Queue::new(settings);
    effects.iter().for_each(|effect| Machine::apply(&mut queue, Position::ZERO, effect, &mut Vec::new()));
    queue
}

fn plain() -> Settings {
    Settings::plain(345_600_000, 30_000, 0)
}

fn fifo() -> Settings {
    Settings { is_fifo: true, ..plain() }
}

fn sent(sequence: u64, after: u64, labels: Labels) -> Effect {
    let mut bytes = b"x".to_vec();
    let labelled = labels.append_to(&mut bytes);
    let message = Message::labelled(MessageId([sequence as u8; 16]), at(after), 1, bytes.into(), labelled);
    Effect::Sent { sequence, visible_at: Instant::EPOCH, message }
}

fn some(count: u64) -> Vec<Effect> {
    (1..=count).map(|sequence| sent(sequence, sequence, Labels::default())).collect()
}

fn in_group(group: u64) -> Labels {
    Labels { group: Some(group), dedup: None }
}

fn received(after: u64, until: Instant, entries: &[(u64, u32)]) -> Effect {
    Effect::Leased { received_at: at(after), until, entries: entries.to_vec() }
}

/// The queue's snapshot are these bytes, and these bytes are the queue.
fn check(queue: &Queue, expected: &Expect) {
    let mut state = Vec::new();
    queue.snapshot(&mut state);
    let hex: String = state.iter().map(|byte| format!("{byte:02x}")).collect();
    expected.assert_eq(&hex);
    let digits = expected.data().trim();
    let golden: Vec<u8> =
        (0..digits.len() / 2).map(|byte| u8::from_str_radix(&digits[2 * byte..2 * byte + 2], 16).unwrap()).collect();
    assert_eq!(Queue::restore(2, &golden).unwrap(), *queue);
}

#[test]
fn section_1_is_what_goes_to_other_queues_and_comes_from_them() {
    let destination = PartitionId::of_family(1, 6);
    let order = ReplayOrder { destination, from: at(5), to: at(6), only_deleted: false };
    let mut effects = some(6);
    effects.extend([
        received(100, Instant::EPOCH, &[(1, 1), (2, 3)]),
        Effect::Departed {
            destination: PartitionId::of_family(1, 5),
            why: Departure::DeadLetter,
            sequences: vec![1, 2],
        },
        Effect::Delivered { destination: PartitionId::of_family(1, 5), below: 1 },
        Effect::Departed { destination: PartitionId::of_family(1, 6), why: Departure::Moved, sequences: vec![4] },
        // A copy has a replay that makes it.
        Effect::ReplayBegun { order, at: at(150), below: 7 },
        Effect::Copied { destination: PartitionId::of_family(1, 6), sequences: vec![5] },
        Effect::Arrived { origin: PartitionId::of_family(1, 4), below: 300, at: at(200) },
    ]);
    check(
        &queue(plain(), &effects),
        &expect![
            "80e0e5a401b0ea0100000786d095ffbc31020301010200010181d095ffbc31050201350205000000000000010101020103e4d095ffbc31e4d095ffbc3106000000000000010002040200050300010400000000000001ac02161f060000000000000185d095ffbc3186d095ffbc310096d195ffbc3106070100"
        ],
    );
}

#[test]
fn section_2_is_marks_of_which_some_are_older_than_the_one_before() {
    let effects = [sent(1, 900_000, Labels::default()), sent(2, 1, Labels::default()), sent(3, 2, Labels::default())];
    check(
        &queue(plain(), &effects),
        &expect!["80e0e5a401b0ea01000004a0c7ccffbc31010103000001020e0201c08e99fff9620001bdee6d01"],
    );
}

#[test]
fn section_10_is_deduplication_ids() {
    let labels = |dedup: u8| Labels { group: Some(7), dedup: Some([dedup; 16]) };
    let effects = [sent(1, 0, labels(0xa1)), sent(2, 300, labels(0xa2)), sent(3, 70_000, labels(0xa3))];
    check(
        &queue(fifo(), &effects),
        &expect![
            "80e0e5a401b0ea0100010a0004f0f299ffbc3101010300020180d095ffbc31ac0202c4a00400010a780280d095ffbc310102a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1010101010101010101010101010101010000a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a202020202020202020202020202020202ac0201f0f299ffbc310301a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3030303030303030303030303030303030000"
        ],
    );
}

#[test]
fn section_11_is_receives_that_had_names() {
    let effects = [
        sent(1, 0, in_group(7)),
        sent(2, 1, in_group(7)),
        received(10, at(30_010), &[(1, 1), (2, 1)]),
        Effect::Attempted { attempt: [0xab; 16], at: at(10), until: at(30_010), entries: vec![(2, 1), (1, 1)] },
    ];
    check(
        &queue(fifo(), &effects),
        &expect![
            "80e0e5a401b0ea0100010a000381d095ffbc31000201031200e0d40301030000e0d403010180d095ffbc3101010b2201abababababababababababababababab8ad095ffbc31baba97ffbc310202010101"
        ],
    );
}

#[test]
fn section_12_is_a_standard_queue_that_saw_a_message_group() {
    check(
        &queue(plain(), &[sent(1, 0, in_group(7))]),
        &expect!["80e0e5a401b0ea0100000280d095ffbc3101010100010180d095ffbc3100010c00"],
    );
}

#[test]
fn section_21_is_deleted_messages_that_are_kept() {
    let settings = Settings { keep_deleted_secs: 86_400, ..plain() };
    let mut effects = some(400);
    effects.extend([
        Effect::Shelved { at: at(1_000), sequences: vec![1, 2, 3, 300] },
        Effect::Shelved { at: at(2_000), sequences: vec![4] },
        Effect::Shelved { at: at(200_000), sequences: vec![5, 301] },
    ]);
    let queue = queue(settings, &effects);
    check(
        &queue,
        &expect![
            "80e0e5a401b0ea010001160380a305910390d395ffbc310206a602026300010181d095ffbc318f0301151902e8d795ffbc31e807020104a70201f08a0c00020501a70201"
        ],
    );
    assert_eq!((queue.counts().kept, queue.next_expiry()), (7, Some(at(2_000 + 86_400_000))));
}

#[test]
fn section_22_is_the_latest_replay() {
    let order =
        |only_deleted, to| ReplayOrder { destination: PartitionId::of_family(1, 5), from: at(1), to, only_deleted };
    let begun = |order| {
        let mut effects = some(9);
        effects.push(Effect::ReplayBegun { order, at: at(1_000), below: 10 });
        effects
    };
    let mut running = begun(order(true, Instant::FAR_FUTURE));
    running.push(Effect::Copied { destination: PartitionId::of_family(1, 5), sequences: vec![2, 3] });
    check(
        &queue(plain(), &running),
        &expect![
            "80e0e5a401b0ea0100000a89d095ffbc3101010900010181d095ffbc3108020112010500000000000001000202030003030000161a050000000000000181d095ffbc310001e8d795ffbc31040a0200"
        ],
    );
    let ended = |end| {
        let mut effects = begun(order(false, at(500)));
        effects.push(Effect::ReplayEnded(end));
        queue(plain(), &effects)
    };
    check(
        &ended(ReplayEnd::Done),
        &expect![
            "80e0e5a401b0ea0100000a89d095ffbc3101010900010181d095ffbc310801161f050000000000000181d095ffbc31f4d395ffbc3100e8d795ffbc31010a0001"
        ],
    );
    check(
        &ended(ReplayEnd::Cancelled),
        &expect![
            "80e0e5a401b0ea0100000a89d095ffbc3101010900010181d095ffbc310801161f050000000000000181d095ffbc31f4d395ffbc3100e8d795ffbc31010a0002"
        ],
    );
    running.push(Effect::Returned { destination: PartitionId::of_family(1, 5), at: at(2_000) });
    check(
        &queue(plain(), &running),
        &expect![
            "80e0e5a401b0ea0100000a89d095ffbc3101010900010181d095ffbc310801161a050000000000000181d095ffbc310001e8d795ffbc31040a0203"
        ],
    );
}

#[test]
fn section_23_is_parked_groups_and_groups_that_were_let_go_on() {
    let settings = Settings { park_after: 2, ..fifo() };
    let mut effects: Vec<Effect> = (1..=300).map(|sequence| sent(sequence, sequence, in_group(sequence % 4))).collect();
    effects.extend([
        received(400, Instant::EPOCH, &[(1, 2), (2, 2), (3, 200)]),
        Effect::Parked(vec![(1, 0x0102_0304_0506_0708), (2, 9), (3, 3)]),
        Effect::Unparked(vec![(3, 200)]),
    ]);
    let queue = queue(settings, &effects);
    check(
        &queue,
        &expect![
            "80e0e5a401b0ea0100020a00170102ad02acd295ffbc310101ac02030104c80100010400000190030000010181d095ffbc31ab02011717020108070605040302010109000000000000000103c801"
        ],
    );
    assert_eq!(queue.parked_groups(), [0x0102_0304_0506_0708, 9]);
}

/// All in the order of their tags, whatever the order in which they came about.
#[test]
fn a_queue_with_several_sections_has_them_by_rising_tags() {
    let settings = Settings { park_after: 1, keep_deleted_secs: 60, ..fifo() };
    let labels = Labels { group: Some(7), dedup: Some([0xa1; 16]) };
    let effects = [
        sent(1, 0, labels),
        sent(2, 1, in_group(8)),
        sent(3, 2, in_group(9)),
        received(10, Instant::EPOCH, &[(1, 1)]),
        Effect::Parked(vec![(1, 7)]),
        Effect::Shelved { at: at(20), sequences: vec![2] },
        Effect::Departed { destination: PartitionId::of_family(1, 5), why: Departure::Moved, sequences: vec![3] },
    ];
    check(
        &queue(settings, &effects),
        &expect![
            "80e0e5a401b0ea0100030a0016013c1701010482d095ffbc310101010101021000010180d095ffbc310204010f0105000000000000010001030200000a2b0180d095ffbc310101a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1010101010101010101010101010101010000150b0194d095ffbc3100010201170b0101070000000000000000"
        ],
    );
}
