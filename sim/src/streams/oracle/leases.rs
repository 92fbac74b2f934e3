//! A lease table: writes under a condition, linearizable for each item.
//!
//! A lease counts who took it: a write takes it from one number to the next, for an owner that nobody else is. So what happened is one
//! chain, of which every answer shows a link: no number has two owners, whatever was known once is not undone, and a condition fails only
//! if somebody else may have been first.

use super::{Situation, Streams};
use crate::oracle::Verdict;
use serde_json::Value;
use std::collections::BTreeMap;

/// One item.
#[derive(Debug, Default)]
pub(super) struct Lease {
    /// Who has asked to take it to each number.
    asked: BTreeMap<u64, Vec<String>>,
    /// Whose it was at each number, as far as that was told.
    owners: BTreeMap<u64, String>,
    /// The numbers that were told, each with the event since which it is sure.
    sure: Vec<(u64, u64)>,
}

impl Lease {
    fn sure_before(&self, event: u64) -> u64 {
        self.sure.iter().filter(|(at, _)| *at < event).map(|(_, number)| *number).max().unwrap_or(0)
    }

    fn told(&mut self, number: u64, owner: &str, at: u64) -> Verdict {
        let known = self.owners.entry(number).or_insert_with(|| owner.to_owned());
        if known.as_str() != owner {
            return Err(format!("a lease is {owner}'s and {known}'s at {number}"));
        }
        if !self.asked.get(&number).is_some_and(|asked| asked.iter().any(|one| one == owner)) {
            return Err(format!("a lease is {owner}'s at {number}, who did not ask for it"));
        }
        self.sure.push((at, number));
        Ok(())
    }
}

impl Streams {
    /// The greatest number of a lease that is known, and an owner that nobody was.
    pub(crate) fn lease(&mut self, lease: usize) -> (u64, String) {
        self.owners += 1;
        let known = self.leases.entry(lease).or_default().sure_before(u64::MAX);
        (known, format!("w{}", self.owners))
    }

    pub(super) fn take_asked(&mut self, lease: usize, from: u64, owner: &str) {
        let lease = self.leases.entry(lease).or_default();
        lease.asked.entry(from + 1).or_default().push(owner.to_owned());
    }

    pub(super) fn taken(&mut self, lease: usize, from: u64, owner: &str, now: &Situation) -> Verdict {
        let lease = self.leases.entry(lease).or_default();
        let known = lease.sure_before(now.asked);
        if known > from {
            return Err(format!("a lease that was at {known} is taken by {owner} from {from}"));
        }
        self.takes += 1;
        lease.told(from + 1, owner, now.at)
    }

    /// GetItem is answered.
    pub(super) fn lease_shown(&mut self, lease: usize, now: &Situation, body: &Value) -> Verdict {
        let lease = self.leases.entry(lease).or_default();
        let known = lease.sure_before(now.asked);
        let item = &body["Item"];
        let number = item["leaseCounter"]["N"].as_str().and_then(|number| number.parse().ok()).unwrap_or(0);
        if number < known {
            return Err(format!("a lease that was at {known} is at {number}: {body}"));
        }
        match (number, item["leaseOwner"]["S"].as_str()) {
            (0, None) => Ok(()),
            (_, Some(owner)) => lease.told(number, owner, now.at),
            _ => Err(format!("a lease without an owner: {body}")),
        }
    }

    /// Whether somebody else may have taken a lease from a number, or from one behind it.
    pub(super) fn may_be_taken(&self, lease: usize, from: u64) -> bool {
        let asked = self
            .leases
            .get(&lease)
            .map(|lease| lease.asked.range(from + 1..).map(|(_, asked)| asked.len()).sum::<usize>());
        asked.unwrap_or(0) > 1
    }
}
