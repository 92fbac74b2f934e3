//! A FIFO queue against a model that could not be simpler: lists of messages by group, searched from front to end.
//!
//! Whose turn it is among groups is the queue's to choose, so a receive is checked and not foretold: each group's messages come
//! from its first one on, none of them hidden, without a gap, none left out while there was room, and no group was left out
//! that had something to give. Everything else is foretold: who is a duplicate of whom, which handles still work, what a named
//! receive gives again. The queue is replaced every now and then by one that a snapshot, or all records from the first, made;
//! it has to learn its groups again, from messages of which some cannot be read.

use super::*;
use crate::limits::DEDUP_MILLIS;
use crate::{Accepted, DeleteOutcome, Delivery, Handle, Labels, MessageId, NewMessage, Unpark, VisibilityOutcome};
use engine::Effect as _;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use std::collections::BTreeMap;

const SETTINGS: Settings = Settings { is_fifo: true, ..Settings::plain(60_000_000, 3_000, 0) };

#[derive(Debug, Clone)]
struct Naive {
    sequence: u64,
    group: u64,
    hidden_until: Instant,
    receives: u32,
}

#[derive(Debug, Default)]
struct Model {
    messages: Vec<Naive>,
    ids: BTreeMap<[u8; 16], (Instant, Accepted)>,
    sent: u64,
    named: BTreeMap<u8, Named>,
    /// After how many receives a group is parked; those that are, by their first messages; and receives that do not count.
    park_after: u32,
    parked: std::collections::BTreeSet<u64>,
    forgiven: BTreeMap<u64, u32>,
}

/// When a named receive was made first, until when it hides, and what it gave.
type Named = (Instant, Instant, Vec<(u64, u32)>);

#[derive(Debug, Clone)]
enum Draft {
    Send(Vec<(u8, Option<u8>)>, u64),
    Receive {
        max: usize,
        millis: u64,
        name: Option<u8>,
    },
    /// A receive that comes to nothing.
    PutBack {
        max: usize,
        millis: u64,
        name: Option<u8>,
    },
    Delete(Vec<prop::sample::Index>),
    Change(prop::sample::Index, u64),
    Purge,
    Rebuild {
        from_records: bool,
    },
    Unpark(Option<u8>, Unpark),
    ParkAfter(u16),
}

fn drafts() -> impl Strategy<Value = Draft> {
    let message = (0u8..5, prop::option::of(0u8..20));
    let millis = || prop_oneof![1 => 0u64..1, 5 => 1u64..5_000, 1 => 5_000u64..100_000];
    prop_oneof![
        6 => (prop::collection::vec(message, 1..6), prop_oneof![4 => 0u64..1, 1 => 1u64..4_000])
            .prop_map(|(messages, delay)| Draft::Send(messages, delay)),
        8 => (1usize..12, millis(), prop::option::weighted(0.3, 0u8..3))
            .prop_map(|(max, millis, name)| Draft::Receive { max, millis, name }),
        3 => (1usize..12, millis(), prop::option::weighted(0.3, 0u8..3))
            .prop_map(|(max, millis, name)| Draft::PutBack { max, millis, name }),
        5 => prop::collection::vec(any::<prop::sample::Index>(), 1..5).prop_map(Draft::Delete),
        4 => (any::<prop::sample::Index>(), millis()).prop_map(|(which, millis)| Draft::Change(which, millis)),
        1 => (prop::option::of(0u8..5), prop_oneof![Just(Unpark::Release), Just(Unpark::DropFirst), Just(Unpark::DropAll)])
            .prop_map(|(group, how)| Draft::Unpark(group, how)),
        1 => (0u16..4).prop_map(Draft::ParkAfter),
        1 => prop_oneof![1 => (0u8..1).prop_map(|_| Draft::Purge), 4 => any::<bool>().prop_map(|from_records| Draft::Rebuild { from_records })],
    ]
}

struct Trial {
    now: Instant,
    queue: Queue,
    model: Model,
    records: Vec<(u8, u8, Vec<u8>)>,
    contents: BTreeMap<u64, Message>,
    handles: Vec<Handle>,
}

