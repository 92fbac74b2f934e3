//! What policies are told of a request and of its key: a row for each condition key.
//!
//! Source: KMS Developer Guide, "AWS KMS condition keys". A key that is told wrong is a condition that can be got round.

use crate::house::House;
use gateway::Fact;
use journal::sim::SimDisk;
use serde_json::{Value, json};
use std::sync::Arc;

const ACCOUNT: &str = "000000000000";

/// An operation, its input, and what it tells under a name; of several needs the one of this number.
type Row<'a> = (&'a str, Value, (usize, &'a str), Option<Fact>);

fn check(house: &House, rows: Vec<Row<'_>>) {
    for (operation, input, (nth, name), value) in rows {
        let needs = house.prepared(operation, &input).unwrap().needs(&house.root()).unwrap();
        let said = needs[nth].facts.iter().filter(|(known, _)| &**known == name);
        let values: Vec<&Fact> = said.map(|(_, fact)| fact).collect();
        assert_eq!(values, Vec::from_iter(&value), "{operation}: {name}");
    }
}

fn house() -> House {
    House::open(&Arc::new(SimDisk::new(1)))
}

fn text(value: &str) -> Option<Fact> {
    Some(Fact::Text(value.into()))
}

fn many(values: &[&str]) -> Option<Fact> {
    Some(Fact::Many(values.iter().map(|value| Box::from(*value)).collect()))
}

fn yes() -> Option<Fact> {
    Some(Fact::Bool(true))
}

fn no() -> Option<Fact> {
    Some(Fact::Bool(false))
}

/// A request about a key.
fn of(key: &str, more: &Value) -> Value {
    let mut input = json!({"KeyId": key});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

#[test]
fn what_an_operation_does_where_it_says_nothing() {
    let house = house();
    let id = house.key(json!({"Origin": "EXTERNAL"}));
    let sign = house.key(json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}));
    let by = of(&sign, &json!({"Message": "bQ==", "Signature": "bQ==", "SigningAlgorithm": "ECDSA_SHA_256"}));
    let import = of(&id, &json!({"ImportToken": "bQ==", "EncryptedKeyMaterial": "bQ=="}));
    let (rotation, window) = ("kms:rotationperiodindays", "kms:schedulekeydeletionpendingwindowindays");
    let rows = vec![
        ("CreateKey", json!({"CustomerMasterKeySpec": "RSA_4096"}), (0, "kms:keyspec"), text("RSA_4096")),
        ("CreateKey", json!({}), (0, "kms:keyspec"), text("SYMMETRIC_DEFAULT")),
        ("CreateKey", json!({}), (0, "kms:keyusage"), text("ENCRYPT_DECRYPT")),
        ("CreateKey", json!({}), (0, "kms:keyorigin"), text("AWS_KMS")),
        ("Sign", by.clone(), (0, "kms:messagetype"), text("RAW")),
        ("Verify", by, (0, "kms:messagetype"), text("RAW")),
        ("ImportKeyMaterial", import, (0, "kms:expirationmodel"), text("KEY_MATERIAL_EXPIRES")),
        ("EnableKeyRotation", of(&id, &json!({})), (0, rotation), Some(Fact::Number(365))),
        ("ScheduleKeyDeletion", of(&id, &json!({})), (0, window), Some(Fact::Number(30))),
    ];
    check(&house, rows);
}

#[test]
fn what_a_key_is() {
    let house = house();
    let id = house.key(json!({"MultiRegion": true, "Tags": [{"TagKey": "Team", "TagValue": "a"}]}));
    let (single, empty) = (house.key(json!({})), house.key(json!({"Origin": "EXTERNAL"})));
    house.ask("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": id})).unwrap();
    let row = |key: &str, name, value| ("DescribeKey", json!({"KeyId": key}), (0, name), value);
    let rows = vec![
        row(&id, "kms:keyspec", text("SYMMETRIC_DEFAULT")),
        row(&id, "kms:keyusage", text("ENCRYPT_DECRYPT")),
        row(&id, "kms:keyorigin", text("AWS_KMS")),
        row(&empty, "kms:keyorigin", text("EXTERNAL")),
        row(&id, "kms:multiregion", yes()),
        row(&single, "kms:multiregion", no()),
        row(&id, "kms:multiregionkeytype", text("PRIMARY")),
        row(&single, "kms:multiregionkeytype", None),
        row(&id, "kms:resourcealiases", many(&["alias/a"])),
        row(&id, "kms:calleraccount", text(ACCOUNT)),
        row(&id, "aws:resourcetag/team", text("a")),
        row(&id, "kms:primaryregion", None),
        row(&id, "kms:requestalias", None),
        row("alias/a", "kms:requestalias", text("alias/a")),
    ];
    check(&house, rows);
}

