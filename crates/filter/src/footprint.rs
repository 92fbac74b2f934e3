//! What a filter takes in memory, with its place in an index: reckoned from the policy alone, and rather too much than too little.
//!
//! Whoever keeps many filters for others bounds their sum. Texts count by their length, everything else by what a collection of it takes
//! at its emptiest: tables and vectors grow by doubling, so half of them may be room.

use crate::filter::{Filter, Key};
use crate::rule::Rule;
use std::mem::size_of;

/// A block of memory of its own beside what stands in it.
const BLOCK_BYTES: usize = 16;

/// A subscription's entries in an index: its slot, and its number in the table.
const SLOT_BYTES: usize = 256;

/// A part of a key between dots, as a node of the tree of keys with a table of its own.
const PART_BYTES: usize = 320;

/// A hook, and the place where it is looked for.
const HOOK_BYTES: usize = 160;

/// Hooks of a rule: a range is covered by so many neighbours.
const HOOKS_MAX: usize = 4;

/// Bytes of a filter.
pub(crate) fn of(filter: &Filter) -> usize {
    let keys: usize = filter.keys().iter().map(key).sum();
    let alternatives: usize =
        filter.alternatives().map(|alternative| size_of::<Box<[u32]>>() + BLOCK_BYTES + 4 * alternative.len()).sum();
    size_of::<Filter>() + SLOT_BYTES + keys + alternatives
}

fn key(key: &Key) -> usize {
    let parts = key.path.split('.').count();
    // Its path here, and each part twice in the tree.
    let path = 3 * key.path.len() + parts * (PART_BYTES + 2 * BLOCK_BYTES);
    size_of::<Key>() + path + key.rules.iter().map(rule).sum::<usize>()
}

fn rule(rule: &Rule) -> usize {
    let text = |text: &str| text.len() + BLOCK_BYTES;
    let (heap, hooks) = match rule {
        Rule::Text(found) | Rule::Literal(found) | Rule::Prefix(found) | Rule::Suffix(found) => (text(found), 1),
        Rule::IgnoreCase(found) | Rule::NotPrefix(found) => (text(found), 1),
        Rule::NotTexts(texts) => {
            (texts.iter().map(|one| text(one) + size_of::<Box<str>>()).sum::<usize>() + BLOCK_BYTES, 1)
        }
        Rule::NotNumbers(numbers) => (size_of_val(&**numbers) + BLOCK_BYTES, 1),
        Rule::Range(..) => (0, HOOKS_MAX),
        Rule::Block(_) | Rule::Number(_) | Rule::True | Rule::False | Rule::Null => (0, 1),
        Rule::Nothing | Rule::Exists | Rule::Absent => (0, 1),
    };
    size_of::<Rule>() + heap + hooks * HOOK_BYTES
}

#[cfg(test)]
mod tests {
    use crate::{Filter, Limits, Scope};

    fn bytes(policy: &str) -> usize {
        Filter::compile(policy, Scope::MessageBody, &Limits::AWS).unwrap().unwrap().bytes()
    }

    #[test]
    fn a_filter_takes_what_its_texts_keys_and_rules_take() {
        let small = bytes(r#"{"a":["b"]}"#);
        assert!((400..2000).contains(&small), "{small}");
        let long = "x".repeat(100_000);
        for policy in [
            format!(r#"{{"a":["{long}"]}}"#),
            format!(r#"{{"{long}":["b"]}}"#),
            format!(r#"{{"a":[{{"anything-but":["b","{long}"]}}]}}"#),
            format!(r#"{{"a":[{{"prefix":"{long}"}}]}}"#),
        ] {
            assert!(bytes(&policy) > small + 99_000);
        }
        let many: Vec<String> = (0..150).map(|nth| nth.to_string()).collect();
        assert!(bytes(&format!(r#"{{"a":[{}]}}"#, many.join(","))) > small + 149 * 100);
    }

    #[test]
    fn a_name_with_many_dots_takes_a_node_for_each() {
        assert!(bytes(&format!(r#"{{"a{}":["b"]}}"#, ".b".repeat(50_000))) > 50_000 * 300);
    }
}
