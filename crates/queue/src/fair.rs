//! Fair queues: on a standard queue whose messages name groups, a tenant that takes much of the consumers waits for the others.
//!
//! The rule is AWS's ("How fair queues work"): a tenant, which is a message group, is noisy if it has more than a tenth of what is
//! in flight, and thirty messages of it at the least, or more than a tenth of the recent processing time. Messages of quiet
//! tenants are handed out first, oldest first; among noisy tenants the one with the fewest in flight is next. A tenant is quiet
//! again when its backlog has drained or it has sent nothing for five minutes. A message without a group is a quiet tenant of its
//! own. Nothing is dropped or held back: whoever asks gets as many messages as there are.
//!
//! All of it is knowledge, as a FIFO queue's groups are (ADR 0016); state is only that there are groups at all, so that a queue
//! which never saw one does nothing here. Moments are those that time was last let pass at.

use crate::exceptions::{Phase, Status};
use crate::groups::Groups;
use crate::limits::{
    DEDUP_MILLIS, FAIR_IN_FLIGHT_MIN, FAIR_LEARN_MAX, FAIR_RECENT_MILLIS, FAIR_SHARE, FAIR_TENANTS_MIN,
};
use crate::visible::Visible;
use names::Instant;
use std::collections::BTreeMap;

/// What is known of tenants.
#[derive(Debug, Default)]
pub(crate) struct Fair {
    pub(crate) groups: Groups,
    tenants: BTreeMap<u64, Tenant>,
    /// With more of them those are forgotten that do not matter.
    tenants_max: usize,
    noisy: BTreeMap<u64, Noisy>,
    /// While there are noisy tenants: what is visible and of none of them.
    quiet: Visible,
    spent: Recent,
    now: Instant,
    /// Messages learned since time was last let pass, which every command begins with.
    learned: u64,
}

/// Queues that differ in knowledge alone are equal.
impl PartialEq for Fair {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A tenant that has something in flight, or has had it.
#[derive(Debug, Default)]
struct Tenant {
    in_flight: usize,
    spent: Recent,
}

#[derive(Debug)]
struct Noisy {
    visible: Visible,
    last_sent_at: Instant,
}

/// Milliseconds of processing within the present stretch of time and the one before it.
#[derive(Debug, Default, Clone, Copy)]
struct Recent {
    stretch: u64,
    millis: [u64; 2],
}

impl Recent {
    fn add(&mut self, now: Instant, millis: u64) {
        self.roll(now);
        self.millis[1] += millis;
    }

    fn at(mut self, now: Instant) -> u64 {
        self.roll(now);
        self.millis[0] + self.millis[1]
    }

    fn roll(&mut self, now: Instant) {
        let stretch = now.as_millis() / FAIR_RECENT_MILLIS;
        match stretch.saturating_sub(self.stretch) {
            0 => {}
            1 => self.millis = [self.millis[1], 0],
            _ => self.millis = [0, 0],
        }
        self.stretch = stretch.max(self.stretch);
    }
}

impl Fair {
    /// Whether this command has learned as much as one may: then it goes on with what is known.
    pub(crate) fn has_learned_enough(&self) -> bool {
        self.learned >= FAIR_LEARN_MAX
    }

    /// Whether a receive knows enough: nobody is noisy, or there is something to put before them.
    pub(crate) fn is_settled(&self) -> bool {
        self.noisy.is_empty() || self.quiet.first().is_some_and(|first| first < self.groups.known_below())
    }

    /// Up to `count` visible messages in the order in which they are handed out.
    pub(crate) fn in_turn(&self, visible: &Visible, count: usize) -> Vec<u64> {
        if self.noisy.is_empty() {
            return visible.iter().take(count).collect();
        }
        let known_below = self.groups.known_below();
        let mut taken: Vec<u64> =
            self.quiet.iter().take_while(|&sequence| sequence < known_below).take(count).collect();
        let in_flight = |hash: &u64| self.tenants.get(hash).map_or(0, |tenant| tenant.in_flight);
        let mut noisy: Vec<_> =
            self.noisy.iter().map(|(hash, noisy)| (in_flight(hash), noisy.visible.iter())).collect();
        while taken.len() < count {
            let Some(next) = noisy.iter_mut().min_by_key(|(in_flight, _)| *in_flight) else { break };
            match next.1.next() {
                Some(sequence) => taken.push(sequence),
                None => next.0 = usize::MAX,
            }
            next.0 = next.0.saturating_add(1);
            if noisy.iter().all(|(in_flight, _)| *in_flight == usize::MAX) {
                break;
            }
        }
        let mut beyond = known_below;
        while taken.len() < count
            && let Some(sequence) = self.quiet.first_from(beyond)
        {
            taken.push(sequence);
            beyond = sequence + 1;
        }
        taken
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, now: Instant, next_sequence: u64) {
        self.now = self.now.max(now);
        self.learned = 0;
        self.calm(next_sequence);
    }

