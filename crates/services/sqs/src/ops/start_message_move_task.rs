//! StartMessageMoveTask: dead letters go back to where they come from, or to a queue that is named.

use crate::api::{StartMessageMoveTaskRequest, StartMessageMoveTaskResult};
use crate::catalog::QueueKey;
use crate::limits::MOVE_RATE;
use crate::machine::{Command, Reply};
use crate::message::message_id;
use crate::move_handle;
use crate::move_tasks::{Move, Plan};
use crate::needs::Asking;
use crate::redrive::key_of_callers;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::{Caller, Need};
use std::sync::Arc;

pub(crate) struct StartMessageMoveTask;

impl Operation for StartMessageMoveTask {
    type Input = StartMessageMoveTaskRequest;
    type Output = StartMessageMoveTaskResult;

    fn needs(asking: &Asking<'_>, input: &StartMessageMoveTaskRequest) -> Result<Vec<Need>, Refusal> {
        let source = key_of_callers(asking.caller, &input.source_arn, "SourceArn")?;
        let taking = ["startmessagemovetask", "receivemessage", "deletemessage", "getqueueattributes"];
        let mut needs = asking.of_a_move(&taking, &source);
        let destinations = match &input.destination_arn {
            Some(arn) => vec![key_of_callers(asking.caller, arn, "DestinationArn")?],
            None => asking.service.catalog.dead_letter_sources(&source),
        };
        for QueueKey { account, region, name } in destinations {
            needs.push(asking.of("sendmessage", account, &region, name));
        }
        Ok(needs)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: StartMessageMoveTaskRequest,
    ) -> Result<StartMessageMoveTaskResult, Refusal> {
        let source = service.find_arn(&caller, &input.source_arn, "SourceArn").await?;
        if service.catalog.dead_letter_sources(&source.key).is_empty() {
            return Err(Refusal::invalid_parameter("Source queue must be configured as a Dead Letter Queue."));
        }
        let destination = match &input.destination_arn {
            Some(arn) => Some(destination(&service, &caller, arn, &source.key).await?),
            None => None,
        };
        let rate = input.max_number_of_messages_per_second.map(check_rate).transpose()?;
        if !service.catalog.movers().may_begin(&source.key) {
            return Err(Refusal::throttled());
        }
        let id = message_id(&caller, 0).0;
        let command = Command::Move(Move::Start(Plan { id, destination, rate }));
        let pending = source.partition.execute(command)?;
        if pending.is(|reply| matches!(reply, Reply::Done)) {
            service.catalog.movers().note(source.partition.id(), source.key.clone(), caller.now);
        }
        match pending.await? {
            Reply::Refused(refusal) => Err(refusal),
            Reply::Gone => Err(Refusal::resource_not_found("SourceArn")),
            _ => Ok(StartMessageMoveTaskResult { task_handle: Some(move_handle::encode(id, &source.key)) }),
        }
    }
}

async fn destination(service: &Inner, caller: &Caller, arn: &str, source: &QueueKey) -> Result<QueueKey, Refusal> {
    let key = key_of_callers(caller, arn, "DestinationArn")?;
    if key == *source {
        return Err(Refusal::invalid_parameter("Source queue arn and destination queue arn cannot be the same."));
    }
    let key = service.find_arn(caller, arn, "DestinationArn").await?.key.clone();
    if key.name.is_fifo() != source.name.is_fifo() {
        let words = "The source queue and destination queue must be of the same queue type.";
        return Err(Refusal::invalid_parameter(words));
    }
    Ok(key)
}

fn check_rate(rate: i32) -> Result<u16, Refusal> {
    match u16::try_from(rate) {
        Ok(known) if MOVE_RATE.contains(&rate) => Ok(known),
        _ => Err(Refusal::invalid_parameter(
            "Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: You must enter a number that's between 1 \
             and 500.",
        )),
    }
}
