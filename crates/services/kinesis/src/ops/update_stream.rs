//! UpdateStreamMode, UpdateMaxRecordSize, UpdateStreamRecordDistributionStrategy, UpdateStreamWarmThroughput: settings of a stream that
//! hold at once. A stream that is kept warm has a shard for each MiB per second.

use crate::api::{
    UpdateMaxRecordSizeInput, UpdateStreamModeInput, UpdateStreamRecordDistributionStrategyInput,
    UpdateStreamWarmThroughputInput, UpdateStreamWarmThroughputOutput,
};
use crate::catalog::StreamKey;
use crate::describe;
use crate::limits;
use crate::machine::{Change, Command, Reshard};
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use crate::settings::{Distribution, Mode};
use gateway::{Caller, Need, Operation};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct UpdateStreamMode;

impl Operation<Inner> for UpdateStreamMode {
    type Input = UpdateStreamModeInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("UpdateStreamMode", &of_mode(input))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let entry = service.stream(&caller, &of_mode(&input)).await?;
        let mode = Mode::named(&input.stream_mode_details.stream_mode);
        let changed = match warm_asked(&service, &entry.key, input.warm_throughput_mi_bps)? {
            None => service.catalog.set_mode(&entry, mode).await,
            Some(mibps) if mode == Mode::OnDemand => {
                service.catalog.reshard(&entry, Reshard::Warm { mibps, becomes_on_demand: true }).await
            }
            Some(_) => Err(Refusal::warm_and_provisioned(&entry.key)),
        };
        if let Err(refusal) = changed {
            // It may tell of queues or of other streams, which have to be durable then.
            service.catalog.settled().await?;
            return Err(refusal);
        }
        Ok(Nothing)
    }
}

fn of_mode(input: &UpdateStreamModeInput) -> Target<'_> {
    Target::of(None, Some(&input.stream_arn), input.stream_id.as_deref())
}

pub(crate) struct UpdateMaxRecordSize;

impl Operation<Inner> for UpdateMaxRecordSize {
    type Input = UpdateMaxRecordSizeInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("UpdateMaxRecordSize", &of_size(input))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let entry = service.stream(&caller, &of_size(&input)).await?;
        let kib = u32::try_from(input.max_record_size_in_ki_b)
            .map_err(|_| Refusal::invalid("MaxRecordSizeInKiB is negative."))?;
        entry.ask(Command::Change(Change::RecordKib(kib))).await.map(|_| Nothing)
    }
}

fn of_size(input: &UpdateMaxRecordSizeInput) -> Target<'_> {
    Target::of(None, input.stream_arn.as_deref(), input.stream_id.as_deref())
}

pub(crate) struct UpdateStreamRecordDistributionStrategy;

impl Operation<Inner> for UpdateStreamRecordDistributionStrategy {
    type Input = UpdateStreamRecordDistributionStrategyInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("UpdateStreamRecordDistributionStrategy", &of_strategy(input))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let entry = service.stream(&caller, &of_strategy(&input)).await?;
        let distribution = Distribution::named(&input.record_distribution_strategy);
        entry.ask(Command::Change(Change::Distribution(distribution))).await.map(|_| Nothing)
    }
}

fn of_strategy(input: &UpdateStreamRecordDistributionStrategyInput) -> Target<'_> {
    Target::of(None, Some(&input.stream_arn), input.stream_id.as_deref())
}

pub(crate) struct UpdateStreamWarmThroughput;

impl Operation<Inner> for UpdateStreamWarmThroughput {
    type Input = UpdateStreamWarmThroughputInput;
    type Output = UpdateStreamWarmThroughputOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("UpdateStreamWarmThroughput", &of_warm(input))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: Self::Input,
    ) -> Result<UpdateStreamWarmThroughputOutput, Refusal> {
        let entry = service.stream(&caller, &of_warm(&input)).await?;
        if let Some(mibps) = warm_asked(&service, &entry.key, Some(input.warm_throughput_mi_bps))? {
            service.catalog.reshard(&entry, Reshard::Warm { mibps, becomes_on_demand: false }).await?;
        }
        Ok(UpdateStreamWarmThroughputOutput {
            stream_arn: Some(entry.arn.to_string()),
            stream_name: Some(entry.key.name.to_string()),
            warm_throughput: describe::warm(&entry.view(), true),
        })
    }
}

fn of_warm(input: &UpdateStreamWarmThroughputInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}

/// The warm throughput that a request asks for, of an account that may.
pub(crate) fn warm_asked(service: &Inner, stream: &StreamKey, mibps: Option<i32>) -> Result<Option<u32>, Refusal> {
    let Some(mibps) = mibps else { return Ok(None) };
    if !service.catalog.is_committed(stream.account, &stream.region) {
        return Err(Refusal::invalid("WarmThroughputMiBps needs an account with MinimumThroughputBillingCommitment."));
    }
    match u32::try_from(mibps) {
        Ok(mibps) if mibps <= limits::WARM_MIBPS_MAX => Ok(Some(mibps)),
        _ => Err(Refusal::limit(format!(
            "WarmThroughputMiBps {mibps} of stream {} under account {} is over the limit of {}.",
            stream.name,
            stream.account,
            limits::WARM_MIBPS_MAX
        ))),
    }
}
