//! Who is let in, asked as the gateway asks: needs first, the operation only when every one of them is allowed.

use crate::house::{House, OPENED_AT};
use gateway::{Fact, Service};
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

/// What an operation tells policies under a name; of several needs what the one of this number says.
fn told(house: &House, operation: &str, input: &Value, (nth, name): (usize, &str)) -> Option<Fact> {
    let needs = house.prepared(operation, input).unwrap().needs(&house.root()).unwrap();
    let said = needs[nth].facts.iter().filter(|(known, _)| &**known == name);
    let values: Vec<&Fact> = said.map(|(_, fact)| fact).collect();
    assert!(values.len() < 2, "{operation} says {name} twice");
    values.first().map(|fact| (*fact).clone())
}

fn text(value: &str) -> Option<Fact> {
    Some(Fact::Text(value.into()))
}

fn many(values: &[&str]) -> Option<Fact> {
    Some(Fact::Many(values.iter().map(|value| Box::from(*value)).collect()))
}

#[test]
fn what_an_operation_does_where_it_says_nothing_is_told_to_policies_too() {
    let house = house();
    let id = house.key(json!({"Origin": "EXTERNAL"}));
    let sign = house.key(json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}));
    let by = json!({"KeyId": sign, "Message": "bQ==", "Signature": "bQ==", "SigningAlgorithm": "ECDSA_SHA_256"});
    let import = json!({"KeyId": id, "ImportToken": "bQ==", "EncryptedKeyMaterial": "bQ=="});
    for (operation, input, name, value) in [
        ("CreateKey", json!({"CustomerMasterKeySpec": "RSA_4096"}), "kms:keyspec", text("RSA_4096")),
        ("CreateKey", json!({}), "kms:keyspec", text("SYMMETRIC_DEFAULT")),
        ("CreateKey", json!({}), "kms:keyusage", text("ENCRYPT_DECRYPT")),
        ("CreateKey", json!({}), "kms:keyorigin", text("AWS_KMS")),
        ("Sign", by.clone(), "kms:messagetype", text("RAW")),
        ("Verify", by, "kms:messagetype", text("RAW")),
        ("ImportKeyMaterial", import, "kms:expirationmodel", text("KEY_MATERIAL_EXPIRES")),
        ("EnableKeyRotation", json!({"KeyId": id}), "kms:rotationperiodindays", Some(Fact::Number(365))),
        (
            "ScheduleKeyDeletion",
            json!({"KeyId": id}),
            "kms:schedulekeydeletionpendingwindowindays",
            Some(Fact::Number(30)),
        ),
    ] {
        assert_eq!(told(&house, operation, &input, (0, name)), value, "{operation}");
    }
}

