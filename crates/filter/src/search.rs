//! Whether a message's values meet a filter.
//!
//! An alternative needs one value for each of its keys such that no two lie in different elements of one array: then they all
//! come from one record. Where no arrays of objects are, each key is decided for itself. Otherwise the values are tried in
//! order, key by key; a key that has no value left says whose choices excluded its values, and only these are tried anew
//! (conflict-directed backjumping), so arrays that have nothing to do with each other do not multiply. Values that one choice
//! excludes lie together, and are passed over in one step.

use crate::filter::{Filter, Key};
use crate::limits::ALTERNATIVE_KEYS_MAX;
use crate::message::{Field, Fields};
use crate::paths::PathId;

/// Whether one of the alternatives holds. `asked` are the numbers of the filter's keys.
pub(crate) fn holds(fields: &Fields<'_>, filter: &Filter, asked: &[PathId]) -> bool {
    filter.alternatives().any(|alternative| alternative_holds(fields, filter.keys(), asked, alternative))
}

/// Whether one alternative holds.
pub(crate) fn alternative_holds(fields: &Fields<'_>, keys: &[Key], asked: &[PathId], alternative: &[u32]) -> bool {
    let key_holds = |place: &u32| key_holds(fields.of(asked[*place as usize]), &keys[*place as usize]);
    if !alternative.iter().all(key_holds) {
        return false;
    }
    fields.is_flat() || Search { fields, keys, asked, alternative }.from(0, None).is_ok()
}

/// Whether one key holds by itself.
pub(crate) fn key_holds(values: &[Field<'_>], key: &Key) -> bool {
    if values.is_empty() { key.may_be_absent } else { values.iter().any(|field| is_met(field, key)) }
}

fn is_met(field: &Field<'_>, key: &Key) -> bool {
    key.rules.iter().any(|rule| rule.meets(&field.value))
}

struct Search<'a, 'm> {
    fields: &'a Fields<'m>,
    keys: &'a [Key],
    asked: &'a [PathId],
    alternative: &'a [u32],
}

/// A value that was chosen, and those chosen before it.
struct Chosen<'a> {
    element: u32,
    /// Which key of the alternative it is for.
    key: usize,
    before: Option<&'a Chosen<'a>>,
}

impl Search<'_, '_> {
    /// Finds values for this key and all behind it, or says which keys' choices stand against it.
    fn from(&self, key: usize, chosen: Option<&Chosen<'_>>) -> Result<(), Keys> {
        let Some(place) = self.alternative.get(key) else { return Ok(()) };
        let (wanted, values) = (&self.keys[*place as usize], self.fields.of(self.asked[*place as usize]));
        if values.is_empty() {
            return if wanted.may_be_absent { self.from(key + 1, chosen) } else { Err(Keys::NONE) };
        }
        let mut against = Keys::NONE;
        let mut at = 0;
        while let Some(field) = values.get(at) {
            if let Some((other, until)) = self.clash(field.element, chosen) {
                against.add(other);
                at += values[at..].partition_point(|field| field.order < until).max(1);
                continue;
            }
            if is_met(field, wanted) {
                match self.from(key + 1, Some(&Chosen { element: field.element, key, before: chosen })) {
                    Err(later) if later.has(key) => against.join(later),
                    decided => return decided,
                }
            }
            at += 1;
        }
        against.remove(key);
        Err(against)
    }

    /// Which choice excludes a value that lies in this element, and up to which value.
    fn clash(&self, element: u32, mut chosen: Option<&Chosen<'_>>) -> Option<(usize, u32)> {
        while let Some(choice) = chosen {
            if let Some(until) = self.fields.clash(choice.element, element) {
                return Some((choice.key, until));
            }
            chosen = choice.before;
        }
        None
    }
}

/// A set of an alternative's keys.
#[derive(Debug, Clone, Copy)]
struct Keys([u64; ALTERNATIVE_KEYS_MAX / 64]);

impl Keys {
    const NONE: Self = Self([0; ALTERNATIVE_KEYS_MAX / 64]);

    fn add(&mut self, key: usize) {
        self.0[key / 64] |= 1 << (key % 64);
    }

    fn remove(&mut self, key: usize) {
        self.0[key / 64] &= !(1 << (key % 64));
    }

    fn has(&self, key: usize) -> bool {
        self.0[key / 64] >> (key % 64) & 1 == 1
    }

    fn join(&mut self, other: Self) {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
    }
}
