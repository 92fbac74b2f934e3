//! Service-linked roles: made for a service, modifiable by nobody, deleted by a task that is done at once.

use super::{entity, need, roles};
use crate::api::iam::operations::{
    CreateServiceLinkedRole, DeleteServiceLinkedRole, GetServiceLinkedRoleDeletionStatus,
};
use crate::api::iam::{
    CreateRoleRequest, CreateServiceLinkedRoleRequest, CreateServiceLinkedRoleResponse, DeleteServiceLinkedRoleRequest,
    DeleteServiceLinkedRoleResponse, GetServiceLinkedRoleDeletionStatusRequest,
    GetServiceLinkedRoleDeletionStatusResponse,
};
use crate::at::{At, Outcome};
use crate::records::Change;
use crate::refusal::Refusal;
use crate::service::{Done, Operation};
use crate::shown;
use crate::state::Sort;
use gateway::{Fact, Need};
use serde_json::json;

/// `AWSServiceRoleForSqs` for `sqs.amazonaws.com`. AWS has a name of its own choice for each of its services; those of the
/// services here are made of theirs.
fn role_name(service: &str, suffix: Option<&str>) -> String {
    let words = service.split('.').next().unwrap_or_default().split('-');
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    let name: String = words.map(capital).collect();
    let suffix = suffix.map(|suffix| format!("_{suffix}")).unwrap_or_default();
    format!("AWSServiceRoleFor{name}{suffix}")
}

fn path(service: &str) -> String {
    format!("/aws-service-role/{service}/")
}

impl Operation for CreateServiceLinkedRole {
    fn needs(at: &At<'_>, input: &CreateServiceLinkedRoleRequest) -> Result<Vec<Need>, Refusal> {
        let service = &input.aws_service_name;
        let arn = at.new_arn("role", Some(&path(service)), &role_name(service, input.custom_suffix.as_deref()));
        Ok(vec![need::<Self>(at, arn).with("iam:awsservicename", Fact::Text(service.as_str().into()))])
    }

    fn decide(at: &At<'_>, input: CreateServiceLinkedRoleRequest) -> Done<Self> {
        let service = input.aws_service_name;
        if !service.ends_with(".amazonaws.com") {
            return Err(Refusal::invalid_input(format!("Cannot find service principal {service}")));
        }
        let name = role_name(&service, input.custom_suffix.as_deref());
        if at.home().entity(Sort::Role, &name).is_some() {
            let message =
                format!("Service role name {name} has been taken in this account, please try a different suffix.");
            return Err(Refusal::invalid_input(message));
        }
        let trust = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Principal": { "Service": [&*service] }, "Action": ["sts:AssumeRole"] }],
        });
        let wanted = CreateRoleRequest {
            path: Some(path(&service)),
            role_name: name,
            assume_role_policy_document: trust.to_string(),
            description: input.description,
            ..CreateRoleRequest::default()
        };
        let role = roles::new_role(at, wanted)?;
        let shown = shown::role(at.owner(), &role);
        at.change(vec![Change::put(role)], CreateServiceLinkedRoleResponse { role: Some(shown) })
    }
}

impl Operation for DeleteServiceLinkedRole {
    fn needs(at: &At<'_>, input: &DeleteServiceLinkedRoleRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![entity::need_of::<Self>(at, Sort::Role, &input.role_name)])
    }

    fn decide(at: &At<'_>, input: DeleteServiceLinkedRoleRequest) -> Done<Self> {
        let role = at.entity(Sort::Role, &input.role_name)?;
        if !role.path.starts_with("/aws-service-role/") {
            return Err(Refusal::not_found("role", &input.role_name));
        }
        let chance: [u8; 16] = at.dice.take();
        let id: String = chance.iter().map(|byte| format!("{byte:02x}")).collect();
        let deletion_task_id = format!("task{}{}/{id}", role.path, role.name);
        at.change(vec![Change::remove(role)], DeleteServiceLinkedRoleResponse { deletion_task_id })
    }
}

/// `path` and `name` of `task/aws-service-role/sqs.amazonaws.com/AWSServiceRoleForSqs/0123…`.
fn role_of_task(id: &str) -> Option<&str> {
    let rest = id.strip_prefix("task/aws-service-role/")?;
    let mut parts = rest.split('/');
    let (_service, name, chance) = (parts.next()?, parts.next()?, parts.next()?);
    (parts.next().is_none() && chance.len() == 32).then_some(name)
}

impl Operation for GetServiceLinkedRoleDeletionStatus {
    fn needs(at: &At<'_>, input: &GetServiceLinkedRoleDeletionStatusRequest) -> Result<Vec<Need>, Refusal> {
        let id = &input.deletion_task_id;
        let resource = id.strip_prefix("task/").and_then(|role| role.rsplit_once('/')).map_or("", |(role, _)| role);
        Ok(vec![need::<Self>(at, at.new_arn("role", None, resource))])
    }

    /// Deleting is one change, so a task that was given out is done.
    fn decide(at: &At<'_>, input: GetServiceLinkedRoleDeletionStatusRequest) -> Done<Self> {
        let id = input.deletion_task_id;
        let name = role_of_task(&id).filter(|name| at.home().entity(Sort::Role, name).is_none());
        match name {
            Some(_) => {
                let status = "SUCCEEDED".to_owned();
                Outcome::read(GetServiceLinkedRoleDeletionStatusResponse { status, reason: None })
            }
            None => Err(Refusal::no_such(format!("Deletion task {id} was not found."))),
        }
    }
}
