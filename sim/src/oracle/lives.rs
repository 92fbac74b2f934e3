//! The lives of a FIFO queue's message: as it was sent, as a dead letter of that, moved from there as a new message, and so on.
//!
//! A dead letter keeps its id and names it as its deduplication id, too (SQS developer guide, "Dead-letter queues"). A move makes a new
//! message with another id and no new deduplication id, so it names the life before it. A message is in one place at a time and never
//! comes back to a life before: what is shown by a receive that began when every other life was known is the newest, and none of
//! the others is shown from then on. Tasks take the letters of a group in their order and each once, so there are no more lives than
//! tasks, and where they come to they stand in the same order.

use super::lease::Span;
use super::receives::Before;
use super::{Oracle, Verdict};
use crate::ask::{MOVED, QUEUES, RECEIVES_MAX};
use std::collections::BTreeMap;

/// All lives but those that messages were sent with.
#[derive(Debug, Default)]
pub(super) struct Lives {
    moved: BTreeMap<String, Moved>,
    letters: BTreeMap<String, Letter>,
    /// With which ids receives have shown a message, and when each was heard of first.
    seen: BTreeMap<usize, Vec<(String, u64)>>,
    /// Which of these is the newest, if that is certain.
    newest: BTreeMap<usize, String>,
    /// No receive that is asked for later shows an id, or an id in a queue.
    over: BTreeMap<String, u64>,
    over_in: BTreeMap<(String, usize), u64>,
    /// When a life began in a queue, as the server says.
    sent: BTreeMap<(String, usize), String>,
}

/// What a move task has made of a dead letter.
#[derive(Debug)]
struct Moved {
    number: usize,
    after: String,
    queue: usize,
    sequence: u128,
    /// When it was first heard of, in order of events.
    heard: u64,
    /// How often receives have shown it there, and how these stood before it can have come.
    shown: u64,
    before: Before,
}

/// A life as a dead letter.
#[derive(Debug, Clone, Copy)]
struct Letter {
    number: usize,
    queue: usize,
    sequence: u128,
    heard: u64,
    /// When the last receive that showed it was asked for.
    seen: u64,
}

/// A message as a receive shows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight<'a> {
    pub(super) queue: usize,
    pub(super) number: usize,
    pub(super) id: &'a str,
    pub(super) dedup: &'a str,
    pub(super) sequence: u128,
    pub(super) span: Span,
}

impl Lives {
    /// Which message is known to have had an id.
    pub(super) fn number_of(&self, id: &str) -> Option<usize> {
        let letter = self.letters.get(id).map(|letter| letter.number);
        letter.or_else(|| self.moved.values().find(|moved| moved.after == id).map(|moved| moved.number))
    }

    /// Whether a message is known to have been moved, or to be in a life of which nobody knows which it is.
    pub(super) fn has_other(&self, number: usize, id: &str) -> bool {
        self.seen.get(&number).is_some_and(|seen| seen.iter().any(|(known, _)| known != id))
    }

    /// Whether this is the message's newest life, as far as is known.
    fn is_newest(&self, number: usize, id: &str) -> bool {
        !self.seen.contains_key(&number) || self.newest.get(&number).is_some_and(|newest| newest == id)
    }

    fn is_over(&self, id: &str, queue: usize) -> bool {
        self.over.contains_key(id) || self.over_in.contains_key(&(id.to_owned(), queue))
    }

    /// From now on this life is not in a queue.
    pub(super) fn leaves(&mut self, id: &str, queue: usize, at: u64) {
        self.over_in.entry((id.to_owned(), queue)).or_insert(at);
    }

    /// A queue was emptied by what was asked for at the event `asked`.
    pub(super) fn emptied(&mut self, queue: usize, asked: u64, at: u64) {
        let moved = self.moved.iter().filter(|(_, moved)| moved.queue == queue && moved.heard < asked);
        let letters = self.letters.iter().filter(|(_, letter)| letter.queue == queue && letter.heard < asked);
        let ids: Vec<String> = moved.map(|(id, _)| id.clone()).chain(letters.map(|(id, _)| id.clone())).collect();
        ids.iter().for_each(|id| self.leaves(id, queue, at));
    }

    /// When this life began there, as the server has said before.
    pub(super) fn sent(&mut self, id: &str, queue: usize, sent: &str) -> &str {
        self.sent.entry((id.to_owned(), queue)).or_insert_with(|| sent.to_owned())
    }

    /// Counts that a receive of its queue has shown it. Says whether it was moved there.
    pub(super) fn count_receive(&mut self, id: &str) -> bool {
        let moved = self.moved.get_mut(id);
        moved.map(|moved| moved.shown += 1).is_some()
    }
}

