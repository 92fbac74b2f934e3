//! A user of the whole journal, as small as one can be: partitions that hold keyed contents, and a history that knows
//! what they must hold.
//!
//! `User` keeps of each partition only which keys are held and where their contents stand; it retires log files, writes
//! checkpoints and compacts segments. `History` knows every record ever appended, by position. After a crash the user
//! that was restored must be the one that the history up to the log's end makes, with every content found exactly once.

#![allow(dead_code, reason = "every test file uses its own part of the model")]

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use journal::{
    AppendError, Checkpoint, ClosedFile, Damage, Entry, Io, Journal, Kept, OpenError, Piece, Place, Record, Snapshot,
    StoreError, Urgency, sim::SimDisk,
};
use names::{Instant, PartitionId, Position};

const BRING: u8 = 1;
const DROP: u8 = 2;
const END: u8 = 3;

/// What one record did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    Bring(u64),
    Drop(u64),
    End,
}

/// The content of a key: bytes that follow from partition and key, of very different lengths.
pub(crate) fn content(partition: u64, key: u64) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(partition << 32 | key);
    let len = if rng.u8(..10) == 0 { rng.usize(2000..7000) } else { rng.usize(..700) };
    let mut bytes = key.to_le_bytes().to_vec();
    bytes.extend((0..len).map(|_| rng.u8(..)));
    bytes
}

fn key_of(payload: &[u8]) -> u64 {
    u64::from_le_bytes(payload[..8].try_into().expect("a payload begins with its key"))
}

impl Deed {
    fn read(record: &Record<'_>) -> Self {
        match record.kind {
            BRING => Self::Bring(key_of(record.payload)),
            DROP => Self::Drop(key_of(record.payload)),
            END => Self::End,
            other => panic!("kind {other} was never written"),
        }
    }

    fn payload(&self, partition: u64) -> (u8, Vec<u8>) {
        match self {
            Self::Bring(key) => (BRING, content(partition, *key)),
            Self::Drop(key) => (DROP, key.to_le_bytes().to_vec()),
            Self::End => (END, Vec::new()),
        }
    }
}

/// What a partition holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) keys: BTreeSet<u64>,
    pub(crate) sequence: u64,
    pub(crate) next_key: u64,
    pub(crate) over: bool,
}

impl Held {
    fn apply(&mut self, deed: &Deed) {
        self.sequence += 1;
        match deed {
            Deed::Bring(key) => {
                self.keys.insert(*key);
                self.next_key = key + 1;
            }
            Deed::Drop(key) => assert!(self.keys.remove(key), "only held keys are dropped"),
            Deed::End => {
                self.keys.clear();
                self.over = true;
            }
        }
    }
}

/// Every record ever appended; the first has position 1.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) deeds: Vec<(u64, Deed)>,
    pub(crate) durable: u64,
    pub(crate) marks: Vec<(u64, u64)>,
}

impl History {
    /// What partitions hold at `position`.
    pub(crate) fn at(&self, position: u64) -> BTreeMap<u64, Held> {
        let mut all: BTreeMap<u64, Held> = BTreeMap::new();
        for (partition, deed) in &self.deeds[..usize::try_from(position).expect("it is short")] {
            all.entry(*partition).or_default().apply(deed);
        }
        all
    }

    pub(crate) fn mark(&mut self, journal: &Journal, disk: &SimDisk) {
        self.durable = journal.durable().get();
        self.marks.push((disk.ops(), self.durable));
    }

    /// The history as it must be found after a crash at boundary `op`: everything may be there, what was durable must.
    pub(crate) fn as_of(&self, op: u64) -> Self {
        let durable = self.marks.iter().rfind(|(ops, _)| *ops <= op).map_or(0, |(_, durable)| *durable);
        Self { deeds: self.deeds.clone(), durable, marks: Vec::new() }
    }
}

#[derive(Debug, Default)]
struct Partition {
    held: Held,
    /// The last record's position.
    last: u64,
    /// Keys whose contents stand in the log.
    in_log: BTreeMap<u64, u64>,
    pieces: Vec<Piece>,
    /// The restored snapshot's position.
    floor: u64,
    changed: bool,
}

/// The user.
#[derive(Default)]
pub(crate) struct User {
    partitions: BTreeMap<u64, Partition>,
    /// Written, and then not needed: for the next checkpoint to drop.
    orphans: Vec<u64>,
    pub(crate) retired: u64,
    pub(crate) compacted: u64,
    pub(crate) restored: u64,
}

fn encode(held: &Held) -> Vec<u8> {
    let numbers = [held.next_key].into_iter().chain(held.keys.iter().copied());
    numbers.flat_map(u64::to_le_bytes).collect()
}