    /// A message was sent, or learned; it stands behind all that are known. So many are in flight in all.
    pub(crate) fn learn(
        &mut self,
        sequence: u64,
        hash: Option<u64>,
        status: Status,
        in_flight: usize,
        visible: &Visible,
    ) {
        self.learned += 1;
        let Some(hash) = hash else { return self.groups.know_below(sequence + 1) };
        self.groups.learn(sequence, hash, |_| false);
        if status.phase() == Phase::InFlight {
            self.tenants.entry(hash).or_default().in_flight += 1;
        }
        if let Some(noisy) = self.noisy.get_mut(&hash)
            && self.quiet.remove(sequence)
        {
            noisy.visible.insert(sequence);
        }
        self.judge(hash, in_flight, visible);
    }

    /// A tenant sends.
    pub(crate) fn note_send(&mut self, hash: u64, at: Instant) {
        if let Some(noisy) = self.noisy.get_mut(&hash) {
            noisy.last_sent_at = noisy.last_sent_at.max(at);
        }
    }

    /// A message is visible and was not.
    pub(crate) fn shown(&mut self, sequence: u64) {
        if !self.noisy.is_empty() {
            let noisy = self.groups.group_of(sequence).and_then(|hash| self.noisy.get_mut(&hash));
            noisy.map_or(&mut self.quiet, |noisy| &mut noisy.visible).insert(sequence);
        }
    }

    /// A message is not visible any more.
    pub(crate) fn hidden(&mut self, sequence: u64) {
        if !self.noisy.is_empty() && !self.quiet.remove(sequence) {
            let noisy = self.groups.group_of(sequence).and_then(|hash| self.noisy.get_mut(&hash));
            if let Some(noisy) = noisy {
                noisy.visible.remove(sequence);
            }
        }
    }

    /// What happened to a message changed from `before` to `after`, of so many that are in flight now.
    pub(crate) fn changed(&mut self, sequence: u64, [before, after]: [Status; 2], in_flight: usize, visible: &Visible) {
        let Some(hash) = self.groups.group_of(sequence) else { return };
        let was_there = before.phase() == Phase::InFlight;
        let tenant = self.tenants.entry(hash).or_default();
        tenant.in_flight += usize::from(after.phase() == Phase::InFlight);
        tenant.in_flight = tenant.in_flight.saturating_sub(usize::from(was_there));
        let is_another = after.receive != before.receive || after.phase() != Phase::InFlight;
        if was_there && is_another {
            let ended = self.now.min(before.until).max(before.received_at);
            let millis = ended.since(before.received_at).as_millis() as u64;
            tenant.spent.add(self.now, millis);
            self.spent.add(self.now, millis);
        }
        self.judge(hash, in_flight, visible);
        self.tidy_tenants();
        if self.tenants.get(&hash).is_some_and(|tenant| tenant.in_flight == 0 && tenant.spent.at(self.now) == 0) {
            self.tenants.remove(&hash);
        }
    }

    /// A message is gone.
    pub(crate) fn remove(&mut self, sequence: u64) {
        self.hidden(sequence);
        self.groups.remove(sequence, |_| false);
    }

    /// All messages below this are gone.
    pub(crate) fn remove_below(&mut self, below: u64) {
        self.quiet.remove_below(below);
        self.noisy.values_mut().for_each(|noisy| noisy.visible.remove_below(below));
        self.groups.remove_below(below, |_| false);
    }

    /// Ends what is over: tenants without a backlog, or that sent nothing for five minutes, are quiet again.
    pub(crate) fn calm(&mut self, next_sequence: u64) {
        let all_known = self.groups.known_below() >= next_sequence;
        let is_over = |noisy: &Noisy, now: Instant| {
            (all_known && noisy.visible.len() == 0) || noisy.last_sent_at.plus_millis(DEDUP_MILLIS) <= now
        };
        let now = self.now;
        if !self.noisy.values().any(|noisy| is_over(noisy, now)) {
            return;
        }
        let quiet = &mut self.quiet;
        self.noisy.retain(|_, noisy| {
            let stays = !is_over(noisy, now);
            if !stays {
                noisy.visible.iter().for_each(|sequence| quiet.insert(sequence));
            }
            stays
        });
        if self.noisy.is_empty() {
            self.quiet = Visible::default();
        }
        let spent = |tenant: &Tenant| tenant.in_flight > 0 || tenant.spent.at(now) > 0;
        self.tenants.retain(|_, tenant| spent(tenant));
    }

