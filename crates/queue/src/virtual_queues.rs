//! Virtual queues: messages that only whoever names their virtual queue receives, in the sequences of their host.
//!
//! A virtual queue is nothing but its messages: one that has none costs nothing, and nobody creates or deletes it. What
//! becomes of a message (lease, delay, retention, deletion) is the host's business; here stands only whose it is, and which
//! of these can be received. So one costs some 100 bytes for each message that waits, and a host without any a pointer.
//! Why not partitions of their own: ADR 0017.

use crate::decide::after;
use crate::limits::STIRRED_MAX;
use crate::peek::{PeekStates, Peeked};
use crate::tagged::Section;
use crate::visible::Visible;
use crate::{Counts, Delivery, Effect, NewMessage, Queue, Reply};
use engine::varint::{Reader, put};
use engine::{Decision, Durability, Stirred};
use names::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// Which virtual queue of a host: a digest of its name that no two names share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualId(pub u128);

/// What may be asked of a virtual queue; answered as the host answers the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Within {
    /// Adds messages, all of them or none.
    Send(Vec<NewMessage>),
    /// Takes up to `max` visible messages, oldest first, and hides them for a while.
    Receive {
        /// Most messages to hand out.
        max: usize,
        /// How long they stay hidden, in milliseconds; `None` is the host's default.
        visibility_millis: Option<u64>,
    },
    /// Removes all its messages, also those in flight and delayed.
    Purge,
    /// Counts its messages.
    Count,
    /// Looks at messages and changes nothing.
    Peek {
        /// The first sequence to look at.
        from: u64,
        /// Most messages to show.
        max: usize,
        /// Which ones.
        states: PeekStates,
    },
}

/// The messages of all virtual queues of a host.
#[derive(Debug, Default)]
pub(crate) struct VirtualQueues {
    of: BTreeMap<u64, VirtualId>,
    members: BTreeSet<(VirtualId, u64)>,
    pub(crate) visible: Visible,
    /// Whose messages became visible since the engine last asked. No state: it is told once and then forgotten.
    stirred: Vec<u128>,
}

/// The same messages; what the engine has yet to hear is no difference.
impl PartialEq for VirtualQueues {
    fn eq(&self, other: &Self) -> bool {
        (&self.of, &self.members, &self.visible) == (&other.of, &other.members, &other.visible)
    }
}

impl VirtualQueues {
    /// Whose a message is.
    pub(crate) fn of(&self, sequence: u64) -> Option<VirtualId> {
        self.of.get(&sequence).copied()
    }

    fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    fn join(&mut self, sequence: u64, id: VirtualId) {
        self.of.insert(sequence, id);
        self.members.insert((id, sequence));
    }

    fn leave(&mut self, sequence: u64) {
        if let Some(id) = self.of.remove(&sequence) {
            self.members.remove(&(id, sequence));
        }
    }

    /// Takes in what became visible; says whether it is here.
    pub(crate) fn show(&mut self, sequence: u64) -> bool {
        let Some(id) = self.of(sequence) else { return false };
        self.visible.insert(sequence);
        // One more than the bound stands for all of them.
        if self.stirred.len() <= STIRRED_MAX {
            self.stirred.push(id.0);
        }
        true
    }

    fn members(&self, id: VirtualId, from: u64) -> impl Iterator<Item = u64> {
        self.members.range((id, from)..=(id, u64::MAX)).map(|&(_, sequence)| sequence)
    }

    fn remove_below(&mut self, below: u64) {
        self.visible.remove_below(below);
        while let Some((&sequence, _)) = self.of.first_key_value().filter(|(sequence, _)| **sequence < below) {
            self.leave(sequence);
        }
    }

    /// The section of a snapshot: `count v, then each: step v (from the sequence before, or 0) │ virtual queue 16`.
    pub(crate) fn section(&self) -> Option<Section> {
        if self.of.is_empty() {
            return None;
        }
        let mut out = Vec::new();
        put(&mut out, self.of.len() as u64);
        let mut before = 0;
        for (sequence, id) in &self.of {
            put(&mut out, sequence - before);
            out.extend(id.0.to_be_bytes());
            before = *sequence;
        }
        Some((TAG, out))
    }
}

/// The tag of the section of a snapshot.
pub(crate) const TAG: u8 = 20;

