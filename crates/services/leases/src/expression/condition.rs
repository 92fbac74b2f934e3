//! Conditions: of writes, and filters of reads.
//!
//! ```text
//! condition  or:  and (OR and)*     and: not (AND not)*     not: NOT not │ ( condition ) │ test
//! test       operand (= │ <> │ < │ <= │ > │ >=) operand │ operand BETWEEN operand AND operand │ operand IN (operand, …)
//!            attribute_exists(path) │ attribute_not_exists(path) │ attribute_type(path, :type)
//!            begins_with(operand, operand) │ contains(operand, operand)
//! operand    path │ :value │ size(path)
//! ```
//! What is not there, or of another kind, makes a test false and never an error. Source: Developer Guide, "Condition and filter
//! expressions, operators, and functions".

use super::Sentence;
use super::lexer::Token;
use super::parser::Parser;
use super::path::Path;
use super::terms::Terms;
use crate::limits;
use crate::number::Number;
use crate::refusal::Refusal;
use crate::value::{Item, Kind, Value};
use std::borrow::Cow;
use std::cmp::Ordering;

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Comparison, Operand, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(Path),
    NotExists(Path),
    IsOfKind(Path, Kind),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What is compared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    Path(Path),
    Value(Value),
    Size(Path),
}

impl Comparison {
    fn of_sign(sign: &str) -> Option<Self> {
        Some(match sign {
            "=" => Self::Equal,
            "<>" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    /// Whether it holds between these.
    fn holds(self, one: Option<&Value>, two: Option<&Value>) -> bool {
        let (Some(one), Some(two)) = (one, two) else { return self == Self::NotEqual };
        match self {
            Self::Equal => one == two,
            Self::NotEqual => one != two,
            Self::Less => order(one, two) == Some(Ordering::Less),
            Self::LessOrEqual => order(one, two).is_some_and(Ordering::is_le),
            Self::Greater => order(one, two) == Some(Ordering::Greater),
            Self::GreaterOrEqual => order(one, two).is_some_and(Ordering::is_ge),
        }
    }
}

/// The order of two values, of kinds that have one.
fn order(one: &Value, two: &Value) -> Option<Ordering> {
    match (one, two) {
        (Value::Text(one), Value::Text(two)) => Some(one.cmp(two)),
        (Value::Number(one), Value::Number(two)) => Some(one.cmp(two)),
        (Value::Binary(one), Value::Binary(two)) => Some(one.cmp(two)),
        _ => None,
    }
}

impl Operand {
    fn of<'a>(&'a self, item: &'a Item) -> Option<Cow<'a, Value>> {
        match self {
            Self::Path(path) => path.find(item).map(Cow::Borrowed),
            Self::Value(value) => Some(Cow::Borrowed(value)),
            Self::Size(path) => size(path.find(item)?).map(Cow::Owned),
        }
    }
}

/// The size of a value, of kinds that have one.
fn size(value: &Value) -> Option<Value> {
    let size = match value {
        Value::Text(text) => text.chars().count(),
        Value::Binary(bytes) => bytes.len(),
        Value::Texts(texts) => texts.len(),
        Value::Numbers(numbers) => numbers.len(),
        Value::Binaries(all) => all.len(),
        Value::Map(map) => map.len(),
        Value::List(list) => list.len(),
        Value::Number(_) | Value::Bool(_) | Value::Null => return None,
    };
    Number::parse(&size.to_string()).ok().map(Value::Number)
}

impl Condition {
    /// Whether it holds of an item; of one that is not there as of one without attributes.
    pub(crate) fn holds(&self, item: &Item) -> bool {
        match self {
            Self::All(all) => all.iter().all(|one| one.holds(item)),
            Self::Any(any) => any.iter().any(|one| one.holds(item)),
            Self::Not(inner) => !inner.holds(item),
            Self::Compare(comparison, one, two) => comparison.holds(one.of(item).as_deref(), two.of(item).as_deref()),
            Self::Between(value, low, high) => {
                let (value, low, high) = (value.of(item), low.of(item), high.of(item));
                Comparison::GreaterOrEqual.holds(value.as_deref(), low.as_deref())
                    && Comparison::LessOrEqual.holds(value.as_deref(), high.as_deref())
            }
            Self::In(value, among) => {
                let value = value.of(item);
                let is_it = |one: &Operand| Comparison::Equal.holds(value.as_deref(), one.of(item).as_deref());
                among.iter().any(is_it)
            }
            Self::Exists(path) => path.find(item).is_some(),
            Self::NotExists(path) => path.find(item).is_none(),
            Self::IsOfKind(path, kind) => path.find(item).is_some_and(|value| value.kind() == *kind),
            Self::BeginsWith(value, beginning) => match (value.of(item), beginning.of(item)) {
                (Some(value), Some(beginning)) => begins_with(&value, &beginning),
                _ => false,
            },
            Self::Contains(value, part) => match (value.of(item), part.of(item)) {
                (Some(value), Some(part)) => contains(&value, &part),
                _ => false,
            },
        }
    }

    /// Reads a whole expression.
    pub(crate) fn parse(sentence: Sentence, text: &str, terms: &Terms) -> Result<Self, Refusal> {
        let mut parser = Parser::new(sentence, text, terms)?;
        let condition = any(&mut parser)?;
        parser.expect_end()?;
        Ok(condition)
    }

    /// The attributes that it looks at.
    pub(crate) fn visit_paths<'a>(&'a self, see: &mut dyn FnMut(&'a Path)) {
        let mut of = |operand: &'a Operand| match operand {
            Operand::Path(path) | Operand::Size(path) => see(path),
            Operand::Value(_) => {}
        };
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.visit_paths(see)),
            Self::Not(inner) => inner.visit_paths(see),
            Self::Compare(_, one, two) | Self::BeginsWith(one, two) | Self::Contains(one, two) => {
                of(one);
                of(two);
            }
            Self::Between(one, two, three) => [one, two, three].into_iter().for_each(of),
            Self::In(value, among) => {
                of(value);
                among.iter().for_each(of);
            }
            Self::Exists(path) | Self::NotExists(path) | Self::IsOfKind(path, _) => see(path),
        }
    }
}

