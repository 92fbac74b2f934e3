//! The rules of a queue on a stream, and what a change does to it.
//!
//! Which records there are is the shards' to know: whoever receives tells it as sights. A record is handed out once for all when the
//! shard's cursor passes it; from then on it is held, until somebody acknowledges it or it expires. A receive is journaled before it is
//! answered, so receive counts, receipts and dead letters outlive a crash. Effects say when they happened and let time pass up to then,
//! so replay makes the same dead letters as life did.

use super::held::{Held, Place, Status};
use super::limits::{HELD_MAX, IN_FLIGHT_MAX};
use super::records::{self, Effect, Run};
use super::settings::About;
use crate::machine::OfResource;
use crate::refusal::Refusal;
use engine::{Decision, Machine, MalformedRecord, Stirred, Tally};
use names::{Instant, Position};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The channel of those who wait for dead letters.
pub(crate) const DEAD_LETTERS: u128 = 1;

/// One queue.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Queue {
    /// None before its first record.
    pub(crate) about: Option<Arc<About>>,
    pub(crate) is_deleted: bool,
    /// The first counter of each shard that was never handed out. A shard without one is taken from its beginning.
    pub(crate) cursors: BTreeMap<u32, u64>,
    pub(crate) held: Held,
}

/// What may be asked.
pub(crate) enum Command {
    Create {
        about: Box<About>,
        cursors: Vec<(u32, u64)>,
    },
    Describe,
    Receive(Receive),
    Acknowledge {
        letters: Letters,
        claims: Vec<Claim>,
    },
    /// Hides records for so many milliseconds from now.
    Hide {
        letters: Letters,
        claims: Vec<(Claim, u64)>,
    },
    Restore(Vec<Claim>),
    /// Takes back a receive of records that were not handed out after all.
    Release(Vec<Claim>),
    /// Drops records that cannot be read.
    PassOver(Vec<Place>),
    /// Drops what has expired, of what was handed out and of what was not, and shards that are gone.
    Trim {
        below: Vec<(u32, u64)>,
        gone: Vec<u32>,
    },
    Change(Change),
    Delete,
}

/// Asks for records.
#[derive(Debug, Clone)]
pub(crate) struct Receive {
    pub(crate) letters: Letters,
    pub(crate) limit: usize,
    /// For how long they are in flight, if not as long as the queue says.
    pub(crate) visibility_millis: Option<u64>,
    /// What the receipt handles have in them.
    pub(crate) receipt: u64,
    /// What shards have that was never handed out.
    pub(crate) sights: Vec<Sight>,
    /// Whether those come before what is visible again. Who changes it from one receive to the next keeps both moving.
    pub(crate) new_first: bool,
}

/// What a shard has from a queue's cursor on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sight {
    pub(crate) shard: u32,
    /// The first counter that can still be read.
    pub(crate) first: u64,
    /// The counter that no record has yet.
    pub(crate) next: u64,
}

/// Which records an operation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Letters {
    Alive,
    Dead,
}

/// A record, and the receipt that somebody has of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) place: Place,
    pub(crate) receipt: u64,
}

/// A change of what a queue is.
pub(crate) enum Change {
    Attributes {
        visibility_secs: Option<u32>,
        /// The receives after which a record is a dead letter, or that none ever is.
        receives_max: Option<Option<u32>>,
    },
    Resource(OfResource),
}

/// What is answered.
#[derive(Debug)]
pub(crate) enum Reply {
    Described(Arc<About>),
    Received(Vec<Leased>),
    /// Why nothing is handed out although something is there.
    TooMany(TooMany),
    /// What became of each record, in the order of the command.
    Each(Vec<Result<(), Fault>>),
    Done,
    Refused(Refusal),
    Gone,
}

/// A record that was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leased {
    pub(crate) place: Place,
    pub(crate) receives: u32,
    pub(crate) first_received_at: Instant,
}

/// A bound that was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooMany {
    InFlight,
    Held,
}

/// Why a receipt does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The record was acknowledged or has expired.
    Gone,
    /// The record was received again, or restored.
    Outdated,
    /// The record is visible again.
    NotInFlight,
    /// The record is none of these letters.
    OtherLetters,
}

impl Queue {
    fn about(&self) -> Option<&Arc<About>> {
        self.about.as_ref().filter(|_| !self.is_deleted)
    }

    fn receives_max(&self) -> Option<u32> {
        self.about.as_ref().and_then(|about| about.receives_max)
    }

