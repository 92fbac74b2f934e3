//! Everything that is known of identities, as it is kept: accounts, and in each its users, groups, roles, policies, keys and
//! providers.
//!
//! Names are the same in upper and lower case (IAM User Guide, "IAM identifiers"), so what is looked up by name is kept under
//! the small one. A key belongs to its user by the user's unique id and a user to its groups by theirs, so a new name changes
//! neither. Nothing here is compiled or opened: policies are text, secrets are sealed.

use names::{AccountId, Instant};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

/// All accounts.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Realm {
    /// The key under which secrets and tokens are sealed, wrapped by the server's root key; nothing before the first start.
    pub(crate) keyring: Option<Box<[u8]>>,
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    /// Whose each access key is.
    pub(crate) owners: HashMap<Box<str>, AccountId>,
}

/// One account.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) opened_at: Instant,
    pub(crate) alias: Option<Box<str>>,
    pub(crate) entities: BTreeMap<(Sort, Box<str>), Entity>,
    /// Those of the customer; AWS's own are in `aws_managed`.
    pub(crate) policies: BTreeMap<Box<str>, Managed>,
    pub(crate) keys: BTreeMap<Box<str>, AccessKey>,
    pub(crate) providers: BTreeMap<Box<str>, Provider>,
}

/// Whose something is, as ARNs say it: an account, and the partition of AWS that it is in. All accounts of a server are in the one
/// of its own region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) account: AccountId,
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub(crate) partition: &'static str,
}

impl Owner {
    /// The ARN of what IAM or STS has of it.
    pub(crate) fn arn(self, service: &str, resource: fmt::Arguments<'_>) -> String {
        format!("arn:{}:{service}::{}:{resource}", self.partition, self.account)
    }

    /// Whether an ARN is one of IAM in this partition, whatever account it is of.
    pub(crate) fn is_near(self, arn: &str) -> bool {
        let rest = arn.strip_prefix("arn:").and_then(|rest| rest.strip_prefix(self.partition));
        rest.is_some_and(|rest| rest.starts_with(":iam::"))
    }

    /// Another account of the same partition.
    pub(crate) fn beside(self, account: AccountId) -> Self {
        Self { account, ..self }
    }
}

/// What has policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sort {
    User,
    Group,
    Role,
}

/// A user, group or role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entity {
    pub(crate) sort: Sort,
    pub(crate) id: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) path: Box<str>,
    pub(crate) created_at: Instant,
    pub(crate) tags: Tags,
    /// The ARN of a managed policy.
    pub(crate) boundary: Option<Box<str>>,
    /// ARNs of managed policies.
    pub(crate) attached: BTreeSet<Box<str>>,
    /// Documents by name.
    pub(crate) inline: BTreeMap<Box<str>, Box<str>>,
    /// Unique ids of a user's groups.
    pub(crate) groups: BTreeSet<Box<str>>,
    /// What only a role has.
    pub(crate) role: Option<RolePart>,
}

/// What only a role has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RolePart {
    pub(crate) trust: Box<str>,
    pub(crate) description: Option<Box<str>>,
    pub(crate) max_session_secs: u32,
    pub(crate) last_used: Option<(Instant, Box<str>)>,
}

/// Keys and values, in the order of keys; keys are the same in upper and lower case.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tags(pub(crate) Vec<(Box<str>, Box<str>)>);

/// A managed policy of the customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Managed {
    pub(crate) id: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) path: Box<str>,
    pub(crate) description: Option<Box<str>>,
    pub(crate) created_at: Instant,
    pub(crate) updated_at: Instant,
    pub(crate) tags: Tags,
    pub(crate) versions: Vec<Version>,
    pub(crate) default: u32,
    /// The number of the next version; none is given twice.
    pub(crate) next: u32,
}

/// A version of a managed policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) number: u32,
    pub(crate) document: Box<str>,
    pub(crate) created_at: Instant,
}

/// A long-term access key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AccessKey {
    pub(crate) id: Box<str>,
    /// The unique id of its user; the account's root user otherwise.
    pub(crate) user: Option<Box<str>>,
    pub(crate) created_at: Instant,
    pub(crate) is_active: bool,
    /// nonce 12 │ the secret, sealed for this id.
    pub(crate) sealed: Box<[u8]>,
    pub(crate) last_used: Option<KeyUse>,
}

/// When and for what a key was used last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyUse {
    pub(crate) at: Instant,
    pub(crate) service: Box<str>,
    pub(crate) region: Box<str>,
}

