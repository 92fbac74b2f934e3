//! Items: put, read, changed and deleted, on conditions of either form.

use crate::house::{House, code, invalid, lease};
use serde_json::{Value, json};

fn key(name: &str) -> Value {
    json!({"leaseKey": {"S": name}})
}

fn house() -> House {
    let house = House::new();
    house.lease_table("app");
    house.ask("PutItem", json!({"TableName": "app", "Item": lease("s1", 7, Some("w1"))})).unwrap();
    house
}

fn get(house: &House, name: &str) -> Value {
    house.ask("GetItem", json!({"TableName": "app", "Key": key(name)})).unwrap()["Item"].clone()
}

fn update(house: &House, more: Value) -> Result<Value, crate::house::Refused> {
    let mut input = json!({"TableName": "app", "Key": key("s1")});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    house.ask("UpdateItem", input)
}

#[test]
fn an_item_is_read_as_it_was_put() {
    let house = house();
    assert_eq!(get(&house, "s1"), lease("s1", 7, Some("w1")));
    assert_eq!(get(&house, "s2"), Value::Null);
    let some = json!({"TableName": "app", "Key": key("s1"), "ProjectionExpression": "#o, leaseCounter", "ExpressionAttributeNames": {"#o": "leaseOwner"}});
    let shown = house.ask("GetItem", some).unwrap();
    assert_eq!(shown["Item"], json!({"leaseOwner": {"S": "w1"}, "leaseCounter": {"N": "7"}}));
    let older = json!({"TableName": "app", "Key": key("s1"), "AttributesToGet": ["leaseCounter"]});
    assert_eq!(house.ask("GetItem", older).unwrap()["Item"], json!({"leaseCounter": {"N": "7"}}));
}

/// What `DynamoDBLeaseRefresher` of the Kinesis Client Library 2.5 sends.
#[test]
fn a_lease_is_taken_renewed_and_evicted_in_the_older_form() {
    let house = house();
    let fresh = json!({"TableName": "app", "Item": lease("s1", 0, None), "Expected": {"leaseKey": {"Exists": false}}});
    assert_eq!(code(house.ask("PutItem", fresh)), "ConditionalCheckFailedException");
    let renewed = json!({
        "Expected": {"leaseCounter": {"Value": {"N": "7"}}},
        "AttributeUpdates": {"leaseCounter": {"Value": {"N": "8"}, "Action": "PUT"}},
    });
    update(&house, renewed.clone()).unwrap();
    assert_eq!(code(update(&house, renewed)), "ConditionalCheckFailedException");
    let taken = json!({
        "Expected": {"leaseCounter": {"Value": {"N": "8"}}},
        "AttributeUpdates": {
            "leaseCounter": {"Value": {"N": "9"}, "Action": "PUT"}, "leaseOwner": {"Value": {"S": "w2"}, "Action": "PUT"},
            "ownerSwitchesSinceCheckpoint": {"Value": {"N": "1"}, "Action": "ADD"}},
    });
    update(&house, taken).unwrap();
    let evicted = json!({
        "Expected": {"leaseCounter": {"Value": {"N": "9"}}, "leaseOwner": {"Value": {"S": "w2"}}},
        "AttributeUpdates": {"leaseCounter": {"Value": {"N": "10"}, "Action": "PUT"}, "leaseOwner": {"Action": "DELETE"},
            "pendingCheckpoint": {"Action": "DELETE"}},
    });
    update(&house, evicted).unwrap();
    let mut expected = lease("s1", 10, None);
    expected["ownerSwitchesSinceCheckpoint"] = json!({"N": "1"});
    assert_eq!(get(&house, "s1"), expected);
    let nobody = json!({"TableName": "app", "Key": key("s1"), "Expected": {"leaseOwner": {"Value": {"S": "w2"}}}});
    assert_eq!(code(house.ask("DeleteItem", nobody)), "ConditionalCheckFailedException");
    let unowned = json!({"TableName": "app", "Key": key("s1"), "Expected": {"leaseOwner": {"Exists": false}}});
    house.ask("DeleteItem", unowned).unwrap();
    assert_eq!(get(&house, "s1"), Value::Null);
}

#[test]
fn a_condition_that_fails_shows_its_item_to_who_asks_for_it() {
    let house = house();
    let asked = |on_failure: &str, name: &str| {
        let input = json!({
            "TableName": "app", "Item": lease(name, 1, None), "ConditionExpression": "leaseOwner = :o",
            "ExpressionAttributeValues": {":o": {"S": "w9"}}, "ReturnValuesOnConditionCheckFailure": on_failure});
        house.ask("PutItem", input).unwrap_err()
    };
    let shown = asked("ALL_OLD", "s1");
    assert_eq!((&*shown.code, &*shown.message), ("ConditionalCheckFailedException", "The conditional request failed"));
    assert_eq!(shown.members, json!({"Item": lease("s1", 7, Some("w1"))}));
    assert_eq!(asked("NONE", "s1").members, Value::Null);
    assert_eq!(asked("ALL_OLD", "s2").members, Value::Null, "an item that is not there is not shown");
    assert_eq!(get(&house, "s2"), Value::Null);
}