impl Oracle {
    /// Whether a receive may show this life there.
    pub(super) fn may_be_seen(&self, sight: Sight<'_>) -> Verdict {
        let Sight { queue, number, id, span, .. } = sight;
        let lives = &self.fifo.lives;
        if lives.over.get(id).is_some_and(|over| span.asked > *over) {
            return Err(format!("message {number} is back as it was before it was moved: {id}"));
        }
        match lives.over_in.get(&(id.to_owned(), queue)) {
            Some(left) if span.asked > *left => {
                let why = "after it was a dead letter, or deleted";
                Err(format!("message {number} is in {} {why}", QUEUES[queue].name))
            }
            _ => Ok(()),
        }
    }

    /// A receive shows the message as it was sent.
    pub(super) fn seen_as_sent(&self, sight: Sight<'_>) -> Verdict {
        let Sight { number, id, span, .. } = sight;
        let mut moved = self.fifo.lives.moved.values();
        match moved.any(|moved| moved.number == number && moved.heard < span.asked) {
            true => Err(format!("message {number} is back as it was before it was moved: {id}")),
            false => Ok(()),
        }
    }

    /// A receive shows the message as one that was moved.
    pub(super) fn seen_as_moved(&mut self, sight: Sight<'_>) -> Verdict {
        let Sight { queue, number, id, dedup, sequence, span } = sight;
        let home = self.fifo.home(number);
        let Some(letters) = QUEUES[home].dead_letters.filter(|_| [home, MOVED].contains(&queue)) else {
            return Err(format!("message {number} is in the wrong queue, or with the wrong deduplication id: {dedup}"));
        };
        if let Some(known) = self.fifo.lives.moved.get(id) {
            let is_same = (known.number, known.queue, known.sequence) == (number, queue, sequence);
            let is_same = is_same && known.after == dedup;
            return is_same.then_some(()).ok_or_else(|| format!("message {number} has another's id: {id}, {known:?}"));
        }
        if id == dedup || self.fifo.is_named(id) {
            return Err(format!("message {number} was moved, and is what it was before: {id}"));
        }
        let of_number = self.fifo.lives.moved.values().filter(|moved| moved.number == number);
        let (count, gone) = of_number.fold((1, false), |(count, gone), moved| {
            (count + 1, gone || (moved.queue == MOVED && moved.heard < span.asked))
        });
        let moves = self.moves(letters);
        let most = if queue == MOVED { moves.elsewhere } else { moves.count() };
        if count > moves.count() || most == 0 {
            return Err(format!("message {number} was moved {count} times by {} tasks", moves.count()));
        }
        if gone {
            return Err(format!("message {number} was moved away and is there twice: {id}"));
        }
        let before = moves.before(count as usize - 1, home);
        self.is_known_as(dedup, number)?;
        let (after, heard) = (dedup.to_owned(), span.answered);
        self.moved_in_order(sight)?;
        self.fifo.lives.moved.insert(id.to_owned(), Moved { number, after, queue, sequence, heard, shown: 0, before });
        self.fifo.lives.over.entry(dedup.to_owned()).or_insert(span.answered);
        self.moved += 1;
        Ok(())
    }

    /// The life before this one is of the same message.
    fn is_known_as(&mut self, id: &str, number: usize) -> Verdict {
        let known = self.fifo.lives.letters.get(id).map(|letter| letter.number);
        let known = known.or_else(|| self.fifo.lives.moved.get(id).map(|moved| moved.number));
        match known {
            Some(known) if known != number => Err(format!("message {number} was message {known} before it was moved")),
            _ => self.is_of(id, number),
        }
    }

    /// Letters of a group stand where they were moved to as they stood in the queue for letters.
    fn moved_in_order(&self, sight: Sight<'_>) -> Verdict {
        let Sight { queue, number, dedup, sequence, .. } = sight;
        let lives = &self.fifo.lives;
        let Some(own) = lives.letters.get(dedup) else { return Ok(()) };
        let others = lives.moved.values().filter(|moved| moved.queue == queue && moved.number != number);
        let mut of_group = others.filter(|moved| self.are_together(queue, number, moved.number));
        let turned = of_group.find(|moved| {
            let letter = lives.letters.get(&moved.after);
            letter.is_some_and(|letter| (letter.sequence < own.sequence) != (moved.sequence < sequence))
        });
        match turned {
            Some(moved) => Err(format!("messages {number} and {} of a group were moved out of order", moved.number)),
            None => Ok(()),
        }
    }

