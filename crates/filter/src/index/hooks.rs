//! What a value must be, as hashes: where filters hang.
//!
//! A rule becomes hooks such that whatever value meets the rule meets one of them; more may. A text, a number, `true` are one
//! hook each; a prefix or suffix is one, met by the values' beginnings and ends of those lengths that any rule of the key has;
//! a range is covered by at most four neighbours of a power of two in width, a block of addresses is its first bits; what is
//! met by nearly anything (`anything-but`, `exists`) hangs on the presence of its key. A key whose absence is enough has no
//! hooks, and an alternative of such keys only is always a candidate. A hook is a hash of key, kind and value with a seed of the
//! index's own: one that collides with another only adds a candidate.

use crate::address::Address;
use crate::filter::{Filter, Key};
use crate::message::Fields;
use crate::number::Number;
use crate::paths::PathId;
use crate::rule::{Rule, Value, fold};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};

/// How many hooks of one width cover a range.
const COVERS_MAX: u64 = 4;

/// What a hook of presence costs beyond those who hang there already: most messages meet it.
const PRESENCE_COST: usize = 8;

/// What a hook of a range costs beyond those who hang there already, for those who hang on other widths.
const RANGE_COST: usize = 2;

/// A condition on the values of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hook {
    /// Nothing is asked.
    Always,
    On {
        path: PathId,
        class: Class,
        hash: u64,
    },
}

/// How a hook is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Class {
    Text,
    Folded,
    Number,
    Literal,
    True,
    False,
    Null,
    Presence,
    /// Bytes of the prefix.
    Prefix(u32),
    /// Bytes of the suffix.
    Suffix(u32),
    /// Twice as wide for each.
    Range(u8),
    /// Bits that are asked for.
    Block {
        is_v6: bool,
        common: u8,
    },
}

/// All hooks of one scope.
#[derive(Debug, Default)]
pub(super) struct Hooks {
    always: Vec<u32>,
    hanging: HashMap<u64, Vec<u32>>,
    /// For each key, which classes of hooks it has, and how many of each.
    classes: Vec<BTreeMap<Class, u32>>,
    seed: RandomState,
}

impl Hooks {
    /// Hangs a filter up; on what it hangs.
    pub(super) fn hang(&mut self, filter: &Filter, asked: &[PathId], place: u32) -> Box<[Hook]> {
        let mut hooks: Vec<Hook> =
            filter.alternatives().flat_map(|alternative| self.cheapest(filter.keys(), asked, alternative)).collect();
        hooks.sort_unstable();
        hooks.dedup();
        for hook in &hooks {
            self.bucket(hook).push(place);
            self.count(hook, 1);
        }
        hooks.into()
    }

    /// Takes a filter off all that it hangs on.
    pub(super) fn take_off(&mut self, hooks: &[Hook], place: u32) {
        for hook in hooks {
            let bucket = self.bucket(hook);
            let at = bucket.iter().position(|hanging| *hanging == place).expect("a filter hangs on its hooks");
            bucket.swap_remove(at);
            if let (true, Hook::On { hash, .. }) = (bucket.is_empty(), hook) {
                self.hanging.remove(hash);
            }
            self.count(hook, -1);
        }
    }

