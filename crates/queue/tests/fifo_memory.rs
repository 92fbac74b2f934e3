//! What a FIFO queue costs in memory, measured as the process's resident size. The only test in its file, because memory
//! that another test gave back would hide the growth.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "the kernel's figure for this process stands in a file")]

use bytes::Bytes;
use names::Instant;
use queue::{Command, Effect, Labels, MessageId, NewMessage, Queue, Settings, WINDOW_MESSAGES};

const SETTINGS: Settings = Settings { is_fifo: true, ..Settings::plain(345_600_000, 30_000, 0) };
const START: Instant = Instant::from_millis(1_700_000_000_000);

/// The budget for a message in the window, and for a deduplication id.
const WINDOW_BYTES_MAX: u64 = 64;
const ID_BYTES_MAX: u64 = 56;

fn run(queue: &mut Queue, now: Instant, command: Command) {
    queue.advance(now);
    let effects: Vec<Effect> = queue.decide(now, command).effects;
    effects.iter().for_each(|effect| queue.apply(effect, &mut Vec::new()));
}

fn message(labels: Labels) -> NewMessage {
    let mut bytes = b"body".to_vec();
    let labelled = labels.append_to(&mut bytes);
    NewMessage {
        id: MessageId([7; 16]),
        body_bytes: 4,
        bytes: Bytes::from(bytes),
        delay_millis: None,
        labelled,
        earlier_dedup: None,
    }
}

/// As evenly spread as a digest.
fn spread(number: u64) -> u64 {
    (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn send(queue: &mut Queue, now: Instant, numbers: std::ops::Range<u64>, groups: u64) {
    let new = |number: u64| message(Labels { group: Some(spread(number % groups)), dedup: None });
    run(queue, now, Command::Send(numbers.map(new).collect()));
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells the resident size");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("the resident size is a number") * 1024
}

#[test]
fn a_message_in_the_window_and_an_id_cost_no_more_than_their_budget() {
    const IDS: u64 = 1_000_000;
    let window = WINDOW_MESSAGES as u64;
    let mut queue = Queue::new(SETTINGS);
    send(&mut queue, START, 0..1000, 100_000);
    let empty = resident_bytes();
    for step in 1..window / 1000 {
        send(&mut queue, START, step * 1000..(step + 1) * 1000, 100_000);
    }
    let known = (resident_bytes() - empty) / window;
    println!("{known} bytes for a message in the window, of 100,000 groups");
    assert!((8..=WINDOW_BYTES_MAX).contains(&known), "{known} bytes for a message in the window");

    let before = resident_bytes();
    for step in 0..1000 {
        send(&mut queue, START, window + step * 1000..window + (step + 1) * 1000, u64::MAX);
    }
    let beyond = resident_bytes() - before;
    println!("{beyond} bytes for a million behind it");
    assert!(beyond <= 400_000, "{beyond} bytes for a million messages behind the window");

    let mut ids = Queue::new(SETTINGS);
    let before = resident_bytes();
    for step in 0..IDS / 1000 {
        let dedup = |number: u64| {
            let [a, b] = [spread(number), spread(number ^ 1 << 40)].map(u64::to_le_bytes);
            let mut id = [0; 16];
            id[..8].copy_from_slice(&a);
            id[8..].copy_from_slice(&b);
            Some(id)
        };
        let new = |number| message(Labels { group: None, dedup: dedup(number) });
        let now = START.plus_millis(step * 200);
        run(&mut ids, now, Command::Send((step * 1000..(step + 1) * 1000).map(new).collect()));
        run(&mut ids, now, Command::Configure(SETTINGS));
        // Nothing of the messages themselves shall be measured.
        ids.apply(&Effect::Expired { below: (step + 1) * 1000 + 1 }, &mut Vec::new());
    }
    let id = (resident_bytes() - before) / IDS;
    println!("{id} bytes for a deduplication id");
    assert!((36..=ID_BYTES_MAX).contains(&id), "{id} bytes for a deduplication id");
}
