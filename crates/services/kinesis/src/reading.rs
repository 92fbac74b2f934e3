//! GetShardIterator and GetRecords: where to begin in a shard, and what stands there.
//!
//! A shard says by its index what is about enough; what is over the bounds is left for the next call. How far a reader is behind is
//! the time between the arrival of the last record that it got and now, and nothing once it has all.

use crate::catalog::{ShardHandle, StreamEntry};
use crate::limits;
use crate::refusal::Refusal;
use crate::replies::Room;
use crate::service::Inner;
use crate::throttle;
use engine::Partition;
use names::Instant;
use std::future::Future;
use std::sync::Arc;
use stream::{Command, Misplaced, Record, Reply, SequenceNumber, Shard, ShardState};

/// Where to begin.
pub(crate) enum Start {
    TrimHorizon,
    Latest,
    At(SequenceNumber),
    After(SequenceNumber),
    /// At the first record that arrived at or after a moment.
    AtTime(Instant),
}

/// A place to read from: a counter, and the moment that what arrived before it is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct From {
    pub(crate) counter: u64,
    pub(crate) not_before: Instant,
}

/// What a read came to.
pub(crate) struct Batch {
    pub(crate) records: Vec<Record>,
    /// Where to read on.
    pub(crate) next: From,
    /// Whether the shard is closed and has been read to its end.
    pub(crate) is_end: bool,
    pub(crate) millis_behind: u64,
    /// What its records take of the room that answers have, until they are written.
    pub(crate) room: Room,
}

impl Batch {
    /// Leaves out the record at a place, which is not the first, and all behind it: they are read on from.
    pub(crate) fn end_before(&mut self, place: usize, now: Instant) {
        let Some(first_out) = self.records.get(place) else { return };
        self.next.counter = first_out.counter();
        self.records.truncate(place);
        self.is_end = false;
        self.millis_behind = self.records.last().map_or(1, |last| behind(now, last.arrived_at()));
    }
}

/// How far behind somebody is whose last record arrived at a moment, and who has not all.
fn behind(now: Instant, last: Instant) -> u64 {
    u64::try_from(now.since(last).as_millis()).unwrap_or(u64::MAX).max(1)
}

/// What one read may bring.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most {
    pub(crate) records: usize,
    pub(crate) bytes: u64,
}

impl Inner {
    /// The partition of a shard that was found.
    pub(crate) fn shard(&self, entry: &StreamEntry, shard: &ShardHandle) -> Result<Arc<Partition<Shard>>, Refusal> {
        let partition = shard.partition(self.catalog.store());
        partition.ok_or_else(|| self.gone(entry, shard))
    }

    /// Why a shard that was found a moment ago has nothing: its stream is gone, or has forgotten it with all that it had.
    fn gone(&self, entry: &StreamEntry, shard: &ShardHandle) -> Refusal {
        match self.catalog.find(&entry.key).is_some_and(|found| std::ptr::eq(&*found, entry)) {
            true => Refusal::no_shard(&entry.key, &shard.entry.name()),
            false => Refusal::no_stream(entry.key.account, &entry.key.name),
        }
    }

    /// The place that a request says it wants to begin at.
    pub(crate) async fn start(&self, entry: &StreamEntry, shard: &ShardHandle, start: Start) -> Result<From, Refusal> {
        let at = |counter| Ok(From { counter, not_before: Instant::EPOCH });
        match start {
            Start::TrimHorizon => at(0),
            Start::Latest => at(self.shard_state(entry, shard).await?.next),
            Start::At(number) | Start::After(number) => {
                let next = self.shard_state(entry, shard).await?.next;
                let counter = place(entry, shard, &number, next)?;
                at(if matches!(start, Start::At(_)) { counter } else { counter.saturating_add(1) })
            }
            Start::AtTime(moment) => match self.shard(entry, shard)?.execute(Command::Seek { at: moment })?.await? {
                Reply::Seeked(counter) => Ok(From { counter, not_before: moment }),
                _ => Err(self.gone(entry, shard)),
            },
        }
    }

    /// The counter of the first record that arrived at or after a moment, and when it did; the next one's if there is none yet.
    pub(crate) async fn first_since(
        &self,
        entry: &StreamEntry,
        shard: &ShardHandle,
        moment: Instant,
    ) -> Result<(u64, Option<Instant>), Refusal> {
        let mut from = self.start(entry, shard, Start::AtTime(moment)).await?;
        // What the index leaves to be passed over: a run of records.
        let most = Most { records: limits::READ_RECORDS_MAX, bytes: limits::EVENT_BYTES_MAX };
        loop {
            let batch = self.read(entry, shard, from, most).await?;
            match batch.records.first() {
                Some(first) => return Ok((first.counter(), Some(first.arrived_at()))),
                None if batch.is_end || batch.millis_behind == 0 => return Ok((batch.next.counter, None)),
                None => from = batch.next,
            }
        }
    }