impl Queue {
    /// Answers [`crate::Command::Within`].
    pub(crate) fn within<E: From<Effect>>(&self, now: Instant, id: VirtualId, asked: Within) -> Decision<E, Reply> {
        match asked {
            Within::Send(messages) => self.send_as(now, messages, |sequence, visible_at, message| Effect::SentWithin {
                within: id,
                sequence,
                visible_at,
                message,
            }),
            Within::Receive { max, visibility_millis } => self.receive_within(now, id, max, visibility_millis),
            Within::Purge => {
                let gone: Vec<_> = self.members_from(id, 0).collect();
                let effects = if gone.is_empty() { Vec::new() } else { vec![Effect::Deleted(gone).into()] };
                Decision::change(effects, Reply::Purged)
            }
            Within::Count => Decision::answer(Reply::Counted(self.counts_within(id))),
            Within::Peek { from, max, states } => self.peek_within(id, from, max, states),
        }
    }

    fn receive_within<E: From<Effect>>(
        &self,
        now: Instant,
        id: VirtualId,
        max: usize,
        visibility_millis: Option<u64>,
    ) -> Decision<E, Reply> {
        let room = self.settings.in_flight_max().saturating_sub(self.exceptions.in_flight());
        if room == 0 {
            return Decision::answer(Reply::OverLimit);
        }
        let visible = self.members_from(id, 0).filter(|&sequence| self.is_visible(sequence));
        let deliveries: Vec<Delivery> =
            visible.take(max.min(room)).map(|sequence| self.delivery(now, sequence)).collect();
        if deliveries.is_empty() {
            return Decision::answer(Reply::Received(deliveries));
        }
        let reads = deliveries.iter().map(|delivery| delivery.sequence).collect();
        let until = after(now, visibility_millis.unwrap_or(self.settings.visibility_millis));
        Decision {
            effects: self.leases(now, until, &deliveries),
            reply: Reply::Received(deliveries),
            reads,
            durability: Durability::Lazy,
        }
    }

    fn counts_within(&self, id: VirtualId) -> Counts {
        let mut counts = Counts::default();
        for sequence in self.members_from(id, 0) {
            match self.exceptions.get(sequence).unwrap_or_default() {
                status if !status.is_hidden() => counts.visible += 1,
                status if status.receive == 0 => counts.delayed += 1,
                _ => counts.in_flight += 1,
            }
        }
        counts
    }

    fn peek_within<E>(&self, id: VirtualId, from: u64, max: usize, states: PeekStates) -> Decision<E, Reply> {
        let peeked = |sequence| (sequence, self.exceptions.get(sequence).unwrap_or_default());
        let wanted = self.members_from(id, from).map(peeked).filter(|(_, status)| states.has(status.phase()));
        let mut messages: Vec<_> =
            wanted.take(max.saturating_add(1)).map(|(sequence, status)| Peeked::new(sequence, status)).collect();
        let next = messages.get(max).map_or(self.next_sequence, |beyond| beyond.sequence);
        messages.truncate(max);
        let reads = messages.iter().map(|message| message.sequence).collect();
        let reply = Reply::Peeked { messages, next, is_end: next == self.next_sequence };
        Decision { reads, ..Decision::answer(reply) }
    }

    fn members_from(&self, id: VirtualId, from: u64) -> impl Iterator<Item = u64> {
        self.virtual_queues.iter().flat_map(move |all| all.members(id, from))
    }

    /// Whether a message can be received, from wherever.
    pub fn is_visible(&self, sequence: u64) -> bool {
        self.visible.contains(sequence)
            || self.virtual_queues.as_ref().is_some_and(|all| all.visible.contains(sequence))
    }

    /// Whether it is in a virtual queue.
    pub(crate) fn is_within_any(&self, sequence: u64) -> bool {
        self.virtual_queues.as_ref().is_some_and(|all| all.of(sequence).is_some())
    }

    pub(crate) fn join(&mut self, sequence: u64, id: VirtualId) {
        self.virtual_queues.get_or_insert_default().join(sequence, id);
    }

    /// Makes a message visible to whoever may see it.
    pub(crate) fn show(&mut self, sequence: u64) {
        if !self.virtual_queues.as_mut().is_some_and(|all| all.show(sequence)) {
            self.visible.insert(sequence);
            if let Some(fair) = &mut self.fair {
                fair.shown(sequence);
            }
        }
    }

    /// The opposite; says whether it was visible.
    pub(crate) fn hide(&mut self, sequence: u64) -> bool {
        if let Some(fair) = &mut self.fair {
            fair.hidden(sequence);
        }
        self.visible.remove(sequence) || self.virtual_queues.as_mut().is_some_and(|all| all.visible.remove(sequence))
    }

