//! What keys do beside encrypting, and what is done with whole keys, through the API.

use crate::house::House;
use journal::sim::SimDisk;
use names::Region;
use serde_json::{Value, json};
use std::sync::Arc;

fn house() -> House {
    House::open(&Arc::new(SimDisk::new(1)))
}

#[test]
fn a_mac_is_of_one_message_and_one_key() {
    let house = house();
    for (spec, algorithm, bytes) in [
        ("HMAC_224", "HMAC_SHA_224", 28),
        ("HMAC_256", "HMAC_SHA_256", 32),
        ("HMAC_384", "HMAC_SHA_384", 48),
        ("HMAC_512", "HMAC_SHA_512", 64),
    ] {
        let made = || house.key(json!({"KeySpec": spec, "KeyUsage": "GENERATE_VERIFY_MAC"}));
        let (id, other) = (made(), made());
        let told =
            house.ask("GenerateMac", json!({"KeyId": id, "Message": "bQ==", "MacAlgorithm": algorithm})).unwrap();
        let mac = base64_simd::STANDARD.decode_to_vec(told["Mac"].as_str().unwrap()).unwrap();
        assert_eq!((mac.len(), &told["MacAlgorithm"]), (bytes, &json!(algorithm)));
        let verify = |key: &str, message: &str, mac: &[u8]| {
            let mac = base64_simd::STANDARD.encode_to_string(mac);
            house.ask("VerifyMac", json!({"KeyId": key, "Message": message, "Mac": mac, "MacAlgorithm": algorithm}))
        };
        assert_eq!(verify(&id, "bQ==", &mac).unwrap()["MacValid"], true);
        let changed = [&mac[..bytes - 1], &[mac[bytes - 1] ^ 1]].concat();
        for wrong in [
            verify(&id, "bg==", &mac),
            verify(&other, "bQ==", &mac),
            verify(&id, "bQ==", &changed),
            verify(&id, "bQ==", &mac[..bytes - 1]),
        ] {
            assert_eq!(wrong.unwrap_err(), "KMSInvalidMacException: ", "{spec}");
        }
    }
}

#[test]
fn the_grants_that_somebody_may_retire_are_listed_over_all_keys() {
    let house = house();
    let role = |name: &str| format!("arn:aws:iam::000000000000:role/{name}");
    let granted = |retiring: &str| {
        let input = json!({"KeyId": house.key(json!({})), "GranteePrincipal": role("worker"),
            "RetiringPrincipal": role(retiring), "Operations": ["Encrypt"]});
        house.ask("CreateGrant", input).unwrap()["GrantId"].clone()
    };
    let (one, two, _) = (granted("a"), granted("a"), granted("b"));
    let list = |more: Value| {
        let mut input = json!({"RetiringPrincipal": role("a")});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        house.ask("ListRetirableGrants", input).unwrap()
    };
    let ids = |listed: &Value| {
        let grants = listed["Grants"].as_array().unwrap();
        grants.iter().map(|grant| grant["GrantId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut expected = vec![one.as_str().unwrap().to_owned(), two.as_str().unwrap().to_owned()];
    expected.sort();
    assert_eq!(ids(&list(json!({}))), expected);
    let first = list(json!({"Limit": 1}));
    let second = list(json!({"Limit": 1, "Marker": first["NextMarker"]}));
    assert_eq!([ids(&first), ids(&second)].concat(), expected);
    assert_eq!((&first["Truncated"], &second["Truncated"]), (&json!(true), &json!(false)));
}

#[test]
fn a_replica_becomes_the_primary_and_the_primary_a_replica() {
    let house = house();
    let id = house.key(json!({"MultiRegion": true}));
    house.ask("ReplicateKey", json!({"KeyId": id, "ReplicaRegion": "eu-west-1"})).unwrap();
    let missing = house.ask("UpdatePrimaryRegion", json!({"KeyId": id, "PrimaryRegion": "ap-south-1"})).unwrap_err();
    assert!(missing.starts_with("NotFoundException"), "{missing}");
    house.ask("UpdatePrimaryRegion", json!({"KeyId": id, "PrimaryRegion": "eu-west-1"})).unwrap();
    let config = |region: &str| {
        let caller = house.root().in_region(&Region::parse(region).unwrap());
        let described = house.ask_as(caller, "DescribeKey", &json!({"KeyId": id})).unwrap();
        described["KeyMetadata"]["MultiRegionConfiguration"].clone()
    };
    for (region, kind) in [("us-east-1", "REPLICA"), ("eu-west-1", "PRIMARY")] {
        let config = config(region);
        assert_eq!(
            (&config["MultiRegionKeyType"], &config["PrimaryKey"]["Region"]),
            (&json!(kind), &json!("eu-west-1"))
        );
        assert_eq!(config["ReplicaKeys"][0]["Region"], "us-east-1");
    }
    let again = house.ask("UpdatePrimaryRegion", json!({"KeyId": id, "PrimaryRegion": "us-east-1"})).unwrap_err();
    assert!(again.starts_with("UnsupportedOperationException"), "only the primary hands over: {again}");
}

#[test]
fn a_deletion_that_is_cancelled_leaves_the_key_disabled_and_whole() {
    let house = house();
    let id = house.key(json!({}));
    let blob = house.ask("Encrypt", json!({"KeyId": id, "Plaintext": "bQ=="})).unwrap()["CiphertextBlob"].clone();
    house.ask("ScheduleKeyDeletion", json!({"KeyId": id, "PendingWindowInDays": 7})).unwrap();
    house.clock.advance_millis(7 * 24 * 3_600_000 - 1);
    house.kms.tend();
    house.ask("CancelKeyDeletion", json!({"KeyId": id})).unwrap();
    let metadata = house.ask("DescribeKey", json!({"KeyId": id})).unwrap()["KeyMetadata"].clone();
    assert_eq!((&metadata["KeyState"], &metadata["DeletionDate"]), (&json!("Disabled"), &Value::Null));
    house.clock.advance_millis(2);
    house.kms.tend();
    assert!(house.ask("Decrypt", json!({"CiphertextBlob": blob})).unwrap_err().starts_with("DisabledException"));
    house.ask("EnableKey", json!({"KeyId": id})).unwrap();
    assert_eq!(house.ask("Decrypt", json!({"CiphertextBlob": blob})).unwrap()["Plaintext"], "bQ==");
    let refused = house.ask("CancelKeyDeletion", json!({"KeyId": id})).unwrap_err();
    assert!(refused.starts_with("KMSInvalidStateException"), "{refused}");
}
