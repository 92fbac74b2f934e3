//! Dead letters as clients see them: where they go, what they carry, who allows it, and that a crash loses and doubles none.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

mod house;

use house::House;
use serde_json::{Value, json};
use std::sync::Arc;

fn arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

fn policy(target: &str, max_receives: u32) -> String {
    json!({"deadLetterTargetArn": arn(target), "maxReceiveCount": max_receives}).to_string()
}

fn create(house: &House, name: &str, attributes: &Value) -> Result<Value, (String, String)> {
    house.ask("CreateQueue", &json!({"QueueName": name, "Attributes": attributes}))
}

fn house() -> House {
    let house = House::new();
    create(&house, "dead", &json!({})).unwrap();
    create(&house, "q", &json!({"RedrivePolicy": policy("dead", 2), "VisibilityTimeout": "0"})).unwrap();
    house
}

fn send(house: &House, queue: &str, body: &str) -> String {
    let sent = house.ask("SendMessage", &json!({"QueueUrl": queue, "MessageBody": body})).unwrap();
    sent["MessageId"].as_str().unwrap().to_string()
}

fn receive(house: &House, queue: &str) -> Vec<Value> {
    let input = json!({"QueueUrl": queue, "MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"]});
    let answer = house.ask("ReceiveMessage", &input).unwrap();
    answer["Messages"].as_array().cloned().unwrap_or_default()
}

fn bodies(house: &House, queue: &str) -> Vec<String> {
    receive(house, queue).iter().map(|message| message["Body"].as_str().unwrap().to_string()).collect()
}

fn deliver(house: &House) {
    while house.store.deliver().parcels > 0 {}
    house.store.journal().commit().unwrap();
}

fn sources(house: &House, input: &Value) -> (Vec<String>, Option<String>) {
    let answer = house.ask("ListDeadLetterSourceQueues", input).unwrap();
    let name = |url: &Value| url.as_str().unwrap().rsplit('/').next().unwrap().to_string();
    let urls = answer["queueUrls"].as_array().into_iter().flatten().map(name).collect();
    (urls, answer["NextToken"].as_str().map(str::to_string))
}

#[test]
fn a_message_received_too_often_is_in_the_dead_letter_queue_as_it_was() {
    let house = house();
    let id = send(&house, "q", "x");
    assert_eq!([bodies(&house, "q"), bodies(&house, "q"), bodies(&house, "q")], [vec!["x"], vec!["x"], vec![]]);
    deliver(&house);
    let dead = receive(&house, "dead").remove(0);
    assert_eq!((dead["MessageId"].as_str().unwrap(), &dead["Body"]), (&*id, &json!("x")));
    assert_eq!(dead["Attributes"]["DeadLetterQueueSourceArn"], json!(arn("q")));
    assert_eq!(dead["Attributes"]["ApproximateReceiveCount"], json!("3"));
    assert_eq!(dead["Attributes"]["SentTimestamp"], json!("1700000000000"));
}

#[test]
fn a_dead_letter_arrives_once_over_a_crash_at_any_step() {
    for step in 0..4 {
        let house = house();
        send(&house, "q", "x");
        for _ in 0..3 {
            receive(&house, "q");
        }
        if step > 0 {
            house.store.journal().commit().unwrap();
        }
        if step > 1 {
            house.store.deliver();
        }
        if step > 2 {
            house.store.journal().commit().unwrap();
        }
        let house = House::open(Arc::new(house.disk.crash()), Arc::clone(&house.clock));
        for _ in 0..4 {
            receive(&house, "q");
            deliver(&house);
        }
        assert_eq!((step, bodies(&house, "dead")), (step, vec!["x".to_string()]));
        assert_eq!((step, bodies(&house, "q")), (step, vec![]));
    }
}

#[test]
fn a_fifo_queues_dead_letters_keep_their_group_and_make_way_for_what_is_behind() {
    let house = House::new();
    create(&house, "dead.fifo", &json!({"FifoQueue": "true"})).unwrap();
    let attributes = json!({"FifoQueue": "true", "RedrivePolicy": policy("dead.fifo", 1), "VisibilityTimeout": "0"});
    create(&house, "q.fifo", &attributes).unwrap();
    for body in ["a", "b"] {
        let message =
            json!({"QueueUrl": "q.fifo", "MessageBody": body, "MessageGroupId": "g", "MessageDeduplicationId": body});
        house.ask("SendMessage", &message).unwrap();
    }
    let one = json!({"QueueUrl": "q.fifo", "MaxNumberOfMessages": 1});
    assert_eq!(house.ask("ReceiveMessage", &one).unwrap()["Messages"][0]["Body"], "a");
    house.clock.advance_millis(60_000);
    assert_eq!(house.ask("ReceiveMessage", &one).unwrap()["Messages"][0]["Body"], "b");
    deliver(&house);
    let dead = receive(&house, "dead.fifo").remove(0);
    let told = |name: &str| dead["Attributes"][name].as_str().unwrap().to_string();
    assert_eq!(
        (dead["Body"].as_str().unwrap(), &*told("MessageGroupId"), &*told("MessageDeduplicationId")),
        ("a", "g", dead["MessageId"].as_str().unwrap()),
        "AWS's guide: the deduplication id is replaced with the original message's id"
    );
    assert_eq!(told("DeadLetterQueueSourceArn"), arn("q.fifo"));
    assert_eq!(told("SentTimestamp"), "1700000060000", "on a FIFO queue a dead letter's retention begins anew");
}

