//! IncreaseStreamRetentionPeriod and DecreaseStreamRetentionPeriod: for how long records stay. What has expired stays gone.

use crate::api::{DecreaseStreamRetentionPeriodInput, IncreaseStreamRetentionPeriodInput};
use crate::machine::Change;
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use gateway::{Caller, Need, Operation};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct IncreaseStreamRetentionPeriod;

impl Operation<Inner> for IncreaseStreamRetentionPeriod {
    type Input = IncreaseStreamRetentionPeriodInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("IncreaseStreamRetentionPeriod", &of_increase(input))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let entry = service.stream(&caller, &of_increase(&input)).await?;
        let change = Change::RaiseRetention(input.retention_period_hours);
        service.catalog.set_retention(&entry, change).await.map(|_| Nothing)
    }
}

fn of_increase(input: &IncreaseStreamRetentionPeriodInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}

pub(crate) struct DecreaseStreamRetentionPeriod;

impl Operation<Inner> for DecreaseStreamRetentionPeriod {
    type Input = DecreaseStreamRetentionPeriodInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("DecreaseStreamRetentionPeriod", &of_decrease(input))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let entry = service.stream(&caller, &of_decrease(&input)).await?;
        let change = Change::LowerRetention(input.retention_period_hours);
        service.catalog.set_retention(&entry, change).await.map(|_| Nothing)
    }
}

fn of_decrease(input: &DecreaseStreamRetentionPeriodInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}
