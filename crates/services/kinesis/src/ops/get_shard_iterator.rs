//! GetShardIterator: where to begin to read in a shard.

use crate::api::enums::shard_iterator_type;
use crate::api::{GetShardIteratorInput, GetShardIteratorOutput};
use crate::catalog::{ShardHandle, StreamEntry, StreamKey};
use crate::describe::instant;
use crate::iterator::ShardIterator;
use crate::needs::Asking;
use crate::reading::Start;
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use crate::settings::ShardEntry;
use crate::shard_id;
use crate::throttle;
use gateway::{Caller, Need, Operation};
use names::Instant;
use std::sync::Arc;
use stream::SequenceNumber;
use wire::Timestamp;

pub(crate) struct GetShardIterator;

impl Operation<Inner> for GetShardIterator {
    type Input = GetShardIteratorInput;
    type Output = GetShardIteratorOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("GetShardIterator", &target(input))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<GetShardIteratorOutput, Refusal> {
        let entry = service.stream(&caller, &target(&input)).await?;
        let shard = shard_asked(&entry, &input.shard_id)?;
        let asked = Asked {
            kind: &input.shard_iterator_type,
            number: input.starting_sequence_number.as_deref(),
            timestamp: input.timestamp,
            shard: (&entry.key, &shard.entry),
            operation: "GetShardIterator",
        };
        let start = asked.start(caller.now)?;
        if input.dry_run == Some(true) {
            return Err(Refusal::dry_run());
        }
        if !service.throttle.iterate(shard.entry.partition, caller.now) {
            return Err(throttle::refused(&entry, &shard));
        }
        let from = service.start(&entry, &shard, start).await?;
        let iterator = ShardIterator {
            stream: entry.partition.id(),
            shard: shard.entry.index,
            from: from.counter,
            not_before: from.not_before,
            made_at: caller.now,
        };
        Ok(GetShardIteratorOutput { shard_iterator: Some(iterator.show()) })
    }
}

fn target(input: &GetShardIteratorInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}

/// The shard of a name. One that could be a shard's, and is of none, has a sentence of its own here.
fn shard_asked(entry: &StreamEntry, name: &str) -> Result<Arc<ShardHandle>, Refusal> {
    let index = shard_id::parse(name).ok_or_else(|| Refusal::no_shard(&entry.key, name))?;
    entry.view().shard(index).map(Arc::clone).ok_or_else(|| {
        let StreamKey { account, name, .. } = &entry.key;
        Refusal::not_found(format!(
            "Shard {} in stream {name} under account {account} does not exist",
            shard_id::show(index)
        ))
    })
}

/// What a request says of where to begin.
pub(crate) struct Asked<'a> {
    pub(crate) kind: &'a str,
    pub(crate) number: Option<&'a str>,
    pub(crate) timestamp: Option<Timestamp>,
    pub(crate) shard: (&'a StreamKey, &'a ShardEntry),
    /// What the request is called in sentences.
    pub(crate) operation: &'a str,
}

impl Asked<'_> {
    /// What the type asks for, with what it needs beside.
    pub(crate) fn start(&self, now: Instant) -> Result<Start, Refusal> {
        match self.kind {
            shard_iterator_type::TRIM_HORIZON | shard_iterator_type::LATEST if self.number.is_some() => {
                Err(self.mismatch("also a"))
            }
            shard_iterator_type::TRIM_HORIZON => Ok(Start::TrimHorizon),
            shard_iterator_type::LATEST => Ok(Start::Latest),
            shard_iterator_type::AT_SEQUENCE_NUMBER => self.number().map(Start::At),
            shard_iterator_type::AFTER_SEQUENCE_NUMBER => self.number().map(Start::After),
            _ => self.moment(now).map(Start::AtTime),
        }
    }

    fn number(&self) -> Result<SequenceNumber, Refusal> {
        let Self { shard: (key, shard), operation, .. } = self;
        let text = self.number.ok_or_else(|| self.mismatch("no"))?;
        SequenceNumber::parse(text).map_err(|_| {
            Refusal::invalid(format!(
                "StartingSequenceNumber {text} used in {operation} on shard {} in stream {} under account {} is invalid.",
                shard.name(),
                key.name,
                key.account
            ))
        })
    }

    /// Why the type and the sequence number do not go together.
    fn mismatch(&self, what: &str) -> Refusal {
        Refusal::invalid(format!(
            "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified {} and {what} StartingSequenceNumber.",
            self.kind
        ))
    }

    fn moment(&self, now: Instant) -> Result<Instant, Refusal> {
        let kind = self.kind;
        let moment = self.timestamp.map(instant).ok_or_else(|| {
            Refusal::invalid(format!(
                "Must specify timestampInMillis parameter for iterator of type {kind}. Current request has no timestamp parameter."
            ))
        })?;
        match moment > now {
            true => Err(Refusal::invalid(format!(
                "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: {}, currentTimestampInMillis: {}",
                moment.as_millis(),
                now.as_millis()
            ))),
            false => Ok(moment),
        }
    }
}