    /// Whoever hangs on what these values meet, each once.
    pub(super) fn candidates(&self, fields: &Fields<'_>) -> Vec<u32> {
        let mut found = self.always.clone();
        let mut last = None;
        for field in fields.iter() {
            let Some(classes) = self.classes.get(field.path as usize) else { continue };
            for class in classes.keys() {
                // A key with several values is there once.
                if *class == Class::Presence && last.replace(field.path) == Some(field.path) {
                    continue;
                }
                self.met(field.path, *class, &field.value, |hash| {
                    found.extend(self.hanging.get(&hash).into_iter().flatten());
                });
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The hooks of that key of an alternative on which the fewest hang.
    fn cheapest(&self, keys: &[Key], asked: &[PathId], alternative: &[u32]) -> Vec<Hook> {
        let choices = alternative.iter().filter_map(|place| {
            let hooks = self.hooks(asked[*place as usize], &keys[*place as usize])?;
            Some((hooks.iter().map(|hook| self.cost(hook)).sum::<usize>(), hooks))
        });
        choices.min_by_key(|(cost, _)| *cost).map_or_else(|| vec![Hook::Always], |(_, hooks)| hooks)
    }

    fn cost(&self, hook: &Hook) -> usize {
        let Hook::On { class, hash, .. } = hook else { return self.always.len() };
        let extra = match class {
            Class::Presence => PRESENCE_COST,
            Class::Range(_) => RANGE_COST,
            _ => 0,
        };
        self.hanging.get(hash).map_or(0, Vec::len) + extra
    }

    /// All hooks of a key; none where its absence is enough.
    fn hooks(&self, path: PathId, key: &Key) -> Option<Vec<Hook>> {
        let mut hooks = Vec::new();
        for rule in &key.rules {
            self.of_rule(path, rule, &mut hooks)?;
        }
        Some(hooks)
    }

    fn of_rule(&self, path: PathId, rule: &Rule, hooks: &mut Vec<Hook>) -> Option<()> {
        let mut on =
            |class: Class, value: &[u8]| hooks.push(Hook::On { path, class, hash: self.hash(path, class, value) });
        match rule {
            Rule::Absent => return None,
            Rule::Nothing => {}
            Rule::Text(text) => on(Class::Text, text.as_bytes()),
            Rule::IgnoreCase(folded) => on(Class::Folded, folded.as_bytes()),
            Rule::Number(number) => on(Class::Number, &number.rank().to_be_bytes()),
            Rule::Literal(text) => on(Class::Literal, text.as_bytes()),
            Rule::True => on(Class::True, &[]),
            Rule::False => on(Class::False, &[]),
            Rule::Null => on(Class::Null, &[]),
            Rule::Prefix(text) => on(Class::Prefix(text.len() as u32), text.as_bytes()),
            Rule::Suffix(text) => on(Class::Suffix(text.len() as u32), text.as_bytes()),
            Rule::Range(from, to) => {
                let (width, from, to) = cover(*from, *to);
                (from..=to).for_each(|part| on(Class::Range(width), &part.to_be_bytes()));
            }
            Rule::Block(block) => {
                let Address { is_v6, bits } = block.first();
                on(Class::Block { is_v6, common: block.common }, &bits.to_be_bytes());
            }
            Rule::NotTexts(_) | Rule::NotNumbers(_) | Rule::NotPrefix(_) | Rule::Exists => on(Class::Presence, &[]),
        }
        Some(())
    }

    /// The hook of a class that a value meets, if it can meet any.
    fn met(&self, path: PathId, class: Class, value: &Value<'_>, mut found: impl FnMut(u64)) {
        let mut on = |value: &[u8]| found(self.hash(path, class, value));
        match (class, value) {
            (Class::Presence, _)
            | (Class::True, Value::True)
            | (Class::False, Value::False)
            | (Class::Null, Value::Null) => {
                on(&[]);
            }
            (Class::Text, Value::Text(text)) => on(text.as_bytes()),
            (Class::Folded, Value::Text(text)) => on(fold(text).collect::<String>().as_bytes()),
            (Class::Prefix(length), Value::Text(text)) => {
                text.as_bytes().get(..length as usize).into_iter().for_each(on);
            }
            (Class::Suffix(length), Value::Text(text)) => {
                let from = text.len().checked_sub(length as usize);
                from.into_iter().for_each(|from| on(&text.as_bytes()[from..]));
            }
            (Class::Block { is_v6, common }, Value::Text(text)) => {
                let address = Address::parse(text).filter(|address| address.is_v6 == is_v6);
                address.into_iter().for_each(|address| on(&address.begin(common).to_be_bytes()));
            }
            (Class::Number, Value::Number(_, Some(number))) => on(&number.rank().to_be_bytes()),
            (Class::Range(width), Value::Number(_, Some(number))) => on(&(number.rank() >> width).to_be_bytes()),
            (Class::Literal, Value::Number(text, None)) => on(text.as_bytes()),
            _ => {}
        }
    }

    fn hash(&self, path: PathId, class: Class, value: &[u8]) -> u64 {
        self.seed.hash_one((path, class, value))
    }

    fn bucket(&mut self, hook: &Hook) -> &mut Vec<u32> {
        match hook {
            Hook::Always => &mut self.always,
            Hook::On { hash, .. } => self.hanging.entry(*hash).or_default(),
        }
    }

    fn count(&mut self, hook: &Hook, change: i32) {
        let Hook::On { path, class, .. } = hook else { return };
        let path = *path as usize;
        if self.classes.len() <= path {
            self.classes.resize_with(path + 1, BTreeMap::new);
        }
        let count = self.classes[path].entry(*class).or_insert(0);
        *count = count.checked_add_signed(change).expect("a hook is counted as often as it hangs");
        if *count == 0 {
            self.classes[path].remove(class);
        }
    }
}

/// The least width, as a power of two, of which a few neighbours cover a range, and the first and last of them.
fn cover(from: Number, to: Number) -> (u8, u64, u64) {
    let (from, to) = (from.rank(), to.rank());
    let width =
        (0..).find(|width| (to >> width) - (from >> width) < COVERS_MAX).expect("one step is wide enough for all");
    (width, from >> width, to >> width)
}
