//! Groups of a FIFO queue that stand still because their first message was received too often.

mod script;

use expect_test::expect;
use script::check;

#[test]
fn a_group_whose_first_message_was_received_too_often_stands_still_and_others_go_on() {
    check(
        "fifo; configure park=2; send a@x b@x c@y; receive max=2 visibility=0s; receive max=9 visibility=0s; quiet; receive max=9 visibility=0s; count; ready; receive max=9; send d@x e@y; receive max=9; count",
        expect![[r#"
            receive max=9 visibility=0s -> c#2
            count -> 3 visible, 0 in flight, 0 delayed, oldest 0ns, 1 groups parked
            ready -> 1
            receive max=9 -> nothing
            send d@x e@y -> d=4 e=5
            receive max=9 -> nothing
            count -> 5 visible, 0 in flight, 0 delayed, oldest 0ns, 2 groups parked
        "#]],
    );
}

#[test]
fn a_released_group_gets_as_many_receives_as_before() {
    check(
        "fifo; configure park=1; send a@x b@x; receive visibility=0s; receive; count; unpark y; unpark x; count; receive visibility=0s; receive; count; unpark *; receive max=9",
        expect![[r#"
            fifo -> Configured
            configure park=1 -> Configured
            send a@x b@x -> a=1 b=2
            receive visibility=0s -> a#1
            receive -> nothing
            count -> 2 visible, 0 in flight, 0 delayed, oldest 0ns, 1 groups parked
            unpark y -> 0 groups
            unpark x -> 1 groups
            count -> 2 visible, 0 in flight, 0 delayed, oldest 0ns
            receive visibility=0s -> a#2
            receive -> nothing
            count -> 2 visible, 0 in flight, 0 delayed, oldest 0ns, 1 groups parked
            unpark * -> 1 groups
            receive max=9 -> a#3 b#1
        "#]],
    );
}

#[test]
fn a_group_is_dropped_by_its_first_message_or_whole() {
    check(
        "fifo; configure park=1; send a@x b@x c@y d@y e@z; receive max=9 visibility=0s; receive max=9; count; unpark x by=first; receive; count; unpark y by=all; count; unpark * by=all; count",
        expect![[r#"
            fifo -> Configured
            configure park=1 -> Configured
            send a@x b@x c@y d@y e@z -> a=1 b=2 c=3 d=4 e=5
            receive max=9 visibility=0s -> a#1 b#1 c#1 d#1 e#1
            receive max=9 -> nothing
            count -> 5 visible, 0 in flight, 0 delayed, oldest 0ns, 3 groups parked
            unpark x by=first -> 1 groups
            receive -> nothing
            count -> 4 visible, 0 in flight, 0 delayed, oldest 0ns, 3 groups parked
            unpark y by=all -> 1 groups
            count -> 2 visible, 0 in flight, 0 delayed, oldest 0ns, 2 groups parked
            unpark * by=all -> 2 groups
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
        "#]],
    );
}

#[test]
fn a_handle_of_an_earlier_receive_does_not_reach_a_parked_message() {
    check(
        "fifo; configure park=1; send a@x; receive visibility=1s; advance 1s; receive; delete a#1; visibility a#1=5s; count",
        expect![[r#"
            fifo -> Configured
            configure park=1 -> Configured
            send a@x -> a=1
            receive visibility=1s -> a#1
            advance 1s
            receive -> nothing
            delete a#1 -> [Expired]
            visibility a#1=5s -> [Gone]
            count -> 1 visible, 0 in flight, 0 delayed, oldest 1s, 1 groups parked
        "#]],
    );
}

#[test]
fn what_is_dropped_is_kept_like_what_is_deleted() {
    check(
        "fifo; configure park=1 keep=1h; send a@x b@x; receive visibility=0s; receive; unpark x by=first; count; receive max=9",
        expect![[r#"
            fifo -> Configured
            configure park=1 keep=1h -> Configured
            send a@x b@x -> a=1 b=2
            receive visibility=0s -> a#1
            receive -> nothing
            unpark x by=first -> 1 groups
            count -> 1 visible, 0 in flight, 0 delayed, oldest 0ns, 1 kept
            receive max=9 -> b#1
        "#]],
    );
}

#[test]
fn the_lower_number_of_parking_and_redrive_acts_and_redrive_if_they_are_equal() {
    check(
        "fifo; configure park=2 dead=2; send a@x b@x; receive visibility=0s; receive visibility=0s; receive; outgoing; count; configure park=1; receive; advance 31s; receive; outgoing; count",
        expect![[r#"
            fifo -> Configured
            configure park=2 dead=2 -> Configured
            send a@x b@x -> a=1 b=2
            receive visibility=0s -> a#1
            receive visibility=0s -> a#2
            receive -> b#1
            outgoing -> from number 0: a
            count -> 0 visible, 1 in flight, 0 delayed, oldest 0ns
            configure park=1 -> Configured
            receive -> nothing
            advance 31s
            receive -> nothing
            outgoing -> from number 0: a
            count -> 1 visible, 0 in flight, 0 delayed, oldest 31s, 1 groups parked
        "#]],
    );
}

#[test]
fn a_group_goes_on_when_its_first_message_is_over_or_purged_or_moved() {
    check(
        "fifo; configure park=1 retention=10m; send a@x; advance 5m; send b@x; receive visibility=0s; receive; count; advance 6m; count; receive visibility=0s; receive; count; away b; count; outgoing; purge; send c@x; receive",
        expect![[r#"
            fifo -> Configured
            configure park=1 retention=10m -> Configured
            send a@x -> a=1
            advance 5m
            send b@x -> b=2
            receive visibility=0s -> a#1(sent 300s ago)
            receive -> nothing
            count -> 2 visible, 0 in flight, 0 delayed, oldest 300s, 1 groups parked
            advance 6m
            count -> 1 visible, 0 in flight, 0 delayed, oldest 360s
            receive visibility=0s -> b#1(sent 360s ago)
            receive -> nothing
            count -> 1 visible, 0 in flight, 0 delayed, oldest 360s, 1 groups parked
            away b -> b
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
            outgoing -> from number 0: b
            purge -> Purged
            send c@x -> c=3
            receive -> c#1
        "#]],
    );
}

#[test]
fn a_higher_number_or_none_lets_groups_go_on() {
    check(
        "fifo; configure park=1; send a@x b@y; receive max=2 visibility=0s; receive; count; configure park=2; count; receive max=9 visibility=0s; receive; count; configure park=0; count; receive max=9",
        expect![[r#"
            fifo -> Configured
            configure park=1 -> Configured
            send a@x b@y -> a=1 b=2
            receive max=2 visibility=0s -> a#1 b#1
            receive -> nothing
            count -> 2 visible, 0 in flight, 0 delayed, oldest 0ns, 2 groups parked
            configure park=2 -> Configured
            count -> 2 visible, 0 in flight, 0 delayed, oldest 0ns
            receive max=9 visibility=0s -> a#2 b#2
            receive -> nothing
            count -> 2 visible, 0 in flight, 0 delayed, oldest 0ns, 2 groups parked
            configure park=0 -> Configured
            count -> 2 visible, 0 in flight, 0 delayed, oldest 0ns
            receive max=9 -> a#3 b#3
        "#]],
    );
}

#[test]
fn a_message_behind_the_first_parks_its_group_when_it_is_the_first() {
    check(
        "fifo; configure park=2; send a@x b@x; receive max=2 visibility=1s; advance 1s; receive max=2 visibility=1s; delete a#2; advance 1s; receive; count",
        expect![[r#"
            fifo -> Configured
            configure park=2 -> Configured
            send a@x b@x -> a=1 b=2
            receive max=2 visibility=1s -> a#1 b#1
            advance 1s
            receive max=2 visibility=1s -> a#2(sent 1s ago)(first 1s ago) b#2(sent 1s ago)(first 1s ago)
            delete a#2 -> [Deleted]
            advance 1s
            receive -> nothing
            count -> 1 visible, 0 in flight, 0 delayed, oldest 2s, 1 groups parked
        "#]],
    );
}

#[test]
fn a_standard_queue_parks_nothing() {
    check(
        "configure park=1; send a@x; receive visibility=0s; receive visibility=0s; count; unpark *",
        expect![[r#"
            configure park=1 -> Configured
            send a@x -> from 1 a=1
            receive visibility=0s -> a#1
            receive visibility=0s -> a#2
            count -> 1 visible, 0 in flight, 0 delayed, oldest 0ns
            unpark * -> 0 groups
        "#]],
    );
}

/// Nobody is handed a parked group; whoever moves the queue takes it along, in its order, and it stands still again if it comes
/// back.
#[test]
fn a_parked_group_leaves_with_the_others_oldest_first() {
    check(
        "fifo; configure park=1; send a@x b@y c@x d@y; receive max=1 visibility=0s; receive max=9 visibility=0s; count; movable max=1; movable max=3; away a b c; count; outgoing; movable; gone; receive; count",
        expect![[r#"
            fifo -> Configured
            configure park=1 -> Configured
            send a@x b@y c@x d@y -> a=1 b=2 c=3 d=4
            receive max=1 visibility=0s -> a#1
            receive max=9 visibility=0s -> b#1 d#1
            count -> 4 visible, 0 in flight, 0 delayed, oldest 0ns, 1 groups parked
            movable max=1 -> a
            movable max=3 -> a b c
            away a b c -> a b c
            count -> 1 visible, 0 in flight, 0 delayed, oldest 0ns
            outgoing -> from number 0: a b c
            movable -> d
            gone -> Concluded
            receive -> nothing
            count -> 4 visible, 0 in flight, 0 delayed, oldest 0ns, 2 groups parked
        "#]],
    );
}
