//! RevokeGrant: the key's owner ends a grant.

use crate::api::RevokeGrantRequest;
use crate::asked::Asked;
use crate::grant::GrantId;
use crate::machine::Command;
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct RevokeGrant;

impl Operation for RevokeGrant {
    type Input = RevokeGrantRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &RevokeGrantRequest) -> Result<Vec<Need>, Refusal> {
        asking.on("RevokeGrant", &input.key_id)
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: RevokeGrantRequest) -> Result<Nothing, Refusal> {
        let (ring, place) = service.place(&caller, &input.key_id).await?;
        let missing = || Refusal::not_found(format!("Grant ID {} not found", input.grant_id));
        let grant = GrantId::parse(&input.grant_id).ok_or_else(missing)?;
        let kept = service.own_key(&caller, &input.key_id).await?;
        kept.grants.get(&grant).ok_or_else(missing)?;
        if input.dry_run == Some(true) {
            return Err(Refusal::dry_run());
        }
        service.ask(&ring, Command::RemoveGrant { place, grant }).await?;
        Ok(Nothing)
    }
}
