//! How often somebody may ask: buckets of tokens, one for each connection and one for each account; and how often somebody may be
//! wrong in a way that is dear to find out, one for each address.
//!
//! A bucket is one number, the moment at which it would be full again (GCRA): taking a token moves that moment on, and
//! nothing runs in between. Who finds none left is refused with the throttling error of the service before anything of the
//! request is read; SDKs wait and ask again. Those of connections and accounts are off unless an operator sets them: whoever runs
//! this server shares it with nobody but those whom they know.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use names::AccountId;

use crate::errors;
use crate::limits::{ACCOUNTS_METERED_MAX, SOURCES_METERED_MAX, WRONG_CURVES};
use crate::service::{Description, Refused};

/// Tokens that come in a second, and how many a bucket holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Tokens a second; at least one.
    pub per_sec: u32,
    /// Tokens that can be taken at once.
    pub burst: u32,
}

impl Rate {
    fn nanos_per_token(self) -> u64 {
        1_000_000_000 / u64::from(self.per_sec.max(1))
    }
}

/// A bucket, full at first.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    /// Monotonic nanoseconds.
    full_at: AtomicU64,
}

impl Bucket {
    /// Takes a token, if there is one.
    pub(crate) fn take(&self, rate: Rate, now_nanos: u64) -> bool {
        let token = rate.nanos_per_token();
        let latest = now_nanos + token * u64::from(rate.burst.max(1));
        let taken = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            Some(full_at.max(now_nanos) + token).filter(|full_at| *full_at <= latest)
        });
        taken.is_ok()
    }

    /// Whether there is a token, which is left there.
    fn has(&self, rate: Rate, now_nanos: u64) -> bool {
        let token = rate.nanos_per_token();
        let full_at = self.full_at.load(Ordering::Relaxed).max(now_nanos);
        full_at + token <= now_nanos + token * u64::from(rate.burst.max(1))
    }

    fn is_full(&self, now_nanos: u64) -> bool {
        self.full_at.load(Ordering::Relaxed) <= now_nanos
    }
}

/// Buckets by whose they are, so many at the most.
#[derive(Debug)]
struct Buckets<K> {
    buckets: RwLock<HashMap<K, Arc<Bucket>>>,
    most: usize,
    /// Of those for whom there was no room.
    others: Arc<Bucket>,
}

impl<K: Eq + Hash> Buckets<K> {
    fn of_at_most(most: usize) -> Self {
        Self { buckets: RwLock::default(), most, others: Arc::default() }
    }

    fn take(&self, whose: K, rate: Rate, now_nanos: u64) -> bool {
        self.known(&whose).unwrap_or_else(|| self.new_bucket(whose, now_nanos)).take(rate, now_nanos)
    }

    /// Whether there is a token; whose bucket is not known has what those have who share one, for it may be among them.
    fn has(&self, whose: &K, rate: Rate, now_nanos: u64) -> bool {
        self.known(whose).unwrap_or_else(|| Arc::clone(&self.others)).has(rate, now_nanos)
    }

    fn known(&self, whose: &K) -> Option<Arc<Bucket>> {
        self.buckets.read().unwrap_or_else(PoisonError::into_inner).get(whose).cloned()
    }

    /// A new bucket. A full one is as good as none, so those make room.
    fn new_bucket(&self, whose: K, now_nanos: u64) -> Arc<Bucket> {
        let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= self.most && !buckets.contains_key(&whose) {
            buckets.retain(|_, bucket| !bucket.is_full(now_nanos));
            if buckets.len() >= self.most {
                return Arc::clone(&self.others);
            }
        }
        Arc::clone(buckets.entry(whose).or_default())
    }
}

/// The buckets of accounts.
#[derive(Debug)]
pub(crate) struct Accounts {
    known: Buckets<AccountId>,
    /// Of all who signed nothing: they are nobody's, and shall use up nobody's tokens.
    unknown: Bucket,
}

impl Default for Accounts {
    fn default() -> Self {
        Self { known: Buckets::of_at_most(ACCOUNTS_METERED_MAX), unknown: Bucket::default() }
    }
}

impl Accounts {
    /// Takes a token of those who signed nothing.
    pub(crate) fn take_unknown(&self, rate: Rate, now_nanos: u64) -> bool {
        self.unknown.take(rate, now_nanos)
    }

    /// Takes a token of this account.
    pub(crate) fn take(&self, account: AccountId, rate: Rate, now_nanos: u64) -> bool {
        self.known.take(account, rate, now_nanos)
    }
}

