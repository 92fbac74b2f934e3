//! The replays of a topic: what of its state they are, and the effects by which they change.
//!
//! One subscription has one at a time. Each has a number of its own, its run, so that whatever is still under way for one that was
//! replaced or stopped changes nothing.

use super::replay::{Live, Replay, State};
use crate::records::Effect;
use names::Instant;
use std::collections::BTreeMap;

/// The replays of a topic's subscriptions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Replays {
    /// How many there ever were.
    pub(crate) runs: u64,
    /// By the subscription's number; those that are over tell how they ended.
    pub(crate) of: BTreeMap<u64, Replay>,
}

impl Replays {
    /// The effect of a replay that begins now: what arrives in the archive from here on is delivered as it is published, or held back as
    /// for the replay whose place it takes.
    pub(crate) fn begun(&self, number: u64, replay: Replay, now: Instant) -> Effect {
        let holds_back = replay.end.is_none() && self.of.get(&number).is_some_and(Replay::holds_back);
        let live = match holds_back {
            true => Live::HELD_BACK,
            false => Live { after: replay.live.after.max(now), ..replay.live },
        };
        Effect::ReplayPut(number, Replay { run: self.runs + 1, live, ..replay })
    }

    /// The effect of a subscription's confirmation: until then nothing came as it was published, so a replay goes on up to there.
    pub(crate) fn confirmed(&self, number: u64, live: Live, now: Instant) -> Option<Effect> {
        let replay = self.of.get(&number).filter(|replay| !replay.state.is_over() && !replay.holds_back())?;
        let live = Live { after: live.after.max(now), ..live };
        Some(Effect::ReplayPut(number, Replay { live, ..*replay }))
    }

    /// The effect of one that is wanted no more.
    pub(crate) fn stopped(&self, number: u64) -> Option<Effect> {
        self.of.get(&number).map(|replay| Effect::ReplayOver(number, replay.run, State::Stopped))
    }

    /// The effects of an archive that is gone.
    pub(crate) fn failed(&self) -> Vec<Effect> {
        let running = self.of.iter().filter(|(_, replay)| !replay.state.is_over());
        running.map(|(number, replay)| Effect::ReplayOver(*number, replay.run, State::Failed)).collect()
    }

    /// The effect of one that got on, unless that was another run, or it is over.
    pub(crate) fn moved(&self, number: u64, run: u64, next: u64, state: State) -> Option<Effect> {
        let replay = self.running(number, run)?;
        if state.is_over() {
            return Some(Effect::ReplayOver(number, run, state));
        }
        (replay.next < next || replay.state != state).then_some(Effect::ReplayMoved(number, run, next))
    }

    fn running(&self, number: u64, run: u64) -> Option<&Replay> {
        self.of.get(&number).filter(|replay| replay.run == run && !replay.state.is_over())
    }

    pub(crate) fn put(&mut self, number: u64, replay: Replay) {
        self.runs = self.runs.max(replay.run);
        self.of.insert(number, replay);
    }

    pub(crate) fn note(&mut self, number: u64, run: u64, next: u64) {
        if let Some(replay) = self.of.get_mut(&number).filter(|replay| replay.run == run) {
            replay.next = replay.next.max(next);
            replay.state = State::InProgress;
        }
    }

    pub(crate) fn end(&mut self, number: u64, run: u64, state: State) {
        if state == State::Stopped {
            self.of.remove(&number);
        } else if let Some(replay) = self.of.get_mut(&number).filter(|replay| replay.run == run) {
            replay.state = state;
        }
    }

    pub(crate) fn forget(&mut self, number: u64) {
        self.of.remove(&number);
    }
}
