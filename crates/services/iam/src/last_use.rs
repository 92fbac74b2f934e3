//! When keys and roles were used last: a note now and then, never one for each request.
//!
//! The gateway asks for a note when a key or a session was proved and its identity says that one is due (`gateway::Noted`); of
//! several identities of one role each says so, and the state lets one of them through. So what GetAccessKeyLastUsed and GetRole
//! show is a use that took place, at the most [`LAST_USE_MILLIS`] before the last one while a key is in use.

use crate::limits::LAST_USE_MILLIS;
use crate::records::{Change, Effect};
use crate::state::{KeyUse, Realm, Sort};
use access::Kind;
use gateway::Proven;
use names::{AccountId, Instant};

/// A use that may be worth a note.
pub(crate) struct Use {
    who: Who,
    at: Instant,
    service: &'static str,
    region: Box<str>,
}

enum Who {
    Key(Box<str>),
    /// By account and unique id.
    Role(Option<AccountId>, Box<str>),
}

/// What came.
pub(crate) fn of(proven: &Proven<'_>) -> Use {
    let caller = &proven.identity.caller;
    let who = match caller.kind() {
        Kind::Session => Who::Role(caller.account(), caller.unique_id().unwrap_or_default().into()),
        _ => Who::Key(proven.access_key.into()),
    };
    Use { who, at: proven.at, service: proven.service, region: proven.region.into() }
}

impl Use {
    /// The note, unless there is a newer one, or one of some minutes before.
    pub(crate) fn change(self, realm: &Realm) -> Option<Effect> {
        let Self { who, at, service, region } = self;
        let is_due = |last: Option<Instant>| last.is_none_or(|last| last.plus_millis(LAST_USE_MILLIS) <= at);
        match who {
            Who::Key(id) => {
                let (account, key) = realm.key(&id)?;
                let used = KeyUse { at, service: service.into(), region };
                let is_due = is_due(key.last_used.as_ref().map(|used| used.at));
                is_due.then_some(Effect::Of(account, Change::KeyUsed(id, used)))
            }
            Who::Role(account, id) => {
                let account = account?;
                let home = realm.account(account)?;
                let role = home.entities_of(Sort::Role).find(|role| role.id == id)?;
                let last = role.role.as_ref()?.last_used.as_ref();
                let is_due = is_due(last.map(|(at, _)| *at));
                is_due.then_some(Effect::Of(account, Change::RoleUsed(role.key().1, at, region)))
            }
        }
    }
}
