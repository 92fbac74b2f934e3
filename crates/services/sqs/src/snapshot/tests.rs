//! The snapshot's layout: a queue comes back as it was, also from every older version.

use super::*;
use crate::attribute_table::Attribute;
use crate::attributes::{AttributeChanges, Attributes, Durability, Occasion};
use crate::machine::{Command, Reply, SqsQueue};
use crate::move_tasks::{Move, Plan};
use bytes::Bytes;
use engine::Machine;
use names::{AccountId, Instant, Position, QueueName, Region};
use proptest::collection::vec;
use proptest::prelude::{any, proptest};
use queue::{MessageId, NewMessage};

const CHANGE: Occasion = Occasion { is_creation: false, is_fifo: false };
const NOW: Instant = Instant::from_millis(1_700_000_000_123);

fn run(machine: &mut SqsQueue, command: Command) {
    machine.advance(NOW);
    for effect in machine.decide(NOW, command).effects {
        machine.apply(Position::ZERO, &effect, &mut Vec::new());
    }
}

fn message() -> NewMessage {
    NewMessage::plain(MessageId([1; 16]), 1, Bytes::from_static(b"xp"), None)
}

fn sample() -> SqsQueue {
    sample_with(Attributes::default(), Tags::default())
}

fn sample_with(attributes: Attributes, tags: Tags) -> SqsQueue {
    let mut machine = SqsQueue::unborn();
    let attributes = attributes.with(Attribute::Wait, 7).with(Attribute::Visibility, 77);
    let region = Region::parse("eu-central-1").unwrap();
    let name = QueueName::parse("jobs").unwrap();
    run(&mut machine, Command::Create { account: AccountId::DEFAULT, region, name, attributes, tags });
    run(&mut machine, Command::Messages(queue::Command::Send(vec![message(); 3])));
    run(&mut machine, Command::Messages(queue::Command::Receive { max: 1, visibility_millis: None }));
    machine
}

fn bytes_of(machine: &SqsQueue) -> Vec<u8> {
    let mut out = Vec::new();
    machine.snapshot(&mut out);
    out
}

#[test]
fn a_queue_comes_back_as_it_was() {
    let machine = sample();
    let restored = SqsQueue::restore(VERSION, &bytes_of(&machine)).unwrap();
    assert_eq!(restored.about(), machine.about());
    assert_eq!((restored.counts(), restored.counts().in_flight), (machine.counts(), 1));
    assert_eq!((restored.bounds().wait_secs(), restored.bounds().maximum_message_bytes()), (7, 1_048_576));
    assert_eq!(bytes_of(&restored), bytes_of(&machine));
    assert_eq!((restored.first_held(), restored.held_within(1..9), restored.is_over()), (1, 3, false));
}

const ABOUT: &str = "0000018bcfe5687b0000018bcfe5687b3030303030303030303030300c65752d63656e7472616c2d31046a6f6273";
/// What stands behind the attributes, with the queue machine's snapshot in its version 2, and in its version 1.
const MESSAGES: &str = "0280e0e5a401c8d904000004fbd095ffbc31010202010103000090b3090101fbd095ffbc310000";
const OLD_MESSAGES: &str = "0180e0e5a401c8d9040004fbd095ffbc31010202010103000090b3090101fbd095ffbc3100";

fn hex(machine: &SqsQueue) -> String {
    bytes_of(machine).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(version: u8, hex: &str) -> Result<SqsQueue, MalformedRecord> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let state: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    SqsQueue::restore(version, &state)
}

#[test]
fn the_bytes_of_version_3_stay_what_they_are() {
    let numbers = "05010000004d0200100000030005460004000000000500000007";
    assert_eq!(hex(&sample()), format!("{ABOUT}{numbers}0000{MESSAGES}"));
}

#[test]
fn a_queue_with_a_policy_and_tags_comes_back_as_it_was() {
    let tags: Tags = [("a".into(), "1".into()), ("b".into(), "".into())].into_iter().collect();
    let machine = sample_with(Attributes::default().with_text(Attribute::Policy, "{}"), tags);
    let restored = SqsQueue::restore(VERSION, &bytes_of(&machine)).unwrap();
    assert_eq!((restored.about(), bytes_of(&restored)), (machine.about(), bytes_of(&machine)));
    assert_eq!(restored.about().unwrap().tags.len(), 2);
    assert_eq!(restored.about().unwrap().attributes.text(Attribute::Policy), Some("{}"));
}

#[test]
fn message_move_tasks_come_back_as_they_were_and_the_newest_ten_are_kept() {
    let mut machine = sample();
    for task in 1..=12 {
        let destination = (task % 2 == 0).then(|| machine.about().unwrap().key());
        let plan = Plan { id: [task; 16], destination, rate: (task % 3 == 0).then_some(task.into()) };
        run(&mut machine, Command::Move(Move::Start(plan)));
        if task < 12 {
            run(&mut machine, Command::Move(Move::Cancel([task; 16])));
        }
    }
    let restored = SqsQueue::restore(VERSION, &bytes_of(&machine)).unwrap();
    assert_eq!(bytes_of(&restored), bytes_of(&machine));
    assert_eq!(restored.move_under_way(), machine.move_under_way());
    assert_eq!(restored.move_under_way().unwrap().plan.rate, Some(12));
    let Reply::MoveTasks(tasks) = restored.decide(NOW, Command::Move(Move::List)).reply else { panic!("a list") };
    let ids: Vec<u8> = tasks.iter().map(|shown| shown.task.plan.id[0]).collect();
    assert_eq!(ids, (3..=12).rev().collect::<Vec<_>>());
    assert_eq!((tasks[0].status(), tasks[1].status()), ("RUNNING", "CANCELLED"));
    assert_eq!((tasks[0].task.below, tasks[0].task.to_move), (4, 2), "one of three is in flight");
}

