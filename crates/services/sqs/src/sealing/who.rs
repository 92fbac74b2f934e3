//! Whose an allowance is, that is kept for a while: who asked, by what, about what.
//!
//! A name is not enough. Two sessions of one role may have the same name, and session policies that differ; so an allowance is an
//! access key's. A service signs with none: what it may depends on the resource and the account for which it acts. Looked up
//! by what the request has, without a copy: [`Who`] hashes like [`Kept`], and both are the same key of a map.

use access::Kind;
use gateway::{Caller, Fact};
use std::borrow::Borrow;
use std::hash::{Hash, Hasher};

/// The caller's name, its access key, and for a service the resource and the account for which it acts.
const PARTS: usize = 4;

/// Who asks about something.
pub(super) struct Who<'a, P> {
    parts: [&'a str; PARTS],
    about: P,
}

/// The same, kept.
pub(super) struct Kept<P> {
    parts: [Box<str>; PARTS],
    about: P,
}

/// What both have in common.
pub(super) trait Asked<P> {
    fn parts(&self) -> [&str; PARTS];
    fn about(&self) -> &P;
}

impl<'a, P> Who<'a, P> {
    pub(super) fn of(caller: &'a Caller, about: P) -> Self {
        let identity = &caller.identity;
        let fact = |name: &str| match identity.facts.iter().find(|(known, _)| **known == *name) {
            Some((_, Fact::Text(text))) => &**text,
            _ => "",
        };
        let acts_for = match identity.caller.kind() {
            Kind::Service => [fact("aws:sourcearn"), fact("aws:sourceaccount")],
            _ => ["", ""],
        };
        let access_key = caller.access_key.as_deref().unwrap_or_default();
        Self { parts: [identity.caller.name(), access_key, acts_for[0], acts_for[1]], about }
    }

    pub(super) fn as_key(&self) -> &(dyn Asked<P> + 'a)
    where
        P: 'a,
    {
        self
    }

    pub(super) fn kept(self) -> Kept<P> {
        Kept { parts: self.parts.map(Into::into), about: self.about }
    }
}

impl<P> Asked<P> for Who<'_, P> {
    fn parts(&self) -> [&str; PARTS] {
        self.parts
    }

    fn about(&self) -> &P {
        &self.about
    }
}

impl<P> Asked<P> for Kept<P> {
    fn parts(&self) -> [&str; PARTS] {
        self.parts.each_ref().map(|part| &**part)
    }

    fn about(&self) -> &P {
        &self.about
    }
}

impl<P: Hash> Hash for dyn Asked<P> + '_ {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
        self.about().hash(state);
    }
}

impl<P: PartialEq> PartialEq for dyn Asked<P> + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.about() == other.about() && self.parts() == other.parts()
    }
}

impl<P: Eq> Eq for dyn Asked<P> + '_ {}

impl<P: Hash> Hash for Kept<P> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let asked: &dyn Asked<P> = self;
        asked.hash(state);
    }
}

impl<P: PartialEq> PartialEq for Kept<P> {
    fn eq(&self, other: &Self) -> bool {
        let (one, other): (&dyn Asked<P>, &dyn Asked<P>) = (self, other);
        one == other
    }
}

impl<P: Eq> Eq for Kept<P> {}

impl<'a, P: 'a> Borrow<dyn Asked<P> + 'a> for Kept<P> {
    fn borrow(&self) -> &(dyn Asked<P> + 'a) {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway::Identity;
    use names::{AccountId, Instant, Region};
    use std::collections::HashMap;
    use std::sync::Arc;

    fn caller(name: &str, access_key: Option<&str>, facts: &[(&str, &str)]) -> Caller {
        let facts = facts.iter().map(|(name, value)| ((*name).into(), Fact::Text((*value).into()))).collect();
        let identity = Identity { facts, ..Identity::bare(access::Caller::parse(name).unwrap(), "".into()) };
        let mut caller = Caller::for_test(AccountId::DEFAULT, Region::parse("us-east-1").unwrap(), Instant::EPOCH);
        caller.access_key = access_key.map(Into::into);
        caller.proved(Arc::new(identity))
    }

    #[test]
    fn each_key_and_each_resource_of_a_service_has_an_allowance_of_its_own() {
        let session = "arn:aws:sts::000000000000:assumed-role/r/s";
        let bucket = |arn, account| [("aws:sourcearn", arn), ("aws:sourceaccount", account)];
        let callers = [
            caller(session, Some("ASIA1"), &[]),
            caller(session, Some("ASIA2"), &[]),
            caller("arn:aws:sts::000000000000:assumed-role/r/other", Some("ASIA1"), &[]),
            caller("s3.amazonaws.com", None, &bucket("arn:aws:s3:::a", "111111111111")),
            caller("s3.amazonaws.com", None, &bucket("arn:aws:s3:::b", "111111111111")),
            caller("s3.amazonaws.com", None, &bucket("arn:aws:s3:::a", "222222222222")),
            caller("sns.amazonaws.com", None, &bucket("arn:aws:s3:::a", "111111111111")),
            caller("anonymous", None, &[]),
        ];
        let mut kept = HashMap::new();
        for (caller, n) in callers.iter().zip(0..) {
            for about in [1, 2] {
                assert_eq!(kept.get(Who::of(caller, about).as_key()), None, "caller {n} about {about}");
                kept.insert(Who::of(caller, about).kept(), (n, about));
            }
        }
        for (caller, n) in callers.iter().zip(0..) {
            assert_eq!(kept.get(Who::of(caller, 2).as_key()), Some(&(n, 2)));
        }
    }
}
