//! What keys do with data, by aws-lc-rs: making material, RSA and ECDSA and Ed25519 signatures, RSA encryption, MACs.
//!
//! Nothing of cryptography is our own here. Material is what stands in a record once it is opened: 32 bytes of a symmetric
//! key, the bytes of an HMAC key, or a private key as PKCS #8 (v1). Sources: KMS Developer Guide, "Key spec reference"; RFC
//! 8017 (RSA), RFC 5480 (public keys), FIPS 198-1 (HMAC).

use crate::refusal::Refusal;
use crate::spec::KeySpec;
use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{
    self, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
    PrivateDecryptingKey,
};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaEncoding, UnparsedPublicKey,
    VerificationAlgorithm,
};
use seal::Secret;

/// Material that is ready for use.
pub(crate) enum Opened {
    Symmetric(Secret),
    Mac(Secret),
    Rsa(Box<RsaPair>),
    Ecdsa(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

/// An RSA key, for both of its uses.
pub(crate) struct RsaPair {
    signing: rsa::KeyPair,
    decrypting: OaepPrivateDecryptingKey,
    encrypting: OaepPublicEncryptingKey,
}

/// What is signed: a message, or the digest of one.
#[derive(Clone, Copy)]
pub(crate) enum Signed<'a> {
    Message(&'a [u8]),
    Digest(&'a [u8]),
}

/// Makes material of a spec with a public half, and gives that too.
pub(crate) fn make_pair(spec: KeySpec) -> Result<(Secret, Vec<u8>), Refusal> {
    let private = make(spec)?;
    let public = Opened::of(spec, private.clone()).ok_or_else(Refusal::internal)?.public_key()?;
    Ok((private, public))
}

/// Makes material of a spec by chance. An RSA key takes its time: up to some seconds for 4096 bits.
pub(crate) fn make(spec: KeySpec) -> Result<Secret, Refusal> {
    let bytes = |length: usize| {
        let mut bytes = vec![0; length];
        aws_lc_rs::rand::fill(&mut bytes).map(|()| Secret::new(bytes))
    };
    let made = match spec {
        KeySpec::Symmetric | KeySpec::Hmac256 => bytes(32),
        KeySpec::Hmac224 => bytes(28),
        KeySpec::Hmac384 => bytes(48),
        KeySpec::Hmac512 => bytes(64),
        KeySpec::Rsa2048 => rsa_key(rsa::KeySize::Rsa2048),
        KeySpec::Rsa3072 => rsa_key(rsa::KeySize::Rsa3072),
        KeySpec::Rsa4096 => rsa_key(rsa::KeySize::Rsa4096),
        KeySpec::P256 | KeySpec::P384 | KeySpec::P521 | KeySpec::P256K1 => {
            let made = EcdsaKeyPair::generate(signing_curve(spec)).and_then(|pair| pair.to_pkcs8v1());
            made.map(|pkcs8| Secret::new(pkcs8.as_ref()))
        }
        KeySpec::Ed25519 => {
            let made = Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1());
            made.map(|pkcs8| Secret::new(pkcs8.as_ref()))
        }
    };
    made.map_err(|_| Refusal::internal())
}

fn rsa_key(size: rsa::KeySize) -> Result<Secret, aws_lc_rs::error::Unspecified> {
    let der: Pkcs8V1Der<'_> = rsa::KeyPair::generate(size)?.as_der()?;
    Ok(Secret::new(der.as_ref()))
}

/// Whether bytes that somebody imports are material of a spec.
pub(crate) fn is_material(spec: KeySpec, plain: &Secret) -> bool {
    let lengths = match spec {
        KeySpec::Symmetric => 32..=32,
        KeySpec::Hmac224 => 28..=64,
        KeySpec::Hmac256 => 32..=64,
        KeySpec::Hmac384 => 48..=128,
        KeySpec::Hmac512 => 64..=128,
        _ => return Opened::of(spec, plain.clone()).is_some(),
    };
    lengths.contains(&plain.len())
}

impl Opened {
    /// Sets material of a spec up; nothing if it is none.
    pub(crate) fn of(spec: KeySpec, plain: Secret) -> Option<Self> {
        match spec {
            KeySpec::Symmetric => (plain.len() == 32).then_some(Self::Symmetric(plain)),
            KeySpec::Hmac224 | KeySpec::Hmac256 | KeySpec::Hmac384 | KeySpec::Hmac512 => Some(Self::Mac(plain)),
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => {
                let signing = rsa::KeyPair::from_pkcs8(plain.expose()).ok()?;
                let private = PrivateDecryptingKey::from_pkcs8(plain.expose()).ok()?;
                (Some(private.key_size_bytes()) == spec.modulus_bytes()).then_some(())?;
                let encrypting = OaepPublicEncryptingKey::new(private.public_key()).ok()?;
                let decrypting = OaepPrivateDecryptingKey::new(private).ok()?;
                Some(Self::Rsa(Box::new(RsaPair { signing, decrypting, encrypting })))
            }
            KeySpec::P256 | KeySpec::P384 | KeySpec::P521 | KeySpec::P256K1 => {
                let pair = EcdsaKeyPair::from_pkcs8(signing_curve(spec), plain.expose()).ok()?;
                Some(Self::Ecdsa(Box::new(pair)))
            }
            KeySpec::Ed25519 => {
                Ed25519KeyPair::from_pkcs8(plain.expose()).ok().map(|pair| Self::Ed25519(Box::new(pair)))
            }
        }
    }

    /// The bytes of a symmetric key.
    pub(crate) fn symmetric(&self) -> Result<&Secret, Refusal> {
        if let Self::Symmetric(bytes) = self { Ok(bytes) } else { Err(Refusal::internal()) }
    }

    /// The public half as DER SubjectPublicKeyInfo.
    pub(crate) fn public_key(&self) -> Result<Vec<u8>, Refusal> {
        let der: Result<PublicKeyX509Der<'_>, _> = match self {
            Self::Rsa(pair) => pair.signing.public_key().as_der(),
            Self::Ecdsa(pair) => pair.public_key().as_der(),
            Self::Ed25519(pair) => pair.public_key().as_der(),
            Self::Symmetric(_) | Self::Mac(_) => return Err(Refusal::internal()),
        };
        der.map(|der| der.as_ref().to_vec()).map_err(|_| Refusal::internal())
    }

    /// Encrypts with the public half; nothing if the plaintext is too long for it.
    pub(crate) fn encrypt(&self, algorithm: &str, plain: &[u8]) -> Option<Vec<u8>> {
        let Self::Rsa(pair) = self else { return None };
        let mut out = vec![0; pair.encrypting.ciphertext_size()];
        pair.encrypting.encrypt(oaep(algorithm), plain, &mut out, None).ok()?;
        Some(out)
    }

    /// Decrypts with the private half.
    pub(crate) fn decrypt(&self, algorithm: &str, sealed: &[u8]) -> Option<Secret> {
        let Self::Rsa(pair) = self else { return None };
        let mut out = vec![0; pair.decrypting.min_output_size()];
        let length = pair.decrypting.decrypt(oaep(algorithm), sealed, &mut out, None).ok()?.len();
        out.truncate(length);
        Some(Secret::new(out))
    }

    /// Signs.
    pub(crate) fn sign(&self, algorithm: &str, signed: Signed<'_>) -> Result<Vec<u8>, Refusal> {
        let digest =
            |bytes| Digest::import_less_safe(bytes, digest_of(algorithm)).map_err(|_| digest_length(algorithm));
        match (self, signed) {
            (Self::Rsa(pair), signed) => {
                let mut out = vec![0; pair.signing.public_modulus_len()];
                let done = match signed {
                    Signed::Message(text) => {
                        pair.signing.sign(rsa_signing(algorithm), &SystemRandom::new(), text, &mut out)
                    }
                    Signed::Digest(bytes) => {
                        pair.signing.sign_digest(rsa_signing(algorithm), &digest(bytes)?, &mut out)
                    }
                };
                done.map(|()| out).map_err(|_| Refusal::internal())
            }
            (Self::Ecdsa(pair), signed) => {
                let done = match signed {
                    Signed::Message(text) => pair.sign(&SystemRandom::new(), text),
                    Signed::Digest(bytes) => pair.sign_digest(&digest(bytes)?),
                };
                done.map(|signature| signature.as_ref().to_vec()).map_err(|_| Refusal::internal())
            }
            (Self::Ed25519(pair), Signed::Message(text)) => Ok(pair.sign(text).as_ref().to_vec()),
            (Self::Ed25519(_), Signed::Digest(_)) => {
                Err(Refusal::validation(format!("Algorithm {algorithm} signs messages of the type RAW alone.")))
            }
            (Self::Symmetric(_) | Self::Mac(_), _) => Err(Refusal::internal()),
        }
    }

    /// Whether a signature is of this key.
    pub(crate) fn verify(
        &self,
        spec: KeySpec,
        algorithm: &str,
        signed: Signed<'_>,
        signature: &[u8],
    ) -> Result<bool, Refusal> {
        let public = match self {
            Self::Rsa(pair) => pair.signing.public_key().as_ref().to_vec(),
            Self::Ecdsa(pair) => pair.public_key().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Self::Symmetric(_) | Self::Mac(_) => return Err(Refusal::internal()),
        };
        let key = UnparsedPublicKey::new(verification(spec, algorithm), public);
        match signed {
            Signed::Message(text) => Ok(key.verify(text, signature).is_ok()),
            Signed::Digest(bytes) => {
                let digest = Digest::import_less_safe(bytes, digest_of(algorithm));
                Ok(key.verify_digest(&digest.map_err(|_| digest_length(algorithm))?, signature).is_ok())
            }
        }
    }

    /// The MAC of a message.
    pub(crate) fn mac(&self, algorithm: &str, message: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(hmac::sign(&self.mac_key(algorithm)?, message).as_ref().to_vec())
    }

    /// Whether a MAC is of this key.
    pub(crate) fn verify_mac(&self, algorithm: &str, message: &[u8], mac: &[u8]) -> Result<bool, Refusal> {
        Ok(hmac::verify(&self.mac_key(algorithm)?, message, mac).is_ok())
    }

    fn mac_key(&self, algorithm: &str) -> Result<hmac::Key, Refusal> {
        let Self::Mac(bytes) = self else { return Err(Refusal::internal()) };
        let algorithm = match algorithm {
            "HMAC_SHA_224" => hmac::HMAC_SHA224,
            "HMAC_SHA_256" => hmac::HMAC_SHA256,
            "HMAC_SHA_384" => hmac::HMAC_SHA384,
            _ => hmac::HMAC_SHA512,
        };
        Ok(hmac::Key::new(algorithm, bytes.expose()))
    }
}

/// How many bytes an algorithm of RSA encrypts at the most: the modulus less two digests and two bytes (RFC 8017, 7.1.1).
pub(crate) fn plaintext_max(modulus_bytes: usize, algorithm: &str) -> usize {
    let digest = if algorithm == "RSAES_OAEP_SHA_1" { 20 } else { 32 };
    modulus_bytes - 2 * digest - 2
}

fn oaep(algorithm: &str) -> &'static OaepAlgorithm {
    if algorithm == "RSAES_OAEP_SHA_1" { &OAEP_SHA1_MGF1SHA1 } else { &OAEP_SHA256_MGF1SHA256 }
}

