//! What the clients were told, kept outside the server, and whether the server kept its word.
//!
//! A message is written down before its request leaves, an acknowledgement when its answer is complete. What was asked for
//! and not answered may be or not be. Promises: every acknowledged message is there unless its deletion (or the purge of
//! its queue) was at least asked for; what was acknowledged as deleted or purged never comes back; nothing is there twice,
//! in another queue, damaged, with another id, or unknown.

use std::collections::{HashMap, HashSet};
use std::fmt;

/// One message in this many is never deleted: it must outlive every log file it ever stood in.
const KEPT_ONE_IN: u64 = 200;

/// The book of all queues.
#[derive(Default)]
pub(crate) struct Ledger {
    /// Messages that are there or may be.
    living: HashMap<u64, Fate>,
    /// Messages that must never be seen again.
    gone: HashSet<u64>,
    /// Queues whose purge is under way.
    purging: HashSet<usize>,
    next: u64,
    totals: Totals,
}

#[derive(Debug, Clone)]
struct Fate {
    queue: usize,
    message_id: Option<String>,
    may_be_gone: bool,
}

/// A message that the server handed out.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) queue: usize,
    pub(crate) message_id: String,
    pub(crate) receipt_handle: String,
    /// What its body says, if it is whole.
    pub(crate) number: Option<u64>,
}

/// What has happened so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Totals {
    sent: u64,
    acknowledged: u64,
    deleted: u64,
    purges: u64,
    standing: usize,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, acknowledged, deleted, purges, standing } = self;
        write!(
            f,
            "{sent} messages sent, {acknowledged} acknowledged, {deleted} deleted, {purges} purges, {standing} stand"
        )
    }
}

/// Broken promises of one round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) lost: usize,
    pub(crate) resurrected: usize,
    stories: Vec<String>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lost, {} resurrected: {}", self.lost, self.resurrected, self.stories.join("; "))
    }
}

/// Stories told of one round; the counts are complete.
const STORIES_MAX: usize = 10;

impl Broken {
    fn tell(&mut self, story: String) {
        if self.stories.len() < STORIES_MAX {
            self.stories.push(story);
        }
    }
}

impl Ledger {
    /// A message is about to be sent; its number.
    pub(crate) fn sending(&mut self, queue: usize) -> u64 {
        self.next += 1;
        self.totals.sent += 1;
        let may_be_gone = self.purging.contains(&queue);
        self.living.insert(self.next, Fate { queue, message_id: None, may_be_gone });
        self.next
    }

    pub(crate) fn acknowledged(&mut self, number: u64, message_id: &str) {
        self.totals.acknowledged += 1;
        // A purge may have been faster than the answer.
        if let Some(fate) = self.living.get_mut(&number) {
            fate.message_id = Some(message_id.to_owned());
        }
    }

    /// Whether a message is to stay for good.
    pub(crate) fn keeps(number: u64) -> bool {
        number.is_multiple_of(KEPT_ONE_IN)
    }

    pub(crate) fn deleting(&mut self, number: u64) {
        if let Some(fate) = self.living.get_mut(&number) {
            fate.may_be_gone = true;
        }
    }

    pub(crate) fn deleted(&mut self, number: u64) {
        self.totals.deleted += 1;
        self.living.remove(&number);
        self.gone.insert(number);
    }

    /// A purge is about to be asked for; the messages that it must take. Those on their way may be taken too.
    pub(crate) fn purging(&mut self, queue: usize) -> Vec<u64> {
        self.purging.insert(queue);
        let here = self.living.iter_mut().filter(|(_, fate)| fate.queue == queue);
        here.filter_map(|(&number, fate)| {
            fate.may_be_gone = true;
            fate.message_id.is_some().then_some(number)
        })
        .collect()
    }

    pub(crate) fn purged(&mut self, queue: usize, taken: &[u64]) {
        self.totals.purges += 1;
        self.purging.remove(&queue);
        for number in taken {
            self.living.remove(number);
            self.gone.insert(*number);
        }
    }

    /// The server was killed and all its clients have seen it: what was not answered will not be.
    pub(crate) fn server_is_gone(&mut self) {
        self.purging.clear();
    }

    /// Compares with all that the queues hold. Without a broken promise, what was unsure is settled by what is there.
    pub(crate) fn check(&mut self, found: &[Found]) -> Option<Broken> {
        let mut broken = Broken::default();
        let mut seen = HashSet::new();
        for message in found {
            self.check_one(message, &mut seen, &mut broken);
        }
        let (there, missing): (Vec<u64>, Vec<u64>) = self.living.keys().partition(|number| seen.contains(number));
        for number in missing {
            let fate = self.living.remove(&number).expect("its number was just listed");
            if fate.message_id.is_some() && !fate.may_be_gone {
                broken.lost += 1;
                broken.tell(format!("{number} of queue {} is lost", fate.queue));
            }
            self.gone.insert(number);
        }
        for number in there {
            self.living.get_mut(&number).expect("its number was just listed").may_be_gone = false;
        }
        (broken != Broken::default()).then_some(broken)
    }

