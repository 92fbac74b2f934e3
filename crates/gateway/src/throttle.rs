//! How often somebody may ask: buckets of tokens, one for each connection and one for each account.
//!
//! A bucket is one number, the moment at which it would be full again (GCRA): taking a token moves that moment on, and
//! nothing runs in between. Who finds none left is refused with the throttling error of the service before anything of the
//! request is read; SDKs wait and ask again. Both are off unless an operator sets them: whoever runs this server shares it
//! with nobody but those whom they know.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use names::AccountId;

use crate::errors;
use crate::limits::ACCOUNTS_METERED_MAX;
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

    fn is_full(&self, now_nanos: u64) -> bool {
        self.full_at.load(Ordering::Relaxed) <= now_nanos
    }
}

/// The buckets of accounts.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    buckets: RwLock<HashMap<AccountId, Arc<Bucket>>>,
    /// Of those for whom there was no room.
    others: Arc<Bucket>,
    /// Of all who signed nothing: they are nobody's, and shall use up nobody's tokens.
    unknown: Bucket,
}

impl Accounts {
    /// Takes a token of those who signed nothing.
    pub(crate) fn take_unknown(&self, rate: Rate, now_nanos: u64) -> bool {
        self.unknown.take(rate, now_nanos)
    }

    /// Takes a token of this account.
    pub(crate) fn take(&self, account: AccountId, rate: Rate, now_nanos: u64) -> bool {
        let known = self.buckets.read().unwrap_or_else(PoisonError::into_inner).get(&account).cloned();
        known.unwrap_or_else(|| self.bucket_of(account, now_nanos)).take(rate, now_nanos)
    }

    /// A new account's bucket. A full one is as good as none, so those make room.
    fn bucket_of(&self, account: AccountId, now_nanos: u64) -> Arc<Bucket> {
        let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= ACCOUNTS_METERED_MAX && !buckets.contains_key(&account) {
            buckets.retain(|_, bucket| !bucket.is_full(now_nanos));
            if buckets.len() >= ACCOUNTS_METERED_MAX {
                return Arc::clone(&self.others);
            }
        }
        Arc::clone(buckets.entry(account).or_default())
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
