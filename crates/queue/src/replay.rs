//! A replay: copies of what was sent within a stretch of time go to a queue, whether it was deleted since or is still there.
//!
//! It goes through the sequences in their order, up to the one that came next when it began, batch by batch: a batch of
//! copies is put on its way like messages that leave (ways.rs), under numbers that the destination remembers, and when the
//! destination has it the next batch follows. All of that is state, so a replay goes on after a crash where it was, and each
//! copy arrives once (ADR 0015, ADR 0020). When exactly a message was sent stands in its content and not here, so runs of
//! neighbours that may have been sent within the stretch are gone through, and the courier's parcel says of each whether it was.

use crate::limits::REPLAY_BATCH;
use crate::ways::read_id;
use crate::{Effect, Queue, Reply};
use engine::Decision;
use engine::varint::{Reader, put};
use names::{Instant, PartitionId};
use std::ops::Range;

/// What somebody wants to be replayed, and where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayOrder {
    /// Where the copies go.
    pub destination: PartitionId,
    /// Messages that were sent from this moment on,
    pub from: Instant,
    /// and before this one.
    pub to: Instant,
    /// Those alone that were deleted; otherwise also those that are there.
    pub only_deleted: bool,
}

/// How far a replay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayState {
    /// It is under way.
    Running,
    /// Every copy is where it was to go.
    Done,
    /// Somebody ended it.
    Cancelled,
    /// There is no such destination any more.
    Homeless,
}

/// What is known of a queue's latest replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayProgress {
    /// How far it is.
    pub state: ReplayState,
    /// When it began.
    pub began_at: Instant,
    /// Messages gone through so far.
    pub examined: u64,
}

/// The latest replay of a queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Replay {
    order: ReplayOrder,
    began_at: Instant,
    /// The first sequence that is not looked at yet.
    next: u64,
    /// The first that was not sent when it began.
    below: u64,
    examined: u64,
    state: ReplayState,
}

/// How a replay ends by itself or by somebody, as records say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayEnd {
    /// All was gone through.
    Done,
    /// Somebody ended it.
    Cancelled,
}

impl ReplayEnd {
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Done => 1,
            Self::Cancelled => 2,
        }
    }

    pub(crate) fn read(byte: u8) -> Result<Self, &'static str> {
        match byte {
            1 => Ok(Self::Done),
            2 => Ok(Self::Cancelled),
            _ => Err("no such end of a replay is known"),
        }
    }
}

impl Replay {
    fn new(order: ReplayOrder, began_at: Instant, below: u64) -> Self {
        Self { order, began_at, next: 1, below, examined: 0, state: ReplayState::Running }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.state == ReplayState::Running
    }

    pub(crate) fn progress(&self) -> ReplayProgress {
        ReplayProgress { state: self.state, began_at: self.began_at, examined: self.examined }
    }

    /// Whether a message that was sent then is copied.
    pub(crate) fn means(&self, sent_at: Instant) -> bool {
        self.is_running() && self.order.from <= sent_at && sent_at < self.order.to
    }

    /// Appends it: see snapshot.rs.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_order(out, &self.order);
        for number in [self.began_at.as_millis(), self.next, self.below, self.examined] {
            put(out, number);
        }
        out.push(match self.state {
            ReplayState::Running => 0,
            ReplayState::Done => 1,
            ReplayState::Cancelled => 2,
            ReplayState::Homeless => 3,
        });
    }

    /// Reads what `put` wrote.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, &'static str> {
        let order = read_order(reader)?;
        let began_at = Instant::from_millis(reader.varint()?);
        let (next, below, examined) = (reader.varint()?, reader.varint()?, reader.varint()?);
        let state = match reader.array()? {
            [0] => ReplayState::Running,
            [1] => ReplayState::Done,
            [2] => ReplayState::Cancelled,
            [3] => ReplayState::Homeless,
            _ => return Err("no such state of a replay is known"),
        };
        Ok(Self { order, began_at, next, below, examined, state })
    }
}

/// `destination 8 │ from v │ to v (0 is without end) │ only deleted 1`.
pub(crate) fn put_order(out: &mut Vec<u8>, order: &ReplayOrder) {
    out.extend(order.destination.get().to_le_bytes());
    put(out, order.from.as_millis());
    put(out, if order.to == Instant::FAR_FUTURE { 0 } else { order.to.as_millis() });
    out.push(order.only_deleted.into());
}

