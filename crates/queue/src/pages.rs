//! The messages themselves, by sequence, in pages of 64.
//!
//! A page holds its messages side by side and finds one by counting bits. What only messages with a past need (how
//! often received, hidden until when) stands in a second column that a page grows when its first message needs it. A
//! page whose messages go shrinks as it thins out, and an empty one is dropped, so that one old stuck message pins a
//! few hundred bytes and none of its neighbours.

use crate::{
    MessageId,
    limits::{PAGE_MESSAGES, PAGE_SLOTS_MIN},
};
use bytes::Bytes;
use names::Instant;
use std::collections::BTreeMap;

/// What was sent.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: MessageId,
    pub(crate) sent_at: Instant,
    pub(crate) body: Bytes,
    pub(crate) properties: Bytes,
}

// A slot is almost all that a message costs in a backlog, of which the budget is 100 bytes.
const _: () = assert!(size_of::<Option<Message>>() <= 88);

/// What happened to a message since it was sent. The default is nothing: visible, never received.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Status {
    /// When it is visible again; the epoch if it is visible.
    pub(crate) until: Instant,
    /// When it was received last.
    pub(crate) received_at: Instant,
    /// When it was received first.
    pub(crate) first_received_at: Instant,
    /// How often it was received.
    pub(crate) receive: u32,
}

/// Where a message is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Visible,
    Delayed,
    InFlight,
}

impl Status {
    pub(crate) fn phase(&self) -> Phase {
        match (self.until, self.receive) {
            (Instant::EPOCH, _) => Phase::Visible,
            (_, 0) => Phase::Delayed,
            _ => Phase::InFlight,
        }
    }
}

impl Message {
    /// What it counts for in the queue's bytes.
    pub(crate) fn bytes(&self) -> u64 {
        (self.body.len() + self.properties.len()) as u64
    }
}

/// All messages of a queue.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    by_number: BTreeMap<u64, Page>,
}

impl Pages {
    /// Adds the message after all others.
    pub(crate) fn push(&mut self, sequence: u64, message: Message) {
        self.by_number.entry(sequence / PAGE_MESSAGES).or_default().push(sequence % PAGE_MESSAGES, message);
    }

    /// A message and what happened to it.
    pub(crate) fn get(&self, sequence: u64) -> Option<(&Message, Status)> {
        self.by_number.get(&(sequence / PAGE_MESSAGES))?.get(sequence % PAGE_MESSAGES)
    }

    /// What happened to a message, to be changed.
    pub(crate) fn status_mut(&mut self, sequence: u64) -> Option<&mut Status> {
        self.by_number.get_mut(&(sequence / PAGE_MESSAGES))?.status_mut(sequence % PAGE_MESSAGES)
    }

    /// Takes a message out.
    pub(crate) fn remove(&mut self, sequence: u64) -> Option<(Message, Status)> {
        let number = sequence / PAGE_MESSAGES;
        let page = self.by_number.get_mut(&number)?;
        let removed = page.remove(sequence % PAGE_MESSAGES)?;
        if page.live == 0 {
            self.by_number.remove(&number);
        }
        Some(removed)
    }

    /// The oldest message's sequence and when it was sent.
    pub(crate) fn first(&self) -> Option<(u64, Instant)> {
        let (number, page) = self.by_number.first_key_value()?;
        let (offset, message) = page.first()?;
        Some((number * PAGE_MESSAGES + offset, message.sent_at))
    }
}

#[derive(Debug, Default)]
struct Page {
    /// Offsets that have a slot, one bit each; the slot's place is the number of bits below.
    slotted: u64,
    slots: Vec<Option<Message>>,
    /// One for each slot, or none at all while no message here has a past.
    statuses: Vec<Status>,
    live: usize,
}

impl Page {
    fn push(&mut self, offset: u64, message: Message) {
        debug_assert!(self.slotted >> offset == 0, "messages arrive in order");
        self.slotted |= 1 << offset;
        self.slots.push(Some(message));
        if !self.statuses.is_empty() {
            self.statuses.push(Status::default());
        }
        self.live += 1;
    }

    fn get(&self, offset: u64) -> Option<(&Message, Status)> {
        let place = self.place(offset)?;
        let message = self.slots[place].as_ref()?;
        Some((message, self.statuses.get(place).copied().unwrap_or_default()))
    }

    fn status_mut(&mut self, offset: u64) -> Option<&mut Status> {
        let place = self.place(offset).filter(|&place| self.slots[place].is_some())?;
        if self.statuses.is_empty() {
            self.statuses.resize(self.slots.len(), Status::default());
        }
        self.statuses.get_mut(place)
    }

