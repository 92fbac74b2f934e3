//! DeleteAlias: the name stands for nothing any more.

use crate::api::DeleteAliasRequest;
use crate::asked::Asked;
use crate::machine::{Command, alias_arn};
use crate::needs::Asking;
use crate::ops::aliases;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct DeleteAlias;

impl Operation for DeleteAlias {
    type Input = DeleteAliasRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &DeleteAliasRequest) -> Result<Vec<Need>, Refusal> {
        let mut needs = vec![asking.on_alias("DeleteAlias", &input.alias_name)];
        if let Ok(of_key) = asking.on("DeleteAlias", &input.alias_name) {
            needs.extend(of_key);
        }
        Ok(needs)
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: DeleteAliasRequest) -> Result<Nothing, Refusal> {
        let name = aliases::own(&input.alias_name)?;
        let missing = || Refusal::no_alias(&alias_arn(&caller.region, caller.account, &name));
        let ring = service.catalog.ring(caller.account).ok_or_else(missing)?;
        let (region, of) = (caller.region.clone(), caller.behind_alias(&name)?);
        service.ask(&ring, Command::DeleteAlias { region, name, of }).await?;
        Ok(Nothing)
    }
}
