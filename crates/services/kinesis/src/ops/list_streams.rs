//! ListStreams: the streams of an account in a region, by name. DescribeLimits: how many shards and streams it has, and may have.

use crate::api::enums::stream_status;
use crate::api::{DescribeLimitsInput, DescribeLimitsOutput, ListStreamsInput, ListStreamsOutput, StreamSummary};
use crate::describe::{self, count, timestamp};
use crate::limits;
use crate::needs::Asking;
use crate::page::{Token, size};
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::settings::Mode;
use gateway::{Caller, Need, Operation};
use std::sync::Arc;

pub(crate) struct ListStreams;

impl Operation<Inner> for ListStreams {
    type Input = ListStreamsInput;
    type Output = ListStreamsOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, _input: &ListStreamsInput) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.anything("ListStreams"))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: ListStreamsInput) -> Result<ListStreamsOutput, Refusal> {
        let token = input.next_token.as_deref().map(|token| Token::parse(token, caller.now)).transpose()?;
        let after = token.map(|token| token.after.into_string()).or(input.exclusive_start_stream_name);
        let size = size(input.limit, limits::LISTED_STREAMS);
        let mut found = service.catalog.list(caller.account, &caller.region, after.as_deref(), size + 1);
        let more = found.len() > size;
        found.truncate(size);
        // A stream that was found may not be durable yet, and what is told must be.
        service.catalog.settled().await?;
        let summary = |entry: &Arc<crate::catalog::StreamEntry>| {
            let view = entry.view();
            StreamSummary {
                stream_name: entry.key.name.to_string(),
                stream_arn: entry.arn.to_string(),
                stream_status: stream_status::ACTIVE.to_owned(),
                stream_mode_details: Some(describe::mode(&view)),
                stream_creation_timestamp: Some(timestamp(view.about.created_at)),
            }
        };
        let last = found.last().filter(|_| more).map(|entry| entry.key.name.clone());
        let next_token = last.map(|after| Token { made_at: caller.now, stream: None, after }.show());
        Ok(ListStreamsOutput {
            stream_names: found.iter().map(|entry| entry.key.name.to_string()).collect(),
            has_more_streams: more,
            next_token,
            stream_summaries: Some(found.iter().map(summary).collect()),
        })
    }
}

pub(crate) struct DescribeLimits;

impl Operation<Inner> for DescribeLimits {
    type Input = DescribeLimitsInput;
    type Output = DescribeLimitsOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, _input: &DescribeLimitsInput) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.anything("DescribeLimits"))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        _input: DescribeLimitsInput,
    ) -> Result<DescribeLimitsOutput, Refusal> {
        let streams = service.catalog.list(caller.account, &caller.region, None, usize::MAX);
        service.catalog.settled().await?;
        let views: Vec<_> = streams.iter().map(|entry| entry.view()).collect();
        let on_demand = views.iter().filter(|view| view.about.mode == Mode::OnDemand);
        Ok(DescribeLimitsOutput {
            shard_limit: count(limits::ACCOUNT_SHARDS_MAX),
            open_shard_count: count(views.iter().map(|view| view.open_shards()).sum()),
            on_demand_stream_count: count(on_demand.count()),
            on_demand_stream_count_limit: count(service.catalog.on_demand_max),
            channel_count: None,
            channel_count_limit: None,
        })
    }
}
