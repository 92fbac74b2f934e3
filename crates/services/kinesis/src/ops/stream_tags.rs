//! AddTagsToStream, RemoveTagsFromStream, ListTagsForStream: tags of streams, as they have been since the beginning.

use crate::api::{
    AddTagsToStreamInput, ListTagsForStreamInput, ListTagsForStreamOutput, RemoveTagsFromStreamInput, Tag,
};
use crate::limits;
use crate::machine::{Change, Command, OfResource};
use crate::needs::Asking;
use crate::needs::{with_tag_keys, with_tags};
use crate::page::{cut, size};
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use crate::settings::pairs;
use crate::tags;
use gateway::{Caller, Need, Operation};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct AddTagsToStream;

impl Operation<Inner> for AddTagsToStream {
    type Input = AddTagsToStreamInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        let needs = Asking { service, caller }.on("AddTagsToStream", &of_adding(input))?;
        Ok(needs.into_iter().map(|need| with_tags(need, &input.tags)).collect())
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let entry = service.stream(&caller, &of_adding(&input)).await?;
        let tags = tags::checked(input.tags)?;
        entry.ask(Command::Change(Change::Resource(OfResource::Tag(tags)))).await.map(|_| Nothing)
    }
}

fn of_adding(input: &AddTagsToStreamInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}

pub(crate) struct RemoveTagsFromStream;

impl Operation<Inner> for RemoveTagsFromStream {
    type Input = RemoveTagsFromStreamInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        let needs = Asking { service, caller }.on("RemoveTagsFromStream", &of_removing(input))?;
        Ok(needs.into_iter().map(|need| with_tag_keys(need, input.tag_keys.iter())).collect())
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let entry = service.stream(&caller, &of_removing(&input)).await?;
        let keys = input.tag_keys.into_iter().map(String::into_boxed_str).collect();
        entry.ask(Command::Change(Change::Resource(OfResource::Untag(keys)))).await.map(|_| Nothing)
    }
}

fn of_removing(input: &RemoveTagsFromStreamInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}

pub(crate) struct ListTagsForStream;

impl Operation<Inner> for ListTagsForStream {
    type Input = ListTagsForStreamInput;
    type Output = ListTagsForStreamOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("ListTagsForStream", &of_listing(input))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<ListTagsForStreamOutput, Refusal> {
        let entry = service.stream(&caller, &of_listing(&input)).await?;
        let view = entry.view();
        entry.settled().await?;
        let after = input.exclusive_start_tag_key.as_deref();
        let behind = pairs(&view.about.tags).filter(|(key, _)| after.is_none_or(|after| *key > after));
        let (tags, more) = cut(behind, size(input.limit, limits::LISTED_TAGS));
        Ok(ListTagsForStreamOutput { tags: tags.into_iter().map(shown).collect(), has_more_tags: more })
    }
}

fn of_listing(input: &ListTagsForStreamInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}

pub(crate) fn shown((key, value): (&str, &str)) -> Tag {
    Tag { key: key.to_owned(), value: Some(value.to_owned()) }
}
