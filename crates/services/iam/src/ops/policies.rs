//! Managed policies: CreatePolicy, GetPolicy, ListPolicies, DeletePolicy.

use super::{need, tagging};
use crate::api::iam::operations::{CreatePolicy, DeletePolicy, GetPolicy, ListPolicies};
use crate::api::iam::{
    CreatePolicyRequest, CreatePolicyResponse, DeletePolicyRequest, GetPolicyRequest, GetPolicyResponse,
    ListPoliciesRequest, ListPoliciesResponse, Policy,
};
use crate::at::{At, Outcome};
use crate::aws_managed;
use crate::documents::{check_identity, length};
use crate::limits;
use crate::pages::{Wanted, page};
use crate::records::Change;
use crate::refusal::Refusal;
use crate::service::{Done, Operation};
use crate::shown;
use crate::state::{Managed, Version, folded};
use gateway::Need;
use wire::Nothing;

/// Checks the document of a managed policy.
pub(crate) fn check_managed(document: &str) -> Result<(), Refusal> {
    check_identity(document)?;
    match length(document) {
        length if length > limits::MANAGED_CHARS_MAX => {
            Err(Refusal::limit(format!("Cannot exceed quota for PolicySize: {}", limits::MANAGED_CHARS_MAX)))
        }
        _ => Ok(()),
    }
}

impl Operation for CreatePolicy {
    fn needs(at: &At<'_>, input: &CreatePolicyRequest) -> Result<Vec<Need>, Refusal> {
        let need = need::<Self>(at, at.new_arn("policy", input.path.as_deref(), &input.policy_name));
        Ok(vec![tagging::with_request_tags(need, input.tags.as_deref().unwrap_or_default())])
    }

    fn decide(at: &At<'_>, input: CreatePolicyRequest) -> Done<Self> {
        let name = input.policy_name;
        if at.home().policies.contains_key(&folded(&name)) {
            let message = format!("A policy called {name} already exists. Duplicate names are not allowed.");
            return Err(Refusal::exists(message));
        }
        if at.home().policies.len() >= limits::POLICIES_MAX {
            return Err(Refusal::limit(format!(
                "Cannot exceed quota for PoliciesPerAccount: {}",
                limits::POLICIES_MAX
            )));
        }
        check_managed(&input.policy_document)?;
        let first = Version { number: 1, document: input.policy_document.into(), created_at: at.now };
        let policy = Managed {
            id: at.dice.unique_id("ANPA"),
            name: name.into(),
            path: input.path.as_deref().unwrap_or("/").into(),
            description: input.description.map(Into::into),
            created_at: at.now,
            updated_at: at.now,
            tags: tagging::parse(input.tags.unwrap_or_default())?,
            versions: vec![first],
            default: 1,
            next: 2,
        };
        // The description is shown by GetPolicy alone.
        let shown = Policy { tags: shown::tags(&policy.tags), ..shown::policy(at, &policy) };
        at.change(vec![Change::PolicyPut(Box::new(policy))], CreatePolicyResponse { policy: Some(shown) })
    }
}

impl Operation for GetPolicy {
    fn needs(at: &At<'_>, input: &GetPolicyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![tagging::need_of_policy::<Self>(at, &input.policy_arn)])
    }

    fn decide(at: &At<'_>, input: GetPolicyRequest) -> Done<Self> {
        let policy = match aws_managed::find(&input.policy_arn) {
            Some(aws) => of_aws(at, aws),
            None => shown::whole_policy(at, at.policy(&input.policy_arn)?),
        };
        Outcome::read(GetPolicyResponse { policy: Some(policy) })
    }
}

fn of_aws(at: &At<'_>, aws: &aws_managed::AwsManaged) -> Policy {
    aws.shown(at.home().attachments(aws.arn), at.home().bounded_by(aws.arn))
}

impl Operation for ListPolicies {
    fn needs(at: &At<'_>, _input: &ListPoliciesRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, "*")])
    }

    fn decide(at: &At<'_>, input: ListPoliciesRequest) -> Done<Self> {
        let scope = input.scope.as_deref().unwrap_or("All");
        let own = at.home().policies.values().filter(|_| scope != "AWS").map(|policy| shown::policy(at, policy));
        let aws = aws_managed::ALL.iter().filter(|_| scope != "Local").map(|aws| of_aws(at, aws));
        let is_wanted = |policy: &Policy| {
            let used = |count: Option<i32>| count.unwrap_or(0) > 0;
            let by_use = match input.policy_usage_filter.as_deref() {
                Some("PermissionsPolicy") => used(policy.attachment_count),
                Some(_) => used(policy.permissions_boundary_usage_count),
                None => !input.only_attached.unwrap_or(false) || used(policy.attachment_count),
            };
            by_use && shown::is_under(policy.path.as_deref().unwrap_or("/"), input.path_prefix.as_deref())
        };
        let mut policies: Vec<Policy> = own.chain(aws).filter(is_wanted).collect();
        policies.sort_by(|one, other| one.arn.cmp(&other.arn));
        let wanted = Wanted { marker: input.marker.as_deref(), max_items: input.max_items };
        let page = page(policies, |policy| policy.arn.clone().unwrap_or_default(), &wanted)?;
        let is_truncated = page.is_truncated();
        Outcome::read(ListPoliciesResponse { policies: Some(page.items), is_truncated, marker: page.marker })
    }
}

impl Operation for DeletePolicy {
    fn needs(at: &At<'_>, input: &DeletePolicyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![tagging::need_of_policy::<Self>(at, &input.policy_arn)])
    }

    fn decide(at: &At<'_>, input: DeletePolicyRequest) -> Done<Self> {
        let arn = &input.policy_arn;
        let policy = at.policy(arn)?;
        if at.home().attachments(arn) + at.home().bounded_by(arn) > 0 {
            return Err(Refusal::conflict("Cannot delete a policy attached to entities."));
        }
        if policy.versions.len() > 1 {
            return Err(Refusal::conflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. \
                 The default version is deleted with the policy.",
            ));
        }
        at.change(vec![Change::PolicyRemoved(folded(&policy.name))], Nothing)
    }
}
