//! Pages of tables and indexes: every item once, in order, whatever the pages.

use super::*;
use crate::expression::Terms;
use crate::number::Number;
use crate::table::{About, Capacity, KeyAttribute};
use crate::value::{Kind, Value};
use names::Instant;
use std::collections::BTreeMap;

fn number(text: &str) -> Value {
    Value::Number(Number::parse(text).unwrap())
}

fn key(name: &str, kind: Kind) -> KeyAttribute {
    KeyAttribute { name: name.into(), kind }
}

/// A table of ten items in each of three partitions, every second of which has an owner.
fn table() -> Table {
    let index = |projection| Index {
        name: "byOwner".into(),
        key: KeySchema { hash: key("holder", Kind::Text), range: Some(key("id", Kind::Text)) },
        projection,
        capacity: Capacity::OnDemand,
    };
    let about = About {
        number: 0,
        name: "app".into(),
        id: "".into(),
        created_at: Instant::EPOCH,
        key: KeySchema { hash: key("id", Kind::Text), range: Some(key("seq", Kind::Number)) },
        capacity: Capacity::OnDemand,
        indexes: vec![index(Projection::KeysOnly)],
        deletion_protected: false,
        tags: BTreeMap::new(),
    };
    let mut table = Table::new(Arc::new(about));
    for id in ["a", "b", "c"] {
        for at in 0..10 {
            let mut item = Item::default();
            item.0.insert("id".into(), Value::Text(id.into()));
            item.0.insert("seq".into(), number(&at.to_string()));
            item.0.insert("more".into(), Value::Text("x".into()));
            if at % 2 == 0 {
                item.0.insert("holder".into(), Value::Text("w".into()));
            }
            table.put(key::place_of(&table.about.key, &item).unwrap(), Arc::new(item));
        }
    }
    table
}

fn scan() -> Read {
    Read {
        table: "app".into(),
        index: None,
        selection: Selection::Scan(None),
        filter: None,
        limit: None,
        start: None,
        consistent: false,
        all_attributes: false,
        wanted: Vec::new(),
    }
}

fn terms() -> Terms {
    let text = |text: &str| crate::api::dynamodb::AttributeValue { s: Some(text.into()), ..Default::default() };
    let number = |text: &str| crate::api::dynamodb::AttributeValue { n: Some(text.into()), ..Default::default() };
    let values = vec![
        (":a".to_owned(), text("a")),
        (":w".to_owned(), text("w")),
        (":three".to_owned(), number("3")),
        (":seven".to_owned(), number("7")),
    ];
    Terms::read(None, Some(values)).unwrap()
}

fn query(text: &str, forward: bool) -> Read {
    let condition = KeyCondition::parse(text, &terms()).unwrap();
    Read { selection: Selection::Query { condition, forward }, ..scan() }
}

fn name(item: &Item) -> String {
    let text = |name: &str| match item.get(name) {
        Some(Value::Text(text)) => text.to_string(),
        Some(Value::Number(number)) => number.to_string(),
        _ => "-".to_owned(),
    };
    format!("{}{}", text("id"), text("seq"))
}

/// All pages of a read, each of so many items at the most.
fn all(read: &Read, limit: usize) -> Vec<String> {
    let (table, mut read) = (table(), Read { limit: Some(limit), ..read.clone() });
    let mut found = Vec::new();
    loop {
        let page = read.page(&table).unwrap();
        assert!(page.scanned <= limit);
        found.extend(page.items.iter().map(|item| name(item)));
        match page.last {
            Some(last) => read.start = Some(last),
            None => return found,
        }
    }
}

#[test]
fn pages_of_any_size_show_every_item_once_and_in_one_order() {
    let whole = all(&scan(), 1000);
    assert_eq!(whole.len(), 30);
    for limit in [1, 3, 7, 29, 30, 31] {
        assert_eq!(all(&scan(), limit), whole, "{limit}");
    }
}

#[test]
fn segments_share_a_table_between_them() {
    let mut together = Vec::new();
    for number in 0..7 {
        let read = Read { selection: Selection::Scan(Some(Segment { number, of: 7 })), ..scan() };
        together.extend(all(&read, 2));
    }
    let mut whole = all(&scan(), 1000);
    assert_eq!(together, whole, "segments follow each other as the hashes do");
    whole.sort();
    whole.dedup();
    assert_eq!(whole.len(), 30);
}

