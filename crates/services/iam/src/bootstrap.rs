//! The root key of an account: made when there is none, or set by who runs the server; and how any key is made.

use crate::ids::Dice;
use crate::keyring::Keyring;
use crate::records::{Change, Effect};
use crate::refusal::Refusal;
use crate::service::Iam;
use crate::state::{AccessKey, Realm};
use engine::Unavailable;
use names::{AccountId, Instant};
use seal::Secret;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// An access key and its secret, which is nowhere else.
#[derive(Debug)]
pub struct MadeKey {
    /// `AKIA…`.
    pub access_key_id: String,
    /// What it signs with.
    pub secret: Secret,
}

impl AccessKey {
    /// A new key of a user, or of the root user, and its secret.
    pub(crate) fn made(
        account: AccountId,
        user: Option<&str>,
        now: Instant,
        dice: &Dice,
        keyring: &Keyring,
    ) -> (Self, String) {
        let (id, secret) = (dice.access_key("AKIA", account), dice.secret());
        let key = Self::of(&id, &secret, now, dice, keyring);
        (Self { user: user.map(Into::into), ..key }, secret)
    }

    /// A key of the root user, of a given id and secret.
    pub(crate) fn of(id: &str, secret: &str, now: Instant, dice: &Dice, keyring: &Keyring) -> Self {
        let sealed = keyring.seal_secret(id, secret, dice.take());
        Self { id: id.into(), user: None, created_at: now, is_active: true, sealed, last_used: None }
    }
}

impl Iam {
    /// Whether the root user of an account has a key.
    pub fn has_root_key(&self, account: AccountId) -> bool {
        let has = |realm: &Realm| realm.account(account).is_some_and(|home| home.keys_of(None).next().is_some());
        self.0.partition.inspect(has).unwrap_or(false)
    }

    /// A key that the root user could have, and that is nobody's yet.
    pub fn new_root_key(&self, account: AccountId) -> MadeKey {
        let dice = self.0.dice();
        MadeKey { access_key_id: dice.access_key("AKIA", account).to_string(), secret: Secret::from(dice.secret()) }
    }

    /// Makes a given key the only one of the root user, durably; gives the ids of those that it had before. Nothing changes if
    /// it is that already, and a key of somebody else stays theirs.
    pub async fn set_root_key(&self, account: AccountId, key: &MadeKey) -> Result<Vec<String>, KeyNotSet> {
        let (dice, service) = (self.0.dice(), Arc::clone(&self.0));
        let (id, secret) = (key.access_key_id.clone(), key.secret.clone());
        let gone = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&gone);
        let pending = self.0.execute(Box::new(move |realm, now| {
            let put = put_root_key(realm, account, &id, &secret, &service.keyring)?
                .then(|| AccessKey::of(&id, secret.expose_text().unwrap_or_default(), now, &dice, &service.keyring));
            let former = realm.account(account).into_iter().flat_map(|home| home.keys_of(None));
            let former: Vec<Box<str>> = former.map(|key| key.id.clone()).filter(|known| **known != *id).collect();
            *told.lock().unwrap_or_else(PoisonError::into_inner) = former.iter().map(ToString::to_string).collect();
            let put = put.into_iter().map(|key| Change::KeyPut(Box::new(key)));
            let changes = put.chain(former.into_iter().map(Change::KeyRemoved));
            Ok((changes.map(|change| Effect::Of(account, change)).collect(), Box::new(wire::Nothing)))
        }));
        let pending = pending.map_err(|_| KeyNotSet::Unavailable(Unavailable::Stopped))?;
        let replied = pending.await.map_err(KeyNotSet::Unavailable)?;
        replied.map_err(|refusal| KeyNotSet::Refused(refusal.message.into_owned()))?;
        let gone = std::mem::take(&mut *gone.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(gone)
    }
}

/// Whether the root user's key is to be put, because it is not that already.
fn put_root_key(
    realm: &Realm,
    account: AccountId,
    id: &str,
    secret: &Secret,
    keyring: &Keyring,
) -> Result<bool, Refusal> {
    let Some((owner, kept)) = realm.key(id) else { return Ok(true) };
    if owner != account || kept.user.is_some() {
        return Err(Refusal::invalid(format!("the access key {id} is somebody else's")));
    }
    let known = keyring.open_secret(&kept.id, &kept.sealed);
    Ok(!kept.is_active || known.is_none_or(|known| known != *secret))
}

/// Why a key is not the root user's.
#[derive(Debug)]
pub enum KeyNotSet {
    /// It is somebody else's.
    Refused(String),
    /// It cannot be written down.
    Unavailable(Unavailable),
}

impl fmt::Display for KeyNotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => f.write_str(why),
            Self::Unavailable(unavailable) => unavailable.fmt(f),
        }
    }
}

impl std::error::Error for KeyNotSet {}
