//! Updates: what UpdateItem makes of an item.
//!
//! ```text
//! update   SET path = value (, …)  REMOVE path (, …)  ADD path :value (, …)  DELETE path :set (, …)     each once, in any order
//! value    operand │ operand + operand │ operand - operand
//! operand  path │ :value │ if_not_exists(path, operand) │ list_append(operand, operand)
//! ```
//! All values are taken from the item as it was before. Source: Developer Guide, "Using update expressions".

use super::Sentence;
use super::lexer::Token;
use super::parser::Parser;
use super::path::{Path, Step, first_clash};
use super::terms::Terms;
use crate::limits;
use crate::number::Number;
use crate::refusal::Refusal;
use crate::value::{Item, Kind, Value};
use std::cmp::Reverse;

/// An update.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Update {
    pub(super) sets: Vec<(Path, Source)>,
    pub(super) removes: Vec<Path>,
    pub(super) adds: Vec<(Path, Value)>,
    pub(super) deletes: Vec<(Path, Value)>,
}

/// What a path is set to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    Value(Value),
    Path(Path),
    IfNotExists(Path, Box<Source>),
    Append(Box<Source>, Box<Source>),
    Sum(Box<Source>, Box<Source>),
    Difference(Box<Source>, Box<Source>),
}

fn no_attribute() -> Refusal {
    Refusal::validation("The provided expression refers to an attribute that does not exist in the item")
}

fn no_path() -> Refusal {
    Refusal::validation("The document path provided in the update expression is invalid for update")
}

fn wrong_kind() -> Refusal {
    Refusal::validation("An operand in the update expression has an incorrect data type")
}

/// What an update may still copy. What it copies becomes a part of the item, or is a number of some bytes: twice what an item may come
/// to is never too little, and an item that would be larger is refused before it is there.
struct Room {
    bytes: usize,
    values: usize,
}

impl Room {
    const WHOLE: Self = Self { bytes: 2 * limits::ITEM_BYTES_MAX, values: 2 * limits::ITEM_VALUES_MAX };

    fn copy(&mut self, value: &Value) -> Result<Value, Refusal> {
        let left = (self.bytes.checked_sub(value.size()), self.values.checked_sub(value.values()));
        let (Some(bytes), Some(values)) = left else {
            return Err(Refusal::validation("Item size to update has exceeded the maximum allowed size"));
        };
        *self = Self { bytes, values };
        Ok(value.clone())
    }
}

impl Source {
    fn of(&self, item: &Item, room: &mut Room) -> Result<Value, Refusal> {
        match self {
            Self::Value(value) => room.copy(value),
            Self::Path(path) => room.copy(path.find(item).ok_or_else(no_attribute)?),
            Self::IfNotExists(path, otherwise) => match path.find(item) {
                Some(value) => room.copy(value),
                None => otherwise.of(item, room),
            },
            Self::Append(one, two) => match (one.of(item, room)?, two.of(item, room)?) {
                (Value::List(mut one), Value::List(two)) => {
                    one.extend(two);
                    Ok(Value::List(one))
                }
                _ => Err(wrong_kind()),
            },
            Self::Sum(one, two) => total(one.of(item, room)?, two.of(item, room)?, |two| two),
            Self::Difference(one, two) => total(one.of(item, room)?, two.of(item, room)?, |two| Number::negated(&two)),
        }
    }
}

fn total(one: Value, two: Value, turned: fn(Number) -> Number) -> Result<Value, Refusal> {
    let (Value::Number(one), Value::Number(two)) = (one, two) else { return Err(wrong_kind()) };
    let sum = one.plus(&turned(two)).map_err(|why| Refusal::validation(why.sentence("")))?;
    Ok(Value::Number(sum))
}

impl Update {
    /// The item after the update.
    pub(crate) fn of(&self, item: &Item) -> Result<Item, Refusal> {
        let mut after = item.clone();
        let mut removes: Vec<&Path> = self.removes.iter().collect();
        let mut room = Room::WHOLE;
        let sets = self.sets.iter().map(|(path, source)| Ok((path, source.of(item, &mut room)?)));
        for (path, value) in sets.collect::<Result<Vec<_>, Refusal>>()? {
            put(&mut after, path, value)?;
        }
        for (path, value) in &self.adds {
            add(&mut after, path, value)?;
        }
        for (path, value) in &self.deletes {
            // There are no empty sets: what held the last one goes.
            if delete(&mut after, path, value)? {
                removes.push(path);
            }
        }
        // From the back of each list, so that what is taken out moves nothing that is still to be taken out.
        removes.sort_by_key(|path| Reverse(indexes(path)));
        for path in removes {
            remove(&mut after, path)?;
        }
        Ok(after)
    }

    /// `ADD name value`.
    #[cfg(test)]
    pub(crate) fn add_of_tests(name: &str, value: Value) -> Self {
        Self { adds: vec![(Path::of(name), value)], ..Self::default() }
    }

