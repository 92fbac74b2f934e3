//! A map from keys that mostly rise to values, in pages of 64 neighbours.
//!
//! A page holds its values side by side and finds one by counting bits, so that a key costs no more than its value. A
//! page whose values go shrinks as it thins out, and an empty one is dropped: one old value pins a few hundred bytes and
//! none of its neighbours.

use std::collections::BTreeMap;

/// Keys in one page: one bit each in a machine word.
pub(crate) const PAGE_KEYS: u64 = u64::BITS as u64;

/// Slots below which a page that thins out is not made smaller any more: it would save less than it costs.
const SLOTS_MIN: usize = 4;

/// Values by key.
#[derive(Debug)]
pub(crate) struct Paged<T> {
    by_number: BTreeMap<u64, Page<T>>,
}

impl<T> Default for Paged<T> {
    fn default() -> Self {
        Self { by_number: BTreeMap::new() }
    }
}

impl<T> Paged<T> {
    /// Whether there is no value.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// The value of `key`.
    pub(crate) fn get(&self, key: u64) -> Option<&T> {
        self.by_number.get(&(key / PAGE_KEYS))?.get(key % PAGE_KEYS)
    }

    /// Sets the value of `key` and returns the one before.
    pub(crate) fn insert(&mut self, key: u64, value: T) -> Option<T> {
        self.by_number.entry(key / PAGE_KEYS).or_default().insert(key % PAGE_KEYS, value)
    }

    /// Takes the value of `key` out.
    pub(crate) fn remove(&mut self, key: u64) -> Option<T> {
        let number = key / PAGE_KEYS;
        let page = self.by_number.get_mut(&number)?;
        let removed = page.remove(key % PAGE_KEYS);
        if page.present == 0 {
            self.by_number.remove(&number);
        }
        removed
    }

    /// The least key and its value.
    pub(crate) fn first(&self) -> Option<(u64, &T)> {
        let (number, page) = self.by_number.first_key_value()?;
        Some((number * PAGE_KEYS + u64::from(page.present.trailing_zeros()), page.slots.first()?))
    }

    /// Takes everything below `key` out, whole pages at once.
    pub(crate) fn remove_below(&mut self, key: u64, mut removed: impl FnMut(T)) {
        let kept = self.by_number.split_off(&(key / PAGE_KEYS));
        let below = std::mem::replace(&mut self.by_number, kept);
        below.into_values().flat_map(|page| page.slots).for_each(&mut removed);
        while let Some((first, _)) = self.first().filter(|(first, _)| *first < key) {
            self.remove(first).into_iter().for_each(&mut removed);
        }
    }

    /// The first key whose value is not `below`, if values rise with keys: where a cut through them lies.
    pub(crate) fn cut(&self, below: impl Fn(&T) -> bool) -> Option<u64> {
        let (number, page) =
            self.by_number.iter().find(|(_, page)| page.slots.last().is_some_and(|last| !below(last)))?;
        page.entries(number * PAGE_KEYS).find(|(_, value)| !below(value)).map(|(key, _)| key)
    }

    /// The greatest value of the page of this number.
    pub(crate) fn last_of(&self, number: u64) -> Option<&T> {
        self.by_number.get(&number)?.slots.last()
    }

    /// The numbers of all pages, the oldest first.
    pub(crate) fn numbers(&self) -> impl DoubleEndedIterator<Item = u64> {
        self.by_number.keys().copied()
    }

    /// Takes a whole page out.
    pub(crate) fn remove_page(&mut self, number: u64) -> Vec<T> {
        self.by_number.remove(&number).map(|page| page.slots).unwrap_or_default()
    }

    /// Keys and values from `key` on, rising.
    pub(crate) fn range_from(&self, key: u64) -> impl Iterator<Item = (u64, &T)> {
        let pages = self.by_number.range(key / PAGE_KEYS..);
        pages.flat_map(|(number, page)| page.entries(number * PAGE_KEYS)).skip_while(move |(found, _)| *found < key)
    }
}

#[derive(Debug)]
struct Page<T> {
    /// Offsets that have a slot, one bit each; the slot's place is the number of bits below.
    present: u64,
    slots: Vec<T>,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { present: 0, slots: Vec::new() }
    }
}