    fn cursor(&self, shard: u32) -> u64 {
        self.cursors.get(&shard).copied().unwrap_or(0)
    }

    fn decide_about(&self, now: Instant, about: &Arc<About>, command: Command) -> Decision<Effect, Reply> {
        match command {
            Command::Create { .. } | Command::Describe => Decision::answer(Reply::Described(Arc::clone(about))),
            Command::Receive(asked) => self.receive(now, about, &asked),
            Command::Acknowledge { letters, claims } => self.acknowledge(letters, &claims),
            Command::Hide { letters, claims } => self.hide(now, letters, &claims),
            Command::Restore(claims) => self.restore(now, &claims),
            Command::Release(claims) => {
                let places = claims.iter().filter(|claim| self.check(claim).is_ok()).map(|claim| claim.place);
                change_some(places.collect(), |places| Effect::Released { at: now, places }, Reply::Done)
            }
            Command::PassOver(places) => {
                let held = places.into_iter().filter(|place| self.held.get(*place).is_some());
                change_some(held.collect(), Effect::Acknowledged, Reply::Done)
            }
            Command::Trim { below, gone } => self.trim(below, &gone),
            Command::Change(change) => self.change(now, about, change),
            Command::Delete => Decision::change(vec![Effect::Deleted], Reply::Done),
        }
    }

    fn receive(&self, now: Instant, about: &About, asked: &Receive) -> Decision<Effect, Reply> {
        let places = match self.pick(asked) {
            Ok(places) if places.is_empty() => return Decision::answer(Reply::Received(Vec::new())),
            Ok(places) => places,
            Err(too_many) => return Decision::answer(Reply::TooMany(too_many)),
        };
        let leased = |place: &Place| match self.held.get(*place) {
            Some(status) => Leased {
                place: *place,
                receives: status.receives.saturating_add(1),
                first_received_at: received_first(status, now),
            },
            None => Leased { place: *place, receives: 1, first_received_at: now },
        };
        let reply = Reply::Received(places.iter().map(leased).collect());
        let until = now.plus_millis(asked.visibility_millis.unwrap_or(about.visibility_millis()));
        let runs = Run::of(&places);
        Decision::change(vec![Effect::Received { at: now, until, receipt: asked.receipt, runs }], reply)
    }

    /// The records that a receive takes.
    fn pick(&self, asked: &Receive) -> Result<Vec<Place>, TooMany> {
        let limit = asked.limit.min(IN_FLIGHT_MAX.saturating_sub(self.held.in_flight()));
        if asked.letters == Letters::Dead {
            let places: Vec<_> = self.held.dead().take(limit).collect();
            let is_held_up = places.is_empty() && self.held.dead().len() > 0;
            return if is_held_up { Err(TooMany::InFlight) } else { Ok(places) };
        }
        let room = HELD_MAX.saturating_sub(self.held.len());
        let ahead = |sight: &Sight| (sight.shard, self.cursor(sight.shard).max(sight.first)..sight.next);
        let new = || asked.sights.iter().map(ahead).flat_map(|(shard, new)| new.map(move |counter| (shard, counter)));
        let places: Vec<_> = match asked.new_first {
            true => new().take(room).chain(self.held.visible()).take(limit).collect(),
            false => self.held.visible().chain(new().take(room)).take(limit).collect(),
        };
        match (new().next().is_some(), self.held.visible().len() > 0) {
            _ if !places.is_empty() => Ok(places),
            (false, false) => Ok(places),
            (true, _) if room == 0 => Err(TooMany::Held),
            _ => Err(TooMany::InFlight),
        }
    }

    fn acknowledge(&self, letters: Letters, claims: &[Claim]) -> Decision<Effect, Reply> {
        let mut done = BTreeSet::new();
        let each = claims.iter().map(|claim| {
            let status = if done.contains(&claim.place) { Err(Fault::Gone) } else { self.check(claim) }?;
            // Who was late with a record that has become a dead letter meanwhile has done it all the same.
            match letters {
                Letters::Dead if !status.is_dead => Err(Fault::OtherLetters),
                _ => {
                    done.insert(claim.place);
                    Ok(())
                }
            }
        });
        let each = Reply::Each(each.collect());
        change_some(done.into_iter().collect(), Effect::Acknowledged, each)
    }

