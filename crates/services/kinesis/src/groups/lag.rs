//! How far a group is behind: of each shard, how many records are not done with, and how long ago the first of them arrived.
//!
//! The count follows from two counters, once it is known where what has expired ends. The moment is the record's own, which is read:
//! from memory, where most groups read, else from disk; it is remembered until the position moves or the record expires, so a group that
//! stands still costs one read. Metrics never read the disk and wake no shard: what is neither remembered nor in memory they take from the
//! shard's index, which is true to the run of records that it is of.

use super::catalog::{GroupEntry, Groups};
use super::machine::Group;
use crate::catalog::{ShardHandle, StreamEntry};
use crate::limits;
use crate::reading::{From, Most};
use crate::refusal::Refusal;
use crate::service::Inner;
use names::Instant;
use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use stream::{Command, Record, Shard, ShardState};

/// How far a group is behind in a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Lag {
    pub(crate) records: u64,
    pub(crate) millis: u64,
}

/// The first record that is not done with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Oldest {
    /// The position that it was found from.
    next: u64,
    counter: u64,
    arrived_at: Instant,
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
        let (index, from) = (shard.entry.index, next.max(state.first));
        if from >= state.next {
            return Ok(Lag::default());
        }
        let (counter, arrived_at) = match group.oldest(index, next, &state) {
            Some(known) => (known.counter, Some(known.arrived_at)),
            None => self.first_left(stream, shard, from, &state).await?,
        };
        if let Some(arrived_at) = arrived_at {
            group.remember(index, Oldest { next, counter, arrived_at });
        }
        let records = state.next.saturating_sub(counter);
        if records == 0 {
            return Ok(Lag::default());
        }
        // What cannot be read arrived no later than the last.
        Ok(Lag { records, millis: self.millis_behind(arrived_at.or(state.last_arrived_at)) })
    }

    /// The first record from a counter on that has not expired, and when it arrived if it can be read.
    async fn first_left(
        &self,
        stream: &StreamEntry,
        shard: &ShardHandle,
        from: u64,
        state: &ShardState,
    ) -> Result<(u64, Option<Instant>), Refusal> {
        let (place, one) = (From { counter: from, not_before: Instant::EPOCH }, Most { records: 1, bytes: 1 });
        let batch = self.read(stream, shard, place, one).await?;
        if let Some(first) = batch.records.first() {
            return Ok((first.counter(), Some(first.arrived_at())));
        }
        // It has expired, with perhaps many behind it, or it is damaged.
        let (counter, arrived_at) = self.first_since(stream, shard, state.horizon).await?;
        Ok(if counter > from { (counter, arrived_at) } else { (from, None) })
    }

    /// Since when, in milliseconds; nothing where nobody knows.
    fn millis_behind(&self, arrived_at: Option<Instant>) -> u64 {
        let now = self.catalog.store().clock().now();
        u64::try_from(now.since(arrived_at.unwrap_or(now)).as_millis()).unwrap_or(u64::MAX)
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
    fn metered(&self, stream: &StreamEntry, group: &GroupEntry, shard: &ShardHandle, next: u64) -> Option<GroupLag> {
        let seen =
            |shard: &Shard| Some((shard.state()?, shard.ahead_of(next, Instant::EPOCH)?.0, shard.arrived_about(next)));
        let (state, from, about) = self.catalog.store().peek(shard.entry.partition, seen).flatten()?;
        let (records, millis) = if from >= state.next {
            (0, Some(0))
        } else if let Some(known) = group.oldest(shard.entry.index, next, &state) {
            (state.next.saturating_sub(known.counter), Some(self.millis_behind(Some(known.arrived_at))))
        } else {
            let arrived_at = match one_in_memory(shard, from) {
                InMemory::Record(record) if record.arrived_at() >= state.horizon => {
                    let (counter, arrived_at) = (record.counter(), record.arrived_at());
                    group.remember(shard.entry.index, Oldest { next, counter, arrived_at });
                    Some(arrived_at)
                }
                InMemory::NotYet => None,
                _ => about.map(|about| about.max(state.horizon)),
            };
            (state.next.saturating_sub(from), arrived_at.map(|at| self.millis_behind(Some(at))))
        };
        let key = &stream.key;
        Some(GroupLag {
            stream: (key.account, key.region.clone(), key.name.clone()),
            group: group.name.clone(),
            shard: shard.entry.name(),
            records,
            millis,
        })
    }
}

/// A record, as far as it is in memory.
enum InMemory {
    Record(Record),
    /// It is, and not durable yet.
    NotYet,
    Nothing,
}

/// The record of a counter, unless it would have to be read from disk, or its shard to be woken.
fn one_in_memory(shard: &ShardHandle, counter: u64) -> InMemory {
    let asked = shard.awake().map(|awake| awake.execute(Command::Read { from: counter, records_max: 1, bytes_max: 1 }));
    let Some(Ok(pending)) = asked.filter(|asked| asked.as_ref().is_ok_and(|pending| !pending.reads_disk())) else {
        return InMemory::Nothing;
    };
    match pin!(pending.read()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => InMemory::NotYet,
        Poll::Ready(read) => {
            let record = read.ok().and_then(|(_, records)| records.into_iter().flatten().next());
            record.filter(|record| record.counter() == counter).map_or(InMemory::Nothing, InMemory::Record)
        }
    }
}

impl GroupEntry {
    /// The first record of a shard that is not done with, if it is known and has not expired.
    fn oldest(&self, shard: u32, next: u64, state: &ShardState) -> Option<Oldest> {
        let known = self.known().get(&shard).copied()?;
        (known.next == next && known.arrived_at >= state.horizon).then_some(known)
    }

    fn remember(&self, shard: u32, oldest: Oldest) {
        self.known().insert(shard, oldest);
    }

    /// Of how many shards it is known.
    #[cfg(test)]
    pub(crate) fn oldest_known(&self) -> usize {
        self.known().len()
    }

    /// Forgets what is of shards that the group does not follow any more.
    pub(super) fn forget_oldest(&self) {
        self.partition.inspect(|group| self.known().retain(|shard, _| group.shards.contains_key(shard)));
    }

    fn known(&self) -> MutexGuard<'_, HashMap<u32, Oldest>> {
        self.oldest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
