//! Identities that a file declares, put at the start of a server.
//!
//! One plan for all of them: what is declared and there already is left as it is, what differs is made as it is declared, what is
//! declared absent goes, and either all of it is done or none. What a declaration does not name stays.

use crate::declared::{Declaration, Declared, DeclaredPolicy, DeclaredProvider, DeclaredSort};
use crate::documents::{check_identity, check_trust};
use crate::ids::Dice;
use crate::keyring::Keyring;
use crate::limits;
use crate::machine::Plan;
use crate::ops::policies::check_managed;
use crate::ops::providers::{bare_url, check_client_ids, check_thumbprints};
use crate::records::{Change, Effect};
use crate::refusal::Refusal;
use crate::service::Iam;
use crate::state::{
    AccessKey, Account, Entity, Managed, Owner, Provider, Realm, RolePart, Sort, Tags, Version, folded,
};
use names::{AccountId, Instant};
use seal::Secret;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

impl Iam {
    /// Makes an account have what is declared, durably; says what changed, in words. The error names what is wrong with which.
    pub async fn declare(&self, account: AccountId, declared: Declaration) -> Result<Vec<String>, String> {
        let (told, service) = (Arc::new(Mutex::new(Vec::new())), Arc::clone(&self.0));
        let keys = declared.identities.iter().filter_map(|one| one.keys.as_ref().map(Vec::len)).sum::<usize>();
        let rows = declared.policies.len() + declared.identities.len() + keys;
        let (kept, dice) = (Arc::clone(&told), self.0.dice_for(rows));
        let plan: Plan = Box::new(move |realm, now| {
            let mut work = Work {
                realm: realm.clone(),
                account,
                partition: service.arn_partition,
                now,
                dice: &dice,
                keyring: &service.keyring,
                effects: Vec::new(),
                told: Vec::new(),
            };
            work.put_all(&declared)?;
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

fn without_key(user: &Entity, key: &AccessKey) -> (Change, String) {
    (Change::KeyRemoved(key.id.clone()), format!("- key {} of user {}", key.id, user.name))
}

/// The state as it becomes, and what makes it so.
struct Work<'a> {
    realm: Realm,
    account: AccountId,
    partition: &'static str,
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

    fn owner(&self) -> Owner {
        Owner { account: self.account, partition: self.partition }
    }

    fn home(&self) -> &Account {
        static EMPTY: LazyLock<Account> = LazyLock::new(Account::default);
        self.realm.account(self.account).unwrap_or(&EMPTY)
    }

    fn apply_all(&mut self, changes: Vec<(Change, String)>) {
        changes.into_iter().for_each(|(change, what)| self.apply(change, what));
    }

    /// Policies come first, because identities name them, and go last, when none of these does any more.
    fn put_all(&mut self, declared: &Declaration) -> Result<(), Refusal> {
        let named = |name: &str, done: Result<(), Refusal>| {
            done.map_err(|refusal| Refusal::invalid(format!("{name}: {}", refusal.message)))
        };
        for policy in &declared.policies {
            named(&policy.name, self.put_policy(policy))?;
        }
        for one in &declared.identities {
            named(&one.name, if one.is_absent { self.remove(one) } else { self.put(one) })?;
        }
        for provider in &declared.providers {
            named(&provider.url, self.put_provider(provider))?;
        }
        for policy in declared.policies.iter().filter(|policy| policy.document.is_none()) {
            named(&policy.name, self.remove_policy(policy))?;
        }
        Ok(())
    }

    fn put_policy(&mut self, declared: &DeclaredPolicy) -> Result<(), Refusal> {
        let Some(document) = declared.document.as_deref() else { return Ok(()) };
        check_managed(document)?;
        let path = check_policy_path(declared.path.as_deref())?;
        let home = self.home();
        let found = home.policies.get(&folded(&declared.name));
        let mut policy = match found {
            Some(found) => found.clone(),
            None => self.new_policy(declared, path)?,
        };
        if policy.versions.is_empty() || policy.document() != document {
            add_version(&mut policy, document, self.now);
            let what = format!("{} policy {}", if found.is_none() { '+' } else { '~' }, policy.name);
            self.apply(Change::PolicyPut(Box::new(policy)), what);
        }
        Ok(())
    }

    fn new_policy(&self, declared: &DeclaredPolicy, path: Box<str>) -> Result<Managed, Refusal> {
        check_name(&declared.name, limits::LONG_NAME_CHARS_MAX)?;
        Ok(Managed {
            id: self.dice.unique_id("ANPA"),
            name: declared.name.as_str().into(),
            path,
            description: declared.description.as_deref().map(Into::into),
            created_at: self.now,
            updated_at: self.now,
            tags: Tags::default(),
            versions: Vec::new(),
            default: 1,
            next: 1,
        })
    }

    fn remove_policy(&mut self, declared: &DeclaredPolicy) -> Result<(), Refusal> {
        let home = self.home();
        let Some(policy) = home.policies.get(&folded(&declared.name)) else { return Ok(()) };
        if !home.used(&policy.arn(self.owner())).is_none() {
            return Err(Refusal::conflict("it is declared absent, and somebody still has it"));
        }
        let (change, what) = (Change::PolicyRemoved(folded(&policy.name)), format!("- policy {}", policy.name));
        self.apply(change, what);
        Ok(())
    }

    fn put_provider(&mut self, declared: &DeclaredProvider) -> Result<(), Refusal> {
        let whole = match declared.url.contains("://") {
            true => declared.url.clone(),
            false => format!("https://{}", declared.url),
        };
        let url = bare_url(&whole)?;
        let home = self.home();
        let found = home.providers.get(url);
        if declared.is_absent {
            if found.is_some() {
                self.apply(Change::ProviderRemoved(url.into()), format!("- provider {url}"));
            }
            return Ok(());
        }
        check_client_ids(declared.client_ids.len())?;
        check_thumbprints(declared.thumbprints.len())?;
        let provider = Provider {
            url: url.into(),
            created_at: found.map_or(self.now, |found| found.created_at),
            client_ids: declared.client_ids.iter().map(|id| id.as_str().into()).collect(),
            thumbprints: declared.thumbprints.iter().map(|print| print.as_str().into()).collect(),
            tags: found.map(|found| found.tags.clone()).unwrap_or_default(),
        };
        if found != Some(&provider) {
            let what = format!("{} provider {url}", if found.is_none() { '+' } else { '~' });
            self.apply(Change::ProviderPut(Box::new(provider)), what);
        }
        Ok(())
    }

    /// What is no more takes its keys with it, and a group its memberships.
    fn remove(&mut self, declared: &Declared) -> Result<(), Refusal> {
        let (home, sort) = (self.home(), sort_of(declared.sort));
        let Some(entity) = home.entity(sort, &declared.name) else { return Ok(()) };
        let keys = home.keys_of(Some(&*entity.id)).map(|key| without_key(entity, key));
        let members = home.entities_of(Sort::User).filter(|user| user.groups.contains(&entity.id)).map(|user| {
            let mut user = user.clone();
            user.groups.remove(&entity.id);
            let what = format!("~ user {}", user.name);
            (Change::put(user), what)
        });
        let last = (Change::remove(entity), format!("- {} {}", sort.word(), entity.name));
        let changes = keys.chain(members).chain([last]).collect();
        self.apply_all(changes);
        Ok(())
    }

    fn put(&mut self, declared: &Declared) -> Result<(), Refusal> {
        let sort = sort_of(declared.sort);
        let path = check_path(declared.path.as_deref())?;
        let found = self.home().entity(sort, &declared.name);
        let mut entity = match found {
            Some(found) => found.clone(),
            None => self.new_entity(sort, declared, path)?,
        };
        self.shape(&mut entity, declared)?;
        if found != Some(&entity) {
            let what = format!("{} {} {}", if found.is_none() { '+' } else { '~' }, sort.word(), entity.name);
            self.apply(Change::put(entity.clone()), what);
        }
        let Some(keys) = &declared.keys else { return Ok(()) };
        let kept = self.home().keys_of(Some(&*entity.id));
        let gone = kept.filter(|kept| !keys.iter().any(|(id, _)| **id == *kept.id));
        let gone = gone.map(|key| without_key(&entity, key)).collect();
        self.apply_all(gone);
        keys.iter().try_for_each(|(id, secret)| self.put_key(&entity, id, secret))
    }

    fn new_entity(&self, sort: Sort, declared: &Declared, path: Box<str>) -> Result<Entity, Refusal> {
        check_name(&declared.name, name_chars_max(sort))?;
        let trust = || declared.trust.as_deref().ok_or_else(|| Refusal::invalid("a role has to have a trust policy"));
        let role = (sort == Sort::Role).then(|| {
            let max_session_secs = limits::SESSION_SECS_DEFAULT;
            Ok::<_, Refusal>(RolePart { trust: trust()?.into(), description: None, max_session_secs, last_used: None })
        });
        Ok(Entity {
            sort,
            id: self.dice.unique_id(sort.id_prefix()),
            name: declared.name.as_str().into(),
            path,
            created_at: self.now,
            tags: Tags::default(),
            boundary: None,
            attached: BTreeSet::new(),
            inline: BTreeMap::new(),
            groups: BTreeSet::new(),
            role: role.transpose()?,
        })
    }

    fn shape(&self, entity: &mut Entity, declared: &Declared) -> Result<(), Refusal> {
        let home = self.home();
        if let Some(policies) = &declared.policies {
            policies.keys().try_for_each(|name| check_name(name, limits::LONG_NAME_CHARS_MAX))?;
            policies.values().try_for_each(|document| check_identity(document))?;
            let pair = |(name, document): (&String, &String)| (name.as_str().into(), document.as_str().into());
            entity.inline = policies.iter().map(pair).collect();
        }
        if let Some(attached) = &declared.attached {
            if let Some(missing) = attached.iter().find(|arn| crate::at::in_force(home, self.owner(), arn).is_none()) {
                return Err(Refusal::invalid(format!("there is no policy {missing}")));
            }
            entity.attached = attached.iter().map(|arn| arn.as_str().into()).collect();
        }
        if let Some(boundary) = declared.boundary.as_deref() {
            if !boundary.is_empty() && crate::at::in_force(home, self.owner(), boundary).is_none() {
                return Err(Refusal::invalid(format!("there is no policy {boundary}")));
            }
            entity.boundary = (!boundary.is_empty()).then(|| boundary.into());
        }
        if let Some(tags) = &declared.tags {
            entity.tags = Tags::default();
            tags.iter().for_each(|(key, value)| entity.tags.set(key, value));
        }
        if let Some(role) = &mut entity.role {
            shape_role(role, declared)?;
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

fn sort_of(declared: DeclaredSort) -> Sort {
    match declared {
        DeclaredSort::Group => Sort::Group,
        DeclaredSort::User => Sort::User,
        DeclaredSort::Role => Sort::Role,
    }
}

/// Names as the model has them: users' and roles' are shorter than groups' and policies'.
fn check_name(name: &str, chars_max: usize) -> Result<(), Refusal> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter);
    match name.is_empty() || name.len() > chars_max || !name.chars().all(is_name) {
        true => Err(Refusal::invalid(format!("it is no name: 1 to {chars_max} letters, digits and _+=,.@-"))),
        false => Ok(()),
    }
}

fn name_chars_max(sort: Sort) -> usize {
    match sort {
        Sort::Group => limits::LONG_NAME_CHARS_MAX,
        Sort::User | Sort::Role => limits::NAME_CHARS_MAX,
    }
}

/// A path as the model has it: `/`, or printable characters between two slashes.
fn check_path(path: Option<&str>) -> Result<Box<str>, Refusal> {
    let path = path.unwrap_or("/");
    let is_inside = |inside: &str| !inside.is_empty() && inside.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
    let inside = path.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    match path.len() <= limits::PATH_CHARS_MAX && (path == "/" || inside.is_some_and(is_inside)) {
        true => Ok(path.into()),
        false => Err(no_path("begins and ends with a slash", "printable characters between")),
    }
}

/// The path of a policy, which takes fewer characters, and no slash behind another.
fn check_policy_path(path: Option<&str>) -> Result<Box<str>, Refusal> {
    let path = check_path(path)?;
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"/.,+@=_-".contains(&byte);
    match path.bytes().all(is_legal) && !path.contains("//") {
        true => Ok(path),
        false => Err(no_path("of a policy begins and ends with a slash", "letters, digits and .,+@=_- between")),
    }
}

fn no_path(begins: &str, between: &str) -> Refusal {
    Refusal::invalid(format!("a path {begins} and has {} characters at the most, {between}", limits::PATH_CHARS_MAX))
}

fn shape_role(role: &mut RolePart, declared: &Declared) -> Result<(), Refusal> {
    if let Some(trust) = &declared.trust {
        check_trust(trust)?;
        role.trust = trust.as_str().into();
    }
    if let Some(description) = &declared.description {
        role.description = Some(description.as_str().into());
    }
    if let Some(secs) = declared.max_session_secs {
        let (least, most) = (limits::SESSION_SECS_DEFAULT, limits::SESSION_SECS_MAX);
        if !(least..=most).contains(&secs) {
            return Err(Refusal::invalid(format!("max_session is {least} to {most} seconds")));
        }
        role.max_session_secs = secs;
    }
    Ok(())
}

/// Makes a document the one in force. Of too many versions the oldest that is not in force goes.
fn add_version(policy: &mut Managed, document: &str, now: Instant) {
    if policy.versions.len() >= limits::VERSIONS_MAX
        && let Some(oldest) = policy.versions.iter().position(|version| version.number != policy.default)
    {
        policy.versions.remove(oldest);
    }
    let version = Version { number: policy.next, document: document.into(), created_at: now };
    policy.default = version.number;
    policy.next += 1;
    policy.updated_at = now;
    policy.versions.push(version);
}
