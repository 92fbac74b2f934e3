//! The older forms of conditions and updates, which the Kinesis Client Library still sends: `Expected`, `AttributeUpdates`,
//! `KeyConditions`, `QueryFilter`, `ScanFilter`. Each becomes what its expression would.
//!
//! Source: Developer Guide, "Legacy conditional parameters".

use super::condition::{Comparison, Condition, Operand};
use super::path::Path;
use super::update::{Source, Update};
use crate::api::dynamodb::{AttributeValue, AttributeValueUpdate, Condition as Test, ExpectedAttributeValue};
use crate::refusal::Refusal;
use crate::value::{Kind, Value};

/// A condition of `Expected`.
pub(crate) fn expected(
    expected: Vec<(String, ExpectedAttributeValue)>,
    operator: Option<&str>,
) -> Result<Option<Condition>, Refusal> {
    let tests = expected.into_iter().map(|(name, one)| of_expected(&name, one)).collect::<Result<Vec<_>, _>>()?;
    Ok(joined(tests, operator))
}

/// A condition of `ScanFilter`, `QueryFilter` or `KeyConditions`.
pub(crate) fn conditions(tests: Vec<(String, Test)>, operator: Option<&str>) -> Result<Option<Condition>, Refusal> {
    let read = |(name, test): (String, Test)| {
        let Test { attribute_value_list, comparison_operator } = test;
        of_operator(&name, &comparison_operator, values(attribute_value_list.unwrap_or_default())?)
    };
    let tests = tests.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(joined(tests, operator))
}

fn joined(mut tests: Vec<Condition>, operator: Option<&str>) -> Option<Condition> {
    match (tests.len(), operator) {
        (0, _) => None,
        (1, _) => tests.pop(),
        (_, Some("OR")) => Some(Condition::Any(tests)),
        _ => Some(Condition::All(tests)),
    }
}

fn values(values: Vec<AttributeValue>) -> Result<Vec<Value>, Refusal> {
    values.into_iter().map(|value| Value::read(value, 1)).collect()
}

fn of_expected(name: &str, expected: ExpectedAttributeValue) -> Result<Condition, Refusal> {
    let ExpectedAttributeValue { value, exists, comparison_operator, attribute_value_list } = expected;
    let wrong = |what: &str| Err(Refusal::invalid(format!("{what} for Attribute: {name}")));
    let value = value.map(|value| Value::read(value, 1)).transpose()?;
    match (comparison_operator, exists, value, attribute_value_list) {
        (Some(_), Some(_), ..) => wrong("Exists and ComparisonOperator cannot be used together"),
        (Some(_), None, Some(_), Some(_)) => wrong("Value and AttributeValueList cannot be used together"),
        (Some(operator), None, value, list) => {
            let mut given = values(list.unwrap_or_default())?;
            given.extend(value);
            of_operator(name, &operator, given)
        }
        (None, _, _, Some(_)) => wrong("AttributeValueList can only be used with a ComparisonOperator"),
        (None, Some(false), Some(_), None) => wrong("Value cannot be used when Exists is false"),
        (None, Some(false), None, None) => Ok(Condition::NotExists(Path::of(name))),
        (None, Some(true), None, None) => wrong("Value must be provided when Exists is true"),
        (None, None, None, None) => wrong("Value must be provided when Exists is null"),
        (None, _, Some(value), None) => {
            Ok(Condition::Compare(Comparison::Equal, Operand::Path(Path::of(name)), Operand::Value(value)))
        }
    }
}

