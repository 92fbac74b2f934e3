//! SetQueueAttributes: changes what the request names, all of it or nothing.

use crate::api::SetQueueAttributesRequest;
use crate::attributes::{AttributeChanges, Occasion};
use crate::machine::{Command, Reply};
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::{Caller, Need};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct SetQueueAttributes;

impl Operation for SetQueueAttributes {
    type Input = SetQueueAttributesRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &SetQueueAttributesRequest) -> Result<Vec<Need>, Refusal> {
        asking.at("setqueueattributes", &input.queue_url)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: SetQueueAttributesRequest) -> Result<Nothing, Refusal> {
        let entry = service.queue(&caller, &input.queue_url).await?;
        let occasion = Occasion { is_creation: false, is_fifo: entry.key.name.is_fifo() };
        let changes = AttributeChanges::parse(&input.attributes, occasion)?;
        let changes = service.redirected(&entry.key, changes).await?;
        let set = entry.partition.execute(Command::SetAttributes(changes))?;
        // Before the answer is waited for: who asked may be gone by then, and what was decided holds all the same.
        service.catalog.watch(&entry);
        service.catalog.note_dead_letters(&entry);
        match set.await? {
            Reply::Done => Ok(Nothing),
            Reply::Refused(refusal) => Err(refusal),
            _ => Err(Refusal::queue_does_not_exist()),
        }
    }
}