#[test]
fn what_is_done_with_data() {
    let house = house();
    let (id, single) = (house.key(json!({})), house.key(json!({})));
    let mac = house.key(json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}));
    let sign = house.key(json!({"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}));
    house.ask("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": id})).unwrap();
    let blob = house.ask("Encrypt", json!({"KeyId": id, "Plaintext": "bQ=="})).unwrap()["CiphertextBlob"].clone();
    let re_encrypt = |to: &str| {
        json!({"CiphertextBlob": blob, "DestinationKeyId": to, "SourceEncryptionContext": {"from": "1"},
            "DestinationEncryptionContext": {"to": "2"}})
    };
    let by =
        json!({"KeyId": sign, "Message": "bQ==", "SigningAlgorithm": "RSASSA_PSS_SHA_256", "MessageType": "DIGEST"});
    let with = json!({"KeyId": mac, "Message": "bQ==", "MacAlgorithm": "HMAC_SHA_256"});
    let context =
        json!({"KeyId": "alias/a", "Plaintext": "bQ==", "EncryptionContext": {"Tenant": "a", "purpose": "p"}});
    let pair = of(&id, &json!({"KeyPairSpec": "ECC_NIST_P256"}));
    let (algorithm, symmetric) = ("kms:encryptionalgorithm", || text("SYMMETRIC_DEFAULT"));
    let rows = vec![
        ("Encrypt", context.clone(), (0, "kms:requestalias"), text("alias/a")),
        ("Encrypt", context.clone(), (0, "kms:encryptioncontext:tenant"), text("a")),
        ("Encrypt", context.clone(), (0, "kms:encryptioncontextkeys"), many(&["Tenant", "purpose"])),
        ("Encrypt", context, (0, algorithm), symmetric()),
        ("Decrypt", json!({"CiphertextBlob": blob}), (0, algorithm), symmetric()),
        ("ReEncrypt", re_encrypt(&single), (0, algorithm), symmetric()),
        ("ReEncrypt", re_encrypt(&single), (1, algorithm), symmetric()),
        ("ReEncrypt", re_encrypt(&single), (0, "kms:encryptioncontextkeys"), many(&["from"])),
        ("ReEncrypt", re_encrypt(&single), (1, "kms:encryptioncontextkeys"), many(&["to"])),
        ("ReEncrypt", re_encrypt(&single), (0, "kms:reencryptonsamekey"), no()),
        ("ReEncrypt", re_encrypt(&id), (1, "kms:reencryptonsamekey"), yes()),
        ("GenerateDataKeyPair", pair.clone(), (0, "kms:datakeypairspec"), text("ECC_NIST_P256")),
        ("GenerateDataKeyPairWithoutPlaintext", pair, (0, "kms:datakeypairspec"), text("ECC_NIST_P256")),
        ("Sign", by.clone(), (0, "kms:signingalgorithm"), text("RSASSA_PSS_SHA_256")),
        ("Sign", by, (0, "kms:messagetype"), text("DIGEST")),
        ("GenerateMac", with, (0, "kms:macalgorithm"), text("HMAC_SHA_256")),
    ];
    check(&house, rows);
}

