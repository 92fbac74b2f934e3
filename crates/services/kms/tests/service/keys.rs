//! Keys from the outside: made, used, disabled, rotated, deleted; over restarts.

use crate::house::{House, OPENED_AT};
use base64_simd::STANDARD;
use journal::sim::SimDisk;
use serde_json::{Value, json};
use std::sync::Arc;

fn house() -> (Arc<SimDisk>, House) {
    let disk = Arc::new(SimDisk::new(1));
    let house = House::open(&disk);
    (disk, house)
}

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode_to_string(bytes)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

const ACCOUNT: &str = "000000000000";

#[test]
fn a_new_key_is_described_as_aws_describes_it() {
    let (_disk, house) = house();
    let made = house.ask("CreateKey", json!({"Description": "test key 123"})).unwrap();
    let id = text(&made["KeyMetadata"]["KeyId"]);
    let metadata = &house.ask("DescribeKey", json!({"KeyId": id})).unwrap()["KeyMetadata"];
    let expected = json!({
        "AWSAccountId": ACCOUNT, "KeyId": id, "Arn": format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/{id}"),
        "CreationDate": 1_700_000_000, "Enabled": true, "Description": "test key 123", "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": "Enabled", "Origin": "AWS_KMS", "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT", "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"], "MultiRegion": false,
        "CurrentKeyMaterialId": metadata["CurrentKeyMaterialId"],
    });
    assert_eq!(*metadata, expected);
    assert_eq!(text(&metadata["CurrentKeyMaterialId"]).len(), 64);
}

#[test]
fn what_was_encrypted_is_decrypted_with_its_context_alone_and_over_restarts_and_rotations() {
    let (disk, house) = house();
    let id = house.key(json!({}));
    let context = json!({"tenant": "a", "purpose": "test"});
    let sealed = house
        .ask("Encrypt", json!({"KeyId": id, "Plaintext": base64(b"secret"), "EncryptionContext": context}))
        .unwrap();
    house.ask("RotateKeyOnDemand", json!({"KeyId": id})).unwrap();
    house.store.journal().close();
    let house = House::open_at(&disk, OPENED_AT.plus_secs(1));
    let decrypt = |context: &Value| {
        let blob = sealed["CiphertextBlob"].clone();
        house.ask("Decrypt", json!({"CiphertextBlob": blob, "EncryptionContext": context}))
    };
    let opened = decrypt(&context).unwrap();
    assert_eq!((text(&opened["Plaintext"]), &opened["KeyId"]), (base64(b"secret"), &sealed["KeyId"]));
    for other in [json!({}), json!({"tenant": "b", "purpose": "test"}), json!({"tenant": "a"})] {
        assert_eq!(decrypt(&other).unwrap_err(), "InvalidCiphertextException: ");
    }
    let rotations = house.ask("ListKeyRotations", json!({"KeyId": id})).unwrap();
    assert_eq!(rotations["Rotations"][0]["RotationType"], "ON_DEMAND");
    let newer = house.ask("Encrypt", json!({"KeyId": id, "Plaintext": base64(b"more")})).unwrap();
    let opened = house.ask("Decrypt", json!({"CiphertextBlob": newer["CiphertextBlob"], "KeyId": id})).unwrap();
    assert_ne!(opened["KeyMaterialId"], decrypt(&context).unwrap()["KeyMaterialId"]);
}

