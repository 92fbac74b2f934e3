//! Records that a queue has handed out and that nobody has acknowledged: how often, until when, under which receipt.
//!
//! Each is hidden (in flight), or visible again, or visible as a dead letter, and stands in the list of that, by the moment at which that
//! begins or began. So what has waited longest goes first, and time passing takes a few steps for each record that it changes.

use super::limits::STIRRED_MAX;
use super::machine::DEAD_LETTERS;
use engine::Stirred;
use names::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// A shard's number and a record's counter in it.
pub(crate) type Place = (u32, u64);

/// What became of a record since it was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status {
    /// When it is, or became, visible again.
    pub(crate) until: Instant,
    /// When it was received first; the epoch if nobody got it.
    pub(crate) first_received_at: Instant,
    /// How often it was received, since it was restored if it was.
    pub(crate) receives: u32,
    /// What the newest receipt handle has in it; none has 0.
    pub(crate) receipt: u64,
    pub(crate) is_dead: bool,
}

impl Status {
    /// Whether it is given up once nobody has it in flight.
    fn is_spent(&self, receives_max: Option<u32>) -> bool {
        self.is_dead || receives_max.is_some_and(|most| self.receives >= most)
    }
}

/// All of them, by place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held {
    records: BTreeMap<Place, Record>,
    hidden: BTreeSet<(Instant, Place)>,
    visible: BTreeSet<(Instant, Place)>,
    dead: BTreeSet<(Instant, Place)>,
    dead_letters: usize,
    /// Dead letters that became visible since their readers were woken last.
    stirred: usize,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    status: Status,
    is_hidden: bool,
}

/// The same records with the same past, however far time was let pass: lists are made of that.
impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Held {
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.hidden.len()
    }

    /// Dead letters, in flight or not.
    pub(crate) fn dead_letters(&self) -> usize {
        self.dead_letters
    }

    pub(crate) fn get(&self, place: Place) -> Option<&Status> {
        self.records.get(&place).map(|record| &record.status)
    }

    pub(crate) fn is_in_flight(&self, place: Place) -> bool {
        self.records.get(&place).is_some_and(|record| record.is_hidden)
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (Place, Status)> {
        self.records.iter().map(|(place, record)| (*place, record.status))
    }

    /// Those that are visible again, the longest first.
    pub(crate) fn visible(&self) -> impl ExactSizeIterator<Item = Place> {
        self.visible.iter().map(|(_, place)| *place)
    }

    /// Dead letters that are visible, the longest first.
    pub(crate) fn dead(&self) -> impl ExactSizeIterator<Item = Place> {
        self.dead.iter().map(|(_, place)| *place)
    }

    /// The next moment at which one becomes visible.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.hidden.first().map(|(until, _)| *until)
    }

    /// The shards that any is of.
    pub(crate) fn shards(&self) -> Vec<u32> {
        let mut shards = Vec::new();
        let mut from = 0;
        while let Some((&(shard, _), _)) = self.records.range((from, 0)..).next() {
            shards.push(shard);
            let Some(behind) = shard.checked_add(1) else { break };
            from = behind;
        }
        shards
    }

    /// Hides a record until its status says, in place of what it was.
    pub(crate) fn put(&mut self, place: Place, status: Status) {
        self.remove(place);
        self.hidden.insert((status.until, place));
        self.dead_letters += usize::from(status.is_dead);
        self.records.insert(place, Record { status, is_hidden: true });
    }

    pub(crate) fn remove(&mut self, place: Place) {
        let Some(Record { status, is_hidden }) = self.records.remove(&place) else { return };
        self.list(&status, is_hidden).remove(&(status.until, place));
        self.dead_letters -= usize::from(status.is_dead);
    }

    /// Those of a shard below a counter.
    pub(crate) fn remove_below(&mut self, shard: u32, counter: u64) {
        while let Some((&place, _)) = self.records.range((shard, 0)..(shard, counter)).next() {
            self.remove(place);
        }
    }

    /// Whether any of a shard is below a counter.
    pub(crate) fn has_below(&self, shard: u32, counter: u64) -> bool {
        self.records.range((shard, 0)..(shard, counter)).next().is_some()
    }

    /// Shows what is due; what was received often enough is a dead letter from then on.
    pub(crate) fn reveal(&mut self, now: Instant, receives_max: Option<u32>) {
        while let Some(&(until, place)) = self.hidden.first().filter(|(until, _)| *until <= now) {
            self.hidden.pop_first();
            self.show(until, place, receives_max);
        }
    }

    /// Makes dead letters of what is visible and was received often enough by a new measure.
    pub(crate) fn judge(&mut self, receives_max: Option<u32>) {
        let spent = |place: &Place| self.records[place].status.is_spent(receives_max);
        let due: Vec<_> = self.visible.iter().filter(|(_, place)| spent(place)).copied().collect();
        for (until, place) in due {
            self.visible.remove(&(until, place));
            self.show(until, place, receives_max);
        }
    }

    /// What to wake readers of dead letters with.
    pub(crate) fn take_stirred(&mut self) -> Stirred {
        match std::mem::take(&mut self.stirred) {
            0 => Stirred::Nothing,
            count if count <= STIRRED_MAX => Stirred::Channels(vec![DEAD_LETTERS; count]),
            _ => Stirred::All,
        }
    }

    fn show(&mut self, until: Instant, place: Place, receives_max: Option<u32>) {
        let record = self.records.get_mut(&place).expect("what stands in a list is held");
        record.is_hidden = false;
        if !record.status.is_spent(receives_max) {
            self.visible.insert((until, place));
            return;
        }
        self.dead_letters += usize::from(!record.status.is_dead);
        record.status.is_dead = true;
        self.dead.insert((until, place));
        self.stirred += 1;
    }

    fn list(&mut self, status: &Status, is_hidden: bool) -> &mut BTreeSet<(Instant, Place)> {
        match (is_hidden, status.is_dead) {
            (true, _) => &mut self.hidden,
            (false, false) => &mut self.visible,
            (false, true) => &mut self.dead,
        }
    }
}
