//! DryRun: everything is checked, nothing is done, for each operation of the model that has the member.

use crate::house::House;
use gateway::Service;
use journal::sim::SimDisk;
use serde_json::{Value, json};
use std::sync::Arc;

const DONE: &str = "DryRunOperationException: The request would have succeeded, but the DryRun option is set.";
const M: &str = "bQ==";

/// A request for each, which succeeds but for DryRun.
fn requests(house: &House) -> Vec<(&'static str, Value)> {
    let (symmetric, other) = (house.key(json!({})), house.key(json!({})));
    let mac = house.key(json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}));
    let sign = house.key(json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}));
    let ask = |operation: &str, input: Value, member: &str| house.ask(operation, input).unwrap()[member].clone();
    let blob = ask("Encrypt", json!({"KeyId": symmetric, "Plaintext": M}), "CiphertextBlob");
    let by = json!({"KeyId": sign, "Message": M, "SigningAlgorithm": "ECDSA_SHA_256"});
    let signature = ask("Sign", by.clone(), "Signature");
    let with = json!({"KeyId": mac, "Message": M, "MacAlgorithm": "HMAC_SHA_256"});
    let made = ask("GenerateMac", with.clone(), "Mac");
    let role = "arn:aws:iam::000000000000:role/r";
    let grant =
        json!({"KeyId": symmetric, "GranteePrincipal": role, "RetiringPrincipal": role, "Operations": ["Encrypt"]});
    let granted = ask("CreateGrant", grant.clone(), "GrantId");
    let checked = |mut input: Value, name: &str, value: Value| {
        input[name] = value;
        input
    };
    vec![
        ("CreateGrant", grant),
        ("Decrypt", json!({"CiphertextBlob": blob})),
        ("Encrypt", json!({"KeyId": symmetric, "Plaintext": M})),
        ("GenerateDataKey", json!({"KeyId": symmetric, "KeySpec": "AES_256"})),
        ("GenerateDataKeyPair", json!({"KeyId": symmetric, "KeyPairSpec": "RSA_2048"})),
        ("GenerateDataKeyPairWithoutPlaintext", json!({"KeyId": symmetric, "KeyPairSpec": "ECC_NIST_P256"})),
        ("GenerateDataKeyWithoutPlaintext", json!({"KeyId": symmetric, "KeySpec": "AES_256"})),
        ("GenerateMac", with.clone()),
        ("ReEncrypt", json!({"CiphertextBlob": blob, "DestinationKeyId": other})),
        ("RetireGrant", json!({"KeyId": symmetric, "GrantId": granted})),
        ("RevokeGrant", json!({"KeyId": symmetric, "GrantId": granted})),
        ("Sign", by.clone()),
        ("Verify", checked(by, "Signature", signature)),
        ("VerifyMac", checked(with, "Mac", made)),
    ]
}

#[test]
fn a_dry_run_without_a_ciphertext_asks_for_the_key_alone() {
    let house = House::open(&Arc::new(SimDisk::new(1)));
    let (id, other) = (house.key(json!({})), house.key(json!({})));
    let sign = house.key(json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}));
    let ask = |operation: &str, named: &str, key: &str, more: Value| {
        let mut input = json!({"DryRun": true, "DryRunModifiers": ["IGNORE_CIPHERTEXT"], "DestinationKeyId": other});
        input[named] = json!(key);
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        house.ask(operation, input).unwrap_err()
    };
    for (operation, named) in [("Decrypt", "KeyId"), ("ReEncrypt", "SourceKeyId")] {
        assert_eq!(ask(operation, named, &id, json!({})), DONE);
        assert_eq!(ask(operation, named, &id, json!({"CiphertextBlob": M})), DONE);
        // Where it is no dry run, the ciphertext counts.
        let refused = ask(operation, named, &id, json!({"CiphertextBlob": M, "DryRun": false}));
        assert!(refused.starts_with("InvalidCiphertextException"), "{refused}");
        assert!(ask(operation, named, &sign, json!({})).starts_with("InvalidKeyUsageException"));
        house.ask("DisableKey", json!({"KeyId": id})).unwrap();
        assert!(ask(operation, named, &id, json!({})).starts_with("DisabledException"));
        house.ask("EnableKey", json!({"KeyId": id})).unwrap();
        let unnamed = ask(operation, "DestinationKeyId", &other, json!({}));
        assert_eq!(unnamed, "ValidationException: A key ID is required where the ciphertext is ignored.");
    }
}

#[test]
fn a_dry_run_without_a_ciphertext_asks_policies_for_the_key_that_is_named() {
    let house = House::open(&Arc::new(SimDisk::new(1)));
    let (own, others) = (house.key(json!({})), house.key(json!({})));
    let resource = format!("arn:aws:kms:us-east-1:000000000000:key/{own}");
    let statements = json!({"Effect": "Allow", "Action": ["kms:Decrypt", "kms:ReEncrypt*"], "Resource": resource});
    let sealed = house.ask("Encrypt", json!({"KeyId": others, "Plaintext": M})).unwrap()["CiphertextBlob"].clone();
    for (operation, named) in [("Decrypt", "KeyId"), ("ReEncrypt", "SourceKeyId")] {
        let ask = |more: Value| {
            let mut input = json!({"DryRun": true, "DryRunModifiers": ["IGNORE_CIPHERTEXT"], "DestinationKeyId": own});
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let user = house.user("000000000000", "bob", &statements);
            house.ask_as(user, operation, &input).unwrap_err()
        };
        // Of another key, or of none: it is ignored.
        for ciphertext in [json!(null), sealed.clone(), json!(M)] {
            assert_eq!(ask(json!({named: own, "CiphertextBlob": ciphertext})), DONE);
            let refused = ask(json!({named: others, "CiphertextBlob": ciphertext}));
            assert!(refused.starts_with("AccessDeniedException"), "{refused}");
            let unnamed = ask(json!({"CiphertextBlob": ciphertext}));
            assert_eq!(unnamed, "ValidationException: A key ID is required where the ciphertext is ignored.");
        }
    }
}

#[test]
fn what_would_succeed_is_refused_as_a_dry_run_and_changes_nothing() {
    let house = House::open(&Arc::new(SimDisk::new(1)));
    let requests = requests(&house);
    let shape = house.kms.describe().shape;
    let has_it = |name: &str| {
        let operation = shape.operations.iter().find(|known| known.name == name).unwrap();
        operation.input.members.iter().any(|member| member.name == "DryRun")
    };
    // What the model has and nobody carries out: those of keys that are not made here.
    let refused = ["Decapsulate", "DeriveSharedSecret", "Encapsulate"];
    for operation in shape.operations.iter().map(|operation| operation.name).filter(|name| has_it(name)) {
        let asked = requests.iter().any(|(known, _)| *known == operation);
        assert!(asked != refused.contains(&operation), "{operation} has a DryRun and no row here");
    }
    let before = house.store.journal().last();
    for (operation, mut input) in requests.clone() {
        input["DryRun"] = json!(true);
        assert_eq!(house.ask(operation, input).unwrap_err(), DONE, "{operation}");
    }
    assert_eq!(house.store.journal().last(), before, "something was written");
    for (operation, input) in requests {
        // Its twin without a grant that the one before it has ended.
        let done = if operation == "RevokeGrant" { Ok(Value::Null) } else { house.ask(operation, input) };
        assert!(done.is_ok(), "{operation}: {done:?}");
    }
}
