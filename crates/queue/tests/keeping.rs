//! Messages that were deleted and are kept, and replays of them.

mod script;

use expect_test::expect;
use script::check;

#[test]
fn a_deleted_message_is_kept_and_counts_for_nothing() {
    check(
        "configure keep=1h; send a b; receive max=2; delete a#1; count; receive; delete a#1; visibility a#1=0s; advance 59m; count; advance 2m; count; delete a#1",
        expect![[r#"
            configure keep=1h -> Configured
            send a b -> from 1 a=1 b=2
            receive max=2 -> a#1 b#1
            delete a#1 -> [Deleted]
            count -> 0 visible, 1 in flight, 0 delayed, oldest 0ns, 1 kept
            receive -> nothing
            delete a#1 -> [AlreadyGone]
            visibility a#1=0s -> [Gone]
            advance 59m
            count -> 1 visible, 0 in flight, 0 delayed, oldest 3540s, 1 kept
            advance 2m
            count -> 1 visible, 0 in flight, 0 delayed, oldest 3660s
            delete a#1 -> [AlreadyGone]
        "#]],
    );
}

#[test]
fn nothing_is_kept_longer_than_its_retention_or_than_it_is_wanted() {
    check(
        "configure keep=1d retention=10m; send a; receive; delete a#1; advance 9m; count; advance 2m; count; send b; receive; delete b#1; count; configure keep=0s; count; configure keep=1h; count",
        expect![[r#"
            configure keep=1d retention=10m -> Configured
            send a -> from 1 a=1
            receive -> a#1
            delete a#1 -> [Deleted]
            advance 9m
            count -> 0 visible, 0 in flight, 0 delayed, oldest none, 1 kept
            advance 2m
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
            send b -> from 2 b=2
            receive -> b#1
            delete b#1 -> [Deleted]
            count -> 0 visible, 0 in flight, 0 delayed, oldest none, 1 kept
            configure keep=0s -> Configured
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
            configure keep=1h -> Configured
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
        "#]],
    );
}

#[test]
fn a_longer_time_brings_back_nothing_that_was_over() {
    check(
        "configure keep=1m; send a; receive; delete a#1; advance 2m; configure keep=1d; count; replay; count",
        expect![[r#"
            configure keep=1m -> Configured
            send a -> from 1 a=1
            receive -> a#1
            delete a#1 -> [Deleted]
            advance 2m
            configure keep=1d -> Configured
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
            replay
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
        "#]],
    );
}

#[test]
fn a_purge_takes_along_what_is_kept_and_what_has_left() {
    check(
        "configure keep=1h dead=1; send a b; receive max=2 visibility=0s; delete a#1; receive; outgoing; count; purge; count; gone; count",
        expect![[r#"
            configure keep=1h dead=1 -> Configured
            send a b -> from 1 a=1 b=2
            receive max=2 visibility=0s -> a#1 b#1
            delete a#1 -> [Deleted]
            receive -> nothing
            outgoing -> from number 0: b
            count -> 0 visible, 0 in flight, 0 delayed, oldest none, 1 kept
            purge -> Purged
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
            gone -> Concluded
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
        "#]],
    );
}

#[test]
fn a_replay_copies_what_was_deleted_and_what_is_there_in_its_order() {
    check(
        "configure keep=1h; send a b c d; receive max=3; delete b#1 a#1; send e delay=1h; replay from=1h; outgoing; parcels; count; send f; taken 5; count; outgoing; receive max=9 visibility=0s",
        expect![[r#"
            configure keep=1h -> Configured
            send a b c d -> from 1 a=1 b=2 c=3 d=4
            receive max=3 -> a#1 b#1 c#1
            delete b#1 a#1 -> [Deleted, Deleted]
            send e delay=1h -> from 5 e=5
            replay from=1h -> Replaying
            outgoing -> from number 0: a b c d e
            parcels -> a b c d e
            count -> 1 visible, 1 in flight, 1 delayed, oldest 0ns, 2 kept, replay Running 5
            send f -> from 6 f=6
            taken 5 -> Concluded
            count -> 2 visible, 1 in flight, 1 delayed, oldest 0ns, 2 kept, replay Done 5
            outgoing -> nothing
            receive max=9 visibility=0s -> d#1 f#1
        "#]],
    );
}

#[test]
fn a_replay_of_the_deleted_ones_leaves_the_others_out() {
    check(
        "configure keep=1h; send a b c; receive max=2; delete a#1 b#1; replay from=1h only=deleted; parcels; taken 1; outgoing; taken 2; count; replay only=deleted; outgoing",
        expect![[r#"
            configure keep=1h -> Configured
            send a b c -> from 1 a=1 b=2 c=3
            receive max=2 -> a#1 b#1
            delete a#1 b#1 -> [Deleted, Deleted]
            replay from=1h only=deleted -> Replaying
            parcels -> a b
            taken 1 -> Concluded
            outgoing -> from number 1: b
            taken 2 -> Concluded
            count -> 1 visible, 0 in flight, 0 delayed, oldest 0ns, 2 kept, replay Done 2
            replay only=deleted -> Replaying
            outgoing -> from number 2: a b
        "#]],
    );
}

#[test]
fn only_what_was_sent_within_the_stretch_is_copied() {
    check(
        "send a; advance 10ms; send b; advance 10ms; send c; advance 10ms; send d; replay from=20ms to=5ms; outgoing; parcels; taken 3; count",
        expect![[r#"
            send a -> from 1 a=1
            advance 10ms
            send b -> from 2 b=2
            advance 10ms
            send c -> from 3 c=3
            advance 10ms
            send d -> from 4 d=4
            replay from=20ms to=5ms -> Replaying
            outgoing -> from number 0: a b c d
            parcels -> - b c -
            taken 3 -> Concluded
            count -> 4 visible, 0 in flight, 0 delayed, oldest 30ms, replay Running 4
        "#]],
    );
}

#[test]
fn a_copy_holds_its_message_until_it_has_arrived() {
    check(
        "send a b; replay from=1h; receive max=2; delete a#1 b#1; count; parcels; purge; parcels; taken 2; count",
        expect![[r#"
            send a b -> from 1 a=1 b=2
            replay from=1h -> Replaying
            receive max=2 -> a#1 b#1
            delete a#1 b#1 -> [Deleted, Deleted]
            count -> 0 visible, 0 in flight, 0 delayed, oldest none, replay Running 2
            parcels -> a b
            purge -> Purged
            parcels -> a b
            taken 2 -> Concluded
            count -> 0 visible, 0 in flight, 0 delayed, oldest none, replay Done 2
        "#]],
    );
}

#[test]
fn there_is_one_replay_at_a_time_and_it_can_be_ended() {
    check(
        "send a b; replay from=1h; replay from=1h; replay cancel; count; parcels; replay from=1h; taken 2; replay from=1h; parcels; count; replay cancel; replay cancel; taken 4; count",
        expect![[r#"
            send a b -> from 1 a=1 b=2
            replay from=1h -> Replaying
            replay from=1h -> ReplayUnderWay
            replay cancel -> Replaying
            count -> 2 visible, 0 in flight, 0 delayed, oldest 0ns, replay Cancelled 2
            parcels -> - -
            replay from=1h -> ReplayUnderWay
            taken 2 -> Concluded
            replay from=1h -> Replaying
            parcels -> a b
            count -> 2 visible, 0 in flight, 0 delayed, oldest 0ns, replay Running 2
            replay cancel -> Replaying
            replay cancel -> Replaying
            taken 4 -> Concluded
            count -> 2 visible, 0 in flight, 0 delayed, oldest 0ns, replay Cancelled 2
        "#]],
    );
}

#[test]
fn a_replay_whose_queue_is_gone_ends_and_changes_nothing() {
    check(
        "configure dead=1; send a b c; receive visibility=0s; receive max=1; replay from=1h; outgoing; gone; count; outgoing; receive max=9 visibility=0s",
        expect![[r#"
            configure dead=1 -> Configured
            send a b c -> from 1 a=1 b=2 c=3
            receive visibility=0s -> a#1
            receive max=1 -> b#1
            replay from=1h -> Replaying
            outgoing -> from number 0: a b c
            gone -> Concluded
            count -> 2 visible, 1 in flight, 0 delayed, oldest 0ns, replay Homeless 2
            outgoing -> nothing
            receive max=9 visibility=0s -> a#2 c#1
        "#]],
    );
}

#[test]
fn what_the_disk_damaged_is_passed_over() {
    check(
        "send a b; replay from=1h; unreadable 0; outgoing; taken 2; count; receive max=2",
        expect![[r#"
            send a b -> from 1 a=1 b=2
            replay from=1h -> Replaying
            unreadable 0 -> Concluded
            outgoing -> from number 1: b
            taken 2 -> Concluded
            count -> 2 visible, 0 in flight, 0 delayed, oldest 0ns, replay Done 2
            receive max=2 -> a#1 b#1
        "#]],
    );
}

#[test]
fn a_copy_is_a_new_message_of_its_own_id_each_time() {
    check(
        "configure delay=5s; arrive age=1d replayed=yes a:2; arrive first=1 age=1d replayed=yes a:2; count; advance 5s; receive max=2",
        expect![[r#"
            configure delay=5s -> Configured
            arrive age=1d replayed=yes a:2 -> from 1 a=1
            arrive first=1 age=1d replayed=yes a:2 -> from 2 a=2
            count -> 0 visible, 0 in flight, 2 delayed, oldest 0ns
            advance 5s
            receive max=2 -> a*#1(sent 5s ago) a*#1(sent 5s ago)
        "#]],
    );
}

/// The same message, sent again by its producer within five minutes, is none of the copy's duplicates, nor the other way.
#[test]
fn what_arrives_in_a_fifo_queue_takes_no_part_in_deduplication() {
    check(
        "fifo; send a@x!1; arrive replayed=yes a@x!1:1; arrive first=1 b@x!2:1; send b@x!2; send b@x!2; receive max=9",
        expect![[r#"
            fifo -> Configured
            send a@x!1 -> a=1
            arrive replayed=yes a@x!1:1 -> from 2 a=2
            arrive first=1 b@x!2:1 -> from 3 b=3
            send b@x!2 -> b=4
            send b@x!2 -> b=4
            receive max=9 -> a#1 a*#1 b#2 b#1
        "#]],
    );
}

#[test]
fn a_changed_delay_of_a_fifo_queue_reaches_what_is_delayed() {
    check(
        "fifo; configure delay=60s; send a@x; advance 10s; send b@y; configure delay=20s; deadline; advance 10s; count; receive; configure delay=90s; deadline; configure delay=0s; count; receive",
        expect![[r#"
            fifo -> Configured
            configure delay=60s -> Configured
            send a@x -> a=1
            advance 10s
            send b@y -> b=2
            configure delay=20s -> Configured
            deadline -> in 10s
            advance 10s
            count -> 1 visible, 0 in flight, 1 delayed, oldest 20s
            receive -> a#1(sent 20s ago)
            configure delay=90s -> Configured
            deadline -> in 30s
            configure delay=0s -> Configured
            count -> 1 visible, 1 in flight, 0 delayed, oldest 20s
            receive -> b#1(sent 10s ago)
        "#]],
    );
}

#[test]
fn a_changed_delay_of_a_standard_queue_reaches_nothing() {
    check(
        "configure delay=60s; send a; configure delay=5s; deadline",
        expect![[r#"
        configure delay=60s -> Configured
        send a -> from 1 a=1
        configure delay=5s -> Configured
        deadline -> in 60s
    "#]],
    );
}
