//! What Kinesis is asked, as JSON: records of 1 KB that do not compress, streams and where their hashes lie.
//!
//! Data is the same in every run and for every server, JetStream included. Keys are as many as records in a batch, so that a
//! batch spreads over the shards as a producer's would.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::caller::Caller;
use crate::request;

/// Records in one PutRecords, the most AWS takes.
pub(crate) const BATCH: usize = 500;

/// What a record carries, before base64.
pub(crate) const RECORD_BYTES: usize = 1024;

/// Different PutRecord requests, which connections take in turn.
pub(crate) const SINGLES: usize = 200;

/// How long a stream or a consumer may take to be there.
const ACTIVE_PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at whether it is.
const LOOK: Duration = Duration::from_millis(20);

/// The data of a record, other for each number.
pub(crate) fn data(number: usize) -> Vec<u8> {
    let mut chance = fastrand::Rng::with_seed(number as u64 + 1);
    (0..RECORD_BYTES).map(|_| chance.u8(..)).collect()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}

/// PutRecords of a whole batch.
pub(crate) fn put_records(stream: &str) -> String {
    let record = |number| format!(r#"{{"Data":"{}","PartitionKey":"key-{number:03}"}}"#, base64(&data(number)));
    let records: Vec<String> = (0..BATCH).map(record).collect();
    format!(r#"{{"StreamName":"{stream}","Records":[{}]}}"#, records.join(","))
}

/// PutRecord, with another key for each number.
pub(crate) fn put_record(stream: &str, number: usize) -> String {
    let data = base64(&data(number));
    format!(r#"{{"StreamName":"{stream}","Data":"{data}","PartitionKey":"key-{number:03}"}}"#)
}

/// PutRecords of one record for each shard, all under the key `key`.
pub(crate) fn put_to_each(stream: &str, shards: usize, key: &str) -> String {
    let data = base64(&data(0));
    let record = |shard| {
        let hash = hash_within(shard, shards);
        format!(r#"{{"Data":"{data}","PartitionKey":"{key}","ExplicitHashKey":"{hash}"}}"#)
    };
    let records: Vec<String> = (0..shards).map(record).collect();
    format!(r#"{{"StreamName":"{stream}","Records":[{}]}}"#, records.join(","))
}

/// A hash in the middle of one of so many shards that divide the hashes evenly.
pub(crate) fn hash_within(shard: usize, shards: usize) -> u128 {
    let width = u128::MAX / shards as u128;
    width * shard as u128 + width / 2
}

/// The name of the shard with this number.
pub(crate) fn shard_name(number: usize) -> String {
    format!("shardId-{number:012}")
}

/// Makes a stream of its own, and waits until it can be used.
pub(crate) async fn create_stream(address: SocketAddr, shards: usize) -> io::Result<String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("bench-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let mut caller = Caller::of_kinesis(address);
    caller.call("CreateStream", &format!(r#"{{"StreamName":"{name}","ShardCount":{shards}}}"#)).await?;
    let question = format!(r#"{{"StreamName":"{name}","Limit":1}}"#);
    until_active(&mut caller, "DescribeStream", &question, "StreamStatus").await?;
    Ok(name)
}

/// Deletes a stream with its consumers.
pub(crate) async fn delete_stream(address: SocketAddr, name: &str) -> io::Result<()> {
    let body = format!(r#"{{"StreamName":"{name}","EnforceConsumerDeletion":true}}"#);
    Caller::of_kinesis(address).call("DeleteStream", &body).await.map(drop)
}

/// Asks until what is asked for is ACTIVE.
pub(crate) async fn until_active(caller: &mut Caller, operation: &str, body: &str, member: &str) -> io::Result<()> {
    let deadline = Instant::now() + ACTIVE_PATIENCE;
    while request::members(caller.call(operation, body).await?, member).first() != Some(&"ACTIVE") {
        if Instant::now() > deadline {
            return Err(io::Error::other(format!("{operation} does not say ACTIVE after {ACTIVE_PATIENCE:?}")));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// The integer of the first member `name` in a JSON answer.
pub(crate) fn integer(json: &[u8], name: &str) -> Option<i64> {
    let quoted = format!("\"{name}\"");
    let at = memchr::memmem::rfind(json, quoted.as_bytes())? + quoted.len();
    let value = json[at..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
    std::str::from_utf8(&value[..digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_body_is_json_and_a_batch_has_its_records() {
        let batch: serde_json::Value = serde_json::from_str(&put_records("s")).unwrap();
        let records = batch["Records"].as_array().unwrap();
        assert_eq!(records.len(), BATCH);
        assert_ne!(records[0]["Data"], records[1]["Data"]);
        let each: serde_json::Value = serde_json::from_str(&put_to_each("s", 5, "k")).unwrap();
        assert_eq!(each["Records"].as_array().unwrap().len(), 5);
        let single: serde_json::Value = serde_json::from_str(&put_record("s", 7)).unwrap();
        assert_eq!(single["Data"].as_str().unwrap().len(), RECORD_BYTES.div_ceil(3) * 4);
    }

    #[test]
    fn hashes_lie_in_their_shards() {
        let width = u128::MAX / 10;
        for shard in 0..10 {
            let hash = hash_within(shard, 10);
            assert!(hash > width * shard as u128 && hash < width * (shard as u128 + 1));
        }
    }

    #[test]
    fn integers_are_found_behind_their_names() {
        assert_eq!(integer(br#"{"MillisBehindLatest": 1200,"Records":[]}"#, "MillisBehindLatest"), Some(1200));
        assert_eq!(integer(br#"{"Records":[]}"#, "MillisBehindLatest"), None);
    }
}
