//! Who is let in, asked as the gateway asks: needs first, the operation only when every one of them is allowed.

use crate::house::{House, OPENED_AT};
use gateway::Service;
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
    let grant = |operations: &[&str]| json!({"KeyId": id, "GranteePrincipal": format!("arn:aws:iam::{ACCOUNT}:user/u"), "Operations": operations});
    house.ask("CreateGrant", grant(&["Encrypt", "CreateGrant"])).unwrap();
    let sealed = house.ask("Encrypt", json!({"KeyId": id, "Plaintext": "bQ=="})).unwrap()["CiphertextBlob"].clone();
    denied(house.ask_as(user(), "CreateGrant", &grant(&["Decrypt"])));
    denied(house.ask_as(user(), "Decrypt", &json!({"CiphertextBlob": sealed})));
    house.ask_as(user(), "CreateGrant", &grant(&["Encrypt"])).unwrap();
}

/// What a key's policy can lend to another account, by the API reference.
const LENT: &[&str] = &[
    "CreateGrant",
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GetKeyRotationStatus",
    "GetPublicKey",
    "ListGrants",
    "ReEncrypt",
    "RetireGrant",
    "RevokeGrant",
    "Sign",
    "Verify",
    "VerifyMac",
];

#[test]
fn another_account_that_a_policy_lets_do_everything_uses_a_key_and_manages_nothing() {
    let house = house();
    let everyone = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": [format!("arn:aws:iam::{ACCOUNT}:root"), format!("arn:aws:iam::{OTHER}:root")]}}});
    let id = house.key(json!({"Policy": everyone.to_string(), "MultiRegion": true}));
    let blob = house.ask("Encrypt", json!({"KeyId": id, "Plaintext": "bQ=="})).unwrap()["CiphertextBlob"].clone();
    let grantee = format!("arn:aws:iam::{ACCOUNT}:user/u");
    let made = house.ask("CreateGrant", json!({"KeyId": id, "GranteePrincipal": grantee, "Operations": ["Encrypt"]}));
    let grant = made.unwrap()["GrantId"].clone();
    let stranger = || house.user(OTHER, "s", &json!({"Effect": "Allow", "Action": "kms:*", "Resource": "*"}));
    for (operation, input) in inputs(&arn(&id), &blob, &grant) {
        let prepared = house.prepared(operation, &input).unwrap();
        let allowed = house.allow(&*prepared, &stranger());
        // An alias that is named without an account is one of his own account's.
        let is_own = KEYLESS.contains(&operation) || operation == "DeleteAlias";
        assert_eq!(allowed.is_ok(), LENT.contains(&operation) || is_own, "{operation}: {allowed:?}");
    }
    house.ask("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": id})).unwrap();
    let refused = house.ask_as(stranger(), "ListAliases", &json!({"KeyId": arn(&id)})).unwrap_err();
    assert_eq!(refused, format!("NotFoundException: Key '{}' does not exist", arn(&id)));
}

