//! ListMessageMoveTasks: the newest tasks of a queue and how they stand, the newest first.

use crate::api::{ListMessageMoveTasksRequest, ListMessageMoveTasksResult, ListMessageMoveTasksResultEntry};
use crate::catalog::QueueKey;
use crate::limits::MOVE_TASKS_MAX;
use crate::machine::{Command, Reply};
use crate::move_handle;
use crate::move_tasks::{End, Move, ShownTask};
use crate::needs::Asking;
use crate::redrive::key_of_callers;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::{Caller, Need};
use std::sync::Arc;

pub(crate) struct ListMessageMoveTasks;

impl Operation for ListMessageMoveTasks {
    type Input = ListMessageMoveTasksRequest;
    type Output = ListMessageMoveTasksResult;

    fn needs(asking: &Asking<'_>, input: &ListMessageMoveTasksRequest) -> Result<Vec<Need>, Refusal> {
        let source = key_of_callers(asking.caller, &input.source_arn, "SourceArn")?;
        Ok(asking.of_a_move(&["listmessagemovetasks", "getqueueattributes"], &source))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: ListMessageMoveTasksRequest,
    ) -> Result<ListMessageMoveTasksResult, Refusal> {
        let source = service.find_arn(&caller, &input.source_arn, "SourceArn").await?;
        let count = check_count(input.max_results.unwrap_or(1))?;
        match source.partition.execute(Command::Move(Move::List))?.await? {
            Reply::MoveTasks(tasks) => {
                let results = tasks.iter().take(count).map(|task| entry(&source.key, task)).collect();
                Ok(ListMessageMoveTasksResult { results: Some(results) })
            }
            _ => Err(Refusal::resource_not_found("SourceArn")),
        }
    }
}

fn check_count(count: i32) -> Result<usize, Refusal> {
    let known = usize::try_from(count).ok().filter(|count| (1..=MOVE_TASKS_MAX).contains(count));
    known.ok_or_else(|| {
        let reason = "You must enter a number that's between 1 and 10.";
        Refusal::invalid_parameter(format!("Value for parameter MaxResults is invalid. Reason: {reason}"))
    })
}

/// A handle is shown only of a task that can be cancelled (ListMessageMoveTasksResultEntry).
fn entry(source: &QueueKey, shown: &ShownTask) -> ListMessageMoveTasksResultEntry {
    let task = &shown.task;
    let count = |count: u64| i64::try_from(count).ok();
    ListMessageMoveTasksResultEntry {
        task_handle: task.end.is_none().then(|| move_handle::encode(task.plan.id, source)),
        status: Some(shown.status().to_owned()),
        source_arn: Some(source.arn()),
        destination_arn: task.plan.destination.as_ref().map(QueueKey::arn),
        max_number_of_messages_per_second: task.plan.rate.map(Into::into),
        approximate_number_of_messages_moved: count(task.moved),
        approximate_number_of_messages_to_move: count(task.to_move),
        failure_reason: match task.end {
            Some(End::Failed(failure)) => Some(failure.reason().to_owned()),
            _ => None,
        },
        started_timestamp: count(task.started_at.as_millis()),
    }
}