    pub(crate) fn leave_virtual_queue(&mut self, sequence: u64) {
        if let Some(all) = &mut self.virtual_queues {
            all.leave(sequence);
        }
        self.drop_virtual_queues();
    }

    pub(crate) fn leave_virtual_queues_below(&mut self, below: u64) {
        if let Some(all) = &mut self.virtual_queues {
            all.remove_below(below);
        }
        self.drop_virtual_queues();
    }

    fn drop_virtual_queues(&mut self) {
        if self.virtual_queues.as_ref().is_some_and(|all| all.is_empty()) {
            self.virtual_queues = None;
        }
    }

    /// In which virtual queues messages became visible since this was last asked, each as often as messages did.
    pub fn take_stirred(&mut self) -> Stirred {
        let Some(all) = &mut self.virtual_queues else { return Stirred::Nothing };
        let stirred = std::mem::take(&mut all.stirred);
        match stirred.len() {
            0 => Stirred::Nothing,
            1..=STIRRED_MAX => Stirred::Channels(stirred),
            _ => Stirred::All,
        }
    }

    /// Takes the section of a snapshot in. Exceptions and visible messages have been read before.
    pub(crate) fn take_virtual_queues(&mut self, section: &mut Reader<'_>) -> Result<(), &'static str> {
        let mut all = VirtualQueues::default();
        let mut sequence = 0u64;
        let count = section.varint()?;
        for _ in 0..count {
            let step = section.varint()?;
            sequence = sequence.checked_add(step).filter(|_| step > 0).ok_or("sequences do not rise")?;
            all.join(sequence, VirtualId(u128::from_be_bytes(section.array()?)));
            if !self.exceptions.get(sequence).unwrap_or_default().is_hidden() {
                all.visible.insert(sequence);
            }
        }
        if count == 0 {
            return Err("a list of virtual queues is empty");
        }
        self.virtual_queues = Some(Box::new(all));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Command, MessageId, Settings};
    use bytes::Bytes;

    const A: VirtualId = VirtualId(1);
    const B: VirtualId = VirtualId(2);

    fn queue() -> Queue {
        Queue::new(Settings::plain(60_000, 30_000, 0))
    }

    fn run(queue: &mut Queue, millis: u64, command: Command) -> Reply {
        let now = Instant::from_millis(millis);
        queue.advance(now);
        let decision = queue.decide::<Effect>(now, command);
        decision.effects.iter().for_each(|effect| queue.apply(effect, &mut Vec::new()));
        decision.reply
    }

    fn send(queue: &mut Queue, to: VirtualId) {
        let message = NewMessage::plain(MessageId([0; 16]), 1, Bytes::from_static(b"x"), None);
        run(queue, 1, Command::Within(to, Within::Send(vec![message])));
    }

    #[test]
    fn a_virtual_queue_stirs_its_own_channel_once_for_each_message_that_becomes_visible() {
        let mut queue = queue();
        send(&mut queue, A);
        send(&mut queue, B);
        send(&mut queue, A);
        assert_eq!(queue.take_stirred(), Stirred::Channels(vec![1, 2, 1]));
        assert_eq!(queue.take_stirred(), Stirred::Nothing);
        run(&mut queue, 2, Command::Within(A, Within::Receive { max: 1, visibility_millis: Some(1_000) }));
        assert_eq!(queue.take_stirred(), Stirred::Nothing);
        queue.advance(Instant::from_millis(1_002));
        assert_eq!(queue.take_stirred(), Stirred::Channels(vec![1]));
        assert_eq!(queue.ready(), 0, "nobody who reads the host can see them");
    }

    #[test]
    fn what_is_to_be_told_is_bounded_though_nobody_asks() {
        let mut queue = queue();
        for _ in 0..STIRRED_MAX + 10 {
            send(&mut queue, A);
        }
        assert!(queue.virtual_queues.as_ref().is_some_and(|all| all.stirred.len() == STIRRED_MAX + 1));
        assert_eq!(queue.take_stirred(), Stirred::All);
    }

    #[test]
    fn a_virtual_queue_without_messages_leaves_nothing_behind() {
        let mut queue = queue();
        send(&mut queue, A);
        send(&mut queue, B);
        drop(queue.take_stirred());
        run(&mut queue, 2, Command::Within(A, Within::Purge));
        assert_eq!(run(&mut queue, 2, Command::Within(A, Within::Count)), Reply::Counted(Counts::default()));
        assert!(queue.virtual_queues.is_some());
        queue.advance(Instant::from_millis(60_002));
        assert!(queue.virtual_queues.is_none(), "the other's message outlived its retention");
    }
}
