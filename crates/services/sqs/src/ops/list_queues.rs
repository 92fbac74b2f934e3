//! ListQueues: URLs of the caller's queues in the caller's region, by name, page by page if asked.

use crate::api::{ListQueuesRequest, ListQueuesResult};
use crate::catalog::Listed;
use crate::limits;
use crate::machine::{Command, Reply};
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use base64_simd::URL_SAFE_NO_PAD;
use gateway::{Caller, Need};
use std::sync::Arc;

pub(crate) struct ListQueues;

impl Operation for ListQueues {
    type Input = ListQueuesRequest;
    type Output = ListQueuesResult;

    fn needs(asking: &Asking<'_>, _input: &ListQueuesRequest) -> Result<Vec<Need>, Refusal> {
        Ok(asking.on_all("listqueues"))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: ListQueuesRequest) -> Result<ListQueuesResult, Refusal> {
        let page = input.max_results.map(check_page).transpose()?;
        let after = input.next_token.as_deref().map(decode_token).transpose()?;
        let prefix = input.queue_name_prefix.unwrap_or_default();
        let limit = page.unwrap_or(limits::LIST_QUEUES_MAX);
        // One more than is shown tells whether there is another page.
        let mut entries = service.catalog.list(caller.account, &caller.region, &prefix, after.as_deref(), limit + 1);
        let more = entries.len() > limit;
        entries.truncate(limit);
        // A token is given only to who asks for pages: others would stop at it.
        let last = entries.last().filter(|_| more && page.is_some());
        let next_token = last.map(|(name, _)| URL_SAFE_NO_PAD.encode_to_string(name.as_str()));
        service.catalog.settled().await?;
        let urls = durable_urls(&service, &caller, &entries).await?;
        Ok(ListQueuesResult { queue_urls: (!urls.is_empty()).then_some(urls), next_token })
    }
}

/// The URLs of those queues whose creation is durable and that are not deleted meanwhile. One at rest is durable, and stays
/// at rest.
async fn durable_urls(service: &Inner, caller: &Caller, listed: &[Listed]) -> Result<Vec<String>, Refusal> {
    let mut urls = Vec::with_capacity(listed.len());
    for (name, entry) in listed {
        let is_there = match entry {
            Some(entry) => matches!(entry.partition.execute(Command::Describe)?.await?, Reply::Described(..)),
            None => true,
        };
        if is_there {
            urls.push(service.url(caller, &caller.region, &caller.account, name));
        }
    }
    Ok(urls)
}

pub(crate) fn check_page(size: i32) -> Result<usize, Refusal> {
    match usize::try_from(size) {
        Ok(size) if (1..=limits::LIST_QUEUES_MAX).contains(&size) => Ok(size),
        _ => Err(Refusal::invalid_value(size, "MaxResults", "MaxResults must be an integer between 1 and 1000.")),
    }
}

/// A token is the name of the last queue of the page before.
pub(crate) fn decode_token(token: &str) -> Result<String, Refusal> {
    let name = URL_SAFE_NO_PAD.decode_to_vec(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| Refusal::invalid_parameter("Invalid or expired next token."))
}
