//! Signatures are those that others verify: with the public half, by another library than signed.

use super::*;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters,
    UnparsedPublicKey,
};

/// A key that is made once for all tests, of a certificate that is none.
pub(crate) fn key() -> Arc<SigningKey> {
    static KEY: std::sync::OnceLock<Arc<SigningKey>> = std::sync::OnceLock::new();
    let make = || {
        let made = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8: Pkcs8V1Der<'_> = made.as_der().unwrap();
        Arc::new(SigningKey::new(pkcs8.as_ref(), b"certificate").unwrap())
    };
    Arc::clone(KEY.get_or_init(make))
}

/// Whether a signature is of this text.
pub(crate) fn is_of(version: SignatureVersion, text: &str, signature: &str) -> bool {
    let algorithm: &'static RsaParameters = match version {
        SignatureVersion::One => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        SignatureVersion::Two => &RSA_PKCS1_2048_8192_SHA256,
    };
    let key = key();
    let public = UnparsedPublicKey::new(algorithm, key.fast.public_key().as_ref());
    public.verify(text.as_bytes(), &STANDARD.decode_to_vec(signature).unwrap()).is_ok()
}

#[test]
fn both_versions_are_what_others_verify_and_neither_is_the_other() {
    for (version, other) in
        [(SignatureVersion::One, SignatureVersion::Two), (SignatureVersion::Two, SignatureVersion::One)]
    {
        let signature = key().sign(version, "text").unwrap();
        assert!(is_of(version, "text", &signature), "{version:?}");
        assert!(!is_of(version, "tex", &signature) && !is_of(other, "text", &signature), "{version:?}");
        assert_eq!(key().sign(version, "text").unwrap(), signature, "the same again");
    }
}

#[test]
fn what_is_signed_is_names_and_values_a_line_each() {
    assert_eq!(
        signed_text(&[("Message", "hello\nyou"), ("Type", "Notification")]),
        "Message\nhello\nyou\nType\nNotification\n"
    );
}

#[test]
fn a_certificate_is_served_under_its_fingerprint() {
    let file = key().certificate_file().to_owned();
    assert_eq!(file, certificate_file(b"certificate"));
    assert_eq!(file.len(), "SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem".len());
    assert!(
        is_certificate_path(&format!("/{file}")) && !is_certificate_path("/healthz") && !is_certificate_path(&file)
    );
}

#[test]
fn a_key_that_is_none_is_told_and_not_shown() {
    assert!(SigningKey::new(b"nonsense", b"").unwrap_err().contains("cannot be read"));
    assert!(!format!("{:?}", key()).contains("legacy"));
}
