//! Versions of managed policies.

use super::policies::check_managed;
use super::tagging::need_of_policy;
use crate::api::iam::operations::{
    CreatePolicyVersion, DeletePolicyVersion, GetPolicyVersion, ListPolicyVersions, SetDefaultPolicyVersion,
};
use crate::api::iam::{
    CreatePolicyVersionRequest, CreatePolicyVersionResponse, DeletePolicyVersionRequest, GetPolicyVersionRequest,
    GetPolicyVersionResponse, ListPolicyVersionsRequest, ListPolicyVersionsResponse, SetDefaultPolicyVersionRequest,
};
use crate::at::{At, Outcome};
use crate::aws_managed;
use crate::limits::VERSIONS_MAX;
use crate::pages::{Wanted, page};
use crate::records::Change;
use crate::refusal::Refusal;
use crate::service::{Done, Operation};
use crate::shown;
use crate::state::{Managed, Version};
use gateway::Need;
use wire::Nothing;

fn put(policy: Managed) -> Vec<Change> {
    vec![Change::PolicyPut(Box::new(policy))]
}

impl Operation for CreatePolicyVersion {
    fn needs(at: &At<'_>, input: &CreatePolicyVersionRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need_of_policy::<Self>(at, &input.policy_arn)])
    }

    fn decide(at: &At<'_>, input: CreatePolicyVersionRequest) -> Done<Self> {
        let mut policy = at.policy(&input.policy_arn)?.clone();
        check_managed(&input.policy_document)?;
        if policy.versions.len() >= VERSIONS_MAX {
            return Err(Refusal::limit(format!(
                "A managed policy can have up to {VERSIONS_MAX} versions. Before you create a new version, you must delete an \
                 existing version."
            )));
        }
        let version = Version { number: policy.next, document: input.policy_document.into(), created_at: at.now };
        policy.next += 1;
        policy.updated_at = at.now;
        if input.set_as_default.unwrap_or(false) {
            policy.default = version.number;
        }
        let shown = shown::version(&version, policy.default, false);
        policy.versions.push(version);
        at.change(put(policy), CreatePolicyVersionResponse { policy_version: Some(shown) })
    }
}

fn missing_version(arn: &str, id: &str) -> Refusal {
    Refusal::no_such(format!("Policy {arn} version {id} does not exist or is not attachable."))
}

/// The version that an id names, `v2`.
fn version_of<'p>(policy: &'p Managed, arn: &str, id: &str) -> Result<&'p Version, Refusal> {
    let number = id.strip_prefix('v').and_then(|number| number.parse().ok());
    number.and_then(|number| policy.version(number)).ok_or_else(|| missing_version(arn, id))
}

impl Operation for GetPolicyVersion {
    fn needs(at: &At<'_>, input: &GetPolicyVersionRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need_of_policy::<Self>(at, &input.policy_arn)])
    }

    fn decide(at: &At<'_>, input: GetPolicyVersionRequest) -> Done<Self> {
        let (arn, id) = (&input.policy_arn, &input.version_id);
        let version = match aws_managed::find(at.owner(), arn) {
            Some(aws) if *id == shown::version_id(aws.version) => aws.shown_version(true),
            Some(_) => return Err(missing_version(arn, id)),
            None => {
                let policy = at.policy(arn)?;
                shown::version(version_of(policy, arn, id)?, policy.default, true)
            }
        };
        Outcome::read(GetPolicyVersionResponse { policy_version: Some(version) })
    }
}

impl Operation for ListPolicyVersions {
    fn needs(at: &At<'_>, input: &ListPolicyVersionsRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need_of_policy::<Self>(at, &input.policy_arn)])
    }

    fn decide(at: &At<'_>, input: ListPolicyVersionsRequest) -> Done<Self> {
        let wanted = Wanted { marker: input.marker.as_deref(), max_items: input.max_items };
        let versions = match aws_managed::find(at.owner(), &input.policy_arn) {
            Some(aws) => page([aws.shown_version(false)], |_| "v".to_owned(), &wanted)?,
            None => {
                let policy = at.policy(&input.policy_arn)?;
                // The newest first, so the key falls as the number rises.
                let newest_first = policy.versions.iter().rev();
                let key = |version: &&Version| format!("{:010}", u32::MAX - version.number);
                page(newest_first, key, &wanted)?.map(|version| shown::version(version, policy.default, false))
            }
        };
        let is_truncated = versions.is_truncated();
        Outcome::read(ListPolicyVersionsResponse {
            versions: Some(versions.items),
            is_truncated,
            marker: versions.marker,
        })
    }
}

impl Operation for SetDefaultPolicyVersion {
    fn needs(at: &At<'_>, input: &SetDefaultPolicyVersionRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need_of_policy::<Self>(at, &input.policy_arn)])
    }

    fn decide(at: &At<'_>, input: SetDefaultPolicyVersionRequest) -> Done<Self> {
        let policy = at.policy(&input.policy_arn)?;
        let default = version_of(policy, &input.policy_arn, &input.version_id)?.number;
        at.change(put(Managed { default, updated_at: at.now, ..policy.clone() }), Nothing)
    }
}

impl Operation for DeletePolicyVersion {
    fn needs(at: &At<'_>, input: &DeletePolicyVersionRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need_of_policy::<Self>(at, &input.policy_arn)])
    }

    fn decide(at: &At<'_>, input: DeletePolicyVersionRequest) -> Done<Self> {
        let mut policy = at.policy(&input.policy_arn)?.clone();
        let number = version_of(&policy, &input.policy_arn, &input.version_id)?.number;
        if number == policy.default {
            return Err(Refusal::conflict("Cannot delete the default version of a policy."));
        }
        policy.versions.retain(|version| version.number != number);
        policy.updated_at = at.now;
        at.change(put(policy), Nothing)
    }
}
