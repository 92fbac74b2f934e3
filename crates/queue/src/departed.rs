//! What leaving and arriving change in the state of a queue.
//!
//! Total, like every apply: what names a message that is not there passes over it. A message that has left is in [`Ways`] and
//! nowhere else; when it comes back it is what it was, and what was only known of it is learned anew.

use crate::groups::Groups;
use crate::ways::{Left, Ways};
use crate::{Departure, Effect, Queue};
use names::{Instant, PartitionId};
use std::collections::BTreeSet;

impl Queue {
    /// What leaving and arriving change.
    pub(crate) fn apply_move(&mut self, effect: &Effect, gone: &mut Vec<u64>) {
        match effect {
            Effect::Departed { destination, why, sequences } => {
                sequences.iter().for_each(|&sequence| self.leave(*destination, *why, sequence));
            }
            Effect::Arrived { origin, below, at } => {
                // As with a message that is sent: what was over then has gone.
                self.expire(*at);
                self.ways_mut().note_arrived(*origin, *below);
            }
            Effect::Carried(entries) => {
                for (sequence, carried) in entries {
                    self.change(*sequence, |status| *status = carried.hidden_until(status.until));
                }
            }
            Effect::Delivered { destination, below } => {
                let taken = self.ways_mut().taken(*destination, *below);
                // A message and a copy of it may arrive together.
                let sequences: BTreeSet<u64> = taken.iter().map(|out| out.sequence).collect();
                sequences.into_iter().for_each(|sequence| self.let_content_go(sequence, gone));
                self.tidy_ways();
            }
            Effect::Returned { destination, at } => {
                self.expire(*at);
                let (back, copies) = self.ways_mut().take_back(*destination);
                self.end_homeless_replay(*destination);
                if self.settings.dead_letters.is_some_and(|dead_letters| dead_letters.destination == *destination) {
                    self.ways_mut().note_missing(*destination);
                }
                let returned: BTreeSet<u64> = back.iter().map(|(sequence, _)| *sequence).collect();
                back.into_iter().for_each(|(sequence, left)| self.come_back(sequence, left, Instant::EPOCH, gone));
                let copies = copies.into_iter().filter(|sequence| !returned.contains(sequence));
                copies.for_each(|sequence| self.let_content_go(sequence, gone));
                self.tidy_ways();
            }
            Effect::Withheld { destination, number, at, until } => {
                self.expire(*at);
                match self.ways_mut().take_back_first(*destination, *number) {
                    Some((sequence, Some(left))) => self.come_back(sequence, left, *until, gone),
                    // A copy of what is damaged is nothing.
                    Some((sequence, None)) => self.let_content_go(sequence, gone),
                    None => {}
                }
                self.tidy_ways();
            }
            _ => unreachable!("the caller has looked"),
        }
    }

    fn leave(&mut self, destination: PartitionId, why: Departure, sequence: u64) {
        let status = self.exceptions.get(sequence).unwrap_or_default();
        if self.remove(sequence) {
            let left = Left { why, receives: status.into(), is_over: false };
            self.ways_mut().leave(destination, sequence, left);
        }
    }

    fn come_back(&mut self, sequence: u64, left: Left, until: Instant, gone: &mut Vec<u64>) {
        if left.is_over {
            return self.let_content_go(sequence, gone);
        }
        self.show(sequence);
        if let Some(fair) = &mut self.fair {
            // Its group is forgotten: it is a message of nobody.
            fair.shown(sequence);
        }
        self.change(sequence, |status| *status = left.receives.hidden_until(until));
        if let Some(fifo) = &mut self.fifo {
            // Groups are learned in the order of their messages, so all of them are learned anew.
            fifo.groups = Groups::default();
        }
    }

    /// Tells that a message's content is not needed any more, if nothing needs it.
    fn let_content_go(&self, sequence: u64, gone: &mut Vec<u64>) {
        if !self.holds(sequence) {
            gone.push(sequence);
        }
    }

    pub(crate) fn ways_mut(&mut self) -> &mut Ways {
        self.ways.get_or_insert_default()
    }

    pub(crate) fn tidy_ways(&mut self) {
        if self.ways.as_ref().is_some_and(|ways| ways.is_empty()) {
            self.ways = None;
        }
        self.trim_marks();
    }
}
