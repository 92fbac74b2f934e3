//! Decrypt: the plaintext of a ciphertext, whose key it names itself unless the key is asymmetric.

use crate::api::{DecryptRequest, DecryptResponse};
use crate::asked::Asked;
use crate::context::Context;
use crate::describe::material_id;
use crate::needs::{Asking, Saying};
use crate::ops::{dry_runs, grants};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use crate::spec::SYMMETRIC_DEFAULT;
use bytes::Bytes;
use gateway::Need;
use std::sync::Arc;

pub(crate) struct Decrypt;

impl Operation for Decrypt {
    type Input = DecryptRequest;
    type Output = DecryptResponse;

    fn needs(asking: &Asking<'_>, input: &DecryptRequest) -> Result<Vec<Need>, Refusal> {
        let context = Context::new(input.encryption_context.clone());
        let saying = Saying { context: Some(&context), ..Saying::default() };
        let algorithm = input.encryption_algorithm.as_deref().or(Some(SYMMETRIC_DEFAULT));
        let saying = saying.text("kms:encryptionalgorithm", algorithm);
        if dry_runs::ignores_ciphertext(input.dry_run, input.dry_run_modifiers.as_deref()) {
            return asking.on_saying("Decrypt", dry_runs::key(input.key_id.as_deref())?, saying);
        }
        match (&input.key_id, &input.ciphertext_blob) {
            (Some(key), _) => asking.on_saying("Decrypt", key, saying),
            (None, Some(blob)) => asking.on_ciphertext("Decrypt", blob, saying),
            (None, None) => Err(Refusal::validation("CiphertextBlob is required.")),
        }
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: DecryptRequest) -> Result<DecryptResponse, Refusal> {
        grants::check_tokens(input.grant_tokens.as_deref())?;
        let no_enclave = input.recipient.is_none();
        no_enclave.then_some(()).ok_or_else(grants::no_enclaves)?;
        let algorithm = input.encryption_algorithm.unwrap_or_else(|| SYMMETRIC_DEFAULT.into());
        if dry_runs::ignores_ciphertext(input.dry_run, input.dry_run_modifiers.as_deref()) {
            dry_runs::check_opening(&service, &caller, input.key_id.as_deref(), "Decrypt", &algorithm).await?;
            return Err(Refusal::dry_run());
        }
        let blob = input.ciphertext_blob.ok_or_else(|| Refusal::validation("CiphertextBlob is required."))?;
        let context = Context::new(input.encryption_context);
        let opened = service.decrypt(&caller, "Decrypt", input.key_id.as_deref(), &algorithm, &blob, &context).await?;
        if input.dry_run == Some(true) {
            return Err(Refusal::dry_run());
        }
        Ok(DecryptResponse {
            key_id: Some(opened.key.arn()),
            plaintext: Some(Bytes::copy_from_slice(opened.plain.expose())),
            encryption_algorithm: Some(algorithm),
            ciphertext_for_recipient: None,
            key_material_id: material_id(&opened.key, opened.key.material(opened.material)),
        })
    }
}
