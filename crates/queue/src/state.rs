//! The state of a queue, and what time and effects do to it.
//!
//! A message that is there is either in [`Visible`], or hidden (delayed or in flight) by its status among the
//! [`Exceptions`]; those that are visible again keep their status there as well. Retention is a function of state and
//! time: messages expire in the runs of [`Marks`], front first unless dead letters of other times have arrived, and
//! nothing of it is journaled unless the retention itself changes. At replay several effects may reach a message without
//! time having passed between them, so each effect takes it from wherever it is. What removes many messages costs time
//! by ranges and exceptions, never by messages.

use crate::attempts::Attempt;
use crate::dedup::Dedup;
use crate::exceptions::{Exceptions, Phase, Status};
use crate::fair::Fair;
use crate::fifo::{Fifo, group_of};
use crate::groups::Groups;
use crate::keeping::Keep;
use crate::marks::Marks;
use crate::virtual_queues::{VirtualId, VirtualQueues};
use crate::visible::Visible;
use crate::ways::Ways;
use crate::{Command, Counts, Effect, Message, Reply, Settings};
use engine::{Arrival, Decision, Delivery, Machine, MalformedRecord, Outgoing, Stirred, UNSYNCED_RECORDS_MAX};
use names::{Instant, PartitionId, Position};
use std::ops::Range;

/// One standard queue.
#[derive(Debug, PartialEq)]
pub struct Queue {
    pub(crate) settings: Settings,
    pub(crate) visible: Visible,
    pub(crate) exceptions: Exceptions,
    pub(crate) marks: Marks,
    /// What the next message sent gets.
    pub(crate) next_sequence: u64,
    pub(crate) last_sent_at: Instant,
    pub(crate) expiry: Expiry,
    pub(crate) virtual_queues: Option<Box<VirtualQueues>>,
    /// What only a FIFO queue has.
    pub(crate) fifo: Option<Box<Fifo>>,
    /// What a standard queue has once it saw a message group.
    pub(crate) fair: Option<Box<Fair>>,
    /// What goes from here to other queues and comes from them; most queues have nothing of it.
    pub(crate) ways: Option<Box<Ways>>,
    /// What was deleted and is kept, and the latest replay.
    pub(crate) keep: Option<Box<Keep>>,
}

/// Whether messages went by time that no record says are gone. Time is told anew at each start, and a clock set back
/// between two starts would bring them back; that is allowed until somebody was told that they are gone.
///
/// It is knowledge about the log and not about the queue, so queues that differ in it alone are equal.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expiry {
    pub(crate) unrecorded: bool,
    /// Whether some of those stood behind others that stayed.
    pub(crate) scattered: bool,
}

