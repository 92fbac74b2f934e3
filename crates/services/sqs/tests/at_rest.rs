//! Queues that nobody uses are put away and answer as if they had not been: attributes, messages, leases, names, counts.

mod house;

use engine::{ManualClock, StoreOptions};
use house::House;
use journal::Options;
use journal::sim::SimDisk;
use serde_json::json;
use std::sync::Arc;

/// Lets everything be put away that nobody uses: each look tells who was used since the one before.
fn rest(house: &House) -> (usize, usize) {
    (0..2).for_each(|_| house.sqs.sweep());
    (0..2).for_each(|_| {
        house.store.put_away();
    });
    house.store.partitions()
}

#[test]
fn queues_at_rest_are_listed_counted_and_described_like_others() {
    let house = House::new();
    for number in 0..20 {
        let input = json!({"QueueName": format!("q{number:02}"), "Attributes": {"DelaySeconds": number.to_string()}});
        house.ask("CreateQueue", &input).unwrap();
    }
    assert_eq!(rest(&house), (0, 20));
    let listed = house.ask("ListQueues", &json!({"QueueNamePrefix": "q1"})).unwrap();
    assert_eq!(listed["QueueUrls"].as_array().unwrap().len(), 10);
    assert_eq!((house.store.partitions(), house.sqs.totals().queues), ((0, 20), 20), "nobody was woken");
    let input = json!({"QueueUrl": "q07", "AttributeNames": ["DelaySeconds"]});
    assert_eq!(house.ask("GetQueueAttributes", &input).unwrap()["Attributes"]["DelaySeconds"], "7");
    assert_eq!(house.store.partitions(), (1, 19));
    let other = json!({"QueueName": "q08", "Attributes": {"DelaySeconds": "9"}});
    let (name, _) = house.ask("CreateQueue", &other).unwrap_err();
    assert!(["QueueNameExists", "QueueAlreadyExists"].contains(&name.as_str()), "{name}");
    house.ask("DeleteQueue", &json!({"QueueUrl": "q09"})).unwrap();
    house.ask("GetQueueUrl", &json!({"QueueName": "q09"})).unwrap_err();
    assert_eq!(house.sqs.totals().queues, 19);
    let house = house.reopen();
    assert_eq!((house.store.partitions().0, house.sqs.totals().queues), (0, 19), "a start wakes nobody either");
    let input = json!({"QueueUrl": "q07", "AttributeNames": ["DelaySeconds"]});
    assert_eq!(house.ask("GetQueueAttributes", &input).unwrap()["Attributes"]["DelaySeconds"], "7");
}

#[test]
fn a_message_that_was_in_flight_when_its_queue_was_put_away_comes_back_in_time() {
    // Memory is scarce, so that nothing stays in it that the disk has, too.
    let options = StoreOptions { journal: Options::small(1 << 18), memory_bytes: 10_000, keyring: None };
    let (disk, clock) = (Arc::new(SimDisk::new(1)), Arc::new(ManualClock::at(House::START)));
    let house = House::with(disk, clock, options).unwrap();
    house.ask("CreateQueue", &json!({"QueueName": "q"})).unwrap();
    // So many that the log's oldest files can be retired, and the rest stands in segments.
    for _ in 0..30 {
        house.ask("SendMessage", &json!({"QueueUrl": "q", "MessageBody": "x".repeat(20_000)})).unwrap();
    }
    let receive = json!({"QueueUrl": "q", "MaxNumberOfMessages": 1, "VisibilityTimeout": 30});
    let taken = house.ask("ReceiveMessage", &receive).unwrap();
    let handle = taken["Messages"][0]["ReceiptHandle"].clone();
    house.ask("CreateQueue", &json!({"QueueName": "filler"})).unwrap();
    for _ in 0..30 {
        let sent = json!({"QueueUrl": "filler", "MessageBody": "y".repeat(20_000)});
        house.ask("SendMessage", &sent).unwrap();
    }
    house.store.tend().unwrap();
    (0..2).for_each(|_| house.sqs.sweep());
    house.store.tend().unwrap();
    house.store.tend().unwrap();
    assert_eq!(house.store.partitions(), (1, 1), "the filler's newest messages stand in the log alone");
    let totals = house.sqs.totals();
    assert_eq!((totals.visible, totals.in_flight), (59, 1));
    house.clock.advance_millis(31_000);
    house.sqs.sweep();
    assert_eq!((house.sqs.totals().visible, house.sqs.totals().in_flight), (60, 0));
    house.ask("DeleteMessage", &json!({"QueueUrl": "q", "ReceiptHandle": handle})).unwrap();
    assert_eq!(house.sqs.totals().visible, 59);
    let clock = Arc::new(ManualClock::at(engine::Clock::now(&*house.clock)));
    let house = House::open(Arc::new(house.disk.crash()), clock);
    assert_eq!(house.sqs.totals().visible, 59);
}

/// Nobody may be told that an expired message is gone and get it back after a crash, whatever the clock says then.
#[test]
fn what_expired_while_its_queue_was_used_stays_gone_for_whoever_is_told_so_after_a_rest() {
    let house = House::new();
    let attributes = json!({"MessageRetentionPeriod": "60"});
    house.ask("CreateQueue", &json!({"QueueName": "q", "Attributes": attributes})).unwrap();
    house.ask("SendMessage", &json!({"QueueUrl": "q", "MessageBody": "x"})).unwrap();
    let receive = json!({"QueueUrl": "q", "VisibilityTimeout": 0});
    let taken = house.ask("ReceiveMessage", &receive).unwrap();
    let handle = taken["Messages"][0]["ReceiptHandle"].clone();
    house.store.checkpoint().unwrap();
    let early = engine::Clock::now(&*house.clock);
    house.clock.advance_millis(200_000);
    house.sqs.sweep();
    assert_eq!(rest(&house), (0, 1));
    house.ask("DeleteMessage", &json!({"QueueUrl": "q", "ReceiptHandle": handle})).unwrap();
    let house = House::open(Arc::new(house.disk.crash()), Arc::new(ManualClock::at(early)));
    assert_eq!(house.sqs.totals().visible, 0, "an acknowledged delete is undone");
}

/// What is remembered of a FIFO queue for five minutes may be too much to be put away, and is not for ever.
#[test]
fn a_fifo_queue_is_put_away_when_its_many_deduplication_ids_are_over() {
    let house = House::new();
    house.ask("CreateQueue", &json!({"QueueName": "q.fifo", "Attributes": {"FifoQueue": "true"}})).unwrap();
    for number in 0..200 {
        let message = json!({"QueueUrl": "q.fifo", "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": number.to_string()});
        house.ask("SendMessage", &message).unwrap();
        let taken = house.ask("ReceiveMessage", &json!({"QueueUrl": "q.fifo"})).unwrap();
        let handle = &taken["Messages"][0]["ReceiptHandle"];
        house.ask("DeleteMessage", &json!({"QueueUrl": "q.fifo", "ReceiptHandle": handle})).unwrap();
    }
    assert_eq!(rest(&house), (1, 0), "its ids are too many");
    house.clock.advance_millis(5 * 60 * 1000);
    assert_eq!(rest(&house), (0, 1));
}
