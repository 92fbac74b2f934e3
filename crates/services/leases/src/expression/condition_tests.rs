//! What conditions mean, and the words for those that mean nothing.

use super::*;
use crate::api::dynamodb::AttributeValue;
use std::collections::BTreeMap;

fn number(text: &str) -> Value {
    Value::Number(Number::parse(text).unwrap())
}

fn item() -> Item {
    let text = |text: &str| Value::Text(text.into());
    let map = Value::Map(BTreeMap::from([("x".into(), number("1"))]));
    let list = Value::List(vec![text("p"), number("2")]);
    let set = Value::Texts(["a".into(), "b".into()].into());
    let attributes = [
        ("id", text("shard-1")),
        ("n", number("5")),
        ("m", map),
        ("l", list),
        ("ss", set),
        ("yes", Value::Bool(true)),
        ("name", text("reserved")),
    ];
    Item(attributes.map(|(name, value)| (name.into(), value)).into())
}

fn terms() -> Terms {
    let none = AttributeValue::default;
    let values = [
        (":one", AttributeValue { n: Some("1".into()), ..none() }),
        (":five", AttributeValue { n: Some("5.0".into()), ..none() }),
        (":nine", AttributeValue { n: Some("9".into()), ..none() }),
        (":shard", AttributeValue { s: Some("shard".into()), ..none() }),
        (":a", AttributeValue { s: Some("a".into()), ..none() }),
        (":p", AttributeValue { s: Some("p".into()), ..none() }),
        (":S", AttributeValue { s: Some("S".into()), ..none() }),
        (":yes", AttributeValue { bool: Some(true), ..none() }),
        (":list", AttributeValue { l: Some(Vec::new()), ..none() }),
    ];
    let names = vec![("#name".to_owned(), "name".to_owned()), ("#dotted".to_owned(), "m.x".to_owned())];
    let values = values.map(|(key, value)| (key.to_owned(), value)).to_vec();
    Terms::read(Some(names), Some(values)).unwrap()
}

fn holds(text: &str) -> Result<bool, String> {
    let condition = Condition::parse(Sentence::Condition, text, &terms());
    condition.map(|condition| condition.holds(&item())).map_err(|refusal| refusal.message.into_owned())
}

