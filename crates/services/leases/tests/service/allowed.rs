//! What policies allow: actions on tables and indexes, and the condition keys of items.

use crate::house::{House, lease, lease_table};
use serde_json::{Value, json};

const TABLE: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/app";

fn allow(action: &str, resource: &str, condition: Value) -> Value {
    let mut statement = json!({"Effect": "Allow", "Action": action, "Resource": resource});
    if condition != Value::Null {
        statement["Condition"] = condition;
    }
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

fn house() -> House {
    let house = House::new();
    house.lease_table("app");
    house.ask("PutItem", json!({"TableName": "app", "Item": lease("w1", 1, Some("w1"))})).unwrap();
    house
}

/// Whether a user of this policy may.
fn may(house: &House, policy: &Value, operation: &str, input: &Value) -> bool {
    match house.ask_as(house.user(policy), operation, input) {
        Ok(_) => true,
        Err(refused) if refused.code == "AccessDenied" => false,
        Err(other) => panic!("{operation}: {other:?}"),
    }
}

/// Every operation with an input, the action it needs, and on what.
fn each() -> Vec<(&'static str, Value, &'static str, String)> {
    let key = json!({"leaseKey": {"S": "w1"}});
    let on = |index: &str| format!("{TABLE}{index}");
    let query = json!({"TableName": "app", "KeyConditionExpression": "leaseKey = :k", "ExpressionAttributeValues": {":k": {"S": "w1"}}});
    vec![
        ("CreateTable", lease_table("new"), "dynamodb:CreateTable", TABLE.replace("app", "new")),
        ("DescribeTable", json!({"TableName": "app"}), "dynamodb:DescribeTable", on("")),
        (
            "UpdateTable",
            json!({"TableName": "app", "DeletionProtectionEnabled": false}),
            "dynamodb:UpdateTable",
            on(""),
        ),
        ("ListTables", json!({}), "dynamodb:ListTables", "*".to_owned()),
        ("GetItem", json!({"TableName": "app", "Key": key}), "dynamodb:GetItem", on("")),
        ("PutItem", json!({"TableName": TABLE, "Item": key}), "dynamodb:PutItem", on("")),
        ("UpdateItem", json!({"TableName": "app", "Key": key}), "dynamodb:UpdateItem", on("")),
        ("DeleteItem", json!({"TableName": "app", "Key": key}), "dynamodb:DeleteItem", on("")),
        ("Scan", json!({"TableName": "app"}), "dynamodb:Scan", on("")),
        ("Query", query, "dynamodb:Query", on("")),
        (
            "TransactWriteItems",
            json!({"TransactItems": [{"ConditionCheck": {"TableName": "app", "Key": key, "ConditionExpression": "attribute_not_exists(x)"}}]}),
            "dynamodb:ConditionCheckItem",
            on(""),
        ),
        (
            "TagResource",
            json!({"ResourceArn": TABLE, "Tags": [{"Key": "a", "Value": "b"}]}),
            "dynamodb:TagResource",
            on(""),
        ),
        ("UntagResource", json!({"ResourceArn": TABLE, "TagKeys": ["a"]}), "dynamodb:UntagResource", on("")),
        ("ListTagsOfResource", json!({"ResourceArn": TABLE}), "dynamodb:ListTagsOfResource", on("")),
        ("DescribeContinuousBackups", json!({"TableName": "app"}), "dynamodb:DescribeContinuousBackups", on("")),
        (
            "UpdateContinuousBackups",
            json!({"TableName": "app", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": false}}),
            "dynamodb:UpdateContinuousBackups",
            on(""),
        ),
        ("DeleteTable", json!({"TableName": "app"}), "dynamodb:DeleteTable", on("")),
        ("PutMetricData", json!({"Namespace": "app", "MetricData": []}), "cloudwatch:PutMetricData", "*".to_owned()),
    ]
}

#[test]
fn every_operation_needs_its_action_on_its_table() {
    for (operation, input, action, resource) in each() {
        let house = house();
        assert!(!may(&house, &allow("dynamodb:Nothing", "*", Value::Null), operation, &input), "{operation}");
        assert!(
            !may(
                &house,
                &allow(action, "arn:aws:dynamodb:us-east-1:123456789012:table/other", Value::Null),
                operation,
                &input
            ),
            "{operation}"
        );
        assert!(may(&house, &allow(action, &resource, Value::Null), operation, &input), "{operation}");
    }
}

#[test]
fn an_index_is_a_resource_of_its_own() {
    let house = house();
    let input = json!({"TableName": "app", "IndexName": "idx", "AttributeDefinitions": [
        {"AttributeName": "leaseOwner", "AttributeType": "S"}], "GlobalSecondaryIndexUpdates": [{"Create": {"IndexName": "idx",
        "KeySchema": [{"AttributeName": "leaseOwner", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}}]});
    house.ask("UpdateTable", input).unwrap();
    let query = json!({"TableName": "app", "IndexName": "idx", "KeyConditionExpression": "leaseOwner = :o",
        "ExpressionAttributeValues": {":o": {"S": "w1"}}});
    assert!(!may(&house, &allow("dynamodb:Query", TABLE, Value::Null), "Query", &query));
    assert!(may(&house, &allow("dynamodb:Query", &format!("{TABLE}/index/*"), Value::Null), "Query", &query));
    let own = json!({"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["w1"]}});
    assert!(may(&house, &allow("dynamodb:Query", &format!("{TABLE}/index/idx"), own), "Query", &query));
    let other = json!({"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["w2"]}});
    assert!(!may(&house, &allow("dynamodb:Query", &format!("{TABLE}/index/idx"), other), "Query", &query));
}

#[test]
fn conditions_see_keys_attributes_and_what_is_returned() {
    let house = house();
    let put = |key: &str| json!({"TableName": "app", "Item": {"leaseKey": {"S": key}, "x": {"S": "a"}}});
    let own = json!({"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["w1"]}});
    let policy = allow("dynamodb:PutItem", TABLE, own);
    assert!(may(&house, &policy, "PutItem", &put("w1")));
    assert!(!may(&house, &policy, "PutItem", &put("w2")));
    let parts = json!({"TransactItems": [{"Put": put("w1")}]});
    let others = json!({"TransactItems": [{"Put": put("w1")}, {"Put": put("w2")}]});
    assert!(may(&house, &policy, "TransactWriteItems", &parts));
    assert!(!may(&house, &policy, "TransactWriteItems", &others));
    let enclosed = json!({"StringEquals": {"dynamodb:EnclosingOperation": "TransactWriteItems"}});
    let only_enclosed = allow("dynamodb:PutItem", TABLE, enclosed);
    assert!(may(&house, &only_enclosed, "TransactWriteItems", &others));
    assert!(!may(&house, &only_enclosed, "PutItem", &put("w1")));
    let some = json!({"ForAllValues:StringEquals": {"dynamodb:Attributes": ["leaseKey", "x"]}, "StringEqualsIfExists": {"dynamodb:ReturnValues": ["NONE", "UPDATED_NEW"]}});
    let policy = allow("dynamodb:UpdateItem", TABLE, some);
    let update = |expression: &str, returned: &str| json!({"TableName": "app", "Key": {"leaseKey": {"S": "w1"}}, "UpdateExpression": expression, "ReturnValues": returned});
    assert!(may(&house, &policy, "UpdateItem", &update("SET x = if_not_exists(x, x)", "NONE")));
    assert!(!may(&house, &policy, "UpdateItem", &update("SET x = leaseOwner", "NONE")));
    assert!(!may(&house, &policy, "UpdateItem", &update("REMOVE x", "ALL_OLD")));
    let select = json!({"StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"}});
    let policy = allow("dynamodb:GetItem", TABLE, select);
    let get = json!({"TableName": "app", "Key": {"leaseKey": {"S": "w1"}}});
    let mut some = get.clone();
    some["ProjectionExpression"] = json!("leaseKey");
    assert!(!may(&house, &policy, "GetItem", &get));
    assert!(may(&house, &policy, "GetItem", &some));
}

#[test]
fn tags_of_tables_and_namespaces_of_metrics_are_conditions() {
    let house = house();
    let tags = json!([{"Key": "team", "Value": "a"}]);
    house.ask("TagResource", json!({"ResourceArn": TABLE, "Tags": tags})).unwrap();
    let of = |team: &str| allow("dynamodb:Scan", "*", json!({"StringEquals": {"aws:ResourceTag/team": team}}));
    assert!(may(&house, &of("a"), "Scan", &json!({"TableName": "app"})));
    assert!(!may(&house, &of("b"), "Scan", &json!({"TableName": "app"})));
    let mut tagged = lease_table("new");
    tagged["Tags"] = tags;
    assert!(
        !may(&house, &allow("dynamodb:CreateTable", "*", Value::Null), "CreateTable", &tagged),
        "tags need an action of their own"
    );
    let into = |namespace: &str| {
        allow("cloudwatch:PutMetricData", "*", json!({"StringEquals": {"cloudwatch:namespace": namespace}}))
    };
    let put = json!({"Namespace": "app", "MetricData": []});
    assert!(may(&house, &into("app"), "PutMetricData", &put));
    assert!(!may(&house, &into("other"), "PutMetricData", &put));
}

#[test]
fn nobody_touches_the_tables_of_another_account() {
    let house = house();
    let theirs = "arn:aws:dynamodb:us-east-1:210987654321:table/app";
    let policy = allow("dynamodb:*", "*", Value::Null);
    assert!(!may(&house, &policy, "Scan", &json!({"TableName": theirs})));
}
