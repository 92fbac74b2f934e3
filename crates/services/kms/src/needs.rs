//! What each operation needs to be allowed: its action, on which key, under that key's policy and grants.
//!
//! KMS's own rule is `access::Gate::KeyPolicy`: even within the account a key's policy has to name the caller or hand over to
//! the account. A grant allows what no policy refuses. Source: Service Authorization Reference, "Actions, resources, and
//! condition keys for AWS Key Management Service".

use crate::asked::Meant;
use crate::context::Context;
use crate::grant::Terms;
use crate::key::Key;
use crate::key_id::{KeyId, Reference, Target};
use crate::machine::{Kept, Keyring, alias_arn};
use crate::refusal::Refusal;
use crate::service::Inner;
use access::Action;
use gateway::{Actions, Caller, Fact, Need};
use names::{AccountId, Region};
use std::cell::RefCell;
use std::sync::LazyLock;

static ACTIONS: LazyLock<Actions> = LazyLock::new(|| {
    let names = crate::ops::TABLE.iter().map(|(name, _)| *name).filter(|name| *name != "ReEncrypt");
    Actions::new("kms", names.chain(["ReEncryptFrom", "ReEncryptTo"]))
});

/// Actions that a key's policy can lend to another account; the others are its own account's whatever the policy says (API
/// reference, "Cross-account use" of each operation; Developer Guide, "Allowing users in other accounts to use a KMS key").
const ACROSS: &[&str] = &[
    "CreateGrant",
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GetKeyRotationStatus",
    "GetPublicKey",
    "ListGrants",
    "ReEncryptFrom",
    "ReEncryptTo",
    "RetireGrant",
    "RevokeGrant",
    "Sign",
    "Verify",
    "VerifyMac",
];

/// The action of a name.
pub(crate) fn action(name: &str) -> &'static Action {
    ACTIONS.get(name)
}

/// Who asks whom.
pub(crate) struct Asking<'a> {
    pub(crate) service: &'a Inner,
    pub(crate) caller: &'a Caller,
    /// What the aliases that it was asked about stood for.
    pub(crate) meant: RefCell<Meant>,
}

/// What an operation says of itself to policies and grants.
#[derive(Default)]
pub(crate) struct Saying<'a> {
    /// Its encryption context, which grants look at too.
    pub(crate) context: Option<&'a Context>,
    /// The grant that it makes: a grant alone lets nobody make one that lets more happen than it does itself.
    pub(crate) makes: Option<&'a Terms>,
    /// Other condition keys, in lower case.
    pub(crate) facts: Vec<(Box<str>, Fact)>,
}

impl Saying<'_> {
    /// One condition key more, if there is something to say.
    pub(crate) fn text(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.facts.push((name.into(), Fact::Text(value.into())));
        }
        self
    }

    pub(crate) fn many<'b>(mut self, name: &str, values: impl Iterator<Item = &'b str>) -> Self {
        self.facts.push((name.into(), Fact::Many(values.map(Into::into).collect())));
        self
    }

    pub(crate) fn number(mut self, name: &str, value: Option<i64>) -> Self {
        if let Some(value) = value {
            self.facts.push((name.into(), Fact::Number(value)));
        }
        self
    }

    pub(crate) fn bool(mut self, name: &str, value: bool) -> Self {
        self.facts.push((name.into(), Fact::Bool(value)));
        self
    }
}

impl<'a> Asking<'a> {
    pub(crate) fn new(service: &'a Inner, caller: &'a Caller) -> Self {
        Self { service, caller, meant: RefCell::default() }
    }

    /// An action on the key that a request names.
    pub(crate) fn on(&self, name: &str, key: &str) -> Result<Vec<Need>, Refusal> {
        self.on_saying(name, key, Saying::default())
    }