/// Who sent signatures that were wrong and dear to check, those over a curve: by address, and by the key that was named, so that behind
/// an address of many one's mistakes are not the others'.
#[derive(Debug)]
pub(crate) struct WrongCurves(Buckets<(IpAddr, Box<str>)>);

impl Default for WrongCurves {
    fn default() -> Self {
        Self(Buckets::of_at_most(SOURCES_METERED_MAX))
    }
}

impl WrongCurves {
    /// Whether another one of this key from there is looked at.
    pub(crate) fn may_try(&self, source: Option<IpAddr>, access_key: &str, now_nanos: u64) -> bool {
        self.0.has(&(network(source), access_key.into()), WRONG_CURVES, now_nanos)
    }

    /// One of this key from there was wrong.
    pub(crate) fn note(&self, source: Option<IpAddr>, access_key: &str, now_nanos: u64) {
        self.0.take((network(source), access_key.into()), WRONG_CURVES, now_nanos);
    }
}

/// What one customer of a network has at the least: an address of version 4, 64 bits of one of version 6.
fn network(source: Option<IpAddr>) -> IpAddr {
    match source {
        Some(IpAddr::V6(address)) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        Some(address) => address,
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    }
}

/// The refusal, in the service's own error where its model has one.
pub(crate) fn refused(service: Option<&Description>) -> Refused {
    let own = |name| service.and_then(|service| service.shape.error(name));
    let error = own("RequestThrottled").or_else(|| own("ThrottlingException")).unwrap_or(&errors::THROTTLED);
    Refused::new(error, "Rate exceeded")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const RATE: Rate = Rate { per_sec: 10, burst: 3 };

    #[test]
    fn a_bucket_gives_what_it_holds_at_once_and_then_what_comes_in() {
        let bucket = Bucket::default();
        let taken = |now| (0..10).filter(|_| bucket.take(RATE, now)).count();
        assert_eq!(taken(SECOND), 3);
        assert_eq!(taken(SECOND + SECOND / 10), 1);
        assert_eq!(taken(SECOND + SECOND / 10 + 1), 0);
        assert_eq!(taken(100 * SECOND), 3, "it holds no more than its burst however long it rests");
    }

    #[test]
    fn accounts_do_not_take_each_others_tokens() {
        let accounts = Accounts::default();
        let [one, other] = ["111111111111", "222222222222"].map(|digits| AccountId::parse(digits).unwrap());
        assert_eq!((0..10).filter(|_| accounts.take(one, RATE, SECOND)).count(), 3);
        assert!(accounts.take(other, RATE, SECOND));
    }

    #[test]
    fn who_is_wrong_too_often_is_not_heard_for_a_while_and_its_neighbours_are() {
        let wrong = WrongCurves::default();
        let [from, beside, far] = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"].map(|text| text.parse().ok());
        for _ in 0..WRONG_CURVES.burst {
            assert!(wrong.may_try(from, "AKIA1", SECOND));
            wrong.note(from, "AKIA1", SECOND);
        }
        let heard = |now| [from, beside, far, None].map(|source| wrong.may_try(source, "AKIA1", now));
        assert!(wrong.may_try(from, "AKIA2", SECOND), "a neighbour with another key is heard");
        assert_eq!(heard(SECOND), [false, false, true, true]);
        assert_eq!(heard(SECOND + SECOND / u64::from(WRONG_CURVES.per_sec)), [true; 4]);
        // When there is no room, strangers share a bucket, and who has one keeps it.
        for nth in 0..SOURCES_METERED_MAX + WRONG_CURVES.burst as usize {
            wrong.note(Some(Ipv4Addr::from_bits(nth as u32).into()), "AKIA1", SECOND);
        }
        assert_eq!(heard(SECOND), [false, false, false, true]);
        assert_eq!(heard(100 * SECOND), [true; 4]);
    }

    #[test]
    fn accounts_beyond_the_bound_share_a_bucket_until_others_rest() {
        let accounts = Accounts::default();
        let account = |nth: usize| AccountId::parse(&format!("{nth:012}")).unwrap();
        for nth in 0..ACCOUNTS_METERED_MAX {
            assert!(accounts.take(account(nth), RATE, SECOND));
        }
        let beyond = |now| (0..10).filter(|nth| accounts.take(account(ACCOUNTS_METERED_MAX + nth), RATE, now)).count();
        assert_eq!(beyond(SECOND), 3);
        assert_eq!(beyond(100 * SECOND), 10);
    }
}
