//! DeleteMessage: the receiver is done with a message. Deleting what is gone succeeds.

use crate::api::DeleteMessageRequest;
use crate::catalog::QueueEntry;
use crate::needs::Asking;
use crate::receipt_handle::ReceiptHandle;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use crate::throttle::Action;
use gateway::{Caller, Need};
use queue::{DeleteOutcome, Handle};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct DeleteMessage;

impl Operation for DeleteMessage {
    type Input = DeleteMessageRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &DeleteMessageRequest) -> Result<Vec<Need>, Refusal> {
        asking.at("deletemessage", &input.queue_url)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: DeleteMessageRequest) -> Result<Nothing, Refusal> {
        let entry = service.place(&caller, &input.queue_url).await?.queue;
        service.throttle.pass(&entry, Action::Delete, caller.now)?;
        let handle = own_handle(&entry, &input.receipt_handle)?;
        let outcomes = delete(&entry, vec![handle]).await?;
        outcome(outcomes[0], &input.receipt_handle)?;
        Ok(Nothing)
    }
}

/// The handle that a text stands for, if it is of this queue.
pub(crate) fn own_handle(entry: &QueueEntry, text: &str) -> Result<Handle, Refusal> {
    let handle = ReceiptHandle::decode(text).filter(|handle| handle.partition == entry.partition.id());
    handle.map(|handle| handle.handle).ok_or_else(|| Refusal::receipt_handle_is_invalid(text))
}

/// Deletes, and tells what became of each handle.
pub(crate) async fn delete(entry: &QueueEntry, handles: Vec<Handle>) -> Result<Vec<DeleteOutcome>, Refusal> {
    match entry.ask(queue::Command::Delete(handles)).await? {
        queue::Reply::Deleted(outcomes) => {
            let succeeded =
                |outcome: &&DeleteOutcome| matches!(outcome, DeleteOutcome::Deleted | DeleteOutcome::AlreadyGone);
            entry.meter.deleted(outcomes.iter().filter(succeeded).count());
            Ok(outcomes)
        }
        other => unreachable!("a delete is answered with its outcomes, not with {other:?}"),
    }
}

/// What an outcome is to the caller.
pub(crate) fn outcome(outcome: DeleteOutcome, handle: &str) -> Result<(), Refusal> {
    match outcome {
        DeleteOutcome::Deleted | DeleteOutcome::AlreadyGone => Ok(()),
        DeleteOutcome::Expired => {
            Err(Refusal::invalid_value(handle, "ReceiptHandle", "The receipt handle has expired."))
        }
        DeleteOutcome::Foreign => Err(Refusal::receipt_handle_is_invalid(handle)),
    }
}
