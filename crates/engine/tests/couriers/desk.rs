//! A machine small enough to see through that sends to others: a desk on which letters lie, until they are passed on.

use engine::{Arrival, Content, Decision, Delivery, Effect, Machine, MalformedRecord, Outgoing};
use names::{Instant, PartitionId, Position};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

pub(crate) const FAMILY: u8 = 9;

/// Letters of one batch: small, so that few letters are several batches.
const BATCH_LETTERS_MAX: usize = 3;

#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Desk {
    next: u64,
    lying: BTreeMap<u64, ()>,
    outgoing: BTreeMap<PartitionId, Tray>,
    /// By origin, up to where its letters are here.
    seen: BTreeMap<PartitionId, u64>,
    /// Letters that came although they had been here.
    pub(crate) dropped: u64,
    closed: bool,
}

#[derive(Debug, Default, Clone, PartialEq)]
struct Tray {
    first: u64,
    keys: VecDeque<u64>,
}

#[derive(Debug)]
pub(crate) enum Command {
    Write(Vec<u8>),
    /// Sends everything that lies here to another desk.
    PassOn(PartitionId),
    Look,
    Arrive(Arrival),
    Conclude(Delivery),
    Close,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Lies(u64, Letter),
    PassedOn(PartitionId, Vec<u64>),
    Seen(PartitionId, u64),
    Taken(PartitionId, u64),
    Returned(PartitionId),
    Skipped(PartitionId, u64),
    Closed,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Letter(pub(crate) Vec<u8>);

impl Content for Letter {
    fn bytes(&self) -> usize {
        self.0.len()
    }
}

fn words(payload: &[u8]) -> Vec<u64> {
    payload.chunks_exact(8).map(|word| u64::from_be_bytes(word.try_into().unwrap())).collect()
}

impl Effect for Change {
    fn kind(&self) -> u8 {
        match self {
            Self::Lies(..) => 1,
            Self::PassedOn(..) => 2,
            Self::Seen(..) => 3,
            Self::Taken(..) => 4,
            Self::Returned(_) => 5,
            Self::Skipped(..) => 6,
            Self::Closed => 7,
        }
    }

    fn version(&self) -> u8 {
        1
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let mut put = |words: &[u64]| words.iter().for_each(|word| out.extend(word.to_be_bytes()));
        match self {
            Self::Lies(key, letter) => {
                put(&[*key]);
                out.extend(&letter.0);
            }
            Self::PassedOn(to, keys) => {
                put(&[to.get()]);
                put(keys);
            }
            Self::Seen(id, number) | Self::Taken(id, number) | Self::Skipped(id, number) => put(&[id.get(), *number]),
            Self::Returned(id) => put(&[id.get()]),
            Self::Closed => {}
        }
    }

    fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, MalformedRecord> {
        let words = words(payload);
        let id = || PartitionId::new(words[0]);
        Ok(match kind {
            1 => Self::Lies(words[0], Letter(payload[8..].into())),
            2 => Self::PassedOn(id(), words[1..].into()),
            3 => Self::Seen(id(), words[1]),
            4 => Self::Taken(id(), words[1]),
            5 => Self::Returned(id()),
            6 => Self::Skipped(id(), words[1]),
            7 => Self::Closed,
            _ => return Err(MalformedRecord { kind, version, why: "not of a desk" }),
        })
    }

    fn content_key(kind: u8, _version: u8, payload: &[u8]) -> Option<(u64, Instant)> {
        (kind == 1).then(|| (words(payload)[0], Instant::EPOCH))
    }

    fn frees(&self) -> bool {
        !matches!(self, Self::Lies(..))
    }
}

impl Desk {
    fn arrive(&self, arrival: Arrival) -> Decision<Change, Vec<u64>> {
        let seen = self.seen.get(&arrival.origin).copied().unwrap_or(0);
        let end = arrival.first + arrival.parcels.len() as u64;
        let new = (arrival.first..).zip(arrival.parcels).filter(|(number, _)| *number >= seen);
        let mut changes: Vec<_> =
            new.zip(self.next + 1..).map(|((_, letter), key)| Change::Lies(key, Letter(letter))).collect();
        changes.push(Change::Seen(arrival.origin, end.max(seen)));
        Decision::change(changes, Vec::new())
    }

    pub(crate) fn origins(&self) -> usize {
        self.seen.len()
    }

    fn put_back(&mut self, key: u64) {
        self.lying.insert(key, ());
    }

    fn waits(&self, key: u64) -> bool {
        self.outgoing.values().any(|tray| tray.keys.contains(&key))
    }
}

impl Machine for Desk {
    type Command = Command;
    type Effect = Change;
    type Reply = Vec<u64>;
    type Content = Letter;

    const SNAPSHOT_VERSION: u8 = 1;

    fn advance(&mut self, _: Instant) {}

