//! ListKeyRotations: the materials that a key got after its first one.

use crate::api::{ListKeyRotationsRequest, ListKeyRotationsResponse, RotationsListEntry};
use crate::asked::Asked;
use crate::describe::{material_id, timestamp};
use crate::key::{Key, MadeBy, Material};
use crate::limits;
use crate::needs::Asking;
use crate::ops::import;
use crate::page::page;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct ListKeyRotations;

impl Operation for ListKeyRotations {
    type Input = ListKeyRotationsRequest;
    type Output = ListKeyRotationsResponse;

    fn needs(asking: &Asking<'_>, input: &ListKeyRotationsRequest) -> Result<Vec<Need>, Refusal> {
        asking.on("ListKeyRotations", &input.key_id)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: ListKeyRotationsRequest,
    ) -> Result<ListKeyRotationsResponse, Refusal> {
        let key = service.own_key(&caller, &input.key_id).await?.key;
        let all = input.include_key_material.as_deref() == Some("ALL_KEY_MATERIAL");
        let wanted =
            key.materials.iter().filter(|material| all || matches!(material.by, MadeBy::Automatic | MadeBy::OnDemand));
        let rotations: Vec<&Material> = wanted.collect();
        let by_number = |material: &&Material| format!("{:010}", material.number);
        let page = page(rotations, by_number, input.limit, limits::PAGE, input.marker.as_deref())?;
        Ok(ListKeyRotationsResponse {
            truncated: page.truncated(),
            rotations: Some(page.items.iter().map(|material| entry(&key, material, all)).collect()),
            next_marker: page.next_marker,
        })
    }
}

fn entry(key: &Key, material: &Material, all: bool) -> RotationsListEntry {
    let is_current = key.materials.last().is_some_and(|last| last.number == material.number);
    let by = match material.by {
        MadeBy::Automatic => Some("AUTOMATIC"),
        MadeBy::OnDemand => Some("ON_DEMAND"),
        MadeBy::Creation | MadeBy::Import => None,
    };
    let import = if material.sealed.is_some() { "IMPORTED" } else { "PENDING_IMPORT" };
    RotationsListEntry {
        key_id: Some(key.id.to_string()),
        key_material_id: material_id(key, Some(material)),
        key_material_description: material.description.as_deref().map(Into::into),
        import_state: (material.by == MadeBy::Import).then(|| import.into()),
        key_material_state: all.then(|| if is_current { "CURRENT" } else { "NON_CURRENT" }.into()),
        expiration_model: (material.by == MadeBy::Import).then(|| import::expiration(material).into()),
        valid_to: material.valid_to.map(timestamp),
        rotation_date: by.map(|_| timestamp(material.made_at)),
        rotation_type: by.map(Into::into),
    }
}
