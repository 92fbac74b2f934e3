//! One shard that is read on and on, over a connection of its own.
//!
//! Where nothing is there yet the server is asked to wait (docs/STREAMS.md), so nobody asks in vain; a server that does not wait is
//! asked again after an interval. An iterator that has expired is made anew behind the last record, or where the reader began; one that
//! was given an iterator and has read nothing yet does not know where that was, and says so. Who is asked too often is given a second.

use super::record::Read;
use super::shards::Shard;
use super::start::Start;
use super::with;
use crate::client::{Asked, Client, Failure, KINESIS};
use crate::queues::Stop;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Records of one answer: some megabytes of usual ones, so that what is printed or put comes in pieces.
const RECORDS_MAX: usize = 1_000;

/// How long a server that throttles is left alone: its counts are of a second.
const THROTTLED: Duration = Duration::from_secs(1);

/// How long the reader waits for records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Milliseconds that the server shall wait; 0: it answers at once.
    pub(super) wait_millis: u64,
    /// How long an answer without records that came too early is followed by silence.
    pub(super) interval: Duration,
}

impl Patience {
    /// Whoever wants only what is there.
    pub(super) const NONE: Self = Self { wait_millis: 0, interval: Duration::ZERO };
}

/// A shard that is read.
pub(super) struct ShardReader {
    client: Client,
    stream: String,
    shard: String,
    /// Where to begin should the iterator be of no use; none if whoever made the iterator alone knows.
    start: Option<Start>,
    iterator: Option<String>,
    patience: Patience,
    is_lost: bool,
}

/// What a look at a shard brought.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) records: Vec<Read>,
    /// At the end of a closed shard, those that came of it.
    pub(super) children: Option<Vec<Shard>>,
    /// Whether there is nothing behind it for now.
    pub(super) has_all: bool,
}

impl ShardReader {
    pub(super) fn new(client: Client, stream: &str, shard: &str, start: Start, patience: Patience) -> Self {
        let (stream, shard) = (stream.to_owned(), shard.to_owned());
        Self { client, stream, shard, start: Some(start), iterator: None, patience, is_lost: false }
    }

    /// A reader that begins with an iterator that somebody else made, behind a record if it was made there.
    pub(super) fn at(
        client: Client,
        stream: &str,
        shard: &str,
        (iterator, after): (String, Option<String>),
        patience: Patience,
    ) -> Self {
        let (stream, shard, start) = (stream.to_owned(), shard.to_owned(), after.map(Start::AfterNumber));
        Self { client, stream, shard, start, iterator: Some(iterator), patience, is_lost: false }
    }

    /// Whether it was given an iterator, has read nothing, and the iterator has expired: whoever gave it has to give another.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// What comes next.
    pub(super) async fn next(&mut self) -> Result<Batch, Stop> {
        loop {
            let began = Instant::now();
            match self.look().await {
                Ok(batch) => {
                    let is_early = began.elapsed().as_millis() < u128::from(self.patience.wait_millis / 2);
                    if batch.records.is_empty() && batch.has_all && batch.children.is_none() && is_early {
                        tokio::time::sleep(self.patience.interval).await;
                    }
                    return Ok(batch);
                }
                Err(Stopped::Throttled) => tokio::time::sleep(THROTTLED).await,
                Err(Stopped::Expired) => {
                    self.iterator = None;
                    self.is_lost = self.start.is_none();
                    if self.is_lost {
                        return Err(Stop::Failed(format!("the iterator of {} expired before it was used", self.shard)));
                    }
                }
                Err(Stopped::For(stop)) => return Err(stop),
            }
        }
    }

    async fn look(&mut self) -> Result<Batch, Stopped> {
        let iterator = match self.iterator.clone() {
            Some(iterator) => iterator,
            None => self.begin().await?,
        };
        let input = json!({ "ShardIterator": iterator, "Limit": RECORDS_MAX });
        let wait_millis = (self.patience.wait_millis > 0).then_some(self.patience.wait_millis);
        let asked = Asked { api: &KINESIS, operation: "GetRecords", input: &input, wait_millis };
        let answer = self.client.ask(asked).await?;
        let batch = self.batch(&answer)?;
        if let Some(last) = batch.records.last() {
            self.start = Some(Start::AfterNumber(last.number.clone()));
        }
        self.iterator = answer["NextShardIterator"].as_str().map(str::to_owned);
        Ok(batch)
    }

    async fn begin(&mut self) -> Result<String, Stopped> {
        let start = self.start.as_ref().expect("who has no iterator and knows no place has said so");
        let mut more = start.iterator();
        more["ShardId"] = self.shard.as_str().into();
        let input = with(&self.stream, more);
        let asked = Asked { api: &KINESIS, operation: "GetShardIterator", input: &input, wait_millis: None };
        let answer = self.client.ask(asked).await?;
        let iterator = answer["ShardIterator"].as_str().map(str::to_owned);
        let iterator = iterator.ok_or_else(|| Stop::Failed("the server gave no iterator".into()))?;
        // A wait at the end begins where the shard ended now, however often it is asked.
        self.iterator = Some(iterator.clone());
        Ok(iterator)
    }

    fn batch(&self, answer: &Value) -> Result<Batch, Stopped> {
        let records = answer["Records"].as_array().into_iter().flatten();
        let records = records.map(|record| Read::of_answer(&self.shard, record)).collect::<Result<_, _>>();
        let is_end = answer["NextShardIterator"].is_null();
        let children = answer["ChildShards"].as_array().into_iter().flatten().map(Shard::of);
        Ok(Batch {
            records: records.map_err(Stop::Failed)?,
            children: is_end.then(|| children.collect()).transpose()?,
            has_all: answer["MillisBehindLatest"] == 0,
        })
    }
}

/// Why a look brought nothing.
enum Stopped {
    /// The server answers no more within this second.
    Throttled,
    /// The iterator is too old.
    Expired,
    /// The command ends.
    For(Stop),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        match () {
            () if failure.is("ProvisionedThroughputExceededException") => Self::Throttled,
            () if failure.is("ExpiredIteratorException") => Self::Expired,
            () => Self::For(failure.into()),
        }
    }
}

impl From<Stop> for Stopped {
    fn from(stop: Stop) -> Self {
        Self::For(stop)
    }
}
