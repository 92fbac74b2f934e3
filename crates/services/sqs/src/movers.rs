//! What makes message move tasks proceed.
//!
//! Each task that is under way has a moment at which it goes on. A step asks its queue to send some messages away, or, where
//! each goes back to where it comes from, first looks at them to learn that; the queue decides and keeps the books
//! (`move_tasks.rs`), couriers bring the messages (ADR 0015). Nothing is kept here that a start does not find again, but how far
//! a task with a rate has come within the present second: it starts anew. Time is the store's. How long a task may take and
//! how many an account may have are AWS's throttles, and hold where `limits = aws` asks for them.

use crate::catalog::{Catalog, QueueEntry, QueueKey};
use crate::limits::{
    Limits, MOVE_AGAIN_MILLIS, MOVE_LOOK_MAX, MOVE_RETRY_MILLIS, MOVE_STEP_MAX, MOVE_TASK_MILLIS_MAX,
    MOVE_TASKS_ACTIVE_MAX,
};
use crate::machine::{Command, Reply, SqsQueue};
use crate::move_tasks::{Failure, Move, MoveTask, Plan, Progress, TaskId, Which};
use crate::properties::{Properties, SystemAttribute};
use crate::redrive::key_of_arn;
use crate::sealing;
use engine::Unavailable;
use names::{Instant, PartitionId};
use queue::Message;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Queues with a task under way.
#[derive(Default)]
pub(crate) struct Movers {
    limits: Limits,
    turns: Mutex<Turns>,
    news: Notify,
}

#[derive(Default)]
struct Turns {
    queues: BTreeMap<PartitionId, Turn>,
    /// How many tasks have been noted.
    noted: u64,
}

/// When a task goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Turn {
    source: QueueKey,
    /// Which of the tasks noted it is of.
    nth: u64,
    due: Instant,
    /// Nothing is sent away before.
    may_send_at: Instant,
}

impl Movers {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Whether the owner of this queue may have one task more.
    pub(crate) fn may_begin(&self, source: &QueueKey) -> bool {
        let is_of_owner = |turn: &&Turn| (turn.source.account, &turn.source.region) == (source.account, &source.region);
        self.limits == Limits::Raised || self.lock().queues.values().filter(is_of_owner).count() < MOVE_TASKS_ACTIVE_MAX
    }

    /// Whether a task has taken as long as it may.
    fn is_too_long(&self, task: &MoveTask, now: Instant) -> bool {
        self.limits == Limits::Aws && now >= task.started_at.plus_millis(MOVE_TASK_MILLIS_MAX)
    }

    /// A task of this queue is under way.
    pub(crate) fn note(&self, id: PartitionId, source: QueueKey, at: Instant) {
        let mut turns = self.lock();
        turns.noted += 1;
        let nth = turns.noted;
        turns.queues.insert(id, Turn { source, nth, due: at, may_send_at: at });
        drop(turns);
        self.news.notify_one();
    }

    /// Ends when there are tasks that nobody knew of.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }

    /// They stay where they are, so that a step that is let go of in its middle is done again.
    fn due(&self, now: Instant) -> Vec<(PartitionId, Turn)> {
        let is_due = |(_, turn): &(&PartitionId, &Turn)| turn.due <= now;
        self.lock().queues.iter().filter(is_due).map(|(id, turn)| (*id, turn.clone())).collect()
    }

    /// What follows a turn, unless another task of the queue was noted meanwhile.
    fn follow(&self, id: PartitionId, nth: u64, next: Option<Turn>) {
        let mut turns = self.lock();
        if turns.queues.get(&id).is_some_and(|turn| turn.nth == nth) {
            match next {
                Some(turn) => drop(turns.queues.insert(id, turn)),
                None => drop(turns.queues.remove(&id)),
            }
        }
    }

    fn next_due(&self) -> Option<Instant> {
        self.lock().queues.values().map(|turn| turn.due).min()
    }

    fn lock(&self) -> MutexGuard<'_, Turns> {
        // Changes are single insertions and removals; a panic cannot leave one half done.
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// The same task later.
    fn after(self, now: Instant, rate: Option<u16>, stepped: &Result<Progress, Unavailable>) -> Option<Self> {
        let soon = now.plus_millis(MOVE_AGAIN_MILLIS);
        match stepped {
            Ok(Progress::Over) | Err(Unavailable::Stopped | Unavailable::Broken) => None,
            Ok(Progress::Waiting) => Some(Self { due: soon, ..self }),
            Ok(Progress::Left { more } | Progress::Next { more, .. }) => {
                let may_send_at = rate.map_or(now, |rate| self.next_of(rate, now));
                let due = if *more { may_send_at } else { soon };
                Some(Self { due, may_send_at, ..self })
            }
            Err(_) => Some(Self { due: now.plus_millis(MOVE_RETRY_MILLIS), ..self }),
        }
    }