    fn check_one(&mut self, message: &Found, seen: &mut HashSet<u64>, broken: &mut Broken) {
        let (queue, id) = (message.queue, &message.message_id);
        let Some(number) = message.number else {
            return broken.tell(format!("{id} in queue {queue} is damaged"));
        };
        if !seen.insert(number) {
            return broken.tell(format!("{number} is twice in queue {queue}"));
        }
        if self.gone.contains(&number) {
            broken.resurrected += 1;
            return broken.tell(format!("{number} is back from the dead in queue {queue}"));
        }
        let Some(fate) = self.living.get_mut(&number) else {
            return broken.tell(format!("{number} in queue {queue} was never sent"));
        };
        if fate.queue != queue {
            broken.tell(format!("{number} was sent to queue {} and is in {queue}", fate.queue));
        }
        if fate.message_id.get_or_insert_with(|| id.clone()) != id {
            broken.tell(format!("{number} in queue {queue} has another id than it was sent with"));
        }
    }

    pub(crate) fn totals(&self) -> Totals {
        Totals { standing: self.living.len(), ..self.totals }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(number: u64, queue: usize) -> Found {
        Found { queue, message_id: number.to_string(), receipt_handle: String::new(), number: Some(number) }
    }

    /// Three acknowledged messages in queue 0.
    fn three() -> Ledger {
        let mut ledger = Ledger::default();
        for _ in 0..3 {
            let number = ledger.sending(0);
            ledger.acknowledged(number, &number.to_string());
        }
        ledger
    }

    fn broken(ledger: &mut Ledger, numbers: &[u64]) -> (usize, usize, String) {
        let found: Vec<Found> = numbers.iter().map(|&number| found(number, 0)).collect();
        ledger.check(&found).map_or((0, 0, String::new()), |b| (b.lost, b.resurrected, b.stories.join(";")))
    }

    #[test]
    fn what_was_acknowledged_must_be_there() {
        assert_eq!(three().check(&[found(1, 0), found(2, 0), found(3, 0)]), None);
        assert_eq!(broken(&mut three(), &[1, 3]), (1, 0, "2 of queue 0 is lost".into()));
    }

    #[test]
    fn what_was_not_answered_may_be_or_not_be_but_not_change_its_mind() {
        let mut ledger = three();
        let unsure = ledger.sending(0);
        ledger.deleting(3);
        assert_eq!(broken(&mut ledger, &[1, 2]).0, 0);
        assert_eq!(broken(&mut ledger, &[1, 2, unsure]).1, 1);
        assert_eq!(broken(&mut ledger, &[1, 2, 3]).1, 1);
    }

    #[test]
    fn an_unanswered_delete_that_did_not_happen_is_settled() {
        let mut ledger = three();
        ledger.deleting(3);
        assert_eq!(broken(&mut ledger, &[1, 2, 3]), (0, 0, String::new()));
        assert_eq!(broken(&mut ledger, &[1, 2]).0, 1);
    }

    #[test]
    fn an_acknowledged_delete_never_comes_back() {
        let mut ledger = three();
        ledger.deleting(2);
        ledger.deleted(2);
        assert_eq!(broken(&mut ledger, &[1, 2, 3]), (0, 1, "2 is back from the dead in queue 0".into()));
    }

    #[test]
    fn a_purge_takes_what_was_acknowledged_before_it_and_may_take_what_was_on_its_way() {
        let mut ledger = three();
        let before = ledger.sending(0);
        let taken = ledger.purging(0);
        let meanwhile = ledger.sending(0);
        ledger.acknowledged(before, "4");
        ledger.acknowledged(meanwhile, "5");
        ledger.purged(0, &taken);
        let after = ledger.sending(0);
        ledger.acknowledged(after, "6");
        assert_eq!(broken(&mut ledger, &[meanwhile, after]), (0, 0, String::new()));
        assert_eq!(broken(&mut ledger, &[meanwhile, after, 1]).1, 1);
    }

    #[test]
    fn a_purge_without_an_answer_leaves_both_possible() {
        let mut ledger = three();
        ledger.purging(0);
        ledger.server_is_gone();
        assert_eq!(broken(&mut ledger, &[1, 2, 3]), (0, 0, String::new()));
        let sent = ledger.sending(0);
        ledger.acknowledged(sent, "4");
        assert_eq!(broken(&mut ledger, &[1, 2, 3]).0, 1);
    }

    #[test]
    fn copies_strangers_changed_ids_wrong_queues_and_damage_are_told() {
        assert!(broken(&mut three(), &[1, 1, 2, 3]).2.contains("twice"));
        assert!(broken(&mut three(), &[1, 2, 3, 9]).2.contains("never sent"));
        let told = |message: Found| three().check(&[found(1, 0), found(2, 0), message]).unwrap().to_string();
        assert!(told(Found { message_id: "x".into(), ..found(3, 0) }).contains("another id"));
        assert!(told(found(3, 1)).contains("sent to queue 0 and is in 1"));
        assert!(told(Found { number: None, ..found(3, 0) }).contains("damaged"));
    }
}
