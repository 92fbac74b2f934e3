//! The keys of an account as a machine: keys, grants and aliases of all its regions.
//!
//! One partition is one account, so that what belongs together changes together: an alias and its key, a multi-Region key
//! and its replicas. Ids, material and the moment come inside the command. A key whose time is over is not there for whoever
//! asks; its end is journaled by [`Command::Bury`] soon after, so that the next checkpoint has nothing of its material.

use crate::change::Change;
use crate::grant::{Grant, GrantId, Grants};
use crate::key::{Key, MultiRegion, State};
use crate::key_id::{KeyId, Target};
use crate::limits;
use crate::records::{self, Effect};
use crate::refusal::Refusal;
use engine::{Decision, Machine, MalformedRecord};
use names::{AccountId, Instant, Position, Region};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What names a key: the same id may be in several regions.
pub(crate) type Place = (Region, KeyId);

/// The keys of one account.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Keyring {
    pub(crate) account: AccountId,
    pub(crate) keys: BTreeMap<Place, Kept>,
    pub(crate) aliases: BTreeMap<(Region, Box<str>), Alias>,
    /// How many keys are in each region that has any, so that nobody counts them.
    sizes: BTreeMap<Region, usize>,
}

/// A key and its grants.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    pub(crate) key: Arc<Key>,
    pub(crate) grants: Arc<Grants>,
}

/// What an alias stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Alias {
    pub(crate) target: KeyId,
    pub(crate) created_at: Instant,
    pub(crate) changed_at: Instant,
}

/// What may be asked.
pub(crate) enum Command {
    /// Makes a key, with an alias of AWS's own if it is one of its managed keys; the one that is there already wins. A region has
    /// this many at the most.
    Create {
        account: AccountId,
        key: Box<Key>,
        alias: Option<Box<str>>,
        keys_max: usize,
    },
    /// The key that this names.
    Find(Region, Target),
    /// Keys of a region behind one, in the order of their ids.
    Keys {
        region: Region,
        after: Option<KeyId>,
        limit: usize,
    },
    /// Aliases of a region, all of them or those of a key.
    Aliases {
        region: Region,
        of: Option<KeyId>,
    },
    /// Every grant of a region with its key.
    AllGrants(Region),
    /// Changes a key.
    Change {
        place: Place,
        change: Box<Change>,
    },
    /// Names a key.
    SetAlias {
        region: Region,
        name: Box<str>,
        target: KeyId,
        known: Known,
    },
    /// Lets go of a name, while it is of this key if one is said.
    DeleteAlias {
        region: Region,
        name: Box<str>,
        of: Option<KeyId>,
    },
    AddGrant {
        place: Place,
        grant: Box<Grant>,
    },
    /// Journals the end of keys and of imported materials whose time is over.
    Bury,
    /// Ends every key at once: for who begins anew.
    Clear,
    RemoveGrant {
        place: Place,
        grant: GrantId,
    },
}

/// What a name that is set stands for until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// It is free.
    Nothing,
    /// It is of a key: of this one, if one is said.
    Key(Option<KeyId>),
}

/// What is answered.
#[derive(Debug)]
pub(crate) enum Reply {
    Done,
    Key(Kept),
    Keys(Vec<Arc<Key>>),
    Aliases(Vec<(Box<str>, Alias)>),
    Grants(Vec<(KeyId, Arc<Grant>)>),
    /// The grant that holds now: the one that was there, if the same had been made before.
    Granted(GrantId),
    /// Keys of which something was buried.
    Buried(Vec<KeyId>),
    Refused(Refusal),
}

impl Keyring {
    /// An account without keys.
    pub(crate) fn of(account: AccountId) -> Self {
        Self { account, keys: BTreeMap::new(), aliases: BTreeMap::new(), sizes: BTreeMap::new() }
    }

    /// Before the first record.
    pub(crate) fn unborn() -> Self {
        Self::of(AccountId::DEFAULT)
    }