impl Trial {
    fn run(&mut self, wait: u64, draft: Draft) {
        self.now = self.now.plus_millis(wait);
        match draft {
            Draft::Send(messages, delay) => self.send(&messages, delay),
            Draft::Receive { max, millis, name } => drop(self.receive(max, millis, name)),
            Draft::PutBack { max, millis, name } => self.put_back(max, millis, name),
            Draft::Delete(which) => self.delete(&which),
            Draft::Change(which, millis) => self.change(which, millis),
            Draft::Purge => {
                assert_eq!(self.ask(Command::Purge), Reply::Purged);
                self.model.messages.clear();
                self.model.ids.clear();
                self.model.parked.clear();
            }
            Draft::Unpark(group, how) => self.unpark(group.map(u64::from), how),
            Draft::ParkAfter(receives) => {
                let settings = Settings { park_after: receives, ..self.queue.settings() };
                assert_eq!(self.ask(Command::Configure(settings)), Reply::Configured);
                self.model.park_after = receives.into();
                if receives == 0 {
                    self.model.forgiven.clear();
                }
                let poison: Vec<u64> =
                    self.model.messages.iter().filter(|one| self.is_poison(one)).map(|one| one.sequence).collect();
                self.model.parked.retain(|first| poison.contains(first));
            }
            Draft::Rebuild { from_records } => self.rebuild(from_records),
        }
        self.compare();
    }

    fn ask(&mut self, command: Command) -> Reply {
        self.queue.advance(self.now);
        while let Some(keys) = self.queue.wants(&command) {
            assert!(self.queue.holds(keys.start), "what is wanted first is there");
            keys.for_each(|key| self.queue.learn(key, self.contents.get(&key)));
        }
        let decision: Decision<Effect, _> = self.queue.decide(self.now, command);
        for effect in decision.effects {
            let mut payload = Vec::new();
            effect.encode(&mut payload);
            self.records.push((effect.kind(), effect.version(), payload));
            self.queue.apply(&effect, &mut Vec::new());
            self.contents.extend(Queue::content(effect));
        }
        decision.reply
    }

    fn send(&mut self, messages: &[(u8, Option<u8>)], delay: u64) {
        let new = |number: usize, &(group, dedup): &(u8, Option<u8>)| {
            let labels = Labels { group: Some(group.into()), dedup: dedup.map(|dedup| [dedup; 16]) };
            let mut bytes = vec![b'x'];
            let labelled = labels.append_to(&mut bytes);
            let id = MessageId((u128::from(self.model.sent) * 10 + number as u128).to_be_bytes());
            NewMessage {
                id,
                body_bytes: 1,
                bytes: bytes.into(),
                delay_millis: Some(delay),
                labelled,
                earlier_dedup: None,
            }
        };
        let new: Vec<_> = messages.iter().enumerate().map(|(number, message)| new(number, message)).collect();
        let mut expected = Vec::new();
        for (message, new) in messages.iter().zip(&new) {
            let key = message.1.map(|dedup| [dedup; 16]);
            let known = key.and_then(|key| self.model.ids.get(&key));
            if let Some((_, first)) = known.filter(|(at, _)| self.now < at.plus_millis(DEDUP_MILLIS)) {
                expected.push(*first);
                continue;
            }
            self.model.sent += 1;
            let accepted = Accepted { sequence: self.model.sent, id: new.id };
            self.model.ids.extend(key.map(|key| (key, (self.now, accepted))));
            let hidden_until = self.now.plus_millis(delay);
            self.model.messages.push(Naive {
                sequence: accepted.sequence,
                group: message.0.into(),
                hidden_until,
                receives: 0,
            });
            expected.push(accepted);
        }
        assert_eq!(self.ask(Command::Send(new)), Reply::Accepted(expected));
    }

