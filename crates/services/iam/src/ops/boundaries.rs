//! Permissions boundaries of users and roles.

use super::{entity, roles};
use crate::api::iam::operations::{
    DeleteRolePermissionsBoundary, DeleteUserPermissionsBoundary, PutRolePermissionsBoundary,
    PutUserPermissionsBoundary,
};
use crate::api::iam::{
    DeleteRolePermissionsBoundaryRequest, DeleteUserPermissionsBoundaryRequest, PutRolePermissionsBoundaryRequest,
    PutUserPermissionsBoundaryRequest,
};
use crate::at::{At, Outcome};
use crate::records::Change;
use crate::refusal::Refusal;
use crate::service::{Done, Operation};
use crate::state::{Entity, Sort};
use gateway::Need;
use wire::Nothing;

fn set(at: &At<'_>, sort: Sort, name: &str, arn: Option<&str>) -> Result<Outcome<Nothing>, Refusal> {
    let entity = at.entity(sort, name)?;
    roles::check_modifiable(entity)?;
    if arn.is_none() && entity.boundary.is_none() {
        return Err(Refusal::no_such(format!(
            "The {} with name {name} does not have a permissions boundary.",
            sort.word()
        )));
    }
    let boundary = entity::boundary(at, arn)?;
    at.change(vec![Change::put(Entity { boundary, ..entity.clone() })], Nothing)
}

macro_rules! boundaries {
    ($sort:expr, $name:ident, $put:ident($putting:ty), $delete:ident($deleting:ty)) => {
        impl Operation for $put {
            fn needs(at: &At<'_>, input: &$putting) -> Result<Vec<Need>, Refusal> {
                let need = entity::need_of::<Self>(at, $sort, &input.$name);
                Ok(vec![entity::with_boundary(need, Some(&input.permissions_boundary))])
            }

            fn decide(at: &At<'_>, input: $putting) -> Done<Self> {
                set(at, $sort, &input.$name, Some(&input.permissions_boundary))
            }
        }

        impl Operation for $delete {
            fn needs(at: &At<'_>, input: &$deleting) -> Result<Vec<Need>, Refusal> {
                let need = entity::need_of::<Self>(at, $sort, &input.$name);
                Ok(vec![entity::with_boundary_of(need, at, $sort, &input.$name)])
            }

            fn decide(at: &At<'_>, input: $deleting) -> Done<Self> {
                set(at, $sort, &input.$name, None)
            }
        }
    };
}

boundaries!(
    Sort::User,
    user_name,
    PutUserPermissionsBoundary(PutUserPermissionsBoundaryRequest),
    DeleteUserPermissionsBoundary(DeleteUserPermissionsBoundaryRequest)
);
boundaries!(
    Sort::Role,
    role_name,
    PutRolePermissionsBoundary(PutRolePermissionsBoundaryRequest),
    DeleteRolePermissionsBoundary(DeleteRolePermissionsBoundaryRequest)
);
