//! GenerateDataKeyPair: a pair of keys for data, its private half plain and sealed.

use crate::api::{GenerateDataKeyPairRequest, GenerateDataKeyPairResponse};
use crate::asked::Asked;
use crate::context::Context;
use crate::describe::material_id;
use crate::needs::{Asking, Saying};
use crate::ops::{data_keys, grants};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use bytes::Bytes;
use gateway::Need;
use std::sync::Arc;

pub(crate) struct GenerateDataKeyPair;

impl Operation for GenerateDataKeyPair {
    type Input = GenerateDataKeyPairRequest;
    type Output = GenerateDataKeyPairResponse;

    fn needs(asking: &Asking<'_>, input: &GenerateDataKeyPairRequest) -> Result<Vec<Need>, Refusal> {
        let context = Context::new(input.encryption_context.clone());
        let saying = Saying { context: Some(&context), ..Saying::default() };
        asking.on_saying(
            "GenerateDataKeyPair",
            &input.key_id,
            saying.text("kms:datakeypairspec", Some(&input.key_pair_spec)),
        )
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: GenerateDataKeyPairRequest,
    ) -> Result<GenerateDataKeyPairResponse, Refusal> {
        grants::check_tokens(input.grant_tokens.as_deref())?;
        input.recipient.is_none().then_some(()).ok_or_else(grants::no_enclaves)?;
        let kept = service.key(&caller, &input.key_id).await?;
        let context = Context::new(input.encryption_context);
        let operation = "GenerateDataKeyPair";
        let spec = data_keys::checked(&kept.key, operation, &input.key_pair_spec, input.dry_run)?;
        let pair = data_keys::pair(&service, caller.account, &kept.key, operation, spec, &context).await?;
        Ok(GenerateDataKeyPairResponse {
            private_key_ciphertext_blob: Some(pair.sealed.into()),
            private_key_plaintext: Some(Bytes::copy_from_slice(pair.private.expose())),
            public_key: Some(pair.public.into()),
            key_id: Some(kept.key.arn()),
            key_pair_spec: Some(input.key_pair_spec),
            ciphertext_for_recipient: None,
            key_material_id: material_id(&kept.key, kept.key.current()),
        })
    }
}
