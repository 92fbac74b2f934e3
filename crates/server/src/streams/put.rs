//! `put`: records from words, lines, files, or what `replay` and `tail` wrote; and the batches that `replay` writes with.
//!
//! What a shard has no room for at this moment is put again after a while. What is refused for good ends the command with its line:
//! what came before it is there, so that the rest can be put again.

use super::record::Put;
use super::shards::Shard;
use super::words;
use super::{Session, with};
use crate::progress::Progress;
use crate::queues::{Stop, open_lines};
use base64_simd::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;
use stream::{UserRecord, aggregate};

/// Records of one PutRecords (PutRecords: Records).
const BATCH_RECORDS_MAX: usize = 500;

/// Bytes of data and partition keys of one PutRecords (PutRecords: 10 MiB).
const BATCH_BYTES_MAX: usize = 10 << 20;

/// Bytes of user records in one aggregate: what the Kinesis Producer Library packs unless it is told otherwise (AggregationMaxSize).
const AGGREGATE_BYTES_MAX: usize = 51_200;

/// How often what was refused for now is put again, and how long after: AWS's throttles count by the second.
const TRIES_MAX: u32 = 30;
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// Records on their way out, each with the number of the line that it came from.
#[derive(Default)]
pub(super) struct Batch {
    entries: Vec<(usize, Put)>,
    bytes: usize,
    /// Records put so far.
    pub(super) put: u64,
    /// What was answered of the latest.
    last: Value,
}

impl Session {
    pub(super) async fn put(&mut self, words: &words::Put) -> Result<(), Stop> {
        let mut packer = match words.aggregate {
            Some(most) => Some(Packer::new(most, self.shards(&words.stream).await?)),
            None => None,
        };
        let (mut batch, mut given) = (Batch::default(), 0u64);
        if words.lines || words.records {
            given = self.put_lines(words, &mut packer, &mut batch).await?;
        } else {
            for (nth, record) in whole(words)?.into_iter().enumerate() {
                given += 1;
                self.add(words, &mut packer, &mut batch, nth + 1, record).await?;
            }
        }
        for (line, packed) in packer.iter_mut().flat_map(Packer::rest) {
            self.add_to(&mut batch, &words.stream, line, packed).await?;
        }
        self.flush(&mut batch, &words.stream).await?;
        match (given, packer) {
            (1, None) => self.print_object(
                &json!({ "shard": batch.last["ShardId"], "sequence_number": batch.last["SequenceNumber"] }),
            ),
            (_, None) => self.print_object(&json!({ "put": given })),
            (_, Some(_)) => self.print_object(&json!({ "put": given, "aggregates": batch.put })),
        }
    }

    async fn put_lines(
        &mut self,
        words: &words::Put,
        packer: &mut Option<Packer>,
        batch: &mut Batch,
    ) -> Result<u64, Stop> {
        let (mut lines, all) = open_lines(words.from.as_deref())?;
        let mut progress = Progress::new("putting");
        let (mut line, mut nth, mut done, mut given) = (Vec::new(), 0, 0, 0);
        loop {
            line.clear();
            nth += 1;
            let read = io::BufRead::read_until(&mut lines, b'\n', &mut line);
            let read = read.map_err(|error| Stop::Failed(format!("line {nth}: {error}")))?;
            if read == 0 {
                break;
            }
            done += read as u64;
            match of_line(words, &line) {
                Ok(None) => {}
                Ok(Some(record)) => {
                    given += 1;
                    self.add(words, packer, batch, nth, record).await?;
                }
                Err(why) => {
                    self.flush(batch, &words.stream).await?;
                    progress.clear();
                    let put = batch.put;
                    return Err(Stop::Failed(format!("line {nth} is no record: {why}; {put} records were put")));
                }
            }
            progress.show(done, all.max(done));
        }
        progress.clear();
        Ok(given)
    }

    async fn add(
        &mut self,
        words: &words::Put,
        packer: &mut Option<Packer>,
        batch: &mut Batch,
        line: usize,
        record: Put,
    ) -> Result<(), Stop> {
        match packer {
            None => self.add_to(batch, &words.stream, line, record).await,
            Some(packer) => match packer.add(line, record) {
                Some((line, packed)) => self.add_to(batch, &words.stream, line, packed).await,
                None => Ok(()),
            },
        }
    }

