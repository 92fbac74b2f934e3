//! Attribute values and items: what a table holds, how large that counts, and how it comes in and goes out.
//!
//! A value that is here keeps DynamoDB's rules: sets are not empty and have no equals, numbers are numbers, nothing is nested too
//! deep. Sizes are those that AWS bills and bounds by. Source: Developer Guide, "DynamoDB item sizes and formats" and "Naming rules
//! and data types"; the sentences are recorded ones.

use crate::api::dynamodb::AttributeValue;
use crate::limits;
use crate::number::Number;
use crate::refusal::Refusal;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// What an attribute holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(Box<str>),
    Number(Number),
    Binary(Bytes),
    Texts(BTreeSet<Box<str>>),
    Numbers(BTreeSet<Number>),
    Binaries(BTreeSet<Bytes>),
    Map(BTreeMap<Box<str>, Value>),
    List(Vec<Value>),
    Bool(bool),
    Null,
}

/// The kinds of values by their letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Binary,
    Texts,
    Numbers,
    Binaries,
    Map,
    List,
    Bool,
    Null,
}

impl Kind {
    /// All of them.
    const ALL: [Self; 10] = [
        Self::Text,
        Self::Number,
        Self::Binary,
        Self::Texts,
        Self::Numbers,
        Self::Binaries,
        Self::Map,
        Self::List,
        Self::Bool,
        Self::Null,
    ];

    pub(crate) fn letters(self) -> &'static str {
        match self {
            Self::Text => "S",
            Self::Number => "N",
            Self::Binary => "B",
            Self::Texts => "SS",
            Self::Numbers => "NS",
            Self::Binaries => "BS",
            Self::Map => "M",
            Self::List => "L",
            Self::Bool => "BOOL",
            Self::Null => "NULL",
        }
    }

    /// What errors about operands of an update call it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Text => "STRING",
            Self::Number => "NUMBER",
            Self::Binary => "BINARY",
            Self::Texts => "STRING_SET",
            Self::Numbers => "NUMBER_SET",
            Self::Binaries => "BINARY_SET",
            Self::Map => "MAP",
            Self::List => "LIST",
            Self::Bool => "BOOLEAN",
            Self::Null => "NULL",
        }
    }

    pub(crate) fn of_letters(letters: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.letters() == letters)
    }

    /// Whether less and greater mean something.
    pub(crate) fn is_ordered(self) -> bool {
        matches!(self, Self::Text | Self::Number | Self::Binary)
    }

    pub(crate) fn is_set(self) -> bool {
        matches!(self, Self::Texts | Self::Numbers | Self::Binaries)
    }
}

/// The attributes of an item, or of its key.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Item(pub(crate) BTreeMap<Box<str>, Value>);

impl Item {
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Bytes that it counts.
    pub(crate) fn size(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.size()).sum()
    }

    /// Values in it at all levels, members of sets among them.
    pub(crate) fn values(&self) -> usize {
        self.0.values().map(Value::values).sum()
    }

    /// Bytes of memory that it takes, about.
    pub(crate) fn weight(&self) -> usize {
        self.size() + self.values() * limits::VALUE_BYTES
    }

    /// Reads the attributes of a request.
    pub(crate) fn read(attributes: Vec<(String, AttributeValue)>) -> Result<Self, Refusal> {
        let read = |(name, value): (String, AttributeValue)| Ok((name.into(), Value::read(value, 1)?));
        attributes.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// As a reply shows it.
    pub(crate) fn show(&self) -> Vec<(String, AttributeValue)> {
        self.0.iter().map(|(name, value)| (name.to_string(), value.show())).collect()
    }
}

