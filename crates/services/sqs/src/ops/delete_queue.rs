//! DeleteQueue: the queue and all its messages are gone.

use crate::api::DeleteQueueRequest;
use crate::catalog::QueueEntry;
use crate::machine::Reply;
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::{Caller, Need};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct DeleteQueue;

impl Operation for DeleteQueue {
    type Input = DeleteQueueRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &DeleteQueueRequest) -> Result<Vec<Need>, Refusal> {
        asking.at("deletequeue", &input.queue_url)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: DeleteQueueRequest) -> Result<Nothing, Refusal> {
        let place = service.place(&caller, &input.queue_url).await?;
        let entry = &place.queue;
        if place.within.is_some() {
            // It is its messages.
            entry.ask(place.purge()).await?;
            return Ok(Nothing);
        }
        service.pauses.deleting(&entry.key, caller.now);
        match delete(&service, entry).await {
            Ok(Reply::Gone) => Err(Refusal::queue_does_not_exist()),
            Ok(_) => Ok(Nothing),
            Err(refusal) => {
                service.pauses.not_deleted(&entry.key);
                Err(refusal)
            }
        }
    }
}

async fn delete(service: &Inner, entry: &Arc<QueueEntry>) -> Result<Reply, Refusal> {
    Ok(service.catalog.delete(entry)?.await?)
}
