//! Whose replay's turn it is: one step of one replay at a time, accounts in turn, and never more than so many steps at once.
//!
//! Pure, with a clock's moment in each call. A replay that waits for its receiver's confirmation is known here and in no line.

use super::limits::{OF_ACCOUNT_MAX, REPLAYS_MAX, STEPS_MAX, STEPS_OF_ACCOUNT_MAX};
use crate::topic_key::{SubscriptionId, TopicKey};
use names::{AccountId, Instant};
use std::collections::{BTreeSet, HashMap, VecDeque};

/// What becomes of a replay after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It goes on when it is its turn.
    Again,
    /// Not before then.
    Later(Instant),
    /// Not before somebody says so.
    Waiting,
    /// It is over.
    Over,
}

/// A replay that is not over.
#[derive(Debug)]
struct Course {
    topic: TopicKey,
    account: AccountId,
    /// In its account's line.
    is_due: bool,
    is_running: bool,
    /// It was marked while it ran.
    is_due_again: bool,
    /// It was forgotten while it ran.
    is_gone: bool,
    alarm: Option<Instant>,
}

/// What an account has.
#[derive(Debug, Default)]
struct Line {
    due: VecDeque<SubscriptionId>,
    running: usize,
    replays: usize,
    /// Whether it is in the ring.
    has_turn: bool,
}

/// All replays that are not over.
#[derive(Debug, Default)]
pub(super) struct Board {
    courses: HashMap<SubscriptionId, Course>,
    lines: HashMap<AccountId, Line>,
    /// Accounts of which a step could begin.
    ring: VecDeque<AccountId>,
    alarms: BTreeSet<(Instant, SubscriptionId)>,
    running: usize,
}

impl Board {
    /// Whether a subscription of this account may have a replay, or another one.
    pub(super) fn may_begin(&self, subscription: Option<SubscriptionId>, account: AccountId) -> bool {
        let has_one = subscription.is_some_and(|id| self.courses.contains_key(&id));
        let of_account = self.lines.get(&account).map_or(0, |line| line.replays);
        has_one || (of_account < OF_ACCOUNT_MAX && self.courses.len() < REPLAYS_MAX)
    }

    /// A subscription has a replay that may have a step.
    pub(super) fn mark(&mut self, subscription: SubscriptionId, topic: &TopicKey, account: AccountId) {
        if !self.courses.contains_key(&subscription) {
            self.lines.entry(account).or_default().replays += 1;
        }
        let course = self.courses.entry(subscription).or_insert_with(|| Course {
            topic: topic.clone(),
            account,
            is_due: false,
            is_running: false,
            is_due_again: false,
            is_gone: false,
            alarm: None,
        });
        course.is_gone = false;
        match course.is_running {
            true => course.is_due_again = true,
            false => self.put_in_line(subscription),
        }
    }

    /// A subscription that waits, if it does, waits no more.
    pub(super) fn wake(&mut self, subscription: SubscriptionId) {
        match self.courses.get_mut(&subscription) {
            Some(course) if course.is_running => course.is_due_again = true,
            Some(_) => self.put_in_line(subscription),
            None => {}
        }
    }

    fn put_in_line(&mut self, subscription: SubscriptionId) {
        let Some(course) = self.courses.get_mut(&subscription).filter(|course| !course.is_due) else { return };
        if let Some(at) = course.alarm.take() {
            self.alarms.remove(&(at, subscription));
        }
        course.is_due = true;
        let account = course.account;
        self.lines.entry(account).or_default().due.push_back(subscription);
        self.give_turn(account);
    }

    fn give_turn(&mut self, account: AccountId) {
        let Some(line) = self.lines.get_mut(&account) else { return };
        if !line.has_turn && !line.due.is_empty() && line.running < STEPS_OF_ACCOUNT_MAX {
            line.has_turn = true;
            self.ring.push_back(account);
        }
    }

    /// Whose step is next, if one may begin. It runs until [`Self::ended`].
    pub(super) fn next(&mut self) -> Option<(SubscriptionId, TopicKey)> {
        if self.running >= STEPS_MAX {
            return None;
        }
        loop {
            let account = self.ring.pop_front()?;
            let line = self.lines.get_mut(&account)?;
            line.has_turn = false;
            let Some(subscription) = line.due.pop_front() else { continue };
            let Some(course) = self.courses.get_mut(&subscription).filter(|course| course.is_due) else {
                self.give_turn(account);
                continue;
            };
            (course.is_due, course.is_running) = (false, true);
            let topic = course.topic.clone();
            line.running += 1;
            self.running += 1;
            self.give_turn(account);
            return Some((subscription, topic));
        }
    }

    /// A step has ended.
    pub(super) fn ended(&mut self, subscription: SubscriptionId, ended: Ended) {
        let Some(course) = self.courses.get_mut(&subscription).filter(|course| course.is_running) else { return };
        course.is_running = false;
        let (account, is_due_again) = (course.account, std::mem::take(&mut course.is_due_again));
        let is_gone = course.is_gone;
        self.running -= 1;
        if let Some(line) = self.lines.get_mut(&account) {
            line.running -= 1;
        }
        self.give_turn(account);
        match ended {
            _ if is_gone => self.forget(subscription),
            _ if is_due_again => self.put_in_line(subscription),
            Ended::Again => self.put_in_line(subscription),
            Ended::Later(at) => self.set_alarm(subscription, at),
            Ended::Waiting => {}
            Ended::Over => self.forget(subscription),
        }
    }

