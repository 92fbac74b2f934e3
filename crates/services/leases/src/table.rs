//! A table: what it is called and keyed by, its items, and its indexes, which are derived from the items.
//!
//! Items are kept in memory and shared: a read takes references under the partition's lock and shows them afterwards. An index holds
//! the same items in another order. Source: Developer Guide, "Core components" and "Using global secondary indexes".

use crate::key::{self, Place};
use crate::value::{Item, Kind};
use names::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An attribute of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyAttribute {
    pub(crate) name: Box<str>,
    pub(crate) kind: Kind,
}

/// What items are found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeySchema {
    pub(crate) hash: KeyAttribute,
    pub(crate) range: Option<KeyAttribute>,
}

impl KeySchema {
    pub(crate) fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.hash).chain(&self.range)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.attributes().any(|key| *key.name == *name)
    }
}

/// What is shown of capacity. Nothing here is slower or faster by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Capacity {
    OnDemand,
    Provisioned { read: u64, write: u64 },
}

/// Which attributes an index has beside keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Projection {
    All,
    KeysOnly,
    Include(Vec<Box<str>>),
}

/// A global secondary index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) name: Box<str>,
    pub(crate) key: KeySchema,
    pub(crate) projection: Projection,
    pub(crate) capacity: Capacity,
}

/// What a table is, without its items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    /// What its items' records name it by; no table after it has the same.
    pub(crate) number: u32,
    pub(crate) name: Box<str>,
    /// A UUID.
    pub(crate) id: Box<str>,
    pub(crate) created_at: Instant,
    pub(crate) key: KeySchema,
    pub(crate) capacity: Capacity,
    pub(crate) indexes: Vec<Index>,
    pub(crate) deletion_protected: bool,
    pub(crate) tags: BTreeMap<Box<str>, Box<str>>,
}

impl About {
    pub(crate) fn index(&self, name: &str) -> Option<(usize, &Index)> {
        self.indexes.iter().enumerate().find(|(_, index)| *index.name == *name)
    }

    /// The attributes of all keys, each once, by name.
    pub(crate) fn definitions(&self) -> BTreeMap<&str, Kind> {
        let of_indexes = self.indexes.iter().flat_map(|index| index.key.attributes());
        self.key.attributes().chain(of_indexes).map(|key| (&*key.name, key.kind)).collect()
    }
}

impl Index {
    /// Whether it has an attribute of its table's items.
    pub(crate) fn has(&self, table: &KeySchema, name: &str) -> bool {
        let is_included = match &self.projection {
            Projection::All => true,
            Projection::KeysOnly => false,
            Projection::Include(names) => names.iter().any(|known| **known == *name),
        };
        is_included || table.has(name) || self.key.has(name)
    }

    /// What the index has of an item.
    pub(crate) fn project(&self, table: &KeySchema, item: &Arc<Item>) -> Arc<Item> {
        if self.projection == Projection::All {
            return Arc::clone(item);
        }
        let kept = item.0.iter().filter(|(name, _)| self.has(table, name));
        Arc::new(Item(kept.map(|(name, value)| (name.clone(), value.clone())).collect()))
    }
}

/// Items by their places.
pub(crate) type Items = BTreeMap<Place, Arc<Item>>;

/// A table with its items.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) about: Arc<About>,
    pub(crate) items: Items,
    /// In the order of the indexes.
    pub(crate) indexes: Vec<Items>,
    /// Of all items.
    pub(crate) bytes: u64,
}

impl Table {
    pub(crate) fn new(about: Arc<About>) -> Self {
        let indexes = about.indexes.iter().map(|_| BTreeMap::new()).collect();
        Self { about, items: BTreeMap::new(), indexes, bytes: 0 }
    }

    /// Takes another description; indexes that it does not have yet are made from the items.
    pub(crate) fn describe_anew(&mut self, about: Arc<About>) {
        let mut before: BTreeMap<Box<str>, (Index, Items)> = BTreeMap::new();
        for (index, items) in self.about.indexes.iter().zip(std::mem::take(&mut self.indexes)) {
            before.insert(index.name.clone(), (index.clone(), items));
        }
        let items = &self.items;
        self.indexes = about
            .indexes
            .iter()
            .map(|index| match before.remove(&index.name) {
                Some((known, items)) if known.key == index.key => items,
                _ => derive(index, items),
            })
            .collect();
        self.about = about;
    }

    pub(crate) fn put(&mut self, place: Place, item: Arc<Item>) {
        self.remove(&place);
        self.bytes += item.size() as u64;
        for (index, items) in self.about.indexes.iter().zip(&mut self.indexes) {
            if let Some(at) = key::place_in_index(&index.key, &item, &place) {
                items.insert(at, Arc::clone(&item));
            }
        }
        self.items.insert(place, item);
    }

    pub(crate) fn remove(&mut self, place: &[u8]) {
        let Some(item) = self.items.remove(place) else { return };
        self.bytes -= item.size() as u64;
        for (index, items) in self.about.indexes.iter().zip(&mut self.indexes) {
            if let Some(at) = key::place_in_index(&index.key, &item, place) {
                items.remove(&at);
            }
        }
    }
}

fn derive(index: &Index, items: &Items) -> Items {
    let placed =
        |(place, item): (&Place, &Arc<Item>)| Some((key::place_in_index(&index.key, item, place)?, Arc::clone(item)));
    items.iter().filter_map(placed).collect()
}
