//! Segments: immutable files that keep records beyond the log file they were written to.
//!
//! ```text
//! | header page | records | index | records | index | … | directory | zeros | footer page |
//!               |  piece of one   | piece of the next   |
//!               |  partition      | partition           |
//! ```
//!
//! Records stand byte for byte as in the log, with their own checksums, keys rising within a piece. A segment gets its
//! name only after it was synced, so a named one is whole; it counts only once a checkpoint lists it, so one that no
//! list names is a crash's leftover. Nothing is ever written to a segment again. The pictures of the parts stand in
//! `frame`, `index`, `piece` and in `docs/formats/segment.md`.
//!
//! `plan` decides what stands where, `writer` and `gather` copy, `reader` and `step` read, `verify` doubts everything.

mod ends;
mod frame;
mod gather;
mod index;
mod piece;
mod place;
mod plan;
mod reader;
mod rebadge;
mod recent;
mod step;
mod verify;
mod writer;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use names::PartitionId;

use crate::{
    aside,
    error::{Damage, Fault, OpenError, StoreError},
    io::{Io, IoFile},
    limits::{INDEXES_KEPT, PAGE_BYTES, SEGMENT_FORMAT, SEGMENTS_OPEN},
    record::Record,
};

use index::Index;
use plan::{DATA_OFFSET, FilePlan};
use reader::PieceReader;
use recent::Recent;
use verify::Verify;
use writer::Writer;

pub use piece::Piece;
pub use place::{Kept, Place, Source};
pub use plan::SegmentSizes;
pub(crate) use rebadge::rebadge;

const HALF_MADE: &str = ".tmp";

/// The name of segment `number`.
pub(crate) fn segment_name(number: u64) -> String {
    format!("segment-{number:016}.tw")
}

/// The name of segment `number` until it is whole and synced. No number is given twice, so no two attempts share one.
fn half_made_name(number: u64) -> String {
    format!("segment-{number:016}{HALF_MADE}")
}

/// What a list of segments says about one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its number, which is its name.
    pub number: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Records in it.
    pub records: u64,
    /// The checksum of its footer, which covers its directory: another file under this name is noticed.
    pub footer_crc: u32,
}

/// What `Segments::verify` found in a sound segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentReport {
    /// Its number.
    pub number: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Pieces in it.
    pub pieces: u64,
    /// Records in it.
    pub records: u64,
    /// Bytes of these records, headers included.
    pub record_bytes: u64,
}

/// What a reader of a piece is shown: each record and where it stands. The record's position is zero, because raw
/// records carry none.
pub type Visit<'a> = dyn FnMut(&Record<'_>, Place) + 'a;

/// The segments of one journal.
pub struct Segments {
    io: Arc<dyn Io>,
    log_id: u64,
    sizes: SegmentSizes,
    hurt: Vec<(u64, Damage)>,
    state: Mutex<State>,
}

struct State {
    next_number: u64,
    infos: BTreeMap<u64, SegmentInfo>,
    files: Recent<u64, Arc<dyn IoFile>>,
    indexes: Recent<Piece, Arc<Index>>,
}

impl Segments {
    /// The segments that `listed` names, each of which must be there and be the listed one. Their records are checked when
    /// they are read, or by `verify`; damage at a segment's ends, or its being cut, is told by `hurt`.
    pub fn open(io: Arc<dyn Io>, log_id: u64, listed: &[SegmentInfo]) -> Result<Self, OpenError> {
        Self::open_perhaps_without(io, log_id, listed, false)
    }

    /// The same; `without_lost` takes a segment that is missing, or another than the listed one, for a damaged one.
    pub fn open_perhaps_without(
        io: Arc<dyn Io>,
        log_id: u64,
        listed: &[SegmentInfo],
        without_lost: bool,
    ) -> Result<Self, OpenError> {
        let mut hurt = Vec::new();
        for info in listed {
            let damage = ends::check_listed(&*io, log_id, info, without_lost)?;
            hurt.extend(damage.map(|damage| (info.number, damage)));
        }
        let names = io.list().map_err(Fault::of("journal", "list of the folder"))?;
        let seen = names.iter().filter_map(|name| Self::is_ours(name)).max().unwrap_or(0);
        let state = State {
            next_number: seen + 1,
            infos: listed.iter().map(|info| (info.number, *info)).collect(),
            files: Recent::new(SEGMENTS_OPEN),
            indexes: Recent::new(INDEXES_KEPT),
        };
        Ok(Self { io, log_id, sizes: SegmentSizes::default(), hurt, state: Mutex::new(state) })
    }

    /// What `listed` names, taken as it comes: for a check, which is to find all that is wrong and not only the first.
    pub(crate) fn unchecked(io: Arc<dyn Io>, log_id: u64, listed: &[SegmentInfo]) -> Self {
        let state = State {
            next_number: u64::MAX,
            infos: listed.iter().map(|info| (info.number, *info)).collect(),
            files: Recent::new(SEGMENTS_OPEN),
            indexes: Recent::new(INDEXES_KEPT),
        };
        Self { io, log_id, sizes: SegmentSizes::default(), hurt: Vec::new(), state: Mutex::new(state) }
    }

