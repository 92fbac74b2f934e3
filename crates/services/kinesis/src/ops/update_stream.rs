//! UpdateStreamMode, UpdateMaxRecordSize, UpdateStreamRecordDistributionStrategy: settings of a stream that hold at once.

use crate::api::{UpdateMaxRecordSizeInput, UpdateStreamModeInput, UpdateStreamRecordDistributionStrategyInput};
use crate::machine::{Change, Command};
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation, Target};
use crate::settings::{Distribution, Mode};
use gateway::{Caller, Need};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct UpdateStreamMode;

impl Operation for UpdateStreamMode {
    type Input = UpdateStreamModeInput;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        asking.on("UpdateStreamMode", &of_mode(input))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        if input.warm_throughput_mi_bps.is_some() {
            return Err(Refusal::invalid(
                "WarmThroughputMiBps needs an account with MinimumThroughputBillingCommitment.",
            ));
        }
        let entry = service.stream(&caller, &of_mode(&input)).await?;
        let mode = Mode::named(&input.stream_mode_details.stream_mode);
        let asked = entry.ask_by(|entry| match entry.view().about.mode {
            Mode::OnDemand if mode == Mode::Provisioned && entry.queues.count() > 0 => {
                Err(Refusal::has_queues(&entry.key, "UpdateStreamMode can't switch to provisioned capacity mode"))
            }
            _ => Ok(Command::Change(Change::Mode(mode))),
        });
        if let Err(refusal) = asked.await {
            // It tells of queues, which have to be durable then.
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

impl Operation for UpdateMaxRecordSize {
    type Input = UpdateMaxRecordSizeInput;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        asking.on("UpdateMaxRecordSize", &of_size(input))
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

impl Operation for UpdateStreamRecordDistributionStrategy {
    type Input = UpdateStreamRecordDistributionStrategyInput;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        asking.on("UpdateStreamRecordDistributionStrategy", &of_strategy(input))
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
