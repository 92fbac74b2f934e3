//! The rules of a shard, and what a change does to it.
//!
//! What is kept is where the records begin and end, up to when they have expired (the horizon, which never goes back), and the
//! sparse index. Expiry is a function of state and time: nothing of it is journaled until the retention changes, which says in
//! its record what was over by then, so that a longer retention brings nothing back. Readers hold no state here; they name the
//! counter that they read from.

use crate::index::Index;
use crate::{About, Command, Effect, Record, Reply, ShardState};
use engine::{Decision, Machine, MalformedRecord, Stirred, Tally};
use names::{Instant, Position};
use std::ops::Range;

/// One shard of a stream.
#[derive(Debug, Clone, Default)]
pub struct Shard {
    pub(crate) about: Option<About>,
    pub(crate) is_deleted: bool,
    pub(crate) closed_at: Option<Instant>,
    /// The counter of the last record that ever was; 0 before the first.
    pub(crate) last: u64,
    pub(crate) last_arrived_at: Option<Instant>,
    /// What arrived before this moment has expired.
    pub(crate) horizon: Instant,
    pub(crate) index: Index,
    /// Whether readers have something to see since they were woken last.
    pub(crate) has_stirred: bool,
}

/// The same shard, whoever has been woken.
impl PartialEq for Shard {
    fn eq(&self, other: &Self) -> bool {
        let parts = |shard: &Self| (shard.about, shard.is_deleted, shard.closed_at, shard.last, shard.last_arrived_at);
        parts(self) == parts(other) && (self.horizon, &self.index) == (other.horizon, &other.index)
    }
}

impl Shard {
    /// A shard before its first record.
    pub fn unborn() -> Self {
        Self::default()
    }

    /// The shard as far as time has been let pass; `None` if it is not there.
    pub fn state(&self) -> Option<ShardState> {
        let About { stream, index, opened_at, retention_millis } = self.about?;
        Some(ShardState {
            stream,
            index,
            opened_at,
            retention_millis,
            first: self.first(),
            next: self.next(),
            horizon: self.horizon,
            last_arrived_at: self.last_arrived_at,
            closed_at: self.closed_at,
            records: self.next() - self.first(),
            bytes: self.index.bytes(),
        })
    }

    /// Where to read on from a counter what arrived at or after a moment and has not expired, and the next record's counter; both are the
    /// same if there is nothing. It may be earlier than the first such record, as [`Reply::Seeked`] is. `None` if the shard is not there.
    pub fn ahead_of(&self, counter: u64, not_before: Instant) -> Option<(u64, u64)> {
        self.about?;
        let next = self.next();
        let from = counter.max(self.first());
        let begins = if from < next { from.max(self.seek(self.horizon.max(not_before))) } else { next };
        Some((begins.min(next), next))
    }

    /// When the record of a counter arrived, as the index has it: as if those of its run had come evenly. `None` if it is not held; of one
    /// that is no longer held, the first is told of.
    pub fn arrived_about(&self, counter: u64) -> Option<Instant> {
        let counter = counter.max(self.first());
        (counter < self.next()).then(|| self.index.arrived_about(counter, self.next())).flatten()
    }

    /// The first counter that is held, or the next one's.
    fn first(&self) -> u64 {
        self.index.first().unwrap_or(self.next())
    }

    fn next(&self) -> u64 {
        self.last + 1
    }

    /// The horizon at `now`, and not before one that was.
    fn expire(&mut self, now: Instant) {
        let Some(about) = &self.about else { return };
        // Time does not go back behind the last record, whatever the clock says.
        let now = self.last_arrived_at.map_or(now, |last| last.max(now));
        self.horizon = self.horizon.max(now.minus_millis(about.retention_millis));
        self.index.expire(self.horizon);
    }

    fn answer(&self, now: Instant, command: Command, about: &About, state: ShardState) -> Decision<Effect, Reply> {
        match command {
            Command::Open { .. } => Decision::answer(Reply::Exists),
            Command::Append { after, records } => self.append(now, after, records, Record::new),
            Command::AppendSealed { after, records } => self.append(now, after, records, Record::sealed),
            Command::Read { from, records_max, bytes_max } => self.read(from, records_max, bytes_max, state),
            Command::Seek { at } => Decision::answer(Reply::Seeked(self.seek(at))),
            Command::Close if self.closed_at.is_some() => Decision::answer(Reply::Closed),
            Command::Close => Decision::change(vec![Effect::Closed { at: self.time(now) }], Reply::Closed),
            Command::SetRetention { millis } if millis == about.retention_millis => Decision::answer(Reply::Done),
            Command::SetRetention { millis } => {
                let effect = Effect::RetentionSet { horizon: self.horizon, retention_millis: millis };
                Decision::change(vec![effect], Reply::Done)
            }
            Command::Delete => Decision::change(vec![Effect::Deleted], Reply::Done),
            Command::Describe => Decision::answer(Reply::Described(state)),
        }
    }

    /// A moment of the shard, which has no earlier one behind a later one. When it was opened stands in its sequence numbers and
    /// may lie ahead of the clock, so that they are greater than its parents': it is no moment that anything happened at.
    fn time(&self, now: Instant) -> Instant {
        now.max(self.last_arrived_at.unwrap_or(Instant::EPOCH))
    }