    /// The same with other sizes, for tests and simulations.
    #[must_use]
    pub fn with_sizes(self, sizes: SegmentSizes) -> Self {
        Self { sizes, ..self }
    }

    /// What was wrong at the open with segments that serve all the same what of them is sound, by their numbers.
    pub fn hurt(&self) -> &[(u64, Damage)] {
        &self.hurt
    }

    /// What is wrong now with the ends of a listed segment.
    pub fn look_again(&self, number: u64) -> Option<Damage> {
        let info = *self.state().infos.get(&number)?;
        match ends::check_listed(&*self.io, self.log_id, &info, true) {
            Ok(damage) => damage,
            Err(error) => Some(Damage { may_pass: true, ..Damage::at(&segment_name(number), 0, error.to_string()) }),
        }
    }

    /// The number in `name` if it is a segment's, whole or half-made. One that no list names is a crash's leftover.
    pub fn is_ours(name: &str) -> Option<u64> {
        let rest = name.strip_prefix("segment-")?;
        let digits = rest.strip_suffix(".tw").or_else(|| rest.strip_suffix(HALF_MADE))?;
        let plain = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten()
    }

    /// Whether `name` is that of a half-made segment: a crash's leftover whatever the lists say.
    pub fn is_half_made(name: &str) -> bool {
        name.ends_with(HALF_MADE) && Self::is_ours(name).is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every segment that is there, by number: those of the open and those written since, without those removed.
    pub fn list(&self) -> Vec<SegmentInfo> {
        self.state().infos.values().copied().collect()
    }

    /// The number of the next segment, above all that were ever seen.
    pub fn next_number(&self) -> u64 {
        self.state().next_number
    }

    fn take_number(&self) -> u64 {
        let mut state = self.state();
        state.next_number += 1;
        state.next_number - 1
    }

    /// Writes the records, sorted by partition and key, into new segments. When it returns they are durable and named;
    /// the pieces come in the order of `kept`. A partition has several if it is cut, or where a record starts one.
    ///
    /// On an error there is nothing new: a full disk, a damaged record of a source, or a failed write, none of them
    /// tried again.
    pub fn write(&self, kept: &[Kept]) -> Result<Vec<(PartitionId, Piece)>, StoreError> {
        let plans = plan::plan(kept, &self.sizes, &mut || self.take_number());
        let infos = self.make_files(kept, &plans).inspect_err(|_| self.remove_made(&plans))?;
        self.state().infos.extend(infos.into_iter().map(|info| (info.number, info)));
        let mut pieces: Vec<_> = plans.into_iter().flat_map(|plan| plan.pieces).collect();
        pieces.sort_unstable_by_key(|plan| plan.kept.start);
        Ok(pieces.into_iter().map(|plan| (plan.partition, plan.piece)).collect())
    }

    fn make_files(&self, kept: &[Kept], plans: &[FilePlan]) -> Result<Vec<SegmentInfo>, StoreError> {
        if plans.is_empty() {
            return Ok(Vec::new());
        }
        let mut writer = Writer::new(&*self.io, self.log_id, kept, plans, self.sizes.copy_bytes);
        let infos = plans.iter().map(|plan| writer.write(plan)).collect::<Result<Vec<_>, _>>()?;
        for FilePlan { number, .. } in plans {
            let half_made = half_made_name(*number);
            self.io.rename(&half_made, &segment_name(*number)).map_err(Fault::of(&half_made, "rename"))?;
        }
        self.io.sync_names().map_err(Fault::of("journal", "sync of the folder"))?;
        Ok(infos)
    }

    /// Gives back what a failed attempt holds. What cannot be removed is a leftover, which the next open removes.
    fn remove_made(&self, plans: &[FilePlan]) {
        for FilePlan { number, .. } in plans {
            let _ = self.io.remove(&half_made_name(*number));
            let _ = self.io.remove(&segment_name(*number));
        }
    }

    /// Visits records of a piece, keys rising, until at least `bytes` bytes of records were visited or the piece ends.
    ///
    /// Records carry no key, so the visit begins with the first record of the step in which `from_key` stands if it is
    /// there at all: the visitor skips what he did not ask for. That step is read to its end. Every record is checked
    /// before it is shown; damage does not end the visit, the sound records behind it follow, and the first damage is
    /// returned at the end.
    pub fn read(&self, piece: &Piece, from_key: u64, bytes: usize, visit: &mut Visit<'_>) -> Result<(), Damage> {
        if let Some(damage) = piece.damage() {
            return Err(damage);
        }
        if from_key > piece.last_key {
            return Ok(());
        }
        let name = &segment_name(piece.segment);
        self.check_bounds(piece, name)?;
        let file = self.file(piece.segment)?;
        let index = self.index(&*file, name, piece)?;
        PieceReader { file: &*file, name, piece, index: &index }.visit(from_key, bytes, visit)
    }

    /// Whether the piece lies inside the data of a segment that is there.
    fn check_bounds(&self, piece: &Piece, name: &str) -> Result<(), Damage> {
        let Some(info) = self.state().infos.get(&piece.segment).copied() else {
            return Err(Damage::at(name, piece.offset, "a piece is of a segment that is not listed"));
        };
        let end = info.bytes - PAGE_BYTES as u64;
        let inside = piece.offset >= DATA_OFFSET && piece.end().is_some_and(|piece_end| piece_end <= end);
        if inside { Ok(()) } else { Err(Damage::at(name, piece.offset, "a piece does not lie inside its segment")) }
    }

    fn file(&self, number: u64) -> Result<Arc<dyn IoFile>, Damage> {
        if let Some(file) = self.state().files.get(&number) {
            return Ok(file);
        }
        let file: Arc<dyn IoFile> = Arc::from(self.open_file(number)?);
        self.state().files.put(number, Arc::clone(&file));
        Ok(file)
    }

    fn open_file(&self, number: u64) -> Result<Box<dyn IoFile>, Damage> {
        let name = segment_name(number);
        self.io.open(&name).map_err(Damage::unreadable(&name, 0))
    }

    fn index(&self, file: &dyn IoFile, name: &str, piece: &Piece) -> Result<Arc<Index>, Damage> {
        if let Some(index) = self.state().indexes.get(piece) {
            return Ok(index);
        }
        let index = Arc::new(reader::read_index(file, name, self.log_id, piece)?);
        self.state().indexes.put(*piece, Arc::clone(&index));
        Ok(index)
    }

    /// Refuses a segment that a newer version wrote: what this one cannot read is not damaged, and not to be repaired.
    pub(crate) fn refuse_newer(&self, number: u64) -> Result<(), OpenError> {
        let Ok(file) = self.open_file(number) else { return Ok(()) };
        match ends::read(&*file, self.log_id, number, false) {
            Err(ends::Flaw::Newer(found)) => Err(OpenError::newer(&segment_name(number), found, SEGMENT_FORMAT)),
            _ => Ok(()),
        }
    }

    /// Reads the whole file: every checksum, count and order, and that padding is zero. A segment that is not listed is
    /// verified by what it says itself.
    pub fn verify(&self, number: u64) -> Result<SegmentReport, Damage> {
        let file = self.open_file(number)?;
        let verify = Verify::begin(&*file, self.log_id, number)?;
        let (footer, crc) = verify.footer();
        let listed = self.state().infos.get(&number).copied();
        if listed.is_some_and(|listed| listed != ends::info_of(footer, crc)) {
            let at = footer.identity.file_bytes - PAGE_BYTES as u64;
            return Err(Damage::at(&segment_name(number), at, "the footer is not that of the segment that is listed"));
        }
        verify.run()
    }

    /// Shows every piece of a segment, partitions and their keys rising, for tools.
    pub fn pieces(&self, number: u64, visit: &mut dyn FnMut(PartitionId, &Piece)) -> Result<(), Damage> {
        let file = self.open_file(number)?;
        Verify::begin(&*file, self.log_id, number)?.directory(&mut |_, partition, piece| {
            visit(partition, piece);
            Ok(())
        })
    }

    /// Keeps segments that no list names any more beside the log, because parts of them are damaged. Of one that is missing
    /// altogether the note is kept.
    pub(crate) fn set_aside(&self, numbers: &[u64]) -> Result<(), Fault> {
        for number in numbers {
            match aside::set_aside(&*self.io, &segment_name(*number)) {
                Err(fault) if fault.error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
            self.forget(*number);
        }
        Ok(())
    }

    fn forget(&self, number: u64) {
        let mut state = self.state();
        state.infos.remove(&number);
        state.files.forget(|known| *known == number);
        state.indexes.forget(|piece| piece.segment == number);
    }

    /// Unlinks segments that no list names any more. One that is missing already is fine. The names are gone for good
    /// after the folder's next sync; until then a crash may bring back leftovers.
    pub fn remove(&self, numbers: &[u64]) -> Result<(), Fault> {
        for number in numbers {
            let name = segment_name(*number);
            match self.io.remove(&name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other.map_err(Fault::of(&name, "remove"))?,
            }
            self.forget(*number);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_names_are_ours() {
        assert_eq!(Segments::is_ours(&segment_name(42)), Some(42));
        assert_eq!(Segments::is_ours(&half_made_name(42)), Some(42));
        assert!(Segments::is_half_made(&half_made_name(7)) && !Segments::is_half_made(&segment_name(7)));
        for other in ["segment-7.tw", "segment-000000000000000x.tw", "segment-+000000000000001.tmp", "spare.tmp"] {
            assert_eq!(Segments::is_ours(other), None, "{other}");
            assert!(!Segments::is_half_made(other));
        }
    }
}
