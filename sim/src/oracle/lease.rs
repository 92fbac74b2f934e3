//! Who holds a message, as far as the answers tell: no second receiver while a lease surely lasts.
//!
//! A receive was decided somewhere between its first byte and its answer, so a lease surely lasts from the answer until
//! the request's moment plus its visibility timeout, and only what surely falls inside counts as a breach. A crash may
//! forget leases of standard queues (ADR 0003) and none of FIFO queues (ADR 0016); a change of visibility makes them uncertain until it is answered.

/// A stretch of a history: a request with its answer, by order and by the wall clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// When the request began, in order of events.
    pub(crate) asked: u64,
    /// When its answer was read.
    pub(crate) answered: u64,
    /// The same by the server's clock, in milliseconds.
    pub(crate) asked_wall: u64,
    pub(crate) answered_wall: u64,
}

#[derive(Debug)]
struct Lease {
    /// Of the receive that it began with.
    handle: String,
    span: Span,
    until: u64,
    is_change: bool,
}

/// The leases of one message that may still hold.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    known: Vec<Lease>,
    /// Handles for which a change was asked. After a crash forgot a receive the next one gets the same handle, so a change
    /// may reach a lease that its client does not know of yet.
    changing: Vec<String>,
    changes_running: u32,
    last_change_asked: u64,
    last_change_ended: u64,
}

impl Leases {
    /// The message was handed out, hidden for `millis`. Says whether somebody else surely had it.
    pub(crate) fn delivered(&mut self, handle: &str, span: Span, millis: u64) -> bool {
        // A change by any handle, be it an old receive's, is one of the message (a standard queue's, as AWS does it).
        let is_changing =
            self.changes_running > 0 || (self.last_change_ended > 0 && self.last_change_ended >= span.asked);
        let is_certain = !is_changing && !self.changing.iter().any(|known| known == handle);
        let millis = if is_certain { millis } else { 0 };
        let breached = self.known.iter().any(|lease| lease.is_breached_by(span, millis));
        self.known.retain(|lease| lease.span.answered > span.asked && lease.until > span.answered_wall);
        self.hold(handle, span, millis, false);
        breached
    }

    /// Whether this receive surely has it in flight until `wall`.
    pub(crate) fn is_held(&self, handle: &str, wall: u64) -> bool {
        self.known.iter().any(|lease| lease.handle == handle && lease.until > wall)
    }

    /// Until when this receive surely has it in flight; none if that is uncertain.
    pub(crate) fn held_until(&self, handle: &str) -> Option<u64> {
        self.known.iter().filter(|lease| lease.handle == handle).map(|lease| lease.until).max()
    }

    /// The receive of this handle is asked for again, which may hide the message anew. Says whether that makes its lease uncertain:
    /// not if another receive surely has it, the server's clock showing `wall`.
    pub(crate) fn repetition_asked(&mut self, handle: &str, wall: u64, at: u64) -> bool {
        let is_others = self.known.iter().any(|lease| lease.handle != handle && lease.until > wall);
        if !is_others {
            self.change_asked(handle, at);
        }
        !is_others
    }

    /// That receive shows it again. Says whether somebody else surely had it.
    pub(crate) fn is_breached_by_another(&self, handle: &str, span: Span) -> bool {
        self.known.iter().any(|lease| lease.handle != handle && lease.is_breached_by(span, 0))
    }

    /// When the last change was asked for.
    pub(crate) fn last_change_asked(&self) -> u64 {
        self.last_change_asked
    }

    fn hold(&mut self, handle: &str, span: Span, millis: u64, is_change: bool) {
        if millis > 0 {
            let until = span.asked_wall + millis;
            let handle = handle.to_owned();
            self.known.push(Lease { handle, span, until, is_change });
        }
    }

    /// A change of visibility is on its way.
    pub(crate) fn change_asked(&mut self, handle: &str, at: u64) {
        self.known.clear();
        self.changing.push(handle.to_owned());
        self.changes_running += 1;
        self.last_change_asked = at;
    }

