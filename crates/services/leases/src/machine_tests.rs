//! What a room counts and bounds, against the machine alone.

use super::*;
use crate::expression::Update;
use crate::number::Number;
use crate::table::{Capacity, Index, KeyAttribute, KeySchema, Projection};
use crate::table_change::{IndexChange, Update as TableUpdate};
use crate::value::{Kind, Value};
use crate::write::Action;

const NOW: Instant = Instant::from_millis(1_000_000);

fn text(bytes: usize) -> Value {
    Value::Text("x".repeat(bytes).into())
}

fn key(name: &str) -> KeySchema {
    KeySchema { hash: KeyAttribute { name: name.into(), kind: Kind::Text }, range: None }
}

fn index(name: &str) -> Index {
    Index { name: name.into(), key: key("owner"), projection: Projection::All, capacity: Capacity::OnDemand }
}

fn about(name: &str) -> About {
    About {
        number: 0,
        name: name.into(),
        id: "".into(),
        created_at: NOW,
        key: key("id"),
        capacity: Capacity::OnDemand,
        indexes: Vec::new(),
        deletion_protected: false,
        tags: BTreeMap::new(),
    }
}

fn item(id: &str, more: &[(&str, Value)]) -> Item {
    let more = more.iter().map(|(name, value)| (Box::from(*name), value.clone()));
    Item([("id".into(), Value::Text(id.into()))].into_iter().chain(more).collect())
}

fn write(table: &str, action: Action) -> Write {
    Write { table: table.into(), action, condition: None, shows_item: false }
}

fn put(id: &str, more: &[(&str, Value)]) -> Command {
    Command::Write(vec![write("t", Action::Put(item(id, more)))], None)
}

fn changed(name: &str, change: IndexChange) -> Command {
    let update = TableUpdate { indexes: vec![change], ..TableUpdate::default() };
    Command::Change { table: name.into(), change: TableChange::Update(update) }
}

fn ask(room: &mut Room, command: Command) -> Reply {
    let decision = room.decide(NOW, command);
    decision.effects.iter().for_each(|effect| room.take(effect));
    let sum: u64 = room.tables.values().map(Table::weight).sum();
    assert_eq!(room.tables_weight, sum, "what is counted is what is there");
    decision.reply
}

fn refused(reply: Reply) -> Refusal {
    let Reply::Refused(refusal) = reply else { panic!("{reply:?}") };
    refusal
}

fn room() -> Room {
    let mut room = Room::default();
    ask(&mut room, Command::Create(Box::new(about("t"))));
    room
}

#[test]
fn what_a_room_takes_is_counted_through_every_change_and_is_nothing_at_its_end() {
    let mut room = room();
    let empty = room.tables_weight;
    for nth in 0..20 {
        let owner = ("owner", Value::Text(format!("w{}", nth % 3).into()));
        ask(&mut room, put(&format!("s{nth}"), &[owner, ("more", text(nth * 10))]));
    }
    let Reply::Table(shown) = ask(&mut room, changed("t", IndexChange::Create(index("byOwner")))) else { panic!() };
    let before = (shown.indexes.clone(), room.tables_weight);
    assert_eq!(shown.indexes, [(20, shown.bytes)], "it has all items at once");
    ask(&mut room, put("s5", &[("more", text(7))]));
    let Reply::Table(shown) = ask(&mut room, Command::Describe("t".into())) else { panic!() };
    assert_eq!((shown.items, shown.indexes[0].0), (20, 19));
    assert!(room.tables_weight < before.1);
    let Reply::Table(shown) = ask(&mut room, changed("t", IndexChange::Delete("byOwner".into()))) else { panic!() };
    assert!(shown.indexes.is_empty());
    for nth in 0..20 {
        ask(&mut room, Command::Write(vec![write("t", Action::Delete(item(&format!("s{nth}"), &[])))], None));
    }
    assert_eq!(room.tables_weight, empty);
    ask(&mut room, put("s", &[]));
    ask(&mut room, Command::Delete("t".into()));
    assert_eq!((room.tables_weight, room.names.len()), (0, 0));
    // A table of the same name is another one: what is of the first changes nothing in it.
    ask(&mut room, Command::Create(Box::new(about("t"))));
    room.take(&Effect::ItemPut(0, Arc::new(item("s", &[]))));
    assert!(room.tables["t"].items.is_empty());
    ask(&mut room, put("s", &[]));
    ask(&mut room, Command::Clear);
    assert_eq!((room.tables_weight, room.tables.len()), (0, 0));
}

