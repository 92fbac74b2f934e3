//! What a queue is set to outlives the process: texts, tags and permissions come back from the log and from a snapshot.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

mod house;

use house::House;
use serde_json::{Value, json};

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"s","Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}]}"#;

fn tags(house: &House) -> Value {
    house.ask("ListQueueTags", &json!({"QueueUrl": "q"})).unwrap()["Tags"].clone()
}

fn attribute(house: &House, name: &str) -> Value {
    house.ask("GetQueueAttributes", &json!({"QueueUrl": "q", "AttributeNames": [name]})).unwrap()["Attributes"][name]
        .clone()
}

fn create(house: &House) {
    let attributes = json!({"Policy": POLICY, "DelaySeconds": "7"});
    house
        .ask("CreateQueue", &json!({"QueueName": "q", "Attributes": attributes, "tags": {"a": "1", "b": "2"}}))
        .unwrap();
}

#[test]
fn texts_and_tags_come_back_after_a_stop() {
    let house = House::new();
    create(&house);
    house.ask("TagQueue", &json!({"QueueUrl": "q", "Tags": {"b": "3", "c": ""}})).unwrap();
    house.ask("UntagQueue", &json!({"QueueUrl": "q", "TagKeys": ["a"]})).unwrap();
    let house = house.reopen();
    assert_eq!(tags(&house), json!({"b": "3", "c": ""}));
    assert_eq!((attribute(&house, "Policy"), attribute(&house, "DelaySeconds")), (json!(POLICY), json!("7")));
}

#[test]
fn texts_and_tags_come_back_from_a_snapshot() {
    let house = House::new();
    create(&house);
    house.store.checkpoint().unwrap();
    let house = house.reopen();
    assert_eq!((tags(&house), attribute(&house, "Policy")), (json!({"a": "1", "b": "2"}), json!(POLICY)));
}

#[test]
fn permissions_and_their_removal_come_back_after_a_stop() {
    let house = House::new();
    create(&house);
    let permission =
        json!({"QueueUrl": "q", "Label": "l", "AWSAccountIds": ["111111111111"], "Actions": ["SendMessage"]});
    house.ask("AddPermission", &permission).unwrap();
    let house = house.reopen();
    let policy: Value = serde_json::from_str(attribute(&house, "Policy").as_str().unwrap()).unwrap();
    assert_eq!((&policy["Statement"][0]["Sid"], &policy["Statement"][1]["Sid"]), (&json!("s"), &json!("l")));
    house.ask("RemovePermission", &json!({"QueueUrl": "q", "Label": "s"})).unwrap();
    house.ask("RemovePermission", &json!({"QueueUrl": "q", "Label": "l"})).unwrap();
    assert_eq!(attribute(&house.reopen(), "Policy"), Value::Null);
}

#[test]
fn a_tag_that_a_crash_forgot_was_never_acknowledged() {
    let house = House::new();
    create(&house);
    let mut asked = house.begin("TagQueue", &json!({"QueueUrl": "q", "Tags": {"late": "x"}}));
    assert!(house::poll(&mut asked).is_pending(), "its answer waits for the disk");
    let after = House::open(std::sync::Arc::new(house.disk.crash()), std::sync::Arc::clone(&house.clock));
    assert_eq!(tags(&after), json!({"a": "1", "b": "2"}));
}
