//! Every record that a queue journals, on one screen. Written with `engine::fields`, as those of streams are (`crate::records`).
//!
//! ```text
//! kind 20 v1  created         about │ count 4 × ( shard 4 │ counter 8 )
//! kind 21 v1  settings put    at 8 │ about
//! kind 22 v1  received        at 8 │ until 8 │ receipt 8 │ count 4 × ( shard 4 │ counter 8 │ records 4 )
//! kind 23 v1  acknowledged    places
//! kind 24 v1  hidden          at 8 │ count 4 × ( place │ until 8 )
//! kind 25 v1  restored        at 8 │ places
//! kind 26 v1  released        at 8 │ places
//! kind 27 v1  trimmed         count 4 × ( shard 4 │ counter 8 ) │ count 4 × shard 4
//! kind 28 v1  deleted         (nothing)
//! place       shard 4 │ counter 8
//! places      count 4 × place
//! about       account 12 │ region text │ name text │ id text │ stream's partition 8 │ created at 8 │ start 1 │ from 8 │
//!             visibility seconds 4 │ option receives 4 │ tags │ option policy text
//! snapshot v1 about │ count 4 × ( shard 4 │ cursor 8 ) │ count 4 × held
//! held        place │ until 8 │ first received at 8 │ receives 4 │ receipt 8 │ dead letter 1
//! ```
//! Numbers of starts stand with their type. What is received and was not held before moves its shard's cursor behind it.

use super::held::{Held, Place, Status};
use super::machine::Queue;
use super::settings::{About, QueueKey, Start};
use crate::settings::pairs;
use engine::MalformedRecord;
use engine::fields::{Fields, put_count, put_instant, put_option, put_pairs, put_text};
use names::{Instant, PartitionId};
use std::sync::Arc;

/// The family of partitions that are queues on streams.
pub const FAMILY: u8 = 6;

const CREATED: u8 = 20;
const SETTINGS_PUT: u8 = 21;
const RECEIVED: u8 = 22;
const ACKNOWLEDGED: u8 = 23;
const HIDDEN: u8 = 24;
const RESTORED: u8 = 25;
const RELEASED: u8 = 26;
const TRIMMED: u8 = 27;
const DELETED: u8 = 28;
/// The version of all records, and of the snapshot.
pub(crate) const VERSION: u8 = 1;

/// A journaled change of a queue.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    Created {
        about: Arc<About>,
        cursors: Vec<(u32, u64)>,
    },
    SettingsPut {
        at: Instant,
        about: Arc<About>,
    },
    Received {
        at: Instant,
        until: Instant,
        receipt: u64,
        runs: Vec<Run>,
    },
    Acknowledged(Vec<Place>),
    /// In flight until another moment.
    Hidden {
        at: Instant,
        places: Vec<(Place, Instant)>,
    },
    Restored {
        at: Instant,
        places: Vec<Place>,
    },
    Released {
        at: Instant,
        places: Vec<Place>,
    },
    /// Everything of shards below counters, and everything of shards that are gone.
    Trimmed {
        below: Vec<(u32, u64)>,
        gone: Vec<u32>,
    },
    Deleted,
}

/// Records that follow one another in their shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) shard: u32,
    pub(crate) first: u64,
    pub(crate) count: u32,
}

impl Run {
    /// Runs of these places, in their order.
    pub(crate) fn of(places: &[Place]) -> Vec<Self> {
        let mut runs: Vec<Self> = Vec::new();
        for &(shard, counter) in places {
            match runs.last_mut() {
                Some(run) if run.shard == shard && run.end() == counter => run.count += 1,
                _ => runs.push(Self { shard, first: counter, count: 1 }),
            }
        }
        runs
    }

    pub(crate) fn places(&self) -> impl Iterator<Item = Place> + use<> {
        let Self { shard, first, .. } = *self;
        (first..self.end()).map(move |counter| (shard, counter))
    }

    fn end(&self) -> u64 {
        self.first.saturating_add(u64::from(self.count))
    }
}

impl Effect {
    /// When it happened, where that matters.
    pub(crate) fn at(&self) -> Option<Instant> {
        match self {
            Self::SettingsPut { at, .. }
            | Self::Received { at, .. }
            | Self::Hidden { at, .. }
            | Self::Restored { at, .. }
            | Self::Released { at, .. } => Some(*at),
            Self::Created { .. } | Self::Acknowledged(_) | Self::Trimmed { .. } | Self::Deleted => None,
        }
    }
}

impl engine::Effect for Effect {
    fn kind(&self) -> u8 {
        match self {
            Self::Created { .. } => CREATED,
            Self::SettingsPut { .. } => SETTINGS_PUT,
            Self::Received { .. } => RECEIVED,
            Self::Acknowledged(_) => ACKNOWLEDGED,
            Self::Hidden { .. } => HIDDEN,
            Self::Restored { .. } => RESTORED,
            Self::Released { .. } => RELEASED,
            Self::Trimmed { .. } => TRIMMED,
            Self::Deleted => DELETED,
        }
    }

    fn version(&self) -> u8 {
        VERSION
    }

    fn encode(&self, out: &mut Vec<u8>) {
        if let Some(at) = self.at() {
            put_instant(at, out);
        }
        match self {
            Self::Created { about, cursors } => {
                put_about(about, out);
                put_places(cursors, out);
            }
            Self::SettingsPut { about, .. } => put_about(about, out),
            Self::Received { until, receipt, runs, .. } => {
                put_instant(*until, out);
                out.extend(receipt.to_be_bytes());
                put_list(runs, out, |run, out| {
                    put_place((run.shard, run.first), out);
                    out.extend(run.count.to_be_bytes());
                });
            }
            Self::Acknowledged(places) | Self::Restored { places, .. } | Self::Released { places, .. } => {
                put_places(places, out);
            }
            Self::Hidden { places, .. } => put_list(places, out, |(place, until), out| {
                put_place(*place, out);
                put_instant(*until, out);
            }),
            Self::Trimmed { below, gone } => {
                put_places(below, out);
                put_list(gone, out, |shard, out| out.extend(shard.to_be_bytes()));
            }
            Self::Deleted => {}
        }
    }

    fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind, version, why };
        if version != VERSION {
            return Err(malformed("a version that this program does not know"));
        }
        if !(CREATED..=DELETED).contains(&kind) {
            return Err(malformed("a kind that this program does not know"));
        }
        let mut fields = Fields::new(payload);
        let effect = read(kind, &mut fields);
        effect.and_then(|effect| fields.end(effect)).ok_or_else(|| malformed("its fields do not fit its length"))
    }

    fn frees(&self) -> bool {
        matches!(self, Self::Acknowledged(_) | Self::Trimmed { .. } | Self::Deleted)
    }
}

fn read(kind: u8, fields: &mut Fields<'_>) -> Option<Effect> {
    Some(match kind {
        CREATED => Effect::Created { about: Arc::new(about(fields)?), cursors: fields.list(place)? },
        SETTINGS_PUT => Effect::SettingsPut { at: fields.instant()?, about: Arc::new(about(fields)?) },
        RECEIVED => Effect::Received {
            at: fields.instant()?,
            until: fields.instant()?,
            receipt: fields.u64()?,
            runs: fields.list(run)?,
        },
        ACKNOWLEDGED => Effect::Acknowledged(fields.list(place)?),
        HIDDEN => Effect::Hidden {
            at: fields.instant()?,
            places: fields.list(|fields| Some((place(fields)?, fields.instant()?)))?,
        },
        RESTORED => Effect::Restored { at: fields.instant()?, places: fields.list(place)? },
        RELEASED => Effect::Released { at: fields.instant()?, places: fields.list(place)? },
        TRIMMED => Effect::Trimmed { below: fields.list(place)?, gone: fields.list(Fields::u32)? },
        _ => Effect::Deleted,
    })
}

/// The whole state of a queue.
pub(crate) fn put_queue(queue: &Queue, out: &mut Vec<u8>) {
    let Some(about) = &queue.about else { return };
    put_about(about, out);
    let cursors: Vec<_> = queue.cursors.iter().map(|(shard, counter)| (*shard, *counter)).collect();
    put_places(&cursors, out);
    put_count(queue.held.len(), out);
    for (place, status) in queue.held.iter() {
        put_place(place, out);
        put_instant(status.until, out);
        put_instant(status.first_received_at, out);
        out.extend(status.receives.to_be_bytes());
        out.extend(status.receipt.to_be_bytes());
        out.push(u8::from(status.is_dead));
    }
}

/// Reads what [`put_queue`] wrote.
pub(crate) fn queue(state: &[u8]) -> Option<Queue> {
    let mut fields = Fields::new(state);
    let about = Some(Arc::new(about(&mut fields)?));
    let cursors = fields.list(place)?;
    let mut held = Held::default();
    for _ in 0..fields.count()? {
        let place = place(&mut fields)?;
        let status = Status {
            until: fields.instant()?,
            first_received_at: fields.instant()?,
            receives: fields.u32()?,
            receipt: fields.u64()?,
            is_dead: fields.flag()?,
        };
        held.put(place, status);
    }
    fields.end(Queue { about, is_deleted: false, cursors, held })
}

fn put_about(about: &About, out: &mut Vec<u8>) {
    out.extend(about.key.account.as_str().as_bytes());
    put_text(about.key.region.as_str(), out);
    put_text(&about.key.name, out);
    put_text(&about.id, out);
    out.extend(about.stream.get().to_be_bytes());
    put_instant(about.created_at, out);
    out.push(about.start as u8);
    put_instant(about.from, out);
    out.extend(about.visibility_secs.to_be_bytes());
    put_option(about.receives_max, out, |most, out| out.extend(most.to_be_bytes()));
    put_pairs(pairs(&about.tags), out);
    put_option(about.policy.as_deref(), out, put_text);
}

fn about(fields: &mut Fields<'_>) -> Option<About> {
    Some(About {
        key: QueueKey { account: fields.account()?, region: fields.region()?, name: fields.text()? },
        id: fields.text()?,
        stream: PartitionId::new(fields.u64()?),
        created_at: fields.instant()?,
        start: Start::numbered(fields.byte()?)?,
        from: fields.instant()?,
        visibility_secs: fields.u32()?,
        receives_max: fields.option(Fields::u32)?,
        tags: fields.pairs()?,
        policy: fields.option(Fields::text)?,
    })
}

fn put_list<T>(list: &[T], out: &mut Vec<u8>, put: impl Fn(&T, &mut Vec<u8>)) {
    put_count(list.len(), out);
    list.iter().for_each(|one| put(one, out));
}

fn put_places(places: &[Place], out: &mut Vec<u8>) {
    put_list(places, out, |place, out| put_place(*place, out));
}

fn put_place((shard, counter): Place, out: &mut Vec<u8>) {
    out.extend(shard.to_be_bytes());
    out.extend(counter.to_be_bytes());
}

fn place(fields: &mut Fields<'_>) -> Option<Place> {
    fields.u32().zip(fields.u64())
}

fn run(fields: &mut Fields<'_>) -> Option<Run> {
    Some(Run { shard: fields.u32()?, first: fields.u64()?, count: fields.u32()? })
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
