//! SplitShard, MergeShards and UpdateShardCount: other shards for the same hashes. They hold at once, and no record is lost, repeated or
//! out of order within its key.

use crate::api::{MergeShardsInput, SplitShardInput, UpdateShardCountInput, UpdateShardCountOutput};
use crate::catalog::{ShardHandle, StreamEntry};
use crate::describe::count;
use crate::limits;
use crate::machine::{Reshard, not_inside};
use crate::needs::Asking;
use crate::placing::shard_named;
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use crate::settings::Mode;
use gateway::{Caller, Need, Operation};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct SplitShard;

impl Operation<Inner> for SplitShard {
    type Input = SplitShardInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("SplitShard", &of_split(input))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let entry = service.stream(&caller, &of_split(&input)).await?;
        check_provisioned(&entry)?;
        let view = entry.view();
        let ShardHandle { entry: shard, .. } = &*shard_named(&entry, &view, &input.shard_to_split)?;
        let at = &input.new_starting_hash_key;
        let at = at.parse().map_err(|_| not_inside(&view.about, shard, at))?;
        let index = shard.index;
        service.catalog.reshard(&entry, Reshard::Split { index, at }).await.map(|_| Nothing)
    }
}

fn of_split(input: &SplitShardInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}

pub(crate) struct MergeShards;

impl Operation<Inner> for MergeShards {
    type Input = MergeShardsInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("MergeShards", &of_merge(input))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let entry = service.stream(&caller, &of_merge(&input)).await?;
        check_provisioned(&entry)?;
        let view = entry.view();
        let index = shard_named(&entry, &view, &input.shard_to_merge)?.entry.index;
        let adjacent = shard_named(&entry, &view, &input.adjacent_shard_to_merge)?.entry.index;
        service.catalog.reshard(&entry, Reshard::Merge { index, adjacent }).await.map(|_| Nothing)
    }
}

fn of_merge(input: &MergeShardsInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}

pub(crate) struct UpdateShardCount;

impl Operation<Inner> for UpdateShardCount {
    type Input = UpdateShardCountInput;
    type Output = UpdateShardCountOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("UpdateShardCount", &of_count(input))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<UpdateShardCountOutput, Refusal> {
        let entry = service.stream(&caller, &of_count(&input)).await?;
        check_provisioned(&entry)?;
        let before = entry.view().open_shards();
        let target = u32::try_from(input.target_shard_count).ok().filter(|count| *count as usize <= limits::SHARDS_MAX);
        let target = target.filter(|count| *count > 0).ok_or_else(|| {
            Refusal::limit(format!(
                "Target shard count or number of open shards cannot be greater than {}. Current open shard count: {before}, Target shard count: {}",
                limits::SHARDS_MAX,
                input.target_shard_count
            ))
        })?;
        if service.throttle.is_on() {
            check_steps(before, target as usize)?;
        }
        service.catalog.reshard(&entry, Reshard::Count(target)).await?;
        Ok(UpdateShardCountOutput {
            stream_name: Some(entry.key.name.to_string()),
            current_shard_count: Some(count(before)),
            target_shard_count: Some(input.target_shard_count),
            stream_arn: Some(entry.arn.to_string()),
        })
    }
}

fn of_count(input: &UpdateShardCountInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}

/// How far AWS scales in one call.
fn check_steps(before: usize, target: usize) -> Result<(), Refusal> {
    let way = match (target > 2 * before, 2 * target < before) {
        (true, _) => "up over double",
        (_, true) => "down below half",
        _ => return Ok(()),
    };
    Err(Refusal::invalid(format!(
        "UpdateShardCount cannot scale {way} your current open shard count. Current open shard count: {before} Target shard count: {target}"
    )))
}

/// Shards of streams on demand are the service's to change.
fn check_provisioned(entry: &StreamEntry) -> Result<(), Refusal> {
    match entry.view().about.mode {
        Mode::Provisioned => Ok(()),
        Mode::OnDemand => Err(Refusal::validation(format!(
            "Request is invalid. Stream {} under account {} is in On-Demand mode.",
            entry.key.name, entry.key.account
        ))),
    }
}
