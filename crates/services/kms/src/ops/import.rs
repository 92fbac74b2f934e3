//! Import of key material: a wrapping key, a token that brings it back, and the unwrapping.
//!
//! ```text
//! token       version 1 │ valid to 8 │ algorithm 1 │ what the root key sealed of the private wrapping key (PKCS #8)
//! ```
//! The token is all that is kept of a wrapping key, and only this server's root key opens it; it is bound to the key that it
//! was made for, to its end and to its algorithm. Source: KMS Developer Guide, "Importing key material".

use crate::api::{ImportKeyMaterialRequest, errors};
use crate::cryptography::{self, Opened};
use crate::key::{Key, Material, Origin};
use crate::limits;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::spec::KeySpec;
use aws_lc_rs::key_wrap::{AES_256, KeyEncryptionKey, KeyWrapPadded};
use names::Instant;
use seal::Secret;
use wire::Timestamp;

const TOKEN_VERSION: u8 = 1;
const HEAD_BYTES: usize = 10;

/// The ways to wrap, by their numbers in tokens.
const ALGORITHMS: &[(u8, &str)] = &[
    (1, "RSAES_OAEP_SHA_1"),
    (2, "RSAES_OAEP_SHA_256"),
    (3, "RSA_AES_KEY_WRAP_SHA_1"),
    (4, "RSA_AES_KEY_WRAP_SHA_256"),
];

/// What GetParametersForImport gives.
pub(crate) struct Parameters {
    pub(crate) token: Vec<u8>,
    pub(crate) public_key: Vec<u8>,
    pub(crate) valid_to: Instant,
}

/// Whether a key takes imported material at all.
pub(crate) fn check_key(key: &Key) -> Result<(), Refusal> {
    if key.is_going() {
        return crate::machine::check_usable(key);
    }
    match key.origin {
        Origin::External => Ok(()),
        Origin::Made => Err(Refusal::unsupported(format!(
            "{} origin is {} which is not valid for this operation.",
            key.arn(),
            key.origin.name()
        ))),
    }
}

/// Whether the material that a request brings is of the kind that it says: the first one, or the one that was there before.
/// A key has one imported material here.
pub(crate) fn check_kind(key: &Key, input: &ImportKeyMaterialRequest) -> Result<(), Refusal> {
    if key.spec != KeySpec::Symmetric && (input.import_type.is_some() || input.key_material_id.is_some()) {
        return Err(Refusal::validation("ImportType and KeyMaterialId are of symmetric encryption keys alone."));
    }
    let is_first = key.materials.is_empty();
    match input.import_type.as_deref() {
        Some("NEW_KEY_MATERIAL") if input.key_material_id.is_some() => {
            Err(Refusal::validation("KeyMaterialId cannot be specified where ImportType is NEW_KEY_MATERIAL."))
        }
        Some("NEW_KEY_MATERIAL") if !is_first => {
            Err(Refusal::unsupported("This version of tidewire keeps one imported material of a key."))
        }
        Some("EXISTING_KEY_MATERIAL") if is_first => {
            Err(Refusal::new(&errors::INCORRECT_KEY_MATERIAL_EXCEPTION, "No key material was imported before."))
        }
        _ => Ok(()),
    }
}

/// Makes a wrapping key. Who may have one is of the key's account.
pub(crate) async fn parameters(service: &Inner, key: &Key, algorithm: &str, spec: &str) -> Result<Parameters, Refusal> {
    let number = ALGORITHMS.iter().find(|(_, name)| *name == algorithm).map(|(number, _)| *number);
    let number = number.ok_or_else(|| {
        Refusal::unsupported(format!("This version of tidewire does not import by the wrapping algorithm {algorithm}."))
    })?;
    let spec = KeySpec::named(spec)?;
    let (private, public_key) = service.making(key.account, spec, move || cryptography::make_pair(spec)).await?;
    let valid_to = service.catalog.now().plus_secs(limits::IMPORT_TOKEN_HOURS * 3600);
    let mut token = vec![TOKEN_VERSION];
    token.extend(valid_to.as_millis().to_be_bytes());
    token.push(number);
    let sealed = service.vault.seal_for(&purpose(key, &token), &private)?;
    token.extend(sealed);
    Ok(Parameters { token, public_key, valid_to })
}

