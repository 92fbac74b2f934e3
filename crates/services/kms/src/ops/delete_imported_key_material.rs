//! DeleteImportedKeyMaterial: the key waits for its material again.

use crate::api::{DeleteImportedKeyMaterialRequest, DeleteImportedKeyMaterialResponse};
use crate::asked::Asked;
use crate::change::Change;
use crate::describe::material_id;
use crate::needs::Asking;
use crate::ops::import;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct DeleteImportedKeyMaterial;

impl Operation for DeleteImportedKeyMaterial {
    type Input = DeleteImportedKeyMaterialRequest;
    type Output = DeleteImportedKeyMaterialResponse;

    fn needs(asking: &Asking<'_>, input: &DeleteImportedKeyMaterialRequest) -> Result<Vec<Need>, Refusal> {
        asking.on("DeleteImportedKeyMaterial", &input.key_id)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: DeleteImportedKeyMaterialRequest,
    ) -> Result<DeleteImportedKeyMaterialResponse, Refusal> {
        let key = service.own_key(&caller, &input.key_id).await?.key;
        import::check_key(&key)?;
        let identity = input.key_material_id.as_deref().map(import::identity).transpose()?;
        service.change(&caller, &input.key_id, Change::DropMaterial(identity)).await?;
        Ok(DeleteImportedKeyMaterialResponse {
            key_id: Some(key.arn()),
            key_material_id: material_id(&key, key.current()),
        })
    }
}
