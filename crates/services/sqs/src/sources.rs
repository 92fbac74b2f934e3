//! Which queues send their dead letters where, both ways.
//!
//! Read off the queues' redrive policies, and as true as they are: whoever changes one has it read again (`follow`), under the
//! lock, so that the reading that comes last is of the last change. Nothing of it is kept on disk.

use crate::catalog::QueueKey;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub(crate) struct Sources(Mutex<Both>);

#[derive(Default)]
struct Both {
    of: BTreeMap<QueueKey, BTreeSet<QueueKey>>,
    target_of: BTreeMap<QueueKey, QueueKey>,
}

impl Sources {
    /// A queue's dead letters go to `target` from now on, or nowhere.
    pub(crate) fn set(&self, source: &QueueKey, target: Option<QueueKey>) {
        self.follow(source, || target);
    }

    /// The same of a target that is read while no other can be set.
    pub(crate) fn follow(&self, source: &QueueKey, target: impl FnOnce() -> Option<QueueKey>) {
        let mut both = self.lock();
        if let Some(before) = both.target_of.remove(source)
            && let Some(sources) = both.of.get_mut(&before)
        {
            sources.remove(source);
            if sources.is_empty() {
                both.of.remove(&before);
            }
        }
        if let Some(target) = target() {
            both.of.entry(target.clone()).or_default().insert(source.clone());
            both.target_of.insert(source.clone(), target);
        }
    }

    /// The queues whose dead letters go to one, in order of their names: they are in its account and region.
    pub(crate) fn of(&self, target: &QueueKey) -> Vec<QueueKey> {
        self.lock().of.get(target).into_iter().flatten().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Both> {
        // A panic between two changes leaves a queue out of a list at the worst, until the next start.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
