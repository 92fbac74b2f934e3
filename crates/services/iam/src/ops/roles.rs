//! Roles: who may assume them, and for how long.

use super::{entity, need, tagging};
use crate::api::iam::operations::{
    CreateRole, DeleteRole, GetRole, ListInstanceProfilesForRole, ListRoles, UpdateAssumeRolePolicy, UpdateRole,
    UpdateRoleDescription,
};
use crate::api::iam::{
    CreateRoleRequest, CreateRoleResponse, DeleteRoleRequest, GetRoleRequest, GetRoleResponse,
    ListInstanceProfilesForRoleRequest, ListInstanceProfilesForRoleResponse, ListRolesRequest, ListRolesResponse,
    UpdateAssumeRolePolicyRequest, UpdateRoleDescriptionRequest, UpdateRoleDescriptionResponse, UpdateRoleRequest,
    UpdateRoleResponse,
};
use crate::at::{At, Outcome};
use crate::documents::check_trust;
use crate::limits;
use crate::pages::{Wanted, page};
use crate::records::Change;
use crate::refusal::Refusal;
use crate::service::{Done, Operation};
use crate::shown;
use crate::state::{Entity, RolePart, Sort};
use gateway::Need;
use wire::Nothing;

impl Operation for CreateRole {
    fn needs(at: &At<'_>, input: &CreateRoleRequest) -> Result<Vec<Need>, Refusal> {
        let need = need::<Self>(at, at.new_arn("role", input.path.as_deref(), &input.role_name));
        let need = tagging::with_request_tags(need, input.tags.as_deref().unwrap_or_default());
        Ok(vec![entity::with_boundary(need, input.permissions_boundary.as_deref())])
    }

    fn decide(at: &At<'_>, input: CreateRoleRequest) -> Done<Self> {
        if at.home().entity(Sort::Role, &input.role_name).is_some() {
            return Err(Refusal::exists(format!("Role with name {} already exists.", input.role_name)));
        }
        if at.home().entities_of(Sort::Role).count() >= limits::ROLES_MAX {
            return Err(Refusal::limit(format!("Cannot exceed quota for RolesPerAccount: {}", limits::ROLES_MAX)));
        }
        if input.path.as_deref().is_some_and(|path| path.starts_with("/aws-service-role/")) {
            return Err(Refusal::invalid("The path /aws-service-role/ is reserved for service-linked roles."));
        }
        let role = new_role(at, input)?;
        let shown = shown::whole_role(at.owner(), &role);
        at.change(vec![Change::put(role)], CreateRoleResponse { role: shown })
    }
}

/// A role as a request asks for it.
pub(crate) fn new_role(at: &At<'_>, input: CreateRoleRequest) -> Result<Entity, Refusal> {
    check_trust(&input.assume_role_policy_document)?;
    let part = RolePart {
        trust: input.assume_role_policy_document.into(),
        description: input.description.map(Into::into),
        max_session_secs: session_secs(input.max_session_duration),
        last_used: None,
    };
    Ok(Entity {
        tags: tagging::parse(input.tags.unwrap_or_default())?,
        boundary: entity::boundary(at, input.permissions_boundary.as_deref())?,
        role: Some(part),
        ..entity::new_entity(at, Sort::Role, &input.role_name, input.path.as_deref())
    })
}

fn session_secs(given: Option<i32>) -> u32 {
    given.and_then(|secs| u32::try_from(secs).ok()).unwrap_or(limits::SESSION_SECS_DEFAULT)
}

fn part_of(role: &Entity) -> &RolePart {
    role.role.as_ref().expect("a role is never put without what makes it one")
}

/// Service-linked roles are their service's.
pub(crate) fn check_modifiable(role: &Entity) -> Result<(), Refusal> {
    if !role.path.starts_with("/aws-service-role/") {
        return Ok(());
    }
    let message = format!(
        "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS",
        role.name
    );
    Err(Refusal::new(&crate::api::iam::errors::UNMODIFIABLE_ENTITY_EXCEPTION, message))
}

impl Operation for GetRole {
    fn needs(at: &At<'_>, input: &GetRoleRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![entity::need_of::<Self>(at, Sort::Role, &input.role_name)])
    }