    /// Forgets tenants that have nothing in flight and next to nothing of the recent processing time: where each message names
    /// a group of its own, there are as many tenants as messages.
    fn tidy_tenants(&mut self) {
        if self.tenants.len() <= self.tenants_max.max(FAIR_TENANTS_MIN) {
            return;
        }
        let (now, least) = (self.now, self.spent.at(self.now) / FAIR_TENANTS_MIN as u64);
        self.tenants.retain(|_, tenant| tenant.in_flight > 0 || tenant.spent.at(now) > least);
        self.tenants_max = 2 * self.tenants.len();
    }

    /// Makes a tenant noisy that is.
    fn judge(&mut self, hash: u64, in_flight: usize, visible: &Visible) {
        let Some(tenant) = self.tenants.get(&hash).filter(|_| !self.noisy.contains_key(&hash)) else { return };
        let of_flight =
            tenant.in_flight >= FAIR_IN_FLIGHT_MIN && tenant.in_flight.saturating_mul(FAIR_SHARE) > in_flight;
        let of_time = tenant.spent.at(self.now).saturating_mul(FAIR_SHARE as u64) > self.spent.at(self.now);
        if !of_flight && !of_time {
            return;
        }
        let mut own = Visible::default();
        self.groups
            .members(hash)
            .filter(|&sequence| visible.contains(sequence))
            .for_each(|sequence| own.insert(sequence));
        if own.len() == 0 {
            return;
        }
        if self.noisy.is_empty() {
            self.quiet = visible.clone();
        }
        for sequence in own.iter() {
            self.quiet.remove(sequence);
        }
        self.noisy.insert(hash, Noisy { visible: own, last_sent_at: self.now });
    }

