//! The bound on what may wait for the disk, met over HTTP: a send beyond it is refused with AWS's ServiceUnavailable in
//! every protocol, has changed nothing, and goes through as soon as the disk has caught up.
//!
//! The log has the sizes and bounds of the product; only the disk is simulated, and writes when the test says so.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "test code, which may unwrap and give a connection a task"
)]

mod door;
mod house;

use door::{Asked, Door, Form, Reply};
use engine::ManualClock;
use house::House;
use journal::sim::SimDisk;
use journal::{Drive, Options, limits};
use serde_json::{Value, json};
use std::sync::Arc;

const MEBIBYTE: usize = 1 << 20;

fn open(disk: Arc<SimDisk>, clock: Arc<ManualClock>) -> House {
    House::with(disk, clock, Options { drive: Drive::Manual, ..Options::default() }).unwrap()
}

fn count(house: &House, attribute: &str) -> String {
    let ask = json!({"QueueUrl": "q", "AttributeNames": [attribute]});
    house.ask("GetQueueAttributes", &ask).unwrap()["Attributes"][attribute].as_str().unwrap().to_string()
}

/// Sends one mebibyte after the other until one is answered although nothing was written: that one was refused. What is
/// given are the sends still waiting, and the refusal.
async fn fill(door: &Door) -> (Vec<Asked>, Reply) {
    let most = limits::PENDING_BYTES_MAX / MEBIBYTE;
    let mut waiting = Vec::new();
    for _ in 0..=most {
        let mut asked = door.begin(Form::Json, "SendMessage", &message(&"x".repeat(MEBIBYTE))).await;
        match asked.reply_at_once().await {
            Some(refused) => return (waiting, refused),
            None => waiting.push(asked),
        }
    }
    panic!("{most} MiB and more wait for the disk, and nothing was refused");
}

fn message(body: &str) -> Value {
    json!({"QueueUrl": "q", "MessageBody": body})
}

#[tokio::test]
async fn sends_beyond_what_may_wait_for_the_disk_are_refused_change_nothing_and_go_through_afterwards() {
    let house = open(Arc::new(SimDisk::new(1)), Arc::new(ManualClock::at(House::START)));
    house.ask("CreateQueue", &json!({"QueueName": "q"})).unwrap();
    let door = Door::before(&house);
    let (waiting, refused) = fill(&door).await;
    assert_is_busy(&refused, Form::Json);
    let most = limits::PENDING_BYTES_MAX / MEBIBYTE;
    assert!((most - 2..most).contains(&waiting.len()), "{} MiB wait", waiting.len());

    let full = house.store.journal().stats().pending_bytes;
    let last = house.store.journal().last();
    let batch = json!({"QueueUrl": "q", "Entries": [{"Id": "1", "MessageBody": "x".repeat(MEBIBYTE)}]});
    for form in Form::ALL {
        let large = message(&"y".repeat(MEBIBYTE));
        assert_is_busy(&door.begin(form, "SendMessage", &large).await.reply_at_once().await.unwrap(), form);
    }
    assert_is_busy(
        &door.begin(Form::Json, "SendMessageBatch", &batch).await.reply_at_once().await.unwrap(),
        Form::Json,
    );
    let journal = house.store.journal();
    assert_eq!(
        (journal.stats().pending_bytes, journal.last()),
        (full, last),
        "a refused send leaves no trace in the log"
    );

    journal.commit().unwrap();
    let acknowledged = waiting.len();
    for mut asked in waiting {
        assert_eq!(asked.reply().await.status, 200, "what was taken is answered once it is on the disk");
    }
    assert_eq!(count(&house, "ApproximateNumberOfMessages"), acknowledged.to_string(), "nothing refused is there");
    for form in Form::ALL {
        let mut asked = door.begin(form, "SendMessage", &message("small")).await;
        assert!(asked.reply_at_once().await.is_none(), "{form:?}: it is taken, and waits for the disk");
        journal.commit().unwrap();
        assert_eq!(asked.reply().await.status, 200, "{form:?}");
    }
    journal.close();
    let again = open(Arc::clone(&house.disk), Arc::clone(&house.clock));
    assert_eq!(count(&again, "ApproximateNumberOfMessages"), (acknowledged + Form::ALL.len()).to_string());
}

#[tokio::test]
async fn a_receive_that_cannot_be_written_down_is_refused_and_leaves_its_message_visible() {
    let house = open(Arc::new(SimDisk::new(1)), Arc::new(ManualClock::at(House::START)));
    house.ask("CreateQueue", &json!({"QueueName": "q"})).unwrap();
    house.ask("SendMessage", &message("kept")).unwrap();
    let door = Door::before(&house);
    let (waiting, _) = fill(&door).await;
    let mut small = Vec::new();
    // Leases are small: what the mebibytes left has to be filled up to the last byte before one finds no room.
    let room = || limits::PENDING_BYTES_MAX - usize::try_from(house.store.journal().stats().pending_bytes).unwrap();
    let mut besides = 0;
    for bytes in [MEBIBYTE / 2, 32 << 10, 1 << 10] {
        while room() > 2 * (bytes + besides) {
            let before = room();
            let mut asked = door.begin(Form::Json, "SendMessage", &message(&"x".repeat(bytes))).await;
            assert!(asked.reply_at_once().await.is_none());
            small.push(asked);
            besides = before - room() - bytes;
        }
    }
    let mut asked = door.begin(Form::Json, "SendMessage", &message(&"x".repeat(room() - besides))).await;
    assert!(asked.reply_at_once().await.is_none() && room() == 0, "{} bytes are left", room());
    small.push(asked);
    let receive = json!({"QueueUrl": "q", "MaxNumberOfMessages": 10});
    assert_is_busy(
        &door.begin(Form::Json, "ReceiveMessage", &receive).await.reply_at_once().await.unwrap(),
        Form::Json,
    );

    house.store.journal().commit().unwrap();
    assert_eq!(count(&house, "ApproximateNumberOfMessagesNotVisible"), "0");
    assert_eq!(count(&house, "ApproximateNumberOfMessages"), (1 + waiting.len() + small.len()).to_string());
    let first = house.ask("ReceiveMessage", &json!({"QueueUrl": "q", "AttributeNames": ["All"]})).unwrap();
    let first = &first["Messages"][0];
    assert_eq!((&first["Body"], &first["Attributes"]["ApproximateReceiveCount"]), (&json!("kept"), &json!("1")));
}

/// AWS's answer where a server that it needs cannot take the request: ServiceUnavailable, status 503, the server's fault.
fn assert_is_busy(reply: &Reply, form: Form) {
    const SENTENCE: &str = "The request was not carried out: too much is waiting for the disk.";
    const CODE: &str = "com.amazon.coral.service#ServiceUnavailableException";
    assert_eq!(reply.status, 503, "{form:?}");
    assert_eq!(reply.header("content-type"), form.content_type());
    if form != Form::Query {
        assert_eq!(reply.header("x-amzn-query-error"), "ServiceUnavailable;Receiver");
    }
    match form {
        Form::Json => assert_eq!(reply.json(), json!({"__type": CODE, "message": SENTENCE})),
        Form::Cbor => assert_eq!(reply.cbor_texts(), [("__type", CODE), ("message", SENTENCE)]),
        Form::Query => {
            for part in ["<Type>Receiver</Type>", "<Code>ServiceUnavailable</Code>", SENTENCE] {
                assert!(reply.text().contains(part), "{}", reply.text());
            }
        }
    }
}
