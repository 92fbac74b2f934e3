//! The rules: what a command comes to, given the state and the moment. Nothing is changed here.
//!
//! Follows the API reference of SQS for standard queues (`SendMessage`, `ReceiveMessage`, `DeleteMessage`,
//! `ChangeMessageVisibility`, `PurgeQueue`, `SetQueueAttributes`). A command that changes nothing has no effects, so it
//! costs no disk. What was due at `now` has happened: `advance(now)` comes first.

use crate::fair::Fair;
use crate::limits::DEPARTURES_PER_RECEIVE_MAX;
use crate::moves::Met;
use crate::{
    Command, DeleteOutcome, Delivery, Effect, Handle, Message, NewMessage, Queue, Reply, Settings, VisibilityOutcome,
};
use engine::{Decision, Durability};
use names::Instant;
use std::collections::BTreeMap;

impl Queue {
    /// Answers a command and says what it changes, in effects of whatever machine this queue is inside of. `advance(now)`
    /// has been called before; what that left to be revealed later is still in flight here, and is counted as that.
    pub fn decide<E: From<Effect>>(&self, now: Instant, command: Command) -> Decision<E, Reply> {
        match command {
            Command::Send(messages) => self.send(now, messages),
            Command::Receive { max, visibility_millis } => self.receive(now, max, visibility_millis),
            Command::ReceiveAgain { attempt, max, visibility_millis } => match &self.fifo {
                Some(fifo) => self.receive_again(fifo, now, attempt, max, self.hidden_until(now, visibility_millis)),
                None => self.receive(now, max, visibility_millis),
            },
            Command::PutBack(deliveries) => self.put_back(deliveries),
            Command::Delete(handles) => self.delete(now, &handles),
            Command::ChangeVisibility(entries) => self.change_visibility(now, &entries),
            Command::Purge => self.purge(),
            Command::Configure(settings) => self.configure(now, settings),
            Command::Movable { below, max } => {
                let movable = self.movable(below, max);
                Decision { reads: movable.clone(), ..Decision::answer(Reply::Movable(movable)) }
            }
            Command::SendAway { destination, sequences } => self.send_away(destination, sequences),
            Command::Arrive(arrival) => self.arrive(now, arrival),
            Command::Conclude(delivery) => self.conclude(now, delivery),
            Command::Replay(order) => self.begin_replay(now, order),
            Command::EndReplay => self.end_replay(),
            Command::Unpark { group, how } => self.unpark(now, group, how),
            Command::Count => Decision::answer(Reply::Counted(self.counts())),
            Command::Within(id, asked) => self.within(now, id, asked),
            Command::Peek { from, max, states } => self.peek(from, max, states),
        }
    }

    fn send<E: From<Effect>>(&self, now: Instant, messages: Vec<NewMessage>) -> Decision<E, Reply> {
        if let Some(fifo) = &self.fifo {
            return self.send_fifo(fifo, now, messages);
        }
        self.send_as(now, messages, |sequence, visible_at, message| Effect::Sent { sequence, visible_at, message })
    }

    /// Sends by effects that `sent` makes of sequence, moment and message.
    pub(crate) fn send_as<E: From<Effect>>(
        &self,
        now: Instant,
        messages: Vec<NewMessage>,
        sent: impl Fn(u64, Instant, Message) -> Effect,
    ) -> Decision<E, Reply> {
        let first = self.next_sequence;
        let effect = |(message, sequence): (NewMessage, u64)| {
            let (visible_at, message) = self.as_sent(now, message);
            E::from(sent(sequence, visible_at, message))
        };
        Decision::change(messages.into_iter().zip(first..).map(effect).collect(), Reply::Sent { first })
    }

    /// A message as it is kept, and when it is visible.
    pub(crate) fn as_sent(&self, now: Instant, message: NewMessage) -> (Instant, Message) {
        let NewMessage { id, body_bytes, bytes, delay_millis, labelled, .. } = message;
        // A clock that was set back must not make a later message look older: expiry goes front first.
        let sent_at = now.max(self.last_sent_at);
        let visible_at = after(now, delay_millis.unwrap_or(self.settings.delay_millis));
        (visible_at, Message::labelled(id, sent_at, body_bytes, bytes, labelled))
    }

