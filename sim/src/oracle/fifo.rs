//! What a FIFO queue promises beside the rest: order within a group, one message per deduplication id, rising numbers.
//!
//! Two sends of one deduplication id leave one message, and answers name it by its id; whose body it has shows at the latest
//! when it is handed out, because a send whose answer was lost may have been the first. So what is known is kept per id that
//! the server named. A group that is locked needs no rule of its own: whoever is handed a later message while an earlier one
//! is there broke the order, and whoever is handed the earlier one again broke its lease. A message that was received too often leaves its
//! group and makes way for the next; in the queue for dead letters the group's letters stand in the same order. Source: the SQS developer guide,
//! "FIFO queue delivery logic" and "Exactly-once processing".

use super::lease::Span;
use super::message::Sending;
use super::{Oracle, Verdict};
use crate::ask::{QUEUES, RECEIVES_MAX};
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

/// A message as a dead letter, in the queue for those.
#[derive(Debug, Clone, Copy)]
struct Letter {
    sequence: u128,
    /// When it was first seen, in order of events.
    heard: u64,
}

/// What is known of the messages of all FIFO queues.
#[derive(Debug, Default)]
pub(super) struct Fifo {
    labels: BTreeMap<usize, Label>,
    taken: Vec<Taken>,
    letters: BTreeMap<usize, Letter>,
    pub(super) duplicates: u64,
    /// What rotted is in no group and holds nobody up.
    pub(super) rotten: bool,
}

impl Fifo {
    fn named(&self, id: &str) -> Option<usize> {
        self.taken.iter().position(|taken| taken.id == id)
    }

    /// A purge is on its way.
    pub(super) fn purge_asked(&mut self, queue: usize) {
        let taken = self.taken.iter_mut().filter(|taken| taken.queue == queue);
        taken.for_each(|taken| taken.may_be_forgotten = true);
    }
}

