//! CreateStream: a stream with its first shards, ready at once. DeleteStream: the end of a stream, its shards and its records.

use super::update_stream::warm_asked;
use crate::api::{CreateStreamInput, DeleteStreamInput};
use crate::catalog::{Creation, Wanted};
use crate::limits;
use crate::needs::{Asking, with_tags};
use crate::refusal::Refusal;
use crate::reshard::first_shards;
use crate::service::{Inner, Target, key_of};
use crate::settings::{About, Distribution, Metrics, Mode};
use crate::tags;
use gateway::{Caller, Need, Operation};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct CreateStream;

impl Operation<Inner> for CreateStream {
    type Input = CreateStreamInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &CreateStreamInput) -> Result<Vec<Need>, Refusal> {
        let key = key_of(caller.account, &caller.region, &input.stream_name);
        let of = |action| Asking { service, caller }.on_key(action, &key);
        match input.tags.as_deref() {
            // Tags that a stream is made with are laid on by an action of their own.
            Some(tags) => Ok(["CreateStream", "AddTagsToStream"].map(|action| with_tags(of(action), tags)).into()),
            None => Ok(vec![of("CreateStream")]),
        }
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: CreateStreamInput) -> Result<Nothing, Refusal> {
        let (mode, shards) = capacity(&input)?;
        let key = key_of(caller.account, &caller.region, &input.stream_name);
        let warm_mibps = warm_asked(&service, &key, input.warm_throughput_mi_bps)?;
        if warm_mibps.is_some() && mode == Mode::Provisioned {
            return Err(Refusal::warm_and_provisioned(&key));
        }
        let shards = warm_mibps.map_or(shards, limits::shards_for);
        let distribution =
            input.record_distribution_strategy.as_deref().map_or(Distribution::ByKey, Distribution::named);
        if distribution == Distribution::Auto && mode == Mode::Provisioned {
            return Err(Refusal::invalid("The record distribution strategy AUTO is of on-demand streams."));
        }
        let tags = tags::checked(input.tags.unwrap_or_default())?;
        if tags.len() > limits::TAGS_MAX {
            return Err(Refusal::limit(format!("A resource has {} tags at the most.", limits::TAGS_MAX)));
        }
        let about = About {
            key,
            created_at: caller.now,
            mode,
            retention_hours: limits::RETENTION_HOURS_DEFAULT,
            record_kib_max: kib(input.max_record_size_in_ki_b),
            distribution,
            metrics: Metrics::default(),
            tags,
            policy: None,
        };
        let wanted = Wanted { about, shards, warm_mibps };
        match service.catalog.create(wanted, |partition| first_shards(shards, caller.now, partition))? {
            Creation::New(entry, made) => entry.answer(made).await.map(|_| Nothing),
            Creation::Existing => {
                service.catalog.settled().await?;
                Err(Refusal::in_use(format!(
                    "Stream {} under account {} already exists.",
                    input.stream_name, caller.account
                )))
            }
        }
    }
}

/// Mode and number of shards. Who says neither gets a stream on demand.
fn capacity(input: &CreateStreamInput) -> Result<(Mode, u32), Refusal> {
    let mode = input.stream_mode_details.as_ref().map(|details| Mode::named(&details.stream_mode));
    let count = input.shard_count.and_then(|count| u32::try_from(count).ok());
    match (mode, count) {
        (Some(Mode::Provisioned), None) => Err(Refusal::validation("ShardCount is required in PROVISIONED mode.")),
        (Some(Mode::OnDemand), Some(_)) => {
            Err(Refusal::validation("ShardCount is not expected when StreamMode=ON_DEMAND"))
        }
        (_, Some(count)) => Ok((Mode::Provisioned, count)),
        (_, None) => Ok((Mode::OnDemand, limits::SHARDS_ON_DEMAND)),
    }
}

/// The model bounds it.
fn kib(given: Option<i32>) -> u32 {
    given.and_then(|kib| u32::try_from(kib).ok()).unwrap_or(limits::RECORD_KIB_DEFAULT)
}

pub(crate) struct DeleteStream;

impl Operation<Inner> for DeleteStream {
    type Input = DeleteStreamInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &DeleteStreamInput) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("DeleteStream", &target(input))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: DeleteStreamInput) -> Result<Nothing, Refusal> {
        let entry = service.stream(&caller, &target(&input)).await?;
        service.delete(&entry, input.enforce_consumer_deletion == Some(true)).await?;
        Ok(Nothing)
    }
}

fn target(input: &DeleteStreamInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}