fn begins_with(value: &Value, beginning: &Value) -> bool {
    match (value, beginning) {
        (Value::Text(text), Value::Text(beginning)) => text.starts_with(&**beginning),
        (Value::Binary(bytes), Value::Binary(beginning)) => bytes.starts_with(beginning),
        _ => false,
    }
}

fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::Text(text), Value::Text(part)) => text.contains(&**part),
        // In time that grows with the sum of the two: a stranger chooses both.
        (Value::Binary(bytes), Value::Binary(part)) => memchr::memmem::find(bytes, part).is_some(),
        (Value::Texts(set), Value::Text(text)) => set.contains(text),
        (Value::Numbers(set), Value::Number(number)) => set.contains(number),
        (Value::Binaries(set), Value::Binary(bytes)) => set.contains(bytes),
        (Value::List(list), part) => list.contains(part),
        _ => false,
    }
}

fn any(parser: &mut Parser<'_>) -> Result<Condition, Refusal> {
    let mut parts = vec![all(parser)?];
    while parser.take_keyword("OR") {
        parser.count()?;
        parts.push(all(parser)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Any(parts) })
}

fn all(parser: &mut Parser<'_>) -> Result<Condition, Refusal> {
    let mut parts = vec![not(parser)?];
    while parser.take_keyword("AND") {
        parser.count()?;
        parts.push(not(parser)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::All(parts) })
}

fn not(parser: &mut Parser<'_>) -> Result<Condition, Refusal> {
    if parser.take_keyword("NOT") {
        parser.count()?;
        parser.descend()?;
        let inner = not(parser)?;
        parser.ascend();
        return Ok(Condition::Not(Box::new(inner)));
    }
    if parser.peek() == Token::Sign("(") {
        return bracketed(parser);
    }
    test(parser)
}