    fn decide(at: &At<'_>, input: GetRoleRequest) -> Done<Self> {
        let role = at.entity(Sort::Role, &input.role_name)?;
        Outcome::read(GetRoleResponse { role: shown::whole_role(at.owner(), role) })
    }
}

impl Operation for ListRoles {
    fn needs(at: &At<'_>, input: &ListRolesRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, at.new_arn("role", input.path_prefix.as_deref(), ""))])
    }

    fn decide(at: &At<'_>, input: ListRolesRequest) -> Done<Self> {
        let prefix = input.path_prefix.as_deref();
        let roles = at.home().entities_of(Sort::Role).filter(|role| shown::is_under(&role.path, prefix));
        let wanted = Wanted { marker: input.marker.as_deref(), max_items: input.max_items };
        let page = page(roles, |role| role.key().1.into(), &wanted)?.map(|role| shown::role(at.owner(), role));
        let is_truncated = page.is_truncated();
        Outcome::read(ListRolesResponse { roles: page.items, is_truncated, marker: page.marker })
    }
}

fn changed(role: &Entity, part: RolePart) -> Change {
    Change::put(Entity { role: Some(part), ..role.clone() })
}

impl Operation for UpdateRole {
    fn needs(at: &At<'_>, input: &UpdateRoleRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![entity::need_of::<Self>(at, Sort::Role, &input.role_name)])
    }

    fn decide(at: &At<'_>, input: UpdateRoleRequest) -> Done<Self> {
        let role = at.entity(Sort::Role, &input.role_name)?;
        check_modifiable(role)?;
        let part = part_of(role).clone();
        let part = RolePart {
            description: input.description.map(Into::into).or(part.description),
            max_session_secs: input.max_session_duration.map_or(part.max_session_secs, |secs| session_secs(Some(secs))),
            ..part
        };
        at.change(vec![changed(role, part)], UpdateRoleResponse::default())
    }
}

impl Operation for UpdateRoleDescription {
    fn needs(at: &At<'_>, input: &UpdateRoleDescriptionRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![entity::need_of::<Self>(at, Sort::Role, &input.role_name)])
    }

    fn decide(at: &At<'_>, input: UpdateRoleDescriptionRequest) -> Done<Self> {
        let role = at.entity(Sort::Role, &input.role_name)?;
        check_modifiable(role)?;
        let part = RolePart { description: Some(input.description.into()), ..part_of(role).clone() };
        let role = Entity { role: Some(part), ..role.clone() };
        let shown = shown::whole_role(at.owner(), &role);
        at.change(vec![Change::put(role)], UpdateRoleDescriptionResponse { role: Some(shown) })
    }
}

impl Operation for UpdateAssumeRolePolicy {
    fn needs(at: &At<'_>, input: &UpdateAssumeRolePolicyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![entity::need_of::<Self>(at, Sort::Role, &input.role_name)])
    }

    fn decide(at: &At<'_>, input: UpdateAssumeRolePolicyRequest) -> Done<Self> {
        let role = at.entity(Sort::Role, &input.role_name)?;
        check_modifiable(role)?;
        check_trust(&input.policy_document)?;
        let part = RolePart { trust: input.policy_document.into(), ..part_of(role).clone() };
        at.change(vec![changed(role, part)], Nothing)
    }
}

impl Operation for DeleteRole {
    fn needs(at: &At<'_>, input: &DeleteRoleRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![entity::need_of::<Self>(at, Sort::Role, &input.role_name)])
    }

    fn decide(at: &At<'_>, input: DeleteRoleRequest) -> Done<Self> {
        let role = at.entity(Sort::Role, &input.role_name)?;
        check_modifiable(role)?;
        entity::check_deletable(role)?;
        at.change(vec![Change::remove(role)], Nothing)
    }
}

impl Operation for ListInstanceProfilesForRole {
    fn needs(at: &At<'_>, input: &ListInstanceProfilesForRoleRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![entity::need_of::<Self>(at, Sort::Role, &input.role_name)])
    }

    /// There are no instances here, so no role is in a profile. Who deletes a role asks this first.
    fn decide(at: &At<'_>, input: ListInstanceProfilesForRoleRequest) -> Done<Self> {
        at.entity(Sort::Role, &input.role_name)?;
        Outcome::read(ListInstanceProfilesForRoleResponse {
            instance_profiles: Vec::new(),
            is_truncated: Some(false),
            marker: None,
        })
    }
}