    /// The key that a target names in a region, as it is at this moment.
    pub(crate) fn find(&self, now: Instant, region: &Region, target: &Target) -> Result<Kept, Refusal> {
        let id = match target {
            Target::Key(id) => *id,
            Target::Alias(name) => match self.aliases.get(&(region.clone(), name.clone())) {
                Some(alias) => alias.target,
                None => return Err(Refusal::no_alias(&alias_arn(region, self.account, name))),
            },
        };
        let kept = self.keys.get(&(region.clone(), id)).and_then(|kept| kept.at(now));
        kept.ok_or_else(|| Refusal::no_key(&id.arn(region, self.account)))
    }

    /// The names of a key's aliases.
    pub(crate) fn aliases_of(&self, place: &Place) -> impl Iterator<Item = &str> {
        let (region, id) = place;
        let of_it = self.aliases.iter().filter(move |((home, _), alias)| home == region && alias.target == *id);
        of_it.map(|((_, name), _)| &**name)
    }

    fn kept(&self, now: Instant, place: &Place) -> Result<Kept, Refusal> {
        self.find(now, &place.0, &Target::Key(place.1))
    }

    fn create(
        &self,
        now: Instant,
        account: AccountId,
        key: Box<Key>,
        alias: Option<Box<str>>,
        keys_max: usize,
    ) -> Decision<Effect, Reply> {
        let region = &key.region;
        if let Some(known) = alias.clone().and_then(|name| self.find(now, region, &Target::Alias(name)).ok()) {
            return Decision::answer(Reply::Key(known));
        }
        if let Err(refusal) = self.check_room(region, keys_max) {
            return refused(refusal);
        }
        let opened = self.keys.is_empty().then_some(Effect::Opened(account));
        let key = Arc::new(*key);
        let (at, target) = (key.created_at, key.id);
        let named = alias
            .map(|name| Effect::AliasPut(key.region.clone(), name, Alias { target, created_at: at, changed_at: at }));
        let reply = Reply::Key(Kept { key: Arc::clone(&key), grants: Arc::default() });
        Decision::change(opened.into_iter().chain([Effect::KeyPut(key)]).chain(named).collect(), reply)
    }

    /// Whether a region takes one key more.
    pub(crate) fn check_room(&self, region: &Region, keys_max: usize) -> Result<(), Refusal> {
        match self.sizes.get(region).is_none_or(|own| *own < keys_max) {
            true => Ok(()),
            false => Err(Refusal::limit(format!("An account has at most {keys_max} keys in a region."))),
        }
    }

    /// Puts a key where none is.
    pub(crate) fn put(&mut self, place: Place, kept: Kept) {
        *self.sizes.entry(place.0.clone()).or_default() += 1;
        self.keys.insert(place, kept);
    }

    /// Takes a key away.
    fn take(&mut self, place: &Place) {
        let (Some(_), Some(own)) = (self.keys.remove(place), self.sizes.get_mut(&place.0)) else { return };
        *own -= 1;
        if *own == 0 {
            self.sizes.remove(&place.0);
        }
    }

    /// Whether a key is in any region.
    pub(crate) fn has(&self, id: KeyId) -> bool {
        self.sizes.keys().any(|region| self.keys.contains_key(&(region.clone(), id)))
    }

    fn keys(&self, now: Instant, region: &Region, after: Option<KeyId>, limit: usize) -> Vec<Arc<Key>> {
        let from = (region.clone(), KeyId::from_record([0; 16], false));
        let own = self.keys.range(from..).take_while(|((home, _), _)| home == region);
        let behind = own.filter(|((_, id), _)| after.is_none_or(|after| *id > after));
        behind.filter_map(|(_, kept)| kept.at(now)).map(|kept| kept.key).take(limit).collect()
    }

    /// A change of a key, with what it does to the key's relatives in other regions.
    fn change(&self, now: Instant, place: &Place, change: &Change) -> Result<Decision<Effect, Reply>, Refusal> {
        let kept = self.kept(now, place)?;
        let changed = change.apply_to(&kept.key, now, self)?;
        let reply = match changed.first() {
            Some(key) => Kept { key: Arc::clone(key), grants: kept.grants },
            None => kept,
        };
        let effects = changed.into_iter().map(Effect::KeyPut).collect();
        Ok(Decision::change(effects, Reply::Key(reply)))
    }

