//! Lists that could be long: each page costs what it shows, and pages together are the whole.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]

mod house;

use house::{ACCOUNT, House, allows, escaped};
use journal::sim::SimDisk;
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::Arc;

fn house() -> House {
    House::new(&Arc::new(SimDisk::new(1)))
}

/// All pages of an operation, of `member`.
fn pages(house: &House, operation: &str, form: &str, member: &str) -> Vec<Vec<Value>> {
    let (mut pages, mut more) = (Vec::new(), String::new());
    loop {
        let answer = house.ask(operation, &format!("{form}{more}")).unwrap();
        pages.push(answer[member].as_array().unwrap().clone());
        match answer["Marker"].as_str() {
            Some(marker) => more = format!("&Marker={marker}"),
            None => return pages,
        }
        assert_eq!(answer["IsTruncated"], true);
    }
}

#[test]
fn a_page_of_a_simulation_weighs_so_many_bytes_of_policies_and_no_more() {
    let house = house();
    let (mut form, mut wanted) = ("MaxItems=1000".to_owned(), Vec::new());
    for (n, action) in (1..=20).map(|n| (n, format!("sqs:Action{n}"))) {
        write!(form, "&ActionNames.member.{n}={action}").unwrap();
        wanted.extend((1..=20).map(|n| (action.clone(), format!("arn:aws:sqs:us-east-1:{ACCOUNT}:q{n}"))));
    }
    for n in 1..=20 {
        write!(form, "&ResourceArns.member.{n}=arn:aws:sqs:us-east-1:{ACCOUNT}:q{n}").unwrap();
    }
    // Eight documents of 16384 bytes, so that a page has room for 128 of the 400 results.
    let document = allows("sqs:Action1", "arn:aws:sqs:*:*:q1");
    let document = format!("{document}{}", " ".repeat((1 << 14) - document.len()));
    (1..=8).for_each(|n| write!(form, "&PolicyInputList.member.{n}={}", escaped(&document)).unwrap());
    let pages = pages(&house, "SimulateCustomPolicy", &form, "EvaluationResults");
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [128, 128, 128, 16]);
    let text = |result: &Value, name: &str| result[name].as_str().unwrap().to_owned();
    let all: Vec<_> = pages.concat();
    let tried: Vec<_> =
        all.iter().map(|result| (text(result, "EvalActionName"), text(result, "EvalResourceName"))).collect();
    assert_eq!(tried, wanted);
    let allowed = all.iter().filter(|result| result["EvalDecision"] == "allowed").count();
    assert_eq!((allowed, &all[0]["EvalDecision"]), (1, &json!("allowed")));
    assert_eq!(all[0]["MatchedStatements"][0]["StartPosition"], json!({"Line": 1, "Column": 38}));
}

#[test]
fn a_simulation_has_one_boundary() {
    let house = house();
    let form = |count: usize| {
        let document = escaped(&allows("sqs:*", "*"));
        (1..=count).fold(format!("ActionNames.member.1=sns:Publish&PolicyInputList.member.1={document}"), |form, n| {
            format!("{form}&PermissionsBoundaryPolicyInputList.member.{n}={document}")
        })
    };
    assert!(house.ask("SimulateCustomPolicy", &form(1)).is_ok());
    assert_eq!(house.ask("SimulateCustomPolicy", &form(2)).unwrap_err().0, "InvalidInput");
}

#[test]
fn policies_are_listed_with_how_often_they_are_used() {
    let house = house();
    for name in ["first", "second", "third"] {
        let document = escaped(&allows("sqs:*", "*"));
        house.ask("CreatePolicy", &format!("PolicyName={name}&PolicyDocument={document}")).unwrap();
    }
    let own = |name: &str| format!("arn:aws:iam::{ACCOUNT}:policy/{name}");
    for user in ["a", "b"] {
        house.ask("CreateUser", &format!("UserName={user}&PermissionsBoundary={}", own("second"))).unwrap();
        house.ask("AttachUserPolicy", &format!("UserName={user}&PolicyArn={}", own("first"))).unwrap();
    }
    house.ask("AttachUserPolicy", "UserName=a&PolicyArn=arn:aws:iam::aws:policy/IAMFullAccess").unwrap();
    let listed = |form: &str| -> Vec<(String, i64, i64)> {
        let found = pages(&house, "ListPolicies", form, "Policies").concat();
        let number = |policy: &Value, name: &str| policy[name].as_i64().unwrap();
        let row = |policy: &Value| {
            let name = policy["PolicyName"].as_str().unwrap().to_owned();
            (name, number(policy, "AttachmentCount"), number(policy, "PermissionsBoundaryUsageCount"))
        };
        found.iter().map(row).collect()
    };
    let row = |name: &str, attached, bounding| (name.to_owned(), attached, bounding);
    let all = [row("first", 2, 0), row("second", 0, 2), row("third", 0, 0)];
    assert_eq!(listed("Scope=Local&MaxItems=1"), all);
    assert_eq!(listed("OnlyAttached=true&MaxItems=1"), [row("first", 2, 0), row("IAMFullAccess", 1, 0)]);
    assert_eq!(listed("PolicyUsageFilter=PermissionsBoundary"), [row("second", 0, 2)]);
    assert_eq!(listed("PolicyUsageFilter=PermissionsPolicy&Scope=AWS"), [row("IAMFullAccess", 1, 0)]);
    let details = pages(&house, "GetAccountAuthorizationDetails", "MaxItems=1", "Policies").concat();
    let counts: Vec<_> = details.iter().map(|policy| policy["AttachmentCount"].as_i64().unwrap()).collect();
    assert_eq!(counts, [2, 0, 0, 1]);
}
