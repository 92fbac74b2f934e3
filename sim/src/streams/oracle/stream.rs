//! One stream, as far as the answers tell: whether it is there, for how long its records are kept, and its shards.
//!
//! A shard is known by its number and the second of its opening, so that those of a stream of the same name made later are others. That
//! is why one is made anew only when the clock shows a later second than any shard before it can have.

use super::shards::{Listed, Shard};
use super::{AHEAD_SECS, HOUR_MILLIS, RETENTION_HOURS, ShardKey, Situation};
use std::collections::BTreeMap;

/// A stream.
#[derive(Debug)]
pub(super) struct Stream {
    /// Since when it surely exists; none if it may be gone.
    exists_since: Option<u64>,
    /// Since when nobody can have one.
    gone_since: Option<u64>,
    creations: u32,
    creation_ended: u64,
    deletions: u32,
    deletion_ended: u64,
    /// The last deletion that was acknowledged: when it was asked for, and when it was.
    pub(super) deleted: Option<(u64, u64)>,
    /// Reshardings under way, and the last two events of any.
    reshards: u32,
    reshard_events: (u64, u64),
    /// No shard of it was opened in a later second.
    opened_secs: u64,
    /// What its retention may be, in hours, and changes of it that are under way.
    hours: Vec<u64>,
    retentions: u32,
    retention_ended: u64,
    /// What arrived earlier may have expired, and stays so.
    pub(super) horizon_max: u64,
    /// What arrived earlier than this is gone for good since an event.
    floors: Vec<(u64, u64)>,
    /// The most hours that it may have been until an event, which ended that.
    lowered: Vec<(u64, u64)>,
    wall_max: u64,
    pub(super) shards: BTreeMap<ShardKey, Shard>,
    /// The latest listing of all shards, and when it was asked for.
    pub(super) listing: Option<(Vec<Listed>, u64)>,
}

impl Stream {
    pub(super) fn new() -> Self {
        Self {
            exists_since: None,
            gone_since: Some(0),
            creations: 0,
            creation_ended: 0,
            deletions: 0,
            deletion_ended: 0,
            deleted: None,
            reshards: 0,
            reshard_events: (0, 0),
            opened_secs: 0,
            hours: vec![RETENTION_HOURS],
            retentions: 0,
            retention_ended: 0,
            horizon_max: 0,
            floors: Vec::new(),
            lowered: Vec::new(),
            wall_max: 0,
            shards: BTreeMap::new(),
            listing: None,
        }
    }

    pub(super) fn time_is(&mut self, wall_max: u64) {
        self.wall_max = wall_max;
        let least = self.hours.iter().min().copied().unwrap_or(RETENTION_HOURS);
        self.horizon_max = self.horizon_max.max(wall_max.saturating_sub(least * HOUR_MILLIS));
    }

    /// Whether it surely was there from `asked` until now.
    pub(super) fn must_exist(&self, asked: u64) -> bool {
        self.exists_since.is_some_and(|since| since <= asked)
    }

    /// Whether there can have been none at `asked` and later.
    pub(super) fn is_gone(&self, asked: u64) -> bool {
        self.gone_since.is_some_and(|since| since <= asked)
    }

    /// Whether a deletion may have been carried out since `event`.
    pub(super) fn may_be_deleted_since(&self, event: u64) -> bool {
        self.deletions > 0 || (self.deletion_ended > 0 && self.deletion_ended >= event)
    }

    pub(super) fn creation_asked(&mut self) {
        self.creations += 1;
        self.gone_since = None;
    }

    pub(super) fn creation_ended(&mut self, now: &Situation, is_done: bool) {
        self.creations -= 1;
        self.creation_ended = now.at;
        self.opened_secs = self.opened_secs.max(now.wall / 1000);
        if is_done && self.deletions == 0 && self.deletion_ended < now.asked {
            self.exists_since.get_or_insert(now.at);
        }
    }

    pub(super) fn deletion_asked(&mut self) {
        self.deletions += 1;
        self.exists_since = None;
    }

    pub(super) fn deletion_ended(&mut self, now: &Situation, is_done: bool) {
        self.deletions -= 1;
        self.deletion_ended = now.at;
        if is_done {
            self.deleted = Some((now.asked, now.at));
            if self.creations == 0 && self.creation_ended < now.asked {
                self.gone_since = Some(now.at);
            }
        }
    }

    pub(super) fn reshard_asked(&mut self, at: u64) {
        self.reshards += 1;
        self.reshard_events = (self.reshard_events.1, at);
    }

    pub(super) fn reshard_ended(&mut self, now: &Situation) {
        self.reshards -= 1;
        self.reshard_events = (self.reshard_events.1, now.at);
        self.opened_secs = self.opened_secs.max(now.wall / 1000) + AHEAD_SECS;
    }

    /// Whether nobody but who asked at `asked` can have changed the shards since `event`.
    pub(super) fn is_undisturbed(&self, event: u64, asked: u64) -> bool {
        self.reshards == 1 && self.reshard_events.1 == asked && self.reshard_events.0 < event
    }

    pub(super) fn may_be_created(&self, wall: u64) -> bool {
        self.creations == 0 && self.reshards == 0 && wall / 1000 > self.opened_secs
    }

    pub(super) fn retention_asked(&mut self, hours: u64) {
        self.retentions += 1;
        if self.retentions == 1 {
            self.hours.sort_unstable();
            self.hours.dedup();
        }
        self.hours.push(hours);
        self.time_is(self.wall_max);
    }

    /// It was acknowledged that records are kept for longer: what had expired before stays gone.
    pub(super) fn retention_raised(&mut self, now: &Situation) {
        // Of several under way together nobody knows which was first; otherwise the one that was asked for last is this.
        let others = if self.is_alone(now) { self.hours.len() - 1 } else { self.hours.len() };
        let before = self.hours[..others].iter().max().copied().unwrap_or(self.hours[0]);
        self.floors.push((now.at, now.asked_wall.saturating_sub(before * HOUR_MILLIS)));
    }

    /// Whether no other change of the retention was under way together with this one, which is.
    fn is_alone(&self, now: &Situation) -> bool {
        self.retentions == 1 && self.retention_ended < now.asked
    }

    pub(super) fn retention_ended(&mut self, hours: u64, now: &Situation, is_done: bool) {
        let is_alone = self.is_alone(now);
        self.retentions -= 1;
        self.retention_ended = now.at;
        if is_done && is_alone {
            self.lowered.push((now.at, self.hours_max()));
            self.hours = vec![hours];
        }
    }

    /// What arrived before this moment was gone for good before `event`.
    pub(super) fn floor_before(&self, event: u64) -> u64 {
        let before = self.floors.iter().filter(|(at, _)| *at < event);
        before.map(|(_, floor)| *floor).max().unwrap_or(0)
    }

    /// The most hours that it may have been at any time since `event`.
    pub(super) fn hours_max_since(&self, event: u64) -> u64 {
        let since = self.lowered.iter().filter(|(at, _)| *at >= event).map(|(_, hours)| *hours);
        since.chain([self.hours_max()]).max().unwrap_or(RETENTION_HOURS)
    }

    pub(super) fn hours_max(&self) -> u64 {
        self.hours.iter().max().copied().unwrap_or(RETENTION_HOURS)
    }

    pub(super) fn hours_min(&self) -> u64 {
        self.hours.iter().min().copied().unwrap_or(RETENTION_HOURS)
    }

    /// What is known of a shard; nothing of one that was never heard of.
    pub(super) fn shard(&mut self, key: ShardKey) -> &mut Shard {
        self.shards.entry(key).or_default()
    }
}
