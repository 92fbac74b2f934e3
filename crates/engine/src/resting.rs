//! What is left in memory of a partition that nobody uses: its snapshot's bytes, its pieces, and when to wake it.
//!
//! A partition may be put away when all of it is durable and nothing that it holds stands in the log alone; then snapshot
//! and pieces say everything, and whatever wakes it gets a machine that decides as the one before would have. The bytes are
//! kept in memory and not looked up in the checkpoint, so that waking one neither waits for the disk nor fails (ADR 0012).

use crate::contents::Contents;
use crate::machine::{Machine, Tally};
use crate::memory::Memory;
use crate::partition::{Partition, Recovered};
use crate::registry::{Mark, Stored};
use crate::store::Shared;
use journal::{Piece, Snapshot};
use names::{Instant, PartitionId, Position};
use std::sync::Arc;

/// The longest snapshot of a partition that is put away. What is longer saves little, and would hold up whoever wakes it:
/// reading so many bytes takes some tens of microseconds.
pub(crate) const STATE_BYTES_MAX: usize = 4096;

/// How long a partition whose state was too large is left alone: to find out costs as much as a snapshot does, and time alone
/// makes states smaller, as when deduplication ids are over.
pub(crate) const LARGE_AGAIN_MILLIS: u64 = 5 * 60 * 1000;

/// A partition that has been put away.
#[derive(Debug)]
pub(crate) struct Resting {
    last: Position,
    sequence: u64,
    /// When time alone changes something in it.
    pub(crate) due: Instant,
    state: Box<[u8]>,
    /// Each with the number of records that are held.
    pub(crate) pieces: Box<[(Piece, u64)]>,
    version: u8,
    memo: u8,
    /// Whether the newest snapshot on disk is this one.
    pub(crate) is_kept: bool,
    /// Whether the machine has yet to be told of this start.
    is_of_an_earlier_start: bool,
}

// An idle queue may cost 300 bytes: this, some 100 of state, and its places in the maps of the store and of its service.
const _: () = assert!(size_of::<Resting>() <= 64);

/// Makes a partition of what was put away, and says what it was counted as.
pub(crate) type Revive = fn(&Arc<Shared>, PartitionId, &Resting) -> (Arc<dyn Stored>, Tally);

impl Resting {
    /// Puts a partition away. `None` if its state is too large for that, or if more is to be said of it than a snapshot says.
    pub(crate) fn of<M: Machine>(recovered: &mut Recovered<M>) -> Option<(Self, Tally)> {
        let Recovered { machine, contents, sequence, last, kept, encoded } = recovered;
        if *sequence == 0 || machine.is_over() || machine.has_outgoing() || !contents.is_at_rest() {
            return None;
        }
        let state = encoded.take().unwrap_or_else(|| {
            let mut state = Vec::new();
            machine.snapshot(&mut state);
            state
        });
        if state.len() > STATE_BYTES_MAX {
            return None;
        }
        let held = |piece: &Piece| machine.held_within(piece.first_key..piece.last_key.saturating_add(1));
        contents.drop_pieces(|piece| held(piece) == 0);
        let resting = Self {
            last: *last,
            sequence: *sequence,
            due: due(machine),
            state: state.into(),
            pieces: contents.pieces().iter().map(|piece| (*piece, held(piece))).collect(),
            version: M::SNAPSHOT_VERSION,
            memo: machine.memo(),
            is_kept: Mark { position: *last, pieces_version: contents.pieces_version() } == *kept,
            is_of_an_earlier_start: false,
        };
        Some((resting, machine.tally()))
    }

    /// A partition as an earlier start's snapshot has it, of which `machine` was made; `None` if it is too large, or
    /// has something outgoing.
    pub(crate) fn of_snapshot<M: Machine>(snapshot: &Snapshot<'_>, machine: &M) -> Option<Self> {
        let held = |piece: &Piece| machine.held_within(piece.first_key..piece.last_key.saturating_add(1));
        let is_fit = snapshot.state.len() <= STATE_BYTES_MAX && !machine.has_outgoing();
        is_fit.then(|| Self {
            last: snapshot.position,
            sequence: snapshot.sequence,
            due: due(machine),
            state: snapshot.state.as_ref().into(),
            pieces: snapshot.pieces.iter().map(|piece| (*piece, held(piece))).collect(),
            version: snapshot.version,
            memo: 0,
            is_kept: true,
            is_of_an_earlier_start: true,
        })
    }

    /// The position of its last record.
    pub(crate) fn last(&self) -> Position {
        self.last
    }

    /// Whether a segment has the content of `key`.
    pub(crate) fn is_segmented(&self, key: u64) -> bool {
        self.pieces.iter().any(|(piece, _)| (piece.first_key..=piece.last_key).contains(&key))
    }

    /// What a checkpoint says of it.
    pub(crate) fn snapshot(&self, partition: PartitionId) -> Snapshot<'static> {
        Snapshot {
            partition,
            position: self.last,
            sequence: self.sequence,
            version: self.version,
            over: false,
            sealed: false,
            pieces: self.pieces.iter().map(|(piece, _)| *piece).collect(),
            state: self.state.to_vec().into(),
        }
    }

    /// The machine, to be looked at.
    pub(crate) fn machine<M: Machine>(&self) -> M {
        machine(self.version, &self.state, self.memo)
    }

    /// What makes the machine, to be called where it holds nobody up: a copy of some hundred bytes.
    pub(crate) fn likeness<M: Machine>(&self) -> impl FnOnce() -> M + use<M> {
        let (version, state, memo) = (self.version, self.state.clone(), self.memo);
        move || machine(version, &state, memo)
    }

    /// The partition again, as it was put away.
    pub(crate) fn recovered<M: Machine>(&self, memory: &Arc<Memory>) -> Recovered<M> {
        let machine = self.machine();
        let pieces = self.pieces.iter().map(|(piece, _)| *piece).collect();
        let contents = Contents::with_pieces(Arc::clone(memory), pieces);
        let kept = if self.is_kept { Mark { position: self.last, pieces_version: 0 } } else { Mark::default() };
        Recovered { machine, contents, sequence: self.sequence, last: self.last, kept, encoded: None }
    }
}

/// See [`Revive`].
pub(crate) fn revive<M: Machine>(store: &Arc<Shared>, id: PartitionId, resting: &Resting) -> (Arc<dyn Stored>, Tally) {
    let mut recovered = resting.recovered::<M>(store.memory());
    let tally = recovered.machine.tally();
    if resting.is_of_an_earlier_start {
        recovered.machine.resume(u64::from(store.journal().recovery().incarnation));
    }
    (Partition::build(store, id, recovered), tally)
}

fn machine<M: Machine>(version: u8, state: &[u8], memo: u8) -> M {
    let mut machine =
        M::restore(version, state).expect("a machine reads the snapshot that was written, or read before");
    machine.recall(memo);
    machine
}

fn due<M: Machine>(machine: &M) -> Instant {
    let moments = machine.next_deadline().into_iter().chain(machine.next_expiry());
    moments.min().unwrap_or(Instant::FAR_FUTURE)
}
