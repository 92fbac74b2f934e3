//! UpdateAlias: the name stands for another key.

use crate::api::UpdateAliasRequest;
use crate::asked::Asked;
use crate::machine::Known;
use crate::needs::Asking;
use crate::ops::aliases;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct UpdateAlias;

impl Operation for UpdateAlias {
    type Input = UpdateAliasRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &UpdateAliasRequest) -> Result<Vec<Need>, Refusal> {
        let mut needs = asking.on("UpdateAlias", &input.target_key_id)?;
        if let Ok(before) = asking.on("UpdateAlias", &input.alias_name) {
            needs.extend(before);
        }
        needs.push(asking.on_alias("UpdateAlias", &input.alias_name));
        Ok(needs)
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: UpdateAliasRequest) -> Result<Nothing, Refusal> {
        let name = aliases::own(&input.alias_name)?;
        let known = Known::Key(caller.behind_alias(&name)?);
        aliases::set(&service, &caller, name, &input.target_key_id, known).await?;
        Ok(Nothing)
    }
}