    fn receive(&mut self, max: usize, millis: u64, name: Option<u8>) -> Vec<Delivery> {
        let (visibility_millis, until) = (Some(millis), self.now.plus_millis(millis));
        let command = match name {
            None => Command::Receive { max, visibility_millis },
            Some(name) => Command::ReceiveAgain { attempt: [name; 16], max, visibility_millis },
        };
        let Reply::Received(deliveries) = self.ask(command) else { panic!("a receive is answered with messages") };
        let given: Vec<_> = deliveries.iter().map(|delivery| (delivery.sequence, delivery.receive)).collect();
        self.handles.extend(deliveries.iter().map(Delivery::handle));
        let before =
            name.and_then(|name| self.model.named.get(&name)).filter(|before| self.is_untouched(before)).cloned();
        if let Some((at, _, entries)) = before {
            assert_eq!(given, entries);
            self.hide(&entries, until);
            self.model.named.insert(name.unwrap(), (at, until, entries));
            return deliveries;
        }
        self.check_receive(&given, max);
        let stuck = self.stuck();
        let parked: std::collections::BTreeSet<u64> = self
            .queue
            .fifo
            .as_ref()
            .unwrap()
            .parks
            .sequences()
            .filter(|one| self.queue.fifo.as_ref().unwrap().parks.is_parked(*one))
            .collect();
        assert!(self.model.parked.is_subset(&parked), "a group went on by itself");
        assert!(
            parked.difference(&self.model.parked).all(|first| stuck.contains(first)),
            "a group was parked without need"
        );
        assert!(
            given.len() == max || stuck.iter().all(|first| parked.contains(first)),
            "a group was met and not parked"
        );
        self.model.parked = parked;
        for (sequence, receive) in &given {
            let message = self.model.messages.iter_mut().find(|message| message.sequence == *sequence).unwrap();
            message.receives += 1;
            assert_eq!(message.receives, *receive);
        }
        self.hide(&given, until);
        if let Some(name) = name.filter(|_| !given.is_empty()) {
            self.model.named.insert(name, (self.now, until, given));
        }
        deliveries
    }

    /// What is answered again was received before, and stays received.
    fn put_back(&mut self, max: usize, millis: u64, name: Option<u8>) {
        let deliveries = self.receive(max, millis, name);
        assert_eq!(self.ask(Command::PutBack(deliveries.clone())), Reply::PutBack);
        for delivery in deliveries.iter().filter(|delivery| delivery.before.is_some()) {
            let is_it = |message: &&mut Naive| message.sequence == delivery.sequence;
            let message = self.model.messages.iter_mut().find(is_it).unwrap();
            message.receives -= 1;
            message.hidden_until = self.now;
            let given = (delivery.sequence, delivery.receive);
            let over = self.model.named.values_mut().filter(|(_, _, entries)| entries.contains(&given));
            over.for_each(|(_, until, _)| *until = Instant::EPOCH);
        }
    }

    fn hide(&mut self, entries: &[(u64, u32)], until: Instant) {
        for message in &mut self.model.messages {
            if entries.iter().any(|(sequence, _)| *sequence == message.sequence) {
                message.hidden_until = until;
            }
        }
    }

    fn is_untouched(&self, (at, until, entries): &Named) -> bool {
        let is_as_it_was = |(sequence, receive): &(u64, u32)| {
            self.model.messages.iter().any(|message| {
                (message.sequence, message.receives, message.hidden_until) == (*sequence, *receive, *until)
            })
        };
        self.now < at.plus_millis(DEDUP_MILLIS) && *until > self.now && entries.iter().all(is_as_it_was)
    }

    fn is_poison(&self, message: &Naive) -> bool {
        let forgiven = self.model.forgiven.get(&message.sequence).copied().unwrap_or(0);
        self.model.park_after > 0 && message.receives - forgiven >= self.model.park_after
    }

    /// First messages that would be parked if a receive met them.
    fn stuck(&self) -> Vec<u64> {
        let mut seen = std::collections::BTreeSet::new();
        let firsts = self.model.messages.iter().filter(|message| seen.insert(message.group));
        let visible = firsts.filter(|message| message.hidden_until <= self.now);
        let stuck = visible.filter(|message| !self.model.parked.contains(&message.sequence) && self.is_poison(message));
        stuck.map(|message| message.sequence).collect()
    }