    fn set_alarm(&mut self, subscription: SubscriptionId, at: Instant) {
        if let Some(course) = self.courses.get_mut(&subscription) {
            course.alarm = Some(at);
            self.alarms.insert((at, subscription));
        }
    }

    /// Marks those whose moment has come; the next moment of others.
    pub(super) fn fire(&mut self, now: Instant) -> Option<Instant> {
        while let Some((at, subscription)) = self.alarms.first().copied() {
            if now < at {
                return Some(at);
            }
            self.alarms.pop_first();
            if let Some(course) = self.courses.get_mut(&subscription) {
                course.alarm = None;
            }
            self.put_in_line(subscription);
        }
        None
    }

    /// A subscription is gone; a step of it that runs is waited for.
    pub(super) fn forget(&mut self, subscription: SubscriptionId) {
        let Some(course) = self.courses.get_mut(&subscription) else { return };
        if course.is_running {
            course.is_gone = true;
            return;
        }
        let Course { account, alarm, .. } = self.courses.remove(&subscription).expect("it was there a moment ago");
        if let Some(at) = alarm {
            self.alarms.remove(&(at, subscription));
        }
        let Some(line) = self.lines.get_mut(&account) else { return };
        line.replays -= 1;
        line.due.retain(|due| *due != subscription);
        if line.replays == 0 && !line.has_turn {
            self.lines.remove(&account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use names::Region;

    fn account(nth: usize) -> AccountId {
        AccountId::parse(&format!("{nth:012}")).unwrap()
    }

    fn topic() -> TopicKey {
        TopicKey { account: account(0), region: Region::parse("us-east-1").unwrap(), name: "t".into() }
    }

    fn marked(board: &mut Board, ids: std::ops::Range<u128>, nth: usize) {
        ids.for_each(|id| board.mark(SubscriptionId(id), &topic(), account(nth)));
    }

    fn turns(board: &mut Board) -> Vec<u128> {
        std::iter::from_fn(|| board.next()).map(|(id, _)| id.0).collect()
    }

    #[test]
    fn accounts_take_turns_and_none_has_more_than_its_share() {
        let mut board = Board::default();
        marked(&mut board, 0..50, 1);
        marked(&mut board, 100..102, 2);
        let begun = turns(&mut board);
        assert_eq!(begun.len(), STEPS_OF_ACCOUNT_MAX + 2);
        assert_eq!(begun[..4], [0, 100, 1, 101], "one after the other");
        board.ended(SubscriptionId(0), Ended::Again);
        assert_eq!(turns(&mut board), [4], "those who wait are before who had a step");
    }

    #[test]
    fn all_steps_together_have_a_bound() {
        let mut board = Board::default();
        (1..30).for_each(|nth| marked(&mut board, (nth as u128 * 100)..(nth as u128 * 100 + 4), nth));
        assert_eq!(turns(&mut board).len(), STEPS_MAX);
        board.ended(SubscriptionId(100), Ended::Over);
        assert_eq!(turns(&mut board).len(), 1);
    }

    #[test]
    fn a_replay_has_one_step_at_a_time() {
        let mut board = Board::default();
        marked(&mut board, 7..8, 1);
        assert_eq!(turns(&mut board), [7]);
        marked(&mut board, 7..8, 1);
        assert_eq!(turns(&mut board), [0; 0]);
        // Marked meanwhile, it goes on whatever the step said.
        board.ended(SubscriptionId(7), Ended::Over);
        assert_eq!(turns(&mut board), [7]);
        board.ended(SubscriptionId(7), Ended::Over);
        assert!(turns(&mut board).is_empty() && board.courses.is_empty() && board.lines.is_empty());
    }

    #[test]
    fn who_waits_has_no_step_before_its_moment_or_its_word() {
        let (mut board, at) = (Board::default(), Instant::from_millis);
        marked(&mut board, 1..3, 1);
        turns(&mut board);
        board.ended(SubscriptionId(1), Ended::Later(at(50)));
        board.ended(SubscriptionId(2), Ended::Waiting);
        assert_eq!((board.fire(at(49)), turns(&mut board)), (Some(at(50)), vec![]));
        assert_eq!((board.fire(at(50)), turns(&mut board)), (None, vec![1]));
        board.wake(SubscriptionId(2));
        board.wake(SubscriptionId(3));
        assert_eq!(turns(&mut board), [2]);
    }

    #[test]
    fn replays_of_an_account_are_bounded_and_another_of_the_same_subscription_is_none_more() {
        let mut board = Board::default();
        marked(&mut board, 0..OF_ACCOUNT_MAX as u128, 1);
        assert!(!board.may_begin(None, account(1)) && board.may_begin(None, account(2)));
        assert!(board.may_begin(Some(SubscriptionId(0)), account(1)));
        board.forget(SubscriptionId(0));
        assert!(board.may_begin(None, account(1)));
    }

    #[test]
    fn a_subscription_that_is_forgotten_while_its_step_runs_comes_back_no_more() {
        let mut board = Board::default();
        marked(&mut board, 1..2, 1);
        turns(&mut board);
        board.forget(SubscriptionId(1));
        board.ended(SubscriptionId(1), Ended::Again);
        assert!(turns(&mut board).is_empty() && board.courses.is_empty());
    }
}