impl PartialEq for Expiry {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

// A queue may cost 300 bytes beside its messages while it is in use; one that is not used is put to rest and costs less.
const _: () = assert!(size_of::<Queue>() <= 296);

impl Queue {
    /// A queue in which nothing has been sent.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            visible: Visible::default(),
            exceptions: Exceptions::default(),
            marks: Marks::default(),
            next_sequence: 1,
            last_sent_at: Instant::EPOCH,
            expiry: Expiry::default(),
            virtual_queues: None,
            fifo: settings.is_fifo.then(Box::default),
            fair: None,
            ways: None,
            keep: None,
        }
    }

    /// The settings in force.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// How many messages are visible, in flight and delayed, as far as time has been let pass: counts that cost nothing.
    pub fn sizes(&self) -> [usize; 3] {
        let visible = self.visible.len() + self.virtual_queues.as_ref().map_or(0, |all| all.visible.len());
        [visible, self.exceptions.in_flight(), self.exceptions.delayed()]
    }

    /// How many messages there are, and of which kind, as far as time has been let pass.
    pub fn counts(&self) -> Counts {
        let [visible, in_flight, delayed] = self.sizes();
        let kept = self.keep.as_ref().map_or(0, |keep| keep.shelf.len());
        let parked_groups = self.fifo.as_ref().map_or(0, |fifo| fifo.parks.len());
        let (oldest_sent_at, replay) = (self.oldest_sent_at(), self.replay_progress());
        Counts { visible, in_flight, delayed, oldest_sent_at, kept, parked_groups, replay }
    }

    fn oldest_sent_at(&self) -> Option<Instant> {
        let first = self.first_live()?;
        self.marks.oldest(first, self.next_sequence, |range| self.here_within(range) == 0)
    }

    /// Lets time pass: messages that outlived their retention go, ended delays and leases make messages visible. Costs
    /// two comparisons when nothing is due.
    ///
    /// When very many leases end at once, it reveals some thousands and leaves the others for the next call: they stay in
    /// flight so long, and [`Queue::next_deadline`] stays due. A receive meanwhile finds more than it can take, perhaps
    /// not the oldest; counts lag by the moments that the calls take. Nothing is refused for it, because far more has
    /// been revealed then than a receive asks for.
    pub fn advance(&mut self, now: Instant) {
        self.expire(now);
        if self.exceptions.next_deadline().is_some_and(|at| at <= now) {
            let Self { exceptions, visible, virtual_queues, fifo, fair, .. } = self;
            let mut ended = Vec::new();
            exceptions.reveal(now, |sequence, before| {
                let is_virtual = virtual_queues.as_mut().is_some_and(|all| all.show(sequence));
                if !is_virtual {
                    visible.insert(sequence);
                }
                if let Some(fifo) = fifo {
                    let (groups, may_serve) = fifo.serving(visible);
                    groups.changed(sequence, may_serve);
                }
                if let Some(fair) = fair.as_mut().filter(|_| !is_virtual) {
                    fair.shown(sequence);
                    ended.push((sequence, before));
                }
            });
            for (sequence, before) in ended {
                self.tell_fair(sequence, [before, Status { until: Instant::EPOCH, ..before }]);
            }
        }
        if let Some(fair) = &mut self.fair {
            fair.advance(now, self.next_sequence);
        }
        if let Some(fifo) = &mut self.fifo {
            fifo.expire(now);
        }
    }

    /// Changes the state. Total: an effect that names what is not there, or adds what was added, passes over it. Messages
    /// that it removes one by one are pushed onto `gone`.
    pub fn apply(&mut self, effect: &Effect, gone: &mut Vec<u64>) {
        match effect {
            Effect::Sent { sequence, visible_at, message } => self.add(*sequence, *visible_at, message, None),
            Effect::SentWithin { within, sequence, visible_at, message } => {
                self.add(*sequence, *visible_at, message, Some(*within));
            }
            Effect::Leased { received_at, until, entries } => {
                for &(sequence, receive) in entries {
                    self.lease(sequence, receive, *received_at, *until);
                }
            }
            Effect::VisibilityChanged(entries) => {
                for &(sequence, until) in entries {
                    self.change(sequence, |status| status.until = until);
                }
            }
            Effect::Deleted(sequences) => {
                for &sequence in sequences {
                    if self.remove(sequence) && !self.holds(sequence) {
                        gone.push(sequence);
                    }
                    if let Some(ways) = &mut self.ways {
                        ways.note_over(sequence..sequence.saturating_add(1));
                    }
                }
                self.trim_marks();
            }
            Effect::Shelved { at, sequences } => self.shelve(*at, sequences),
            Effect::Purged { below, .. } | Effect::Expired { below } => self.apply_end_below(*below, effect),
            Effect::Departed { .. }
            | Effect::Arrived { .. }
            | Effect::Carried(_)
            | Effect::Delivered { .. }
            | Effect::Returned { .. }
            | Effect::Withheld { .. } => self.apply_move(effect, gone),
            Effect::Elapsed { at } => {
                // Not only what expires: which delays and leases are over by then must be the same when the log is read again.
                self.advance(*at);
                self.expiry = Expiry::default();
            }
            Effect::ReplayBegun { .. } | Effect::Copied { .. } | Effect::ReplayEnded(_) => self.apply_replay(effect),
            Effect::Parked(_) | Effect::Unparked(_) => self.apply_park(effect),
            Effect::DelaysShifted { by_millis } => self.shift_delays(*by_millis),
            Effect::PassedOver { below } => self.next_sequence = self.next_sequence.max(*below),
            Effect::Configured(settings) => self.apply_settings(settings),
            Effect::Attempted { attempt, at, until, entries } => {
                if let Some(fifo) = &mut self.fifo {
                    let (at, until, entries) = (*at, *until, entries.clone());
                    fifo.attempts.note(*attempt, Attempt { at, until, entries });
                }
            }
        }
        self.exceptions.tidy();
        if let Some(fifo) = &mut self.fifo {
            fifo.groups.tidy();
        }
        if let Some(fair) = &mut self.fair {
            fair.calm(self.next_sequence);
            fair.groups.tidy();
        }
    }

    /// All below a sequence is gone, purged or by time.
    fn apply_end_below(&mut self, below: u64, effect: &Effect) {
        self.remove_below(below);
        self.expiry.unrecorded = false;
        let reaches_left = !matches!(effect, Effect::Purged { with_left: false, .. });
        if let Some(ways) = self.ways.as_mut().filter(|_| reaches_left) {
            ways.note_over(0..below);
            self.trim_marks();
        }
        self.expiry.scattered &= !matches!(effect, Effect::Purged { .. });
        if let (Some(fifo), Effect::Purged { .. }) = (&mut self.fifo, effect) {
            fifo.dedup = Dedup::default();
        }
    }

    fn apply_settings(&mut self, settings: &Settings) {
        if settings.retention_millis != self.settings.retention_millis {
            self.marks.merge(settings.retention_millis);
        }
        if settings.is_fifo && self.fifo.is_none() {
            self.fifo = Some(Box::default());
        }
        if settings.park_after != self.settings.park_after {
            self.park_after(settings.park_after);
        }
        self.settings = *settings;
        if settings.keep_deleted_secs == 0 {
            self.clear_shelf();
        }
    }

    /// The `start`-th start, of a queue whose sends were answered before they were durable: numbering goes on beyond all
    /// that earlier starts can have given and forgotten, so that a receipt handle of a forgotten message names nothing.
    ///
    /// It takes the start's number and no memory of those before: a start that journals nothing and is forgotten whole
    /// began lower by as much as it can have given itself, whether or not it was stopped in order.
    pub fn pass_over_forgotten(&mut self, start: u64) {
        self.next_sequence = self.next_sequence.saturating_add(start.saturating_mul(UNSYNCED_RECORDS_MAX));
    }

    /// What makes the present numbering last: to be journaled when sends begin to be answered only once they are durable,
    /// because from the next start on nothing is passed over any more.
    pub fn keep_numbering(&self) -> Effect {
        Effect::PassedOver { below: self.next_sequence }
    }

    /// The next moment at which a hidden message may become visible. It may be too early, never too late.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.exceptions.next_deadline()
    }

    /// The next moment at which messages outlive their retention. No reader sees that, but memory is given back only when
    /// time is let pass.
    pub fn next_expiry(&self) -> Option<Instant> {
        let shelf = self.keep.as_ref().and_then(|keep| keep.shelf.next_expiry(self.settings.keep_deleted_millis()));
        self.marks.next_expiry(self.settings.retention_millis).into_iter().chain(shelf).min()
    }

    /// What no snapshot says: whether messages went by time of which no record says so.
    pub fn memo(&self) -> u8 {
        u8::from(self.expiry.unrecorded) | u8::from(self.expiry.scattered) << 1
    }

    /// Takes what `memo` gave.
    pub fn recall(&mut self, memo: u8) {
        self.expiry = Expiry { unrecorded: memo & 1 != 0, scattered: memo & 2 != 0 };
    }

    /// How many messages could be received now: those that are visible, as far as there is room in flight.
    pub fn ready(&self) -> usize {
        if let Some(fifo) = &self.fifo {
            return self.ready_in_groups(fifo);
        }
        self.visible.len().min(self.settings.in_flight_max().saturating_sub(self.exceptions.in_flight()))
    }

    /// The message that an effect brought, and its sequence.
    pub fn content(effect: Effect) -> Option<(u64, Message)> {
        match effect {
            Effect::Sent { sequence, message, .. } | Effect::SentWithin { sequence, message, .. } => {
                Some((sequence, message))
            }
            _ => None,
        }
    }

    /// Whether a message's content may still be asked for: it is there, was deleted and is kept, or it or a copy of it has
    /// left and not arrived.
    pub fn holds(&self, sequence: u64) -> bool {
        self.is_here(sequence)
            || self.is_shelved(sequence)
            || self.ways.as_ref().is_some_and(|ways| ways.contains(sequence))
    }

    /// Whether a message is there.
    pub(crate) fn is_here(&self, sequence: u64) -> bool {
        self.is_visible(sequence) || self.exceptions.get(sequence).is_some()
    }

    /// The first sequence whose content is held: that of the oldest message, or of the next one sent.
    pub fn first_kept(&self) -> u64 {
        let left = self.ways.as_ref().and_then(|ways| ways.first()).unwrap_or(u64::MAX);
        self.first_here().min(left).min(self.first_shelved().unwrap_or(u64::MAX))
    }

    /// The first sequence that is there, or the next one's.
    pub(crate) fn first_here(&self) -> u64 {
        self.first_live().unwrap_or(self.next_sequence)
    }

    /// Of how many messages of these sequences the content is held.
    pub fn held_within(&self, sequences: Range<u64>) -> u64 {
        let left = self.ways.as_ref().map_or(0, |ways| ways.left_within(sequences.clone()));
        let copied = self.ways.iter().flat_map(|ways| ways.copied_within(sequences.clone()));
        let copied = copied.filter(|&sequence| !self.is_here(sequence) && !self.is_shelved(sequence)).count() as u64;
        let shelved = self.keep.as_ref().map_or(0, |keep| keep.shelf.count_within(sequences.clone()));
        left + copied + shelved + self.here_within(sequences)
    }

    pub(crate) fn here_within(&self, sequences: Range<u64>) -> u64 {
        let within = self.virtual_queues.as_ref().map_or(0, |all| all.visible.count_within(sequences.clone()));
        within + self.visible.count_within(sequences.clone()) + self.exceptions.hidden_within(sequences)
    }

    /// The oldest message.
    pub(crate) fn first_live(&self) -> Option<u64> {
        let within = self.virtual_queues.as_ref().and_then(|all| all.visible.first());
        self.visible.first().into_iter().chain(within).chain(self.exceptions.first()).min()
    }

    /// The oldest message that is not below `sequence`.
    pub(crate) fn first_live_from(&self, sequence: u64) -> Option<u64> {
        self.visible.first_from(sequence).into_iter().chain(self.exceptions.first_from(sequence)).min()
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        let retention_millis = self.settings.retention_millis;
        if self.marks.next_expiry(retention_millis).is_some_and(|at| at <= now) {
            self.expiry.scattered |= !self.marks.rises();
            for range in self.marks.expire(now, retention_millis, self.next_sequence) {
                self.expire_range(range);
            }
            self.exceptions.tidy();
            self.trim_marks();
            self.expiry.unrecorded = true;
        }
        self.expire_shelf(now);
    }

    fn expire_range(&mut self, range: Range<u64>) {
        if let Some(ways) = &mut self.ways {
            ways.note_over(range.clone());
        }
        let first = self.first_live().into_iter().chain(self.first_shelved()).min();
        if first.is_none_or(|first| range.start <= first) {
            self.remove_below(range.end);
        } else {
            self.unshelve(&range);
            // Never in a FIFO queue, where everything is sent in order. What others keep books of goes one by one.
            let books =
                self.virtual_queues.iter().map(|all| &all.visible).chain(self.fair.iter().map(|_| &self.visible));
            let within: Vec<u64> = books
                .flat_map(|visible| visible.iter_from(range.start).take_while(|&sequence| sequence < range.end))
                .chain(
                    self.exceptions
                        .iter_from(range.start)
                        .map(|(sequence, _)| sequence)
                        .take_while(|&sequence| sequence < range.end),
                )
                .collect();
            for sequence in within {
                self.remove(sequence);
            }
            self.visible.remove_range(range);
        }
    }

    /// Marks are kept for what is there and for what may come back.
    pub(crate) fn trim_marks(&mut self) {
        self.marks.trim(self.first_marked());
    }

    /// The first message that a mark is kept for.
    pub(crate) fn first_marked(&self) -> Option<u64> {
        let left = self.ways.as_ref().and_then(|ways| ways.first_that_may_return());
        self.first_live().into_iter().chain(left).chain(self.first_shelved()).min()
    }

    fn add(&mut self, sequence: u64, visible_at: Instant, message: &Message, within: Option<VirtualId>) {
        let sent_at = message.sent_at;
        // What was met before is passed over, and so is a last number of all, after which there would be no next one.
        if sequence < self.next_sequence || sequence == u64::MAX {
            return;
        }
        // At replay nobody lets time pass until the log's end, and a queue whose messages only ever expired would hold
        // all of them at once. What was over when this one was sent was over then, too.
        self.expire(sent_at);
        let is_all_known = self.is_all_known();
        self.next_sequence = sequence + 1;
        self.last_sent_at = self.last_sent_at.max(sent_at);
        self.marks.note(sequence, sent_at, self.settings.retention_millis);
        if let Some(id) = within {
            self.join(sequence, id);
        }
        match visible_at {
            Instant::EPOCH => self.show(sequence),
            until => self.exceptions.set(sequence, Status { until, ..Status::default() }),
        }
        if self.fifo.is_none() {
            self.note_tenant(sequence, message, within.is_some());
        }
        let Self { fifo: Some(fifo), visible, .. } = self else { return };
        match within {
            None if is_all_known => {
                let (groups, may_serve) = fifo.serving(visible);
                groups.learn(sequence, group_of(message), may_serve);
            }
            // A virtual queue's messages are nobody's turn.
            Some(_) if is_all_known => fifo.groups.know_below(sequence + 1),
            _ => {}
        }
        if let Some(dedup) = message.labels().dedup {
            fifo.dedup.note(dedup, sequence, message.id, sent_at);
        }
    }

    /// What is known of groups, if the queue has such.
    pub(crate) fn groups(&self) -> Option<&Groups> {
        self.fifo.as_ref().map(|fifo| &fifo.groups).or(self.fair.as_ref().map(|fair| &fair.groups))
    }

    /// A standard queue notes who sends, from the first message on that names a group.
    fn note_tenant(&mut self, sequence: u64, message: &Message, is_virtual: bool) {
        let group = message.labels().group.filter(|_| !is_virtual);
        if self.fair.is_none() && group.is_none() {
            return;
        }
        let is_first = self.fair.is_none();
        let is_next = is_first || self.is_next_to_learn(sequence);
        let status = self.exceptions.get(sequence).unwrap_or_default();
        let in_flight = self.exceptions.in_flight();
        let Self { fair, visible, .. } = self;
        let fair = fair.get_or_insert_default();
        if let Some(group) = group {
            fair.note_send(group, message.sent_at);
        }
        if is_next {
            fair.learn(sequence, group, status, in_flight, visible);
        }
    }

    /// Tells who counts processing what became of a message.
    fn tell_fair(&mut self, sequence: u64, statuses: [Status; 2]) {
        let in_flight = self.exceptions.in_flight();
        if let Self { fair: Some(fair), visible, .. } = self {
            fair.changed(sequence, statuses, in_flight, visible);
        }
    }

    /// Whether all before this message, which is the last one, are known, and there is room for it in the window.
    fn is_next_to_learn(&self, sequence: u64) -> bool {
        self.groups().is_some_and(|groups| {
            groups.len() < self.settings.window()
                && self.first_live_from(groups.known_below()).is_none_or(|first| first >= sequence)
        })
    }

    /// Whether the next message is the next to be learned, and there is room for it in the window.
    fn is_all_known(&self) -> bool {
        self.groups().is_some_and(|groups| {
            let known_below = groups.known_below();
            groups.len() < self.settings.window()
                && (known_below >= self.next_sequence || self.first_live_from(known_below).is_none())
        })
    }

    /// Moves the first moment at which messages are visible that never were.
    fn shift_delays(&mut self, by_millis: i64) {
        let delayed = self.exceptions.iter().filter(|(_, status)| status.phase() == Phase::Delayed);
        let delayed: Vec<(u64, Instant)> = delayed.map(|(sequence, status)| (sequence, status.until)).collect();
        for (sequence, until) in delayed {
            let until = match by_millis {
                0.. => until.plus_millis(by_millis.unsigned_abs()),
                // One that is due by that is visible when time is next let pass; the epoch would be at once, out of turn.
                _ => until.minus_millis(by_millis.unsigned_abs()).max(Instant::from_millis(1)),
            };
            self.change(sequence, |status| status.until = until);
        }
    }

    fn lease(&mut self, sequence: u64, receive: u32, received_at: Instant, until: Instant) {
        self.change(sequence, |status| {
            if status.receive == 0 {
                status.first_received_at = received_at;
            }
            *status = Status { until, received_at, receive, ..*status };
        });
        if let Self { fifo: Some(fifo), visible, .. } = self {
            let (groups, may_serve) = fifo.serving(visible);
            groups.served(sequence, may_serve);
        }
    }

    pub(crate) fn change(&mut self, sequence: u64, change: impl FnOnce(&mut Status)) {
        let before = self.exceptions.get(sequence);
        let mut status = before.unwrap_or_default();
        if before.is_none() && !self.is_visible(sequence) {
            return;
        }
        let was_hidden = status.is_hidden();
        change(&mut status);
        match (was_hidden, status.is_hidden()) {
            (false, true) => drop(self.hide(sequence)),
            (true, false) => self.show(sequence),
            _ => {}
        }
        self.exceptions.set(sequence, status);
        if self.fair.is_some() {
            self.tell_fair(sequence, [before.unwrap_or_default(), status]);
        }
        if let Self { fifo: Some(fifo), visible, .. } = self {
            let (groups, may_serve) = fifo.serving(visible);
            groups.changed(sequence, may_serve);
        }
    }

    /// Whether it was there.
    pub(crate) fn remove(&mut self, sequence: u64) -> bool {
        let status = self.exceptions.remove(sequence);
        let was_there = self.hide(sequence) || status.is_some();
        if self.fair.is_some() {
            self.tell_fair(sequence, [status.unwrap_or_default(), Status::default()]);
        }
        if let Some(fair) = &mut self.fair {
            fair.remove(sequence);
        }
        self.leave_virtual_queue(sequence);
        if let Self { fifo: Some(fifo), visible, .. } = self {
            fifo.parks.remove(sequence);
            let (groups, may_serve) = fifo.serving(visible);
            groups.remove(sequence, may_serve);
        }
        was_there
    }

    fn remove_below(&mut self, below: u64) {
        if self.fair.is_some() {
            let gone: Vec<_> = self.exceptions.iter().take_while(|(sequence, _)| *sequence < below).collect();
            gone.into_iter().for_each(|(sequence, status)| self.tell_fair(sequence, [status, Status::default()]));
        }
        self.visible.remove_below(below);
        if let Some(fair) = &mut self.fair {
            fair.remove_below(below);
        }
        self.leave_virtual_queues_below(below);
        self.exceptions.remove_below(below);
        if let Self { fifo: Some(fifo), visible, .. } = self {
            fifo.parks.remove_below(below);
            let (groups, may_serve) = fifo.serving(visible);
            groups.remove_below(below, may_serve);
        }
        self.unshelve(&(0..below));
        self.exceptions.tidy();
        self.trim_marks();
    }
}