    fn remove(&mut self, offset: u64) -> Option<(Message, Status)> {
        let place = self.place(offset)?;
        let message = self.slots[place].take()?;
        let status = self.statuses.get(place).copied().unwrap_or_default();
        self.live -= 1;
        if self.live > 0 && self.live * 2 <= self.slots.len() && self.slots.len() > PAGE_SLOTS_MIN {
            self.shrink();
        }
        Some((message, status))
    }

    fn first(&self) -> Option<(u64, &Message)> {
        self.slots.iter().zip(self.offsets()).find_map(|(slot, offset)| Some((offset, slot.as_ref()?)))
    }

    fn place(&self, offset: u64) -> Option<usize> {
        let bit = 1 << offset;
        (self.slotted & bit != 0).then(|| (self.slotted & (bit - 1)).count_ones() as usize)
    }

    fn offsets(&self) -> impl Iterator<Item = u64> + use<> {
        let slotted = self.slotted;
        (0..PAGE_MESSAGES).filter(move |offset| slotted >> offset & 1 == 1)
    }

    /// Gives back the slots whose messages are gone.
    fn shrink(&mut self) {
        let has_past = !self.statuses.is_empty();
        let (slots, statuses) = (std::mem::take(&mut self.slots), std::mem::take(&mut self.statuses));
        let offsets = self.offsets();
        self.slotted = 0;
        self.slots.reserve_exact(self.live);
        self.statuses.reserve_exact(if has_past { self.live } else { 0 });
        for ((place, slot), offset) in
            slots.into_iter().enumerate().zip(offsets).filter(|((_, slot), _)| slot.is_some())
        {
            self.slotted |= 1 << offset;
            self.slots.push(slot);
            self.statuses.extend(statuses.get(place));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    fn message(sequence: u64) -> Message {
        let id = MessageId(u128::from(sequence).to_be_bytes());
        Message { id, sent_at: Instant::from_millis(sequence), body: Bytes::new(), properties: Bytes::new() }
    }

    fn slots(pages: &Pages) -> usize {
        pages.by_number.values().map(|page| page.slots.capacity() + page.statuses.capacity()).sum()
    }

    #[test]
    fn a_stuck_message_does_not_pin_its_neighbours() {
        let mut pages = Pages::default();
        for sequence in 1..=10_000 {
            pages.push(sequence, message(sequence));
            pages.status_mut(sequence).unwrap().receive = 1;
        }
        for sequence in (1..=10_000).filter(|sequence| sequence % 1000 != 0) {
            assert!(pages.remove(sequence).is_some());
        }
        assert_eq!(pages.by_number.len(), 10);
        assert!(slots(&pages) <= 10 * 2 * PAGE_SLOTS_MIN, "{} slots for ten messages", slots(&pages));
        for sequence in (1000..=10_000).step_by(1000) {
            let (message, status) = pages.remove(sequence).unwrap();
            assert_eq!((message.sent_at.as_millis(), status.receive), (sequence, 1));
        }
        assert!(pages.by_number.is_empty());
    }

    #[test]
    fn messages_without_a_past_have_no_second_column() {
        let mut pages = Pages::default();
        for sequence in 1..=1000 {
            pages.push(sequence, message(sequence));
        }
        pages.status_mut(500).unwrap().receive = 1;
        let columns: Vec<_> = pages.by_number.values().filter(|page| !page.statuses.is_empty()).collect();
        assert_eq!(columns.len(), 1);
        assert_eq!(columns[0].statuses.len(), columns[0].slots.len());
    }

    proptest! {
        #[test]
        fn pages_are_a_tree_of_messages(steps in prop::collection::vec((0u8..6, any::<u64>()), 0..600)) {
            let (mut pages, mut model, mut next) = (Pages::default(), BTreeMap::new(), 1);
            for (step, any) in steps {
                let sequence = any % next;
                match step {
                    0..=2 => {
                        next += any % 3;
                        pages.push(next, message(next));
                        model.insert(next, 0);
                        next += 1;
                    }
                    3 => {
                        let status = pages.status_mut(sequence);
                        assert_eq!(status.is_some(), model.contains_key(&sequence));
                        if let (Some(status), Some(receive)) = (status, model.get_mut(&sequence)) {
                            assert_eq!(status.receive, *receive);
                            status.receive += 1;
                            *receive += 1;
                        }
                    }
                    _ => {
                        let removed = pages.remove(sequence);
                        let removed = removed.map(|(message, status)| (message.sent_at.as_millis(), status.receive));
                        assert_eq!(removed, model.remove(&sequence).map(|receive| (sequence, receive)));
                    }
                }
                assert_eq!(pages.first().map(|(sequence, _)| sequence), model.keys().next().copied());
            }
            for (sequence, receive) in model {
                let (message, status) = pages.get(sequence).unwrap();
                assert_eq!((message.sent_at.as_millis(), status.receive), (sequence, receive));
            }
        }
    }
}
