//! Signature version 4A: a key pair that is made of a secret, so that one signature is good in many regions.
//!
//! ```text
//! HMAC-SHA256("AWS4A" secret, 00000001 │ "AWS4-ECDSA-P256-SHA256" │ 00 │ access key │ counter │ 00000100) + 1
//! ```
//! The counter is 1, and one more while what comes out is no private key of P-256, which nobody will ever see. The server needs
//! the public half alone. Sources: NIST SP 800-108 (counter mode) as aws-c-auth has it; the key of its test suite is a test here.

use super::claim::ASYMMETRIC;
use crate::Secret;
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

/// The order of P-256 less two: what is at most this much is a private key when one is added.
const ORDER_LESS_TWO: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x4f,
];

/// The point of a secret, uncompressed.
pub(super) fn public_key(secret: &Secret, access_key: &str) -> Option<Box<[u8]>> {
    let private = PrivateKey::from_private_key(&ECDH_P256, private_key(secret, access_key)?.expose()).ok()?;
    Some(private.compute_public_key().ok()?.as_ref().into())
}

/// The number of a secret.
pub(super) fn private_key(secret: &Secret, access_key: &str) -> Option<Secret> {
    let prefixed = Secret::new([b"AWS4A", secret.expose()].concat());
    let key = Key::new(HMAC_SHA256, prefixed.expose());
    (1..=254).find_map(|counter: u8| {
        let parts: [&[u8]; 6] =
            [&[0, 0, 0, 1], ASYMMETRIC.as_bytes(), &[0], access_key.as_bytes(), &[counter], &[0, 0, 1, 0]];
        let mut number: [u8; 32] = sign(&key, &parts.concat()).as_ref().try_into().expect("SHA-256 has 32 bytes");
        if number > ORDER_LESS_TWO {
            return None;
        }
        for byte in number.iter_mut().rev() {
            let (sum, carries) = byte.overflowing_add(1);
            *byte = sum;
            if !carries {
                break;
            }
        }
        Some(Secret::new(number))
    })
}

/// Whether a signature in DER is of this point.
pub(super) fn is_signed(point: &[u8], text: &str, signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(text.as_bytes(), signature).is_ok()
}

/// Whether a list of regions, each perhaps with a `*` for anything, has this one in it.
pub(super) fn covers(regions: &str, wanted: &str) -> bool {
    regions.split(',').map(str::trim).any(|region| match region.split_once('*') {
        None => region == wanted,
        Some((before, behind)) => {
            wanted.strip_prefix(before).is_some_and(|rest| rest.ends_with(behind)) && !behind.contains('*')
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_secrets_key_pair_is_the_one_that_others_make_of_it() {
        // aws-c-auth, tests/aws-signing-test-suite/v4a; the number as `cryptography` makes it of the same steps.
        let secret = Secret::from("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        let number = "7efc8c0e65a324242818c5a50c891c6060b6a00717b7ba3cbe3c5d765be9259c";
        assert_eq!(hex(private_key(&secret, "AKIDEXAMPLE").unwrap().expose()), number);
        let x = "b6618f6a65740a99e650b33b6b4b5bd0d43b176d721a3edfea7e7d2d56d936b1";
        let y = "865ed22a7eadc9c5cb9d2cbaca1b3699139fedc5043dc6661864218330c8e518";
        assert_eq!(hex(&public_key(&secret, "AKIDEXAMPLE").unwrap()), format!("04{x}{y}"));
        assert_ne!(public_key(&secret, "AKIDOTHER"), public_key(&secret, "AKIDEXAMPLE"));
    }

    #[test]
    fn a_set_of_regions_says_where_a_signature_is_good() {
        for (regions, wanted, is_good) in [
            ("us-east-1", "us-east-1", true),
            ("us-east-1", "us-east-10", false),
            ("us-east-1, eu-west-1", "eu-west-1", true),
            ("*", "eu-west-1", true),
            ("eu-*", "eu-west-1", true),
            ("eu-*", "us-east-1", false),
            ("*-1", "eu-west-1", true),
            ("eu-west-1*1", "eu-west-1", false),
            ("*-*", "eu-west-1", false),
            ("", "eu-west-1", false),
            ("", "", true),
        ] {
            assert_eq!(covers(regions, wanted), is_good, "{regions} {wanted}");
        }
    }
}
