//! A machine small enough to see through, with contents: an album into which pictures are put, looked at and taken out.

use engine::{Content, Decision, Effect, Machine, MalformedRecord};
use names::{Instant, Position};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

pub(crate) const FAMILY: u8 = 9;

/// What is in it, by number, without the pictures.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Album {
    next: u64,
    there: BTreeSet<u64>,
    burnt: bool,
}

#[derive(Debug, Clone)]
#[allow(dead_code, reason = "not every suite asks for everything")]
pub(crate) enum Command {
    /// Puts pictures in; answered with the first one's number.
    Put(Vec<Vec<u8>>),
    /// Looks at so many of the oldest pictures.
    Look(usize),
    Remove(Vec<u64>),
    RemoveBelow(u64),
    /// The whole album goes.
    Burn,
    /// A bug comes to light.
    Trip,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Change {
    Put(u64, Picture),
    Removed(u64),
    RemovedBelow(u64),
    Burnt,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Picture(pub(crate) Arc<[u8]>);

impl Content for Picture {
    fn bytes(&self) -> usize {
        self.0.len()
    }
}

fn number(payload: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(payload.get(..8)?.try_into().ok()?))
}

impl Effect for Change {
    fn kind(&self) -> u8 {
        match self {
            Self::Put(..) => 1,
            Self::Removed(_) => 2,
            Self::RemovedBelow(_) => 3,
            Self::Burnt => 4,
        }
    }

    fn version(&self) -> u8 {
        1
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Put(key, picture) => {
                out.extend(key.to_be_bytes());
                out.extend(&*picture.0);
            }
            Self::Removed(key) | Self::RemovedBelow(key) => out.extend(key.to_be_bytes()),
            Self::Burnt => {}
        }
    }

    fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, MalformedRecord> {
        match (kind, number(payload)) {
            (1, Some(key)) => Ok(Self::Put(key, Picture(payload[8..].into()))),
            (2, Some(key)) => Ok(Self::Removed(key)),
            (3, Some(key)) => Ok(Self::RemovedBelow(key)),
            (4, _) => Ok(Self::Burnt),
            _ => Err(MalformedRecord { kind, version, why: "not of an album" }),
        }
    }

    fn content_key(kind: u8, _version: u8, payload: &[u8]) -> Option<(u64, Instant)> {
        (kind == 1).then(|| number(payload)).flatten().map(|key| (key, Instant::from_millis(key)))
    }

    fn frees(&self) -> bool {
        !matches!(self, Self::Put(..))
    }
}

impl Album {
    /// The last number given.
    #[allow(dead_code, reason = "not every suite asks for everything")]
    pub(crate) fn last(&self) -> u64 {
        self.next
    }
}

impl Machine for Album {
    type Command = Command;
    type Effect = Change;
    type Reply = Vec<u64>;
    type Content = Picture;

    const SNAPSHOT_VERSION: u8 = 1;

    fn advance(&mut self, _: Instant) {}

    fn decide(&self, _: Instant, command: Command) -> Decision<Change, Vec<u64>> {
        match command {
            Command::Put(pictures) => {
                let numbered = pictures.into_iter().zip(self.next + 1..);
                let changes = numbered.map(|(picture, key)| Change::Put(key, Picture(picture.into()))).collect();
                Decision::change(changes, vec![self.next + 1])
            }
            Command::Look(count) => {
                let reads: Vec<u64> = self.there.iter().take(count).copied().collect();
                Decision { reads: reads.clone(), ..Decision::answer(reads) }
            }
            Command::Remove(keys) => {
                let there: Vec<u64> = keys.into_iter().filter(|key| self.there.contains(key)).collect();
                Decision::change(there.iter().copied().map(Change::Removed).collect(), there)
            }
            Command::RemoveBelow(key) => Decision::change(vec![Change::RemovedBelow(key)], Vec::new()),
            Command::Burn => Decision::change(vec![Change::Burnt], Vec::new()),
            Command::Trip => panic!("an album trips"),
        }
    }

    fn apply(&mut self, _: Position, change: &Change, gone: &mut Vec<u64>) {
        match change {
            Change::Put(key, _) => {
                assert_eq!(
                    *key,
                    self.next + 1,
                    "an effect is applied twice, or to an album whose beginning is missing"
                );
                self.next = *key;
                self.there.insert(*key);
            }
            Change::Removed(key) => {
                self.there.remove(key);
                gone.push(*key);
            }
            Change::RemovedBelow(key) => self.there.retain(|there| there >= key),
            Change::Burnt => {
                self.there.clear();
                self.burnt = true;
            }
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        None
    }

    fn ready(&self) -> usize {
        self.there.len()
    }

    fn content(change: Change) -> Option<(u64, Picture)> {
        if let Change::Put(key, picture) = change { Some((key, picture)) } else { None }
    }

    fn holds(&self, key: u64) -> bool {
        self.there.contains(&key)
    }

    fn first_held(&self) -> u64 {
        if self.burnt { u64::MAX } else { self.there.first().copied().unwrap_or(self.next + 1) }
    }

    fn held_within(&self, keys: Range<u64>) -> u64 {
        self.there.range(keys).count() as u64
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        out.extend(self.next.to_be_bytes());
        self.there.iter().for_each(|key| out.extend(key.to_be_bytes()));
    }

    fn restore(version: u8, state: &[u8]) -> Result<Self, MalformedRecord> {
        let keys = state.chunks(8).map(|chunk| number(chunk).ok_or("cut off"));
        let keys: Vec<u64> = keys.collect::<Result<_, _>>().map_err(|why| MalformedRecord { kind: 0, version, why })?;
        Ok(Self { next: keys[0], there: keys[1..].iter().copied().collect(), burnt: false })
    }

    fn is_over(&self) -> bool {
        self.burnt
    }
}
