//! Key conditions of a query: one partition key, and perhaps a stretch of its sort keys.
//!
//! They are written like other conditions and then found to be one or two tests of attributes; which of these are the key is known
//! where the table is. A stretch becomes two places between which the items stand.

use super::Sentence;
use super::condition::{Comparison, Condition, Operand};
use super::path::Path;
use super::terms::Terms;
use crate::key;
use crate::refusal::Refusal;
use crate::table::{KeyAttribute, KeySchema};
use crate::value::{Kind, Value};
use std::ops::Range;

/// What is asked of a sort key, or of the partition key, which must be equal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Sort {
    Equal(Value),
    Less(Value),
    LessOrEqual(Value),
    Greater(Value),
    GreaterOrEqual(Value),
    Between(Value, Value),
    BeginsWith(Value),
}

/// A query's condition, by attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeyCondition(Vec<(Box<str>, Sort)>);

impl KeyCondition {
    /// Reads an expression.
    pub(crate) fn parse(text: &str, terms: &Terms) -> Result<Self, Refusal> {
        Self::of(Condition::parse(Sentence::Key, text, terms)?)
    }

    /// A condition that is one of keys.
    pub(crate) fn of(condition: Condition) -> Result<Self, Refusal> {
        let parts = match condition {
            Condition::All(parts) => parts,
            single => vec![single],
        };
        if parts.len() > 2 {
            return Err(Refusal::validation("Conditions can be of length 1 or 2 only"));
        }
        let tests = parts.into_iter().map(test).collect::<Result<Vec<_>, _>>()?;
        if let [(one, _), (two, _)] = tests.as_slice()
            && one == two
        {
            return Err(Refusal::validation("KeyConditionExpressions must only contain one condition per key"));
        }
        Ok(Self(tests))
    }

    /// The partition key, and what is asked of the sort key, in a table or an index that is keyed like this.
    pub(crate) fn resolve(&self, schema: &KeySchema) -> Result<(&Value, Option<&Sort>), Refusal> {
        let missed = |name: &str| Refusal::validation(format!("Query condition missed key schema element: {name}"));
        let of = |key: &KeyAttribute| self.0.iter().find(|(name, _)| *name == key.name).map(|(_, sort)| sort);
        let Sort::Equal(hash) = of(&schema.hash).ok_or_else(|| missed(&schema.hash.name))? else {
            return Err(Refusal::validation("Query key condition not supported"));
        };
        check_kind(hash, &schema.hash)?;
        if self.0.len() == 1 {
            return Ok((hash, None));
        }
        let Some(range) = &schema.range else { return Err(Refusal::validation("Query key condition not supported")) };
        let sort = of(range).ok_or_else(|| missed(&range.name))?;
        sort.values().into_iter().try_for_each(|value| check_kind(value, range))?;
        Ok((hash, Some(sort)))
    }

    /// The attributes that it names, with what must be equal to be asked for.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, &Sort)> {
        self.0.iter().map(|(name, sort)| (&**name, sort))
    }
}

fn check_kind(value: &Value, key: &KeyAttribute) -> Result<(), Refusal> {
    match value.kind() == key.kind {
        true => Ok(()),
        false => Err(Refusal::invalid("Condition parameter type does not match schema type")),
    }
}

impl Sort {
    fn values(&self) -> Vec<&Value> {
        match self {
            Self::Equal(value)
            | Self::Less(value)
            | Self::LessOrEqual(value)
            | Self::Greater(value)
            | Self::GreaterOrEqual(value)
            | Self::BeginsWith(value) => vec![value],
            Self::Between(low, high) => vec![low, high],
        }
    }
}

