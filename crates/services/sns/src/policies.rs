//! Filter policies of accounts: how many each has, and what they take in memory.
//!
//! Every policy is held compiled, so whoever subscribes fills memory with its own. It is charged to the account that has the
//! subscription, whosever the topic is. Room is promised before a subscription is changed and taken when the change is decided; for a
//! moment it counts twice, so that several changes at once do not pass the bound together. What is kept counts from the start on, even
//! beyond the bound of a newer version.

use crate::api::errors;
use crate::limits::{FILTER_POLICIES_BYTES_MAX, FILTER_POLICIES_OF_ACCOUNT_MAX};
use crate::refusal::Refusal;
use names::{AccountId, Region};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What accounts hold.
#[derive(Default)]
pub(crate) struct Policies(Mutex<HashMap<AccountId, Held>>);

/// What one account holds.
#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    /// AWS counts in each region.
    counts: HashMap<Region, usize>,
}

/// A policy that is to be made.
pub(crate) struct Wanted<'a> {
    pub(crate) owner: AccountId,
    pub(crate) region: &'a Region,
    pub(crate) bytes: usize,
    /// What the policy takes in whose place it comes; nothing if it is one more.
    pub(crate) replaced: Option<usize>,
}

/// Room for one policy, until this is dropped.
pub(crate) struct Promised<'a> {
    policies: &'a Policies,
    owner: AccountId,
    region: Region,
    bytes: usize,
}

impl Policies {
    /// Promises room for a policy.
    pub(crate) fn promise(&self, wanted: &Wanted<'_>, holds_awss_limits: bool) -> Result<Promised<'_>, Refusal> {
        let Wanted { owner, region, bytes, replaced } = *wanted;
        let mut all = self.lock();
        let (held, count) =
            all.get(&owner).map_or((0, 0), |held| (held.bytes, held.counts.get(region).copied().unwrap_or(0)));
        let exceeded = match replaced {
            None if holds_awss_limits && count >= FILTER_POLICIES_OF_ACCOUNT_MAX => {
                Some(format!("The account has {FILTER_POLICIES_OF_ACCOUNT_MAX} filter policies, which is the limit"))
            }
            _ if held.saturating_sub(replaced.unwrap_or_default()) + bytes > FILTER_POLICIES_BYTES_MAX => {
                Some(format!(
                    "The account's filter policies would take more than {} MiB, which is the limit",
                    FILTER_POLICIES_BYTES_MAX >> 20
                ))
            }
            _ => None,
        };
        if let Some(message) = exceeded {
            return Err(refused(message));
        }
        all.entry(owner).or_default().add(region, bytes);
        Ok(Promised { policies: self, owner, region: region.clone(), bytes })
    }

    /// A policy was made.
    pub(crate) fn add(&self, owner: AccountId, region: &Region, bytes: usize) {
        self.lock().entry(owner).or_default().add(region, bytes);
    }

    /// A policy is gone.
    pub(crate) fn remove(&self, owner: AccountId, region: &Region, bytes: usize) {
        let mut all = self.lock();
        let Some(held) = all.get_mut(&owner) else { return };
        held.bytes = held.bytes.saturating_sub(bytes);
        match held.counts.get_mut(region) {
            Some(count) if *count > 1 => *count -= 1,
            _ => _ = held.counts.remove(region),
        }
        if held.counts.is_empty() {
            all.remove(&owner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn add(&mut self, region: &Region, bytes: usize) {
        self.bytes += bytes;
        *self.counts.entry(region.clone()).or_default() += 1;
    }
}

impl Drop for Promised<'_> {
    fn drop(&mut self) {
        self.policies.remove(self.owner, &self.region, self.bytes);
    }
}

/// The refusal of a policy that is one too many.
pub(crate) fn refused(message: String) -> Refusal {
    Refusal::new(&errors::FILTER_POLICY_LIMIT_EXCEEDED_EXCEPTION, message)
}

#[cfg(test)]
#[path = "policies_tests.rs"]
mod tests;
