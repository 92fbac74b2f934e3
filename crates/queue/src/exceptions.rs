//! Messages with a past or a future: what deviates from "sent, visible, never received".
//!
//! An exception is delayed, in flight, or visible again after a receive. They stand in pages of 64 neighbouring sequences,
//! side by side and found by counting bits, because receives take neighbours: a page that is full costs little more than
//! its statuses. A page knows the earliest moment at which it has something to reveal (perhaps too early, never too late),
//! and only pages have deadlines. Every status kept here differs from the default, and every page kept is not empty.

use crate::deadlines::Deadlines;
use crate::limits::{PAGE_MESSAGES, REVEAL_STEPS_MAX};
use names::Instant;
use std::collections::BTreeMap;
use std::ops::Range;

/// What happened to a message since it was sent. The default is nothing: visible, never received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// When it is visible again; the epoch if it is visible.
    pub(crate) until: Instant,
    /// When it was received last.
    pub(crate) received_at: Instant,
    /// When it was received first.
    pub(crate) first_received_at: Instant,
    /// How often it was received.
    pub(crate) receive: u32,
}

/// Where a message is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Visible,
    Delayed,
    InFlight,
}

impl Status {
    pub(crate) fn phase(&self) -> Phase {
        match (self.until, self.receive) {
            (Instant::EPOCH, _) => Phase::Visible,
            (_, 0) => Phase::Delayed,
            _ => Phase::InFlight,
        }
    }

    pub(crate) fn is_hidden(&self) -> bool {
        self.until != Instant::EPOCH
    }
}

// An active message may cost 64 bytes. In a page that is full a status is nearly all of it; in one that is growing it is
// half.
const _: () = assert!(size_of::<Status>() <= 32);

/// All exceptions of a queue, by sequence.
#[derive(Debug, Default)]
pub(crate) struct Exceptions {
    pages: BTreeMap<u64, Page>,
    deadlines: Deadlines,
    delayed: usize,
    in_flight: usize,
}

impl Exceptions {
    /// How many messages are not yet visible for the first time.
    pub(crate) fn delayed(&self) -> usize {
        self.delayed
    }

    /// How many are received, and neither gone nor visible again.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// What happened to a message, if anything did.
    pub(crate) fn get(&self, sequence: u64) -> Option<Status> {
        self.pages.get(&(sequence / PAGE_MESSAGES))?.get(sequence % PAGE_MESSAGES)
    }

    /// The first exception.
    pub(crate) fn first(&self) -> Option<u64> {
        let (number, page) = self.pages.first_key_value()?;
        Some(number * PAGE_MESSAGES + u64::from(page.present.trailing_zeros()))
    }

    /// The first exception that is not below `sequence`.
    pub(crate) fn first_from(&self, sequence: u64) -> Option<u64> {
        let number = sequence / PAGE_MESSAGES;
        let rest = self.pages.get(&number).map_or(0, |page| page.present & !mask_below(sequence % PAGE_MESSAGES));
        let found = |number: u64, bits: u64| number * PAGE_MESSAGES + u64::from(bits.trailing_zeros());
        if rest != 0 {
            return Some(found(number, rest));
        }
        self.pages.range(number + 1..).next().map(|(number, page)| found(*number, page.present))
    }

