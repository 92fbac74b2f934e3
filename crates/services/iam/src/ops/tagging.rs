//! Tags of users, roles, policies and providers: tag, untag, list.

use super::{entity, need};
use crate::api::iam::Tag;
use crate::api::iam::operations::{
    ListOpenIDConnectProviderTags, ListPolicyTags, ListRoleTags, ListUserTags, TagOpenIDConnectProvider, TagPolicy,
    TagRole, TagUser, UntagOpenIDConnectProvider, UntagPolicy, UntagRole, UntagUser,
};
use crate::api::iam::{
    ListOpenIDConnectProviderTagsRequest, ListOpenIDConnectProviderTagsResponse, ListPolicyTagsRequest,
    ListPolicyTagsResponse, ListRoleTagsRequest, ListRoleTagsResponse, ListUserTagsRequest, ListUserTagsResponse,
    TagOpenIDConnectProviderRequest, TagPolicyRequest, TagRoleRequest, TagUserRequest,
    UntagOpenIDConnectProviderRequest, UntagPolicyRequest, UntagRoleRequest, UntagUserRequest,
};
use crate::at::{At, Outcome};
use crate::limits;
use crate::pages::{Page, Wanted, page};
use crate::records::Change;
use crate::refusal::Refusal;
use crate::service::{Done, Operation};
use crate::shown;
use crate::state::{Entity, Managed, Provider, Sort, Tags};
use gateway::{Fact, Need};
use wire::Nothing;

