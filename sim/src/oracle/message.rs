//! What may be said about one message: whether it must be there, may be there, or must not.
//!
//! Everything is a bound that surely holds, whatever order the server took the requests in that were under way together.

use super::ids::Ids;
use super::lease::Leases;
use super::receives::Before;

/// What is known of its sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    /// On its way.
    Asked,
    /// Acknowledged, in order of events.
    Acknowledged(u64),
    /// Nobody will know, unless it is seen.
    Unknown,
    /// It never reached the server whole, or was refused.
    Never,
    /// Acknowledged as a message that was there before, by its deduplication id.
    Duplicate,
}

/// What is known of the deletion of a message, by the server's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deletion {
    /// When the first was asked for.
    pub(crate) asked_wall: u64,
    /// When one was acknowledged, at the latest.
    pub(crate) done_wall: Option<u64>,
}

/// One message and its history.
#[derive(Debug)]
pub(crate) struct Message {
    /// Where it was sent to.
    pub(crate) queue: usize,
    /// Where it was received last.
    pub(crate) seen_in: usize,
    /// The receives of its queue before it was sent: none of these has taken it.
    pub(crate) receives_before: Before,
    /// How often groups had been let go on when it was sent.
    pub(crate) unparks_before: u64,
    /// How often its own queue's receives have shown it.
    pub(crate) shown_at_home: u64,
    /// When it was sent, as the server says.
    pub(crate) sent_timestamp: Option<String>,
    /// The id and the sequence number that it was shown with last, if its queue is a FIFO queue.
    pub(crate) shown_as: (String, u128),
    /// The last receive that showed it: where, when it was asked for and when it was answered.
    pub(crate) sighting: Option<(usize, u64, u64)>,
    /// Receives of the queue that it was sent to, asked for after this moment, must not show it: it is a dead letter, or gone.
    pub(crate) left_from: Option<u64>,
    /// Of a copy the message that it is one of.
    pub(crate) original: Option<usize>,
    /// Copies of it that were shown.
    pub(crate) copies: u64,
    /// The last answer that showed it, in order of events.
    pub(crate) seen_last: u64,
    pub(crate) deletion: Option<Deletion>,
    /// Whether a removal of everything in its queue may have reached it, and since when one surely has.
    pub(crate) may_be_purged: bool,
    pub(crate) purged_from: Option<u64>,
    pub(crate) body: String,
    pub(crate) attribute: Option<String>,
    /// Its receipt handle, once it was received.
    pub(crate) handle: Option<String>,
    pub(crate) leases: Leases,
    pub(crate) sending: Sending,
    pub(crate) ids: Ids,
    /// By the server's clock nobody may see it before this, in milliseconds.
    visible_from: u64,
    retention: u64,
    wall_min: u64,
    may_expire_from: u64,
    surely_expired_from: u64,
    seen_first: Option<u64>,
    /// Removals of this message alone that are under way, and the end of the last one.
    removals: u32,
    removal_ended: u64,
    may_be_gone: bool,
    /// Receives asked for after this moment must not show it.
    gone_from: Option<u64>,
}

impl Message {
    /// A message about to be sent at `wall`, visible after `delay` and kept for `retention` milliseconds.
    pub(crate) fn new(queue: usize, body: String, wall: u64, delay: u64, retention: u64) -> Self {
        Self {
            queue,
            seen_in: queue,
            receives_before: Before::default(),
            unparks_before: 0,
            shown_at_home: 0,
            sent_timestamp: None,
            shown_as: (String::new(), 0),
            sighting: None,
            left_from: None,
            original: None,
            copies: 0,
            seen_last: 0,
            deletion: None,
            may_be_purged: false,
            purged_from: None,
            body,
            attribute: None,
            handle: None,
            leases: Leases::default(),
            sending: Sending::Asked,
            ids: Ids::default(),
            // Without a delay nothing depends on the clock, which may be set back before the message is received.
            visible_from: if delay > 0 { wall + delay } else { 0 },
            retention,
            wall_min: wall,
            may_expire_from: wall + retention,
            surely_expired_from: u64::MAX,
            seen_first: None,
            removals: 0,
            removal_ended: 0,
            may_be_gone: false,
            gone_from: None,
        }
    }

