//! A disk that is nearly full refuses sends with AWS's ServiceUnavailable, and still lets a queue be emptied.

mod house;

use house::House;
use serde_json::json;

#[test]
fn a_full_disk_refuses_sends_and_lets_receives_and_deletes_through() {
    let house = House::new();
    house.ask("CreateQueue", &json!({"QueueName": "q"})).unwrap();
    house.ask("SendMessage", &json!({"QueueUrl": "q", "MessageBody": "kept"})).unwrap();
    house.disk.set_capacity(1 << 19);
    house.store.journal().tend().unwrap();

    let body = "x".repeat(20_000);
    let send = json!({"QueueUrl": "q", "MessageBody": body});
    let refused = (0..200).find_map(|_| house.ask("SendMessage", &send).err());
    let (code, sentence) = refused.expect("a disk of half a megabyte takes no four megabytes");
    assert_eq!(code, "ServiceUnavailableException");
    assert!(sentence.contains("the disk is nearly full"), "{sentence}");
    let batch = json!({"QueueUrl": "q", "Entries": [{"Id": "1", "MessageBody": body}]});
    assert_eq!(house.ask("SendMessageBatch", &batch).unwrap_err().0, "ServiceUnavailableException");
    assert_eq!(house.ask("CreateQueue", &json!({"QueueName": "r"})).unwrap_err().0, "ServiceUnavailableException");

    let received = house.ask("ReceiveMessage", &json!({"QueueUrl": "q"})).unwrap();
    let message = &received["Messages"][0];
    assert_eq!(message["Body"], "kept");
    let handle = &message["ReceiptHandle"];
    let change = json!({"QueueUrl": "q", "ReceiptHandle": handle, "VisibilityTimeout": 9});
    house.ask("ChangeMessageVisibility", &change).unwrap();
    house.ask("DeleteMessage", &json!({"QueueUrl": "q", "ReceiptHandle": handle})).unwrap();
    house.ask("PurgeQueue", &json!({"QueueUrl": "q"})).unwrap();

    // Space comes back, and with it the sends.
    house.disk.set_capacity(1 << 30);
    house.store.journal().tend().unwrap();
    house.ask("SendMessage", &send).unwrap();
    let again = house.reopen();
    let counts = json!({"QueueUrl": "q", "AttributeNames": ["ApproximateNumberOfMessages"]});
    let counts = again.ask("GetQueueAttributes", &counts).unwrap();
    assert_eq!(counts["Attributes"]["ApproximateNumberOfMessages"], "1");
}

#[test]
fn a_full_queue_is_an_error_for_short_polls_and_silence_for_long_ones() {
    let house = House::new();
    house.ask("CreateQueue", &json!({"QueueName": "q"})).unwrap();
    let entries: Vec<_> = (0..10).map(|n| json!({"Id": n.to_string(), "MessageBody": "x"})).collect();
    let send = json!({"QueueUrl": "q", "Entries": entries});
    let receive = json!({"QueueUrl": "q", "MaxNumberOfMessages": 10});
    for _ in 0..queue::IN_FLIGHT_MAX / 10 {
        house.ask("SendMessageBatch", &send).unwrap();
        house.ask("ReceiveMessage", &receive).unwrap();
    }
    house.ask("SendMessageBatch", &send).unwrap();
    assert_eq!(house.ask("ReceiveMessage", &receive).unwrap_err().0, "OverLimit");
    let waiting = json!({"QueueUrl": "q", "WaitTimeSeconds": 1});
    let mut asked = house.begin("ReceiveMessage", &waiting);
    assert!(house::poll(&mut asked).is_pending(), "a long poll waits for room");
    house.clock.advance_millis(1_000);
    let std::task::Poll::Ready(answer) = house::poll(&mut asked) else { panic!("its time is over") };
    assert_eq!(answer.unwrap(), json!({}));

    twice_as_many(&house, "q");
    let received = house.ask("ReceiveMessage", &receive).unwrap();
    assert_eq!(received["Messages"].as_array().unwrap().len(), 10, "twice as many may be in flight");
}

fn twice_as_many(house: &House, queue: &str) {
    let attributes = json!({"TidewireInFlightTimes": "2"});
    house
        .ask("SetQueueAttributes", &json!({"QueueUrl": queue, "Attributes": attributes}))
        .expect("the attribute is known");
}

#[test]
fn a_full_fifo_queue_is_silent_and_goes_on_where_twice_as_many_may_be_in_flight() {
    let house = House::new();
    house.ask("CreateQueue", &json!({"QueueName": "q.fifo", "Attributes": {"FifoQueue": "true"}})).unwrap();
    let receive = json!({"QueueUrl": "q.fifo", "MaxNumberOfMessages": 10});
    let send = |group: usize| {
        let entry = |n: usize| {
            let id = format!("{group}-{n}");
            json!({"Id": id, "MessageBody": "x", "MessageGroupId": group.to_string(), "MessageDeduplicationId": id})
        };
        let entries: Vec<_> = (0..10).map(entry).collect();
        house.ask("SendMessageBatch", &json!({"QueueUrl": "q.fifo", "Entries": entries})).unwrap();
    };
    for group in 0..queue::IN_FLIGHT_MAX / 10 {
        send(group);
        let received = house.ask("ReceiveMessage", &receive).unwrap();
        assert_eq!(received["Messages"].as_array().unwrap().len(), 10);
    }
    send(queue::IN_FLIGHT_MAX);
    assert_eq!(house.ask("ReceiveMessage", &receive).unwrap(), json!({}), "no error, no message");
    twice_as_many(&house, "q.fifo");
    let received = house.ask("ReceiveMessage", &receive).unwrap();
    assert_eq!(received["Messages"].as_array().unwrap().len(), 10);
}