#[test]
fn a_room_is_full_by_the_memory_that_it_takes_and_what_makes_it_smaller_is_done() {
    let mut room = room();
    // They count one byte each, and three for the list.
    let nulls = Value::List(vec![text(0); limits::ITEM_VALUES_MAX - 100]);
    let mut puts = 0;
    let refusal = loop {
        match ask(&mut room, put(&format!("s{puts}"), &[("nulls", nulls.clone())])) {
            Reply::Written(_) => puts += 1,
            reply => break refused(reply),
        }
    };
    assert_eq!(refusal.error.name, "RequestLimitExceeded");
    assert!(room.bytes() < 8 << 20 && room.tables_weight > limits::ACCOUNT_BYTES_MAX - (1 << 20), "{puts} items");
    let smaller = ask(&mut room, put("s0", &[]));
    assert!(matches!(smaller, Reply::Written(_)));
    let gone = ask(&mut room, Command::Write(vec![write("t", Action::Delete(item("s1", &[])))], None));
    assert!(matches!(gone, Reply::Written(_)));
}

#[test]
fn a_token_is_not_forgotten_for_another_before_its_time() {
    let mut room = room();
    let transact = |token: &str, now: Instant, room: &mut Room| {
        let transaction = Transaction { token: Some((token.into(), [1; 32])) };
        let decision =
            room.decide(now, Command::Write(vec![write("t", Action::Put(item(token, &[])))], Some(transaction)));
        decision.effects.iter().for_each(|effect| room.take(effect));
        decision.reply
    };
    assert!(matches!(transact("first", NOW, &mut room), Reply::Written(_)));
    let at = NOW.plus_millis(1);
    for nth in 1..limits::TOKENS_MAX {
        room.tokens.insert(nth.to_string().into(), Token { fingerprint: [1; 32], at });
    }
    assert_eq!(refused(transact("more", at, &mut room)).error.name, "RequestLimitExceeded");
    assert!(matches!(transact("first", at, &mut room), Reply::Again), "it is known still");
    // Whoever names none is not held up, and with the first token's end there is room for one.
    let nameless = Command::Write(vec![write("t", Action::Put(item("s", &[])))], Some(Transaction { token: None }));
    assert!(matches!(room.decide(at, nameless).reply, Reply::Written(_)));
    let later = NOW.plus_millis(limits::TOKEN_MILLIS);
    assert!(matches!(transact("more", later, &mut room), Reply::Written(_)));
    assert_eq!(refused(transact("again", later, &mut room)).error.name, "RequestLimitExceeded");
}

#[test]
fn a_transaction_counts_what_its_updates_come_to() {
    let mut room = room();
    let ids: Vec<String> = (0..12).map(|nth| format!("s{nth}")).collect();
    for id in &ids {
        assert!(matches!(ask(&mut room, put(id, &[("more", text(390 << 10))])), Reply::Written(_)));
    }
    let one = Value::Number(Number::parse("1").unwrap());
    let add = || Update::add_of_tests("n", one.clone());
    let update = |id: &String| {
        let action = Action::Update { key: item(id, &[]), update: add(), is_expression: true };
        write("t", action)
    };
    let transact =
        |count: usize| Command::Write(ids.iter().take(count).map(update).collect(), Some(Transaction { token: None }));
    let refusal = refused(ask(&mut room, transact(12)));
    assert_eq!(refusal.error.name, "ValidationException");
    assert!(refusal.message.contains("maximum allowed size of a transaction"), "{}", refusal.message);
    assert!(matches!(ask(&mut room, transact(10)), Reply::Written(_)));
}
