//! Where material is made, sealed under the root key, and opened again.
//!
//! In the records and in the machine there is nothing but what [`seal::RootKey`] wrapped, bound to account, key and number,
//! so that sealed material cannot be put to another key. Opened material is kept for as long as its key is in use, in a cache
//! with a bound; a key that is disabled or gone is asked for before the cache is.

use crate::cryptography::Opened;
use crate::key::{Key, Material};
use crate::key_id::KeyId;
use crate::limits;
use crate::refusal::Refusal;
use aws_lc_rs::hmac;
use names::AccountId;
use seal::{RootKey, Secret};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The root key, and what it opened.
pub(crate) struct Vault {
    root: Arc<dyn RootKey>,
    opened: RwLock<HashMap<Place, Arc<Opened>>>,
}

/// Which material: replicas of a key share theirs, so the region is no part of it.
type Place = (AccountId, KeyId, u32);

impl Vault {
    pub(crate) fn new(root: Arc<dyn RootKey>) -> Self {
        Self { root, opened: RwLock::default() }
    }

    /// Chance.
    pub(crate) fn chance<const BYTES: usize>(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        aws_lc_rs::rand::fill(&mut bytes).expect("the system has chance to give");
        bytes
    }

    /// As much chance as somebody wants.
    pub(crate) fn chance_of(&self, length: usize) -> Secret {
        let mut bytes = vec![0; length];
        aws_lc_rs::rand::fill(&mut bytes).expect("the system has chance to give");
        Secret::new(bytes)
    }

    /// Seals material for its place in a key.
    pub(crate) fn seal(
        &self,
        account: AccountId,
        id: KeyId,
        number: u32,
        plain: &Secret,
    ) -> Result<Box<[u8]>, Refusal> {
        let wrapped = self.root.wrap(plain.expose(), &bound_to(account, id, number), self.chance());
        wrapped.map(Into::into).map_err(|_| Refusal::internal())
    }

    /// Seals what is handed out and comes back, for a purpose.
    pub(crate) fn seal_for(&self, purpose: &[u8], plain: &Secret) -> Result<Vec<u8>, Refusal> {
        self.root.wrap(plain.expose(), purpose, self.chance()).map_err(|_| Refusal::internal())
    }

    /// Opens what [`Vault::seal_for`] sealed; nothing if it is not that.
    pub(crate) fn open_for(&self, purpose: &[u8], sealed: &[u8]) -> Option<Secret> {
        self.root.unwrap(sealed, purpose).ok()
    }

    /// A material, ready for use.
    pub(crate) fn open(&self, key: &Key, material: &Material) -> Result<Arc<Opened>, Refusal> {
        let place = (key.account, key.id, material.number);
        if let Some(known) = self.opened.read().unwrap_or_else(PoisonError::into_inner).get(&place) {
            return Ok(Arc::clone(known));
        }
        let sealed = material.sealed.as_deref().ok_or_else(|| Refusal::state(&key.arn(), "pending import"))?;
        let plain = self.root.unwrap(sealed, &bound_to(key.account, key.id, material.number));
        let plain = plain.map_err(|_| Refusal::internal())?;
        let opened = Arc::new(Opened::of(key.spec, plain).ok_or_else(Refusal::internal)?);
        let mut known = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= limits::OPENED_MAX {
            known.clear();
        }
        known.insert(place, Arc::clone(&opened));
        Ok(opened)
    }

    /// Lets go of what was opened of a key.
    pub(crate) fn forget(&self, account: AccountId, id: KeyId) {
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        opened.retain(|(owner, key, _), _| (*owner, *key) != (account, id));
    }
}

/// KeyMaterialId of a material: says nothing of it, and is the same whenever it is imported to this key.
pub(crate) fn identity(id: KeyId, plain: &Secret) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, plain.expose());
    let mut context = hmac::Context::with_key(&key);
    context.update(b"tidewire kms material");
    context.update(id.bytes());
    context.sign().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// What sealed material is bound to.
fn bound_to(account: AccountId, id: KeyId, number: u32) -> Vec<u8> {
    [b"kms material ", account.as_str().as_bytes(), id.bytes(), &number.to_be_bytes()].concat()
}
