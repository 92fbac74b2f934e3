//! Inline policies of users, groups and roles.

use super::{entity, roles};
use crate::api::iam::operations::{
    DeleteGroupPolicy, DeleteRolePolicy, DeleteUserPolicy, GetGroupPolicy, GetRolePolicy, GetUserPolicy,
    ListGroupPolicies, ListRolePolicies, ListUserPolicies, PutGroupPolicy, PutRolePolicy, PutUserPolicy,
};
use crate::api::iam::{
    DeleteGroupPolicyRequest, DeleteRolePolicyRequest, DeleteUserPolicyRequest, GetGroupPolicyRequest,
    GetGroupPolicyResponse, GetRolePolicyRequest, GetRolePolicyResponse, GetUserPolicyRequest, GetUserPolicyResponse,
    ListGroupPoliciesRequest, ListGroupPoliciesResponse, ListRolePoliciesRequest, ListRolePoliciesResponse,
    ListUserPoliciesRequest, ListUserPoliciesResponse, PutGroupPolicyRequest, PutRolePolicyRequest,
    PutUserPolicyRequest,
};
use crate::at::{At, Outcome};
use crate::documents::{check_identity, encoded, length};
use crate::limits::INLINE_CHARS_MAX;
use crate::pages::{Wanted, page};
use crate::records::Change;
use crate::refusal::Refusal;
use crate::service::{Done, Operation};
use crate::state::{Entity, Sort};
use gateway::Need;
use wire::Nothing;

fn put(at: &At<'_>, sort: Sort, name: &str, policy: String, document: String) -> Result<Outcome<Nothing>, Refusal> {
    let entity = at.entity(sort, name)?;
    roles::check_modifiable(entity)?;
    check_identity(&document)?;
    let mut inline = entity.inline.clone();
    inline.insert(policy.into(), document.into());
    let most = INLINE_CHARS_MAX[sort as usize];
    if inline.values().map(|document| length(document)).sum::<usize>() > most {
        let message = format!("Maximum policy size of {most} bytes exceeded for {} {}", sort.word(), entity.name);
        return Err(Refusal::limit(message));
    }
    at.change(vec![Change::put(Entity { inline, ..entity.clone() })], Nothing)
}

fn missing(sort: Sort, policy: &str) -> Refusal {
    Refusal::not_found(&format!("{} policy", sort.word()), policy)
}

fn delete(at: &At<'_>, sort: Sort, name: &str, policy: &str) -> Result<Outcome<Nothing>, Refusal> {
    let entity = at.entity(sort, name)?;
    roles::check_modifiable(entity)?;
    let mut inline = entity.inline.clone();
    inline.remove(policy).ok_or_else(|| missing(sort, policy))?;
    at.change(vec![Change::put(Entity { inline, ..entity.clone() })], Nothing)
}

macro_rules! inline_policies {
    ($sort:expr, $name:ident, $put:ident($putting:ty), $get:ident($getting:ty, $got:ident), $delete:ident($deleting:ty),
     $list:ident($listing:ty, $listed:ident)) => {
        impl Operation for $put {
            fn needs(at: &At<'_>, input: &$putting) -> Result<Vec<Need>, Refusal> {
                let need = entity::need_of::<Self>(at, $sort, &input.$name);
                Ok(vec![entity::with_boundary_of(need, at, $sort, &input.$name)])
            }

            fn decide(at: &At<'_>, input: $putting) -> Done<Self> {
                put(at, $sort, &input.$name, input.policy_name, input.policy_document)
            }
        }

        impl Operation for $get {
            fn needs(at: &At<'_>, input: &$getting) -> Result<Vec<Need>, Refusal> {
                Ok(vec![entity::need_of::<Self>(at, $sort, &input.$name)])
            }

            fn decide(at: &At<'_>, input: $getting) -> Done<Self> {
                let entity = at.entity($sort, &input.$name)?;
                let document = entity.inline.get(&*input.policy_name);
                let policy_document = encoded(document.ok_or_else(|| missing($sort, &input.policy_name))?);
                let (name, policy_name) = (entity.name.to_string(), input.policy_name);
                Outcome::read($got { $name: name, policy_name, policy_document })
            }
        }

        impl Operation for $delete {
            fn needs(at: &At<'_>, input: &$deleting) -> Result<Vec<Need>, Refusal> {
                let need = entity::need_of::<Self>(at, $sort, &input.$name);
                Ok(vec![entity::with_boundary_of(need, at, $sort, &input.$name)])
            }

            fn decide(at: &At<'_>, input: $deleting) -> Done<Self> {
                delete(at, $sort, &input.$name, &input.policy_name)
            }
        }

        impl Operation for $list {
            fn needs(at: &At<'_>, input: &$listing) -> Result<Vec<Need>, Refusal> {
                Ok(vec![entity::need_of::<Self>(at, $sort, &input.$name)])
            }

            fn decide(at: &At<'_>, input: $listing) -> Done<Self> {
                let entity = at.entity($sort, &input.$name)?;
                let wanted = Wanted { marker: input.marker.as_deref(), max_items: input.max_items };
                let page = page(entity.inline.keys(), |name| name.to_string(), &wanted)?;
                let page = page.map(|name| name.to_string());
                let is_truncated = page.is_truncated();
                Outcome::read($listed { policy_names: page.items, is_truncated, marker: page.marker })
            }
        }
    };
}

inline_policies!(
    Sort::User,
    user_name,
    PutUserPolicy(PutUserPolicyRequest),
    GetUserPolicy(GetUserPolicyRequest, GetUserPolicyResponse),
    DeleteUserPolicy(DeleteUserPolicyRequest),
    ListUserPolicies(ListUserPoliciesRequest, ListUserPoliciesResponse)
);
inline_policies!(
    Sort::Group,
    group_name,
    PutGroupPolicy(PutGroupPolicyRequest),
    GetGroupPolicy(GetGroupPolicyRequest, GetGroupPolicyResponse),
    DeleteGroupPolicy(DeleteGroupPolicyRequest),
    ListGroupPolicies(ListGroupPoliciesRequest, ListGroupPoliciesResponse)
);
inline_policies!(
    Sort::Role,
    role_name,
    PutRolePolicy(PutRolePolicyRequest),
    GetRolePolicy(GetRolePolicyRequest, GetRolePolicyResponse),
    DeleteRolePolicy(DeleteRolePolicyRequest),
    ListRolePolicies(ListRolePoliciesRequest, ListRolePoliciesResponse)
);
