//! What a record of identities says, for tools that show records to people. Documents are left out, secrets are sealed anyway.

use crate::records::{Change, Effect};
use engine::{Described, Effect as _, MalformedRecord};
use names::Instant;

/// Puts a record into words.
pub fn describe(kind: u8, version: u8, payload: &[u8]) -> Result<Described, MalformedRecord> {
    let (account, change) = match Effect::decode(kind, version, payload)? {
        Effect::KeyringMade(_) => return Ok(Described { what: "keyring-made", time: None, details: Vec::new() }),
        Effect::Of(account, change) => (account, change),
    };
    let (what, time, named) = words(&change);
    let mut details = vec![("account", account.to_string())];
    details.extend(named.map(|name| ("name", name)));
    Ok(Described { what, time, details })
}

fn words(change: &Change) -> (&'static str, Option<Instant>, Option<String>) {
    let named = |what, name: &str| (what, None, Some(name.to_owned()));
    match change {
        Change::Opened(at) => ("account-opened", Some(*at), None),
        Change::AliasSet(alias) => named("alias-set", alias.as_deref().unwrap_or_default()),
        Change::EntityPut(entity) => named("entity-put", &format!("{}/{}", entity.sort.word(), entity.name)),
        Change::EntityRemoved(sort, name) => named("entity-removed", &format!("{}/{name}", sort.word())),
        Change::PolicyPut(policy) => named("policy-put", &policy.name),
        Change::PolicyRemoved(name) => named("policy-removed", name),
        Change::KeyPut(key) => named("key-put", &key.id),
        Change::KeyRemoved(id) => named("key-removed", id),
        Change::ProviderPut(provider) => named("provider-put", &provider.url),
        Change::ProviderRemoved(url) => named("provider-removed", url),
        Change::Wiped => ("account-wiped", None, None),
        Change::KeyUsed(id, used) => ("key-used", Some(used.at), Some(id.to_string())),
        Change::RoleUsed(name, at, _) => ("role-used", Some(*at), Some(name.to_string())),
    }
}