    /// All of them in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, Status)> {
        self.pages.iter().flat_map(|(number, page)| {
            page.offsets().zip(&page.statuses).map(move |(offset, status)| (number * PAGE_MESSAGES + offset, *status))
        })
    }

    /// Those from `sequence` on, in order.
    pub(crate) fn iter_from(&self, sequence: u64) -> impl Iterator<Item = (u64, Status)> {
        let pages = self.pages.range(sequence / PAGE_MESSAGES..).flat_map(|(number, page)| {
            page.offsets().zip(&page.statuses).map(move |(offset, status)| (number * PAGE_MESSAGES + offset, *status))
        });
        pages.skip_while(move |(found, _)| *found < sequence)
    }

    /// How many of these messages are hidden.
    pub(crate) fn hidden_within(&self, range: Range<u64>) -> u64 {
        if range.is_empty() {
            return 0;
        }
        let (first, last) = (range.start / PAGE_MESSAGES, (range.end - 1) / PAGE_MESSAGES);
        let hidden = self.pages.range(first..=last).map(|(number, page)| {
            let start = number * PAGE_MESSAGES;
            let from = range.start.saturating_sub(start);
            let below = (range.end - start).min(PAGE_MESSAGES);
            u64::from((page.hidden & mask_below(below) & !mask_below(from)).count_ones())
        });
        hidden.sum()
    }

    /// Notes what happened to a message in place of what was noted before.
    pub(crate) fn set(&mut self, sequence: u64, status: Status) {
        if status == Status::default() {
            self.remove(sequence);
            return;
        }
        let number = sequence / PAGE_MESSAGES;
        let page = self.pages.entry(number).or_default();
        let before = page.set(sequence % PAGE_MESSAGES, status);
        if status.is_hidden() && status.until < page.due {
            page.due = status.until;
            self.deadlines.push(status.until, number);
        }
        self.count(before.unwrap_or_default(), status);
    }

    /// Forgets a message.
    pub(crate) fn remove(&mut self, sequence: u64) -> Option<Status> {
        let number = sequence / PAGE_MESSAGES;
        let page = self.pages.get_mut(&number)?;
        let status = page.remove(sequence % PAGE_MESSAGES)?;
        if page.present == 0 {
            self.pages.remove(&number);
        }
        self.count(status, Status::default());
        Some(status)
    }

    /// Forgets all messages below `sequence`, page by page.
    pub(crate) fn remove_below(&mut self, sequence: u64) {
        while let Some(entry) = self.pages.first_entry().filter(|entry| *entry.key() < sequence / PAGE_MESSAGES) {
            for status in entry.remove().statuses {
                self.count(status, Status::default());
            }
        }
        while let Some(first) = self.first().filter(|&first| first < sequence) {
            self.remove(first);
        }
    }

    /// The next moment at which a message may become visible: perhaps too early, never too late.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Makes messages visible that are due, and tells `show` what they were; [`REVEAL_STEPS_MAX`] steps at once; what is due then still stays a deadline.
    pub(crate) fn reveal(&mut self, now: Instant, mut show: impl FnMut(u64, Status)) {
        let mut steps = 0;
        while steps < REVEAL_STEPS_MAX
            && let Some((at, number)) = self.deadlines.pop_due(now)
        {
            steps += 1;
            if self.pages.get(&number).is_some_and(|page| page.due == at) {
                steps += self.reveal_page(number, now, &mut show);
            }
        }
        self.tidy();
    }

    /// Keeps the bound on outdated deadlines.
    pub(crate) fn tidy(&mut self) {
        let Self { pages, deadlines, delayed, in_flight } = self;
        let pages_max = if *delayed + *in_flight == 0 { 0 } else { pages.len() };
        deadlines.tidy(pages_max, |at, number| pages.get(&number).is_some_and(|page| page.due == at));
    }

    #[cfg(test)]
    pub(crate) fn deadlines_and_pages(&self) -> (usize, usize) {
        (self.deadlines.len(), self.pages.len())
    }

    fn reveal_page(&mut self, number: u64, now: Instant, show: &mut impl FnMut(u64, Status)) -> usize {
        let page = self.pages.get_mut(&number).expect("the caller has looked");
        let (mut shown, mut ended) = (0, [0u64; 2]);
        let mut due = Instant::FAR_FUTURE;
        for (offset, status) in page.offsets().zip(&mut page.statuses) {
            match status.until {
                Instant::EPOCH => {}
                until if until > now => due = due.min(until),
                _ => {
                    ended[usize::from(status.receive > 0)] |= 1 << offset;
                    let before = *status;
                    status.until = Instant::EPOCH;
                    show(number * PAGE_MESSAGES + offset, before);
                    shown += 1;
                }
            }
        }
        let [delays, leases] = ended;
        self.delayed -= delays.count_ones() as usize;
        self.in_flight -= leases.count_ones() as usize;
        page.hide(page.hidden & !(delays | leases));
        page.due = due;
        if page.hidden != 0 {
            self.deadlines.push(due, number);
        }
        // A delay that is over was all that there was to tell of the message.
        page.drop_each(delays);
        if page.present == 0 {
            self.pages.remove(&number);
        }
        shown
    }

    fn count(&mut self, before: Status, after: Status) {
        match before.phase() {
            Phase::Visible => {}
            Phase::Delayed => self.delayed -= 1,
            Phase::InFlight => self.in_flight -= 1,
        }
        match after.phase() {
            Phase::Visible => {}
            Phase::Delayed => self.delayed += 1,
            Phase::InFlight => self.in_flight += 1,
        }
    }
}

