//! Many subscriptions of one topic, and those of them that a message passes to.
//!
//! Each alternative of each filter hangs on the hooks of one of its keys ([`hooks`]): on what a value of that key must be for the
//! alternative to hold at all. A message's values find the hooks that they meet; the filters that hang there are candidates, and
//! each candidate is decided whole. So the answer is exact whatever the hooks are, and its cost follows the candidates, not the
//! subscriptions. Which key's hooks are taken is decided when a filter comes: those on which the fewest hang already, so ten
//! thousand filters that all ask for one value of the first key hang on the second. The body is read once for all, and only
//! where some filter is about bodies.

mod hooks;

use crate::filter::{Filter, Scope};
use crate::message::{Fields, Message};
use crate::paths::{PathId, Paths};
use crate::search;
use hooks::{Hook, Hooks};
use std::collections::{BTreeSet, HashMap};

/// Filters of many subscriptions, by the subscriptions' numbers.
#[derive(Debug, Default)]
pub struct Index {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    by_id: HashMap<u64, u32>,
    /// Subscriptions without a filter.
    unfiltered: BTreeSet<u64>,
    attributes: Side,
    body: Side,
}

/// A filtered subscription.
#[derive(Debug)]
struct Slot {
    id: u64,
    filter: Filter,
    /// The numbers of its filter's keys.
    asked: Box<[PathId]>,
    hooks: Box<[Hook]>,
}

/// The filters of one scope.
#[derive(Debug)]
struct Side {
    paths: Paths,
    hooks: Hooks,
    filters: usize,
}

impl Default for Side {
    fn default() -> Self {
        Self { paths: Paths::new(), hooks: Hooks::default(), filters: 0 }
    }
}

impl Index {
    /// No subscriptions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a subscription, or gives it another filter; without one it gets every message.
    pub fn insert(&mut self, id: u64, filter: Option<Filter>) {
        self.remove(id);
        let Some(filter) = filter else {
            self.unfiltered.insert(id);
            return;
        };
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("a topic has at most 12.5 million subscriptions")
        });
        let side = self.side(filter.scope());
        side.filters += 1;
        let asked: Box<[PathId]> = filter.keys().iter().map(|key| side.paths.ask(&key.path)).collect();
        let hooks = side.hooks.hang(&filter, &asked, place);
        self.slots[place as usize] = Some(Slot { id, filter, asked, hooks });
        self.by_id.insert(id, place);
    }

    /// Takes a subscription out. Whether it was there.
    pub fn remove(&mut self, id: u64) -> bool {
        let Some(place) = self.by_id.remove(&id) else { return self.unfiltered.remove(&id) };
        let slot = self.slots[place as usize].take().expect("a subscription that is known has its slot");
        self.free.push(place);
        let side = self.side(slot.filter.scope());
        side.filters -= 1;
        side.hooks.take_off(&slot.hooks, place);
        slot.asked.iter().for_each(|path| side.paths.forget(*path));
        true
    }

    /// A subscription's filter.
    pub fn filter(&self, id: u64) -> Option<&Filter> {
        let place = self.by_id.get(&id)?;
        self.slots[*place as usize].as_ref().map(|slot| &slot.filter)
    }

    /// How many subscriptions there are.
    pub fn len(&self) -> usize {
        self.by_id.len() + self.unfiltered.len()
    }

    /// How many of them have a filter.
    pub fn filtered(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The subscriptions that a message passes to, by their numbers, in order.
    pub fn matches(&self, message: &Message<'_>) -> Vec<u64> {
        let mut found: Vec<u64> = self.unfiltered.iter().copied().collect();
        if self.attributes.filters > 0 {
            let fields = Fields::of_attributes(message.attributes, &self.attributes.paths);
            self.decide(&self.attributes, &fields, &mut found);
        }
        if self.body.filters > 0
            && let Some(fields) = Fields::of_body(message.body, &self.body.paths)
        {
            self.decide(&self.body, &fields, &mut found);
        }
        found.sort_unstable();
        found
    }

    fn decide(&self, side: &Side, fields: &Fields<'_>, found: &mut Vec<u64>) {
        let slots = side.hooks.candidates(fields).into_iter().filter_map(|place| self.slots[place as usize].as_ref());
        let passing = slots.filter(|slot| search::holds(fields, &slot.filter, &slot.asked));
        found.extend(passing.map(|slot| slot.id));
    }

    fn side(&mut self, scope: Scope) -> &mut Side {
        match scope {
            Scope::MessageAttributes => &mut self.attributes,
            Scope::MessageBody => &mut self.body,
        }
    }
}
