//! CreateKey: a key with its material, its policy and its tags; of another origin without material.

use crate::api::{CreateKeyRequest, CreateKeyResponse};
use crate::asked::Asked;
use crate::describe::metadata;
use crate::key::Origin;
use crate::needs::{Asking, Saying};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation, Wanted};
use crate::spec::{KeySpec, SYMMETRIC_DEFAULT, Usage};
use crate::{policy, tags};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct CreateKey;

impl Operation for CreateKey {
    type Input = CreateKeyRequest;
    type Output = CreateKeyResponse;

    fn needs(asking: &Asking<'_>, input: &CreateKeyRequest) -> Result<Vec<Need>, Refusal> {
        let saying = Saying::default()
            .text("kms:keyspec", Some(spec_name(input)))
            .text("kms:keyusage", input.key_usage.as_deref().or(Some("ENCRYPT_DECRYPT")))
            .text("kms:keyorigin", input.origin.as_deref().or(Some("AWS_KMS")))
            .bool("kms:multiregion", input.multi_region == Some(true))
            .bool("kms:bypasspolicylockoutsafetycheck", input.bypass_policy_lockout_safety_check == Some(true));
        let saying = tags::said(saying, input.tags.as_deref().unwrap_or_default());
        Ok(asking.anything("CreateKey", saying))
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: CreateKeyRequest) -> Result<CreateKeyResponse, Refusal> {
        if input.custom_key_store_id.is_some() || input.xks_key_id.is_some() {
            return Err(Refusal::no_key_stores());
        }
        let (spec, usage) = kind(&input)?;
        let origin = match input.origin.as_deref() {
            None | Some("AWS_KMS") => Origin::Made,
            Some("EXTERNAL") => Origin::External,
            Some(other) => {
                return Err(Refusal::unsupported(format!(
                    "This version of tidewire has no keys of the origin {other}."
                )));
            }
        };
        let tags = tags::checked(input.tags.unwrap_or_default())?;
        let bypass = input.bypass_policy_lockout_safety_check == Some(true);
        let policy = policy::of_new_key(&caller, &caller.region, input.policy.as_deref(), bypass)?;
        let wanted = Wanted {
            account: caller.account,
            region: caller.region.clone(),
            description: input.description.unwrap_or_default().into(),
            spec,
            usage,
            origin,
            policy,
            tags,
            is_multi_region: input.multi_region == Some(true),
            managed: None,
        };
        let kept = service.make(wanted).await?;
        Ok(CreateKeyResponse { key_metadata: Some(metadata(&kept.key)) })
    }
}

/// The spec under either of its names.
fn spec_name(input: &CreateKeyRequest) -> &str {
    input.key_spec.as_deref().or(input.customer_master_key_spec.as_deref()).unwrap_or(SYMMETRIC_DEFAULT)
}

/// The spec, and what the key is for.
fn kind(input: &CreateKeyRequest) -> Result<(KeySpec, Usage), Refusal> {
    if let (Some(new), Some(old)) = (&input.key_spec, &input.customer_master_key_spec)
        && new != old
    {
        return Err(Refusal::validation(
            "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.",
        ));
    }
    let spec = KeySpec::named(spec_name(input))?;
    let Some(usage) = input.key_usage.as_deref() else {
        // The old member is of the time when asymmetric keys were new, and RSA keys encrypted unless said otherwise.
        let usage = spec.usages()[0];
        return match spec {
            KeySpec::Symmetric => Ok((spec, usage)),
            _ => Err(Refusal::validation(
                "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
            )),
        };
    };
    let usage = Usage::named(usage)?;
    match spec.usages().contains(&usage) {
        true => Ok((spec, usage)),
        false => Err(Refusal::validation(format!(
            "KeyUsage {} is not compatible with KeySpec {}",
            usage.name(),
            spec.name()
        ))),
    }
}