/// The bits of the offsets below `offset`, which may be one beyond the last.
fn mask_below(offset: u64) -> u64 {
    if offset >= PAGE_MESSAGES { u64::MAX } else { (1 << offset) - 1 }
}

/// The same statuses; which outdated deadlines are still kept is no difference.
impl PartialEq for Exceptions {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

#[derive(Debug)]
struct Page {
    /// Offsets that have a status, one bit each; its place is the number of bits below.
    present: u64,
    /// Those of them that are hidden.
    hidden: u64,
    /// No hidden message here is due before this moment.
    due: Instant,
    statuses: Vec<Status>,
}

impl Default for Page {
    fn default() -> Self {
        Self { present: 0, hidden: 0, due: Instant::FAR_FUTURE, statuses: Vec::new() }
    }
}

impl Page {
    fn get(&self, offset: u64) -> Option<Status> {
        let is_present = self.present >> offset & 1 == 1;
        is_present.then(|| self.statuses[self.place(offset)])
    }

    fn set(&mut self, offset: u64, status: Status) -> Option<Status> {
        let bit = 1 << offset;
        self.hide(if status.is_hidden() { self.hidden | bit } else { self.hidden & !bit });
        let place = self.place(offset);
        if self.present & bit != 0 {
            return Some(std::mem::replace(&mut self.statuses[place], status));
        }
        if self.statuses.len() == self.statuses.capacity() {
            // Doubled from one on, because a page with a single exception is the costliest per message.
            self.statuses.reserve_exact(self.statuses.len().max(1));
        }
        self.present |= bit;
        self.statuses.insert(place, status);
        None
    }

    fn remove(&mut self, offset: u64) -> Option<Status> {
        let status = self.get(offset)?;
        self.drop_each(1 << offset);
        Some(status)
    }

    /// Forgets the statuses of these offsets.
    fn drop_each(&mut self, bits: u64) {
        if bits == 0 {
            return;
        }
        let mut offsets = self.offsets();
        self.statuses.retain(|_| offsets.next().is_none_or(|offset| bits >> offset & 1 == 0));
        self.present &= !bits;
        self.hide(self.hidden & !bits);
        if self.statuses.len() * 2 < self.statuses.capacity() {
            self.statuses.shrink_to_fit();
        }
    }

    /// Nothing hidden is nothing due: the next one hidden then brings its own deadline.
    fn hide(&mut self, hidden: u64) {
        self.hidden = hidden;
        if hidden == 0 {
            self.due = Instant::FAR_FUTURE;
        }
    }

    fn place(&self, offset: u64) -> usize {
        (self.present & mask_below(offset)).count_ones() as usize
    }

