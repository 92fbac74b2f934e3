//! Managed policies: CreatePolicy, GetPolicy, ListPolicies, DeletePolicy.

use super::{need, tagging};
use crate::api::iam::operations::{CreatePolicy, DeletePolicy, GetPolicy, ListPolicies};
use crate::api::iam::{
    CreatePolicyRequest, CreatePolicyResponse, DeletePolicyRequest, GetPolicyRequest, GetPolicyResponse,
    ListPoliciesRequest, ListPoliciesResponse, Policy,
};
use crate::at::{At, Outcome};
use crate::aws_managed::{self, AwsManaged};
use crate::documents::{check_identity, length};
use crate::limits;
use crate::pages::{Wanted, page};
use crate::records::Change;
use crate::refusal::Refusal;
use crate::service::{Done, Operation};
use crate::shown;
use crate::state::{Managed, Owner, Used, Version, folded};
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
        let shown = Policy { tags: shown::tags(&policy.tags), ..shown::policy(at.owner(), &policy, Used::default()) };
        at.change(vec![Change::PolicyPut(Box::new(policy))], CreatePolicyResponse { policy: Some(shown) })
    }
}

impl Operation for GetPolicy {
    fn needs(at: &At<'_>, input: &GetPolicyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![tagging::need_of_policy::<Self>(at, &input.policy_arn)])
    }

    fn decide(at: &At<'_>, input: GetPolicyRequest) -> Done<Self> {
        let policy = match aws_managed::find(at.owner(), &input.policy_arn) {
            Some(aws) => aws.shown(at.owner(), at.home().used(&aws.arn(at.owner()))),
            None => shown::whole_policy(at, at.policy(&input.policy_arn)?),
        };
        Outcome::read(GetPolicyResponse { policy: Some(policy) })
    }
}

/// A policy of a list, not shown yet.
enum Listed<'a> {
    Own(&'a Managed),
    Aws(&'static AwsManaged),
}

impl Listed<'_> {
    fn path(&self) -> &str {
        match self {
            Self::Own(policy) => &policy.path,
            Self::Aws(policy) => policy.path(),
        }
    }

    fn shown(&self, owner: Owner, used: Used) -> Policy {
        match self {
            Self::Own(policy) => shown::policy(owner, policy, used),
            Self::Aws(policy) => policy.shown(owner, used),
        }
    }
}

impl Operation for ListPolicies {
    fn needs(at: &At<'_>, _input: &ListPoliciesRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, "*")])
    }

    fn decide(at: &At<'_>, input: ListPoliciesRequest) -> Done<Self> {
        let scope = input.scope.as_deref().unwrap_or("All");
        let (owner, home, uses) = (at.owner(), at.home(), at.home().uses());
        let own = home.policies.values().filter(|_| scope != "AWS");
        let own = own.map(|policy| (policy.arn(owner), Listed::Own(policy)));
        let aws = aws_managed::ALL.iter().filter(|_| scope != "Local");
        let aws = aws.map(|policy| (policy.arn(owner), Listed::Aws(policy)));
        let is_wanted = |(arn, listed): &(String, Listed<'_>)| {
            let Used { attached, bounding } = uses.of(arn);
            let by_use = match input.policy_usage_filter.as_deref() {
                Some("PermissionsPolicy") => attached > 0,
                Some(_) => bounding > 0,
                None => !input.only_attached.unwrap_or(false) || attached > 0,
            };
            by_use && shown::is_under(listed.path(), input.path_prefix.as_deref())
        };
        let mut listed: Vec<_> = own.chain(aws).filter(is_wanted).collect();
        listed.sort_by(|(one, _), (other, _)| one.cmp(other));
        let wanted = Wanted { marker: input.marker.as_deref(), max_items: input.max_items };
        let page = page(listed, |(arn, _)| arn.clone(), &wanted)?;
        let page = page.map(|(arn, listed)| listed.shown(owner, uses.of(&arn)));
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
        if !at.home().used(arn).is_none() {
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
