//! DisableKeyRotation: its material stays until somebody rotates it.

use crate::api::DisableKeyRotationRequest;
use crate::asked::Asked;
use crate::change::Change;
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct DisableKeyRotation;

impl Operation for DisableKeyRotation {
    type Input = DisableKeyRotationRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &DisableKeyRotationRequest) -> Result<Vec<Need>, Refusal> {
        asking.on("DisableKeyRotation", &input.key_id)
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: DisableKeyRotationRequest) -> Result<Nothing, Refusal> {
        service.change(&caller, &input.key_id, Change::DisableRotation).await?;
        Ok(Nothing)
    }
}
