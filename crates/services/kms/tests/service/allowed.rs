//! Who is let in, asked as the gateway asks: needs first, the operation only when every one of them is allowed.

use crate::house::{House, OPENED_AT};
use journal::sim::SimDisk;
use serde_json::{Value, json};
use std::sync::Arc;

const ACCOUNT: &str = "000000000000";
const OTHER: &str = "111111111111";
const DENIED: &str = "AccessDeniedException";

fn house() -> House {
    House::open_at(&Arc::new(SimDisk::new(1)), OPENED_AT)
}

fn arn(id: &str) -> String {
    format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/{id}")
}

/// Asserts that a request is refused for want of leave, and what its error says.
fn denied(asked: Result<Value, String>) -> String {
    let refused = asked.unwrap_err();
    assert!(refused.starts_with(DENIED), "{refused}");
    refused
}

#[test]
fn a_grant_alone_makes_no_grant_that_lets_more_happen() {
    let house = house();
    let id = house.key(json!({}));
    let user = || house.user(ACCOUNT, "u", &Value::Null);
    let grant = |operations: &[&str]| {
        json!({"KeyId": id, "GranteePrincipal": format!("arn:aws:iam::{ACCOUNT}:user/u"), "Operations": operations})
    };
    house.ask("CreateGrant", grant(&["Encrypt", "CreateGrant"])).unwrap();
    let sealed = house.ask("Encrypt", json!({"KeyId": id, "Plaintext": "bQ=="})).unwrap()["CiphertextBlob"].clone();
    denied(house.ask_as(user(), "CreateGrant", &grant(&["Decrypt"])));
    denied(house.ask_as(user(), "Decrypt", &json!({"CiphertextBlob": sealed})));
    house.ask_as(user(), "CreateGrant", &grant(&["Encrypt"])).unwrap();
}
