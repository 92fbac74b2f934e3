//! Whose keys are in which partition, and whose a ciphertext's key is.
//!
//! Both are read off the machines when the server starts and kept up as keys are made. An account's partition begins with its
//! first key.

use crate::key_id::KeyId;
use crate::machine::Keyring;
use crate::records::FAMILY;
use crate::refusal::Refusal;
use engine::{Partition, Recovery, Store};
use names::{AccountId, PartitionId};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The partitions of all accounts.
pub(crate) struct Catalog {
    store: Arc<Store>,
    known: RwLock<Known>,
}

struct Known {
    rings: HashMap<AccountId, Arc<Partition<Keyring>>>,
    /// Whose key has this id; regions do not matter.
    owners: HashMap<[u8; 16], (AccountId, KeyId)>,
    next_ordinal: u64,
}

impl Catalog {
    pub(crate) fn recovered(store: Arc<Store>, recovery: Recovery<Keyring>) -> Self {
        let mut known = Known { rings: HashMap::new(), owners: HashMap::new(), next_ordinal: recovery.next_ordinal() };
        let mut rings = Vec::new();
        recovery.look(|id, ring: &Keyring| {
            rings.push((ring.account, id));
            for (_, key) in ring.keys.keys() {
                known.owners.insert(*key.bytes(), (ring.account, *key));
            }
        });
        recovery.finish(&store);
        for (account, id) in rings {
            let ring = store.partition(id).expect("a partition that was just handed to the store is there");
            known.rings.insert(account, ring);
        }
        Self { store, known: RwLock::new(known) }
    }

    /// The keys of an account, if it ever had one.
    pub(crate) fn ring(&self, account: AccountId) -> Option<Arc<Partition<Keyring>>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).rings.get(&account).map(Arc::clone)
    }

    /// The keys of an account that gets its first one.
    pub(crate) fn ring_or_new(&self, account: AccountId) -> Arc<Partition<Keyring>> {
        if let Some(ring) = self.ring(account) {
            return ring;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(ring) = known.rings.get(&account) {
            return Arc::clone(ring);
        }
        let id = PartitionId::of_family(FAMILY, known.next_ordinal);
        let ring = Partition::new(&self.store, id, Keyring::unborn());
        known.next_ordinal += 1;
        known.rings.insert(account, Arc::clone(&ring));
        ring
    }

    /// Whose key has this id.
    pub(crate) fn owner(&self, id: &[u8; 16]) -> Option<(AccountId, KeyId)> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).owners.get(id).copied()
    }

    /// Notes a key that was made.
    pub(crate) fn note(&self, account: AccountId, id: KeyId) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).owners.insert(*id.bytes(), (account, id));
    }

    /// Forgets of these keys of an account those that are in none of its regions.
    pub(crate) fn forget_gone(&self, account: AccountId, ids: &[KeyId]) {
        let left = |ring: &Keyring| ids.iter().filter(|id| !ring.has(**id)).copied().collect::<Vec<_>>();
        let Some(gone) = self.ring(account).and_then(|ring| ring.inspect(left)).filter(|gone| !gone.is_empty()) else {
            return;
        };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for id in gone {
            known.owners.remove(id.bytes());
        }
    }

    /// How many keys have an owner.
    #[cfg(test)]
    pub(crate) fn owned(&self) -> usize {
        self.known.read().unwrap_or_else(PoisonError::into_inner).owners.len()
    }

    /// All accounts that ever had a key.
    pub(crate) fn rings(&self) -> Vec<(AccountId, Arc<Partition<Keyring>>)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.rings.iter().map(|(account, ring)| (*account, Arc::clone(ring))).collect()
    }

    /// The moment by the store's clock.
    pub(crate) fn now(&self) -> names::Instant {
        self.store.clock().now()
    }

    /// Waits until everything that was decided up to now is durable: before it is said that a key is not there, its end must
    /// be.
    pub(crate) async fn settled(&self) -> Result<(), Refusal> {
        let journal = self.store.journal();
        let durable = journal.when_durable(journal.last()).await;
        durable.map_err(|_| engine::Unavailable::Stopped.into())
    }
}
