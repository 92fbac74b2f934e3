//! Tags of topics: TagResource, UntagResource, ListTagsForResource.

use crate::api::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, Tag, TagResourceRequest, TagResourceResponse,
    UntagResourceRequest, UntagResourceResponse,
};
use crate::catalog::TopicEntry;
use crate::limits;
use crate::needs::{Asking, with_tag_keys, with_tags};
use crate::records::pairs;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::topic::{Command, Pairs};
use gateway::{Caller, Need, Operation};
use std::sync::Arc;

/// Tags as they are kept. No key twice.
pub(super) fn pairs_of(tags: Vec<Tag>) -> Result<Pairs, Refusal> {
    let count = tags.len();
    let pairs: Pairs = tags.into_iter().map(|tag| (tag.key.into(), tag.value.into())).collect();
    if pairs.len() > limits::TAGS_MAX {
        return Err(Refusal::too_many_tags());
    }
    match pairs.len() == count {
        true => Ok(pairs),
        false => Err(Refusal::invalid("Duplicated keys are not allowed.")),
    }
}

/// A topic as operations on tags name it: that it is missing they say in words of their own.
async fn resource(service: &Inner, caller: &Caller, arn: &str) -> Result<Arc<TopicEntry>, Refusal> {
    let found = service.topic(caller, "ResourceArn", arn).await;
    found.map_err(|refusal| if refusal == Refusal::no_topic() { Refusal::no_resource() } else { refusal })
}

pub(crate) struct TagResource;

impl Operation<Inner> for TagResource {
    type Input = TagResourceRequest;
    type Output = TagResourceResponse;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &TagResourceRequest) -> Result<Vec<Need>, Refusal> {
        let needs = Asking { service, caller }.on("TagResource", "ResourceArn", &input.resource_arn)?;
        Ok(needs.into_iter().map(|need| with_tags(need, &input.tags)).collect())
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: TagResourceRequest,
    ) -> Result<TagResourceResponse, Refusal> {
        let entry = resource(&service, &caller, &input.resource_arn).await?;
        entry.ask(Command::Tag(pairs_of(input.tags)?)).await.map(|_| TagResourceResponse {})
    }
}

pub(crate) struct UntagResource;

impl Operation<Inner> for UntagResource {
    type Input = UntagResourceRequest;
    type Output = UntagResourceResponse;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &UntagResourceRequest) -> Result<Vec<Need>, Refusal> {
        let needs = Asking { service, caller }.on("UntagResource", "ResourceArn", &input.resource_arn)?;
        Ok(needs.into_iter().map(|need| with_tag_keys(need, input.tag_keys.iter())).collect())
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: UntagResourceRequest,
    ) -> Result<UntagResourceResponse, Refusal> {
        let entry = resource(&service, &caller, &input.resource_arn).await?;
        let keys = input.tag_keys.into_iter().map(Into::into).collect();
        entry.ask(Command::Untag(keys)).await.map(|_| UntagResourceResponse {})
    }
}

pub(crate) struct ListTagsForResource;

impl Operation<Inner> for ListTagsForResource {
    type Input = ListTagsForResourceRequest;
    type Output = ListTagsForResourceResponse;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &ListTagsForResourceRequest) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("ListTagsForResource", "ResourceArn", &input.resource_arn)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: ListTagsForResourceRequest,
    ) -> Result<ListTagsForResourceResponse, Refusal> {
        let entry = resource(&service, &caller, &input.resource_arn).await?;
        let shown = |(key, value): (&str, &str)| Tag { key: key.to_owned(), value: value.to_owned() };
        let tags = entry.look(|view| pairs(&view.about.tags).map(shown).collect());
        service.catalog.settled().await?;
        Ok(ListTagsForResourceResponse { tags: Some(tags) })
    }
}