#[test]
fn tags_are_laid_on_and_taken_off_and_fifty_are_the_most() {
    let mut machine = sample();
    let many = |keys: std::ops::Range<u32>| keys.map(|key| (key.to_string().into(), "x".into())).collect::<Tags>();
    run(&mut machine, Command::Tag(many(0..50)));
    assert!(matches!(machine.decide(NOW, Command::Tag(many(50..51))).reply, Reply::Refused(_)));
    assert!(matches!(machine.decide(NOW, Command::Tag(many(10..11))).reply, Reply::Done), "it is there already");
    run(&mut machine, Command::Untag(vec!["7".into(), "nobody".into(), "7".into()]));
    assert_eq!(machine.about().unwrap().tags.len(), 49);
    let nothing = machine.decide(NOW, Command::Untag(vec!["nobody".into()]));
    assert!(nothing.effects.is_empty() && matches!(nothing.reply, Reply::Done));
}

#[test]
fn version_2_is_read_as_a_queue_without_texts_and_tags() {
    let numbers = "06010000004d02001000000300054600040000000005000000070600000000";
    let restored = from_hex(2, &format!("{ABOUT}{numbers}{MESSAGES}")).unwrap();
    assert_eq!(restored.about(), sample().about());
    assert_eq!(bytes_of(&restored), bytes_of(&sample()), "and written as version 3");
}

#[test]
fn version_1_is_read_as_a_durable_queue() {
    let numbers = "05010000004d0200100000030005460004000000000500000007";
    let restored = from_hex(1, &format!("{ABOUT}{numbers}{OLD_MESSAGES}")).unwrap();
    assert_eq!(restored.about(), sample().about());
    assert_eq!(bytes_of(&restored), bytes_of(&sample()), "and written as version 3");
}

#[test]
fn a_section_that_nobody_knows_is_malformed() {
    let numbers = "05010000004d0200100000030005460004000000000500000007";
    for (what, section) in [
        ("an unknown tag", "010900000000"),
        ("the same tag twice", "02010000000100010000000100"),
        ("longer than what is in it", "0101000000020000"),
    ] {
        assert!(from_hex(3, &format!("{ABOUT}{numbers}00{section}{MESSAGES}")).is_err(), "{what}");
    }
}

#[test]
fn only_a_relaxed_queue_passes_over_numbers_at_a_start() {
    for (durability, first) in [(Durability::Durable, 4), (Durability::Relaxed, 4 + 3 * engine::UNSYNCED_RECORDS_MAX)] {
        let mut machine = sample();
        let word = if durability == Durability::Relaxed { "relaxed" } else { "durable" };
        let given = [("TidewireDurability".to_string(), word.to_string())];
        run(&mut machine, Command::SetAttributes(AttributeChanges::parse(&given, CHANGE).unwrap()));
        let mut restored = SqsQueue::restore(VERSION, &bytes_of(&machine)).unwrap();
        assert_eq!(restored.about().unwrap().attributes.durability(), durability);
        restored.resume(3);
        run(&mut restored, Command::Messages(queue::Command::Send(vec![message()])));
        assert!(restored.holds(first) && restored.held_within(4..u64::MAX) == 1);
    }
}

#[test]
fn a_deleted_queue_is_over_and_holds_nothing() {
    let mut machine = sample();
    run(&mut machine, Command::Delete);
    assert_eq!((machine.is_over(), machine.first_held(), machine.holds(2)), (true, u64::MAX, false));
    assert!(bytes_of(&machine).is_empty());
    assert!(SqsQueue::restore(VERSION, &[]).is_err());
    assert!(!SqsQueue::unborn().is_over());
}

#[test]
fn a_snapshot_cut_lengthened_or_of_another_version_is_malformed() {
    let mut bytes = bytes_of(&sample());
    for end in 0..bytes.len() {
        assert!(SqsQueue::restore(VERSION, &bytes[..end]).is_err(), "cut at {end}");
    }
    assert!(SqsQueue::restore(VERSION + 1, &bytes).is_err());
    bytes.push(0);
    assert!(SqsQueue::restore(VERSION, &bytes).is_err());
}

#[test]
fn attributes_that_contradict_the_messages_settings_are_malformed() {
    let mut bytes = bytes_of(&sample());
    let visibility = bytes.windows(5).position(|five| five == [1, 0, 0, 0, 77]).unwrap();
    bytes[visibility + 4] = 78;
    let why = SqsQueue::restore(VERSION, &bytes).unwrap_err().why;
    assert_eq!(why, "a queue's attributes are not what its messages follow");
}

proptest! {
    #[test]
    fn no_bytes_make_restore_panic(bytes in vec(any::<u8>(), 0..200), place in 0usize..200, byte in any::<u8>()) {
        let _ = SqsQueue::restore(VERSION, &bytes);
        let mut spoilt = bytes_of(&sample());
        let place = place % spoilt.len();
        spoilt[place] = byte;
        let _ = SqsQueue::restore(VERSION, &spoilt);
    }
}

#[test]
fn last_use_is_kept_where_there_is_a_lifetime_to_keep_it_for() {
    let machine = sample_with(Attributes::default().with(Attribute::IdleLifetime, 60), Tags::default());
    assert_eq!(machine.about().unwrap().used_at, NOW);
    let state = bytes_of(&machine);
    let section = [&[1, USED, 0, 0, 0, 8][..], &NOW.as_millis().to_be_bytes()].concat();
    assert!(state.windows(section.len()).any(|bytes| bytes == section));
    assert_eq!(SqsQueue::restore(VERSION, &state).unwrap().about(), machine.about());
    assert_eq!(sample().about().unwrap().used_at, Instant::EPOCH);
}
