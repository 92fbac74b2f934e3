//! ChangeMessageVisibility: when a message in flight becomes visible again.

use crate::api::ChangeMessageVisibilityRequest;
use crate::catalog::QueueEntry;
use crate::message::check_visibility;
use crate::needs::Asking;
use crate::ops::delete_message::own_handle;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::{Caller, Need};
use queue::{Handle, VisibilityOutcome};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct ChangeMessageVisibility;

impl Operation for ChangeMessageVisibility {
    type Input = ChangeMessageVisibilityRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &ChangeMessageVisibilityRequest) -> Result<Vec<Need>, Refusal> {
        asking.at("changemessagevisibility", &input.queue_url)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: ChangeMessageVisibilityRequest,
    ) -> Result<Nothing, Refusal> {
        let entry = service.place(&caller, &input.queue_url).await?.queue;
        let change = change(&entry, &input.receipt_handle, input.visibility_timeout)?;
        let outcomes = change_visibility(&entry, vec![change]).await?;
        outcome(outcomes[0], &input.receipt_handle, input.visibility_timeout)?;
        Ok(Nothing)
    }
}

/// A change as the queue takes it.
pub(crate) fn change(entry: &QueueEntry, handle: &str, secs: i32) -> Result<(Handle, u64), Refusal> {
    let millis = check_visibility(secs, entry.bounds.visibility_secs_max())?;
    Ok((own_handle(entry, handle)?, millis))
}

/// Changes, and tells what became of each handle.
pub(crate) async fn change_visibility(
    entry: &QueueEntry,
    changes: Vec<(Handle, u64)>,
) -> Result<Vec<VisibilityOutcome>, Refusal> {
    match entry.ask(queue::Command::ChangeVisibility(changes)).await? {
        queue::Reply::VisibilityChanged(outcomes) => Ok(outcomes),
        other => unreachable!("a change of visibility is answered with its outcomes, not with {other:?}"),
    }
}

/// What an outcome is to the caller.
pub(crate) fn outcome(outcome: VisibilityOutcome, handle: &str, secs: i32) -> Result<(), Refusal> {
    match outcome {
        VisibilityOutcome::Changed => Ok(()),
        VisibilityOutcome::NotInFlight => Err(Refusal::message_not_inflight()),
        VisibilityOutcome::Gone => Err(Refusal::invalid_value(
            handle,
            "ReceiptHandle",
            "Message does not exist or is not available for visibility timeout change.",
        )),
        VisibilityOutcome::BeyondTotal => Err(Refusal::invalid_value(
            secs,
            "VisibilityTimeout",
            "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]",
        )),
    }
}