#[test]
fn a_redrive_policy_needs_a_queue_of_its_kind_that_is_there_and_allows_it() {
    let house = house();
    create(&house, "dead.fifo", &json!({"FifoQueue": "true"})).unwrap();
    let refused = |text: &str| {
        let (name, words) = create(&house, "new", &json!({"RedrivePolicy": text})).unwrap_err();
        assert_eq!(name, "InvalidParameterValueException");
        let prefix = format!("Value {text} for parameter RedrivePolicy is invalid. Reason: ");
        words.strip_prefix(&prefix).unwrap_or_else(|| panic!("{words}")).to_string()
    };
    assert_eq!(refused(&policy("none", 2)), "Dead letter target does not exist.");
    assert_eq!(refused(&policy("dead.fifo", 2)), "Dead-letter queue must be same type of queue as the source..");
    let other = policy("dead", 2).replace("000000000000", "111111111111");
    assert_eq!(refused(&other), "Dead-letter target owner should be same as the source.");
    let far = policy("dead", 2).replace("us-east-1", "eu-west-1");
    assert_eq!(refused(&far), "Dead-letter target must be in same region as the source.");
    let set = |queue: &str, name: &str, text: &str| {
        house.ask("SetQueueAttributes", &json!({"QueueUrl": queue, "Attributes": {name: text}}))
    };
    assert!(set("dead", "RedrivePolicy", &policy("dead", 2)).is_err(), "its own dead-letter queue");
    set("dead", "RedriveAllowPolicy", r#"{"redrivePermission":"denyAll"}"#).unwrap();
    assert!(create(&house, "new", &json!({"RedrivePolicy": policy("dead", 2)})).is_err());
    let by_queue = json!({"redrivePermission": "byQueue", "sourceQueueArns": [arn("new")]}).to_string();
    set("dead", "RedriveAllowPolicy", &by_queue).unwrap();
    assert!(set("q", "RedrivePolicy", &policy("dead", 3)).is_err(), "another queue than the one that is allowed");
    create(&house, "new", &json!({"RedrivePolicy": policy("dead", 2)})).unwrap();
    let shown =
        house.ask("GetQueueAttributes", &json!({"QueueUrl": "new", "AttributeNames": ["RedrivePolicy"]})).unwrap();
    assert_eq!(shown["Attributes"]["RedrivePolicy"], json!(policy("dead", 2)));
}

#[test]
fn sources_are_listed_page_by_page_and_no_longer_than_they_are_sources_over_a_restart() {
    let house = house();
    for name in ["a", "b", "c"] {
        create(&house, name, &json!({"RedrivePolicy": policy("dead", 1)})).unwrap();
    }
    assert_eq!(sources(&house, &json!({"QueueUrl": "dead"})).0, ["a", "b", "c", "q"]);
    let (page, token) = sources(&house, &json!({"QueueUrl": "dead", "MaxResults": 3}));
    assert_eq!(page, ["a", "b", "c"]);
    let next = json!({"QueueUrl": "dead", "MaxResults": 3, "NextToken": token.unwrap()});
    assert_eq!(sources(&house, &next), (vec!["q".to_string()], None));
    house.ask("SetQueueAttributes", &json!({"QueueUrl": "a", "Attributes": {"RedrivePolicy": ""}})).unwrap();
    house.ask("DeleteQueue", &json!({"QueueUrl": "b"})).unwrap();
    assert_eq!(sources(&house, &json!({"QueueUrl": "dead"})).0, ["c", "q"]);
    let house = house.reopen();
    assert_eq!(sources(&house, &json!({"QueueUrl": "dead"})).0, ["c", "q"]);
    assert_eq!(sources(&house, &json!({"QueueUrl": "q"})).0, [""; 0]);
}

#[test]
fn without_its_dead_letter_queue_nothing_is_lost_and_one_made_anew_gets_the_letters() {
    let house = house();
    house.ask("DeleteQueue", &json!({"QueueUrl": "dead"})).unwrap();
    send(&house, "q", "x");
    for _ in 0..3 {
        receive(&house, "q");
        deliver(&house);
    }
    assert_eq!(bodies(&house, "q"), ["x"]);
    create(&house, "dead", &json!({})).unwrap();
    assert_eq!(bodies(&house, "q"), [""; 0]);
    deliver(&house);
    assert_eq!(bodies(&house, "dead"), ["x"]);
}

#[test]
fn a_dead_letter_queue_made_anew_between_the_check_of_a_policy_and_its_setting_gets_the_letters() {
    let house = House::new();
    create(&house, "dead", &json!({})).unwrap();
    create(&house, "q", &json!({"VisibilityTimeout": "0"})).unwrap();
    send(&house, "q", "x");
    let attributes = json!({"RedrivePolicy": policy("dead", 1)});
    let mut set = house.begin("SetQueueAttributes", &json!({"QueueUrl": "q", "Attributes": attributes}));
    assert!(house::poll(&mut set).is_pending());
    house.ask("DeleteQueue", &json!({"QueueUrl": "dead"})).unwrap();
    let is_done = |set: &mut house::Asked| matches!(house::poll(set), std::task::Poll::Ready(Ok(_)));
    create(&house, "dead", &json!({})).unwrap();
    while !is_done(&mut set) {
        house.store.journal().commit().unwrap();
    }
    for _ in 0..2 {
        receive(&house, "q");
    }
    deliver(&house);
    assert_eq!(bodies(&house, "dead"), ["x"]);
}
