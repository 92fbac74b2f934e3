//! Whose turn it is: which subscriptions have something to deliver, how many attempts each may make at once, and when to look again.
//!
//! Pure, with a clock's moment in each call. A receiver that failed last gets one attempt at a time, and all such receivers together
//! leave a part of the attempts to the others; so however many are dead or slow, those that work are served. One that works gets twice
//! as many with each success. Who finds no room waits in a line of those who need the same room, and leaves it when that is there; so an
//! attempt that ends costs the same however many wait.

use super::limits::{ATTEMPTS_MAX, BACK_OFF_MAX, BYTES_MAX, SICK_ATTEMPTS_MAX, SICK_BYTES_MAX, WINDOW_MAX};
use crate::topic_key::SubscriptionId;
use names::Instant;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// What there is to do about a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) subscription: SubscriptionId,
    /// Letters that may be taken; as many attempts are reserved.
    pub(crate) attempts: usize,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The receiver answered, whatever it said, and is there.
    Well,
    /// It did not, or asks for time.
    Badly,
}

/// How a subscription stands.
#[derive(Debug, Default)]
struct Course {
    /// Attempts that are reserved or run.
    running: usize,
    /// Bytes of what runs.
    bytes: usize,
    /// Attempts that may run at once.
    window: usize,
    is_sick: bool,
    /// In the line.
    is_due: bool,
    /// Letters are being taken for it.
    is_served: bool,
    /// It was marked meanwhile.
    is_due_again: bool,
    /// When to look again, if nothing happens before.
    alarm: Option<Instant>,
    /// Attempts of the present second, and when that began.
    second: (Instant, u32),
}

/// All turns.
#[derive(Debug)]
pub(crate) struct Board {
    /// Attempts that are made at one time, and how many of them may be to receivers that failed last.
    attempts_max: usize,
    sick_attempts_max: usize,
    courses: HashMap<SubscriptionId, Course>,
    due: VecDeque<SubscriptionId>,
    /// Those who wait until others end, each with the number of its coming: who needs any room, and who needs room of the sick.
    starved: VecDeque<(u64, SubscriptionId)>,
    starved_sick: VecDeque<(u64, SubscriptionId)>,
    starved_ever: u64,
    alarms: BTreeSet<(Instant, u128)>,
    attempts: usize,
    sick_attempts: usize,
    bytes: usize,
    sick_bytes: usize,
    /// How many were taken out of a line.
    #[cfg(test)]
    taken: usize,
}

impl Board {
    /// No turns yet, and never more attempts at one time than this or [`ATTEMPTS_MAX`].
    pub(crate) fn of_at_most(attempts: usize) -> Self {
        // One of each kind, however little there is: nobody waits for ever.
        let attempts_max = attempts.clamp(2, ATTEMPTS_MAX);
        Self {
            attempts_max,
            sick_attempts_max: (attempts_max * SICK_ATTEMPTS_MAX / ATTEMPTS_MAX).max(1),
            courses: HashMap::new(),
            due: VecDeque::new(),
            starved: VecDeque::new(),
            starved_sick: VecDeque::new(),
            starved_ever: 0,
            alarms: BTreeSet::new(),
            attempts: 0,
            sick_attempts: 0,
            bytes: 0,
            sick_bytes: 0,
            #[cfg(test)]
            taken: 0,
        }
    }

    /// Something may have to be delivered.
    pub(crate) fn mark(&mut self, subscription: SubscriptionId) {
        let course = self.courses.entry(subscription).or_insert_with(|| Course { window: 1, ..Course::default() });
        if !course.is_due {
            course.is_due = true;
            self.due.push_back(subscription);
        }
    }

    /// Marks those whose moment has come, and tells the next.
    pub(crate) fn fire(&mut self, now: Instant) -> Option<Instant> {
        while let Some(&(at, id)) = self.alarms.first() {
            if at > now {
                return Some(at);
            }
            self.alarms.pop_first();
            if let Some(course) = self.courses.get_mut(&SubscriptionId(id)) {
                course.alarm = None;
                self.mark(SubscriptionId(id));
            }
        }
        None
    }

