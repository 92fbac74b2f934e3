//! Queues that go by themselves, and virtual queues, over a simulated disk and a clock turned by hand (ADR 0017).

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

mod house;

use house::{Asked, House, poll};
use serde_json::{Value, json};
use std::sync::Arc;
use std::task::Poll;

const SECOND: u64 = 1_000;
const LIFETIME_SECS: u64 = 80;
/// A lifetime and the part of it by which a queue may stay longer.
const GONE_AFTER: u64 = 90 * SECOND;

fn temporary() -> House {
    let house = House::new();
    let attributes = json!({"TidewireIdleLifetimeSeconds": LIFETIME_SECS.to_string()});
    house.ask("CreateQueue", &json!({"QueueName": "reply", "Attributes": attributes})).unwrap();
    house
}

/// Lets time pass and removes what is idle then; says whether the queue is still there.
fn is_there_after(house: &House, millis: u64) -> bool {
    house.clock.advance_millis(millis);
    assert!(!house.sqs.remove_idle());
    house.ask("GetQueueUrl", &json!({"QueueName": "reply"})).is_ok()
}

fn receive(house: &House, url: &str) -> Vec<String> {
    let answer = house.ask("ReceiveMessage", &json!({"QueueUrl": url, "MaxNumberOfMessages": 10})).unwrap();
    let messages = answer["Messages"].as_array().into_iter().flatten();
    messages.map(|message| message["Body"].as_str().unwrap().to_string()).collect()
}

fn send(house: &House, url: &str, body: &str) {
    house.ask("SendMessage", &json!({"QueueUrl": url, "MessageBody": body})).unwrap();
}

fn crash(house: &House) -> House {
    House::open(Arc::new(house.disk.crash()), Arc::clone(&house.clock))
}

#[test]
fn a_queue_goes_when_nobody_has_used_it_for_its_lifetime_and_not_before() {
    let house = temporary();
    assert!(is_there_after(&house, GONE_AFTER - 1));
    assert!(!is_there_after(&house, 1));
    assert_eq!(
        house.ask("SendMessage", &json!({"QueueUrl": "reply", "MessageBody": "x"})).unwrap_err().0,
        "QueueDoesNotExist"
    );
    let attributes = json!({"TidewireIdleLifetimeSeconds": "80"});
    house.ask("CreateQueue", &json!({"QueueName": "reply", "Attributes": attributes})).unwrap();
    assert!(is_there_after(&house, GONE_AFTER - 1), "the name is free, and the new queue has a life of its own");
}

#[test]
fn a_lifetime_holds_though_whoever_set_it_did_not_wait_for_the_answer() {
    let house = House::new();
    house.ask("CreateQueue", &json!({"QueueName": "reply"})).unwrap();
    let attributes = json!({"TidewireIdleLifetimeSeconds": LIFETIME_SECS.to_string()});
    let mut asked = house.begin("SetQueueAttributes", &json!({"QueueUrl": "reply", "Attributes": attributes}));
    assert!(poll(&mut asked).is_pending());
    drop(asked);
    house.store.journal().commit().unwrap();
    assert!(is_there_after(&house, GONE_AFTER - 1));
    assert!(!is_there_after(&house, 1));
}

#[test]
fn every_use_keeps_a_queue_and_looking_at_it_does_not() {
    for (operation, input, is_use) in [
        ("SendMessage", json!({"QueueUrl": "reply", "MessageBody": "x"}), true),
        ("ReceiveMessage", json!({"QueueUrl": "reply"}), true),
        ("ReceiveMessage", json!({"QueueUrl": "reply#one"}), true),
        ("PurgeQueue", json!({"QueueUrl": "reply"}), true),
        ("SetQueueAttributes", json!({"QueueUrl": "reply", "Attributes": {"VisibilityTimeout": "7"}}), true),
        ("TagQueue", json!({"QueueUrl": "reply", "Tags": {"a": "b"}}), true),
        ("GetQueueAttributes", json!({"QueueUrl": "reply", "AttributeNames": ["All"]}), false),
        ("GetQueueUrl", json!({"QueueName": "reply"}), false),
        ("ReceiveMessage", json!({"QueueUrl": "reply", "AttributeNames": ["TidewirePeek"]}), false),
        ("CreateQueue", json!({"QueueName": "reply"}), false),
    ] {
        let house = temporary();
        house.clock.advance_millis(LIFETIME_SECS * SECOND);
        house.ask(operation, &input).unwrap();
        assert_eq!(is_there_after(&house, LIFETIME_SECS * SECOND), is_use, "{operation} {input}");
        assert!(!is_there_after(&house, GONE_AFTER));
    }
}

#[test]
fn use_survives_a_crash_even_where_nothing_was_there_to_receive() {
    let house = temporary();
    house.clock.advance_millis(LIFETIME_SECS * SECOND);
    assert_eq!(receive(&house, "reply"), [""; 0]);
    let house = crash(&house);
    assert!(is_there_after(&house, LIFETIME_SECS * SECOND));
    let house = crash(&house);
    assert!(!is_there_after(&house, 10 * SECOND + 1), "and a start does not give it a new life");
    let house = crash(&house);
    assert!(!is_there_after(&house, 0), "the deletion was an ordinary one");
}

