//! DescribeStream and DescribeStreamSummary: what a stream is, with and without its shards.

use crate::api::{DescribeStreamInput, DescribeStreamOutput, DescribeStreamSummaryInput, DescribeStreamSummaryOutput};
use crate::describe;
use crate::limits;
use crate::needs::Asking;
use crate::page::{cut, size};
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use crate::shard_id;
use gateway::{Caller, Need, Operation};
use std::sync::Arc;

pub(crate) struct DescribeStream;

impl Operation<Inner> for DescribeStream {
    type Input = DescribeStreamInput;
    type Output = DescribeStreamOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &DescribeStreamInput) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("DescribeStream", &target(input))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: DescribeStreamInput,
    ) -> Result<DescribeStreamOutput, Refusal> {
        let entry = service.stream(&caller, &target(&input)).await?;
        let view = entry.view();
        entry.settled().await?;
        let after = match input.exclusive_start_shard_id.as_deref() {
            Some(name) => Some(shard_id::parse(name).ok_or_else(|| Refusal::no_shard(&entry.key, name))?),
            None => None,
        };
        let behind = view.shards.iter().filter(|shard| after.is_none_or(|after| shard.entry.index > after));
        let (shards, more) = cut(behind, size(input.limit, limits::DESCRIBED_SHARDS));
        let shards = shards.into_iter().map(|shard| describe::shard(&shard.entry)).collect();
        Ok(DescribeStreamOutput { stream_description: describe::stream(&entry, &view, shards, more) })
    }
}

fn target(input: &DescribeStreamInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}

pub(crate) struct DescribeStreamSummary;

impl Operation<Inner> for DescribeStreamSummary {
    type Input = DescribeStreamSummaryInput;
    type Output = DescribeStreamSummaryOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &DescribeStreamSummaryInput) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("DescribeStreamSummary", &target_of_summary(input))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: DescribeStreamSummaryInput,
    ) -> Result<DescribeStreamSummaryOutput, Refusal> {
        let entry = service.stream(&caller, &target_of_summary(&input)).await?;
        let view = entry.view();
        entry.settled().await?;
        let is_committed = service.catalog.is_committed(entry.key.account, &entry.key.region);
        Ok(DescribeStreamSummaryOutput { stream_description_summary: describe::summary(&entry, &view, is_committed) })
    }
}

fn target_of_summary(input: &DescribeStreamSummaryInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}
