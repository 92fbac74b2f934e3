//! Users: CreateUser, GetUser, ListUsers, UpdateUser, DeleteUser.

use super::{entity, need, tagging};
use crate::api::iam::operations::{CreateUser, DeleteUser, GetUser, ListUsers, UpdateUser};
use crate::api::iam::{
    CreateUserRequest, CreateUserResponse, DeleteUserRequest, GetUserRequest, GetUserResponse, ListUsersRequest,
    ListUsersResponse, UpdateUserRequest, User,
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

impl Operation for CreateUser {
    fn needs(at: &At<'_>, input: &CreateUserRequest) -> Result<Vec<Need>, Refusal> {
        let need = need::<Self>(at, at.new_arn("user", input.path.as_deref(), &input.user_name));
        let need = tagging::with_request_tags(need, input.tags.as_deref().unwrap_or_default());
        Ok(vec![entity::with_boundary(need, input.permissions_boundary.as_deref())])
    }

    fn decide(at: &At<'_>, input: CreateUserRequest) -> Done<Self> {
        if at.home().entity(Sort::User, &input.user_name).is_some() {
            return Err(Refusal::exists(format!("User with name {} already exists.", input.user_name)));
        }
        if at.home().entities_of(Sort::User).count() >= limits::USERS_MAX {
            return Err(Refusal::limit(format!("Cannot exceed quota for UsersPerAccount: {}", limits::USERS_MAX)));
        }
        let user = Entity {
            tags: tagging::parse(input.tags.unwrap_or_default())?,
            boundary: entity::boundary(at, input.permissions_boundary.as_deref())?,
            ..entity::new_entity(at, Sort::User, &input.user_name, input.path.as_deref())
        };
        let shown = shown::whole_user(at.owner(), &user);
        at.change(vec![Change::put(user)], CreateUserResponse { user: Some(shown) })
    }
}

impl Operation for GetUser {
    fn needs(at: &At<'_>, input: &GetUserRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![entity::need_of_user::<Self>(at, input.user_name.as_deref())])
    }

    fn decide(at: &At<'_>, input: GetUserRequest) -> Done<Self> {
        let user = match at.named_or_asking(input.user_name.as_deref())? {
            Some(user) => shown::whole_user(at.owner(), user),
            None => User {
                path: "/".into(),
                user_id: at.account().to_string(),
                arn: at.owner().arn("iam", format_args!("root")),
                create_date: shown::moment(at.home().opened_at),
                ..User::default()
            },
        };
        Outcome::read(GetUserResponse { user })
    }
}

impl Operation for ListUsers {
    fn needs(at: &At<'_>, input: &ListUsersRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, at.new_arn("user", input.path_prefix.as_deref(), ""))])
    }

    fn decide(at: &At<'_>, input: ListUsersRequest) -> Done<Self> {
        let prefix = input.path_prefix.as_deref();
        let users = at.home().entities_of(Sort::User).filter(|user| shown::is_under(&user.path, prefix));
        let wanted = Wanted { marker: input.marker.as_deref(), max_items: input.max_items };
        let page = page(users, |user| user.key().1.into(), &wanted)?.map(|user| shown::user(at.owner(), user));
        let is_truncated = page.is_truncated();
        Outcome::read(ListUsersResponse { users: page.items, is_truncated, marker: page.marker })
    }
}

impl Operation for UpdateUser {
    fn needs(at: &At<'_>, input: &UpdateUserRequest) -> Result<Vec<Need>, Refusal> {
        let found = at.home().entity(Sort::User, &input.user_name);
        let path = input.new_path.as_deref().or(found.map(|user| &*user.path));
        let name = input.new_user_name.as_deref().unwrap_or(&input.user_name);
        // Both the user as it is and the one that it becomes.
        let becomes = need::<Self>(at, at.new_arn("user", path, name));
        let becomes = match found {
            Some(user) => tagging::with_resource_tags(becomes, &user.tags),
            None => becomes,
        };
        Ok(vec![entity::need_of::<Self>(at, Sort::User, &input.user_name), becomes])
    }

    fn decide(at: &At<'_>, input: UpdateUserRequest) -> Done<Self> {
        let user = at.entity(Sort::User, &input.user_name)?;
        at.change(entity::renamed(at, user, input.new_user_name, input.new_path)?, Nothing)
    }
}

impl Operation for DeleteUser {
    fn needs(at: &At<'_>, input: &DeleteUserRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![entity::need_of::<Self>(at, Sort::User, &input.user_name)])
    }

    fn decide(at: &At<'_>, input: DeleteUserRequest) -> Done<Self> {
        let user = at.entity(Sort::User, &input.user_name)?;
        entity::check_deletable(user)?;
        if at.home().keys_of(Some(&user.id)).next().is_some() {
            return Err(Refusal::conflict("Cannot delete entity, must delete access keys first."));
        }
        if at.home().groups_of(user).next().is_some() {
            return Err(Refusal::conflict("Cannot delete entity, must remove users from group first."));
        }
        at.change(vec![Change::remove(user)], Nothing)
    }
}