    /// Whether it puts nothing anywhere.
    pub(crate) fn only_removes(&self) -> bool {
        self.sets.is_empty() && self.adds.is_empty()
    }

    /// The paths that it changes.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        let sets = self.sets.iter().map(|(path, _)| path);
        let others = self.adds.iter().chain(&self.deletes).map(|(path, _)| path);
        sets.chain(&self.removes).chain(others)
    }

    /// The attributes that it looks at beside those that it changes.
    pub(crate) fn visit_sources<'a>(&'a self, see: &mut dyn FnMut(&'a Path)) {
        self.sets.iter().for_each(|(_, source)| visit(source, see));
    }

    /// Reads an expression.
    pub(crate) fn parse(text: &str, terms: &Terms) -> Result<Self, Refusal> {
        let mut parser = Parser::new(Sentence::Update, text, terms)?;
        let mut update = Self::default();
        let mut seen = Vec::new();
        while parser.peek() != Token::End {
            let clauses = ["SET", "REMOVE", "ADD", "DELETE"];
            let clause = clauses.into_iter().find(|clause| parser.is_keyword(clause));
            let clause = clause.ok_or_else(|| parser.unexpected())?;
            if seen.contains(&clause) {
                let said = format!("The \"{clause}\" section can only be used once in an update expression;");
                return Err(parser.invalid(&said));
            }
            seen.push(clause);
            parser.advance();
            update.read_clause(clause, &mut parser)?;
        }
        let paths: Vec<&Path> = update.paths().collect();
        if let Some((why, one, two)) = first_clash(&paths) {
            return Err(parser.invalid(&format!("{why}; path one: {one}, path two: {two}")));
        }
        Ok(update)
    }

    fn read_clause(&mut self, clause: &'static str, parser: &mut Parser<'_>) -> Result<(), Refusal> {
        loop {
            parser.count()?;
            let path = parser.path()?;
            match clause {
                "SET" => {
                    parser.expect_sign("=")?;
                    self.sets.push((path, source(parser)?));
                }
                "REMOVE" => self.removes.push(path),
                "ADD" => {
                    let value = parser.value()?;
                    check_operand(parser, "ADD", &value, value.kind() == Kind::Number || value.kind().is_set())?;
                    self.adds.push((path, value));
                }
                _ => {
                    let value = parser.value()?;
                    check_operand(parser, "DELETE", &value, value.kind().is_set())?;
                    self.deletes.push((path, value));
                }
            }
            if !parser.take_sign(",") {
                return Ok(());
            }
        }
    }
}

fn visit<'a>(source: &'a Source, see: &mut dyn FnMut(&'a Path)) {
    match source {
        Source::Value(_) => {}
        Source::Path(path) => see(path),
        Source::IfNotExists(path, otherwise) => {
            see(path);
            visit(otherwise, see);
        }
        Source::Append(one, two) | Source::Sum(one, two) | Source::Difference(one, two) => {
            visit(one, see);
            visit(two, see);
        }
    }
}

/// The indexes of a path, by which removals are ordered.
fn indexes(path: &Path) -> Vec<usize> {
    path.0.iter().filter_map(|step| if let Step::Index(index) = step { Some(*index) } else { None }).collect()
}

fn check_operand(parser: &Parser<'_>, operator: &str, value: &Value, is_right: bool) -> Result<(), Refusal> {
    match is_right {
        true => Ok(()),
        false => Err(parser.invalid(&format!(
            "Incorrect operand type for operator or function; operator: {operator}, operand type: {}",
            value.kind().word()
        ))),
    }
}

fn source(parser: &mut Parser<'_>) -> Result<Source, Refusal> {
    let one = operand(parser)?;
    let Token::Sign(sign @ ("+" | "-")) = parser.peek() else { return Ok(one) };
    parser.advance();
    parser.count()?;
    let two = operand(parser)?;
    for side in [&one, &two] {
        check_literal(parser, sign, side, Kind::Number)?;
    }
    let (one, two) = (Box::new(one), Box::new(two));
    Ok(if sign == "+" { Source::Sum(one, two) } else { Source::Difference(one, two) })
}

fn check_literal(parser: &Parser<'_>, operator: &str, source: &Source, wanted: Kind) -> Result<(), Refusal> {
    match source {
        Source::Value(value) if value.kind() != wanted => Err(parser.invalid(&format!(
            "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {}",
            value.kind().letters()
        ))),
        _ => Ok(()),
    }
}

