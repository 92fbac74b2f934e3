//! CancelKeyDeletion: the key stays, disabled.

use crate::api::{CancelKeyDeletionRequest, CancelKeyDeletionResponse};
use crate::asked::Asked;
use crate::change::Change;
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct CancelKeyDeletion;

impl Operation for CancelKeyDeletion {
    type Input = CancelKeyDeletionRequest;
    type Output = CancelKeyDeletionResponse;

    fn needs(asking: &Asking<'_>, input: &CancelKeyDeletionRequest) -> Result<Vec<Need>, Refusal> {
        asking.on("CancelKeyDeletion", &input.key_id)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: CancelKeyDeletionRequest,
    ) -> Result<CancelKeyDeletionResponse, Refusal> {
        let key = service.change(&caller, &input.key_id, Change::CancelDeletion).await?.key;
        Ok(CancelKeyDeletionResponse { key_id: Some(key.arn()) })
    }
}
