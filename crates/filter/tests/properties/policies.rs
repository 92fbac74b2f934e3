//! Policies and bodies from a small world, so that they meet often.

use proptest::prelude::*;
use std::fmt::{self, Write};

/// A value of a body.
#[derive(Debug, Clone)]
pub(crate) enum Thing {
    Text(&'static str),
    Number(i32),
    True,
    Null,
    Array(Vec<Thing>),
    Object(Vec<(&'static str, Thing)>),
}

/// A rule of a key.
#[derive(Debug, Clone)]
pub(crate) enum Rule {
    Is(Thing),
    Prefix(&'static str),
    Suffix(&'static str),
    IgnoreCase(&'static str),
    NotTexts(Vec<&'static str>),
    NotNumbers(Vec<i32>),
    NotPrefix(&'static str),
    Between(i32, i32),
    Above(i32),
    Below(i32),
    Exists(bool),
}

/// What a policy demands.
#[derive(Debug, Clone)]
pub(crate) enum Demand {
    Key(&'static str, Vec<Rule>),
    Within(&'static str, Vec<Demand>),
    Or(Vec<Vec<Demand>>),
}

/// A policy. No object of it has a name twice.
#[derive(Debug, Clone)]
pub(crate) struct Policy(pub(crate) Vec<Demand>);

const TEXTS: &[&str] = &["", "x", "X", "xy", "yx", "z", "10.0.0.1", "10.0.0.7"];
const NAMES: &[&str] = &["a", "b", "c", "d", "a.b"];

fn text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(TEXTS)
}

pub(crate) fn scalar() -> impl Strategy<Value = Thing> {
    prop_oneof![
        4 => text().prop_map(Thing::Text),
        3 => (-3..4i32).prop_map(Thing::Number),
        1 => Just(Thing::True),
        1 => Just(Thing::Null),
    ]
}

/// An object with objects and arrays in it.
pub(crate) fn body() -> impl Strategy<Value = Thing> {
    let thing = scalar().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Thing::Array),
            2 => members(inner),
        ]
    });
    members(thing)
}

fn members(inner: impl Strategy<Value = Thing> + 'static) -> impl Strategy<Value = Thing> {
    let names = prop::sample::subsequence(NAMES, 0..NAMES.len());
    (names, prop::collection::vec(inner, NAMES.len()))
        .prop_map(|(names, values)| Thing::Object(names.into_iter().zip(values).collect()))
}

fn rule() -> impl Strategy<Value = Rule> {
    prop_oneof![
        6 => scalar().prop_map(Rule::Is),
        1 => text().prop_map(Rule::Prefix),
        1 => text().prop_map(Rule::Suffix),
        1 => text().prop_map(Rule::IgnoreCase),
        1 => prop::collection::vec(text(), 1..3).prop_map(Rule::NotTexts),
        1 => prop::collection::vec(-2..3i32, 1..3).prop_map(Rule::NotNumbers),
        1 => prop::sample::select(&["x", "10."][..]).prop_map(Rule::NotPrefix),
        1 => (-3..4i32, 1..4i32).prop_map(|(from, width)| Rule::Between(from, from + width)),
        1 => (-3..4i32).prop_map(Rule::Above),
        1 => (-3..4i32).prop_map(Rule::Below),
        1 => any::<bool>().prop_map(Rule::Exists),
    ]
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    prop::collection::vec(rule(), 1..4)
}

/// Demands with different names, of which at most one is an alternative.
fn demands(is_nested: bool, depth: u32) -> BoxedStrategy<Vec<Demand>> {
    let names: &'static [&'static str] = if is_nested { NAMES } else { &NAMES[..4] };
    let demand = if is_nested && depth > 0 {
        prop_oneof![
            2 => rules().prop_map(|rules| Demand::Key("", rules)),
            1 => demands(true, depth - 1).prop_map(|within| Demand::Within("", within)),
        ]
        .boxed()
    } else {
        rules().prop_map(|rules| Demand::Key("", rules)).boxed()
    };
    let keys = (prop::sample::subsequence(names, 1..3), prop::collection::vec(demand, 3));
    let keys = keys.prop_map(|(names, demands)| {
        let named = names.into_iter().zip(demands).map(|(name, demand)| match demand {
            Demand::Within(_, within) => Demand::Within(name, within),
            Demand::Key(_, rules) => Demand::Key(name, rules),
            or => or,
        });
        named.collect::<Vec<_>>()
    });
    if depth == 0 {
        return keys.boxed();
    }
    let or = prop::option::weighted(0.4, prop::collection::vec(demands(is_nested, depth - 1), 2..4));
    (keys, or, any::<bool>())
        .prop_map(|(mut keys, or, is_first)| {
            let at = if is_first { 0 } else { keys.len() };
            keys.splice(at..at, or.map(Demand::Or));
            keys
        })
        .boxed()
}

pub(crate) fn body_policy() -> impl Strategy<Value = Policy> {
    demands(true, 2).prop_map(Policy)
}

pub(crate) fn attribute_policy() -> impl Strategy<Value = Policy> {
    demands(false, 1).prop_map(Policy)
}

fn list<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    each: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            f.write_char(',')?;
        }
        each(f, item)?;
    }
    Ok(())
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::True => f.write_str("true"),
            Self::Null => f.write_str("null"),
            Self::Array(items) => {
                f.write_char('[')?;
                list(f, items, |f, item| write!(f, "{item}"))?;
                f.write_char(']')
            }
            Self::Object(members) => {
                f.write_char('{')?;
                list(f, members, |f, (name, value)| write!(f, "{name:?}:{value}"))?;
                f.write_char('}')
            }
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(value) => write!(f, "{value}"),
            Self::Prefix(text) => write!(f, "{{\"prefix\":{text:?}}}"),
            Self::Suffix(text) => write!(f, "{{\"suffix\":{text:?}}}"),
            Self::IgnoreCase(text) => write!(f, "{{\"equals-ignore-case\":{text:?}}}"),
            Self::NotTexts(texts) => write!(f, "{{\"anything-but\":{texts:?}}}"),
            Self::NotNumbers(numbers) => write!(f, "{{\"anything-but\":{numbers:?}}}"),
            Self::NotPrefix(text) => write!(f, "{{\"anything-but\":{{\"prefix\":{text:?}}}}}"),
            Self::Between(from, to) => write!(f, "{{\"numeric\":[\">=\",{from},\"<\",{to}]}}"),
            Self::Above(from) => write!(f, "{{\"numeric\":[\">\",{from}]}}"),
            Self::Below(to) => write!(f, "{{\"numeric\":[\"<=\",{to}]}}"),
            Self::Exists(exists) => write!(f, "{{\"exists\":{exists}}}"),
        }
    }
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(name, rules) => {
                write!(f, "{name:?}:[")?;
                list(f, rules, |f, rule| write!(f, "{rule}"))?;
                f.write_char(']')
            }
            Self::Within(name, within) => {
                write!(f, "{name:?}:{{")?;
                list(f, within, |f, demand| write!(f, "{demand}"))?;
                f.write_char('}')
            }
            Self::Or(all) => {
                f.write_str("\"$or\":[")?;
                list(f, all, |f, demands| write!(f, "{}", Policy(demands.clone())))?;
                f.write_char(']')
            }
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('{')?;
        list(f, &self.0, |f, demand| write!(f, "{demand}"))?;
        f.write_char('}')
    }
}
