//! ChangeMessageVisibilityBatch: up to ten messages at once, each succeeding or failing alone.

use crate::api::{
    ChangeMessageVisibilityBatchRequest, ChangeMessageVisibilityBatchResult, ChangeMessageVisibilityBatchResultEntry,
};
use crate::batch::{self, Outcomes};
use crate::needs::Asking;
use crate::ops::change_message_visibility::{change, change_visibility, outcome};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::{Caller, Need};
use std::sync::Arc;

pub(crate) struct ChangeMessageVisibilityBatch;

impl Operation for ChangeMessageVisibilityBatch {
    type Input = ChangeMessageVisibilityBatchRequest;
    type Output = ChangeMessageVisibilityBatchResult;

    fn needs(asking: &Asking<'_>, input: &ChangeMessageVisibilityBatchRequest) -> Result<Vec<Need>, Refusal> {
        asking.at("changemessagevisibility", &input.queue_url)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: ChangeMessageVisibilityBatchRequest,
    ) -> Result<ChangeMessageVisibilityBatchResult, Refusal> {
        let queue = service.place(&caller, &input.queue_url).await?.queue;
        let ids = input.entries.iter().map(|entry| entry.id.as_str());
        batch::check("ChangeMessageVisibilityBatchRequestEntry", ids)?;
        let mut outcomes = Outcomes::default();
        let (mut entries, mut changes) = (Vec::new(), Vec::new());
        for entry in input.entries {
            let secs = entry.visibility_timeout.ok_or_else(|| Refusal::missing("VisibilityTimeout"));
            match secs.and_then(|secs| Ok((secs, change(&queue, &entry.receipt_handle, secs)?))) {
                Ok((secs, change)) => {
                    changes.push(change);
                    entries.push((entry, secs));
                }
                Err(refusal) => outcomes.failed(entry.id, refusal),
            }
        }
        if !changes.is_empty() {
            for ((entry, secs), changed) in entries.into_iter().zip(change_visibility(&queue, changes).await?) {
                outcomes.add(entry.id, outcome(changed, &entry.receipt_handle, secs));
            }
        }
        let shown = |id| ChangeMessageVisibilityBatchResultEntry { id };
        let successful = outcomes.successful.into_iter().map(shown).collect();
        Ok(ChangeMessageVisibilityBatchResult { successful, failed: outcomes.failed })
    }
}
