//! TagResource, UntagResource, ListTagsOfResource.

use super::consumed::unexpected;
use super::tables::Tags;
use crate::api::dynamodb::{
    ListTagsOfResourceInput, ListTagsOfResourceOutput, Tag, TagResourceInput, UntagResourceInput,
};
use crate::limits;
use crate::machine::{Command, Reply};
use crate::needs::{Asking, with_tag_keys, with_tags};
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use crate::table_change::TableChange;
use gateway::{Caller, Need, Operation};
use std::sync::Arc;
use wire::Nothing;

/// Tags that a table takes.
pub(super) fn checked(tags: Vec<Tag>) -> Result<Tags, Refusal> {
    if let Some(tag) = tags.iter().find(|tag| tag.key.to_lowercase().starts_with("aws:")) {
        return Err(Refusal::validation(format!(
            "The tag {} is AWS's: tags that begin with aws: are reserved.",
            tag.key
        )));
    }
    let given = tags.len();
    let tags: Tags = tags.into_iter().map(|tag| (tag.key.into(), tag.value.into())).collect();
    match tags.len() {
        count if count < given => Err(Refusal::validation("Cannot have two tags with the same key")),
        count if count > limits::TAGS_MAX => {
            Err(Refusal::validation(format!("A table has {} tags at the most.", limits::TAGS_MAX)))
        }
        _ => Ok(tags),
    }
}

async fn change(service: &Inner, target: Target, change: TableChange) -> Result<Nothing, Refusal> {
    service.ask(&target.room, Command::Change { table: target.table, change }).await.map(|_| Nothing)
}

pub(crate) struct TagResource;

impl Operation<Inner> for TagResource {
    type Input = TagResourceInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &TagResourceInput) -> Result<Vec<Need>, Refusal> {
        let target = Target::of_resource(caller, &input.resource_arn)?;
        Ok(vec![with_tags(Asking { service, caller }.on("TagResource", &target), &input.tags)])
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: TagResourceInput) -> Result<Nothing, Refusal> {
        let target = Target::of_resource(&caller, &input.resource_arn)?;
        change(&service, target, TableChange::Tag(checked(input.tags)?)).await
    }
}

pub(crate) struct UntagResource;

impl Operation<Inner> for UntagResource {
    type Input = UntagResourceInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &UntagResourceInput) -> Result<Vec<Need>, Refusal> {
        let target = Target::of_resource(caller, &input.resource_arn)?;
        Ok(vec![with_tag_keys(Asking { service, caller }.on("UntagResource", &target), input.tag_keys.iter())])
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: UntagResourceInput) -> Result<Nothing, Refusal> {
        let target = Target::of_resource(&caller, &input.resource_arn)?;
        change(&service, target, TableChange::Untag(input.tag_keys.into_iter().map(Into::into).collect())).await
    }
}

pub(crate) struct ListTagsOfResource;

impl Operation<Inner> for ListTagsOfResource {
    type Input = ListTagsOfResourceInput;
    type Output = ListTagsOfResourceOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &ListTagsOfResourceInput) -> Result<Vec<Need>, Refusal> {
        Ok(vec![
            Asking { service, caller }.on("ListTagsOfResource", &Target::of_resource(caller, &input.resource_arn)?),
        ])
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: ListTagsOfResourceInput,
    ) -> Result<ListTagsOfResourceOutput, Refusal> {
        // A table has fewer tags than a page, so nobody was given a token.
        if input.next_token.is_some() {
            return Err(Refusal::validation("Invalid NextToken"));
        }
        let target = Target::of_resource(&caller, &input.resource_arn)?;
        let reply = service.ask(&target.room, Command::Describe(target.table)).await?;
        let Reply::Table(shown) = reply else { return Err(unexpected(&reply)) };
        let tags = shown.about.tags.iter();
        let tags = tags.map(|(key, value)| Tag { key: key.to_string(), value: value.to_string() });
        Ok(ListTagsOfResourceOutput { tags: Some(tags.collect()), next_token: None })
    }
}
