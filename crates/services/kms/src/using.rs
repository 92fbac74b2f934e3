//! The use of keys: which key may be used for what, and the calls into the cryptography.

use crate::asked::Asked;
use crate::blob::{self, Head};
use crate::context::Context;
use crate::cryptography::{Opened, plaintext_max};
use crate::key::{Key, Material};
use crate::machine::check_usable;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::spec::{KeySpec, SYMMETRIC_DEFAULT, Usage};
use seal::Secret;
use std::sync::Arc;

/// A plaintext, and whose it was.
pub(crate) struct Plain {
    pub(crate) key: Arc<Key>,
    /// The number of the material that sealed it.
    pub(crate) material: u32,
    pub(crate) plain: Secret,
}

impl Inner {
    /// The current material of a key that may be used.
    pub(crate) fn open(&self, key: &Key) -> Result<Arc<Opened>, Refusal> {
        self.vault.open(key, current(key)?)
    }

    /// Seals a plaintext with a key.
    pub(crate) fn encrypt(
        &self,
        key: &Key,
        operation: &str,
        algorithm: &str,
        plain: &[u8],
        context: &Context,
    ) -> Result<Vec<u8>, Refusal> {
        let material = for_encryption(key, operation, algorithm)?;
        let opened = self.vault.open(key, material)?;
        if algorithm == SYMMETRIC_DEFAULT {
            let head = Head { key: *key.id.bytes(), material: material.number };
            return Ok(blob::seal(head, opened.symmetric()?, &self.vault.chance(), plain, context));
        }
        let most = plaintext_max(key.spec.modulus_bytes().unwrap_or_default(), algorithm);
        if plain.len() > most {
            return Err(Refusal::validation(format!(
                "Algorithm {algorithm} and key spec {} cannot encrypt data larger than {most} bytes.",
                key.spec.name()
            )));
        }
        opened.encrypt(algorithm, plain).ok_or_else(Refusal::internal)
    }

    /// Opens a ciphertext: with the key that it names itself, or with the one that the request names.
    pub(crate) async fn decrypt(
        self: &Arc<Self>,
        caller: &Asked,
        operation: &str,
        named: Option<&str>,
        algorithm: &str,
        sealed: &[u8],
        context: &Context,
    ) -> Result<Plain, Refusal> {
        let named = match named {
            Some(text) => Some(self.key(caller, text).await?.key),
            None => None,
        };
        if algorithm != SYMMETRIC_DEFAULT {
            let missing = || Refusal::validation("KeyId is required for asymmetric ciphertexts.");
            let key = named.ok_or_else(missing)?;
            let (operation, algorithm, sealed) = (operation.to_owned(), algorithm.to_owned(), sealed.to_vec());
            let opened = self.using(caller.account, key.spec, move |service| {
                service.decrypt_asymmetric(key, &operation, &algorithm, &sealed)
            });
            return opened.await;
        }
        if named.as_ref().is_some_and(|key| key.spec != KeySpec::Symmetric) {
            return Err(Refusal::incorrect_key());
        }
        let (kept, number) = self.key_of(caller, sealed).await?;
        let key = kept.key;
        if named.is_some_and(|named| (named.account, named.id) != (key.account, key.id)) {
            return Err(Refusal::incorrect_key());
        }
        let plain = self.unseal(&key, number, sealed, context)?;
        Ok(Plain { key, material: number, plain })
    }

    /// Opens a blob with a material of the key that it names.
    pub(crate) fn unseal(&self, key: &Key, number: u32, sealed: &[u8], context: &Context) -> Result<Secret, Refusal> {
        check_usable(key)?;
        let material = key.material(number).ok_or_else(Refusal::ciphertext)?;
        let opened = self.vault.open(key, material)?;
        blob::open(sealed, opened.symmetric()?, context).ok_or_else(Refusal::ciphertext)
    }

    fn decrypt_asymmetric(
        &self,
        key: Arc<Key>,
        operation: &str,
        algorithm: &str,
        sealed: &[u8],
    ) -> Result<Plain, Refusal> {
        let material = for_encryption(&key, operation, algorithm)?.number;
        let plain = self.open(&key)?.decrypt(algorithm, sealed).ok_or_else(Refusal::ciphertext)?;
        Ok(Plain { key, material, plain })
    }

    /// A key that signs and verifies by an algorithm.
    pub(crate) fn for_signing(&self, key: &Key, operation: &str, algorithm: &str) -> Result<Arc<Opened>, Refusal> {
        check_usage(key, Usage::Sign, operation)?;
        check_algorithm(key, key.spec.signing_algorithms(), algorithm)?;
        self.open(key)
    }

    /// A key that makes and checks MACs by an algorithm.
    pub(crate) fn for_macs(&self, key: &Key, operation: &str, algorithm: &str) -> Result<Arc<Opened>, Refusal> {
        check_usage(key, Usage::Mac, operation)?;
        check_algorithm(key, key.spec.mac_algorithms(), algorithm)?;
        self.open(key)
    }
}

/// The material of a key that encrypts and decrypts by an algorithm, for an operation.
pub(crate) fn for_encryption<'a>(key: &'a Key, operation: &str, algorithm: &str) -> Result<&'a Material, Refusal> {
    check_usage(key, Usage::Encrypt, operation)?;
    if operation.starts_with("GenerateDataKey") && key.spec != KeySpec::Symmetric {
        let message = format!("{} key spec is {} which is not valid for {operation}.", key.arn(), key.spec.name());
        return Err(Refusal::usage(message));
    }
    check_algorithm(key, key.spec.encryption_algorithms(), algorithm)?;
    current(key)
}

/// The material that a usable key works with.
fn current(key: &Key) -> Result<&Material, Refusal> {
    check_usable(key)?;
    key.current().ok_or_else(|| Refusal::state(&key.arn(), "pending import"))
}

fn check_usage(key: &Key, usage: Usage, operation: &str) -> Result<(), Refusal> {
    match key.usage == usage {
        true => Ok(()),
        false => Err(Refusal::usage(format!(
            "{} key usage is {} which is not valid for {operation}.",
            key.arn(),
            key.usage.name()
        ))),
    }
}

fn check_algorithm(key: &Key, known: &[&str], algorithm: &str) -> Result<(), Refusal> {
    match known.contains(&algorithm) {
        true => Ok(()),
        false => {
            Err(Refusal::usage(format!("Algorithm {algorithm} is incompatible with key spec {}.", key.spec.name())))
        }
    }
}