    fn hide(&self, now: Instant, letters: Letters, claims: &[(Claim, u64)]) -> Decision<Effect, Reply> {
        let mut hidden = BTreeMap::new();
        let each = claims.iter().map(|(claim, millis)| {
            let status = self.check(claim)?;
            match self.held.is_in_flight(claim.place) {
                _ if status.is_dead != (letters == Letters::Dead) => Err(Fault::OtherLetters),
                false => Err(Fault::NotInFlight),
                true => {
                    hidden.insert(claim.place, now.plus_millis(*millis));
                    Ok(())
                }
            }
        });
        let each = Reply::Each(each.collect());
        change_some(hidden.into_iter().collect(), |places| Effect::Hidden { at: now, places }, each)
    }

    fn restore(&self, now: Instant, claims: &[Claim]) -> Decision<Effect, Reply> {
        let mut done = BTreeSet::new();
        let each = claims.iter().map(|claim| {
            let status = self.check(claim)?;
            match status.is_dead {
                false => Err(Fault::OtherLetters),
                true if done.insert(claim.place) => Ok(()),
                true => Err(Fault::Outdated),
            }
        });
        let each = Reply::Each(each.collect());
        change_some(done.into_iter().collect(), |places| Effect::Restored { at: now, places }, each)
    }

    fn trim(&self, below: Vec<(u32, u64)>, gone: &[u32]) -> Decision<Effect, Reply> {
        let is_before =
            |&(shard, counter): &(u32, u64)| self.held.has_below(shard, counter) || self.cursor(shard) < counter;
        let below: Vec<_> = below.into_iter().filter(is_before).collect();
        let is_known = |shard: &&u32| self.cursors.contains_key(shard) || self.held.has_below(**shard, u64::MAX);
        let gone: Vec<_> = gone.iter().filter(is_known).copied().collect();
        match below.is_empty() && gone.is_empty() {
            true => Decision::answer(Reply::Done),
            false => Decision::change(vec![Effect::Trimmed { below, gone }], Reply::Done),
        }
    }

    fn change(&self, now: Instant, about: &Arc<About>, change: Change) -> Decision<Effect, Reply> {
        let mut after = About::clone(about);
        match change {
            Change::Attributes { visibility_secs, receives_max } => {
                after.visibility_secs = visibility_secs.unwrap_or(after.visibility_secs);
                after.receives_max = receives_max.unwrap_or(after.receives_max);
            }
            Change::Resource(change) => {
                if let Err(refusal) = change.apply(&mut after.tags, &mut after.policy) {
                    return Decision::answer(Reply::Refused(refusal));
                }
            }
        }
        if after == **about {
            return Decision::answer(Reply::Described(Arc::clone(about)));
        }
        let after = Arc::new(after);
        let effect = Effect::SettingsPut { at: now, about: Arc::clone(&after) };
        Decision::change(vec![effect], Reply::Described(after))
    }

    /// The record of a claim, whose newest receipt it has to be.
    fn check(&self, claim: &Claim) -> Result<&Status, Fault> {
        match self.held.get(claim.place) {
            None => Err(Fault::Gone),
            Some(status) if status.receipt != claim.receipt || claim.receipt == 0 => Err(Fault::Outdated),
            Some(status) => Ok(status),
        }
    }

    fn take(&mut self, effect: &Effect) {
        match effect {
            Effect::Created { about, cursors } => {
                self.about = Some(Arc::clone(about));
                self.cursors = cursors.iter().copied().collect();
            }
            Effect::SettingsPut { about, .. } => {
                self.about = Some(Arc::clone(about));
                self.held.judge(about.receives_max);
            }
            Effect::Received { at, until, receipt, runs } => {
                for place in runs.iter().flat_map(Run::places) {
                    self.received(*at, *until, *receipt, place);
                }
            }
            Effect::Acknowledged(places) => places.iter().for_each(|place| self.held.remove(*place)),
            Effect::Hidden { places, .. } => {
                for (place, until) in places {
                    self.mend(*place, |status| status.until = *until);
                }
            }
            Effect::Restored { at, places } => {
                for place in places {
                    self.mend(*place, |status| {
                        let first_received_at = status.first_received_at;
                        *status = Status { until: *at, first_received_at, receives: 0, receipt: 0, is_dead: false };
                    });
                }
            }
            Effect::Released { at, places } => {
                let receives_max = self.receives_max();
                for place in places {
                    self.mend(*place, |status| released(status, *at, receives_max));
                }
            }
            Effect::Trimmed { below, gone } => {
                for &(shard, counter) in below {
                    self.held.remove_below(shard, counter);
                    self.cursors.insert(shard, counter.max(self.cursor(shard)));
                }
                for shard in gone {
                    self.held.remove_below(*shard, u64::MAX);
                    self.cursors.remove(shard);
                }
            }
            Effect::Deleted => *self = Self { is_deleted: true, ..Self::default() },
        }
    }

