//! EnableKey: it can be used again.

use crate::api::EnableKeyRequest;
use crate::asked::Asked;
use crate::change::Change;
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct EnableKey;

impl Operation for EnableKey {
    type Input = EnableKeyRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &EnableKeyRequest) -> Result<Vec<Need>, Refusal> {
        asking.on("EnableKey", &input.key_id)
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: EnableKeyRequest) -> Result<Nothing, Refusal> {
        service.change(&caller, &input.key_id, Change::Enable).await?;
        Ok(Nothing)
    }
}
