//! Dead letters and messages that somebody moves: how they leave, arrive, and come back.

mod script;

use expect_test::expect;
use script::check;

#[test]
fn a_message_leaves_when_it_would_be_received_once_too_often_and_the_next_one_is_handed_out() {
    check(
        "configure dead=2; send a b; receive max=1 visibility=0s; receive max=1 visibility=0s; count; receive max=1; outgoing; count",
        expect![[r#"
            configure dead=2 -> Configured
            send a b -> from 1 a=1 b=2
            receive max=1 visibility=0s -> a#1
            receive max=1 visibility=0s -> a#2
            count -> 2 visible, 0 in flight, 0 delayed, oldest 0ns
            receive max=1 -> b#1
            outgoing -> from number 0: a
            count -> 0 visible, 1 in flight, 0 delayed, oldest 0ns
        "#]],
    );
}

#[test]
fn what_has_left_cannot_be_received_deleted_or_hidden_and_is_held_until_it_has_arrived() {
    check(
        "configure dead=1; send a b; receive max=2 visibility=0s; receive; receive; outgoing; delete a#1; visibility a#1=9s; count; taken 1; outgoing; taken 1; taken 9; outgoing; send c; receive visibility=0s; receive; outgoing",
        expect![[r#"
            configure dead=1 -> Configured
            send a b -> from 1 a=1 b=2
            receive max=2 visibility=0s -> a#1 b#1
            receive -> nothing
            receive -> nothing
            outgoing -> from number 0: a b
            delete a#1 -> [AlreadyGone]
            visibility a#1=9s -> [Gone]
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
            taken 1 -> Concluded
            outgoing -> from number 1: b
            taken 1 -> Concluded
            taken 9 -> Concluded
            outgoing -> nothing
            send c -> from 3 c=3
            receive visibility=0s -> c#1
            receive -> nothing
            outgoing -> from number 2: c
        "#]],
    );
}

#[test]
fn what_cannot_arrive_comes_back_with_its_past_and_is_handed_out_from_then_on() {
    check(
        "configure dead=1; send a; receive visibility=0s; receive; gone; count; receive visibility=0s; receive visibility=0s; configure dead=0; configure dead=1; receive; gone",
        expect![[r#"
            configure dead=1 -> Configured
            send a -> from 1 a=1
            receive visibility=0s -> a#1
            receive -> nothing
            gone -> Concluded
            count -> 1 visible, 0 in flight, 0 delayed, oldest 0ns
            receive visibility=0s -> a#2
            receive visibility=0s -> a#3
            configure dead=0 -> Configured
            configure dead=1 -> Configured
            receive -> a#4
            gone -> Concluded
        "#]],
    );
}

#[test]
fn what_was_deleted_after_it_had_left_does_not_come_back_and_arrives_where_it_can() {
    check(
        "configure dead=1; send a b c; receive max=3 visibility=0s; receive; outgoing; delete a#1 a#1; delete a#1; gone; count; receive max=9; outgoing",
        expect![[r#"
            configure dead=1 -> Configured
            send a b c -> from 1 a=1 b=2 c=3
            receive max=3 visibility=0s -> a#1 b#1 c#1
            receive -> nothing
            outgoing -> from number 0: a b c
            delete a#1 a#1 -> [AlreadyGone, AlreadyGone]
            delete a#1 -> [AlreadyGone]
            gone -> Concluded
            count -> 2 visible, 0 in flight, 0 delayed, oldest 0ns
            receive max=9 -> b#2 c#2
            outgoing -> nothing
        "#]],
    );
    check(
        "configure dead=1; send a b; receive max=2 visibility=0s; receive; delete a#1 b#1; outgoing; unreadable 0; taken 2; advance 13h; count",
        expect![[r#"
            configure dead=1 -> Configured
            send a b -> from 1 a=1 b=2
            receive max=2 visibility=0s -> a#1 b#1
            receive -> nothing
            delete a#1 b#1 -> [AlreadyGone, AlreadyGone]
            outgoing -> from number 0: a b
            unreadable 0 -> Concluded
            taken 2 -> Concluded
            advance 13h
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
        "#]],
    );
    check(
        "fifo; configure dead=1; send a@x; receive visibility=0s; receive; delete a#1; gone; count; receive",
        expect![[r#"
            fifo -> Configured
            configure dead=1 -> Configured
            send a@x -> a=1
            receive visibility=0s -> a#1
            receive -> nothing
            delete a#1 -> [AlreadyGone]
            gone -> Concluded
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
            receive -> nothing
        "#]],
    );
}

#[test]
fn a_message_that_the_disk_damaged_comes_back_hidden_and_those_behind_it_go_on() {
    check(
        "configure dead=1; send a b; receive max=2 visibility=0s; receive max=2; unreadable 0; outgoing; count; unreadable 0; taken 2; outgoing; advance 12h; receive max=2; outgoing",
        expect![[r#"
            configure dead=1 -> Configured
            send a b -> from 1 a=1 b=2
            receive max=2 visibility=0s -> a#1 b#1
            receive max=2 -> nothing
            unreadable 0 -> Concluded
            outgoing -> from number 1: b
            count -> 0 visible, 1 in flight, 0 delayed, oldest 0ns
            unreadable 0 -> Concluded
            taken 2 -> Concluded
            outgoing -> nothing
            advance 12h
            receive max=2 -> nothing
            outgoing -> from number 2: a
        "#]],
    );
}

#[test]
fn dead_letters_keep_their_time_their_id_and_their_receives() {
    check(
        "send x; advance 1h; arrive age=1d a:3 b:1; receive max=3; count; advance 3d; count; advance 1h; count",
        expect![[r#"
            send x -> from 1 x=1
            advance 1h
            arrive age=1d a:3 b:1 -> from 2 a=2 b=3
            receive max=3 -> x#1(sent 3600s ago) a#4(sent 86400s ago)(first 86400s ago) b#2(sent 86400s ago)(first 86400s ago)
            count -> 0 visible, 3 in flight, 0 delayed, oldest 86400s
            advance 3d
            count -> 1 visible, 0 in flight, 0 delayed, oldest 262800s
            advance 1h
            count -> 1 visible, 0 in flight, 0 delayed, oldest 266400s
        "#]],
    );
}

#[test]
fn a_fifo_queues_dead_letters_are_kept_as_long_as_what_was_sent_when_they_arrived() {
    check(
        "fifo; configure retention=2h; arrive age=1h a@x:3; count; advance 119m; count; advance 1m; count; \
         arrive first=1 age=90m b@x:1; advance 1h; receive",
        expect![[r#"
            fifo -> Configured
            configure retention=2h -> Configured
            arrive age=1h a@x:3 -> from 1 a=1
            count -> 1 visible, 0 in flight, 0 delayed, oldest 0ns
            advance 119m
            count -> 1 visible, 0 in flight, 0 delayed, oldest 7140s
            advance 1m
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
            arrive first=1 age=90m b@x:1 -> from 2 b=2
            advance 1h
            receive -> b#2(sent 3600s ago)(first 9000s ago)
        "#]],
    );
}

#[test]
fn what_was_moved_is_a_new_message() {
    check(
        "configure delay=5s; arrive age=1d moved=yes a:2; count; advance 5s; receive",
        expect![[r#"
        configure delay=5s -> Configured
        arrive age=1d moved=yes a:2 -> from 1 a=1
        count -> 0 visible, 0 in flight, 1 delayed, oldest 0ns
        advance 5s
        receive -> a*#1(sent 5s ago)
    "#]],
    );
}

#[test]
fn what_has_arrived_before_is_dropped() {
    check(
        "arrive first=0 a:1 b:1; arrive first=0 a:1 b:1; arrive first=1 b:1 c:1; arrive first=7 d:1; count; replay; arrive first=2 c:1 d:1; count",
        expect![[r#"
            arrive first=0 a:1 b:1 -> from 1 a=1 b=2
            arrive first=0 a:1 b:1 -> from 3
            arrive first=1 b:1 c:1 -> from 3 c=3
            arrive first=7 d:1 -> from 4 d=4
            count -> 4 visible, 0 in flight, 0 delayed, oldest 0ns
            replay
            arrive first=2 c:1 d:1 -> from 5
            count -> 4 visible, 0 in flight, 0 delayed, oldest 0ns
        "#]],
    );
}

#[test]
fn messages_of_mixed_times_expire_each_at_its_own() {
    check(
        "configure retention=10m; send a; advance 1m; arrive age=5m b:1 c:1; advance 1m; send d; count; advance 3m; count; receive max=9 visibility=0s; advance 5m; count; advance 2m; count",
        expect![[r#"
            configure retention=10m -> Configured
            send a -> from 1 a=1
            advance 1m
            arrive age=5m b:1 c:1 -> from 2 b=2 c=3
            advance 1m
            send d -> from 4 d=4
            count -> 4 visible, 0 in flight, 0 delayed, oldest 360s
            advance 3m
            count -> 4 visible, 0 in flight, 0 delayed, oldest 540s
            receive max=9 visibility=0s -> a#1(sent 300s ago) b#2(sent 540s ago)(first 540s ago) c#2(sent 540s ago)(first 540s ago) d#1(sent 180s ago)
            advance 5m
            count -> 1 visible, 0 in flight, 0 delayed, oldest 480s
            advance 2m
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
        "#]],
    );
}

#[test]
fn only_messages_that_are_visible_are_moved() {
    check(
        "send a b c; receive; send d delay=5s; away a b c d; outgoing; away b; count; purge; outgoing; gone; count",
        expect![[r#"
            send a b c -> from 1 a=1 b=2 c=3
            receive -> a#1
            send d delay=5s -> from 4 d=4
            away a b c d -> b c
            outgoing -> from number 0: b c
            away b -> 
            count -> 0 visible, 1 in flight, 1 delayed, oldest 0ns
            purge -> Purged
            outgoing -> from number 0: b c
            gone -> Concluded
            count -> 0 visible, 0 in flight, 0 delayed, oldest none
        "#]],
    );
}

/// A fair queue hands out quiet tenants first; where all of theirs are dead letters, the noisy ones' turn comes at once.
#[test]
fn a_receive_of_a_fair_queue_does_not_come_back_empty_for_dead_letters() {
    let noisy: Vec<String> = (0..40).map(|number| format!("n{number}@x")).collect();
    let script = format!(
        "configure dead=1; send {}; keep; receive max=35; send y1@y y2@y y3@y; receive max=3 visibility=0s; quiet; receive; outgoing; receive max=2",
        noisy.join(" ")
    );
    check(
        &script,
        expect![[r#"
            receive -> n35#1
            outgoing -> from number 0: y1 y2 y3
            receive max=2 -> n36#1 n37#1
        "#]],
    );
}

#[test]
fn what_is_movable_is_visible_and_was_there_before() {
    check(
        "send a b c d; receive; send e; movable; movable max=2; movable below=4; away c d; movable; gone; movable",
        expect![[r#"
            send a b c d -> from 1 a=1 b=2 c=3 d=4
            receive -> a#1
            send e -> from 5 e=5
            movable -> b c d e
            movable max=2 -> b c
            movable below=4 -> b c
            away c d -> c d
            movable -> b e
            gone -> Concluded
            movable -> b c d e
        "#]],
    );
}

#[test]
fn a_group_leaves_in_its_order_and_not_past_what_is_in_flight() {
    check(
        "fifo; send a@x!1 b@y!2 c@x!3 d@z!4 e@y!5; receive max=1; movable; away b c d e; outgoing; movable; advance 30s; movable; away c; away a c; outgoing",
        expect![[r#"
            fifo -> Configured
            send a@x!1 b@y!2 c@x!3 d@z!4 e@y!5 -> a=1 b=2 c=3 d=4 e=5
            receive max=1 -> a#1
            movable -> b d e
            away b c d e -> b d e
            outgoing -> from number 0: b d e
            movable -> 
            advance 30s
            movable -> a c
            away c -> 
            away a c -> a c
            outgoing -> from number 0: b d e a c
        "#]],
    );
}

#[test]
fn a_fifo_queue_learns_its_groups_before_anything_is_moved() {
    check(
        "fifo; send a@x!1 b@y!2 c@x!3; replay; away b c; away a c; outgoing",
        expect![[r#"
        fifo -> Configured
        send a@x!1 b@y!2 c@x!3 -> a=1 b=2 c=3
        replay
        away b c -> b
        away a c -> a c
        outgoing -> from number 0: b a c
    "#]],
    );
}

#[test]
fn messages_of_all_groups_leave_oldest_first_however_few_at_a_time() {
    check(
        "fifo; send a@x!1 b@y!2 c@x!3 d@z!4 e@y!5 f@x!6; receive max=1 visibility=0s; movable max=1; movable max=3; movable max=4 below=5; receive max=1; movable; movable max=2; away a b; movable max=2; advance 30s; movable max=2; away b d e; gone; movable max=4",
        expect![[r#"
            fifo -> Configured
            send a@x!1 b@y!2 c@x!3 d@z!4 e@y!5 f@x!6 -> a=1 b=2 c=3 d=4 e=5 f=6
            receive max=1 visibility=0s -> a#1
            movable max=1 -> a
            movable max=3 -> a b c
            movable max=4 below=5 -> a b c d
            receive max=1 -> a#2
            movable -> b d e
            movable max=2 -> b d
            away a b -> b
            movable max=2 -> d e
            advance 30s
            movable max=2 -> a c
            away b d e -> d e
            gone -> Concluded
            movable max=4 -> a b c d
        "#]],
    );
}
