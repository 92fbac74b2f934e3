//! What updates do, and the words for those that cannot be done.

use super::*;
use crate::api::dynamodb::AttributeValue;
use std::collections::BTreeMap;

fn number(text: &str) -> Value {
    Value::Number(Number::parse(text).unwrap())
}

fn item() -> Item {
    let text = |text: &str| Value::Text(text.into());
    let attributes = [
        ("id", text("k")),
        ("n", number("5")),
        ("m", Value::Map(BTreeMap::from([("x".into(), number("1"))]))),
        ("l", Value::List(vec![text("p"), text("q"), text("r")])),
        ("ss", Value::Texts(["a".into(), "b".into()].into())),
    ];
    Item(attributes.map(|(name, value)| (name.into(), value)).into())
}

fn terms() -> Terms {
    let none = AttributeValue::default;
    let texts = |all: &[&str]| Some(all.iter().map(ToString::to_string).collect::<Vec<_>>());
    let values = [
        (":one", AttributeValue { n: Some("1".into()), ..none() }),
        (":z", AttributeValue { s: Some("z".into()), ..none() }),
        (":list", AttributeValue { l: Some(vec![AttributeValue { s: Some("s".into()), ..none() }]), ..none() }),
        (":bc", AttributeValue { ss: texts(&["b", "c"]), ..none() }),
        (":ab", AttributeValue { ss: texts(&["a", "b"]), ..none() }),
    ];
    let values = values.map(|(key, value)| (key.to_owned(), value)).to_vec();
    Terms::read(Some(vec![("#s".into(), "status".into())]), Some(values)).unwrap()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Map(map) => {
            let parts: Vec<_> = map.iter().map(|(name, value)| format!("{name}:{}", shown(value))).collect();
            format!("{{{}}}", parts.join(","))
        }
        Value::List(list) => format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(",")),
        Value::Texts(set) => format!("<{}>", set.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
        other => format!("{other:?}"),
    }
}

/// What is different afterwards.
fn changed(text: &str) -> Result<String, String> {
    let said = |refusal: Refusal| refusal.message.into_owned();
    let (before, update) = (item(), Update::parse(text, &terms()).map_err(said)?);
    let after = update.of(&before).map_err(said)?;
    let gone = before.0.keys().filter(|name| after.get(name).is_none()).map(|name| format!("-{name}"));
    let new = after.0.iter().filter(|(name, value)| before.get(name) != Some(value));
    let new = new.map(|(name, value)| format!("{name}={}", shown(value)));
    Ok(gone.chain(new).collect::<Vec<_>>().join(" "))
}

#[test]
fn updates_change_what_they_say() {
    for (text, expected) in [
        ("SET n = :one", "n=1"),
        ("set n = n + :one, #s = :z", "n=6 status=z"),
        ("SET n = n - :one", "n=4"),
        ("SET a = if_not_exists(a, :one) + :one", "a=2"),
        ("SET n = if_not_exists(n, :one)", ""),
        ("SET l = list_append(l, :list)", "l=[p,q,r,s]"),
        ("SET l = list_append(:list, l)", "l=[s,p,q,r]"),
        ("SET m.y = m.x", "m={x:1,y:1}"),
        ("SET l[1] = :z", "l=[p,z,r]"),
        ("SET l[9] = :z", "l=[p,q,r,z]"),
        // Values are those of before.
        ("SET n = m.x, m.x = n", "m={x:5} n=1"),
        ("REMOVE n, m.x", "-n m={}"),
        ("REMOVE l[0], l[1]", "l=[r]"),
        ("REMOVE l[7], nothing", ""),
        ("ADD n :one, fresh :one", "fresh=1 n=6"),
        ("ADD ss :bc", "ss=<a,b,c>"),
        ("DELETE ss :bc", "ss=<a>"),
        ("DELETE ss :ab", "-ss"),
        ("DELETE nothing :ab", ""),
        ("SET #s = :z REMOVE m ADD n :one DELETE ss :bc", "-m n=6 ss=<a> status=z"),
    ] {
        assert_eq!(changed(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn updates_that_cannot_be_done_change_nothing() {
    for (text, sentence) in [
        ("", "Invalid UpdateExpression: The expression can not be empty;"),
        ("SET", "Invalid UpdateExpression: Syntax error; token: \"<EOF>\", near: \"SET\""),
        ("n = :one", "Invalid UpdateExpression: Syntax error; token: \"n\", near: \"n =\""),
        (
            "SET n = :one SET m = :one",
            "Invalid UpdateExpression: The \"SET\" section can only be used once in an update expression;",
        ),
        (
            "SET m = :one REMOVE m.x",
            "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [m], path two: [m, x]",
        ),
        (
            "ADD n :z",
            "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, operand type: STRING",
        ),
        (
            "DELETE n :one",
            "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER",
        ),
        (
            "SET n = n + :z",
            "Invalid UpdateExpression: Incorrect operand type for operator or function; operator or function: +, operand type: S",
        ),
        (
            "SET n = size(l)",
            "Invalid UpdateExpression: The function is not allowed in an update expression; function: size",
        ),
        (
            "SET n = list_append(l)",
            "Invalid UpdateExpression: Incorrect number of operands for operator or function; operator or function: list_append, number of operands: 1",
        ),
        ("SET status = :z", "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: status"),
        ("SET a = b", "The provided expression refers to an attribute that does not exist in the item"),
        ("SET a.b = :one", "The document path provided in the update expression is invalid for update"),
        ("SET n.b = :one", "The document path provided in the update expression is invalid for update"),
        ("SET n = id + :one", "An operand in the update expression has an incorrect data type"),
        ("ADD id :one", "An operand in the update expression has an incorrect data type"),
        ("DELETE n :ab", "An operand in the update expression has an incorrect data type"),
    ] {
        assert_eq!(changed(text), Err(sentence.to_owned()), "{text}");
    }
}

#[test]
fn a_set_that_is_emptied_in_a_list_moves_nothing_that_others_mean() {
    let set = |member: &str| Value::Texts([Box::from(member)].into());
    let item = Item([("l".into(), Value::List(vec![set("a"), set("b"), set("c")]))].into());
    for text in ["DELETE l[0] :ab REMOVE l[1]", "DELETE l[0] :ab, l[1] :ab"] {
        let after = Update::parse(text, &terms()).unwrap().of(&item).unwrap();
        assert_eq!(after.get("l").map(shown).as_deref(), Some("[<c>]"), "{text}");
    }
}

#[test]
fn what_an_update_copies_is_bounded_while_it_copies() {
    let mut item = item();
    item.0.insert("big".into(), Value::List(vec![Value::Text("".into()); limits::ITEM_VALUES_MAX - 100]));
    let text = |count: usize| {
        let sets: Vec<_> = (0..count).map(|nth| format!("a{nth} = list_append(big, big)")).collect();
        format!("SET {}", sets.join(", "))
    };
    let terms = Terms::read(None, None).unwrap();
    // Twice what an item may come to is copied, and what comes of it is weighed as a whole; what is more is not even made.
    assert!(Update::parse(&text(1), &terms).unwrap().of(&item).is_ok());
    let refusal = Update::parse(&text(100), &terms).unwrap().of(&item).unwrap_err();
    assert_eq!(refusal.message, "Item size to update has exceeded the maximum allowed size");
    let large = Item([("t".into(), Value::Text("x".repeat(300 << 10).into()))].into());
    let copies = Update::parse("SET a = t, b = t, c = t", &terms).unwrap();
    assert_eq!(copies.of(&large).unwrap_err().message, refusal.message);
}
