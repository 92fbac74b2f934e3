//! What is sent, received, deleted and purged, told as sentences.
//!
//! Each test is a script and its transcript; `script/mod.rs` explains the language. Where AWS documents a behaviour,
//! the transcript shows that behaviour.

mod script;

use expect_test::expect;
use script::check;

// Send and receive.

#[test]
fn a_message_is_received_once_and_then_hidden() {
    check(
        "send a; receive; receive; count",
        expect![[r#"
            send a -> from 1 a=1
            receive -> a#1
            receive -> nothing
            count -> 0 visible, 1 in flight, 0 delayed, oldest 0ns
        "#]],
    );
}

#[test]
fn an_empty_queue_gives_nothing() {
    check(
        "receive max=10; count; ready; deadline",
        expect![[r#"
            receive max=10 -> nothing
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
            ready -> 0
            deadline -> none
        "#]],
    );
}

#[test]
fn messages_come_oldest_first() {
    check(
        "send a; send b; send c; receive max=10",
        expect![[r#"
            send a -> from 1 a=1
            send b -> from 2 b=2
            send c -> from 3 c=3
            receive max=10 -> a#1 b#1 c#1
        "#]],
    );
}

#[test]
fn a_batch_is_sent_in_its_order() {
    check(
        "send a b c; receive max=2; receive max=2",
        expect![[r#"
            send a b c -> from 1 a=1 b=2 c=3
            receive max=2 -> a#1 b#1
            receive max=2 -> c#1
        "#]],
    );
}

#[test]
fn an_empty_batch_changes_nothing() {
    check(
        "send; delete; visibility; count; send a",
        expect![[r#"
            send -> from 1
            delete -> []
            visibility -> []
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
            send a -> from 1 a=1
        "#]],
    );
}

#[test]
fn a_receive_of_none_gives_none() {
    check(
        "send a; receive max=0; count",
        expect![[r#"
            send a -> from 1 a=1
            receive max=0 -> nothing
            count -> 1 visible, 0 in flight, 0 delayed, oldest 0ns
        "#]],
    );
}

// Delay.

#[test]
fn a_delayed_message_stays_hidden_until_its_delay_ends() {
    check(
        "send a delay=5s; receive; count; deadline; advance 4999ms; receive; advance 1ms; ready; receive",
        expect![[r#"
            send a delay=5s -> from 1 a=1
            receive -> nothing
            count -> 0 visible, 0 in flight, 1 delayed, oldest 0ns
            deadline -> in 5s
            advance 4999ms
            receive -> nothing
            advance 1ms
            ready -> 1
            receive -> a#1(sent 5s ago)
        "#]],
    );
}

#[test]
fn a_queues_delay_holds_for_messages_that_do_not_say() {
    check(
        "configure delay=10s; send a; send b delay=0s; receive max=10; advance 10s; receive max=10",
        expect![[r#"
            configure delay=10s -> Configured
            send a -> from 1 a=1
            send b delay=0s -> from 2 b=2
            receive max=10 -> b#1
            advance 10s
            receive max=10 -> a#1(sent 10s ago)
        "#]],
    );
}

#[test]
fn a_changed_default_delay_leaves_sent_messages_alone() {
    check(
        "configure delay=10s; send a; configure delay=0s; receive; advance 10s; receive",
        expect![[r#"
            configure delay=10s -> Configured
            send a -> from 1 a=1
            configure delay=0s -> Configured
            receive -> nothing
            advance 10s
            receive -> a#1(sent 10s ago)
        "#]],
    );
}

#[test]
fn a_delayed_message_takes_its_place_by_age_when_it_appears() {
    check(
        "send a delay=5s; send b c; send d delay=1s; send e; advance 1s; receive max=2; advance 4s; \
         receive max=10",
        expect![[r#"
            send a delay=5s -> from 1 a=1
            send b c -> from 2 b=2 c=3
            send d delay=1s -> from 4 d=4
            send e -> from 5 e=5
            advance 1s
            receive max=2 -> b#1(sent 1s ago) c#1(sent 1s ago)
            advance 4s
            receive max=10 -> a#1(sent 5s ago) d#1(sent 5s ago) e#1(sent 5s ago)
        "#]],
    );
}

#[test]
fn a_delayed_message_is_no_message_in_flight() {
    check(
        "send a delay=5s; visibility a#1=10s; count",
        expect![[r#"
            send a delay=5s -> from 1 a=1
            visibility a#1=10s -> [NotInFlight]
            count -> 0 visible, 0 in flight, 1 delayed, oldest 0ns
        "#]],
    );
}

#[test]
fn a_delayed_message_can_be_deleted_by_whoever_knows_it() {
    check(
        "send a delay=5s; delete a#1; count; advance 5s; receive",
        expect![[r#"
            send a delay=5s -> from 1 a=1
            delete a#1 -> [Deleted]
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
            advance 5s
            receive -> nothing
        "#]],
    );
}

// Delete.

#[test]
fn a_deleted_message_never_comes_back() {
    check(
        "send a; receive visibility=1s; delete a#1; advance 1h; receive; count",
        expect![[r#"
            send a -> from 1 a=1
            receive visibility=1s -> a#1
            delete a#1 -> [Deleted]
            advance 1h
            receive -> nothing
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
        "#]],
    );
}

#[test]
fn deleting_twice_succeeds() {
    check(
        "send a; receive; delete a#1; delete a#1; delete a#1 a#1",
        expect![[r#"
            send a -> from 1 a=1
            receive -> a#1
            delete a#1 -> [Deleted]
            delete a#1 -> [AlreadyGone]
            delete a#1 a#1 -> [AlreadyGone, AlreadyGone]
        "#]],
    );
}

#[test]
fn an_old_handle_deletes_as_well() {
    check(
        "send a; receive visibility=1s; advance 1s; receive; delete a#1; advance 1h; receive",
        expect![[r#"
            send a -> from 1 a=1
            receive visibility=1s -> a#1
            advance 1s
            receive -> a#2(sent 1s ago)(first 1s ago)
            delete a#1 -> [Deleted]
            advance 1h
            receive -> nothing
        "#]],
    );
}

#[test]
fn a_message_that_came_back_can_still_be_deleted() {
    check(
        "send a b; receive visibility=1s; advance 1s; delete a#1; receive max=9",
        expect![[r#"
            send a b -> from 1 a=1 b=2
            receive visibility=1s -> a#1
            advance 1s
            delete a#1 -> [Deleted]
            receive max=9 -> b#1(sent 1s ago)
        "#]],
    );
}

#[test]
fn a_handle_of_what_was_never_sent_deletes_nothing() {
    check(
        "send a b; receive max=2; delete ghost#1 b#1; count",
        expect![[r#"
            send a b -> from 1 a=1 b=2
            receive max=2 -> a#1 b#1
            delete ghost#1 b#1 -> [Foreign, Deleted]
            count -> 0 visible, 1 in flight, 0 delayed, oldest 0ns
        "#]],
    );
}

#[test]
fn a_batch_deletes_what_is_there() {
    check(
        "send a b c; receive max=3; delete c#1 a#1 c#1 ghost#1; count",
        expect![[r#"
            send a b c -> from 1 a=1 b=2 c=3
            receive max=3 -> a#1 b#1 c#1
            delete c#1 a#1 c#1 ghost#1 -> [Deleted, Deleted, Deleted, Foreign]
            count -> 0 visible, 1 in flight, 0 delayed, oldest 0ns
        "#]],
    );
}

#[test]
fn a_delete_does_not_need_the_receive() {
    check(
        "send a b c; delete b#1; count; receive max=9; replay; count",
        expect![[r#"
            send a b c -> from 1 a=1 b=2 c=3
            delete b#1 -> [Deleted]
            count -> 2 visible, 0 in flight, 0 delayed, oldest 0ns
            receive max=9 -> a#1 c#1
            replay
            count -> 0 visible, 2 in flight, 0 delayed, oldest 0ns
        "#]],
    );
}

// Purge.

#[test]
fn a_purge_takes_visible_delayed_and_in_flight() {
    check(
        "send a b; send c delay=5s; receive; count; purge; count; deadline; advance 1h; receive max=9; \
         delete a#1; visibility a#1=5s",
        expect![[r#"
            send a b -> from 1 a=1 b=2
            send c delay=5s -> from 3 c=3
            receive -> a#1
            count -> 1 visible, 1 in flight, 1 delayed, oldest 0ns
            purge -> Purged
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
            deadline -> none
            advance 1h
            receive max=9 -> nothing
            delete a#1 -> [AlreadyGone]
            visibility a#1=5s -> [Gone]
        "#]],
    );
}

#[test]
fn a_purge_of_an_empty_queue_is_no_work() {
    check(
        "purge; send a; receive; delete a#1; purge; count",
        expect![[r#"
            purge -> Purged
            send a -> from 1 a=1
            receive -> a#1
            delete a#1 -> [Deleted]
            purge -> Purged
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
        "#]],
    );
}

#[test]
fn messages_sent_after_a_purge_stay() {
    check(
        "send a b; purge; send c; receive max=9",
        expect![[r#"
            send a b -> from 1 a=1 b=2
            purge -> Purged
            send c -> from 3 c=3
            receive max=9 -> c#1
        "#]],
    );
}
