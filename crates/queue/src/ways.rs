//! What is on its way from a queue to others, and how far those that send to it have come.
//!
//! A message that has left stands in the tray of its destination, in the order of departure, under numbers that rise by one
//! for ever; the courier takes it from there. It is in nobody's counts and cannot be received, but its content is held until
//! the destination has it, and it comes back as it was if there is no destination any more. A copy, which a replay makes,
//! stands among them and is of a message that may be anywhere else; it never comes back (ADR 0020). Of each origin one number
//! is remembered: what is below it has arrived (ADR 0015).

use crate::exceptions::Status;
use crate::limits::PARCELS_PER_BATCH;
use engine::Outgoing;
use engine::varint::{Reader, put};
use names::{Instant, PartitionId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

/// Why a message leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// It was received too often. It stays the message that it is.
    DeadLetter,
    /// Somebody asked for it to be moved. It is a new message where it arrives.
    Moved,
    /// It does not leave: a replay brings a copy of it, which is a new message where it arrives.
    Replayed,
}

impl Departure {
    /// The number that stands for it in records, snapshots and parcels.
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::DeadLetter => 1,
            Self::Moved => 2,
            Self::Replayed => 3,
        }
    }

    pub(crate) fn read(byte: u8) -> Result<Self, &'static str> {
        match byte {
            1 => Ok(Self::DeadLetter),
            2 => Ok(Self::Moved),
            3 => Ok(Self::Replayed),
            _ => Err("no such reason to leave is known"),
        }
    }
}

/// What happened to a message that is visible.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Receives {
    /// How often it was received.
    pub count: u32,
    /// When it was received last; the epoch if never.
    pub last_at: Instant,
    /// When it was received first; the epoch if never.
    pub first_at: Instant,
}

impl From<Status> for Receives {
    fn from(status: Status) -> Self {
        Self { count: status.receive, last_at: status.received_at, first_at: status.first_received_at }
    }
}

impl Receives {
    /// The status of a message with this past.
    pub(crate) fn hidden_until(self, until: Instant) -> Status {
        let Self { count: receive, last_at: received_at, first_at: first_received_at } = self;
        Status { until, received_at, first_received_at, receive }
    }
}

/// A message that has left and not arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) why: Departure,
    pub(crate) receives: Receives,
    /// Whether its retention ended meanwhile, or somebody deleted or purged it: then it does not come back.
    pub(crate) is_over: bool,
}

/// A message on its way, or a copy of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Out {
    pub(crate) sequence: u64,
    pub(crate) is_copy: bool,
}

/// Messages for one destination, oldest departure first.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tray {
    /// The number of the first.
    first: u64,
    out: VecDeque<Out>,
}

/// All of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ways {
    trays: BTreeMap<PartitionId, Tray>,
    left: BTreeMap<u64, Left>,
    /// How many of these somebody moved; the others are dead letters.
    moving: usize,
    /// Messages of which a copy is on its way: one batch of a replay at the most.
    copies: BTreeSet<u64>,
    /// By origin: the first number that has not arrived.
    arrived: BTreeMap<PartitionId, u64>,
    /// Where dead letters were to go, and no queue is any more.
    missing: Option<PartitionId>,
}

impl Ways {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many messages have left and not arrived.
    pub(crate) fn len(&self) -> usize {
        self.left.len()
    }

    /// How many messages somebody moved that have not arrived.
    pub(crate) fn moving(&self) -> usize {
        self.moving
    }

    /// Whether a message is needed here, as it is or for a copy.
    pub(crate) fn contains(&self, sequence: u64) -> bool {
        self.left.contains_key(&sequence) || self.is_copied(sequence)
    }

    /// Whether a copy of a message is on its way.
    pub(crate) fn is_copied(&self, sequence: u64) -> bool {
        self.copies.contains(&sequence)
    }

    /// Messages of these of which a copy is on its way, and which have not left.
    pub(crate) fn copied_within(&self, sequences: Range<u64>) -> impl Iterator<Item = u64> {
        let range = sequences.start..sequences.end.max(sequences.start);
        self.copies.range(range).copied().filter(|sequence| !self.left.contains_key(sequence))
    }

    pub(crate) fn has_copies(&self) -> bool {
        !self.copies.is_empty()
    }

    pub(crate) fn get(&self, sequence: u64) -> Option<&Left> {
        self.left.get(&sequence)
    }

    /// The first message that is needed here.
    pub(crate) fn first(&self) -> Option<u64> {
        let left = self.left.first_key_value().map(|(sequence, _)| *sequence);
        left.into_iter().chain(self.copies.first().copied()).min()
    }

    /// The first that may still come back.
    pub(crate) fn first_that_may_return(&self) -> Option<u64> {
        self.left.iter().find(|(_, left)| !left.is_over).map(|(sequence, _)| *sequence)
    }

    /// How many of these have left.
    pub(crate) fn left_within(&self, sequences: Range<u64>) -> u64 {
        if sequences.is_empty() { 0 } else { self.left.range(sequences).count() as u64 }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Left)> {
        self.left.iter().map(|(sequence, left)| (*sequence, left))
    }