    fn set_alias(
        &self,
        now: Instant,
        region: Region,
        name: Box<str>,
        target: KeyId,
        before: Known,
    ) -> Result<Decision<Effect, Reply>, Refusal> {
        let known = match before {
            Known::Nothing => None,
            Known::Key(of) => Some(self.alias(&region, &name, of)?),
        };
        if known.is_none() && self.aliases.contains_key(&(region.clone(), name.clone())) {
            let message = format!("An alias with the name {} already exists", alias_arn(&region, self.account, &name));
            return Err(Refusal::new(&crate::api::errors::ALREADY_EXISTS_EXCEPTION, message));
        }
        let place = (region, target);
        let kept = self.kept(now, &place)?;
        if kept.key.is_going() {
            return Err(Refusal::state(&kept.key.arn(), "pending deletion"));
        }
        if let Some(before) = known.and_then(|alias| self.keys.get(&(place.0.clone(), alias.target)))
            && (before.key.spec, before.key.usage) != (kept.key.spec, kept.key.usage)
        {
            return Err(Refusal::validation(format!(
                "Alias {name} cannot be changed from a key of the spec {} to one of the spec {}.",
                before.key.spec.name(),
                kept.key.spec.name()
            )));
        }
        if self.aliases_of(&place).count() >= limits::ALIASES_PER_KEY_MAX && known.is_none_or(|it| it.target != target)
        {
            return Err(Refusal::limit(format!("A key has at most {} aliases.", limits::ALIASES_PER_KEY_MAX)));
        }
        let alias = Alias { target, created_at: known.map_or(now, |known| known.created_at), changed_at: now };
        Ok(Decision::change(vec![Effect::AliasPut(place.0, name, alias)], Reply::Done))
    }

    /// The alias of a name, which is of this key if one is said: whoever may change it for one key may not for another.
    fn alias(&self, region: &Region, name: &str, of: Option<KeyId>) -> Result<Alias, Refusal> {
        let arn = || alias_arn(region, self.account, name);
        let known = self.aliases.get(&(region.clone(), name.into()));
        let alias = *known.ok_or_else(|| Refusal::no_alias(&arn()))?;
        match of.is_none_or(|of| of == alias.target) {
            true => Ok(alias),
            false => {
                let message = format!("Alias {} was given to another key meanwhile.", arn());
                Err(Refusal::new(&crate::api::errors::CONFLICT_EXCEPTION, message))
            }
        }
    }

    fn delete_alias(
        &self,
        region: Region,
        name: Box<str>,
        of: Option<KeyId>,
    ) -> Result<Decision<Effect, Reply>, Refusal> {
        self.alias(&region, &name, of)?;
        Ok(Decision::change(vec![Effect::AliasGone(region, name)], Reply::Done))
    }

    fn add_grant(&self, now: Instant, place: Place, grant: Grant) -> Result<Decision<Effect, Reply>, Refusal> {
        let kept = self.kept(now, &place)?;
        check_usable(&kept.key)?;
        // The same name with the same terms is the same grant: CreateGrant can be repeated.
        let same = |known: &&Arc<Grant>| {
            // Names first: what follows is done for one of 50,000.
            grant.name.is_some()
                && grant.name == known.name
                && Grant { id: known.id, created_at: known.created_at, ..grant.clone() } == ***known
        };
        if let Some(known) = kept.grants.values().find(same) {
            return Ok(Decision::answer(Reply::Granted(known.id)));
        }
        check_room_for_grant(&kept)?;
        let id = grant.id;
        Ok(Decision::change(vec![Effect::GrantPut(place.0, place.1, Arc::new(grant))], Reply::Granted(id)))
    }

    fn remove_grant(&self, now: Instant, place: Place, grant: GrantId) -> Result<Decision<Effect, Reply>, Refusal> {
        let kept = self.kept(now, &place)?;
        kept.grants.get(&grant).ok_or_else(|| Refusal::not_found(format!("Grant ID {grant} not found")))?;
        Ok(Decision::change(vec![Effect::GrantGone(place.0, place.1, grant)], Reply::Done))
    }

