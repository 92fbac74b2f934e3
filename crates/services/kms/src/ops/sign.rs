//! Sign: a signature by the private half.

use crate::api::{SignRequest, SignResponse};
use crate::asked::Asked;
use crate::cryptography::Signed;
use crate::needs::{Asking, Saying};
use crate::ops::grants;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct Sign;

impl Operation for Sign {
    type Input = SignRequest;
    type Output = SignResponse;

    fn needs(asking: &Asking<'_>, input: &SignRequest) -> Result<Vec<Need>, Refusal> {
        let saying = Saying::default()
            .text("kms:signingalgorithm", Some(&input.signing_algorithm))
            .text("kms:messagetype", Some(input.message_type.as_deref().unwrap_or(RAW)));
        asking.on_saying("Sign", &input.key_id, saying)
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: SignRequest) -> Result<SignResponse, Refusal> {
        grants::check_tokens(input.grant_tokens.as_deref())?;
        let kept = service.key(&caller, &input.key_id).await?;
        let (key, algorithm) = (Arc::clone(&kept.key), input.signing_algorithm.clone());
        let made = service.using(caller.account, key.spec, move |service| {
            let opened = service.for_signing(&key, "Sign", &algorithm)?;
            opened.sign(&algorithm, signed(&input.message, input.message_type.as_deref())?)
        });
        let signature = made.await?;
        if input.dry_run == Some(true) {
            return Err(Refusal::dry_run());
        }
        Ok(SignResponse {
            key_id: Some(kept.key.arn()),
            signature: Some(signature.into()),
            signing_algorithm: Some(input.signing_algorithm),
        })
    }
}

/// The type of a message unless said otherwise; policies are told it then too.
pub(crate) const RAW: &str = "RAW";

/// What is signed: a message, or its digest.
pub(crate) fn signed<'a>(message: &'a [u8], message_type: Option<&str>) -> Result<Signed<'a>, Refusal> {
    match message_type.unwrap_or(RAW) {
        RAW => Ok(Signed::Message(message)),
        "DIGEST" => Ok(Signed::Digest(message)),
        other => Err(Refusal::unsupported(format!("This version of tidewire signs no message of the type {other}."))),
    }
}
