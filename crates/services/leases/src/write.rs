//! One write: what it comes to in a table, found out without changing anything.
//!
//! The order is AWS's: the key must fit the table, the condition must hold of the item as it is, and what comes out must be an item
//! that the table and its indexes take.

use crate::expression::{Condition, Path, Update};
use crate::key::{self, Place};
use crate::limits;
use crate::refusal::Refusal;
use crate::table::Table;
use crate::value::{Item, Value, too_deep};
use std::sync::Arc;

/// A write to one item.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) table: Box<str>,
    pub(crate) action: Action,
    pub(crate) condition: Option<Condition>,
    /// Whether the item is shown where the condition does not hold.
    pub(crate) shows_item: bool,
}

/// What is done with it.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    Put(Item),
    Update {
        key: Item,
        update: Update,
        is_expression: bool,
    },
    Delete(Item),
    /// Nothing, if the condition holds.
    Check(Item),
}

/// What a write comes to.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) before: Option<Arc<Item>>,
    pub(crate) after: Option<Arc<Item>>,
}

/// Why a write is not done.
#[derive(Debug)]
pub(crate) enum Unwritten {
    /// It asks for what cannot be.
    Invalid(Refusal),
    /// Its condition does not hold of this item.
    Failed(Option<Arc<Item>>),
}

impl From<Refusal> for Unwritten {
    fn from(refusal: Refusal) -> Self {
        Self::Invalid(refusal)
    }
}

impl Write {
    /// The item's key, or the item that has it.
    pub(crate) fn keyed(&self) -> &Item {
        match &self.action {
            Action::Put(item) => item,
            Action::Update { key, .. } | Action::Delete(key) | Action::Check(key) => key,
        }
    }

    /// Whether an item may be larger afterwards.
    pub(crate) fn may_grow(&self) -> bool {
        matches!(self.action, Action::Put(_) | Action::Update { .. })
    }

    /// The place of the item that it is about.
    pub(crate) fn place(&self, table: &Table) -> Result<Place, Refusal> {
        let (schema, keyed) = (&table.about.key, self.keyed());
        match &self.action {
            Action::Put(item) => key::check_item(schema, item)?,
            _ => key::check_key(schema, keyed)?,
        }
        if let Action::Update { update, .. } = &self.action {
            check_update(table, update)?;
        }
        Ok(key::place_of(schema, keyed).expect("a key that was checked has all its attributes"))
    }

    /// What it comes to.
    pub(crate) fn evaluate(&self, table: &Table) -> Result<Change, Unwritten> {
        let place = self.place(table)?;
        let before = table.items.get(&place).map(Arc::clone);
        let nothing = Item::default();
        let as_it_is = before.as_deref().unwrap_or(&nothing);
        if self.condition.as_ref().is_some_and(|condition| !condition.holds(as_it_is)) {
            return Err(Unwritten::Failed(before));
        }
        let after = match &self.action {
            Action::Put(item) => {
                check(table, item, "Item size has exceeded the maximum allowed size")?;
                Some(Arc::new(item.clone()))
            }
            Action::Delete(_) => None,
            Action::Check(_) => before.clone(),
            Action::Update { update, is_expression: false, .. } if before.is_none() && update.only_removes() => None,
            Action::Update { key, update, .. } => {
                let after = update.of(before.as_deref().unwrap_or(key))?;
                check(table, &after, "Item size to update has exceeded the maximum allowed size")?;
                Some(Arc::new(after))
            }
        };
        Ok(Change { before, after })
    }
}

impl Change {
    /// Whether the table is another afterwards.
    pub(crate) fn is_change(&self) -> bool {
        self.before != self.after
    }

    /// By how much memory the table grows.
    pub(crate) fn growth(&self, table: &Table) -> i64 {
        let weight = |item: &Option<Arc<Item>>| item.as_ref().map_or(0, |item| table.weight_of(item) as i64);
        if self.is_change() { weight(&self.after) - weight(&self.before) } else { 0 }
    }

    /// What a transaction that makes it counts for it: the memory of the item that is written.
    pub(crate) fn written(&self) -> usize {
        self.after.as_ref().filter(|_| self.is_change()).map_or(0, |item| item.weight())
    }
}

fn check_update(table: &Table, update: &Update) -> Result<(), Refusal> {
    let of_key = update.paths().map(Path::attribute).find(|name| table.about.key.has(name));
    match of_key {
        None => Ok(()),
        Some(name) => {
            Err(Refusal::invalid(format!("Cannot update attribute {name}. This attribute is part of the key")))
        }
    }
}

/// Whether the table takes an item, whose key was checked.
fn check(table: &Table, item: &Item, too_large: &'static str) -> Result<(), Refusal> {
    if item.size() > limits::ITEM_BYTES_MAX || item.values() > limits::ITEM_VALUES_MAX {
        return Err(Refusal::validation(too_large));
    }
    if item.0.values().map(Value::depth).max().unwrap_or(0) > limits::NESTING_MAX {
        return Err(too_deep());
    }
    table.about.indexes.iter().try_for_each(|index| key::check_for_index(&index.name, &index.key, item))
}