#[test]
fn an_update_returns_what_it_is_asked_to() {
    let values = json!({":one": {"N": "1"}});
    for (returned, expected) in [
        ("NONE", Value::Null),
        ("UPDATED_OLD", json!({"leaseCounter": {"N": "7"}})),
        ("UPDATED_NEW", json!({"leaseCounter": {"N": "8"}})),
        ("ALL_OLD", lease("s1", 7, Some("w1"))),
        ("ALL_NEW", lease("s1", 8, Some("w1"))),
    ] {
        let asked = json!({
            "UpdateExpression": "SET leaseCounter = leaseCounter + :one", "ExpressionAttributeValues": values,
            "ReturnValues": returned});
        assert_eq!(update(&house(), asked).unwrap()["Attributes"], expected, "{returned}");
    }
    let house = house();
    let before = json!({"TableName": "app", "Item": lease("s1", 1, None), "ReturnValues": "ALL_OLD"});
    assert_eq!(house.ask("PutItem", before.clone()).unwrap()["Attributes"], lease("s1", 7, Some("w1")));
    let deleted = json!({"TableName": "app", "Key": key("s1"), "ReturnValues": "ALL_OLD"});
    assert_eq!(house.ask("DeleteItem", deleted.clone()).unwrap()["Attributes"], lease("s1", 1, None));
    assert_eq!(house.ask("DeleteItem", deleted).unwrap(), json!({}));
    let mut wrong = before;
    wrong["ReturnValues"] = json!("ALL_NEW");
    assert_eq!(invalid(house.ask("PutItem", wrong)), "ReturnValues can only be ALL_OLD or NONE");
}

#[test]
fn an_update_of_nothing_makes_an_item_and_one_that_only_removes_in_the_older_form_does_not() {
    let house = house();
    let of = |name: &str, more: Value| {
        let mut input = json!({"TableName": "app", "Key": key(name)});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        house.ask("UpdateItem", input).unwrap();
        get(&house, name)
    };
    assert_eq!(of("n1", json!({"AttributeUpdates": {"x": {"Action": "DELETE"}}})), Value::Null);
    assert_eq!(of("n2", json!({"UpdateExpression": "REMOVE x"})), key("n2"));
    assert_eq!(of("n3", json!({})), key("n3"));
    let added = of("n4", json!({"AttributeUpdates": {"x": {"Value": {"N": "2"}, "Action": "ADD"}}}));
    assert_eq!(added["x"], json!({"N": "2"}));
}

/// Writes that no item could come of: the operation, the rest of its input, and the sentence.
fn of_keys_and_sizes() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        (
            "PutItem",
            json!({"Item": {"x": {"S": "a"}}}),
            "One or more parameter values were invalid: Missing the key leaseKey in the item",
        ),
        (
            "PutItem",
            json!({"Item": {"leaseKey": {"N": "1"}}}),
            "One or more parameter values were invalid: Type mismatch for key leaseKey expected: S actual: N",
        ),
        (
            "PutItem",
            json!({"Item": {"leaseKey": {"S": ""}}}),
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: leaseKey",
        ),
        (
            "PutItem",
            json!({"Item": {"leaseKey": {"S": "k".repeat(2049)}}}),
            "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes",
        ),
        (
            "PutItem",
            json!({"Item": {"leaseKey": {"S": "big"}, "x": {"S": "x".repeat(400 << 10)}}}),
            "Item size has exceeded the maximum allowed size",
        ),
        ("GetItem", json!({"Key": {"other": {"S": "a"}}}), "The provided key element does not match the schema"),
        (
            "GetItem",
            json!({"Key": {"leaseKey": {"S": "a"}, "x": {"S": "a"}}}),
            "The provided key element does not match the schema",
        ),
        ("DeleteItem", json!({"Key": {"leaseKey": {"N": "1"}}}), "The provided key element does not match the schema"),
    ]
}

