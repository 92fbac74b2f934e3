//! GetRecords from the oldest to the newest: how fast a reader that is behind catches up.
//!
//! A connection reads one shard after the other, each from TRIM_HORIZON until it is 0 ms behind, 10,000 records at a time. What
//! was put a moment before is in the server's memory; `bench streams` reads what is not.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::requests::{integer, shard_name};
use crate::caller::Caller;
use crate::latency::Latencies;
use crate::load::Counts;
use crate::request;
use crate::usage::CpuSample;

/// Readers at the same time.
const READERS_MAX: usize = 8;

/// A slow peer is not waited for beyond this.
const PATIENCE: Duration = Duration::from_secs(15);

/// Reads all shards to their ends, and counts.
pub(crate) async fn catch_up(address: SocketAddr, pid: u32, stream: &str, shards: usize) -> Counts {
    let (before, begun) = (CpuSample::of(pid), Instant::now());
    let mut readers = JoinSet::new();
    let count = READERS_MAX.min(shards);
    for reader in 0..count {
        let stream = stream.to_owned();
        readers.spawn(async move {
            let mut read = Read::default();
            for shard in (reader..shards).step_by(count) {
                read.shard(address, &stream, shard, begun + PATIENCE).await?;
            }
            Ok::<_, io::Error>(read)
        });
    }
    let mut counts = Counts::default();
    while let Some(read) = readers.join_next().await {
        match read.expect("a reader does not panic") {
            Ok(read) => {
                counts.requests += read.latencies.len() as u64;
                counts.messages += read.records;
                counts.latencies.merge(&read.latencies);
            }
            Err(error) => {
                counts.failed += 1;
                counts.failure.get_or_insert(error.to_string());
            }
        }
    }
    let after = CpuSample::of(pid);
    counts.elapsed = begun.elapsed();
    (counts.cpu, counts.cpu_by_name) = (after.since(&before), after.by_name_since(&before));
    counts
}

#[derive(Default)]
struct Read {
    latencies: Latencies,
    records: u64,
}

impl Read {
    async fn shard(&mut self, address: SocketAddr, stream: &str, shard: usize, until: Instant) -> io::Result<()> {
        let mut caller = Caller::of_kinesis(address);
        let mut iterator = iterator(&mut caller, stream, &shard_name(shard), r#""TRIM_HORIZON""#).await?;
        loop {
            let begun = Instant::now();
            let body = format!(r#"{{"ShardIterator":"{iterator}","Limit":10000}}"#);
            let answer = caller.call("GetRecords", &body).await?;
            self.latencies.record(begun.elapsed());
            self.records += memchr::memmem::find_iter(answer, "\"SequenceNumber\"").count() as u64;
            let behind = integer(answer, "MillisBehindLatest").unwrap_or(0);
            let next = request::members(answer, "NextShardIterator").first().map(ToString::to_string);
            match next {
                Some(next) if behind > 0 && Instant::now() < until => iterator = next,
                _ => return Ok(()),
            }
        }
    }
}

/// An iterator of a shard; `kind` is its type in JSON, with what belongs to it behind a comma.
pub(crate) async fn iterator(caller: &mut Caller, stream: &str, shard: &str, kind: &str) -> io::Result<String> {
    let body = format!(r#"{{"StreamName":"{stream}","ShardId":"{shard}","ShardIteratorType":{kind}}}"#);
    let answer = caller.call("GetShardIterator", &body).await?;
    let found = request::members(answer, "ShardIterator").first().map(ToString::to_string);
    found.ok_or_else(|| io::Error::other("the answer to GetShardIterator has no ShardIterator"))
}
