//! The state of a queue, and what time and effects do to it.
//!
//! Every message is in exactly one place: in [`Visible`], or hidden (delayed or in flight) with a deadline in
//! [`Deadlines`]. Retention is a function of state and time: `sent_at` never falls from one message to the next, so
//! messages expire front first, and nothing of it is journaled unless the retention itself changes. At replay several
//! effects may reach a message without time having passed between them, so each effect takes it from wherever it is.

use crate::{
    Command, Counts, Effect, IN_FLIGHT_MAX, Reply, Settings,
    deadlines::Deadlines,
    pages::{Message, Pages, Phase, Status},
    visible::Visible,
};
use engine::{Decision, Machine};
use names::{Instant, Position};

/// One standard queue.
#[derive(Debug)]
pub struct Queue {
    pub(crate) settings: Settings,
    pub(crate) pages: Pages,
    pub(crate) visible: Visible,
    deadlines: Deadlines,
    pub(crate) delayed: usize,
    pub(crate) in_flight: usize,
    bytes: u64,
    /// What the next message sent gets.
    pub(crate) next_sequence: u64,
    pub(crate) last_sent_at: Instant,
    /// No message expires before this moment.
    expires_at: Instant,
}

impl Queue {
    /// A queue in which nothing has been sent.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            pages: Pages::default(),
            visible: Visible::default(),
            deadlines: Deadlines::default(),
            delayed: 0,
            in_flight: 0,
            bytes: 0,
            next_sequence: 1,
            last_sent_at: Instant::EPOCH,
            expires_at: Instant::FAR_FUTURE,
        }
    }

    /// The settings in force.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// How many messages there are, and of which kind.
    pub fn counts(&self) -> Counts {
        Counts {
            visible: self.visible.len(),
            in_flight: self.in_flight,
            delayed: self.delayed,
            oldest_sent_at: self.pages.first().map(|(_, sent_at)| sent_at),
            bytes: self.bytes,
        }
    }

    /// Lets time pass: messages that outlived their retention go, ended delays and leases make messages visible.
    /// Costs two comparisons when nothing is due.
    pub fn advance(&mut self, now: Instant) {
        if self.expires_at <= now {
            self.expire(now);
        }
        if self.deadlines.next().is_some_and(|at| at <= now) {
            self.reveal(now);
        }
    }

    /// Changes the state. Total: an effect that names what is not there, or adds what was added, passes over it.
    pub fn apply(&mut self, _at: Position, effect: Effect) {
        match effect {
            Effect::Sent { sequence, id, sent_at, visible_at, body, properties } => {
                // At replay nobody lets time pass until the log's end, and a queue whose messages only ever expired would
                // hold all of them at once. What was over when this one was sent was over then, too.
                if self.expires_at <= sent_at {
                    self.expire(sent_at);
                }
                self.add(sequence, Message { id, sent_at, body, properties }, visible_at);
            }
            Effect::Leased { received_at, until, entries } => {
                for (sequence, receive) in entries {
                    self.lease(sequence, receive, received_at, until);
                }
            }
            Effect::VisibilityChanged(entries) => {
                for (sequence, until) in entries {
                    self.change(sequence, |status| status.until = until);
                }
            }
            Effect::Deleted(sequences) => sequences.into_iter().for_each(|sequence| self.remove(sequence)),
            Effect::Purged { below } | Effect::Expired { below } => self.remove_below(below),
            Effect::Configured(settings) => {
                self.settings = settings;
                self.refresh_expiry();
            }
        }
        self.tidy_deadlines();
    }

    /// The next moment at which a hidden message may become visible. It may be too early, never too late.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// The next moment at which a message may outlive its retention, too early or right. No reader sees that, but
    /// memory is given back only when time is let pass.
    pub fn next_expiry(&self) -> Option<Instant> {
        (self.expires_at != Instant::FAR_FUTURE).then_some(self.expires_at)
    }

    /// How many messages could be received now: those that are visible, as far as there is room in flight.
    pub fn ready(&self) -> usize {
        self.visible.len().min(IN_FLIGHT_MAX.saturating_sub(self.in_flight))
    }

    /// The first sequence that is not gone: that of the oldest message, or of the next one sent.
    pub(crate) fn first_kept(&self) -> u64 {
        self.pages.first().map_or(self.next_sequence, |(sequence, _)| sequence)
    }

    fn expire(&mut self, now: Instant) {
        while let Some((sequence, sent_at)) = self.pages.first() {
            if sent_at.plus_millis(self.settings.retention_millis) > now {
                break;
            }
            self.remove(sequence);
        }
        self.refresh_expiry();
        self.tidy_deadlines();
    }

    fn reveal(&mut self, now: Instant) {
        while let Some((at, sequence)) = self.deadlines.pop_due(now) {
            if self.waits_for(at, sequence) {
                self.change(sequence, |status| status.until = Instant::EPOCH);
            }
        }
        self.tidy_deadlines();
    }

    fn add(&mut self, sequence: u64, message: Message, visible_at: Instant) {
        if sequence < self.next_sequence {
            return;
        }
        self.next_sequence = sequence + 1;
        self.last_sent_at = message.sent_at;
        self.bytes += message.bytes();
        self.expires_at = self.expires_at.min(message.sent_at.plus_millis(self.settings.retention_millis));
        self.pages.push(sequence, message);
        let status = Status { until: visible_at, ..Status::default() };
        if status.phase() == Phase::Delayed {
            self.pages.status_mut(sequence).expect("the message was just added").until = visible_at;
        }
        self.enter(sequence, status);
    }

    fn lease(&mut self, sequence: u64, receive: u32, received_at: Instant, until: Instant) {
        self.change(sequence, |status| {
            if status.receive == 0 {
                status.first_received_at = received_at;
            }
            *status = Status { until, received_at, receive, ..*status };
        });
    }

    fn remove_below(&mut self, below: u64) {
        while let Some((sequence, _)) = self.pages.first().filter(|&(sequence, _)| sequence < below) {
            self.remove(sequence);
        }
        self.refresh_expiry();
    }

    fn remove(&mut self, sequence: u64) {
        if let Some((message, status)) = self.pages.remove(sequence) {
            self.bytes -= message.bytes();
            self.leave(sequence, status);
        }
    }

    fn change(&mut self, sequence: u64, change: impl FnOnce(&mut Status)) {
        let Some(status) = self.pages.status_mut(sequence) else { return };
        let before = *status;
        change(status);
        let after = *status;
        self.leave(sequence, before);
        self.enter(sequence, after);
    }

    fn leave(&mut self, sequence: u64, status: Status) {
        match status.phase() {
            Phase::Visible => drop(self.visible.remove(sequence)),
            Phase::Delayed => self.delayed -= 1,
            Phase::InFlight => self.in_flight -= 1,
        }
    }

    fn enter(&mut self, sequence: u64, status: Status) {
        match status.phase() {
            Phase::Visible => return self.visible.insert(sequence),
            Phase::Delayed => self.delayed += 1,
            Phase::InFlight => self.in_flight += 1,
        }
        self.deadlines.push(status.until, sequence);
    }

    fn refresh_expiry(&mut self) {
        let expiry = |(_, sent_at): (u64, Instant)| sent_at.plus_millis(self.settings.retention_millis);
        self.expires_at = self.pages.first().map_or(Instant::FAR_FUTURE, expiry);
    }

    fn tidy_deadlines(&mut self) {
        let mut deadlines = std::mem::take(&mut self.deadlines);
        deadlines.tidy(self.delayed + self.in_flight, |at, sequence| self.waits_for(at, sequence));
        self.deadlines = deadlines;
    }

    fn waits_for(&self, at: Instant, sequence: u64) -> bool {
        self.pages.get(sequence).is_some_and(|(_, status)| status.until == at)
    }
}