/// Tags as they are kept.
pub(crate) fn parse(given: Vec<Tag>) -> Result<Tags, Refusal> {
    let mut tags = Tags::default();
    for Tag { key, value } in given {
        if tags.get(&key).is_some() {
            return Err(Refusal::invalid_input(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
        check_key(&key)?;
        tags.set(&key, &value);
    }
    Ok(tags)
}

fn check_key(key: &str) -> Result<(), Refusal> {
    match key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
        true => Err(Refusal::invalid_input("Tag keys cannot begin with aws:, which is reserved for internal use.")),
        false => Ok(()),
    }
}

/// These tags, with others laid over them.
fn merged(tags: &Tags, given: Vec<Tag>) -> Result<Tags, Refusal> {
    let mut merged = tags.clone();
    for (key, value) in parse(given)?.iter() {
        merged.set(key, value);
    }
    match merged.0.len() {
        count if count > limits::TAGS_MAX => Err(Refusal::limit("The number of tags has reached the maximum limit.")),
        _ => Ok(merged),
    }
}

fn without(tags: &Tags, keys: &[String]) -> Tags {
    let mut left = tags.clone();
    keys.iter().for_each(|key| left.remove(key));
    left
}

/// The need with the tags that the request gives.
pub(crate) fn with_request_tags(need: Need, tags: &[Tag]) -> Need {
    with_asked_tags(need, tags.iter().map(|tag| (&*tag.key, &*tag.value)))
}

/// The same of keys and values, as those of a session are another type.
pub(crate) fn with_asked_tags<'t>(need: Need, tags: impl Iterator<Item = (&'t str, &'t str)> + Clone) -> Need {
    let keys: Vec<Box<str>> = tags.clone().map(|(key, _)| key.into()).collect();
    let need = if keys.is_empty() { need } else { need.with("aws:tagkeys", Fact::Many(keys)) };
    tags.fold(need, |need, (key, value)| {
        need.with(format!("aws:requesttag/{}", key.to_lowercase()), Fact::Text(value.into()))
    })
}

fn with_tag_keys(need: Need, keys: &[String]) -> Need {
    need.with("aws:tagkeys", Fact::Many(keys.iter().map(|key| key.as_str().into()).collect()))
}

/// The need with the tags that the resource has.
pub(crate) fn with_resource_tags(need: Need, tags: &Tags) -> Need {
    tags.iter().fold(need, |need, (key, value)| {
        let (key, value) = (key.to_lowercase(), Fact::Text(value.into()));
        need.with(format!("aws:resourcetag/{key}"), value.clone()).with(format!("iam:resourcetag/{key}"), value)
    })
}

fn listed(tags: &Tags, marker: Option<&str>, max_items: Option<i32>) -> Result<Page<Tag>, Refusal> {
    let page = page(tags.iter(), |(key, _)| (*key).to_owned(), &Wanted { marker, max_items })?;
    Ok(page.map(|(key, value)| shown::tag(key, value)))
}

fn put(at: &At<'_>, entity: &Entity, tags: Tags) -> Result<Outcome<Nothing>, Refusal> {
    at.change(vec![Change::put(Entity { tags, ..entity.clone() })], Nothing)
}

fn put_policy(at: &At<'_>, policy: &Managed, tags: Tags) -> Result<Outcome<Nothing>, Refusal> {
    at.change(vec![Change::PolicyPut(Box::new(Managed { tags, ..policy.clone() }))], Nothing)
}

fn put_provider(at: &At<'_>, provider: &Provider, tags: Tags) -> Result<Outcome<Nothing>, Refusal> {
    at.change(vec![Change::ProviderPut(Box::new(Provider { tags, ..provider.clone() }))], Nothing)
}

/// What operations on an existing policy need: the operation on it, with its tags as facts.
pub(crate) fn need_of_policy<O: wire::Operation>(at: &At<'_>, arn: &str) -> Need {
    let need = need::<O>(at, arn.to_owned());
    match at.own_policy(arn) {
        Some(policy) => with_resource_tags(need, &policy.tags),
        None => need,
    }
}

/// The same of a provider.
pub(crate) fn need_of_provider<O: wire::Operation>(at: &At<'_>, arn: &str) -> Need {
    let need = need::<O>(at, arn.to_owned());
    match at.provider(arn) {
        Ok(provider) => with_resource_tags(need, &provider.tags),
        Err(_) => need,
    }
}

macro_rules! entity_tags {
    ($sort:expr, $name:ident, $tag:ident($tagged:ty), $untag:ident($untagged:ty), $list:ident($listing:ty, $response:ident)) => {
        impl Operation for $tag {
            fn needs(at: &At<'_>, input: &$tagged) -> Result<Vec<Need>, Refusal> {
                Ok(vec![with_request_tags(entity::need_of::<Self>(at, $sort, &input.$name), &input.tags)])
            }

            fn decide(at: &At<'_>, input: $tagged) -> Done<Self> {
                let entity = at.entity($sort, &input.$name)?;
                put(at, entity, merged(&entity.tags, input.tags)?)
            }
        }

        impl Operation for $untag {
            fn needs(at: &At<'_>, input: &$untagged) -> Result<Vec<Need>, Refusal> {
                Ok(vec![with_tag_keys(entity::need_of::<Self>(at, $sort, &input.$name), &input.tag_keys)])
            }

            fn decide(at: &At<'_>, input: $untagged) -> Done<Self> {
                let entity = at.entity($sort, &input.$name)?;
                put(at, entity, without(&entity.tags, &input.tag_keys))
            }
        }

        impl Operation for $list {
            fn needs(at: &At<'_>, input: &$listing) -> Result<Vec<Need>, Refusal> {
                Ok(vec![entity::need_of::<Self>(at, $sort, &input.$name)])
            }

            fn decide(at: &At<'_>, input: $listing) -> Done<Self> {
                let entity = at.entity($sort, &input.$name)?;
                let page = listed(&entity.tags, input.marker.as_deref(), input.max_items)?;
                let is_truncated = page.is_truncated();
                Outcome::read($response { tags: page.items, is_truncated, marker: page.marker })
            }
        }
    };
}

entity_tags!(
    Sort::User,
    user_name,
    TagUser(TagUserRequest),
    UntagUser(UntagUserRequest),
    ListUserTags(ListUserTagsRequest, ListUserTagsResponse)
);
entity_tags!(
    Sort::Role,
    role_name,
    TagRole(TagRoleRequest),
    UntagRole(UntagRoleRequest),
    ListRoleTags(ListRoleTagsRequest, ListRoleTagsResponse)
);

macro_rules! arn_tags {
    ($arn:ident, $need:ident, $find:ident, $put:ident,
     $tag:ident($tagged:ty), $untag:ident($untagged:ty), $list:ident($listing:ty, $response:ident)) => {
        impl Operation for $tag {
            fn needs(at: &At<'_>, input: &$tagged) -> Result<Vec<Need>, Refusal> {
                Ok(vec![with_request_tags($need::<Self>(at, &input.$arn), &input.tags)])
            }

            fn decide(at: &At<'_>, input: $tagged) -> Done<Self> {
                let found = at.$find(&input.$arn)?;
                $put(at, found, merged(&found.tags, input.tags)?)
            }
        }

        impl Operation for $untag {
            fn needs(at: &At<'_>, input: &$untagged) -> Result<Vec<Need>, Refusal> {
                Ok(vec![with_tag_keys($need::<Self>(at, &input.$arn), &input.tag_keys)])
            }

            fn decide(at: &At<'_>, input: $untagged) -> Done<Self> {
                let found = at.$find(&input.$arn)?;
                $put(at, found, without(&found.tags, &input.tag_keys))
            }
        }

        impl Operation for $list {
            fn needs(at: &At<'_>, input: &$listing) -> Result<Vec<Need>, Refusal> {
                Ok(vec![$need::<Self>(at, &input.$arn)])
            }

            fn decide(at: &At<'_>, input: $listing) -> Done<Self> {
                let page = listed(&at.$find(&input.$arn)?.tags, input.marker.as_deref(), input.max_items)?;
                let is_truncated = page.is_truncated();
                Outcome::read($response { tags: page.items, is_truncated, marker: page.marker })
            }
        }
    };
}

arn_tags!(
    policy_arn,
    need_of_policy,
    policy,
    put_policy,
    TagPolicy(TagPolicyRequest),
    UntagPolicy(UntagPolicyRequest),
    ListPolicyTags(ListPolicyTagsRequest, ListPolicyTagsResponse)
);
arn_tags!(
    open_id_connect_provider_arn,
    need_of_provider,
    provider,
    put_provider,
    TagOpenIDConnectProvider(TagOpenIDConnectProviderRequest),
    UntagOpenIDConnectProvider(UntagOpenIDConnectProviderRequest),
    ListOpenIDConnectProviderTags(ListOpenIDConnectProviderTagsRequest, ListOpenIDConnectProviderTagsResponse)
);
