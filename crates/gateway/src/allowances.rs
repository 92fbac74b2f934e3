//! What somebody was found to be allowed, kept for a while: by whom, by what it signed with, and what it is about.
//!
//! A service that asks for the use of a key (`key_use.rs`) need not ask for each message. A name is not enough to keep an answer
//! by: two sessions of one role may have the same name, and session policies that differ; so an allowance is an access key's. A
//! service signs with none: what it may depends on the resource and the account for which it acts. Looked up by what the request
//! has, without a copy: [`Who`] hashes like [`Kept`], and both are the same key of a map.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{PoisonError, RwLock};

use access::Kind;
use names::Instant;

use crate::identity::Fact;
use crate::service::Caller;

/// Values that callers were given, each for a time.
pub struct Allowances<P, V> {
    kept: RwLock<HashMap<Kept<P>, (V, Instant)>>,
    max: usize,
}

impl<P: Eq + Hash + 'static, V: Clone> Allowances<P, V> {
    /// None yet, and never more than `max`.
    pub fn new(max: usize) -> Self {
        Self { kept: RwLock::default(), max }
    }

    /// What a caller was given about something, if it still holds at the time of its request.
    pub fn get(&self, caller: &Caller, about: P) -> Option<V> {
        let who = Who::of(caller, about);
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.get(who.as_key()).filter(|(_, until)| *until > caller.now).map(|(value, _)| value.clone())
    }

    /// Keeps what a caller is given until a moment. Where there is no room, what is over goes, and if that is nothing, everything.
    pub fn keep(&self, caller: &Caller, about: P, value: V, until: Instant) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= self.max {
            kept.retain(|_, (_, until)| *until > caller.now);
        }
        if kept.len() >= self.max {
            kept.clear();
        }
        kept.insert(Who::of(caller, about).kept(), (value, until));
    }

    /// Forgets what is over. Most sweeps find nothing, and hold up nobody who looks.
    pub fn let_go(&self, now: Instant) {
        let has_over = |kept: &HashMap<_, (V, Instant)>| kept.values().any(|(_, until)| *until <= now);
        if has_over(&self.kept.read().unwrap_or_else(PoisonError::into_inner)) {
            self.kept.write().unwrap_or_else(PoisonError::into_inner).retain(|_, (_, until)| *until > now);
        }
    }
}

/// The caller's name, its access key, and for a service the resource and the account for which it acts.
const PARTS: usize = 4;

/// Who asks about something.
struct Who<'a, P> {
    parts: [&'a str; PARTS],
    about: P,
}

/// The same, kept.
struct Kept<P> {
    parts: [Box<str>; PARTS],
    about: P,
}

/// What both have in common.
trait Asked<P> {
    fn parts(&self) -> [&str; PARTS];
    fn about(&self) -> &P;
}

impl<'a, P> Who<'a, P> {
    fn of(caller: &'a Caller, about: P) -> Self {
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

    fn as_key(&self) -> &(dyn Asked<P> + 'a)
    where
        P: 'a,
    {
        self
    }

    fn kept(self) -> Kept<P> {
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
    use crate::Identity;
    use names::{AccountId, Region};
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
        let allowances = Allowances::new(100);
        for (caller, n) in callers.iter().zip(0..) {
            for about in [1, 2] {
                assert_eq!(allowances.get(caller, about), None, "caller {n} about {about}");
                allowances.keep(caller, about, (n, about), Instant::FAR_FUTURE);
            }
        }
        for (caller, n) in callers.iter().zip(0..) {
            assert_eq!(allowances.get(caller, 2), Some((n, 2)));
        }
    }

    fn at(millis: u64) -> Caller {
        let region = Region::parse("us-east-1").unwrap();
        Caller::for_test(AccountId::DEFAULT, region, Instant::from_millis(millis))
    }

    fn count(allowances: &Allowances<i32, i32>) -> usize {
        allowances.kept.read().unwrap().len()
    }

    #[test]
    fn an_allowance_holds_until_its_moment_and_a_sweep_forgets_no_other() {
        let allowances = Allowances::new(100);
        for (n, millis) in [(1, 1), (2, 2), (3, 3)] {
            allowances.keep(&at(0), n, n, Instant::from_millis(millis));
        }
        assert_eq!((allowances.get(&at(1), 2), allowances.get(&at(2), 2)), (Some(2), None));
        allowances.let_go(Instant::from_millis(2));
        assert_eq!((count(&allowances), allowances.get(&at(2), 3)), (1, Some(3)));
    }

    #[test]
    fn where_there_is_no_room_what_is_over_goes_first() {
        let allowances = Allowances::new(2);
        allowances.keep(&at(0), 1, 1, Instant::from_millis(1));
        allowances.keep(&at(0), 2, 2, Instant::from_millis(9));
        allowances.keep(&at(5), 3, 3, Instant::from_millis(9));
        assert_eq!((count(&allowances), allowances.get(&at(5), 2)), (2, Some(2)));
        allowances.keep(&at(5), 4, 4, Instant::from_millis(9));
        assert_eq!((count(&allowances), allowances.get(&at(5), 4)), (1, Some(4)));
    }
}
