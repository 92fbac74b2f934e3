//! What a FIFO queue promises beside the rest: order within a group, one message per deduplication id, rising numbers.
//!
//! Two sends of one deduplication id leave one message, and answers name it by its id; whose body it has shows at the latest
//! when it is handed out, because a send whose answer was lost may have been the first. So what is known is kept per id that
//! the server named. A group that is locked needs no rule of its own: whoever is handed a later message while an earlier one
//! is there broke the order, and whoever is handed the earlier one again broke its lease. A message that was received too often leaves its
//! group and makes way for the next; what becomes of it then is the matter of `lives.rs`. A deduplication id may be the body's digest, and may
//! be one of its group alone. Source: the SQS developer guide, "FIFO queue delivery logic" and "Exactly-once processing".

use super::lease::Span;
use super::lives::{Lives, Sight};
use super::message::Sending;
use super::{Oracle, Verdict};
use crate::ask::{MOVED, QUEUES, RECEIVES_MAX, is_for_letters};
use serde_json::Value;
use std::collections::BTreeMap;

/// How long a deduplication id counts: five minutes, says the SQS developer guide.
const DEDUP_MILLIS: u64 = 300_000;

/// What a message was sent with, and when.
#[derive(Debug, Clone, Copy)]
struct Label {
    /// Where it is sent to.
    queue: usize,
    group: u64,
    dedup: u64,
    asked: u64,
    asked_wall: u64,
}

/// A message that the server surely took.
#[derive(Debug)]
struct Taken {
    queue: usize,
    id: String,
    /// Unknown of what was heard of first as a dead letter, which has another number.
    sequence: Option<u128>,
    dedup: u64,
    /// The sends that it may be of; one once that is known.
    could_be: Vec<usize>,
    /// The sends that were answered with its id and may yet turn out to be duplicates.
    claimed: Vec<usize>,
    /// When it was first heard of, in order of events.
    heard: u64,
    /// The server's clock when it was taken, at the earliest and at the latest.
    taken_from: u64,
    taken_until: u64,
    /// A purge forgets what it has purged, and may have come after it.
    may_be_forgotten: bool,
}

impl Taken {
    fn is(&self, number: usize) -> bool {
        self.could_be == [number]
    }
}

/// What is known of the messages of all FIFO queues.
#[derive(Debug, Default)]
pub(super) struct Fifo {
    labels: BTreeMap<usize, Label>,
    /// The deduplication ids that messages are shown with.
    texts: BTreeMap<usize, String>,
    /// Numbers of deduplication ids, each with the group that it is one of if it is one of a group alone.
    dedups: BTreeMap<(String, Option<u64>), u64>,
    taken: Vec<Taken>,
    pub(super) lives: Lives,
    pub(super) duplicates: u64,
    /// What rotted is in no group and holds nobody up.
    pub(super) rotten: bool,
    /// The last message of each group that a queue has handed out since.
    handed_out: BTreeMap<(usize, u64), u128>,
}

impl Fifo {
    fn named(&self, id: &str) -> Option<usize> {
        self.taken.iter().position(|taken| taken.id == id)
    }

    /// Whether a message was sent with this id.
    pub(super) fn is_named(&self, id: &str) -> bool {
        self.named(id).is_some()
    }

    /// The sequence number of a message as it was sent, if that is known.
    pub(super) fn sequence_of(&self, id: &str) -> Option<u128> {
        self.named(id).and_then(|at| self.taken[at].sequence)
    }

    /// Where a message was sent to.
    pub(super) fn home(&self, number: usize) -> usize {
        self.labels[&number].queue
    }

    /// A queue was emptied by what was asked for at the event `asked`.
    pub(super) fn emptied(&mut self, queue: usize, asked: u64, at: u64) {
        let taken = self.taken.iter().filter(|taken| taken.queue == queue && taken.heard < asked);
        taken.for_each(|taken| self.lives.leaves(&taken.id, queue, at));
        self.lives.emptied(queue, asked, at);
    }

    /// A purge is on its way.
    pub(super) fn purge_asked(&mut self, queue: usize) {
        let taken = self.taken.iter_mut().filter(|taken| taken.queue == queue);
        taken.for_each(|taken| taken.may_be_forgotten = true);
    }
}

