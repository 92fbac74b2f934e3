//! What happens to a message that is deleted: it is gone, or stands on the shelf for a while (shelf.rs).
//!
//! A message on the shelf is in nobody's counts and can neither be received nor deleted; its content is held until the time
//! has passed for which its owner keeps deleted messages, or its retention has ended, whichever is first. A purge takes the
//! shelf along. The part of a queue's state that only a queue with a shelf or a replay has is [`Keep`].

use crate::limits::COLD_MAX;
use crate::replay::Replay;
use crate::shelf::Shelf;
use crate::{Effect, Queue};
use names::Instant;
use std::ops::Range;

/// The shelf, and the latest replay.
#[derive(Debug, Default)]
pub(crate) struct Keep {
    pub(crate) shelf: Shelf,
    pub(crate) replay: Option<Replay>,
    /// Messages of which the engine has yet to hear that nobody is expected to ask for them. No state: it is told once.
    cold: Vec<u64>,
}

/// The same shelf and replay; what the engine has yet to hear is no difference.
impl PartialEq for Keep {
    fn eq(&self, other: &Self) -> bool {
        (&self.shelf, &self.replay) == (&other.shelf, &other.replay)
    }
}

impl Queue {
    /// The effects that remove messages, which are there and rise: onto the shelf, if there is one. What is in a virtual
    /// queue is an answer that somebody waited for, and is never kept.
    pub(crate) fn removal<E: From<Effect>>(&self, now: Instant, sequences: Vec<u64>) -> Vec<E> {
        let is_kept = |sequence: &u64| self.settings.keep_deleted_secs > 0 && !self.is_within_any(*sequence);
        let (shelved, deleted): (Vec<u64>, Vec<u64>) = sequences.into_iter().partition(is_kept);
        let mut effects = Vec::with_capacity(1);
        if !shelved.is_empty() {
            effects.push(Effect::Shelved { at: now, sequences: shelved }.into());
        }
        if !deleted.is_empty() {
            effects.push(Effect::Deleted(deleted).into());
        }
        effects
    }

    /// Messages are deleted and kept.
    pub(crate) fn shelve(&mut self, at: Instant, sequences: &[u64]) {
        // As with a message that is sent: what was over then has gone, so that the shelf does not grow at replay.
        self.expire(at);
        let keep_millis = self.settings.keep_deleted_millis();
        for &sequence in sequences {
            if self.remove(sequence) {
                let keep = self.keep_mut();
                keep.shelf.add(sequence, at, keep_millis);
                if keep.cold.len() < COLD_MAX {
                    keep.cold.push(sequence);
                }
            }
        }
        self.trim_marks();
    }

    /// Deleted messages that have been kept long enough are gone.
    pub(crate) fn expire_shelf(&mut self, now: Instant) {
        let keep_millis = self.settings.keep_deleted_millis();
        if let Some(keep) = &mut self.keep
            && keep.shelf.expire(now, keep_millis)
        {
            self.tidy_keep();
            self.trim_marks();
        }
    }

    /// Nothing is kept any more.
    pub(crate) fn clear_shelf(&mut self) {
        if let Some(keep) = &mut self.keep {
            keep.shelf = Shelf::default();
            self.tidy_keep();
            self.trim_marks();
        }
    }

    /// Messages whose retention has ended, or that were purged, are not kept either.
    pub(crate) fn unshelve(&mut self, range: &Range<u64>) {
        if let Some(keep) = &mut self.keep {
            keep.shelf.remove_range(range);
            self.tidy_keep();
        }
    }

    /// Whether a message was deleted and is kept.
    pub(crate) fn is_shelved(&self, sequence: u64) -> bool {
        self.keep.as_ref().is_some_and(|keep| keep.shelf.contains(sequence))
    }

    pub(crate) fn first_shelved(&self) -> Option<u64> {
        self.keep.as_ref()?.shelf.first()
    }

    /// Contents that are held and that nobody is expected to ask for soon, since this was last asked.
    pub fn take_cold(&mut self) -> Vec<u64> {
        self.keep.as_mut().map(|keep| std::mem::take(&mut keep.cold)).unwrap_or_default()
    }

    pub(crate) fn keep_mut(&mut self) -> &mut Keep {
        self.keep.get_or_insert_default()
    }

    pub(crate) fn tidy_keep(&mut self) {
        if self.keep.as_ref().is_some_and(|keep| keep.shelf.is_empty() && keep.replay.is_none()) {
            self.keep = None;
        }
    }
}