fn bracketed(parser: &mut Parser<'_>) -> Result<Condition, Refusal> {
    let doubled = parser.peek_second() == Token::Sign("(");
    parser.advance();
    parser.descend()?;
    let inner = any(parser)?;
    parser.ascend();
    // ((a)) has nothing between the two closing brackets; ((a) AND b) has.
    let redundant = doubled && !matches!(inner, Condition::Any(_) | Condition::All(_));
    parser.expect_sign(")")?;
    match redundant {
        true => Err(parser.invalid("The expression has redundant parentheses;")),
        false => Ok(inner),
    }
}

fn test(parser: &mut Parser<'_>) -> Result<Condition, Refusal> {
    if let Some(name) = parser.function().filter(|name| *name != "size") {
        return function(parser, name);
    }
    let value = operand(parser)?;
    if parser.take_keyword("BETWEEN") {
        return between(parser, value);
    }
    if parser.take_keyword("IN") {
        return among(parser, value);
    }
    let Token::Sign(sign) = parser.peek() else { return Err(parser.unexpected()) };
    let comparison = Comparison::of_sign(sign).ok_or_else(|| parser.unexpected())?;
    parser.advance();
    parser.count()?;
    let other = operand(parser)?;
    check_distinct(parser, sign, &value, &[&other])?;
    if !matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
        check_ordered(parser, sign, &[&value, &other])?;
    }
    Ok(Condition::Compare(comparison, value, other))
}

fn between(parser: &mut Parser<'_>, value: Operand) -> Result<Condition, Refusal> {
    parser.count()?;
    let low = operand(parser)?;
    if !parser.take_keyword("AND") {
        return Err(parser.unexpected());
    }
    let high = operand(parser)?;
    check_ordered(parser, "BETWEEN", &[&value, &low, &high])?;
    if let (Operand::Value(low), Operand::Value(high)) = (&low, &high) {
        let (low_shown, high_shown) = (low.quoted(), high.quoted());
        match order(low, high) {
            None => {
                return Err(parser.invalid(&format!(
                    "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {low_shown}, upper bound operand: AttributeValue: {high_shown}"
                )));
            }
            Some(Ordering::Greater) => {
                return Err(parser.invalid(&format!(
                    "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {low_shown}, upper bound operand: AttributeValue: {high_shown}"
                )));
            }
            Some(_) => {}
        }
    }
    Ok(Condition::Between(value, low, high))
}

fn among(parser: &mut Parser<'_>, value: Operand) -> Result<Condition, Refusal> {
    parser.count()?;
    parser.expect_sign("(")?;
    let mut among = vec![operand(parser)?];
    while parser.take_sign(",") {
        among.push(operand(parser)?);
    }
    parser.expect_sign(")")?;
    if among.len() > limits::IN_OPERANDS_MAX {
        return Err(parser.invalid(&format!(
            "Invalid number of operands for operator or function; operator or function: IN, number of operands: {}",
            among.len()
        )));
    }
    Ok(Condition::In(value, among))
}

fn function(parser: &mut Parser<'_>, name: &str) -> Result<Condition, Refusal> {
    let operands = match name {
        "attribute_exists" | "attribute_not_exists" => 1,
        "attribute_type" | "begins_with" | "contains" => 2,
        "if_not_exists" | "list_append" => {
            let said = format!("The function is not allowed in a condition expression; function: {name}");
            return Err(parser.invalid(&said));
        }
        _ => return Err(parser.invalid(&format!("Invalid function name; function: {name}"))),
    };
    parser.count()?;
    let mut given = arguments(parser)?;
    if given.len() != operands {
        return Err(parser.invalid(&format!(
            "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {}",
            given.len()
        )));
    }
    let first = given.remove(0);
    match (name, given.pop()) {
        ("attribute_exists", _) => Ok(Condition::Exists(path_of(parser, name, first)?)),
        ("attribute_not_exists", _) => Ok(Condition::NotExists(path_of(parser, name, first)?)),
        ("attribute_type", Some(second)) => {
            let kind = kind_of(parser, &second)?;
            Ok(Condition::IsOfKind(path_of(parser, name, first)?, kind))
        }
        (_, Some(second)) => {
            check_distinct(parser, name, &first, &[&second])?;
            if name == "contains" {
                return Ok(Condition::Contains(first, second));
            }
            check_texts(parser, name, &[&first, &second])?;
            Ok(Condition::BeginsWith(first, second))
        }
        (_, None) => Err(parser.unexpected()),
    }
}

