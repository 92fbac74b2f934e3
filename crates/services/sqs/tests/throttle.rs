//! AWS's throttle of FIFO queues, where `limits = aws` asks for it: so many calls of one action in a second, batches counted as
//! one, and none at all where a queue is of high throughput or the limits are raised.

mod house;

use house::House;
use serde_json::{Value, json};
use sqs::Limits;

fn create(house: &House, name: &str, attributes: &Value) {
    let mut all = json!({"FifoQueue": "true", "ContentBasedDeduplication": "true"});
    for (key, value) in attributes.as_object().expect("an object") {
        all[key] = value.clone();
    }
    house.ask("CreateQueue", &json!({"QueueName": name, "Attributes": all})).expect("a FIFO queue");
}

/// How many of so many calls within one second are refused, all with AWS's error.
fn refused(house: &House, calls: usize, operation: &str, input: impl Fn(usize) -> Value) -> usize {
    let answers = (0..calls).map(|n| house.ask(operation, &input(n)));
    answers.filter_map(Result::err).inspect(|error| assert_eq!(error.0, "RequestThrottled", "{}", error.1)).count()
}

fn send(queue: &'static str) -> impl Fn(usize) -> Value {
    move |n| json!({"QueueUrl": queue, "MessageBody": n.to_string(), "MessageGroupId": "g"})
}

#[test]
fn a_fifo_queue_takes_so_many_calls_a_second_of_each_action() {
    let house = House::limited(Limits::Aws);
    create(&house, "q.fifo", &json!({}));
    assert_eq!(refused(&house, 310, "SendMessage", send("q.fifo")), 10);
    let receive = |_| json!({"QueueUrl": "q.fifo", "VisibilityTimeout": 0});
    assert_eq!(refused(&house, 310, "ReceiveMessage", receive), 10, "another action is counted by itself");
    let entry = |n: usize| json!([{"Id": "1", "MessageBody": n.to_string(), "MessageGroupId": "g"}]);
    let batch = |n| json!({"QueueUrl": "q.fifo", "Entries": entry(n)});
    assert_eq!(refused(&house, 5, "SendMessageBatch", batch), 5, "a batch is a call of its action");
    house.clock.advance_millis(1_000);
    assert_eq!(refused(&house, 300, "SendMessageBatch", batch), 0);
}

#[test]
fn nothing_else_is_throttled() {
    let house = House::limited(Limits::Aws);
    create(
        &house,
        "high.fifo",
        &json!({"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}),
    );
    house.ask("CreateQueue", &json!({"QueueName": "standard"})).expect("a queue");
    assert_eq!(refused(&house, 400, "SendMessage", send("high.fifo")), 0);
    assert_eq!(refused(&house, 400, "SendMessage", send("standard")), 0);
    let raised = House::limited(Limits::Raised);
    create(&raised, "q.fifo", &json!({}));
    assert_eq!(refused(&raised, 400, "SendMessage", send("q.fifo")), 0);
}