fn decode(snapshot: &Snapshot<'_>) -> Held {
    let mut numbers = snapshot.state.chunks_exact(8).map(key_of);
    let next_key = numbers.next().expect("a state has a number at least");
    Held { keys: numbers.collect(), sequence: snapshot.sequence, next_key, over: snapshot.over }
}

impl User {
    /// Opens, and checks all that comes back against the history, which then ends where the log does.
    pub(crate) fn open(disk: &SimDisk, history: &mut History) -> Result<(Journal, Self), OpenError> {
        Self::open_on(Arc::new(disk.clone()), history)
    }

    /// The same on a disk that does something of its own.
    pub(crate) fn open_on(io: Arc<dyn Io>, history: &mut History) -> Result<(Journal, Self), OpenError> {
        let user = std::cell::RefCell::new(Self::default());
        let journal = Journal::open(
            io,
            super::model::options(),
            &mut |snapshot| {
                user.borrow_mut().restore(snapshot, history);
                Ok(())
            },
            &mut |record| {
                user.borrow_mut().replay(record, history);
                Ok(())
            },
        )?;
        let user = user.into_inner();
        let last = journal.recovery().last.get();
        assert!(last >= history.durable, "{} was durable, and the log ends at {last}", history.durable);
        assert!(last <= history.deeds.len() as u64, "the log ends at {last}, beyond what was appended");
        assert_eq!(journal.recovery().snapshots, user.restored);
        history.deeds.truncate(usize::try_from(last).expect("it is short"));
        history.marks.clear();
        history.durable = last;
        user.check(&journal, history);
        Ok((journal, user))
    }

    fn restore(&mut self, snapshot: &Snapshot<'_>, history: &History) {
        let id = snapshot.partition.get();
        let held = decode(snapshot);
        let expected =
            history.at(snapshot.position.get()).remove(&id).expect("only partitions that were have snapshots");
        assert_eq!(held, expected, "the snapshot of partition {id} at {}", snapshot.position);
        assert_eq!(snapshot.version, 3);
        let (pieces, floor) = (snapshot.pieces.to_vec(), snapshot.position.get());
        let before = self.partitions.insert(id, Partition { held, pieces, floor, last: floor, ..Partition::default() });
        assert!(before.is_none(), "partition {id} was restored twice");
        self.restored += 1;
    }

    fn replay(&mut self, record: &Record<'_>, history: &History) {
        let (id, position) = (record.partition.get(), record.position.get());
        let deed = Deed::read(record);
        let index = usize::try_from(position - 1).expect("it is short");
        assert_eq!(history.deeds.get(index), Some(&(id, deed.clone())), "position {position}");
        let partition = self.partitions.entry(id).or_default();
        if position > partition.floor {
            partition.held.apply(&deed);
            assert_eq!(partition.held.sequence, record.sequence);
            partition.last = position;
            partition.changed = true;
        }
        match deed {
            Deed::Bring(key) if partition.held.keys.contains(&key) => {
                assert_eq!(record.payload, content(id, key));
                partition.in_log.insert(key, position);
            }
            _ => partition.in_log.retain(|key, _| partition.held.keys.contains(key)),
        }
    }

    /// Holds everything against the history.
    pub(crate) fn check(&self, journal: &Journal, history: &History) {
        let expected = history.at(history.deeds.len() as u64);
        for (id, held) in &expected {
            match self.partitions.get(id) {
                Some(partition) => assert_eq!(partition.held, *held, "partition {id}"),
                None => assert!(held.over, "partition {id} is lost"),
            }
        }
        assert!(self.partitions.keys().all(|id| expected.contains_key(id)), "a partition was invented");
        match self.check_contents(journal) {
            Err(damage) if !is_off(&damage) => panic!("what was stored is damaged: {damage}"),
            _ => {}
        }
    }

    /// Every held key's content is found once.
    fn check_contents(&self, journal: &Journal) -> Result<(), Damage> {
        let mut positions = BTreeMap::new();
        for (id, partition) in &self.partitions {
            let mut found: Vec<u64> = partition.in_log.keys().copied().collect();
            positions.extend(partition.in_log.iter().map(|(key, position)| (Position::new(*position), (*id, *key))));
            for piece in &partition.pieces {
                let keys = piece_records(journal, *id, piece)?.into_keys();
                found.extend(keys.filter(|key| partition.held.keys.contains(key)));
            }
            found.sort_unstable();
            assert_eq!(found, partition.held.keys.iter().copied().collect::<Vec<_>>(), "contents of partition {id}");
        }
        let wanted: Vec<_> = positions.keys().copied().filter(|position| *position <= journal.durable()).collect();
        let mut seen = Vec::new();
        journal.read_log(&wanted, &mut |record| {
            let (id, key) = positions[&record.position];
            assert_eq!((record.partition.get(), record.payload), (id, &content(id, key)[..]));
            seen.push(record.position);
        })?;
        assert_eq!(seen, wanted, "contents in the log");
        Ok(())
    }