    /// Who is next, with attempts reserved.
    pub(crate) fn next(&mut self) -> Option<Turn> {
        while let Some(subscription) = self.first_in_line() {
            let room = self.room(subscription);
            let Some(course) = self.courses.get_mut(&subscription) else { continue };
            course.is_due = false;
            // Each attempt that ends marks it again.
            if course.is_served {
                course.is_due_again = true;
                continue;
            }
            if course.running >= course.window {
                continue;
            }
            if room == 0 {
                course.is_due = true;
                let line = if course.is_sick { &mut self.starved_sick } else { &mut self.starved };
                line.push_back((self.starved_ever, subscription));
                self.starved_ever += 1;
                continue;
            }
            course.is_served = true;
            self.reserve(subscription, room);
            return Some(Turn { subscription, attempts: room });
        }
        None
    }

    /// Who has waited longest for room that is there now, before those who are due and have not asked yet. A sick one has nothing running
    /// while it waits, so it cannot get well in its line; who gets sick in the other is put into the right one when it comes up.
    fn first_in_line(&mut self) -> Option<SubscriptionId> {
        let has_room = self.attempts < self.attempts_max && self.bytes < BYTES_MAX;
        let has_sick_room = has_room && self.sick_attempts < self.sick_attempts_max && self.sick_bytes < SICK_BYTES_MAX;
        let well = self.starved.front().filter(|_| has_room).map(|(nth, _)| *nth);
        let sick = self.starved_sick.front().filter(|_| has_sick_room).map(|(nth, _)| *nth);
        let first = match (well, sick) {
            (None, None) => self.due.pop_front(),
            (Some(well), Some(sick)) if sick < well => self.starved_sick.pop_front().map(|(_, id)| id),
            (Some(_), _) => self.starved.pop_front().map(|(_, id)| id),
            (None, Some(_)) => self.starved_sick.pop_front().map(|(_, id)| id),
        };
        #[cfg(test)]
        {
            self.taken += usize::from(first.is_some());
        }
        first
    }

    fn room(&self, subscription: SubscriptionId) -> usize {
        let Some(course) = self.courses.get(&subscription) else { return 0 };
        let mut room =
            course.window.saturating_sub(course.running).min(self.attempts_max.saturating_sub(self.attempts));
        if self.bytes >= BYTES_MAX {
            room = 0;
        }
        if course.is_sick {
            let of_sick = self.sick_attempts_max.saturating_sub(self.sick_attempts);
            room = if self.sick_bytes >= SICK_BYTES_MAX { 0 } else { room.min(of_sick) };
        }
        room
    }

    fn reserve(&mut self, subscription: SubscriptionId, count: usize) {
        if let Some(course) = self.courses.get_mut(&subscription) {
            course.running += count;
            self.attempts += count;
            if course.is_sick {
                self.sick_attempts += count;
            }
        }
    }

    /// How many of `wanted` attempts a receiver may get now that takes `per_second` of them, and when it may get more.
    pub(crate) fn throttled(
        &mut self,
        subscription: SubscriptionId,
        per_second: Option<u32>,
        wanted: usize,
        now: Instant,
    ) -> (usize, Option<Instant>) {
        let (Some(most), Some(course)) = (per_second, self.courses.get_mut(&subscription)) else {
            return (wanted, None);
        };
        let (began, made) = &mut course.second;
        if now.since(*began).as_millis() >= 1000 {
            (*began, *made) = (now, 0);
        }
        let granted = wanted.min(most.saturating_sub(*made) as usize);
        *made += granted as u32;
        let later = (granted < wanted).then(|| began.plus_millis(1000));
        (granted, later)
    }