#[test]
fn a_key_that_is_disabled_or_to_go_does_nothing() {
    let (_disk, house) = house();
    let id = house.key(json!({}));
    let arn = format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/{id}");
    let sealed =
        house.ask("Encrypt", json!({"KeyId": id, "Plaintext": base64(b"x")})).unwrap()["CiphertextBlob"].clone();
    house.ask("DisableKey", json!({"KeyId": id})).unwrap();
    for (operation, input) in [
        ("Encrypt", json!({"KeyId": id, "Plaintext": base64(b"x")})),
        ("Decrypt", json!({"CiphertextBlob": sealed})),
        ("GenerateDataKey", json!({"KeyId": id, "KeySpec": "AES_256"})),
    ] {
        assert_eq!(house.ask(operation, input).unwrap_err(), format!("DisabledException: {arn} is disabled."));
    }
    house.ask("EnableKey", json!({"KeyId": id})).unwrap();
    house.ask("Decrypt", json!({"CiphertextBlob": sealed})).unwrap();
    let going = house.ask("ScheduleKeyDeletion", json!({"KeyId": id, "PendingWindowInDays": 7})).unwrap();
    assert_eq!((text(&going["KeyState"]), text(&going["KeyId"])), ("PendingDeletion".into(), arn.clone()));
    let refused = house.ask("Decrypt", json!({"CiphertextBlob": sealed})).unwrap_err();
    assert_eq!(refused, format!("KMSInvalidStateException: {arn} is pending deletion."));
    house.clock.advance_millis(1000 * 7 * 24 * 3600);
    assert_eq!(house.ask("Decrypt", json!({"CiphertextBlob": sealed})).unwrap_err(), "InvalidCiphertextException: ");
    assert_eq!(
        house.ask("DescribeKey", json!({"KeyId": id})).unwrap_err(),
        format!("NotFoundException: Key '{arn}' does not exist")
    );
    house.kms.tend();
    assert_eq!(house.ask("ListKeys", json!({})).unwrap()["Keys"], json!([]));
}

#[test]
fn days_outside_of_the_window_and_other_values_are_refused_in_the_words_of_the_model() {
    let (_disk, house) = house();
    let id = house.key(json!({}));
    for (operation, input, words) in [
        (
            "GenerateRandom",
            json!({"NumberOfBytes": 0}),
            "1 validation error detected: Value '0' at 'numberOfBytes' failed to satisfy constraint: Member must have \
             value greater than or equal to 1",
        ),
        ("GenerateRandom", json!({}), "NumberOfBytes is required."),
        (
            "Encrypt",
            json!({"KeyId": id, "Plaintext": base64(&[1; 4097])}),
            "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length \
             less than or equal to 4096",
        ),
        (
            "Encrypt",
            json!({"Plaintext": base64(b"x")}),
            "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null",
        ),
        ("GenerateDataKey", json!({"KeyId": id}), "Please specify either number of bytes or key spec."),
        (
            "CreateAlias",
            json!({"AliasName": "alias/my-alias!", "TargetKeyId": id}),
            "1 validation error detected: Value 'alias/my-alias!' at 'aliasName' failed to satisfy constraint: Member \
             must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$",
        ),
        (
            "CreateKey",
            json!({"KeySpec": "HMAC_256"}),
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
        ),
        (
            "ScheduleKeyDeletion",
            json!({"KeyId": id, "PendingWindowInDays": 5}),
            "Pending window in days must be between 7 and 30.",
        ),
    ] {
        assert_eq!(house.ask(operation, input).unwrap_err(), format!("ValidationException: {words}"), "{operation}");
    }
}

#[test]
fn what_is_not_done_is_refused_by_its_name() {
    let (_disk, house) = house();
    let id = house.key(json!({}));
    let service = "sqs.amazonaws.com";
    let who = "arn:aws:iam::000000000000:role/r";
    for (operation, input, words) in [
        ("CreateKey", json!({"CustomKeyStoreId": "cks-1"}), "has no custom key stores"),
        ("CreateKey", json!({"XksKeyId": "k"}), "has no custom key stores"),
        (
            "CreateGrant",
            json!({"KeyId": id, "GranteeServicePrincipal": service, "Operations": ["Encrypt"]}),
            "has no grants to service principals",
        ),
        (
            "CreateGrant",
            json!({"KeyId": id, "GranteePrincipal": who, "RetiringServicePrincipal": service, "Operations": ["Encrypt"]}),
            "has no grants to service principals",
        ),
        ("ListGrants", json!({"KeyId": id, "GranteeServicePrincipal": service}), "has no grants to service principals"),
        ("ListRetirableGrants", json!({"RetiringServicePrincipal": service}), "has no grants to service principals"),
    ] {
        let refused = house.ask(operation, input).unwrap_err();
        let sentence = format!("UnsupportedOperationException: This version of tidewire {words}.");
        assert_eq!(refused, sentence, "{operation}");
    }
    assert_eq!(house.ask("ListKeys", json!({})).unwrap()["Keys"].as_array().unwrap().len(), 1);
}