impl Oracle {
    /// The message goes to a FIFO queue, with this deduplication id, and is shown with that one.
    pub(crate) fn set_labels(&mut self, number: usize, group: u64, dedup: &str, shown: &str) {
        let queue = self.messages[number].queue;
        let within = QUEUES[queue].within_groups.then_some(group);
        let next = self.fifo.dedups.len() as u64;
        let dedup = *self.fifo.dedups.entry((dedup.to_owned(), within)).or_insert(next);
        self.fifo.labels.insert(number, Label { queue, group, dedup, asked: 0, asked_wall: 0 });
        self.fifo.texts.insert(number, shown.to_owned());
    }

    /// Whether the message that this one would be a duplicate of was deleted.
    pub(crate) fn repeats_what_is_deleted(&self, number: usize) -> bool {
        let Label { queue, dedup, .. } = self.fifo.labels[&number];
        let is_first = |taken: &&Taken| (taken.queue, taken.dedup) == (queue, dedup);
        let is_deleted = |number: &usize| self.messages[*number].deletion.is_some_and(|done| done.done_wall.is_some());
        self.fifo.taken.iter().filter(is_first).any(|taken| taken.could_be.iter().any(is_deleted))
    }

    /// Sends that were answered with another message's id.
    pub(crate) fn duplicates(&self) -> u64 {
        self.fifo.duplicates
    }

    /// A bit has rotted: messages may be missing in their groups.
    pub(crate) fn rotten(&mut self) {
        self.fifo.rotten = true;
    }

    /// Whether messages may be damaged.
    pub(crate) fn is_rotten(&self) -> bool {
        self.fifo.rotten
    }

    pub(super) fn send_asked(&mut self, messages: &[usize], at: u64) {
        for number in messages {
            if let Some(label) = self.fifo.labels.get_mut(number) {
                (label.asked, label.asked_wall) = (at, self.wall);
            }
        }
    }

    /// A send is answered with this id and sequence number, its own or those of the message that it repeats.
    pub(super) fn sent_in_order(&mut self, number: usize, entry: &Value) -> Verdict {
        let (id, sequence) = names(entry)?;
        let label = self.fifo.labels[&number];
        let Some(at) = self.fifo.named(id) else {
            let mut could_be: Vec<usize> = self.open_sends(number).collect();
            self.may_repeat_what_is_gone(number, &could_be);
            could_be.push(number);
            self.hear_of(id, Some(sequence), number, could_be)?;
            // It may have been seen as a dead letter, or moved, before the answer was read.
            return match self.fifo.lives.number_of(id) {
                Some(known) => self.is_of(id, known),
                None => Ok(()),
            };
        };
        let (wall_until, taken) = (self.fifo.taken[at].taken_until, &mut self.fifo.taken[at]);
        if *taken.sequence.get_or_insert(sequence) != sequence {
            return Err(format!("the send of message {number} is answered with another sequence number: {entry}"));
        }
        if (taken.queue, taken.dedup) != (label.queue, label.dedup) {
            return Err(format!("message {number} is called a duplicate of another deduplication id: {entry}"));
        }
        if taken.could_be.contains(&number) {
            taken.claimed.push(number);
            let could_be = taken.could_be.clone();
            self.may_repeat_what_is_gone(number, &could_be);
            return Ok(());
        }
        if label.asked_wall >= wall_until + DEDUP_MILLIS {
            return Err(format!("message {number} is called a duplicate, and five minutes have passed"));
        }
        self.is_duplicate(number);
        Ok(())
    }

    /// A send is answered with the id of one of these. One that was dropped with its group before anybody saw it left its
    /// deduplication id behind.
    fn may_repeat_what_is_gone(&mut self, number: usize, could_be: &[usize]) {
        if could_be.iter().any(|other| *other != number && self.messages[*other].may_be_gone()) {
            self.messages[number].may_go();
        }
    }

