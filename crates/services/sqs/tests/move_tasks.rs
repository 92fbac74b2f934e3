//! Message move tasks as clients see them: where messages go, how fast, how a task ends, and that a crash loses and doubles
//! none. Answers are those that LocalStack's tests recorded of AWS, where they recorded them.
//!
//! `TIDEWIRE_SEEDS` says how many histories are tried, `TIDEWIRE_SEED` names one of them.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

mod house;

use engine::{Clock, ManualClock, StoreOptions};
use house::{House, poll};
use journal::Options;
use names::Instant;
use serde_json::{Value, json};
use sqs::Limits;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

fn arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

fn create(house: &House, name: &str, attributes: &Value) {
    house.ask("CreateQueue", &json!({"QueueName": name, "Attributes": attributes})).unwrap();
}

fn source(house: &House, name: &str, dead: &str) {
    let policy = json!({"deadLetterTargetArn": arn(dead), "maxReceiveCount": 1}).to_string();
    let mut attributes = json!({"RedrivePolicy": policy, "VisibilityTimeout": "0"});
    if name.ends_with(".fifo") {
        attributes["FifoQueue"] = "true".into();
    }
    create(house, name, &attributes);
}

/// A queue `dead` with two sources, `a` and `b`, and a queue `other`.
fn house() -> House {
    let house = House::new();
    create(&house, "dead", &json!({}));
    create(&house, "other", &json!({}));
    source(&house, "a", "dead");
    source(&house, "b", "dead");
    house
}

fn send(house: &House, queue: &str, body: &str) {
    house.ask("SendMessage", &json!({"QueueUrl": queue, "MessageBody": body})).unwrap();
}

/// Sends messages to a source and receives them until they are dead letters.
fn kill(house: &House, queue: &str, bodies: &[&str]) {
    bodies.iter().for_each(|body| send(house, queue, body));
    while !receive(house, queue).is_empty() {}
    deliver(house);
}

fn receive(house: &House, queue: &str) -> Vec<Value> {
    let input = json!({"QueueUrl": queue, "MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"]});
    house.ask("ReceiveMessage", &input).unwrap()["Messages"].as_array().cloned().unwrap_or_default()
}