impl Value {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Number(_) => Kind::Number,
            Self::Binary(_) => Kind::Binary,
            Self::Texts(_) => Kind::Texts,
            Self::Numbers(_) => Kind::Numbers,
            Self::Binaries(_) => Kind::Binaries,
            Self::Map(_) => Kind::Map,
            Self::List(_) => Kind::List,
            Self::Bool(_) => Kind::Bool,
            Self::Null => Kind::Null,
        }
    }

    /// Bytes that it counts.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Number(number) => number.size(),
            Self::Binary(bytes) => bytes.len(),
            Self::Texts(texts) => texts.iter().map(|text| text.len()).sum(),
            Self::Numbers(numbers) => numbers.iter().map(Number::size).sum(),
            Self::Binaries(all) => all.iter().map(Bytes::len).sum(),
            Self::Map(map) => 3 + map.iter().map(|(name, value)| 1 + name.len() + value.size()).sum::<usize>(),
            Self::List(list) => 3 + list.iter().map(|value| 1 + value.size()).sum::<usize>(),
            Self::Bool(_) | Self::Null => 1,
        }
    }

    /// Values in it, itself included, and members of sets.
    pub(crate) fn values(&self) -> usize {
        1 + match self {
            Self::Texts(set) => set.len(),
            Self::Numbers(set) => set.len(),
            Self::Binaries(set) => set.len(),
            Self::Map(map) => map.values().map(Self::values).sum(),
            Self::List(list) => list.iter().map(Self::values).sum(),
            _ => 0,
        }
    }

    /// Levels of maps and lists, its own included.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::Map(map) => 1 + map.values().map(Self::depth).max().unwrap_or(0),
            Self::List(list) => 1 + list.iter().map(Self::depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// Reads a value of a request that stands so deep.
    pub(crate) fn read(value: AttributeValue, depth: usize) -> Result<Self, Refusal> {
        let AttributeValue { s, n, b, ss, ns, bs, m, l, null, bool } = value;
        let given = [
            s.map(|text| Ok(Self::Text(text.into()))),
            n.map(|text| number(&text).map(Self::Number)),
            b.map(|bytes| Ok(Self::Binary(bytes))),
            ss.map(texts),
            ns.map(|texts| numbers(&texts)),
            bs.map(binaries),
            m.map(|entries| map(entries, depth)),
            l.map(|items| list(items, depth)),
            null.map(is_null),
            bool.map(|value| Ok(Self::Bool(value))),
        ];
        let mut given = given.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(value), None) => value,
            (None, _) => Err(Refusal::validation(
                "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
            )),
            (Some(_), Some(_)) => Err(Refusal::validation(
                "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
            )),
        }
    }

    /// As a reply shows it.
    pub(crate) fn show(&self) -> AttributeValue {
        let none = AttributeValue::default();
        match self {
            Self::Text(text) => AttributeValue { s: Some(text.to_string()), ..none },
            Self::Number(number) => AttributeValue { n: Some(number.to_string()), ..none },
            Self::Binary(bytes) => AttributeValue { b: Some(bytes.clone()), ..none },
            Self::Texts(texts) => AttributeValue { ss: Some(texts.iter().map(ToString::to_string).collect()), ..none },
            Self::Numbers(all) => AttributeValue { ns: Some(all.iter().map(Number::to_string).collect()), ..none },
            Self::Binaries(all) => AttributeValue { bs: Some(all.iter().cloned().collect()), ..none },
            Self::Map(map) => {
                let entries = map.iter().map(|(name, value)| (name.to_string(), value.show()));
                AttributeValue { m: Some(entries.collect()), ..none }
            }
            Self::List(list) => AttributeValue { l: Some(list.iter().map(Self::show).collect()), ..none },
            Self::Bool(value) => AttributeValue { bool: Some(*value), ..none },
            Self::Null => AttributeValue { null: Some(true), ..none },
        }
    }

    /// As errors show it: `{N:2}`.
    pub(crate) fn quoted(&self) -> String {
        let mut out = String::from("{");
        let content = match self {
            Self::Text(text) => text.to_string(),
            Self::Number(number) => number.to_string(),
            _ => "...".into(),
        };
        let _ = write!(out, "{}:{content}", self.kind().letters());
        out.push('}');
        out
    }
}

fn invalid(sentence: &str) -> Refusal {
    Refusal::validation(format!("One or more parameter values were invalid: {sentence}"))
}

fn number(text: &str) -> Result<Number, Refusal> {
    Number::parse(text).map_err(|why| Refusal::validation(why.sentence(text)))
}

fn texts(texts: Vec<String>) -> Result<Value, Refusal> {
    if texts.is_empty() {
        return Err(invalid("An string set  may not be empty"));
    }
    let (given, shown) = (texts.len(), texts.join(", "));
    let set: BTreeSet<Box<str>> = texts.into_iter().map(Into::into).collect();
    match set.len() == given {
        true => Ok(Value::Texts(set)),
        false => Err(invalid(&format!("Input collection [{shown}] contains duplicates."))),
    }
}

fn numbers(texts: &[String]) -> Result<Value, Refusal> {
    if texts.is_empty() {
        return Err(invalid("An number set  may not be empty"));
    }
    let set = texts.iter().map(|text| number(text)).collect::<Result<BTreeSet<_>, _>>()?;
    match set.len() == texts.len() {
        true => Ok(Value::Numbers(set)),
        false => Err(Refusal::validation("Input collection contains duplicates")),
    }
}