/// Writes that are said wrongly.
fn of_expressions() -> Vec<(&'static str, Value, &'static str)> {
    let values = json!({":v": {"S": "v"}});
    vec![
        (
            "UpdateItem",
            json!({"Key": key("s1"), "UpdateExpression": "SET leaseKey = :v", "ExpressionAttributeValues": values}),
            "One or more parameter values were invalid: Cannot update attribute leaseKey. This attribute is part of the key",
        ),
        (
            "UpdateItem",
            json!({"Key": key("s1"), "UpdateExpression": "SET x = :v", "ExpressionAttributeValues": {":v": {"S": "x".repeat(400 << 10)}}}),
            "Item size to update has exceeded the maximum allowed size",
        ),
        (
            "UpdateItem",
            json!({"Key": key("s1"), "UpdateExpression": "REMOVE x", "Expected": {"x": {"Exists": false}}}),
            "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {Expected} Expression parameters: {UpdateExpression}",
        ),
        (
            "UpdateItem",
            json!({"Key": key("s1"), "ExpressionAttributeValues": values}),
            "ExpressionAttributeValues can only be specified when using expressions: UpdateExpression and ConditionExpression are null",
        ),
        (
            "PutItem",
            json!({"Item": key("s1"), "ConditionExpression": "attribute_exists(x)", "ExpressionAttributeValues": values}),
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}",
        ),
        (
            "PutItem",
            json!({"Item": key("s1"), "ReturnValues": "WHATEVER"}),
            "1 validation error detected: Value 'WHATEVER' at 'returnValues' failed to satisfy constraint: Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]",
        ),
    ]
}

#[test]
fn writes_that_cannot_be_are_refused_in_the_services_words_and_change_nothing() {
    let house = house();
    for (operation, more, sentence) in of_keys_and_sizes().into_iter().chain(of_expressions()) {
        let mut input = more;
        input["TableName"] = json!("app");
        let said = invalid(house.ask(operation, input));
        // The order of an enumeration is the model's of the day.
        let known = said.split(": [").next() == sentence.split(": [").next();
        assert!(said == sentence || (sentence.contains("enum value set") && known), "{said}");
    }
    assert_eq!(house.items("app"), [lease("s1", 7, Some("w1"))]);
}

#[test]
fn pages_of_a_scan_end_where_they_say() {
    let house = house();
    for nth in 2..=5 {
        house.ask("PutItem", json!({"TableName": "app", "Item": lease(&format!("s{nth}"), nth, None)})).unwrap();
    }
    let (mut start, mut seen) = (Value::Null, Vec::new());
    loop {
        let mut input = json!({"TableName": "app", "Limit": 2, "ConsistentRead": true});
        if start != Value::Null {
            input["ExclusiveStartKey"] = start;
        }
        let page = house.ask("Scan", input).unwrap();
        assert_eq!(page["Count"], page["ScannedCount"]);
        seen.extend(
            page["Items"].as_array().unwrap().iter().map(|item| item["leaseKey"]["S"].as_str().unwrap().to_owned()),
        );
        start = page["LastEvaluatedKey"].clone();
        if start == Value::Null {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, ["s1", "s2", "s3", "s4", "s5"]);
    let filtered = json!({
        "TableName": "app", "FilterExpression": "leaseCounter > :n", "ExpressionAttributeValues": {":n": {"N": "3"}}, "Select": "COUNT"});
    let counted = house.ask("Scan", filtered).unwrap();
    assert_eq!((&counted["Count"], &counted["ScannedCount"], &counted["Items"]), (&json!(3), &json!(5), &Value::Null));
    let older = json!({"TableName": "app", "ScanFilter": {"leaseOwner": {"ComparisonOperator": "NOT_NULL"}}});
    assert_eq!(house.ask("Scan", older).unwrap()["Count"], 1);
    let halves = (0..2).map(|segment| {
        let input = json!({"TableName": "app", "Segment": segment, "TotalSegments": 2});
        house.ask("Scan", input).unwrap()["Count"].as_u64().unwrap()
    });
    assert_eq!(halves.sum::<u64>(), 5);
    assert!(
        invalid(house.ask("Scan", json!({"TableName": "app", "Segment": 2, "TotalSegments": 2})))
            .contains("zero-based")
    );
}

#[test]
fn a_query_reads_one_partition_in_order() {
    let house = House::new();
    house.sorted_table("log");
    for (id, at) in [("a", "10"), ("a", "9"), ("b", "1"), ("a", "-1.5")] {
        house.ask("PutItem", json!({"TableName": "log", "Item": {"id": {"S": id}, "at": {"N": at}}})).unwrap();
    }
    let query = |more: Value| {
        let mut input = json!({
            "TableName": "log", "KeyConditionExpression": "id = :a", "ExpressionAttributeValues": {":a": {"S": "a"}}});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let found = house.ask("Query", input).unwrap();
        let at = found["Items"].as_array().unwrap().iter().map(|item| item["at"]["N"].as_str().unwrap().to_owned());
        (at.collect::<Vec<_>>(), found["LastEvaluatedKey"].clone())
    };
    assert_eq!(query(json!({})).0, ["-1.5", "9", "10"]);
    assert_eq!(query(json!({"ScanIndexForward": false})).0, ["10", "9", "-1.5"]);
    let (first, last) = query(json!({"Limit": 2}));
    assert_eq!((first, &last), (vec!["-1.5".to_owned(), "9".to_owned()], &json!({"id": {"S": "a"}, "at": {"N": "9"}})));
    assert_eq!(query(json!({"ExclusiveStartKey": last})).0, ["10"]);
    let older = json!({"TableName": "log", "KeyConditions": {
        "id": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]},
        "at": {"ComparisonOperator": "GT", "AttributeValueList": [{"N": "0"}]}}});
    assert_eq!(house.ask("Query", older).unwrap()["Count"], 2);
    assert!(invalid(house.ask("Query", json!({"TableName": "log"}))).starts_with("Either the KeyConditions"));
}