#[test]
fn keys_are_listed_by_whose_they_are() {
    let (_disk, house) = house();
    house.key(json!({}));
    for (owners, keys) in
        [(json!(["SELF"]), 1), (json!(["SELF", "OTHER_ACCOUNTS_VIA_RAM"]), 1), (json!(["OTHER_ACCOUNTS_VIA_RAM"]), 0)]
    {
        let listed = house.ask("ListKeys", json!({"ResourceOwners": owners})).unwrap();
        assert_eq!(listed["Keys"].as_array().unwrap().len(), keys, "{owners}");
    }
}

#[test]
fn a_key_does_only_what_it_is_for() {
    let (_disk, house) = house();
    let symmetric = house.key(json!({}));
    let mac = house.key(json!({"KeySpec": "HMAC_224", "KeyUsage": "GENERATE_VERIFY_MAC"}));
    let sign = house.key(json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}));
    let arn = |id: &str| format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/{id}");
    let m = base64(b"m");
    for (operation, input, words) in [
        (
            "GenerateMac",
            json!({"KeyId": symmetric, "Message": m, "MacAlgorithm": "HMAC_SHA_256"}),
            format!("{} key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac.", arn(&symmetric)),
        ),
        (
            "Sign",
            json!({"KeyId": mac, "Message": m, "SigningAlgorithm": "ECDSA_SHA_256"}),
            format!("{} key usage is GENERATE_VERIFY_MAC which is not valid for Sign.", arn(&mac)),
        ),
        (
            "Encrypt",
            json!({"KeyId": sign, "Plaintext": m}),
            format!("{} key usage is SIGN_VERIFY which is not valid for Encrypt.", arn(&sign)),
        ),
        (
            "GenerateMac",
            json!({"KeyId": mac, "Message": m, "MacAlgorithm": "HMAC_SHA_256"}),
            "Algorithm HMAC_SHA_256 is incompatible with key spec HMAC_224.".into(),
        ),
    ] {
        assert_eq!(house.ask(operation, input).unwrap_err(), format!("InvalidKeyUsageException: {words}"));
    }
    let sealed = house.ask("Encrypt", json!({"KeyId": symmetric, "Plaintext": m})).unwrap()["CiphertextBlob"].clone();
    let refused = house.ask("Decrypt", json!({"KeyId": sign, "CiphertextBlob": sealed})).unwrap_err();
    assert!(refused.starts_with("IncorrectKeyException: The key ID in the request does not identify"), "{refused}");
    let signature =
        house.ask("Sign", json!({"KeyId": sign, "Message": m, "SigningAlgorithm": "ECDSA_SHA_256"})).unwrap();
    let verify = |message: &[u8]| {
        let input = json!({"KeyId": sign, "Message": base64(message), "Signature": signature["Signature"], "SigningAlgorithm": "ECDSA_SHA_256"});
        house.ask("Verify", input)
    };
    assert_eq!(verify(b"m").unwrap()["SignatureValid"], true);
    assert_eq!(verify(b"n").unwrap_err(), "KMSInvalidSignatureException: ");
}

#[test]
fn a_managed_key_is_made_when_its_alias_is_first_used() {
    let (_disk, house) = house();
    let aliases = |house: &House| house.ask("ListAliases", json!({})).unwrap()["Aliases"].clone();
    let listed = aliases(&house);
    let sqs = listed.as_array().unwrap().iter().find(|alias| alias["AliasName"] == "alias/aws/sqs").unwrap();
    assert_eq!(sqs["TargetKeyId"], Value::Null);
    let described = house.ask("DescribeKey", json!({"KeyId": "alias/aws/sqs"})).unwrap();
    assert_eq!(described["KeyMetadata"]["KeyManager"], "AWS");
    let again = house.ask("DescribeKey", json!({"KeyId": "alias/aws/sqs"})).unwrap();
    assert_eq!(again["KeyMetadata"]["KeyId"], described["KeyMetadata"]["KeyId"]);
    let refused = house.ask("DisableKey", json!({"KeyId": described["KeyMetadata"]["KeyId"]})).unwrap_err();
    assert!(refused.starts_with("AccessDeniedException"), "{refused}");
    assert_eq!(aliases(&house).as_array().unwrap().len(), listed.as_array().unwrap().len());
}