    /// Appends one record.
    fn append(&mut self, journal: &Journal, history: &mut History, id: u64, deed: Deed) -> Result<(), AppendError> {
        let partition = self.partitions.entry(id).or_default();
        let (kind, payload) = deed.payload(id);
        let sequence = partition.held.sequence + 1;
        let entry = Entry { partition: PartitionId::new(id), sequence, kind, version: 1, key_id: 0, payload: &payload };
        let position = match deed {
            Deed::Bring(_) => journal.append(&[entry], Urgency::Now)?,
            Deed::Drop(_) | Deed::End => journal.append_freeing(&[entry], Urgency::Now)?,
        };
        partition.held.apply(&deed);
        partition.last = position.get();
        partition.changed = true;
        if let Deed::Bring(key) = deed {
            partition.in_log.insert(key, position.get());
        }
        partition.in_log.retain(|key, _| partition.held.keys.contains(key));
        history.deeds.push((id, deed));
        assert_eq!(position.get(), history.deeds.len() as u64, "positions are dense");
        Ok(())
    }

    /// Brings a new content.
    pub(crate) fn bring(&mut self, journal: &Journal, history: &mut History, id: u64) -> Result<(), AppendError> {
        let key = self.partitions.get(&id).map_or(0, |partition| partition.held.next_key);
        self.append(journal, history, id, Deed::Bring(key))
    }

    /// Drops the oldest, the newest or any content that is held, if one is.
    pub(crate) fn drop_one(
        &mut self,
        journal: &Journal,
        history: &mut History,
        rng: &mut fastrand::Rng,
    ) -> Result<bool, AppendError> {
        let held = self.partitions.iter().filter(|(_, partition)| !partition.held.keys.is_empty());
        let Some((id, partition)) = rng.choice(held.collect::<Vec<_>>()) else { return Ok(false) };
        let keys = &partition.held.keys;
        let key = match rng.u8(..4) {
            0 => keys.last(),
            1 => keys.iter().nth(rng.usize(..keys.len())),
            _ => keys.first(),
        };
        let (id, key) = (*id, *key.expect("it holds a key"));
        self.append(journal, history, id, Deed::Drop(key)).map(|()| true)
    }

    /// Ends a partition; its id is not used again.
    pub(crate) fn end(&mut self, journal: &Journal, history: &mut History, id: u64) -> Result<(), AppendError> {
        self.append(journal, history, id, Deed::End)
    }

    /// A partition that is not over, out of few.
    pub(crate) fn choose(&self, history: &History, rng: &mut fastrand::Rng) -> u64 {
        let over: BTreeSet<u64> =
            history.deeds.iter().filter(|(_, deed)| *deed == Deed::End).map(|(id, _)| *id).collect();
        let open: Vec<u64> = (1..).filter(|id| !over.contains(id)).take(5).collect();
        open[rng.usize(..open.len())]
    }

    /// Retires the oldest closed log file.
    pub(crate) fn retire(&mut self, journal: &Journal, complete: bool) -> Result<bool, StoreError> {
        let Some(file) = journal.closed_file() else { return Ok(false) };
        let mut kept = Vec::new();
        journal.scan(&file, &mut |record, place| kept.extend(self.keep(record, place)))?;
        kept.sort_unstable_by_key(|kept: &Kept| (kept.partition, kept.key));
        let written = journal.write_segments(&kept)?;
        self.checkpoint(journal, complete, Some(file), written, &BTreeSet::new())?;
        self.retired += 1;
        Ok(true)
    }

    fn keep(&self, record: &Record<'_>, place: Place) -> Option<Kept> {
        let Deed::Bring(key) = Deed::read(record) else { return None };
        let holds = self.partitions.get(&record.partition.get())?.held.keys.contains(&key);
        let time = Instant::from_millis(key);
        holds.then_some(Kept { partition: record.partition, key, time, place, starts_piece: false })
    }

