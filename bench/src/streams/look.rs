//! Reads a few shards of a full stream from their oldest record to their newest, and holds what comes against what was sent.
//!
//! Every key's records must be there once, in order, from its first round to its last; MillisBehindLatest must be the age of the
//! last record of the answer to the second, and 0 where there is nothing more. What was put at the end of a shard a moment before
//! must be there for an iterator of type LATEST.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use super::fill::{key, lane_of, round_of};
use crate::caller::Caller;
use crate::kinesis::reads::iterator;
use crate::kinesis::requests::{BATCH, RECORD_BYTES, base64, data, hash_within, shard_name};
use crate::latency::Latencies;

/// How far MillisBehindLatest may be from the truth.
const BEHIND_OFF_MAX_MILLIS: i64 = 1_000;

/// What a look found out.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) after: &'static str,
    pub(super) shards: usize,
    /// The first GetRecords of each shard from TRIM_HORIZON.
    pub(super) oldest: Latencies,
    /// The GetRecords that brings what was put a moment before.
    pub(super) newest: Latencies,
    /// The first GetRecords from the middle of the time in which the stream was filled.
    pub(super) middle: Latencies,
    pub(super) records: u64,
    pub(super) reading: Duration,
    /// How far MillisBehindLatest was from the truth at the most.
    pub(super) behind_off_millis: i64,
}

impl Look {
    pub(super) fn megabytes_per_second(&self) -> f64 {
        self.records as f64 * RECORD_BYTES as f64 / 1e6 / self.reading.as_secs_f64().max(1e-9)
    }
}

/// A stream as it was filled.
pub(super) struct Filled {
    pub(super) stream: String,
    pub(super) shards: usize,
    /// The rounds of each lane.
    pub(super) rounds: HashMap<usize, u64>,
    /// The middle of the time in which it was filled, in milliseconds of the epoch.
    pub(super) middle_millis: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    #[serde(borrow)]
    records: Vec<Record<'a>>,
    #[serde(borrow)]
    next_shard_iterator: Option<&'a str>,
    millis_behind_latest: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record<'a> {
    data: &'a str,
    partition_key: &'a str,
    approximate_arrival_timestamp: f64,
}

impl Record<'_> {
    fn arrived_millis(&self) -> i64 {
        (self.approximate_arrival_timestamp * 1e3).round() as i64
    }
}

/// Reads `count` shards from end to end; `number` tells this look's own records from those of others.
pub(super) async fn look(
    address: SocketAddr,
    filled: &Filled,
    count: usize,
    number: usize,
    after: &'static str,
) -> Result<Look, String> {
    let count = count.clamp(1, filled.shards);
    let mut reader = Reader { caller: Caller::of_kinesis(address), filled, look: Look { after, ..Look::default() } };
    for place in 0..count {
        let shard = place * filled.shards / count;
        reader.newest(shard, number).await.map_err(|why| format!("after {after}, {}: {why}", shard_name(shard)))?;
        reader.middle(shard).await.map_err(|why| format!("after {after}, {}: {why}", shard_name(shard)))?;
        reader.whole(shard).await.map_err(|why| format!("after {after}, {}: {why}", shard_name(shard)))?;
    }
    reader.look.shards = count;
    Ok(reader.look)
}

struct Reader<'a> {
    caller: Caller,
    filled: &'a Filled,
    look: Look,
}

