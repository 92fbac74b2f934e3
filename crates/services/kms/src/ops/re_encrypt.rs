//! ReEncrypt: a ciphertext under another key or context; the plaintext leaves nowhere.

use crate::api::{ReEncryptRequest, ReEncryptResponse};
use crate::asked::Asked;
use crate::context::Context;
use crate::describe::material_id;
use crate::needs::{Asking, Saying};
use crate::ops::{dry_runs, grants};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use crate::spec::SYMMETRIC_DEFAULT;
use gateway::{Fact, Need};
use std::sync::Arc;

pub(crate) struct ReEncrypt;

impl Operation for ReEncrypt {
    type Input = ReEncryptRequest;
    type Output = ReEncryptResponse;

    fn needs(asking: &Asking<'_>, input: &ReEncryptRequest) -> Result<Vec<Need>, Refusal> {
        let from = Context::new(input.source_encryption_context.clone());
        let to = Context::new(input.destination_encryption_context.clone());
        let saying = |context, algorithm: &Option<String>| {
            let algorithm = algorithm.as_deref().unwrap_or(SYMMETRIC_DEFAULT);
            Saying { context: Some(context), ..Saying::default() }.text("kms:encryptionalgorithm", Some(algorithm))
        };
        let source = saying(&from, &input.source_encryption_algorithm);
        let destination = saying(&to, &input.destination_encryption_algorithm);
        let ignores = dry_runs::ignores_ciphertext(input.dry_run, input.dry_run_modifiers.as_deref());
        let mut needs = match (&input.source_key_id, &input.ciphertext_blob) {
            (key, _) if ignores => asking.on_saying("ReEncryptFrom", dry_runs::key(key.as_deref())?, source)?,
            (Some(key), _) => asking.on_saying("ReEncryptFrom", key, source)?,
            (None, Some(blob)) => asking.on_ciphertext("ReEncryptFrom", blob, source)?,
            (None, None) => return Err(Refusal::validation("CiphertextBlob is required.")),
        };
        needs.extend(asking.on_saying("ReEncryptTo", &input.destination_key_id, destination)?);
        let same = needs.len() == 2 && needs[0].resource == needs[1].resource;
        needs.iter_mut().for_each(|need| need.facts.push(("kms:reencryptonsamekey".into(), Fact::Bool(same))));
        Ok(needs)
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: ReEncryptRequest) -> Result<ReEncryptResponse, Refusal> {
        grants::check_tokens(input.grant_tokens.as_deref())?;
        let symmetric = || SYMMETRIC_DEFAULT.to_owned();
        let from = input.source_encryption_algorithm.unwrap_or_else(symmetric);
        let to = input.destination_encryption_algorithm.unwrap_or_else(symmetric);
        if dry_runs::ignores_ciphertext(input.dry_run, input.dry_run_modifiers.as_deref()) {
            dry_runs::check_opening(&service, &caller, input.source_key_id.as_deref(), "ReEncrypt", &from).await?;
            dry_runs::check_opening(&service, &caller, Some(&input.destination_key_id), "ReEncrypt", &to).await?;
            return Err(Refusal::dry_run());
        }
        let blob = input.ciphertext_blob.ok_or_else(|| Refusal::validation("CiphertextBlob is required."))?;
        let context = Context::new(input.source_encryption_context);
        let opened =
            service.decrypt(&caller, "ReEncrypt", input.source_key_id.as_deref(), &from, &blob, &context).await?;
        let kept = service.key(&caller, &input.destination_key_id).await?;
        let context = Context::new(input.destination_encryption_context);
        let (key, by, plain) = (Arc::clone(&kept.key), to.clone(), opened.plain);
        let sealed = service.using(caller.account, key.spec, move |service| {
            service.encrypt(&key, "ReEncrypt", &by, plain.expose(), &context)
        });
        let sealed = sealed.await?;
        if input.dry_run == Some(true) {
            return Err(Refusal::dry_run());
        }
        Ok(ReEncryptResponse {
            ciphertext_blob: Some(sealed.into()),
            source_key_id: Some(opened.key.arn()),
            key_id: Some(kept.key.arn()),
            source_encryption_algorithm: Some(from),
            destination_encryption_algorithm: Some(to),
            source_key_material_id: material_id(&opened.key, opened.key.material(opened.material)),
            destination_key_material_id: material_id(&kept.key, kept.key.current()),
        })
    }
}
