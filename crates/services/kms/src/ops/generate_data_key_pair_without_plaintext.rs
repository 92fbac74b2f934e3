//! GenerateDataKeyPairWithoutPlaintext: a pair of keys for data, its private half sealed alone.

use crate::api::{GenerateDataKeyPairWithoutPlaintextRequest, GenerateDataKeyPairWithoutPlaintextResponse};
use crate::asked::Asked;
use crate::context::Context;
use crate::describe::material_id;
use crate::needs::{Asking, Saying};
use crate::ops::{data_keys, grants};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct GenerateDataKeyPairWithoutPlaintext;

impl Operation for GenerateDataKeyPairWithoutPlaintext {
    type Input = GenerateDataKeyPairWithoutPlaintextRequest;
    type Output = GenerateDataKeyPairWithoutPlaintextResponse;

    fn needs(asking: &Asking<'_>, input: &GenerateDataKeyPairWithoutPlaintextRequest) -> Result<Vec<Need>, Refusal> {
        let context = Context::new(input.encryption_context.clone());
        let saying = Saying { context: Some(&context), ..Saying::default() };
        asking.on_saying(
            "GenerateDataKeyPairWithoutPlaintext",
            &input.key_id,
            saying.text("kms:datakeypairspec", Some(&input.key_pair_spec)),
        )
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: GenerateDataKeyPairWithoutPlaintextRequest,
    ) -> Result<GenerateDataKeyPairWithoutPlaintextResponse, Refusal> {
        grants::check_tokens(input.grant_tokens.as_deref())?;
        let kept = service.key(&caller, &input.key_id).await?;
        let context = Context::new(input.encryption_context);
        let operation = "GenerateDataKeyPairWithoutPlaintext";
        let spec = data_keys::checked(&kept.key, operation, &input.key_pair_spec, input.dry_run)?;
        let pair = data_keys::pair(&service, caller.account, &kept.key, operation, spec, &context).await?;
        Ok(GenerateDataKeyPairWithoutPlaintextResponse {
            private_key_ciphertext_blob: Some(pair.sealed.into()),
            public_key: Some(pair.public.into()),
            key_id: Some(kept.key.arn()),
            key_pair_spec: Some(input.key_pair_spec),
            key_material_id: material_id(&kept.key, kept.key.current()),
        })
    }
}