    /// Checks that each visible message is in exactly one place.
    #[cfg(test)]
    pub(crate) fn assert_whole(&self, visible: &Visible) {
        if self.noisy.is_empty() {
            assert_eq!(self.quiet.len(), 0);
            return;
        }
        let own: usize = self.noisy.values().map(|noisy| noisy.visible.len()).sum();
        assert_eq!(own + self.quiet.len(), visible.len());
        assert!(visible.iter().all(|sequence| {
            let is_noisys = self.groups.group_of(sequence).is_some_and(|hash| self.noisy.contains_key(&hash));
            self.quiet.contains(sequence) != is_noisys
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Command, Effect, Handle, Labels, Message, MessageId, NewMessage, Queue, Reply, Settings};
    use proptest::prelude::{any, prop, prop_oneof, proptest};
    use std::collections::BTreeSet;

    const SETTINGS: Settings = Settings::plain(60_000_000, 30_000, 0);

    struct Trial {
        queue: Queue,
        now: Instant,
        contents: BTreeMap<u64, Message>,
        handles: Vec<Handle>,
    }

    impl Trial {
        fn new() -> Self {
            let now = Instant::from_millis(1_700_000_000_000);
            Self { queue: Queue::new(SETTINGS), now, contents: BTreeMap::new(), handles: Vec::new() }
        }

        fn ask(&mut self, command: Command) -> Reply {
            self.queue.advance(self.now);
            while let Some(keys) = self.queue.wants(&command) {
                keys.for_each(|key| self.queue.learn(key, self.contents.get(&key)));
            }
            let decision = self.queue.decide::<Effect>(self.now, command);
            for effect in decision.effects {
                self.queue.apply(&effect, &mut Vec::new());
                self.contents.extend(Queue::content(effect));
            }
            if let Some(fair) = &self.queue.fair {
                fair.assert_whole(&self.queue.visible);
            }
            decision.reply
        }

        fn send(&mut self, group: Option<u64>, count: usize) {
            let mut bytes = vec![b'x'];
            let labelled = Labels { group, dedup: None }.append_to(&mut bytes);
            let id = MessageId([0; 16]);
            let message = NewMessage {
                id,
                body_bytes: 1,
                bytes: bytes.into(),
                delay_millis: None,
                labelled,
                earlier_dedup: None,
            };
            self.ask(Command::Send(vec![message; count]));
        }

        fn receive(&mut self, max: usize) -> Vec<u64> {
            let reply = self.ask(Command::Receive { max, visibility_millis: None });
            let Reply::Received(deliveries) = reply else { panic!("a receive is answered with messages") };
            self.handles.extend(deliveries.iter().map(crate::Delivery::handle));
            deliveries.iter().map(|delivery| delivery.sequence).collect()
        }

        fn take_one(&mut self) {
            let given = self.receive(1);
            assert_eq!(given.len(), 1);
            self.now = self.now.plus_millis(5);
            let handles = std::mem::take(&mut self.handles);
            self.ask(Command::Delete(handles));
        }

        fn restore(&mut self) {
            let mut state = Vec::new();
            self.queue.snapshot(&mut state);
            let restored = Queue::restore(Queue::SNAPSHOT_VERSION, &state).expect("what was written is read");
            assert_eq!(restored, self.queue);
            self.queue = restored;
        }
    }

    #[test]
    fn a_quiet_tenant_waits_for_nobody_behind_a_hundred_thousand() {
        let mut trial = Trial::new();
        (0..100).for_each(|_| trial.send(Some(1), 1_000));
        (0..10).for_each(|_| drop(trial.receive(10)));
        trial.send(Some(2), 1);
        assert_eq!(trial.receive(10)[0], 100_001);
        trial.restore();
        trial.send(Some(3), 1);
        let receives = (1..).find(|_| trial.receive(10)[0] == 100_002).expect("what was learned anew says the same");
        assert_eq!(receives, 100_002_u64.div_ceil(FAIR_LEARN_MAX), "each of them learns as much as it may");
    }

    #[test]
    fn a_noisy_tenant_that_sends_nothing_for_five_minutes_is_quiet_again() {
        let mut trial = Trial::new();
        trial.send(Some(1), 50);
        trial.receive(40);
        let is_noisy = |trial: &Trial| trial.queue.fair.as_ref().is_some_and(|fair| fair.noisy.contains_key(&1));
        assert!(is_noisy(&trial));
        trial.now = trial.now.plus_millis(DEDUP_MILLIS - 1);
        trial.queue.advance(trial.now);
        assert!(is_noisy(&trial), "a millisecond is left");
        trial.now = trial.now.plus_millis(1);
        trial.queue.advance(trial.now);
        assert!(trial.queue.fair.as_ref().is_some_and(|fair| fair.noisy.is_empty()));
    }

    #[test]
    fn where_each_message_is_a_tenant_of_its_own_few_are_remembered() {
        let mut trial = Trial::new();
        trial.send(Some(1), 20);
        for hash in 100..20_000 {
            trial.send(Some(hash), 1);
            trial.take_one();
        }
        let fair = trial.queue.fair.as_ref().expect("there are groups");
        assert!(fair.tenants.len() <= FAIR_TENANTS_MIN + 1, "{} tenants", fair.tenants.len());
    }

    #[test]
    fn a_queue_without_groups_has_none_of_this() {
        let mut trial = Trial::new();
        trial.send(None, 100);
        trial.receive(50);
        assert!(trial.queue.fair.is_none());
    }

    proptest! {
        #[test]
        fn whoever_asks_gets_as_much_as_there_is_and_nothing_twice(
            steps in prop::collection::vec((0u8..12, prop_oneof![0u64..4], 1usize..60, 0u64..40_000), 1..60),
            which in any::<prop::sample::Index>(),
        ) {
            let mut trial = Trial::new();
            for (step, group, count, millis) in steps {
                match step {
                    0..=3 => trial.send((group > 0).then_some(group), count),
                    4..=7 => {
                        trial.queue.advance(trial.now);
                        let visible: BTreeSet<u64> = trial.queue.visible.iter().collect();
                        let given = trial.receive(count);
                        assert_eq!(given.len(), count.min(visible.len()));
                        let distinct: BTreeSet<u64> = given.iter().copied().collect();
                        assert!(distinct.len() == given.len() && distinct.is_subset(&visible));
                    }
                    8..=9 if !trial.handles.is_empty() => {
                        let at = which.index(trial.handles.len());
                        let gone = trial.handles.split_off(at);
                        trial.ask(Command::Delete(gone));
                    }
                    10 => trial.restore(),
                    _ => trial.now = trial.now.plus_millis(millis),
                }
            }
        }
    }
}
