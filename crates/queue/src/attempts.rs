//! Receives that had a name, for as long as they may be asked for again.
//!
//! An entry says what was handed out and until when it was hidden; whether all of that still holds is asked of the messages
//! themselves. Entries go in the order in which they came, by age and by number.

use crate::AttemptId;
use crate::limits::{ATTEMPTS_MAX, DEDUP_MILLIS};
use crate::records::{put_entries, read_entries};
use engine::varint::{Reader, put};
use names::Instant;
use std::collections::{BTreeMap, VecDeque};

/// What a named receive handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// When it was made first.
    pub(crate) at: Instant,
    /// Until when its messages are hidden.
    pub(crate) until: Instant,
    /// Sequence and number of receives, in the order handed out.
    pub(crate) entries: Vec<(u64, u32)>,
}

/// The named receives of the last five minutes.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    by_id: BTreeMap<AttemptId, (u64, Attempt)>,
    /// By age; a place is outdated when the receive was noted again since, under another number.
    order: VecDeque<(u64, Instant, AttemptId)>,
    noted: u64,
}

/// The same receives; which outdated places are still kept is no difference.
impl PartialEq for Attempts {
    fn eq(&self, other: &Self) -> bool {
        self.in_order().eq(other.in_order())
    }
}

impl Attempts {
    /// The receive of this name, if it may still be asked for.
    pub(crate) fn find(&self, id: &AttemptId, now: Instant) -> Option<&Attempt> {
        let (_, attempt) = self.by_id.get(id)?;
        Some(attempt).filter(|attempt| now < attempt.at.plus_millis(DEDUP_MILLIS))
    }

    /// Notes a receive, in place of an earlier one of the same name.
    pub(crate) fn note(&mut self, id: AttemptId, attempt: Attempt) {
        self.noted += 1;
        self.order.push_back((self.noted, attempt.at, id));
        self.by_id.insert(id, (self.noted, attempt));
        while self.order.len() > ATTEMPTS_MAX {
            self.pop();
        }
    }

    /// Lets go of what nobody may ask for any more.
    pub(crate) fn expire(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(_, at, _)| at.plus_millis(DEDUP_MILLIS) <= now) {
            self.pop();
        }
        if self.order.is_empty() && self.order.capacity() > 0 {
            self.order = VecDeque::new();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    fn pop(&mut self) {
        let Some((number, _, id)) = self.order.pop_front() else { return };
        if self.by_id.get(&id).is_some_and(|(noted, _)| *noted == number) {
            self.by_id.remove(&id);
        }
    }

    /// All of them, by age.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = (&AttemptId, &Attempt)> {
        self.order.iter().filter_map(|(number, _, id)| {
            self.by_id.get(id).filter(|(noted, _)| noted == number).map(|(_, attempt)| (id, attempt))
        })
    }

    /// Appends all of it: count v, then each: id 16 │ at v │ until v │ entries (records.rs).
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put(out, self.by_id.len() as u64);
        for (id, attempt) in self.in_order() {
            out.extend_from_slice(id);
            put(out, attempt.at.as_millis());
            put(out, attempt.until.as_millis());
            put_entries(out, &attempt.entries);
        }
    }

    /// Reads what `put` wrote.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, &'static str> {
        let mut attempts = Self::default();
        let count = reader.varint()?;
        if count > ATTEMPTS_MAX as u64 {
            return Err("more receives are remembered than can be");
        }
        for _ in 0..count {
            let id = reader.array()?;
            let at = Instant::from_millis(reader.varint()?);
            let until = Instant::from_millis(reader.varint()?);
            attempts.note(id, Attempt { at, until, entries: read_entries(reader)? });
        }
        if attempts.by_id.len() as u64 != count {
            return Err("a receive is remembered twice");
        }
        Ok(attempts)
    }
}
