//! Grants: who else may use a key, for which operations, with which contexts.
//!
//! A grant is made by CreateGrant, and ends when it is revoked or retired. It takes effect at once here, so that a grant
//! token only names its grant. Who may make grants by a grant alone makes none that lets more happen than it does itself.
//! Source: KMS Developer Guide, "Grants in AWS KMS", "Granting CreateGrant permission".

use crate::context::Context;
use crate::key_id::KeyId;
use access::{Caller, Kind};
use names::{AccountId, Instant};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A grant's id: 32 bytes of chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GrantId(pub(crate) [u8; 32]);

/// The grants of a key, by id.
pub(crate) type Grants = BTreeMap<GrantId, Arc<Grant>>;

/// What a grant lets happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Names of the model's `GrantOperation`.
    pub(crate) operations: Vec<Box<str>>,
    /// The context has to be exactly this.
    pub(crate) equals: Option<Context>,
    /// The context has to contain these.
    pub(crate) subset: Option<Context>,
}

/// One grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) id: GrantId,
    pub(crate) name: Option<Box<str>>,
    pub(crate) created_at: Instant,
    /// Who may.
    pub(crate) grantee: Box<str>,
    /// Who may end it.
    pub(crate) retiring: Option<Box<str>>,
    /// Whose caller made it.
    pub(crate) issuer: AccountId,
    pub(crate) terms: Terms,
}

impl GrantId {
    /// Reads what [`fmt::Display`] writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes: Option<Vec<u8>> =
            (0..text.len() / 2).map(|at| u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()).collect();
        bytes.filter(|_| text.len() == 64)?.try_into().ok().map(Self)
    }

    /// What names the grant to whoever has to use it at once, or may retire it.
    pub(crate) fn token(&self, key: &KeyId) -> String {
        let bytes = [&TOKEN[..], &[u8::from(key.is_multi_region())], key.bytes(), &self.0].concat();
        base64_simd::STANDARD.encode_to_string(bytes)
    }

    /// The grant and the key that a token names.
    pub(crate) fn of_token(token: &str) -> Option<(KeyId, Self)> {
        let bytes = base64_simd::STANDARD.decode_to_vec(token).ok()?;
        let rest = bytes.strip_prefix(&TOKEN[..])?;
        let (flag, rest) = rest.split_first()?;
        let (key, grant) = rest.split_at_checked(16)?;
        let key = KeyId::from_record(key.try_into().ok()?, *flag == 1);
        Some((key, Self(grant.try_into().ok()?)))
    }
}

const TOKEN: [u8; 4] = *b"TWG\x01";

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Grant {
    /// Whether it lets this caller do this with this context.
    pub(crate) fn allows(&self, caller: &Caller, operation: &str, context: Option<&Context>) -> bool {
        is_named(&self.grantee, caller)
            && self.terms.names(operation)
            && context.is_none_or(|context| self.terms.fits(context))
    }

    /// Whether it lets this caller make a grant of these terms.
    pub(crate) fn allows_grant(&self, caller: &Caller, child: &Terms) -> bool {
        is_named(&self.grantee, caller) && self.terms.names("CreateGrant") && self.terms.cover(child)
    }

    /// Whether this caller may retire it: who is named, the grantee if the grant says so, or the account that issued it.
    pub(crate) fn may_be_retired_by(&self, caller: &Caller) -> bool {
        let named = self.retiring.as_deref().is_some_and(|principal| is_named(principal, caller));
        let is_issuer = caller.kind() == Kind::Root && caller.account() == Some(self.issuer);
        let granted = is_named(&self.grantee, caller) && self.terms.names("RetireGrant");
        named || is_issuer || granted
    }
}

impl Terms {
    fn names(&self, operation: &str) -> bool {
        self.operations.iter().any(|known| &**known == operation)
    }

    fn fits(&self, context: &Context) -> bool {
        self.equals.as_ref().is_none_or(|all| all == context)
            && self.subset.as_ref().is_none_or(|some| context.contains(some))
    }

    /// Whether whatever these others let happen, these let happen too.
    fn cover(&self, child: &Self) -> bool {
        let all = |wanted: &Context| child.equals.as_ref() == Some(wanted);
        let some = |wanted: &Context| {
            [&child.equals, &child.subset].into_iter().flatten().any(|context| context.contains(wanted))
        };
        child.operations.iter().all(|operation| self.names(operation))
            && self.equals.as_ref().is_none_or(all)
            && self.subset.as_ref().is_none_or(some)
    }
}

