//! JSON Web Tokens as push services want them: signed with ES256 (Apple) or RS256 (Google). Source: RFC 7515, 7518, 7519.
//!
//! ```text
//! base64url(header) . base64url(claims) . base64url(signature over both and the dot between)
//! ```

use super::InvalidCredentials;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

/// A key that signs.
pub(super) enum Key {
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl Key {
    /// A key on P-256 out of PKCS #8, in PEM or in the base64 alone that stands in it.
    pub(super) fn p256(text: &str) -> Result<Self, InvalidCredentials> {
        let der = der(text).ok_or(InvalidCredentials)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der);
        pair.map(Self::P256).map_err(|_| InvalidCredentials)
    }

    /// An RSA key out of PKCS #8, in the same ways.
    pub(super) fn rsa(text: &str) -> Result<Self, InvalidCredentials> {
        let der = der(text).ok_or(InvalidCredentials)?;
        RsaKeyPair::from_pkcs8(&der).map(Self::Rsa).map_err(|_| InvalidCredentials)
    }

    /// A token with these claims.
    pub(super) fn sign(&self, key_id: Option<&str>, claims: &Value) -> Result<String, InvalidCredentials> {
        let algorithm = if matches!(self, Self::P256(_)) { "ES256" } else { "RS256" };
        let mut header = json!({ "alg": algorithm, "typ": "JWT" });
        if let Some(id) = key_id {
            header["kid"] = id.into();
        }
        let coded = |text: &[u8]| base64_simd::URL_SAFE_NO_PAD.encode_to_string(text);
        let signed = format!("{}.{}", coded(header.to_string().as_bytes()), coded(claims.to_string().as_bytes()));
        let signature = self.signature(signed.as_bytes()).map_err(|_| InvalidCredentials)?;
        Ok(format!("{signed}.{}", coded(&signature)))
    }

    fn signature(&self, signed: &[u8]) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
        let chance = SystemRandom::new();
        match self {
            Self::P256(pair) => pair.sign(&chance, signed).map(|signature| signature.as_ref().to_vec()),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &chance, signed, &mut signature).map(|()| signature)
            }
        }
    }
}

fn der(text: &str) -> Option<Vec<u8>> {
    if text.contains("-----BEGIN") {
        return match PrivateKeyDer::from_pem_slice(text.as_bytes()).ok()? {
            PrivateKeyDer::Pkcs8(key) => Some(key.secret_pkcs8_der().to_vec()),
            _ => None,
        };
    }
    let bare: String = text.split_whitespace().collect();
    base64_simd::STANDARD.decode_to_vec(bare).ok().filter(|der| !der.is_empty())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    /// A key on P-256, in PEM, and its public half.
    pub(in crate::push) fn p256() -> (String, Vec<u8>) {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
        (pem(document.as_ref()), pair.public_key().as_ref().to_vec())
    }

    /// An RSA key, in PEM, and its public half.
    pub(in crate::push) fn rsa() -> (String, Vec<u8>) {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let document: aws_lc_rs::encoding::Pkcs8V1Der<'static> = pair.as_der().unwrap();
        (pem(document.as_ref()), pair.public_key().as_ref().to_vec())
    }

    pub(in crate::push) fn pem(der: &[u8]) -> String {
        let text = base64_simd::STANDARD.encode_to_string(der);
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
    }

    /// Header and claims of a token whose signature holds.
    pub(in crate::push) fn read(token: &str, public: &[u8]) -> (Value, Value) {
        let parts: Vec<&str> = token.split('.').collect();
        let decoded = |part: &str| base64_simd::URL_SAFE_NO_PAD.decode_to_vec(part).unwrap();
        let signed = format!("{}.{}", parts[0], parts[1]);
        let header: Value = serde_json::from_slice(&decoded(parts[0])).unwrap();
        let held = match header["alg"].as_str().unwrap() {
            "ES256" => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public).verify(signed.as_bytes(), &decoded(parts[2]))
            }
            _ => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
                .verify(signed.as_bytes(), &decoded(parts[2])),
        };
        held.expect("the signature holds");
        (header, serde_json::from_slice(&decoded(parts[1])).unwrap())
    }

    #[test]
    fn what_is_signed_verifies_with_the_public_half() {
        let claims = json!({ "iss": "me" });
        let (pem, public) = p256();
        let (header, read_claims) = read(&Key::p256(&pem).unwrap().sign(Some("K"), &claims).unwrap(), &public);
        assert_eq!((header["alg"].as_str(), header["kid"].as_str()), (Some("ES256"), Some("K")));
        assert_eq!(read_claims, claims);
        let (pem, public) = rsa();
        let (header, _) = read(&Key::rsa(&pem).unwrap().sign(None, &claims).unwrap(), &public);
        assert_eq!((header["alg"].as_str(), header.get("kid")), (Some("RS256"), None));
    }

    #[test]
    fn a_key_may_come_without_its_armour_and_never_as_another_sort() {
        let (pem, _) = p256();
        let bare: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        assert!(Key::p256(&bare).is_ok());
        assert!(Key::rsa(&pem).is_err() && Key::p256("x").is_err() && Key::p256("").is_err());
    }
}
