//! ListGrants: the grants of a key.

use crate::api::{GrantListEntry, ListGrantsRequest, ListGrantsResponse};
use crate::asked::Asked;
use crate::limits;
use crate::needs::Asking;
use crate::ops::grants;
use crate::page::page;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct ListGrants;

impl Operation for ListGrants {
    type Input = ListGrantsRequest;
    type Output = ListGrantsResponse;

    fn needs(asking: &Asking<'_>, input: &ListGrantsRequest) -> Result<Vec<Need>, Refusal> {
        asking.on("ListGrants", &input.key_id)
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: ListGrantsRequest) -> Result<ListGrantsResponse, Refusal> {
        input.grantee_service_principal.is_none().then_some(()).ok_or_else(grants::no_services)?;
        let kept = service.own_key(&caller, &input.key_id).await?;
        let id = input.grant_id.as_deref();
        let principal = input.grantee_principal.as_deref();
        let wanted = kept.grants.values().filter(|grant| {
            id.is_none_or(|id| grant.id.to_string() == id)
                && principal.is_none_or(|principal| &*grant.grantee == principal)
        });
        let entries = wanted.map(|grant| grants::entry(&kept.key.id, grant)).collect();
        let by_id = |entry: &GrantListEntry| entry.grant_id.clone().unwrap_or_default();
        let page = page(entries, by_id, input.limit, limits::PAGE, input.marker.as_deref())?;
        Ok(ListGrantsResponse { truncated: page.truncated(), grants: Some(page.items), next_marker: page.next_marker })
    }
}
