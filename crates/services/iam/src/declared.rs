//! What a declaration can say of identities: values only; `declare.rs` makes an account have them.
//!
//! What is `None` is not declared and stays as it is. What is declared absent goes, with all that is its own.

use seal::Secret;
use std::collections::{BTreeMap, BTreeSet};

/// All that is declared of an account's identities.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Declaration {
    /// Managed policies, which the others may name.
    pub policies: Vec<DeclaredPolicy>,
    /// Groups, users and roles; groups have to stand before users.
    pub identities: Vec<Declared>,
    /// OpenID Connect providers.
    pub providers: Vec<DeclaredProvider>,
}

impl Declaration {
    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty() && self.identities.is_empty() && self.providers.is_empty()
    }
}

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
    /// There is to be none.
    pub is_absent: bool,
    /// Between the sort and the name in its ARN, for one that is new.
    pub path: Option<String>,
    /// All its inline policies by name.
    pub policies: Option<BTreeMap<String, String>>,
    /// ARNs of all managed policies that it has.
    pub attached: Option<BTreeSet<String>>,
    /// The ARN of its permissions boundary; empty for none.
    pub boundary: Option<String>,
    /// All its tags.
    pub tags: Option<BTreeMap<String, String>>,
    /// Names of all groups of a user.
    pub groups: Option<BTreeSet<String>>,
    /// All keys of a user: ids and secrets.
    pub keys: Option<Vec<(String, Secret)>>,
    /// Who may assume a role, which has to have one.
    pub trust: Option<String>,
    /// What a role is for.
    pub description: Option<String>,
    /// How long sessions of a role last at the most.
    pub max_session_secs: Option<u32>,
}

impl Declared {
    /// Nothing but a name.
    pub fn new(sort: DeclaredSort, name: &str) -> Self {
        Self {
            sort,
            name: name.to_owned(),
            is_absent: false,
            path: None,
            policies: None,
            attached: None,
            boundary: None,
            tags: None,
            groups: None,
            keys: None,
            trust: None,
            description: None,
            max_session_secs: None,
        }
    }
}

/// A managed policy of the customer as it should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeclaredPolicy {
    /// Its name.
    pub name: String,
    /// Between the sort and the name in its ARN, for one that is new.
    pub path: Option<String>,
    /// What it is for, for one that is new.
    pub description: Option<String>,
    /// What it says; there is to be no such policy if this is nothing.
    pub document: Option<String>,
}

/// An OpenID Connect provider as it should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeclaredProvider {
    /// With or without `https://`.
    pub url: String,
    /// There is to be none.
    pub is_absent: bool,
    /// All clients whose tokens count.
    pub client_ids: BTreeSet<String>,
    /// All thumbprints of its certificates.
    pub thumbprints: BTreeSet<String>,
}