#[test]
fn an_alias_that_goes_to_another_key_after_the_asking_lends_nobody_that_key() {
    let house = house();
    let (mine, secret) = (house.key(json!({})), house.key(json!({})));
    let alias = |operation: &str, key: &str| {
        house.ask(operation, json!({"AliasName": "alias/a", "TargetKeyId": key})).unwrap();
    };
    alias("CreateAlias", &mine);
    let names = json!(["kms:*"]);
    let may = json!([{"Effect": "Allow", "Action": names, "Resource": arn(&mine)},
        {"Effect": "Allow", "Action": names, "Resource": format!("arn:aws:kms:us-east-1:{ACCOUNT}:alias/a")}]);
    let user = || house.user(ACCOUNT, "u", &may);
    for (operation, input) in [
        ("Encrypt", json!({"KeyId": "alias/a", "Plaintext": "bQ=="})),
        ("GenerateDataKey", json!({"KeyId": "alias/a", "KeySpec": "AES_256"})),
        ("GenerateDataKey", json!({"KeyId": format!("arn:aws:kms:us-east-1:{ACCOUNT}:alias/a"), "KeySpec": "AES_256"})),
    ] {
        let prepared = house.prepared(operation, &input).unwrap();
        house.allow(&*prepared, &user()).unwrap();
        alias("UpdateAlias", &secret);
        let done = house.finish(prepared.call(user())).unwrap();
        assert_eq!(done["KeyId"], arn(&mine), "{operation}");
        denied(house.ask_as(user(), operation, &input));
        alias("UpdateAlias", &mine);
    }
    for (operation, input) in [
        ("UpdateAlias", json!({"AliasName": "alias/a", "TargetKeyId": mine})),
        ("DeleteAlias", json!({"AliasName": "alias/a"})),
    ] {
        let prepared = house.prepared(operation, &input).unwrap();
        house.allow(&*prepared, &user()).unwrap();
        alias("UpdateAlias", &secret);
        assert!(house.finish(prepared.call(user())).unwrap_err().starts_with("ConflictException"), "{operation}");
        alias("UpdateAlias", &mine);
        let late = house.prepared(operation, &input).unwrap();
        house.ask("DeleteAlias", json!({"AliasName": "alias/a"})).unwrap();
        house.allow(&*late, &user()).unwrap();
        alias("CreateAlias", &secret);
        assert!(house.finish(late.call(user())).unwrap_err().starts_with("NotFoundException"), "{operation}");
        alias("UpdateAlias", &mine);
    }
}

/// Operations that are about no key, or about one of the caller's own that is not there yet.
const KEYLESS: &[&str] = &["CreateKey", "GenerateRandom", "ListAliases", "ListKeys", "ListRetirableGrants"];

/// A request of every operation, for a key by its ARN, with a ciphertext and a grant of it.
fn inputs(key: &str, blob: &Value, grant: &Value) -> Vec<(&'static str, Value)> {
    let of_key = |more: Value| {
        let mut input = json!({"KeyId": key});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let (m, role) = ("bQ==", "arn:aws:iam::000000000000:role/r");
    let policy =
        json!({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}}).to_string();
    vec![
        ("CancelKeyDeletion", of_key(json!({}))),
        ("CreateAlias", json!({"AliasName": "alias/new", "TargetKeyId": key})),
        ("CreateGrant", of_key(json!({"GranteePrincipal": role, "Operations": ["Decrypt"]}))),
        ("CreateKey", json!({})),
        ("Decrypt", json!({"CiphertextBlob": blob})),
        ("DeleteAlias", json!({"AliasName": "alias/old"})),
        ("DeleteImportedKeyMaterial", of_key(json!({}))),
        ("DescribeKey", of_key(json!({}))),
        ("DisableKey", of_key(json!({}))),
        ("DisableKeyRotation", of_key(json!({}))),
        ("EnableKey", of_key(json!({}))),
        ("EnableKeyRotation", of_key(json!({"RotationPeriodInDays": 90}))),
        ("Encrypt", of_key(json!({"Plaintext": m}))),
        ("GenerateDataKey", of_key(json!({"KeySpec": "AES_256"}))),
        ("GenerateDataKeyPair", of_key(json!({"KeyPairSpec": "ECC_NIST_P256"}))),
        ("GenerateDataKeyPairWithoutPlaintext", of_key(json!({"KeyPairSpec": "ECC_NIST_P256"}))),
        ("GenerateDataKeyWithoutPlaintext", of_key(json!({"KeySpec": "AES_256"}))),
        ("GenerateMac", of_key(json!({"Message": m, "MacAlgorithm": "HMAC_SHA_256"}))),
        ("GenerateRandom", json!({"NumberOfBytes": 1})),
        ("GetKeyPolicy", of_key(json!({}))),
        ("GetKeyRotationStatus", of_key(json!({}))),
        (
            "GetParametersForImport",
            of_key(json!({"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"})),
        ),
        ("GetPublicKey", of_key(json!({}))),
        ("ImportKeyMaterial", of_key(json!({"ImportToken": m, "EncryptedKeyMaterial": m}))),
        ("ListAliases", json!({})),
        ("ListGrants", of_key(json!({}))),
        ("ListKeyPolicies", of_key(json!({}))),
        ("ListKeyRotations", of_key(json!({}))),
        ("ListKeys", json!({})),
        ("ListResourceTags", of_key(json!({}))),
        ("ListRetirableGrants", json!({"RetiringPrincipal": role})),
        ("PutKeyPolicy", of_key(json!({"Policy": policy}))),
        ("ReEncrypt", json!({"CiphertextBlob": blob, "DestinationKeyId": key})),
        ("ReplicateKey", of_key(json!({"ReplicaRegion": "eu-west-1"}))),
        ("RetireGrant", of_key(json!({"GrantId": grant}))),
        ("RevokeGrant", of_key(json!({"GrantId": grant}))),
        ("RotateKeyOnDemand", of_key(json!({}))),
        ("ScheduleKeyDeletion", of_key(json!({"PendingWindowInDays": 7}))),
        ("Sign", of_key(json!({"Message": m, "SigningAlgorithm": "ECDSA_SHA_256"}))),
        ("TagResource", of_key(json!({"Tags": [{"TagKey": "k", "TagValue": "v"}]}))),
        ("UntagResource", of_key(json!({"TagKeys": ["k"]}))),
        ("UpdateAlias", json!({"AliasName": "alias/old", "TargetKeyId": key})),
        ("UpdateKeyDescription", of_key(json!({"Description": "d"}))),
        ("UpdatePrimaryRegion", of_key(json!({"PrimaryRegion": "eu-west-1"}))),
        ("Verify", of_key(json!({"Message": m, "Signature": m, "SigningAlgorithm": "ECDSA_SHA_256"}))),
        ("VerifyMac", of_key(json!({"Message": m, "Mac": m, "MacAlgorithm": "HMAC_SHA_256"}))),
    ]
}

