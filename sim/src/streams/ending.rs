//! The first requests of a history about streams, and the settling of accounts: every stream is read from its first shards to its last.

use super::ask;
use super::{QUEUES, Reader, STREAMS, number_of};
use crate::plan::Misfortunes;
use crate::world::World;
use std::collections::BTreeSet;

/// Answers after which a shard has to have been read.
const READ_TURNS: usize = 2_000;

/// The longest that anybody hides a record of a queue for, and some seconds.
const HIDDEN_MILLIS_MAX: u64 = 25_000;

/// For how long it is hidden when a queue is emptied, in seconds: longer than that takes.
const DRAIN_HIDDEN_SECS: u64 = 40_000;

/// What passes before a look whether an empty receive is over, which waits for a second.
const WAIT_MILLIS: u64 = 300;

/// Empty receives after which a queue is.
const EMPTY_TURNS: usize = 2;

/// Records that are asked for at once: few, so that iterators go on.
const READ_LIMIT: usize = 7;

impl World {
    /// The streams, and what stands on them.
    pub(crate) async fn begin_streams(&mut self) -> Result<(), String> {
        for stream in 0..STREAMS.len() {
            self.ask_quietly(&ask::create(stream)).await?;
        }
        for queue in 0..QUEUES.len() {
            self.must_succeed(&ask::make_queue(queue)).await?;
        }
        self.must_succeed(&ask::make_group()).await?;
        self.must_succeed(&ask::make_table()).await.map(drop)
    }

    /// Everything is read and compared with what is known.
    pub(crate) async fn conclude_streams(&mut self, misfortunes: Misfortunes) -> Result<(), String> {
        for stream in 0..STREAMS.len() {
            let listing = self.ask_quietly(&ask::list(stream, false)).await?;
            if listing.status == 200 {
                self.read_whole(stream).await?;
            }
        }
        self.must_succeed(&ask::describe_group()).await?;
        let rots = misfortunes.bit_rot && self.chance.u8(..4) == 0;
        // Past everything that is in flight, by any clock.
        let ahead = self.oracle.wall_max() - self.wall;
        self.pass(ahead + HIDDEN_MILLIS_MAX).await;
        for queue in 0..QUEUES.len() {
            self.empty_queue(queue).await?;
        }
        if rots {
            self.check_rotten_streams().await?;
        }
        Ok(())
    }

    /// A byte rots: what is missing then is told, and everything else stands where it did.
    async fn check_rotten_streams(&mut self) -> Result<(), String> {
        let Some(damage) = self.let_rot().await? else { return Ok(()) };
        self.oracle.streams.is_rotten = true;
        for (stream, kind) in STREAMS.iter().enumerate() {
            let listing = self.ask_quietly(&ask::list(stream, false)).await?;
            if listing.status == 200 {
                self.read_whole(stream).await.map_err(|why| format!("{why}: {damage}"))?;
                let missing = std::mem::take(&mut self.oracle.streams.missing_bytes);
                self.report.unreadable += u64::from(missing > 0);
                self.check_missing(kind.name, missing).map_err(|why| format!("{why}: {damage}"))?;
            }
        }
        Ok(())
    }

    /// Takes everything out of a queue, dead letters among it.
    async fn empty_queue(&mut self, queue: usize) -> Result<(), String> {
        let mut found = BTreeSet::new();
        for is_dead in [false, true] {
            let mut empty = 0;
            while empty < EMPTY_TURNS {
                let request = ask::receive(&self.oracle.streams, queue, is_dead, (10, DRAIN_HIDDEN_SECS), 1);
                let answer = self.ask_and_wait(&request, WAIT_MILLIS).await?;
                let records = answer.body["QueueRecords"].as_array().map_or(&[][..], Vec::as_slice);
                empty = if records.is_empty() { empty + 1 } else { 0 };
                found.extend(records.iter().filter_map(number_of));
            }
        }
        self.oracle.streams.check_queue(queue, &found)
    }

    /// Reads every shard of a stream, parents before their children.
    async fn read_whole(&mut self, stream: usize) -> Result<(), String> {
        let (shards, known) =
            self.oracle.streams.listing(stream).ok_or("a stream that was just listed has no listing")?;
        let keys: Vec<_> = shards.iter().map(|shard| shard.key).collect();
        let mut found = Vec::new();
        for key in keys {
            let asked = ask::from_the_oldest(stream, key, known);
            self.must_succeed(&asked).await?;
            for turn in 0.. {
                if turn == READ_TURNS {
                    return Err(format!("shard {} of {} never ends", key.index, STREAMS[stream].name));
                }
                let reader: Reader =
                    self.oracle.streams.readers(stream).last().ok_or("a reader gets no iterator")?.clone();
                let answer = self.must_succeed(&ask::read(reader, READ_LIMIT)).await?;
                let numbers = answer.body["Records"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|record| record["SequenceNumber"].as_str());
                found.extend(numbers.map(str::to_owned));
                if answer.body["MillisBehindLatest"] == 0 {
                    break;
                }
            }
        }
        self.oracle.streams.check_all(stream, &found)
    }
}
