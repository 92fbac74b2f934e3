//! What a state machine is to the engine.
//!
//! A machine is a plain function of the past: no clock, no chance, no disk. Commands come in with the moment they are
//! decided at; effects go out as data, are journaled, and only then change the state. Replaying the effects of a log
//! therefore rebuilds the state without running any business logic again. A snapshot of the state stands for all
//! effects before it.

use journal::RECORD_HEADER_BYTES;
use journal::limits::PENDING_BYTES_MAX;
use names::{Instant, PartitionId, Position};
use std::fmt;
use std::ops::Range;

/// A deterministic state machine over an ordered log of effects.
///
/// Its state is small: where it stands, and what deviates from the rule. What is large and does not change, a message's
/// content, it hands over to the engine with [`Machine::content`], names by a key, and asks for by [`Decision::reads`].
/// Keys rise from one effect to the next, so that the engine can keep contents in order wherever they are.
pub trait Machine: Sized + Send + 'static {
    /// What may be asked. Ids and chance arrive inside.
    type Command;
    /// What changes the state, as the journal keeps it.
    type Effect: Effect;
    /// What is answered, refusals included.
    type Reply;
    /// What is kept outside the state, by key.
    type Content: Content;

    /// The version of the layout that `snapshot` writes.
    const SNAPSHOT_VERSION: u8;

    /// Lets time pass: whatever was due at `now` (an ended delay, an ended lease, an ended retention) happens. It is a
    /// function of state and time alone, so nothing of it is journaled.
    fn advance(&mut self, _now: Instant) {}

    /// Answers a command and says what it changes, without changing anything. `advance(now)` has been called before.
    fn decide(&self, now: Instant, command: Self::Command) -> Decision<Self::Effect, Self::Reply>;

    /// Keys whose contents the machine has to learn before it decides `command`: knowledge that is no part of its state, such
    /// as which group a message is of. The engine reads them, hands each that is held to [`Machine::learn`], and asks again.
    fn wants(&self, _command: &Self::Command) -> Option<Range<u64>> {
        None
    }

    /// Takes in what the content of `key` says, or that it cannot be read. Keys come in rising order; one that was learned
    /// already, or is no longer held, is passed over. It is never journaled: after a start everything is learned anew.
    fn learn(&mut self, _key: u64, _content: Option<&Self::Content>) {}

    /// Whether an answer would be wrong, and not just shorter, if a content that it reads or wants to learn were left out
    /// because the disk does not read it now: such commands are refused until it does. What is damaged is left out always.
    fn needs_every_content(&self) -> bool {
        false
    }

    /// Keys whose contents are held and that nobody is expected to ask for soon, since this was last asked: memory need not keep
    /// what the disk has of them. Asked after each change.
    fn take_cold(&mut self) -> Vec<u64> {
        Vec::new()
    }

    /// Changes the state. Total: an effect that was decided, or replayed from the log, never fails. Keys whose contents
    /// are no longer held go onto `gone`, one by one; whole stretches are seen by `first_held`.
    fn apply(&mut self, at: Position, effect: &Self::Effect, gone: &mut Vec<u64>);

    /// The store was opened again, as its `start`-th start; the numbers only rise, over crashes too. Each stop before may
    /// have forgotten up to [`UNSYNCED_RECORDS_MAX`] records that were decided as [`Durability::Lazy`]. A machine whose
    /// clients may hold names out of such records goes on beyond them. Nothing of it is journaled, so that a start writes
    /// nothing: whatever is derived must be right again after a stop that follows at once.
    fn resume(&mut self, _start: u64) {}

    /// The next moment at which `advance` would change something a waiting reader could see.
    fn next_deadline(&self) -> Option<Instant> {
        None
    }

    /// The next moment at which `advance` would give something back that nobody waits for, as memory and disk.
    fn next_expiry(&self) -> Option<Instant> {
        None
    }

    /// What its family adds up over all partitions.
    fn tally(&self) -> Tally {
        Tally::default()
    }

    /// What is known beyond the snapshot and matters as long as the process lives: whoever lets go of a machine and keeps
    /// its snapshot gives it to the restored one with [`Machine::recall`].
    fn memo(&self) -> u8 {
        0
    }

    /// Takes what [`Machine::memo`] gave.
    fn recall(&mut self, _memo: u8) {}

    /// How many waiting readers could be served now; the engine wakes that many.
    fn ready(&self) -> usize {
        0
    }

    /// In which channels something became readable since this was last asked. Readers of a channel wait for it alone, and
    /// what they may take is not counted by `ready`. A machine whose readers take nothing from one another says
    /// [`Stirred::Everyone`]. Asked after each change and each passing of time.
    fn take_stirred(&mut self) -> Stirred {
        Stirred::Nothing
    }

    /// The content that an applied effect brought, and its key. A machine that keeps contents says this and the three after
    /// it; one that keeps none, whose content is `()`, says none of the four.
    fn content(_effect: Self::Effect) -> Option<(u64, Self::Content)> {
        None
    }

    /// Whether the content of `key` may still be asked for.
    fn holds(&self, _key: u64) -> bool {
        false
    }

    /// No key below this is held; `u64::MAX` if none ever will be.
    fn first_held(&self) -> u64 {
        u64::MAX
    }

    /// How many of these keys are held.
    fn held_within(&self, _keys: Range<u64>) -> u64 {
        0
    }

    /// Appends the state to `out`, as [`Machine::SNAPSHOT_VERSION`] lays it out.
    fn snapshot(&self, out: &mut Vec<u8>);

    /// Reads what `snapshot` wrote, in this version or an older one.
    fn restore(version: u8, state: &[u8]) -> Result<Self, MalformedRecord>;

    /// Whether it is deleted: nothing of it will be asked for again, and its partition may be forgotten.
    fn is_over(&self) -> bool {
        false
    }

    /// Whether anything is on its way to other partitions. Asked after each change, so it has to be quick.
    fn has_outgoing(&self) -> bool {
        false
    }

    /// What goes next to the first destination after `after`, in order of their ids. Numbers rise by one from parcel to
    /// parcel to a destination, over restarts too; those that were skipped ([`Delivery::Unreadable`]) are never used again.
    /// Contents of these keys are held until their delivery is concluded.
    fn outgoing(&self, _after: Option<PartitionId>) -> Option<Outgoing> {
        None
    }

    /// What a destination gets under a number of the key that is outgoing under it, in a layout that both know.
    fn parcel(&self, _destination: PartitionId, _number: u64, _key: u64, _content: &Self::Content) -> Vec<u8> {
        unreachable!("a machine with something outgoing makes parcels of it")
    }

    /// The command that takes parcels in; `None` if machines of this kind take none. Deciding it drops those whose numbers
    /// are below one that was taken from the same origin before, and notes the new number in the block of the others.
    fn arrive(_arrival: Arrival) -> Option<Self::Command> {
        None
    }

    /// The command that tells a sender what became of its parcels.
    fn conclude(_delivery: Delivery) -> Option<Self::Command> {
        None
    }

    /// Forgets the numbers of origins that do not exist any more: nothing comes from them again. Not journaled.
    fn forget_origins(&mut self, _exists: &dyn Fn(PartitionId) -> bool) {}
}

