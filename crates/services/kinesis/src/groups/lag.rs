//! How far a group is behind: of each shard, how many records are not done with, and how long ago the first of them arrived.
//!
//! The count follows from two counters. The moment is the record's own, which is read: from memory, where most groups read, else from
//! disk; it is remembered until the position moves, so a group that stands still costs one read.

use super::catalog::{GroupEntry, Groups};
use super::machine::Group;
use crate::catalog::{ShardHandle, StreamEntry};
use crate::limits;
use crate::reading::{From, Most};
use crate::refusal::Refusal;
use crate::service::Inner;
use names::Instant;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

/// How far a group is behind in a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Lag {
    pub(crate) records: u64,
    pub(crate) millis: u64,
}

/// How far a group is behind in a shard, for metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLag {
    /// Account, region and stream.
    pub stream: (names::AccountId, names::Region, Box<str>),
    /// The group's name.
    pub group: Box<str>,
    /// The shard's name.
    pub shard: String,
    /// Records that are not done with.
    pub records: u64,
    /// How long ago the first of them arrived; none if it cannot be told at this moment.
    pub millis: Option<u64>,
}

impl Inner {
    /// How far a group that has read a shard up to `next` is behind.
    pub(crate) async fn lag(
        &self,
        stream: &StreamEntry,
        group: &GroupEntry,
        shard: &ShardHandle,
        next: u64,
    ) -> Result<Lag, Refusal> {
        let state = self.shard_state(stream, shard).await?;
        let from = next.max(state.first);
        let records = state.next.saturating_sub(from);
        if records == 0 {
            return Ok(Lag::default());
        }
        let index = shard.entry.index;
        let known = group.arrivals().get(&index).filter(|(of, _)| *of == from).map(|(_, at)| *at);
        let arrived_at = match known {
            Some(at) => Some(at),
            None => {
                let (place, one) = (From { counter: from, not_before: Instant::EPOCH }, Most { records: 1, bytes: 1 });
                let batch = self.read(stream, shard, place, one).await?;
                batch.records.first().map(stream::Record::arrived_at).inspect(|at| {
                    group.arrivals().insert(index, (from, *at));
                })
            }
        };
        let now = self.catalog.store().clock().now();
        // What cannot be read arrived no later than the last.
        let arrived_at = arrived_at.or(state.last_arrived_at).unwrap_or(now);
        let millis = u64::try_from(now.since(arrived_at).as_millis()).unwrap_or(u64::MAX);
        Ok(Lag { records, millis })
    }

    /// How far all groups are behind, by shard: so many of them, and how many are left out.
    pub(crate) fn lags(&self, groups: &Groups) -> (Vec<GroupLag>, usize) {
        let (mut found, mut left_out) = (Vec::new(), 0);
        for (stream, group) in groups.all() {
            let Some(stream) = self.catalog.find_partition(stream) else { continue };
            let places = |group: &Group| group.shards.iter().map(|(index, place)| (*index, place.next)).collect();
            let places: Vec<(u32, u64)> = group.partition.inspect(places).unwrap_or_default();
            let view = stream.view();
            for (index, next) in places {
                let Some(shard) = view.shard(index) else { continue };
                if found.len() == limits::GROUP_SHARDS_METERED_MAX {
                    left_out += 1;
                    continue;
                }
                found.extend(self.metered(&stream, &group, shard, next));
            }
        }
        (found, left_out)
    }

    /// One shard of it, without waiting for the disk: a lag that is not durable yet shows at the next look.
    fn metered(
        &self,
        stream: &StreamEntry,
        group: &Arc<GroupEntry>,
        shard: &ShardHandle,
        next: u64,
    ) -> Option<GroupLag> {
        let mut asked = pin!(self.lag(stream, group, shard, next));
        let lag = match asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(lag)) => Some(lag),
            Poll::Ready(Err(_)) => return None,
            Poll::Pending => None,
        };
        let state = || self.catalog.store().peek(shard.entry.partition, stream::Shard::state).flatten();
        let records = match lag {
            Some(lag) => lag.records,
            None => state().map(|state| state.next.saturating_sub(next.max(state.first)))?,
        };
        let key = &stream.key;
        Some(GroupLag {
            stream: (key.account, key.region.clone(), key.name.clone()),
            group: group.name.clone(),
            shard: shard.entry.name(),
            records,
            millis: lag.map(|lag| lag.millis),
        })
    }
}

impl GroupEntry {
    fn arrivals(&self) -> std::sync::MutexGuard<'_, std::collections::HashMap<u32, (u64, Instant)>> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
