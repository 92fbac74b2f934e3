//! The key that signs what SNS sends out, and the certificate by which receivers check it (ADR 0041).
//!
//! A signature covers some members of an envelope, by name and value, one a line, in the order of their names. Version 1 is RSA over
//! SHA-1, as AWS signs unless a topic says otherwise; version 2 over SHA-256. The key is the server's: it is made when the first message
//! needs a signature, and handed in here. Source: SNS developer guide, "Verifying the signatures of Amazon SNS messages".

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64_simd::STANDARD;
use seal::Sha1Signer;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What a certificate's file is called, around its fingerprint.
const FILE_PREFIX: &str = "SimpleNotificationService-";
const FILE_SUFFIX: &str = ".pem";

/// Bytes of the fingerprint that are shown: AWS shows so many.
const FINGERPRINT_BYTES: usize = 16;

/// Where the key comes from.
pub trait SigningKeys: Send + Sync + 'static {
    /// The key, once it is there. To ask is to have it made or read, whether the answer is waited for or not.
    fn key(&self) -> KeyComing;
}

/// A key that may still be being made.
pub type KeyComing = Pin<Box<dyn Future<Output = Result<Arc<SigningKey>, String>> + Send>>;

/// A key with its certificate.
pub struct SigningKey {
    /// Signs over SHA-256.
    fast: KeyPair,
    /// The same key, which signs over SHA-1; the other does not.
    legacy: Sha1Signer,
    certificate_file: Box<str>,
}

/// What a topic's `SignatureVersion` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum SignatureVersion {
    #[default]
    One,
    Two,
}

impl SignatureVersion {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "1" => Some(Self::One),
            "2" => Some(Self::Two),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::One => "1",
            Self::Two => "2",
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.certificate_file)
    }
}

/// The name of the file that a certificate is served as, of its DER bytes.
pub fn certificate_file(certificate_der: &[u8]) -> String {
    let fingerprint = digest(&SHA256, certificate_der);
    let shown: String = fingerprint.as_ref()[..FINGERPRINT_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{FILE_PREFIX}{shown}{FILE_SUFFIX}")
}

/// Whether a path may be that of a certificate.
pub fn is_certificate_path(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|file| file.starts_with(FILE_PREFIX) && file.ends_with(FILE_SUFFIX))
}

impl SigningKey {
    /// An RSA key in PKCS #8, and its certificate in DER.
    ///
    /// Fails with a sentence if the key is none.
    pub fn new(pkcs8: &[u8], certificate_der: &[u8]) -> Result<Self, String> {
        let fast = KeyPair::from_pkcs8(pkcs8).map_err(|error| format!("the signing key cannot be read: {error}"))?;
        let legacy = Sha1Signer::from_pkcs8(pkcs8).ok_or("the signing key cannot be read: it is no RSA key")?;
        Ok(Self { fast, legacy, certificate_file: certificate_file(certificate_der).into() })
    }

    /// Where the certificate is, behind the server's address.
    pub(crate) fn certificate_file(&self) -> &str {
        &self.certificate_file
    }

    /// The signature of a text, in base64.
    pub(crate) fn sign(&self, version: SignatureVersion, text: &str) -> Result<String, String> {
        let signed = match version {
            SignatureVersion::One => self.legacy.sign(text.as_bytes()).ok_or("the key does not sign")?,
            SignatureVersion::Two => {
                let mut signed = vec![0; self.fast.public_modulus_len()];
                let hash = digest(&SHA256, text.as_bytes());
                self.fast.sign_digest(&RSA_PKCS1_SHA256, &hash, &mut signed).map_err(|error| error.to_string())?;
                signed
            }
        };
        Ok(STANDARD.encode_to_string(signed))
    }
}

/// What is signed of an envelope: names and values, in the order of the names, which the caller keeps to.
pub(crate) fn signed_text(members: &[(&str, &str)]) -> String {
    debug_assert!(members.is_sorted_by_key(|(name, _)| *name), "members are signed in the order of their names");
    members.iter().fold(String::new(), |text, (name, value)| text + name + "\n" + value + "\n")
}

#[cfg(test)]
#[path = "signing_tests.rs"]
pub(crate) mod tests;
