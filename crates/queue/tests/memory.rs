//! What a message costs in memory beside its content, measured as the process's resident size. The only test in its file,
//! because memory that another test gave back would hide the growth.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "the kernel's figure for this process stands in a file")]

use bytes::Bytes;
use names::Instant;
use queue::{Command, Effect, IN_FLIGHT_MAX, MessageId, NewMessage, Queue, Settings};

const SETTINGS: Settings = Settings::plain(345_600_000, 30_000, 0);
const START: Instant = Instant::from_millis(1_700_000_000_000);

/// The budget for messages in a backlog, in tenths of a byte for each, and for one in flight or delayed.
const BACKLOG_TENTHS_MAX: u64 = 4;
const ACTIVE_BYTES_MAX: u64 = 64;

fn run(queue: &mut Queue, now: Instant, command: Command) {
    queue.advance(now);
    let effects: Vec<Effect> = queue.decide(now, command).effects;
    effects.iter().for_each(|effect| queue.apply(effect, &mut Vec::new()));
}

fn send(queue: &mut Queue, now: Instant, messages: u64, delay_millis: u64) {
    let message = NewMessage::plain(MessageId([7; 16]), 4, Bytes::from_static(b"bodyproperties"), Some(delay_millis));
    run(queue, now, Command::Send(vec![message; messages as usize]));
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells the resident size");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("the resident size is a number") * 1024
}

fn snapshot_bytes(queue: &Queue) -> usize {
    let mut state = Vec::new();
    queue.snapshot(&mut state);
    state.len()
}

#[test]
fn a_message_costs_no_more_than_its_budget() {
    const BACKLOG: u64 = 10_000_000;
    const ACTIVE: u64 = 100_000;
    let mut queue = Queue::new(SETTINGS);
    send(&mut queue, START, 1000, 0);
    let empty = resident_bytes();
    for millis in 1..BACKLOG / 1000 {
        send(&mut queue, START.plus_millis(millis), 1000, 0);
    }
    let backlog = resident_bytes() - empty;
    println!("{backlog} bytes for a backlog of {BACKLOG}, {} in a snapshot", snapshot_bytes(&queue));
    assert!(backlog <= BACKLOG * BACKLOG_TENTHS_MAX / 10, "{backlog} bytes for a backlog of {BACKLOG}");
    assert!(snapshot_bytes(&queue) < 100);

    let now = START.plus_millis(BACKLOG / 1000);
    let before = resident_bytes();
    for step in 0..ACTIVE / 10 {
        run(&mut queue, now.plus_millis(step), Command::Receive { max: 10, visibility_millis: None });
    }
    let in_flight = (resident_bytes() - before) / ACTIVE;
    println!("{in_flight} bytes for one in flight, {} in a snapshot", snapshot_bytes(&queue));
    assert!((16..=ACTIVE_BYTES_MAX).contains(&in_flight), "{in_flight} bytes for a message in flight");

    let before = resident_bytes();
    for step in 0..ACTIVE / 10 {
        send(&mut queue, now.plus_millis(step), 10, 900_000);
    }
    let delayed = (resident_bytes() - before) / ACTIVE;
    println!("{delayed} bytes for a delayed one");
    assert!((16..=ACTIVE_BYTES_MAX).contains(&delayed), "{delayed} bytes for a delayed message");
    assert_eq!((queue.counts().in_flight, queue.counts().delayed), (ACTIVE as usize, ACTIVE as usize));
    assert!(ACTIVE < IN_FLIGHT_MAX as u64);
}
