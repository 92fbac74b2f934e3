//! What users, groups and roles have in common: how one is made, named anew, bounded, and when it may go.

use super::{need, tagging};
use crate::at::At;
use crate::records::Change;
use crate::refusal::Refusal;
use crate::state::{Entity, Sort, Tags, folded};
use gateway::{Fact, Need};
use std::collections::{BTreeMap, BTreeSet};

/// What operations on an existing user, group or role need: the operation on it, with its tags as facts.
pub(crate) fn need_of<O: wire::Operation>(at: &At<'_>, sort: Sort, name: &str) -> Need {
    let need = need::<O>(at, at.entity_arn(sort, name));
    match at.home().entity(sort, name) {
        Some(entity) if sort != Sort::Group => tagging::with_resource_tags(need, &entity.tags),
        _ => need,
    }
}

/// The same of the user of this name, or of the one who asks.
pub(crate) fn need_of_user<O: wire::Operation>(at: &At<'_>, name: Option<&str>) -> Need {
    match (name, at.asking_user()) {
        (Some(name), _) => need_of::<O>(at, Sort::User, name),
        (None, Some(user)) => need_of::<O>(at, Sort::User, &user.name),
        (None, None) => need::<O>(at, at.caller.identity.caller.lasting_arn().to_owned()),
    }
}

/// The need with the boundary that the request asks for.
pub(crate) fn with_boundary(need: Need, boundary: Option<&str>) -> Need {
    match boundary {
        Some(arn) => need.with("iam:permissionsboundary", Fact::Text(arn.into())),
        None => need,
    }
}

/// The need with the boundary that a user or role has.
pub(crate) fn with_boundary_of(need: Need, at: &At<'_>, sort: Sort, name: &str) -> Need {
    with_boundary(need, at.home().entity(sort, name).and_then(|entity| entity.boundary.as_deref()))
}

/// A user, group or role with nothing but its name.
pub(crate) fn new_entity(at: &At<'_>, sort: Sort, name: &str, path: Option<&str>) -> Entity {
    Entity {
        sort,
        id: at.dice.unique_id(sort.id_prefix()),
        name: name.into(),
        path: path.unwrap_or("/").into(),
        created_at: at.now,
        tags: Tags::default(),
        boundary: None,
        attached: BTreeSet::new(),
        inline: BTreeMap::new(),
        groups: BTreeSet::new(),
        role: None,
    }
}

/// The boundary that a request asks for, if there is such a policy.
pub(crate) fn boundary(at: &At<'_>, arn: Option<&str>) -> Result<Option<Box<str>>, Refusal> {
    let Some(arn) = arn else { return Ok(None) };
    let is_arn = at.owner().is_near(arn) && arn.contains(":policy/");
    match at.in_force(arn) {
        Some(_) => Ok(Some(arn.into())),
        None if !is_arn => {
            Err(Refusal::invalid(format!("Value ({arn}) for parameter PermissionsBoundary is invalid.")))
        }
        None => Err(Refusal::no_such(format!("Scope ARN: {arn} does not exist or is not attachable."))),
    }
}

/// A user or group under another name or path; what belongs to it goes by its unique id and follows.
pub(crate) fn renamed(
    at: &At<'_>,
    entity: &Entity,
    name: Option<String>,
    path: Option<String>,
) -> Result<Vec<Change>, Refusal> {
    let name: Box<str> = name.map_or_else(|| entity.name.clone(), Into::into);
    let is_other = folded(&name) != folded(&entity.name);
    if is_other && at.home().entity(entity.sort, &name).is_some() {
        let sort = if entity.sort == Sort::User { "User" } else { "Group" };
        return Err(Refusal::exists(format!("{sort} with name {name} already exists.")));
    }
    let path = path.map_or_else(|| entity.path.clone(), Into::into);
    Ok(vec![Change::remove(entity), Change::put(Entity { name, path, ..entity.clone() })])
}

/// Nothing may be deleted that still has policies.
pub(crate) fn check_deletable(entity: &Entity) -> Result<(), Refusal> {
    if !entity.attached.is_empty() {
        return Err(Refusal::conflict("Cannot delete entity, must detach all policies first."));
    }
    if !entity.inline.is_empty() {
        return Err(Refusal::conflict("Cannot delete entity, must delete policies first."));
    }
    Ok(())
}