    /// The same with more for conditions to look at.
    pub(crate) fn on_saying(&self, name: &str, key: &str, saying: Saying<'_>) -> Result<Vec<Need>, Refusal> {
        let Caller { account, region, .. } = self.caller;
        let reference = Reference::parse(key, *account, region)?;
        // An alias that a request names twice is of one key for all of it, wherever it goes between the two.
        let known =
            self.meant.borrow().key(&reference).map(|key| Reference { target: Target::Key(key), ..reference.clone() });
        let found = self.service.look(self.caller, known.as_ref().unwrap_or(&reference));
        let saying = match &reference.target {
            Target::Alias(alias) => saying.text("kms:requestalias", Some(alias)),
            Target::Key(_) => saying,
        };
        match found {
            Ok((kept, aliases)) => {
                self.meant.borrow_mut().note(&reference, kept.key.id);
                Ok(vec![self.need(name, &kept, &aliases, saying)])
            }
            // One of AWS's own aliases that nobody has used yet: its key is made by the call, for whom its policy will let.
            Err(_) if self.service.is_lazy(&reference) => Ok(vec![self.on_unmade(name, &reference, saying)]),
            Err(refusal) => Err(self.hidden(name, &reference, key, refusal)),
        }
    }

    /// An action on the same key in another region, if it is there.
    pub(crate) fn on_relative(&self, name: &str, key: &str, region: &str, saying: Saying<'_>) -> Option<Need> {
        let region = Region::parse(region).ok()?;
        let reference = Reference::parse(key, self.caller.account, &self.caller.region).ok()?;
        let (kept, aliases) = self.service.look_in(&region, self.caller, &reference).ok()?;
        Some(self.need(name, &kept, &aliases, saying))
    }

    /// An action on a managed key that is not made yet, as if it were.
    fn on_unmade(&self, name: &str, reference: &Reference, saying: Saying<'_>) -> Need {
        let Caller { region, .. } = self.caller;
        let id = KeyId::from_record([0; 16], false);
        let policy = self.service.policy_to_be(reference, region);
        let mut need = Need::of(action(name), id.arn(region, reference.account), reference.account);
        need.facts = self.common(saying.facts);
        need.facts.extend(saying.context.map(facts_of_context).unwrap_or_default());
        need.is_awss = true;
        need.under(policy.and_then(|policy| policy.compiled))
    }

    /// An action on the key of a ciphertext.
    pub(crate) fn on_ciphertext(&self, name: &str, blob: &[u8], saying: Saying<'_>) -> Result<Vec<Need>, Refusal> {
        let head = crate::blob::head(blob).ok_or_else(Refusal::ciphertext)?;
        let look = |(account, id)| self.service.look(self.caller, &Reference { account, target: Target::Key(id) }).ok();
        match self.service.catalog.owner(&head.key).and_then(look) {
            Some((kept, aliases)) => Ok(vec![self.need(name, &kept, &aliases, saying)]),
            None => {
                self.caller.is_refused_because("the key of this ciphertext is not there");
                Err(Refusal::access_denied(format!(
                    "User: {} is not authorized to perform: kms:{name} on the resource associated with this ciphertext because \
                     the resource does not exist in this Region, no resource-based policies allow access, or a resource-based \
                     policy explicitly denies access",
                    self.caller.identity.caller.name()
                )))
            }
        }
    }

    /// An action that is about no key.
    pub(crate) fn anything(&self, name: &str, saying: Saying<'_>) -> Vec<Need> {
        let mut need = Need::of(action(name), "*", self.caller.account);
        need.facts = self.common(saying.facts);
        vec![need]
    }

    /// An action on an alias, beside what it needs of keys.
    pub(crate) fn on_alias(&self, name: &str, alias: &str) -> Need {
        let Caller { account, region, .. } = self.caller;
        let mut need = Need::of(action(name), alias_arn(region, *account, alias), *account);
        need.facts = self.common(Vec::new());
        need
    }

    /// An action on a key that was found.
    pub(crate) fn need(&self, name: &str, kept: &Kept, aliases: &[Box<str>], saying: Saying<'_>) -> Need {
        let key = &kept.key;
        let who = &self.caller.identity.caller;
        let granted = kept.grants.values().any(|grant| match saying.makes {
            Some(terms) => grant.allows_grant(who, terms),
            None => grant.allows(who, name, saying.context),
        });
        let mut facts = self.common(saying.facts);
        facts.extend(facts_of(key, aliases));
        if let Some(context) = saying.context {
            facts.extend(facts_of_context(context));
        }
        let is_owners = who.account() == Some(key.account);
        Need {
            action: action(name),
            resource: key.arn().into(),
            owner: Some(key.account),
            policy: key.policy.compiled.clone().filter(|_| is_owners || ACROSS.contains(&name)),
            granted,
            facts,
            is_awss: key.is_managed,
            about: None,
        }
    }

