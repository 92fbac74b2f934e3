//! ListQueueTags: the tags of a queue, in order of their keys.

use crate::api::{ListQueueTagsRequest, ListQueueTagsResult};
use crate::machine::{Command, Reply};
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::{Caller, Need};
use std::sync::Arc;

pub(crate) struct ListQueueTags;

impl Operation for ListQueueTags {
    type Input = ListQueueTagsRequest;
    type Output = ListQueueTagsResult;

    fn needs(asking: &Asking<'_>, input: &ListQueueTagsRequest) -> Result<Vec<Need>, Refusal> {
        asking.at("listqueuetags", &input.queue_url)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: ListQueueTagsRequest,
    ) -> Result<ListQueueTagsResult, Refusal> {
        let entry = service.queue(&caller, &input.queue_url).await?;
        let Reply::Described(about, _) = entry.partition.execute(Command::Describe)?.await? else {
            return Err(Refusal::queue_does_not_exist());
        };
        let tags: Vec<_> = about.tags.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Ok(ListQueueTagsResult { tags: (!tags.is_empty()).then_some(tags) })
    }
}