/// What a token is bound to.
fn purpose(key: &Key, head: &[u8]) -> Vec<u8> {
    [b"kms import ", key.arn().as_bytes(), head].concat()
}

/// The material that was wrapped with a token's key.
pub(crate) fn unwrap(service: &Inner, key: &Key, token: &[u8], wrapped: &[u8]) -> Result<Secret, Refusal> {
    let invalid = || {
        Refusal::new(
            &errors::INVALID_IMPORT_TOKEN_EXCEPTION,
            "The import token is not valid, or was made for another key or algorithm.",
        )
    };
    let (head, sealed) = token.split_at_checked(HEAD_BYTES).ok_or_else(invalid)?;
    let private = service.vault.open_for(&purpose(key, head), sealed).ok_or_else(invalid)?;
    let valid_to = u64::from_be_bytes(head[1..9].try_into().expect("eight bytes"));
    if head[0] != TOKEN_VERSION || service.catalog.now().as_millis() > valid_to {
        let message = "The import token has expired. Call GetParametersForImport for a new one.";
        return Err(Refusal::new(&errors::EXPIRED_IMPORT_TOKEN_EXCEPTION, message));
    }
    let algorithm =
        ALGORITHMS.iter().find(|(number, _)| *number == head[9]).map(|(_, name)| *name).ok_or_else(invalid)?;
    let specs = [KeySpec::Rsa2048, KeySpec::Rsa3072, KeySpec::Rsa4096];
    let opened = specs.into_iter().find_map(|spec| Some((spec, Opened::of(spec, private.clone())?)));
    let (spec, opened) = opened.ok_or_else(invalid)?;
    unwrapped(spec, &opened, algorithm, wrapped).ok_or_else(Refusal::ciphertext)
}

fn unwrapped(spec: KeySpec, opened: &Opened, algorithm: &str, wrapped: &[u8]) -> Option<Secret> {
    let Some(digest) = algorithm.strip_prefix("RSA_AES_KEY_WRAP_") else { return opened.decrypt(algorithm, wrapped) };
    // First an AES key under RSA, behind it the material under that key (RFC 5649).
    let (first, rest) = wrapped.split_at_checked(spec.modulus_bytes()?)?;
    let key = opened.decrypt(&format!("RSAES_OAEP_{digest}"), first)?;
    let key = KeyEncryptionKey::new(&AES_256, key.expose()).ok()?;
    let mut plain = vec![0; rest.len()];
    let length = key.unwrap_with_padding(rest, &mut plain).ok()?.len();
    plain.truncate(length);
    Some(Secret::new(plain))
}

/// Until when the material is to be held.
pub(crate) fn valid_to(now: Instant, input: &ImportKeyMaterialRequest) -> Result<Option<Instant>, Refusal> {
    match (model(input), input.valid_to.and_then(moment)) {
        ("KEY_MATERIAL_DOES_NOT_EXPIRE", None) => Ok(None),
        ("KEY_MATERIAL_DOES_NOT_EXPIRE", Some(_)) => Err(Refusal::validation(
            "A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE",
        )),
        (_, None) => {
            Err(Refusal::validation("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"))
        }
        (_, Some(at)) if at <= now => Err(Refusal::validation("The validTo date must be in the future.")),
        (_, Some(at)) => Ok(Some(at)),
    }
}

/// Whether the material expires: it does unless said otherwise.
pub(crate) fn model(input: &ImportKeyMaterialRequest) -> &str {
    input.expiration_model.as_deref().unwrap_or("KEY_MATERIAL_EXPIRES")
}

/// A moment of a request; none before 1970.
pub(crate) fn moment(at: Timestamp) -> Option<Instant> {
    u64::try_from(at.millis()).ok().map(Instant::from_millis)
}

/// Reads a KeyMaterialId.
pub(crate) fn identity(text: &str) -> Result<[u8; 32], Refusal> {
    let parsed = crate::grant::GrantId::parse(text).map(|id| id.0);
    parsed.ok_or_else(|| Refusal::not_found("The key material does not exist."))
}

/// How long imported material is held, in the model's words.
pub(crate) fn expiration(material: &Material) -> &'static str {
    if material.valid_to.is_some() { "KEY_MATERIAL_EXPIRES" } else { "KEY_MATERIAL_DOES_NOT_EXPIRE" }
}