#[test]
fn every_condition_key_says_what_a_request_asks_for_and_what_its_key_is() {
    let house = house();
    let id = house.key(json!({"MultiRegion": true, "Tags": [{"TagKey": "Team", "TagValue": "a"}]}));
    let single = house.key(json!({}));
    let mac = house.key(json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}));
    let sign = house.key(json!({"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}));
    let empty = house.key(json!({"Origin": "EXTERNAL"}));
    house.ask("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": id})).unwrap();
    house.ask("ReplicateKey", json!({"KeyId": id, "ReplicaRegion": "eu-west-1"})).unwrap();
    let blob = house.ask("Encrypt", json!({"KeyId": id, "Plaintext": "bQ=="})).unwrap()["CiphertextBlob"].clone();
    let re_encrypt = |to: &str| {
        json!({"CiphertextBlob": blob, "DestinationKeyId": to, "SourceEncryptionContext": {"from": "1"},
            "DestinationEncryptionContext": {"to": "2"}})
    };
    let of = |more: Value| {
        let mut input = json!({"KeyId": id});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let by =
        json!({"KeyId": sign, "Message": "bQ==", "SigningAlgorithm": "RSASSA_PSS_SHA_256", "MessageType": "DIGEST"});
    let with = json!({"KeyId": mac, "Message": "bQ==", "MacAlgorithm": "HMAC_SHA_256"});
    let role = "arn:aws:iam::000000000000:role/r";
    let grant = of(json!({"GranteePrincipal": role, "RetiringPrincipal": role, "Operations": ["Encrypt", "Decrypt"],
        "Constraints": {"EncryptionContextSubset": {"tenant": "a"}}}));
    let wrapping = json!({"KeyId": empty, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_3072"});
    let import = json!({"KeyId": empty, "ImportToken": "bQ==", "EncryptedKeyMaterial": "bQ==", "ValidTo": 1_700_000_060,
        "ExpirationModel": "KEY_MATERIAL_EXPIRES"});
    let tagged = json!({"KeySpec": "ECC_NIST_P384", "KeyUsage": "SIGN_VERIFY", "MultiRegion": true, "Origin": "EXTERNAL",
        "BypassPolicyLockoutSafetyCheck": true, "Tags": [{"TagKey": "Team", "TagValue": "b"}]});
    let context =
        json!({"KeyId": "alias/a", "Plaintext": "bQ==", "EncryptionContext": {"Tenant": "a", "purpose": "p"}});
    let yes = || Some(Fact::Bool(true));
    let no = || Some(Fact::Bool(false));
    let replicate = of(json!({"ReplicaRegion": "ap-south-1", "BypassPolicyLockoutSafetyCheck": true}));
    let primary = of(json!({"PrimaryRegion": "eu-west-1"}));
    let until = Some(Fact::Moment(names::Instant::from_millis(1_700_000_060_000)));
    let policy = of(json!({"Policy": "{}", "BypassPolicyLockoutSafetyCheck": true}));
    let pair = of(json!({"KeyPairSpec": "ECC_NIST_P256"}));
    for (operation, input, name, value) in [
        ("DescribeKey", of(json!({})), (0, "kms:keyspec"), text("SYMMETRIC_DEFAULT")),
        ("DescribeKey", of(json!({})), (0, "kms:keyusage"), text("ENCRYPT_DECRYPT")),
        ("DescribeKey", of(json!({})), (0, "kms:keyorigin"), text("AWS_KMS")),
        ("DescribeKey", json!({"KeyId": empty}), (0, "kms:keyorigin"), text("EXTERNAL")),
        ("DescribeKey", of(json!({})), (0, "kms:multiregion"), yes()),
        ("DescribeKey", json!({"KeyId": single}), (0, "kms:multiregion"), no()),
        ("DescribeKey", of(json!({})), (0, "kms:multiregionkeytype"), text("PRIMARY")),
        ("DescribeKey", json!({"KeyId": single}), (0, "kms:multiregionkeytype"), None),
        ("DescribeKey", of(json!({})), (0, "kms:resourcealiases"), many(&["alias/a"])),
        ("DescribeKey", of(json!({})), (0, "kms:calleraccount"), text(ACCOUNT)),
        ("DescribeKey", of(json!({})), (0, "aws:resourcetag/team"), text("a")),
        ("DescribeKey", of(json!({})), (0, "kms:primaryregion"), None),
        ("DescribeKey", of(json!({})), (0, "kms:requestalias"), None),
        ("DescribeKey", json!({"KeyId": "alias/a"}), (0, "kms:requestalias"), text("alias/a")),
        ("Encrypt", context.clone(), (0, "kms:requestalias"), text("alias/a")),
        ("Encrypt", context.clone(), (0, "kms:encryptioncontext:tenant"), text("a")),
        ("Encrypt", context.clone(), (0, "kms:encryptioncontextkeys"), many(&["Tenant", "purpose"])),
        ("Encrypt", context, (0, "kms:encryptionalgorithm"), text("SYMMETRIC_DEFAULT")),
        ("Decrypt", json!({"CiphertextBlob": blob}), (0, "kms:encryptionalgorithm"), text("SYMMETRIC_DEFAULT")),
        ("ReEncrypt", re_encrypt(&single), (0, "kms:encryptionalgorithm"), text("SYMMETRIC_DEFAULT")),
        ("ReEncrypt", re_encrypt(&single), (1, "kms:encryptionalgorithm"), text("SYMMETRIC_DEFAULT")),
        ("ReEncrypt", re_encrypt(&single), (0, "kms:encryptioncontextkeys"), many(&["from"])),
        ("ReEncrypt", re_encrypt(&single), (1, "kms:encryptioncontextkeys"), many(&["to"])),
        ("ReEncrypt", re_encrypt(&single), (0, "kms:reencryptonsamekey"), no()),
        ("ReEncrypt", re_encrypt(&id), (1, "kms:reencryptonsamekey"), yes()),
        ("GenerateDataKeyPair", pair.clone(), (0, "kms:datakeypairspec"), text("ECC_NIST_P256")),
        ("GenerateDataKeyPairWithoutPlaintext", pair, (0, "kms:datakeypairspec"), text("ECC_NIST_P256")),
        ("Sign", by.clone(), (0, "kms:signingalgorithm"), text("RSASSA_PSS_SHA_256")),
        ("Sign", by, (0, "kms:messagetype"), text("DIGEST")),
        ("GenerateMac", with, (0, "kms:macalgorithm"), text("HMAC_SHA_256")),
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
        ("CreateKey", tagged.clone(), (0, "kms:keyspec"), text("ECC_NIST_P384")),
        ("CreateKey", tagged.clone(), (0, "kms:keyusage"), text("SIGN_VERIFY")),
        ("CreateKey", tagged.clone(), (0, "kms:keyorigin"), text("EXTERNAL")),
        ("CreateKey", tagged.clone(), (0, "kms:multiregion"), yes()),
        ("CreateKey", tagged.clone(), (0, "kms:bypasspolicylockoutsafetycheck"), yes()),
        ("CreateKey", tagged.clone(), (0, "aws:requesttag/team"), text("b")),
        ("CreateKey", tagged, (0, "aws:tagkeys"), many(&["Team"])),
        ("PutKeyPolicy", policy, (0, "kms:bypasspolicylockoutsafetycheck"), yes()),
        ("ReplicateKey", replicate.clone(), (0, "kms:replicaregion"), text("ap-south-1")),
        ("ReplicateKey", replicate.clone(), (1, "kms:keyspec"), text("SYMMETRIC_DEFAULT")),
        ("ReplicateKey", replicate.clone(), (1, "kms:multiregion"), yes()),
        ("ReplicateKey", replicate, (1, "kms:bypasspolicylockoutsafetycheck"), yes()),
        ("UpdatePrimaryRegion", primary.clone(), (0, "kms:primaryregion"), text("eu-west-1")),
        ("UpdatePrimaryRegion", primary, (1, "kms:multiregionkeytype"), text("REPLICA")),
        (
            "EnableKeyRotation",
            of(json!({"RotationPeriodInDays": 90})),
            (0, "kms:rotationperiodindays"),
            Some(Fact::Number(90)),
        ),
        (
            "ScheduleKeyDeletion",
            of(json!({"PendingWindowInDays": 7})),
            (0, "kms:schedulekeydeletionpendingwindowindays"),
            Some(Fact::Number(7)),
        ),
        (
            "TagResource",
            of(json!({"Tags": [{"TagKey": "Cost", "TagValue": "c"}]})),
            (0, "aws:requesttag/cost"),
            text("c"),
        ),
        ("UntagResource", of(json!({"TagKeys": ["Team"]})), (0, "aws:tagkeys"), many(&["Team"])),
    ] {
        assert_eq!(told(&house, operation, &input, name), value, "{operation}: {}", name.1);
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