    pub(crate) fn is_missing(&self, destination: PartitionId) -> bool {
        self.missing == Some(destination)
    }

    pub(crate) fn note_missing(&mut self, destination: PartitionId) {
        self.missing = Some(destination);
    }

    /// Puts a message into a tray.
    pub(crate) fn leave(&mut self, destination: PartitionId, sequence: u64, left: Left) {
        self.note_left(sequence, left);
        self.trays.entry(destination).or_default().out.push_back(Out { sequence, is_copy: false });
    }

    /// Puts copies of messages into a tray.
    pub(crate) fn copy(&mut self, destination: PartitionId, sequences: &[u64]) {
        let tray = self.trays.entry(destination).or_default();
        tray.out.extend(sequences.iter().map(|&sequence| Out { sequence, is_copy: true }));
        self.copies.extend(sequences);
    }

    /// Says whether it had left before.
    fn note_left(&mut self, sequence: u64, left: Left) -> bool {
        let before = self.left.insert(sequence, left);
        self.moving += usize::from(left.why == Departure::Moved);
        self.moving -= usize::from(before.is_some_and(|before| before.why == Departure::Moved));
        before.is_some()
    }

    fn let_go(&mut self, sequence: u64) -> Option<Left> {
        let left = self.left.remove(&sequence)?;
        self.moving -= usize::from(left.why == Departure::Moved);
        Some(left)
    }

    /// These messages do not come back.
    pub(crate) fn note_over(&mut self, sequences: Range<u64>) {
        self.left.range_mut(sequences).for_each(|(_, left)| left.is_over = true);
    }

    /// The destination has everything below a number: what left for it is over, and the copies are told.
    pub(crate) fn taken(&mut self, destination: PartitionId, below: u64) -> Vec<Out> {
        let Some(tray) = self.trays.get_mut(&destination) else { return Vec::new() };
        let count = below.saturating_sub(tray.first).min(tray.out.len() as u64);
        tray.first += count;
        let taken: Vec<Out> = tray.out.drain(..count as usize).collect();
        taken.iter().for_each(|out| self.forget_out(*out));
        taken
    }

    /// Everything for a destination comes back, and its numbers are over. Copies are told.
    pub(crate) fn take_back(&mut self, destination: PartitionId) -> (Vec<(u64, Left)>, Vec<u64>) {
        let tray = self.trays.remove(&destination).unwrap_or_default();
        let (copies, departed): (Vec<Out>, Vec<Out>) = tray.out.into_iter().partition(|out| out.is_copy);
        copies.iter().for_each(|copy| self.forget_out(*copy));
        let back = departed.into_iter().filter_map(|out| Some((out.sequence, self.let_go(out.sequence)?)));
        (back.collect(), copies.into_iter().map(|copy| copy.sequence).collect())
    }

    /// The first message for a destination goes nowhere if it has this number, which is used up: it, and its past if it is no
    /// copy.
    pub(crate) fn take_back_first(&mut self, destination: PartitionId, number: u64) -> Option<(u64, Option<Left>)> {
        let tray = self.trays.get_mut(&destination).filter(|tray| tray.first == number)?;
        let out = tray.out.pop_front()?;
        tray.first += 1;
        let left = self.left.get(&out.sequence).copied().filter(|_| !out.is_copy);
        self.forget_out(out);
        Some((out.sequence, left))
    }

    fn forget_out(&mut self, out: Out) {
        match out.is_copy {
            true => drop(self.copies.remove(&out.sequence)),
            false => drop(self.let_go(out.sequence)),
        }
    }

    /// What goes to a destination under a number.
    pub(crate) fn out(&self, destination: PartitionId, number: u64) -> Option<Out> {
        let tray = self.trays.get(&destination)?;
        tray.out.get(usize::try_from(number.checked_sub(tray.first)?).ok()?).copied()
    }

    /// Whether a copy for a destination is left when it has taken everything below a number.
    pub(crate) fn has_copies_from(&self, destination: PartitionId, below: u64) -> bool {
        self.trays.get(&destination).is_some_and(|tray| {
            let taken = usize::try_from(below.saturating_sub(tray.first)).unwrap_or(usize::MAX);
            tray.out.iter().skip(taken).any(|out| out.is_copy)
        })
    }

    /// Whether a destination has yet to take anything below a number.
    pub(crate) fn expects(&self, destination: PartitionId, below: u64) -> bool {
        self.trays.get(&destination).is_some_and(|tray| tray.first < below && !tray.out.is_empty())
    }

    pub(crate) fn has_tray(&self, destination: PartitionId) -> bool {
        self.trays.contains_key(&destination)
    }

    /// The first number that has not arrived from an origin.
    pub(crate) fn arrived(&self, origin: PartitionId) -> u64 {
        self.arrived.get(&origin).copied().unwrap_or(0)
    }

