//! All identities as bytes: the records that would make them anew, one after the other. Integers are big-endian.
//!
//! ```text
//! version 1   count × ( kind 1 │ version 1 │ length 4 │ payload as in records.rs )
//! ```
//! In this order: the keyring; then for each account that it was opened, its alias, its entities, policies, keys and providers.
//! A row keeps the version of the record that it is, so a new layout of a record is one of snapshots at once.

use crate::records::{Change, Effect};
use crate::state::{AccessKey, Account, Entity, Managed, Provider, Realm, Sort, folded};
use engine::fields::{Fields, put_bytes};
use engine::{Effect as _, MalformedRecord};
use names::AccountId;

/// The version of the layout that `write` writes.
pub(crate) const VERSION: u8 = 1;

/// Stands for a snapshot where the kind of a malformed record is told. No record has it.
const SNAPSHOT: u8 = 0;

/// Appends everything.
pub(crate) fn write(realm: &Realm, out: &mut Vec<u8>) {
    if let Some(wrapped) = &realm.keyring {
        write_row(&Effect::KeyringMade(wrapped.clone()), out);
    }
    for (account, state) in &realm.accounts {
        rows(state).for_each(|change| write_row(&Effect::Of(*account, change), out));
    }
}

fn rows(account: &Account) -> impl Iterator<Item = Change> {
    let alias = account.alias.iter().map(|alias| Change::AliasSet(Some(alias.clone())));
    std::iter::once(Change::Opened(account.opened_at))
        .chain(alias)
        .chain(account.entities.values().map(|entity| Change::put(entity.clone())))
        .chain(account.policies.values().map(|policy| Change::PolicyPut(Box::new(policy.clone()))))
        .chain(account.keys.values().map(|key| Change::KeyPut(Box::new(key.clone()))))
        .chain(account.providers.values().map(|provider| Change::ProviderPut(Box::new(provider.clone()))))
}

fn write_row(row: &Effect, out: &mut Vec<u8>) {
    let mut payload = Vec::new();
    row.encode(&mut payload);
    out.extend([row.kind(), row.version()]);
    put_bytes(&payload, out);
}

/// Reads what `write` wrote.
pub(crate) fn read(version: u8, state: &[u8]) -> Result<Realm, MalformedRecord> {
    let malformed = |why| MalformedRecord { kind: SNAPSHOT, version, why };
    if version != VERSION {
        return Err(malformed("a version of the identities' snapshot that this program does not know"));
    }
    let (mut realm, mut fields) = (Realm::default(), Fields::new(state));
    while !fields.is_empty() {
        let row = fields.byte().zip(fields.byte()).zip(fields.bytes());
        let ((kind, version), payload) = row.ok_or_else(|| malformed("its rows do not fit its length"))?;
        realm.apply(&Effect::decode(kind, version, payload)?);
    }
    Ok(realm)
}

impl Realm {
    /// Changes the state; total.
    pub(crate) fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::KeyringMade(wrapped) => self.keyring = Some(wrapped.clone()),
            Effect::Of(account, change) => self.apply_to(*account, change),
        }
    }

    fn apply_to(&mut self, id: AccountId, change: &Change) {
        match change {
            Change::KeyPut(key) => drop(self.owners.insert(key.id.clone(), id)),
            // Of another account's key this one has nothing to take away.
            Change::KeyRemoved(key) if self.owners.get(key) == Some(&id) => drop(self.owners.remove(key)),
            Change::Wiped => {
                self.accounts.remove(&id);
                return self.owners.retain(|_, owner| *owner != id);
            }
            _ => {}
        }
        self.accounts.entry(id).or_default().apply(change);
    }
}

impl Account {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Opened(at) => self.opened_at = *at,
            Change::AliasSet(alias) => self.alias = alias.clone(),
            Change::EntityPut(entity) => drop(self.entities.insert(entity.key(), Entity::clone(entity))),
            Change::EntityRemoved(sort, name) => drop(self.entities.remove(&(*sort, name.clone()))),
            Change::PolicyPut(policy) => drop(self.policies.insert(folded(&policy.name), Managed::clone(policy))),
            Change::PolicyRemoved(name) => drop(self.policies.remove(name)),
            Change::KeyPut(key) => drop(self.keys.insert(key.id.clone(), AccessKey::clone(key))),
            Change::KeyRemoved(id) => drop(self.keys.remove(id)),
            Change::ProviderPut(provider) => {
                drop(self.providers.insert(provider.url.clone(), Provider::clone(provider)));
            }
            Change::ProviderRemoved(url) => drop(self.providers.remove(url)),
            Change::Wiped => {}
            Change::KeyUsed(id, used) => {
                if let Some(key) = self.keys.get_mut(id) {
                    key.last_used = Some(used.clone());
                }
            }
            Change::RoleUsed(name, at, region) => {
                let role = self.entities.get_mut(&(Sort::Role, name.clone()));
                if let Some(part) = role.and_then(|role| role.role.as_mut()) {
                    part.last_used = Some((*at, region.clone()));
                }
            }
        }
    }
}