    fn append<New>(
        &self,
        now: Instant,
        after: Option<u64>,
        records: Vec<New>,
        record: impl Fn(u64, Instant, New) -> Record,
    ) -> Decision<Effect, Reply> {
        if self.closed_at.is_some() {
            return Decision::answer(Reply::NoMoreAppends);
        }
        if after.is_some_and(|after| after >= self.next()) {
            return Decision::answer(Reply::Ahead);
        }
        let (first, at) = (self.next(), self.time(now));
        let effects = (first..).zip(records).map(|(counter, new)| Effect::Appended(record(counter, at, new)));
        Decision::change(effects.collect(), Reply::Appended { first, at })
    }

    fn read(&self, from: u64, records_max: usize, bytes_max: u64, state: ShardState) -> Decision<Effect, Reply> {
        let from = from.max(state.first);
        let records_max = u64::try_from(records_max).unwrap_or(u64::MAX);
        let next = match from < state.next {
            true => self.index.read_end(from, records_max, bytes_max, state.next),
            false => from,
        };
        let is_end = state.closed_at.is_some() && next >= state.next;
        let bytes = self.index.bytes_within(from, next);
        let reply = Reply::Records { from, next, bytes, is_end, horizon: state.horizon, state };
        Decision { reads: (from..next).collect(), ..Decision::answer(reply) }
    }

    fn seek(&self, at: Instant) -> u64 {
        let is_beyond = self.last_arrived_at.is_none_or(|last| last < at);
        let sought = if is_beyond { None } else { self.index.seek(at) };
        sought.unwrap_or(self.next())
    }

    fn add(&mut self, record: &Record) {
        // What was met before is passed over, and so is a last number of all, after which there would be no next one.
        if record.counter() <= self.last || record.counter() == u64::MAX {
            return;
        }
        let at = record.arrived_at();
        self.last = record.counter();
        self.last_arrived_at = Some(at);
        let retention_millis = self.about.map_or(0, |about| about.retention_millis);
        self.index.note(record.counter(), at, record.size(), retention_millis);
        // At replay nobody lets time pass until the log's end, and a shard would hold all that ever expired at once.
        self.expire(at);
        self.has_stirred = true;
    }
}

impl Machine for Shard {
    type Command = Command;
    type Effect = Effect;
    type Reply = Reply;
    type Content = Record;

    const SNAPSHOT_VERSION: u8 = 1;

    fn advance(&mut self, now: Instant) {
        self.expire(now);
    }

    fn decide(&self, now: Instant, command: Command) -> Decision<Effect, Reply> {
        match (command, self.about.zip(self.state())) {
            (command, Some((about, state))) => self.answer(now, command, &about, state),
            (Command::Open { about }, None) if !self.is_deleted => {
                Decision::change(vec![Effect::Opened(about)], Reply::Done)
            }
            _ => Decision::answer(Reply::Gone),
        }
    }

    /// Whoever passes over a record that can be read later has lost it.
    fn needs_every_content(&self) -> bool {
        true
    }

    fn apply(&mut self, _at: Position, effect: &Effect, _gone: &mut Vec<u64>) {
        match effect {
            Effect::Opened(about) => self.about = Some(*about),
            Effect::Appended(record) => self.add(record),
            Effect::Closed { at } => {
                self.closed_at = Some(*at);
                self.has_stirred = true;
            }
            Effect::RetentionSet { horizon, retention_millis } => {
                self.horizon = self.horizon.max(*horizon);
                self.index.expire(self.horizon);
                if let Some(about) = &mut self.about {
                    about.retention_millis = *retention_millis;
                }
            }
            Effect::Deleted => *self = Self { is_deleted: true, has_stirred: true, ..Self::unborn() },
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        None
    }

    fn next_expiry(&self) -> Option<Instant> {
        let retention_millis = self.about?.retention_millis;
        Some(self.index.first_run_at()?.plus_millis(retention_millis).plus_millis(1))
    }

    /// Records held, their bytes, and whether the shard is open.
    fn tally(&self) -> Tally {
        let state = self.state().map(|state| [state.records, state.bytes, u64::from(state.closed_at.is_none())]);
        Tally(state.unwrap_or_default())
    }

    /// What is appended is for each reader, and none takes it from another: they are woken by `take_stirred`.
    fn ready(&self) -> usize {
        0
    }

    fn take_stirred(&mut self) -> Stirred {
        if std::mem::take(&mut self.has_stirred) { Stirred::Everyone } else { Stirred::Nothing }
    }

    fn content(effect: Effect) -> Option<(u64, Record)> {
        if let Effect::Appended(record) = effect { Some((record.counter(), record)) } else { None }
    }

    fn holds(&self, counter: u64) -> bool {
        self.held().contains(&counter)
    }

    fn first_held(&self) -> u64 {
        if self.is_deleted { u64::MAX } else { self.first() }
    }

    fn held_within(&self, counters: Range<u64>) -> u64 {
        let held = self.held();
        counters.end.min(held.end).saturating_sub(counters.start.max(held.start))
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        self.put(out);
    }

    fn restore(version: u8, state: &[u8]) -> Result<Self, MalformedRecord> {
        Self::read_snapshot(version, state)
    }

    fn is_over(&self) -> bool {
        self.is_deleted
    }
}

impl Shard {
    fn held(&self) -> Range<u64> {
        self.first()..self.next()
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
