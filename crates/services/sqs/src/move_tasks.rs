//! Message move tasks of one queue: what is known of them, and what may be asked.
//!
//! A task takes the messages that were in the queue when it began (AWS: their number "is obtained at the time of starting") and
//! that are visible when it comes to them; who has one in flight keeps it. It is state of the queue that it moves away from, so
//! that a start finds it where it stood; each message is counted when it has arrived. The newest ten are remembered, and only
//! the newest may be under way. What makes a task proceed is `movers.rs`. Sources: API reference, StartMessageMoveTask,
//! ListMessageMoveTasks, CancelMessageMoveTask; words as AWS was recorded saying them.

use crate::catalog::QueueKey;
use crate::limits::{MOVE_TASKS_MAX, MOVING_MAX};
use crate::machine::Reply;
use crate::records::Effect;
use crate::refusal::Refusal;
use engine::Decision;
use names::{Instant, PartitionId};
use queue::Queue;

/// What names a task within its queue: chance.
pub(crate) type TaskId = [u8; 16];

/// One task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MoveTask {
    pub(crate) plan: Plan,
    pub(crate) started_at: Instant,
    /// Messages before this sequence are the task's.
    pub(crate) below: u64,
    /// How many there were.
    pub(crate) to_move: u64,
    /// How many have arrived.
    pub(crate) moved: u64,
    /// How it ended, if it has.
    pub(crate) end: Option<End>,
}

/// What a task is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) id: TaskId,
    /// Where to; without it, back to where each message comes from.
    pub(crate) destination: Option<QueueKey>,
    /// Messages a second; without it, as fast as it goes.
    pub(crate) rate: Option<u16>,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Completed,
    Cancelled,
    Failed(Failure),
}

/// Why a task failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The queue to which messages go does not exist.
    NonExistentQueue,
    /// A message does not say where it comes from.
    UnknownSource,
}

impl Failure {
    /// AWS's word.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::NonExistentQueue => "AWS.SimpleQueueService.NonExistentQueue",
            Self::UnknownSource => "CouldNotDetermineMessageSource",
        }
    }
}

impl End {
    /// The number that stands for it in records and snapshots.
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Completed => 1,
            Self::Cancelled => 2,
            Self::Failed(Failure::NonExistentQueue) => 3,
            Self::Failed(Failure::UnknownSource) => 4,
        }
    }

    pub(crate) fn read(byte: u8) -> Option<Self> {
        let ends = [
            Self::Completed,
            Self::Cancelled,
            Self::Failed(Failure::NonExistentQueue),
            Self::Failed(Failure::UnknownSource),
        ];
        ends.into_iter().find(|end| end.byte() == byte)
    }
}

/// What may be asked of a queue's tasks.
#[derive(Debug)]
pub(crate) enum Move {
    /// Begins a task.
    Start(Plan),
    /// Asks for all that are known.
    List,
    /// Ends a task; what has left arrives.
    Cancel(TaskId),
    /// Asks which messages go next: of a task that sends each to another place.
    Look { id: TaskId, max: usize },
    /// Sends messages away.
    Proceed { id: TaskId, destination: PartitionId, which: Which },
    /// Ends a task that cannot go on, once all that has left has arrived.
    Fail(TaskId, Failure),
}

/// Which messages a task sends away.
#[derive(Debug)]
pub(crate) enum Which {
    /// The next ones, so many at the most.
    Next(usize),
    /// These, as far as they are still there.
    These(Vec<u64>),
}

/// What a task has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It has ended.
    Over,
    /// What has left has to arrive before it can go on or end.
    Waiting,
    /// Messages have left, and whether there are more to come.
    Left { more: bool },
    /// These go next, and whether there are more.
    Next { sequences: Vec<u64>, more: bool },
}

/// A task as callers are shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShownTask {
    pub(crate) task: MoveTask,
    /// Whether something that it sent away has not arrived.
    pub(crate) is_ending: bool,
}

impl ShownTask {
    /// AWS's word for how it stands.
    pub(crate) fn status(&self) -> &'static str {
        match self.task.end {
            None => "RUNNING",
            Some(End::Completed) => "COMPLETED",
            Some(End::Cancelled) if self.is_ending => "CANCELLING",
            Some(End::Cancelled) => "CANCELLED",
            Some(End::Failed(_)) => "FAILED",
        }
    }
}

/// The tasks of one queue, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MoveTasks(Vec<MoveTask>);

impl MoveTasks {
    /// Decides what is asked.
    pub(crate) fn decide(&self, queue: &Queue, now: Instant, asked: Move) -> Decision<Effect, Reply> {
        match asked {
            Move::Start(plan) => self.start(queue, now, plan),
            Move::List => Decision::answer(Reply::MoveTasks(self.shown(queue))),
            Move::Cancel(id) => self.cancel(&id),
            Move::Look { id, max } => self.look(queue, &id, max),
            Move::Proceed { id, destination, which } => self.proceed(queue, now, &id, destination, which),
            Move::Fail(id, failure) => match self.running(&id) {
                Some(_) if queue.moving() > 0 => answer(Progress::Waiting),
                Some(_) => end(id, End::Failed(failure)),
                None => answer(Progress::Over),
            },
        }
    }

