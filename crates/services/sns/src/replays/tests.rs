//! What a replay brings, to whom, in which order, and what it does not: on a simulated disk and clock.

use crate::api::{ConfirmSubscriptionInput, DeleteTopicInput, SubscribeInput, UnsubscribeInput};
use crate::disk_house::{House, NOW};
use crate::ops::for_tests::{ConfirmSubscription, DeleteTopic, Subscribe, Unsubscribe};
use serde_json::Value;
use std::future::Future;
use std::sync::atomic::Ordering;

const MONTH: (&str, &str) = ("ArchivePolicy", r#"{"MessageRetentionPeriod":"30"}"#);
const RAW: (&str, &str) = ("RawMessageDelivery", "true");
const POLICY: &str = "ReplayPolicy";
const STATUS: &str = "ReplayStatus";

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|nth| format!("m{nth}")).collect()
}

/// A topic with so many messages in its archive, one each second.
fn archived(house: &House, name: &str, count: usize) -> String {
    let topic = house.topic(name, &[MONTH, ("SignatureVersion", "2")]);
    for message in numbers(0..count) {
        house.publish(&topic, &message);
        house.clock.advance_millis(1000);
    }
    topic
}

#[test]
fn a_new_subscriber_gets_what_was_published_before_it_and_after() {
    for (topic, queue) in [("t", "q"), ("t.fifo", "q.fifo"), ("u.fifo", "q")] {
        let house = House::new();
        let topic = archived(&house, topic, 12);
        let subscription = house.subscribe(&topic, queue, &[RAW, (POLICY, &House::since(NOW))]).unwrap();
        assert_eq!(house.of(&subscription, STATUS).as_deref(), Some("Pending"));
        house.run();
        assert_eq!(house.of(&subscription, STATUS).as_deref(), Some("Completed"));
        house.publish(&topic, "new");
        let expected: Vec<String> = numbers(0..12).into_iter().chain(["new".to_owned()]).collect();
        assert_eq!(house.boxes.bodies(queue), expected, "{topic}");
    }
}

