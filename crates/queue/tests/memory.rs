//! What a message costs in memory beside its body and properties.
//!
//! Bodies are static here, so what the process grows by is the queue's own. It is alone in its file, because memory
//! that another test gave back would hide the growth.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "the kernel's figure for this process stands in a file")]

use bytes::Bytes;
use names::{Instant, Position};
use queue::{Command, MessageId, NewMessage, Queue, Settings};

const SETTINGS: Settings = Settings { retention_millis: 3_600_000, visibility_millis: 30_000, delay_millis: 0 };
const NOW: Instant = Instant::from_millis(1_700_000_000_000);

/// The budget for a message in a backlog, and for one in flight.
const BACKLOG_BYTES_MAX: u64 = 100;
const IN_FLIGHT_BYTES_MAX: u64 = 180;

fn run(queue: &mut Queue, command: Command) {
    queue.advance(NOW);
    let decision = queue.decide(NOW, command);
    decision.effects.into_iter().for_each(|effect| queue.apply(Position::ZERO, effect));
}

fn fill(queue: &mut Queue, messages: u64) {
    let message = |number: u64| NewMessage {
        id: MessageId(u128::from(number).to_be_bytes()),
        body: Bytes::from_static(b"body"),
        properties: Bytes::from_static(b"properties"),
        delay_millis: None,
    };
    (0..messages).for_each(|number| run(queue, Command::Send(vec![message(number)])));
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells the resident size");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("the resident size is a number") * 1024
}

#[test]
fn a_message_costs_no_more_than_its_budget() {
    const MESSAGES: u64 = 500_000;
    const IN_FLIGHT: u64 = 100_000;
    let mut queue = Queue::new(SETTINGS);
    let empty = resident_bytes();
    fill(&mut queue, MESSAGES);
    let filled = resident_bytes();
    for _ in 0..IN_FLIGHT / 10 {
        run(&mut queue, Command::Receive { max: 10, visibility_millis: None });
    }
    let held = resident_bytes();
    let (backlog, in_flight) = ((filled - empty) / MESSAGES, (held - filled) / IN_FLIGHT + (filled - empty) / MESSAGES);
    println!("{backlog} bytes for a message in the backlog, {in_flight} for one in flight");
    assert!((50..=BACKLOG_BYTES_MAX).contains(&backlog), "{backlog} bytes for a message in the backlog");
    assert!(in_flight <= IN_FLIGHT_BYTES_MAX, "{in_flight} bytes for a message in flight");
    assert_eq!((queue.counts().visible as u64, queue.counts().in_flight as u64), (MESSAGES - IN_FLIGHT, IN_FLIGHT));
}
