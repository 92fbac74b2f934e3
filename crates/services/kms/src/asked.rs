//! Who asks, and which keys the aliases of a request stood for when it was asked whether they may.
//!
//! An alias may be given to another key between the asking and the doing. What is allowed is allowed for a key, so the
//! operation gets that key wherever its alias has gone meanwhile, and what changes an alias itself changes it only while it
//! stands for that key.

use crate::key_id::{KeyId, Reference, Target};
use crate::machine::alias_arn;
use crate::refusal::Refusal;
use gateway::Caller;
use std::ops::Deref;

/// Aliases, each with the key that it stood for.
#[derive(Debug, Default)]
pub(crate) struct Meant(Vec<(Reference, KeyId)>);

impl Meant {
    /// Notes what a reference stood for; of one that names a key by its id there is nothing to note.
    pub(crate) fn note(&mut self, reference: &Reference, key: KeyId) {
        if matches!(reference.target, Target::Alias(_)) {
            self.0.push((reference.clone(), key));
        }
    }

    /// The key that a reference stood for.
    pub(crate) fn key(&self, reference: &Reference) -> Option<KeyId> {
        self.0.iter().find(|(known, _)| known == reference).map(|(_, key)| *key)
    }

    /// What a request means by this text: the key itself where it was asked for one.
    pub(crate) fn reference(&self, caller: &Caller, text: &str) -> Result<Reference, Refusal> {
        let reference = Reference::parse(text, caller.account, &caller.region)?;
        let target = self.key(&reference).map(Target::Key);
        Ok(Reference { target: target.unwrap_or(reference.target), ..reference })
    }
}

/// A caller who was asked what its request needs.
pub(crate) struct Asked {
    caller: Caller,
    meant: Meant,
}

impl Asked {
    pub(crate) fn new(caller: Caller, meant: Meant) -> Self {
        Self { caller, meant }
    }

    /// What the request means by this text.
    pub(crate) fn reference(&self, text: &str) -> Result<Reference, Refusal> {
        self.meant.reference(&self.caller, text)
    }

    /// The key that an alias of the caller's own stood for; nothing for whom nothing is asked. One that stood for no key was
    /// not there, whoever has made it meanwhile.
    pub(crate) fn behind_alias(&self, name: &str) -> Result<Option<KeyId>, Refusal> {
        let Caller { account, region, .. } = &self.caller;
        let key = self.meant.key(&Reference { account: *account, target: Target::Alias(name.into()) });
        match key.is_none() && self.caller.is_held_to_policies() {
            true => Err(Refusal::no_alias(&alias_arn(region, *account, name))),
            false => Ok(key),
        }
    }
}

impl Deref for Asked {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}