fn operand(parser: &mut Parser<'_>) -> Result<Source, Refusal> {
    if let Token::Reference(_) = parser.peek() {
        return parser.value().map(Source::Value);
    }
    if parser.peek() == Token::Sign("(") {
        parser.advance();
        parser.descend()?;
        let inner = source(parser)?;
        parser.ascend();
        parser.expect_sign(")")?;
        return Ok(inner);
    }
    let Some(name) = parser.function() else { return parser.path().map(Source::Path) };
    match name {
        "if_not_exists" | "list_append" => {}
        "attribute_exists" | "attribute_not_exists" | "attribute_type" | "begins_with" | "contains" | "size" => {
            let said = format!("The function is not allowed in an update expression; function: {name}");
            return Err(parser.invalid(&said));
        }
        _ => return Err(parser.invalid(&format!("Invalid function name; function: {name}"))),
    }
    parser.count()?;
    parser.descend()?;
    let given = arguments(parser)?;
    parser.ascend();
    let count = given.len();
    let [one, two] = <[Source; 2]>::try_from(given).map_err(|_| {
        parser.invalid(&format!(
            "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {count}"
        ))
    })?;
    function(parser, name, one, two)
}

fn arguments(parser: &mut Parser<'_>) -> Result<Vec<Source>, Refusal> {
    parser.advance();
    parser.expect_sign("(")?;
    let mut given = vec![operand(parser)?];
    while parser.take_sign(",") {
        given.push(operand(parser)?);
    }
    parser.expect_sign(")")?;
    Ok(given)
}

fn function(parser: &Parser<'_>, name: &str, one: Source, two: Source) -> Result<Source, Refusal> {
    if name == "list_append" {
        check_literal(parser, name, &one, Kind::List)?;
        check_literal(parser, name, &two, Kind::List)?;
        return Ok(Source::Append(Box::new(one), Box::new(two)));
    }
    match one {
        Source::Path(path) => Ok(Source::IfNotExists(path, Box::new(two))),
        _ => {
            Err(parser.invalid(&format!("Operator or function requires a document path; operator or function: {name}")))
        }
    }
}

/// The value that holds the last step of a path.
fn parent<'a>(item: &'a mut Item, path: &Path) -> Result<&'a mut Value, Refusal> {
    let (_, between) = path.0[1..].split_last().ok_or_else(no_path)?;
    let mut at = item.0.get_mut(path.attribute()).ok_or_else(no_path)?;
    for step in between {
        at = match (step, at) {
            (Step::Name(name), Value::Map(map)) => map.get_mut(name).ok_or_else(no_path)?,
            (Step::Index(index), Value::List(list)) => list.get_mut(*index).ok_or_else(no_path)?,
            _ => return Err(no_path()),
        };
    }
    Ok(at)
}

fn put(item: &mut Item, path: &Path, value: Value) -> Result<(), Refusal> {
    if path.is_attribute() {
        item.0.insert(path.attribute().into(), value);
        return Ok(());
    }
    match (parent(item, path)?, path.0.last()) {
        (Value::Map(map), Some(Step::Name(name))) => _ = map.insert(name.clone(), value),
        (Value::List(list), Some(Step::Index(index))) => match list.get_mut(*index) {
            Some(place) => *place = value,
            None => list.push(value),
        },
        _ => return Err(no_path()),
    }
    Ok(())
}

fn remove(item: &mut Item, path: &Path) -> Result<(), Refusal> {
    if path.is_attribute() {
        item.0.remove(path.attribute());
        return Ok(());
    }
    match (parent(item, path)?, path.0.last()) {
        (Value::Map(map), Some(Step::Name(name))) => _ = map.remove(name),
        (Value::List(list), Some(Step::Index(index))) => {
            if *index < list.len() {
                list.remove(*index);
            }
        }
        _ => return Err(no_path()),
    }
    Ok(())
}

fn add(item: &mut Item, path: &Path, value: &Value) -> Result<(), Refusal> {
    let sum = match (path.find(item), value) {
        (None, value) => value.clone(),
        (Some(Value::Number(one)), Value::Number(two)) => {
            Value::Number(one.plus(two).map_err(|why| Refusal::validation(why.sentence("")))?)
        }
        (Some(Value::Texts(one)), Value::Texts(two)) => Value::Texts(one | two),
        (Some(Value::Numbers(one)), Value::Numbers(two)) => Value::Numbers(one | two),
        (Some(Value::Binaries(one)), Value::Binaries(two)) => Value::Binaries(one | two),
        (Some(Value::List(one)), Value::List(two)) => Value::List([one.as_slice(), two].concat()),
        _ => return Err(wrong_kind()),
    };
    put(item, path, sum)
}

/// Takes members out of a set; says whether none is left.
fn delete(item: &mut Item, path: &Path, value: &Value) -> Result<bool, Refusal> {
    let left = match (path.find(item), value) {
        (None, _) => return Ok(false),
        (Some(Value::Texts(one)), Value::Texts(two)) => Value::Texts(one - two),
        (Some(Value::Numbers(one)), Value::Numbers(two)) => Value::Numbers(one - two),
        (Some(Value::Binaries(one)), Value::Binaries(two)) => Value::Binaries(one - two),
        _ => return Err(wrong_kind()),
    };
    let is_empty = match &left {
        Value::Texts(set) => set.is_empty(),
        Value::Numbers(set) => set.is_empty(),
        Value::Binaries(set) => set.is_empty(),
        _ => false,
    };
    put(item, path, left).map(|()| is_empty)
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