    /// Writes what is held of one or two segments into new ones.
    pub(crate) fn compact(&mut self, journal: &Journal, rng: &mut fastrand::Rng) -> Result<bool, StoreError> {
        let all: BTreeSet<u64> =
            self.partitions.values().flat_map(|partition| &partition.pieces).map(|p| p.segment).collect();
        let Some(first) = rng.choice(all.iter().copied()) else { return Ok(false) };
        let old: BTreeSet<u64> =
            [first].into_iter().chain(rng.choice(all.iter().copied()).filter(|_| rng.bool())).collect();
        let mut kept = Vec::new();
        for (id, partition) in &self.partitions {
            for piece in partition.pieces.iter().filter(|piece| old.contains(&piece.segment)) {
                for (key, place) in piece_records(journal, *id, piece)? {
                    let (whose, time) = (PartitionId::new(*id), Instant::from_millis(key));
                    let keep = Kept { partition: whose, key, time, place, starts_piece: false };
                    kept.extend(partition.held.keys.contains(&key).then_some(keep));
                }
            }
        }
        kept.sort_unstable_by_key(|kept: &Kept| (kept.partition, kept.key));
        let written = journal.write_segments(&kept)?;
        self.checkpoint(journal, false, None, written, &old)?;
        self.compacted += 1;
        Ok(true)
    }

    /// Snapshots what changed, or all; new pieces count only if that succeeds.
    pub(crate) fn checkpoint(
        &mut self,
        journal: &Journal,
        complete: bool,
        retire: Option<ClosedFile>,
        written: Vec<(PartitionId, Piece)>,
        replaced: &BTreeSet<u64>,
    ) -> Result<(), StoreError> {
        let new: BTreeSet<u64> = written.iter().map(|(_, piece)| piece.segment).collect();
        // What snapshots contain must be durable before. A journal that has stopped refuses the checkpoint below.
        let _ = journal.commit();
        let before = self.segments();
        for partition in self.partitions.values_mut() {
            let count = partition.pieces.len();
            let held = &partition.held.keys;
            partition.pieces.retain(|piece| {
                !replaced.contains(&piece.segment) && held.range(piece.first_key..=piece.last_key).next().is_some()
            });
            partition.changed |= partition.pieces.len() != count;
        }
        for (id, piece) in written {
            let partition = self.partitions.get_mut(&id.get()).expect("records of known partitions were kept");
            partition.pieces.push(piece);
            partition.changed = true;
        }
        let now = self.segments();
        let mut drop_segments: Vec<u64> = before.difference(&now).copied().collect();
        drop_segments.append(&mut self.orphans.clone());
        let position = journal.durable();
        let chosen = self.partitions.iter().filter(|(_, partition)| complete || partition.changed);
        let mut snapshots = chosen.map(|(id, partition)| Snapshot {
            partition: PartitionId::new(*id),
            // Any position up to which nothing else came will do.
            position: if partition.last % 2 == 0 { position } else { Position::new(partition.last) },
            sequence: partition.held.sequence,
            version: 3,
            over: partition.held.over,
            sealed: false,
            pieces: Cow::Borrowed(&partition.pieces),
            state: Cow::Owned(encode(&partition.held)),
        });
        let checkpoint = Checkpoint {
            complete,
            snapshots: &mut snapshots,
            retire,
            drop_segments: &drop_segments,
            set_aside: &[],
            stands: &|| true,
        };
        let done = journal.checkpoint(checkpoint);
        drop(snapshots);
        if let Err(error) = done {
            // The pieces stay as they are: they are there, and the next checkpoint lists them. Only their contents are
            // found twice until the file is retired, so this user takes them back.
            for partition in self.partitions.values_mut() {
                partition.pieces.retain(|piece| !new.contains(&piece.segment));
            }
            self.orphans.extend(new);
            return Err(error);
        }
        self.settle(complete, retire);
        Ok(())
    }

    fn segments(&self) -> BTreeSet<u64> {
        self.partitions.values().flat_map(|partition| &partition.pieces).map(|piece| piece.segment).collect()
    }

    fn settle(&mut self, complete: bool, retire: Option<ClosedFile>) {
        self.orphans.clear();
        for partition in self.partitions.values_mut() {
            partition.changed = false;
            if let Some(file) = retire {
                partition.in_log.retain(|_, position| *position > file.last.get());
            }
        }
        if let (true, Some(file)) = (complete, retire) {
            // A tombstone is needed as long as the log has records of its partition.
            self.partitions.retain(|_, partition| !partition.held.over || partition.last > file.last.get());
        }
    }
}

/// Keys and places of a piece's records, whose contents are checked.
fn piece_records(journal: &Journal, id: u64, piece: &Piece) -> Result<BTreeMap<u64, Place>, Damage> {
    let mut records = BTreeMap::new();
    journal.read_piece(piece, 0, usize::MAX, &mut |record, place| {
        let key = key_of(record.payload);
        assert_eq!((record.partition.get(), record.payload), (id, &content(id, key)[..]));
        assert!(records.insert(key, place).is_none(), "key {key} stands twice in a piece");
    })?;
    assert_eq!(records.len(), piece.records as usize);
    Ok(records)
}

/// The disk is off, which is no damage.
pub(crate) fn is_off(damage: &Damage) -> bool {
    damage.why.contains("the power is off")
}
