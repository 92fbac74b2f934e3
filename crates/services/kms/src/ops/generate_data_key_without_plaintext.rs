//! GenerateDataKeyWithoutPlaintext: a key for data, sealed alone.

use crate::api::{GenerateDataKeyWithoutPlaintextRequest, GenerateDataKeyWithoutPlaintextResponse};
use crate::asked::Asked;
use crate::context::Context;
use crate::describe::material_id;
use crate::needs::{Asking, Saying};
use crate::ops::{data_keys, grants};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use crate::spec::SYMMETRIC_DEFAULT;
use gateway::Need;
use std::sync::Arc;

pub(crate) struct GenerateDataKeyWithoutPlaintext;

impl Operation for GenerateDataKeyWithoutPlaintext {
    type Input = GenerateDataKeyWithoutPlaintextRequest;
    type Output = GenerateDataKeyWithoutPlaintextResponse;

    fn needs(asking: &Asking<'_>, input: &GenerateDataKeyWithoutPlaintextRequest) -> Result<Vec<Need>, Refusal> {
        let context = Context::new(input.encryption_context.clone());
        let saying = Saying { context: Some(&context), ..Saying::default() };
        asking.on_saying("GenerateDataKeyWithoutPlaintext", &input.key_id, saying)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: GenerateDataKeyWithoutPlaintextRequest,
    ) -> Result<GenerateDataKeyWithoutPlaintextResponse, Refusal> {
        grants::check_tokens(input.grant_tokens.as_deref())?;
        let kept = service.key(&caller, &input.key_id).await?;
        let bytes = data_keys::bytes(input.number_of_bytes, input.key_spec.as_deref())?;
        let context = Context::new(input.encryption_context);
        let plain = service.vault.chance_of(bytes);
        let operation = "GenerateDataKeyWithoutPlaintext";
        let sealed = service.encrypt(&kept.key, operation, SYMMETRIC_DEFAULT, plain.expose(), &context)?;
        if input.dry_run == Some(true) {
            return Err(Refusal::dry_run());
        }
        Ok(GenerateDataKeyWithoutPlaintextResponse {
            ciphertext_blob: Some(sealed.into()),
            key_id: Some(kept.key.arn()),
            key_material_id: material_id(&kept.key, kept.key.current()),
        })
    }
}