    /// A receive of `queue` shows the message with this id and sequence number.
    pub(super) fn shown_in_order(&mut self, queue: usize, number: usize, shown: &Value, span: Span) -> Verdict {
        let mut named = shown["Attributes"].clone();
        named["MessageId"] = shown["MessageId"].clone();
        let (id, sequence) = names(&named)?;
        let label = self.fifo.labels.get(&number).ok_or_else(|| format!("message {number} is in a FIFO queue"))?;
        let (home, group) = (label.queue, label.group.to_string());
        if named["MessageGroupId"] != group {
            return Err(format!("message {number} of the group {group} is shown with another: {named}"));
        }
        let dedup = named["MessageDeduplicationId"].as_str().ok_or("a message without a deduplication id")?;
        let sight = Sight { queue, number, id, dedup, sequence, span };
        self.may_be_seen(sight)?;
        let is_letter = QUEUES[home].dead_letters == Some(queue);
        if is_letter {
            // Of a letter that nobody has heard of it shows later which life it is.
            if self.fifo.is_named(id) || self.moves_of(home) == 0 {
                self.shown_as_taken(number, id, None, &named)?;
            }
            self.seen_as_letter(sight)?;
        } else if home == queue && self.fifo.texts[&number] == dedup {
            self.seen_as_sent(sight)?;
            self.shown_as_taken(number, id, Some(sequence), &named)?;
        } else {
            self.seen_as_moved(sight)?;
        }
        if !self.fifo.is_named(id) {
            self.exists(number)?;
        }
        self.sighted(sight, is_letter);
        self.messages[number].shown_as = (id.to_owned(), sequence);
        Ok(())
    }

    /// A receive shows the message with this id, and with this sequence number unless it is a dead letter.
    fn shown_as_taken(&mut self, number: usize, id: &str, sequence: Option<u128>, named: &Value) -> Verdict {
        let has_another = |taken: &Taken| taken.id != id && (taken.is(number) || taken.claimed.contains(&number));
        if self.fifo.taken.iter().any(has_another) {
            return Err(format!("message {number} has another id than before: {id}"));
        }
        let Some(at) = self.fifo.named(id) else { return self.hear_of(id, sequence, number, vec![number]) };
        let taken = &mut self.fifo.taken[at];
        let is_another = sequence.is_some_and(|sequence| *taken.sequence.get_or_insert(sequence) != sequence);
        if !taken.could_be.contains(&number) || is_another {
            return Err(format!("message {number} is shown as the one of {:?}: {named}", taken.could_be));
        }
        self.is_of(id, number)
    }

    /// The message is seen in a life that says nothing of the id that it was sent with, so it is no duplicate: what its own send was
    /// answered with is its own. If that is unknown, others that were answered with what may be its id may be its duplicates.
    fn exists(&mut self, number: usize) -> Verdict {
        let open = self.fifo.taken.iter().filter(|taken| taken.could_be.len() > 1 && taken.could_be.contains(&number));
        let open: Vec<(String, Vec<usize>)> = open.map(|taken| (taken.id.clone(), taken.claimed.clone())).collect();
        for (id, claimed) in open {
            match claimed.contains(&number) {
                true => self.is_of(&id, number)?,
                false => claimed.into_iter().for_each(|other| self.messages[other].may_go()),
            }
        }
        Ok(())
    }

    /// The message that was sent with this id is this one, if any is known.
    pub(super) fn is_of(&mut self, id: &str, number: usize) -> Verdict {
        let Some(at) = self.fifo.named(id) else { return Ok(()) };
        let taken = &mut self.fifo.taken[at];
        if !taken.could_be.contains(&number) {
            return Err(format!("message {number} is the one of {:?}: {id}", taken.could_be));
        }
        let was_open = taken.could_be.len() > 1;
        taken.could_be = vec![number];
        let claimed = std::mem::take(&mut taken.claimed);
        let repeated = claimed.into_iter().filter(|other| was_open && *other != number);
        repeated.for_each(|other| self.is_duplicate(other));
        Ok(())
    }

    /// Whether a send is known to have left a message of its own.
    pub(super) fn is_a_message(&self, number: usize) -> bool {
        self.fifo.taken.iter().any(|taken| taken.is(number))
    }

    /// Whether two messages that are in a queue are of one group there, wherever they were sent to.
    pub(super) fn are_together(&self, queue: usize, one: usize, other: usize) -> bool {
        let group = |number: usize| self.fifo.labels.get(&number).map(|label| label.group);
        let comes_from_others = queue == MOVED || is_for_letters(queue);
        if comes_from_others { group(one) == group(other) } else { self.are_of_a_group(one, other) }
    }

    /// Whether two messages were sent to one queue with one group.
    pub(super) fn are_of_a_group(&self, one: usize, other: usize) -> bool {
        let group = |number: usize| self.fifo.labels.get(&number).map(|label| (label.queue, label.group));
        group(one).is_some() && group(one) == group(other)
    }

