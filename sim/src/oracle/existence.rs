//! Whether a queue is there, and what whole-queue removals are under way in it.

use super::receives::Receives;

/// One queue, as far as the answers tell.
#[derive(Debug)]
pub(crate) struct Existence {
    /// Since when it surely exists; none if it may be gone.
    exists_since: Option<u64>,
    creations: u32,
    deletions: u32,
    last_deletion_ended: u64,
    /// Purges and deletions under way, and the end of the last one.
    removals: u32,
    removal_ended: u64,
    /// The shortest visibility timeout it may have by itself, in milliseconds.
    pub(crate) visibility_min: u64,
    pub(crate) receives: Receives,
}

impl Existence {
    pub(crate) fn new(visibility_min: u64) -> Self {
        Self {
            exists_since: None,
            creations: 0,
            deletions: 0,
            last_deletion_ended: 0,
            removals: 0,
            removal_ended: 0,
            visibility_min,
            receives: Receives::default(),
        }
    }

    /// Whether it surely was there from `asked` until now.
    pub(crate) fn must_exist(&self, asked: u64) -> bool {
        self.exists_since.is_some_and(|since| since <= asked)
    }

    /// Whether somebody may be taking messages away right now.
    pub(crate) fn is_being_emptied(&self) -> bool {
        self.removals > 0
    }

    /// When the last removal ended; none if one is under way.
    pub(crate) fn removal_ended(&self) -> Option<u64> {
        (self.removals == 0).then_some(self.removal_ended)
    }

    pub(crate) fn creation_asked(&mut self) {
        self.creations += 1;
    }

    pub(crate) fn creation_ended(&mut self, asked: u64, at: u64, done: bool) {
        self.creations -= 1;
        if done && self.deletions == 0 && self.last_deletion_ended < asked {
            self.exists_since.get_or_insert(at);
        }
    }

    pub(crate) fn purge_asked(&mut self) {
        self.removals += 1;
    }

    pub(crate) fn purge_ended(&mut self, at: u64) {
        self.removals -= 1;
        self.removal_ended = at;
    }

    pub(crate) fn deletion_asked(&mut self) {
        self.purge_asked();
        self.deletions += 1;
        self.exists_since = None;
    }

    pub(crate) fn deletion_ended(&mut self, at: u64) {
        self.purge_ended(at);
        self.deletions -= 1;
        self.last_deletion_ended = at;
    }
}
