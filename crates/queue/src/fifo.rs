//! What a FIFO queue has beside a standard one, and its rules for commands.
//!
//! Follows the SQS developer guide, "FIFO queue delivery logic" and "Exactly-once processing", and what LocalStack's tests
//! recorded from AWS. Which group is served first is knowledge (`groups.rs`); which ids were sent and which receives had names is
//! state, and stands in records and snapshots.

use crate::attempts::{Attempt, Attempts};
use crate::decide::after;
use crate::dedup::Dedup;
use crate::groups::Groups;
use crate::limits::{LEARN_KEYS, LOOK_AHEAD};
use crate::parks::{Parks, may_serve};
use crate::visible::Visible;
use crate::{
    Accepted, AttemptId, Command, DedupId, DeleteOutcome, Delivery, Effect, Handle, Message, NewMessage, Queue, Reply,
    VisibilityOutcome,
};
use engine::{Decision, Durability};
use names::Instant;
use std::collections::BTreeMap;
use std::ops::Range;

/// A FIFO queue's own part of the state.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Fifo {
    pub(crate) groups: Groups,
    pub(crate) dedup: Dedup,
    pub(crate) attempts: Attempts,
    pub(crate) parks: Parks,
}

impl Fifo {
    /// Lets time pass.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.dedup.expire(now);
        self.attempts.expire(now);
    }

    /// The groups, and what they have to know of their first messages.
    pub(crate) fn serving<'a>(&'a mut self, visible: &'a Visible) -> (&'a mut Groups, impl Fn(u64) -> bool + 'a) {
        (&mut self.groups, may_serve(&self.parks, visible))
    }
}

impl Queue {
    /// Which messages' contents a command needs the machine to know, if there are such.
    pub fn wants(&self, command: &Command) -> Option<Range<u64>> {
        let asks_for_all = command.asks_for_groups();
        // A standard queue's messages are moved whoever sent them.
        let is_asked = command.is_receive() || asks_for_all || (self.fifo.is_some() && command.is_move());
        let groups = self.groups().filter(|_| is_asked)?;
        if groups.known_below() >= self.next_sequence {
            return None;
        }
        let waiting = groups.len().saturating_sub(self.exceptions.in_flight() + self.exceptions.delayed());
        let is_settled = match &self.fair {
            Some(fair) if fair.has_learned_enough() => return None,
            Some(fair) => fair.is_settled(),
            None => groups.offered() > 0,
        };
        if is_settled && waiting >= LOOK_AHEAD && !asks_for_all {
            return None;
        }
        let room = self.settings.window().saturating_sub(groups.len()) as u64;
        let first = self.first_live_from(groups.known_below()).filter(|_| room > 0)?;
        Some(first..self.next_sequence.min(first + room.min(LEARN_KEYS)))
    }

    /// Takes in what the message of `sequence` says, or that nobody can read it: then it is in no group and is not handed out.
    /// Messages are learned in rising order.
    pub fn learn(&mut self, sequence: u64, content: Option<&Message>) {
        if !self.is_here(sequence) {
            return;
        }
        let status = self.exceptions.get(sequence).unwrap_or_default();
        let Self { fifo, fair, visible, virtual_queues, .. } = self;
        if let Some(fair) = fair.as_mut().filter(|fair| sequence >= fair.groups.known_below()) {
            let is_virtual = virtual_queues.as_ref().is_some_and(|all| all.of(sequence).is_some());
            let group = content.filter(|_| !is_virtual).and_then(|message| message.labels().group);
            return fair.learn(sequence, group, status, self.exceptions.in_flight(), visible);
        }
        let Some(fifo) = fifo.as_mut().filter(|fifo| sequence >= fifo.groups.known_below()) else { return };
        let is_virtual = virtual_queues.as_ref().is_some_and(|all| all.of(sequence).is_some());
        match content.filter(|_| !is_virtual) {
            Some(message) => {
                let (groups, may_serve) = fifo.serving(visible);
                groups.learn(sequence, group_of(message), may_serve);
            }
            None => fifo.groups.know_below(sequence + 1),
        }
    }

