//! UpdateKeyDescription: other words about a key.

use crate::api::UpdateKeyDescriptionRequest;
use crate::asked::Asked;
use crate::change::Change;
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct UpdateKeyDescription;

impl Operation for UpdateKeyDescription {
    type Input = UpdateKeyDescriptionRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &UpdateKeyDescriptionRequest) -> Result<Vec<Need>, Refusal> {
        asking.on("UpdateKeyDescription", &input.key_id)
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: UpdateKeyDescriptionRequest) -> Result<Nothing, Refusal> {
        service.change(&caller, &input.key_id, Change::Describe(input.description.into())).await?;
        Ok(Nothing)
    }
}