    fn decide(&self, _: Instant, command: Command) -> Decision<Change, Vec<u64>> {
        let lying: Vec<u64> = self.lying.keys().copied().collect();
        match command {
            _ if self.closed => Decision::answer(Vec::new()),
            Command::Write(letter) => Decision::change(vec![Change::Lies(self.next + 1, Letter(letter))], Vec::new()),
            Command::PassOn(_) if lying.is_empty() => Decision::answer(lying),
            Command::PassOn(to) => Decision::change(vec![Change::PassedOn(to, lying)], Vec::new()),
            Command::Look => Decision { reads: lying.clone(), ..Decision::answer(lying) },
            Command::Arrive(arrival) => self.arrive(arrival),
            Command::Conclude(Delivery::Taken { destination, below }) => {
                Decision::change(vec![Change::Taken(destination, below)], Vec::new())
            }
            Command::Conclude(Delivery::Gone { destination }) => {
                Decision::change(vec![Change::Returned(destination)], Vec::new())
            }
            Command::Conclude(Delivery::Unreadable { destination, number }) => {
                Decision::change(vec![Change::Skipped(destination, number)], Vec::new())
            }
            Command::Close => Decision::change(vec![Change::Closed], Vec::new()),
        }
    }

    fn apply(&mut self, _: Position, change: &Change, gone: &mut Vec<u64>) {
        match change {
            Change::Lies(key, _) => {
                assert_eq!(*key, self.next + 1, "an effect is applied twice, or its predecessor is missing");
                self.next = *key;
                self.lying.insert(*key, ());
            }
            Change::PassedOn(to, keys) => {
                self.lying.retain(|key, ()| !keys.contains(key));
                self.outgoing.entry(*to).or_default().keys.extend(keys);
            }
            Change::Seen(origin, below) => {
                let before = self.seen.insert(*origin, *below);
                self.dropped += u64::from(before == Some(*below));
            }
            Change::Taken(to, below) => {
                let tray = self.outgoing.get_mut(to).unwrap();
                while tray.first < *below {
                    gone.extend(tray.keys.pop_front());
                    tray.first += 1;
                }
            }
            Change::Returned(to) => {
                let tray = self.outgoing.remove(to).unwrap_or_default();
                tray.keys.into_iter().for_each(|key| self.put_back(key));
            }
            Change::Skipped(to, number) => {
                let tray = self.outgoing.get_mut(to).unwrap();
                assert_eq!(tray.first, *number);
                tray.first += 1;
                let key = tray.keys.pop_front().unwrap();
                self.put_back(key);
            }
            Change::Closed => *self = Self { closed: true, ..Self::default() },
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        None
    }

    fn ready(&self) -> usize {
        self.lying.len()
    }

    fn content(change: Change) -> Option<(u64, Letter)> {
        if let Change::Lies(key, letter) = change { Some((key, letter)) } else { None }
    }

    fn holds(&self, key: u64) -> bool {
        self.lying.contains_key(&key) || self.waits(key)
    }

    fn first_held(&self) -> u64 {
        let waiting = self.outgoing.values().flat_map(|tray| &tray.keys);
        if self.closed { u64::MAX } else { self.lying.keys().chain(waiting).min().copied().unwrap_or(self.next + 1) }
    }

    fn held_within(&self, keys: Range<u64>) -> u64 {
        keys.filter(|key| self.holds(*key)).count() as u64
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        let mut put = |words: &[u64]| words.iter().for_each(|word| out.extend(word.to_be_bytes()));
        put(&[self.next, self.lying.len() as u64, self.outgoing.len() as u64]);
        self.lying.keys().for_each(|key| put(&[*key]));
        for (to, tray) in &self.outgoing {
            put(&[to.get(), tray.first, tray.keys.len() as u64]);
            tray.keys.iter().for_each(|key| put(&[*key]));
        }
        self.seen.iter().for_each(|(origin, below)| put(&[origin.get(), *below]));
    }

    fn restore(_: u8, state: &[u8]) -> Result<Self, MalformedRecord> {
        let mut words = words(state).into_iter();
        let mut next = || words.next().unwrap();
        let mut desk = Self { next: next(), ..Self::default() };
        let (lying, trays) = (next(), next());
        desk.lying = (0..lying).map(|_| (next(), ())).collect();
        for _ in 0..trays {
            let (to, first, count) = (PartitionId::new(next()), next(), next());
            desk.outgoing.insert(to, Tray { first, keys: (0..count).map(|_| next()).collect() });
        }
        let rest: Vec<u64> = words.collect();
        desk.seen = rest.chunks(2).map(|pair| (PartitionId::new(pair[0]), pair[1])).collect();
        Ok(desk)
    }

    fn is_over(&self) -> bool {
        self.closed
    }

    fn has_outgoing(&self) -> bool {
        self.outgoing.values().any(|tray| !tray.keys.is_empty())
    }

    fn outgoing(&self, after: Option<PartitionId>) -> Option<Outgoing> {
        let mut trays = self.outgoing.iter().filter(|(to, tray)| !tray.keys.is_empty() && Some(**to) > after);
        let (&destination, tray) = trays.next()?;
        let keys = tray.keys.iter().copied().take(BATCH_LETTERS_MAX).collect();
        Some(Outgoing { destination, first: tray.first, keys })
    }

    fn parcel(&self, _: PartitionId, _: u64, _: u64, letter: &Letter) -> Vec<u8> {
        letter.0.clone()
    }

    fn arrive(arrival: Arrival) -> Option<Command> {
        Some(Command::Arrive(arrival))
    }

    fn conclude(delivery: Delivery) -> Option<Command> {
        Some(Command::Conclude(delivery))
    }

    fn forget_origins(&mut self, exists: &dyn Fn(PartitionId) -> bool) {
        self.seen.retain(|origin, _| exists(*origin));
    }
}
