//! Which accounts say something of their short messages, and where each one's partition is.

use super::account::{Account, Command, Place, Reply};
use super::number::Number;
use super::records::FAMILY;
use crate::refusal::Refusal;
use engine::{Partition, Recovery, Store, Unavailable};
use names::PartitionId;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The accounts of a server.
pub(crate) struct Accounts {
    store: Arc<Store>,
    known: RwLock<Known>,
}

struct Known {
    of: HashMap<Place, Arc<Partition<Account>>>,
    next: u64,
}

impl Accounts {
    pub(crate) fn recovered(store: Arc<Store>, recovery: Recovery<Account>) -> Self {
        let next = recovery.next_ordinal();
        let mut found = Vec::new();
        recovery.look(|id, account: &Account| found.extend(account.place.clone().map(|place| (place, id))));
        recovery.finish(&store);
        let partition = |(place, id)| Some((place, store.partition::<Account>(id)?));
        let of = found.into_iter().filter_map(partition).collect();
        Self { store, known: RwLock::new(Known { of, next }) }
    }

    fn find(&self, place: &Place) -> Option<Arc<Partition<Account>>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).of.get(place).map(Arc::clone)
    }

    /// The account, made if it said nothing before. Its first record stands before whatever is asked next.
    fn find_or_open(&self, place: &Place) -> Result<Arc<Partition<Account>>, Unavailable> {
        if let Some(found) = self.find(place) {
            return Ok(found);
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.of.get(place) {
            return Ok(Arc::clone(found));
        }
        let partition = Partition::new(&self.store, PartitionId::of_family(FAMILY, known.next), Account::default());
        drop(partition.execute(Command::Open(place.clone()))?);
        // One that could not be made leaves its place to the next.
        known.next += 1;
        known.of.insert(place.clone(), Arc::clone(&partition));
        Ok(partition)
    }

    /// Changes an account; answered when it is durable.
    pub(crate) async fn ask(&self, place: &Place, command: Command) -> Result<(), Refusal> {
        let partition = self.find_or_open(place)?;
        match partition.execute(command)?.await? {
            Reply::Done => Ok(()),
            Reply::Refused(refusal) => Err(refusal),
        }
    }

    /// Looks at an account as it is now; what it says may not be durable yet.
    pub(crate) fn look<T>(&self, place: &Place, look: impl FnOnce(&Account) -> T) -> Result<T, Unavailable> {
        match self.find(place) {
            Some(partition) => partition.inspect(look).ok_or(Unavailable::Broken),
            None => Ok(look(&Account::default())),
        }
    }

    /// The same, told when it is durable.
    pub(crate) async fn told<T>(&self, place: &Place, look: impl FnOnce(&Account) -> T) -> Result<T, Unavailable> {
        let seen = self.look(place, look)?;
        let journal = self.store.journal();
        journal.when_durable(journal.last()).await.map_err(|_| Unavailable::Stopped)?;
        Ok(seen)
    }

    /// A number wants nothing more, whoever sends by this server. Told when that is durable for all of them.
    pub(crate) async fn opt_out_everywhere(&self, number: &Number) -> Result<usize, Refusal> {
        let places = self.places();
        for place in &places {
            self.ask(place, Command::OptOut(number.clone())).await?;
        }
        Ok(places.len())
    }

    /// Notes that an account sends, so that who opts out opts out of it.
    pub(crate) fn note_sending(&self, place: &Place) -> Result<(), Unavailable> {
        self.find_or_open(place).map(drop)
    }

    /// The same, before anything is sent that a phone could answer: told when it is durable.
    pub(crate) async fn noted_sending(&self, place: &Place) -> Result<(), Unavailable> {
        match self.find(place) {
            Some(_) => Ok(()),
            None => {
                self.note_sending(place)?;
                let journal = self.store.journal();
                journal.when_durable(journal.last()).await.map_err(|_| Unavailable::Stopped)
            }
        }
    }

    fn places(&self) -> Vec<Place> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).of.keys().cloned().collect()
    }

    /// Forgets all that was ever said.
    pub(crate) async fn delete_all(&self) -> Result<(), Unavailable> {
        let gone: Vec<_> = {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            known.of.drain().map(|(_, partition)| partition).collect()
        };
        for partition in gone {
            partition.execute(Command::Close)?.await?;
        }
        Ok(())
    }
}
