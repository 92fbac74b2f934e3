//! Which key conditions are understood, what they select, and the words for the others.

use super::*;
use crate::api::dynamodb::AttributeValue;
use crate::number::Number;

fn terms() -> Terms {
    let number = |text: &str| AttributeValue { n: Some(text.into()), ..AttributeValue::default() };
    let text = |text: &str| AttributeValue { s: Some(text.into()), ..AttributeValue::default() };
    let values = [(":a", text("a")), (":b", text("b")), (":one", number("1")), (":five", number("5"))];
    let values = values.map(|(key, value)| (key.to_owned(), value)).to_vec();
    Terms::read(None, Some(values)).unwrap()
}

fn schema(range: Kind) -> KeySchema {
    let key = |name: &str, kind| KeyAttribute { name: name.into(), kind };
    KeySchema { hash: key("id", Kind::Text), range: Some(key("seq", range)) }
}

/// The sort keys from 0 to 9 that a condition selects.
fn selected(text: &str) -> Vec<u32> {
    let condition = KeyCondition::parse(text, &terms()).unwrap();
    let schema = schema(Kind::Number);
    let (hash, sort) = condition.resolve(&schema).unwrap();
    let stretch = stretch(hash, sort);
    let is_in = |number: &u32| {
        let sort = Value::Number(Number::parse(&number.to_string()).unwrap());
        let place = key::place(&Value::Text("a".into()), Some(&sort));
        stretch.contains(&place)
    };
    (0..10).filter(is_in).collect()
}

#[test]
fn a_condition_selects_a_stretch_of_sort_keys() {
    for (text, numbers) in [
        ("id = :a", vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (":a = id", vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("id = :a AND seq = :five", vec![5]),
        ("seq < :one and id = :a", vec![0]),
        ("id = :a AND seq <= :one", vec![0, 1]),
        ("id = :a AND seq > :five", vec![6, 7, 8, 9]),
        ("id = :a AND seq >= :five", vec![5, 6, 7, 8, 9]),
        ("id = :a AND seq BETWEEN :one AND :five", vec![1, 2, 3, 4, 5]),
        ("(id = :a) AND (seq = :one)", vec![1]),
        ("id = :b", vec![]),
    ] {
        assert_eq!(selected(text), numbers, "{text}");
    }
}

#[test]
fn what_texts_begin_with_selects_those_alone() {
    let condition = KeyCondition::parse("id = :a AND begins_with(seq, :b)", &terms()).unwrap();
    let schema = schema(Kind::Text);
    let (hash, sort) = condition.resolve(&schema).unwrap();
    let stretch = stretch(hash, sort);
    let is_in = |sort: &&str| stretch.contains(&key::place(hash, Some(&Value::Text((*sort).into()))));
    let found: Vec<_> = ["", "a", "b", "b\0", "ba", "b\u{10FFFF}", "c"].into_iter().filter(is_in).collect();
    assert_eq!(found, ["b", "b\0", "ba", "b\u{10FFFF}"]);
}

#[test]
fn conditions_of_no_key_are_refused_in_the_services_words() {
    let schema = schema(Kind::Number);
    for (text, sentence) in [
        ("id = :a OR id = :b", "Invalid operator used in KeyConditionExpression: OR"),
        ("NOT id = :a", "Invalid operator used in KeyConditionExpression: NOT"),
        ("id <> :a", "Invalid operator used in KeyConditionExpression: <>"),
        ("id IN (:a)", "Invalid operator used in KeyConditionExpression: IN"),
        ("attribute_exists(id)", "Invalid operator used in KeyConditionExpression: attribute_exists"),
        ("id = :a AND seq = :one AND x = :b", "Conditions can be of length 1 or 2 only"),
        ("id = :a AND id = :b", "KeyConditionExpressions must only contain one condition per key"),
        ("id.x = :a", "KeyConditionExpressions cannot have conditions on nested attributes"),
        ("seq = :one", "Query condition missed key schema element: id"),
        ("id = :a AND x = :b", "Query condition missed key schema element: seq"),
        ("id > :a", "Query key condition not supported"),
        ("id = :one", "One or more parameter values were invalid: Condition parameter type does not match schema type"),
        (
            "id = :a AND seq = :b",
            "One or more parameter values were invalid: Condition parameter type does not match schema type",
        ),
        ("id = seq", "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition"),
        (
            "id = :c",
            "Invalid KeyConditionExpression: An expression attribute value used in expression is not defined; attribute value: :c",
        ),
    ] {
        let read = KeyCondition::parse(text, &terms()).and_then(|condition| condition.resolve(&schema).map(drop));
        assert_eq!(read.map_err(|refusal| refusal.message.into_owned()), Err(sentence.to_owned()), "{text}");
    }
}