    /// Takes note of an id that was not heard of before.
    fn hear_of(&mut self, id: &str, sequence: Option<u128>, number: usize, could_be: Vec<usize>) -> Verdict {
        let Label { queue, dedup, asked, .. } = self.fifo.labels[&number];
        let of_queue = || self.fifo.taken.iter().filter(|taken| taken.queue == queue);
        let counts = |taken: &&Taken| {
            let counted = taken.dedup == dedup && taken.heard < asked && !taken.may_be_forgotten;
            counted && self.wall_max < taken.taken_from + DEDUP_MILLIS
        };
        if let Some(first) = of_queue().find(counts) {
            return Err(format!("message {number} was taken as a second one beside {:?}, a duplicate", first.could_be));
        }
        let labels = || could_be.iter().map(|other| self.fifo.labels[other]);
        let asked = labels().map(|label| label.asked).min().unwrap_or(asked);
        let taken_from = labels().map(|label| label.asked_wall).min().unwrap_or_default();
        let is_later = |taken: &&Taken| sequence.is_some_and(|sequence| taken.sequence >= Some(sequence));
        if let Some(before) = of_queue().find(|taken| taken.heard < asked && is_later(taken)) {
            let before = before.sequence;
            return Err(format!(
                "message {number} has the sequence number {sequence:?}, and {before:?} was there before"
            ));
        }
        let may_be_forgotten = self.queues[queue].removal_ended().is_none_or(|ended| ended >= asked);
        self.fifo.taken.iter_mut().for_each(|taken| taken.could_be.retain(|other| *other != number));
        let claimed = vec![number];
        let (id, heard, taken_until) = (id.to_owned(), self.order, self.wall_max);
        let taken =
            Taken { queue, id, sequence, dedup, could_be, claimed, heard, taken_from, taken_until, may_be_forgotten };
        self.fifo.taken.push(taken);
        Ok(())
    }

    /// Whether the answer to a send may name a message that was there before, so that nothing had to be written.
    pub(super) fn may_repeat(&self, number: usize, entry: &Value) -> bool {
        let is_known = entry["MessageId"].as_str().is_some_and(|id| self.fifo.named(id).is_some());
        self.fifo.labels.contains_key(&number) && (is_known || self.open_sends(number).next().is_some())
    }

    /// Other sends with the deduplication id of this one that may have been the first.
    fn open_sends(&self, number: usize) -> impl Iterator<Item = usize> {
        let Label { queue, dedup, .. } = self.fifo.labels[&number];
        let is_same = move |label: &Label| (label.queue, label.dedup) == (queue, dedup);
        let others = self.fifo.labels.iter().filter(move |(other, label)| **other != number && is_same(label));
        others.map(|(other, _)| *other).filter(|other| self.may_be_taken(*other))
    }

    /// Whether the server may have taken a send of which nothing was heard yet.
    fn may_be_taken(&self, number: usize) -> bool {
        matches!(self.messages[number].sending, Sending::Asked | Sending::Unknown)
            && self.fifo.labels[&number].asked > 0
            && !self.fifo.taken.iter().any(|taken| taken.is(number))
    }

    fn is_duplicate(&mut self, number: usize) {
        self.messages[number].sending = Sending::Duplicate;
        self.fifo.duplicates += 1;
    }

    /// Within an answer of `queue` and over all of them a message comes after those of its group that are there and stand
    /// before it.
    pub(super) fn check_order(&self, queue: usize, numbers: &[usize], span: Span) -> Verdict {
        if !QUEUES[queue].is_fifo {
            return Ok(());
        }
        for (at, &number) in numbers.iter().enumerate() {
            let (own, shown) = (self.messages[number].shown_as.1, &numbers[..at]);
            let is_later =
                |other: &&usize| self.are_together(queue, number, **other) && self.messages[**other].shown_as.1 > own;
            if let Some(later) = shown.iter().find(is_later) {
                return Err(format!("message {number} is handed out after [{later}], a later one of its group"));
            }
            let is_before = |other: usize, sequence: u128| {
                sequence < own && !shown.contains(&other) && self.are_together(queue, number, other)
            };
            let skipped = || self.there_as_sent(queue, span.asked, &is_before);
            let skipped = || skipped().or_else(|| self.there_in_another_life(queue, span.asked, &is_before));
            // What rotted is in no group and holds nobody up.
            if !self.fifo.rotten
                && let Some(earlier) = skipped()
            {
                return Err(format!("message {number} is handed out before [{earlier}] of its group"));
            }
        }
        Ok(())
    }

