//! Looks at every byte of a folder that belongs to the log, without changing any, and says all that is wrong.
//!
//! An open refuses at the first damage; this goes on behind it and says of each place what is lost with it. What an
//! open would accept is no finding: a torn block at the very end, files that a crash left half-made. The caller holds
//! the folder's lock, or takes into account that somebody writes to it meanwhile.

mod contents;
mod cure;
mod pieces;
pub(crate) mod walk;

use std::{collections::HashSet, ops::ControlFlow, sync::Arc};

use names::{PartitionId, Position};

use crate::{
    aside,
    block::BLOCK_HEADER_BYTES,
    checkpoint::{Reader, Snapshot, checkpoint_number},
    error::{Damage, Fault, OpenError, ReplayError, Unreadable},
    io::Io,
    keys::read_keys,
    manifest::{self, Manifest},
    record::{RECORD_HEADER_BYTES, Record},
    restore::Order,
    segment::{Place, Segments, Source},
    shelf::{log_name, log_number},
};

pub use contents::{Item, Show, contents, files};
pub use cure::{Cure, Cured};
use pieces::Pieces;
use walk::{Block, End, Flaw, Gap, Lengths, Step};

/// Who looks on.
pub trait Inspector {
    /// The newest snapshot of a partition, as an open would restore it.
    fn snapshot(&mut self, snapshot: &Snapshot<'_>) -> Result<(), ReplayError>;
    /// The next record of the log, as an open would replay it.
    fn record(&mut self, record: &Record<'_>, place: Place) -> Result<(), ReplayError>;
    /// So many bytes of all were looked at.
    fn progress(&mut self, done: u64, all: u64);
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Files that belong to the log.
    pub files: u64,
    /// Blocks of the log.
    pub blocks: u64,
    /// Records in them.
    pub records: u64,
    /// Snapshots in checkpoints, outdated ones included.
    pub snapshots: u64,
    /// Records in segments.
    pub stored_records: u64,
    /// Pieces of segments that snapshots refer to.
    pub pieces: u64,
    /// Bytes of all that was looked at.
    pub bytes: u64,
}

/// Something that is wrong.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Where, and what.
    pub damage: Damage,
    /// What is lost with it, as a clause.
    pub lost: String,
    /// What a repair would do.
    pub cure: Cure,
}

/// What an inspection came to.
#[derive(Debug, Default)]
pub struct Report {
    /// What was looked at.
    pub checked: Checked,
    /// What is wrong, in the order in which it was met.
    pub findings: Vec<Finding>,
    /// What is unusual and not wrong.
    pub notes: Vec<String>,
    /// Which log it is.
    pub log_id: u64,
    /// The last position of the log.
    pub last: Position,
}

/// Looks at everything. An error says that it could not be looked at: a failing disk, or a newer format.
pub fn inspect(io: &Arc<dyn Io>, inspector: &mut dyn Inspector) -> Result<Report, OpenError> {
    let names = io.list().map_err(Fault::of("journal", "list"))?;
    let mut inspection =
        Inspection { io, inspector, report: Report::default(), order: None, names, done: 0, all: 0, newest: 0 };
    let manifest = inspection.manifest()?;
    inspection.all = inspection.bytes_of_all()?;
    inspection.report.log_id = manifest.base.chain.log_id;
    let trimmed = manifest.base.chain.position > 1;
    inspection.order = Some(Order::new(trimmed));
    let pieces = inspection.checkpoints(&manifest)?;
    inspection.log(&manifest)?;
    inspection.segments(&manifest, &pieces)?;
    inspection.keys()?;
    inspection.leftovers(&manifest);
    Ok(inspection.report)
}

struct Inspection<'a> {
    io: &'a Arc<dyn Io>,
    inspector: &'a mut dyn Inspector,
    report: Report,
    /// What must follow what; given up at the first damage, behind which it would find fault with everything.
    order: Option<Order>,
    names: Vec<String>,
    done: u64,
    all: u64,
    /// The highest position that any snapshot holds.
    newest: u64,
}