    /// How many waiting readers can be served, as far as is known.
    pub(crate) fn ready_in_groups(&self, fifo: &Fifo) -> usize {
        let room = self.settings.in_flight_max().saturating_sub(self.exceptions.in_flight());
        let groups = &fifo.groups;
        // What is not known yet may be ready: whoever asks will find out.
        let unknown = groups.offered() == 0
            && groups.len() < self.settings.window()
            && groups.known_below() < self.next_sequence
            && self.first_live_from(groups.known_below()).is_some();
        room.min(groups.offered() + usize::from(unknown))
    }

    /// Duplicates are answered with the message that was first, within a batch too.
    pub(crate) fn send_fifo<E: From<Effect>>(
        &self,
        fifo: &Fifo,
        now: Instant,
        messages: Vec<NewMessage>,
    ) -> Decision<E, Reply> {
        let sent_at = now.max(self.last_sent_at);
        let mut sequence = self.next_sequence;
        let mut batch: BTreeMap<DedupId, Accepted> = BTreeMap::new();
        let (mut effects, mut accepted) = (Vec::with_capacity(messages.len()), Vec::with_capacity(messages.len()));
        for message in messages {
            let dedup = message.labels().dedup;
            let earlier = || message.earlier_dedup.and_then(|dedup| fifo.dedup.find(&dedup, sent_at));
            let first = dedup.and_then(|dedup| fifo.dedup.find(&dedup, sent_at).or(batch.get(&dedup).copied()));
            let first = first.or_else(earlier);
            let taken = first.unwrap_or(Accepted { sequence, id: message.id });
            accepted.push(taken);
            if first.is_none() {
                batch.extend(dedup.map(|dedup| (dedup, taken)));
                let (visible_at, message) = self.as_sent(now, message);
                effects.push(Effect::Sent { sequence, visible_at, message }.into());
                sequence += 1;
            }
        }
        Decision::change(effects, Reply::Accepted(accepted))
    }

    /// Several messages of one group before the next group; none at all is no error. The answer waits for the lease: were it
    /// forgotten, the group would be handed to somebody else while this receiver works on it.
    pub(crate) fn receive_fifo<E: From<Effect>>(
        &self,
        fifo: &Fifo,
        now: Instant,
        max: usize,
        until: Instant,
    ) -> Decision<E, Reply> {
        let room = self.settings.in_flight_max().saturating_sub(self.exceptions.in_flight());
        let mut met = self.meet(self.in_turn(fifo), max.min(room));
        let deliveries: Vec<_> = met.kept.iter().map(|&sequence| self.delivery(now, sequence)).collect();
        let mut entries: Vec<_> = deliveries.iter().map(|delivery| (delivery.sequence, delivery.receive)).collect();
        entries.sort_unstable();
        let until = self.backed_off_together(now, until, &deliveries);
        let lease = Effect::Leased { received_at: now, until, entries };
        let mut effects: Vec<E> = met.departure().into_iter().map(E::from).collect();
        if !met.poison.is_empty() {
            let mut parked: Vec<(u64, u64)> =
                met.poison.iter().filter_map(|&first| Some((first, fifo.groups.group_of(first)?))).collect();
            parked.sort_unstable();
            effects.push(Effect::Parked(parked).into());
        }
        if !deliveries.is_empty() {
            effects.push(lease.into());
        }
        let reads = met.kept;
        Decision { effects, reply: Reply::Received(deliveries), reads, durability: Durability::BeforeReply }
    }

    /// What can be handed out, in the order in which it is.
    pub(crate) fn in_turn<'a>(&'a self, fifo: &'a Fifo) -> impl Iterator<Item = u64> + 'a {
        let (parks, visible) = (&fifo.parks, &self.visible);
        fifo.groups.heads().flat_map(move |head| {
            let may_go = move |sequence: &u64| {
                let is_open = visible.contains(*sequence) && !parks.is_parked(*sequence);
                is_open && (*sequence == head || !self.is_poison(parks, *sequence))
            };
            // Whoever meets a first message that is poison parks its group, and sees nothing behind it.
            let all = if self.is_poison(parks, head) { 1 } else { usize::MAX };
            fifo.groups.list_from(head).take_while(may_go).take(all)
        })
    }