    /// A crash may take a lease back: the message only becomes visible early, which standard queues allow. So the
    /// answer does not wait for the lease's own record.
    fn receive<E: From<Effect>>(&self, now: Instant, max: usize, visibility_millis: Option<u64>) -> Decision<E, Reply> {
        if let Some(fifo) = &self.fifo {
            return self.receive_fifo(fifo, now, max, self.hidden_until(now, visibility_millis));
        }
        let room = self.settings.in_flight_max().saturating_sub(self.exceptions.in_flight());
        if room == 0 {
            return Decision::answer(Reply::OverLimit);
        }
        let count = max.min(room).min(self.visible.len());
        if count == 0 {
            return Decision::answer(Reply::Received(Vec::new()));
        }
        let mut met = match &self.fair {
            None => self.meet(self.visible.iter(), count),
            Some(fair) => self.meet_in_turn(fair, count),
        };
        let mut effects = Vec::with_capacity(2);
        let departure = met.departure();
        // A crash may forget a lease, but not a dead letter: whoever deletes it afterwards is told that it is gone.
        let durability = if departure.is_some() { Durability::BeforeReply } else { Durability::Lazy };
        effects.extend(departure.map(E::from));
        let deliveries: Vec<_> = met.kept.iter().map(|&sequence| self.delivery(now, sequence)).collect();
        if !deliveries.is_empty() {
            let until = after(now, visibility_millis.unwrap_or(self.settings.visibility_millis));
            effects.extend(self.leases::<E>(now, until, &deliveries));
        }
        Decision { effects, reply: Reply::Received(deliveries), reads: met.kept, durability }
    }

    pub(crate) fn delivery(&self, now: Instant, sequence: u64) -> Delivery {
        let status = self.exceptions.get(sequence).unwrap_or_default();
        Delivery {
            sequence,
            receive: status.receive.saturating_add(1),
            first_received_at: if status.receive == 0 { now } else { status.first_received_at },
            before: Some(status.into()),
        }
    }

    fn delete<E: From<Effect>>(&self, now: Instant, handles: &[Handle]) -> Decision<E, Reply> {
        let outcomes: Vec<_> = handles.iter().map(|handle| self.delete_outcome(now, handle)).collect();
        let is_deleted = |(_, outcome): &(&Handle, &DeleteOutcome)| **outcome == DeleteOutcome::Deleted;
        let mut gone: Vec<_> =
            handles.iter().zip(&outcomes).filter(is_deleted).map(|(handle, _)| handle.sequence).collect();
        gone.sort_unstable();
        gone.dedup();
        let mut effects: Vec<E> = Vec::new();
        if self.expiry.unrecorded && outcomes.contains(&DeleteOutcome::AlreadyGone) {
            effects.push(self.expired_so_far(now).into());
        }
        effects.extend(self.removal::<E>(now, gone));
        effects.extend(self.never_back(handles).map(E::from));
        Decision::change(effects, Reply::Deleted(outcomes))
    }

    /// What was deleted after it had left arrives where it goes, and comes back from nowhere: somebody was told that it is gone.
    fn never_back(&self, handles: &[Handle]) -> Option<Effect> {
        let ways = self.ways.as_ref()?;
        let may_return = |sequence: &u64| ways.get(*sequence).is_some_and(|left| !left.is_over);
        let mut left: Vec<_> = handles.iter().map(|handle| handle.sequence).filter(may_return).collect();
        left.sort_unstable();
        left.dedup();
        (!left.is_empty()).then_some(Effect::Deleted(left))
    }

    /// The first sequence that is there or may come back, or the next one's.
    fn first_unexpired(&self) -> u64 {
        self.first_marked().unwrap_or(self.next_sequence)
    }

    /// What makes it last that messages have expired.
    fn expired_so_far(&self, now: Instant) -> Effect {
        match self.expiry.scattered || !self.marks.rises() {
            true => Effect::Elapsed { at: now },
            false => Effect::Expired { below: self.first_unexpired() },
        }
    }

    /// Whether there is anything to delete does not depend on the receive: a crash may have forgotten it.
    fn delete_outcome(&self, now: Instant, handle: &Handle) -> DeleteOutcome {
        if self.fifo.is_some() {
            return self.delete_outcome_fifo(now, handle);
        }
        match handle.sequence {
            sequence if self.is_here(sequence) => DeleteOutcome::Deleted,
            sequence if (1..self.next_sequence).contains(&sequence) => DeleteOutcome::AlreadyGone,
            _ => DeleteOutcome::Foreign,
        }
    }

