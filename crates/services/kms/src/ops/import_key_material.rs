//! ImportKeyMaterial: wrapped material for a key that waits for it, or lost it.

use crate::api::{ImportKeyMaterialRequest, ImportKeyMaterialResponse};
use crate::asked::Asked;
use crate::change::Change;
use crate::cryptography;
use crate::describe::material_id;
use crate::key::{MadeBy, Material};
use crate::needs::{Asking, Saying};
use crate::ops::import;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use crate::spec::KeySpec;
use gateway::{Fact, Need};
use std::sync::Arc;

pub(crate) struct ImportKeyMaterial;

impl Operation for ImportKeyMaterial {
    type Input = ImportKeyMaterialRequest;
    type Output = ImportKeyMaterialResponse;

    fn needs(asking: &Asking<'_>, input: &ImportKeyMaterialRequest) -> Result<Vec<Need>, Refusal> {
        let valid_to = input.valid_to.and_then(import::moment).map(Fact::Moment);
        let mut saying = Saying::default().text("kms:expirationmodel", Some(import::model(input)));
        saying.facts.extend(valid_to.map(|at| ("kms:validto".into(), at)));
        asking.on_saying("ImportKeyMaterial", &input.key_id, saying)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: ImportKeyMaterialRequest,
    ) -> Result<ImportKeyMaterialResponse, Refusal> {
        let key = service.own_key(&caller, &input.key_id).await?.key;
        import::check_key(&key)?;
        import::check_kind(&key, &input)?;
        let valid_to = import::valid_to(service.catalog.now(), &input)?;
        let meant = input.key_material_id.as_deref().map(import::identity).transpose()?;
        let (of, token, wrapped) = (Arc::clone(&key), input.import_token, input.encrypted_key_material);
        // Whatever the key is, an RSA key unwraps its material.
        let unwrapped = service.using(caller.account, KeySpec::Rsa4096, move |service| {
            let plain = import::unwrap(service, &of, &token, &wrapped)?;
            match cryptography::is_material(of.spec, &plain) {
                true => Ok(plain),
                false => Err(Refusal::no_material_of(of.spec)),
            }
        });
        let plain = unwrapped.await?;
        let number = key.materials.last().map_or(1, |last| last.number);
        let material = service.material(key.account, key.id, number, &plain, MadeBy::Import)?;
        let description = input.key_material_description.map(Into::into);
        let material = Material { valid_to, description, ..material };
        if meant.is_some_and(|identity| identity != material.identity) {
            return Err(Refusal::other_material());
        }
        let key = service.change(&caller, &input.key_id, Change::Import(material)).await?.key;
        Ok(ImportKeyMaterialResponse { key_id: Some(key.arn()), key_material_id: material_id(&key, key.current()) })
    }
}