impl Machine for Queue {
    type Command = Command;
    type Effect = Effect;
    type Reply = Reply;
    type Content = Message;

    const SNAPSHOT_VERSION: u8 = Queue::SNAPSHOT_VERSION;

    fn advance(&mut self, now: Instant) {
        Queue::advance(self, now);
    }

    fn decide(&self, now: Instant, command: Command) -> Decision<Effect, Reply> {
        Queue::decide(self, now, command)
    }

    fn apply(&mut self, _at: Position, effect: &Effect, gone: &mut Vec<u64>) {
        Queue::apply(self, effect, gone);
    }

    fn next_deadline(&self) -> Option<Instant> {
        Queue::next_deadline(self)
    }

    fn next_expiry(&self) -> Option<Instant> {
        Queue::next_expiry(self)
    }

    fn memo(&self) -> u8 {
        Queue::memo(self)
    }

    fn recall(&mut self, memo: u8) {
        Queue::recall(self, memo);
    }

    fn ready(&self) -> usize {
        Queue::ready(self)
    }

    fn take_stirred(&mut self) -> Stirred {
        Queue::take_stirred(self)
    }

    fn content(effect: Effect) -> Option<(u64, Message)> {
        Queue::content(effect)
    }

    fn wants(&self, command: &Command) -> Option<Range<u64>> {
        Queue::wants(self, command)
    }

