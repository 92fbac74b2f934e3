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
        assert_eq!(allowed.is_ok(), LENT.contains(&operation) || KEYLESS.contains(&operation), "{operation}: {allowed:?}");
    }
    house.ask("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": id})).unwrap();
    let refused = house.ask_as(stranger(), "ListAliases", &json!({"KeyId": arn(&id)})).unwrap_err();
    assert_eq!(refused, format!("NotFoundException: Key '{}' does not exist", arn(&id)));
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
    let policy = json!({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}}).to_string();
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
