//! Tables: made, described, changed, deleted, and what is refused by name.

use crate::house::{House, code, invalid, lease_table};
use serde_json::{Value, json};

/// A lease table's definition with some members changed.
fn with(changes: &[(&str, Value)]) -> Value {
    let mut input = lease_table("app");
    for (name, value) in changes {
        input[*name] = value.clone();
    }
    input
}

fn owner_index() -> Value {
    json!({
        "IndexName": "LeaseOwnerToLeaseKeyIndex",
        "KeySchema": [
            {"AttributeName": "leaseOwner", "KeyType": "HASH"}, {"AttributeName": "leaseKey", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    })
}

#[test]
fn a_table_is_described_as_it_was_made() {
    let house = House::new();
    let made = house.ask("CreateTable", with(&[("Tags", json!([{"Key": "a", "Value": "b"}]))])).unwrap();
    let described = house.ask("DescribeTable", json!({"TableName": "app"})).unwrap();
    assert_eq!(made["TableDescription"], described["Table"]);
    let table = &described["Table"];
    assert_eq!(table["TableStatus"], "ACTIVE");
    assert_eq!(table["TableArn"], "arn:aws:dynamodb:us-east-1:123456789012:table/app");
    assert_eq!(table["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(table["ProvisionedThroughput"]["ReadCapacityUnits"], 0);
    assert_eq!(table["KeySchema"], json!([{"AttributeName": "leaseKey", "KeyType": "HASH"}]));
    assert_eq!((&table["ItemCount"], &table["TableSizeBytes"]), (&json!(0), &json!(0)));
    assert_eq!(table["DeletionProtectionEnabled"], false);
    assert_eq!(code(house.ask("CreateTable", lease_table("app"))), "ResourceInUseException");
}

#[test]
fn a_table_that_is_not_there_is_not_found_in_the_words_of_each_operation() {
    let house = House::new();
    let key = json!({"leaseKey": {"S": "a"}});
    for (operation, input, sentence) in [
        ("DescribeTable", json!({"TableName": "app"}), "Requested resource not found: Table: app not found"),
        ("DeleteTable", json!({"TableName": "app"}), "Requested resource not found: Table: app not found"),
        ("GetItem", json!({"TableName": "app", "Key": key}), "Requested resource not found"),
        ("PutItem", json!({"TableName": "app", "Item": key}), "Requested resource not found"),
        ("Scan", json!({"TableName": "app"}), "Requested resource not found"),
    ] {
        // Of an account that has nothing, and of one that has another table.
        for round in 0..2 {
            let refused = house.ask(operation, input.clone()).unwrap_err();
            assert_eq!((&*refused.code, &*refused.message), ("ResourceNotFoundException", sentence), "{operation}");
            if round == 0 && operation == "Scan" {
                house.lease_table("other");
            }
        }
    }
    let refused = house.ask("DescribeContinuousBackups", json!({"TableName": "app"})).unwrap_err();
    assert_eq!((&*refused.code, &*refused.message), ("TableNotFoundException", "Table not found: app"));
}

#[test]
fn definitions_that_do_not_fit_are_refused_in_the_services_words() {
    let house = House::new();
    let attribute = |name: &str, kind: &str| json!({"AttributeName": name, "AttributeType": kind});
    let element = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let key = attribute("leaseKey", "S");
    for (changes, sentence) in [
        (
            vec![("KeySchema", json!([element("leaseKey", "RANGE")]))],
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        ),
        (
            vec![("KeySchema", json!([element("leaseKey", "HASH"), element("leaseKey", "RANGE")]))],
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ),
        (
            vec![("KeySchema", json!([element("other", "HASH")]))],
            "One or more parameter values were invalid: Some index key attributes are not defined in AttributeDefinitions. Keys: [other], AttributeDefinitions: [leaseKey]",
        ),
        (
            vec![("AttributeDefinitions", json!([key, attribute("x", "N")]))],
            "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions",
        ),
        (vec![("AttributeDefinitions", json!([key, key]))], "Cannot have two attributes with the same name"),
        (
            vec![("BillingMode", json!("PROVISIONED"))],
            "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        ),
        (
            vec![("ProvisionedThroughput", json!({"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}))],
            "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        ),
        (
            vec![("GlobalSecondaryIndexes", json!([]))],
            "One or more parameter values were invalid: List of GlobalSecondaryIndexes is empty",
        ),
        (
            vec![("GlobalSecondaryIndexes", json!([owner_index()]))],
            "One or more parameter values were invalid: Some index key attributes are not defined in AttributeDefinitions. Keys: [leaseOwner], AttributeDefinitions: [leaseKey]",
        ),
        (
            vec![("TableName", json!("a!"))],
            "Invalid table/index name.  Table/index names must be between 3 and 255 characters long, and may contain only the characters a-z, A-Z, 0-9, '_', '-', and '.'",
        ),
    ] {
        assert_eq!(invalid(house.ask("CreateTable", with(&changes))), sentence);
    }
    assert_eq!(house.ask("ListTables", json!({})).unwrap()["TableNames"], json!([]));
}

#[test]
fn what_a_lease_table_does_not_have_is_refused_and_not_forgotten() {
    let house = House::new();
    for (name, value) in [
        ("LocalSecondaryIndexes", json!([owner_index()])),
        ("StreamSpecification", json!({"StreamEnabled": true})),
        ("SSESpecification", json!({"Enabled": true})),
        ("TableClass", json!("STANDARD_INFREQUENT_ACCESS")),
        ("ResourcePolicy", json!("{}")),
        ("OnDemandThroughput", json!({"MaxReadRequestUnits": 1})),
        ("WarmThroughput", json!({"ReadUnitsPerSecond": 1})),
    ] {
        let said = invalid(house.ask("CreateTable", with(&[(name, value)])));
        assert!(said.contains(name), "{name}: {said}");
    }
    for (name, value) in [("StreamSpecification", json!({"StreamEnabled": false})), ("TableClass", json!("STANDARD"))] {
        house.ask("CreateTable", with(&[(name, value)])).unwrap();
        house.ask("DeleteTable", json!({"TableName": "app"})).unwrap();
    }
    for operation in ["BatchGetItem", "ExecuteStatement", "CreateBackup", "TransactGetItems", "UpdateTimeToLive"] {
        let refused = house.ask(operation, json!({})).unwrap_err();
        assert_eq!(refused.code, "UnknownOperationException");
        assert!(refused.message.contains(operation) && refused.message.contains("no database"), "{}", refused.message);
    }
}

#[test]
fn an_index_is_added_over_the_items_that_there_are_and_follows_them() {
    let house = House::new();
    house.lease_table("app");
    for (key, owner) in [("s1", Some("w1")), ("s2", Some("w1")), ("s3", Some("w2")), ("s4", None)] {
        house.ask("PutItem", json!({"TableName": "app", "Item": crate::house::lease(key, 1, owner)})).unwrap();
    }
    let attribute = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let input = json!({
        "TableName": "app", "AttributeDefinitions": [attribute("leaseKey"), attribute("leaseOwner")],
        "GlobalSecondaryIndexUpdates": [{"Create": owner_index()}],
    });
    let changed = house.ask("UpdateTable", input.clone()).unwrap();
    let index = &changed["TableDescription"]["GlobalSecondaryIndexes"][0];
    assert_eq!((&index["IndexStatus"], &index["ItemCount"]), (&json!("ACTIVE"), &json!(3)));
    assert!(invalid(house.ask("UpdateTable", input)).contains("already exists"));
    let of = |owner: &str| {
        let query = json!({
            "TableName": "app", "IndexName": "LeaseOwnerToLeaseKeyIndex", "KeyConditionExpression": "leaseOwner = :o",
            "ExpressionAttributeValues": {":o": {"S": owner}},
        });
        let found = house.ask("Query", query).unwrap();
        let keys = found["Items"].as_array().unwrap().iter();
        keys.map(|item| item["leaseKey"]["S"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((of("w1"), of("w2")), (vec!["s1".to_owned(), "s2".to_owned()], vec!["s3".to_owned()]));
    house.ask("PutItem", json!({"TableName": "app", "Item": crate::house::lease("s2", 2, Some("w2"))})).unwrap();
    house.ask("DeleteItem", json!({"TableName": "app", "Key": {"leaseKey": {"S": "s3"}}})).unwrap();
    assert_eq!((of("w1"), of("w2")), (vec!["s1".to_owned()], vec!["s2".to_owned()]));
    let wrong = json!({"TableName": "app", "Item": {"leaseKey": {"S": "s9"}, "leaseOwner": {"N": "1"}}});
    assert_eq!(
        invalid(house.ask("PutItem", wrong)),
        "One or more parameter values were invalid: Type mismatch for Index Key leaseOwner Expected: S Actual: N IndexName: LeaseOwnerToLeaseKeyIndex"
    );
    let gone = json!({"TableName": "app", "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "LeaseOwnerToLeaseKeyIndex"}}]});
    assert_eq!(house.ask("UpdateTable", gone).unwrap()["TableDescription"]["GlobalSecondaryIndexes"], Value::Null);
}

#[test]
fn a_protected_table_is_not_deleted() {
    let house = House::new();
    house.ask("CreateTable", with(&[("DeletionProtectionEnabled", json!(true))])).unwrap();
    let said = invalid(house.ask("DeleteTable", json!({"TableName": "app"})));
    assert!(said.starts_with("Resource cannot be deleted as it is currently protected against deletion."), "{said}");
    house.ask("UpdateTable", json!({"TableName": "app", "DeletionProtectionEnabled": false})).unwrap();
    let gone = house.ask("DeleteTable", json!({"TableName": "app"})).unwrap();
    assert_eq!(gone["TableDescription"]["TableStatus"], "DELETING");
    assert_eq!(code(house.ask("DescribeTable", json!({"TableName": "app"}))), "ResourceNotFoundException");
}

#[test]
fn a_table_that_is_made_again_has_none_of_the_items_of_the_one_before() {
    let house = House::new();
    house.lease_table("app");
    house.ask("PutItem", json!({"TableName": "app", "Item": crate::house::lease("s1", 1, None)})).unwrap();
    house.ask("DeleteTable", json!({"TableName": "app"})).unwrap();
    house.lease_table("app");
    assert!(house.items("app").is_empty());
}

#[test]
fn tables_are_listed_page_by_page() {
    let house = House::new();
    for name in ["ccc", "aaa", "bbb"] {
        house.lease_table(name);
    }
    let first = house.ask("ListTables", json!({"Limit": 2})).unwrap();
    assert_eq!((&first["TableNames"], &first["LastEvaluatedTableName"]), (&json!(["aaa", "bbb"]), &json!("bbb")));
    let rest = house.ask("ListTables", json!({"ExclusiveStartTableName": "bbb"})).unwrap();
    assert_eq!((&rest["TableNames"], &rest["LastEvaluatedTableName"]), (&json!(["ccc"]), &Value::Null));
}

#[test]
fn tags_are_laid_on_shown_and_taken_off() {
    let house = House::new();
    house.lease_table("app");
    let arn = "arn:aws:dynamodb:us-east-1:123456789012:table/app";
    let tags = json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]);
    house.ask("TagResource", json!({"ResourceArn": arn, "Tags": tags})).unwrap();
    assert_eq!(house.ask("ListTagsOfResource", json!({"ResourceArn": arn})).unwrap()["Tags"], tags);
    house.ask("UntagResource", json!({"ResourceArn": arn, "TagKeys": ["a"]})).unwrap();
    let left = house.ask("ListTagsOfResource", json!({"ResourceArn": arn})).unwrap();
    assert_eq!(left["Tags"], json!([{"Key": "b", "Value": "2"}]));
    let reserved = json!({"ResourceArn": arn, "Tags": [{"Key": "aws:x", "Value": ""}]});
    assert!(invalid(house.ask("TagResource", reserved)).contains("aws:x"));
}

#[test]
fn nobody_is_left_to_believe_in_point_in_time_recovery() {
    let house = House::new();
    house.lease_table("app");
    let of = |enabled: bool| json!({"TableName": "app", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": enabled}});
    assert_eq!(code(house.ask("UpdateContinuousBackups", of(true))), "ContinuousBackupsUnavailableException");
    for described in [
        house.ask("UpdateContinuousBackups", of(false)).unwrap(),
        house.ask("DescribeContinuousBackups", json!({"TableName": "app"})).unwrap(),
    ] {
        let recovery = &described["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"];
        assert_eq!(recovery["PointInTimeRecoveryStatus"], "DISABLED");
    }
}

#[test]
fn keys_of_indexes_are_as_long_as_those_of_tables() {
    let house = House::new();
    house.lease_table("app");
    let put = |key: &str, owner: usize, at: usize| {
        let item = json!({"leaseKey": {"S": key}, "owner": {"S": "o".repeat(owner)}, "at": {"S": "a".repeat(at)}});
        house.ask("PutItem", json!({"TableName": "app", "Item": item}))
    };
    // One that is there before the index is left out of it.
    put("before", 2049, 1).unwrap();
    let create = json!({"Create": {"IndexName": "byOwner", "Projection": {"ProjectionType": "ALL"},
        "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}]}});
    let definitions =
        json!([{"AttributeName": "owner", "AttributeType": "S"}, {"AttributeName": "at", "AttributeType": "S"}]);
    let update =
        json!({"TableName": "app", "AttributeDefinitions": definitions, "GlobalSecondaryIndexUpdates": [create]});
    let shown = house.ask("UpdateTable", update).unwrap();
    assert_eq!(shown["TableDescription"]["GlobalSecondaryIndexes"][0]["ItemCount"], 0);
    put("s1", 2048, 1024).unwrap();
    assert_eq!(
        invalid(put("s2", 2049, 1)),
        "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes"
    );
    assert_eq!(
        invalid(put("s2", 1, 1025)),
        "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
    );
    let found = house.ask("Scan", json!({"TableName": "app", "IndexName": "byOwner"})).unwrap();
    assert_eq!(found["Count"], 1);
}