    /// Letters were taken: so many of those reserved are attempted, of so many bytes in all. `look_again` is when something more can be
    /// taken, nothing if that is not known to come by itself.
    pub(crate) fn served(&mut self, turn: Turn, taken: usize, bytes: usize, look_again: Option<Instant>) {
        let Turn { subscription, attempts } = turn;
        let Some(course) = self.courses.get_mut(&subscription) else { return };
        course.is_served = false;
        let is_due = std::mem::take(&mut course.is_due_again) || taken == attempts;
        course.bytes += bytes;
        self.bytes += bytes;
        if course.is_sick {
            self.sick_bytes += bytes;
        }
        self.release(subscription, attempts - taken);
        if let Some(at) = look_again {
            self.set_alarm(subscription, at);
        }
        // What takes all that it may has perhaps more.
        if is_due {
            self.mark(subscription);
        }
        self.forget_idle(subscription);
    }

    /// An attempt has ended.
    pub(crate) fn ended(&mut self, subscription: SubscriptionId, bytes: usize, ended: Ended) {
        let Some(course) = self.courses.get_mut(&subscription) else { return };
        course.bytes = course.bytes.saturating_sub(bytes);
        self.bytes -= bytes;
        if course.is_sick {
            self.sick_bytes -= bytes;
        }
        self.release(subscription, 1);
        self.judge(subscription, ended);
        self.mark(subscription);
    }

    fn judge(&mut self, subscription: SubscriptionId, ended: Ended) {
        let Some(course) = self.courses.get_mut(&subscription) else { return };
        let was_sick = course.is_sick;
        course.is_sick = ended == Ended::Badly;
        course.window = match ended {
            Ended::Well => (course.window * 2).min(WINDOW_MAX),
            Ended::Badly => 1,
        };
        // What runs counts among the sick for as long as its receiver is.
        match (was_sick, course.is_sick) {
            (false, true) => {
                self.sick_attempts += course.running;
                self.sick_bytes += course.bytes;
            }
            (true, false) => {
                self.sick_attempts -= course.running;
                self.sick_bytes -= course.bytes;
            }
            _ => {}
        }
    }

    fn release(&mut self, subscription: SubscriptionId, count: usize) {
        if let Some(course) = self.courses.get_mut(&subscription) {
            course.running -= count;
            self.attempts -= count;
            if course.is_sick {
                self.sick_attempts -= count;
            }
        }
    }

    /// Looks at a subscription again at this moment, or before.
    pub(crate) fn set_alarm(&mut self, subscription: SubscriptionId, at: Instant) {
        let Some(course) = self.courses.get_mut(&subscription) else { return };
        if course.alarm.is_some_and(|known| known <= at) {
            return;
        }
        if let Some(known) = course.alarm.replace(at) {
            self.alarms.remove(&(known, subscription.0));
        }
        self.alarms.insert((at, subscription.0));
    }

    /// What is idle and well costs nothing.
    fn forget_idle(&mut self, subscription: SubscriptionId) {
        let is_idle = |course: &Course| {
            course.running == 0 && !course.is_due && !course.is_served && !course.is_sick && course.alarm.is_none()
        };
        if self.courses.get(&subscription).is_some_and(is_idle) {
            self.courses.remove(&subscription);
        }
    }

    /// The subscription is gone; what runs of it ends by itself.
    pub(crate) fn gone(&mut self, subscription: SubscriptionId) {
        let Some(course) = self.courses.get_mut(&subscription) else { return };
        if let Some(at) = course.alarm.take() {
            self.alarms.remove(&(at, subscription.0));
        }
        course.window = 1;
        self.judge(subscription, Ended::Well);
        self.forget_idle(subscription);
    }

    /// Attempts that are reserved or run, of all and of those whose receiver failed last.
    #[cfg(test)]
    pub(crate) fn attempts(&self) -> (usize, usize) {
        (self.attempts, self.sick_attempts)
    }
}