/// A batch on its way to another partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to.
    pub destination: PartitionId,
    /// The number of the first parcel; the others follow it without a gap.
    pub first: u64,
    /// What each parcel is made of, some hundred at the most.
    pub keys: Vec<u64>,
}

/// Parcels at their destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Where from.
    pub origin: PartitionId,
    /// The number of the first parcel; the others follow it without a gap.
    pub first: u64,
    /// As the sender made them.
    pub parcels: Vec<Vec<u8>>,
}

/// What became of parcels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The destination has all with numbers below this one.
    Taken {
        /// Where they are.
        destination: PartitionId,
        /// The first number that it does not have yet.
        below: u64,
    },
    /// The destination does not exist any more, or takes no parcels: all of them come back.
    Gone {
        /// Where they were to go.
        destination: PartitionId,
    },
    /// The content of this first one is damaged on disk. It goes nowhere, and those behind it go on.
    Unreadable {
        /// Where it was to go.
        destination: PartitionId,
        /// Its number.
        number: u64,
    },
}

/// Which channels of a machine have something new for their readers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stirred {
    /// None.
    Nothing,
    /// These, each as often as one more of its readers can be served.
    Channels(Vec<u128>),
    /// Perhaps any.
    All,
    /// All of them, and no channel too: whatever came is for each reader, and none takes it from another. Who waits without a
    /// channel is woken by this whatever `ready` says.
    Everyone,
}

