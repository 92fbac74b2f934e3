//! ListResourceTags: the tags of a key.

use crate::api::{ListResourceTagsRequest, ListResourceTagsResponse, Tag};
use crate::asked::Asked;
use crate::needs::Asking;
use crate::page::page;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use crate::{describe, limits};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct ListResourceTags;

impl Operation for ListResourceTags {
    type Input = ListResourceTagsRequest;
    type Output = ListResourceTagsResponse;

    fn needs(asking: &Asking<'_>, input: &ListResourceTagsRequest) -> Result<Vec<Need>, Refusal> {
        asking.on("ListResourceTags", &input.key_id)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: ListResourceTagsRequest,
    ) -> Result<ListResourceTagsResponse, Refusal> {
        let key = service.own_key(&caller, &input.key_id).await?.key;
        let by_key = |tag: &Tag| tag.tag_key.clone();
        let page = page(describe::tags(&key.tags), by_key, input.limit, limits::PAGE, input.marker.as_deref())?;
        Ok(ListResourceTagsResponse {
            truncated: page.truncated(),
            tags: Some(page.items),
            next_marker: page.next_marker,
        })
    }
}