#[test]
fn use_within_a_part_of_the_lifetime_writes_nothing() {
    let house = temporary();
    house.clock.advance_millis(9 * SECOND);
    let before = house.store.journal().last();
    assert_eq!(receive(&house, "reply"), [""; 0]);
    assert_eq!(house.store.journal().last(), before);
    house.clock.advance_millis(SECOND);
    assert_eq!(receive(&house, "reply"), [""; 0]);
    assert_eq!(house.store.journal().last().get(), before.get() + 1);
}

#[test]
fn last_use_comes_back_from_a_checkpoint() {
    let house = temporary();
    house.clock.advance_millis(50 * SECOND);
    send(&house, "reply", "x");
    house.store.checkpoint().unwrap();
    let house = crash(&house);
    assert!(is_there_after(&house, GONE_AFTER - 1));
    assert!(!is_there_after(&house, 1), "a message that waits is no use");
}

#[test]
fn whoever_waits_uses_the_queue_as_long_as_that_lasts() {
    let house = House::new();
    let attributes = json!({"TidewireIdleLifetimeSeconds": "8"});
    house.ask("CreateQueue", &json!({"QueueName": "reply", "Attributes": attributes})).unwrap();
    let mut waiting = house.begin("ReceiveMessage", &json!({"QueueUrl": "reply#one", "WaitTimeSeconds": 20}));
    assert!(poll(&mut waiting).is_pending());
    assert!(is_there_after(&house, 15 * SECOND));
    drop(waiting);
    assert!(!is_there_after(&house, 9 * SECOND));
}

#[test]
fn a_lifetime_can_be_set_later_and_be_taken_away() {
    let house = House::new();
    house.ask("CreateQueue", &json!({"QueueName": "reply"})).unwrap();
    let set = |secs: &str| {
        let attributes = json!({"TidewireIdleLifetimeSeconds": secs});
        house.ask("SetQueueAttributes", &json!({"QueueUrl": "reply", "Attributes": attributes})).unwrap();
    };
    assert!(is_there_after(&house, 1_000_000 * SECOND));
    set("80");
    set("0");
    assert!(is_there_after(&house, 1_000_000 * SECOND));
    set("80");
    assert!(!is_there_after(&house, GONE_AFTER));
}

fn host() -> House {
    let house = House::new();
    house.ask("CreateQueue", &json!({"QueueName": "host"})).unwrap();
    house
}

fn handle_of(house: &House, url: &str) -> String {
    let answer = house.ask("ReceiveMessage", &json!({"QueueUrl": url, "VisibilityTimeout": 60})).unwrap();
    answer["Messages"][0]["ReceiptHandle"].as_str().unwrap().to_string()
}

#[test]
fn a_message_of_a_virtual_queue_is_received_there_only() {
    let house = host();
    send(&house, "host", "for the host");
    send(&house, "host#a", "for a");
    send(&house, "http://h/000000000000/host%23b", "for b");
    assert_eq!(receive(&house, "host"), ["for the host"]);
    assert_eq!(receive(&house, "host#b"), ["for b"]);
    assert_eq!(receive(&house, "host#c"), [""; 0]);
    assert_eq!(receive(&house, "host#a"), ["for a"]);
    assert_eq!(receive(&house, "host#a"), [""; 0], "it is in flight");
}

#[test]
fn a_virtual_queue_is_kept_over_a_crash_and_a_checkpoint() {
    let house = host();
    send(&house, "host#a", "one");
    house.store.checkpoint().unwrap();
    send(&house, "host#b", "two");
    let house = crash(&house);
    assert_eq!(receive(&house, "host"), [""; 0]);
    assert_eq!((receive(&house, "host#a"), receive(&house, "host#b")), (vec!["one".into()], vec!["two".into()]));
}

#[test]
fn a_handle_of_a_virtual_queue_deletes_by_either_url() {
    let house = host();
    for url in ["host#a", "host"] {
        send(&house, "host#a", "x");
        let handle = handle_of(&house, "host#a");
        let visible = json!({"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": 0});
        house.ask("ChangeMessageVisibility", &visible).unwrap();
        let handle = handle_of(&house, "host#a");
        house.ask("DeleteMessage", &json!({"QueueUrl": url, "ReceiptHandle": handle})).unwrap();
        house.clock.advance_millis(61 * SECOND);
        assert_eq!(receive(&house, "host#a"), [""; 0]);
    }
}

#[test]
fn purging_or_deleting_a_virtual_queue_leaves_its_host_alone() {
    for operation in ["PurgeQueue", "DeleteQueue"] {
        let house = host();
        for url in ["host", "host#a", "host#a", "host#b"] {
            send(&house, url, url);
        }
        house.ask(operation, &json!({"QueueUrl": "host#a"})).unwrap();
        assert_eq!(receive(&house, "host#a"), [""; 0]);
        assert_eq!((receive(&house, "host#b"), receive(&house, "host")), (vec!["host#b".into()], vec!["host".into()]));
    }
}