fn bodies(house: &House, queue: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    loop {
        let input = json!({"QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 30});
        let answer = house.ask("ReceiveMessage", &input).unwrap();
        let Some(messages) = answer["Messages"].as_array() else { return bodies };
        for message in messages {
            let handle = &message["ReceiptHandle"];
            house.ask("DeleteMessage", &json!({"QueueUrl": queue, "ReceiptHandle": handle})).unwrap();
            bodies.push(message["Body"].as_str().unwrap().to_string());
        }
    }
}

fn deliver(house: &House) {
    while house.store.deliver().parcels > 0 {}
    house.store.journal().commit().unwrap();
}

/// A step of each task that is due.
fn proceed(house: &House) -> Option<Instant> {
    let mut step = pin!(house.sqs.proceed_moves());
    for _ in 0..1_000 {
        if let Poll::Ready(next) = step.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return next;
        }
        house.store.journal().commit().unwrap();
    }
    panic!("a task waits for something that does not come");
}

/// Lets all tasks go on until none is under way.
fn finish(house: &House) {
    for _ in 0..10_000 {
        let Some(next) = proceed(house) else { return };
        deliver(house);
        let wait = next.as_millis().saturating_sub(house.clock.now().as_millis());
        house.clock.advance_millis(wait);
    }
    panic!("a task does not end");
}

fn start(house: &House, input: &Value) -> Result<String, (String, String)> {
    let answer = house.ask("StartMessageMoveTask", input)?;
    Ok(answer["TaskHandle"].as_str().unwrap().to_string())
}

fn tasks(house: &House, source: &str) -> Vec<Value> {
    let input = json!({"SourceArn": arn(source), "MaxResults": 10});
    house.ask("ListMessageMoveTasks", &input).unwrap()["Results"].as_array().unwrap().clone()
}

fn newest(house: &House, source: &str) -> Value {
    tasks(house, source).remove(0)
}

#[test]
fn dead_letters_go_back_to_where_each_comes_from_as_new_messages() {
    let house = house();
    kill(&house, "a", &["1", "3"]);
    kill(&house, "b", &["2"]);
    house.clock.advance_millis(1_000);
    let handle = start(&house, &json!({"SourceArn": arn("dead")})).unwrap();
    let running = newest(&house, "dead");
    let expected = json!({
        "TaskHandle": handle, "Status": "RUNNING", "SourceArn": arn("dead"), "ApproximateNumberOfMessagesMoved": 0,
        "ApproximateNumberOfMessagesToMove": 3, "StartedTimestamp": 1_700_000_001_000_u64,
    });
    assert_eq!(running, expected);
    finish(&house);
    let mut ended = expected;
    ended["Status"] = "COMPLETED".into();
    ended["ApproximateNumberOfMessagesMoved"] = 3.into();
    ended.as_object_mut().unwrap().remove("TaskHandle");
    assert_eq!(newest(&house, "dead"), ended);
    let message = receive(&house, "b").remove(0);
    assert_eq!(message["Attributes"]["ApproximateReceiveCount"], "1");
    assert_eq!(message["Attributes"]["SentTimestamp"], "1700000001000", "its retention begins anew");
    assert_eq!(message["Attributes"].get("DeadLetterQueueSourceArn"), None);
    assert_eq!((bodies(&house, "a"), bodies(&house, "dead")), (vec!["1".into(), "3".into()], vec![]));
}

#[test]
fn dead_letters_go_to_a_queue_that_is_named_at_the_rate_that_is_asked() {
    let house = house();
    kill(&house, "a", &["1", "2", "3", "4"]);
    let input = json!({"SourceArn": arn("dead"), "DestinationArn": arn("other"), "MaxNumberOfMessagesPerSecond": 2});
    start(&house, &input).unwrap();
    let began = house.clock.now();
    let mut moved = Vec::new();
    while newest(&house, "dead")["Status"] == "RUNNING" {
        proceed(&house);
        deliver(&house);
        moved.push(newest(&house, "dead")["ApproximateNumberOfMessagesMoved"].as_u64().unwrap());
        house.clock.advance_millis(100);
    }
    assert_eq!(moved[..16], [1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4]);
    assert!(house.clock.now().since(began).as_millis() < 2_000, "it has ended as soon as all is there");
    let shown = newest(&house, "dead");
    assert_eq!((&shown["DestinationArn"], &shown["MaxNumberOfMessagesPerSecond"]), (&json!(arn("other")), &json!(2)));
    assert_eq!(bodies(&house, "other"), ["1", "2", "3", "4"]);
}

/// The house with two dead letters of which nothing is in memory, and a task that brings them back.
fn house_with_letters_on_disk() -> House {
    let house = house();
    kill(&house, "a", &["1", "2"]);
    house.store.journal().close();
    let options = StoreOptions { journal: Options::small(1 << 18), memory_bytes: 0, keyring: None };
    let house = House::with(house.disk, house.clock, options).unwrap();
    start(&house, &json!({"SourceArn": arn("dead")})).unwrap();
    house
}

#[test]
fn a_disk_that_does_not_read_for_a_while_ends_no_task() {
    let house = house_with_letters_on_disk();
    let next = house.disk.reads();
    house.disk.fail_reads(next..next + 1_000);
    let next = proceed(&house).expect("the task goes on");
    assert_eq!(newest(&house, "dead")["Status"], "RUNNING");
    house.disk.fail_reads(0..0);
    house.clock.advance_millis(next.as_millis() - house.clock.now().as_millis());
    finish(&house);
    assert_eq!(newest(&house, "dead")["Status"], "COMPLETED");
    assert_eq!(bodies(&house, "a"), ["1", "2"]);
}

#[test]
fn a_letter_that_somebody_deletes_while_a_task_looks_at_it_is_passed_over() {
    let house = house_with_letters_on_disk();
    let input = json!({"QueueUrl": "dead", "VisibilityTimeout": 0});
    let handle = house.ask("ReceiveMessage", &input).unwrap()["Messages"][0]["ReceiptHandle"].clone();
    // The task's look waits for the disk, as every reply does, and meanwhile the letter goes.
    let mut sent = house.begin("SendMessage", &json!({"QueueUrl": "dead", "MessageBody": "3"}));
    assert!(poll(&mut sent).is_pending());
    let mut step = Box::pin(house.sqs.proceed_moves());
    assert!(step.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let mut deleted = house.begin("DeleteMessage", &json!({"QueueUrl": "dead", "ReceiptHandle": handle}));
    assert!(poll(&mut deleted).is_pending());
    house.store.journal().commit().unwrap();
    assert!(poll(&mut deleted).is_ready());
    while step.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
        house.store.journal().commit().unwrap();
    }
    drop(step);
    finish(&house);
    let task = newest(&house, "dead");
    assert_eq!((&task["Status"], &task["ApproximateNumberOfMessagesMoved"]), (&json!("COMPLETED"), &json!(1)));
    assert_eq!((bodies(&house, "a"), bodies(&house, "dead")), (vec!["2".into()], vec!["3".to_string()]));
}

#[test]
fn many_messages_are_moved_in_many_steps() {
    let house = house();
    for batch in 0..300 {
        let entries: Vec<_> =
            (0..10).map(|n| json!({"Id": n.to_string(), "MessageBody": (10 * batch + n).to_string()})).collect();
        house.ask("SendMessageBatch", &json!({"QueueUrl": "dead", "Entries": entries})).unwrap();
    }
    start(&house, &json!({"SourceArn": arn("dead"), "DestinationArn": arn("other")})).unwrap();
    finish(&house);
    assert_eq!(newest(&house, "dead")["ApproximateNumberOfMessagesMoved"], 3_000);
    let expected: Vec<String> = (0..3_000).map(|n| n.to_string()).collect();
    assert_eq!(bodies(&house, "other"), expected);
}

#[test]
fn a_task_takes_what_was_there_when_it_began_and_nobody_has_in_flight() {
    let house = house();
    kill(&house, "a", &["1", "2"]);
    assert_eq!(receive(&house, "dead").len(), 2);
    kill(&house, "a", &["3"]);
    start(&house, &json!({"SourceArn": arn("dead"), "DestinationArn": arn("other")})).unwrap();
    kill(&house, "a", &["4"]);
    finish(&house);
    assert_eq!(newest(&house, "dead")["ApproximateNumberOfMessagesToMove"], 1);
    assert_eq!(bodies(&house, "other"), ["3"]);
    house.clock.advance_millis(31_000);
    assert_eq!(bodies(&house, "dead"), ["1", "2", "4"]);
}

#[test]
fn a_cancelled_task_sends_nothing_more_and_what_it_sent_stays() {
    let house = house();
    kill(&house, "a", &["1", "2", "3"]);
    let input = json!({"SourceArn": arn("dead"), "DestinationArn": arn("other"), "MaxNumberOfMessagesPerSecond": 1});
    let handle = start(&house, &input).unwrap();
    proceed(&house);
    deliver(&house);
    house.clock.advance_millis(1_000);
    proceed(&house);
    let cancelled = house.ask("CancelMessageMoveTask", &json!({"TaskHandle": handle})).unwrap();
    assert_eq!(cancelled, json!({"ApproximateNumberOfMessagesMoved": 1}));
    assert_eq!(newest(&house, "dead")["Status"], "CANCELLING", "one is on its way");
    assert_eq!(start(&house, &input).unwrap_err().0, "InvalidParameterValueException");
    finish(&house);
    deliver(&house);
    let shown = newest(&house, "dead");
    assert_eq!((&shown["Status"], &shown["ApproximateNumberOfMessagesMoved"]), (&json!("CANCELLED"), &json!(2)));
    assert_eq!(shown.get("TaskHandle"), None);
    assert_eq!((bodies(&house, "other"), bodies(&house, "dead")), (vec!["1".into(), "2".into()], vec!["3".into()]));
    let again = house.ask("CancelMessageMoveTask", &json!({"TaskHandle": handle})).unwrap_err();
    assert_eq!(again, ("InvalidParameterValueException".into(), "Only active tasks can be cancelled.".into()));
    start(&house, &input).unwrap();
}

#[test]
fn one_task_at_a_time_is_under_way_and_the_newest_ten_are_shown() {
    let house = house();
    kill(&house, "a", &["1"]);
    let input = json!({"SourceArn": arn("dead"), "MaxNumberOfMessagesPerSecond": 1});
    for _ in 0..12 {
        start(&house, &input).unwrap();
        let words =
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.";
        assert_eq!(start(&house, &input).unwrap_err(), ("InvalidParameterValueException".into(), words.into()));
        finish(&house);
        house.clock.advance_millis(1_000);
    }
    let times: Vec<u64> = tasks(&house, "dead").iter().map(|task| task["StartedTimestamp"].as_u64().unwrap()).collect();
    assert!(times.len() == 10 && times.is_sorted_by(|later, earlier| later > earlier), "{times:?}");
    let one = house.ask("ListMessageMoveTasks", &json!({"SourceArn": arn("dead")})).unwrap();
    assert_eq!(one["Results"].as_array().unwrap().len(), 1);
    assert_eq!(one["Results"][0]["StartedTimestamp"], times[0]);
    assert_eq!(tasks(&house.reopen(), "dead").len(), 10);
}

#[test]
fn where_awss_limits_hold_a_task_ends_after_36_hours_and_what_is_left_stays() {
    const HOUR: u64 = 3_600_000;
    for (limits, status, moved) in [(Limits::Aws, "CANCELLED", 1), (Limits::Raised, "COMPLETED", 2)] {
        let house = House::limited(limits);
        create(&house, "dead", &json!({}));
        source(&house, "a", "dead");
        kill(&house, "a", &["1", "2"]);
        start(&house, &json!({"SourceArn": arn("dead"), "MaxNumberOfMessagesPerSecond": 1})).unwrap();
        proceed(&house);
        deliver(&house);
        // Nobody makes it proceed for so long, as when the server is down.
        house.clock.advance_millis(36 * HOUR - 1);
        assert_eq!(newest(&house, "dead")["Status"], "RUNNING");
        house.clock.advance_millis(1);
        finish(&house);
        let shown = newest(&house, "dead");
        assert_eq!((&shown["Status"], &shown["ApproximateNumberOfMessagesMoved"]), (&json!(status), &json!(moved)));
        assert_eq!(bodies(&house, "dead").len(), 2 - moved);
    }
}

#[test]
fn where_awss_limits_hold_an_account_has_a_hundred_tasks_under_way() {
    for (limits, refused) in [(Limits::Aws, 1), (Limits::Raised, 0)] {
        let house = House::limited(limits);
        let dead: Vec<String> = (0..101).map(|number| format!("dead{number}")).collect();
        for name in &dead {
            create(&house, name, &json!({}));
            source(&house, &format!("of-{name}"), name);
            send(&house, name, "1");
        }
        let begin = |name: &String| start(&house, &json!({"SourceArn": arn(name), "MaxNumberOfMessagesPerSecond": 1}));
        let refusals: Vec<_> = dead.iter().filter_map(|name| begin(name).err()).collect();
        assert_eq!(refusals.len(), refused);
        if refused == 0 {
            continue;
        }
        assert_eq!(refusals[0], ("RequestThrottled".into(), "Request is throttled.".into()));
        finish(&house);
        begin(&dead[100]).expect("tasks that have ended do not count");
    }
}

#[test]
fn a_task_whose_destination_is_deleted_fails_and_the_rest_stays() {
    let house = house();
    kill(&house, "a", &["1", "2", "3"]);
    let input = json!({"SourceArn": arn("dead"), "DestinationArn": arn("other"), "MaxNumberOfMessagesPerSecond": 1});
    for is_on_its_way in [false, true] {
        start(&house, &input).unwrap();
        if is_on_its_way {
            proceed(&house);
        }
        house.ask("DeleteQueue", &json!({"QueueUrl": "other"})).unwrap();
        finish(&house);
        deliver(&house);
        let shown = newest(&house, "dead");
        assert_eq!(shown["Status"], "FAILED", "{is_on_its_way}");
        assert_eq!(shown["FailureReason"], "AWS.SimpleQueueService.NonExistentQueue");
        assert_eq!(shown["ApproximateNumberOfMessagesMoved"], 0);
        create(&house, "other", &json!({}));
    }
    assert_eq!(bodies(&house, "dead"), ["1", "2", "3"]);
}

#[test]
fn a_destination_that_was_made_anew_gets_what_is_left() {
    let house = house();
    kill(&house, "a", &["1", "2"]);
    let input = json!({"SourceArn": arn("dead"), "DestinationArn": arn("other"), "MaxNumberOfMessagesPerSecond": 1});
    start(&house, &input).unwrap();
    house.ask("DeleteQueue", &json!({"QueueUrl": "other"})).unwrap();
    create(&house, "other", &json!({}));
    finish(&house);
    assert_eq!(newest(&house, "dead")["Status"], "COMPLETED");
    assert_eq!(bodies(&house, "other"), ["1", "2"]);
}

#[test]
fn a_message_whose_source_is_unknown_or_gone_fails_the_task_behind_those_before_it() {
    let house = house();
    kill(&house, "a", &["1"]);
    send(&house, "dead", "2");
    kill(&house, "a", &["3"]);
    start(&house, &json!({"SourceArn": arn("dead")})).unwrap();
    finish(&house);
    let shown = newest(&house, "dead");
    assert_eq!(
        (&shown["Status"], &shown["FailureReason"]),
        (&json!("FAILED"), &json!("CouldNotDetermineMessageSource"))
    );
    assert_eq!(shown["ApproximateNumberOfMessagesMoved"], 1);
    assert_eq!((bodies(&house, "a"), bodies(&house, "dead")), (vec!["1".into()], vec!["2".into(), "3".into()]));
    kill(&house, "b", &["4"]);
    house.ask("DeleteQueue", &json!({"QueueUrl": "b"})).unwrap();
    start(&house, &json!({"SourceArn": arn("dead")})).unwrap();
    finish(&house);
    assert_eq!(newest(&house, "dead")["FailureReason"], "AWS.SimpleQueueService.NonExistentQueue");
    assert_eq!(bodies(&house, "dead"), ["4"]);
}

#[test]
fn a_task_ends_with_its_source() {
    let house = house();
    kill(&house, "a", &["1", "2"]);
    let handle = start(&house, &json!({"SourceArn": arn("dead"), "MaxNumberOfMessagesPerSecond": 1})).unwrap();
    house.ask("DeleteQueue", &json!({"QueueUrl": "dead"})).unwrap();
    finish(&house);
    let gone = "The resource that you specified for the SourceArn parameter doesn't exist.";
    for (operation, input) in [
        ("ListMessageMoveTasks", json!({"SourceArn": arn("dead")})),
        ("CancelMessageMoveTask", json!({"TaskHandle": handle})),
    ] {
        assert_eq!(house.ask(operation, &input).unwrap_err(), ("ResourceNotFoundException".into(), gone.into()));
    }
    create(&house, "dead", &json!({}));
    assert_eq!(tasks(&house, "dead"), [] as [Value; 0], "a queue of the same name has tasks of its own");
    let unknown = house.ask("CancelMessageMoveTask", &json!({"TaskHandle": handle})).unwrap_err();
    assert_eq!(unknown, ("ResourceNotFoundException".into(), "Task does not exist.".into()));
}

#[test]
fn a_purge_leaves_a_task_nothing_to_do() {
    let house = house();
    kill(&house, "a", &["1", "2"]);
    start(&house, &json!({"SourceArn": arn("dead"), "MaxNumberOfMessagesPerSecond": 1})).unwrap();
    house.ask("PurgeQueue", &json!({"QueueUrl": "dead"})).unwrap();
    finish(&house);
    let shown = newest(&house, "dead");
    assert_eq!((&shown["Status"], &shown["ApproximateNumberOfMessagesMoved"]), (&json!("COMPLETED"), &json!(0)));
}

#[test]
fn what_cannot_be_moved_is_refused_in_awss_words() {
    let house = house();
    create(&house, "f.fifo", &json!({"FifoQueue": "true"}));
    let not_found = |name: &str| {
        let words = format!("The resource that you specified for the {name} parameter doesn't exist.");
        ("ResourceNotFoundException", words)
    };
    let invalid = |words: &str| ("InvalidParameterValueException", words.to_string());
    let format = |name: &str| {
        invalid(&format!(
            "You must use this format to specify the {name}: arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        ))
    };
    let rate = "Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: You must enter a number that's between 1 and 500.";
    let count = "Value for parameter MaxResults is invalid. Reason: You must enter a number that's between 1 and 10.";
    let start = "StartMessageMoveTask";
    for (operation, input, (name, words)) in [
        (start, json!({"SourceArn": arn("none")}), not_found("SourceArn")),
        (start, json!({"SourceArn": arn("dead").replace("000000000000", "111111111111")}), not_found("SourceArn")),
        (start, json!({"SourceArn": "dead"}), format("SourceArn")),
        (start, json!({"SourceArn": arn("other")}), invalid("Source queue must be configured as a Dead Letter Queue.")),
        (start, json!({"SourceArn": arn("dead"), "DestinationArn": arn("none")}), not_found("DestinationArn")),
        (start, json!({"SourceArn": arn("dead"), "DestinationArn": "x"}), format("DestinationArn")),
        (
            start,
            json!({"SourceArn": arn("dead"), "DestinationArn": arn("dead")}),
            invalid("Source queue arn and destination queue arn cannot be the same."),
        ),
        (
            start,
            json!({"SourceArn": arn("dead"), "DestinationArn": arn("f.fifo")}),
            invalid("The source queue and destination queue must be of the same queue type."),
        ),
        (start, json!({"SourceArn": arn("dead"), "MaxNumberOfMessagesPerSecond": 0}), invalid(rate)),
        (start, json!({"SourceArn": arn("dead"), "MaxNumberOfMessagesPerSecond": 501}), invalid(rate)),
        ("ListMessageMoveTasks", json!({"SourceArn": arn("none")}), not_found("SourceArn")),
        ("ListMessageMoveTasks", json!({"SourceArn": arn("dead"), "MaxResults": 0}), invalid(count)),
        ("ListMessageMoveTasks", json!({"SourceArn": arn("dead"), "MaxResults": 11}), invalid(count)),
        (
            "CancelMessageMoveTask",
            json!({"TaskHandle": "foobared"}),
            invalid("Value for parameter TaskHandle is invalid."),
        ),
    ] {
        let refused = house.ask(operation, &input).unwrap_err();
        assert_eq!(refused, (name.to_string(), words), "{operation} {input}");
    }
    assert_eq!(tasks(&house, "dead"), [] as [Value; 0]);
}

#[test]
fn a_fifo_queues_groups_keep_their_order_and_one_in_flight_stays() {
    let house = House::new();
    create(&house, "dead.fifo", &json!({"FifoQueue": "true"}));
    source(&house, "q.fifo", "dead.fifo");
    for body in ["x1", "y1", "x2", "y2", "x3"] {
        let message = json!({"QueueUrl": "q.fifo", "MessageBody": body, "MessageGroupId": &body[..1], "MessageDeduplicationId": body});
        house.ask("SendMessage", &message).unwrap();
    }
    while !receive(&house, "q.fifo").is_empty() {}
    deliver(&house);
    let one = house.ask("ReceiveMessage", &json!({"QueueUrl": "dead.fifo", "MaxNumberOfMessages": 1})).unwrap();
    assert_eq!(one["Messages"][0]["Body"], "x1");
    start(&house, &json!({"SourceArn": arn("dead.fifo")})).unwrap();
    finish(&house);
    assert_eq!(bodies(&house, "q.fifo"), ["y1", "y2"]);
    house.clock.advance_millis(31_000);
    start(&house, &json!({"SourceArn": arn("dead.fifo")})).unwrap();
    finish(&house);
    assert_eq!(bodies(&house, "q.fifo"), ["x1", "x2", "x3"]);
    assert_eq!(bodies(&house, "dead.fifo"), [""; 0]);
}

#[test]
fn a_fifo_queue_is_moved_oldest_first_parked_groups_too() {
    let house = House::new();
    create(&house, "dead.fifo", &json!({"FifoQueue": "true", "TidewireParkAfter": "2", "VisibilityTimeout": "0"}));
    source(&house, "q.fifo", "dead.fifo");
    source(&house, "p.fifo", "dead.fifo");
    let all = [("q.fifo", "x1"), ("p.fifo", "y1"), ("p.fifo", "x2"), ("q.fifo", "y2"), ("q.fifo", "x3")];
    for (queue, body) in all {
        let message = json!({"QueueUrl": queue, "MessageBody": body, "MessageGroupId": &body[..1], "MessageDeduplicationId": body});
        house.ask("SendMessage", &message).unwrap();
        kill(&house, queue, &[]);
    }
    // A dead letter brings the receive with it that made it one; after the second its group is parked.
    assert_eq!(house.ask("ReceiveMessage", &json!({"QueueUrl": "dead.fifo"})).unwrap()["Messages"][0]["Body"], "x1");
    while !receive(&house, "dead.fifo").is_empty() {}
    let counted = json!({"QueueUrl": "dead.fifo", "AttributeNames": ["TidewireParkedGroups"]});
    let parked = house.ask("GetQueueAttributes", &counted).unwrap()["Attributes"]["TidewireParkedGroups"].clone();
    assert_eq!(parked, "2");
    start(&house, &json!({"SourceArn": arn("dead.fifo"), "MaxNumberOfMessagesPerSecond": 1})).unwrap();
    let mut moved = Vec::new();
    while newest(&house, "dead.fifo")["Status"] == "RUNNING" {
        proceed(&house);
        deliver(&house);
        for queue in ["q.fifo", "p.fifo"] {
            moved.extend(bodies(&house, queue).into_iter().map(|body| (queue, body)));
        }
        house.clock.advance_millis(100);
    }
    assert_eq!(moved, all.map(|(queue, body)| (queue, body.to_string())));
    assert_eq!(newest(&house, "dead.fifo")["ApproximateNumberOfMessagesMoved"], 5);
}

/// A task in a history of crashes, looks at its source and perhaps a cancel: each message is in one place, where it belongs.
struct History {
    chance: fastrand::Rng,
    house: House,
    /// What the names of the queues end in.
    suffix: &'static str,
    handle: Option<String>,
    /// How many times somebody took messages of the source in flight.
    looks: usize,
}

/// Of which group a FIFO queue's message is.
fn group_of(body: &str) -> usize {
    body.parse::<usize>().unwrap() % 3
}

impl History {
    fn run(seed: u64) {
        let mut chance = fastrand::Rng::with_seed(seed);
        let (house, suffix) = (House::new(), *chance.choice(["", ".fifo"].iter()).unwrap());
        let kind = if suffix.is_empty() { json!({}) } else { json!({"FifoQueue": "true"}) };
        create(&house, &format!("dead{suffix}"), &kind);
        create(&house, &format!("other{suffix}"), &kind);
        ["a", "b"].iter().for_each(|name| source(&house, &format!("{name}{suffix}"), &format!("dead{suffix}")));
        let mut history = Self { chance, house, suffix, handle: None, looks: 0 };
        let mut expected = history.kill_some();
        let mut input = json!({"SourceArn": arn(&history.name("dead"))});
        if history.chance.bool() {
            input["DestinationArn"] = arn(&history.name("other")).into();
            expected.values_mut().for_each(|place| *place = "other");
        }
        if history.chance.bool() {
            input["MaxNumberOfMessagesPerSecond"] = history.chance.u32(1..501).into();
        }
        let handle = start(&history.house, &input).unwrap();
        history.handle = history.chance.bool().then_some(handle);
        for _ in 0..history.chance.usize(1..60) {
            history = history.step();
        }
        finish(&history.house);
        deliver(&history.house);
        history.check(&expected);
    }

    fn name(&self, queue: &str) -> String {
        format!("{queue}{}", self.suffix)
    }

    /// Makes dead letters of two sources, in the order of their numbers; says where each comes from.
    fn kill_some(&mut self) -> BTreeMap<String, &'static str> {
        let mut origins = BTreeMap::new();
        for message in 0..self.chance.usize(1..30) {
            let (origin, body) = (*self.chance.choice(["a", "b"].iter()).unwrap(), message.to_string());
            let mut input = json!({"QueueUrl": self.name(origin), "MessageBody": body});
            if !self.suffix.is_empty() {
                input["MessageGroupId"] = group_of(&body).to_string().into();
                input["MessageDeduplicationId"] = body.clone().into();
            }
            self.house.ask("SendMessage", &input).unwrap();
            kill(&self.house, &self.name(origin), &[]);
            origins.insert(body, origin);
        }
        origins
    }

    fn step(mut self) -> Self {
        let store = &self.house.store;
        match self.chance.u32(..14) {
            0 | 1 => return self.crash(),
            2..=5 => {
                // It is let go of where it waits for the disk, as by a crash.
                let mut step = pin!(self.house.sqs.proceed_moves());
                let _ = step.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            }
            6 => drop(proceed(&self.house)),
            7 | 8 => drop(store.deliver()),
            9 => {
                store.tend().unwrap();
                store.checkpoint().unwrap();
            }
            10 => self.house.clock.advance_millis(50),
            11 if self.looks == 0 => {
                let input = json!({"QueueUrl": self.name("dead"), "MaxNumberOfMessages": self.chance.u32(1..4)});
                self.house.ask("ReceiveMessage", &input).unwrap();
                self.looks += 1;
            }
            12 if self.chance.u8(..8) == 0 => {
                if let Some(handle) = self.handle.take() {
                    // Refused if it has ended.
                    let _ = self.house.ask("CancelMessageMoveTask", &json!({"TaskHandle": handle}));
                }
            }
            _ => drop(store.journal().commit().unwrap()),
        }
        self
    }

    fn crash(mut self) -> Self {
        if self.chance.bool() {
            self.house.disk.power_off_at(self.house.disk.ops() + self.chance.u64(1..5));
            let _ = self.house.store.journal().commit();
        }
        let disk = if self.chance.bool() { self.house.disk.crash() } else { self.house.disk.kill() };
        let clock = Arc::new(ManualClock::at(self.house.clock.now()));
        self.house = House::open(Arc::new(disk), clock);
        self
    }

    fn check(&self, expected: &BTreeMap<String, &str>) {
        let shown = newest(&self.house, &self.name("dead"));
        let is_cancelled = shown["Status"] == "CANCELLED";
        assert!(is_cancelled || shown["Status"] == "COMPLETED", "{shown}");
        assert_eq!(shown["ApproximateNumberOfMessagesToMove"], expected.len());
        self.house.clock.advance_millis(31_000);
        let left = bodies(&self.house, &self.name("dead"));
        assert!(left.is_empty() || is_cancelled || self.looks > 0, "left behind: {left:?}");
        let mut found: BTreeMap<String, &str> = left.iter().map(|body| (body.clone(), "dead")).collect();
        assert_eq!(found.len(), left.len(), "a message is there twice");
        for queue in ["a", "b", "other"] {
            let moved = bodies(&self.house, &self.name(queue));
            self.check_order(&moved, &left);
            for body in moved {
                assert_eq!(expected[&body], queue);
                assert_eq!(found.insert(body, queue), None, "a message is there twice");
            }
        }
        assert_eq!(found.len(), expected.len(), "a message is lost");
        assert_eq!(shown["ApproximateNumberOfMessagesMoved"], expected.len() - left.len());
    }

    /// A FIFO queue's groups have moved in their order, and none past what stayed.
    fn check_order(&self, moved: &[String], left: &[String]) {
        for group in (0..3).filter(|_| !self.suffix.is_empty()) {
            let of_group = |bodies: &[String]| -> Vec<usize> {
                bodies.iter().filter(|body| group_of(body) == group).map(|body| body.parse().unwrap()).collect()
            };
            let (moved, left) = (of_group(moved), of_group(left));
            assert!(moved.is_sorted(), "{moved:?}");
            assert!(moved.iter().all(|one| left.iter().all(|other| one < other)), "{moved:?} before {left:?}");
        }
    }
}

#[test]
fn a_power_cut_in_the_middle_of_a_task_loses_and_doubles_nothing() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("TIDEWIRE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TIDEWIRE_SEEDS").unwrap_or(300),
    };
    for seed in seeds {
        let run = std::panic::catch_unwind(|| History::run(seed));
        assert!(run.is_ok(), "repeat it: TIDEWIRE_SEED={seed} cargo test -p sqs --test move_tasks");
    }
}
