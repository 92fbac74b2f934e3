//! Puts what of a closed log file is still held into segments, slice by slice, so that a file of tiny messages costs no more
//! memory than one of large ones.
//!
//! Records are asked about some thousands at once, and what is held is written as soon as it is a slice. Nobody refers to a
//! slice before the whole file is through: what a failure leaves behind is a segment of nobody.

use crate::compact::split_at;
use crate::registry::{Choice, Stored};
use crate::store::Store;
use journal::{Kept, Piece, Place, Record, StoreError};
use names::PartitionId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Records whose partitions are asked at once whether they hold them: 1 MiB of places.
const ASKED_RECORDS: usize = 16 << 10;

/// Held records in a slice: 4 MiB of places.
const SLICE_RECORDS: usize = 64 << 10;

/// Slices of bytes in a full segment: each is larger than a segment that is called small, so that it is not soon written again.
pub(crate) const SLICES_IN_A_SEGMENT: u64 = 4;

/// Pieces that are lost, by partition.
pub(crate) type Lost = BTreeMap<PartitionId, Vec<Piece>>;

/// A log file on its way into segments.
pub(crate) struct Slices<'a> {
    store: &'a Store,
    /// Keys between which no piece may reach; then everything is written in one go.
    lost: Option<&'a Lost>,
    partitions: BTreeMap<PartitionId, Option<Arc<dyn Stored>>>,
    asked: Vec<Kept>,
    asked_bytes: u64,
    held: Vec<Kept>,
    held_bytes: u64,
    done: Done,
    failed: Option<StoreError>,
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Done {
    /// Where the held records stand now.
    pub(crate) pieces: Vec<(PartitionId, Piece)>,
    /// How many they are.
    pub(crate) records: u64,
    /// The active partitions that have records in the file.
    pub(crate) partitions: BTreeMap<PartitionId, Arc<dyn Stored>>,
}

impl<'a> Slices<'a> {
    pub(crate) fn new(store: &'a Store, lost: Option<&'a Lost>) -> Self {
        Self {
            store,
            lost,
            partitions: BTreeMap::new(),
            asked: Vec::with_capacity(ASKED_RECORDS),
            asked_bytes: 0,
            held: Vec::new(),
            held_bytes: 0,
            done: Done::default(),
            failed: None,
        }
    }

    /// Takes the next record of the file.
    pub(crate) fn take(&mut self, record: &Record<'_>, place: Place) {
        let (store, id) = (self.store, record.partition);
        // Of what rests, nothing stands in the log alone.
        let partition = self.partitions.entry(id).or_insert_with(|| store.registry.get_active(id));
        let key = partition.as_ref().and_then(|partition| partition.content_key(record));
        let Some((key, time)) = key.filter(|_| self.failed.is_none()) else { return };
        self.asked.push(Kept { partition: id, key, time, place, starts_piece: false });
        self.asked_bytes += u64::from(place.bytes);
        if self.asked.len() < ASKED_RECORDS && self.asked_bytes < store.slice_bytes {
            return;
        }
        self.sift();
        let is_full = self.held.len() >= SLICE_RECORDS || self.held_bytes >= store.slice_bytes;
        if is_full && self.lost.is_none() {
            self.failed = self.write().err();
        }
    }

    /// Writes the rest.
    pub(crate) fn finish(mut self) -> Result<Done, StoreError> {
        self.sift();
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.write()?;
        let active = |(id, partition): (PartitionId, Option<Arc<dyn Stored>>)| Some((id, partition?));
        Ok(Done { partitions: self.partitions.into_iter().filter_map(active).collect(), ..self.done })
    }

    /// Keeps what is held of the records that were taken.
    fn sift(&mut self) {
        self.asked.sort_unstable_by_key(|one| (one.partition, one.key));
        let mut wanted = Vec::with_capacity(self.asked.len());
        for own in self.asked.chunk_by(|a, b| a.partition == b.partition) {
            if let Some(Some(partition)) = self.partitions.get(&own[0].partition) {
                partition.choose(own, Choice::HeldAndUnsegmented, &mut wanted);
            }
        }
        let held = self.asked.drain(..).zip(wanted).filter(|(_, wanted)| *wanted).map(|(kept, _)| kept);
        let before = self.held.len();
        self.asked_bytes = 0;
        self.held.extend(held);
        self.held_bytes += self.held[before..].iter().map(|kept| u64::from(kept.place.bytes)).sum::<u64>();
    }

    fn write(&mut self) -> Result<(), StoreError> {
        self.held.sort_unstable_by_key(|one| (one.partition, one.key));
        for own in self.held.chunk_by_mut(|a, b| a.partition == b.partition) {
            let lost = self.lost.and_then(|lost| lost.get(&own[0].partition));
            split_at(own, lost.into_iter().flatten());
        }
        self.done.pieces.append(&mut self.store.journal().write_segments(&self.held)?);
        self.done.records += self.held.len() as u64;
        self.held.clear();
        self.held_bytes = 0;
        Ok(())
    }
}
