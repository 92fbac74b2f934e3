//! Takes messages out of queues: receives ten and deletes them in one batch, over and over.
//!
//! Whatever was received has been deleted when a drain returns, so nothing of it is in flight or comes again.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::caller::Caller;
use crate::request::{self, BATCH};
use crate::stamped::{self, Stamp};

/// Connections that drain at the same time.
const DRAINERS: usize = 8;

/// Several connections until the time is over or a receive finds nothing; what they took, and in what time.
pub(crate) async fn all_together(
    address: SocketAddr,
    queue_urls: &[String],
    body_bytes: usize,
    window: Duration,
) -> Result<(Vec<Stamp>, Duration), String> {
    let begun = Instant::now();
    let mut drainers = JoinSet::new();
    for number in 0..DRAINERS.max(queue_urls.len()) {
        let queue_url = queue_urls[number % queue_urls.len()].clone();
        drainers.spawn(until(address, queue_url, body_bytes, begun + window));
    }
    let mut stamps = Vec::new();
    while let Some(taken) = drainers.join_next().await {
        stamps.extend(taken.expect("a drainer does not panic")?);
    }
    Ok((stamps, begun.elapsed()))
}

async fn until(
    address: SocketAddr,
    queue_url: String,
    body_bytes: usize,
    deadline: Instant,
) -> Result<Vec<Stamp>, String> {
    let mut caller = Caller::new(address);
    let mut taken = Vec::new();
    while Instant::now() < deadline {
        let stamps = step(&mut caller, &queue_url, body_bytes, BATCH).await?;
        if stamps.is_empty() {
            break;
        }
        taken.extend(stamps);
    }
    Ok(taken)
}

/// The next `count` messages of one queue over one connection, in the order in which they came.
pub(crate) async fn one_by_one(
    address: SocketAddr,
    queue_url: &str,
    body_bytes: usize,
    count: u64,
) -> Result<Vec<Stamp>, String> {
    let mut caller = Caller::new(address);
    let mut taken = Vec::new();
    while (taken.len() as u64) < count {
        let most = BATCH.min(count as usize - taken.len());
        let stamps = step(&mut caller, queue_url, body_bytes, most).await?;
        if stamps.is_empty() {
            return Err(format!("a receive found nothing after {} of {count} messages", taken.len()));
        }
        taken.extend(stamps);
    }
    Ok(taken)
}

/// One receive and the deletion of all it brought.
async fn step(caller: &mut Caller, queue_url: &str, body_bytes: usize, most: usize) -> Result<Vec<Stamp>, String> {
    let text = |error: io::Error| error.to_string();
    let receive = format!(r#"{{"QueueUrl":"{queue_url}","MaxNumberOfMessages":{most}}}"#);
    let answer = caller.call("ReceiveMessage", &receive).await.map_err(text)?;
    let (stamps, handles) = stamped::received(answer, body_bytes)?;
    if handles.is_empty() {
        return Ok(stamps);
    }
    let delete = request::delete_message_batch(queue_url, &handles);
    let answer = caller.call("DeleteMessageBatch", &delete).await.map_err(text)?;
    let deleted = memchr::memmem::find_iter(answer, "\"Id\"").count();
    if deleted == handles.len() && memchr::memmem::find(answer, b"\"Code\"").is_none() {
        return Ok(stamps);
    }
    Err(format!("not all of {} were deleted: {:.300}", handles.len(), String::from_utf8_lossy(answer)))
}
