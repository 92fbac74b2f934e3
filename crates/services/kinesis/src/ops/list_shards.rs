//! ListShards: the shards of a stream in the order of their numbers, all of them or those that a filter lets through.

use crate::api::enums::shard_filter_type;
use crate::api::{ListShardsInput, ListShardsOutput, ShardFilter};
use crate::catalog::{StreamEntry, View};
use crate::describe::{self, instant};
use crate::limits;
use crate::needs::Asking;
use crate::page::{Token, cut, size};
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use crate::settings::ShardEntry;
use crate::shard_id;
use gateway::{Caller, Need, Operation};
use names::Instant;
use std::sync::Arc;

pub(crate) struct ListShards;

impl Operation<Inner> for ListShards {
    type Input = ListShardsInput;
    type Output = ListShardsOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &ListShardsInput) -> Result<Vec<Need>, Refusal> {
        let asking = &Asking { service, caller };
        check_named(input)?;
        match input.next_token.as_deref() {
            None => asking.on("ListShards", &target(input)),
            Some(token) => {
                let entry = of_token(service, caller, &Token::parse(token, caller.now)?)?;
                Ok(vec![asking.on_key("ListShards", &entry.key)])
            }
        }
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: ListShardsInput) -> Result<ListShardsOutput, Refusal> {
        check_named(&input)?;
        let token = input.next_token.as_deref().map(|token| Token::parse(token, caller.now)).transpose()?;
        let entry = match &token {
            Some(token) => of_token(&service, &caller, token)?,
            None => service.stream(&caller, &target(&input)).await?,
        };
        let view = entry.view();
        entry.settled().await?;
        let (after, filter) = match &token {
            Some(token) => from_token(token)?,
            None => (
                start(&entry, input.exclusive_start_shard_id.as_deref())?,
                Filter::read(&view, caller.now, input.shard_filter)?,
            ),
        };
        let behind =
            view.shards.iter().map(|shard| &shard.entry).filter(|shard| after.is_none_or(|after| shard.index > after));
        let (shards, more) =
            cut(behind.filter(|shard| filter.lets(&view, shard)), size(input.max_results, limits::LISTED_SHARDS));
        let next_token = shards.last().filter(|_| more).map(|last| next(&entry, &filter, last.index, caller.now));
        Ok(ListShardsOutput { shards: Some(shards.into_iter().map(describe::shard).collect()), next_token })
    }
}

fn target(input: &ListShardsInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}

/// A request names a stream or has a token, which is of one.
fn check_named(input: &ListShardsInput) -> Result<(), Refusal> {
    let is_named = input.stream_name.is_some() || input.stream_arn.is_some();
    match (is_named, input.next_token.is_some()) {
        (false, false) => Err(Refusal::invalid("Either NextToken or StreamName should be provided.")),
        (true, true) => Err(Refusal::invalid("NextToken and StreamName cannot be provided together.")),
        _ => Ok(()),
    }
}

fn of_token(service: &Inner, caller: &Caller, token: &Token) -> Result<Arc<StreamEntry>, Refusal> {
    let found = token.stream.and_then(|stream| service.catalog.find_partition(stream));
    let found = found.filter(|entry| entry.key.region == caller.region);
    found.ok_or_else(|| Refusal::not_found("The stream that NextToken is of was not found."))
}

fn start(entry: &StreamEntry, name: Option<&str>) -> Result<Option<u32>, Refusal> {
    name.map(|name| shard_id::parse(name).ok_or_else(|| Refusal::no_shard(&entry.key, name))).transpose()
}

/// Shards that were open at some time of a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Filter {
    after: Option<u32>,
    /// The stretch; only what is open now if there is none.
    from: Option<Instant>,
    to: Instant,
}

impl Filter {
    const ALL: Self = Self { after: None, from: Some(Instant::EPOCH), to: Instant::FAR_FUTURE };

    fn read(view: &View, now: Instant, filter: Option<ShardFilter>) -> Result<Self, Refusal> {
        let Some(filter) = filter else { return Ok(Self::ALL) };
        let horizon = trim_horizon(view, now);
        let at = |from, to| Ok(Self { after: None, from: Some(from), to });
        let moment = || match filter.timestamp.map(instant) {
            Some(moment) if moment > now => Err(Refusal::invalid("Timestamp of ShardFilter cannot be in the future.")),
            Some(moment) => Ok(moment.max(horizon)),
            None => Err(Refusal::invalid("ShardFilter of this type needs a Timestamp.")),
        };
        match &*filter.r#type {
            shard_filter_type::AFTER_SHARD_ID => {
                let name =
                    filter.shard_id.ok_or_else(|| Refusal::invalid("ShardFilter of this type needs a ShardId."))?;
                let after = shard_id::parse(&name).ok_or_else(|| Refusal::no_shard(&view.about.key, &name))?;
                Ok(Self { after: Some(after), ..Self::ALL })
            }
            shard_filter_type::AT_TRIM_HORIZON => at(horizon, horizon),
            shard_filter_type::FROM_TRIM_HORIZON => at(horizon, Instant::FAR_FUTURE),
            shard_filter_type::AT_TIMESTAMP => moment().and_then(|moment| at(moment, moment)),
            shard_filter_type::FROM_TIMESTAMP => moment().and_then(|moment| at(moment, Instant::FAR_FUTURE)),
            // AT_LATEST
            _ => Ok(Self { after: None, from: None, to: Instant::FAR_FUTURE }),
        }
    }

    fn lets(&self, view: &View, shard: &ShardEntry) -> bool {
        let is_behind = self.after.is_none_or(|after| shard.index > after);
        let overlaps = match self.from {
            None => shard.is_open(),
            Some(from) => since(view, shard) <= self.to && shard.closed_at.is_none_or(|closed| closed > from),
        };
        is_behind && overlaps
    }
}

/// Since when a shard takes records: since its parents take none. What it says itself may be ahead of the clock.
fn since(view: &View, shard: &ShardEntry) -> Instant {
    let parent = shard.parent.and_then(|parent| view.shard(parent));
    parent.and_then(|parent| parent.entry.closed_at).unwrap_or(shard.opened_at)
}

/// The moment of the oldest records that there can be: a stream begins with its first shards.
fn trim_horizon(view: &View, now: Instant) -> Instant {
    now.minus_millis(view.about.retention_millis()).max(view.about.created_at)
}

/// A token says the filter again: `after│filter's after│from│to`, absent numbers as nothing.
fn next(entry: &StreamEntry, filter: &Filter, last: u32, now: Instant) -> String {
    let shown = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let (behind, from) = (shown(filter.after.map(u64::from)), shown(filter.from.map(Instant::as_millis)));
    let after = format!("{last},{behind},{from},{}", filter.to.as_millis()).into();
    Token { made_at: now, stream: Some(entry.partition.id()), after }.show()
}

fn from_token(token: &Token) -> Result<(Option<u32>, Filter), Refusal> {
    let read = || {
        let mut words = token.after.split(',');
        let last = words.next()?.parse().ok()?;
        let mut number = || -> Option<Option<u64>> {
            let word = words.next()?;
            if word.is_empty() { Some(None) } else { word.parse().ok().map(Some) }
        };
        let after = number()?.map(u32::try_from).transpose().ok()?;
        let (from, to) = (number()?.map(Instant::from_millis), Instant::from_millis(number()??));
        Some((Some(last), Filter { after, from, to }))
    };
    read().ok_or_else(|| Refusal::invalid("NextToken is invalid."))
}
