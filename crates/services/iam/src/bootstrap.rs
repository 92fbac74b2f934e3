//! The root key of an account: made when there is none, or set by who runs the server; and how any key is made.

use crate::ids::Dice;
use crate::keyring::Keyring;
use crate::records::{Change, Effect};
use crate::service::{Iam, Inner};
use crate::state::AccessKey;
use engine::Unavailable;
use names::{AccountId, Instant};
use seal::Secret;
use std::sync::Arc;

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
        let has = |realm: &crate::state::Realm| {
            realm.account(account).is_some_and(|home| home.keys_of(None).next().is_some())
        };
        self.0.partition.inspect(has).unwrap_or(false)
    }

    /// A key that the root user could have, and that is nobody's yet.
    pub fn new_root_key(&self, account: AccountId) -> MadeKey {
        let dice = self.0.dice();
        MadeKey { access_key_id: dice.access_key("AKIA", account).to_string(), secret: Secret::from(dice.secret()) }
    }

    /// Makes a given key one of the root user, durably; nothing changes if it is that already.
    pub async fn set_root_key(&self, account: AccountId, key: &MadeKey) -> Result<(), Unavailable> {
        let known = self.0.partition.inspect(|realm| {
            let (owner, kept) = realm.key(&key.access_key_id)?;
            let is_right = owner == account && kept.user.is_none() && kept.is_active;
            self.0.keyring.open_secret(&kept.id, &kept.sealed).filter(|_| is_right)
        });
        if known.flatten().is_some_and(|secret| secret == key.secret) {
            return Ok(());
        }
        let (id, secret) = (key.access_key_id.clone(), key.secret.clone());
        let make = move |now, dice: &Dice, keyring: &Keyring| {
            AccessKey::of(&id, secret.expose_text().unwrap_or_default(), now, dice, keyring)
        };
        self.0.put_key(account, make).await
    }
}

impl Inner {
    /// Puts the key that `make` makes.
    async fn put_key(
        self: &Arc<Self>,
        account: AccountId,
        make: impl FnOnce(Instant, &Dice, &Keyring) -> AccessKey + Send + 'static,
    ) -> Result<(), Unavailable> {
        let (dice, service) = (self.dice(), Arc::clone(self));
        let pending = self.execute(Box::new(move |_, now| {
            let key = make(now, &dice, &service.keyring);
            let effects = vec![Effect::Of(account, Change::KeyPut(Box::new(key)))];
            Ok((effects, Box::new(wire::Nothing)))
        }));
        let pending = pending.map_err(|_| Unavailable::Stopped)?;
        pending.await?.map(drop).map_err(|_| Unavailable::Broken)
    }
}