    pub(crate) fn note_arrived(&mut self, origin: PartitionId, below: u64) {
        let arrived = self.arrived.entry(origin).or_default();
        *arrived = (*arrived).max(below);
    }

    pub(crate) fn has_outgoing(&self) -> bool {
        !self.left.is_empty() || self.has_copies()
    }

    /// The next batch for the first destination after one.
    pub(crate) fn outgoing(&self, after: Option<PartitionId>) -> Option<Outgoing> {
        let mut trays = self.trays.iter().filter(|(id, tray)| Some(**id) > after && !tray.out.is_empty());
        let (&destination, tray) = trays.next()?;
        let keys = tray.out.iter().take(PARCELS_PER_BATCH).map(|out| out.sequence).collect();
        Some(Outgoing { destination, first: tray.first, keys })
    }

    /// Forgets partitions that do not exist any more.
    pub(crate) fn forget(&mut self, exists: &dyn Fn(PartitionId) -> bool) {
        self.arrived.retain(|origin, _| exists(*origin));
        self.trays.retain(|destination, tray| !tray.out.is_empty() || exists(*destination));
    }

    /// Appends everything: see snapshot.rs.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put(out, self.trays.len() as u64);
        for (destination, tray) in &self.trays {
            out.extend(destination.get().to_le_bytes());
            put(out, tray.first);
            put(out, tray.out.len() as u64);
            for Out { sequence, is_copy } in &tray.out {
                put(out, *sequence);
                put_left(out, if *is_copy { &COPY } else { &self.left[sequence] });
            }
        }
        put(out, self.arrived.len() as u64);
        for (origin, below) in &self.arrived {
            out.extend(origin.get().to_le_bytes());
            put(out, *below);
        }
        out.extend(self.missing.map(|id| id.get().to_le_bytes()).iter().flatten());
    }

    /// Reads what `put` wrote.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, &'static str> {
        let mut ways = Self::default();
        let mut before = None;
        for _ in 0..reader.varint()? {
            let destination = read_id(reader)?;
            rises(&mut before, destination)?;
            let mut tray = Tray { first: reader.varint()?, out: VecDeque::new() };
            for _ in 0..reader.varint()? {
                let (sequence, left) = (reader.varint()?, read_left(reader)?);
                let is_copy = left == COPY;
                let is_new = if is_copy { ways.copies.insert(sequence) } else { !ways.note_left(sequence, left) };
                if !is_new || (left.why == Departure::Replayed && !is_copy) {
                    return Err("a message has left twice");
                }
                tray.out.push_back(Out { sequence, is_copy });
            }
            ways.trays.insert(destination, tray);
        }
        before = None;
        for _ in 0..reader.varint()? {
            let origin = read_id(reader)?;
            rises(&mut before, origin)?;
            ways.arrived.insert(origin, reader.varint()?);
        }
        if reader.remaining() > 0 {
            ways.missing = Some(read_id(reader)?);
        }
        if ways.is_empty() { Err("a part of a queue that says nothing") } else { Ok(ways) }
    }
}

fn rises(before: &mut Option<PartitionId>, id: PartitionId) -> Result<(), &'static str> {
    if before.replace(id).is_some_and(|before| before >= id) { Err("partitions do not rise") } else { Ok(()) }
}

pub(crate) fn read_id(reader: &mut Reader<'_>) -> Result<PartitionId, &'static str> {
    Ok(PartitionId::new(u64::from_le_bytes(reader.array()?)))
}

/// How a copy is written: it has no past of its own.
const COPY: Left = Left {
    why: Departure::Replayed,
    receives: Receives { count: 0, last_at: Instant::EPOCH, first_at: Instant::EPOCH },
    is_over: false,
};

const OVER: u8 = 0x80;

fn put_left(out: &mut Vec<u8>, left: &Left) {
    out.push(left.why.byte() | if left.is_over { OVER } else { 0 });
    put_receives(out, left.receives);
}

fn read_left(reader: &mut Reader<'_>) -> Result<Left, &'static str> {
    let [byte] = reader.array()?;
    let why = Departure::read(byte & !OVER)?;
    Ok(Left { why, receives: read_receives(reader)?, is_over: byte & OVER != 0 })
}

/// `receives v │ if any: received at v │ first received at v`.
pub(crate) fn put_receives(out: &mut Vec<u8>, receives: Receives) {
    put(out, receives.count.into());
    if receives.count > 0 {
        put(out, receives.last_at.as_millis());
        put(out, receives.first_at.as_millis());
    }
}

/// Reads what `put_receives` wrote.
pub(crate) fn read_receives(reader: &mut Reader<'_>) -> Result<Receives, &'static str> {
    let count = u32::try_from(reader.varint()?).map_err(|_| "a receive count is larger than 32 bits")?;
    let mut receives = Receives { count, ..Receives::default() };
    if count > 0 {
        receives.last_at = Instant::from_millis(reader.varint()?);
        receives.first_at = Instant::from_millis(reader.varint()?);
    }
    Ok(receives)
}