/// Reads what `put_order` wrote.
pub(crate) fn read_order(reader: &mut Reader<'_>) -> Result<ReplayOrder, &'static str> {
    let destination = read_id(reader)?;
    let from = Instant::from_millis(reader.varint()?);
    let to = match reader.varint()? {
        0 => Instant::FAR_FUTURE,
        u64::MAX => return Err("a replay ends beyond all time"),
        to => Instant::from_millis(to),
    };
    let only_deleted = match reader.array()? {
        [0] => false,
        [1] => true,
        _ => return Err("a replay is neither of all nor of the deleted messages"),
    };
    Ok(ReplayOrder { destination, from, to, only_deleted })
}

impl Queue {
    /// What is known of the latest replay, if there was one.
    pub fn replay_progress(&self) -> Option<ReplayProgress> {
        Some(self.replay()?.progress())
    }

    pub(crate) fn replay(&self) -> Option<&Replay> {
        self.keep.as_ref()?.replay.as_ref()
    }

    /// Answers [`crate::Command::Replay`].
    pub(crate) fn begin_replay<E: From<Effect>>(&self, now: Instant, order: ReplayOrder) -> Decision<E, Reply> {
        let is_busy =
            self.replay().is_some_and(Replay::is_running) || self.ways.as_ref().is_some_and(|ways| ways.has_copies());
        if is_busy {
            return Decision::answer(Reply::ReplayUnderWay);
        }
        let replay = Replay::new(order, now, self.next_sequence);
        let begun = Effect::ReplayBegun { order, at: now, below: self.next_sequence };
        let effects = vec![begun.into(), self.next_batch(&replay).into()];
        Decision::change(effects, Reply::Replaying)
    }

    /// Answers [`crate::Command::EndReplay`]. Copies that are on their way arrive as nothing.
    pub(crate) fn end_replay<E: From<Effect>>(&self) -> Decision<E, Reply> {
        let is_running = self.replay().is_some_and(Replay::is_running);
        let effects = if is_running { vec![Effect::ReplayEnded(ReplayEnd::Cancelled).into()] } else { Vec::new() };
        Decision::change(effects, Reply::Replaying)
    }

    /// What follows when a destination has taken everything below a number, or can never have it.
    pub(crate) fn replay_on(&self, destination: PartitionId, below: u64) -> Option<Effect> {
        let replay = self.replay().filter(|replay| replay.is_running() && replay.order.destination == destination)?;
        let ways = self.ways.as_ref()?;
        (!ways.has_copies_from(destination, below)).then(|| self.next_batch(replay))
    }

    /// The next copies, or the end.
    fn next_batch(&self, replay: &Replay) -> Effect {
        let mut sequences: Vec<u64> = Vec::new();
        let times = [replay.order.from, replay.order.to];
        for range in self.marks.sent_within(replay.next, times, self.next_sequence) {
            let room = REPLAY_BATCH - sequences.len();
            let range = range.start..range.end.min(replay.below);
            if room == 0 || range.is_empty() {
                break;
            }
            self.add_candidates(&range, replay.order.only_deleted, room, &mut sequences);
        }
        match sequences.last() {
            None => Effect::ReplayEnded(ReplayEnd::Done),
            Some(_) => Effect::Copied { destination: replay.order.destination, sequences },
        }
    }

    /// The first messages of a range that may be copied; those of virtual queues are nobody's to replay.
    fn add_candidates(&self, range: &Range<u64>, only_deleted: bool, room: usize, sequences: &mut Vec<u64>) {
        let before = sequences.len();
        let is_within = |sequence: &u64| *sequence < range.end;
        if let Some(keep) = &self.keep {
            sequences.extend(keep.shelf.iter_from(range.start).take_while(is_within).take(room));
        }
        if !only_deleted {
            sequences.extend(self.visible.iter_from(range.start).take_while(is_within).take(room));
            let hidden = self.exceptions.iter_from(range.start).take_while(|(sequence, _)| is_within(sequence));
            let hidden = hidden.filter(|(sequence, status)| status.is_hidden() && !self.is_within_any(*sequence));
            sequences.extend(hidden.map(|(sequence, _)| sequence).take(room));
        }
        sequences[before..].sort_unstable();
        sequences.truncate(before + room);
    }

    /// What replays change.
    pub(crate) fn apply_replay(&mut self, effect: &Effect) {
        match effect {
            Effect::ReplayBegun { order, at, below } => {
                self.keep_mut().replay = Some(Replay::new(*order, *at, *below));
            }
            Effect::Copied { destination, sequences } => {
                if let Some(replay) = &mut self.keep_mut().replay {
                    replay.next = sequences.last().map_or(replay.next, |last| last + 1);
                    replay.examined += sequences.len() as u64;
                }
                self.ways_mut().copy(*destination, sequences);
            }
            Effect::ReplayEnded(end) => {
                if let Some(replay) = &mut self.keep_mut().replay {
                    replay.state = match end {
                        ReplayEnd::Done => ReplayState::Done,
                        ReplayEnd::Cancelled => ReplayState::Cancelled,
                    };
                }
            }
            _ => unreachable!("the caller has looked"),
        }
    }

    /// The destination of copies is gone.
    pub(crate) fn end_homeless_replay(&mut self, destination: PartitionId) {
        let replay = self.keep.as_mut().and_then(|keep| keep.replay.as_mut());
        if let Some(replay) = replay.filter(|replay| replay.is_running() && replay.order.destination == destination) {
            replay.state = ReplayState::Homeless;
        }
    }
}
