//! Managed policies attached to users, groups and roles, and who has one.

use super::{entity, roles, tagging};
use crate::api::iam::operations::{
    AttachGroupPolicy, AttachRolePolicy, AttachUserPolicy, DetachGroupPolicy, DetachRolePolicy, DetachUserPolicy,
    ListAttachedGroupPolicies, ListAttachedRolePolicies, ListAttachedUserPolicies, ListEntitiesForPolicy,
};
use crate::api::iam::{
    AttachGroupPolicyRequest, AttachRolePolicyRequest, AttachUserPolicyRequest, DetachGroupPolicyRequest,
    DetachRolePolicyRequest, DetachUserPolicyRequest, ListAttachedGroupPoliciesRequest,
    ListAttachedGroupPoliciesResponse, ListAttachedRolePoliciesRequest, ListAttachedRolePoliciesResponse,
    ListAttachedUserPoliciesRequest, ListAttachedUserPoliciesResponse, ListEntitiesForPolicyRequest,
    ListEntitiesForPolicyResponse, PolicyGroup, PolicyRole, PolicyUser,
};
use crate::at::{At, Outcome};
use crate::aws_managed;
use crate::limits::ATTACHED_MAX;
use crate::pages::{Wanted, page};
use crate::records::Change;
use crate::refusal::Refusal;
use crate::service::{Done, Operation};
use crate::shown;
use crate::state::{Entity, Sort};
use gateway::{Fact, Need};
use wire::Nothing;

fn need_with_policy<O: wire::Operation>(at: &At<'_>, sort: Sort, name: &str, arn: &str) -> Need {
    let need = entity::need_of::<O>(at, sort, name).with("iam:policyarn", Fact::Text(arn.into()));
    entity::with_boundary_of(need, at, sort, name)
}

fn attach(at: &At<'_>, sort: Sort, name: &str, arn: &str) -> Result<Outcome<Nothing>, Refusal> {
    let entity = at.entity(sort, name)?;
    roles::check_modifiable(entity)?;
    if at.in_force(arn).is_none() {
        return Err(Refusal::no_such(format!("Policy {arn} does not exist or is not attachable.")));
    }
    if entity.attached.contains(arn) {
        return Outcome::read(Nothing);
    }
    if entity.attached.len() >= ATTACHED_MAX {
        let quota = match sort {
            Sort::User => "PoliciesPerUser",
            Sort::Group => "PoliciesPerGroup",
            Sort::Role => "PoliciesPerRole",
        };
        return Err(Refusal::limit(format!("Cannot exceed quota for {quota}: {ATTACHED_MAX}")));
    }
    let mut attached = entity.attached.clone();
    attached.insert(arn.into());
    at.change(vec![Change::put(Entity { attached, ..entity.clone() })], Nothing)
}

fn detach(at: &At<'_>, sort: Sort, name: &str, arn: &str) -> Result<Outcome<Nothing>, Refusal> {
    let entity = at.entity(sort, name)?;
    roles::check_modifiable(entity)?;
    let mut attached = entity.attached.clone();
    if !attached.remove(arn) {
        return Err(Refusal::no_such(format!("Policy {arn} was not found.")));
    }
    at.change(vec![Change::put(Entity { attached, ..entity.clone() })], Nothing)
}

macro_rules! attachments {
    ($sort:expr, $name:ident, $attach:ident($attached:ty), $detach:ident($detached:ty), $list:ident($listing:ty, $response:ident)) => {
        impl Operation for $attach {
            fn needs(at: &At<'_>, input: &$attached) -> Result<Vec<Need>, Refusal> {
                Ok(vec![need_with_policy::<Self>(at, $sort, &input.$name, &input.policy_arn)])
            }

            fn decide(at: &At<'_>, input: $attached) -> Done<Self> {
                attach(at, $sort, &input.$name, &input.policy_arn)
            }
        }

        impl Operation for $detach {
            fn needs(at: &At<'_>, input: &$detached) -> Result<Vec<Need>, Refusal> {
                Ok(vec![need_with_policy::<Self>(at, $sort, &input.$name, &input.policy_arn)])
            }

            fn decide(at: &At<'_>, input: $detached) -> Done<Self> {
                detach(at, $sort, &input.$name, &input.policy_arn)
            }
        }

        impl Operation for $list {
            fn needs(at: &At<'_>, input: &$listing) -> Result<Vec<Need>, Refusal> {
                Ok(vec![entity::need_of::<Self>(at, $sort, &input.$name)])
            }

            fn decide(at: &At<'_>, input: $listing) -> Done<Self> {
                let entity = at.entity($sort, &input.$name)?;
                let is_wanted = |arn: &&Box<str>| shown::is_under(path_of(arn), input.path_prefix.as_deref());
                let wanted = Wanted { marker: input.marker.as_deref(), max_items: input.max_items };
                let page = page(entity.attached.iter().filter(is_wanted), |arn| arn.to_string(), &wanted)?;
                let page = page.map(|arn| shown::attached(arn));
                let is_truncated = page.is_truncated();
                Outcome::read($response { attached_policies: Some(page.items), is_truncated, marker: page.marker })
            }
        }
    };
}