#[test]
fn who_had_all_gets_what_lies_between_two_moments_again() {
    let house = House::new();
    let topic = house.topic("t.fifo", &[MONTH]);
    let subscription = house.subscribe(&topic, "q.fifo", &[]).unwrap();
    for message in numbers(0..20) {
        house.publish(&topic, &message);
        house.clock.advance_millis(1000);
    }
    let before = house.boxes.of("q.fifo");
    house.boxes.clear();
    let at = |secs| crate::message::show_time(NOW.plus_secs(secs));
    let policy = format!(r#"{{"PointType":"Timestamp","StartingPoint":"{}","EndingPoint":"{}"}}"#, at(3), at(15));
    house.set(&subscription, POLICY, &policy).unwrap();
    house.run();
    let replayed = house.boxes.of("q.fifo");
    assert_eq!(replayed.len(), 13);
    for (before, replayed) in before[3..16].iter().zip(&replayed) {
        let [before_body, body] = [before, replayed].map(|letter| serde_json::from_str::<Value>(&letter.body).unwrap());
        for name in ["Type", "Message", "MessageId", "Timestamp", "SequenceNumber", "TopicArn", "UnsubscribeURL"] {
            assert_eq!(before_body[name], body[name], "{name}");
        }
        assert_eq!((&body["Replayed"], &before_body["Replayed"]), (&Value::from("true"), &Value::Null));
        // The queue would drop it as a duplicate otherwise.
        assert_ne!(before.deduplication, replayed.deduplication);
        assert_eq!(before.group, replayed.group);
    }
    assert_eq!(house.of(&subscription, POLICY), Some(policy));
    assert_eq!(house.of(&subscription, STATUS).as_deref(), Some("Completed"));
}

#[test]
fn a_raw_subscription_sees_that_a_message_is_replayed() {
    let house = House::new();
    let topic = archived(&house, "t", 1);
    house.subscribe(&topic, "q", &[RAW, (POLICY, &House::since(NOW))]).unwrap();
    house.run();
    let letters = house.boxes.of("q");
    let (name, value) = &letters[0].attributes[0];
    assert_eq!((name.as_str(), value.text.as_deref()), ("Replayed", Some("true")));
}

#[test]
fn a_replay_goes_in_steps_between_which_messages_are_published() {
    let house = House::new();
    let topic = archived(&house, "t", 30);
    let subscription = house.subscribe(&topic, "q", &[RAW, (POLICY, &House::since(NOW))]).unwrap();
    while house.boxes.bodies("q").is_empty() {
        house.turn();
    }
    assert_eq!(house.of(&subscription, STATUS).as_deref(), Some("In progress"));
    house.clock.advance_millis(1000);
    house.publish(&topic, "live");
    house.run();
    let got = house.boxes.bodies("q");
    assert!(got.iter().position(|body| body == "live").unwrap() < 20, "it did not wait for the replay: {got:?}");
    let replayed: Vec<String> = got.into_iter().filter(|body| body != "live").collect();
    assert_eq!(replayed, numbers(0..30), "and is not replayed");
}

#[test]
fn a_new_subscriber_of_a_fifo_topic_gets_what_is_published_meanwhile_in_its_place() {
    let house = House::new();
    let topic = archived(&house, "t.fifo", 30);
    let older = house.subscribe(&topic, "older.fifo", &[RAW]).unwrap();
    let policy = House::since(NOW);
    let subscription = house.subscribe(&topic, "q.fifo", &[RAW, (POLICY, &policy)]).unwrap();
    // Who is subscribed already gets both.
    house.set(&older, POLICY, &policy).unwrap();
    while house.boxes.bodies("q.fifo").is_empty() {
        house.turn();
    }
    house.set(&subscription, POLICY, &policy).unwrap();
    house.clock.advance_millis(1000);
    house.publish(&topic, "meanwhile");
    assert_eq!(house.boxes.bodies("older.fifo").last().map(String::as_str), Some("meanwhile"));
    house.run();
    house.publish(&topic, "afterwards");
    let got = house.boxes.bodies("q.fifo");
    let expected: Vec<String> =
        numbers(0..30).into_iter().chain(["meanwhile".to_owned(), "afterwards".to_owned()]).collect();
    assert_eq!(got[got.len() - 32..], expected);
    assert_eq!(house.boxes.of("q.fifo").iter().filter(|letter| letter.body == "meanwhile").count(), 1);
    assert_eq!(house.boxes.of("older.fifo").iter().filter(|letter| letter.body == "meanwhile").count(), 1);
    assert_eq!(house.of(&subscription, STATUS).as_deref(), Some("Completed"));
}

#[test]
fn a_new_subscriber_of_a_fifo_topic_whose_replay_ends_now_gets_what_is_published_now_once() {
    let house = House::new();
    let topic = archived(&house, "t.fifo", 3);
    let now = crate::message::show_time(NOW.plus_secs(3));
    let start = crate::message::show_time(NOW);
    let policy = format!(r#"{{"PointType":"Timestamp","StartingPoint":"{start}","EndingPoint":"{now}"}}"#);
    house.subscribe(&topic, "q.fifo", &[RAW, (POLICY, &policy)]).unwrap();
    // In the same millisecond, so that only its place in the archive tells that it came later.
    house.publish(&topic, "m3");
    house.run();
    let mut got = house.boxes.bodies("q.fifo");
    got.sort();
    assert_eq!(got, numbers(0..4));
}

#[test]
fn a_new_subscriber_of_a_fifo_topic_that_never_rests_catches_up() {
    let house = House::slow();
    let topic = archived(&house, "t.fifo", 30);
    let subscription = house.subscribe(&topic, "q.fifo", &[RAW, (POLICY, &House::since(NOW))]).unwrap();
    let mut count = 30;
    while house.of(&subscription, STATUS).as_deref() != Some("Completed") {
        assert!(count < 500, "it never catches up");
        // Two at a time, as the last step's letters are still on their way.
        house.turn();
        house.publish(&topic, &format!("m{count}"));
        count += 1;
    }
    house.publish(&topic, &format!("m{count}"));
    house.run();
    assert_eq!(house.boxes.bodies("q.fifo"), numbers(0..count + 1));
}

#[test]
fn a_replay_that_is_stopped_brings_nothing_more_though_its_step_had_begun() {
    let house = House::new();
    let topic = archived(&house, "t", 10);
    let subscription = house.subscribe(&topic, "q", &[(POLICY, &House::since(NOW))]).unwrap();
    while house.boxes.of("q").len() < 3 {
        house.turn();
    }
    assert_eq!(house.of(&subscription, STATUS).as_deref(), Some("Pending"), "it is in its first step");
    house.set(&subscription, POLICY, "{}").unwrap();
    let brought = house.boxes.of("q").len();
    house.run();
    assert_eq!(house.boxes.of("q").len(), brought);
}

#[test]
fn a_step_that_fails_in_the_middle_goes_on_there() {
    let house = House::new();
    let topic = archived(&house, "t", 10);
    let subscription = house.subscribe(&topic, "q", &[(POLICY, &House::since(NOW))]).unwrap();
    while house.boxes.of("q").len() < 3 {
        house.turn();
    }
    house.boxes.is_full.store(true, Ordering::Relaxed);
    house.run();
    assert_eq!(house.of(&subscription, STATUS).as_deref(), Some("In progress"));
    house.boxes.is_full.store(false, Ordering::Relaxed);
    house.pass(60);
    assert_eq!(house.of(&subscription, STATUS).as_deref(), Some("Completed"));
    let message = |body: String| serde_json::from_str::<Value>(&body).unwrap()["Message"].as_str().unwrap().to_owned();
    let got: Vec<String> = house.boxes.bodies("q").into_iter().map(message).collect();
    assert_eq!(got, numbers(0..10), "none came twice");
}

#[test]
fn what_says_that_a_message_is_replayed_does_not_count_towards_its_size() {
    let house = House::new();
    let topic = archived(&house, "t", 1);
    house.subscribe(&topic, "q", &[RAW, (POLICY, &House::since(NOW))]).unwrap();
    house.run();
    let letter = house.boxes.of("q").remove(0);
    assert_eq!(letter.uncounted_bytes, "Replayed".len() + "String".len() + "true".len());
}

#[test]
fn a_filter_holds_for_what_is_replayed() {
    let house = House::new();
    let topic = archived(&house, "t", 12);
    let filter = ("FilterPolicy", r#"{"n":["x"]}"#);
    let scope = ("FilterPolicyScope", "MessageBody");
    house.publish(&topic, r#"{"n":"x"}"#);
    house.publish(&topic, r#"{"n":"y"}"#);
    house.subscribe(&topic, "q", &[RAW, filter, scope, (POLICY, &House::since(NOW))]).unwrap();
    house.run();
    assert_eq!(house.boxes.bodies("q"), [r#"{"n":"x"}"#]);
}

#[test]
fn what_a_queue_refuses_goes_to_the_dead_letters_and_the_rest_waits_for_better_times() {
    let house = House::new();
    let topic = archived(&house, "t", 7);
    house.boxes.closed.lock().unwrap().insert("q".into());
    let dead = ("RedrivePolicy", r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"}"#);
    let subscription = house.subscribe(&topic, "q", &[RAW, dead, (POLICY, &House::since(NOW))]).unwrap();
    house.boxes.is_full.store(true, Ordering::Relaxed);
    house.run();
    assert_eq!(house.of(&subscription, STATUS).as_deref(), Some("Pending"));
    house.boxes.is_full.store(false, Ordering::Relaxed);
    house.pass(2);
    assert_eq!(house.boxes.bodies("dead"), numbers(0..7));
    assert!(house.boxes.of("dead")[0].attributes.iter().any(|(name, _)| name == "ErrorCode"));
    assert_eq!(house.of(&subscription, STATUS).as_deref(), Some("Completed"));
}

fn over_http(house: &House, topic: &str, policy: &str) -> String {
    let input = SubscribeInput {
        topic_arn: topic.into(),
        protocol: "http".into(),
        endpoint: Some("http://r/".into()),
        attributes: Some(vec![(POLICY.into(), policy.into())]),
        return_subscription_arn: Some(true),
    };
    house.ask::<Subscribe>(input).unwrap().subscription_arn.unwrap()
}

fn confirm(house: &House, topic: &str) {
    house.run();
    let asked: Value = serde_json::from_str(&house.wire.got.lock().unwrap().remove(0)).unwrap();
    let input = ConfirmSubscriptionInput {
        topic_arn: topic.into(),
        token: asked["Token"].as_str().unwrap().to_owned(),
        ..Default::default()
    };
    house.ask::<ConfirmSubscription>(input).unwrap();
}

#[test]
fn a_receiver_gets_nothing_before_it_has_confirmed_and_then_all() {
    let house = House::new();
    let topic = archived(&house, "t", 12);
    let subscription = over_http(&house, &topic, &House::since(NOW));
    house.pass(5);
    assert_eq!(house.wire.got.lock().unwrap().len(), 1, "it was asked, and no more");
    house.publish(&topic, "m12");
    house.pass(5);
    confirm(&house, &topic);
    house.pass(1);
    house.publish(&topic, "m13");
    house.run();
    let got = house.wire.got.lock().unwrap();
    let messages: std::collections::BTreeSet<String> = got
        .iter()
        .map(|body| serde_json::from_str::<Value>(body).unwrap()["Message"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((messages, got.len()), (numbers(0..14).into_iter().collect(), 14));
    assert_eq!(house.of(&subscription, STATUS).as_deref(), Some("Completed"));
}

#[test]
fn a_receiver_that_confirms_and_goes_away_gets_its_replay() {
    let house = House::new();
    let topic = archived(&house, "t", 12);
    let subscription = over_http(&house, &topic, &House::since(NOW));
    house.run();
    let asked: Value = serde_json::from_str(&house.wire.got.lock().unwrap().remove(0)).unwrap();
    let token = asked["Token"].as_str().unwrap().to_owned();
    let input = ConfirmSubscriptionInput { topic_arn: topic, token, ..Default::default() };
    // Polled once, before the log is on disk, and dropped.
    let mut call = std::pin::pin!(Some(house.call::<ConfirmSubscription>(input)));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(call.as_mut().as_pin_mut().unwrap().poll(&mut context).is_pending());
    call.set(None);
    house.run();
    assert_eq!(house.of(&subscription, STATUS).as_deref(), Some("Completed"));
}

#[test]
fn a_receiver_that_is_down_has_no_whole_archive_put_before_it() {
    let house = House::new();
    let topic = archived(&house, "t", 60);
    let subscription = over_http(&house, &topic, &House::since(NOW));
    confirm(&house, &topic);
    house.wire.is_down.store(true, Ordering::Relaxed);
    house.pass(3);
    let id = crate::topic_key::SubscriptionId::parse("", &subscription).unwrap().1;
    let waiting = house.inner.outboxes.waiting(id).unwrap();
    assert!((20..=25).contains(&waiting), "{waiting}");
    assert_eq!(house.of(&subscription, STATUS).as_deref(), Some("In progress"));
}

#[test]
fn a_replay_is_replaced_and_stopped_by_another_policy() {
    let house = House::new();
    let topic = archived(&house, "t", 30);
    let subscription = house.subscribe(&topic, "q", &[RAW, (POLICY, &House::since(NOW))]).unwrap();
    while house.boxes.bodies("q").is_empty() {
        house.turn();
    }
    let later = House::since(NOW.plus_secs(25));
    house.set(&subscription, POLICY, &later).unwrap();
    house.run();
    let got = house.boxes.bodies("q");
    assert_eq!(got[got.len() - 5..], numbers(25..30));
    assert!(got.len() < 25, "the first one ended: {got:?}");
    house.set(&subscription, POLICY, &House::since(NOW)).unwrap();
    house.set(&subscription, POLICY, "{}").unwrap();
    house.boxes.clear();
    house.run();
    assert!(house.boxes.bodies("q").is_empty());
    assert_eq!((house.of(&subscription, POLICY), house.of(&subscription, STATUS)), (None, None));
}

#[test]
fn a_policy_is_refused_in_words_and_changes_nothing() {
    let house = House::new();
    let bare = house.topic("bare", &[]);
    let policy = House::since(NOW);
    let of_bare = house.subscribe(&bare, "q", &[]).unwrap();
    let why = |refused: Result<(), crate::refusal::Refusal>| refused.unwrap_err().message.into_owned();
    let no_archive = "Invalid parameter: ReplayPolicy: Topic does not have an ArchivePolicy";
    assert_eq!(why(house.set(&of_bare, POLICY, &policy)), no_archive);
    let subscribed = house.subscribe(&bare, "other", &[(POLICY, &policy)]).unwrap_err().message.into_owned();
    assert_eq!(subscribed, "Invalid parameter: Attributes Reason: ReplayPolicy: Topic does not have an ArchivePolicy");
    let topic = archived(&house, "t", 1);
    let subscription = house.subscribe(&topic, "q", &[]).unwrap();
    for (at, word) in [(NOW.minus_millis(1), "StartingPoint"), (NOW.plus_secs(9), "StartingPoint")] {
        let expected = format!("Invalid parameter: ReplayPolicy: Invalid {word} value");
        assert_eq!(why(house.set(&subscription, POLICY, &House::since(at))), expected);
    }
    assert_eq!(why(house.set(&subscription, POLICY, "{")), "Invalid parameter: ReplayPolicy: Unable to parse JSON");
    assert_eq!(house.of(&subscription, POLICY), None);
}

#[test]
fn an_account_has_so_many_replays_at_one_time() {
    let house = House::new();
    let topic = archived(&house, "t", 1);
    let policy = House::since(NOW);
    for nth in 0..super::limits::OF_ACCOUNT_MAX {
        house.subscribe(&topic, &format!("q{nth}"), &[(POLICY, &policy)]).unwrap();
    }
    let refused = house.subscribe(&topic, "more", &[(POLICY, &policy)]).unwrap_err();
    assert_eq!(refused.error.query_code, "ReplayLimitExceeded");
    house.run();
    house.subscribe(&topic, "more", &[(POLICY, &policy)]).unwrap();
}

#[test]
fn a_replay_that_waits_for_a_confirmation_counts_until_it_is_over() {
    let house = House::new();
    let topic = archived(&house, "t", 1);
    let policy = House::since(NOW);
    let count = super::limits::OF_ACCOUNT_MAX;
    let waiting = over_http(&house, &topic, &policy);
    for nth in 1..count {
        house.subscribe(&topic, &format!("q{nth}"), &[(POLICY, &policy)]).unwrap();
    }
    house.boxes.is_full.store(true, Ordering::Relaxed);
    house.run();
    let may_begin = || house.inner.replays.board().may_begin(None, names::AccountId::DEFAULT);
    assert!(!may_begin());
    house.set(&waiting, POLICY, "{}").unwrap();
    house.run();
    assert!(may_begin(), "it was stopped");
    house.set(&waiting, POLICY, &policy).unwrap();
    house.run();
    assert!(!may_begin());
    house.set_topic(&topic, "ArchivePolicy", "{}").unwrap();
    house.run();
    assert!(may_begin(), "it failed");
}

#[test]
fn an_archive_that_goes_or_keeps_less_gives_room_back_on_a_full_disk() {
    let of_days = |days: u32| format!(r#"{{"MessageRetentionPeriod":"{days}"}}"#);
    for (policy, shown) in [(of_days(7), Some(of_days(7))), ("{}".to_owned(), None)] {
        let house = House::new();
        let topic = archived(&house, "t", 3);
        house.subscribe(&topic, "q", &[RAW, (POLICY, &House::since(NOW))]).unwrap();
        house.fill_disk(&topic);
        assert!(house.set_topic(&topic, "DisplayName", "more").is_err(), "the disk is full");
        assert!(house.set_topic(&topic, "ArchivePolicy", &of_days(31)).is_err());
        house.set_topic(&topic, "ArchivePolicy", &policy).unwrap();
        assert_eq!(house.of_topic(&topic, "ArchivePolicy"), shown);
    }
}

#[test]
fn an_archive_goes_with_its_policy_and_replays_fail_that_need_it() {
    let house = House::new();
    let topic = archived(&house, "t", 30);
    let subscription = house.subscribe(&topic, "q", &[RAW, (POLICY, &House::since(NOW))]).unwrap();
    let refused = house.ask::<DeleteTopic>(DeleteTopicInput { topic_arn: topic.clone() }).unwrap_err();
    assert_eq!(refused.error.query_code, "InvalidState");
    assert_eq!(refused.message, "Invalid state: Cannot delete a topic with an ArchivePolicy");
    house.set_topic(&topic, "ArchivePolicy", "{}").unwrap();
    house.run();
    assert_eq!(house.of(&subscription, STATUS).as_deref(), Some("Failed"));
    assert_eq!(house.of_topic(&topic, "ArchivePolicy"), None);
    assert_eq!(house.of_topic(&topic, "BeginningArchiveTime"), None);
    assert_eq!(house.store.tally(crate::archive::FAMILY).0[0], 0, "nothing is kept");
    house.publish(&topic, "after");
    assert_eq!(house.boxes.bodies("q").last().map(String::as_str), Some("after"));
    house.ask::<DeleteTopic>(DeleteTopicInput { topic_arn: topic }).unwrap();
}

#[test]
fn a_replay_ends_with_its_subscription() {
    let house = House::new();
    let topic = archived(&house, "t", 30);
    let subscription = house.subscribe(&topic, "q", &[RAW, (POLICY, &House::since(NOW))]).unwrap();
    house.ask::<Unsubscribe>(UnsubscribeInput { subscription_arn: subscription }).unwrap();
    house.run();
    assert!(house.boxes.bodies("q").is_empty());
    assert!(house.inner.replays.board().may_begin(None, names::AccountId::DEFAULT));
}

#[test]
fn what_is_older_than_the_retention_is_not_replayed() {
    let house = House::new();
    let topic = house.topic("t", &[("ArchivePolicy", r#"{"MessageRetentionPeriod":1}"#)]);
    house.publish(&topic, "old");
    house.clock.advance_millis(86_400_000 - 1000);
    house.publish(&topic, "young");
    house.clock.advance_millis(2000);
    let beginning = house.of_topic(&topic, "BeginningArchiveTime").unwrap();
    assert_eq!(beginning, crate::message::show_time(NOW.plus_secs(1)));
    house.subscribe(&topic, "q", &[RAW, (POLICY, &House::since(NOW.plus_secs(1)))]).unwrap();
    house.run();
    assert_eq!(house.boxes.bodies("q"), ["young"]);
    // What has expired does not come back.
    house.set_topic(&topic, "ArchivePolicy", r#"{"MessageRetentionPeriod":"365"}"#).unwrap();
    let refused = house.subscribe(&topic, "r", &[RAW, (POLICY, &House::since(NOW))]);
    assert!(refused.is_err() && house.of_topic(&topic, "BeginningArchiveTime") == Some(beginning));
}