/// Numbers that are added up over the partitions of a family; what each of them counts is the machine's to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally(pub [u64; 3]);

impl Tally {
    /// Counts `other` too.
    pub fn add(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, one)| *sum += one);
    }

    /// Counts `other`, which was added before, no longer.
    pub(crate) fn take(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, one)| *sum -= one);
    }
}

/// What the engine keeps for a machine: shared by reference count, so that a clone costs next to nothing.
pub trait Content: Clone + Send + Unpin + 'static {
    /// Which of a partition's contents go first when memory is short and the disk has them too.
    const GIVES_WAY: GivesWay = GivesWay::Newest;

    /// What it takes in memory, about.
    fn bytes(&self) -> usize;
}

/// The end of a partition at which contents are missed least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivesWay {
    /// What came last is asked for last, as in a queue.
    Newest,
    /// What came first is asked for last, as where most readers follow the end.
    Oldest,
}

impl Content for () {
    fn bytes(&self) -> usize {
        0
    }
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
    /// The key and the moment of the content that a record of this kind carries, read without the rest of it; `None` if
    /// it carries none.
    fn content_key(_kind: u8, _version: u8, _payload: &[u8]) -> Option<(u64, Instant)> {
        None
    }
    /// Whether the change gives room back, so that it is still taken when the disk is nearly full.
    fn frees(&self) -> bool {
        false
    }
}

/// A record in words, for tools that show records to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// What happened.
    pub what: &'static str,
    /// When, if the record says it.
    pub time: Option<Instant>,
    /// Everything else, as `name value` pairs.
    pub details: Vec<(&'static str, String)>,
}

/// What a command comes to.
#[derive(Debug)]
pub struct Decision<E, R> {
    /// Changes, in order, journaled in one block: all of them survive a crash, or none.
    pub effects: Vec<E>,
    /// The answer, sent when the state it was read from is durable.
    pub reply: R,
    /// Keys of the contents that belong to the answer, in its order.
    pub reads: Vec<u64>,
    /// Whether the answer also waits for `effects`.
    pub durability: Durability,
}

impl<E, R> Decision<E, R> {
    /// An answer that changes nothing.
    pub fn answer(reply: R) -> Self {
        Self { effects: Vec::new(), reply, reads: Vec::new(), durability: Durability::BeforeReply }
    }

    /// Changes whose answer waits until they are durable.
    pub fn change(effects: Vec<E>, reply: R) -> Self {
        Self { effects, reply, reads: Vec::new(), durability: Durability::BeforeReply }
    }
}

/// Records that a stop can have forgotten at the most: what waits for the disk is bounded in bytes, and none is shorter than
/// its header.
pub const UNSYNCED_RECORDS_MAX: u64 = (PENDING_BYTES_MAX / RECORD_HEADER_BYTES) as u64;

/// When a decision's effects have to be on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Before the reply: the caller is promised them.
    BeforeReply,
    /// Soon after: a crash may take them back, which the service's contract allows (a lease on a standard queue comes
    /// back early) or the customer has chosen (a relaxed queue). They are journaled in order all the same, so that a later
    /// change which is durable has made them durable too.
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
