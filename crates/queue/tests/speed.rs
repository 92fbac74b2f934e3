//! What the machine costs: nanoseconds for each message.
//!
//! Ignored by default, because times mean something in release only:
//! `cargo test --release -p queue --test speed -- --ignored --nocapture --test-threads 1`

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "measuring needs a real clock and somewhere to write"
)]

use bytes::Bytes;
use engine::Effect as _;
use names::Instant;
use queue::{Command, Effect, Handle, MessageId, NewMessage, Queue, Reply, Settings};
use std::time;

const SETTINGS: Settings = Settings::plain(3_600_000_000, 30_000, 0);
const BODY: &[u8] = &[b'x'; 1100];
const NOW: Instant = Instant::from_millis(1_700_000_000_000);

fn message(number: u64) -> NewMessage {
    NewMessage::plain(MessageId(u128::from(number).to_be_bytes()), 1024, Bytes::from_static(BODY), None)
}

fn run(queue: &mut Queue, command: Command) -> Reply {
    queue.advance(NOW);
    let decision = queue.decide(NOW, command);
    decision.effects.iter().for_each(|effect| queue.apply(effect, &mut Vec::new()));
    decision.reply
}

fn fill(queue: &mut Queue, messages: u64) {
    for number in 0..messages {
        run(queue, Command::Send(vec![message(number)]));
    }
}

fn receive_ten(queue: &mut Queue) -> Vec<Handle> {
    let Reply::Received(deliveries) = run(queue, Command::Receive { max: 10, visibility_millis: None }) else {
        panic!("a receive is answered with messages")
    };
    deliveries.iter().map(queue::Delivery::handle).collect()
}

/// Times `rounds` calls and prints what one message took.
fn timed(what: &str, messages: u64, work: impl FnOnce()) {
    let start = time::Instant::now();
    work();
    println!("{what}: {:.0} ns a message", start.elapsed().as_nanos() as f64 / messages as f64);
}

#[test]
#[ignore = "measures; run in release"]
fn the_cost_of_each_step() {
    const MESSAGES: u64 = 1_000_000;
    let mut queue = Queue::new(SETTINGS);
    timed("send, one a command", MESSAGES, || fill(&mut queue, MESSAGES));
    timed("receive 10 + delete 10, backlog of a million", MESSAGES / 2, || {
        for _ in 0..MESSAGES / 20 {
            let handles = receive_ten(&mut queue);
            run(&mut queue, Command::Delete(handles));
        }
    });
    let mut held = Vec::new();
    timed("receive 10, deleted later, 100,000 in flight", 100_000, || {
        (0..10_000).for_each(|_| held.push(receive_ten(&mut queue)));
    });
    timed("delete 10, 100,000 in flight", 100_000, || {
        held.drain(..).for_each(|handles| drop(run(&mut queue, Command::Delete(handles))));
    });
    timed("send + receive 10 + delete 10, short queue", MESSAGES, || {
        let mut queue = Queue::new(SETTINGS);
        for _ in 0..MESSAGES / 10 {
            fill(&mut queue, 10);
            let handles = receive_ten(&mut queue);
            run(&mut queue, Command::Delete(handles));
        }
    });
    timed("advance when nothing is due", 10_000_000, || {
        (0..10_000_000).for_each(|_| std::hint::black_box(&mut queue).advance(NOW));
    });
    let mut state = Vec::new();
    timed("snapshot, 400,000 visible", 400_000, || queue.snapshot(&mut state));
    leases_that_end_together(&mut queue);
    timed("snapshot, 100,000 visible again", 100_000, || queue.snapshot(&mut state));
    timed("purge", queue.counts().visible as u64, || drop(run(&mut queue, Command::Purge)));
}

/// What a send has to wait for while 100,000 leases end in the same millisecond, neighbours or one in seventy.
fn leases_that_end_together(queue: &mut Queue) {
    for apart in [1, 70] {
        let mut sparse = Queue::new(Settings { retention_millis: u64::MAX, ..SETTINGS });
        fill(&mut sparse, 100_000 * apart);
        let entries = (1..=100_000).map(|number| (number * apart, 1)).collect();
        let until = NOW.plus_millis(30_000);
        sparse.apply(&Effect::Leased { received_at: NOW, until, entries }, &mut Vec::new());
        let (mut calls, mut longest) = (0, time::Duration::ZERO);
        while sparse.next_deadline().is_some_and(|at| at <= until) {
            let start = time::Instant::now();
            sparse.advance(until);
            longest = longest.max(start.elapsed());
            calls += 1;
        }
        assert_eq!(sparse.counts().in_flight, 0);
        println!("100,000 leases end at once, {apart} apart: {calls} calls, the longest {longest:?}");
        *queue = sparse;
    }
}

#[test]
#[ignore = "measures; run in release"]
fn the_cost_of_a_replay() {
    const MESSAGES: u64 = 4_000;
    const ROUNDS: u64 = 50;
    let effects: Vec<Effect> =
        Queue::new(SETTINGS).decide(NOW, Command::Send((0..MESSAGES).map(message).collect())).effects;
    let mut block = Vec::new();
    let mut ends = Vec::new();
    timed("encode a send of 1 KiB", MESSAGES * ROUNDS, || {
        for _ in 0..ROUNDS {
            block.clear();
            ends.clear();
            ends.extend(effects.iter().map(|effect| {
                effect.encode(&mut block);
                block.len()
            }));
        }
    });
    let mut queue = Queue::new(SETTINGS);
    timed("decode and apply a send of 1 KiB", MESSAGES * ROUNDS, || {
        for _ in 0..ROUNDS {
            queue = Queue::new(SETTINGS);
            let mut start = 0;
            for &end in &ends {
                let effect = Effect::decode(1, 1, &block[start..end]).expect("it was just encoded");
                queue.apply(&effect, &mut Vec::new());
                start = end;
            }
        }
    });
    assert_eq!(queue.counts().visible as u64, MESSAGES);
}
