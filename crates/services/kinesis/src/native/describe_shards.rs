//! DescribeShards: what each shard of a stream holds, which AWS tells nobody.
//!
//! Counts are the shard machine's own and cost nothing; the oldest moment is that of the first record that has not expired, which is
//! read. Records that have expired within the last 512th of the retention may still be counted (ADR 0029).

use super::shapes::{DescribeShardsInput, DescribeShardsOutput, ShardStatistics};
use super::table::ACTIONS;
use crate::catalog::{ShardHandle, StreamEntry};
use crate::describe::timestamp;
use crate::limits;
use crate::needs::Asking;
use crate::page::{cut, size};
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use crate::shard_id;
use gateway::{Caller, Need, Operation};
use std::sync::Arc;

pub(crate) struct DescribeShards;

impl Operation<Inner> for DescribeShards {
    type Input = DescribeShardsInput;
    type Output = DescribeShardsOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        let key = service.key(caller, &target(input))?;
        Ok(vec![Asking { service, caller }.own(ACTIONS.get("DescribeShards"), &key, None)])
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<DescribeShardsOutput, Refusal> {
        let entry = service.stream(&caller, &target(&input)).await?;
        let view = entry.view();
        let after = match input.exclusive_start_shard_id.as_deref() {
            Some(name) => Some(shard_id::parse(name).ok_or_else(|| Refusal::no_shard(&entry.key, name))?),
            None => None,
        };
        let behind = view.shards.iter().filter(|shard| after.is_none_or(|after| shard.entry.index > after));
        let (page, has_more_shards) = cut(behind, size(input.max_results, limits::DESCRIBED_SHARDS));
        let mut shards = Vec::with_capacity(page.len());
        for shard in page {
            shards.push(service.statistics(&entry, shard).await?);
        }
        let (stream_name, stream_arn) = (entry.key.name.to_string(), entry.arn.to_string());
        Ok(DescribeShardsOutput { stream_name, stream_arn, shards, has_more_shards })
    }
}

fn target(input: &DescribeShardsInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), None)
}

impl Inner {
    async fn statistics(&self, entry: &StreamEntry, shard: &ShardHandle) -> Result<ShardStatistics, Refusal> {
        let state = self.shard_state(entry, shard).await?;
        // What has expired may still be held, and is passed over.
        let oldest = match state.records {
            0 => None,
            _ => self.first_since(entry, shard, state.horizon).await?.1,
        };
        let of = &shard.entry;
        Ok(ShardStatistics {
            shard_id: of.name(),
            parent_shard_id: of.parent.map(shard_id::show),
            adjacent_parent_shard_id: of.adjacent_parent.map(shard_id::show),
            starting_hash_key: of.first_hash.to_string(),
            ending_hash_key: of.last_hash.to_string(),
            is_open: of.is_open(),
            records: i64::try_from(state.records).unwrap_or(i64::MAX),
            bytes: i64::try_from(state.bytes).unwrap_or(i64::MAX),
            oldest_arrival_timestamp: oldest.map(timestamp),
            newest_arrival_timestamp: oldest.and(state.last_arrived_at).map(timestamp),
        })
    }
}