/// Whether a receiver that so many letters wait for a retry of may get others.
pub(crate) fn may_begin(waiting_for_retry: usize) -> bool {
    waiting_for_retry < BACK_OFF_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: SubscriptionId = SubscriptionId(1);
    const TWO: SubscriptionId = SubscriptionId(2);

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn board() -> Board {
        Board::of_at_most(ATTEMPTS_MAX)
    }

    #[test]
    fn where_the_system_allows_few_connections_few_are_attempted_and_some_of_the_sick() {
        for (allowed, all, sick) in
            [(0, 2, 1), (1, 2, 1), (120, 120, 90), (usize::MAX, ATTEMPTS_MAX, SICK_ATTEMPTS_MAX)]
        {
            let board = Board::of_at_most(allowed);
            assert_eq!((board.attempts_max, board.sick_attempts_max), (all, sick), "{allowed}");
        }
    }

    /// Serves a subscription once, with attempts for all that it may take.
    fn serve(board: &mut Board, subscription: SubscriptionId) -> usize {
        board.mark(subscription);
        let turn = board.next().expect("it has its turn");
        assert_eq!(turn.subscription, subscription);
        board.served(turn, turn.attempts, turn.attempts, None);
        turn.attempts
    }

    #[test]
    fn a_receiver_that_works_gets_ever_more_at_once_and_one_that_fails_gets_one() {
        let mut board = board();
        let mut running = serve(&mut board, ONE);
        assert_eq!(running, 1);
        for _ in 0..WINDOW_MAX {
            board.ended(ONE, 1, Ended::Well);
            running += serve(&mut board, ONE) - 1;
        }
        assert_eq!((running, board.attempts()), (WINDOW_MAX, (WINDOW_MAX, 0)));
        board.ended(ONE, 1, Ended::Badly);
        assert_eq!((board.next(), board.attempts()), (None, (WINDOW_MAX - 1, WINDOW_MAX - 1)));
        (1..WINDOW_MAX).for_each(|_| board.ended(ONE, 1, Ended::Badly));
        assert_eq!(serve(&mut board, ONE), 1);
    }

    #[test]
    fn what_comes_while_letters_are_taken_is_looked_at_afterwards() {
        let mut board = board();
        board.mark(ONE);
        let turn = board.next().unwrap();
        board.mark(ONE);
        assert_eq!(board.next(), None);
        board.served(turn, 0, 0, None);
        assert_eq!(board.next().map(|turn| turn.subscription), Some(ONE));
    }

    #[test]
    fn the_dead_leave_room_to_the_living() {
        let mut board = board();
        let count = SICK_ATTEMPTS_MAX as u128 + 10;
        (10..10 + count).for_each(|id| _ = serve(&mut board, SubscriptionId(id)));
        (10..10 + count).for_each(|id| board.ended(SubscriptionId(id), 1, Ended::Badly));
        // All of them are due, and try again.
        while let Some(turn) = board.next() {
            board.served(turn, turn.attempts, turn.attempts, None);
        }
        assert_eq!(board.attempts(), (SICK_ATTEMPTS_MAX, SICK_ATTEMPTS_MAX));
        assert_eq!(serve(&mut board, ONE), 1, "whoever works is served");
        board.ended(SubscriptionId(10), 1, Ended::Well);
        assert!(board.next().is_some(), "and another of the dead when one has ended");
    }

    /// Everybody who may begin does, at the end of those who run; how many were taken out of a line for it.
    fn settle(board: &mut Board, running: &mut VecDeque<SubscriptionId>) -> usize {
        let before = board.taken;
        while let Some(turn) = board.next() {
            board.served(turn, turn.attempts, turn.attempts, None);
            running.extend(std::iter::repeat_n(turn.subscription, turn.attempts));
        }
        board.taken - before
    }

    #[test]
    fn an_attempt_that_ends_costs_the_same_however_many_wait() {
        let (mut board, mut running) = (board(), VecDeque::new());
        let dead = 10..10 + 10 * SICK_ATTEMPTS_MAX as u128;
        // One after the other is found to be dead, and wants to try again.
        for id in dead.map(SubscriptionId) {
            assert_eq!(serve(&mut board, id), 1, "whoever nothing is known of has room");
            board.ended(id, 1, Ended::Badly);
            settle(&mut board, &mut running);
        }
        assert_eq!(board.attempts(), (SICK_ATTEMPTS_MAX, SICK_ATTEMPTS_MAX));
        assert_eq!(board.starved_sick.len(), 9 * SICK_ATTEMPTS_MAX);
        for _ in 0..20 * SICK_ATTEMPTS_MAX {
            let ended = running.pop_front().expect("some run");
            board.ended(ended, 1, Ended::Badly);
            let taken = settle(&mut board, &mut running);
            assert_eq!(taken, 3, "the next, again because it took all that it may, and the one that ended");
            assert_ne!(running.back(), Some(&ended), "each has its turn");
            assert_eq!(board.attempts(), (SICK_ATTEMPTS_MAX, SICK_ATTEMPTS_MAX), "no room is left unused");
        }
        let before = board.taken;
        assert_eq!((serve(&mut board, ONE), board.taken - before), (1, 1), "who works does not stand behind them");
    }

    #[test]
    fn who_waited_longest_for_room_is_next_whether_well_or_sick() {
        let (mut board, mut running) = (Board::of_at_most(2), VecDeque::new());
        let sick = |id: u128| SubscriptionId(100 + id);
        for id in 0..2 {
            serve(&mut board, sick(id));
            board.ended(sick(id), 1, Ended::Badly);
            settle(&mut board, &mut running);
        }
        assert_eq!(board.attempts(), (1, 1), "one of the two sick waits for the other");
        board.mark(ONE);
        board.mark(TWO);
        settle(&mut board, &mut running);
        assert_eq!(board.attempts(), (2, 1));
        board.ended(sick(0), 1, Ended::Badly);
        let order: Vec<SubscriptionId> = std::iter::from_fn(|| board.next()).map(|turn| turn.subscription).collect();
        assert_eq!(order, [sick(1)], "it has waited longer than who came after it");
    }

    #[test]
    fn what_is_large_waits_until_there_is_room_in_memory() {
        let mut board = board();
        board.mark(ONE);
        let turn = board.next().unwrap();
        board.served(turn, 1, BYTES_MAX, None);
        board.mark(TWO);
        assert_eq!(board.next(), None);
        board.ended(ONE, BYTES_MAX, Ended::Well);
        let mut turns = std::iter::from_fn(|| board.next()).map(|turn| turn.subscription);
        assert!(turns.any(|subscription| subscription == TWO));
    }

    #[test]
    fn an_alarm_marks_at_its_moment_and_the_earliest_counts() {
        let mut board = board();
        board.mark(ONE);
        let turn = board.next().unwrap();
        board.served(turn, 0, 0, Some(at(100)));
        board.set_alarm(ONE, at(50));
        board.set_alarm(ONE, at(70));
        assert_eq!((board.fire(at(10)), board.next()), (Some(at(50)), None));
        assert_eq!(board.fire(at(50)), None);
        assert_eq!(board.next().map(|turn| turn.subscription), Some(ONE));
    }

    #[test]
    fn a_throttle_grants_so_many_in_a_second() {
        let mut board = board();
        board.mark(ONE);
        assert_eq!(board.throttled(ONE, Some(3), 2, at(1000)), (2, None));
        assert_eq!(board.throttled(ONE, Some(3), 2, at(1500)), (1, Some(at(2000))));
        assert_eq!(board.throttled(ONE, Some(3), 2, at(1999)), (0, Some(at(2000))));
        assert_eq!(board.throttled(ONE, Some(3), 2, at(2000)), (2, None));
        assert_eq!(board.throttled(ONE, None, 16, at(2000)), (16, None));
    }

    #[test]
    fn what_is_idle_and_well_is_forgotten() {
        let mut board = board();
        serve(&mut board, ONE);
        board.ended(ONE, 1, Ended::Well);
        let turn = board.next().unwrap();
        board.served(turn, 0, 0, None);
        assert!(board.courses.is_empty() && board.attempts() == (0, 0));
    }
}
