//! What an owner may allow beyond AWS: longer delays and times in flight, delays on FIFO queues, back-off (docs/EXTENSIONS.md).

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

mod house;

use house::House;
use serde_json::{Value, json};

const DAY: u64 = 24 * 3_600_000;

fn house(name: &str, attributes: &Value) -> House {
    let house = House::new();
    house.ask("CreateQueue", &json!({"QueueName": name, "Attributes": attributes})).unwrap();
    house
}

fn send(house: &House, body: &str, delay: u64) -> Result<Value, (String, String)> {
    house.ask("SendMessage", &json!({"QueueUrl": "q", "MessageBody": body, "DelaySeconds": delay}))
}

fn receive(house: &House, url: &str, visibility: u64) -> Vec<(String, String)> {
    let input = json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": visibility});
    let answer = house.ask("ReceiveMessage", &input).unwrap();
    let text = |message: &Value, name: &str| message[name].as_str().unwrap().to_string();
    let messages = answer["Messages"].as_array().into_iter().flatten();
    messages.map(|message| (text(message, "Body"), text(message, "ReceiptHandle"))).collect()
}

fn bodies(house: &House, url: &str, visibility: u64) -> Vec<String> {
    receive(house, url, visibility).into_iter().map(|(body, _)| body).collect()
}

#[test]
fn a_delay_beyond_awss_is_refused_unless_the_owner_allows_it() {
    let plain = house("q", &json!({}));
    let (name, words) = send(&plain, "x", 901).unwrap_err();
    assert_eq!(name, "InvalidParameterValueException");
    assert!(words.ends_with("DelaySeconds must be >= 0 and <= 900."), "{words}");
    let raised = house("q", &json!({"TidewireMaximumDelaySeconds": "259200"}));
    send(&raised, "x", 259_200).unwrap();
    assert!(send(&raised, "x", 259_201).is_err());
    raised.clock.advance_millis(3 * DAY - 1);
    assert_eq!(bodies(&raised, "q", 0), [""; 0]);
    raised.clock.advance_millis(1);
    assert_eq!(bodies(&raised, "q", 0), ["x"]);
}

#[test]
fn a_delay_must_end_before_the_retention_does() {
    let attributes = json!({"TidewireMaximumDelaySeconds": "1209600", "MessageRetentionPeriod": "86400"});
    let house = house("q", &attributes);
    assert!(send(&house, "x", 86_401).unwrap_err().1.ends_with("<= 86400."));
    send(&house, "x", 86_400).unwrap();
}

#[test]
fn a_message_may_be_in_flight_for_as_long_as_the_owner_allows() {
    let plain = house("q", &json!({}));
    send(&plain, "x", 0).unwrap();
    let input = json!({"QueueUrl": "q", "VisibilityTimeout": 43_201});
    assert!(plain.ask("ReceiveMessage", &input).unwrap_err().1.ends_with("Must be between 0 and 43200, if provided."));
    let raised = house("q", &json!({"TidewireMaximumVisibilitySeconds": "172800"}));
    send(&raised, "x", 0).unwrap();
    let (_, handle) = receive(&raised, "q", 86_400).remove(0);
    raised.clock.advance_millis(DAY - 1);
    assert_eq!(bodies(&raised, "q", 0), [""; 0]);
    let extend = |secs: u64| {
        let input = json!({"QueueUrl": "q", "ReceiptHandle": handle, "VisibilityTimeout": secs});
        raised.ask("ChangeMessageVisibility", &input)
    };
    assert!(extend(86_402).is_err(), "two days in all are allowed");
    extend(86_400).unwrap();
    raised.clock.advance_millis(DAY - 1);
    assert_eq!(bodies(&raised, "q", 0), [""; 0]);
}

#[test]
fn a_message_that_fails_again_and_again_comes_back_later_and_later_over_a_crash() {
    let backoff = r#"{"baseSeconds":10,"factor":3,"maxSeconds":60}"#;
    let mut house = house("q", &json!({"TidewireRetryBackoff": backoff}));
    send(&house, "x", 0).unwrap();
    for wait in [10, 30, 60, 60] {
        let (_, handle) = receive(&house, "q", 5).remove(0);
        let give_back = json!({"QueueUrl": "q", "ReceiptHandle": handle, "VisibilityTimeout": 0});
        house.ask("ChangeMessageVisibility", &give_back).unwrap();
        house = House::open(std::sync::Arc::new(house.disk.crash()), std::sync::Arc::clone(&house.clock));
        house.clock.advance_millis(wait * 1_000 - 1);
        assert_eq!(bodies(&house, "q", 5), [""; 0], "{wait}");
        house.clock.advance_millis(1);
    }
}

#[test]
fn delays_on_a_fifo_queue_keep_the_order_of_a_group() {
    let send = |house: &House, body: &str, group: &str, delay: u64| {
        let input = json!({"QueueUrl": "q.fifo", "MessageBody": body, "MessageGroupId": group, "DelaySeconds": delay});
        house.ask("SendMessage", &input)
    };
    let plain = house("q.fifo", &json!({"FifoQueue": "true", "ContentBasedDeduplication": "true"}));
    assert!(send(&plain, "a", "g", 10).is_err());
    let attributes = json!({
        "FifoQueue": "true", "ContentBasedDeduplication": "true", "TidewireFifoMessageDelay": "true"
    });
    let house = house("q.fifo", &attributes);
    send(&house, "late", "g", 10).unwrap();
    send(&house, "next", "g", 2).unwrap();
    send(&house, "last", "g", 0).unwrap();
    send(&house, "other", "h", 0).unwrap();
    assert_eq!(bodies(&house, "q.fifo", 0), ["other"], "the group waits for its first message");
    house.clock.advance_millis(5_000);
    assert_eq!(bodies(&house, "q.fifo", 0), ["other"]);
    house.clock.advance_millis(5_000);
    let got = bodies(&house, "q.fifo", 30);
    let of_the_group: Vec<_> = got.iter().filter(|body| *body != "other").collect();
    assert_eq!(of_the_group, ["late", "next", "last"]);
}

#[test]
fn back_off_on_a_fifo_queue_holds_the_group_and_no_other() {
    let attributes = json!({
        "FifoQueue": "true", "ContentBasedDeduplication": "true", "TidewireRetryBackoff": r#"{"baseSeconds":100}"#
    });
    let house = house("q.fifo", &attributes);
    for (body, group) in [("a1", "a"), ("a2", "a")] {
        let input = json!({"QueueUrl": "q.fifo", "MessageBody": body, "MessageGroupId": group});
        house.ask("SendMessage", &input).unwrap();
    }
    let one = json!({"QueueUrl": "q.fifo", "MaxNumberOfMessages": 1, "VisibilityTimeout": 5});
    house.ask("ReceiveMessage", &one).unwrap();
    house.ask("SendMessage", &json!({"QueueUrl": "q.fifo", "MessageBody": "b1", "MessageGroupId": "b"})).unwrap();
    house.clock.advance_millis(104_999);
    assert_eq!(bodies(&house, "q.fifo", 500), ["b1"]);
    house.clock.advance_millis(1);
    assert_eq!(bodies(&house, "q.fifo", 500), ["a1", "a2"]);
}