#[test]
fn a_key_rotates_by_itself_when_its_days_are_over() {
    let (_disk, house) = house();
    let id = house.key(json!({}));
    house.ask("EnableKeyRotation", json!({"KeyId": id, "RotationPeriodInDays": 90})).unwrap();
    house.kms.tend();
    assert_eq!(house.ask("ListKeyRotations", json!({"KeyId": id})).unwrap()["Rotations"], json!([]));
    house.clock.advance_millis(1000 * 90 * 24 * 3600);
    house.kms.tend();
    let rotations = house.ask("ListKeyRotations", json!({"KeyId": id})).unwrap()["Rotations"].clone();
    assert_eq!((rotations.as_array().unwrap().len(), &rotations[0]["RotationType"]), (1, &json!("AUTOMATIC")));
}

#[test]
fn what_is_changed_of_a_key_is_read_back_and_is_there_after_a_restart() {
    let (disk, house) = house();
    let id = house.key(json!({"Tags": [{"TagKey": "a", "TagValue": "1"}]}));
    let of = |more: Value| {
        let mut input = json!({"KeyId": id});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let rotation = |house: &House| {
        let status = house.ask("GetKeyRotationStatus", of(json!({}))).unwrap();
        (status["KeyRotationEnabled"].clone(), status["RotationPeriodInDays"].clone())
    };
    assert_eq!(rotation(&house).0, json!(false));
    house.ask("EnableKeyRotation", of(json!({"RotationPeriodInDays": 100}))).unwrap();
    assert_eq!(rotation(&house), (json!(true), json!(100)));
    house.ask("DisableKeyRotation", of(json!({}))).unwrap();
    assert_eq!(rotation(&house).0, json!(false));
    house.ask("EnableKeyRotation", of(json!({}))).unwrap();

    house.ask("UpdateKeyDescription", of(json!({"Description": "new"}))).unwrap();
    house.ask("TagResource", of(json!({"Tags": [{"TagKey": "b", "TagValue": "2"}]}))).unwrap();
    house.ask("UntagResource", of(json!({"TagKeys": ["a"]}))).unwrap();
    house.ask("CreateAlias", json!({"AliasName": "alias/one", "TargetKeyId": id})).unwrap();
    let other = house.key(json!({}));
    house.ask("UpdateAlias", json!({"AliasName": "alias/one", "TargetKeyId": other})).unwrap();
    house.store.journal().close();

    let house = House::open_at(&disk, OPENED_AT.plus_secs(1));
    assert_eq!(rotation(&house), (json!(true), json!(365)));
    let metadata = house.ask("DescribeKey", of(json!({}))).unwrap()["KeyMetadata"].clone();
    assert_eq!(metadata["Description"], "new");
    let tags = house.ask("ListResourceTags", of(json!({}))).unwrap()["Tags"].clone();
    assert_eq!(tags, json!([{"TagKey": "b", "TagValue": "2"}]));
    assert_eq!(house.ask("ListKeyPolicies", of(json!({}))).unwrap()["PolicyNames"], json!(["default"]));
    let aliased = house.ask("DescribeKey", json!({"KeyId": "alias/one"})).unwrap()["KeyMetadata"].clone();
    assert_eq!(aliased["KeyId"], json!(other));
    house.ask("DeleteAlias", json!({"AliasName": "alias/one"})).unwrap();
    assert!(house.ask("DescribeKey", json!({"KeyId": "alias/one"})).unwrap_err().starts_with("NotFoundException"));
}

#[test]
fn chance_is_as_long_as_it_is_asked_to_be_and_never_the_same() {
    let (_disk, house) = house();
    let bytes = |count: u32| {
        let answer = house.ask("GenerateRandom", json!({"NumberOfBytes": count})).unwrap();
        STANDARD.decode_to_vec(text(&answer["Plaintext"])).unwrap()
    };
    for count in [1, 32, 1024] {
        assert_eq!(bytes(count).len(), count as usize);
    }
    assert_ne!(bytes(32), bytes(32));
    assert!(
        house.ask("GenerateRandom", json!({"NumberOfBytes": 1025})).unwrap_err().starts_with("ValidationException")
    );
}
