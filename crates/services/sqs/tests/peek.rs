//! Peek over a simulated disk: it touches nothing, writes nothing, and its work is bounded (docs/EXTENSIONS.md).

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

mod house;

use house::{House, poll};
use serde_json::{Value, json};
use std::task::Poll;

const QUEUE: &str = "looked-at";

fn house() -> House {
    let house = House::new();
    house.ask("CreateQueue", &json!({"QueueName": QUEUE})).unwrap();
    house
}

fn send(house: &House, body: &str, delay: u64) {
    house.ask("SendMessage", &json!({"QueueUrl": QUEUE, "MessageBody": body, "DelaySeconds": delay})).unwrap();
}

/// The answer that is there without anything having been written.
fn peek(house: &House, max: u64, options: &str) -> Vec<Value> {
    let names = ["All".to_string(), format!("TidewirePeek:{options}")];
    let input = json!({"QueueUrl": QUEUE, "MaxNumberOfMessages": max, "MessageSystemAttributeNames": names});
    let before = house.store.journal().last();
    let Poll::Ready(answer) = poll(&mut house.begin("ReceiveMessage", &input)) else { panic!("a peek waits") };
    assert_eq!(house.store.journal().last(), before, "a peek writes nothing");
    answer.unwrap()["Messages"].as_array().cloned().unwrap_or_default()
}

fn texts<'a>(messages: &'a [Value], name: &str) -> Vec<&'a str> {
    messages.iter().map(|message| message["Attributes"][name].as_str().unwrap_or("-")).collect()
}

fn bodies(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["Body"].as_str().unwrap()).collect()
}

#[test]
fn a_peek_shows_every_state_and_changes_none() {
    let house = house();
    send(&house, "flying", 0);
    house.ask("ReceiveMessage", &json!({"QueueUrl": QUEUE, "VisibilityTimeout": 60})).unwrap();
    send(&house, "late", 90);
    send(&house, "here", 0);
    for _ in 0..2 {
        let seen = peek(&house, 10, "");
        assert_eq!(bodies(&seen), ["flying", "late", "here"]);
        assert_eq!(texts(&seen, "TidewirePeekState"), ["in-flight", "delayed", "visible"]);
        assert_eq!(texts(&seen, "ApproximateReceiveCount"), ["1", "0", "0"]);
        let first_received = texts(&seen, "ApproximateFirstReceiveTimestamp");
        assert_eq!(first_received, [House::START.as_millis().to_string().as_str(), "-", "-"]);
        let ends = [60_000, 90_000].map(|millis| (House::START.as_millis() + millis).to_string());
        assert_eq!(texts(&seen, "TidewireVisibleAt"), [&ends[0], &ends[1], "-"]);
        assert!(seen.iter().all(|message| message.get("ReceiptHandle").is_none()));
    }
    house.clock.advance_millis(90_000);
    assert_eq!(texts(&peek(&house, 10, ""), "TidewirePeekState"), ["visible"; 3]);
    assert_eq!(bodies(&peek(&house, 10, "state=delayed,in-flight")), [""; 0]);
}

#[test]
fn a_search_that_finds_nothing_ends_at_its_bound_and_says_where_to_go_on() {
    let house = house();
    for n in 0..1_203 {
        send(&house, &format!("number {n}"), 0);
    }
    let first = peek(&house, 10, "body=number+1202");
    assert_eq!((bodies(&first), texts(&first, "TidewirePeekState")), (vec![""], vec!["more"]));
    assert!(first[0].get("MessageId").is_none());
    assert_eq!(first[0]["MD5OfBody"], "d41d8cd98f00b204e9800998ecf8427e");
    let next = texts(&first, "TidewirePeekNext")[0];
    assert_eq!(next, "1001");
    let second = peek(&house, 10, &format!("body=number+1202&from={next}"));
    assert_eq!(bodies(&second), ["number 1202"]);
    let last = texts(&second, "TidewirePeekNext")[0];
    assert_eq!(peek(&house, 10, &format!("from={last}")), [] as [Value; 0]);
}

#[test]
fn large_messages_end_a_peek_by_their_bytes() {
    let house = house();
    for _ in 0..100 {
        send(&house, &"x".repeat(60_000), 0);
    }
    let seen = peek(&house, 100, "");
    assert_eq!(texts(&seen, "TidewirePeekState").last(), Some(&"more"));
    assert!((60..80).contains(&seen.len()), "{} messages in an answer of four mebibytes", seen.len());
    let rest = peek(&house, 100, &format!("from={}", texts(&seen, "TidewirePeekNext").last().unwrap()));
    assert_eq!(seen.len() - 1 + rest.len(), 100);
}

#[test]
fn from_the_end_only_what_comes_is_seen() {
    let house = house();
    send(&house, "old", 0);
    let end = peek(&house, 10, "from=end");
    assert_eq!(texts(&end, "TidewirePeekState"), ["more"]);
    send(&house, "new", 0);
    assert_eq!(bodies(&peek(&house, 10, &format!("from={}", texts(&end, "TidewirePeekNext")[0]))), ["new"]);
}
