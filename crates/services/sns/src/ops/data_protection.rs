//! GetDataProtectionPolicy and PutDataProtectionPolicy.
//!
//! An empty policy takes away the one before ("Deleting data protection policies").

use crate::api::{GetDataProtectionPolicyInput, GetDataProtectionPolicyResponse, PutDataProtectionPolicyInput};
use crate::fifo;
use crate::limits;
use crate::needs::Asking;
use crate::protection::{self, Protection};
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::topic::Command;
use crate::topic_key::TopicKey;
use gateway::{Caller, Need, Operation};
use std::sync::Arc;
use wire::Nothing;

/// Checks a policy that a topic of this key shall have.
pub(super) fn check(service: &Inner, key: &TopicKey, policy: &str) -> Result<(), Refusal> {
    let wrong = |why: &str| Err(Refusal::invalid(format!("DataProtectionPolicy Reason: {why}")));
    if fifo::is_fifo(&key.name) {
        return wrong("FIFO topics do not support data protection policies");
    }
    if policy.chars().count() > limits::PROTECTION_POLICY_LEN_MAX {
        return wrong(&format!("it has more than {} characters", limits::PROTECTION_POLICY_LEN_MAX));
    }
    match Protection::parse(policy) {
        Ok(policy) if policy.writes() && !service.status.has_log() => {
            wrong("this server writes no delivery log (sns.delivery_log), where the lines of a log group would stand")
        }
        Ok(_) => Ok(()),
        Err(why) => wrong(&why),
    }
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
        let topic = service.topic(&caller, "ResourceArn", &input.resource_arn).await?;
        let policy = topic.look(|view| view.about.attributes.get(protection::ATTRIBUTE).map(ToString::to_string));
        service.catalog.settled().await?;
        Ok(GetDataProtectionPolicyResponse { data_protection_policy: policy })
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
        let topic = service.topic(&caller, "ResourceArn", &input.resource_arn).await?;
        let policy = input.data_protection_policy;
        if !policy.is_empty() {
            check(&service, &topic.key, &policy)?;
        }
        topic.ask(Command::SetAttribute(protection::ATTRIBUTE.into(), policy.into())).await.map(|_| Nothing)
    }
}

#[cfg(test)]
#[path = "data_protection_tests.rs"]
mod tests;
