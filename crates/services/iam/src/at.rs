//! What an operation looks at: the state, whose request it is, when, and what chance it may use.
//!
//! Look-ups that refuse in AWS's words are here, because most operations begin with one.

use crate::aws_managed;
use crate::ids::Dice;
use crate::keyring::Keyring;
use crate::records::{Change, Effect};
use crate::refusal::Refusal;
use crate::session::Session;
use crate::state::{Account, Entity, Managed, Owner, Provider, Realm, Sort, folded};
use gateway::Caller;
use names::{AccountId, Instant};
use std::sync::LazyLock;

/// What an operation looks at.
pub(crate) struct At<'a> {
    pub(crate) realm: &'a Realm,
    pub(crate) caller: &'a Caller,
    pub(crate) now: Instant,
    pub(crate) dice: &'a Dice,
    pub(crate) keyring: &'a Keyring,
    /// The partition of AWS that accounts are in.
    pub(crate) partition: &'static str,
}

/// What an operation comes to.
pub(crate) struct Outcome<O> {
    pub(crate) effects: Vec<Effect>,
    pub(crate) output: O,
}

impl<O> Outcome<O> {
    /// An answer that changes nothing.
    pub(crate) fn read(output: O) -> Result<Self, Refusal> {
        Ok(Self { effects: Vec::new(), output })
    }
}

/// The text of a managed policy, whoever wrote it.
pub(crate) struct InForce<'a> {
    pub(crate) name: &'a str,
    pub(crate) document: &'a str,
}

impl<'a> At<'a> {
    /// The account that the request acts in.
    pub(crate) fn account(&self) -> AccountId {
        self.caller.account
    }

    /// The same, as ARNs say it.
    pub(crate) fn owner(&self) -> Owner {
        Owner { account: self.account(), partition: self.partition }
    }

    /// The session that the request comes from, if it comes from one: what its identity was made of.
    pub(crate) fn session(&self) -> Option<&'a Session> {
        let caller: &'a Caller = self.caller;
        caller.identity.origin.as_deref()?.downcast_ref()
    }

    /// What is known of that account.
    pub(crate) fn home(&self) -> &'a Account {
        static EMPTY: LazyLock<Account> = LazyLock::new(Account::default);
        self.realm.account(self.account()).unwrap_or(&EMPTY)
    }

    /// An answer with changes of that account.
    pub(crate) fn change<O>(&self, changes: Vec<Change>, output: O) -> Result<Outcome<O>, Refusal> {
        let effects = changes.into_iter().map(|change| Effect::Of(self.account(), change)).collect();
        Ok(Outcome { effects, output })
    }

    /// The user, group or role of this name.
    pub(crate) fn entity(&self, sort: Sort, name: &str) -> Result<&'a Entity, Refusal> {
        self.home().entity(sort, name).ok_or_else(|| Refusal::not_found(sort.word(), name))
    }

    /// The user who asks, where a request does not name one; none for the root user.
    pub(crate) fn asking_user(&self) -> Option<&'a Entity> {
        let caller = &self.caller.identity.caller;
        let id = caller.unique_id().filter(|_| caller.kind() == access::Kind::User)?;
        self.home().entity_by_id(id)
    }

    /// The user of this name, or the one who asks; none for the root user, where that is asked for without a name.
    pub(crate) fn named_or_asking(&self, name: Option<&str>) -> Result<Option<&'a Entity>, Refusal> {
        match name {
            Some(name) => self.entity(Sort::User, name).map(Some),
            None if self.caller.identity.caller.kind() == access::Kind::User => match self.asking_user() {
                Some(user) => Ok(Some(user)),
                None => Err(Refusal::no_such("The user that asks does not exist any more.")),
            },
            None if self.caller.identity.caller.kind() == access::Kind::Root => Ok(None),
            None => Err(Refusal::invalid("Must specify userName when calling with non-User credentials")),
        }
    }

    /// The ARN of a user, group or role as it is, or as it would be without a path.
    pub(crate) fn entity_arn(&self, sort: Sort, name: &str) -> String {
        match self.home().entity(sort, name) {
            Some(entity) => entity.arn(self.owner()),
            None => self.new_arn(sort.word(), None, name),
        }
    }

    /// The ARN of what is to be made.
    pub(crate) fn new_arn(&self, word: &str, path: Option<&str>, name: &str) -> String {
        self.owner().arn("iam", format_args!("{word}{}{name}", path.unwrap_or("/")))
    }

    /// The customer's policy of this ARN, if it is one of this account.
    pub(crate) fn own_policy(&self, arn: &str) -> Option<&'a Managed> {
        let name = folded(arn.rsplit('/').next().unwrap_or_default());
        let policy = self.home().policies.get(&name)?;
        (policy.arn(self.owner()) == *arn).then_some(policy)
    }

    /// The same, or a refusal.
    pub(crate) fn policy(&self, arn: &str) -> Result<&'a Managed, Refusal> {
        self.own_policy(arn).ok_or_else(|| Refusal::no_such(format!("Policy {arn} was not found.")))
    }

    /// What a policy of the customer or of AWS says.
    pub(crate) fn in_force(&self, arn: &str) -> Option<InForce<'a>> {
        in_force(self.home(), self.owner(), arn)
    }

    /// The provider of this ARN.
    pub(crate) fn provider(&self, arn: &str) -> Result<&'a Provider, Refusal> {
        let url = arn.split_once(":oidc-provider/").map(|(_, url)| url).unwrap_or_default();
        let found = self.home().providers.get(url).filter(|provider| provider.arn(self.owner()) == *arn);
        found.ok_or_else(|| Refusal::no_such(format!("OpenIDConnect Provider not found for arn {arn}")))
    }
}

/// What a policy of an account or of AWS says.
pub(crate) fn in_force<'a>(home: &'a Account, owner: Owner, arn: &str) -> Option<InForce<'a>> {
    if let Some(aws) = aws_managed::find(owner, arn) {
        return Some(InForce { name: aws.name, document: aws.document });
    }
    let policy = home.policies.get(&folded(arn.rsplit('/').next()?))?;
    (policy.arn(owner) == *arn).then(|| InForce { name: &policy.name, document: policy.document() })
}
