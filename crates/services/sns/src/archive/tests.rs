//! Policies of archives, and what a start makes of what a crash left.

use super::*;
use crate::api::CreateTopicInput;
use crate::disk_house::{Boxes, House, NOW};
use crate::ops::for_tests::CreateTopic;
use gateway::{Caller, Operation};
use journal::sim::SimDisk;
use names::{AccountId, Region};
use std::future::Future;
use std::task::{Context, Waker};

fn why(policy: &str) -> String {
    retention_millis(policy).unwrap_err().message.into_owned()
}

#[test]
fn a_policy_says_for_how_many_days_in_awss_bounds() {
    assert_eq!(retention_millis(r#"{"MessageRetentionPeriod":"30"}"#), Ok(Some(30 * DAY_MILLIS)));
    assert_eq!(retention_millis(r#"{"MessageRetentionPeriod":365}"#), Ok(Some(365 * DAY_MILLIS)));
    assert_eq!((retention_millis("{}"), retention_millis("")), (Ok(None), Ok(None)));
    assert_eq!(why("{"), "Invalid parameter: ArchivePolicy: Unable to parse JSON");
    assert_eq!(why("30"), "Invalid parameter: ArchivePolicy: JSON is missing required fields");
    assert_eq!(why(r#"{"Days":1}"#), "Invalid parameter: ArchivePolicy: invalid JSON. Attribute Days is unknown.");
    for wrong in ["0", "366", "-1", "1.5", r#""""#, r#""x""#, "null", "[]"] {
        let policy = format!(r#"{{"MessageRetentionPeriod":{wrong}}}"#);
        assert_eq!(
            why(&policy),
            "Invalid parameter: ArchivePolicy: MessageRetentionPeriod value is invalid",
            "{wrong}"
        );
    }
}

#[test]
fn a_topic_shows_its_policy_and_since_when_it_archives() {
    let house = House::new();
    let policy = r#"{"MessageRetentionPeriod":"7"}"#;
    for name in ["t", "t.fifo"] {
        let topic = house.topic(name, &[(ARCHIVE_POLICY, policy)]);
        assert_eq!(house.of_topic(&topic, ARCHIVE_POLICY).as_deref(), Some(policy));
        let beginning = house.of_topic(&topic, BEGINNING_ARCHIVE_TIME);
        assert_eq!(beginning, Some(crate::message::show_time(NOW)));
        assert_eq!(house.of_topic(&topic, PLACE), None, "that is the server's own");
        // Asked for again it is the same.
        assert_eq!(house.topic(name, &[(ARCHIVE_POLICY, policy)]), topic);
        assert_eq!(house.of_topic(&topic, BEGINNING_ARCHIVE_TIME), beginning);
    }
    assert_eq!(archives(&house), 2, "what was opened for nothing is gone");
    let bare = house.topic("bare", &[]);
    assert!(house.set_topic(&bare, ARCHIVE_POLICY, "[]").is_err() && house.of_topic(&bare, ARCHIVE_POLICY).is_none());
    assert_eq!(archives(&house), 2);
}

#[test]
fn whoever_asks_for_a_topic_and_goes_away_leaves_it_its_archive() {
    let house = House::new();
    let attributes = Some(vec![(ARCHIVE_POLICY.to_owned(), r#"{"MessageRetentionPeriod":"7"}"#.to_owned())]);
    let input = CreateTopicInput { name: "t".into(), attributes, ..Default::default() };
    let caller = Caller::for_test(AccountId::DEFAULT, Region::parse("us-east-1").unwrap(), NOW);
    let mut call = Box::pin(CreateTopic::call(Arc::clone(&house.inner), caller, input));
    let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "nothing is durable yet");
    drop(call);
    house.run();
    assert_eq!(archives(&house), 1);
    house.publish("arn:aws:sns:us-east-1:000000000000:t", "kept");
    assert_eq!(house.store.tally(FAMILY).0[0], 1);
}

/// Archives that are open.
fn archives(house: &House) -> u64 {
    house.store.tally(FAMILY).0[2]
}

#[test]
fn a_start_lets_go_of_archives_without_a_topic_and_follows_what_topics_say() {
    let (disk, boxes) = (SimDisk::new(3), Arc::new(Boxes::default()));
    let house = House::open(disk.clone(), Arc::clone(&boxes), NOW);
    let topic = house.topic("t", &[(ARCHIVE_POLICY, r#"{"MessageRetentionPeriod":"7"}"#)]);
    // As if a crash had come between the archive's record and the topic's.
    house.inner.archives.open(NOW, DAY_MILLIS).unwrap();
    let place = house.inner.catalog.all()[0].look(|view| Place::of(&view.about.attributes)).unwrap();
    house.inner.archives.set_retention(place.partition, DAY_MILLIS);
    house.publish(&topic, "kept");
    assert_eq!(archives(&house), 2);
    house.store.journal().close();
    let house = House::open(disk, boxes, NOW);
    assert_eq!(archives(&house), 1);
    assert_eq!(house.inner.archives.state(place).unwrap().retention_millis, 7 * DAY_MILLIS);
    assert_eq!(house.inner.archives.state(place).unwrap().records, 1);
    // Its number is not given again.
    let next = house.inner.archives.open(NOW, DAY_MILLIS).unwrap();
    assert!(next.partition.ordinal() > place.partition.ordinal() + 1);
}
