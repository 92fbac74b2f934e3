//! Writes segments anew of which little is held, or which are small, so that neither holes nor files pile up.
//!
//! A queue that drains from its front gives whole pieces back and is never written again. What is left of others, a stuck
//! message here and there, is gathered: a segment is worth writing anew when less than half of its records are held, and
//! small segments as soon as there are several of them.

use crate::registry::{Choice, Stored, Use};
use crate::retire::by_owner;
use crate::store::Store;
use journal::{Kept, Piece, SegmentInfo, Source, StoreError};
use names::PartitionId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard, PoisonError};

/// A segment below this is small.
const SMALL_BYTES: u64 = 8 << 20;

/// So many small segments are written as one. Each record is thereby written again a few times at the most before its
/// segment is no longer small.
const SMALL_MAX: usize = 8;

/// Bytes read and written in one round, so that a round ends soon and a crash wastes little.
const ROUND_BYTES: u64 = 64 << 20;

type Partitions = Vec<(PartitionId, Arc<dyn Stored>)>;

impl Store {
    /// Writes the segments anew for which that is worth it. Says how many; nobody refers to them afterwards.
    pub(crate) fn compact(&self) -> Result<u64, StoreError> {
        let uses = self.uses();
        let damaged = self.damaged_segments();
        let segments = self.journal().segments();
        let sound: Vec<_> = segments.into_iter().filter(|segment| !damaged.contains(&segment.number)).collect();
        drop(damaged);
        let old = choose(&sound, &uses);
        self.registry.wake_users(self.shared(), &old);
        match self.rewrite(&self.registry.active(), &old) {
            Ok(()) => Ok(old.len() as u64),
            Err(StoreError::Damage(damage)) => {
                // What of it is sound is still served from where it is; copying a part of it would hide the rest.
                tracing::error!(%damage, "a segment is damaged; it is left as it is");
                self.damaged_segments()
                    .extend(old.iter().filter(|number| Source::Segment(**number).file() == damage.file));
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }

    /// What is held of each segment.
    fn uses(&self) -> BTreeMap<u64, Use> {
        let active = self.registry.active();
        let mut uses = self.registry.uses();
        for (piece, held) in active.iter().flat_map(|(_, one)| one.pieces()) {
            uses.entry(piece.segment).or_default().add(&piece, held);
        }
        uses
    }

    fn damaged_segments(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.damaged_segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rewrite(&self, partitions: &Partitions, old: &[u64]) -> Result<(), StoreError> {
        let mut kept = Vec::new();
        if old.is_empty() {
            return Ok(());
        }
        for (id, partition) in partitions {
            let pieces = partition.pieces();
            let mut own = Vec::new();
            for (piece, _) in pieces.iter().filter(|(piece, _)| old.contains(&piece.segment)) {
                self.gather(*id, &**partition, piece, &mut own)?;
            }
            let mut wanted = Vec::with_capacity(own.len());
            partition.choose(&own, Choice::Held, &mut wanted);
            let mut wanted = wanted.into_iter();
            own.retain(|_| wanted.next().unwrap_or(true));
            own.sort_unstable_by_key(|one: &Kept| one.key);
            let others = pieces.iter().map(|(piece, _)| piece).filter(|piece| !old.contains(&piece.segment));
            split_at(&mut own, others);
            kept.append(&mut own);
        }
        let mut pieces = by_owner(self.journal().write_segments(&kept)?);
        for (id, partition) in partitions {
            let affected = partition.pieces().iter().any(|(piece, _)| old.contains(&piece.segment));
            if affected {
                partition.replace(old, pieces.remove(id).unwrap_or_default());
            }
        }
        Ok(())
    }

    fn gather(
        &self,
        id: PartitionId,
        partition: &dyn Stored,
        piece: &Piece,
        kept: &mut Vec<Kept>,
    ) -> Result<(), StoreError> {
        let read = self.journal().read_piece(piece, piece.first_key, usize::MAX, &mut |record, place| {
            if let Some((key, time)) = partition.content_key(record) {
                kept.push(Kept { partition: id, key, time, place, starts_piece: false });
            }
        });
        read.map_err(StoreError::Damage)
    }
}

/// Begins a new piece wherever one that stays lies between two keys: pieces of a partition never overlap.
fn split_at<'a>(kept: &mut [Kept], others: impl Iterator<Item = &'a Piece>) {
    for piece in others {
        let after = kept.partition_point(|one| one.key < piece.first_key);
        if let Some(first) = kept.get_mut(after) {
            first.starts_piece = true;
        }
    }
}

/// The segments that are worth writing anew, within the bounds of one round.
fn choose(segments: &[SegmentInfo], uses: &BTreeMap<u64, Use>) -> Vec<u64> {
    let in_use = |segment: &&SegmentInfo| uses.get(&segment.number).is_some_and(|one| one.held > 0);
    let live_bytes = |segment: &SegmentInfo| {
        let Use { held, records } = uses.get(&segment.number).copied().unwrap_or_default();
        segment.bytes * held / records.max(1)
    };
    let thin = |segment: &SegmentInfo| uses.get(&segment.number).is_some_and(|one| one.held * 2 < one.records);
    let (thin, dense): (Vec<&SegmentInfo>, Vec<&SegmentInfo>) =
        segments.iter().filter(in_use).partition(|segment| thin(segment));
    let small: Vec<_> = dense.into_iter().filter(|segment| segment.bytes < SMALL_BYTES).collect();
    let small = if small.len() >= SMALL_MAX { small } else { Vec::new() };
    let mut round = 0;
    let mut chosen = BTreeSet::new();
    for segment in thin.into_iter().chain(small) {
        round += live_bytes(segment);
        if round > ROUND_BYTES && !chosen.is_empty() {
            break;
        }
        chosen.insert(segment.number);
    }
    chosen.into_iter().collect()
}
