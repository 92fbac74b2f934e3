//! EnableEnhancedMonitoring and DisableEnhancedMonitoring: which shard-level metrics a stream has.

use crate::api::{DisableEnhancedMonitoringInput, EnableEnhancedMonitoringInput, EnhancedMonitoringOutput};
use crate::catalog::StreamEntry;
use crate::machine::{Change, Command};
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use crate::settings::Metrics;
use gateway::{Caller, Need, Operation};
use std::sync::Arc;

pub(crate) struct EnableEnhancedMonitoring;

impl Operation<Inner> for EnableEnhancedMonitoring {
    type Input = EnableEnhancedMonitoringInput;
    type Output = EnhancedMonitoringOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("EnableEnhancedMonitoring", &of_enabling(input))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: Self::Input,
    ) -> Result<EnhancedMonitoringOutput, Refusal> {
        let entry = service.stream(&caller, &of_enabling(&input)).await?;
        change(&entry, Change::EnableMetrics(Metrics::named(&input.shard_level_metrics))).await
    }
}

fn of_enabling(input: &EnableEnhancedMonitoringInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}

pub(crate) struct DisableEnhancedMonitoring;

impl Operation<Inner> for DisableEnhancedMonitoring {
    type Input = DisableEnhancedMonitoringInput;
    type Output = EnhancedMonitoringOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("DisableEnhancedMonitoring", &of_disabling(input))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: Self::Input,
    ) -> Result<EnhancedMonitoringOutput, Refusal> {
        let entry = service.stream(&caller, &of_disabling(&input)).await?;
        change(&entry, Change::DisableMetrics(Metrics::named(&input.shard_level_metrics))).await
    }
}

fn of_disabling(input: &DisableEnhancedMonitoringInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}

/// Answers the metrics before and after.
async fn change(entry: &StreamEntry, change: Change) -> Result<EnhancedMonitoringOutput, Refusal> {
    let before = entry.view().about.metrics.names();
    let after = entry.ask(Command::Change(change)).await?;
    Ok(EnhancedMonitoringOutput {
        stream_name: Some(entry.key.name.to_string()),
        current_shard_level_metrics: Some(before),
        desired_shard_level_metrics: after.about.map(|about| about.metrics.names()),
        stream_arn: Some(entry.arn.to_string()),
    })
}
