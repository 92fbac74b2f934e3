//! Verify: whether a signature is by the private half.

use crate::api::{VerifyRequest, VerifyResponse, errors};
use crate::asked::Asked;
use crate::needs::{Asking, Saying};
use crate::ops::grants;
use crate::ops::sign::{RAW, signed};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct Verify;

impl Operation for Verify {
    type Input = VerifyRequest;
    type Output = VerifyResponse;

    fn needs(asking: &Asking<'_>, input: &VerifyRequest) -> Result<Vec<Need>, Refusal> {
        let saying = Saying::default()
            .text("kms:signingalgorithm", Some(&input.signing_algorithm))
            .text("kms:messagetype", Some(input.message_type.as_deref().unwrap_or(RAW)));
        asking.on_saying("Verify", &input.key_id, saying)
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: VerifyRequest) -> Result<VerifyResponse, Refusal> {
        grants::check_tokens(input.grant_tokens.as_deref())?;
        let kept = service.key(&caller, &input.key_id).await?;
        let (key, algorithm) = (Arc::clone(&kept.key), input.signing_algorithm.clone());
        let checked = service.using(caller.account, key.spec, move |service| {
            let opened = service.for_signing(&key, "Verify", &algorithm)?;
            let signed = signed(&input.message, input.message_type.as_deref())?;
            opened.verify(key.spec, &algorithm, signed, &input.signature)
        });
        if !checked.await? {
            return Err(Refusal::new(&errors::KMS_INVALID_SIGNATURE_EXCEPTION, ""));
        }
        if input.dry_run == Some(true) {
            return Err(Refusal::dry_run());
        }
        Ok(VerifyResponse {
            key_id: Some(kept.key.arn()),
            signature_valid: Some(true),
            signing_algorithm: Some(input.signing_algorithm),
        })
    }
}
