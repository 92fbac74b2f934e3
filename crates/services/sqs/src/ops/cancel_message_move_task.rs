//! CancelMessageMoveTask: a task sends nothing more; what it has sent stays where it is.

use crate::api::{CancelMessageMoveTaskRequest, CancelMessageMoveTaskResult};
use crate::machine::{Command, Reply};
use crate::move_handle;
use crate::move_tasks::Move;
use crate::needs::Asking;
use crate::redrive::key_of_callers;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::{Caller, Need};
use std::sync::Arc;

pub(crate) struct CancelMessageMoveTask;

impl Operation for CancelMessageMoveTask {
    type Input = CancelMessageMoveTaskRequest;
    type Output = CancelMessageMoveTaskResult;

    fn needs(asking: &Asking<'_>, input: &CancelMessageMoveTaskRequest) -> Result<Vec<Need>, Refusal> {
        let (source, _) = move_handle::decode(&input.task_handle).ok_or_else(invalid_handle)?;
        let source = key_of_callers(asking.caller, &source.arn(), "SourceArn")?;
        let actions = ["cancelmessagemovetask", "receivemessage", "deletemessage", "getqueueattributes"];
        Ok(asking.of_a_move(&actions, &source))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: CancelMessageMoveTaskRequest,
    ) -> Result<CancelMessageMoveTaskResult, Refusal> {
        let (source, id) = move_handle::decode(&input.task_handle).ok_or_else(invalid_handle)?;
        let source = service.find_arn(&caller, &source.arn(), "SourceArn").await?;
        let id = id.ok_or_else(Refusal::move_task_unknown)?;
        match source.partition.execute(Command::Move(Move::Cancel(id)))?.await? {
            Reply::MoveCancelled { moved } => {
                Ok(CancelMessageMoveTaskResult { approximate_number_of_messages_moved: i64::try_from(moved).ok() })
            }
            Reply::Refused(refusal) => Err(refusal),
            _ => Err(Refusal::resource_not_found("SourceArn")),
        }
    }
}

fn invalid_handle() -> Refusal {
    Refusal::invalid_parameter("Value for parameter TaskHandle is invalid.")
}
