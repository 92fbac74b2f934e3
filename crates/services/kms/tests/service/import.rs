//! Material from outside: brought by the token and the key that it was wrapped for, in their time, and held for its own.

use crate::house::{House, OPENED_AT};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use base64_simd::STANDARD;
use journal::sim::SimDisk;
use serde_json::{Value, json};
use std::sync::Arc;

const HOUR_MILLIS: u64 = 3_600_000;

const NO_TOKEN: &str =
    "InvalidImportTokenException: The import token is not valid, or was made for another key or algorithm.";
const OTHER_MATERIAL: &str = "IncorrectKeyMaterialException: The key material is not the same that was imported into this key \
                              before.";

/// A key that waits for material.
struct Waiting<'a> {
    house: &'a House,
    id: String,
}

impl<'a> Waiting<'a> {
    fn of(house: &'a House) -> Self {
        Self { house, id: house.key(json!({"Origin": "EXTERNAL"})) }
    }

    /// A token, and 32 bytes of this value wrapped for it.
    fn wrapped(&self, byte: u8) -> Value {
        let asked = json!({"KeyId": self.id, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"});
        let given = self.house.ask("GetParametersForImport", asked).unwrap();
        let public = STANDARD.decode_to_vec(given["PublicKey"].as_str().unwrap()).unwrap();
        let key = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(&public).unwrap()).unwrap();
        let mut sealed = vec![0; key.ciphertext_size()];
        key.encrypt(&OAEP_SHA256_MGF1SHA256, &[byte; 32], &mut sealed, None).unwrap();
        json!({"ImportToken": given["ImportToken"], "EncryptedKeyMaterial": STANDARD.encode_to_string(sealed)})
    }

    fn bring(&self, wrapped: &Value, more: &Value) -> Result<Value, String> {
        let mut input = json!({"KeyId": self.id, "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"});
        for members in [wrapped, more] {
            input.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        }
        self.house.ask("ImportKeyMaterial", input)
    }

    fn metadata(&self, member: &str) -> Value {
        self.house.ask("DescribeKey", json!({"KeyId": self.id})).unwrap()["KeyMetadata"][member].clone()
    }
}

fn house() -> House {
    House::open(&Arc::new(SimDisk::new(1)))
}

#[test]
fn material_that_expires_is_gone_at_its_moment() {
    let house = house();
    let key = Waiting::of(&house);
    let wrapped = key.wrapped(1);
    let at = OPENED_AT.as_secs() + 3600;
    for (more, words) in [
        (json!({"ExpirationModel": "KEY_MATERIAL_EXPIRES"}), "A validTo date must be set"),
        (json!({"ValidTo": at}), "A validTo date must not be set"),
        (
            json!({"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": at - 3601}),
            "The validTo date must be in the future",
        ),
    ] {
        let refused = key.bring(&wrapped, &more).unwrap_err();
        assert!(refused.starts_with(&format!("ValidationException: {words}")), "{refused}");
    }
    key.bring(&wrapped, &json!({"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": at})).unwrap();
    assert_eq!((key.metadata("ValidTo"), key.metadata("ExpirationModel")), (json!(at), json!("KEY_MATERIAL_EXPIRES")));
    let sealed = house.ask("Encrypt", json!({"KeyId": key.id, "Plaintext": "bQ=="})).unwrap()["CiphertextBlob"].clone();
    let open = || house.ask("Decrypt", json!({"CiphertextBlob": sealed}));
    house.clock.advance_millis(HOUR_MILLIS - 1);
    assert_eq!(open().unwrap()["Plaintext"], "bQ==");
    house.clock.advance_millis(1);
    assert!(open().unwrap_err().ends_with("is pending import."), "before anybody tends");
    house.kms.tend();
    assert!(open().unwrap_err().ends_with("is pending import."));
    assert_eq!(key.metadata("KeyState"), "PendingImport");
    key.bring(&key.wrapped(1), &json!({})).unwrap();
    assert_eq!(open().unwrap()["Plaintext"], "bQ==");
}

#[test]
fn a_token_is_good_for_its_key_and_for_a_day() {
    let house = house();
    let (key, other) = (Waiting::of(&house), Waiting::of(&house));
    let wrapped = key.wrapped(1);
    assert_eq!(other.bring(&wrapped, &json!({})).unwrap_err(), NO_TOKEN);
    let mut broken = wrapped.clone();
    let mut token = STANDARD.decode_to_vec(broken["ImportToken"].as_str().unwrap()).unwrap();
    token[3] ^= 1;
    broken["ImportToken"] = json!(STANDARD.encode_to_string(&token));
    assert_eq!(key.bring(&broken, &json!({})).unwrap_err(), NO_TOKEN);
    // Wrapped for another token's key.
    let mut mixed = wrapped.clone();
    mixed["EncryptedKeyMaterial"] = key.wrapped(1)["EncryptedKeyMaterial"].clone();
    assert!(key.bring(&mixed, &json!({})).unwrap_err().starts_with("InvalidCiphertextException"));
    house.clock.advance_millis(24 * HOUR_MILLIS + 1);
    let expired =
        "ExpiredImportTokenException: The import token has expired. Call GetParametersForImport for a new one.";
    assert_eq!(key.bring(&wrapped, &json!({})).unwrap_err(), expired);
    assert_eq!(key.metadata("KeyState"), "PendingImport");
    key.bring(&key.wrapped(1), &json!({})).unwrap();
    assert_eq!(key.metadata("KeyState"), "Enabled");
}

#[test]
fn material_is_of_the_kind_that_the_request_says() {
    let house = house();
    let key = Waiting::of(&house);
    let wrapped = key.wrapped(1);
    let (first, again) = (json!({"ImportType": "NEW_KEY_MATERIAL"}), json!({"ImportType": "EXISTING_KEY_MATERIAL"}));
    assert!(key.bring(&wrapped, &again).unwrap_err().starts_with("IncorrectKeyMaterialException"));
    let made = key.bring(&wrapped, &first).unwrap()["KeyMaterialId"].clone();
    assert!(key.bring(&wrapped, &first).unwrap_err().starts_with("UnsupportedOperationException"));
    key.bring(&wrapped, &again).unwrap();
    key.bring(&wrapped, &json!({"KeyMaterialId": made})).unwrap();
    let wrong = json!({"KeyMaterialId": "ab".repeat(32)});
    assert_eq!(key.bring(&wrapped, &wrong).unwrap_err(), OTHER_MATERIAL);
    let both = json!({"KeyMaterialId": made, "ImportType": "NEW_KEY_MATERIAL"});
    assert!(key.bring(&wrapped, &both).unwrap_err().starts_with("ValidationException"));
    assert_eq!(key.bring(&key.wrapped(2), &again).unwrap_err(), OTHER_MATERIAL);
}

#[test]
fn material_of_another_length_than_the_keys_is_refused_with_a_sentence() {
    let house = house();
    let id = house.key(json!({"Origin": "EXTERNAL", "KeySpec": "HMAC_384", "KeyUsage": "GENERATE_VERIFY_MAC"}));
    let key = Waiting { house: &house, id };
    let words = "IncorrectKeyMaterialException: The key material is not valid for a key of the spec HMAC_384.";
    assert_eq!(key.bring(&key.wrapped(1), &json!({})).unwrap_err(), words);
}
