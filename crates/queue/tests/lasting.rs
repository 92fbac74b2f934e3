//! What time, the journal and an unsteady clock do to a queue, told as sentences.
//!
//! Each test is a script and its transcript; `script/mod.rs` explains the language. Where AWS documents a behaviour,
//! the transcript shows that behaviour.

mod script;

use expect_test::expect;
use script::check;

// Retention.

#[test]
fn a_message_goes_when_its_retention_ends() {
    check(
        "configure retention=60s; send a; advance 59999ms; count; advance 1ms; count; receive",
        expect![[r#"
            configure retention=60s -> Configured
            send a -> from 1 a=1
            advance 59999ms
            count -> 1 visible, 0 in flight, 0 delayed, oldest 59.999s
            advance 1ms
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
            receive -> nothing
        "#]],
    );
}

#[test]
fn a_message_in_flight_expires_too() {
    check(
        "configure retention=60s; send a; receive visibility=10m; advance 60s; count; delete a#1; \
         visibility a#1=5s",
        expect![[r#"
            configure retention=60s -> Configured
            send a -> from 1 a=1
            receive visibility=10m -> a#1
            advance 60s
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
            delete a#1 -> [AlreadyGone]
            visibility a#1=5s -> [Gone]
        "#]],
    );
}

#[test]
fn a_delayed_message_expires_too() {
    check(
        "configure retention=60s; send a delay=15m; advance 60s; count; advance 15m; receive",
        expect![[r#"
            configure retention=60s -> Configured
            send a delay=15m -> from 1 a=1
            advance 60s
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
            advance 15m
            receive -> nothing
        "#]],
    );
}

#[test]
fn the_oldest_go_first() {
    check(
        "configure retention=60s; send a; advance 30s; send b; advance 30s; receive max=9; count",
        expect![[r#"
            configure retention=60s -> Configured
            send a -> from 1 a=1
            advance 30s
            send b -> from 2 b=2
            advance 30s
            receive max=9 -> b#1(sent 30s ago)
            count -> 0 visible, 1 in flight, 0 delayed, oldest 30s
        "#]],
    );
}

#[test]
fn a_longer_retention_also_reaches_messages_already_sent() {
    check(
        "configure retention=60s; send a; advance 30s; configure retention=120s; advance 60s; count; \
         advance 30s; count",
        expect![[r#"
            configure retention=60s -> Configured
            send a -> from 1 a=1
            advance 30s
            configure retention=120s -> Configured
            advance 60s
            count -> 1 visible, 0 in flight, 0 delayed, oldest 90s
            advance 30s
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
        "#]],
    );
}

#[test]
fn a_shorter_retention_also_reaches_messages_already_sent() {
    check(
        "send a; advance 2m; configure retention=60s; count; advance 0s; count",
        expect![[r#"
            send a -> from 1 a=1
            advance 2m
            configure retention=60s -> Configured
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
            advance 0s
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
        "#]],
    );
}

#[test]
fn raising_the_retention_brings_nothing_back() {
    check(
        "configure retention=60s; send a; advance 60s; send b; configure retention=4d; replay; count; \
         receive max=9",
        expect![[r#"
            configure retention=60s -> Configured
            send a -> from 1 a=1
            advance 60s
            send b -> from 2 b=2
            configure retention=4d -> Configured
            replay
            count -> 1 visible, 0 in flight, 0 delayed, oldest 0ns
            receive max=9 -> b#1
        "#]],
    );
}

#[test]
fn raising_it_after_everything_expired_brings_nothing_back() {
    check(
        "configure retention=60s; send a b; advance 60s; configure retention=4d; replay; count; receive max=9",
        expect![[r#"
            configure retention=60s -> Configured
            send a b -> from 1 a=1 b=2
            advance 60s
            configure retention=4d -> Configured
            replay
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
            receive max=9 -> nothing
        "#]],
    );
}

// Records.

#[test]
fn what_changes_nothing_writes_nothing() {
    check(
        "purge; receive; delete ghost#1; visibility ghost#1=5s; configure; count; records; send a; \
         receive; delete a#1; records; delete a#1; visibility a#1=5s; receive; purge; \
         configure retention=4d; records",
        expect![[r#"
            purge -> Purged
            receive -> nothing
            delete ghost#1 -> [Foreign]
            visibility ghost#1=5s -> [Gone]
            configure -> Configured
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
            records -> 0
            send a -> from 1 a=1
            receive -> a#1
            delete a#1 -> [Deleted]
            records -> 3
            delete a#1 -> [AlreadyGone]
            visibility a#1=5s -> [Gone]
            receive -> nothing
            purge -> Purged
            configure retention=4d -> Configured
            records -> 3
        "#]],
    );
}

#[test]
fn a_batch_is_one_record_but_for_what_is_sent() {
    check(
        "send a b c; records; receive max=3; records; visibility a#1=5s b#1=5s; records; \
         delete a#1 b#1 c#1; records; configure delay=1s; records; configure retention=60s; records",
        expect![[r#"
            send a b c -> from 1 a=1 b=2 c=3
            records -> 3
            receive max=3 -> a#1 b#1 c#1
            records -> 4
            visibility a#1=5s b#1=5s -> [Changed, Changed]
            records -> 5
            delete a#1 b#1 c#1 -> [Deleted, Deleted, Deleted]
            records -> 6
            configure delay=1s -> Configured
            records -> 7
            configure retention=60s -> Configured
            records -> 9
        "#]],
    );
}

#[test]
fn a_queue_that_never_held_anything_notes_nothing_expired() {
    check(
        "configure retention=60s; records",
        expect![[r#"
        configure retention=60s -> Configured
        records -> 1
    "#]],
    );
}

// Replay.

#[test]
fn a_replay_gives_the_same_queue() {
    check(
        "send a b c; send d delay=5s; receive max=2; visibility a#1=0s; delete b#1; replay; count; \
         deadline; receive max=9; advance 5s; receive",
        expect![[r#"
            send a b c -> from 1 a=1 b=2 c=3
            send d delay=5s -> from 4 d=4
            receive max=2 -> a#1 b#1
            visibility a#1=0s -> [Changed]
            delete b#1 -> [Deleted]
            replay
            count -> 2 visible, 0 in flight, 1 delayed, oldest 0ns
            deadline -> in 5s
            receive max=9 -> a#2 c#1
            advance 5s
            receive -> d#1(sent 5s ago)
        "#]],
    );
}

#[test]
fn a_lease_that_ended_before_the_replay_is_over() {
    check(
        "send a; receive visibility=1s; advance 2s; receive visibility=60s; advance 1s; replay; count; \
         delete a#2; replay; count",
        expect![[r#"
            send a -> from 1 a=1
            receive visibility=1s -> a#1
            advance 2s
            receive visibility=60s -> a#2(sent 2s ago)(first 2s ago)
            advance 1s
            replay
            count -> 0 visible, 1 in flight, 0 delayed, oldest 3s
            delete a#2 -> [Deleted]
            replay
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
        "#]],
    );
}

#[test]
fn an_extended_lease_stays_extended() {
    check(
        "send a; receive visibility=1s; visibility a#1=60s; replay; advance 2s; receive; advance 58s; receive",
        expect![[r#"
            send a -> from 1 a=1
            receive visibility=1s -> a#1
            visibility a#1=60s -> [Changed]
            replay
            advance 2s
            receive -> nothing
            advance 58s
            receive -> a#2(sent 60s ago)(first 60s ago)
        "#]],
    );
}

#[test]
fn a_handle_from_before_a_replay_still_works() {
    check(
        "send a b; receive max=2; replay; visibility a#1=60s; delete b#1; count",
        expect![[r#"
            send a b -> from 1 a=1 b=2
            receive max=2 -> a#1 b#1
            replay
            visibility a#1=60s -> [Changed]
            delete b#1 -> [Deleted]
            count -> 0 visible, 1 in flight, 0 delayed, oldest 0ns
        "#]],
    );
}

// Clock.

#[test]
fn a_clock_set_back_keeps_order_and_age() {
    check(
        "send a; back 10s; send b; count; advance 10s; count; receive max=9",
        expect![[r#"
            send a -> from 1 a=1
            back 10s
            send b -> from 2 b=2
            count -> 2 visible, 0 in flight, 0 delayed, oldest 0ns
            advance 10s
            count -> 2 visible, 0 in flight, 0 delayed, oldest 0ns
            receive max=9 -> a#1 b#1
        "#]],
    );
}

#[test]
fn a_clock_set_back_does_not_shorten_a_delay_or_lease() {
    check(
        "send a; back 10s; send b delay=5s; receive visibility=5s; advance 4s; ready; advance 1s; ready",
        expect![[r#"
            send a -> from 1 a=1
            back 10s
            send b delay=5s -> from 2 b=2
            receive visibility=5s -> a#1
            advance 4s
            ready -> 0
            advance 1s
            ready -> 2
        "#]],
    );
}

#[test]
fn a_purge_is_one_record_whatever_is_in_the_queue() {
    check(
        "send a b c; receive; send d delay=5s; records; purge; records; count",
        expect![[r#"
            send a b c -> from 1 a=1 b=2 c=3
            receive -> a#1
            send d delay=5s -> from 4 d=4
            records -> 5
            purge -> Purged
            records -> 6
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
        "#]],
    );
}