/// An OpenID Connect provider whose tokens may stand for roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Provider {
    /// Without its scheme, as in its ARN.
    pub(crate) url: Box<str>,
    pub(crate) created_at: Instant,
    pub(crate) client_ids: Vec<Box<str>>,
    pub(crate) thumbprints: Vec<Box<str>>,
    pub(crate) tags: Tags,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).field("is_active", &self.is_active).finish_non_exhaustive()
    }
}

/// A name as it is looked up.
pub(crate) fn folded(name: &str) -> Box<str> {
    name.to_lowercase().into()
}

/// How often a policy is used.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Used {
    /// By how many users, groups and roles it is attached to.
    pub(crate) attached: usize,
    /// Of how many users and roles it is the boundary.
    pub(crate) bounding: usize,
}

impl Used {
    pub(crate) fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// The same of all policies that are used, by ARN.
#[derive(Debug, Default)]
pub(crate) struct Uses<'a>(HashMap<&'a str, Used>);

impl Uses<'_> {
    pub(crate) fn of(&self, arn: &str) -> Used {
        self.0.get(arn).copied().unwrap_or_default()
    }
}

impl Realm {
    pub(crate) fn account(&self, account: AccountId) -> Option<&Account> {
        self.accounts.get(&account)
    }

    /// The key of this id, and whose it is.
    pub(crate) fn key(&self, id: &str) -> Option<(AccountId, &AccessKey)> {
        let account = *self.owners.get(id)?;
        Some((account, self.account(account)?.keys.get(id)?))
    }
}

impl Account {
    pub(crate) fn entity(&self, sort: Sort, name: &str) -> Option<&Entity> {
        self.entities.get(&(sort, folded(name)))
    }

    /// All of a sort, by name.
    pub(crate) fn entities_of(&self, sort: Sort) -> impl Iterator<Item = &Entity> {
        self.entities.values().filter(move |entity| entity.sort == sort)
    }

    pub(crate) fn entity_by_id(&self, id: &str) -> Option<&Entity> {
        self.entities.values().find(|entity| *entity.id == *id)
    }

    /// The groups of a user.
    pub(crate) fn groups_of<'a>(&'a self, user: &'a Entity) -> impl Iterator<Item = &'a Entity> {
        self.entities_of(Sort::Group).filter(|group| user.groups.contains(&group.id))
    }

    /// The keys of a user, or of the root user.
    pub(crate) fn keys_of<'a>(&'a self, user: Option<&'a str>) -> impl Iterator<Item = &'a AccessKey> {
        self.keys.values().filter(move |key| key.user.as_deref() == user)
    }

    /// How often one policy is used.
    pub(crate) fn used(&self, arn: &str) -> Used {
        Used {
            attached: self.entities.values().filter(|entity| entity.attached.contains(arn)).count(),
            bounding: self.entities.values().filter(|entity| entity.boundary.as_deref() == Some(arn)).count(),
        }
    }

    /// How often each policy is used, counted in one pass: for lists of policies.
    pub(crate) fn uses(&self) -> Uses<'_> {
        let mut uses = Uses::default();
        for entity in self.entities.values() {
            entity.attached.iter().for_each(|arn| uses.0.entry(arn).or_default().attached += 1);
            entity.boundary.iter().for_each(|arn| uses.0.entry(arn).or_default().bounding += 1);
        }
        uses
    }
}

impl Sort {
    /// As in ARNs.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
        }
    }

    /// What its unique ids begin with.
    pub(crate) fn id_prefix(self) -> &'static str {
        match self {
            Self::User => "AIDA",
            Self::Group => "AGPA",
            Self::Role => "AROA",
        }
    }
}

impl Entity {
    pub(crate) fn key(&self) -> (Sort, Box<str>) {
        (self.sort, folded(&self.name))
    }

    pub(crate) fn arn(&self, owner: Owner) -> String {
        owner.arn("iam", format_args!("{}{}{}", self.sort.word(), self.path, self.name))
    }
}

impl Managed {
    pub(crate) fn arn(&self, owner: Owner) -> String {
        owner.arn("iam", format_args!("policy{}{}", self.path, self.name))
    }

    pub(crate) fn version(&self, number: u32) -> Option<&Version> {
        self.versions.iter().find(|version| version.number == number)
    }

    /// The text that is in force.
    pub(crate) fn document(&self) -> &str {
        &self.version(self.default).expect("the default version is never deleted").document
    }
}

impl Provider {
    pub(crate) fn arn(&self, owner: Owner) -> String {
        owner.arn("iam", format_args!("oidc-provider/{}", self.url))
    }
}

impl Tags {
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, value)| &**value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Lays these over what is there.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.remove(key);
        let at = self.0.partition_point(|(known, _)| **known < *key);
        self.0.insert(at, (key.into(), value.into()));
    }

    pub(crate) fn remove(&mut self, key: &str) {
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(key));
    }
}
