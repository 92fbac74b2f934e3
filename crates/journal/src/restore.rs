//! From checkpoints to partitions: the newest snapshot of each is handed out once, and bounds what the log may say.
//!
//! The chain is read from its newest file to its oldest, so that the first snapshot met of a partition is the one that
//! counts, and only one snapshot is in memory at a time. Every byte of every file is checked, counted or not.

use std::collections::{HashMap, HashSet};

use names::PartitionId;

use crate::{
    checkpoint::{Reader, Snapshot},
    error::{OpenError, ReplayError},
    io::Io,
    manifest::Manifest,
    record::Record,
};

/// The last sequence of each partition that has one.
pub(crate) type Sequences = HashMap<PartitionId, u64>;

pub(crate) type Restore<'a> = dyn FnMut(&Snapshot<'_>) -> Result<(), ReplayError> + 'a;

/// What the counting snapshot of a partition says about the log.
struct Floor {
    position: u64,
    sequence: u64,
    over: bool,
    /// The checkpoint it stands in.
    number: u64,
}

/// What must follow what, in every partition.
#[derive(Default)]
pub(crate) struct Order {
    floors: HashMap<PartitionId, Floor>,
    /// The last sequence seen in the log.
    seen: Sequences,
    /// Records before the log's beginning are gone, so a partition without a snapshot may begin anywhere.
    trimmed: bool,
    pub(crate) checkpoint_bytes: u64,
}

/// Reads all checkpoints and hands out what counts.
pub(crate) fn restore(io: &dyn Io, manifest: &Manifest, restore: &mut Restore<'_>) -> Result<Order, OpenError> {
    let mut order = Order { trimmed: manifest.base.chain.position > 1, ..Order::default() };
    let segments: HashSet<u64> = manifest.segments.iter().map(|segment| segment.number).collect();
    for (index, file) in manifest.checkpoints.iter().enumerate().rev() {
        let mut reader = Reader::open(io, file, manifest.base.chain.log_id)?;
        order.checkpoint_bytes += file.bytes;
        if index == 0 && !reader.header().complete {
            return Err(OpenError::corrupt(reader.place().0, 0, "the first checkpoint is not a complete one"));
        }
        loop {
            let (name, offset) = reader.place();
            let name = name.to_owned();
            let Some(snapshot) = reader.next()? else { break };
            let counts = order.take(&snapshot, file.number);
            if !counts.map_err(|why| OpenError::corrupt(&name, offset, why))? {
                continue;
            }
            if let Some(piece) =
                snapshot.pieces.iter().find(|piece| !piece.is_lost() && !segments.contains(&piece.segment))
            {
                let why = format!("a snapshot refers to segment {}, which the manifest does not list", piece.segment);
                return Err(OpenError::corrupt(&name, offset, why));
            }
            let refused = |error| OpenError::Restore { file: name, partition: snapshot.partition, error };
            restore(&snapshot).map_err(refused)?;
        }
    }
    Ok(order)
}

impl Order {
    /// Nothing restored yet; `trimmed` if records before the log's beginning are gone.
    pub(crate) fn new(trimmed: bool) -> Self {
        Self { trimmed, ..Self::default() }
    }

    /// Partitions restored.
    pub(crate) fn snapshots(&self) -> u64 {
        self.floors.len() as u64
    }

    /// Notes a snapshot if none of a newer checkpoint was noted. Says whether it was.
    pub(crate) fn take(&mut self, snapshot: &Snapshot<'_>, number: u64) -> Result<bool, String> {
        match self.floors.get(&snapshot.partition) {
            Some(floor) if floor.number == number => {
                Err(format!("partition {} stands in it twice", snapshot.partition))
            }
            Some(_) => Ok(false),
            None => {
                let (position, sequence, over) = (snapshot.position.get(), snapshot.sequence, snapshot.over);
                self.floors.insert(snapshot.partition, Floor { position, sequence, over, number });
                Ok(true)
            }
        }
    }

    /// Checks that `record` is the next of its partition. The writer checks the same before it takes an entry.
    pub(crate) fn check(&mut self, record: &Record<'_>) -> Result<(), String> {
        let partition = record.partition;
        let last = self.seen.insert(partition, record.sequence);
        let floor = self.floors.get(&partition);
        if let Some(floor) = floor
            && record.position.get() <= floor.position
            && record.sequence > floor.sequence
        {
            return Err(format!(
                "partition {partition} has sequence {} where its snapshot, which is later, ends at {}",
                record.sequence, floor.sequence
            ));
        }
        let expected = match (last, floor) {
            (Some(last), Some(floor)) if record.position.get() > floor.position && last < floor.sequence => {
                return Err(format!(
                    "partition {partition} has lost the sequences from {} to its snapshot's",
                    last + 1
                ));
            }
            (Some(last), _) => last + 1,
            (None, Some(floor)) if record.position.get() > floor.position => floor.sequence + 1,
            (None, Some(_)) => return Ok(()),
            (None, None) if self.trimmed => return Ok(()),
            (None, None) => 1,
        };
        if record.sequence == expected {
            return Ok(());
        }
        Err(format!("partition {partition} goes on with sequence {} where {expected} is next", record.sequence))
    }

