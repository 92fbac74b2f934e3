//! Scan and Query: one page of items, in the order of their places.
//!
//! A page ends at its limit of items that were looked at, or with a mebibyte of them, or so many values; then it says the key of the
//! last one, from which the next page goes on. What a filter leaves out was looked at all the same. Source: API reference, Scan and
//! Query; Developer Guide, "Paginating table query results".

use crate::expression::{Condition, KeyCondition, stretch};
use crate::key::{self, HASH_BYTES, Place};
use crate::limits;
use crate::refusal::Refusal;
use crate::table::{Index, KeySchema, Projection, Table};
use crate::value::Item;
use std::ops::Bound;
use std::sync::Arc;

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) table: Box<str>,
    pub(crate) index: Option<Box<str>>,
    pub(crate) selection: Selection,
    pub(crate) filter: Option<Condition>,
    pub(crate) limit: Option<usize>,
    /// The key behind which the page begins.
    pub(crate) start: Option<Item>,
    pub(crate) consistent: bool,
    /// Whether all attributes are wanted, also of an index.
    pub(crate) all_attributes: bool,
    /// The attributes that will be shown; empty for all there are.
    pub(crate) wanted: Vec<Box<str>>,
}

/// Which items.
#[derive(Debug, Clone)]
pub(crate) enum Selection {
    /// All of them, or one of so many parts.
    Scan(Option<Segment>),
    /// Those of a partition key.
    Query { condition: KeyCondition, forward: bool },
}

/// A part of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) number: u32,
    pub(crate) of: u32,
}

/// What is found.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) items: Vec<Arc<Item>>,
    /// Items that were looked at, and their bytes.
    pub(crate) scanned: usize,
    pub(crate) bytes: usize,
    /// The key of the last item, if there may be more behind it.
    pub(crate) last: Option<Item>,
}

/// A stretch of places, as a map of items is asked for it.
type Bounds = (Bound<Place>, Bound<Place>);

impl Read {
    /// Looks at a table.
    pub(crate) fn page(&self, table: &Table) -> Result<Page, Refusal> {
        let index = self.index_of(table)?;
        let (items, schema) = match index {
            Some((at, index)) => (&table.indexes[at].items, &index.key),
            None => (&table.items, &table.about.key),
        };
        let index = index.map(|(_, index)| index);
        self.check_filter(schema)?;
        let mut bounds = self.bounds(schema)?;
        let forward = !matches!(&self.selection, Selection::Query { forward: false, .. });
        if let Some(start) = &self.start {
            let place = self.start_place(table, index, start, &bounds)?;
            match forward {
                true => bounds.0 = Bound::Excluded(place),
                false => bounds.1 = Bound::Excluded(place),
            }
        }
        if is_empty(&bounds) {
            return Ok(Page::default());
        }
        Ok(match forward {
            true => self.gather(table, index, items.range::<[u8], _>(as_slices(&bounds))),
            false => self.gather(table, index, items.range::<[u8], _>(as_slices(&bounds)).rev()),
        })
    }