    fn offsets(&self) -> impl Iterator<Item = u64> + use<> {
        let mut bits = self.present;
        std::iter::from_fn(move || {
            let offset = bits.trailing_zeros();
            bits &= bits.wrapping_sub(1);
            (offset < u64::BITS).then(|| offset.into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn in_flight(until: u64) -> Status {
        Status { until: at(until), received_at: at(1), first_received_at: at(1), receive: 1 }
    }

    fn slots(exceptions: &Exceptions) -> usize {
        exceptions.pages.values().map(|page| page.statuses.capacity()).sum()
    }

    #[test]
    fn a_full_page_has_no_room_left_over_and_a_thin_one_little() {
        let mut exceptions = Exceptions::default();
        (0..6400).for_each(|sequence| exceptions.set(sequence, in_flight(9)));
        assert_eq!(slots(&exceptions), 6400);
        for sequence in (0..6400).filter(|sequence| sequence % 64 != 5) {
            assert_eq!(exceptions.remove(sequence), Some(in_flight(9)));
        }
        assert_eq!((exceptions.pages.len(), exceptions.in_flight()), (100, 100));
        assert!(slots(&exceptions) <= 200, "{} slots for a hundred messages", slots(&exceptions));
    }

    #[test]
    fn leases_that_end_together_are_one_deadline_a_page() {
        let mut exceptions = Exceptions::default();
        (0..6400).for_each(|sequence| exceptions.set(sequence, in_flight(9)));
        assert_eq!(exceptions.deadlines_and_pages(), (100, 100));
        let mut shown = Vec::new();
        exceptions.reveal(at(9), |sequence, _| shown.push(sequence));
        assert_eq!(shown, (0..6400).collect::<Vec<_>>());
        assert_eq!((exceptions.in_flight(), exceptions.next_deadline()), (0, None));
    }

    #[test]
    fn a_reveal_takes_its_steps_and_leaves_the_rest_due() {
        let mut exceptions = Exceptions::default();
        let all = 3 * REVEAL_STEPS_MAX as u64;
        (0..all).for_each(|sequence| exceptions.set(sequence, in_flight(9)));
        let mut shown = 0;
        let mut calls = 0;
        while exceptions.next_deadline() == Some(at(9)) {
            let before = shown;
            exceptions.reveal(at(9), |_, _| shown += 1);
            assert!((shown - before) as u64 <= REVEAL_STEPS_MAX as u64 + PAGE_MESSAGES);
            calls += 1;
        }
        assert_eq!((shown as u64, calls, exceptions.next_deadline()), (all, 4, None));
    }

    #[test]
    fn a_queue_that_leases_and_deletes_keeps_few_deadlines() {
        let mut exceptions = Exceptions::default();
        for sequence in 0..100_000 {
            exceptions.set(sequence, in_flight(30_000 + sequence));
            exceptions.set(sequence + 1, in_flight(30_000 + sequence));
            exceptions.remove(sequence);
            exceptions.tidy();
            let (deadlines, pages) = exceptions.deadlines_and_pages();
            assert!(deadlines <= 2 * pages + crate::limits::STALE_DEADLINES_MAX);
        }
    }

    proptest! {
        #[test]
        fn exceptions_are_a_tree_of_statuses(
            steps in prop::collection::vec((0u8..12, 0u64..300, 0u64..40, 0u32..3), 0..400),
            range in any::<[u16; 2]>(),
        ) {
            let (mut exceptions, mut model, mut now) = (Exceptions::default(), BTreeMap::new(), 0);
            for (step, sequence, millis, receive) in steps {
                match step {
                    0..=5 => {
                        let until = at(if millis == 0 { 0 } else { now + millis });
                        let status = Status { until, receive, ..Status::default() };
                        exceptions.set(sequence, status);
                        if status == Status::default() { model.remove(&sequence) } else { model.insert(sequence, status) };
                    }
                    6..=8 => assert_eq!(exceptions.remove(sequence), model.remove(&sequence)),
                    9 => {
                        exceptions.remove_below(sequence / 4);
                        model = model.split_off(&(sequence / 4));
                    }
                    10 => {
                        now += millis;
                        let (mut shown, mut expected) = (Vec::new(), Vec::new());
                        exceptions.reveal(at(now), |sequence, _| shown.push(sequence));
                        for (&sequence, status) in model.iter_mut().filter(|(_, status)| status.is_hidden()) {
                            if status.until <= at(now) {
                                status.until = Instant::EPOCH;
                                expected.push(sequence);
                            }
                        }
                        model.retain(|_, status| *status != Status::default());
                        shown.sort_unstable();
                        assert_eq!(shown, expected);
                    }
                    _ => exceptions.tidy(),
                }
                let in_phase = |phase| model.values().filter(|status| status.phase() == phase).count();
                assert_eq!(exceptions.iter().collect::<Vec<_>>(), model.iter().map(|(&at, &is)| (at, is)).collect::<Vec<_>>());
                assert_eq!(exceptions.first(), model.keys().next().copied());
                assert_eq!(exceptions.get(sequence), model.get(&sequence).copied());
                assert_eq!(exceptions.first_from(sequence), model.range(sequence..).next().map(|(at, _)| *at));
                assert_eq!(exceptions.delayed(), in_phase(Phase::Delayed));
                assert_eq!(exceptions.in_flight(), in_phase(Phase::InFlight));
                let earliest = model.values().filter(|status| status.is_hidden()).map(|status| status.until).min();
                assert!(earliest.is_none_or(|at| exceptions.next_deadline().is_some_and(|next| next <= at)));
                let range = u64::from(range[0] % 320)..u64::from(range[1] % 320);
                let hidden = model.iter().filter(|(at, status)| range.contains(at) && status.is_hidden()).count();
                assert_eq!(exceptions.hidden_within(range), hidden as u64);
            }
        }
    }
}
