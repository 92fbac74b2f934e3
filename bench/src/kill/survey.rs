//! After each start: every message of every queue is received, held against the ledger, and most are deleted.
//!
//! A body is its number, its length and a text that follows from the number, so a damaged one is told without keeping what
//! was sent. A queue has been read to its end when its own counts say that all its messages are in our hands; leases and
//! delays of the round before are waited out.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fastrand::Rng;
use tokio::task::JoinSet;

use crate::caller::{Caller, QueueCounts};
use crate::kill::ledger::{Broken, Found, Ledger};
use crate::request::{self, BATCH};

/// How long a queue may take until all its messages were received.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than a survey takes, so that no message comes twice.
const LEASE_SECS: u32 = 600;

/// Of the messages found, one batch in this many is given back for the next round; the others are deleted.
const GIVEN_BACK_ONE_IN: usize = 10;

const TEXT: &str = "tides do not forget what they carried, and a log does not either; ";

/// The body of a message: as long as asked, and like no other.
pub(crate) fn body(number: u64, bytes: usize) -> String {
    let start = (number % TEXT.len() as u64) as usize;
    let head = format!("{number:016}-{bytes:08} ");
    head.chars().chain(TEXT.chars().cycle().skip(start)).take(bytes).collect()
}

/// The number in a body that is exactly as it was sent.
fn number_of(text: &str) -> Option<u64> {
    let number = text.get(..16)?.parse().ok()?;
    (body(number, text.len()) == text).then_some(number)
}

/// The messages in a receive's answer.
pub(crate) fn messages(answer: &[u8], queue: usize) -> Vec<Found> {
    let (ids, handles) = (request::members(answer, "MessageId"), request::members(answer, "ReceiptHandle"));
    let bodies = request::members(answer, "Body");
    let parts = ids.into_iter().zip(handles).zip(bodies);
    parts
        .map(|((id, handle), body)| Found {
            queue,
            message_id: id.to_owned(),
            receipt_handle: handle.to_owned(),
            number: number_of(body),
        })
        .collect()
}

/// An error unless a batch's answer says that all its entries were done.
pub(crate) fn all_done(answer: &[u8], entries: usize) -> Result<(), String> {
    let done = request::members(answer, "Id").len();
    if done == entries && memchr::memmem::find(answer, b"\"Code\"").is_none() {
        return Ok(());
    }
    Err(format!("not all {entries} entries were done: {:.300}", String::from_utf8_lossy(answer)))
}

