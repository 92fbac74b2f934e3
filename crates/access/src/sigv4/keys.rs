//! Signing keys, derived once for a day, region and service, and the comparison itself.
//!
//! A key is kept only after a signature was right with it, so that nobody fills the cache with scopes of his own choice;
//! it is forgotten when its access key changes. Shards keep threads from waiting for each other.

use super::asymmetric;
use super::canonical::{self, write_hex};
use super::claim::{Algorithm, Claim, digest_of};
use super::fault::Fault;
use super::{Incoming, Payload};
use crate::Secret;
use crate::limits::{SIGNING_KEY_SHARDS, SIGNING_KEYS_PER_SHARD_MAX};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use names::Instant;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

/// What signatures of one scope are checked with.
#[expect(clippy::large_enum_variant, reason = "nearly all are of the large one, and each is behind an `Arc`")]
#[derive(Debug)]
pub enum SigningKey {
    /// The same that signed.
    Shared(Key),
    /// The public half of the pair that signed: a point of P-256, uncompressed.
    Public(Box<[u8]>),
}

impl SigningKey {
    fn derive(secret: &Secret, claim: &Claim<'_>) -> Result<Self, Fault> {
        match claim.algorithm {
            Algorithm::Shared => Ok(Self::Shared(derive(secret, claim))),
            Algorithm::Asymmetric => {
                let point = asymmetric::public_key(secret, claim.access_key());
                point.map(Self::Public).ok_or(Fault::Mismatch)
            }
        }
    }

    fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        match self {
            Self::Shared(key) => verify(key, text.as_bytes(), signature).is_ok(),
            Self::Public(point) => asymmetric::is_signed(point, text, signature),
        }
    }

    pub(super) fn shared(&self) -> Option<&Key> {
        if let Self::Shared(key) = self { Some(key) } else { None }
    }
}

/// A key, and what it is for.
struct Kept {
    access_key: Box<str>,
    algorithm: Algorithm,
    scope: Box<str>,
    key: Arc<SigningKey>,
}

/// Signing keys that were used before.
pub struct Keys {
    shards: [RwLock<Vec<Kept>>; SIGNING_KEY_SHARDS],
}

impl Default for Keys {
    fn default() -> Self {
        Self::new()
    }
}

impl Keys {
    /// Knows none.
    pub fn new() -> Self {
        Self { shards: std::array::from_fn(|_| RwLock::new(Vec::new())) }
    }

    /// Checks the time, the headers that must be signed, the body's digest and the signature. The secret is looked at only
    /// if the key is not known from before. What comes back signs the chunks of a streamed body.
    pub fn verify(
        &self,
        request: &Incoming<'_>,
        claim: &Claim<'_>,
        now: Instant,
        secret: &Secret,
    ) -> Result<Arc<SigningKey>, Fault> {
        claim.check_time(now)?;
        let text = to_sign(request, claim)?;
        let known = self.find(claim);
        let key = match &known {
            Some(key) => Arc::clone(key),
            None => Arc::new(SigningKey::derive(secret, claim)?),
        };
        key.verifies(&text, claim.signature.as_ref()).then_some(()).ok_or(Fault::Mismatch)?;
        check_digest(request, claim)?;
        if known.is_none() {
            self.keep(claim, &key);
        }
        Ok(key)
    }

    /// Forgets all that was derived from an access key: it was deleted, made inactive, or its session is over.
    pub fn forget(&self, access_key: &str) {
        self.shard(access_key)
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|kept| *kept.access_key != *access_key);
    }

    fn shard(&self, access_key: &str) -> &RwLock<Vec<Kept>> {
        let mut hasher = DefaultHasher::new();
        access_key.hash(&mut hasher);
        &self.shards[hasher.finish() as usize % SIGNING_KEY_SHARDS]
    }

    fn find(&self, claim: &Claim<'_>) -> Option<Arc<SigningKey>> {
        let shard = self.shard(claim.access_key()).read().unwrap_or_else(PoisonError::into_inner);
        let same = |kept: &&Kept| {
            *kept.access_key == *claim.access_key()
                && *kept.scope == *claim.scope()
                && kept.algorithm == claim.algorithm
        };
        shard.iter().find(same).map(|kept| Arc::clone(&kept.key))
    }

    /// When a shard is full, the one that was kept first goes.
    fn keep(&self, claim: &Claim<'_>, key: &Arc<SigningKey>) {
        let mut shard = self.shard(claim.access_key()).write().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= SIGNING_KEYS_PER_SHARD_MAX {
            shard.remove(0);
        }
        let (access_key, scope) = (claim.access_key().into(), claim.scope().into());
        shard.push(Kept { access_key, algorithm: claim.algorithm, scope, key: Arc::clone(key) });
    }
}

/// What the signature is over: the moment, the scope, and the digest of the canonical request.
pub(super) fn to_sign(request: &Incoming<'_>, claim: &Claim<'_>) -> Result<String, Fault> {
    let canonical = canonical::write(request, claim)?;
    let mut text = String::with_capacity(160);
    for part in [claim.algorithm.name(), &claim.stamp, claim.scope()] {
        text.push_str(part);
        text.push('\n');
    }
    write_hex(&mut text, digest(&SHA256, canonical.as_bytes()).as_ref());
    Ok(text)
}

/// A digest that the client names is signed whatever it is, so it has to be compared with the body.
fn check_digest(request: &Incoming<'_>, claim: &Claim<'_>) -> Result<(), Fault> {
    let named = claim.digest.as_deref().filter(|_| claim.payload() == Payload::Signed);
    match named.map(digest_of) {
        None => Ok(()),
        Some(Some(named)) if digest(&SHA256, request.body).as_ref() == named => Ok(()),
        Some(_) => Err(Fault::Digest),
    }
}

/// Four steps from the secret: date, region, service, `aws4_request`.
pub(super) fn derive(secret: &Secret, claim: &Claim<'_>) -> Key {
    let step = |key: &[u8], part: &str| sign(&Key::new(HMAC_SHA256, key), part.as_bytes());
    let prefixed = Secret::new([b"AWS4", secret.expose()].concat());
    let date = step(prefixed.expose(), claim.date());
    let region = step(date.as_ref(), claim.region().unwrap_or_default());
    let service = step(region.as_ref(), claim.service());
    Key::new(HMAC_SHA256, step(service.as_ref(), "aws4_request").as_ref())
}

#[cfg(test)]
impl Keys {
    pub(super) fn keep_for_test(&self, claim: &Claim<'_>) {
        self.keep(claim, &Arc::new(SigningKey::derive(&"secret".into(), claim).unwrap()));
    }

    pub(super) fn kept(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().unwrap().len()).sum()
    }
}