impl Oracle {
    /// The message goes to a FIFO queue.
    pub(crate) fn set_labels(&mut self, number: usize, group: u64, dedup: u64) {
        let queue = self.messages[number].queue;
        self.fifo.labels.insert(number, Label { queue, group, dedup, asked: 0, asked_wall: 0 });
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
            return self.hear_of(id, Some(sequence), number, could_be);
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
    pub(super) fn shown_in_order(&mut self, queue: usize, number: usize, shown: &Value) -> Verdict {
        let mut named = shown["Attributes"].clone();
        named["MessageId"] = shown["MessageId"].clone();
        let (id, sequence) = names(&named)?;
        let label = self.fifo.labels.get(&number).ok_or_else(|| format!("message {number} is in a FIFO queue"))?;
        let (home, group) = (label.queue, label.group.to_string());
        if named["MessageGroupId"] != group {
            return Err(format!("message {number} of the group {group} is shown with another: {named}"));
        }
        let own = if home == queue { Some(sequence) } else { None };
        self.shown_as_taken(number, id, own, &named)?;
        match own {
            Some(_) => Ok(()),
            None => self.letter_in_order(number, sequence),
        }
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
        let was_open = taken.could_be.len() > 1;
        taken.could_be = vec![number];
        let claimed = std::mem::take(&mut taken.claimed);
        let repeated = claimed.into_iter().filter(|other| was_open && *other != number);
        repeated.for_each(|other| self.is_duplicate(other));
        Ok(())
    }

    /// A dead letter has one number in the queue for those, and letters of a group stand there as they stood in their own queue:
    /// a message holds up those behind it until it has left.
    fn letter_in_order(&mut self, number: usize, sequence: u128) -> Verdict {
        let heard = self.order;
        let known = self.fifo.letters.entry(number).or_insert(Letter { sequence, heard }).sequence;
        if known != sequence {
            return Err(format!("the dead letter {number} has the sequence number {sequence}, and had {known}"));
        }
        let before = |number: usize| self.fifo.taken.iter().find(|taken| taken.is(number))?.sequence;
        let Some(own) = before(number) else { return Ok(()) };
        let turned = self
            .letters_of_group(number)
            .find(|(other, letter)| before(*other).is_some_and(|other| (other < own) != (letter.sequence < sequence)));
        match turned {
            Some((other, _)) => Err(format!("the dead letters {number} and {other} of a group have changed places")),
            None => Ok(()),
        }
    }

    /// Whether a send is known to have left a message of its own.
    pub(super) fn is_a_message(&self, number: usize) -> bool {
        self.fifo.taken.iter().any(|taken| taken.is(number))
    }

    /// Whether two messages were sent to one queue with one group.
    pub(super) fn are_of_a_group(&self, one: usize, other: usize) -> bool {
        let group = |number: usize| self.fifo.labels.get(&number).map(|label| (label.queue, label.group));
        group(one).is_some() && group(one) == group(other)
    }

    /// The other dead letters of its group.
    fn letters_of_group(&self, number: usize) -> impl Iterator<Item = (usize, Letter)> {
        let group = |number: usize| self.fifo.labels.get(&number).map(|label| (label.queue, label.group));
        let own = group(number);
        let letters = self.fifo.letters.iter().map(|(other, letter)| (*other, *letter));
        letters.filter(move |(other, _)| *other != number && group(*other) == own)
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

    /// Within an answer of `queue` and over all of them a message comes after those of its group that are there and were sent
    /// before it.
    pub(super) fn check_order(&self, queue: usize, numbers: &[usize], span: Span) -> Verdict {
        for (at, &number) in numbers.iter().enumerate() {
            match self.fifo.labels.get(&number) {
                Some(label) if label.queue == queue => self.check_place(label, number, &numbers[..at], span)?,
                Some(_) => self.check_letters_place(number, &numbers[..at], span)?,
                None => {}
            }
        }
        Ok(())
    }

    /// The message comes behind `shown`, in the queue that it was sent to.
    fn check_place(&self, label: &Label, number: usize, shown: &[usize], span: Span) -> Verdict {
        let place = |number: usize| self.fifo.taken.iter().find(|taken| taken.is(number));
        let Some(taken) = place(number) else { return Ok(()) };
        let of_group = |other: &usize| {
            let other = &self.fifo.labels[other];
            (other.queue, other.group) == (label.queue, label.group)
        };
        let mut shown_before = shown.iter().copied().filter(of_group).filter_map(place);
        if let Some(later) = shown_before.find(|later| later.sequence > taken.sequence) {
            return Err(format!("message {number} is handed out after {:?}, a later one of its group", later.could_be));
        }
        let is_earlier = |other: &Taken| other.sequence.is_some() && other.sequence < taken.sequence;
        let mut before = self.fifo.taken.iter().filter(|other| is_earlier(other) && other.heard < span.asked);
        let skipped = before.find(|other| {
            let &[earlier] = &other.could_be[..] else { return false };
            let is_there = of_group(&earlier) && self.messages[earlier].must_be_there(self.wall_max);
            is_there && !self.may_be_a_letter(earlier) && !shown.contains(&earlier)
        });
        match skipped.filter(|_| !self.fifo.rotten) {
            Some(earlier) => Err(format!("message {number} is handed out before {:?} of its group", earlier.could_be)),
            None => Ok(()),
        }
    }

    /// The dead letter comes behind `shown`, in the queue for those.
    fn check_letters_place(&self, number: usize, shown: &[usize], span: Span) -> Verdict {
        let Some(own) = self.fifo.letters.get(&number) else { return Ok(()) };
        let mut others = self.letters_of_group(number);
        let wrong = others.find(|(other, letter)| {
            let is_shown = shown.contains(other);
            let is_there = letter.heard < span.asked && self.messages[*other].must_be_there(self.wall_max);
            if letter.sequence > own.sequence { is_shown } else { is_there && !is_shown }
        });
        match wrong.filter(|_| !self.fifo.rotten) {
            Some((other, _)) => {
                Err(format!("the dead letter {number} is not handed out in the order of its group: {other}"))
            }
            None => Ok(()),
        }
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
        oracle.set_labels(number, 7, dedup);
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
        let asked = oracle.tick();
        for &number in numbers {
            let named = json!({"SequenceNumber": number.to_string(), "MessageGroupId": "7"});
            oracle.shown_in_order(FIFO, number, &json!({"MessageId": format!("id-{number}"), "Attributes": named}))?;
        }
        let answered = oracle.tick();
        oracle.check_order(FIFO, numbers, Span { asked, answered, asked_wall: oracle.wall, answered_wall: oracle.wall })
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
    fn a_crash_takes_no_lease_of_a_fifo_queue_back() {
        let mut oracle = oracle();
        let span = |asked| Span { asked, answered: asked + 1, asked_wall: AT, answered_wall: AT };
        oracle.messages[0].leases.delivered("a", span(10), 10_000);
        oracle.crashed();
        assert!(oracle.messages[0].leases.delivered("b", span(12), 10_000));
    }
}