fn binaries(all: Vec<Bytes>) -> Result<Value, Refusal> {
    if all.is_empty() {
        return Err(invalid("Binary sets should not be empty"));
    }
    let given = all.len();
    let set: BTreeSet<Bytes> = all.into_iter().collect();
    match set.len() == given {
        true => Ok(Value::Binaries(set)),
        false => Err(invalid("Input collection of binaries contains duplicates.")),
    }
}

fn map(entries: Vec<(String, AttributeValue)>, depth: usize) -> Result<Value, Refusal> {
    check_depth(depth)?;
    let read = |(name, value): (String, AttributeValue)| Ok((name.into(), Value::read(value, depth + 1)?));
    entries.into_iter().map(read).collect::<Result<_, _>>().map(Value::Map)
}

fn list(items: Vec<AttributeValue>, depth: usize) -> Result<Value, Refusal> {
    check_depth(depth)?;
    items.into_iter().map(|item| Value::read(item, depth + 1)).collect::<Result<_, _>>().map(Value::List)
}

fn check_depth(depth: usize) -> Result<(), Refusal> {
    match depth > limits::NESTING_MAX {
        true => Err(too_deep()),
        false => Ok(()),
    }
}

/// Why an item is refused whose attributes are nested too deep.
pub(crate) fn too_deep() -> Refusal {
    Refusal::validation(
        "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit",
    )
}

fn is_null(null: bool) -> Result<Value, Refusal> {
    match null {
        true => Ok(Value::Null),
        false => Err(invalid("Null attribute value types must have the value of true")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: AttributeValue) -> Result<Value, String> {
        Value::read(value, 1).map_err(|refusal| refusal.message.into_owned())
    }

    #[test]
    fn values_that_break_a_rule_are_refused_in_the_services_words() {
        let none = AttributeValue::default;
        let texts = |all: &[&str]| Some(all.iter().map(ToString::to_string).collect::<Vec<_>>());
        for (value, sentence) in [
            (none(), "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
            (
                AttributeValue { s: Some("a".into()), n: Some("1".into()), ..none() },
                "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
            ),
            (
                AttributeValue { ss: texts(&[]), ..none() },
                "One or more parameter values were invalid: An string set  may not be empty",
            ),
            (
                AttributeValue { ns: texts(&[]), ..none() },
                "One or more parameter values were invalid: An number set  may not be empty",
            ),
            (
                AttributeValue { ss: texts(&["a", "b", "a"]), ..none() },
                "One or more parameter values were invalid: Input collection [a, b, a] contains duplicates.",
            ),
            (AttributeValue { ns: texts(&["1", "1.0"]), ..none() }, "Input collection contains duplicates"),
            (
                AttributeValue { null: Some(false), ..none() },
                "One or more parameter values were invalid: Null attribute value types must have the value of true",
            ),
            (
                AttributeValue { n: Some("b".into()), ..none() },
                "The parameter cannot be converted to a numeric value: b",
            ),
        ] {
            assert_eq!(read(value), Err(sentence.to_owned()));
        }
    }

    #[test]
    fn nesting_has_a_bound() {
        let nested = |levels: usize| {
            let innermost = AttributeValue { s: Some("a".into()), ..AttributeValue::default() };
            (0..levels).fold(innermost, |inner, _| AttributeValue { l: Some(vec![inner]), ..AttributeValue::default() })
        };
        assert_eq!(read(nested(32)).map(|value| value.depth()), Ok(32));
        assert!(read(nested(33)).is_err_and(|sentence| sentence.starts_with("Nesting Levels")));
    }

    #[test]
    fn sizes_are_those_that_are_billed() {
        let value = Value::Map(BTreeMap::from([
            ("name".into(), Value::Text("é".into())),
            ("list".into(), Value::List(vec![Value::Null, Value::Bool(true)])),
        ]));
        // The map's overhead, two entries with their names, a text of two bytes, a list of two bytes and its own overhead.
        assert_eq!(value.size(), 3 + (1 + 4 + 2) + (1 + 4 + 3 + 2 * (1 + 1)));
        assert_eq!(Value::Number(Number::parse("-123").unwrap()).size(), 4);
        let item = Item(BTreeMap::from([("id".into(), Value::Binary(Bytes::from_static(b"abc")))]));
        assert_eq!(item.size(), 5);
    }

    #[test]
    fn what_is_shown_is_what_was_read() {
        let value = Value::Map(BTreeMap::from([
            ("s".into(), Value::Text("x".into())),
            ("ns".into(), Value::Numbers([Number::parse("1").unwrap(), Number::parse("2").unwrap()].into())),
            ("l".into(), Value::List(vec![Value::Null, Value::Bool(false), Value::Binary(Bytes::from_static(b"z"))])),
        ]));
        assert_eq!(read(value.show()), Ok(value));
    }
}
