//! ScheduleKeyDeletion: the key is gone in so many days, its material with it; nothing uses it until then.

use crate::api::{ScheduleKeyDeletionRequest, ScheduleKeyDeletionResponse};
use crate::asked::Asked;
use crate::change::Change;
use crate::describe::timestamp;
use crate::key::State;
use crate::limits;
use crate::needs::{Asking, Saying};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct ScheduleKeyDeletion;

impl Operation for ScheduleKeyDeletion {
    type Input = ScheduleKeyDeletionRequest;
    type Output = ScheduleKeyDeletionResponse;

    fn needs(asking: &Asking<'_>, input: &ScheduleKeyDeletionRequest) -> Result<Vec<Need>, Refusal> {
        let days = input.pending_window_in_days.map_or(i64::from(limits::DELETION_DAYS_DEFAULT), i64::from);
        let saying = Saying::default().number("kms:schedulekeydeletionpendingwindowindays", Some(days));
        asking.on_saying("ScheduleKeyDeletion", &input.key_id, saying)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: ScheduleKeyDeletionRequest,
    ) -> Result<ScheduleKeyDeletionResponse, Refusal> {
        let days = input.pending_window_in_days.and_then(|days| u32::try_from(days).ok());
        let days = days.unwrap_or(limits::DELETION_DAYS_DEFAULT);
        if !(limits::DELETION_DAYS_MIN..=limits::DELETION_DAYS_MAX).contains(&days) {
            return Err(Refusal::validation("Pending window in days must be between 7 and 30."));
        }
        let key = service.change(&caller, &input.key_id, Change::ScheduleDeletion { days }).await?.key;
        Ok(ScheduleKeyDeletionResponse {
            key_id: Some(key.arn()),
            deletion_date: if let State::PendingDeletion(at) = key.state { Some(timestamp(at)) } else { None },
            key_state: Some(key.state.name().into()),
            pending_window_in_days: i32::try_from(days).ok(),
        })
    }
}