    /// The server's clock shows `wall`: less than before if it was set back.
    pub(crate) fn time_is(&mut self, wall: u64) {
        self.wall_min = self.wall_min.min(wall);
    }

    /// The least that the server's clock has shown since it was sent: no receive of it counts from an earlier moment.
    pub(crate) fn wall_min(&self) -> u64 {
        self.wall_min
    }

    /// Its send was answered with success, the server's clock never having shown more than `wall_max`.
    pub(crate) fn acknowledged(&mut self, at: u64, wall_max: u64) {
        self.sending = Sending::Acknowledged(at);
        self.surely_expired_from = wall_max + self.retention;
    }

    /// It was moved, which makes it a new message.
    pub(crate) fn moved(&mut self) {
        (self.sent_timestamp, self.left_from) = (None, None);
    }

    /// Something that would remove it is on its way.
    pub(crate) fn removal_asked(&mut self) {
        self.removals += 1;
        self.may_be_gone = true;
    }

    /// That has ended, whatever came of it.
    pub(crate) fn removal_ended(&mut self, at: u64) {
        self.removals -= 1;
        self.removal_ended = at;
    }

    /// It may go from now on, with everything in its queue.
    pub(crate) fn may_go(&mut self) {
        self.may_be_gone = true;
        self.may_be_purged = true;
    }

    /// It was acknowledged to be gone with everything in its queue.
    pub(crate) fn purged(&mut self, at: u64) {
        self.gone(at);
        self.purged_from.get_or_insert(at);
    }

    /// Somebody wants to delete it, the server's clock showing `wall`.
    pub(crate) fn deletion_asked(&mut self, wall: u64) {
        let asked_wall = self.deletion.map_or(wall, |before| before.asked_wall.min(wall));
        self.deletion = Some(Deletion { asked_wall, done_wall: self.deletion.and_then(|before| before.done_wall) });
    }

    /// That was acknowledged, the server's clock never having shown more than `wall_max`.
    pub(crate) fn deletion_done(&mut self, wall_max: u64) {
        if let Some(deletion) = &mut self.deletion {
            deletion.done_wall.get_or_insert(wall_max);
        }
    }

    /// Whether any receive has shown it.
    pub(crate) fn was_seen(&self) -> bool {
        self.seen_first.is_some()
    }

    /// When its retention may be over.
    pub(crate) fn may_expire_from(&self) -> u64 {
        self.may_expire_from
    }

    /// It was acknowledged to be gone.
    pub(crate) fn gone(&mut self, at: u64) {
        self.gone_from = Some(self.gone_from.map_or(at, |before| before.min(at)));
    }

    /// It is not in the queue any more that it was sent to.
    pub(crate) fn leaves(&mut self, at: u64) {
        self.left_from = Some(self.left_from.map_or(at, |before| before.min(at)));
    }

    /// The process ended, and what was done to this message after the event `synced` may be forgotten: its queue is relaxed.
    pub(crate) fn may_be_forgotten(&mut self, synced: u64) {
        if matches!(self.sending, Sending::Acknowledged(at) if at > synced) {
            self.sending = Sending::Unknown;
        }
        self.seen_first = self.seen_first.filter(|seen| *seen <= synced);
        if self.gone_from.is_some_and(|gone| gone > synced) {
            self.gone_from = None;
            self.may_be_gone = true;
        }
    }

    /// Whether it surely was there at a moment in order.
    pub(crate) fn was_there(&self, at: u64) -> bool {
        let acknowledged = matches!(self.sending, Sending::Acknowledged(when) if when < at);
        acknowledged || self.seen_first.is_some_and(|when| when < at)
    }

    /// A receive asked for at `asked` shows it. `removal_ended` is the end of the last removal in its whole queue, none
    /// if one is under way.
    pub(crate) fn seen(&mut self, asked: u64, at: u64, removal_ended: Option<u64>) {
        self.seen_first.get_or_insert(at);
        self.seen_last = at;
        let removed_before = self.removals == 0 && asked > self.removal_ended;
        if removed_before && removal_ended.is_some_and(|ended| asked > ended) {
            // It has survived whatever was to remove it.
            (self.may_be_gone, self.may_be_purged) = (false, false);
        }
    }