impl<T> Page<T> {
    fn place(&self, offset: u64) -> Option<usize> {
        let bit = 1 << offset;
        (self.present & bit != 0).then(|| self.below(offset))
    }

    fn below(&self, offset: u64) -> usize {
        (self.present & ((1 << offset) - 1)).count_ones() as usize
    }

    fn get(&self, offset: u64) -> Option<&T> {
        self.slots.get(self.place(offset)?)
    }

    fn insert(&mut self, offset: u64, value: T) -> Option<T> {
        if let Some(place) = self.place(offset) {
            return Some(std::mem::replace(&mut self.slots[place], value));
        }
        self.slots.insert(self.below(offset), value);
        self.present |= 1 << offset;
        None
    }

    fn remove(&mut self, offset: u64) -> Option<T> {
        let removed = self.slots.remove(self.place(offset)?);
        self.present &= !(1 << offset);
        if self.slots.len() * 2 < self.slots.capacity() && self.slots.capacity() > SLOTS_MIN {
            self.slots.shrink_to(SLOTS_MIN.max(self.slots.len()));
        }
        Some(removed)
    }

    fn entries(&self, first: u64) -> impl Iterator<Item = (u64, &T)> {
        let mut left = self.present;
        self.slots.iter().map(move |value| {
            let offset = u64::from(left.trailing_zeros());
            left &= left - 1;
            (first + offset, value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop, proptest};

    #[test]
    fn what_is_left_pins_no_neighbours() {
        let mut paged = Paged::default();
        for key in 1..=10_000 {
            paged.insert(key, key);
        }
        for key in (1..=10_000).filter(|key| key % 1000 != 0) {
            assert_eq!(paged.remove(key), Some(key));
        }
        let slots: usize = paged.by_number.values().map(|page| page.slots.capacity()).sum();
        assert_eq!(paged.by_number.len(), 10);
        assert!(slots <= 10 * 2 * SLOTS_MIN, "{slots} slots for ten values");
    }

    proptest! {
        #[test]
        fn a_cut_is_where_the_values_pass_a_bound(keys in prop::collection::btree_set(0u64..500, 0..200), bound in 0u64..520) {
            let mut paged = Paged::default();
            keys.iter().for_each(|key| assert_eq!(paged.insert(*key, key + 3), None));
            assert_eq!(paged.cut(|value| *value < bound), keys.into_iter().find(|key| key + 3 >= bound));
        }

        #[test]
        fn it_is_the_map_that_a_tree_would_be(steps in prop::collection::vec((0u8..5, 0u64..400), 0..400), cut_at in 0u64..420) {
            let (mut paged, mut model) = (Paged::default(), BTreeMap::new());
            for (step, key) in steps {
                match step {
                    0 | 1 => assert_eq!(paged.insert(key, key * 2 + u64::from(step)), model.insert(key, key * 2 + u64::from(step))),
                    2 => assert_eq!(paged.remove(key), model.remove(&key)),
                    3 => assert_eq!(paged.get(key), model.get(&key)),
                    _ => {
                        let gone = paged.remove_page(key / PAGE_KEYS);
                        let first = key / PAGE_KEYS * PAGE_KEYS;
                        let theirs: Vec<_> = model.extract_if(first..first + PAGE_KEYS, |_, _| true).map(|(_, value)| value).collect();
                        assert_eq!(gone, theirs);
                    }
                }
                assert_eq!(paged.first(), model.first_key_value().map(|(key, value)| (*key, value)));
                let from: Vec<_> = paged.range_from(key).map(|(key, value)| (key, *value)).collect();
                assert_eq!(from, model.range(key..).map(|(key, value)| (*key, *value)).collect::<Vec<_>>());
            }
            let cut = cut_at;
            let (mut removed, mut theirs) = (Vec::new(), Vec::new());
            paged.remove_below(cut, |value| removed.push(value));
            theirs.extend(model.extract_if(..cut, |_, _| true).map(|(_, value)| value));
            assert_eq!(removed, theirs);
            let left: Vec<_> = paged.range_from(0).map(|(key, value)| (key, *value)).collect();
            assert_eq!(left, model.into_iter().collect::<Vec<_>>());
        }
    }
}