    /// The same receive again, if nothing has happened to its messages; a new one otherwise, remembered under this name.
    pub(crate) fn receive_again<E: From<Effect>>(
        &self,
        fifo: &Fifo,
        now: Instant,
        attempt: AttemptId,
        max: usize,
        until: Instant,
    ) -> Decision<E, Reply> {
        let before = fifo.attempts.find(&attempt, now).filter(|before| self.is_untouched(now, before));
        if let Some(before) = before {
            return self.repeat(now, attempt, before, until);
        }
        let mut decision = self.receive_fifo(fifo, now, max, until);
        if let Reply::Received(deliveries) = &decision.reply
            && !deliveries.is_empty()
        {
            let entries = deliveries.iter().map(|delivery| (delivery.sequence, delivery.receive)).collect();
            let until = self.backed_off_together(now, until, deliveries);
            decision.effects.push(Effect::Attempted { attempt, at: now, until, entries }.into());
        }
        decision
    }

    fn repeat<E: From<Effect>>(
        &self,
        now: Instant,
        attempt: AttemptId,
        before: &Attempt,
        until: Instant,
    ) -> Decision<E, Reply> {
        let statuses = before.entries.iter().map(|&(sequence, receive)| {
            let status = self.exceptions.get(sequence).unwrap_or_default();
            let first_received_at = status.first_received_at;
            (Delivery { sequence, receive, first_received_at, before: None }, status.received_at)
        });
        let (deliveries, received): (Vec<_>, Vec<_>) = statuses.unzip();
        // Hidden anew, and no longer in all than any message may be.
        let last = received.into_iter().map(|at| at.plus_millis(self.settings.total_visibility_millis())).min();
        let until = last.map_or(until, |last| until.min(last));
        let until = self.backed_off_together(now, until, &deliveries);
        let mut changes: Vec<_> = deliveries.iter().map(|delivery| (delivery.sequence, until)).collect();
        changes.sort_unstable();
        let again = Effect::Attempted { attempt, at: before.at, until, entries: before.entries.clone() };
        let reads = deliveries.iter().map(|delivery| delivery.sequence).collect();
        let effects = vec![Effect::VisibilityChanged(changes).into(), again.into()];
        Decision { effects, reply: Reply::Received(deliveries), reads, durability: Durability::BeforeReply }
    }

    /// Whether each message of a receive is still in flight, by that receive and as long as it said.
    fn is_untouched(&self, now: Instant, attempt: &Attempt) -> bool {
        attempt.entries.iter().all(|&(sequence, receive)| {
            self.exceptions
                .get(sequence)
                .is_some_and(|status| status.receive == receive && status.until == attempt.until && status.until > now)
        })
    }

    /// Only the receive that has the message in flight may delete it: another one may have it after that.
    pub(crate) fn delete_outcome_fifo(&self, now: Instant, handle: &Handle) -> DeleteOutcome {
        match handle.sequence {
            sequence if self.is_here(sequence) => match self.has_in_flight(now, handle) {
                true => DeleteOutcome::Deleted,
                false => DeleteOutcome::Expired,
            },
            sequence if (1..self.next_sequence).contains(&sequence) => DeleteOutcome::AlreadyGone,
            _ => DeleteOutcome::Foreign,
        }
    }

    /// What a change of visibility comes to whose receive has ended.
    pub(crate) fn refused_visibility_fifo(&self, now: Instant, handle: &Handle) -> Option<VisibilityOutcome> {
        (!self.has_in_flight(now, handle)).then_some(VisibilityOutcome::Gone)
    }

    fn has_in_flight(&self, now: Instant, handle: &Handle) -> bool {
        let status = self.exceptions.get(handle.sequence).unwrap_or_default();
        status.receive > 0 && status.receive == handle.receive && status.until > now
    }

    /// A receive's end as effects write it.
    pub(crate) fn hidden_until(&self, now: Instant, visibility_millis: Option<u64>) -> Instant {
        after(now, visibility_millis.unwrap_or(self.settings.visibility_millis))
    }
}

/// The group of a FIFO queue's message. One without belongs to none that a customer can name, and keeps its order.
pub(crate) fn group_of(message: &Message) -> u64 {
    message.labels().group.unwrap_or_default()
}