    fn unpark(&mut self, group: Option<u64>, how: Unpark) {
        let messages = &self.model.messages;
        let group_of = |first: &u64| messages.iter().find(|one| one.sequence == *first).unwrap().group;
        let firsts =
            self.model.parked.iter().copied().filter(|first| group.is_none_or(|group| group == group_of(first)));
        let firsts: Vec<u64> = firsts.collect();
        let groups: Vec<u64> = firsts.iter().map(group_of).collect();
        assert_eq!(self.ask(Command::Unpark { group, how }), Reply::Unparked(firsts.len()));
        self.model.parked.retain(|first| !firsts.contains(first));
        match how {
            Unpark::Release => {
                let receives =
                    |first: &u64| self.model.messages.iter().find(|one| one.sequence == *first).unwrap().receives;
                let forgiven: Vec<_> = firsts.iter().map(|first| (*first, receives(first))).collect();
                self.model.forgiven.extend(forgiven);
            }
            Unpark::DropFirst => self.model.messages.retain(|one| !firsts.contains(&one.sequence)),
            Unpark::DropAll => {
                let queue = &self.queue;
                // What nobody can read is in no group.
                self.model.messages.retain(|one| !groups.contains(&one.group) || queue.is_here(one.sequence));
                assert!(firsts.iter().all(|first| !queue.is_here(*first)));
            }
        }
    }

    /// What each group has to give: its messages from the first one on, until one is hidden.
    fn offers(&self) -> BTreeMap<u64, Vec<u64>> {
        let mut offers: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let mut closed = std::collections::BTreeSet::new();
        for message in &self.model.messages {
            let stands_still = self.model.parked.contains(&message.sequence) || self.is_poison(message);
            if message.hidden_until > self.now || stands_still {
                closed.insert(message.group);
            } else if !closed.contains(&message.group) {
                offers.entry(message.group).or_default().push(message.sequence);
            }
        }
        offers
    }

    fn check_receive(&self, given: &[(u64, u32)], max: usize) {
        let offers = self.offers();
        let mut rest: Vec<u64> = given.iter().map(|(sequence, _)| *sequence).collect();
        let mut served = 0;
        while let Some(first) = rest.first() {
            let offer =
                offers.values().find(|offer| offer[0] == *first).expect("a group is served from its first message on");
            let count = offer.len().min(rest.len());
            assert_eq!(rest[..count], offer[..count], "a group's messages come in order, one after the other");
            assert!(count == offer.len() || count == rest.len() && given.len() == max, "a message was left out");
            rest.drain(..count);
            served += 1;
        }
        assert!(given.len() == max || served == offers.len(), "a group was left out: {offers:?} {given:?}");
        assert!(given.len() <= max);
    }

    fn has_in_flight(&self, handle: &Handle) -> bool {
        self.model.messages.iter().any(|message| {
            message.sequence == handle.sequence && message.receives == handle.receive && message.hidden_until > self.now
        })
    }

    fn delete(&mut self, which: &[prop::sample::Index]) {
        if self.handles.is_empty() {
            return;
        }
        let handles: Vec<Handle> = which.iter().map(|which| *which.get(&self.handles)).collect();
        let is_there = |handle: &Handle| self.model.messages.iter().any(|message| message.sequence == handle.sequence);
        let outcome = |handle: &Handle| match (is_there(handle), self.has_in_flight(handle)) {
            (true, true) => DeleteOutcome::Deleted,
            (true, false) => DeleteOutcome::Expired,
            _ => DeleteOutcome::AlreadyGone,
        };
        let expected: Vec<_> = handles.iter().map(outcome).collect();
        assert_eq!(self.ask(Command::Delete(handles.clone())), Reply::Deleted(expected.clone()));
        for (handle, outcome) in handles.iter().zip(expected) {
            self.model
                .messages
                .retain(|message| message.sequence != handle.sequence || outcome != DeleteOutcome::Deleted);
            assert!(outcome != DeleteOutcome::Deleted || !self.model.parked.contains(&handle.sequence));
        }
    }