#[test]
fn capacity_is_told_to_who_asks_for_it() {
    let house = house();
    let consumed = |operation: &str, more: Value| {
        let mut input = json!({"TableName": "app", "ReturnConsumedCapacity": "TOTAL"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        house.ask(operation, input).unwrap()["ConsumedCapacity"]["CapacityUnits"].as_f64().unwrap()
    };
    assert_eq!(consumed("GetItem", json!({"Key": key("s1")})), 0.5);
    assert_eq!(consumed("GetItem", json!({"Key": key("s1"), "ConsistentRead": true})), 1.0);
    let large = json!({"Item": {"leaseKey": {"S": "s2"}, "x": {"S": "x".repeat(2000)}}});
    assert_eq!(consumed("PutItem", large), 2.0);
}

#[test]
fn an_account_keeps_so_much_and_no_more() {
    let house = House::in_memory();
    house.lease_table("app");
    let put = |nth: usize| {
        let item = json!({"leaseKey": {"S": nth.to_string()}, "x": {"S": "x".repeat(400_000)}});
        house.ask("PutItem", json!({"TableName": "app", "Item": item}))
    };
    let most = (128 << 20) / 400_000;
    (0..most).for_each(|nth| _ = put(nth).unwrap());
    let refused = put(most).unwrap_err();
    assert_eq!(refused.code, "RequestLimitExceeded");
    assert!(refused.message.contains("128 MiB"), "{}", refused.message);
    // What is there can be made smaller and taken out.
    house.ask("DeleteItem", json!({"TableName": "app", "Key": {"leaseKey": {"S": "0"}}})).unwrap();
    put(most).unwrap();
}

#[test]
fn an_item_is_as_large_as_what_it_takes_and_not_as_what_it_counts() {
    let house = House::new();
    house.lease_table("app");
    // A list of empty texts counts a byte for each.
    let put = |count: usize| {
        let list = vec![json!({"S": ""}); count];
        house.ask("PutItem", json!({"TableName": "app", "Item": {"leaseKey": {"S": "s1"}, "l": {"L": list}}}))
    };
    put(6_398).unwrap();
    assert_eq!(invalid(put(6_399)), "Item size has exceeded the maximum allowed size");
    let twice =
        json!({"TableName": "app", "Key": {"leaseKey": {"S": "s1"}}, "UpdateExpression": "SET l = list_append(l, l)"});
    assert_eq!(invalid(house.ask("UpdateItem", twice)), "Item size to update has exceeded the maximum allowed size");
    // Members of sets and entries of maps are values too.
    let numbers: Vec<_> = (0..6_399).map(|nth| nth.to_string()).collect();
    let set = json!({"TableName": "app", "Item": {"leaseKey": {"S": "s2"}, "n": {"NS": numbers}}});
    assert_eq!(invalid(house.ask("PutItem", set)), "Item size has exceeded the maximum allowed size");
}

#[test]
fn a_page_ends_where_its_values_would_be_too_many_to_show() {
    let house = House::in_memory();
    house.lease_table("app");
    let list = vec![json!({"S": ""}); 6_000];
    for nth in 0..20 {
        let item = json!({"leaseKey": {"S": format!("s{nth}")}, "l": {"L": list}});
        house.ask("PutItem", json!({"TableName": "app", "Item": item})).unwrap();
    }
    let first = house.ask("Scan", json!({"TableName": "app"})).unwrap();
    assert_eq!(first["Count"], 17, "a hundred thousand values, of some hundred kilobytes");
    let rest = house.ask("Scan", json!({"TableName": "app", "ExclusiveStartKey": first["LastEvaluatedKey"]})).unwrap();
    assert_eq!((&rest["Count"], &rest["LastEvaluatedKey"]), (&json!(3), &Value::Null));
}
