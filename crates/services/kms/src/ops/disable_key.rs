//! DisableKey: it cannot be used until it is enabled.

use crate::api::DisableKeyRequest;
use crate::asked::Asked;
use crate::change::Change;
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct DisableKey;

impl Operation for DisableKey {
    type Input = DisableKeyRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &DisableKeyRequest) -> Result<Vec<Need>, Refusal> {
        asking.on("DisableKey", &input.key_id)
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: DisableKeyRequest) -> Result<Nothing, Refusal> {
        service.change(&caller, &input.key_id, Change::Disable).await?;
        Ok(Nothing)
    }
}