    /// The log ends at `last`. Whatever a snapshot holds was durable before the checkpoint counted.
    pub(crate) fn check_end(&self, last: u64) -> Result<(), String> {
        let beyond = self.floors.iter().find(|(_, floor)| floor.position > last);
        let Some((partition, floor)) = beyond else { return Ok(()) };
        Err(format!(
            "the log ends at {last}, but the snapshot of partition {partition} holds position {}",
            floor.position
        ))
    }

    /// What the writer goes on with, and whether a partition it does not know may begin anywhere.
    pub(crate) fn finish(self) -> (Sequences, bool) {
        let Self { floors, seen: mut sequences, mut trimmed, .. } = self;
        for (partition, floor) in floors {
            let ended = sequences.get(&partition).is_none_or(|last| *last <= floor.sequence);
            if floor.over && ended {
                sequences.remove(&partition);
                trimmed = true;
            } else if ended {
                sequences.insert(partition, floor.sequence);
            }
        }
        (sequences, trimmed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use names::Position;

    const P: PartitionId = PartitionId::new(7);

    /// Sequences of one partition at positions, after a snapshot at (position, sequence): the first refusal.
    fn refusal(floor: Option<(u64, u64)>, trimmed: bool, records: &[(u64, u64)]) -> Option<u64> {
        let floor = floor.map(|(position, sequence)| (P, Floor { position, sequence, over: false, number: 1 }));
        let mut order = Order { floors: floor.into_iter().collect(), trimmed, ..Order::default() };
        let record = |(position, sequence)| Record {
            position: Position::new(position),
            partition: P,
            sequence,
            kind: 0,
            version: 1,
            key_id: 0,
            checksum: 0,
            payload: &[],
        };
        records.iter().find(|record_of| order.check(&record(**record_of)).is_err()).map(|(position, _)| *position)
    }

    #[test]
    fn without_a_snapshot_a_partition_begins_at_one_or_anywhere_in_a_trimmed_log() {
        assert_eq!(refusal(None, false, &[(5, 1), (9, 2), (10, 3)]), None);
        assert_eq!(refusal(None, false, &[(5, 2)]), Some(5));
        assert_eq!(refusal(None, true, &[(5, 20), (6, 21)]), None);
        assert_eq!(refusal(None, true, &[(5, 20), (6, 22)]), Some(6));
    }

    #[test]
    fn after_a_snapshot_a_partition_goes_on_with_its_next_sequence() {
        let floor = Some((100, 8));
        assert_eq!(refusal(floor, true, &[(101, 9), (105, 10)]), None);
        assert_eq!(refusal(floor, true, &[(101, 10)]), Some(101), "one was lost");
        assert_eq!(refusal(floor, true, &[(101, 8)]), Some(101), "one came twice");
        assert_eq!(refusal(floor, true, &[(101, 9), (105, 11)]), Some(105));
        assert_eq!(refusal(Some((100, 0)), false, &[(101, 1)]), None, "a partition without records");
    }

    #[test]
    fn what_a_snapshot_holds_reaches_up_to_it_and_not_beyond() {
        let floor = Some((100, 8));
        assert_eq!(refusal(floor, true, &[(90, 6), (95, 7), (100, 8), (101, 9)]), None);
        assert_eq!(refusal(floor, true, &[(95, 7), (101, 9)]), Some(101), "the eighth was lost");
        assert_eq!(refusal(floor, true, &[(95, 7), (101, 8)]), Some(101), "the eighth stands after its snapshot");
        assert_eq!(refusal(floor, true, &[(95, 7), (96, 9)]), Some(96));
        assert_eq!(refusal(floor, true, &[(99, 8), (100, 9)]), Some(100), "the ninth stands before its snapshot");
    }

    #[test]
    fn the_writer_goes_on_behind_snapshot_and_log_and_forgets_what_is_over() {
        let partition = PartitionId::new;
        let floor = |sequence, over| Floor { position: 10, sequence, over, number: 1 };
        let floors = [(1, 5, false), (2, 5, false), (3, 5, true), (4, 5, true)];
        let floors = floors.map(|(id, sequence, over)| (partition(id), floor(sequence, over))).into();
        let seen = [(2, 9), (3, 5), (4, 6), (5, 1)].map(|(id, sequence)| (partition(id), sequence)).into();
        let order = Order { floors, seen, ..Order::default() };
        assert!(order.check_end(10).is_ok() && order.check_end(9).is_err());
        let (sequences, trimmed) = order.finish();
        let expected = [(1, 5), (2, 9), (4, 6), (5, 1)].map(|(id, sequence)| (partition(id), sequence)).into();
        assert_eq!((sequences, trimmed), (expected, true));
    }
}