    /// When a task of this rate may send again: an interval after it might have last, or after now if it is late by more than
    /// one, so that nothing is made up for all at once.
    fn next_of(&self, rate: u16, now: Instant) -> Instant {
        let interval = (1000 * u64::from(step_of(rate))).div_ceil(rate.into());
        let next = self.may_send_at.plus_millis(interval);
        if next < now { now.plus_millis(interval) } else { next }
    }
}

/// How many messages a task of this rate sends at once: a fiftieth of a second's, and one at the least.
fn step_of(rate: u16) -> u16 {
    (rate / 50).max(1)
}

impl Catalog {
    /// Takes each task that is due a step further; says when the next is due.
    pub(crate) async fn proceed_moves(&self) -> Option<Instant> {
        let now = self.store().clock().now();
        for (id, turn) in self.movers().due(now) {
            let nth = turn.nth;
            let next = self.take_turn(id, turn, now).await;
            self.movers().follow(id, nth, next);
        }
        self.movers().next_due()
    }

    /// When the same task goes on; `None` if it has ended, or its queue is gone.
    async fn take_turn(&self, id: PartitionId, turn: Turn, now: Instant) -> Option<Turn> {
        let source = self.find(turn.source.account, &turn.source.region, turn.source.name.as_str());
        let source = source.filter(|source| source.partition.id() == id)?;
        let task = source.partition.inspect(|machine: &SqsQueue| machine.move_under_way().cloned()).flatten()?;
        let stepped = match self.movers().is_too_long(&task, now) {
            true => ask(&source, Move::Cancel(task.plan.id)).await,
            false => self.step(&source, &task.plan, turn.may_send_at <= now).await,
        };
        turn.after(now, task.plan.rate, &stepped)
    }

    async fn step(&self, source: &QueueEntry, plan: &Plan, may_send: bool) -> Result<Progress, Unavailable> {
        let max = if may_send { plan.rate.map_or(MOVE_STEP_MAX, |rate| step_of(rate).into()) } else { 0 };
        match &plan.destination {
            None => self.send_back(source, plan.id, max.min(MOVE_LOOK_MAX)).await,
            Some(destination) => match self.partition_of(destination) {
                None => ask(source, Move::Fail(plan.id, Failure::NonExistentQueue)).await,
                Some(destination) => {
                    let which = Which::Next(max);
                    ask(source, Move::Proceed { id: plan.id, destination, which }).await
                }
            },
        }
    }

    /// Sends the next messages back to where each comes from, up to the first that cannot be.
    async fn send_back(&self, source: &QueueEntry, id: TaskId, max: usize) -> Result<Progress, Unavailable> {
        let command = Command::Move(Move::Look { id, max });
        let (reply, contents) = source.partition.execute(command)?.read_all().await?;
        let (sequences, more) = match reply {
            Reply::Moved(Progress::Next { sequences, more }) => (sequences, more),
            Reply::Moved(progress) => return Ok(progress),
            _ => return Ok(Progress::Over),
        };
        let mut batches: Vec<(PartitionId, Vec<u64>)> = Vec::new();
        for (sequence, content) in sequences.into_iter().zip(contents) {
            let is_there = || source.partition.inspect(|machine: &SqsQueue| machine.shows(sequence)) == Some(true);
            if content.is_none() && !is_there() {
                // Somebody has deleted it, or all of them, since it was looked at.
                continue;
            }
            match self.origin_of(content.as_ref()) {
                Ok(origin) => add_to(&mut batches, source.key.name.is_fifo(), origin, sequence),
                Err(failure) if batches.is_empty() => return ask(source, Move::Fail(id, failure)).await,
                // First those before it; then it is met again.
                Err(_) => break,
            }
        }
        for (destination, sequences) in batches {
            let which = Which::These(sequences);
            if let Progress::Over = ask(source, Move::Proceed { id, destination, which }).await? {
                return Ok(Progress::Over);
            }
        }
        Ok(Progress::Left { more })
    }