    /// The task that has to proceed, if there is one.
    pub(crate) fn under_way(&self) -> Option<&MoveTask> {
        self.0.last().filter(|task| task.end.is_none())
    }

    /// All that are known, oldest first.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &MoveTask> {
        self.0.iter()
    }

    fn running(&self, id: &TaskId) -> Option<&MoveTask> {
        self.0.last().filter(|task| task.plan.id == *id && task.end.is_none())
    }

    fn shown(&self, queue: &Queue) -> Vec<ShownTask> {
        let newest = self.0.last().map(|task| task.plan.id);
        let is_ending = |task: &MoveTask| Some(task.plan.id) == newest && queue.moving() > 0;
        self.0.iter().rev().map(|task| ShownTask { task: task.clone(), is_ending: is_ending(task) }).collect()
    }

    fn start(&self, queue: &Queue, now: Instant, plan: Plan) -> Decision<Effect, Reply> {
        if queue.moving() > 0 || self.under_way().is_some() {
            return Decision::answer(Reply::Refused(Refusal::move_task_runs()));
        }
        let (below, visible) = queue.backlog();
        Decision::change(vec![Effect::MoveStarted { at: now, below, to_move: visible as u64, plan }], Reply::Done)
    }

    fn cancel(&self, id: &TaskId) -> Decision<Effect, Reply> {
        match self.0.iter().find(|task| task.plan.id == *id) {
            None => Decision::answer(Reply::Refused(Refusal::move_task_unknown())),
            Some(task) if task.end.is_some() => Decision::answer(Reply::Refused(Refusal::move_task_ended())),
            Some(task) => {
                let effect = Effect::MoveEnded { id: *id, end: End::Cancelled };
                Decision::change(vec![effect], Reply::MoveCancelled { moved: task.moved })
            }
        }
    }

    fn look(&self, queue: &Queue, id: &TaskId, max: usize) -> Decision<Effect, Reply> {
        let Some(task) = self.running(id) else { return answer(Progress::Over) };
        let max = max.min(room(queue));
        let mut sequences = queue.movable(task.below, max + 1);
        let more = sequences.len() > max;
        sequences.truncate(max);
        match sequences.is_empty() {
            true => rest(queue, *id, more),
            false => Decision { reads: sequences.clone(), ..answer(Progress::Next { sequences, more }) },
        }
    }

    fn proceed(
        &self,
        queue: &Queue,
        now: Instant,
        id: &TaskId,
        destination: PartitionId,
        which: Which,
    ) -> Decision<Effect, Reply> {
        let Some(task) = self.running(id) else { return answer(Progress::Over) };
        let (sequences, more) = match which {
            Which::These(mut sequences) => {
                sequences.truncate(room(queue));
                (sequences, true)
            }
            Which::Next(max) => {
                let max = max.min(room(queue));
                let mut sequences = queue.movable(task.below, max + 1);
                let more = sequences.len() > max;
                sequences.truncate(max);
                if sequences.is_empty() {
                    return rest(queue, *id, more);
                }
                (sequences, more)
            }
        };
        let away = queue::Command::SendAway { destination, sequences };
        Decision::change(queue.decide(now, away).effects, Reply::Moved(Progress::Left { more }))
    }

    /// A task has begun.
    pub(crate) fn begin(&mut self, task: MoveTask) {
        if self.0.len() == MOVE_TASKS_MAX {
            self.0.remove(0);
        }
        self.0.push(task);
    }

    /// A task has ended.
    pub(crate) fn end(&mut self, id: &TaskId, end: End) {
        if let Some(task) = self.0.iter_mut().find(|task| task.plan.id == *id) {
            task.end.get_or_insert(end);
        }
    }

    /// What the queue's own change means for the task: so many of its messages are no longer on their way.
    pub(crate) fn follow(&mut self, effect: &queue::Effect, arrived: usize) {
        let Some(task) = self.0.last_mut().filter(|_| arrived > 0) else { return };
        match effect {
            queue::Effect::Delivered { .. } => task.moved += arrived as u64,
            queue::Effect::Returned { .. } => {
                task.end.get_or_insert(End::Failed(Failure::NonExistentQueue));
            }
            _ => {}
        }
    }
}

/// How many more may be on their way.
fn room(queue: &Queue) -> usize {
    MOVING_MAX.saturating_sub(queue.moving())
}

/// Nothing can leave now. A task that has nothing more to send ends when all has arrived.
fn rest(queue: &Queue, id: TaskId, more: bool) -> Decision<Effect, Reply> {
    match more || queue.moving() > 0 {
        true => answer(Progress::Waiting),
        false => end(id, End::Completed),
    }
}

fn end(id: TaskId, end: End) -> Decision<Effect, Reply> {
    Decision::change(vec![Effect::MoveEnded { id, end }], Reply::Moved(Progress::Over))
}

fn answer(progress: Progress) -> Decision<Effect, Reply> {
    Decision::answer(Reply::Moved(progress))
}
