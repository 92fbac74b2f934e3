//! Writes segments anew of which little is held, or which are small, so that neither holes nor files pile up.
//!
//! A queue that drains from its front gives whole pieces back and is never written again. What is left of others, a stuck
//! message here and there, is gathered: a segment is worth writing anew when less than half of its records are held, and
//! small segments as soon as there are several of them. A damaged one is given up after a few rounds, or at once if the
//! start read its ends and they were damaged (`suspects.rs`): what of it is sound is written anew, what is not is told to
//! be lost.

use crate::registry::{Choice, Stored, Use};
use crate::retire::by_owner;
use crate::store::Store;
use journal::{Damage, Kept, Piece, SegmentInfo, Source, StoreError};
use names::PartitionId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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
        self.look_at_ends();
        let uses = self.uses();
        let mut segments = self.journal().segments();
        let mut written = 0;
        let is_hurt = |info: &mut SegmentInfo| self.suspects.is_given_up(Source::Segment(info.number));
        let hurt: Vec<_> = segments.extract_if(.., is_hurt).filter(|info| uses.contains_key(&info.number)).collect();
        // Each by itself, so that memory is taken for one, and damage in none of the others puts it off.
        for SegmentInfo { number, .. } in hurt {
            written += self.rewrite_all(&[number])?;
        }
        Ok(written + self.rewrite_all(&choose(&segments, &uses))?)
    }

    /// Looks once more at the ends of segments that could not be read.
    fn look_at_ends(&self) {
        for number in self.suspects.ends_in_doubt() {
            match self.journal().look_again_at(number) {
                None => self.suspects.acquit(Source::Segment(number)),
                Some(damage) => {
                    tracing::error!(%damage, "an end of a segment is damaged");
                    self.suspects.doubt_ends(number, &damage);
                }
            }
        }
    }

    /// Writes segments anew. Damage in one of them puts it off, until the segment is given up.
    pub(crate) fn rewrite_all(&self, old: &[u64]) -> Result<u64, StoreError> {
        self.registry.wake_users(self.shared(), old);
        match self.rewrite(&self.registry.active(), old) {
            Ok(()) => Ok(old.len() as u64),
            Err(StoreError::Damage(damage)) => {
                tracing::error!(%damage, "a segment is damaged; it is not written anew in this round");
                let hurt = old.iter().map(|number| Source::Segment(*number)).find(|one| one.file() == damage.file);
                if let Some(source) = hurt {
                    self.suspects.accuse(source, &damage);
                }
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

    fn rewrite(&self, partitions: &Partitions, old: &[u64]) -> Result<(), StoreError> {
        let (mut kept, mut lost) = (Vec::new(), BTreeMap::<_, Vec<Piece>>::new());
        if old.is_empty() {
            return Ok(());
        }
        for (id, partition) in partitions {
            let pieces = partition.pieces();
            let (mut own, mut missing) = (Vec::new(), Vec::new());
            for (piece, _) in pieces.iter().filter(|(piece, _)| old.contains(&piece.segment)) {
                missing.extend(self.gather(*id, &**partition, piece, &mut own)?);
            }
            let mut wanted = Vec::with_capacity(own.len());
            partition.choose(&own, Choice::Held, &mut wanted);
            let mut wanted = wanted.into_iter();
            own.retain(|_| wanted.next().unwrap_or(true));
            own.sort_unstable_by_key(|one: &Kept| one.key);
            let others = pieces.iter().map(|(piece, _)| piece).filter(|piece| !old.contains(&piece.segment));
            split_at(&mut own, others.chain(&missing));
            lost.insert(*id, missing);
            kept.append(&mut own);
        }
        let mut pieces = by_owner(self.journal().write_segments(&kept)?);
        for (id, partition) in partitions {
            let affected = partition.pieces().iter().any(|(piece, _)| old.contains(&piece.segment));
            if affected {
                let mut new = pieces.remove(id).unwrap_or_default();
                new.extend(lost.remove(id).unwrap_or_default());
                partition.replace(old, new);
            }
        }
        Ok(())
    }

    /// Adds the records of a piece to `kept`. Of a segment that is given up it returns what is missing.
    fn gather(
        &self,
        id: PartitionId,
        partition: &dyn Stored,
        piece: &Piece,
        kept: &mut Vec<Kept>,
    ) -> Result<Vec<Piece>, StoreError> {
        let (source, before) = (Source::Segment(piece.segment), kept.len());
        let read = self.journal().read_piece(piece, piece.first_key, usize::MAX, &mut |record, place| {
            if let Some((key, time)) = partition.content_key(record) {
                kept.push(Kept { partition: id, key, time, place, starts_piece: false });
            }
        });
        match read {
            Ok(()) => Ok(Vec::new()),
            Err(damage) if self.suspects.is_given_up(source) => {
                let missing = missing(partition, piece, &kept[before..], &damage);
                let messages: u64 = missing.iter().map(|lost| u64::from(lost.records)).sum();
                if let (Some(first), Some(last)) = (missing.first(), missing.last()) {
                    let keys = first.first_key..=last.last_key;
                    tracing::error!(
                        %damage, partition = %id, messages, ?keys, "a part of a segment cannot be read; what was held is lost"
                    );
                }
                Ok(missing)
            }
            Err(damage) => Err(StoreError::Damage(damage)),
        }
    }
}

/// What is held of a piece and is not among the records that could be read, which come in order.
fn missing(partition: &dyn Stored, piece: &Piece, read: &[Kept], damage: &Damage) -> Vec<Piece> {
    let (mut missing, mut next) = (Vec::new(), piece.first_key);
    for key in read.iter().map(|kept| kept.key).chain([piece.last_key.saturating_add(1)]) {
        let held = u32::try_from(partition.held_within(next..key)).expect("a piece has few records");
        if held > 0 {
            missing.push(Piece::lost(Source::Segment(piece.segment), damage.offset, next..=key - 1, held));
        }
        next = key.saturating_add(1);
    }
    missing
}

/// Begins a new piece wherever one that stays lies between two keys: pieces of a partition never overlap.
pub(crate) fn split_at<'a>(kept: &mut [Kept], others: impl Iterator<Item = &'a Piece>) {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of those chosen of segments with so many bytes, records held and records.
    fn chosen(segments: &[(u64, u64, u64)]) -> Vec<u64> {
        let numbered = || (1..).zip(segments);
        let info = |(number, &(bytes, _, records)): (u64, &_)| SegmentInfo { number, bytes, records, footer_crc: 0 };
        let segments: Vec<_> = numbered().map(info).collect();
        let uses = numbered().map(|(number, &(_, held, records))| (number, Use { held, records })).collect();
        choose(&segments, &uses)
    }

    #[test]
    fn a_segment_is_written_anew_when_less_than_half_of_it_is_held_and_something_is() {
        let large = SMALL_BYTES;
        let segments = [(large, 49, 100), (large, 50, 100), (large, 0, 100), (large, 1, 100), (large, 100, 100)];
        assert_eq!(chosen(&segments), [1, 4]);
    }

    #[test]
    fn small_segments_are_written_anew_when_there_are_eight_of_them() {
        let small = (SMALL_BYTES - 1, 100, 100);
        assert!(chosen(&[small; 7]).is_empty());
        assert_eq!(chosen(&[small; 8]), [1, 2, 3, 4, 5, 6, 7, 8]);
        let mut seven_and_a_large_one = vec![small; 7];
        seven_and_a_large_one.push((SMALL_BYTES, 100, 100));
        assert!(chosen(&seven_and_a_large_one).is_empty());
    }

    #[test]
    fn a_round_ends_where_it_would_write_too_much_but_never_before_the_first_segment() {
        let thin = (ROUND_BYTES, 25, 100);
        assert_eq!(chosen(&[thin; 5]), [1, 2, 3, 4], "a quarter each");
        assert_eq!(chosen(&[(ROUND_BYTES * 4, 40, 100); 2]), [1]);
    }
}
