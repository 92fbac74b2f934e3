//! Fills a stream: connections that each send batches under keys of their own, numbered in place.
//!
//! A record's data begins with twelve digits, the round it was sent in; a connection sends its next round when the last was
//! acknowledged. So a key's records must come back with the numbers from 0 on, without a gap, in their order.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::task::JoinSet;

use crate::caller::Caller;
use crate::kinesis::requests::{BATCH, base64, data};
use crate::request::Requests;

/// Connections that fill.
pub(super) const LANES: usize = 8;

/// Digits of a round in a record's data, and the characters of base64 that they are.
const DIGITS: usize = 12;
const CHARS: usize = 16;

/// What is sent, over and over.
struct Lane {
    request: Vec<u8>,
    /// Where each record's round stands.
    places: Vec<usize>,
}

/// The key of a lane's record.
pub(super) fn key(lane: usize, number: usize) -> String {
    format!("{lane}-{number:03}")
}

/// The lane of a key, and the number in it.
pub(super) fn lane_of(key: &str) -> Option<usize> {
    key.split_once('-')?.0.parse().ok()
}

/// The round of a record, out of its data in base64.
pub(super) fn round_of(data: &str) -> Option<u64> {
    let digits = base64_simd::STANDARD.decode_to_vec(data.get(..CHARS)?).ok()?;
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

impl Lane {
    fn new(address: SocketAddr, stream: &str, lane: usize) -> Self {
        let blank = "@".repeat(CHARS);
        let record = |number: usize| {
            let rest = base64(&data(number)[DIGITS..]);
            format!(r#"{{"PartitionKey":"{}","Data":"{blank}{rest}"}}"#, key(lane, number))
        };
        let records: Vec<String> = (0..BATCH).map(record).collect();
        let body = format!(r#"{{"StreamName":"{stream}","Records":[{}]}}"#, records.join(","));
        let request = Requests::of_kinesis(address).build("PutRecords", body.as_bytes());
        let places: Vec<usize> = memchr::memmem::find_iter(&request, &blank).collect();
        assert_eq!(places.len(), BATCH, "a record has one place for its round");
        Self { request, places }
    }

    fn numbered(&mut self, round: u64) -> &[u8] {
        let digits = base64(format!("{round:0DIGITS$}").as_bytes());
        for &place in &self.places {
            self.request[place..place + CHARS].copy_from_slice(digits.as_bytes());
        }
        &self.request
    }
}

/// What all lanes have sent so far, and whether they shall go on.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) records: AtomicU64,
    pub(super) stopped: AtomicBool,
}

/// Sends until `records` were taken; each lane's number of rounds.
pub(super) async fn fill(
    address: SocketAddr,
    stream: &str,
    records: u64,
    progress: &Arc<Progress>,
) -> Result<HashMap<usize, u64>, String> {
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let (mut requests, progress) = (Lane::new(address, stream, lane), Arc::clone(progress));
        lanes.spawn(async move {
            let (mut caller, mut round) = (Caller::of_kinesis(address), 0);
            while progress.records.load(Ordering::Relaxed) < records && !progress.stopped.load(Ordering::Relaxed) {
                let answer = caller.send_prepared(requests.numbered(round)).await.map_err(|error| error.to_string())?;
                let taken = memchr::memmem::find_iter(answer, "\"SequenceNumber\"").count();
                if taken != BATCH {
                    return Err(format!("only {taken} taken: {:.300}", String::from_utf8_lossy(answer)));
                }
                progress.records.fetch_add(BATCH as u64, Ordering::Relaxed);
                round += 1;
            }
            Ok((lane, round))
        });
    }
    let mut rounds = HashMap::new();
    while let Some(lane) = lanes.join_next().await {
        rounds.extend([lane.expect("a lane does not panic")?]);
    }
    Ok(rounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_read_back_out_of_every_record() {
        let mut lane = Lane::new("127.0.0.1:1".parse().unwrap(), "s", 3);
        let text = String::from_utf8(lane.numbered(4711).to_vec()).unwrap();
        let body: serde_json::Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
        for (number, record) in body["Records"].as_array().unwrap().iter().enumerate() {
            assert_eq!(round_of(record["Data"].as_str().unwrap()), Some(4711));
            assert_eq!(record["PartitionKey"], key(3, number));
        }
        assert_eq!((lane_of("3-017"), lane_of("look"), round_of("short")), (Some(3), None, None));
    }
}
