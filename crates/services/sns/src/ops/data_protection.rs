//! GetDataProtectionPolicy and PutDataProtectionPolicy.
//!
//! AWS has closed these to new customers. Nothing here looks for personal data in messages, so a topic never has such a policy, and one
//! that is set is refused rather than kept without effect; taking away what is not there is done.

use crate::api::{GetDataProtectionPolicyInput, GetDataProtectionPolicyResponse, PutDataProtectionPolicyInput};
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::Inner;
use gateway::{Caller, Need, Operation};
use std::sync::Arc;
use wire::Nothing;

/// What a policy is refused with, here and in CreateTopic.
pub(super) fn refused() -> Refusal {
    Refusal::invalid("DataProtectionPolicy Reason: this version of tidewire does not act on it")
}

pub(crate) struct GetDataProtectionPolicy;

impl Operation<Inner> for GetDataProtectionPolicy {
    type Input = GetDataProtectionPolicyInput;
    type Output = GetDataProtectionPolicyResponse;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &GetDataProtectionPolicyInput) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("GetDataProtectionPolicy", "ResourceArn", &input.resource_arn)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: GetDataProtectionPolicyInput,
    ) -> Result<GetDataProtectionPolicyResponse, Refusal> {
        service.topic(&caller, "ResourceArn", &input.resource_arn).await?;
        service.catalog.settled().await?;
        Ok(GetDataProtectionPolicyResponse { data_protection_policy: None })
    }
}

pub(crate) struct PutDataProtectionPolicy;

impl Operation<Inner> for PutDataProtectionPolicy {
    type Input = PutDataProtectionPolicyInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &PutDataProtectionPolicyInput) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("PutDataProtectionPolicy", "ResourceArn", &input.resource_arn)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: PutDataProtectionPolicyInput,
    ) -> Result<Nothing, Refusal> {
        service.topic(&caller, "ResourceArn", &input.resource_arn).await?;
        match input.data_protection_policy.is_empty() {
            true => Ok(Nothing),
            false => Err(refused()),
        }
    }
}
