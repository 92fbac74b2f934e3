//! VerifyMac: whether a MAC is of a message.

use crate::api::{VerifyMacRequest, VerifyMacResponse, errors};
use crate::asked::Asked;
use crate::needs::{Asking, Saying};
use crate::ops::grants;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct VerifyMac;

impl Operation for VerifyMac {
    type Input = VerifyMacRequest;
    type Output = VerifyMacResponse;

    fn needs(asking: &Asking<'_>, input: &VerifyMacRequest) -> Result<Vec<Need>, Refusal> {
        asking.on_saying(
            "VerifyMac",
            &input.key_id,
            Saying::default().text("kms:macalgorithm", Some(&input.mac_algorithm)),
        )
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: VerifyMacRequest) -> Result<VerifyMacResponse, Refusal> {
        grants::check_tokens(input.grant_tokens.as_deref())?;
        let kept = service.key(&caller, &input.key_id).await?;
        let opened = service.for_macs(&kept.key, "VerifyMac", &input.mac_algorithm)?;
        if !opened.verify_mac(&input.mac_algorithm, &input.message, &input.mac)? {
            return Err(Refusal::new(&errors::KMS_INVALID_MAC_EXCEPTION, ""));
        }
        if input.dry_run == Some(true) {
            return Err(Refusal::dry_run());
        }
        Ok(VerifyMacResponse {
            key_id: Some(kept.key.arn()),
            mac_valid: Some(true),
            mac_algorithm: Some(input.mac_algorithm),
        })
    }
}
