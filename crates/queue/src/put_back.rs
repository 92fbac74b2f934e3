//! Receives that came to nothing: what was handed out cannot be used by who asked, and is put back as if nobody had.
//!
//! A lease is decided before the contents are read, since nothing else knows what is visible; so a service that then finds that
//! it cannot open them has to take the lease back. The message is visible at once and its receives are what they were, so
//! nobody's trying brings it closer to a dead-letter queue. What the receive sent away besides, dead letters, stays away.

use crate::attempts::Attempt;
use crate::{Delivery, Effect, Queue, Receives, Reply};
use engine::Decision;
use names::Instant;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

impl Queue {
    /// Answers [`crate::Command::PutBack`]. Of a message that was handed out twice, as one that is not hidden can be, both
    /// receives may be among them.
    pub(crate) fn put_back<E: From<Effect>>(&self, mut deliveries: Vec<Delivery>) -> Decision<E, Reply> {
        deliveries.sort_unstable_by_key(|delivery| (delivery.sequence, Reverse(delivery.receive)));
        let (mut back, mut taken) = (BTreeMap::<u64, Receives>::new(), BTreeSet::new());
        for Delivery { sequence, receive, before, .. } in deliveries {
            let latest = back.get(&sequence).map(|known| known.count);
            let latest = latest.or(self.exceptions.get(sequence).map(|status| status.receive));
            if let Some(before) = before.filter(|_| latest == Some(receive)) {
                back.insert(sequence, before);
                taken.insert((sequence, receive));
            }
        }
        if back.is_empty() {
            return Decision::answer(Reply::PutBack);
        }
        let shown = back.keys().map(|&sequence| (sequence, Instant::EPOCH)).collect();
        let effects = [Effect::VisibilityChanged(shown), Effect::Carried(back.into_iter().collect())];
        let effects = effects.into_iter().chain(self.over_with(&taken)).map(E::from).collect();
        Decision::change(effects, Reply::PutBack)
    }

    /// Named receives that handed one of these out hide nothing any more: whoever asks again gets a new receive, and not what
    /// somebody else has received since.
    fn over_with(&self, taken: &BTreeSet<(u64, u32)>) -> Vec<Effect> {
        let Some(fifo) = &self.fifo else { return Vec::new() };
        let is_over = |attempt: &Attempt| attempt.entries.iter().any(|entry| taken.contains(entry));
        let over = fifo.attempts.in_order().filter(|(_, attempt)| is_over(attempt));
        let over = over.map(|(id, Attempt { at, entries, .. })| Effect::Attempted {
            attempt: *id,
            at: *at,
            until: Instant::EPOCH,
            entries: entries.clone(),
        });
        over.collect()
    }
}