attachments!(
    Sort::User,
    user_name,
    AttachUserPolicy(AttachUserPolicyRequest),
    DetachUserPolicy(DetachUserPolicyRequest),
    ListAttachedUserPolicies(ListAttachedUserPoliciesRequest, ListAttachedUserPoliciesResponse)
);
attachments!(
    Sort::Group,
    group_name,
    AttachGroupPolicy(AttachGroupPolicyRequest),
    DetachGroupPolicy(DetachGroupPolicyRequest),
    ListAttachedGroupPolicies(ListAttachedGroupPoliciesRequest, ListAttachedGroupPoliciesResponse)
);
attachments!(
    Sort::Role,
    role_name,
    AttachRolePolicy(AttachRolePolicyRequest),
    DetachRolePolicy(DetachRolePolicyRequest),
    ListAttachedRolePolicies(ListAttachedRolePoliciesRequest, ListAttachedRolePoliciesResponse)
);

/// `/a/` of `arn:aws:iam::1:policy/a/name`.
fn path_of(arn: &str) -> &str {
    let resource = arn.split_once(":policy").map_or("/", |(_, resource)| resource);
    resource.rfind('/').map_or("/", |at| &resource[..=at])
}

impl Operation for ListEntitiesForPolicy {
    fn needs(at: &At<'_>, input: &ListEntitiesForPolicyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![tagging::need_of_policy::<Self>(at, &input.policy_arn)])
    }

    fn decide(at: &At<'_>, input: ListEntitiesForPolicyRequest) -> Done<Self> {
        let arn = &*input.policy_arn;
        if aws_managed::find(at.owner(), arn).is_none() {
            at.policy(arn)?;
        }
        let sort = input.entity_filter.as_deref().and_then(shown::sort_named);
        let has_it = |entity: &&Entity| {
            let (attached, bounded) = (entity.attached.contains(arn), entity.boundary.as_deref() == Some(arn));
            let by_use = match input.policy_usage_filter.as_deref() {
                Some("PermissionsPolicy") => attached,
                Some(_) => bounded,
                None => attached || bounded,
            };
            let of_filter = input.entity_filter.is_none() || sort == Some(entity.sort);
            by_use && of_filter && shown::is_under(&entity.path, input.path_prefix.as_deref())
        };
        let wanted = Wanted { marker: input.marker.as_deref(), max_items: input.max_items };
        let key = |entity: &&Entity| format!("{}/{}", entity.sort as u8, entity.key().1);
        let page = page(at.home().entities.values().filter(has_it), key, &wanted)?;
        let of = |sort: Sort| page.items.iter().filter(move |entity| entity.sort == sort);
        let names = |entity: &&Entity| (Some(entity.name.to_string()), Some(entity.id.to_string()));
        let users = of(Sort::User).map(names).map(|(user_name, user_id)| PolicyUser { user_name, user_id }).collect();
        let groups =
            of(Sort::Group).map(names).map(|(group_name, group_id)| PolicyGroup { group_name, group_id }).collect();
        let roles = of(Sort::Role).map(names).map(|(role_name, role_id)| PolicyRole { role_name, role_id }).collect();
        Outcome::read(ListEntitiesForPolicyResponse {
            policy_groups: Some(groups),
            policy_users: Some(users),
            policy_roles: Some(roles),
            is_truncated: page.is_truncated(),
            marker: page.marker.clone(),
        })
    }
}