#[test]
fn conditions_hold_or_do_not() {
    for (text, expected) in [
        ("n = :five", true),
        ("n <> :five", false),
        ("n < :nine AND n > :one", true),
        ("n <= :one OR n >= :nine", false),
        ("NOT n = :one", true),
        ("NOT NOT n = :one", false),
        ("n BETWEEN :one AND :five", true),
        ("n between :one and :five AND id = :a", false),
        ("n IN (:one, :five)", true),
        ("n = :one OR n = :five AND id = :shard", false),
        ("(n = :one OR n = :five) AND begins_with(id, :shard)", true),
        ("attribute_exists(m.x)", true),
        ("attribute_exists(m.y) or attribute_not_exists(absent)", true),
        ("attribute_type(id, :S)", true),
        ("contains(ss, :a)", true),
        ("contains(l, :p)", true),
        ("contains(id, :a)", true),
        ("size(ss) < :five", true),
        ("size(n) < :five", false),
        ("l[1] < :five", true),
        ("l[0] = :p", true),
        ("l[9] = :p", false),
        ("#name <> :a", true),
        ("#dotted = :one", false),
        ("yes = :yes", true),
        // What is not there equals nothing, differs from everything and has no order.
        ("absent = :a", false),
        ("absent <> :a", true),
        ("absent < :a", false),
        ("NOT absent < :a", true),
        ("absent = gone", false),
        // So does what is of another kind.
        ("id < :nine", false),
        ("id <> :nine", true),
    ] {
        assert_eq!(holds(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_condition_is_refused_in_the_services_words() {
    for (text, sentence) in [
        ("", "The expression can not be empty;"),
        ("n =", "Syntax error; token: \"<EOF>\", near: \"=\""),
        ("n == :one", "Syntax error; token: \"=\", near: \"== :one\""),
        ("n = :one n", "Syntax error; token: \"n\", near: \":one n\""),
        ("n ! :one", "Syntax error; token: \"!\", near: \"n ! :one\""),
        ("name = :one", "Attribute name is a reserved keyword; reserved keyword: name"),
        ("n = :missing", "An expression attribute value used in expression is not defined; attribute value: :missing"),
        (
            "#missing = :one",
            "An expression attribute name used in the document path is not defined; attribute name: #missing",
        ),
        ("exists(n)", "Invalid function name; function: exists"),
        (
            "attribute_exists(n, m)",
            "Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 2",
        ),
        (
            "attribute_exists(:one)",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "attribute_type(n, :a)",
            "Invalid attribute type name found; type: a, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
        ),
        (
            "begins_with(id, :one)",
            "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N",
        ),
        ("n < :list", "Incorrect operand type for operator or function; operator or function: <, operand type: L"),
        (
            "n = n",
            "The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [n]",
        ),
        (
            "n BETWEEN :five AND :one",
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:5}, upper bound operand: AttributeValue: {N:1}",
        ),
        ("((n = :one))", "The expression has redundant parentheses;"),
        (
            "if_not_exists(n, :one) = :one",
            "The function is not allowed in a condition expression; function: if_not_exists",
        ),
        ("attribute_exists(n) = :yes", "Syntax error; token: \"=\", near: \") = :yes\""),
    ] {
        assert_eq!(holds(text), Err(format!("Invalid ConditionExpression: {sentence}")), "{text}");
    }
}

#[test]
fn an_expression_has_bounds() {
    let deep = format!("{}n = :one{}", "(".repeat(500), ")".repeat(500));
    assert!(holds(&deep).is_err());
    assert!(holds(&"NOT ".repeat(1000)).is_err());
    assert!(holds(&format!("n = :one{}", " OR n = :one".repeat(400))).is_err());
    assert!(holds(&format!("n = {}", " ".repeat(5000))).is_err_and(|said| said.contains("maximum allowed size")));
}

#[test]
fn what_nothing_uses_is_refused() {
    let terms = terms();
    let _ = Condition::parse(Sentence::Filter, "n = :one AND #name = :a AND #dotted = :p", &terms).unwrap();
    let unused = "Value provided in ExpressionAttributeValues unused in expressions: keys: {:S, :five, :list, :nine, :shard, :yes}";
    assert_eq!(terms.check_used().map_err(|refusal| refusal.message.into_owned()), Err(unused.to_owned()));
}

#[test]
fn substitutions_that_are_none_are_refused() {
    let value = AttributeValue { s: Some("a".into()), ..AttributeValue::default() };
    let read = |name: &str, reference: &str| {
        let (names, values) = (vec![(name.to_owned(), "n".to_owned())], vec![(reference.to_owned(), value.clone())]);
        Terms::read(Some(names), Some(values)).map(drop).map_err(|refusal| refusal.message.into_owned())
    };
    assert_eq!(read("#a", ":b"), Ok(()));
    let names = "ExpressionAttributeNames contains invalid key: Syntax error; key: \"a\"";
    assert_eq!(read("a", ":b"), Err(names.to_owned()));
    let values = "ExpressionAttributeValues contains invalid key: Syntax error; key: \":b-c\"";
    assert_eq!(read("#a", ":b-c"), Err(values.to_owned()));
    let empty = Terms::read(Some(Vec::new()), None).unwrap_err();
    assert_eq!(empty.message, "ExpressionAttributeNames must not be empty");
    let empty = vec![(":a".to_owned(), AttributeValue { ss: Some(Vec::new()), ..AttributeValue::default() })];
    let said = Terms::read(None, Some(empty)).unwrap_err();
    assert_eq!(
        said.message,
        "ExpressionAttributeValues contains invalid value: One or more parameter values were invalid: An string set  may not be empty for key :a"
    );
}