    fn index_of<'a>(&self, table: &'a Table) -> Result<Option<(usize, &'a Index)>, Refusal> {
        let Some(name) = &self.index else { return Ok(None) };
        let Some((at, index)) = table.about.index(name) else {
            return Err(Refusal::validation(format!("The table does not have the specified index: {name}")));
        };
        if self.consistent {
            return Err(Refusal::validation("Consistent reads are not supported on global secondary indexes"));
        }
        if self.all_attributes && index.projection != Projection::All {
            return Err(Refusal::invalid(format!(
                "Select type ALL_ATTRIBUTES is not supported for global secondary index {name} because its projection type is not ALL"
            )));
        }
        if let Some(missing) = self.wanted.iter().find(|name| !index.has(&table.about.key, name)) {
            return Err(Refusal::invalid(format!("Global secondary index {name} does not project [{missing}]")));
        }
        Ok(Some((at, index)))
    }

    /// Keys are asked for in the key condition.
    fn check_filter(&self, schema: &KeySchema) -> Result<(), Refusal> {
        let (Selection::Query { .. }, Some(filter)) = (&self.selection, &self.filter) else { return Ok(()) };
        let mut key = None;
        filter.visit_paths(&mut |path| {
            if schema.has(path.attribute()) {
                key.get_or_insert(path.attribute());
            }
        });
        match key {
            None => Ok(()),
            Some(name) => Err(Refusal::validation(format!(
                "Filter Expression can only contain non-primary key attributes: Primary key attribute: {name}"
            ))),
        }
    }

    fn bounds(&self, schema: &KeySchema) -> Result<Bounds, Refusal> {
        Ok(match &self.selection {
            Selection::Query { condition, .. } => {
                let (hash, sort) = condition.resolve(schema)?;
                let stretch = stretch(hash, sort);
                (Bound::Included(stretch.start.into()), Bound::Excluded(stretch.end.into()))
            }
            Selection::Scan(None) => (Bound::Unbounded, Bound::Unbounded),
            Selection::Scan(Some(segment)) => segment.bounds(),
        })
    }

    /// The place of the key that a page begins behind.
    fn start_place(
        &self,
        table: &Table,
        index: Option<&Index>,
        start: &Item,
        within: &Bounds,
    ) -> Result<Place, Refusal> {
        let wrong = || Refusal::validation("The provided starting key is invalid");
        let of_table = &table.about.key;
        let own = key::key_of(of_table, start);
        key::check_key(of_table, &own).map_err(|_| wrong())?;
        let place = key::place_of(of_table, &own).ok_or_else(wrong)?;
        let (place, wanted) = match index {
            None => (place, own.0.len()),
            Some(index) => {
                let place = key::place_in_index(&index.key, start, &place).ok_or_else(wrong)?;
                let more = index.key.attributes().filter(|key| !of_table.has(&key.name)).count();
                (place, own.0.len() + more)
            }
        };
        if start.0.len() != wanted {
            return Err(wrong());
        }
        if is_within(&place, within) {
            return Ok(place);
        }
        Err(Refusal::validation(match self.selection {
            Selection::Query { .. } => {
                "The provided starting key is outside query boundaries based on provided conditions"
            }
            Selection::Scan(_) => {
                "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment"
            }
        }))
    }

    fn gather<'a>(
        &self,
        table: &Table,
        index: Option<&Index>,
        items: impl Iterator<Item = (&'a Place, &'a Arc<Item>)>,
    ) -> Page {
        let mut page = Page::default();
        let (mut last, mut values): (Option<&Arc<Item>>, _) = (None, 0);
        let of_table = &table.about.key;
        for (_, item) in items {
            let is_full = self.limit.is_some_and(|limit| page.scanned >= limit);
            let is_large = page.bytes >= limits::PAGE_BYTES_MAX || values >= limits::PAGE_VALUES_MAX;
            if is_full || (is_large && page.scanned > 0) {
                page.last = last.map(|item| last_key(of_table, index, item));
                return page;
            }
            let shown = index.map_or_else(|| Arc::clone(item), |index| index.project(of_table, item));
            page.scanned += 1;
            page.bytes += shown.size();
            values += shown.values();
            last = Some(item);
            if self.filter.as_ref().is_none_or(|filter| filter.holds(&shown)) {
                page.items.push(shown);
            }
        }
        // AWS does not look behind a page that its limit ended, and says that there may be more.
        if self.limit.is_some_and(|limit| page.scanned >= limit) {
            page.last = last.map(|item| last_key(of_table, index, item));
        }
        page
    }
}

impl Segment {
    /// The hashes of this part.
    fn bounds(self) -> Bounds {
        let border = |number: u32| -> Place {
            let hash = ((u128::from(number) << 64).div_ceil(u128::from(self.of))) as u64;
            Box::from(hash.to_be_bytes())
        };
        const _: () = assert!(HASH_BYTES == 8, "a border is a hash");
        let end = if self.number + 1 == self.of { Bound::Unbounded } else { Bound::Excluded(border(self.number + 1)) };
        (Bound::Included(border(self.number)), end)
    }
}

fn last_key(of_table: &KeySchema, index: Option<&Index>, item: &Item) -> Item {
    let mut key = key::key_of(of_table, item);
    if let Some(index) = index {
        key.0.extend(key::key_of(&index.key, item).0);
    }
    key
}

fn as_slices(bounds: &Bounds) -> (Bound<&[u8]>, Bound<&[u8]>) {
    (bounds.0.as_ref().map(|place| &**place), bounds.1.as_ref().map(|place| &**place))
}

fn is_within(place: &[u8], bounds: &Bounds) -> bool {
    std::ops::RangeBounds::<[u8]>::contains(&as_slices(bounds), place)
}

/// Whether no place is within: a map refuses to be asked for such a stretch.
fn is_empty(bounds: &Bounds) -> bool {
    match bounds {
        (Bound::Included(first), Bound::Included(last)) => first > last,
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(first) | Bound::Excluded(first), Bound::Included(last) | Bound::Excluded(last)) => {
            first >= last
        }
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
