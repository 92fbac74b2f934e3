//! RetireGrant: a grant is ended by whom it names, or by the account that made it.

use crate::api::RetireGrantRequest;
use crate::asked::Asked;

use crate::key_id::{Reference, Target};
use crate::machine::Command;
use crate::needs::{Asking, Saying};
use crate::ops::grants;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct RetireGrant;

impl Operation for RetireGrant {
    type Input = RetireGrantRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &RetireGrantRequest) -> Result<Vec<Need>, Refusal> {
        let meant = grants::meant(asking.service, asking.caller, input)?;
        let reference = Reference { account: meant.account, target: Target::Key(meant.key) };
        let (kept, aliases) = asking.service.look(asking.caller, &reference)?;
        let mut need = asking.need("RetireGrant", &kept, &aliases, Saying::default());
        let who = &asking.caller.identity.caller;
        need.granted = kept.grants.get(&meant.grant).is_some_and(|grant| grant.may_be_retired_by(who));
        Ok(vec![need])
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: RetireGrantRequest) -> Result<Nothing, Refusal> {
        let meant = grants::meant(&service, &caller, &input)?;
        let reference = Reference { account: meant.account, target: Target::Key(meant.key) };
        let kept = service.find(&caller, &reference).await?;
        kept.grants
            .get(&meant.grant)
            .ok_or_else(|| Refusal::not_found(format!("Grant ID {} not found", meant.grant)))?;
        if input.dry_run == Some(true) {
            return Err(Refusal::dry_run());
        }
        let place = (caller.region.clone(), meant.key);
        let ring = service.catalog.ring(meant.account).ok_or_else(Refusal::internal)?;
        service.ask(&ring, Command::RemoveGrant { place, grant: meant.grant }).await?;
        Ok(Nothing)
    }
}