#[test]
fn what_is_granted_and_imported() {
    let house = house();
    let (id, empty) = (house.key(json!({})), house.key(json!({"Origin": "EXTERNAL"})));
    let role = "arn:aws:iam::000000000000:role/r";
    let grant = json!({"KeyId": id, "GranteePrincipal": role, "RetiringPrincipal": role, "Operations": ["Encrypt", "Decrypt"],
        "Constraints": {"EncryptionContextSubset": {"tenant": "a"}}});
    let wrapping = json!({"KeyId": empty, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_3072"});
    let import = json!({"KeyId": empty, "ImportToken": "bQ==", "EncryptedKeyMaterial": "bQ==", "ValidTo": 1_700_000_060,
        "ExpirationModel": "KEY_MATERIAL_EXPIRES"});
    let until = Some(Fact::Moment(names::Instant::from_millis(1_700_000_060_000)));
    let rows = vec![
        ("CreateGrant", grant.clone(), (0, "kms:grantoperations"), many(&["Encrypt", "Decrypt"])),
        ("CreateGrant", grant.clone(), (0, "kms:granteeprincipal"), text(role)),
        ("CreateGrant", grant.clone(), (0, "kms:retiringprincipal"), text(role)),
        ("CreateGrant", grant.clone(), (0, "kms:grantconstrainttype"), text("EncryptionContextSubset")),
        ("CreateGrant", grant.clone(), (0, "kms:encryptioncontext:tenant"), text("a")),
        ("CreateGrant", grant, (0, "kms:grantisforawsresource"), no()),
        ("GetParametersForImport", wrapping.clone(), (0, "kms:wrappingalgorithm"), text("RSAES_OAEP_SHA_256")),
        ("GetParametersForImport", wrapping, (0, "kms:wrappingkeyspec"), text("RSA_3072")),
        ("ImportKeyMaterial", import.clone(), (0, "kms:expirationmodel"), text("KEY_MATERIAL_EXPIRES")),
        ("ImportKeyMaterial", import, (0, "kms:validto"), until),
    ];
    check(&house, rows);
}

#[test]
fn what_is_made_and_changed() {
    let house = house();
    let id = house.key(json!({"MultiRegion": true}));
    house.ask("ReplicateKey", json!({"KeyId": id, "ReplicaRegion": "eu-west-1"})).unwrap();
    let made = json!({"KeySpec": "ECC_NIST_P384", "KeyUsage": "SIGN_VERIFY", "MultiRegion": true, "Origin": "EXTERNAL",
        "BypassPolicyLockoutSafetyCheck": true, "Tags": [{"TagKey": "Team", "TagValue": "b"}]});
    let replicate = of(&id, &json!({"ReplicaRegion": "ap-south-1", "BypassPolicyLockoutSafetyCheck": true}));
    let primary = of(&id, &json!({"PrimaryRegion": "eu-west-1"}));
    let policy = of(&id, &json!({"Policy": "{}", "BypassPolicyLockoutSafetyCheck": true}));
    let tags = of(&id, &json!({"Tags": [{"TagKey": "Cost", "TagValue": "c"}]}));
    let (rotate, go) = (of(&id, &json!({"RotationPeriodInDays": 90})), of(&id, &json!({"PendingWindowInDays": 7})));
    let (bypass, days) = ("kms:bypasspolicylockoutsafetycheck", |days| Some(Fact::Number(days)));
    let rows = vec![
        ("CreateKey", made.clone(), (0, "kms:keyspec"), text("ECC_NIST_P384")),
        ("CreateKey", made.clone(), (0, "kms:keyusage"), text("SIGN_VERIFY")),
        ("CreateKey", made.clone(), (0, "kms:keyorigin"), text("EXTERNAL")),
        ("CreateKey", made.clone(), (0, "kms:multiregion"), yes()),
        ("CreateKey", made.clone(), (0, bypass), yes()),
        ("CreateKey", made.clone(), (0, "aws:requesttag/team"), text("b")),
        ("CreateKey", made, (0, "aws:tagkeys"), many(&["Team"])),
        ("PutKeyPolicy", policy, (0, bypass), yes()),
        ("ReplicateKey", replicate.clone(), (0, "kms:replicaregion"), text("ap-south-1")),
        ("ReplicateKey", replicate.clone(), (1, "kms:keyspec"), text("SYMMETRIC_DEFAULT")),
        ("ReplicateKey", replicate.clone(), (1, "kms:multiregion"), yes()),
        ("ReplicateKey", replicate, (1, bypass), yes()),
        ("UpdatePrimaryRegion", primary.clone(), (0, "kms:primaryregion"), text("eu-west-1")),
        ("UpdatePrimaryRegion", primary.clone(), (1, "kms:primaryregion"), text("eu-west-1")),
        ("UpdatePrimaryRegion", primary, (1, "kms:multiregionkeytype"), text("REPLICA")),
        ("EnableKeyRotation", rotate, (0, "kms:rotationperiodindays"), days(90)),
        ("ScheduleKeyDeletion", go, (0, "kms:schedulekeydeletionpendingwindowindays"), days(7)),
        ("TagResource", tags, (0, "aws:requesttag/cost"), text("c")),
        ("UntagResource", of(&id, &json!({"TagKeys": ["Team"]})), (0, "aws:tagkeys"), many(&["Team"])),
    ];
    check(&house, rows);
}