    fn common(&self, mut facts: Vec<(Box<str>, Fact)>) -> Vec<(Box<str>, Fact)> {
        facts.push(("kms:calleraccount".into(), Fact::Text(self.caller.account.as_str().into())));
        facts
    }

    /// Whether a key of another account is there is told only to whom its policy lets in.
    fn hidden(&self, name: &str, reference: &Reference, asked: &str, refusal: Refusal) -> Refusal {
        if reference.account == self.caller.account {
            return refusal;
        }
        self.caller.is_refused_because("there is no such key");
        Refusal::access_denied(format!(
            "User: {} is not authorized to perform: kms:{name} on resource: {asked} because the resource does not exist in \
             this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access",
            self.caller.identity.caller.name()
        ))
    }
}

impl Inner {
    /// The key that a reference names as it is now, and its aliases; nobody waits for anything.
    pub(crate) fn look(&self, caller: &Caller, reference: &Reference) -> Result<(Kept, Vec<Box<str>>), Refusal> {
        self.look_in(&caller.region, caller, reference)
    }

    fn look_in(
        &self,
        region: &Region,
        caller: &Caller,
        reference: &Reference,
    ) -> Result<(Kept, Vec<Box<str>>), Refusal> {
        let ring = self.catalog.ring(reference.account);
        let find = |ring: &Keyring| {
            let kept = ring.find(caller.now, region, &reference.target)?;
            let place = (region.clone(), kept.key.id);
            let aliases = ring.aliases_of(&place).map(Box::from).collect();
            Ok((kept, aliases))
        };
        match ring.and_then(|ring| ring.inspect(find)) {
            Some(found) => found,
            None => Err(missing(caller, reference)),
        }
    }
}

/// There is no key of this account at all.
pub(crate) fn missing(caller: &Caller, reference: &Reference) -> Refusal {
    let account: AccountId = reference.account;
    match &reference.target {
        Target::Key(id) => Refusal::no_key(&KeyId::arn(id, &caller.region, account)),
        Target::Alias(name) => Refusal::no_alias(&alias_arn(&caller.region, account, name)),
    }
}

fn facts_of(key: &Key, aliases: &[Box<str>]) -> Vec<(Box<str>, Fact)> {
    let text = |name: &str, value: &str| (name.into(), Fact::Text(value.into()));
    let mut facts: Vec<(Box<str>, Fact)> = vec![
        text("kms:keyspec", key.spec.name()),
        text("kms:keyusage", key.usage.name()),
        text("kms:keyorigin", key.origin.name()),
        ("kms:multiregion".into(), Fact::Bool(key.multi_region.is_some())),
        ("kms:resourcealiases".into(), Fact::Many(aliases.to_vec())),
    ];
    if key.multi_region.is_some() {
        facts.push(text("kms:multiregionkeytype", if key.is_primary() { "PRIMARY" } else { "REPLICA" }));
    }
    let tags = key.tags.iter();
    facts.extend(
        tags.map(|(name, value)| {
            (format!("aws:resourcetag/{}", name.to_lowercase()).into(), Fact::Text(value.clone()))
        }),
    );
    facts
}

pub(crate) fn facts_of_context(context: &Context) -> Vec<(Box<str>, Fact)> {
    let names = context.pairs().iter().map(|(key, _)| key.as_str().into()).collect();
    let pair = |(key, value): &(String, String)| {
        (format!("kms:encryptioncontext:{}", key.to_lowercase()).into(), Fact::Text(value.as_str().into()))
    };
    let all = context.pairs().iter().map(pair);
    all.chain([("kms:encryptioncontextkeys".into(), Fact::Many(names))]).collect()
}
