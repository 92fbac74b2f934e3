//! GenerateDataKey: a key for data, plain and sealed.

use crate::api::{GenerateDataKeyRequest, GenerateDataKeyResponse};
use crate::asked::Asked;
use crate::context::Context;
use crate::describe::material_id;
use crate::needs::{Asking, Saying};
use crate::ops::{data_keys, grants};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use crate::spec::SYMMETRIC_DEFAULT;
use bytes::Bytes;
use gateway::Need;
use std::sync::Arc;

pub(crate) struct GenerateDataKey;

impl Operation for GenerateDataKey {
    type Input = GenerateDataKeyRequest;
    type Output = GenerateDataKeyResponse;

    fn needs(asking: &Asking<'_>, input: &GenerateDataKeyRequest) -> Result<Vec<Need>, Refusal> {
        let context = Context::new(input.encryption_context.clone());
        let saying = Saying { context: Some(&context), ..Saying::default() };
        asking.on_saying("GenerateDataKey", &input.key_id, saying)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: GenerateDataKeyRequest,
    ) -> Result<GenerateDataKeyResponse, Refusal> {
        grants::check_tokens(input.grant_tokens.as_deref())?;
        input.recipient.is_none().then_some(()).ok_or_else(grants::no_enclaves)?;
        let kept = service.key(&caller, &input.key_id).await?;
        let bytes = data_keys::bytes(input.number_of_bytes, input.key_spec.as_deref())?;
        let context = Context::new(input.encryption_context);
        let plain = service.vault.chance_of(bytes);
        let sealed = service.encrypt(&kept.key, "GenerateDataKey", SYMMETRIC_DEFAULT, plain.expose(), &context)?;
        if input.dry_run == Some(true) {
            return Err(Refusal::dry_run());
        }
        Ok(GenerateDataKeyResponse {
            ciphertext_blob: Some(sealed.into()),
            plaintext: Some(Bytes::copy_from_slice(plain.expose())),
            key_id: Some(kept.key.arn()),
            ciphertext_for_recipient: None,
            key_material_id: material_id(&kept.key, kept.key.current()),
        })
    }
}
