//! Groups and who is in them.

use super::{entity, need};
use crate::api::iam::operations::{
    AddUserToGroup, CreateGroup, DeleteGroup, GetGroup, ListGroups, ListGroupsForUser, RemoveUserFromGroup, UpdateGroup,
};
use crate::api::iam::{
    AddUserToGroupRequest, CreateGroupRequest, CreateGroupResponse, DeleteGroupRequest, GetGroupRequest,
    GetGroupResponse, ListGroupsForUserRequest, ListGroupsForUserResponse, ListGroupsRequest, ListGroupsResponse,
    RemoveUserFromGroupRequest, UpdateGroupRequest,
};
use crate::at::{At, Outcome};
use crate::limits;
use crate::pages::{Wanted, page};
use crate::records::Change;
use crate::refusal::Refusal;
use crate::service::{Done, Operation};
use crate::shown;
use crate::state::{Entity, Sort};
use gateway::Need;
use wire::Nothing;

impl Operation for CreateGroup {
    fn needs(at: &At<'_>, input: &CreateGroupRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, at.new_arn("group", input.path.as_deref(), &input.group_name))])
    }

    fn decide(at: &At<'_>, input: CreateGroupRequest) -> Done<Self> {
        if at.home().entity(Sort::Group, &input.group_name).is_some() {
            return Err(Refusal::exists(format!("Group with name {} already exists.", input.group_name)));
        }
        if at.home().entities_of(Sort::Group).count() >= limits::GROUPS_MAX {
            return Err(Refusal::limit(format!("Cannot exceed quota for GroupsPerAccount: {}", limits::GROUPS_MAX)));
        }
        let group = entity::new_entity(at, Sort::Group, &input.group_name, input.path.as_deref());
        let shown = shown::group(at.owner(), &group);
        at.change(vec![Change::put(group)], CreateGroupResponse { group: shown })
    }
}

impl Operation for GetGroup {
    fn needs(at: &At<'_>, input: &GetGroupRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![entity::need_of::<Self>(at, Sort::Group, &input.group_name)])
    }

    fn decide(at: &At<'_>, input: GetGroupRequest) -> Done<Self> {
        let group = at.entity(Sort::Group, &input.group_name)?;
        let users = at.home().entities_of(Sort::User).filter(|user| user.groups.contains(&group.id));
        let wanted = Wanted { marker: input.marker.as_deref(), max_items: input.max_items };
        let page = page(users, |user| user.key().1.into(), &wanted)?.map(|user| shown::user(at.owner(), user));
        let is_truncated = page.is_truncated();
        let group = shown::group(at.owner(), group);
        Outcome::read(GetGroupResponse { group, users: page.items, is_truncated, marker: page.marker })
    }
}

impl Operation for ListGroups {
    fn needs(at: &At<'_>, input: &ListGroupsRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, at.new_arn("group", input.path_prefix.as_deref(), ""))])
    }

    fn decide(at: &At<'_>, input: ListGroupsRequest) -> Done<Self> {
        let prefix = input.path_prefix.as_deref();
        let groups = at.home().entities_of(Sort::Group).filter(|group| shown::is_under(&group.path, prefix));
        let wanted = Wanted { marker: input.marker.as_deref(), max_items: input.max_items };
        let page = page(groups, |group| group.key().1.into(), &wanted)?.map(|group| shown::group(at.owner(), group));
        let is_truncated = page.is_truncated();
        Outcome::read(ListGroupsResponse { groups: page.items, is_truncated, marker: page.marker })
    }
}

impl Operation for UpdateGroup {
    fn needs(at: &At<'_>, input: &UpdateGroupRequest) -> Result<Vec<Need>, Refusal> {
        let old = at.entity_arn(Sort::Group, &input.group_name);
        let found = at.home().entity(Sort::Group, &input.group_name);
        let path = input.new_path.as_deref().or(found.map(|group| &*group.path));
        let name = input.new_group_name.as_deref().unwrap_or(&input.group_name);
        Ok(vec![need::<Self>(at, old), need::<Self>(at, at.new_arn("group", path, name))])
    }

    fn decide(at: &At<'_>, input: UpdateGroupRequest) -> Done<Self> {
        let group = at.entity(Sort::Group, &input.group_name)?;
        at.change(entity::renamed(at, group, input.new_group_name, input.new_path)?, Nothing)
    }
}

impl Operation for DeleteGroup {
    fn needs(at: &At<'_>, input: &DeleteGroupRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![entity::need_of::<Self>(at, Sort::Group, &input.group_name)])
    }

    fn decide(at: &At<'_>, input: DeleteGroupRequest) -> Done<Self> {
        let group = at.entity(Sort::Group, &input.group_name)?;
        entity::check_deletable(group)?;
        if at.home().entities_of(Sort::User).any(|user| user.groups.contains(&group.id)) {
            return Err(Refusal::conflict("Cannot delete entity, must remove users from group first."));
        }
        at.change(vec![Change::remove(group)], Nothing)
    }
}

impl Operation for AddUserToGroup {
    fn needs(at: &At<'_>, input: &AddUserToGroupRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![entity::need_of::<Self>(at, Sort::Group, &input.group_name)])
    }

    fn decide(at: &At<'_>, input: AddUserToGroupRequest) -> Done<Self> {
        let group = at.entity(Sort::Group, &input.group_name)?;
        let user = at.entity(Sort::User, &input.user_name)?;
        if user.groups.contains(&group.id) {
            return Outcome::read(Nothing);
        }
        if user.groups.len() >= limits::GROUPS_PER_USER_MAX {
            let most = limits::GROUPS_PER_USER_MAX;
            return Err(Refusal::limit(format!("Cannot exceed quota for GroupsPerUser: {most}")));
        }
        let mut groups = user.groups.clone();
        groups.insert(group.id.clone());
        at.change(vec![Change::put(Entity { groups, ..user.clone() })], Nothing)
    }
}

impl Operation for RemoveUserFromGroup {
    fn needs(at: &At<'_>, input: &RemoveUserFromGroupRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![entity::need_of::<Self>(at, Sort::Group, &input.group_name)])
    }

    fn decide(at: &At<'_>, input: RemoveUserFromGroupRequest) -> Done<Self> {
        let group = at.entity(Sort::Group, &input.group_name)?;
        let user = at.entity(Sort::User, &input.user_name)?;
        let mut groups = user.groups.clone();
        if !groups.remove(&group.id) {
            let (user, group) = (&user.name, &group.name);
            return Err(Refusal::no_such(format!("User {user} not in group {group}")));
        }
        at.change(vec![Change::put(Entity { groups, ..user.clone() })], Nothing)
    }
}

impl Operation for ListGroupsForUser {
    fn needs(at: &At<'_>, input: &ListGroupsForUserRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![entity::need_of::<Self>(at, Sort::User, &input.user_name)])
    }

    fn decide(at: &At<'_>, input: ListGroupsForUserRequest) -> Done<Self> {
        let user = at.entity(Sort::User, &input.user_name)?;
        let wanted = Wanted { marker: input.marker.as_deref(), max_items: input.max_items };
        let page = page(at.home().groups_of(user), |group| group.key().1.into(), &wanted)?;
        let page = page.map(|group| shown::group(at.owner(), group));
        let is_truncated = page.is_truncated();
        Outcome::read(ListGroupsForUserResponse { groups: page.items, is_truncated, marker: page.marker })
    }
}