    /// Adds a record, and puts the batch before it if they do not fit together.
    pub(super) async fn add_to(
        &mut self,
        batch: &mut Batch,
        stream: &str,
        line: usize,
        record: Put,
    ) -> Result<(), Stop> {
        if batch.entries.len() == BATCH_RECORDS_MAX || batch.bytes + record.size() > BATCH_BYTES_MAX {
            self.flush(batch, stream).await?;
        }
        batch.bytes += record.size();
        batch.entries.push((line, record));
        Ok(())
    }

    /// Puts what has been gathered.
    pub(super) async fn flush(&mut self, batch: &mut Batch, stream: &str) -> Result<(), Stop> {
        batch.bytes = 0;
        let mut left = std::mem::take(&mut batch.entries);
        for _ in 0..TRIES_MAX {
            let Some((first, _)) = left.first() else { return Ok(()) };
            let (first, before) = (*first, batch.put);
            let entries: Vec<Value> = left.iter().map(|(_, record)| record.entry()).collect();
            let answer = match self.call("PutRecords", &with(stream, json!({ "Records": entries }))).await {
                Err(failure) if before == 0 => return Err(failure.into()),
                Err(failure) => {
                    return Err(Stop::Failed(format!("line {first}: {failure}; {before} records were put before it")));
                }
                Ok(answer) => answer,
            };
            left = told(batch, left, &answer)?;
            if !left.is_empty() {
                tokio::time::sleep(TRY_AGAIN).await;
            }
        }
        match left.first() {
            None => Ok(()),
            Some((line, _)) => {
                Err(Stop::Failed(format!("line {line}: its shard takes no more; {} records were put", batch.put)))
            }
        }
    }
}

/// Counts what was put; what may be put again is left.
fn told(batch: &mut Batch, entries: Vec<(usize, Put)>, answer: &Value) -> Result<Vec<(usize, Put)>, Stop> {
    let results = answer["Records"].as_array().filter(|results| results.len() == entries.len());
    let results = results.ok_or_else(|| Stop::Failed("the server's answer is not about all records".into()))?;
    let mut left = Vec::new();
    for ((line, record), result) in entries.into_iter().zip(results) {
        match result["ErrorCode"].as_str() {
            None => {
                batch.put += 1;
                batch.last = result.clone();
            }
            Some("ProvisionedThroughputExceededException" | "InternalFailure" | "ServiceUnavailableException") => {
                left.push((line, record));
            }
            Some(code) => {
                let why = result["ErrorMessage"].as_str().unwrap_or_default();
                let put = batch.put;
                return Err(Stop::Failed(format!("line {line} was refused: {why} ({code}); {put} records were put")));
            }
        }
    }
    Ok(left)
}

/// The records that are no lines: words, files, or all of standard input.
fn whole(words: &words::Put) -> Result<Vec<Put>, Stop> {
    let mut found = Vec::new();
    for path in &words.files {
        found.push(fs::read(path).map_err(|error| unreadable(path, &error))?);
    }
    for word in words.data.iter().filter(|word| *word != "-") {
        found.push(bytes(words, word.as_bytes()).map_err(|why| Stop::NotBegun(format!("{word:?}: {why}")))?);
    }
    if words.data.iter().any(|word| word == "-") || found.is_empty() {
        let mut all = Vec::new();
        let read = io::stdin().read_to_end(&mut all);
        read.map_err(|error| Stop::NotBegun(format!("the record cannot be read from standard input: {error}")))?;
        found.push(bytes(words, &all).map_err(|why| Stop::NotBegun(format!("standard input: {why}")))?);
    }
    Ok(found.into_iter().map(|data| Put { key: Some(key(words)), hash: words.hash, data }).collect())
}

fn unreadable(path: &Path, error: &io::Error) -> Stop {
    Stop::NotBegun(format!("{} cannot be read: {error}", path.display()))
}

/// A line's record; none if it is empty and should be one in JSON.
fn of_line(words: &words::Put, line: &[u8]) -> Result<Option<Put>, String> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if words.records {
        let text = std::str::from_utf8(line).map_err(|_| "it is no UTF-8")?;
        return if text.trim().is_empty() { Ok(None) } else { Put::of_line(text).map(Some) };
    }
    let (key, data) = match &words.key_separator {
        None => (key(words), line),
        Some(separator) => {
            let at = line.windows(separator.len().max(1)).position(|window| window == separator.as_bytes());
            let at = at.ok_or_else(|| format!("there is no {separator:?} in it"))?;
            let key = std::str::from_utf8(&line[..at]).map_err(|_| "its partition key is no UTF-8")?;
            (key.to_owned(), &line[at + separator.len()..])
        }
    };
    Ok(Some(Put { key: Some(key), hash: words.hash, data: bytes(words, data)? }))
}

