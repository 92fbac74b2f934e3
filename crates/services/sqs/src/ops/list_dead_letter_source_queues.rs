//! ListDeadLetterSourceQueues: the queues whose dead letters come to this one, page by page if asked.

use crate::api::{ListDeadLetterSourceQueuesRequest, ListDeadLetterSourceQueuesResult};
use crate::limits;
use crate::needs::Asking;
use crate::ops::list_queues::{check_page, decode_token};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use base64_simd::URL_SAFE_NO_PAD;
use gateway::{Caller, Need};
use std::sync::Arc;

pub(crate) struct ListDeadLetterSourceQueues;

impl Operation for ListDeadLetterSourceQueues {
    type Input = ListDeadLetterSourceQueuesRequest;
    type Output = ListDeadLetterSourceQueuesResult;

    fn needs(asking: &Asking<'_>, input: &ListDeadLetterSourceQueuesRequest) -> Result<Vec<Need>, Refusal> {
        asking.at("listdeadlettersourcequeues", &input.queue_url)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: ListDeadLetterSourceQueuesRequest,
    ) -> Result<ListDeadLetterSourceQueuesResult, Refusal> {
        let entry = service.queue(&caller, &input.queue_url).await?;
        let page = input.max_results.map(check_page).transpose()?;
        let after = input.next_token.as_deref().map(decode_token).transpose()?;
        let limit = page.unwrap_or(limits::LIST_QUEUES_MAX);
        let mut sources = service.catalog.dead_letter_sources(&entry.key);
        sources.retain(|key| after.as_deref().is_none_or(|after| key.name.as_str() > after));
        let more = sources.len() > limit;
        sources.truncate(limit);
        let last = sources.last().filter(|_| more && page.is_some());
        let next_token = last.map(|key| URL_SAFE_NO_PAD.encode_to_string(key.name.as_str()));
        service.catalog.settled().await?;
        let queue_urls = sources.iter().map(|key| service.url(&caller, &key.region, &key.account, &key.name)).collect();
        Ok(ListDeadLetterSourceQueuesResult { queue_urls, next_token })
    }
}
