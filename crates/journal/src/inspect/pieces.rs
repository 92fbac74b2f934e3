//! The pieces that counting snapshots refer to, held against the directories of their segments.
//!
//! Each must be there with the very fields that the snapshot says, under its partition.

use std::collections::{BTreeMap, HashSet};

use names::PartitionId;

use crate::{
    checkpoint::Snapshot,
    error::Damage,
    segment::{Piece, Segments},
};

/// One piece as a snapshot refers to it.
struct Reference {
    partition: PartitionId,
    piece: Piece,
    /// The checkpoint, and where in it the snapshot stands.
    checkpoint: u64,
    offset: u64,
}

/// Pieces by their segment.
#[derive(Default)]
pub(super) struct Pieces {
    checkpoints: Vec<String>,
    by_segment: BTreeMap<u64, Vec<Reference>>,
}

impl Pieces {
    /// Notes what a snapshot refers to.
    pub(super) fn note(&mut self, checkpoint: &str, offset: u64, snapshot: &Snapshot<'_>) {
        if self.checkpoints.last().is_none_or(|last| last != checkpoint) {
            self.checkpoints.push(checkpoint.to_owned());
        }
        let checkpoint = self.checkpoints.len() as u64 - 1;
        for piece in snapshot.pieces.iter().filter(|piece| !piece.is_lost()) {
            let reference = Reference { partition: snapshot.partition, piece: *piece, checkpoint, offset };
            self.by_segment.entry(piece.segment).or_default().push(reference);
        }
    }

    /// Those of one segment.
    pub(super) fn of(&self, segment: u64) -> impl Iterator<Item = (PartitionId, Piece)> {
        let references = self.by_segment.get(&segment).into_iter().flatten();
        references.map(|reference| (reference.partition, reference.piece))
    }

    /// Tells every piece that its segment does not have. Says how many were looked for.
    pub(super) fn check(&self, segments: &Segments, tell: &mut dyn FnMut(Damage, String)) -> u64 {
        let mut looked_for = 0;
        for (segment, references) in &self.by_segment {
            let mut there: HashSet<(PartitionId, [u8; Piece::BYTES])> = HashSet::new();
            let read = segments.pieces(*segment, &mut |partition, piece| {
                there.insert((partition, piece.encode()));
            });
            looked_for += references.len() as u64;
            if read.is_err() {
                // Its damage has been told.
                continue;
            }
            for Reference { partition, piece, checkpoint, offset } in references {
                if there.contains(&(*partition, piece.encode())) {
                    continue;
                }
                let name = &self.checkpoints[usize::try_from(*checkpoint).expect("checkpoints are few")];
                let why =
                    format!("the snapshot of partition {partition} names a piece that segment {segment} does not have");
                let lost = format!(
                    "{} records of partition {partition}, keys {} to {}",
                    piece.records, piece.first_key, piece.last_key
                );
                tell(Damage::at(name, *offset, why), lost);
            }
        }
        looked_for
    }
}