fn of_operator(name: &str, operator: &str, values: Vec<Value>) -> Result<Condition, Refusal> {
    let wanted = match operator {
        "NULL" | "NOT_NULL" => 0..=0,
        "BETWEEN" => 2..=2,
        "IN" => 1..=100,
        _ => 1..=1,
    };
    if !wanted.contains(&values.len()) {
        return Err(Refusal::invalid(format!("Invalid number of argument(s) for the {operator} ComparisonOperator")));
    }
    check_kinds(operator, &values)?;
    let path = || Operand::Path(Path::of(name));
    let mut given = values.into_iter().map(Operand::Value);
    let mut next = || given.next().expect("the number of values was checked");
    Ok(match operator {
        "NULL" => Condition::NotExists(Path::of(name)),
        "NOT_NULL" => Condition::Exists(Path::of(name)),
        "BETWEEN" => Condition::Between(path(), next(), next()),
        "IN" => Condition::In(path(), given.collect()),
        "BEGINS_WITH" => Condition::BeginsWith(path(), next()),
        "CONTAINS" => Condition::Contains(path(), next()),
        "NOT_CONTAINS" => Condition::All(vec![
            Condition::Exists(Path::of(name)),
            Condition::Not(Box::new(Condition::Contains(path(), next()))),
        ]),
        "NE" => Condition::Compare(Comparison::NotEqual, path(), next()),
        "LE" => Condition::Compare(Comparison::LessOrEqual, path(), next()),
        "LT" => Condition::Compare(Comparison::Less, path(), next()),
        "GE" => Condition::Compare(Comparison::GreaterOrEqual, path(), next()),
        "GT" => Condition::Compare(Comparison::Greater, path(), next()),
        // The model has no other.
        _ => Condition::Compare(Comparison::Equal, path(), next()),
    })
}

fn check_kinds(operator: &str, values: &[Value]) -> Result<(), Refusal> {
    let fits = |kind: Kind| match operator {
        "LE" | "LT" | "GE" | "GT" | "BETWEEN" | "CONTAINS" | "NOT_CONTAINS" | "IN" => kind.is_ordered(),
        "BEGINS_WITH" => matches!(kind, Kind::Text | Kind::Binary),
        _ => true,
    };
    match values.iter().all(|value| fits(value.kind())) {
        true => Ok(()),
        false => {
            Err(Refusal::invalid(format!("ComparisonOperator {operator} is not valid for its AttributeValueList type")))
        }
    }
}