#[test]
fn what_is_not_about_messages_is_refused_and_not_done_to_the_host() {
    let house = host();
    for (operation, more) in [
        ("SetQueueAttributes", json!({"Attributes": {"VisibilityTimeout": "7"}})),
        ("TagQueue", json!({"Tags": {"a": "b"}})),
        ("ListQueueTags", json!({})),
    ] {
        let mut input = more;
        input["QueueUrl"] = "host#a".into();
        assert_eq!(house.ask(operation, &input).unwrap_err().0, "UnsupportedOperation", "{operation}");
    }
}

#[test]
fn a_fifo_queue_hosts_none() {
    let house = House::new();
    let attributes = json!({"FifoQueue": "true", "ContentBasedDeduplication": "true"});
    house.ask("CreateQueue", &json!({"QueueName": "host.fifo", "Attributes": attributes})).unwrap();
    for (operation, more) in [
        ("SendMessage", json!({"MessageBody": "x", "MessageGroupId": "g"})),
        ("ReceiveMessage", json!({})),
        ("PurgeQueue", json!({})),
        ("DeleteQueue", json!({})),
        ("GetQueueAttributes", json!({"AttributeNames": ["All"]})),
    ] {
        let mut input = more;
        input["QueueUrl"] = "host.fifo#a".into();
        let refused = house.ask(operation, &input).unwrap_err();
        let expected = ("UnsupportedOperation".to_owned(), "A FIFO queue has no virtual queues.".to_owned());
        assert_eq!(refused, expected, "{operation}");
    }
    assert_eq!(receive(&house, "host.fifo"), [""; 0], "nothing reached the host");
}

#[test]
fn dead_letter_policies_do_not_reach_into_virtual_queues() {
    let house = House::new();
    house.ask("CreateQueue", &json!({"QueueName": "dead"})).unwrap();
    let policy = json!({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead", "maxReceiveCount": 1});
    let attributes = json!({"RedrivePolicy": policy.to_string(), "VisibilityTimeout": "0"});
    house.ask("CreateQueue", &json!({"QueueName": "host", "Attributes": attributes})).unwrap();
    send(&house, "host", "for the host");
    send(&house, "host#a", "for a");
    for _ in 0..5 {
        assert_eq!(receive(&house, "host#a"), ["for a"], "it may be received as often as it takes");
    }
    assert_eq!(receive(&house, "host"), ["for the host"]);
    assert_eq!(receive(&house, "host"), [""; 0]);
    while house.store.deliver().parcels > 0 {}
    house.store.journal().commit().unwrap();
    assert_eq!(
        (receive(&house, "dead"), receive(&house, "host#a")),
        (vec!["for the host".into()], vec!["for a".into()])
    );
}

#[test]
fn counts_are_of_the_virtual_queue_where_its_url_asks() {
    let house = host();
    for url in ["host", "host#a", "host#a"] {
        send(&house, url, "x");
    }
    handle_of(&house, "host#a");
    let counts = |url: &str| {
        let answer = house.ask("GetQueueAttributes", &json!({"QueueUrl": url, "AttributeNames": ["All"]})).unwrap();
        ["", "NotVisible"].map(|kind| answer["Attributes"][format!("ApproximateNumberOfMessages{kind}")].clone())
    };
    assert_eq!((counts("host#a"), counts("host")), (["1".into(), "1".into()], ["2".into(), "1".into()]));
}

fn is_answered(asked: &mut Asked) -> Option<Value> {
    match poll(asked) {
        Poll::Ready(answer) => Some(answer.unwrap()),
        Poll::Pending => None,
    }
}

#[test]
fn a_message_wakes_the_readers_of_its_own_virtual_queue() {
    let house = host();
    let wait = |url: &str| house.begin("ReceiveMessage", &json!({"QueueUrl": url, "WaitTimeSeconds": 20}));
    let mut readers = ["host", "host#a", "host#b"].map(wait);
    assert!(readers.iter_mut().all(|reader| is_answered(reader).is_none()));
    send(&house, "host#b", "x");
    let answers = readers.each_mut().map(is_answered);
    assert!(answers[0].is_none() && answers[1].is_none());
    assert_eq!(answers[2].as_ref().unwrap()["Messages"][0]["Body"], "x");
    house.ask("DeleteQueue", &json!({"QueueUrl": "host"})).unwrap();
    for reader in &mut readers[..2] {
        assert!(matches!(poll(reader), Poll::Ready(Err((name, _))) if name == "QueueDoesNotExist"));
    }
}

#[test]
fn an_ended_lease_wakes_who_waits_for_the_virtual_queue() {
    let house = host();
    send(&house, "host#a", "x");
    handle_of(&house, "host#a");
    house.clock.advance_millis(45 * SECOND);
    let mut reader = house.begin("ReceiveMessage", &json!({"QueueUrl": "host#a", "WaitTimeSeconds": 20}));
    assert!(is_answered(&mut reader).is_none());
    house.clock.advance_millis(15 * SECOND);
    house.store.fire_timers();
    assert!(is_answered(&mut reader).is_some());
}
