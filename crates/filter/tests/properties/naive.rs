//! The plainest evaluation of a policy: every alternative written out, every choice of values tried.

use crate::policies::{Demand, Policy, Rule, Thing};
use std::collections::BTreeMap;

/// A value of a body: its key, and which element of which array it lies in.
struct Leaf<'b> {
    key: String,
    value: &'b Thing,
    elements: Vec<(usize, usize)>,
}

/// One alternative: the rules of each key.
type Alternative<'p> = BTreeMap<String, &'p [Rule]>;

/// Whether a body passes a policy.
pub(crate) fn passes(policy: &Policy, body: &Thing) -> bool {
    let mut leaves = Vec::new();
    flatten(body, "", &mut Vec::new(), &mut 0, &mut leaves);
    expand(&policy.0, "", vec![Alternative::new()]).iter().any(|alternative| {
        let keys: Vec<_> = alternative.iter().collect();
        choose(&keys, &leaves, &mut Vec::new())
    })
}

fn flatten<'b>(
    thing: &'b Thing,
    key: &str,
    elements: &mut Vec<(usize, usize)>,
    arrays: &mut usize,
    leaves: &mut Vec<Leaf<'b>>,
) {
    match thing {
        Thing::Object(members) => {
            for (name, value) in members {
                let key = if key.is_empty() { (*name).to_string() } else { format!("{key}.{name}") };
                flatten(value, &key, elements, arrays, leaves);
            }
        }
        Thing::Array(items) => {
            let array = *arrays;
            *arrays += 1;
            for (place, item) in items.iter().enumerate() {
                let is_nested = matches!(item, Thing::Object(_) | Thing::Array(_));
                elements.extend(is_nested.then_some((array, place)));
                flatten(item, key, elements, arrays, leaves);
                elements.truncate(elements.len() - usize::from(is_nested));
            }
        }
        value => leaves.push(Leaf { key: key.to_string(), value, elements: elements.clone() }),
    }
}

fn expand<'p>(demands: &'p [Demand], key: &str, begun: Vec<Alternative<'p>>) -> Vec<Alternative<'p>> {
    demands.iter().fold(begun, |begun, demand| match demand {
        Demand::Key(name, rules) => {
            let with = |mut alternative: Alternative<'p>| {
                alternative.insert(joined(key, name), rules.as_slice());
                alternative
            };
            begun.into_iter().map(with).collect()
        }
        Demand::Within(name, within) => expand(within, &joined(key, name), begun),
        Demand::Or(all) => all.iter().flat_map(|demands| expand(demands, key, begun.clone())).collect(),
    })
}

fn joined(key: &str, name: &str) -> String {
    if key.is_empty() { name.to_string() } else { format!("{key}.{name}") }
}

fn choose<'l>(keys: &[(&String, &&[Rule])], leaves: &'l [Leaf<'l>], chosen: &mut Vec<&'l Leaf<'l>>) -> bool {
    let Some(((key, rules), more)) = keys.split_first() else { return true };
    let under: Vec<&Leaf<'_>> = leaves.iter().filter(|leaf| leaf.key == **key).collect();
    if under.is_empty() {
        return rules.iter().any(|rule| matches!(rule, Rule::Exists(false))) && choose(more, leaves, chosen);
    }
    under.into_iter().filter(|leaf| rules.iter().any(|rule| meets(rule, leaf.value))).any(|leaf| {
        if chosen.iter().any(|other| excludes(other, leaf)) {
            return false;
        }
        chosen.push(leaf);
        let found = choose(more, leaves, chosen);
        chosen.pop();
        found
    })
}

fn excludes(one: &Leaf<'_>, other: &Leaf<'_>) -> bool {
    one.elements.iter().any(|(array, place)| other.elements.iter().any(|(a, p)| a == array && p != place))
}

fn meets(rule: &Rule, value: &Thing) -> bool {
    match (rule, value) {
        (Rule::Exists(exists), _) => *exists,
        (Rule::Is(Thing::Text(expected)), Thing::Text(text)) => expected == text,
        (Rule::Is(Thing::Number(expected)), Thing::Number(number)) => expected == number,
        (Rule::Is(Thing::True), Thing::True) | (Rule::Is(Thing::Null), Thing::Null) => true,
        (Rule::Prefix(prefix), Thing::Text(text)) => text.starts_with(prefix),
        (Rule::Suffix(suffix), Thing::Text(text)) => text.ends_with(suffix),
        (Rule::IgnoreCase(expected), Thing::Text(text)) => expected.eq_ignore_ascii_case(text),
        (Rule::NotTexts(unwanted), Thing::Text(text)) => !unwanted.contains(text),
        (Rule::NotPrefix(prefix), Thing::Text(text)) => !text.starts_with(prefix),
        (Rule::NotTexts(_) | Rule::NotPrefix(_), _) => true,
        (Rule::NotNumbers(unwanted), Thing::Number(number)) => !unwanted.contains(number),
        (Rule::NotNumbers(_), _) => true,
        (Rule::Between(from, to), Thing::Number(number)) => (from..to).contains(&number),
        (Rule::Above(from), Thing::Number(number)) => number > from,
        (Rule::Below(to), Thing::Number(number)) => number <= to,
        _ => false,
    }
}
