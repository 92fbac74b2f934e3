//! Subscriptions: whether they are there, whether their receivers have confirmed them, and what they want.

use super::known::Known;
use super::messages::Draft;
use super::{Situation, Topics, text};
use crate::oracle::Verdict;
use crate::topics::{Change, POLICIES, SLOTS, TOKEN_MILLIS, Target, slots_of};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a subscription may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Gone,
    There(Terms),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Terms {
    policy: usize,
    in_body: bool,
    pub(super) delivery: usize,
    is_confirmed: bool,
}

/// What is known of a place for a subscription.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) known: Known<State>,
    /// What it is called, as far as an answer has told.
    arn: Option<String>,
    /// The latest moment at which it was not there.
    made: u64,
    /// Tokens that its receiver was told, by the subscriptions that they are of.
    pub(super) tokens: BTreeMap<String, String>,
}

impl Slot {
    pub(super) fn new() -> Self {
        Self { known: Known::new(State::Gone), arn: None, made: 0, tokens: BTreeMap::new() }
    }
}

/// Whether a subscription in this state gets a message.
pub(super) fn wants(state: &State, draft: &Draft) -> bool {
    let State::There(terms) = state else { return false };
    let kind = if terms.in_body { draft.of_body } else { draft.of_attribute };
    terms.is_confirmed && POLICIES[terms.policy].1.contains(&kind)
}

/// A subscription as it is when it was just made.
fn fresh(slot: usize) -> State {
    let is_confirmed = matches!(SLOTS[slot].target, Target::Queue(_));
    State::There(Terms { policy: 0, in_body: false, delivery: 0, is_confirmed })
}

fn changed(state: State, change: Change) -> State {
    let State::There(terms) = state else { return state };
    State::There(match change {
        Change::Policy(policy) => Terms { policy, ..terms },
        Change::Scope(in_body) => Terms { in_body, ..terms },
        Change::Delivery(delivery) => Terms { delivery, ..terms },
    })
}

impl Topics {
    pub(crate) fn is_slot_busy(&self, slot: usize) -> bool {
        self.slots[slot].known.is_busy() || self.topics[SLOTS[slot].topic].is_busy()
    }

    /// Whether it is there, and what it is called is known.
    pub(crate) fn is_surely_there(&self, slot: usize) -> bool {
        let slot = &self.slots[slot];
        slot.arn.is_some() && slot.known.is_surely(|state| *state != State::Gone)
    }

    pub(crate) fn is_unconfirmed(&self, slot: usize) -> bool {
        let is_pending = |state: &State| matches!(state, State::There(Terms { is_confirmed: false, .. }));
        self.slots[slot].known.now().iter().any(is_pending)
    }

    pub(crate) fn arn(&self, slot: usize) -> Option<&str> {
        self.slots[slot].arn.as_deref()
    }

    /// The token of the subscription that is there, if its receiver was told.
    pub(crate) fn token(&self, slot: usize) -> Option<&str> {
        let id = self.slots[slot].arn.as_deref()?.rsplit(':').next()?.replace('-', "");
        self.slots[slot].tokens.get(&id).map(String::as_str)
    }

    pub(super) fn subscribe_asked(&mut self, slot: usize, at: u64) {
        self.slots[slot].known.asked(at, |state| if *state == State::Gone { fresh(slot) } else { *state });
    }

    /// The answer names it: the one that was there, or a new one.
    pub(super) fn subscribed(&mut self, slot: usize, now: &Situation, body: &Value) -> Verdict {
        let arn = text(body, "SubscriptionArn")?.to_owned();
        if *self.arns.entry(arn.clone()).or_insert(slot) != slot {
            return Err(format!("subscription {slot} has the ARN {arn} of another"));
        }
        if self.ended.contains_key(&arn) {
            return Err(format!("subscription {arn} is back after its end"));
        }
        let place = &mut self.slots[slot];
        let is_same = place.arn.as_ref() == Some(&arn);
        if !is_same && place.known.within(now.asked, now.asked).iter().all(|state| *state != State::Gone) {
            return Err(format!("subscription {slot} is there as {:?}, and is made once more as {arn}", place.arn));
        }
        let there: BTreeSet<State> = match is_same {
            true => place.known.now().iter().filter(|state| **state != State::Gone).copied().collect(),
            false => BTreeSet::from([fresh(slot)]),
        };
        place.known.is(now.at, there);
        let before = place.arn.replace(arn);
        if !is_same {
            place.made = now.asked_wall;
            // Somebody has ended it who was not answered.
            self.ended.extend(before.map(|arn| (arn, (now.wall, self.process))));
        }
        Ok(())
    }

