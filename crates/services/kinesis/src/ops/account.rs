//! DescribeAccountSettings and UpdateAccountSettings: what an account has committed itself to pay for in a region, which unlocks warm
//! throughput and more consumers. It ends a day after it began at the earliest.

use crate::api::enums::minimum_throughput_billing_commitment_input_status as wanted;
use crate::api::enums::minimum_throughput_billing_commitment_output_status as shown;
use crate::api::{
    DescribeAccountSettingsInput, DescribeAccountSettingsOutput, MinimumThroughputBillingCommitmentOutput,
    UpdateAccountSettingsInput, UpdateAccountSettingsOutput,
};
use crate::describe::timestamp;
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::settings::Commitment;
use gateway::{Caller, Need, Operation};
use names::Instant;
use std::sync::Arc;

pub(crate) struct DescribeAccountSettings;

impl Operation<Inner> for DescribeAccountSettings {
    type Input = DescribeAccountSettingsInput;
    type Output = DescribeAccountSettingsOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, _input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.anything("DescribeAccountSettings"))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        _input: Self::Input,
    ) -> Result<DescribeAccountSettingsOutput, Refusal> {
        let commitment = service.catalog.commitment(caller.account, &caller.region);
        service.catalog.settled().await?;
        let minimum_throughput_billing_commitment = Some(output(commitment.as_deref(), caller.now));
        Ok(DescribeAccountSettingsOutput { minimum_throughput_billing_commitment })
    }
}

pub(crate) struct UpdateAccountSettings;

impl Operation<Inner> for UpdateAccountSettings {
    type Input = UpdateAccountSettingsInput;
    type Output = UpdateAccountSettingsOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, _input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.anything("UpdateAccountSettings"))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: Self::Input,
    ) -> Result<UpdateAccountSettingsOutput, Refusal> {
        let on = input.minimum_throughput_billing_commitment.status == wanted::ENABLED;
        let commitment = service.catalog.commit(caller.account, &caller.region, on).await?;
        let minimum_throughput_billing_commitment = Some(output(commitment.as_deref(), caller.now));
        Ok(UpdateAccountSettingsOutput { minimum_throughput_billing_commitment })
    }
}

fn output(commitment: Option<&Commitment>, now: Instant) -> MinimumThroughputBillingCommitmentOutput {
    let said = |status: &str| MinimumThroughputBillingCommitmentOutput {
        status: status.to_owned(),
        started_at: commitment.map(|commitment| timestamp(commitment.started_at)),
        ended_at: None,
        earliest_allowed_end_at: commitment.map(|commitment| timestamp(commitment.earliest_end())),
    };
    match commitment {
        None => said(shown::DISABLED),
        Some(on) if on.is_on(now) => match on.ended_at {
            None => said(shown::ENABLED),
            Some(_) => said(shown::ENABLED_UNTIL_EARLIEST_ALLOWED_END),
        },
        Some(over) => MinimumThroughputBillingCommitmentOutput {
            ended_at: over.ended_at.map(timestamp),
            earliest_allowed_end_at: None,
            ..said(shown::DISABLED)
        },
    }
}
