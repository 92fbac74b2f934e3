//! GetKeyRotationStatus: whether and when it gets new material.

use crate::api::{GetKeyRotationStatusRequest, GetKeyRotationStatusResponse};
use crate::asked::Asked;
use crate::describe::timestamp;
use crate::key::Origin;
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use crate::spec::KeySpec;
use gateway::Need;
use std::sync::Arc;

pub(crate) struct GetKeyRotationStatus;

impl Operation for GetKeyRotationStatus {
    type Input = GetKeyRotationStatusRequest;
    type Output = GetKeyRotationStatusResponse;

    fn needs(asking: &Asking<'_>, input: &GetKeyRotationStatusRequest) -> Result<Vec<Need>, Refusal> {
        asking.on("GetKeyRotationStatus", &input.key_id)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: GetKeyRotationStatusRequest,
    ) -> Result<GetKeyRotationStatusResponse, Refusal> {
        let key = service.own_key(&caller, &input.key_id).await?.key;
        if key.spec != KeySpec::Symmetric || key.origin != Origin::Made {
            let message = format!("{} is not a key whose material AWS KMS rotates automatically.", key.arn());
            return Err(Refusal::unsupported(message));
        }
        // A key that is to go does not rotate, and its rotation comes back with it.
        let rotation = key.rotation.filter(|_| !key.is_going());
        Ok(GetKeyRotationStatusResponse {
            key_rotation_enabled: Some(rotation.is_some()),
            key_id: Some(key.id.to_string()),
            rotation_period_in_days: rotation.and_then(|rotation| i32::try_from(rotation.days).ok()),
            next_rotation_date: rotation.map(|rotation| timestamp(rotation.next_at)),
            on_demand_rotation_start_date: None,
        })
    }
}
