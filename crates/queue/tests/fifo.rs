//! FIFO queues, told as sentences.
//!
//! Each test is a script and its transcript; `script/mod.rs` explains the language. Where LocalStack's tests recorded what AWS
//! does, the transcript shows that. Unless a script says `keep`, the queue forgets after each statement what it knew of
//! groups, as in a restart, and learns it again from the messages.

mod script;

use expect_test::expect;
use script::check;

// Order and locks.

#[test]
fn a_message_is_a_duplicate_of_what_was_sent_under_its_earlier_id_too() {
    check(
        "fifo; send a@x!1; send b@y!2~1; send c@x!3~9; send d@x!3~2; advance 5m; send e@x!2~1; send f@x!4~2; receive max=9",
        expect![[r#"
            fifo -> Configured
            send a@x!1 -> a=1
            send b@y!2~1 -> a=1
            send c@x!3~9 -> c=2
            send d@x!3~2 -> c=2
            advance 5m
            send e@x!2~1 -> e=3
            send f@x!4~2 -> e=3
            receive max=9 -> a#1(sent 300s ago) c#1(sent 300s ago) e#1
        "#]],
    );
}

#[test]
fn one_receive_takes_a_groups_messages_in_order_before_the_next_groups() {
    check(
        "fifo; send a1@a; send b1@b; send a2@a; send a3@a; receive max=10",
        expect![[r#"
        fifo -> Configured
        send a1@a -> a1=1
        send b1@b -> b1=2
        send a2@a -> a2=3
        send a3@a -> a3=4
        receive max=10 -> a1#1 a2#1 a3#1 b1#1
    "#]],
    );
}

#[test]
fn a_group_in_flight_is_locked_and_the_others_are_not() {
    check(
        "fifo; send a1@a a2@a a3@a b1@b; receive max=2; receive max=10; receive; count",
        expect![[r#"
        fifo -> Configured
        send a1@a a2@a a3@a b1@b -> a1=1 a2=2 a3=3 b1=4
        receive max=2 -> a1#1 a2#1
        receive max=10 -> b1#1
        receive -> nothing
        count -> 1 visible, 3 in flight, 0 delayed, oldest 0ns
    "#]],
    );
}

#[test]
fn a_group_is_free_when_all_that_was_received_of_it_is_deleted() {
    check(
        "fifo; send a1@a a2@a a3@a; receive max=2; delete a1#1; receive; delete a2#1; receive",
        expect![[r#"
        fifo -> Configured
        send a1@a a2@a a3@a -> a1=1 a2=2 a3=3
        receive max=2 -> a1#1 a2#1
        delete a1#1 -> [Deleted]
        receive -> nothing
        delete a2#1 -> [Deleted]
        receive -> a3#1
    "#]],
    );
}

#[test]
fn what_was_deleted_in_the_middle_leaves_the_order_alone() {
    check(
        "fifo; send a1@a a2@a a3@a a4@a; receive max=3 visibility=1s; delete a2#1; advance 1s; receive max=10",
        expect![[r#"
            fifo -> Configured
            send a1@a a2@a a3@a a4@a -> a1=1 a2=2 a3=3 a4=4
            receive max=3 visibility=1s -> a1#1 a2#1 a3#1
            delete a2#1 -> [Deleted]
            advance 1s
            receive max=10 -> a1#2(sent 1s ago)(first 1s ago) a3#2(sent 1s ago)(first 1s ago) a4#1(sent 1s ago)
        "#]],
    );
}

#[test]
fn messages_that_come_back_come_before_later_ones_of_their_group() {
    check(
        "fifo; send a1@a a2@a a3@a; receive max=2 visibility=1s; send a4@a; advance 1s; receive max=10",
        expect![[r#"
        fifo -> Configured
        send a1@a a2@a a3@a -> a1=1 a2=2 a3=3
        receive max=2 visibility=1s -> a1#1 a2#1
        send a4@a -> a4=4
        advance 1s
        receive max=10 -> a1#2(sent 1s ago)(first 1s ago) a2#2(sent 1s ago)(first 1s ago) a3#1(sent 1s ago) a4#1(sent 1s ago)
    "#]],
    );
}

/// Recorded from AWS: the first message of a group frees it, whatever those behind it do.
#[test]
fn a_message_given_back_is_received_again_although_a_later_one_is_in_flight() {
    check(
        "fifo; keep; send a1@a a2@a b1@b; receive max=2; visibility a1#1=0s; receive max=3; receive max=3",
        expect![[r#"
            fifo -> Configured
            keep
            send a1@a a2@a b1@b -> a1=1 a2=2 b1=3
            receive max=2 -> a1#1 a2#1
            visibility a1#1=0s -> [Changed]
            receive max=3 -> b1#1 a1#2
            receive max=3 -> nothing
        "#]],
    );
}

#[test]
fn a_later_message_that_is_visible_again_waits_for_the_earlier_one_in_flight() {
    check(
        "fifo; send a1@a a2@a; receive max=2; visibility a2#1=0s; receive; delete a1#1; receive",
        expect![[r#"
        fifo -> Configured
        send a1@a a2@a -> a1=1 a2=2
        receive max=2 -> a1#1 a2#1
        visibility a2#1=0s -> [Changed]
        receive -> nothing
        delete a1#1 -> [Deleted]
        receive -> a2#2
    "#]],
    );
}

/// Recorded from AWS.
#[test]
fn a_group_that_was_served_goes_behind_the_others() {
    check(
        "fifo; keep; send a1@a b1@b b2@b c1@c a2@a; receive max=3 visibility=0s; receive max=10 visibility=0s",
        expect![[r#"
            fifo -> Configured
            keep
            send a1@a b1@b b2@b c1@c a2@a -> a1=1 b1=2 b2=3 c1=4 a2=5
            receive max=3 visibility=0s -> a1#1 a2#1 b1#1
            receive max=10 visibility=0s -> c1#1 a1#2 a2#2 b1#2 b2#1
        "#]],
    );
}

#[test]
fn a_longer_delay_does_not_hide_what_was_visible_before_when_the_log_is_read_again() {
    check(
        "fifo; configure delay=5s; send a1@a; advance 98s; send b1@b; advance 2s; configure delay=15m; advance 10s; \
         replay; receive max=10; advance 15m; receive max=10",
        expect![[r#"
            fifo -> Configured
            configure delay=5s -> Configured
            send a1@a -> a1=1
            advance 98s
            send b1@b -> b1=2
            advance 2s
            configure delay=15m -> Configured
            advance 10s
            replay
            receive max=10 -> a1#1(sent 110s ago)
            advance 15m
            receive max=10 -> a1#2(sent 1010s ago)(first 900s ago) b1#1(sent 912s ago)
        "#]],
    );
}

#[test]
fn a_queues_delay_does_not_break_the_order() {
    check(
        "fifo; send a1@a delay=5s; send a2@a b1@b; receive max=10; advance 5s; receive max=10",
        expect![[r#"
        fifo -> Configured
        send a1@a delay=5s -> a1=1
        send a2@a b1@b -> a2=2 b1=3
        receive max=10 -> b1#1
        advance 5s
        receive max=10 -> a1#1(sent 5s ago) a2#1(sent 5s ago)
    "#]],
    );
}

#[test]
fn an_expired_message_frees_its_group() {
    check(
        "fifo; configure retention=60s; send a1@a; receive visibility=1h; advance 30s; send a2@a; receive; advance 31s; receive",
        expect![[r#"
            fifo -> Configured
            configure retention=60s -> Configured
            send a1@a -> a1=1
            receive visibility=1h -> a1#1
            advance 30s
            send a2@a -> a2=2
            receive -> nothing
            advance 31s
            receive -> a2#1(sent 31s ago)
        "#]],
    );
}

#[test]
fn a_purge_frees_every_group() {
    check(
        "fifo; send a1@a b1@b; receive max=10; purge; send a2@a; receive; count",
        expect![[r#"
        fifo -> Configured
        send a1@a b1@b -> a1=1 b1=2
        receive max=10 -> a1#1 b1#1
        purge -> Purged
        send a2@a -> a2=3
        receive -> a2#1
        count -> 0 visible, 1 in flight, 0 delayed, oldest 0ns
    "#]],
    );
}

#[test]
fn readers_are_served_by_groups() {
    check(
        "fifo; keep; send a1@a a2@a a3@a b1@b; ready; receive; ready; receive; ready; delete a1#1; ready",
        expect![[r#"
            fifo -> Configured
            keep
            send a1@a a2@a a3@a b1@b -> a1=1 a2=2 a3=3 b1=4
            ready -> 2
            receive -> a1#1
            ready -> 1
            receive -> b1#1
            ready -> 0
            delete a1#1 -> [Deleted]
            ready -> 1
        "#]],
    );
}

// Handles.

#[test]
fn the_handle_of_a_receive_that_has_ended_deletes_and_changes_nothing() {
    check(
        "fifo; send a@a; receive visibility=1s; advance 1s; delete a#1; visibility a#1=9s; receive; delete a#1; delete a#2; \
         delete a#1 a#2; visibility a#2=1s",
        expect![[r#"
            fifo -> Configured
            send a@a -> a=1
            receive visibility=1s -> a#1
            advance 1s
            delete a#1 -> [Expired]
            visibility a#1=9s -> [Gone]
            receive -> a#2(sent 1s ago)(first 1s ago)
            delete a#1 -> [Expired]
            delete a#2 -> [Deleted]
            delete a#1 a#2 -> [AlreadyGone, AlreadyGone]
            visibility a#2=1s -> [Gone]
        "#]],
    );
}

#[test]
fn a_handle_of_a_message_that_was_never_there_is_foreign() {
    check(
        "fifo; send a@a; delete ghost#1; receive visibility=0s; delete a#1",
        expect![[r#"
        fifo -> Configured
        send a@a -> a=1
        delete ghost#1 -> [Foreign]
        receive visibility=0s -> a#1
        delete a#1 -> [Expired]
    "#]],
    );
}

// Deduplication.

#[test]
fn a_duplicate_is_answered_with_the_first_message_and_not_sent() {
    check(
        "fifo; send a@x!1; send b@x!1; send c@y!1 d@y!2 e@y!2; count; receive max=10",
        expect![[r#"
        fifo -> Configured
        send a@x!1 -> a=1
        send b@x!1 -> a=1
        send c@y!1 d@y!2 e@y!2 -> a=1 d=2 d=2
        count -> 2 visible, 0 in flight, 0 delayed, oldest 0ns
        receive max=10 -> a#1 d#1
    "#]],
    );
}

#[test]
fn an_id_is_remembered_for_five_minutes_also_after_the_delete() {
    check(
        "fifo; send a@x!1; receive; delete a#1; advance 299999ms; send b@x!1; advance 1ms; send c@x!1; send d@x!1",
        expect![[r#"
            fifo -> Configured
            send a@x!1 -> a=1
            receive -> a#1
            delete a#1 -> [Deleted]
            advance 299999ms
            send b@x!1 -> a=1
            advance 1ms
            send c@x!1 -> c=2
            send d@x!1 -> c=2
        "#]],
    );
}

#[test]
fn a_purge_forgets_the_ids() {
    check(
        "fifo; send a@x!1; receive; delete a#1; purge; send b@x!1; replay; send c@x!1",
        expect![[r#"
        fifo -> Configured
        send a@x!1 -> a=1
        receive -> a#1
        delete a#1 -> [Deleted]
        purge -> Purged
        send b@x!1 -> b=2
        replay
        send c@x!1 -> b=2
    "#]],
    );
}

#[test]
fn ids_are_remembered_over_a_restart() {
    check(
        "fifo; send a@x!1; receive; delete a#1; advance 1m; replay; send b@x!1; records; advance 4m; replay; send c@x!1",
        expect![[r#"
            fifo -> Configured
            send a@x!1 -> a=1
            receive -> a#1
            delete a#1 -> [Deleted]
            advance 1m
            replay
            send b@x!1 -> a=1
            records -> 4
            advance 4m
            replay
            send c@x!1 -> c=2
        "#]],
    );
}

// Receives with names.

#[test]
fn a_named_receive_gives_the_same_messages_again_and_hides_them_anew() {
    check(
        "fifo; send a1@a a2@a b1@b; receive max=2 again=one visibility=10s; advance 9s; receive max=2 again=one visibility=10s; \
         advance 9s; replay; receive max=9 again=one visibility=10s; receive max=9; delete a1#1",
        expect![[r#"
            fifo -> Configured
            send a1@a a2@a b1@b -> a1=1 a2=2 b1=3
            receive max=2 again=one visibility=10s -> a1#1 a2#1
            advance 9s
            receive max=2 again=one visibility=10s -> a1#1(sent 9s ago)(first 9s ago) a2#1(sent 9s ago)(first 9s ago)
            advance 9s
            replay
            receive max=9 again=one visibility=10s -> a1#1(sent 18s ago)(first 18s ago) a2#1(sent 18s ago)(first 18s ago)
            receive max=9 -> b1#1(sent 18s ago)
            delete a1#1 -> [Deleted]
        "#]],
    );
}

#[test]
fn a_named_receive_whose_messages_were_touched_is_a_new_one() {
    check(
        "fifo; send a1@a a2@a b1@b; receive max=2 again=one; visibility a1#1=60s; receive max=9 again=one; \
         delete b1#1; receive max=9 again=one",
        expect![[r#"
            fifo -> Configured
            send a1@a a2@a b1@b -> a1=1 a2=2 b1=3
            receive max=2 again=one -> a1#1 a2#1
            visibility a1#1=60s -> [Changed]
            receive max=9 again=one -> b1#1
            delete b1#1 -> [Deleted]
            receive max=9 again=one -> nothing
        "#]],
    );
}

#[test]
fn a_named_receive_is_a_new_one_when_its_messages_are_visible_again() {
    check(
        "fifo; send a@a; receive again=one visibility=1s; advance 1s; receive again=one; receive again=one",
        expect![[r#"
            fifo -> Configured
            send a@a -> a=1
            receive again=one visibility=1s -> a#1
            advance 1s
            receive again=one -> a#2(sent 1s ago)(first 1s ago)
            receive again=one -> a#2(sent 1s ago)(first 1s ago)
        "#]],
    );
}

#[test]
fn a_named_receive_is_forgotten_after_five_minutes() {
    check(
        "fifo; send a@a; receive again=one visibility=1h; advance 299s; receive again=one visibility=1h; advance 1s; \
         receive again=one visibility=1h",
        expect![[r#"
            fifo -> Configured
            send a@a -> a=1
            receive again=one visibility=1h -> a#1
            advance 299s
            receive again=one visibility=1h -> a#1(sent 299s ago)(first 299s ago)
            advance 1s
            receive again=one visibility=1h -> nothing
        "#]],
    );
}