    /// The queue that a dead letter comes from. One that the disk has damaged does not say.
    fn origin_of(&self, content: Option<&Message>) -> Result<PartitionId, Failure> {
        let bytes = content.map(Message::properties).ok_or(Failure::UnknownSource)?;
        let sealed = sealing::dead_letter_source(&bytes);
        let properties = Properties::decode(bytes);
        let open = properties.as_ref().and_then(|known| known.system_attribute(SystemAttribute::DeadLetterSource));
        let key = sealed.as_deref().or(open).and_then(key_of_arn).ok_or(Failure::UnknownSource)?;
        self.partition_of(&key).ok_or(Failure::NonExistentQueue)
    }
}

/// Puts a message to those that go to the same queue at once. A FIFO queue's leave in their order whatever their origins are, so
/// there only to the last ones; elsewhere few large records are better.
fn add_to(batches: &mut Vec<(PartitionId, Vec<u64>)>, in_order: bool, origin: PartitionId, sequence: u64) {
    let may_join = if in_order { batches.len().saturating_sub(1) } else { 0 };
    match batches[may_join..].iter_mut().find(|(to, _)| *to == origin) {
        Some((_, sequences)) => sequences.push(sequence),
        None => batches.push((origin, vec![sequence])),
    }
}

async fn ask(source: &QueueEntry, asked: Move) -> Result<Progress, Unavailable> {
    match source.partition.execute(Command::Move(asked))?.await? {
        Reply::Moved(progress) => Ok(progress),
        // The queue was deleted, or the task has ended.
        _ => Ok(Progress::Over),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_millis(1_700_000_000_000);

    fn turn() -> Turn {
        let source = key_of_arn("arn:aws:sqs:us-east-1:000000000000:dead").unwrap();
        Turn { source, nth: 1, due: NOW, may_send_at: NOW }
    }

    /// Steps as often as it is due for ten seconds, and tells how many messages left in the worst second.
    fn most_in_a_second(rate: u16) -> (u64, u64) {
        let (mut turn, mut sent) = (turn(), Vec::new());
        let mut now = NOW;
        while now < NOW.plus_millis(10_000) {
            sent.push((now, u64::from(step_of(rate))));
            turn = turn.after(now, Some(rate), &Ok(Progress::Left { more: true })).unwrap();
            // Whoever looks does so a little late.
            now = turn.due.plus_millis(now.as_millis() % 3);
        }
        let within = |from: Instant| {
            let second = sent.iter().filter(|(at, _)| *at >= from && *at < from.plus_millis(1000));
            second.map(|(_, count)| count).sum::<u64>()
        };
        let most = sent.iter().map(|(at, _)| within(*at)).max().unwrap();
        (most, sent.iter().map(|(_, count)| count).sum())
    }

    #[test]
    fn a_task_with_a_rate_sends_no_more_than_that_in_any_second_and_nearly_as_many() {
        for rate in [1, 2, 7, 49, 50, 93, 100, 149, 250, 499, 500] {
            let (most, all) = most_in_a_second(rate);
            let step = u64::from(step_of(rate));
            assert!(most <= u64::from(rate) + step, "{rate}: {most}");
            assert!(all <= 10 * u64::from(rate) + step && all * 10 >= 85 * u64::from(rate), "{rate}: {all}");
        }
    }

    #[test]
    fn a_task_that_is_late_does_not_make_up_for_it_at_once() {
        let late = NOW.plus_millis(60_000);
        let turn = turn().after(late, Some(10), &Ok(Progress::Left { more: true })).unwrap();
        assert_eq!(turn.due, late.plus_millis(100));
    }

    #[test]
    fn a_task_without_a_rate_goes_on_at_once_and_waits_a_moment_for_what_has_left() {
        let next = turn().after(NOW, None, &Ok(Progress::Left { more: true })).unwrap();
        assert_eq!(next.due, NOW);
        let next = turn().after(NOW, None, &Ok(Progress::Waiting)).unwrap();
        assert_eq!(next.due, NOW.plus_millis(MOVE_AGAIN_MILLIS));
        assert_eq!(turn().after(NOW, None, &Ok(Progress::Over)), None);
        let next = turn().after(NOW, None, &Err(Unavailable::NoSpace)).unwrap();
        assert_eq!(next.due, NOW.plus_millis(MOVE_RETRY_MILLIS));
    }

    #[test]
    fn a_task_that_has_sent_all_looks_soon_whether_all_has_arrived_and_still_keeps_its_rate() {
        let next = turn().after(NOW, Some(1), &Ok(Progress::Left { more: false })).unwrap();
        assert_eq!((next.due, next.may_send_at), (NOW.plus_millis(MOVE_AGAIN_MILLIS), NOW.plus_millis(1000)));
    }
}