#[test]
fn a_query_goes_through_its_sort_keys_in_either_direction() {
    assert_eq!(all(&query("id = :a", true), 3), (0..10).map(|at| format!("a{at}")).collect::<Vec<_>>());
    assert_eq!(all(&query("id = :a", false), 3), (0..10).rev().map(|at| format!("a{at}")).collect::<Vec<_>>());
    assert_eq!(all(&query("id = :a AND seq BETWEEN :three AND :seven", true), 2), ["a3", "a4", "a5", "a6", "a7"]);
    assert_eq!(all(&query("id = :a AND seq > :seven", false), 1), ["a9", "a8"]);
}

#[test]
fn an_index_shows_what_has_its_key_and_what_it_projects() {
    let read = Read { index: Some("byOwner".into()), ..query("holder = :w", true) };
    let expected: Vec<_> =
        ["a", "b", "c"].into_iter().flat_map(|id| [0, 2, 4, 6, 8].map(|at| format!("{id}{at}"))).collect();
    let mut found = all(&read, 4);
    assert_eq!(found.len(), 15);
    // Equal keys of an index stand in no order that is promised.
    found.sort();
    assert_eq!(found, expected);
    let page = read.page(&table()).unwrap();
    assert!(page.items.iter().all(|item| item.get("more").is_none() && item.get("holder").is_some()));
    let some = Read { index: Some("byOwner".into()), ..query("holder = :w AND id = :a", true) };
    assert_eq!(all(&some, 2).len(), 5);
}

#[test]
fn a_filter_leaves_out_what_was_looked_at() {
    let filter = terms().filter(Some("seq >= :seven")).unwrap();
    let page = Read { filter, limit: Some(10), ..scan() }.page(&table()).unwrap();
    assert_eq!((page.scanned, page.items.len()), (10, 3));
    assert!(page.last.is_some());
}

#[test]
fn a_page_is_of_a_mebibyte() {
    let mut table = table();
    table.items.clear();
    for nth in 0..5 {
        let mut item = Item::default();
        item.0.insert("id".into(), Value::Text("a".into()));
        item.0.insert("seq".into(), number(&nth.to_string()));
        item.0.insert("more".into(), Value::Text("x".repeat(390 << 10).into()));
        table.put(key::place_of(&table.about.key, &item).unwrap(), Arc::new(item));
    }
    let page = scan().page(&table).unwrap();
    assert_eq!(page.items.len(), 3);
    let rest = Read { start: page.last, ..scan() }.page(&table).unwrap();
    assert_eq!((rest.items.len(), rest.last), (2, None));
}

#[test]
fn reads_that_cannot_be_are_refused_in_the_services_words() {
    let on = |index: &str, read: Read| Read { index: Some(index.into()), ..read };
    let start = |names: &[(&str, Value)]| {
        Some(Item(names.iter().map(|(name, value)| ((*name).into(), value.clone())).collect()))
    };
    let text = |text: &str| Value::Text(text.into());
    for (read, sentence) in [
        (on("other", scan()), "The table does not have the specified index: other"),
        (
            Read { consistent: true, ..on("byOwner", scan()) },
            "Consistent reads are not supported on global secondary indexes",
        ),
        (
            Read { all_attributes: true, ..on("byOwner", scan()) },
            "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index byOwner because its projection type is not ALL",
        ),
        (
            Read { wanted: vec!["more".into()], ..on("byOwner", scan()) },
            "One or more parameter values were invalid: Global secondary index byOwner does not project [more]",
        ),
        (Read { start: start(&[("id", text("a"))]), ..scan() }, "The provided starting key is invalid"),
        (
            Read { start: start(&[("id", text("b")), ("seq", number("1"))]), ..query("id = :a", true) },
            "The provided starting key is outside query boundaries based on provided conditions",
        ),
        (
            Read { filter: terms().filter(Some("seq > :three")).unwrap(), ..query("id = :a", true) },
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: seq",
        ),
    ] {
        let refused = read.page(&table()).map(|page| page.scanned);
        assert_eq!(refused.map_err(|refusal| refusal.message.into_owned()), Err(sentence.to_owned()));
    }
}