/// Whether a principal of a grant is this caller: by its own ARN, its role's, or its account's for the root user.
fn is_named(principal: &str, caller: &Caller) -> bool {
    let is_account = |account: AccountId| principal == account.as_str();
    principal == caller.name()
        || Some(principal) == caller.role()
        || (caller.kind() == Kind::Root && caller.account().is_some_and(is_account))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        Grant {
            id: GrantId([0xab; 32]),
            name: None,
            created_at: Instant::EPOCH,
            grantee: "arn:aws:iam::111111111111:role/r".into(),
            retiring: Some("arn:aws:iam::111111111111:user/u".into()),
            issuer: AccountId::DEFAULT,
            terms: terms(&["Decrypt"], None, Some(&[("a", "1")])),
        }
    }

    type Pairs<'a> = Option<&'a [(&'a str, &'a str)]>;

    fn terms(operations: &[&str], equals: Pairs<'_>, subset: Pairs<'_>) -> Terms {
        let operations = operations.iter().map(|operation| Box::from(*operation)).collect();
        Terms { operations, equals: equals.map(context), subset: subset.map(context) }
    }

    fn context(pairs: &[(&str, &str)]) -> Context {
        Context::new(Some(pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()))
    }

    #[test]
    fn a_grant_is_of_its_grantee_its_operations_and_its_contexts() {
        let session = Caller::parse("arn:aws:sts::111111111111:assumed-role/r/s").unwrap();
        let other = Caller::parse("arn:aws:sts::111111111111:assumed-role/x/s").unwrap();
        let fits = context(&[("a", "1"), ("b", "2")]);
        assert!(grant().allows(&session, "Decrypt", Some(&fits)));
        assert!(!grant().allows(&other, "Decrypt", Some(&fits)));
        assert!(!grant().allows(&session, "Encrypt", Some(&fits)));
        assert!(!grant().allows(&session, "Decrypt", Some(&context(&[("a", "2")]))));
        let exact = Grant { terms: terms(&["Decrypt"], Some(&[("a", "1")]), None), ..grant() };
        assert!(exact.allows(&session, "Decrypt", Some(&context(&[("a", "1")]))));
        assert!(!exact.allows(&session, "Decrypt", Some(&fits)));
    }

    #[test]
    fn a_grant_that_makes_grants_makes_none_that_lets_more_happen() {
        let caller = Caller::parse("arn:aws:sts::111111111111:assumed-role/r/s").unwrap();
        let (one, two): (Pairs<'_>, Pairs<'_>) = (Some(&[("a", "1")]), Some(&[("a", "1"), ("b", "2")]));
        let (other, empty): (Pairs<'_>, Pairs<'_>) = (Some(&[("a", "2"), ("b", "2")]), Some(&[]));
        let both = &["CreateGrant", "Decrypt"][..];
        let free = terms(both, None, None);
        let (some, exact) = (terms(both, None, one), terms(both, one, None));
        for (parent, child, is_covered) in [
            (&free, terms(&["Decrypt"], None, None), true),
            (&free, terms(both, None, one), true),
            (&free, terms(&["Encrypt"], None, None), false),
            (&free, terms(&["Decrypt", "Encrypt"], None, None), false),
            (&some, terms(&["Decrypt"], None, one), true),
            (&some, terms(&["Decrypt"], None, two), true),
            (&some, terms(&["Decrypt"], one, None), true),
            (&some, terms(&["Decrypt"], two, None), true),
            (&some, terms(&["Decrypt"], None, None), false),
            (&some, terms(&["Decrypt"], None, empty), false),
            (&some, terms(&["Decrypt"], None, other), false),
            (&some, terms(&["Decrypt"], other, None), false),
            (&exact, terms(&["Decrypt"], one, None), true),
            (&exact, terms(&["Decrypt"], one, one), true),
            (&exact, terms(&["Decrypt"], two, None), false),
            (&exact, terms(&["Decrypt"], None, one), false),
            (&exact, terms(&["Decrypt"], None, None), false),
            (&terms(&["Decrypt"], None, None), terms(&["Decrypt"], None, None), false),
        ] {
            let made = Grant { terms: parent.clone(), ..grant() };
            assert_eq!(made.allows_grant(&caller, &child), is_covered, "{parent:?} makes {child:?}");
        }
        let stranger = Caller::parse("arn:aws:sts::111111111111:assumed-role/x/s").unwrap();
        assert!(!Grant { terms: free.clone(), ..grant() }.allows_grant(&stranger, &free));
    }

    #[test]
    fn it_is_retired_by_whom_it_names_or_who_issued_it() {
        let user = Caller::parse("arn:aws:iam::111111111111:user/u").unwrap();
        let session = Caller::parse("arn:aws:sts::111111111111:assumed-role/r/s").unwrap();
        assert!(grant().may_be_retired_by(&user) && grant().may_be_retired_by(&Caller::root(AccountId::DEFAULT)));
        assert!(!grant().may_be_retired_by(&session));
    }

    #[test]
    fn a_token_names_grant_and_key() {
        let key = KeyId::parse("mrk-d3b95762d3b95762d3b95762d3b95762").unwrap();
        assert_eq!(GrantId::of_token(&grant().id.token(&key)), Some((key, grant().id)));
        assert_eq!(GrantId::of_token("x"), None);
        assert_eq!(GrantId::parse(&grant().id.to_string()), Some(grant().id));
        assert_eq!(GrantId::parse("aabbccdd"), None);
    }
}