    fn received(&mut self, at: Instant, until: Instant, receipt: u64, place: Place) {
        let (shard, counter) = place;
        let before = self.held.get(place).copied();
        if before.is_none() && counter < self.cursor(shard) {
            return;
        }
        if before.is_none() {
            self.cursors.insert(shard, counter.saturating_add(1));
        }
        let status =
            before.map_or(Status { until, first_received_at: at, receives: 1, receipt, is_dead: false }, |before| {
                Status {
                    until,
                    first_received_at: received_first(&before, at),
                    receives: before.receives.saturating_add(1),
                    receipt,
                    is_dead: before.is_dead,
                }
            });
        self.held.put(place, status);
    }

    /// Changes a held record, which is hidden until its status says from then on.
    fn mend(&mut self, place: Place, change: impl FnOnce(&mut Status)) {
        if let Some(mut status) = self.held.get(place).copied() {
            change(&mut status);
            self.held.put(place, status);
        }
    }
}

/// When a record that is received at a moment was received first.
fn received_first(status: &Status, at: Instant) -> Instant {
    if status.first_received_at == Instant::EPOCH { at } else { status.first_received_at }
}

/// As if the last receive had not been.
fn released(status: &mut Status, at: Instant, receives_max: Option<u32>) {
    // If its time was over before it was taken back, that receive has made a dead letter of the record.
    if Some(status.receives) == receives_max {
        status.is_dead = false;
    }
    status.until = at;
    status.receipt = 0;
    status.receives = status.receives.saturating_sub(1);
    if status.receives == 0 {
        status.first_received_at = Instant::EPOCH;
    }
}

/// A change of these, if there are any.
fn change_some<T>(some: Vec<T>, effect: impl FnOnce(Vec<T>) -> Effect, reply: Reply) -> Decision<Effect, Reply> {
    if some.is_empty() { Decision::answer(reply) } else { Decision::change(vec![effect(some)], reply) }
}

impl Machine for Queue {
    type Command = Command;
    type Effect = Effect;
    type Reply = Reply;
    type Content = ();

    const SNAPSHOT_VERSION: u8 = records::VERSION;

    fn advance(&mut self, now: Instant) {
        let receives_max = self.receives_max();
        self.held.reveal(now, receives_max);
    }

    fn decide(&self, now: Instant, command: Command) -> Decision<Effect, Reply> {
        match (command, self.about()) {
            (Command::Create { about, cursors }, None) if !self.is_deleted => {
                let about = Arc::<About>::from(about);
                let created = Effect::Created { about: Arc::clone(&about), cursors };
                Decision::change(vec![created], Reply::Described(about))
            }
            (_, None) => Decision::answer(Reply::Gone),
            (command, Some(about)) => self.decide_about(now, about, command),
        }
    }

    fn apply(&mut self, _at: Position, effect: &Effect, _gone: &mut Vec<u64>) {
        if let Some(at) = effect.at() {
            self.advance(at);
        }
        self.take(effect);
        // What is hidden for no time is visible at once.
        if let Some(at) = effect.at() {
            self.advance(at);
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.held.next_deadline()
    }

    /// Queues, records that are held, dead letters among them.
    fn tally(&self) -> Tally {
        let queues = u64::from(self.about().is_some());
        Tally([queues, self.held.len() as u64, self.held.dead_letters() as u64])
    }

    fn ready(&self) -> usize {
        self.held.visible().len()
    }

    fn take_stirred(&mut self) -> Stirred {
        // Whoever waits is told that there is nothing to wait for.
        if self.is_deleted { Stirred::Everyone } else { self.held.take_stirred() }
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        records::put_queue(self, out);
    }

    fn restore(version: u8, state: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind: 0, version, why };
        if version != records::VERSION {
            return Err(malformed("a snapshot's version that this program does not know"));
        }
        records::queue(state).ok_or_else(|| malformed("a queue's snapshot does not fit its length"))
    }

    fn is_over(&self) -> bool {
        self.is_deleted
    }
}
