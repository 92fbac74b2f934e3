//! ListRetirableGrants: the grants that somebody may retire.

use crate::api::{GrantListEntry, ListGrantsResponse, ListRetirableGrantsRequest};
use crate::asked::Asked;
use crate::limits;
use crate::machine::{Command, Reply};
use crate::needs::{Asking, Saying};
use crate::ops::grants;
use crate::page::page;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct ListRetirableGrants;

impl Operation for ListRetirableGrants {
    type Input = ListRetirableGrantsRequest;
    type Output = ListGrantsResponse;

    fn needs(asking: &Asking<'_>, _input: &ListRetirableGrantsRequest) -> Result<Vec<Need>, Refusal> {
        Ok(asking.anything("ListRetirableGrants", Saying::default()))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: ListRetirableGrantsRequest,
    ) -> Result<ListGrantsResponse, Refusal> {
        input.retiring_service_principal.is_none().then_some(()).ok_or_else(grants::no_services)?;
        let principal =
            input.retiring_principal.ok_or_else(|| Refusal::validation("RetiringPrincipal is required."))?;
        let all = match service.catalog.ring(caller.account) {
            Some(ring) => match service.ask(&ring, Command::AllGrants(caller.region.clone())).await? {
                Reply::Grants(grants) => grants,
                other => unreachable!("who asks for grants is answered grants, not {other:?}"),
            },
            None => Vec::new(),
        };
        let retirable = all.iter().filter(|(_, grant)| grant.retiring.as_deref() == Some(principal.as_str()));
        let mut entries: Vec<GrantListEntry> = retirable.map(|(key, grant)| grants::entry(key, grant)).collect();
        entries.sort_by(|one, other| one.grant_id.cmp(&other.grant_id));
        let by_id = |entry: &GrantListEntry| entry.grant_id.clone().unwrap_or_default();
        let page = page(entries, by_id, input.limit, limits::PAGE, input.marker.as_deref())?;
        Ok(ListGrantsResponse { truncated: page.truncated(), grants: Some(page.items), next_marker: page.next_marker })
    }
}