    fn change(&mut self, which: prop::sample::Index, millis: u64) {
        if self.handles.is_empty() {
            return;
        }
        let handle = *which.get(&self.handles);
        let outcome = if self.has_in_flight(&handle) { VisibilityOutcome::Changed } else { VisibilityOutcome::Gone };
        let reply = self.ask(Command::ChangeVisibility(vec![(handle, millis)]));
        assert_eq!(reply, Reply::VisibilityChanged(vec![outcome]));
        if outcome == VisibilityOutcome::Changed {
            self.hide(&[(handle.sequence, 0)], self.now.plus_millis(millis));
        }
    }

    fn rebuild(&mut self, from_records: bool) {
        let mut state = Vec::new();
        self.queue.snapshot(&mut state);
        let restored = Queue::restore(Queue::SNAPSHOT_VERSION, &state).expect("what was written is read");
        assert_eq!(restored, self.queue);
        self.queue = restored;
        if from_records {
            self.queue = Queue::new(SETTINGS);
            for (kind, version, payload) in &self.records {
                self.queue.apply(&Effect::decode(*kind, *version, payload).unwrap(), &mut Vec::new());
            }
        }
        self.queue.advance(self.now);
    }

    fn compare(&mut self) {
        self.queue.advance(self.now);
        let there: Vec<_> = self.model.messages.iter().map(|message| message.sequence).collect();
        assert!((0..self.model.sent + 2).all(|sequence| self.queue.holds(sequence) == there.contains(&sequence)));
        let hidden = self.model.messages.iter().filter(|message| message.hidden_until > self.now).count();
        let counts = self.queue.counts();
        assert_eq!((counts.visible, counts.in_flight + counts.delayed), (there.len() - hidden, hidden));
        let offers = self.offers();
        let fifo = self.queue.fifo.as_ref().unwrap();
        let is_known = |sequence: &u64| fifo.groups.contains(*sequence);
        assert_eq!(fifo.groups.len(), there.iter().filter(|sequence| is_known(sequence)).count());
        assert!(there.iter().all(|sequence| is_known(sequence) == (*sequence < fifo.groups.known_below())));
        let stuck = self.stuck();
        let heads = offers.values().filter(|offer| is_known(&offer[0])).count()
            + stuck.iter().filter(|one| is_known(one)).count();
        assert_eq!((fifo.groups.offered(), fifo.groups.heads().count()), (heads, heads));
        assert_eq!(self.queue.counts().parked_groups, self.model.parked.len());
        assert_eq!(
            self.queue.ready() > 0,
            !offers.is_empty() || !stuck.is_empty() || there.iter().any(|sequence| !is_known(sequence))
        );
    }
}

fn trial() -> Trial {
    Trial {
        now: Instant::from_millis(1_700_000_000_000),
        queue: Queue::new(SETTINGS),
        model: Model::default(),
        records: Vec::new(),
        contents: BTreeMap::new(),
        handles: Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]
    #[test]
    fn a_fifo_queue_keeps_to_its_rules_and_its_records_alone_rebuild_it(
        steps in prop::collection::vec((prop_oneof![3 => 0u64..1, 4 => 0u64..3_000, 1 => 0u64..200_000], drafts()), 1..60),
    ) {
        let mut trial = trial();
        steps.into_iter().for_each(|(wait, draft)| trial.run(wait, draft));
    }
}

/// A message that nobody can read holds nobody up.
#[test]
fn a_message_that_cannot_be_read_is_passed_over() {
    let mut trial = trial();
    trial.send(&[(1, None), (1, None), (2, None)], 0);
    trial.contents.remove(&1);
    trial.rebuild(false);
    let Reply::Received(given) = trial.ask(Command::Receive { max: 10, visibility_millis: None }) else { panic!() };
    assert_eq!(given.iter().map(|delivery| delivery.sequence).collect::<Vec<_>>(), [2, 3]);
}