impl Inspection<'_> {
    fn find(&mut self, damage: Damage, lost: impl Into<String>, cure: Cure) {
        self.report.findings.push(Finding { damage, lost: lost.into(), cure });
    }

    fn passed(&mut self, bytes: u64) {
        self.done += bytes;
        self.report.checked.bytes += bytes;
        self.inspector.progress(self.done.min(self.all), self.all);
    }

    fn bytes_of_all(&self) -> Result<u64, OpenError> {
        let mut all = 0;
        for name in self.names.iter().filter(|name| is_counted(name)) {
            let file = self.io.open(name).map_err(Fault::of(name, "open"))?;
            all += file.len().map_err(Fault::of(name, "length"))?;
        }
        Ok(all)
    }

    /// The manifest; a damaged one is replaced by what the oldest log file says about itself, so that the rest can be
    /// looked at.
    fn manifest(&mut self) -> Result<Manifest, OpenError> {
        let damage = match manifest::read(&**self.io) {
            Ok(Some(manifest)) => {
                self.report.checked.files += 1;
                return Ok(manifest);
            }
            Ok(None) => Damage::at(manifest::MANIFEST, 0, "the file is missing"),
            Err(OpenError::Corrupt { file, offset, why }) => Damage::at(&file, offset, why),
            Err(other) => return Err(other),
        };
        let oldest = self.names.iter().filter_map(|name| log_number(name)).min();
        let Some(base) =
            oldest.map(|number| contents::begin_of(&**self.io, &log_name(number), number)).transpose()?.flatten()
        else {
            let why = format!("there is no log in this folder: {damage}");
            return Err(OpenError::Corrupt { file: damage.file, offset: damage.offset, why });
        };
        let cure = Cure::Refused(
            "which checkpoints and segments belong to the log cannot be known without it; restore a backup",
        );
        self.find(damage, "where the log begins and which files belong to it; checkpoints were not looked at", cure);
        self.order = None;
        Ok(Manifest::new(base))
    }

    /// Reads the checkpoints from the newest to the oldest; returns the pieces that count.
    fn checkpoints(&mut self, manifest: &Manifest) -> Result<Pieces, OpenError> {
        let mut pieces = Pieces::default();
        let segments: HashSet<u64> = manifest.segments.iter().map(|segment| segment.number).collect();
        for (index, listed) in manifest.checkpoints.iter().enumerate().rev() {
            self.report.checked.files += 1;
            let damage = match self.checkpoint(manifest, index, &segments, &mut pieces) {
                Ok(()) => continue,
                Err(Unreadable::Damage(damage)) => damage,
                Err(other) => return Err(other.into()),
            };
            self.order = None;
            let newest = index + 1 == manifest.checkpoints.len();
            let cure = Cure::checkpoint(manifest, listed.number);
            let lost =
                if newest { "what partitions were at the newest checkpoint" } else { "what some partitions were" };
            self.find(damage, lost, cure);
        }
        Ok(pieces)
    }

    fn checkpoint(
        &mut self,
        manifest: &Manifest,
        index: usize,
        segments: &HashSet<u64>,
        pieces: &mut Pieces,
    ) -> Result<(), Unreadable> {
        let listed = &manifest.checkpoints[index];
        let mut reader = Reader::open(&**self.io, listed, manifest.base.chain.log_id)?;
        let (name, _) = reader.place();
        let name = name.to_owned();
        if index == 0 && !reader.header().complete {
            return Err(Damage::at(&name, 0, "the first checkpoint is not a complete one").into());
        }
        loop {
            let (_, offset) = reader.place();
            let Some(snapshot) = reader.next()? else { break };
            self.report.checked.snapshots += 1;
            self.newest = self.newest.max(snapshot.position.get());
            let Some(order) = &mut self.order else { continue };
            if !order.take(&snapshot, listed.number).map_err(|why| Damage::at(&name, offset, why))? {
                continue;
            }
            if let Some(piece) =
                snapshot.pieces.iter().find(|piece| !piece.is_lost() && !segments.contains(&piece.segment))
            {
                let why = format!("a snapshot refers to segment {}, which the manifest does not list", piece.segment);
                return Err(Damage::at(&name, offset, why).into());
            }
            pieces.note(&name, offset, &snapshot);
            self.note_lost(&snapshot);
            self.inspector.snapshot(&snapshot).map_err(|error| {
                let why = format!("the snapshot of partition {} cannot be restored: {error}", snapshot.partition);
                Damage::at(&name, offset, why)
            })?;
        }
        self.passed(listed.bytes);
        Ok(())
    }

    /// What an earlier damage has cost is no new finding.
    fn note_lost(&mut self, snapshot: &Snapshot<'_>) {
        for (piece, damage) in snapshot.pieces.iter().filter_map(|piece| Some((piece, piece.damage()?))) {
            self.report.notes.push(format!(
                "{} records of partition {}, keys {} to {}, are lost: {damage}",
                piece.records, snapshot.partition, piece.first_key, piece.last_key
            ));
        }
    }

    fn log(&mut self, manifest: &Manifest) -> Result<(), OpenError> {
        let io = Arc::clone(self.io);
        let mut files = HashSet::new();
        let end = walk::walk(&*io, manifest.base, Lengths::Whole, &mut |step| {
            match step {
                Step::Block(block) => {
                    files.insert(block.file);
                    self.block(&block);
                }
                Step::Gap(gap) => self.gap(&gap),
                Step::Flaw(flaw) => self.flaw(flaw),
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.report.checked.files += files.len() as u64;
        self.end(&end);
        Ok(())
    }

    fn block(&mut self, block: &Block<'_>) {
        let checked = &mut self.report.checked;
        checked.blocks += 1;
        checked.records += u64::from(block.header.count);
        let mut at = block.offset + BLOCK_HEADER_BYTES as u64;
        for record in block.header.records(block.payload) {
            let bytes = RECORD_HEADER_BYTES + record.payload.len();
            let bytes = u32::try_from(bytes).expect("a record is shorter than its block");
            let place = Place { source: Source::Log(block.file), offset: at, bytes };
            at += u64::from(bytes);
            self.record(&record, place);
        }
        self.passed(crate::padded(block.header.bytes()) as u64);
    }

    fn record(&mut self, record: &Record<'_>, place: Place) {
        let Some(order) = &mut self.order else { return };
        let checked = order.check(record).and_then(|()| {
            let refused = |error| format!("the record at position {} cannot be replayed: {error}", record.position);
            self.inspector.record(record, place).map_err(refused)
        });
        let Err(why) = checked else { return };
        self.order = None;
        let file = place.source.file();
        let lost = format!("records from position {} on", record.position);
        let gap = (place.offset, record.position.get());
        let cure =
            Cure::Refused("the record is whole, so a version that knows it may read it; restore a backup otherwise");
        self.find(Damage::at(&file, gap.0, why), lost, cure);
    }

    fn gap(&mut self, gap: &Gap) {
        self.order = None;
        let from = gap.chain.position;
        let lost = match gap.resumed {
            Some(to) if to == from => "no record".to_owned(),
            Some(to) => format!("{} records, positions {from} to {}", to - from, to - 1),
            None => format!("whatever the log held from position {from} on"),
        };
        let cure = Cure::cut(gap, self.newest);
        self.find(Damage::at(&log_name(gap.file), gap.offset, &gap.why), lost, cure);
    }

    fn flaw(&mut self, flaw: Flaw) {
        let name = log_name(flaw.file);
        let cure = match flaw.page {
            Some((offset, page)) => Cure::Rewrite { file: name.clone(), offset, page },
            None => Cure::Refused("the log has to be cut before it"),
        };
        self.find(Damage::at(&name, flaw.offset, flaw.why), "nothing: no record stands there", cure);
    }

    fn end(&mut self, end: &End) {
        let last = end.chain.position - 1;
        self.report.last = Position::new(last);
        let name = log_name(end.file);
        if let Some(torn) = end.torn {
            let note = format!(
                "{name}: offset {}: the log ends before a torn block ({torn}); after a crash that is usual, and nothing \
                 that was acknowledged stood in it",
                end.offset
            );
            self.report.notes.push(note);
        }
        let checked = self.order.as_ref().map_or(Ok(()), |order| order.check_end(last));
        if let Err(why) = checked {
            let cure = Cure::Refused("records that a snapshot holds are gone from the log; restore a backup");
            self.find(Damage::at(&name, end.offset, why), format!("records from position {} on", last + 1), cure);
        }
    }

    fn segments(&mut self, manifest: &Manifest, pieces: &Pieces) -> Result<(), OpenError> {
        let log_id = manifest.base.chain.log_id;
        let lost_list = manifest.checkpoints.is_empty() && manifest.segments.is_empty();
        let listed = if lost_list { &[][..] } else { &manifest.segments };
        let names = std::mem::take(&mut self.names);
        let unlisted =
            names.iter().filter_map(|name| Segments::is_ours(name)).filter(|_| !self.report.findings.is_empty());
        let numbers: Vec<u64> = match lost_list {
            true => unlisted.collect(),
            false => listed.iter().map(|segment| segment.number).collect(),
        };
        self.names = names;
        let segments = Segments::unchecked(Arc::clone(self.io), log_id, listed);
        for number in numbers {
            self.report.checked.files += 1;
            segments.refuse_newer(number)?;
            let bytes = match segments.verify(number) {
                Ok(report) => {
                    self.report.checked.stored_records += report.records;
                    report.bytes
                }
                Err(damage) => {
                    self.find_in_segment(&segments, number, damage, pieces);
                    listed.iter().find(|segment| segment.number == number).map_or(0, |segment| segment.bytes)
                }
            };
            self.passed(bytes);
        }
        self.report.checked.pieces = pieces.check(&segments, &mut |damage, lost| {
            let cure = Cure::Refused("a snapshot and its segment contradict each other; restore a backup");
            self.find(damage, lost, cure);
        });
        Ok(())
    }

    /// Says which of the pieces that count are hurt by a segment's damage, and how many records that costs.
    fn find_in_segment(&mut self, segments: &Segments, number: u64, first: Damage, pieces: &Pieces) {
        let before = self.report.findings.len();
        for (partition, piece) in pieces.of(number) {
            let mut sound = 0_u32;
            let Err(damage) = segments.read(&piece, 0, usize::MAX, &mut |_, _| sound += 1) else { continue };
            let lost = piece.records.saturating_sub(sound);
            let lost = format!(
                "{lost} of {} records of partition {partition}, keys {} to {}",
                piece.records, piece.first_key, piece.last_key
            );
            self.find(damage, lost, Cure::Salvage { segment: number, partition });
        }
        let told = self.report.findings[before..].iter().any(|finding| finding.damage == first);
        if !told {
            let lost = "nothing: every record that a queue may ask for can be read".to_owned();
            let lost = if self.report.findings.len() > before { "what is said of its pieces".to_owned() } else { lost };
            self.find(first, lost, Cure::Salvage { segment: number, partition: PartitionId::new(0) });
        }
    }

    /// The wrapped data keys, as far as that can be told without the root key.
    fn keys(&mut self) -> Result<(), OpenError> {
        let found = match read_keys(&**self.io) {
            Err(OpenError::Corrupt { file, offset, why }) => Err(Damage::at(&file, offset, why)),
            other => Ok(other?),
        };
        match found {
            Ok(None) => return Ok(()),
            Ok(Some(keys)) => {
                if let Some(hurt) = keys.hurt {
                    self.find(hurt, "nothing: the other copy is whole", Cure::CopyKeys);
                }
            }
            Err(damage) => {
                let cure = Cure::Refused("put the file `keys` of a backup of this log in its place");
                self.find(damage, "everything that is sealed cannot be read without it", cure);
            }
        }
        self.report.checked.files += 1;
        Ok(())
    }

    /// Files that no list names are removed at the next open; they are no damage.
    fn leftovers(&mut self, manifest: &Manifest) {
        let listed: HashSet<u64> = manifest.segments.iter().map(|segment| segment.number).collect();
        let checkpoints: HashSet<u64> = manifest.checkpoints.iter().map(|file| file.number).collect();
        for (name, note) in aside::notes(&**self.io, &self.names) {
            self.report.notes.push(format!("{name}: set aside, because parts of it could not be read: {note}"));
        }
        for name in &self.names {
            let orphan = Segments::is_ours(name).is_some_and(|number| !listed.contains(&number))
                || checkpoint_number(name).is_some_and(|number| !checkpoints.contains(&number))
                || log_number(name).is_some_and(|number| number < manifest.base.file)
                || (name.ends_with(".tmp"));
            if orphan {
                self.report.notes.push(format!("{name}: belongs to nothing; the next start removes it"));
            }
        }
    }
}

fn is_counted(name: &str) -> bool {
    log_number(name).is_some() || checkpoint_number(name).is_some() || Segments::is_ours(name).is_some()
}