fn signing_curve(spec: KeySpec) -> &'static EcdsaSigningAlgorithm {
    match spec {
        KeySpec::P384 => &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
        KeySpec::P521 => &signature::ECDSA_P521_SHA512_ASN1_SIGNING,
        KeySpec::P256K1 => &signature::ECDSA_P256K1_SHA256_ASN1_SIGNING,
        _ => &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
    }
}

fn rsa_signing(algorithm: &str) -> &'static dyn RsaEncoding {
    match algorithm {
        "RSASSA_PKCS1_V1_5_SHA_256" => &signature::RSA_PKCS1_SHA256,
        "RSASSA_PKCS1_V1_5_SHA_384" => &signature::RSA_PKCS1_SHA384,
        "RSASSA_PKCS1_V1_5_SHA_512" => &signature::RSA_PKCS1_SHA512,
        "RSASSA_PSS_SHA_256" => &signature::RSA_PSS_SHA256,
        "RSASSA_PSS_SHA_384" => &signature::RSA_PSS_SHA384,
        _ => &signature::RSA_PSS_SHA512,
    }
}

fn verification(spec: KeySpec, algorithm: &str) -> &'static dyn VerificationAlgorithm {
    match (spec, algorithm) {
        (KeySpec::P256, _) => &signature::ECDSA_P256_SHA256_ASN1,
        (KeySpec::P384, _) => &signature::ECDSA_P384_SHA384_ASN1,
        (KeySpec::P521, _) => &signature::ECDSA_P521_SHA512_ASN1,
        (KeySpec::P256K1, _) => &signature::ECDSA_P256K1_SHA256_ASN1,
        (KeySpec::Ed25519, _) => &signature::ED25519,
        (_, "RSASSA_PKCS1_V1_5_SHA_256") => &signature::RSA_PKCS1_2048_8192_SHA256,
        (_, "RSASSA_PKCS1_V1_5_SHA_384") => &signature::RSA_PKCS1_2048_8192_SHA384,
        (_, "RSASSA_PKCS1_V1_5_SHA_512") => &signature::RSA_PKCS1_2048_8192_SHA512,
        (_, "RSASSA_PSS_SHA_256") => &signature::RSA_PSS_2048_8192_SHA256,
        (_, "RSASSA_PSS_SHA_384") => &signature::RSA_PSS_2048_8192_SHA384,
        _ => &signature::RSA_PSS_2048_8192_SHA512,
    }
}