/// The operands of a function, which is next.
fn arguments(parser: &mut Parser<'_>) -> Result<Vec<Operand>, Refusal> {
    parser.advance();
    parser.expect_sign("(")?;
    let mut given = Vec::new();
    if !parser.take_sign(")") {
        given.push(operand(parser)?);
        while parser.take_sign(",") {
            given.push(operand(parser)?);
        }
        parser.expect_sign(")")?;
    }
    Ok(given)
}

pub(super) fn operand(parser: &mut Parser<'_>) -> Result<Operand, Refusal> {
    if let Token::Reference(_) = parser.peek() {
        return parser.value().map(Operand::Value);
    }
    let Some(name) = parser.function() else { return parser.path().map(Operand::Path) };
    if name != "size" {
        return Err(match name {
            "attribute_exists" | "attribute_not_exists" | "attribute_type" | "begins_with" | "contains" => parser
                .invalid(&format!(
                    "The function is not allowed to be used this way in an expression; function: {name}"
                )),
            _ => parser.invalid(&format!("Invalid function name; function: {name}")),
        });
    }
    parser.count()?;
    parser.descend()?;
    let mut given = arguments(parser)?;
    parser.ascend();
    match (given.pop(), given.len()) {
        (Some(only), 0) => Ok(Operand::Size(path_of(parser, "size", only)?)),
        (_, before) => Err(parser.invalid(&format!(
            "Incorrect number of operands for operator or function; operator or function: size, number of operands: {}",
            before + 1
        ))),
    }
}

fn path_of(parser: &Parser<'_>, function: &str, operand: Operand) -> Result<Path, Refusal> {
    match operand {
        Operand::Path(path) => Ok(path),
        _ => {
            Err(parser
                .invalid(&format!("Operator or function requires a document path; operator or function: {function}")))
        }
    }
}

fn kind_of(parser: &Parser<'_>, operand: &Operand) -> Result<Kind, Refusal> {
    let wrong_type = |letters: &str| {
        parser.invalid(&format!(
            "Incorrect operand type for operator or function; operator or function: attribute_type, operand type: {letters}"
        ))
    };
    match operand {
        Operand::Value(Value::Text(letters)) => Kind::of_letters(letters).ok_or_else(|| {
            parser.invalid(&format!(
                "Invalid attribute type name found; type: {letters}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}"
            ))
        }),
        Operand::Value(other) => Err(wrong_type(other.kind().letters())),
        _ => Err(wrong_type("{NS,SS,L,BS,N,M,B,BOOL,NULL,S}")),
    }
}

fn check_distinct(parser: &Parser<'_>, operator: &str, first: &Operand, others: &[&Operand]) -> Result<(), Refusal> {
    let Operand::Path(path) = first else { return Ok(()) };
    match others.contains(&first) {
        false => Ok(()),
        true => Err(parser.invalid(&format!(
            "The first operand must be distinct from the remaining operands for this operator or function; operator: {operator}, first operand: {path}"
        ))),
    }
}

/// Literal operands of an operator that needs an order.
fn check_ordered(parser: &Parser<'_>, operator: &str, operands: &[&Operand]) -> Result<(), Refusal> {
    check_kinds(parser, operator, operands, Kind::is_ordered)
}

/// Literal operands of a function of text and binary.
fn check_texts(parser: &Parser<'_>, operator: &str, operands: &[&Operand]) -> Result<(), Refusal> {
    check_kinds(parser, operator, operands, |kind| matches!(kind, Kind::Text | Kind::Binary))
}

fn check_kinds(
    parser: &Parser<'_>,
    operator: &str,
    operands: &[&Operand],
    is_right: fn(Kind) -> bool,
) -> Result<(), Refusal> {
    let wrong = operands.iter().find_map(|operand| match operand {
        Operand::Value(value) if !is_right(value.kind()) => Some(value.kind()),
        _ => None,
    });
    match wrong {
        None => Ok(()),
        Some(kind) => Err(parser.invalid(&format!(
            "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {}",
            kind.letters()
        ))),
    }
}

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
