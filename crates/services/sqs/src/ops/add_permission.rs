//! AddPermission: lets other accounts do things with a queue, by a statement in its policy.

use crate::api::AddPermissionRequest;
use crate::machine::{Command, Reply};
use crate::needs::Asking;
use crate::permission::Permission;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::{Caller, Need};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct AddPermission;

impl Operation for AddPermission {
    type Input = AddPermissionRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &AddPermissionRequest) -> Result<Vec<Need>, Refusal> {
        asking.at("addpermission", &input.queue_url)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: AddPermissionRequest) -> Result<Nothing, Refusal> {
        let entry = service.queue(&caller, &input.queue_url).await?;
        let permission = Permission::parse(input.label, &input.aws_account_ids, input.actions)?;
        match entry.partition.execute(Command::AddPermission(permission))?.await? {
            Reply::Done => Ok(Nothing),
            Reply::Refused(refusal) => Err(refusal),
            _ => Err(Refusal::queue_does_not_exist()),
        }
    }
}
