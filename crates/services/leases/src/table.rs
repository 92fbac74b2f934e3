//! A table: what it is called and keyed by, its items, and its indexes, which are derived from the items.
//!
//! Items are kept in memory and shared: a read takes references under the partition's lock and shows them afterwards. An index holds
//! the same items in another order. Source: Developer Guide, "Core components" and "Using global secondary indexes".

use crate::key::{self, Place};
use crate::limits;
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

impl About {
    /// Memory that it takes, about.
    pub(crate) fn weight(&self) -> u64 {
        let tags: usize = self.tags.iter().map(|(key, value)| key.len() + value.len() + limits::VALUE_BYTES).sum();
        let index = |index: &Index| {
            let names = if let Projection::Include(names) = &index.projection { names.as_slice() } else { &[] };
            let names = names.iter().map(|name| name.len() + limits::VALUE_BYTES).sum::<usize>();
            let keys = index.key.attributes().map(|key| key.name.len()).sum::<usize>();
            limits::TABLE_BASE_BYTES + index.name.len() + names + keys
        };
        let indexes: usize = self.indexes.iter().map(index).sum();
        (limits::TABLE_BASE_BYTES + self.name.len() + tags + indexes) as u64
    }
}

/// Items by their places.
pub(crate) type Items = BTreeMap<Place, Arc<Item>>;

/// The items of an index.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entries {
    pub(crate) items: Items,
    /// Of all of them.
    bytes: u64,
    /// Memory that their entries take.
    weight: u64,
}

impl Entries {
    fn of(index: &Index, items: &Items) -> Self {
        let mut entries = Self::default();
        for (place, item) in items {
            if let Some(at) = key::place_in_index(&index.key, item, place) {
                entries.put(at, item);
            }
        }
        entries
    }

    fn put(&mut self, at: Place, item: &Arc<Item>) {
        self.bytes += item.size() as u64;
        self.weight += entry_weight(&at);
        self.items.insert(at, Arc::clone(item));
    }

    fn remove(&mut self, at: &[u8]) {
        if let Some(item) = self.items.remove(at) {
            self.bytes -= item.size() as u64;
            self.weight -= entry_weight(at);
        }
    }

    /// Items and their bytes.
    pub(crate) fn sizes(&self) -> (u64, u64) {
        (self.items.len() as u64, self.bytes)
    }
}

fn entry_weight(at: &[u8]) -> u64 {
    (at.len() + limits::ENTRY_BASE_BYTES) as u64
}

fn item_weight(place: &[u8], item: &Item) -> u64 {
    (place.len() + item.weight() + limits::ITEM_BASE_BYTES) as u64
}

/// A table with its items.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) about: Arc<About>,
    pub(crate) items: Items,
    /// In the order of the indexes.
    pub(crate) indexes: Vec<Entries>,
    /// Of all items.
    pub(crate) bytes: u64,
    /// Memory that the items take, without their indexes.
    items_weight: u64,
}

impl Table {
    pub(crate) fn new(about: Arc<About>) -> Self {
        let indexes = about.indexes.iter().map(|_| Entries::default()).collect();
        Self { about, items: BTreeMap::new(), indexes, bytes: 0, items_weight: 0 }
    }

    /// Memory that all of it takes, about.
    pub(crate) fn weight(&self) -> u64 {
        self.about.weight() + self.items_weight + self.indexes.iter().map(|entries| entries.weight).sum::<u64>()
    }

    /// Memory that an item takes here, with its entries in the indexes.
    pub(crate) fn weight_of(&self, item: &Item) -> u64 {
        let Some(place) = key::place_of(&self.about.key, item) else { return 0 };
        let entry = |index: &Index| key::place_in_index(&index.key, item, &place).map(|at| entry_weight(&at));
        item_weight(&place, item) + self.about.indexes.iter().filter_map(entry).sum::<u64>()
    }

    /// Items and bytes of each index that another description has, and the memory that the table takes then. Only indexes that are new are
    /// made for it.
    pub(crate) fn sizes_as(&self, about: &About) -> (Vec<(u64, u64)>, u64) {
        let mut weight = about.weight() + self.items_weight;
        let mut sizes = |entries: &Entries| {
            weight += entries.weight;
            entries.sizes()
        };
        let index = |index: &Index| match self.about.index(&index.name) {
            Some((at, known)) if known.key == index.key => sizes(&self.indexes[at]),
            _ => sizes(&Entries::of(index, &self.items)),
        };
        let shown = about.indexes.iter().map(index).collect();
        (shown, weight)
    }

    /// Takes another description; indexes that it does not have yet are made from the items.
    pub(crate) fn describe_anew(&mut self, about: Arc<About>) {
        let mut before: BTreeMap<Box<str>, (Index, Entries)> = BTreeMap::new();
        for (index, entries) in self.about.indexes.iter().zip(std::mem::take(&mut self.indexes)) {
            before.insert(index.name.clone(), (index.clone(), entries));
        }
        let items = &self.items;
        self.indexes = about
            .indexes
            .iter()
            .map(|index| match before.remove(&index.name) {
                Some((known, entries)) if known.key == index.key => entries,
                _ => Entries::of(index, items),
            })
            .collect();
        self.about = about;
    }

    pub(crate) fn put(&mut self, place: Place, item: Arc<Item>) {
        self.remove(&place);
        self.bytes += item.size() as u64;
        self.items_weight += item_weight(&place, &item);
        for (index, entries) in self.about.indexes.iter().zip(&mut self.indexes) {
            if let Some(at) = key::place_in_index(&index.key, &item, &place) {
                entries.put(at, &item);
            }
        }
        self.items.insert(place, item);
    }

    pub(crate) fn remove(&mut self, place: &[u8]) {
        let Some(item) = self.items.remove(place) else { return };
        self.bytes -= item.size() as u64;
        self.items_weight -= item_weight(place, &item);
        for (index, entries) in self.about.indexes.iter().zip(&mut self.indexes) {
            if let Some(at) = key::place_in_index(&index.key, &item, place) {
                entries.remove(&at);
            }
        }
    }
}
