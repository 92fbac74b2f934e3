//! What is kept, as replies show it.

use crate::api::iam;
use crate::at::At;
use crate::documents::encoded;
use crate::state::{AccessKey, Entity, Managed, Owner, RolePart, Sort, Tags, Used, Version};
use names::Instant;
use wire::Timestamp;

/// A moment as IAM writes it: to the second.
pub(crate) fn moment(at: Instant) -> Timestamp {
    Timestamp::from_millis(i64::try_from(at.as_secs() * 1000).unwrap_or(i64::MAX))
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Tags, if there are any.
pub(crate) fn tags(tags: &Tags) -> Option<Vec<iam::Tag>> {
    let shown: Vec<_> = tags.iter().map(|(key, value)| tag(key, value)).collect();
    (!shown.is_empty()).then_some(shown)
}

pub(crate) fn tag(key: &str, value: &str) -> iam::Tag {
    iam::Tag { key: key.into(), value: value.into() }
}

pub(crate) fn boundary(entity: &Entity) -> Option<iam::AttachedPermissionsBoundary> {
    entity.boundary.as_deref().map(|arn| iam::AttachedPermissionsBoundary {
        permissions_boundary_type: text("Policy"),
        permissions_boundary_arn: text(arn),
    })
}

/// A user; its tags and boundary are left out of lists.
pub(crate) fn user(owner: Owner, user: &Entity) -> iam::User {
    iam::User {
        path: user.path.to_string(),
        user_name: user.name.to_string(),
        user_id: user.id.to_string(),
        arn: user.arn(owner),
        create_date: moment(user.created_at),
        ..iam::User::default()
    }
}

pub(crate) fn whole_user(owner: Owner, entity: &Entity) -> iam::User {
    iam::User { tags: tags(&entity.tags), permissions_boundary: boundary(entity), ..user(owner, entity) }
}

pub(crate) fn group(owner: Owner, group: &Entity) -> iam::Group {
    iam::Group {
        path: group.path.to_string(),
        group_name: group.name.to_string(),
        group_id: group.id.to_string(),
        arn: group.arn(owner),
        create_date: moment(group.created_at),
    }
}

fn role_part(role: &Entity) -> &RolePart {
    role.role.as_ref().expect("a role is never put without what makes it one")
}

/// A role as lists show it.
pub(crate) fn role(owner: Owner, role: &Entity) -> iam::Role {
    let part = role_part(role);
    iam::Role {
        path: role.path.to_string(),
        role_name: role.name.to_string(),
        role_id: role.id.to_string(),
        arn: role.arn(owner),
        create_date: moment(role.created_at),
        assume_role_policy_document: Some(encoded(&part.trust)),
        description: part.description.as_deref().map(str::to_owned),
        max_session_duration: i32::try_from(part.max_session_secs).ok(),
        ..iam::Role::default()
    }
}

pub(crate) fn whole_role(owner: Owner, entity: &Entity) -> iam::Role {
    iam::Role {
        tags: tags(&entity.tags),
        permissions_boundary: boundary(entity),
        role_last_used: Some(role_last_used(entity)),
        ..role(owner, entity)
    }
}

fn role_last_used(entity: &Entity) -> iam::RoleLastUsed {
    match &role_part(entity).last_used {
        Some((at, region)) => iam::RoleLastUsed { last_used_date: Some(moment(*at)), region: text(region) },
        None => iam::RoleLastUsed::default(),
    }
}

/// A managed policy; tags and description are left out of lists.
pub(crate) fn policy(owner: Owner, policy: &Managed, used: Used) -> iam::Policy {
    iam::Policy {
        policy_name: text(&policy.name),
        policy_id: text(&policy.id),
        path: text(&policy.path),
        default_version_id: Some(version_id(policy.default)),
        attachment_count: count(used.attached),
        permissions_boundary_usage_count: count(used.bounding),
        arn: Some(policy.arn(owner)),
        is_attachable: Some(true),
        description: None,
        create_date: Some(moment(policy.created_at)),
        update_date: Some(moment(policy.updated_at)),
        tags: None,
    }
}

pub(crate) fn whole_policy(at: &At<'_>, managed: &Managed) -> iam::Policy {
    let description = managed.description.as_deref().map(str::to_owned);
    // Empty or not: GetPolicy always has the list.
    let tags = Some(tags(&managed.tags).unwrap_or_default());
    let used = at.home().used(&managed.arn(at.owner()));
    iam::Policy { tags, description, ..policy(at.owner(), managed, used) }
}

pub(crate) fn count(count: usize) -> Option<i32> {
    i32::try_from(count).ok()
}

pub(crate) fn version_id(number: u32) -> String {
    format!("v{number}")
}

/// A version; its document only where it is asked for.
pub(crate) fn version(version: &Version, default: u32, with_document: bool) -> iam::PolicyVersion {
    iam::PolicyVersion {
        document: with_document.then(|| encoded(&version.document)),
        version_id: Some(version_id(version.number)),
        is_default_version: Some(version.number == default),
        create_date: Some(moment(version.created_at)),
    }
}

pub(crate) fn status(is_active: bool) -> String {
    let status = if is_active { iam::enums::status_type::ACTIVE } else { iam::enums::status_type::INACTIVE };
    status.to_owned()
}

/// A key without its secret.
pub(crate) fn key(user: Option<&str>, key: &AccessKey) -> iam::AccessKeyMetadata {
    iam::AccessKeyMetadata {
        user_name: user.map(str::to_owned),
        access_key_id: text(&key.id),
        status: Some(status(key.is_active)),
        create_date: Some(moment(key.created_at)),
    }
}

pub(crate) fn attached(arn: &str) -> iam::AttachedPolicy {
    iam::AttachedPolicy { policy_name: text(arn.rsplit('/').next().unwrap_or(arn)), policy_arn: text(arn) }
}

pub(crate) fn inline(entity: &Entity) -> Vec<iam::PolicyDetail> {
    let detail = |name: &str, document: &str| iam::PolicyDetail {
        policy_name: text(name),
        policy_document: Some(encoded(document)),
    };
    entity.inline.iter().map(|(name, document)| detail(name, document)).collect()
}

fn attached_all(entity: &Entity) -> Vec<iam::AttachedPolicy> {
    entity.attached.iter().map(|arn| attached(arn)).collect()
}

pub(crate) fn user_detail(at: &At<'_>, user: &Entity) -> iam::UserDetail {
    iam::UserDetail {
        path: text(&user.path),
        user_name: text(&user.name),
        user_id: text(&user.id),
        arn: Some(user.arn(at.owner())),
        create_date: Some(moment(user.created_at)),
        user_policy_list: Some(inline(user)),
        group_list: Some(at.home().groups_of(user).map(|group| group.name.to_string()).collect()),
        attached_managed_policies: Some(attached_all(user)),
        permissions_boundary: boundary(user),
        tags: tags(&user.tags),
    }
}

pub(crate) fn group_detail(at: &At<'_>, group: &Entity) -> iam::GroupDetail {
    iam::GroupDetail {
        path: text(&group.path),
        group_name: text(&group.name),
        group_id: text(&group.id),
        arn: Some(group.arn(at.owner())),
        create_date: Some(moment(group.created_at)),
        group_policy_list: Some(inline(group)),
        attached_managed_policies: Some(attached_all(group)),
    }
}

pub(crate) fn role_detail(at: &At<'_>, role: &Entity) -> iam::RoleDetail {
    iam::RoleDetail {
        path: text(&role.path),
        role_name: text(&role.name),
        role_id: text(&role.id),
        arn: Some(role.arn(at.owner())),
        create_date: Some(moment(role.created_at)),
        assume_role_policy_document: Some(encoded(&role_part(role).trust)),
        instance_profile_list: Some(Vec::new()),
        role_policy_list: Some(inline(role)),
        attached_managed_policies: Some(attached_all(role)),
        permissions_boundary: boundary(role),
        tags: tags(&role.tags),
        role_last_used: Some(role_last_used(role)),
    }
}

pub(crate) fn policy_detail(owner: Owner, managed: &Managed, used: Used) -> iam::ManagedPolicyDetail {
    let policy = policy(owner, managed, used);
    iam::ManagedPolicyDetail {
        policy_name: policy.policy_name,
        policy_id: policy.policy_id,
        arn: policy.arn,
        path: policy.path,
        default_version_id: policy.default_version_id,
        attachment_count: policy.attachment_count,
        permissions_boundary_usage_count: policy.permissions_boundary_usage_count,
        is_attachable: policy.is_attachable,
        description: managed.description.as_deref().map(str::to_owned),
        create_date: policy.create_date,
        update_date: policy.update_date,
        policy_version_list: Some(managed.versions.iter().map(|one| version(one, managed.default, true)).collect()),
    }
}

/// Whether something is of this sort and under this path.
pub(crate) fn is_under(path: &str, prefix: Option<&str>) -> bool {
    prefix.is_none_or(|prefix| path.starts_with(prefix))
}

/// The sorts that a filter of entities names.
pub(crate) fn sort_named(filter: &str) -> Option<Sort> {
    match filter {
        "User" => Some(Sort::User),
        "Group" => Some(Sort::Group),
        "Role" => Some(Sort::Role),
        _ => None,
    }
}
