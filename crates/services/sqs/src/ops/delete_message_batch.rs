//! DeleteMessageBatch: up to ten messages at once, each succeeding or failing alone.

use crate::api::{DeleteMessageBatchRequest, DeleteMessageBatchResult, DeleteMessageBatchResultEntry};
use crate::batch::{self, Outcomes};
use crate::needs::Asking;
use crate::ops::delete_message::{delete, outcome, own_handle};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use crate::throttle::Action;
use gateway::{Caller, Need};
use std::sync::Arc;

pub(crate) struct DeleteMessageBatch;

impl Operation for DeleteMessageBatch {
    type Input = DeleteMessageBatchRequest;
    type Output = DeleteMessageBatchResult;

    fn needs(asking: &Asking<'_>, input: &DeleteMessageBatchRequest) -> Result<Vec<Need>, Refusal> {
        asking.at("deletemessage", &input.queue_url)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: DeleteMessageBatchRequest,
    ) -> Result<DeleteMessageBatchResult, Refusal> {
        let queue = service.place(&caller, &input.queue_url).await?.queue;
        service.throttle.pass(&queue, Action::Delete, caller.now)?;
        batch::check("DeleteMessageBatchRequestEntry", input.entries.iter().map(|entry| entry.id.as_str()))?;
        let mut outcomes = Outcomes::default();
        let (mut entries, mut handles) = (Vec::new(), Vec::new());
        for entry in input.entries {
            match own_handle(&queue, &entry.receipt_handle) {
                Ok(handle) => {
                    handles.push(handle);
                    entries.push(entry);
                }
                Err(refusal) => outcomes.failed(entry.id, refusal),
            }
        }
        if !handles.is_empty() {
            for (entry, deleted) in entries.into_iter().zip(delete(&queue, handles).await?) {
                outcomes.add(entry.id, outcome(deleted, &entry.receipt_handle));
            }
        }
        let successful = outcomes.successful.into_iter().map(|id| DeleteMessageBatchResultEntry { id }).collect();
        Ok(DeleteMessageBatchResult { successful, failed: outcomes.failed })
    }
}
