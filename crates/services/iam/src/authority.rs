//! Who is behind a key, quickly: identities are made once and kept until anything changes.
//!
//! A change of any identity makes all of them stale, by a number that rises. Whoever makes one takes the number first, so what
//! was made of a state before a change is never taken for one after it.

use crate::identity;
use crate::last_use;
use crate::limits::{IDENTITIES_KEPT_MAX, STRANGERS_KEPT_MAX};
use crate::service::{Iam, Inner};
use crate::session::Session;
use access::sigv4::Fault;
use gateway::{Authority, Identity, Proven};
use names::Instant;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Identities that were made.
#[derive(Default)]
pub(crate) struct Identities {
    generation: AtomicU64,
    kept: RwLock<HashMap<Box<str>, Kept>>,
    strangers: RwLock<Strangers>,
}

/// Keys that nobody has, as of a generation: to find that out again takes the lock that all identities stand behind.
#[derive(Default)]
struct Strangers {
    generation: u64,
    keys: HashSet<Box<str>>,
}

struct Kept {
    generation: u64,
    /// The token that the key came with; a key without one is for good.
    token: Option<Box<str>>,
    expires_at: Instant,
    identity: Arc<Identity>,
}

impl Identities {
    /// Something changed.
    pub(crate) fn changed(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }

    fn find(&self, access_key: &str, token: Option<&str>, now: Instant) -> Option<Arc<Identity>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get(access_key)?;
        let is_fresh = found.generation == self.generation.load(Ordering::Acquire);
        let is_same = found.token.as_deref() == token && now < found.expires_at;
        (is_fresh && is_same).then(|| Arc::clone(&found.identity))
    }

    fn is_stranger(&self, access_key: &str) -> bool {
        let strangers = self.strangers.read().unwrap_or_else(PoisonError::into_inner);
        strangers.keys.contains(access_key) && strangers.generation == self.generation.load(Ordering::Acquire)
    }

    /// Nobody had the key when the generation was this.
    fn note_stranger(&self, access_key: &str, generation: u64) {
        let mut strangers = self.strangers.write().unwrap_or_else(PoisonError::into_inner);
        if strangers.generation != generation || strangers.keys.len() >= STRANGERS_KEPT_MAX {
            strangers.keys.clear();
        }
        strangers.generation = generation;
        strangers.keys.insert(access_key.into());
    }

    fn keep(&self, access_key: &str, made: Kept) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= IDENTITIES_KEPT_MAX {
            kept.clear();
        }
        kept.insert(access_key.into(), made);
    }
}

impl Inner {
    pub(crate) fn identity(&self, access_key: &str, token: Option<&str>, now: Instant) -> Result<Arc<Identity>, Fault> {
        if let Some(found) = self.identities.find(access_key, token, now) {
            return Ok(found);
        }
        if token.is_none() && self.identities.is_stranger(access_key) {
            return Err(Fault::UnknownKey);
        }
        let generation = self.identities.generation.load(Ordering::Acquire);
        let (identity, expires_at) = match token {
            None => {
                let made = self
                    .partition
                    .inspect(|realm| identity::of_key(realm, &self.keyring, self.arn_partition, access_key));
                let made = made.ok_or(Fault::UnknownKey)?;
                if matches!(made, Err(Fault::UnknownKey)) {
                    self.identities.note_stranger(access_key, generation);
                }
                (made?, Instant::FAR_FUTURE)
            }
            Some(token) => {
                let session = Session::open(&self.keyring, access_key, token).ok_or(Fault::UnknownKey)?;
                if session.expires_at <= now {
                    return Err(Fault::ExpiredToken);
                }
                let made = self.partition.inspect(|realm| identity::of_session(realm, self.arn_partition, &session));
                let (made, expires_at) = (made.ok_or(Fault::UnknownKey)??, session.expires_at);
                // The session goes with the identity: whoever has the one knows the other, whatever else is kept by then.
                (Identity { origin: Some(Arc::new(session)), ..made }, expires_at)
            }
        };
        let identity = Arc::new(identity);
        let token = token.map(Into::into);
        let made = Kept { generation, token, expires_at, identity: Arc::clone(&identity) };
        self.identities.keep(access_key, made);
        Ok(identity)
    }
}

impl Authority for Iam {
    fn identity(&self, access_key: &str, token: Option<&str>, now: Instant) -> Result<Arc<Identity>, Fault> {
        self.0.identity(access_key, token, now)
    }

    /// Nobody waits for the note, and identities stay as they were made. One that the log does not take is left out; the next use
    /// after some minutes is noted again.
    fn note(&self, proven: &Proven<'_>) {
        let note = last_use::of(proven);
        drop(self.0.partition.execute(Box::new(move |realm, _| {
            let effects = note.change(realm).into_iter().collect();
            Ok((effects, Box::new(wire::Nothing)))
        })));
    }
}