/// From the first place to the one behind the last.
pub(crate) fn stretch(hash: &Value, sort: Option<&Sort>) -> Range<Vec<u8>> {
    let partition = key::partition(hash);
    let at = |value: &Value| {
        let mut place = partition.clone();
        key::put_value(value, &mut place);
        place
    };
    let first = partition.clone();
    let end = behind(partition.clone());
    match sort {
        None => first..end,
        Some(Sort::Equal(value)) => at(value)..behind(at(value)),
        Some(Sort::Less(value)) => first..at(value),
        Some(Sort::LessOrEqual(value)) => first..behind(at(value)),
        Some(Sort::Greater(value)) => behind(at(value))..end,
        Some(Sort::GreaterOrEqual(value)) => at(value)..end,
        Some(Sort::Between(low, high)) => at(low)..behind(at(high)),
        Some(Sort::BeginsWith(beginning)) => {
            let mut place = partition;
            key::put_beginning(beginning, &mut place);
            place.clone()..behind(place)
        }
    }
}

/// The least place that is greater than all that begin like this.
fn behind(mut place: Vec<u8>) -> Vec<u8> {
    while place.last() == Some(&0xFF) {
        place.pop();
    }
    if let Some(last) = place.last_mut() {
        *last += 1;
    }
    place
}

fn test(condition: Condition) -> Result<(Box<str>, Sort), Refusal> {
    let unsupported =
        |what: &str| Refusal::validation(format!("Invalid operator used in KeyConditionExpression: {what}"));
    let operand = match condition {
        Condition::Compare(comparison, Operand::Path(path), Operand::Value(value)) => {
            return Ok((attribute(&path)?, compared(comparison)?(value)));
        }
        Condition::Compare(Comparison::Equal, Operand::Value(value), Operand::Path(path)) => {
            return Ok((attribute(&path)?, Sort::Equal(value)));
        }
        Condition::Between(Operand::Path(path), Operand::Value(low), Operand::Value(high)) => {
            return Ok((attribute(&path)?, Sort::Between(low, high)));
        }
        Condition::BeginsWith(Operand::Path(path), value) => {
            return match value {
                Operand::Value(value) if matches!(value.kind(), Kind::Text | Kind::Binary) => {
                    Ok((attribute(&path)?, Sort::BeginsWith(value)))
                }
                _ => Err(Refusal::validation("Query key condition not supported")),
            };
        }
        Condition::Compare(_, one, _) | Condition::Between(one, ..) => one,
        Condition::Any(_) => return Err(unsupported("OR")),
        Condition::All(_) => return Err(Refusal::validation("Conditions can be of length 1 or 2 only")),
        Condition::Not(_) => return Err(unsupported("NOT")),
        Condition::In(..) => return Err(unsupported("IN")),
        Condition::Exists(_) => return Err(unsupported("attribute_exists")),
        Condition::NotExists(_) => return Err(unsupported("attribute_not_exists")),
        Condition::IsOfKind(..) => return Err(unsupported("attribute_type")),
        Condition::Contains(..) => return Err(unsupported("contains")),
        Condition::BeginsWith(..) => return Err(unsupported("begins_with")),
    };
    Err(match operand {
        Operand::Size(_) => unsupported("size"),
        _ => Refusal::validation(
            "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition",
        ),
    })
}

fn compared(comparison: Comparison) -> Result<fn(Value) -> Sort, Refusal> {
    Ok(match comparison {
        Comparison::Equal => Sort::Equal,
        Comparison::Less => Sort::Less,
        Comparison::LessOrEqual => Sort::LessOrEqual,
        Comparison::Greater => Sort::Greater,
        Comparison::GreaterOrEqual => Sort::GreaterOrEqual,
        Comparison::NotEqual => {
            return Err(Refusal::validation("Invalid operator used in KeyConditionExpression: <>"));
        }
    })
}

fn attribute(path: &Path) -> Result<Box<str>, Refusal> {
    match path.is_attribute() {
        true => Ok(path.attribute().into()),
        false => Err(Refusal::validation("KeyConditionExpressions cannot have conditions on nested attributes")),
    }
}

#[cfg(test)]
#[path = "key_condition_tests.rs"]
mod tests;
