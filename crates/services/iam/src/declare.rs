//! Identities that a file declares, put at the start of a server.
//!
//! One plan for all of them: what is declared and there already is left as it is, what differs is made as it is declared, and either
//! all of it is done or none. What a declaration does not name stays: other users, other keys of a user, tags and boundaries.

use crate::documents::{check_identity, check_trust};
use crate::ids::Dice;
use crate::keyring::Keyring;
use crate::limits;
use crate::machine::Plan;
use crate::records::{Change, Effect};
use crate::refusal::Refusal;
use crate::service::Iam;
use crate::state::{AccessKey, Account, Entity, Realm, RolePart, Sort, Tags};
use names::{AccountId, Instant};
use seal::Secret;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// What sort of identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeclaredSort {
    /// A group; groups come first, because users are put into them.
    Group,
    /// A user.
    User,
    /// A role.
    Role,
}

/// A user, group or role as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// What sort.
    pub sort: DeclaredSort,
    /// Its name.
    pub name: String,
    /// Between the sort and the name in its ARN, for one that is new.
    pub path: Option<String>,
    /// All its inline policies by name, if they are declared.
    pub policies: Option<BTreeMap<String, String>>,
    /// ARNs of all managed policies that it has, if they are declared.
    pub attached: Option<BTreeSet<String>>,
    /// Names of all its groups, if they are declared.
    pub groups: Option<BTreeSet<String>>,
    /// Who may assume it; only of a role, which has to have one.
    pub trust: Option<String>,
    /// Keys that it has among others: ids and secrets.
    pub keys: Vec<(String, Secret)>,
}

impl Iam {
    /// Makes an account have what is declared, durably; says what changed, in words. The error names what is wrong with which.
    pub async fn declare(&self, account: AccountId, declared: Vec<Declared>) -> Result<Vec<String>, String> {
        let (told, service) = (Arc::new(Mutex::new(Vec::new())), Arc::clone(&self.0));
        let rows = declared.iter().map(|one| 1 + one.keys.len()).sum();
        let (kept, dice) = (Arc::clone(&told), self.0.dice_for(rows));
        let plan: Plan = Box::new(move |realm, now| {
            let mut work = Work {
                realm: realm.clone(),
                account,
                now,
                dice: &dice,
                keyring: &service.keyring,
                effects: Vec::new(),
                told: Vec::new(),
            };
            for one in &declared {
                work.put(one).map_err(|refusal| Refusal::invalid(format!("{}: {}", one.name, refusal.message)))?;
            }
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = work.told;
            Ok((work.effects, Box::new(wire::Nothing)))
        });
        let pending = self.0.execute(plan).map_err(|refusal| refusal.message.into_owned())?;
        let replied = pending.await.map_err(|error| error.to_string())?;
        replied.map_err(|refusal| refusal.message.into_owned())?;
        let told = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(told)
    }
}

/// The state as it becomes, and what makes it so.
struct Work<'a> {
    realm: Realm,
    account: AccountId,
    now: Instant,
    dice: &'a Dice,
    keyring: &'a Keyring,
    effects: Vec<Effect>,
    told: Vec<String>,
}