    /// A shard as it is.
    pub(crate) async fn shard_state(&self, entry: &StreamEntry, shard: &ShardHandle) -> Result<ShardState, Refusal> {
        match self.shard(entry, shard)?.execute(Command::Describe)?.await? {
            Reply::Described(state) => Ok(state),
            _ => Err(self.gone(entry, shard)),
        }
    }

    /// What stands at a place. It may be nothing although something stands further on, where much of what is passed over lies
    /// between; the next place is beyond it.
    pub(crate) async fn read(
        &self,
        entry: &StreamEntry,
        shard: &ShardHandle,
        from: From,
        most: Most,
    ) -> Result<Batch, Refusal> {
        let partition = self.shard(entry, shard)?;
        let clock = &**self.catalog.store().clock();
        let until = clock.now().plus_millis(limits::REPLY_WAIT_MILLIS);
        let mut from = from;
        let mut looks = 0;
        loop {
            let command = |bytes_max| Command::Read { from: from.counter, records_max: most.records, bytes_max };
            let execute = |bytes| partition.execute(command(bytes));
            let begun = self.replies.begin(entry.key.account, clock, until, most.bytes, execute).await?;
            let (pending, room) = begun.ok_or_else(|| throttle::refused(entry, shard))?;
            let (reply, contents) = pending.read().await?;
            let batch = batch(clock.now(), from, most, &reply, contents).ok_or_else(|| self.gone(entry, shard))?;
            let batch = Batch { room, ..batch };
            looks += 1;
            let has_all = batch.is_end || batch.millis_behind == 0;
            if !batch.records.is_empty() || has_all || looks == limits::LOOKS_MAX {
                return Ok(batch);
            }
            from = batch.next;
        }
    }

    /// The same, and where nothing stands yet what comes first: a record, the end of the shard, a moment, or the end of `stop`.
    /// Nothing runs meanwhile, and who is dropped leaves nothing.
    pub(crate) async fn read_waiting(
        &self,
        entry: &StreamEntry,
        shard: &ShardHandle,
        from: From,
        most: Most,
        (until, stop): (Instant, impl Future<Output = ()>),
    ) -> Result<Batch, Refusal> {
        let found = self.read(entry, shard, from, most).await?;
        if !found.records.is_empty() || found.is_end || found.millis_behind > 0 {
            return Ok(found);
        }
        let partition = self.shard(entry, shard)?;
        let from = found.next;
        let command = || Command::Read { from: from.counter, records_max: most.records, bytes_max: most.bytes };
        // What has come is read like all else, when there is room for it.
        drop(partition.pending_when_ready(until, stop, command, Reply::is_nothing_yet).await?);
        self.read(entry, shard, from, most).await
    }
}

/// What a shard's answer comes to, within the bounds.
pub(crate) fn batch(
    now: Instant,
    from: From,
    most: Most,
    reply: &Reply,
    contents: Vec<Option<Record>>,
) -> Option<Batch> {
    let Reply::Records { from: first, next, is_end, horizon, state, .. } = *reply else { return None };
    let not_before = from.not_before.max(horizon);
    let (mut records, mut bytes, mut counter) = (Vec::new(), 0, first);
    let mut passed_at = None;
    // What is damaged on disk was reported when it was read, and is passed over.
    for (number, content) in (first..next).zip(contents) {
        let Some(record) = content.filter(|record| record.arrived_at() >= not_before) else {
            counter = number + 1;
            continue;
        };
        bytes += record.size();
        if !records.is_empty() && bytes > most.bytes {
            break;
        }
        counter = number + 1;
        passed_at = Some(record.arrived_at());
        records.push(record);
    }
    let has_all = counter >= state.next;
    // Where nothing was got, what is there is of the last arrival at the latest.
    let last = passed_at.or(state.last_arrived_at).unwrap_or(now);
    Some(Batch {
        records,
        next: From { counter, not_before: from.not_before },
        is_end: is_end && counter >= next && has_all,
        millis_behind: if has_all { 0 } else { behind(now, last) },
        room: Room::default(),
    })
}

/// The counter of a sequence number that the shard has given out, or that begins or ends it.
fn place(entry: &StreamEntry, shard: &ShardHandle, number: &SequenceNumber, next: u64) -> Result<u64, Refusal> {
    let ShardHandle { entry: of, .. } = shard;
    let (stream, account) = (&entry.key.name, entry.key.account);
    match number.place_in(of.opened_at, of.index, next) {
        Ok(counter) => Ok(counter),
        Err(Misplaced::Ahead) if number.is_ending() && !of.is_open() => Ok(next),
        Err(Misplaced::OtherShard) if number.index() != of.index => Err(Refusal::invalid(format!(
            "Invalid StartingSequenceNumber. It encodes {}, while it was used in a call to a shard with {}",
            crate::shard_id::show(number.index()),
            of.name()
        ))),
        Err(_) => Err(Refusal::invalid(format!(
            "StartingSequenceNumber {number} used in GetShardIterator on shard {} in stream {stream} under account {account} is invalid because it did not come from this stream.",
            of.name()
        ))),
    }
}
