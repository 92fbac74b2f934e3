//! Fair queues: message groups on a standard queue, told as sentences.
//!
//! Each test is a script and its transcript; `script/mod.rs` explains the language. What is said of noisy and quiet tenants is
//! AWS's rule ("How fair queues work").

mod script;

use expect_test::expect;
use script::check;

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