    /// Why no receive asked for at `asked` and answered now may show it, if so. Once its delay was over somebody may have
    /// received it, and then no clock that is set back brings the delay back.
    pub(crate) fn must_not_show(&self, asked: u64, asked_wall: u64, wall_max: u64) -> Option<&'static str> {
        if self.sending == Sending::Never {
            return Some("its send was refused or never arrived whole");
        }
        if self.sending == Sending::Duplicate {
            return Some("it is a duplicate");
        }
        if self.gone_from.is_some_and(|gone| asked > gone) {
            return Some("its deletion was acknowledged");
        }
        if wall_max < self.visible_from {
            return Some("its delay lasts");
        }
        (asked_wall >= self.surely_expired_from).then_some("its retention is over")
    }

    /// Whether the queue must hold it, the server's clock never having shown more than `wall_max`.
    pub(crate) fn must_be_there(&self, wall_max: u64) -> bool {
        let was_taken = matches!(self.sending, Sending::Acknowledged(_)) || self.seen_first.is_some();
        was_taken && !self.may_be_gone && wall_max < self.may_expire_from
    }

    /// Whether nobody has wanted to delete it since an event.
    pub(crate) fn is_untouched_since(&self, at: u64) -> bool {
        self.removals == 0 && self.removal_ended < at
    }

    /// Whether something may have removed it.
    pub(crate) fn may_be_gone(&self) -> bool {
        self.may_be_gone
    }

    /// Whether it may be in its queue, as far as sends and removals go.
    pub(crate) fn may_be_there(&self) -> bool {
        self.gone_from.is_none() && !matches!(self.sending, Sending::Never | Sending::Duplicate)
    }

    /// The beginning of its body.
    pub(crate) fn name(&self) -> &str {
        self.body.split_once('-').map_or(&self.body, |(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message::new(0, "1-x".into(), 1_000, 0, 60_000)
    }

    #[test]
    fn what_was_acknowledged_must_be_there_until_something_may_have_removed_it() {
        let mut message = message();
        assert!(!message.must_be_there(1_000));
        message.acknowledged(1, 1_000);
        assert!(message.must_be_there(60_999) && !message.must_be_there(61_000));
        message.removal_asked();
        assert!(!message.must_be_there(1_000));
        message.removal_ended(5);
        message.seen(4, 6, Some(0));
        assert!(!message.must_be_there(1_000), "the receive may have come before the delete");
        message.seen(7, 8, Some(0));
        assert!(message.must_be_there(1_000));
    }

    #[test]
    fn it_knows_the_least_that_the_clock_has_shown_since_it_was_sent() {
        let mut message = message();
        [1_500, 400, 900].into_iter().for_each(|wall| message.time_is(wall));
        assert_eq!(message.wall_min(), 400);
    }

    #[test]
    fn a_deleted_message_must_not_show_in_later_receives() {
        let mut message = message();
        message.acknowledged(1, 1_000);
        message.gone(5);
        assert_eq!(message.must_not_show(4, 1_000, 2_000), None);
        assert_eq!(message.must_not_show(6, 1_000, 2_000), Some("its deletion was acknowledged"));
    }

    #[test]
    fn what_a_relaxed_queue_did_after_the_last_sync_may_be_forgotten_and_nothing_before() {
        let mut message = message();
        message.acknowledged(3, 1_000);
        message.seen(4, 5, Some(0));
        message.may_be_forgotten(3);
        assert!(message.must_be_there(1_000), "the send is on disk");
        message.may_be_forgotten(2);
        assert!(!message.must_be_there(1_000));
        message.gone(8);
        message.may_be_forgotten(8);
        assert_eq!(message.must_not_show(9, 1_000, 2_000), Some("its deletion was acknowledged"));
        message.may_be_forgotten(7);
        assert_eq!(message.must_not_show(9, 1_000, 2_000), None);
    }

    #[test]
    fn an_expired_message_and_a_delayed_one_must_not_show() {
        let mut message = Message::new(0, "1-x".into(), 1_000, 500, 60_000);
        assert_eq!(message.must_not_show(1, 1_000, 1_499), Some("its delay lasts"));
        message.acknowledged(1, 2_000);
        assert_eq!(message.must_not_show(1, 61_999, 61_999), None);
        assert_eq!(message.must_not_show(1, 62_000, 62_000), Some("its retention is over"));
    }
}
