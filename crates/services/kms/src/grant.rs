//! Grants: who else may use a key, for which operations, with which contexts.
//!
//! A grant is made by CreateGrant, and ends when it is revoked or retired. It takes effect at once here, so that a grant
//! token only names its grant. Source: KMS Developer Guide, "Grants in AWS KMS".

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
    /// Names of the model's `GrantOperation`.
    pub(crate) operations: Vec<Box<str>>,
    /// The context has to be exactly this.
    pub(crate) equals: Option<Context>,
    /// The context has to contain these.
    pub(crate) subset: Option<Context>,
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
            && self.operations.iter().any(|known| &**known == operation)
            && context.is_none_or(|context| self.fits(context))
    }

    fn fits(&self, context: &Context) -> bool {
        let has = |(key, value): &(String, String)| context.get(key) == Some(value);
        self.equals.as_ref().is_none_or(|all| all == context)
            && self.subset.as_ref().is_none_or(|some| some.pairs().iter().all(has))
    }

    /// Whether this caller may retire it: who is named, the grantee if the grant says so, or the account that issued it.
    pub(crate) fn may_be_retired_by(&self, caller: &Caller) -> bool {
        let named = self.retiring.as_deref().is_some_and(|principal| is_named(principal, caller));
        let is_issuer = caller.kind() == Kind::Root && caller.account() == Some(self.issuer);
        let granted = is_named(&self.grantee, caller) && self.operations.iter().any(|known| &**known == "RetireGrant");
        named || is_issuer || granted
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
            operations: vec!["Decrypt".into()],
            equals: None,
            subset: Some(context(&[("a", "1")])),
        }
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
        let exact = Grant { equals: grant().subset, subset: None, ..grant() };
        assert!(exact.allows(&session, "Decrypt", Some(&context(&[("a", "1")]))));
        assert!(!exact.allows(&session, "Decrypt", Some(&fits)));
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