    /// When a bit has rotted each message is handed out once, and what was passed over is not handed out after what follows it.
    pub(super) fn check_order_in_rot(&mut self, queue: usize, numbers: &[usize]) -> Verdict {
        if !QUEUES[queue].is_fifo || !self.fifo.rotten {
            return Ok(());
        }
        for &number in numbers {
            let (group, own) = (self.fifo.labels[&number].group, self.messages[number].shown_as.1);
            let last = self.fifo.handed_out.insert((queue, group), own);
            if last.is_some_and(|last| last > own) {
                return Err(format!(
                    "message {number} was passed over and is handed out after a later one of its group"
                ));
            }
        }
        Ok(())
    }

    /// A message that surely is in the queue that it was sent to, for a receive asked for at this event, and is wanted by its number
    /// and sequence number.
    fn there_as_sent(&self, queue: usize, asked: u64, is_wanted: &dyn Fn(usize, u128) -> bool) -> Option<usize> {
        let taken = self.fifo.taken.iter().filter(|taken| taken.queue == queue && taken.heard < asked);
        let mut known = taken.filter_map(|taken| match (&taken.could_be[..], taken.sequence) {
            (&[number], Some(sequence)) => Some((&taken.id, number, sequence)),
            _ => None,
        });
        let found = known.find(|&(id, number, sequence)| {
            is_wanted(number, sequence) && self.is_as_sent(number, id) && !self.may_be_a_letter(number)
        });
        found.map(|(_, number, _)| number)
    }

    /// Whether it may have been received often enough to be a dead letter.
    fn may_be_a_letter(&self, number: usize) -> bool {
        let message = &self.messages[number];
        let unseen = self.queues[message.queue].receives.unseen(number, message.receives_before);
        QUEUES[message.queue].dead_letters.is_some() && message.shown_at_home + unseen >= RECEIVES_MAX
    }

    /// Of one batch the entries are taken in their order.
    pub(super) fn check_batch(&self, numbers: &[usize]) -> Verdict {
        let sequences = numbers.iter().filter_map(|number| self.fifo.taken.iter().find(|taken| taken.is(*number)));
        match sequences.map(|taken| taken.sequence).is_sorted() {
            true => Ok(()),
            false => Err(format!("the entries of a batch were taken in another order: {numbers:?}")),
        }
    }
}