/// An update of `AttributeUpdates`.
pub(crate) fn attribute_updates(updates: Vec<(String, AttributeValueUpdate)>) -> Result<Update, Refusal> {
    let mut update = Update::default();
    for (name, AttributeValueUpdate { value, action }) in updates {
        let value = value.map(|value| Value::read(value, 1)).transpose()?;
        let unfit = |action: &str, kind: Kind| {
            Refusal::invalid(format!("{action} is not supported for the type {}", kind.letters()))
        };
        let path = Path::of(&name);
        match (action.as_deref().unwrap_or("PUT"), value) {
            ("DELETE", None) => update.removes.push(path),
            (_, None) => {
                return Err(Refusal::invalid("Only DELETE action is allowed when no attribute value is specified"));
            }
            ("DELETE", Some(value)) if value.kind().is_set() => update.deletes.push((path, value)),
            ("DELETE", Some(value)) => return Err(unfit("DELETE action with value", value.kind())),
            ("ADD", Some(value)) if value.kind().is_set() => update.adds.push((path, value)),
            ("ADD", Some(value)) if matches!(value.kind(), Kind::Number | Kind::List) => {
                update.adds.push((path, value));
            }
            ("ADD", Some(value)) => return Err(unfit("ADD action", value.kind())),
            (_, Some(value)) => update.sets.push((path, Source::Value(value))),
        }
    }
    Ok(update)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Item;
    use std::collections::BTreeMap;

    fn text(text: &str) -> Option<AttributeValue> {
        Some(AttributeValue { s: Some(text.into()), ..AttributeValue::default() })
    }

    fn number(text: &str) -> Option<AttributeValue> {
        Some(AttributeValue { n: Some(text.into()), ..AttributeValue::default() })
    }

    fn lease() -> Item {
        let number = |text: &str| Value::Number(crate::number::Number::parse(text).unwrap());
        Item(BTreeMap::from([
            ("leaseKey".into(), Value::Text("shardId-000000000000".into())),
            ("leaseCounter".into(), number("7")),
            ("leaseOwner".into(), Value::Text("worker-1".into())),
        ]))
    }

    fn holds(name: &str, one: ExpectedAttributeValue) -> Result<bool, String> {
        let condition = expected(vec![(name.to_owned(), one)], None).map_err(|refusal| refusal.message.into_owned())?;
        Ok(condition.is_none_or(|condition| condition.holds(&lease())))
    }

    #[test]
    fn what_the_kinesis_client_library_expects_of_a_lease_is_understood() {
        let none = ExpectedAttributeValue::default;
        assert_eq!(holds("leaseCounter", ExpectedAttributeValue { value: number("7"), ..none() }), Ok(true));
        assert_eq!(holds("leaseCounter", ExpectedAttributeValue { value: number("8"), ..none() }), Ok(false));
        assert_eq!(holds("leaseKey", ExpectedAttributeValue { exists: Some(false), ..none() }), Ok(false));
        assert_eq!(holds("checkpoint", ExpectedAttributeValue { exists: Some(false), ..none() }), Ok(true));
        assert_eq!(holds("leaseOwner", ExpectedAttributeValue { value: text("worker-1"), ..none() }), Ok(true));
    }

    #[test]
    fn expectations_that_contradict_themselves_are_refused() {
        let none = ExpectedAttributeValue::default;
        for (one, sentence) in [
            (none(), "Value must be provided when Exists is null for Attribute: a"),
            (
                ExpectedAttributeValue { exists: Some(true), ..none() },
                "Value must be provided when Exists is true for Attribute: a",
            ),
            (
                ExpectedAttributeValue { exists: Some(false), value: text("x"), ..none() },
                "Value cannot be used when Exists is false for Attribute: a",
            ),
            (
                ExpectedAttributeValue { comparison_operator: Some("EQ".into()), exists: Some(true), ..none() },
                "Exists and ComparisonOperator cannot be used together for Attribute: a",
            ),
            (
                ExpectedAttributeValue { comparison_operator: Some("EQ".into()), ..none() },
                "Invalid number of argument(s) for the EQ ComparisonOperator",
            ),
        ] {
            assert_eq!(holds("a", one), Err(format!("One or more parameter values were invalid: {sentence}")));
        }
    }

    #[test]
    fn comparison_operators_do_what_their_expressions_do() {
        let test = |operator: &str, values: Vec<Option<AttributeValue>>| {
            let list = values.into_iter().flatten().collect();
            let test = Test { attribute_value_list: Some(list), comparison_operator: operator.into() };
            let condition = conditions(vec![("leaseCounter".into(), test)], None).unwrap().unwrap();
            condition.holds(&lease())
        };
        for (operator, values, holds) in [
            ("EQ", vec![number("7.0")], true),
            ("NE", vec![number("7")], false),
            ("LT", vec![number("8")], true),
            ("LE", vec![number("7")], true),
            ("GT", vec![number("7")], false),
            ("GE", vec![number("7")], true),
            ("BETWEEN", vec![number("1"), number("7")], true),
            ("IN", vec![number("1"), number("7")], true),
            ("NULL", vec![], false),
            ("NOT_NULL", vec![], true),
        ] {
            assert_eq!(test(operator, values), holds, "{operator}");
        }
    }

    #[test]
    fn updates_of_attributes_change_them() {
        let update = |action: &str, value| AttributeValueUpdate { value, action: Some(action.into()) };
        let updates = vec![
            ("leaseOwner".to_owned(), update("DELETE", None)),
            ("leaseCounter".to_owned(), update("ADD", number("1"))),
            ("checkpoint".to_owned(), AttributeValueUpdate { value: text("TRIM_HORIZON"), action: None }),
        ];
        let after = attribute_updates(updates).unwrap().of(&lease()).unwrap();
        let shown: Vec<_> = after.0.iter().map(|(name, value)| format!("{name} {}", value.quoted())).collect();
        assert_eq!(shown, ["checkpoint {S:TRIM_HORIZON}", "leaseCounter {N:8}", "leaseKey {S:shardId-000000000000}"]);
        let wrong = attribute_updates(vec![("a".into(), update("ADD", text("x")))]).unwrap_err();
        assert_eq!(
            wrong.message,
            "One or more parameter values were invalid: ADD action is not supported for the type S"
        );
    }
}