    fn learn(&mut self, key: u64, content: Option<&Message>) {
        Queue::learn(self, key, content);
    }

    fn take_cold(&mut self) -> Vec<u64> {
        Queue::take_cold(self)
    }

    fn holds(&self, sequence: u64) -> bool {
        Queue::holds(self, sequence)
    }

    fn first_held(&self) -> u64 {
        Queue::first_kept(self)
    }

    fn held_within(&self, sequences: Range<u64>) -> u64 {
        Queue::held_within(self, sequences)
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        Queue::snapshot(self, out);
    }

    fn restore(version: u8, state: &[u8]) -> Result<Self, MalformedRecord> {
        Queue::restore(version, state)
    }

    /// A queue by itself is never deleted; the service that has it inside says when.
    fn is_over(&self) -> bool {
        false
    }

    fn has_outgoing(&self) -> bool {
        Queue::has_outgoing(self)
    }

    fn outgoing(&self, after: Option<PartitionId>) -> Option<Outgoing> {
        Queue::outgoing(self, after)
    }

    fn parcel(&self, destination: PartitionId, number: u64, sequence: u64, message: &Message) -> Vec<u8> {
        Queue::parcel(self, destination, number, sequence, message.clone())
    }

    fn arrive(arrival: Arrival) -> Option<Command> {
        Some(Command::Arrive(arrival))
    }

    fn conclude(delivery: Delivery) -> Option<Command> {
        Some(Command::Conclude(delivery))
    }

    fn forget_origins(&mut self, exists: &dyn Fn(PartitionId) -> bool) {
        Queue::forget_origins(self, exists);
    }
}

#[cfg(test)]
mod fifo_model;
#[cfg(test)]
mod model;

#[cfg(test)]
mod tests;