    /// A receive shows the message as a dead letter: one that has one number in the queue for those, and letters of a group stand
    /// there as they stood in their own queue, because a message holds up those behind it until it has left.
    pub(super) fn seen_as_letter(&mut self, sight: Sight<'_>) -> Verdict {
        let Sight { queue, number, id, dedup, sequence, span } = sight;
        if dedup != id {
            return Err(format!("the dead letter {number} names the deduplication id {dedup} in place of its own id"));
        }
        let (heard, seen) = (span.answered, span.asked);
        let letter = Letter { number, queue, sequence, heard, seen };
        let known = self.fifo.lives.letters.entry(id.to_owned()).or_insert(letter);
        known.seen = known.seen.max(span.asked);
        if (known.number, known.sequence) != (number, sequence) {
            let known = known.sequence;
            return Err(format!("the dead letter {number} has the sequence number {sequence}, and had {known}"));
        }
        let lives = self.fifo.lives.seen.get(&number).map_or(0, Vec::len) as u64;
        if lives > self.moves(queue).count() + 1 {
            return Err(format!("message {number} has had {lives} ids"));
        }
        let Some(own) = self.place_before(id) else { return Ok(()) };
        let others = self.fifo.lives.letters.iter().filter(|(_, other)| other.number != number && other.queue == queue);
        let mut of_group = others.filter(|(_, other)| self.are_of_a_group(number, other.number));
        let turned = of_group.find(|(id, other)| {
            self.place_before(id).is_some_and(|place| (place < own) != (other.sequence < sequence))
        });
        match turned {
            Some((_, other)) => {
                Err(format!("the dead letters {number} and {} of a group have changed places", other.number))
            }
            None => Ok(()),
        }
    }

    /// The sequence number of a life before it was a dead letter, if that is known.
    fn place_before(&self, id: &str) -> Option<u128> {
        self.fifo.lives.moved.get(id).map(|moved| moved.sequence).or_else(|| self.fifo.sequence_of(id))
    }

    /// A receive has shown this life.
    pub(super) fn sighted(&mut self, sight: Sight<'_>, is_letter: bool) {
        let Sight { number, id, span, .. } = sight;
        let home = self.fifo.home(number);
        let lives = &mut self.fifo.lives;
        let seen = lives.seen.entry(number).or_default();
        let is_new = !seen.iter().any(|(known, _)| known == id);
        if is_new {
            seen.push((id.to_owned(), span.answered));
        }
        let others = seen.iter().filter(|(known, _)| known != id);
        if others.clone().all(|(_, heard)| *heard < span.asked) {
            others.for_each(|(other, _)| _ = lives.over.entry(other.clone()).or_insert(span.answered));
            lives.newest.insert(number, id.to_owned());
        } else if is_new {
            lives.newest.remove(&number);
        }
        if is_letter {
            lives.leaves(id, home, span.answered);
        }
    }

    /// Whether the receives of its queue may have made a dead letter of the message in this life.
    pub(super) fn may_have_died(&self, number: usize, id: &str, most: u64) -> bool {
        let (home, message) = (self.fifo.home(number), &self.messages[number]);
        // What nobody has heard of may be the message as it was sent.
        let is_moved = self.fifo.lives.moved.contains_key(id);
        let before = match QUEUES[home].dead_letters.filter(|_| is_moved) {
            Some(letters) => self.moves(letters).before(0, home),
            None => message.receives_before,
        };
        self.queues[home].receives.since(before) >= most
    }

    /// A message that surely is in a queue for a receive asked for at this event, otherwise than as it was sent, and is wanted by its
    /// number and sequence number.
    pub(super) fn there_in_another_life(
        &self,
        queue: usize,
        asked: u64,
        is_wanted: &dyn Fn(usize, u128) -> bool,
    ) -> Option<usize> {
        let lives = &self.fifo.lives;
        let is_there = |number: usize, id: &str, heard: u64| {
            heard < asked && lives.is_newest(number, id) && !lives.is_over(id, queue) && self.stays(number)
        };
        let moved = lives.moved.iter().find(|(id, moved)| {
            let Moved { number, sequence, heard, .. } = **moved;
            let is_meant = moved.queue == queue && is_wanted(number, sequence);
            is_meant && is_there(number, id, heard) && !self.may_be_a_letter_again(moved)
        });
        let letter = lives.letters.iter().find(|(id, letter)| {
            let Letter { number, sequence, heard, seen, .. } = **letter;
            let is_meant = letter.queue == queue && is_wanted(number, sequence);
            is_meant && is_there(number, id, heard) && !self.moves(queue).may_have_run_since(seen)
        });
        moved.map(|(_, moved)| moved.number).or(letter.map(|(_, letter)| letter.number))
    }

    /// Whether the message surely is in its queue as it was sent, if it was heard of there.
    pub(super) fn is_as_sent(&self, number: usize, id: &str) -> bool {
        let queue = self.fifo.home(number);
        let lives = &self.fifo.lives;
        let is_current = !lives.has_other(number, id) && lives.is_newest(number, id);
        is_current && !lives.is_over(id, queue) && self.stays(number)
    }

    /// Whether it is in some queue and nothing may remove it right now.
    fn stays(&self, number: usize) -> bool {
        self.messages[number].must_be_there(self.wall_max) && self.family_emptied(number).is_some()
    }

    /// Whether a message that was moved back may have been received often enough to be a dead letter again.
    fn may_be_a_letter_again(&self, moved: &Moved) -> bool {
        let receives = &self.queues[moved.queue].receives;
        QUEUES[moved.queue].dead_letters.is_some()
            && moved.shown + receives.unseen(moved.number, moved.before) >= RECEIVES_MAX
    }
}