    fn answer(&self, now: Instant, command: Command) -> Result<Decision<Effect, Reply>, Refusal> {
        match command {
            Command::Create { account, key, alias, keys_max } => Ok(self.create(now, account, key, alias, keys_max)),
            Command::Find(region, target) => {
                self.find(now, &region, &target).map(|kept| Decision::answer(Reply::Key(kept)))
            }
            Command::Keys { region, after, limit } => {
                Ok(Decision::answer(Reply::Keys(self.keys(now, &region, after, limit))))
            }
            Command::Aliases { region, of } => {
                let own = self.aliases.iter().filter(|((home, _), _)| *home == region);
                let wanted = own.filter(|(_, alias)| of.is_none_or(|id| alias.target == id));
                Ok(Decision::answer(Reply::Aliases(wanted.map(|((_, name), alias)| (name.clone(), *alias)).collect())))
            }
            Command::AllGrants(region) => {
                let own = self.keys.iter().filter(|((home, _), _)| *home == region);
                let grants = own.flat_map(|((_, id), kept)| kept.grants.values().map(|grant| (*id, Arc::clone(grant))));
                Ok(Decision::answer(Reply::Grants(grants.collect())))
            }
            Command::Change { place, change } => self.change(now, &place, &change),
            Command::SetAlias { region, name, target, known } => self.set_alias(now, region, name, target, known),
            Command::DeleteAlias { region, name, of } => self.delete_alias(region, name, of),
            Command::AddGrant { place, grant } => self.add_grant(now, place, *grant),
            Command::Bury => Ok(self.bury(now)),
            Command::Clear => {
                let gone = self.keys.keys().map(|(region, id)| Effect::KeyGone(region.clone(), *id)).collect();
                Ok(Decision::change(gone, Reply::Buried(self.keys.keys().map(|(_, id)| *id).collect())))
            }
            Command::RemoveGrant { place, grant } => self.remove_grant(now, place, grant),
        }
    }

    /// Ends what time has ended: keys, a primary's wait for its replicas, and materials.
    fn bury(&self, now: Instant) -> Decision<Effect, Reply> {
        let (mut effects, mut buried) = (Vec::new(), Vec::new());
        for ((region, id), kept) in &self.keys {
            let changed = match kept.key.state {
                _ if kept.key.has_ended(now) => None,
                // Its material ends in its own time, however long the replicas stay.
                State::PendingReplicaDeletion(days) => {
                    Some(self.left_alone(*id, &kept.key, days, now).or_else(|| kept.key.aged(now)))
                }
                _ => Some(kept.key.aged(now)),
            };
            match changed {
                None => effects.push(Effect::KeyGone(region.clone(), *id)),
                Some(Some(key)) => effects.push(Effect::KeyPut(Arc::new(key))),
                Some(None) => continue,
            }
            buried.push(*id);
        }
        Decision::change(effects, Reply::Buried(buried))
    }

    /// A primary that waits for its replicas, as it is when the last of them have ended by now: its own wait begins.
    fn left_alone(&self, id: KeyId, primary: &Key, days: u32, now: Instant) -> Option<Key> {
        let config = primary.multi_region.as_ref()?;
        let ended = |region: &Region| self.keys.get(&(region.clone(), id)).is_none_or(|kept| kept.key.has_ended(now));
        config.replicas.iter().all(ended).then(|| Key {
            state: State::PendingDeletion(now.plus_millis(u64::from(days) * limits::DAY_MILLIS)),
            multi_region: Some(MultiRegion { primary: config.primary.clone(), replicas: Vec::new() }),
            ..primary.clone()
        })
    }

    /// A key is gone: with it its grants, its aliases, and its place among the replicas.
    fn let_go(&mut self, place: &Place) {
        self.take(place);
        self.aliases.retain(|(home, _), alias| (home, alias.target) != (&place.0, place.1));
        for (_, kept) in self.keys.iter_mut().filter(|((_, id), _)| *id == place.1) {
            if let Some(config) = &mut Arc::make_mut(&mut kept.key).multi_region {
                config.replicas.retain(|region| *region != place.0);
            }
        }
    }
}