    /// Entries are taken in order, each as if the ones before had been applied: of two for one message the later one
    /// holds.
    fn change_visibility<E: From<Effect>>(&self, now: Instant, entries: &[(Handle, u64)]) -> Decision<E, Reply> {
        let mut changes = BTreeMap::new();
        let mut outcomes = Vec::with_capacity(entries.len());
        for (handle, millis) in entries {
            let outcome = self.visibility_outcome(now, handle, *millis);
            if outcome == VisibilityOutcome::Changed {
                let receives = self.exceptions.get(handle.sequence).unwrap_or_default().receive;
                changes.insert(handle.sequence, self.backed_off(now, after(now, *millis), receives));
            }
            outcomes.push(outcome);
        }
        let effects = if changes.is_empty() {
            Vec::new()
        } else {
            vec![Effect::VisibilityChanged(changes.into_iter().collect()).into()]
        };
        Decision::change(effects, Reply::VisibilityChanged(outcomes))
    }

    /// Any receive of a standard queue's message still rules it, also when its lease has ended, and also when another receive
    /// came after it: AWS was seen to answer with success both times, and to hide the message.
    fn visibility_outcome(&self, now: Instant, handle: &Handle, millis: u64) -> VisibilityOutcome {
        if !self.is_here(handle.sequence) {
            return VisibilityOutcome::Gone;
        }
        if self.fifo.is_some()
            && let Some(refused) = self.refused_visibility_fifo(now, handle)
        {
            return refused;
        }
        let status = self.exceptions.get(handle.sequence).unwrap_or_default();
        if !(1..=status.receive).contains(&handle.receive) {
            return VisibilityOutcome::NotInFlight;
        }
        if now.plus_millis(millis) > status.received_at.plus_millis(self.settings.total_visibility_millis()) {
            return VisibilityOutcome::BeyondTotal;
        }
        VisibilityOutcome::Changed
    }

    fn purge<E: From<Effect>>(&self) -> Decision<E, Reply> {
        let below = self.next_sequence;
        let remembered = self.fifo.as_ref().is_some_and(|fifo| !fifo.dedup.is_empty());
        // What has left and could come back is purged as well.
        let with_left = self.ways.as_ref().is_some_and(|ways| ways.first_that_may_return().is_some());
        let nothing_here = self.first_here() == below && self.first_shelved().is_none() && !with_left;
        let nothing = nothing_here && !self.expiry.unrecorded && !remembered;
        let effects = if nothing { Vec::new() } else { vec![Effect::Purged { below, with_left }.into()] };
        Decision::change(effects, Reply::Purged)
    }

    fn configure<E: From<Effect>>(&self, now: Instant, settings: Settings) -> Decision<E, Reply> {
        let mut effects = Vec::new();
        let may_have_expired = self.first_unexpired() > 1 || self.expiry.scattered;
        if settings.retention_millis != self.settings.retention_millis && may_have_expired {
            effects.push(self.expired_so_far(now).into());
        }
        if settings.keep_deleted_secs != self.settings.keep_deleted_secs && self.settings.keep_deleted_secs > 0 {
            // What has been kept long enough must not come back at a replay of the log because it is to be kept longer now.
            effects.push(Effect::Elapsed { at: now }.into());
        }
        if settings != self.settings {
            effects.push(Effect::Configured(settings).into());
        }
        if let Some(shifted) = self.delays_shifted(settings) {
            // Delays that are over already are not shifted, whenever the log is read.
            effects.extend([Effect::Elapsed { at: now }, shifted].map(E::from));
        }
        Decision::change(effects, Reply::Configured)
    }
}

impl Queue {
    /// A change of a FIFO queue's delay reaches what is delayed: SQS developer guide, "Amazon SQS delay queues". Where messages
    /// have delays of their own, nothing says which of them have the queue's, so none is changed.
    fn delays_shifted(&self, settings: Settings) -> Option<Effect> {
        let is_meant = self.settings.is_fifo && settings.is_fifo && self.exceptions.delayed() > 0;
        let by = settings.delay_millis as i64 - self.settings.delay_millis as i64;
        (is_meant && by != 0).then_some(Effect::DelaysShifted { by_millis: by })
    }

    /// Goes through messages in the turns of a fair queue. Who comes next is asked for again while all that came were dead.
    fn meet_in_turn(&self, fair: &Fair, count: usize) -> Met {
        let mut wanted = count;
        loop {
            let candidates = fair.in_turn(&self.visible, wanted);
            let is_all = candidates.len() < wanted;
            let met = self.meet(candidates.into_iter(), count);
            if !met.kept.is_empty() || met.dead.len() >= DEPARTURES_PER_RECEIVE_MAX || is_all {
                return met;
            }
            wanted *= 4;
        }
    }
}

/// The moment `millis` from now as effects write it: none at all is the epoch.
pub(crate) fn after(now: Instant, millis: u64) -> Instant {
    if millis == 0 { Instant::EPOCH } else { now.plus_millis(millis) }
}