    /// It was carried out.
    pub(crate) fn changed(&mut self, handle: &str, span: Span, millis: u64) {
        // Of two changes at once nobody knows which was the later one.
        self.changes_running -= 1;
        let alone = self.last_change_asked == span.asked && self.last_change_ended < span.asked;
        if alone && self.changes_running == 0 {
            self.hold(handle, span, millis, true);
        }
        self.last_change_ended = span.answered;
    }

    /// It was refused, or its answer will never be known.
    pub(crate) fn change_ended(&mut self, at: u64) {
        self.changes_running -= 1;
        self.last_change_ended = at;
    }

    /// The process ended without finishing.
    pub(crate) fn crashed(&mut self) {
        self.known.clear();
    }

    /// The process was stopped in order, its clock having shown `wall`: what had ended by then may have been taken since.
    pub(crate) fn restarted(&mut self, wall: u64) {
        self.known.retain(|lease| lease.until > wall);
    }
}

impl Lease {
    fn is_breached_by(&self, other: Span, millis: u64) -> bool {
        let ends_before_it = other.answered_wall < self.until;
        if self.span.answered <= other.asked {
            return ends_before_it;
        }
        // The two overlap: whichever came first, the other fell into its lease.
        let other_lasts = self.span.answered_wall < other.asked_wall + millis;
        !self.is_change && ends_before_it && other_lasts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(asked: u64, answered: u64) -> Span {
        Span { asked, answered, asked_wall: asked * 1000, answered_wall: answered * 1000 }
    }

    #[test]
    fn a_second_delivery_inside_a_lease_is_a_breach_and_after_it_is_none() {
        let mut leases = Leases::default();
        assert!(!leases.delivered("a", span(1, 2), 10_000));
        assert!(leases.delivered("b", span(3, 4), 10_000));
        assert!(!leases.delivered("c", span(14, 15), 1_000));
    }

    #[test]
    fn two_receives_at_once_breach_each_other_only_if_both_surely_last() {
        let mut leases = Leases::default();
        leases.delivered("a", span(1, 4), 10_000);
        assert!(leases.delivered("b", span(2, 5), 10_000));
        let mut leases = Leases::default();
        leases.delivered("a", span(1, 4), 10_000);
        assert!(!leases.delivered("b", span(2, 5), 1_000), "the short lease may have come first and be over");
    }

    #[test]
    fn a_change_makes_a_lease_uncertain_until_it_is_answered() {
        let mut leases = Leases::default();
        leases.delivered("a", span(1, 2), 100_000);
        leases.change_asked("a", 3);
        assert!(!leases.delivered("b", span(4, 5), 0));
        leases.change_ended(6);
        leases.delivered("c", span(6, 7), 1_000);
        leases.change_asked("c", 8);
        leases.changed("c", span(8, 9), 50_000);
        assert!(leases.delivered("d", span(10, 11), 0));
    }

    #[test]
    fn a_change_by_the_handle_of_an_old_receive_may_end_a_new_lease() {
        let mut leases = Leases::default();
        leases.delivered("new", span(1, 2), 100_000);
        leases.change_asked("old", 3);
        leases.changed("old", span(3, 4), 0);
        assert!(!leases.delivered("next", span(5, 6), 1_000));
        leases.change_asked("old", 7);
        leases.change_ended(12);
        assert!(!leases.delivered("late", span(10, 13), 100_000), "the change may have come after it");
        assert!(!leases.delivered("other", span(14, 15), 0));
    }

    #[test]
    fn of_two_changes_at_once_neither_is_certain() {
        let mut leases = Leases::default();
        leases.change_asked("a", 1);
        leases.change_asked("a", 2);
        leases.changed("a", span(2, 3), 60_000);
        assert!(!leases.delivered("b", span(4, 5), 0));
    }

    #[test]
    fn a_change_may_reach_a_lease_before_its_client_knows_of_it() {
        let mut leases = Leases::default();
        leases.change_asked("a", 1);
        leases.delivered("b", span(4, 5), 60_000);
        assert!(!leases.delivered("a", span(2, 6), 60_000), "it came first and was shortened");
    }

    #[test]
    fn a_crash_forgets_leases() {
        let mut leases = Leases::default();
        leases.delivered("a", span(1, 2), 100_000);
        leases.crashed();
        assert!(!leases.delivered("b", span(3, 4), 0));
    }
}
