//! A relaxed queue: what waits for the disk and what does not, what a crash may forget, and that a receipt handle of a
//! forgotten message never names another (ADR 0009). Over a simulated disk that writes when the test says so.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

mod house;

use house::{Asked, House, poll};
use serde_json::{Value, json};
use std::sync::Arc;
use std::task::Poll;

const QUEUE: &str = "quick";

fn relaxed_queue() -> House {
    let house = House::new();
    let input = json!({"QueueName": QUEUE, "Attributes": {"TidewireDurability": "relaxed"}});
    house.ask("CreateQueue", &input).unwrap();
    house
}

/// The answer that is there without anything having been written.
fn at_once(house: &House, operation: &str, input: &Value) -> Value {
    match poll(&mut house.begin(operation, input)) {
        Poll::Ready(answer) => answer.unwrap(),
        Poll::Pending => panic!("{operation} waits for the disk"),
    }
}

fn send(house: &House, body: &str) {
    at_once(house, "SendMessage", &json!({"QueueUrl": QUEUE, "MessageBody": body}));
}

/// Bodies and handles of what can be received.
fn receive(house: &House) -> Vec<(String, String)> {
    let input = json!({"QueueUrl": QUEUE, "MaxNumberOfMessages": 10});
    let answer = at_once(house, "ReceiveMessage", &input);
    let text = |message: &Value, name: &str| message[name].as_str().unwrap().to_string();
    let messages = answer["Messages"].as_array().into_iter().flatten();
    messages.map(|message| (text(message, "Body"), text(message, "ReceiptHandle"))).collect()
}

fn bodies(house: &House) -> Vec<String> {
    receive(house).into_iter().map(|(body, _)| body).collect()
}

fn set_durability(house: &House, durability: &str) -> Asked {
    let attributes = json!({"TidewireDurability": durability});
    house.begin("SetQueueAttributes", &json!({"QueueUrl": QUEUE, "Attributes": attributes}))
}

/// The power goes, and comes back.
fn crash(house: &House) -> House {
    House::open(Arc::new(house.disk.crash()), Arc::clone(&house.clock))
}

#[test]
fn what_happens_to_messages_is_answered_before_it_is_on_disk() {
    let house = relaxed_queue();
    let durable = house.store.journal().durable();
    send(&house, "one");
    let batch = json!({"QueueUrl": QUEUE, "Entries": [{"Id": "a", "MessageBody": "two"}]});
    at_once(&house, "SendMessageBatch", &batch);
    let received = receive(&house);
    let handle = &received[0].1;
    let change = json!({"QueueUrl": QUEUE, "ReceiptHandle": handle, "VisibilityTimeout": 3});
    at_once(&house, "ChangeMessageVisibility", &change);
    at_once(&house, "DeleteMessage", &json!({"QueueUrl": QUEUE, "ReceiptHandle": handle}));
    let entries = json!([{"Id": "a", "ReceiptHandle": received[1].1}]);
    at_once(&house, "DeleteMessageBatch", &json!({"QueueUrl": QUEUE, "Entries": entries}));
    send(&house, "three");
    at_once(&house, "PurgeQueue", &json!({"QueueUrl": QUEUE}));
    assert_eq!(house.store.journal().durable(), durable, "nothing was written meanwhile");
}

#[test]
fn what_a_queue_is_waits_for_the_disk_all_the_same() {
    let house = relaxed_queue();
    let attributes = json!({"TidewireDurability": "relaxed"});
    let mut created = house.begin("CreateQueue", &json!({"QueueName": "other", "Attributes": attributes}));
    let attributes = json!({"VisibilityTimeout": "3"});
    let mut set = house.begin("SetQueueAttributes", &json!({"QueueUrl": QUEUE, "Attributes": attributes}));
    assert!(poll(&mut created).is_pending() && poll(&mut set).is_pending());
    let mut sent = house.begin("SendMessage", &json!({"QueueUrl": QUEUE, "MessageBody": "after"}));
    assert!(poll(&mut sent).is_pending(), "it has seen a change of the queue that a crash could take back");
    house.store.journal().commit().unwrap();
    assert!(poll(&mut created).is_ready() && poll(&mut set).is_ready() && poll(&mut sent).is_ready());
    let mut deleted = house.begin("DeleteQueue", &json!({"QueueUrl": QUEUE}));
    assert!(poll(&mut deleted).is_pending());
}

