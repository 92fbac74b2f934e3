//! PurgeQueue: removes all messages, also those in flight and delayed.

use crate::api::PurgeQueueRequest;
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::{Caller, Need};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct PurgeQueue;

impl Operation for PurgeQueue {
    type Input = PurgeQueueRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &PurgeQueueRequest) -> Result<Vec<Need>, Refusal> {
        asking.at("purgequeue", &input.queue_url)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: PurgeQueueRequest) -> Result<Nothing, Refusal> {
        let place = service.place(&caller, &input.queue_url).await?;
        let entry = &place.queue;
        if place.within.is_some() {
            entry.ask(place.purge()).await?;
            return Ok(Nothing);
        }
        let partition = entry.partition.id();
        service.pauses.purging(&entry.key, partition, caller.now)?;
        match entry.ask(place.purge()).await {
            Ok(_) => Ok(Nothing),
            Err(refusal) => {
                service.pauses.not_purged(partition);
                Err(refusal)
            }
        }
    }
}
