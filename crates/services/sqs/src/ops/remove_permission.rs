//! RemovePermission: takes a statement out of a queue's policy, by its label.

use crate::api::RemovePermissionRequest;
use crate::machine::{Command, Reply};
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::{Caller, Need};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct RemovePermission;

impl Operation for RemovePermission {
    type Input = RemovePermissionRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &RemovePermissionRequest) -> Result<Vec<Need>, Refusal> {
        asking.at("removepermission", &input.queue_url)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: RemovePermissionRequest) -> Result<Nothing, Refusal> {
        let entry = service.queue(&caller, &input.queue_url).await?;
        match entry.partition.execute(Command::RemovePermission(input.label))?.await? {
            Reply::Done => Ok(Nothing),
            Reply::Refused(refusal) => Err(refusal),
            _ => Err(Refusal::queue_does_not_exist()),
        }
    }
}
