//! GetShardIterator: where to begin to read in a shard.

use crate::api::enums::shard_iterator_type;
use crate::api::{GetShardIteratorInput, GetShardIteratorOutput};
use crate::describe::instant;
use crate::iterator::ShardIterator;
use crate::needs::Asking;
use crate::placing::shard_named;
use crate::reading::Start;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation, Target};
use crate::throttle;
use gateway::{Caller, Need};
use names::Instant;
use std::sync::Arc;
use stream::SequenceNumber;

pub(crate) struct GetShardIterator;

impl Operation for GetShardIterator {
    type Input = GetShardIteratorInput;
    type Output = GetShardIteratorOutput;

    fn needs(asking: &Asking<'_>, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        asking.on("GetShardIterator", &target(input))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<GetShardIteratorOutput, Refusal> {
        let entry = service.stream(&caller, &target(&input)).await?;
        let shard = shard_named(&entry, &entry.view(), &input.shard_id)?;
        let start = start(&input, caller.now)?;
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

/// What a type asks for, with what it needs beside.
fn start(input: &GetShardIteratorInput, now: Instant) -> Result<Start, Refusal> {
    let kind = &*input.shard_iterator_type;
    let number = || {
        let text = input.starting_sequence_number.as_deref().ok_or_else(|| {
            Refusal::invalid(format!(
                "Must specify startingSequenceNumber parameter for iterator of type {kind}. Current request has no startingSequenceNumber parameter."
            ))
        })?;
        SequenceNumber::parse(text).map_err(|_| {
            Refusal::invalid(format!(
                "StartingSequenceNumber {text} used in GetShardIterator on shard {} is invalid.",
                input.shard_id
            ))
        })
    };
    match kind {
        shard_iterator_type::TRIM_HORIZON => Ok(Start::TrimHorizon),
        shard_iterator_type::LATEST => Ok(Start::Latest),
        shard_iterator_type::AT_SEQUENCE_NUMBER => number().map(Start::At),
        shard_iterator_type::AFTER_SEQUENCE_NUMBER => number().map(Start::After),
        _ => {
            let moment = input.timestamp.map(instant).ok_or_else(|| {
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
                false => Ok(Start::AtTime(moment)),
            }
        }
    }
}
