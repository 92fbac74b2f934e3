//! What a state machine is to the engine.
//!
//! A machine is a plain function of the past: no clock, no chance, no disk. Commands come in with the moment they are
//! decided at; effects go out as data, are journaled, and only then change the state. Replaying the effects of a log
//! therefore rebuilds the state without running any business logic again.

use names::{Instant, Position};
use std::fmt;

/// A deterministic state machine over an ordered log of effects.
pub trait Machine: Send + 'static {
    /// What may be asked. Ids and chance arrive inside.
    type Command;
    /// What changes the state, as the journal keeps it.
    type Effect: Effect;
    /// What is answered, refusals included.
    type Reply;

    /// Lets time pass: whatever was due at `now` (an ended delay, an ended lease, an ended retention) happens. It is a
    /// function of state and time alone, so nothing of it is journaled.
    fn advance(&mut self, now: Instant);

    /// Answers a command and says what it changes, without changing anything. `advance(now)` has been called before.
    fn decide(&self, now: Instant, command: Self::Command) -> Decision<Self::Effect, Self::Reply>;

    /// Changes the state. Total: an effect that was decided, or replayed from the log, never fails.
    fn apply(&mut self, at: Position, effect: Self::Effect);

    /// The next moment at which `advance` would change something a waiting reader could see.
    fn next_deadline(&self) -> Option<Instant>;

    /// How many waiting readers could be served now; the engine wakes that many.
    fn ready(&self) -> usize;
}

/// A journaled change of one machine.
pub trait Effect: Sized {
    /// The record kind, unique within the machine's family. Numbers are never used twice.
    fn kind(&self) -> u8;
    /// The version of this kind's layout that `encode` writes.
    fn version(&self) -> u8;
    /// Appends the payload to `out`.
    fn encode(&self, out: &mut Vec<u8>);
    /// Reads what `encode` wrote, in this version or an older one.
    fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, MalformedRecord>;
    /// Whether the change gives room back, so that it is still taken when the disk is nearly full.
    fn frees(&self) -> bool {
        false
    }
}

/// What a command comes to.
#[derive(Debug)]
pub struct Decision<E, R> {
    /// Changes, in order, journaled in one block: all of them survive a crash, or none.
    pub effects: Vec<E>,
    /// The answer, sent when the state it was read from is durable.
    pub reply: R,
    /// Whether the answer also waits for `effects`.
    pub durability: Durability,
}

impl<E, R> Decision<E, R> {
    /// An answer that changes nothing.
    pub fn answer(reply: R) -> Self {
        Self { effects: Vec::new(), reply, durability: Durability::BeforeReply }
    }

    /// Changes whose answer waits until they are durable.
    pub fn change(effects: Vec<E>, reply: R) -> Self {
        Self { effects, reply, durability: Durability::BeforeReply }
    }
}

/// When a decision's effects have to be on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Before the reply: the caller is promised them.
    BeforeReply,
    /// Soon after: a crash may take them back, which the service's contract allows (a lease on a standard queue comes
    /// back early). They are journaled in order all the same.
    Lazy,
}

/// A record's bytes are not what its kind and version say. Its checksum was right, so this is a bug or a newer format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MalformedRecord {
    /// The record's kind.
    pub kind: u8,
    /// The record's version.
    pub version: u8,
    /// What was wrong.
    pub why: &'static str,
}

impl fmt::Display for MalformedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record kind {} version {}: {}", self.kind, self.version, self.why)
    }
}

impl std::error::Error for MalformedRecord {}