impl Reader<'_> {
    async fn iterator(&mut self, shard: usize, kind: &str) -> Result<String, String> {
        let found = iterator(&mut self.caller, &self.filled.stream, &shard_name(shard), kind).await;
        found.map_err(|error| error.to_string())
    }

    /// Puts a record at a shard's end, and reads it from an iterator made before.
    async fn newest(&mut self, shard: usize, number: usize) -> Result<(), String> {
        let iterator = self.iterator(shard, r#""LATEST""#).await?;
        let Filled { stream, shards, .. } = self.filled;
        let (data, hash) = (base64(&data(0)), hash_within(shard, *shards));
        let body = format!(
            r#"{{"StreamName":"{stream}","Data":"{data}","PartitionKey":"look-{number}","ExplicitHashKey":"{hash}"}}"#
        );
        self.caller.call("PutRecord", &body).await.map_err(|error| error.to_string())?;
        let begun = Instant::now();
        let body = format!(r#"{{"ShardIterator":"{iterator}"}}"#);
        let answer = self.caller.call("GetRecords", &body).await.map_err(|error| error.to_string())?;
        self.look.newest.record(begun.elapsed());
        let answer: Answer<'_> = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
        match answer.records.as_slice() {
            [record] if record.partition_key == format!("look-{number}") && answer.millis_behind_latest == 0 => Ok(()),
            records => Err(format!("{} records at the end, {} ms behind", records.len(), answer.millis_behind_latest)),
        }
    }

    /// Begins in the middle of the time; what comes first must not be older.
    async fn middle(&mut self, shard: usize) -> Result<(), String> {
        let middle = self.filled.middle_millis;
        let kind = format!(r#""AT_TIMESTAMP","Timestamp":{}"#, middle as f64 / 1e3);
        let iterator = self.iterator(shard, &kind).await?;
        let begun = Instant::now();
        let body = format!(r#"{{"ShardIterator":"{iterator}","Limit":100}}"#);
        let answer = self.caller.call("GetRecords", &body).await.map_err(|error| error.to_string())?;
        self.look.middle.record(begun.elapsed());
        let answer: Answer<'_> = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
        match answer.records.first() {
            Some(first) if first.arrived_millis() < middle => {
                Err(format!("a record of {} ms before the moment that was asked for", middle - first.arrived_millis()))
            }
            Some(_) => Ok(()),
            None => Err("nothing from the middle on".into()),
        }
    }

    /// Reads a shard from end to end.
    async fn whole(&mut self, shard: usize) -> Result<(), String> {
        let mut iterator = self.iterator(shard, r#""TRIM_HORIZON""#).await?;
        let mut next: HashMap<String, u64> = HashMap::new();
        let mut is_first = true;
        loop {
            let begun = Instant::now();
            let body = format!(r#"{{"ShardIterator":"{iterator}"}}"#);
            let answer = self.caller.call("GetRecords", &body).await.map_err(|error| error.to_string())?;
            let took = begun.elapsed();
            if std::mem::take(&mut is_first) {
                self.look.oldest.record(took);
            }
            self.look.reading += took;
            let answer: Answer<'_> = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
            self.look.records += answer.records.len() as u64;
            answer.records.iter().try_for_each(|record| take(&mut next, record))?;
            self.look.behind_off_millis = self.look.behind_off_millis.max(off(&answer, took)?);
            if answer.millis_behind_latest == 0 {
                break;
            }
            iterator = answer.next_shard_iterator.ok_or("no iterator to go on with")?.to_owned();
        }
        self.check_ends(&next)
    }

    /// Each key that was seen has all its rounds.
    fn check_ends(&self, next: &HashMap<String, u64>) -> Result<(), String> {
        for (key, seen) in next {
            let rounds = lane_of(key).and_then(|lane| self.filled.rounds.get(&lane)).ok_or("a key of nobody")?;
            if seen != rounds {
                return Err(format!("{seen} of the {rounds} records of the key {key}"));
            }
        }
        match next.is_empty() && self.filled.shards <= BATCH {
            true => Err(format!("no records, not even one of a key like {}", key(0, 0))),
            false => Ok(()),
        }
    }
}

/// Takes a record, which must be the next of its key; records of looks are none of these.
fn take(next: &mut HashMap<String, u64>, record: &Record<'_>) -> Result<(), String> {
    if record.partition_key.starts_with("look-") {
        return Ok(());
    }
    let round = round_of(record.data).ok_or("a record's data is not what was sent")?;
    match next.get_mut(record.partition_key) {
        Some(expected) if *expected == round => *expected += 1,
        None if round == 0 => drop(next.insert(record.partition_key.to_owned(), 1)),
        expected => {
            let (key, expected) = (record.partition_key, expected.map_or(0, |expected| *expected));
            return Err(format!("round {round} of the key {key} in the place of {expected}"));
        }
    }
    Ok(())
}

/// How far from the truth an answer says that its reader is behind: the age of its last record, at any moment of the call.
fn off(answer: &Answer<'_>, took: Duration) -> Result<i64, String> {
    let (behind, Some(last)) = (answer.millis_behind_latest, answer.records.last()) else { return Ok(0) };
    if behind == 0 {
        return Ok(0);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
    let age = now.as_millis() as i64 - last.arrived_millis();
    let off = (behind - age).max(age - took.as_millis() as i64 - behind).max(0);
    match off > BEHIND_OFF_MAX_MILLIS {
        true => Err(format!("MillisBehindLatest is {behind}, and the last record is {age} ms old")),
        false => Ok(off),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &'static str, data: &'static str) -> Record<'static> {
        Record { data, partition_key: key, approximate_arrival_timestamp: 1.5 }
    }

    #[test]
    fn records_of_a_key_must_come_once_and_in_order() {
        let mut next = HashMap::new();
        let (zero, one) = ("MDAwMDAwMDAwMDAw", "MDAwMDAwMDAwMDAx");
        assert!(take(&mut next, &record("0-001", one)).is_err());
        take(&mut next, &record("0-001", zero)).unwrap();
        take(&mut next, &record("look-3", "anything")).unwrap();
        take(&mut next, &record("0-001", one)).unwrap();
        assert!(take(&mut next, &record("0-001", one)).is_err());
        assert!(take(&mut next, &record("0-002", "???")).is_err());
    }

    #[test]
    fn a_reader_that_is_told_another_lag_than_its_own_is_a_finding() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let answer = |behind| Answer {
            records: vec![Record { approximate_arrival_timestamp: now - 60.0, ..record("k", "d") }],
            next_shard_iterator: None,
            millis_behind_latest: behind,
        };
        assert!(off(&answer(60_000), Duration::ZERO).unwrap() < BEHIND_OFF_MAX_MILLIS);
        assert!(off(&answer(50_000), Duration::ZERO).is_err() && off(&answer(70_000), Duration::ZERO).is_err());
    }
}