/// A ChangeMessageVisibilityBatch that makes messages visible at once.
pub(crate) fn give_back(queue_url: &str, receipt_handles: &[&str]) -> String {
    let entry =
        |(id, handle): (usize, &&str)| format!(r#"{{"Id":"{id}","ReceiptHandle":"{handle}","VisibilityTimeout":0}}"#);
    let entries: Vec<String> = receipt_handles.iter().enumerate().map(entry).collect();
    format!(r#"{{"QueueUrl":"{queue_url}","Entries":[{}]}}"#, entries.join(","))
}

/// Reads all queues, checks them, and thins them out for the next round.
pub(crate) async fn check(
    address: SocketAddr,
    urls: &[String],
    ledger: &Arc<Mutex<Ledger>>,
    chance: &mut Rng,
) -> Result<Option<Broken>, String> {
    let mut readers = JoinSet::new();
    for (queue, queue_url) in urls.iter().cloned().enumerate() {
        readers.spawn(async move { read_all(address, &queue_url, queue).await });
    }
    let mut found = Vec::new();
    while let Some(read) = readers.join_next().await {
        found.extend(read.map_err(|error| error.to_string())??);
    }
    if let Some(broken) = ledger.lock().expect("no client panics").check(&found) {
        return Ok(Some(broken));
    }
    let mut caller = Caller::new(address);
    for (queue, queue_url) in urls.iter().enumerate() {
        let here: Vec<&Found> = found.iter().filter(|message| message.queue == queue).collect();
        thin_out(&mut caller, queue_url, &here, ledger, chance).await?;
    }
    Ok(None)
}

async fn read_all(address: SocketAddr, queue_url: &str, queue: usize) -> Result<Vec<Found>, String> {
    let (mut caller, deadline) = (Caller::new(address), Instant::now() + PATIENCE);
    let receive = format!(
        r#"{{"QueueUrl":"{queue_url}","MaxNumberOfMessages":{BATCH},"VisibilityTimeout":{LEASE_SECS},"WaitTimeSeconds":1}}"#
    );
    let mut found = Vec::new();
    loop {
        let counts = caller.counts(queue_url).await.map_err(|error| error.to_string())?;
        let all = QueueCounts { in_flight: found.len() as u64, ..QueueCounts::default() };
        if counts == all {
            return Ok(found);
        }
        if Instant::now() > deadline {
            return Err(format!("queue {queue}: {} messages were received, and it says {counts:?}", found.len()));
        }
        loop {
            let answer = caller.call("ReceiveMessage", &receive).await.map_err(|error| error.to_string())?;
            let messages = messages(answer, queue);
            if messages.is_empty() {
                break;
            }
            found.extend(messages);
        }
    }
}

/// Deletes most messages and makes the others visible again; those that are to stay for good are always among them.
async fn thin_out(
    caller: &mut Caller,
    queue_url: &str,
    found: &[&Found],
    ledger: &Arc<Mutex<Ledger>>,
    chance: &mut Rng,
) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let keeps = |message: &&&Found| message.number.is_none_or(Ledger::keeps);
    let (kept, others): (Vec<&Found>, Vec<&Found>) = found.iter().partition(keeps);
    for (batches, always_back) in [(kept.chunks(BATCH), true), (others.chunks(BATCH), false)] {
        for batch in batches {
            let handles: Vec<&str> = batch.iter().map(|message| message.receipt_handle.as_str()).collect();
            if always_back || chance.usize(..GIVEN_BACK_ONE_IN) == 0 {
                let answer = caller.call("ChangeMessageVisibilityBatch", &give_back(queue_url, &handles)).await;
                all_done(answer.map_err(text)?, handles.len())?;
                continue;
            }
            let numbers: Vec<u64> = batch.iter().filter_map(|message| message.number).collect();
            numbers.iter().for_each(|&number| ledger.lock().expect("no client panics").deleting(number));
            let handles: Vec<String> = handles.into_iter().map(str::to_owned).collect();
            let answer = caller.call("DeleteMessageBatch", &request::delete_message_batch(queue_url, &handles)).await;
            all_done(answer.map_err(text)?, handles.len())?;
            numbers.iter().for_each(|&number| ledger.lock().expect("no client panics").deleted(number));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_tells_its_number_and_any_change_of_it() {
        let sent = body(1_234, 100);
        assert_eq!((sent.len(), number_of(&sent)), (100, Some(1_234)));
        assert_eq!(number_of(&sent[..99]), None);
        assert_eq!(number_of(&sent.replace("tide", "tile")), None);
        assert_eq!(number_of(&sent.replacen('1', "2", 1)), None);
        assert_eq!(number_of("short"), None);
    }

    #[test]
    fn an_answer_gives_its_messages_and_a_damaged_one_is_among_them() {
        let message = |body: &str| format!(r#"{{"Body":"{body}","MessageId":"i","ReceiptHandle":"h"}}"#);
        let answer = format!(r#"{{"Messages":[{},{}]}}"#, message(&body(7, 60)), message("rot"));
        let numbers: Vec<Option<u64>> = messages(answer.as_bytes(), 0).iter().map(|found| found.number).collect();
        assert_eq!(numbers, [Some(7), None]);
    }

    #[test]
    fn a_batch_is_done_when_every_entry_is() {
        assert!(all_done(br#"{"Successful":[{"Id":"0"},{"Id":"1"}],"Failed":[]}"#, 2).is_ok());
        assert!(all_done(br#"{"Successful":[{"Id":"0"}],"Failed":[]}"#, 2).is_err());
        assert!(all_done(br#"{"Successful":[{"Id":"0"}],"Failed":[{"Id":"1","Code":"X"}]}"#, 2).is_err());
    }
}
