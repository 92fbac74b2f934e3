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
    /// Of a queue that goes by itself: after how long, and until when it is sure to be there. Zero of any other.
    idle_millis: u64,
    sure_until: u64,
    /// It may have been idle for so long, and nobody is known to have used it since.
    may_be_idle: bool,
    /// The shortest visibility timeout it may have by itself, in milliseconds.
    pub(crate) visibility_min: u64,
    pub(crate) receives: Receives,
}

impl Existence {
    pub(crate) fn new(visibility_min: u64, idle_millis: u64) -> Self {
        Self {
            exists_since: None,
            creations: 0,
            deletions: 0,
            last_deletion_ended: 0,
            // Until somebody has used it.
            removals: u32::from(idle_millis > 0),
            removal_ended: 0,
            idle_millis,
            sure_until: 0,
            may_be_idle: idle_millis > 0,
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
        // To find a queue that is there is no use of it.
        let is_sure = self.idle_millis == 0 && self.deletions == 0;
        if done && is_sure && self.last_deletion_ended < asked {
            self.exists_since.get_or_insert(at);
        }
    }

    /// Somebody who asked at `asked_wall` has used it, and the answer says so.
    pub(crate) fn used(&mut self, at: u64, asked_wall: u64, wall_max: u64) {
        let sure_until = asked_wall + self.idle_millis;
        if self.idle_millis == 0 || sure_until <= wall_max {
            return;
        }
        self.sure_until = self.sure_until.max(sure_until);
        self.exists_since.get_or_insert(at);
        if self.may_be_idle {
            self.may_be_idle = false;
            self.purge_ended(at);
        }
    }

    /// The server's clock has shown so much. Says whether the queue may be gone from now on, and was not before.
    pub(crate) fn time_is(&mut self, wall_max: u64) -> bool {
        let goes = self.idle_millis > 0 && !self.may_be_idle && wall_max >= self.sure_until;
        if goes {
            self.may_be_idle = true;
            self.exists_since = None;
            self.purge_asked();
        }
        goes
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_goes_by_itself_is_there_for_its_lifetime_after_a_use_and_nobody_knows_for_how_long_then() {
        let mut queue = Existence::new(0, 1_000);
        queue.creation_asked();
        queue.creation_ended(1, 2, true);
        assert!(!queue.must_exist(3), "it may have been there before");
        queue.used(4, 500, 600);
        assert!(queue.must_exist(4) && !queue.must_exist(3) && !queue.is_being_emptied());
        assert!(!queue.time_is(1_499) && queue.must_exist(5));
        assert!(queue.time_is(1_500) && !queue.must_exist(5) && queue.is_being_emptied());
        assert!(!queue.time_is(1_600), "that is known already");
        queue.used(6, 590, 1_600);
        assert!(!queue.must_exist(7), "the use is too long ago");
        queue.used(8, 1_500, 1_600);
        assert!(queue.must_exist(8) && queue.removal_ended() == Some(8));
    }
}