fn bytes(words: &words::Put, given: &[u8]) -> Result<Vec<u8>, String> {
    match words.base64 {
        true => STANDARD.decode_to_vec(given.trim_ascii()).map_err(|_| "it is no base64".into()),
        false => Ok(given.to_vec()),
    }
}

/// The key that was given, else one by chance, so that records are spread over the shards.
fn key(words: &words::Put) -> String {
    words.key.clone().unwrap_or_else(|| format!("{:016x}", fastrand::u64(..)))
}

/// Records that are being packed: one aggregate for each shard, since consumers leave out what belongs to another.
struct Packer {
    most: usize,
    shards: Vec<Shard>,
    open: BTreeMap<usize, Vec<(usize, Put)>>,
}

impl Packer {
    fn new(most: u32, shards: Vec<Shard>) -> Self {
        let shards = shards.into_iter().filter(|shard| shard.is_open).collect();
        Self { most: usize::try_from(most).unwrap_or(usize::MAX), shards, open: BTreeMap::new() }
    }

    /// Takes a record; gives the aggregate before it if that is full.
    fn add(&mut self, line: usize, record: Put) -> Option<(usize, Put)> {
        let hash = record.hash_key();
        let shard = self.shards.iter().position(|shard| shard.takes(hash)).unwrap_or_default();
        let packed = self.open.entry(shard).or_default();
        let bytes: usize = packed.iter().map(|(_, one)| one.size()).sum();
        let is_full = packed.len() == self.most || (!packed.is_empty() && bytes + record.size() > AGGREGATE_BYTES_MAX);
        let full = is_full.then(|| std::mem::take(packed));
        packed.push((line, record));
        full.and_then(|full| pack(&full))
    }

    /// What is not full.
    fn rest(&mut self) -> impl Iterator<Item = (usize, Put)> {
        std::mem::take(&mut self.open).into_values().filter_map(|packed| pack(&packed))
    }
}

/// One record of several, where the first of them belongs. The first goes by its own hash key, and with it all of its shard.
fn pack(records: &[(usize, Put)]) -> Option<(usize, Put)> {
    let (line, first) = records.first()?;
    let user = |(_, record): &(usize, Put)| -> (String, Option<u128>, Vec<u8>) {
        (record.key.clone().unwrap_or_default(), record.hash, record.data.clone())
    };
    let users: Vec<_> = records.iter().map(user).collect();
    let users: Vec<_> = users
        .iter()
        .map(|(key, hash, data)| UserRecord { partition_key: key, explicit_hash: *hash, data, tags: Vec::new() })
        .collect();
    Some((*line, Put { key: first.key.clone(), hash: Some(first.hash_key()), data: aggregate(&users) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(first_hash: u128, last_hash: u128) -> Shard {
        Shard { id: first_hash.to_string(), parents: Vec::new(), first_hash, last_hash, is_open: true }
    }

    fn record(hash: u128) -> Put {
        Put { key: Some("k".into()), hash: Some(hash), data: vec![b'x'; 100] }
    }

    #[test]
    fn records_are_packed_with_those_of_their_shard_alone() {
        let half = u128::MAX / 2;
        let mut packer = Packer::new(2, vec![shard(0, half), shard(half + 1, u128::MAX)]);
        assert!(packer.add(1, record(1)).is_none() && packer.add(2, record(u128::MAX)).is_none());
        assert!(packer.add(3, record(2)).is_none());
        let (line, full) = packer.add(4, record(3)).expect("two are full");
        assert_eq!((line, full.hash, full.key.as_deref()), (1, Some(1), Some("k")));
        let hashes: Vec<_> = stream::disaggregate(&full.data).unwrap().iter().map(UserRecord::hash).collect();
        assert_eq!(hashes, [1, 2]);
        let rest: Vec<_> = packer.rest().map(|(line, one)| (line, one.hash)).collect();
        assert_eq!(rest, [(4, Some(3)), (2, Some(u128::MAX))]);
        assert_eq!(packer.rest().count(), 0);
    }

    #[test]
    fn an_aggregate_has_no_more_bytes_than_producers_pack() {
        let mut packer = Packer::new(10_000, vec![shard(0, u128::MAX)]);
        let full = (0..600).find_map(|nth| packer.add(nth, record(1))).expect("some fifty kilobytes are full").1;
        assert!((50_000..AGGREGATE_BYTES_MAX + 8_000).contains(&full.data.len()), "{}", full.data.len());
    }
}
