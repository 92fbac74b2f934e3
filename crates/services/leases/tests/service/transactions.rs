//! Transactions: all or none, over several tables, and once however often they are sent.

use crate::house::{House, code, invalid, lease};
use serde_json::{Value, json};

fn house() -> House {
    let house = House::new();
    house.lease_table("app");
    house.lease_table("state");
    house.ask("PutItem", json!({"TableName": "app", "Item": lease("s1", 1, Some("w1"))})).unwrap();
    house
}

fn key(name: &str) -> Value {
    json!({"leaseKey": {"S": name}})
}

fn transact(house: &House, parts: Value) -> Result<Value, crate::house::Refused> {
    house.ask("TransactWriteItems", json!({"TransactItems": parts}))
}

#[test]
fn all_parts_are_done_or_none() {
    let house = house();
    let parts = |owner: &str| {
        json!([
            {"Put": {"TableName": "state", "Item": key("leader"), "ConditionExpression": "attribute_not_exists(leaseKey)"}},
            {"Update": {"TableName": "app", "Key": key("s1"), "UpdateExpression": "SET leaseCounter = leaseCounter + :one",
                "ConditionExpression": "leaseOwner = :o", "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                "ExpressionAttributeValues": {":one": {"N": "1"}, ":o": {"S": owner}}}},
            {"ConditionCheck": {"TableName": "app", "Key": key("s2"), "ConditionExpression": "attribute_not_exists(leaseKey)"}},
        ])
    };
    let refused = transact(&house, parts("w2")).unwrap_err();
    assert_eq!(refused.code, "TransactionCanceledException");
    assert_eq!(
        refused.message,
        "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed, None]"
    );
    let reasons = json!({"CancellationReasons": [
        {"Code": "None"},
        {"Item": lease("s1", 1, Some("w1")), "Code": "ConditionalCheckFailed", "Message": "The conditional request failed"},
        {"Code": "None"}]});
    assert_eq!(refused.members, reasons);
    assert!(house.items("state").is_empty(), "nothing was done");
    transact(&house, parts("w1")).unwrap();
    assert_eq!(house.items("state"), [key("leader")]);
    assert_eq!(house.items("app"), [lease("s1", 2, Some("w1"))]);
}

#[test]
fn a_part_that_cannot_be_is_a_reason_too() {
    let house = house();
    let parts = json!([
        {"Delete": {"TableName": "app", "Key": key("s1")}},
        {"Update": {"TableName": "app", "Key": key("s9"), "UpdateExpression": "SET a = b"}},
    ]);
    let refused = transact(&house, parts).unwrap_err();
    assert_eq!(refused.members["CancellationReasons"][1]["Code"], "ValidationError");
    assert_eq!(house.items("app").len(), 1);
}

#[test]
fn transactions_that_are_none_are_refused() {
    let house = house();
    let twice = json!([
        {"Delete": {"TableName": "app", "Key": key("s1")}}, {"ConditionCheck": {"TableName": "app", "Key": key("s1"), "ConditionExpression": "attribute_exists(a)"}}]);
    assert_eq!(invalid(transact(&house, twice)), "Transaction request cannot include multiple operations on one item");
    let both =
        json!([{"Delete": {"TableName": "app", "Key": key("s1")}, "Put": {"TableName": "app", "Item": key("s1")}}]);
    assert_eq!(invalid(transact(&house, both)), "TransactItems can only contain one of Check, Put, Update or Delete");
    assert_eq!(
        code(transact(&house, json!([{"Delete": {"TableName": "none", "Key": key("s1")}}]))),
        "ResourceNotFoundException"
    );
    assert!(invalid(transact(&house, json!([]))).contains("transactItems"));
}

#[test]
fn a_token_has_its_transaction_carried_out_once() {
    let house = house();
    let send = |amount: &str| {
        let update = json!({"Update": {"TableName": "app", "Key": key("s1"), "UpdateExpression": "ADD leaseCounter :n",
            "ExpressionAttributeValues": {":n": {"N": amount}}}});
        house.ask("TransactWriteItems", json!({"TransactItems": [update], "ClientRequestToken": "token"}))
    };
    let counter = || house.items("app")[0]["leaseCounter"]["N"].as_str().unwrap().to_owned();
    send("1").unwrap();
    send("1").unwrap();
    assert_eq!(counter(), "2");
    assert_eq!(code(send("5")), "IdempotentParameterMismatchException");
    house.clock.advance_millis(599_999);
    send("1").unwrap();
    assert_eq!(counter(), "2");
    house.clock.advance_millis(1);
    send("5").unwrap();
    assert_eq!(counter(), "7", "after ten minutes a token is as good as new");
}