    pub(super) fn change_asked(&mut self, slot: usize, change: Change, at: u64) {
        self.slots[slot].known.asked(at, |state| changed(*state, change));
    }

    pub(super) fn confirm_asked(&mut self, slot: usize, at: u64) {
        self.slots[slot].known.asked(at, |state| match state {
            State::There(terms) => State::There(Terms { is_confirmed: true, ..*terms }),
            State::Gone => State::Gone,
        });
    }

    /// It may be over from now on, and what waits for its receiver with it.
    pub(super) fn end_asked(&mut self, slot: usize, at: u64) {
        self.slots[slot].known.asked(at, |_| State::Gone);
        if matches!(SLOTS[slot].target, Target::Receiver(_)) {
            self.messages.iter_mut().for_each(|message| _ = message.must.remove(&slot));
        }
    }

    /// It is over.
    pub(super) fn end_done(&mut self, slot: usize, now: &Situation) {
        let place = &mut self.slots[slot];
        place.known.is_done(now.at);
        if let Some(arn) = place.arn.take() {
            self.ended.insert(arn, (now.wall, self.process));
        }
    }

    /// A request about a subscription was refused because there is none.
    pub(super) fn is_not_there(&mut self, slot: usize, at: u64) {
        self.slots[slot].known.is(at, BTreeSet::from([State::Gone]));
        self.slots[slot].arn = None;
    }

    /// Whether it may have been gone at some time during a request.
    pub(super) fn may_be_gone(&self, slot: usize, now: &Situation) -> bool {
        self.slots[slot].known.within(now.asked, now.at).contains(&State::Gone)
    }

    /// Whether a token may be too old to count.
    pub(super) fn may_be_stale(&self, slot: usize, now: &Situation) -> bool {
        now.wall_max >= self.slots[slot].made + TOKEN_MILLIS
    }

    pub(super) fn topic_deletion_asked(&mut self, topic: usize, at: u64) {
        self.topics[topic].asked(at, |_| false);
        slots_of(topic).for_each(|slot| self.end_asked(slot, at));
    }

    pub(super) fn topic_deleted(&mut self, topic: usize, now: &Situation) {
        self.topics[topic].is_done(now.at);
        slots_of(topic).for_each(|slot| self.end_done(slot, now));
    }

    pub(super) fn topic_deletion_lost(&mut self, topic: usize) {
        self.topics[topic].is_lost();
        slots_of(topic).for_each(|slot| self.slots[slot].known.is_lost());
    }

    /// The delivery policies that a subscription may have had since an event.
    pub(super) fn deliveries_since(&self, slot: usize, from: u64) -> BTreeSet<usize> {
        let states = self.slots[slot].known.within(from, u64::MAX);
        let delivery = |state: &State| if let State::There(terms) = state { Some(terms.delivery) } else { None };
        states.iter().filter_map(delivery).collect()
    }

    /// What nobody confirms in time goes.
    pub(super) fn let_go_unconfirmed(&mut self, at: u64, wall_max: u64) {
        for slot in 0..SLOTS.len() {
            let is_old = wall_max >= self.slots[slot].made + TOKEN_MILLIS;
            if is_old && self.is_unconfirmed(slot) && !self.slots[slot].known.is_busy() {
                self.slots[slot].known.asked(at, |_| State::Gone);
                self.slots[slot].known.is_lost();
            }
        }
    }
}
