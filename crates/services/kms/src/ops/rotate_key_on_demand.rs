//! RotateKeyOnDemand: new material now.

use crate::api::{RotateKeyOnDemandRequest, RotateKeyOnDemandResponse};
use crate::asked::Asked;
use crate::change::Change;
use crate::key::MadeBy;
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct RotateKeyOnDemand;

impl Operation for RotateKeyOnDemand {
    type Input = RotateKeyOnDemandRequest;
    type Output = RotateKeyOnDemandResponse;

    fn needs(asking: &Asking<'_>, input: &RotateKeyOnDemandRequest) -> Result<Vec<Need>, Refusal> {
        asking.on("RotateKeyOnDemand", &input.key_id)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: RotateKeyOnDemandRequest,
    ) -> Result<RotateKeyOnDemandResponse, Refusal> {
        let key = service.own_key(&caller, &input.key_id).await?.key;
        if !key.is_rotatable() {
            let message = format!("{} is not a key whose material can be rotated on demand.", key.arn());
            return Err(Refusal::unsupported(message));
        }
        let material = service.next_material(&key, MadeBy::OnDemand)?;
        service.change(&caller, &input.key_id, Change::Rotate(material)).await?;
        Ok(RotateKeyOnDemandResponse { key_id: Some(key.id.to_string()) })
    }
}