/// What an algorithm digests a message with.
fn digest_of(algorithm: &str) -> &'static digest::Algorithm {
    match algorithm {
        _ if algorithm.ends_with("SHA_256") => &digest::SHA256,
        _ if algorithm.ends_with("SHA_384") => &digest::SHA384,
        _ => &digest::SHA512,
    }
}

fn digest_length(algorithm: &str) -> Refusal {
    Refusal::validation(format!("Digest is invalid length for algorithm {algorithm}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asymmetric_spec_signs_what_it_then_verifies() {
        for spec in [KeySpec::Rsa2048, KeySpec::P256, KeySpec::P384, KeySpec::P521, KeySpec::P256K1, KeySpec::Ed25519] {
            let opened = Opened::of(spec, make(spec).unwrap()).unwrap();
            assert!(!opened.public_key().unwrap().is_empty());
            for algorithm in spec.signing_algorithms() {
                let signature = opened.sign(algorithm, Signed::Message(b"words")).unwrap();
                let verify = |text: &[u8], signature: &[u8]| {
                    opened.verify(spec, algorithm, Signed::Message(text), signature).unwrap()
                };
                assert!(verify(b"words", &signature) && !verify(b"other words", &signature), "{algorithm}");
                if spec == KeySpec::Ed25519 {
                    assert!(opened.sign(algorithm, Signed::Digest(&[0; 64])).is_err());
                    continue;
                }
                let digest = digest::digest(digest_of(algorithm), b"words");
                assert!(opened.verify(spec, algorithm, Signed::Digest(digest.as_ref()), &signature).unwrap());
                let by_digest = opened.sign(algorithm, Signed::Digest(digest.as_ref())).unwrap();
                assert!(verify(b"words", &by_digest), "{algorithm}");
                let refusal = opened.sign(algorithm, Signed::Digest(&digest.as_ref()[1..])).unwrap_err();
                assert_eq!(refusal.message, format!("Digest is invalid length for algorithm {algorithm}."));
            }
        }
    }

    #[test]
    fn rsa_encrypts_as_much_as_the_standard_lets_it() {
        let opened = Opened::of(KeySpec::Rsa2048, make(KeySpec::Rsa2048).unwrap()).unwrap();
        for (algorithm, most) in [("RSAES_OAEP_SHA_1", 214), ("RSAES_OAEP_SHA_256", 190)] {
            assert_eq!(plaintext_max(256, algorithm), most);
            let plain = vec![7; most];
            let sealed = opened.encrypt(algorithm, &plain).unwrap();
            assert_eq!(opened.decrypt(algorithm, &sealed).unwrap().expose(), plain);
            assert!(opened.encrypt(algorithm, &vec![7; most + 1]).is_none());
        }
    }

    #[test]
    fn macs_are_those_of_the_standard() {
        // RFC 4231, test case 2.
        let opened = Opened::Mac(Secret::new(*b"Jefe"));
        let mac = opened.mac("HMAC_SHA_224", b"what do ya want for nothing?").unwrap();
        let shown: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(shown, "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44");
        assert!(opened.verify_mac("HMAC_SHA_224", b"what do ya want for nothing?", &mac).unwrap());
        assert!(!opened.verify_mac("HMAC_SHA_224", b"what?", &mac).unwrap());
    }
}
