//! CreateAlias: a name for a key.

use crate::api::CreateAliasRequest;
use crate::asked::Asked;
use crate::machine::Known;
use crate::needs::Asking;
use crate::ops::aliases;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct CreateAlias;

impl Operation for CreateAlias {
    type Input = CreateAliasRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &CreateAliasRequest) -> Result<Vec<Need>, Refusal> {
        let mut needs = asking.on("CreateAlias", &input.target_key_id)?;
        needs.push(asking.on_alias("CreateAlias", &input.alias_name));
        Ok(needs)
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: CreateAliasRequest) -> Result<Nothing, Refusal> {
        let name = aliases::own(&input.alias_name)?;
        aliases::set(&service, &caller, name, &input.target_key_id, Known::Nothing).await?;
        Ok(Nothing)
    }
}