impl Machine for Queue {
    type Command = Command;
    type Effect = Effect;
    type Reply = Reply;

    fn advance(&mut self, now: Instant) {
        Queue::advance(self, now);
    }

    fn decide(&self, now: Instant, command: Command) -> Decision<Effect, Reply> {
        Queue::decide(self, now, command)
    }

    fn apply(&mut self, at: Position, effect: Effect) {
        Queue::apply(self, at, effect);
    }

    fn next_deadline(&self) -> Option<Instant> {
        Queue::next_deadline(self)
    }

    fn ready(&self) -> usize {
        Queue::ready(self)
    }
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MessageId;
    use bytes::Bytes;

    #[test]
    fn a_replayed_queue_holds_no_more_than_it_ever_held() {
        let settings = Settings { retention_millis: 60_000, visibility_millis: 30_000, delay_millis: 0 };
        let mut queue = Queue::new(settings);
        let mut most = 0;
        for sequence in 1..=1_000 {
            let sent_at = Instant::from_millis(sequence * 1_000);
            let (body, properties) = (Bytes::from_static(b"x"), Bytes::new());
            let effect = Effect::Sent {
                sequence,
                id: MessageId([0; 16]),
                sent_at,
                visible_at: Instant::EPOCH,
                body,
                properties,
            };
            queue.apply(Position::new(sequence), effect);
            most = most.max(queue.counts().visible);
        }
        assert_eq!(most, 60, "no time was let pass, and still what had expired was let go");
    }
}
