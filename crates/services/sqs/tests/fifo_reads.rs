//! A FIFO queue on a disk that does not read for a while: order is kept by handing out nothing, and nothing is forgotten.

mod house;

use engine::StoreOptions;
use house::House;
use journal::Options;
use serde_json::json;

/// Sends to one group, and has the messages leave memory.
fn house_with_messages_on_disk() -> House {
    let house = House::new();
    house.ask("CreateQueue", &json!({"QueueName": "q.fifo", "Attributes": {"FifoQueue": "true"}})).expect("a new name");
    for body in ["a", "b", "c"] {
        let input =
            json!({"QueueUrl": "q.fifo", "MessageBody": body, "MessageGroupId": "g", "MessageDeduplicationId": body});
        house.ask("SendMessage", &input).expect("a message");
    }
    house.store.journal().close();
    let options = StoreOptions { journal: Options::small(1 << 18), memory_bytes: 0, keyring: None };
    House::with(house.disk, house.clock, options).expect("the log is whole")
}

fn receive(house: &House, max: usize) -> Result<Vec<String>, String> {
    let input = json!({"QueueUrl": "q.fifo", "MaxNumberOfMessages": max, "VisibilityTimeout": 5});
    let answer = house.ask("ReceiveMessage", &input).map_err(|(code, _)| code)?;
    let messages = answer["Messages"].as_array().into_iter().flatten();
    Ok(messages.map(|message| message["Body"].as_str().map(str::to_owned).unwrap_or_default()).collect())
}

fn fail_reads(house: &House, from: u64, count: u64) {
    let next = house.disk.reads() + from;
    house.disk.fail_reads(next..next + count);
}

#[test]
fn a_receive_that_cannot_learn_which_group_a_message_is_of_is_refused_and_the_next_one_learns_it() {
    let mut refused = 0;
    for from in 1.. {
        let house = house_with_messages_on_disk();
        fail_reads(&house, from, 1_000);
        let first = receive(&house, 10);
        if first.is_ok() {
            break;
        }
        assert_eq!(first, Err("ServiceUnavailableException".to_owned()), "reads from {from} on fail");
        refused += 1;
        fail_reads(&house, u64::MAX / 2, 0);
        // If it was handed out before the disk refused to read it, it comes back first.
        house.clock.advance_millis(5_001);
        assert_eq!(receive(&house, 10).unwrap(), ["a", "b", "c"], "reads from {from} on failed");
    }
    assert!(refused >= 2, "the group is learned by one read, and the message handed out by another");
}
