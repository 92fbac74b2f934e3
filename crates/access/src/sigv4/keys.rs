//! Signing keys, derived once for a day, region and service, and the comparison itself.
//!
//! A key is kept only after a signature was right with it, so that nobody fills the cache with scopes of his own choice;
//! it is forgotten when its access key changes. A point of version 4A is of its access key alone, whatever the scope: there is one
//! for each key that somebody has, so it is kept from the first look on, and wrong signatures cost no second one. Shards keep
//! threads from waiting for each other.

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

    fn check(&self, text: &str, claim: &Claim<'_>) -> Result<(), Fault> {
        let signature = claim.signature.as_ref();
        let is_right = match self {
            Self::Shared(key) => verify(key, text.as_bytes(), signature).is_ok(),
            Self::Public(point) => asymmetric::is_signed(point, text, signature),
        };
        if is_right { Ok(()) } else { Err(Fault::Mismatch) }
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
        match claim.algorithm {
            Algorithm::Shared => {
                let known = self.find(claim);
                let key = known.clone().map_or_else(|| SigningKey::derive(secret, claim).map(Arc::new), Ok)?;
                key.check(&text, claim)?;
                check_digest(request, claim)?;
                if known.is_none() {
                    self.keep(claim, &key);
                }
                Ok(key)
            }
            Algorithm::Asymmetric => {
                // A digest costs less than a curve.
                check_digest(request, claim)?;
                let key = match self.find(claim) {
                    Some(key) => key,
                    None => {
                        let key = Arc::new(SigningKey::derive(secret, claim)?);
                        self.keep(claim, &key);
                        key
                    }
                };
                key.check(&text, claim).map(|()| key)
            }
        }
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
            kept.algorithm == claim.algorithm
                && *kept.access_key == *claim.access_key()
                && *kept.scope == *kept_under(claim)
        };
        shard.iter().find(same).map(|kept| Arc::clone(&kept.key))
    }

    /// When a shard is full, the one of this sort that was kept first goes: points, which anybody may have made, push out no
    /// keys that were right.
    fn keep(&self, claim: &Claim<'_>, key: &Arc<SigningKey>) {
        let mut shard = self.shard(claim.access_key()).write().unwrap_or_else(PoisonError::into_inner);
        let is_such = |kept: &Kept| kept.algorithm == claim.algorithm;
        if shard.iter().filter(|kept| is_such(kept)).count() >= SIGNING_KEYS_PER_SHARD_MAX
            && let Some(first) = shard.iter().position(is_such)
        {
            shard.remove(first);
        }
        let (access_key, scope) = (claim.access_key().into(), kept_under(claim).into());
        shard.push(Kept { access_key, algorithm: claim.algorithm, scope, key: Arc::clone(key) });
    }
}

/// What tells keys of one access key apart: a point is good in every scope.
fn kept_under<'a>(claim: &'a Claim<'_>) -> &'a str {
    match claim.algorithm {
        Algorithm::Shared => claim.scope(),
        Algorithm::Asymmetric => "",
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
        let (shared, points) = self.kept_by_sort();
        shared + points
    }

    pub(super) fn kept_by_sort(&self) -> (usize, usize) {
        let of = |sort| {
            let kept =
                |shard: &RwLock<Vec<Kept>>| shard.read().unwrap().iter().filter(|kept| kept.algorithm == sort).count();
            self.shards.iter().map(kept).sum()
        };
        (of(Algorithm::Shared), of(Algorithm::Asymmetric))
    }
}
