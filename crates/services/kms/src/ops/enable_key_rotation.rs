//! EnableKeyRotation: new material every so many days.

use crate::api::EnableKeyRotationRequest;
use crate::asked::Asked;
use crate::change::Change;
use crate::limits;
use crate::needs::{Asking, Saying};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct EnableKeyRotation;

impl Operation for EnableKeyRotation {
    type Input = EnableKeyRotationRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &EnableKeyRotationRequest) -> Result<Vec<Need>, Refusal> {
        let days = input.rotation_period_in_days.map_or(i64::from(limits::ROTATION_DAYS_DEFAULT), i64::from);
        let saying = Saying::default().number("kms:rotationperiodindays", Some(days));
        asking.on_saying("EnableKeyRotation", &input.key_id, saying)
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: EnableKeyRotationRequest) -> Result<Nothing, Refusal> {
        let days = input.rotation_period_in_days.and_then(|days| u32::try_from(days).ok());
        service.change(&caller, &input.key_id, Change::EnableRotation { days }).await?;
        Ok(Nothing)
    }
}