#[test]
fn an_ordinary_queue_beside_it_waits_for_the_disk() {
    let house = relaxed_queue();
    house.ask("CreateQueue", &json!({"QueueName": "ordinary"})).unwrap();
    send(&house, "quick");
    let mut sent = house.begin("SendMessage", &json!({"QueueUrl": "ordinary", "MessageBody": "kept"}));
    assert!(poll(&mut sent).is_pending());
}

#[test]
fn a_crash_forgets_what_was_not_written_and_nothing_else() {
    let house = relaxed_queue();
    send(&house, "written");
    house.store.journal().commit().unwrap();
    send(&house, "forgotten");
    let house = crash(&house);
    assert_eq!(bodies(&house), ["written"]);
}

#[test]
fn an_orderly_stop_forgets_nothing() {
    let house = relaxed_queue();
    send(&house, "one");
    let house = house.reopen();
    assert_eq!(bodies(&house), ["one"]);
}

#[test]
fn all_before_a_switch_to_durable_is_on_disk_when_it_is_answered() {
    let house = relaxed_queue();
    send(&house, "one");
    let mut switched = set_durability(&house, "durable");
    assert!(poll(&mut switched).is_pending());
    house.store.journal().commit().unwrap();
    assert!(poll(&mut switched).is_ready());
    let mut sent = house.begin("SendMessage", &json!({"QueueUrl": QUEUE, "MessageBody": "two"}));
    assert!(poll(&mut sent).is_pending());
    let house = crash(&house);
    assert_eq!(bodies(&house), ["one"]);
}

/// Sends and receives a message that the crash after it forgets; only its handle stays.
fn forgotten_handle(house: &House) -> (House, String) {
    send(house, "forgotten");
    let (body, handle) = receive(house).pop().unwrap();
    assert_eq!(body, "forgotten");
    (crash(house), handle)
}

fn check_that_the_handle_hits_nobody(house: &House, handle: &str) {
    house.ask("SendMessage", &json!({"QueueUrl": QUEUE, "MessageBody": "other"})).unwrap();
    let received = receive(house);
    assert_eq!((received.len(), received[0].0.as_str()), (1, "other"));
    assert_ne!(received[0].1, handle, "a handle is given twice");
    let change = json!({"QueueUrl": QUEUE, "ReceiptHandle": handle, "VisibilityTimeout": 0});
    let (error, _) = house.ask("ChangeMessageVisibility", &change).unwrap_err();
    assert!(["InvalidParameterValue", "MessageNotInflight"].iter().any(|known| error.starts_with(known)), "{error}");
    house.ask("DeleteMessage", &json!({"QueueUrl": QUEUE, "ReceiptHandle": handle})).unwrap();
    house.clock.advance_millis(31_000);
    assert_eq!(bodies(house), ["other"], "the delete was of a message that is forgotten");
    house.clock.advance_millis(31_000);
}

#[test]
fn a_handle_of_a_forgotten_message_deletes_no_other() {
    let (house, handle) = forgotten_handle(&relaxed_queue());
    check_that_the_handle_hits_nobody(&house, &handle);
}

#[test]
fn not_after_several_crashes_that_left_nothing_either() {
    let (house, first) = forgotten_handle(&relaxed_queue());
    let (house, second) = forgotten_handle(&house);
    assert_ne!(first, second);
    let house = crash(&house);
    check_that_the_handle_hits_nobody(&house, &second);
    house.ask("PurgeQueue", &json!({"QueueUrl": QUEUE})).unwrap();
    check_that_the_handle_hits_nobody(&house, &first);
}

/// Whether the last stop was in order says nothing about the one before it.
#[test]
fn not_after_an_orderly_stop_in_between() {
    let (house, handle) = forgotten_handle(&relaxed_queue());
    check_that_the_handle_hits_nobody(&house.reopen(), &handle);
}

#[test]
fn not_after_the_queue_has_become_durable_in_between() {
    let (house, handle) = forgotten_handle(&relaxed_queue());
    let mut switched = set_durability(&house, "durable");
    assert!(poll(&mut switched).is_pending());
    house.store.journal().commit().unwrap();
    let house = crash(&house.reopen());
    check_that_the_handle_hits_nobody(&house, &handle);
}

#[test]
fn not_after_a_checkpoint_in_between() {
    let (house, handle) = forgotten_handle(&relaxed_queue());
    house.store.checkpoint().unwrap();
    check_that_the_handle_hits_nobody(&crash(&house), &handle);
}
