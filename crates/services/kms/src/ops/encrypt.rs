//! Encrypt: a ciphertext that names its key.

use crate::api::{EncryptRequest, EncryptResponse};
use crate::asked::Asked;
use crate::context::Context;
use crate::needs::{Asking, Saying};
use crate::ops::grants;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use crate::spec::SYMMETRIC_DEFAULT;
use gateway::Need;
use std::sync::Arc;

pub(crate) struct Encrypt;

impl Operation for Encrypt {
    type Input = EncryptRequest;
    type Output = EncryptResponse;

    fn needs(asking: &Asking<'_>, input: &EncryptRequest) -> Result<Vec<Need>, Refusal> {
        let context = Context::new(input.encryption_context.clone());
        let saying = Saying { context: Some(&context), ..Saying::default() };
        let algorithm = input.encryption_algorithm.as_deref().or(Some(SYMMETRIC_DEFAULT));
        asking.on_saying("Encrypt", &input.key_id, saying.text("kms:encryptionalgorithm", algorithm))
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: EncryptRequest) -> Result<EncryptResponse, Refusal> {
        grants::check_tokens(input.grant_tokens.as_deref())?;
        let kept = service.key(&caller, &input.key_id).await?;
        let key = Arc::clone(&kept.key);
        let algorithm = input.encryption_algorithm.unwrap_or_else(|| SYMMETRIC_DEFAULT.into());
        let context = Context::new(input.encryption_context);
        let by = algorithm.clone();
        let sealed = service.using(caller.account, key.spec, move |service| {
            service.encrypt(&key, "Encrypt", &by, &input.plaintext, &context)
        });
        let sealed = sealed.await?;
        if input.dry_run == Some(true) {
            return Err(Refusal::dry_run());
        }
        Ok(EncryptResponse {
            ciphertext_blob: Some(sealed.into()),
            key_id: Some(kept.key.arn()),
            encryption_algorithm: Some(algorithm),
        })
    }
}