impl Work<'_> {
    fn apply(&mut self, change: Change, what: String) {
        let effect = Effect::Of(self.account, change);
        self.realm.apply(&effect);
        self.effects.push(effect);
        self.told.push(what);
    }

    fn home(&self) -> Account {
        self.realm.account(self.account).cloned().unwrap_or_default()
    }

    fn put(&mut self, declared: &Declared) -> Result<(), Refusal> {
        let sort = match declared.sort {
            DeclaredSort::Group => Sort::Group,
            DeclaredSort::User => Sort::User,
            DeclaredSort::Role => Sort::Role,
        };
        let home = self.home();
        let found = home.entity(sort, &declared.name);
        let mut entity = match found {
            Some(found) => found.clone(),
            None => self.new_entity(sort, declared)?,
        };
        self.shape(&home, &mut entity, declared)?;
        if found != Some(&entity) {
            let what = format!("{} {} {}", if found.is_none() { '+' } else { '~' }, sort.word(), entity.name);
            self.apply(Change::put(entity.clone()), what);
        }
        declared.keys.iter().try_for_each(|(id, secret)| self.put_key(&entity, id, secret))
    }

    fn new_entity(&self, sort: Sort, declared: &Declared) -> Result<Entity, Refusal> {
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter);
        if declared.name.is_empty() || declared.name.len() > 64 || !declared.name.chars().all(is_name) {
            return Err(Refusal::invalid("it is no name: 1 to 64 letters, digits and _+=,.@-"));
        }
        let trust = || declared.trust.as_deref().ok_or_else(|| Refusal::invalid("a role has to have a trust policy"));
        let role = (sort == Sort::Role).then(|| {
            let max_session_secs = limits::SESSION_SECS_DEFAULT;
            Ok::<_, Refusal>(RolePart { trust: trust()?.into(), description: None, max_session_secs, last_used: None })
        });
        Ok(Entity {
            sort,
            id: self.dice.unique_id(sort.id_prefix()),
            name: declared.name.as_str().into(),
            path: declared.path.as_deref().unwrap_or("/").into(),
            created_at: self.now,
            tags: Tags::default(),
            boundary: None,
            attached: BTreeSet::new(),
            inline: BTreeMap::new(),
            groups: BTreeSet::new(),
            role: role.transpose()?,
        })
    }

    fn shape(&self, home: &Account, entity: &mut Entity, declared: &Declared) -> Result<(), Refusal> {
        if let Some(policies) = &declared.policies {
            policies.values().try_for_each(|document| check_identity(document))?;
            let pair = |(name, document): (&String, &String)| (name.as_str().into(), document.as_str().into());
            entity.inline = policies.iter().map(pair).collect();
        }
        if let Some(attached) = &declared.attached {
            if let Some(missing) = attached.iter().find(|arn| crate::at::in_force(home, self.account, arn).is_none()) {
                return Err(Refusal::invalid(format!("there is no policy {missing}")));
            }
            entity.attached = attached.iter().map(|arn| arn.as_str().into()).collect();
        }
        if let (Some(trust), Some(role)) = (&declared.trust, &mut entity.role) {
            check_trust(trust)?;
            role.trust = trust.as_str().into();
        }
        if let Some(groups) = &declared.groups {
            let id = |name: &String| match home.entity(Sort::Group, name) {
                Some(group) => Ok(group.id.clone()),
                None => Err(Refusal::invalid(format!("there is no group {name}"))),
            };
            entity.groups = groups.iter().map(id).collect::<Result<_, _>>()?;
        }
        Ok(())
    }

    fn put_key(&mut self, user: &Entity, id: &str, secret: &Secret) -> Result<(), Refusal> {
        let is_id = (16..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_id || secret.is_empty() {
            return Err(Refusal::invalid("an access key has 16 to 128 letters and digits, and a secret"));
        }
        if let Some((account, key)) = self.realm.key(id) {
            if account != self.account || key.user.as_deref() != Some(&*user.id) {
                return Err(Refusal::invalid(format!("the access key {id} is somebody else's")));
            }
            let kept = self.keyring.open_secret(&key.id, &key.sealed);
            if key.is_active && kept.is_some_and(|kept| kept == *secret) {
                return Ok(());
            }
        }
        let text = secret.expose_text().ok_or_else(|| Refusal::invalid("a secret is text"))?;
        let key = AccessKey::of(id, text, self.now, self.dice, self.keyring);
        let key = AccessKey { user: Some(user.id.clone()), ..key };
        self.apply(Change::KeyPut(Box::new(key)), format!("~ key {id} of user {}", user.name));
        Ok(())
    }
}
