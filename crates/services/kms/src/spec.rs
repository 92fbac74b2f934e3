//! What kinds of keys there are, what each is for, and which algorithms it has.
//!
//! One table of the specs that are served; the model has more (ML-DSA, ML-KEM, SM2), which are refused as unsupported.
//! Source: KMS Developer Guide, "Key spec reference".

use crate::refusal::Refusal;

/// A kind of key. The numbers are those of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum KeySpec {
    Symmetric = 1,
    Rsa2048 = 2,
    Rsa3072 = 3,
    Rsa4096 = 4,
    P256 = 5,
    P384 = 6,
    P521 = 7,
    P256K1 = 8,
    Ed25519 = 9,
    Hmac224 = 10,
    Hmac256 = 11,
    Hmac384 = 12,
    Hmac512 = 13,
}

/// What a key is for. The numbers are those of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Usage {
    Encrypt = 1,
    Sign = 2,
    Mac = 3,
}

use KeySpec::{
    Ed25519, Hmac224, Hmac256, Hmac384, Hmac512, P256, P256K1, P384, P521, Rsa2048, Rsa3072, Rsa4096, Symmetric,
};

/// Every spec that is served, with its name.
const SPECS: &[(KeySpec, &str)] = &[
    (Symmetric, "SYMMETRIC_DEFAULT"),
    (Rsa2048, "RSA_2048"),
    (Rsa3072, "RSA_3072"),
    (Rsa4096, "RSA_4096"),
    (P256, "ECC_NIST_P256"),
    (P384, "ECC_NIST_P384"),
    (P521, "ECC_NIST_P521"),
    (P256K1, "ECC_SECG_P256K1"),
    (Ed25519, "ECC_NIST_EDWARDS25519"),
    (Hmac224, "HMAC_224"),
    (Hmac256, "HMAC_256"),
    (Hmac384, "HMAC_384"),
    (Hmac512, "HMAC_512"),
];

const USAGES: &[(Usage, &str)] =
    &[(Usage::Encrypt, "ENCRYPT_DECRYPT"), (Usage::Sign, "SIGN_VERIFY"), (Usage::Mac, "GENERATE_VERIFY_MAC")];

/// The algorithm of symmetric keys.
pub(crate) const SYMMETRIC_DEFAULT: &str = "SYMMETRIC_DEFAULT";

const RSA_SIGNING: &[&str] = &[
    "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384",
    "RSASSA_PKCS1_V1_5_SHA_512",
    "RSASSA_PSS_SHA_256",
    "RSASSA_PSS_SHA_384",
    "RSASSA_PSS_SHA_512",
];

impl KeySpec {
    /// The spec of this name, one of the model's.
    pub(crate) fn named(name: &str) -> Result<Self, Refusal> {
        let found = SPECS.iter().find(|(_, known)| *known == name).map(|(spec, _)| *spec);
        found.ok_or_else(|| Refusal::unsupported(format!("This version of tidewire has no keys of the spec {name}.")))
    }

    /// The spec of this number in records.
    pub(crate) fn numbered(number: u8) -> Option<Self> {
        SPECS.iter().map(|(spec, _)| *spec).find(|spec| *spec as u8 == number)
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        SPECS.iter().find(|(spec, _)| *spec == self).map(|(_, name)| *name).expect("every spec stands in the table")
    }

    /// What a key of this spec may be for; the first is the only one where none has to be said.
    pub(crate) fn usages(self) -> &'static [Usage] {
        match self {
            Symmetric => &[Usage::Encrypt],
            Rsa2048 | Rsa3072 | Rsa4096 => &[Usage::Encrypt, Usage::Sign],
            P256 | P384 | P521 | P256K1 | Ed25519 => &[Usage::Sign],
            Hmac224 | Hmac256 | Hmac384 | Hmac512 => &[Usage::Mac],
        }
    }

    /// Algorithms of Encrypt and Decrypt.
    pub(crate) fn encryption_algorithms(self) -> &'static [&'static str] {
        match self {
            Symmetric => &[SYMMETRIC_DEFAULT],
            Rsa2048 | Rsa3072 | Rsa4096 => &["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"],
            _ => &[],
        }
    }

    /// Algorithms of Sign and Verify.
    pub(crate) fn signing_algorithms(self) -> &'static [&'static str] {
        match self {
            Rsa2048 | Rsa3072 | Rsa4096 => RSA_SIGNING,
            P256 | P256K1 => &["ECDSA_SHA_256"],
            P384 => &["ECDSA_SHA_384"],
            P521 => &["ECDSA_SHA_512"],
            Ed25519 => &["ED25519_SHA_512"],
            _ => &[],
        }
    }

    /// Algorithms of GenerateMac and VerifyMac.
    pub(crate) fn mac_algorithms(self) -> &'static [&'static str] {
        match self {
            Hmac224 => &["HMAC_SHA_224"],
            Hmac256 => &["HMAC_SHA_256"],
            Hmac384 => &["HMAC_SHA_384"],
            Hmac512 => &["HMAC_SHA_512"],
            _ => &[],
        }
    }

    /// Bytes of the modulus of an RSA key.
    pub(crate) fn modulus_bytes(self) -> Option<usize> {
        match self {
            Rsa2048 => Some(256),
            Rsa3072 => Some(384),
            Rsa4096 => Some(512),
            _ => None,
        }
    }

    /// Whether it takes milliseconds to use, and far longer to make.
    pub(crate) fn is_slow(self) -> bool {
        self.modulus_bytes().is_some()
    }

    /// Whether it has a public half.
    pub(crate) fn is_asymmetric(self) -> bool {
        !matches!(self, Symmetric | Hmac224 | Hmac256 | Hmac384 | Hmac512)
    }
}

impl Usage {
    /// The usage of this name, one of the model's.
    pub(crate) fn named(name: &str) -> Result<Self, Refusal> {
        let found = USAGES.iter().find(|(_, known)| *known == name).map(|(usage, _)| *usage);
        found.ok_or_else(|| Refusal::unsupported(format!("This version of tidewire has no keys for {name}.")))
    }

    /// The usage of this number in records.
    pub(crate) fn numbered(number: u8) -> Option<Self> {
        USAGES.iter().map(|(usage, _)| *usage).find(|usage| *usage as u8 == number)
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        USAGES.iter().find(|(usage, _)| *usage == self).map(|(_, name)| *name).expect("every usage stands in the table")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::enums;

    #[test]
    fn every_spec_and_algorithm_is_one_of_the_models() {
        for (spec, name) in SPECS {
            assert!(enums::key_spec::VALUES.contains(name), "{name}");
            assert_eq!(KeySpec::numbered(*spec as u8), Some(*spec));
            for algorithm in spec.signing_algorithms() {
                assert!(enums::signing_algorithm_spec::VALUES.contains(algorithm), "{algorithm}");
            }
            for algorithm in spec.encryption_algorithms() {
                assert!(enums::encryption_algorithm_spec::VALUES.contains(algorithm), "{algorithm}");
            }
            for algorithm in spec.mac_algorithms() {
                assert!(enums::mac_algorithm_spec::VALUES.contains(algorithm), "{algorithm}");
            }
        }
    }

    #[test]
    fn what_the_model_has_and_we_have_not_is_refused_by_name() {
        for name in ["SM2", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87"] {
            assert!(enums::key_spec::VALUES.contains(&name), "{name}");
            assert_eq!(KeySpec::named(name).unwrap_err().error.0.name, "UnsupportedOperationException");
        }
    }
}
