//! Signatures that the ledger brings; replaced when it is merged.
use crate::{Damage, Journal, Piece, Record, SegmentInfo, StoreError, Kept, Place};
use names::{PartitionId, Position};
use std::borrow::Cow;

/// A partition at a position.
pub struct Snapshot<'a> {
    /// Whose.
    pub partition: PartitionId,
    /// Position.
    pub position: Position,
    /// Sequence.
    pub sequence: u64,
    /// Version.
    pub version: u8,
    /// Tombstone.
    pub over: bool,
    /// Pieces.
    pub pieces: Cow<'a, [Piece]>,
    /// State.
    pub state: Cow<'a, [u8]>,
}
/// A closed file.
#[derive(Debug, Clone, Copy)]
pub struct ClosedFile {
    /// Number.
    pub number: u64,
    /// First.
    pub first: Position,
    /// Last.
    pub last: Position,
    /// Bytes.
    pub bytes: u64,
}
/// Checkpoint.
pub struct Checkpoint<'a> {
    /// All.
    pub complete: bool,
    /// Snapshots.
    pub snapshots: &'a mut dyn Iterator<Item = Snapshot<'static>>,
    /// Retire.
    pub retire: Option<ClosedFile>,
    /// Drop.
    pub drop_segments: &'a [u64],
}
impl Journal {
    /// x
    pub fn closed_file(&self) -> Option<ClosedFile> { unimplemented!() }
    /// x
    pub fn closed_files(&self) -> usize { unimplemented!() }
    /// x
    pub fn scan(&self, _file: &ClosedFile, _visit: &mut dyn FnMut(&Record<'_>, Place)) -> Result<(), Damage> { unimplemented!() }
    /// x
    pub fn write_segments(&self, _kept: &[Kept]) -> Result<Vec<(PartitionId, Piece)>, StoreError> { unimplemented!() }
    /// x
    pub fn read_piece(&self, _piece: &Piece, _from_key: u64, _bytes: usize, _visit: &mut dyn FnMut(&Record<'_>, Place)) -> Result<(), Damage> { unimplemented!() }
    /// x
    pub fn read_log(&self, _positions: &[Position], _visit: &mut dyn FnMut(&Record<'_>)) -> Result<(), Damage> { unimplemented!() }
    /// x
    pub fn checkpoint(&self, _checkpoint: Checkpoint<'_>) -> Result<(), StoreError> { unimplemented!() }
    /// x
    pub fn segments(&self) -> Vec<SegmentInfo> { unimplemented!() }
    /// x
    pub fn checkpoint_bytes(&self) -> (u64, u64) { unimplemented!() }
}
