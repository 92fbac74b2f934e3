//! Who may see a message, and for how long it is hidden, told as sentences.
//!
//! Each test is a script and its transcript; `script/mod.rs` explains the language. Where AWS documents a behaviour,
//! the transcript shows that behaviour.

mod script;

use expect_test::expect;
use script::check;

// Visibility.

#[test]
fn a_message_comes_back_when_its_time_ends() {
    check(
        "send a; receive visibility=10s; advance 9999ms; receive; advance 1ms; ready; receive",
        expect![[r#"
            send a -> from 1 a=1
            receive visibility=10s -> a#1
            advance 9999ms
            receive -> nothing
            advance 1ms
            ready -> 1
            receive -> a#2(sent 10s ago)(first 10s ago)
        "#]],
    );
}

#[test]
fn the_queues_visibility_holds_when_a_receive_does_not_say() {
    check(
        "configure visibility=5s; send a; receive; deadline; advance 5s; receive visibility=7s; deadline",
        expect![[r#"
            configure visibility=5s -> Configured
            send a -> from 1 a=1
            receive -> a#1
            deadline -> in 5s
            advance 5s
            receive visibility=7s -> a#2(sent 5s ago)(first 5s ago)
            deadline -> in 7s
        "#]],
    );
}

#[test]
fn a_receive_that_hides_nothing_counts_all_the_same() {
    check(
        "send a; receive visibility=0s; count; receive visibility=0s; visibility a#2=5s; delete a#1; count",
        expect![[r#"
            send a -> from 1 a=1
            receive visibility=0s -> a#1
            count -> 1 visible, 0 in flight, 0 delayed, oldest 0ns
            receive visibility=0s -> a#2
            visibility a#2=5s -> [Changed]
            delete a#1 -> [Deleted]
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
        "#]],
    );
}

#[test]
fn a_returned_message_comes_before_fresh_ones() {
    check(
        "send a b c d; receive max=2 visibility=1s; advance 1s; receive max=3",
        expect![[r#"
            send a b c d -> from 1 a=1 b=2 c=3 d=4
            receive max=2 visibility=1s -> a#1 b#1
            advance 1s
            receive max=3 -> a#2(sent 1s ago)(first 1s ago) b#2(sent 1s ago)(first 1s ago) c#1(sent 1s ago)
        "#]],
    );
}

#[test]
fn each_receive_counts_and_the_first_is_remembered() {
    check(
        "send a; advance 1s; receive visibility=1s; advance 1s; receive visibility=1s; advance 2s; receive",
        expect![[r#"
            send a -> from 1 a=1
            advance 1s
            receive visibility=1s -> a#1(sent 1s ago)
            advance 1s
            receive visibility=1s -> a#2(sent 2s ago)(first 1s ago)
            advance 2s
            receive -> a#3(sent 4s ago)(first 3s ago)
        "#]],
    );
}

#[test]
fn messages_return_each_at_its_own_time() {
    check(
        "send a b c; receive visibility=30s; receive visibility=10s; receive visibility=20s; advance 10s; \
         receive max=9 visibility=60s; advance 10s; receive max=9 visibility=60s; advance 10s; \
         receive max=9",
        expect![[r#"
            send a b c -> from 1 a=1 b=2 c=3
            receive visibility=30s -> a#1
            receive visibility=10s -> b#1
            receive visibility=20s -> c#1
            advance 10s
            receive max=9 visibility=60s -> b#2(sent 10s ago)(first 10s ago)
            advance 10s
            receive max=9 visibility=60s -> c#2(sent 20s ago)(first 20s ago)
            advance 10s
            receive max=9 -> a#2(sent 30s ago)(first 30s ago)
        "#]],
    );
}

#[test]
fn a_wider_step_of_time_returns_all_in_order() {
    check(
        "send a b c; receive visibility=3s; receive visibility=2s; receive visibility=1s; advance 1h; \
         receive max=9",
        expect![[r#"
            send a b c -> from 1 a=1 b=2 c=3
            receive visibility=3s -> a#1
            receive visibility=2s -> b#1
            receive visibility=1s -> c#1
            advance 1h
            receive max=9 -> a#2(sent 3600s ago)(first 3600s ago) b#2(sent 3600s ago)(first 3600s ago) c#2(sent 3600s ago)(first 3600s ago)
        "#]],
    );
}

// Change of visibility.

#[test]
fn a_longer_time_keeps_a_message_hidden() {
    check(
        "send a; receive visibility=10s; advance 5s; visibility a#1=10s; advance 6s; receive; advance 4s; \
         receive",
        expect![[r#"
            send a -> from 1 a=1
            receive visibility=10s -> a#1
            advance 5s
            visibility a#1=10s -> [Changed]
            advance 6s
            receive -> nothing
            advance 4s
            receive -> a#2(sent 15s ago)(first 15s ago)
        "#]],
    );
}

#[test]
fn a_shorter_time_brings_a_message_back_earlier() {
    check(
        "send a; receive visibility=10m; visibility a#1=1s; deadline; advance 1s; receive",
        expect![[r#"
            send a -> from 1 a=1
            receive visibility=10m -> a#1
            visibility a#1=1s -> [Changed]
            deadline -> in 1s
            advance 1s
            receive -> a#2(sent 1s ago)(first 1s ago)
        "#]],
    );
}

#[test]
fn zero_brings_a_message_back_at_once() {
    check(
        "send a; receive; visibility a#1=0s; ready; receive",
        expect![[r#"
            send a -> from 1 a=1
            receive -> a#1
            visibility a#1=0s -> [Changed]
            ready -> 1
            receive -> a#2
        "#]],
    );
}

#[test]
fn the_latest_receiver_may_hide_a_message_that_came_back_again() {
    check(
        "send a; receive visibility=1s; advance 1s; visibility a#1=10s; receive",
        expect![[r#"
            send a -> from 1 a=1
            receive visibility=1s -> a#1
            advance 1s
            visibility a#1=10s -> [Changed]
            receive -> nothing
        "#]],
    );
}

/// moto's maintainers asked AWS (its pull request 4655): old handles change the visibility.
#[test]
fn an_earlier_receive_changes_the_visibility_of_what_a_later_one_holds() {
    check(
        "send a; receive visibility=1s; advance 1s; receive; visibility a#1=0s; receive; visibility a#1=9s; advance 8s; \
         receive; advance 1s; receive",
        expect![[r#"
            send a -> from 1 a=1
            receive visibility=1s -> a#1
            advance 1s
            receive -> a#2(sent 1s ago)(first 1s ago)
            visibility a#1=0s -> [Changed]
            receive -> a#3(sent 1s ago)(first 1s ago)
            visibility a#1=9s -> [Changed]
            advance 8s
            receive -> nothing
            advance 1s
            receive -> a#4(sent 10s ago)(first 10s ago)
        "#]],
    );
}

#[test]
fn a_receive_that_never_was_changes_nothing() {
    check(
        "send a; receive; visibility a#2=0s; receive",
        expect![[r#"
        send a -> from 1 a=1
        receive -> a#1
        visibility a#2=0s -> [NotInFlight]
        receive -> nothing
    "#]],
    );
}

#[test]
fn a_deleted_message_cannot_be_changed() {
    check(
        "send a; receive; delete a#1; visibility a#1=10s",
        expect![[r#"
            send a -> from 1 a=1
            receive -> a#1
            delete a#1 -> [Deleted]
            visibility a#1=10s -> [Gone]
        "#]],
    );
}

#[test]
fn an_unknown_message_cannot_be_changed() {
    check(
        "visibility ghost#1=10s; send a b; receive max=2; visibility a!b#1=0s; count",
        expect![[r#"
            visibility ghost#1=10s -> [Gone]
            send a b -> from 1 a=1 b=2
            receive max=2 -> a#1 b#1
            visibility a!b#1=0s -> [Gone]
            count -> 0 visible, 2 in flight, 0 delayed, oldest 0ns
        "#]],
    );
}

#[test]
fn a_change_holds_for_one_receive_only() {
    check(
        "send a; receive visibility=1s; visibility a#1=2s; advance 2s; receive; deadline",
        expect![[r#"
            send a -> from 1 a=1
            receive visibility=1s -> a#1
            visibility a#1=2s -> [Changed]
            advance 2s
            receive -> a#2(sent 2s ago)(first 2s ago)
            deadline -> in 30s
        "#]],
    );
}

#[test]
fn twelve_hours_after_its_receive_is_the_end() {
    check(
        "send a; receive visibility=1h; visibility a#1=12h; advance 1ms; visibility a#1=12h; advance 30m; \
         visibility a#1=11h; visibility a#1=12h; deadline",
        expect![[r#"
            send a -> from 1 a=1
            receive visibility=1h -> a#1
            visibility a#1=12h -> [Changed]
            advance 1ms
            visibility a#1=12h -> [BeyondTotal]
            advance 30m
            visibility a#1=11h -> [Changed]
            visibility a#1=12h -> [BeyondTotal]
            deadline -> in 39600s
        "#]],
    );
}

#[test]
fn twelve_hours_count_anew_with_each_receive() {
    check(
        "send a; receive visibility=12h; advance 12h; receive visibility=1s; visibility a#2=12h",
        expect![[r#"
            send a -> from 1 a=1
            receive visibility=12h -> a#1
            advance 12h
            receive visibility=1s -> a#2(sent 43200s ago)(first 43200s ago)
            visibility a#2=12h -> [Changed]
        "#]],
    );
}

#[test]
fn each_entry_of_a_batch_has_its_own_outcome() {
    check(
        "send a b c d; receive max=3; delete b#1; visibility a#1=1s b#1=1s c#1=13h d#1=1s ghost#1=1s; \
         count; advance 1s; receive max=9",
        expect![[r#"
            send a b c d -> from 1 a=1 b=2 c=3 d=4
            receive max=3 -> a#1 b#1 c#1
            delete b#1 -> [Deleted]
            visibility a#1=1s b#1=1s c#1=13h d#1=1s ghost#1=1s -> [Changed, Gone, BeyondTotal, NotInFlight, Gone]
            count -> 1 visible, 2 in flight, 0 delayed, oldest 0ns
            advance 1s
            receive max=9 -> a#2(sent 1s ago)(first 1s ago) d#1(sent 1s ago)
        "#]],
    );
}

#[test]
fn of_two_changes_to_one_message_the_later_holds() {
    check(
        "send a b; receive max=2; visibility a#1=20s a#1=5s b#1=0s b#1=5s; count; advance 5s; receive max=9",
        expect![[r#"
            send a b -> from 1 a=1 b=2
            receive max=2 -> a#1 b#1
            visibility a#1=20s a#1=5s b#1=0s b#1=5s -> [Changed, Changed, Changed, Changed]
            count -> 0 visible, 2 in flight, 0 delayed, oldest 0ns
            advance 5s
            receive max=9 -> a#2(sent 5s ago)(first 5s ago) b#2(sent 5s ago)(first 5s ago)
        "#]],
    );
}

// Back-off.

#[test]
fn a_message_that_is_received_again_and_again_comes_back_later_and_later() {
    check(
        "configure visibility=1s backoff=2,200,5; send a; receive; advance 2999ms; receive; advance 1ms; receive
        advance 4999ms; receive; advance 1ms; receive; advance 5999ms; receive; advance 1ms; receive",
        expect![[r#"
            configure visibility=1s backoff=2,200,5 -> Configured
            send a -> from 1 a=1
            receive -> a#1
            advance 2999ms
            receive -> nothing
            advance 1ms
            receive -> a#2(sent 3s ago)(first 3s ago)
            advance 4999ms
            receive -> nothing
            advance 1ms
            receive -> a#3(sent 8s ago)(first 8s ago)
            advance 5999ms
            receive -> nothing
            advance 1ms
            receive -> a#4(sent 14s ago)(first 14s ago)
        "#]],
    );
}

#[test]
fn giving_a_message_back_at_once_does_not_evade_the_back_off() {
    check(
        "configure backoff=2,200,5; send a b; receive; visibility a#1=0s; count; receive; advance 2s; receive; delete a#1",
        expect![[r#"
            configure backoff=2,200,5 -> Configured
            send a b -> from 1 a=1 b=2
            receive -> a#1
            visibility a#1=0s -> [Changed]
            count -> 1 visible, 1 in flight, 0 delayed, oldest 0ns
            receive -> b#1
            advance 2s
            receive -> a#2(sent 2s ago)(first 2s ago)
            delete a#1 -> [Deleted]
        "#]],
    );
}

// Receives that came to nothing.

#[test]
fn a_receive_that_is_put_back_was_never_made() {
    check(
        "send a; receive visibility=10s; advance 10s; receive visibility=1h; putback; count; deadline; receive; \
         visibility a#2=0s; receive visibility=0s; putback; receive",
        expect![[r#"
            send a -> from 1 a=1
            receive visibility=10s -> a#1
            advance 10s
            receive visibility=1h -> a#2(sent 10s ago)(first 10s ago)
            putback -> PutBack
            count -> 1 visible, 0 in flight, 0 delayed, oldest 10s
            deadline -> none
            receive -> a#2(sent 10s ago)(first 10s ago)
            visibility a#2=0s -> [Changed]
            receive visibility=0s -> a#3(sent 10s ago)(first 10s ago)
            putback -> PutBack
            receive -> a#3(sent 10s ago)(first 10s ago)
        "#]],
    );
}

#[test]
fn what_happened_since_to_a_message_is_not_undone_by_putting_it_back() {
    check(
        "send a b c; receive max=3 visibility=5s; delete a#1; advance 5s; receive visibility=9s; putback; receive max=9; \
         configure dead=2; putback; putback; count",
        expect![[r#"
            send a b c -> from 1 a=1 b=2 c=3
            receive max=3 visibility=5s -> a#1 b#1 c#1
            delete a#1 -> [Deleted]
            advance 5s
            receive visibility=9s -> b#2(sent 5s ago)(first 5s ago)
            putback -> PutBack
            receive max=9 -> b#2(sent 5s ago)(first 5s ago) c#2(sent 5s ago)(first 5s ago)
            configure dead=2 -> Configured
            putback -> PutBack
            putback -> PutBack
            count -> 2 visible, 0 in flight, 0 delayed, oldest 5s
        "#]],
    );
}

#[test]
fn putting_back_brings_no_message_closer_to_the_dead_letters_and_lets_a_group_go_on() {
    check(
        "configure dead=1; send a; receive; putback; receive; putback; receive; advance 30s; receive; outgoing",
        expect![[r#"
            configure dead=1 -> Configured
            send a -> from 1 a=1
            receive -> a#1
            putback -> PutBack
            receive -> a#1
            putback -> PutBack
            receive -> a#1
            advance 30s
            receive -> nothing
            outgoing -> from number 0: a
        "#]],
    );
    check(
        "fifo; send a@x b@x; receive max=9 again=one; putback; receive again=one; putback; receive max=9",
        expect![[r#"
            fifo -> Configured
            send a@x b@x -> a=1 b=2
            receive max=9 again=one -> a#1 b#1
            putback -> PutBack
            receive again=one -> a#1
            putback -> PutBack
            receive max=9 -> a#1 b#1
        "#]],
    );
}