#[test]
fn whoever_may_nothing_is_refused_every_operation_on_what_it_is_about() {
    let house = house();
    let id = house.key(json!({"MultiRegion": true}));
    house.ask("CreateAlias", json!({"AliasName": "alias/old", "TargetKeyId": id})).unwrap();
    let blob = house.ask("Encrypt", json!({"KeyId": id, "Plaintext": "bQ=="})).unwrap()["CiphertextBlob"].clone();
    let made = json!({"KeyId": id, "GranteePrincipal": "arn:aws:iam::000000000000:role/r", "Operations": ["Encrypt"]});
    let grant = house.ask("CreateGrant", made).unwrap()["GrantId"].clone();
    let user = house.user(ACCOUNT, "nobody", &Value::Null);
    let all = inputs(&arn(&id), &blob, &grant);
    // Every row of the table of operations is a row here: what the model has and is not here is refused by its name.
    for operation in house.kms.describe().shape.operations.iter().map(|operation| operation.name) {
        let done = house
            .prepared(operation, &all.iter().find(|(name, _)| *name == operation).map_or(json!({}), |it| it.1.clone()));
        let is_row = all.iter().any(|(name, _)| *name == operation);
        assert_eq!(done.is_ok(), is_row, "{operation}: {:?}", done.err());
    }
    let alias = |name: &str| format!("arn:aws:kms:us-east-1:{ACCOUNT}:alias/{name}");
    for (operation, input) in all {
        let prepared = house.prepared(operation, &input).unwrap();
        let needs = prepared.needs(&user).unwrap();
        let resources: Vec<String> = needs.iter().map(|need| need.resource.to_string()).collect();
        let key = || arn(&id);
        let expected = match operation {
            name if KEYLESS.contains(&name) => vec!["*".into()],
            "CreateAlias" => vec![key(), alias("new")],
            "DeleteAlias" => vec![alias("old"), key()],
            "UpdateAlias" => vec![key(), key(), alias("old")],
            "ReEncrypt" => vec![key(), key()],
            "ReplicateKey" => vec![key(), "*".into()],
            _ => vec![key()],
        };
        assert_eq!(resources, expected, "{operation}");
        for need in &needs {
            assert!(user.may(need).is_err(), "{operation} on {}", need.resource);
        }
        denied(house.allow(&*prepared, &user).map(|()| Value::Null));
    }
}