impl Kept {
    /// What it is at this moment: nothing, if its time is over.
    fn at(&self, now: Instant) -> Option<Self> {
        if self.key.has_ended(now) {
            return None;
        }
        let aged = self.key.changes_at().filter(|at| *at <= now).and_then(|_| self.key.aged(now));
        let key = aged.map_or_else(|| Arc::clone(&self.key), Arc::new);
        Some(Self { key, grants: Arc::clone(&self.grants) })
    }
}

/// Whether a key may be used at all.
pub(crate) fn check_usable(key: &Key) -> Result<(), Refusal> {
    match key.state {
        State::Enabled => Ok(()),
        State::Disabled => Err(Refusal::disabled(&key.arn())),
        State::PendingImport => Err(Refusal::state(&key.arn(), "pending import")),
        State::PendingDeletion(_) => Err(Refusal::state(&key.arn(), "pending deletion")),
        State::PendingReplicaDeletion(_) => Err(Refusal::state(&key.arn(), "pending replica deletion")),
    }
}

/// Whether a key takes one grant more.
pub(crate) fn check_room_for_grant(kept: &Kept) -> Result<(), Refusal> {
    match kept.grants.len() < limits::GRANTS_PER_KEY_MAX {
        true => Ok(()),
        false => Err(Refusal::limit(format!("A key has at most {} grants.", limits::GRANTS_PER_KEY_MAX))),
    }
}

/// The ARN of an alias, whose name has `alias/` in it.
pub(crate) fn alias_arn(region: &Region, account: AccountId, name: &str) -> String {
    format!("arn:{}:kms:{region}:{account}:{name}", region.arn_partition())
}

fn refused(refusal: Refusal) -> Decision<Effect, Reply> {
    Decision::answer(Reply::Refused(refusal))
}

impl Machine for Keyring {
    type Command = Command;
    type Effect = Effect;
    type Reply = Reply;
    type Content = ();

    const SNAPSHOT_VERSION: u8 = records::VERSION;

    fn decide(&self, now: Instant, command: Command) -> Decision<Effect, Reply> {
        self.answer(now, command).unwrap_or_else(refused)
    }

    fn apply(&mut self, _at: Position, effect: &Effect, _gone: &mut Vec<u64>) {
        match effect {
            Effect::Opened(account) => self.account = *account,
            Effect::KeyPut(key) => {
                let mut key = Arc::clone(key);
                if key.account != self.account {
                    Arc::make_mut(&mut key).account = self.account;
                }
                let place = (key.region.clone(), key.id);
                match self.keys.get_mut(&place) {
                    Some(kept) => kept.key = key,
                    None => self.put(place, Kept { key, grants: Arc::default() }),
                }
            }
            Effect::KeyGone(region, id) => self.let_go(&(region.clone(), *id)),
            Effect::AliasPut(region, name, alias) => drop(self.aliases.insert((region.clone(), name.clone()), *alias)),
            Effect::AliasGone(region, name) => drop(self.aliases.remove(&(region.clone(), name.clone()))),
            Effect::GrantPut(region, id, grant) => {
                if let Some(kept) = self.keys.get_mut(&(region.clone(), *id)) {
                    Arc::make_mut(&mut kept.grants).insert(grant.id, Arc::clone(grant));
                }
            }
            Effect::GrantGone(region, id, grant) => {
                if let Some(kept) = self.keys.get_mut(&(region.clone(), *id)) {
                    Arc::make_mut(&mut kept.grants).remove(grant);
                }
            }
        }
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        records::put_ring(self, out);
    }

    fn restore(version: u8, state: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind: 0, version, why };
        if version != records::VERSION {
            return Err(malformed("a snapshot of a version that this program does not know"));
        }
        records::ring(state).ok_or_else(|| malformed("a snapshot whose fields do not fit its length"))
    }
}

#[cfg(test)]
mod tests;
