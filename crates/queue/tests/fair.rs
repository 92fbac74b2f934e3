//! Fair queues: message groups on a standard queue, told as sentences.
//!
//! Each test is a script and its transcript; `script/mod.rs` explains the language. What is said of noisy and quiet tenants is
//! AWS's rule ("How fair queues work").

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

mod script;

use engine::Machine;
use expect_test::expect;
use names::{Instant, Position};
use queue::{Command, FAIR_LEARN_MAX, Labels, Message, MessageId, NewMessage, Queue, Reply, Settings};
use script::check;
use std::collections::BTreeMap;

/// So many messages of a tenant.
fn sends(tenant: &str, count: usize) -> String {
    let names: Vec<_> = (1..=count).map(|n| format!("{tenant}{n}@{tenant}")).collect();
    format!("send {}", names.join(" "))
}

/// The transcript of the last statements alone.
fn check_end(before: &str, script: &str, expected: expect_test::Expect) {
    check(&format!("{before}; quiet; {script}"), expected);
}

#[test]
fn nobody_is_noisy_in_a_queue_that_is_worked_off_in_order() {
    check(
        "send a1@a b1@b a2@a; receive max=2; receive",
        expect![[r#"
        send a1@a b1@b a2@a -> from 1 a1=1 b1=2 a2=3
        receive max=2 -> a1#1 b1#1
        receive -> a2#1
    "#]],
    );
}

#[test]
fn a_tenant_with_many_in_flight_waits_for_the_others() {
    let before = format!("{}; receive max=29; {}", sends("a", 40), "send b1@b");
    check_end(
        &before,
        "receive max=2; receive max=2; receive max=2",
        expect![[r#"
            receive max=2 -> a30#1 a31#1
            receive max=2 -> b1#1 a32#1
            receive max=2 -> a33#1 a34#1
        "#]],
    );
}

/// Who is next when one tenant has forty messages in flight, and so many others one each.
#[track_caller]
fn check_share(others: usize, expected: expect_test::Expect) {
    let names: Vec<_> = (1..=others).map(|n| format!("m{n}@m{n}")).collect();
    let before =
        format!("send {}; receive max={others}; {}; receive max=40; send b1@b", names.join(" "), sends("a", 50));
    check_end(&before, "receive", expected);
}

#[test]
fn a_tenant_with_no_more_than_a_tenth_of_what_is_in_flight_is_not_noisy() {
    check_share(
        400,
        expect![[r#"
        receive -> a41#1
    "#]],
    );
    check_share(
        360,
        expect![[r#"
        receive -> a41#1
    "#]],
    );
    check_share(
        359,
        expect![[r#"
        receive -> b1#1
    "#]],
    );
}

#[test]
fn a_message_without_a_group_is_a_quiet_tenant() {
    let before = format!("{}; receive max=30", sends("a", 40));
    check_end(
        &before,
        "send x; send y b1@b; receive max=4",
        expect![[r#"
            send x -> from 41 x=41
            send y b1@b -> from 42 y=42 b1=43
            receive max=4 -> x#1 y#1 b1#1 a31#1
        "#]],
    );
}

#[test]
fn of_noisy_tenants_the_one_with_the_fewest_in_flight_is_next() {
    let before = format!(
        "{}; receive max=40; {}; receive max=30; {}; {}",
        sends("a", 40),
        sends("b", 32),
        sends("a", 45),
        sends("c", 1)
    );
    check_end(
        &before,
        "receive max=5",
        expect![[r#"
            receive max=5 -> c1#1 b31#1 b32#1 a1#1 a2#1
        "#]],
    );
}

#[test]
fn a_tenant_whose_backlog_has_drained_is_quiet_again() {
    let before = format!("{}; receive max=30; receive max=10", sends("a", 33));
    check_end(
        &before,
        "send b1@b; send a34@a; receive max=1",
        expect![[r#"
        send b1@b -> from 34 b1=34
        send a34@a -> from 35 a34=35
        receive max=1 -> b1#1
    "#]],
    );
}

#[test]
fn a_tenant_that_takes_much_time_waits_although_it_has_few_in_flight() {
    check(
        "keep; send a1@a b1@b a2@a a3@a; receive max=2; advance 1s; delete b1#1; advance 28s; delete a1#1; send b2@b; send b3@b; \
         receive max=4",
        expect![[r#"
            keep
            send a1@a b1@b a2@a a3@a -> from 1 a1=1 b1=2 a2=3 a3=4
            receive max=2 -> a1#1 b1#1
            advance 1s
            delete b1#1 -> [Deleted]
            advance 28s
            delete a1#1 -> [Deleted]
            send b2@b -> from 5 b2=5
            send b3@b -> from 6 b3=6
            receive max=4 -> b2#1 b3#1 a2#1(sent 29s ago) a3#1(sent 29s ago)
        "#]],
    );
}

/// A queue as a start finds it: of `noisy` messages of one tenant thirty-one are in flight, and one of another stands behind.
fn after_a_start(noisy: u64) -> (Queue, BTreeMap<u64, Message>) {
    let (mut queue, mut contents) = (Queue::new(Settings::plain(345_600_000, 30_000, 0)), BTreeMap::new());
    let message = |group: u64| {
        let mut bytes = vec![0; 8];
        let labelled = Labels { group: Some(group), dedup: None }.append_to(&mut bytes);
        NewMessage {
            id: MessageId([7; 16]),
            body_bytes: 8,
            bytes: bytes.into(),
            delay_millis: None,
            labelled,
            earlier_dedup: None,
        }
    };
    let sends = (0..noisy).map(|_| message(1)).chain([message(2)]).collect();
    for command in [Command::Send(sends), Command::Receive { max: 31, visibility_millis: None }] {
        queue.advance(NOW);
        for effect in Machine::decide(&queue, NOW, command).effects {
            Machine::apply(&mut queue, Position::ZERO, &effect, &mut Vec::new());
            contents.extend(Queue::content(effect));
        }
    }
    let mut state = Vec::new();
    queue.snapshot(&mut state);
    (Queue::restore(Queue::SNAPSHOT_VERSION, &state).unwrap(), contents)
}

const NOW: Instant = Instant::from_millis(1_700_000_000_000);

#[test]
fn the_first_receives_after_a_start_read_a_bounded_part_of_a_long_backlog_each() {
    let noisy = 2 * FAIR_LEARN_MAX + 100;
    let (mut queue, contents) = after_a_start(noisy);
    let mut read = Vec::new();
    for receive in 1.. {
        assert!(receive < 10, "the quiet tenant is not found: {read:?}");
        // As the engine does it: time passes, the machine learns, time passes again, and it decides.
        queue.advance(NOW);
        let (command, mut learned) = (Command::Receive { max: 1, visibility_millis: Some(0) }, 0);
        while let Some(keys) = Machine::wants(&queue, &command) {
            learned += keys.end - keys.start;
            keys.for_each(|key| Machine::learn(&mut queue, key, contents.get(&key)));
        }
        read.push(learned);
        queue.advance(NOW);
        let Reply::Received(deliveries) = Machine::decide(&queue, NOW, command).reply else { panic!("a receive") };
        assert_eq!(deliveries.len(), 1, "nobody is sent away because something is not known yet");
        if deliveries[0].sequence == noisy + 1 {
            break;
        }
    }
    assert_eq!(read, [FAIR_LEARN_MAX, FAIR_LEARN_MAX, 101], "then the quiet tenant is found");
}
