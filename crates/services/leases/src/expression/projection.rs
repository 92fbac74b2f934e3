//! Projections: the parts of an item that a reply shows.

use super::Sentence;
use super::parser::Parser;
use super::path::{Path, Step, first_clash};
use super::terms::Terms;
use crate::refusal::Refusal;
use crate::value::{Item, Value};
use std::collections::BTreeMap;

/// Paths, none of which leads into another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Projection(Vec<Path>);

/// What is wanted of a value.
#[derive(Debug)]
enum Wanted<'a> {
    Whole,
    Parts(BTreeMap<&'a str, Wanted<'a>>),
    Items(BTreeMap<usize, Wanted<'a>>),
}

/// The older form: names of whole attributes.
pub(crate) fn of_names(names: &[String]) -> Projection {
    Projection(names.iter().map(|name| Path::of(name)).collect())
}

impl Projection {
    /// Just these paths, none of which leads into another.
    pub(crate) fn of_paths<'a>(paths: impl Iterator<Item = &'a Path>) -> Self {
        Self(paths.cloned().collect())
    }

    /// Reads `path, path, …`.
    pub(crate) fn parse(text: &str, terms: &Terms) -> Result<Self, Refusal> {
        let mut parser = Parser::new(Sentence::Projection, text, terms)?;
        let mut paths = vec![parser.path()?];
        while parser.take_sign(",") {
            paths.push(parser.path()?);
        }
        parser.expect_end()?;
        if let Some((why, one, two)) = first_clash(&paths.iter().collect::<Vec<_>>()) {
            return Err(parser.invalid(&format!("{why}; path one: {one}, path two: {two}")));
        }
        Ok(Self(paths))
    }

    /// What it leaves of an item.
    pub(crate) fn of(&self, item: &Item) -> Item {
        let mut wanted = BTreeMap::new();
        self.0.iter().for_each(|path| want(&mut wanted, path.attribute(), &path.0[1..]));
        let parts = wanted.iter().filter_map(|(name, wanted)| Some(((*name).into(), pick(item.get(name)?, wanted)?)));
        Item(parts.collect())
    }

    /// The attributes that it names.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Path::attribute)
    }
}

fn want<'a>(wanted: &mut BTreeMap<&'a str, Wanted<'a>>, name: &'a str, rest: &'a [Step]) {
    match wanted.get_mut(name) {
        Some(known) => add(known, rest),
        None => _ = wanted.insert(name, of_steps(rest)),
    }
}

fn of_steps(steps: &[Step]) -> Wanted<'_> {
    match steps.split_first() {
        None => Wanted::Whole,
        Some((Step::Name(name), rest)) => Wanted::Parts(BTreeMap::from([(&**name, of_steps(rest))])),
        Some((Step::Index(index), rest)) => Wanted::Items(BTreeMap::from([(*index, of_steps(rest))])),
    }
}

/// Paths that clash were refused, so both lead into the same kind of value.
fn add<'a>(known: &mut Wanted<'a>, steps: &'a [Step]) {
    match (known, steps.split_first()) {
        (Wanted::Parts(parts), Some((Step::Name(name), rest))) => want(parts, name, rest),
        (Wanted::Items(items), Some((Step::Index(index), rest))) => match items.get_mut(index) {
            Some(known) => add(known, rest),
            None => _ = items.insert(*index, of_steps(rest)),
        },
        _ => {}
    }
}

fn pick(value: &Value, wanted: &Wanted<'_>) -> Option<Value> {
    match (wanted, value) {
        (Wanted::Whole, value) => Some(value.clone()),
        (Wanted::Parts(parts), Value::Map(map)) => {
            let found =
                parts.iter().filter_map(|(name, wanted)| Some(((*name).into(), pick(map.get(*name)?, wanted)?)));
            let found: BTreeMap<Box<str>, Value> = found.collect();
            (!found.is_empty()).then_some(Value::Map(found))
        }
        (Wanted::Items(items), Value::List(list)) => {
            let found: Vec<Value> =
                items.iter().filter_map(|(index, wanted)| pick(list.get(*index)?, wanted)).collect();
            (!found.is_empty()).then_some(Value::List(found))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item() -> Item {
        let text = |text: &str| Value::Text(text.into());
        let map = Value::Map(BTreeMap::from([("x".into(), text("1")), ("y".into(), text("2"))]));
        let list = Value::List(vec![text("p"), map.clone(), text("q")]);
        Item(BTreeMap::from([("id".into(), text("k")), ("m".into(), map), ("l".into(), list)]))
    }

    fn shown(text: &str) -> Result<String, String> {
        let projection = Projection::parse(text, &Terms::default()).map_err(|refusal| refusal.message.into_owned())?;
        let words = |value: &Value| words(value);
        let parts = projection.of(&item()).0;
        Ok(parts.iter().map(|(name, value)| format!("{name}={}", words(value))).collect::<Vec<_>>().join(" "))
    }

    fn words(value: &Value) -> String {
        match value {
            Value::Text(text) => text.to_string(),
            Value::Map(map) => {
                let parts: Vec<_> = map.iter().map(|(name, value)| format!("{name}:{}", words(value))).collect();
                format!("{{{}}}", parts.join(","))
            }
            Value::List(list) => format!("[{}]", list.iter().map(words).collect::<Vec<_>>().join(",")),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_projection_shows_the_parts_that_it_names() {
        for (text, parts) in [
            ("id", "id=k"),
            ("id, nothing", "id=k"),
            ("m.y, m.x", "m={x:1,y:2}"),
            ("m.z", ""),
            ("l[2], l[0]", "l=[p,q]"),
            ("l[1].x, l[1].y, id", "id=k l=[{x:1,y:2}]"),
            ("l[7]", ""),
            ("id.x", ""),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(parts), "{text}");
        }
    }

    #[test]
    fn paths_that_stand_in_each_others_way_are_refused() {
        for (text, sentence) in [
            (
                "m, id, m.x",
                "Invalid ProjectionExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [m], path two: [m, x]",
            ),
            (
                "l[0], l.x",
                "Invalid ProjectionExpression: Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [l, [0]], path two: [l, x]",
            ),
            ("", "Invalid ProjectionExpression: The expression can not be empty;"),
            ("id,", "Invalid ProjectionExpression: Syntax error; token: \"<EOF>\", near: \",\""),
            ("id m", "Invalid ProjectionExpression: Syntax error; token: \"m\", near: \"id m\""),
            ("status", "Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: status"),
            (
                "#a",
                "Invalid ProjectionExpression: An expression attribute name used in the document path is not defined; attribute name: #a",
            ),
        ] {
            assert_eq!(shown(text), Err(sentence.to_owned()), "{text}");
        }
    }
}
