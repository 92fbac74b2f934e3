//! SetQueueAttributes: changes what the request names, all of it or nothing.

use crate::api::SetQueueAttributesRequest;
use crate::attributes::{AttributeChanges, Occasion};
use crate::catalog::QueueKey;
use crate::machine::{Command, Reply};
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::replay;
use crate::service::{Inner, Operation};
use crate::unpark;
use gateway::{Caller, Need};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct SetQueueAttributes;

impl Operation for SetQueueAttributes {
    type Input = SetQueueAttributesRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &SetQueueAttributesRequest) -> Result<Vec<Need>, Refusal> {
        let mut needs = asking.at("setqueueattributes", &input.queue_url)?;
        for (name, value) in &input.attributes {
            match name.as_str() {
                // What is copied is read here and sent there.
                "TidewireReplay" if !value.is_empty() => {
                    let QueueKey { account, region, name } = replay::read(value)?.into;
                    needs.extend(asking.at("receivemessage", &input.queue_url)?);
                    needs.push(asking.of("sendmessage", account, &region, name));
                }
                "TidewireUnpark" if unpark::drops(value) => {
                    needs.extend(asking.at("deletemessage", &input.queue_url)?);
                }
                _ => {}
            }
        }
        Ok(needs)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: SetQueueAttributesRequest) -> Result<Nothing, Refusal> {
        let entry = service.queue(&caller, &input.queue_url).await?;
        let occasion = Occasion { is_creation: false, is_fifo: entry.key.name.is_fifo() };
        let changes = AttributeChanges::parse(&input.attributes, occasion)?;
        let changes = service.redirected(&entry.key, changes).await?;
        let changes = service.replayed_into(&entry.key, changes).await?;
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