/// The id and the sequence number that an answer names.
fn names(entry: &Value) -> Result<(&str, u128), String> {
    let id = entry["MessageId"].as_str().ok_or_else(|| format!("an answer without a message id: {entry}"))?;
    let sequence = entry["SequenceNumber"].as_str().and_then(|text| text.parse().ok());
    Ok((id, sequence.ok_or_else(|| format!("an answer without a sequence number: {entry}"))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::FIFO;
    use serde_json::json;

    const AT: u64 = 1_000_000;

    /// An oracle that knows of two messages of one group, the first of them with the deduplication id 1, sent at `AT`.
    fn oracle() -> Oracle {
        let mut oracle = Oracle::new();
        oracle.time_is(AT);
        for (number, dedup) in [(0, 1), (1, 2)] {
            assert_eq!(ask(&mut oracle, dedup), number);
            answer(&mut oracle, number, number).unwrap();
        }
        oracle
    }

    fn ask(oracle: &mut Oracle, dedup: u64) -> usize {
        let number = oracle.new_message(FIFO, 0, oracle.wall, 0);
        oracle.set_labels(number, 7, &dedup.to_string(), &dedup.to_string());
        let at = oracle.tick();
        oracle.send_asked(&[number], at);
        number
    }

    fn entry(named: usize) -> Value {
        json!({"MessageId": format!("id-{named}"), "SequenceNumber": named.to_string()})
    }

    fn answer(oracle: &mut Oracle, number: usize, named: usize) -> Verdict {
        let at = oracle.tick();
        oracle.messages[number].acknowledged(at, oracle.wall_max);
        oracle.sent_in_order(number, &entry(named))
    }

    fn show(oracle: &mut Oracle, numbers: &[usize]) -> Verdict {
        let (asked, answered) = (oracle.tick(), oracle.tick());
        let span = Span { asked, answered, asked_wall: oracle.wall, answered_wall: oracle.wall };
        for &number in numbers {
            let dedup = oracle.fifo.texts[&number].clone();
            let named =
                json!({"SequenceNumber": number.to_string(), "MessageGroupId": "7", "MessageDeduplicationId": dedup});
            let shown = json!({"MessageId": format!("id-{number}"), "Attributes": named});
            oracle.shown_in_order(FIFO, number, &shown, span)?;
        }
        oracle.check_order(FIFO, numbers, span)
    }

    #[test]
    fn a_later_message_comes_after_an_earlier_one_of_its_group_or_after_its_deletion() {
        assert_eq!(show(&mut oracle(), &[0, 1]), Ok(()));
        assert!(show(&mut oracle(), &[1]).unwrap_err().contains("handed out before [0]"));
        assert!(show(&mut oracle(), &[1, 0]).is_err());
        let mut oracle = oracle();
        oracle.messages[0].removal_asked();
        assert_eq!(show(&mut oracle, &[1]), Ok(()));
    }

    #[test]
    fn a_repeated_id_names_the_first_message_for_five_minutes_and_no_longer() {
        for (later, named, is_right) in
            [(299_999, 0, true), (299_999, 2, false), (300_000, 2, true), (300_000, 0, false)]
        {
            let mut oracle = oracle();
            oracle.time_is(AT + later);
            let number = ask(&mut oracle, 1);
            assert_eq!(answer(&mut oracle, number, named).is_ok(), is_right, "{named} after {later} ms");
        }
    }

    #[test]
    fn a_purge_forgets_deduplication_ids() {
        let mut oracle = oracle();
        oracle.fifo.purge_asked(FIFO);
        let number = ask(&mut oracle, 1);
        assert_eq!(answer(&mut oracle, number, number), Ok(()));
    }

    #[test]
    fn of_two_sends_with_one_id_the_one_that_is_shown_was_the_first() {
        let mut oracle = oracle();
        let (lost, answered) = (ask(&mut oracle, 3), ask(&mut oracle, 3));
        oracle.messages[lost].sending = Sending::Unknown;
        answer(&mut oracle, answered, lost).unwrap();
        assert_eq!(oracle.duplicates(), 0, "it may be either");
        assert_eq!(show(&mut oracle, &[0, 1, lost]), Ok(()));
        assert_eq!((oracle.duplicates(), oracle.messages[answered].sending), (1, Sending::Duplicate));
    }

    #[test]
    fn what_repeats_a_send_that_may_be_dropped_need_not_be_there() {
        for (is_dropped, must_be_there) in [(false, true), (true, false)] {
            let mut oracle = oracle();
            let (lost, answered) = (ask(&mut oracle, 3), ask(&mut oracle, 3));
            oracle.messages[lost].sending = Sending::Unknown;
            if is_dropped {
                oracle.messages[lost].may_go();
            }
            answer(&mut oracle, answered, lost).unwrap();
            assert_eq!(oracle.messages[answered].must_be_there(AT), must_be_there);
        }
    }

    #[test]
    fn numbers_rise() {
        let mut oracle = oracle();
        let (number, named) = (ask(&mut oracle, 3), json!({"MessageId": "id-new", "SequenceNumber": "1"}));
        assert!(oracle.sent_in_order(number, &named).unwrap_err().contains("was there before"));
    }

    #[test]
    fn what_is_seen_in_a_life_of_which_nobody_knows_the_one_before_was_its_own_sends_message() {
        let mut oracle = oracle();
        let (first, repeated) = (ask(&mut oracle, 3), ask(&mut oracle, 3));
        for number in [first, repeated] {
            answer(&mut oracle, number, first).unwrap();
        }
        oracle.exists(first).unwrap();
        assert_eq!((oracle.duplicates(), oracle.messages[repeated].sending), (1, Sending::Duplicate));
        let (lost, answered) = (ask(&mut oracle, 4), ask(&mut oracle, 4));
        oracle.messages[lost].sending = Sending::Unknown;
        answer(&mut oracle, answered, lost).unwrap();
        oracle.exists(lost).unwrap();
        assert!(!oracle.messages[answered].must_be_there(AT), "it may be a duplicate");
    }

    #[test]
    fn a_crash_takes_no_lease_of_a_fifo_queue_back() {
        let mut oracle = oracle();
        let span = |asked| Span { asked, answered: asked + 1, asked_wall: AT, answered_wall: AT };
        oracle.messages[0].leases.delivered("a", span(10), 10_000);
        oracle.crashed();
        assert!(oracle.messages[0].leases.delivered("b", span(12), 10_000));
    }
}
