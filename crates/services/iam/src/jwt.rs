//! Identity tokens of OpenID Connect: JSON Web Tokens (RFC 7519), signed by RS256, RS384, RS512, ES256 or ES384 (RFC 7518)
//! with keys that the provider publishes (RFC 7517).
//!
//! The algorithm is the key's as much as the token's: a key of a curve never verifies a signature of RSA, and `none` or a
//! shared secret are no algorithms here. Nothing that a token says counts before its signature was verified, but for who its
//! provider is.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::Value;

/// A token that was read and not yet verified.
pub(crate) struct Token<'t> {
    algorithm: Box<str>,
    key_id: Option<Box<str>>,
    signed: &'t str,
    signature: Vec<u8>,
    pub(crate) claims: Claims,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Claims {
    pub(crate) issuer: Box<str>,
    pub(crate) subject: Box<str>,
    pub(crate) audiences: Box<[Box<str>]>,
    /// Seconds since 1970.
    pub(crate) expires_at: u64,
    pub(crate) not_before: Option<u64>,
    /// Other claims that are text and that conditions may ask for.
    pub(crate) others: Vec<(Box<str>, Box<str>)>,
}

/// Claims beside sub and aud that AWS makes condition keys of.
const CONDITION_CLAIMS: [&str; 3] = ["amr", "azp", "email"];

impl<'t> Token<'t> {
    /// Takes a token apart.
    pub(crate) fn read(text: &'t str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.').filter(|(_, payload)| !payload.contains('.'))?;
        let header = object(header)?;
        // Extensions that must be understood are not.
        if header.get("crit").is_some() {
            return None;
        }
        Some(Self {
            algorithm: header["alg"].as_str()?.into(),
            key_id: header["kid"].as_str().map(Into::into),
            signed,
            signature: URL_SAFE_NO_PAD.decode_to_vec(signature.as_bytes()).ok()?,
            claims: Claims::read(&object(payload)?)?,
        })
    }

    /// Whether one of these keys signed it.
    pub(crate) fn is_signed_by(&self, keys: &Keys) -> bool {
        let is_named = |key: &&Key| self.key_id.is_none() || key.id == self.key_id;
        keys.0.iter().filter(is_named).any(|key| key.verifies(self))
    }
}

fn object(part: &str) -> Option<Value> {
    let bytes = URL_SAFE_NO_PAD.decode_to_vec(part.as_bytes()).ok()?;
    serde_json::from_slice(&bytes).ok().filter(Value::is_object)
}

impl Claims {
    fn read(payload: &Value) -> Option<Self> {
        let text = |name: &str| payload[name].as_str().map(Into::into);
        let audiences = match &payload["aud"] {
            Value::String(one) => vec![one.as_str().into()],
            Value::Array(several) => several.iter().filter_map(|one| one.as_str().map(Into::into)).collect(),
            _ => return None,
        };
        let seconds = |name: &str| payload[name].as_f64().filter(|value| *value >= 0.0).map(|value| value as u64);
        let others = CONDITION_CLAIMS.iter().filter_map(|name| Some(((*name).into(), text(name)?)));
        Some(Self {
            issuer: text("iss")?,
            subject: text("sub")?,
            audiences: audiences.into(),
            expires_at: seconds("exp")?,
            not_before: seconds("nbf"),
            others: others.collect(),
        })
    }
}

/// The keys that a provider publishes.
pub(crate) struct Keys(Vec<Key>);

struct Key {
    id: Option<Box<str>>,
    public: Public,
}

enum Public {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// The uncompressed point of P-256 or P-384.
    Curve {
        is_p256: bool,
        point: Vec<u8>,
    },
}

impl Keys {
    /// Reads a set; keys of other kinds, and those that are not for signatures, are passed over.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let document: Value = serde_json::from_slice(bytes).ok()?;
        let keys = document["keys"].as_array()?.iter();
        Some(Self(
            keys.filter(|key| key["use"].as_str().is_none_or(|for_what| for_what == "sig")).filter_map(key).collect(),
        ))
    }
}

fn key(value: &Value) -> Option<Key> {
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode_to_vec(value[name].as_str()?.as_bytes()).ok();
    let public = match (value["kty"].as_str()?, value["crv"].as_str()) {
        ("RSA", _) => Public::Rsa { modulus: bytes("n")?, exponent: bytes("e")? },
        ("EC", Some(curve @ ("P-256" | "P-384"))) => {
            let size = if curve == "P-256" { 32 } else { 48 };
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != size || y.len() != size {
                return None;
            }
            Public::Curve { is_p256: size == 32, point: [&[4], &*x, &*y].concat() }
        }
        _ => return None,
    };
    Some(Key { id: value["kid"].as_str().map(Into::into), public })
}

impl Key {
    fn verifies(&self, token: &Token<'_>) -> bool {
        let (message, signature) = (token.signed.as_bytes(), &*token.signature);
        match (&self.public, &*token.algorithm) {
            (Public::Rsa { modulus, exponent }, algorithm) => {
                let parameters = match algorithm {
                    "RS256" => &RSA_PKCS1_2048_8192_SHA256,
                    "RS384" => &RSA_PKCS1_2048_8192_SHA384,
                    "RS512" => &RSA_PKCS1_2048_8192_SHA512,
                    _ => return false,
                };
                let key = RsaPublicKeyComponents { n: &**modulus, e: &**exponent };
                key.verify(parameters, message, signature).is_ok()
            }
            (Public::Curve { is_p256, point }, algorithm) => {
                let algorithm: &'static dyn VerificationAlgorithm = match (algorithm, is_p256) {
                    ("ES256", true) => &ECDSA_P256_SHA256_FIXED,
                    ("ES384", false) => &ECDSA_P384_SHA384_FIXED,
                    _ => return false,
                };
                UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok()
            }
        }
    }
}
