//! Looks at messages without touching them: which there are from a place on, in what state, oldest first.
//!
//! A peek is an answer and never an effect: nothing is hidden, nothing is counted, and nothing is journaled. What it looks
//! at is bounded whatever the queue holds, so it says from where to go on. A place is a sequence, which stays good as
//! messages come and go.

use crate::exceptions::{Phase, Status};
use crate::limits::PEEK_STEPS_MAX;
use crate::{Queue, Reply};
use engine::Decision;
use names::Instant;

/// Which messages a peek is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeekStates {
    /// Those that could be received now.
    pub visible: bool,
    /// Those that were sent and are not yet visible for the first time.
    pub delayed: bool,
    /// Those that somebody has received and that are hidden.
    pub in_flight: bool,
}

impl PeekStates {
    /// Every message.
    pub const ALL: Self = Self { visible: true, delayed: true, in_flight: true };

    pub(crate) fn has(self, phase: Phase) -> bool {
        match phase {
            Phase::Visible => self.visible,
            Phase::Delayed => self.delayed,
            Phase::InFlight => self.in_flight,
        }
    }
}

/// A message that was looked at; its content comes beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peeked {
    /// Its place in the queue.
    pub sequence: u64,
    /// When it is visible again; `None` if it is.
    pub hidden_until: Option<Instant>,
    /// How often it was received so far.
    pub receive: u32,
    /// When it was received for the first time, if it was.
    pub first_received_at: Option<Instant>,
}

impl Peeked {
    pub(crate) fn new(sequence: u64, status: Status) -> Self {
        Self {
            sequence,
            hidden_until: status.is_hidden().then_some(status.until),
            receive: status.receive,
            first_received_at: (status.receive > 0).then_some(status.first_received_at),
        }
    }
}

impl Queue {
    /// Answers [`Command::Peek`]. `states` also says what is walked over: who asks for hidden messages alone is not led
    /// through a backlog.
    pub(crate) fn peek<E>(&self, from: u64, max: usize, states: PeekStates) -> Decision<E, Reply> {
        let from = from.min(self.next_sequence);
        let (mut found, horizon) = self.hidden_from(from, max, states);
        if states.visible {
            let visible = self.visible.iter_from(from).take_while(|&sequence| sequence < horizon);
            let visible = visible.take(max.saturating_add(1));
            found.extend(visible.map(|sequence| {
                let status = self.exceptions.get(sequence).unwrap_or_default();
                Peeked::new(sequence, status)
            }));
            found.sort_unstable_by_key(|message| message.sequence);
        }
        let next = match found.get(max) {
            Some(beyond) => beyond.sequence,
            None => horizon,
        };
        found.truncate(max);
        let reads = found.iter().map(|message| message.sequence).collect();
        let reply = Reply::Peeked { messages: found, next, is_end: next == self.next_sequence };
        Decision { reads, ..Decision::answer(reply) }
    }

    /// Hidden messages from a place on, and the first place that was not looked at.
    fn hidden_from(&self, from: u64, max: usize, states: PeekStates) -> (Vec<Peeked>, u64) {
        let mut found = Vec::new();
        if !states.delayed && !states.in_flight {
            return (found, self.next_sequence);
        }
        for (steps, (sequence, status)) in self.exceptions.iter_from(from).enumerate() {
            if steps == PEEK_STEPS_MAX || found.len() == max {
                return (found, sequence);
            }
            if status.is_hidden() && states.has(status.phase()) && !self.is_within_any(sequence) {
                found.push(Peeked::new(sequence, status));
            }
        }
        (found, self.next_sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::IN_FLIGHT_MAX;
    use crate::{Command, Effect, Message, MessageId, Settings};
    use bytes::Bytes;

    fn queue(messages: u64) -> Queue {
        let mut queue = Queue::new(Settings::plain(60_000, 30_000, 0));
        for sequence in 1..=messages {
            let message = Message::new(MessageId([0; 16]), Instant::EPOCH, 0, Bytes::new());
            queue.apply(&Effect::Sent { sequence, visible_at: Instant::EPOCH, message }, &mut Vec::new());
        }
        queue
    }

    fn lease(queue: &mut Queue, sequences: impl Iterator<Item = u64>, until: u64) {
        let entries = sequences.map(|sequence| (sequence, 1)).collect();
        let (received_at, until) = (Instant::EPOCH, Instant::from_millis(until));
        queue.apply(&Effect::Leased { received_at, until, entries }, &mut Vec::new());
    }

    fn peek(queue: &Queue, from: u64, max: usize, states: PeekStates) -> (Vec<u64>, u64, bool) {
        let command = Command::Peek { from, max, states };
        let decision = queue.decide::<Effect>(Instant::EPOCH, command);
        assert!(decision.effects.is_empty(), "a peek changes nothing");
        let Reply::Peeked { messages, next, is_end } = decision.reply else { panic!("a peek is answered as one") };
        let sequences: Vec<u64> = messages.iter().map(|message| message.sequence).collect();
        assert_eq!(decision.reads, sequences);
        (sequences, next, is_end)
    }

    #[test]
    fn a_peek_goes_through_all_states_in_order_and_says_where_to_go_on() {
        let mut queue = queue(6);
        lease(&mut queue, [2, 5].into_iter(), 9_000);
        assert_eq!(peek(&queue, 0, 4, PeekStates::ALL), (vec![1, 2, 3, 4], 5, false));
        assert_eq!(peek(&queue, 5, 4, PeekStates::ALL), (vec![5, 6], 7, true));
        assert_eq!(peek(&queue, u64::MAX, 4, PeekStates::ALL), (vec![], 7, true));
        assert_eq!(peek(&queue, 0, 1, PeekStates::ALL), (vec![1], 2, false));
        assert_eq!(peek(&queue, 0, 0, PeekStates::ALL), (vec![], 1, false));
    }

    #[test]
    fn one_state_alone_is_shown_alone() {
        let mut queue = queue(6);
        lease(&mut queue, [2, 5].into_iter(), 9_000);
        let only = |visible, in_flight| PeekStates { visible, delayed: false, in_flight };
        assert_eq!(peek(&queue, 0, 9, only(true, false)), (vec![1, 3, 4, 6], 7, true));
        assert_eq!(peek(&queue, 0, 9, only(false, true)), (vec![2, 5], 7, true));
        assert_eq!(peek(&queue, 3, 1, only(false, true)), (vec![5], 7, true));
    }

    #[test]
    fn what_one_peek_looks_at_is_bounded() {
        let mut queue = queue(IN_FLIGHT_MAX as u64 + 1);
        lease(&mut queue, 1..=IN_FLIGHT_MAX as u64, 9_000);
        let delayed = PeekStates { visible: false, delayed: true, in_flight: false };
        let (mut from, mut calls) = (0, 0);
        loop {
            let (found, next, is_end) = peek(&queue, from, 10, delayed);
            assert!(found.is_empty() && (next > from || is_end));
            (from, calls) = (next, calls + 1);
            if is_end {
                break;
            }
        }
        assert_eq!(calls, IN_FLIGHT_MAX.div_ceil(PEEK_STEPS_MAX));
    }
}
