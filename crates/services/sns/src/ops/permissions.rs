//! AddPermission and RemovePermission: statements in a topic's policy, by their labels.
//!
//! A topic that was given no policy has AWS's default one, and a permission is added to that. Sources: API reference of both operations;
//! AWS's answers as moto's tests have them, for the words.

use crate::api::{AddPermissionInput, RemovePermissionInput};
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::topic::Command;
use access::Permission;
use gateway::{Caller, Need, Operation};
use names::AccountId;
use std::sync::Arc;
use wire::Nothing;

/// What an owner may let others do.
const ACTIONS: &[&str] = &[
    "AddPermission",
    "DeleteTopic",
    "GetTopicAttributes",
    "ListSubscriptionsByTopic",
    "Publish",
    "Receive",
    "RemovePermission",
    "SetTopicAttributes",
    "Subscribe",
];

pub(crate) struct AddPermission;

impl Operation<Inner> for AddPermission {
    type Input = AddPermissionInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &AddPermissionInput) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("AddPermission", "TopicArn", &input.topic_arn)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: AddPermissionInput) -> Result<Nothing, Refusal> {
        let entry = service.topic(&caller, "TopicArn", &input.topic_arn).await?;
        let permission = permission(input, &entry.arn)?;
        entry.ask(Command::AddPermission(Box::new(permission))).await.map(|_| Nothing)
    }
}

fn permission(input: AddPermissionInput, arn: &str) -> Result<Permission, Refusal> {
    let AddPermissionInput { label, aws_account_id, action_name, .. } = input;
    if label.is_empty() {
        return Err(Refusal::invalid("Label"));
    }
    if action_name.is_empty() || !action_name.iter().all(|action| ACTIONS.contains(&action.as_str())) {
        return Err(Refusal::invalid("Policy statement action out of service scope!"));
    }
    let partition = arn.split(':').nth(1).unwrap_or("aws");
    let root = |account: &String| {
        let account = AccountId::parse(account).map_err(|_| Refusal::invalid("Policy Error: PrincipalNotFound"))?;
        Ok(format!("arn:{partition}:iam::{account}:root"))
    };
    let principals: Vec<String> = aws_account_id.iter().map(root).collect::<Result<_, Refusal>>()?;
    if principals.is_empty() {
        return Err(Refusal::invalid("Policy Error: PrincipalNotFound"));
    }
    let actions = action_name.iter().map(|action| format!("SNS:{action}")).collect();
    Ok(Permission { label, principals, actions, resource: arn.to_owned() })
}

pub(crate) struct RemovePermission;

impl Operation<Inner> for RemovePermission {
    type Input = RemovePermissionInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &RemovePermissionInput) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("RemovePermission", "TopicArn", &input.topic_arn)
    }

    /// That no statement has the label is no error.
    async fn call(service: Arc<Inner>, caller: Caller, input: RemovePermissionInput) -> Result<Nothing, Refusal> {
        let entry = service.topic(&caller, "TopicArn", &input.topic_arn).await?;
        entry.ask(Command::RemovePermission(input.label.into())).await.map(|_| Nothing)
    }
}
